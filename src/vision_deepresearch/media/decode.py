"""Bytes from anywhere become pixels safely, or a refusal that says why.

Order: size in bytes, type by its first bytes (never by a name or a header of the sender), size in
pixels from the file's own header, and only then the decoder. Each format has its own decoder, so
nothing but the six formats of the list is ever parsed.

Source of the limits: the project's safety requirements for images (20 MiB, 40 Mpx, sides 16,384).
"""

import codecs
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from vision_deepresearch.core.errors import BadImageError

MAX_BYTES = 20 * 1024 * 1024
"""Of a picture from outside, before decoding."""
MAX_STORED_BYTES = 160 * 1024 * 1024
"""Of a picture of our own store: 40 Mpx of noise as PNG fit."""
MAX_PIXELS = 40_000_000
MAX_SIDE_PX = 16_384
LARGE_PIXELS = 8_000_000
"""Above this, one picture at a time is worked on in a process: 40 Mpx take about 0.5 GB, and they
may come as a file of 1 kB, many at once."""

_DECODERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
_BRANDS = {  # of ISO media files, whose first bytes are a length and "ftyp"
    b"avif": "an AVIF file",
    b"avis": "an AVIF file",
    b"crx ": "a camera raw file (CR3)",
    b"isom": "a video",
    b"iso2": "a video",
    b"mp41": "a video",
    b"mp42": "a video",
    b"M4V ": "a video",
    b"qt  ": "a video",
} | dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "a HEIC file")
_STRANGERS = {
    b"%pdf": "a PDF",
    b"%!ps": "a PostScript file",
    b"\xc5\xd0\xd3\xc6": "an EPS file",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML file",
    b"8bps": "a PSD file",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"pk\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x00\x00\x00\x0cjp  ": "a JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file",
    b"\x00\x00\x00\x0cjxl ": "a JPEG XL file",
    b"\xff\x0a": "a JPEG XL file",
    b"\x00\x00\x01\x00": "an icon (ICO)",
}
"""First bytes in lower case, white space in front left out."""
_ORIENTATION = 0x0112
_SUBFILE_TYPE, _DNG_VERSION = 0x00FE, 0xC612
_IS_REDUCED = 1
_BAND_ROWS = 256
_LARGE = threading.Lock()
_BLOCK_BYTES = 64 * 1024 * 1024
"""Large enough for glibc to give the memory back to the system as soon as it is free."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEADERS = threading.Lock()
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    MemoryError,
    UserWarning,
    struct.error,
    zlib.error,
)
"""What decoders raise on broken input; some fail by accident instead of by check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture in memory, upright, RGB, without metadata."""

    image: Image.Image
    """Mode RGB, first frame, orientation applied."""
    format: str
    """Of the bytes: one of JPEG, PNG, WEBP, GIF, BMP, TIFF."""
    source_mode: str
    """Pillow's mode of the bytes, for example "RGBA", "P", "I;16"."""
    is_turned: bool
    """The bytes asked for an orientation that was applied."""
    is_animated: bool
    """The bytes hold more frames; only the first one is here."""

    @property
    def media_type(self) -> str:
        """Of the bytes, for example "image/png"."""
        return f"image/{self.format.lower()}"


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> Decoded:
    """Decode a picture from outside.

    Transparency is laid over white, 16-bit and float greys are scaled (not clipped) to 8 bits,
    colour profiles are dropped unapplied, as models' own processors do.

    Raises:
        BadImageError: too many bytes or pixels, another format, truncated or broken.

    Cost: CPU work (about 10 ms per megapixel); call it in a thread from async code.
    """
    if len(data) > max_bytes:
        msg = (
            f"a picture may have at most {max_bytes:,} bytes, got {len(data):,}: "
            "scale it down or save it with more compression"
        )
        raise BadImageError(msg)
    kind = sniff(data)
    if kind is None:
        msg = (
            f"a picture must be JPEG, PNG, WEBP, GIF, BMP or TIFF, got {_describe(data)}: "
            "convert it to PNG or JPEG"
        )
        raise BadImageError(msg)
    try:
        with _quiet():
            source = _DECODERS[kind](io.BytesIO(data))
        _check_size(source)
        if kind == "TIFF":
            _refuse_raw(source)
        if kind == "PNG":
            with _quiet():
                whole = PngImagePlugin.PngImageFile(io.BytesIO(data))
            whole.verify()
        return _read(source, kind=kind)
    except BadImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as reason:
        raise BadImageError(_too_large("more than the decoder opens")) from reason
    except _BROKEN as reason:
        msg = (
            f"a whole {kind} file was expected, got a truncated or broken one "
            f"({len(data):,} bytes, {type(reason).__name__}): save or download it again"
        )
        raise BadImageError(msg) from reason


def sniff(data: bytes) -> str | None:
    """The format by the first bytes, or None if it is none of the list."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    return None if kind == "BMP" and _is_text(data[:64]) else kind  # "BMW is a maker of cars"


@contextmanager
def one_large_at_a_time(data: bytes) -> Iterator[None]:
    """Wait for other large pictures of this process: memory stays bounded whatever pages bring.

    Bytes that are no picture do not wait; decoding refuses them.
    """
    if _num_pixels(data) <= LARGE_PIXELS:
        yield
        return
    with _LARGE:
        # In its usual blocks of 16 MB the decoder's memory stays with the thread that asked for it.
        Image.core.set_block_size(_BLOCK_BYTES)
        yield


def _num_pixels(data: bytes) -> int:
    kind = sniff(data)
    if kind is None:
        return 0
    try:
        with _quiet():
            source = _DECODERS[kind](io.BytesIO(data))
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 0
    return source.width * source.height


def _describe(data: bytes) -> str:
    """Say what came instead of a picture, in words for its sender."""
    start = data[:512].lstrip().lower()
    if not data:
        return "an empty file (0 bytes)"
    for magic, what in _STRANGERS.items():
        if start.startswith(magic) or data[:16].lower().startswith(magic):
            return what
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video or picture in an ISO container")
    if _is_text(data[:512]):
        return f"a text file that begins {data[:24].decode('utf-8', 'replace')!r}"
    return f"unknown bytes that begin {data[:12]!r}"


def _is_text(start: bytes) -> bool:
    """Whether bytes begin as UTF-8 without control characters; a character may be cut at the end."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(char >= " " or char in "\t\n\r" for char in text)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow about odd metadata, which we drop anyway; only reading headers stands here.

    The filters of `warnings` belong to the whole process, hence the lock.
    """
    with _HEADERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _too_large(header: str) -> str:
    return (
        f"a picture may have at most {MAX_PIXELS:,} pixels and sides up to {MAX_SIDE_PX:,}, "
        f"its header says {header}: scale it down"
    )


def _check_size(source: Image.Image) -> None:
    width, height = source.size
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise BadImageError(_too_large(f"{width:,} x {height:,}"))


def _refuse_raw(source: Image.Image) -> None:
    """Refuse a file whose first picture is only a small copy of the one that is meant.

    Camera raw files (DNG, NEF, ARW) are written like this; the copy may be 160 pixels wide.
    """
    tags = source.tag_v2 if isinstance(source, TiffImagePlugin.TiffImageFile) else {}
    subfile = tags.get(_SUBFILE_TYPE, 0)
    if _DNG_VERSION in tags or (isinstance(subfile, int) and subfile & _IS_REDUCED):
        msg = (
            "a finished picture was expected, got a camera raw file, or a TIFF that begins with "
            f"a preview ({source.width} x {source.height}): export it as JPEG or PNG"
        )
        raise BadImageError(msg)


def _read(source: ImageFile.ImageFile, *, kind: str) -> Decoded:
    source.load()
    _check_size(source)
    image = _to_rgb(source)
    source_mode = source.mode
    with _quiet():
        turn = _UPRIGHT.get(_orientation(source))
        is_animated = _has_second_frame(source)
    if turn is not None:
        image = image.transpose(turn)
    image.info.clear()
    return Decoded(
        image=image,
        format=kind,
        source_mode=source_mode,
        is_turned=turn is not None,
        is_animated=is_animated,
    )


def _orientation(source: Image.Image) -> int:
    """EXIF orientation 1..8; broken metadata asks for nothing."""
    try:
        value = source.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return value if isinstance(value, int) else 1


def _to_rgb(source: Image.Image) -> Image.Image:
    """Convert any mode to RGB: transparency over white, deep greys scaled to 8 bits."""
    if source.mode.startswith(("I", "F")):
        return _deep_grey_to_8_bits(source).convert("RGB")
    if source.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in source.info:
        layer = source.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return source.convert("RGB")


def _deep_grey_to_8_bits(source: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float greys: full scale where it is known, else lowest..highest."""
    low, high = float("inf"), float("-inf")
    for band_HW in _deep_bands(source):
        low, high = min(low, float(band_HW.min())), max(high, float(band_HW.max()))
    if source.mode.startswith("I") and low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0
    elif source.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scale = 255.0 / max(high - low, 1e-12)
    bands = [
        np.rint((band_HW - low) * scale).clip(0, 255).astype(np.uint8)
        for band_HW in _deep_bands(source)
    ]
    return Image.fromarray(np.concatenate(bands))


def _deep_bands(source: Image.Image) -> Iterator[np.ndarray]:
    """The greys, a few rows at a time: as 64-bit floats the whole would be 0.3 GB, several times."""
    for top in range(0, source.height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, source.height)
        band_HW = np.asarray(source.crop((0, top, source.width, bottom))).astype(np.float64)
        yield np.nan_to_num(band_HW, posinf=0.0, neginf=0.0)


def _has_second_frame(source: Image.Image) -> bool:
    try:
        source.seek(1)
    except _BROKEN:
        return False
    return True
