"""What a folder of weights is: its files, told apart by a hash over all that decides a vector.

Nothing is downloaded and no pickled weights are read: a folder holds safetensors or ONNX, its
config.json, how pictures are prepared, and a tokenizer where words are embedded too.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import RootModel, ValidationError

from vision_deepresearch.core.errors import ConfigError

IDENTITY_VERSION = "1"
"""Raise it when our own preparing of pictures or words changes: vectors made before are refused."""
_COUNTED = {".safetensors", ".json", ".txt", ".model", ".onnx", ".onnx_data", ".data"}
_CHUNK_BYTES = 1 << 20


class _Known(RootModel[dict[str, tuple[int, int, str]]]):
    """Content of the cache: path to size, time of change in nanoseconds, sha256."""


class HashCache:
    """Hashes of files, remembered in a file by size and time of change: weights are large.

    Without a path it remembers nothing. A cache that cannot be read or written is done without.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def sha256(self, files: Iterable[Path]) -> dict[Path, str]:
        """The hash of each file. Cost: about 1 s a GB for those that are new.

        Raises:
            OSError: a file cannot be read.
        """
        known = self._read()
        found: dict[Path, str] = {}
        fresh: dict[str, tuple[int, int, str]] = {}
        for file in files:
            about, key = file.stat(), str(file.resolve())
            size, changed = about.st_size, about.st_mtime_ns
            kept = known.get(key)
            if kept is not None and kept[:2] == (size, changed):
                found[file] = kept[2]
                continue
            found[file] = _sha256(file)
            fresh[key] = (size, changed, found[file])
        if fresh:
            self._write({**known, **fresh})
        return found

    def _read(self) -> dict[str, tuple[int, int, str]]:
        if self._path is None:
            return {}
        try:
            return _Known.model_validate_json(self._path.read_bytes()).root
        except (OSError, ValidationError):
            return {}

    def _write(self, known: dict[str, tuple[int, int, str]]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(f"{self._path.name}.new")
            beside.write_text(json.dumps(known, indent=1), encoding="utf-8")
            beside.replace(self._path)
        except OSError:
            return  # hashing again costs time only


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that may decide a vector, by name; folders within are not looked at."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in _COUNTED
    )


def identity_of(*, backend: str, model: str, files: Iterable[Path], cache: HashCache) -> str:
    """Hash over weights, configuration and preparing: equal vectors have equal identities.

    Raises:
        ConfigError: a file cannot be read.
    """
    try:
        hashes = cache.sha256(files)
    except OSError as reason:
        msg = f"expected weights that can be read, {reason.filename!r} cannot: {reason.strerror}"
        raise ConfigError(msg) from reason
    digest = hashlib.sha256(f"{IDENTITY_VERSION} {backend} {model}\n".encode())
    for line in sorted(f"{path.name} {value}\n" for path, value in hashes.items()):
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
