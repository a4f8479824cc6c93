"""Pictures by content: the same pixels are the same picture, whatever file they came in.

The address is taken over the decoded pixels. The bytes kept are the sender's own, cleaned without
loss, where a decoder reads them as plain RGB; anything else (turned, transparent, deep, palette,
other formats) is kept as PNG. No metadata survives. What is there is never overwritten, so a
reference once given stays true, with many writers too.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.decode import (
    MAX_BYTES,
    MAX_STORED_BYTES,
    Decoded,
    decode,
    one_large_at_a_time,
    sniff,
)
from vision_deepresearch.media.encode import strip_jpeg, strip_png, to_png

UNFINISHED = ".new-"
"""How the names of files begin that were being written; after a kill they are left behind."""
_BAND_ROWS = 512
"""Rows hashed at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPicture:
    """Bytes as they are kept, and the reference by which they are found."""

    ref: ImageRef
    data: bytes


class MemoryMediaStore:
    """Pictures of one process; gone with it."""

    def __init__(self) -> None:
        self._pictures: dict[str, CleanPicture] = {}

    def put(self, data: bytes) -> ImageRef:
        """Decode safely, clean and keep; the same pixels give the same reference.

        Raises:
            BadImageError: no picture we accept.
        """
        picture = clean(data)
        return self._pictures.setdefault(picture.ref.sha256, picture).ref

    def load(self, ref: ImageRef) -> bytes:
        """The kept bytes.

        Raises:
            KeyError: not in the store.
        """
        try:
            return self._pictures[ref.sha256].data
        except KeyError:
            raise KeyError(_missing(ref, where="this process")) from None

    def picture(self, ref: ImageRef) -> Picture:
        """The reference with a way to its bytes."""
        return Picture(ref=ref, load=partial(self.load, ref))


class FolderMediaStore:
    """Pictures in a folder, as `ab/cdef...` by their hash; safe for many writers and kill -9.

    Cost: `put` decodes and hashes, so async code calls it in a thread.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> ImageRef:
        """Decode safely, clean and keep; the same pixels give the same reference.

        Raises:
            BadImageError: no picture we accept.
        """
        picture = clean(data)
        path = self._path(picture.ref)
        present = _media_type_of(path)
        if present is None:
            _write(path, picture.data)
            present = _media_type_of(path)
        return picture.ref.model_copy(update={"media_type": present or picture.ref.media_type})

    def load(self, ref: ImageRef) -> bytes:
        """The kept bytes.

        Raises:
            KeyError: not in the store, or damaged there.
        """
        try:
            data = self._path(ref).read_bytes()
        except FileNotFoundError:
            raise KeyError(_missing(ref, where=str(self._root))) from None
        if sniff(data) is None:
            msg = (
                f"picture {ref.sha256} in {self._root} should be {ref.media_type}, "
                f"got {len(data):,} bytes that are no picture: delete the file and run again"
            )
            raise KeyError(msg)
        return data

    def picture(self, ref: ImageRef) -> Picture:
        """The reference with a way to its bytes."""
        return Picture(ref=ref, load=partial(self.load, ref))

    def path_of(self, ref: ImageRef) -> Path | None:
        """The file of a kept picture, for people to open; None when it is not there."""
        path = self._path(ref)
        return path if path.is_file() else None

    def _path(self, ref: ImageRef) -> Path:
        return self._root / ref.sha256[:2] / ref.sha256[2:]


def clean(data: bytes) -> CleanPicture:
    """Decode safely and drop everything but the pixels.

    Raises:
        BadImageError: no picture we accept.
    """
    with one_large_at_a_time(data):
        return _clean(data)


def _clean(data: bytes) -> CleanPicture:
    # A large picture of a store, always a bare PNG, may come back; nothing else is that large.
    is_ours = len(data) > MAX_BYTES and strip_png(data) == data
    decoded = decode(data, max_bytes=MAX_STORED_BYTES if is_ours else MAX_BYTES)
    address = pixel_hash(decoded.image)
    kept = _without_metadata(data, decoded, address=address)
    kind = "JPEG" if kept is not None and decoded.format == "JPEG" else "PNG"
    ref = ImageRef(
        sha256=address,
        width=decoded.image.width,
        height=decoded.image.height,
        media_type=f"image/{kind.lower()}",
    )
    return CleanPicture(ref=ref, data=kept or to_png(decoded.image))


def pixel_hash(image: Image.Image) -> str:
    """The address of a picture: sha256 over its size and RGB pixels, row by row."""
    digest = hashlib.sha256(f"rgb8 {image.width}x{image.height}\n".encode())
    for top in range(0, image.height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, image.height)
        digest.update(image.crop((0, top, image.width, bottom)).tobytes())
    return digest.hexdigest()


def _without_metadata(data: bytes, decoded: Decoded, *, address: str) -> bytes | None:
    """The sender's file cleaned without loss, or None where only new bytes will do."""
    if decoded.is_turned or decoded.source_mode not in {"RGB", "L"}:
        return None
    stripped = None
    if decoded.format == "JPEG":
        stripped = strip_jpeg(data)
    elif decoded.format == "PNG":
        stripped = strip_png(data)
    if stripped is None or stripped == data:
        return stripped
    try:
        again = decode(stripped)
    except BadImageError:
        return None
    is_same = pixel_hash(again.image) == address
    return stripped if is_same and not again.is_animated else None


def _media_type_of(path: Path) -> str | None:
    """What the file holds, by its first bytes; None if it is missing or no picture."""
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(16))
    except FileNotFoundError:
        return None
    return f"image/{kind.lower()}" if kind else None


def _write(path: Path, data: bytes) -> None:
    """Put a whole file in place or none; the first writer wins, a damaged file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=UNFINISHED, delete=False) as file:
        fresh = Path(file.name)
        try:
            file.write(data)
            file.flush()
        except OSError:  # a full disk must not fill with what it could not take
            fresh.unlink()
            raise
    try:
        os.link(fresh, path)
        fresh.unlink()
    except FileExistsError:
        if _media_type_of(path) is None:
            fresh.replace(path)
        else:
            fresh.unlink()
    except OSError:  # a file system without hard links
        fresh.replace(path)


def _missing(ref: ImageRef, *, where: str) -> str:
    return (
        f"a picture that was put before was expected, got {ref.sha256} "
        f"({ref.width}x{ref.height}) which is not in {where}: put its bytes first"
    )
