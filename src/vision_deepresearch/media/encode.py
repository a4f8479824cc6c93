"""Pixels become bytes, and file bytes lose everything that is not pixels.

What is kept of a file are the parts that a decoder needs; EXIF, GPS, comments, profiles, previews
and whatever hangs behind the end are gone. The pixels stay bit for bit.
"""

import io
import re

from PIL import Image

_JPEG_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""The next marker inside entropy-coded data: no stuffing, no restart."""
_COLOUR_SEGMENTS = {0xE0: 16, 0xEE: 14}
"""JFIF and Adobe: at exactly these lengths they say how colours are coded and nothing else."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def to_png(image: Image.Image) -> bytes:
    """Encode losslessly; equal pixels give equal bytes on one machine."""
    output = io.BytesIO()
    image.save(output, "PNG", compress_level=1)  # 2 x faster than 4, 1.2 x larger
    return output.getvalue()


def strip_jpeg(data: bytes) -> bytes | None:
    """A JPEG without its application segments and comments, or None if it cannot be followed.

    What says how colours are coded stays (JFIF, Adobe), since without it they could change.
    """
    pieces = [b"\xff\xd8"]
    position = 2
    while position + 2 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xD9:
            return b"".join([*pieces, b"\xff\xd9"])
        length = int.from_bytes(data[position + 2 : position + 4])
        end = position + 2 + length
        if marker == 0xDA:  # scan: header, then data up to the next marker
            following = _JPEG_MARKER.search(data, end)
            if following is None:
                return None
            end = following.start()
        is_metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not is_metadata or _COLOUR_SEGMENTS.get(marker) == length:
            pieces.append(data[position:end])
        position = end
    return None


def strip_png(data: bytes) -> bytes | None:
    """A PNG of its critical chunks only, or None if it is not 8-bit RGB or cannot be followed."""
    if not data.startswith(_PNG_SIGNATURE) or data[24:26] != b"\x08\x02":
        return None
    pieces = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        name = data[position + 4 : position + 8]
        end = position + 12 + length
        if name in _PNG_CHUNKS:
            pieces.append(data[position:end])
        if name == b"IEND":
            return b"".join(pieces)
        position = end
    return None
