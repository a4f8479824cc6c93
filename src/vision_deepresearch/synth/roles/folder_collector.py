"""Pictures of the user's own: a folder, read as it is.

A file that is no picture costs itself only: its type is told by its first bytes when it is decoded,
and it is rejected there as `bad_image`. Files without a picture's ending are passed over; links,
pipes and devices are never opened.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.media.decode import MAX_BYTES
from vision_deepresearch.synth.vqa_records import Source

_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class FolderCollector:
    """The pictures of a folder and of the folders in it, by path. A `Collector`."""

    def __init__(self, folder: Path, *, licence: str = "") -> None:
        """Keep the place.

        Args:
            folder: where the pictures are.
            licence: of all of them, as it is to stand in the data, for example "CC-BY-4.0".

        Raises:
            ConfigError: no such folder.
        """
        if not folder.is_dir():
            msg = f"images needs a folder of pictures, got {str(folder)!r}: there is none"
            raise ConfigError(msg)
        self._root = folder.resolve()
        self._licence = licence

    @property
    def name(self) -> str:
        """What decides about a picture beside its bytes; the folder's place does not."""
        return f"folder@1 {self._licence}".rstrip()

    def sources(self, limit: int) -> tuple[Source, ...]:
        """The first so many, each content once; known by it, so that a changed file is another.

        Cost: reads the files.

        Raises:
            ConfigError: no picture there.
        """
        found: dict[str, Source] = {}
        for ref in self._refs():
            if len(found) == limit:
                break
            one = Source(id=self._id(ref), ref=ref, licence=self._licence)
            found.setdefault(one.id, one)
        if not found:
            msg = f"no file below {str(self._root)!r} ends as pictures do: {sorted(_ENDINGS)}"
            raise ConfigError(msg)
        return tuple(found.values())

    async def load(self, source: Source, *, context: CallContext) -> bytes:
        """The file's bytes.

        Raises:
            BadImageError: it is gone, changed, no file of the folder, or too large.
        """
        del context
        data = await asyncio.to_thread(self._read, source.ref)
        if _hash(data) != source.id:
            msg = f"{source.ref} changed after it was listed: run again"
            raise BadImageError(msg)
        return data

    def _refs(self) -> list[str]:
        """Paths below the folder, written so that any name of a file can be kept and found again."""
        found: list[bytes] = []
        for place, folders, files in os.walk(self._root):
            folders[:] = [one for one in folders if not one.startswith(".")]
            for name in files:
                path = Path(place, name)
                if path.suffix.lower() in _ENDINGS and not name.startswith("."):
                    found.append(os.fsencode(path.relative_to(self._root)))
        return [quote(one, safe="/ ()',+=@") for one in sorted(found)]

    def _id(self, ref: str) -> str:
        try:
            return _hash(self._read(ref))
        except BadImageError:
            return _hash(b"unreadable\0" + ref.encode())

    def _read(self, ref: str) -> bytes:
        path = self._root / os.fsdecode(unquote_to_bytes(ref))
        try:
            is_plain = path.is_file() and not path.is_symlink()
            if not is_plain or not path.resolve().is_relative_to(self._root):
                msg = f"{ref} is no file of the folder"
                raise BadImageError(msg)
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, BadImageError):
                raise
            msg = f"{ref} cannot be read: {type(error).__name__}"
            raise BadImageError(msg) from error
        if len(data) > MAX_BYTES:
            msg = f"{ref} has more than {MAX_BYTES:,} bytes"
            raise BadImageError(msg)
        return data


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]
