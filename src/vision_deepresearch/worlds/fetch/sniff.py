"""What bytes are, whatever the server calls them: a page of text, a PDF, a picture, something else.

Only the beginning is looked at. A page is what has no signature of another kind and no NUL in its
first bytes, unless charset, byte order mark or tags between the NULs say that it is text.
"""

import re
from enum import StrEnum

_LOOKED_AT_BYTES = 1024
_WIDE = ("utf-16", "utf-32", "utf16", "utf32", "ucs-2", "ucs-4", "unicode")
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_TAG = re.compile(rb"<(?:!doctype|!--|\?xml|/?[a-z][a-z0-9]{0,9}[\s>/])", re.IGNORECASE)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
_OTHERS = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07", b"\x28\xb5\x2f\xfd", b"\x7fELF", b"MZ\x90\x00", b"\xca\xfe\xba\xbe",
    b"\x00asm", b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3", b"SQLite format 3\x00", b"%!PS",
    b"wOFF", b"wOF2", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)  # fmt: skip
"""Archives, programs, sound, films, data bases, PostScript, fonts, old office files."""


class Sniffed(StrEnum):
    """What a body is."""

    PAGE = "page"
    PDF = "pdf"
    PICTURE = "picture"
    OTHER = "other"


def sniff(body: bytes, *, charset: str | None = None) -> Sniffed:
    """What a body is, by its first bytes.

    Args:
        body: unpacked.
        charset: as the server says it; only tells wide characters from binary data.
    """
    head = body[:_LOOKED_AT_BYTES]
    if head.lstrip(b"\r\n\t ").startswith(b"%PDF-"):
        return Sniffed.PDF
    is_riff = head.startswith(b"RIFF")
    if head.startswith(_PICTURES) or (is_riff and head[8:12] == b"WEBP"):
        return Sniffed.PICTURE
    if head[4:8] == b"ftyp":
        is_picture = head[8:12] in {b"avif", b"heic", b"mif1"}
        return Sniffed.PICTURE if is_picture else Sniffed.OTHER
    if is_riff or head.startswith(_OTHERS):
        return Sniffed.OTHER
    is_text = b"\x00" not in head or _TAG.search(head.replace(b"\x00", b"")) is not None
    is_wide = head.startswith(_MARKS) or (charset or "").lower().startswith(_WIDE)
    if not (is_text or is_wide):
        return Sniffed.PICTURE if head.startswith(b"BM") else Sniffed.OTHER
    return Sniffed.PAGE
