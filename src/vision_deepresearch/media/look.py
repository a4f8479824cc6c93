"""What a picture looks like in 64 bits: near-duplicates differ in few of them.

The signs of the lowest frequencies of a small grey copy (pHash). Sizes, encodings and slight changes
of brightness leave most bits as they are; crops and mirrored pictures do not.
"""

import cv2
import numpy as np

from vision_deepresearch.core.errors import BadImageError

BITS = 64
_SMALL = 32
_LOW = 8


def look_of(data: bytes) -> str:
    """The perceptual hash of an encoded picture, 16 hex characters. Cost: one decode.

    Raises:
        BadImageError: the bytes cannot be decoded.
    """
    raw = np.frombuffer(data, np.uint8)
    grey = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE) if raw.size else None
    if grey is None:
        msg = f"expected an encoded picture, got {len(data)} bytes that are none"
        raise BadImageError(msg)
    small = cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_LOW, :_LOW].ravel()
    bits = low > np.median(low[1:])  # the first is the mean brightness
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def difference(first: str, second: str) -> int:
    """Bits in which two hashes differ, 0..64."""
    return (int(first, 16) ^ int(second, 16)).bit_count()
