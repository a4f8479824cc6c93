"""Small PDF files, object by object: whole ones, locked ones, and ones that lie about their pages."""

import zlib

_HEAD = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


def write_pdf(
    pages: list[str],
    *,
    title: str = "",
    date: str = "",
    picture_px: tuple[int, int] | None = None,
    locked: bool = False,
    declared: int | None = None,
) -> bytes:
    """A PDF with a text on each page, lines apart by newlines.

    Args:
        pages: their texts, Latin letters only.
        title: of the metadata.
        date: of the metadata, YYYYMMDD.
        picture_px: width and height of a picture on the first page.
        locked: asks for a password.
        declared: how often the last page is listed in all.
    """
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    shown = b""
    if picture_px is not None:
        width, height = picture_px
        pixels = bytes(
            (x * 7 + y * 13 + c * 50) % 256
            for y in range(height)
            for x in range(width)
            for c in range(3)
        )
        objects.append(_stream(
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height}"
            " /ColorSpace /DeviceRGB /BitsPerComponent 8",
            pixels,
        ))  # fmt: skip
        shown = f"/XObject << /Im0 {len(objects)} 0 R >>".encode()
    kids: list[int] = []
    for number, text in enumerate(pages):
        lines = b" T* ".join(b"(" + line.encode("cp1252") + b") Tj" for line in text.split("\n"))
        drawn = b" q 200 0 0 200 100 300 cm /Im0 Do Q" if shown and number == 0 else b""
        objects.append(_stream("", b"BT /F1 12 Tf 14 TL 72 720 Td " + lines + b" ET" + drawn))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> "
            + (shown if number == 0 else b"")
            + f" >> /Contents {len(objects)} 0 R >>".encode()
        )
        kids.append(len(objects))
    while declared is not None and len(kids) < declared:
        kids.append(kids[-1])
    listed = " ".join(f"{one} 0 R" for one in kids)
    objects[1] = f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>".encode()
    trailer = b"/Root 1 0 R"
    if title or date:
        objects.append(f"<< /Title ({title}) /CreationDate (D:{date}120000) >>".encode())
        trailer += f" /Info {len(objects)} 0 R".encode()
    if locked:
        key = "00112233445566778899AABBCCDDEEFF" * 2
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>".encode())
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]".encode()
    return _file(objects, trailer=trailer)


def _stream(about: str, data: bytes) -> bytes:
    packed = zlib.compress(data)
    head = f"<< {about} /Filter /FlateDecode /Length {len(packed)} >>".encode()
    return head + b"\nstream\n" + packed + b"\nendstream"


def _file(objects: list[bytes], *, trailer: bytes) -> bytes:
    data = bytearray(_HEAD)
    places: list[int] = []
    for number, one in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    at = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    data += f"trailer\n<< /Size {len(objects) + 1} ".encode() + trailer
    data += f" >>\nstartxref\n{at}\n%%EOF\n".encode()
    return bytes(data)
