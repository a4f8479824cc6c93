"""A folder that comes into being whole: written beside its place, then moved there at once.

A kill leaves at most a folder named `.NAME.new`, which the next export to the same place removes.
What is in place is never changed: the same export again finds its own bytes and leaves them, any
other is refused.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.export.formats import Cells
from vision_deepresearch.train.export.schemas import schema_of

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

MANIFEST = "manifest.json"
DATA = "data"
MEDIA = "media"
_GROUP_ROWS = 256
_GROUP_BYTES = 64 * 1024 * 1024
"""Of pictures that one group of parquet rows holds: what a reader has in memory at once."""


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """A folder to write in; it is moved to `place` when the block ends well, else removed.

    Raises:
        ConfigError: something else lies at `place`, or another process is writing there.
    """
    _check_place(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.new")
    fresh.mkdir(exist_ok=True)
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as reason:
            msg = f"another process exports to {str(place)!r}: wait for it, or choose another"
            raise ConfigError(msg) from reason
        for left in fresh.iterdir():  # of an export that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield fresh
            _settle(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    finally:
        os.close(descriptor)


def _check_place(place: Path) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not (place / MANIFEST).is_file():
        msg = f"expected an export or nothing at {str(place)!r}: choose another place with --out"
        raise ConfigError(msg)


def _settle(fresh: Path, place: Path) -> None:
    """Move it into place, or find that it is there already.

    Raises:
        ConfigError: another export is there.
    """
    manifest = place / MANIFEST
    if manifest.is_file():
        if manifest.read_bytes() == (fresh / MANIFEST).read_bytes() and is_whole(place):
            return
        msg = (
            f"{str(place)!r} holds another export (other settings, another run, or the run has "
            "grown): choose another place with --out, or delete it"
        )
        raise ConfigError(msg)
    if place.exists():
        place.rmdir()
    fresh.rename(place)
    _sync(place.parent)


def is_whole(place: Path) -> bool:
    """Whether the files of an export are those that its manifest names."""
    files = json.loads((place / MANIFEST).read_bytes()).get("files", {})
    return all(
        (place / name).is_file() and _digest(place / name) == told["sha256"]
        for name, told in files.items()
    )


def file_facts(folder: Path) -> dict[str, JsonValue]:
    """Every file of a folder with its size and digest, in the order of names; pictures apart."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": _digest(path),
        }
        for path in found
        if path.relative_to(folder).parts[0] != MEDIA  # named by their content
    }


def write_text(path: Path, text: str) -> None:
    """Write a small file, on disk when it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def json_line(cells: Mapping[str, object]) -> bytes:
    """One line of JSON lines: keys in the order they have."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True, kw_only=True)
class _Shard:
    """The file that is being written for one split."""

    number: int = -1
    num_lines: int = 0
    file: BinaryIO | None = None
    parquet: "ParquetWriter | None" = None
    waiting: list[Cells] = field(default_factory=list)
    waiting_bytes: int = 0


class Shards:
    """The data files: `data/SPLIT-00000.SUFFIX`, each of at most so many lines."""

    def __init__(self, folder: Path, *, format_name: str, suffix: str, shard_size: int) -> None:
        self._folder = folder / DATA
        self._folder.mkdir()
        self._name = format_name
        self._suffix = suffix
        self._size = shard_size
        self._open: dict[str, _Shard] = {}

    def add(self, split: str, cells: Cells, *, num_bytes: int = 0) -> tuple[str, int]:
        """Write a line; returns the file's name in the export and the place of the line in it."""
        shard = self._open.setdefault(split, _Shard())
        if shard.number < 0 or shard.num_lines == self._size:
            self._turn(shard, split)
        place = shard.num_lines
        shard.num_lines += 1
        if shard.file is not None:
            shard.file.write(json_line(cells))
        else:
            shard.waiting.append(cells)
            shard.waiting_bytes += num_bytes
            if len(shard.waiting) >= _GROUP_ROWS or shard.waiting_bytes >= _GROUP_BYTES:
                self._flush(shard)
        return f"{DATA}/{self._file_name(split, shard.number)}", place

    def close(self) -> None:
        """Bring everything to disk."""
        for shard in self._open.values():
            self._finish(shard)
        _sync(self._folder)

    def _file_name(self, split: str, number: int) -> str:
        return f"{split}-{number:05d}.{self._suffix}"

    def _turn(self, shard: _Shard, split: str) -> None:
        self._finish(shard)
        shard.number += 1
        shard.num_lines = 0
        path = self._folder / self._file_name(split, shard.number)
        if self._suffix == "parquet":
            from pyarrow.parquet import ParquetWriter

            shard.parquet = ParquetWriter(path, schema_of(self._name), compression="zstd")
        else:
            shard.file = path.open("wb")

    def _flush(self, shard: _Shard) -> None:
        import pyarrow as pa

        if shard.parquet is not None and shard.waiting:
            shard.parquet.write_table(
                pa.Table.from_pylist([dict(one) for one in shard.waiting], schema_of(self._name))
            )
        shard.waiting.clear()
        shard.waiting_bytes = 0

    def _finish(self, shard: _Shard) -> None:
        if shard.parquet is not None:
            self._flush(shard)
            shard.parquet.close()
            shard.parquet = None
        if shard.file is not None:
            shard.file.flush()
            os.fsync(shard.file.fileno())
            shard.file.close()
            shard.file = None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
