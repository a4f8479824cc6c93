"""The plain files of a run folder: its config, its provenance, and the lock of the one writer."""

import fcntl
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.database import StoreError, connect_reader, typed_errors
from vision_deepresearch.store.schema import TABLES
from vision_deepresearch.store.view import CONFIG, DATABASE, MEDIA, PROVENANCE

_LOCK = "run.lock"
_OURS = frozenset({CONFIG, PROVENANCE, MEDIA, _LOCK, f"{CONFIG}.new", f"{PROVENANCE}.new"})
"""What may lie in a folder whose run has not begun to store."""
_MAX_KEYS = 8
"""Differing keys named in a message."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the folder for one writer; the lock ends with the process, however that ends.

    Raises:
        ConfigError: the path is no run folder and not empty, cannot be written, or is in use.
    """
    _check_kind(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except (PermissionError, NotADirectoryError, FileExistsError) as reason:
        msg = f"cannot write a run folder at {str(path)!r} ({reason.strerror}): choose another path"
        raise ConfigError(msg) from reason
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as reason:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            msg = (
                f"the run folder {str(path)!r} is being written by process {owner}: wait for it, or"
                " choose another folder"
            )
            raise ConfigError(msg) from reason
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


def prepare_files(path: Path, *, config: str, provenance: Mapping[str, JsonValue]) -> None:
    """Write config and provenance of a new run, or check them against the stored ones.

    A command that was refused before it stored anything leaves a config behind that binds nobody:
    the next command's takes its place.

    Raises:
        ConfigError: the stored config differs; the message names the keys.
    """
    if (path / CONFIG).is_file():
        difference = _difference(path, config)
        if difference and not _holds_nothing(path / DATABASE):
            msg = (
                f"the run in {str(path)!r} was started with another config: {difference}. Use the"
                " same settings to resume it, or give another folder"
            )
            raise ConfigError(msg)
        if difference:
            (path / PROVENANCE).unlink(missing_ok=True)
            _write(path / CONFIG, config)
    elif (path / DATABASE).exists():
        msg = f"{str(path)!r} holds {DATABASE} but no {CONFIG}: put it back, or start a new folder"
        raise ConfigError(msg)
    else:
        _write(path / CONFIG, config)
    (path / MEDIA).mkdir(exist_ok=True)
    for unfinished in (path / MEDIA).glob("*/.new-*"):  # pictures that a kill left half written
        unfinished.unlink(missing_ok=True)
    _keep_provenance(path / PROVENANCE, dict(provenance))


def _check_kind(path: Path) -> None:
    """Refuse a file, and a folder with things that are none of a run's."""
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        if DATABASE in names or names <= _OURS:
            return
        msg = (
            f"{str(path)!r} is no run folder: it holds {sorted(names - _OURS)[0]!r} and no"
            f" {DATABASE}; give an empty or new folder"
        )
        raise ConfigError(msg)
    if path.exists():
        msg = f"expected a folder at {str(path)!r}, found a file: choose another path"
        raise ConfigError(msg)


def _holds_nothing(database: Path) -> bool:
    """Whether nothing was stored yet; a file that cannot be read may hold something."""
    if not database.exists():
        return True
    try:
        with closing(connect_reader(database)) as connection, typed_errors(database):
            return not any(connection.execute(table.count).fetchone()[0] for table in TABLES)
    except (ConfigError, StoreError):
        return False


def _difference(path: Path, config: str) -> str:
    """Which keys of the stored config and this one differ, in words; "" when none does."""
    try:
        stored = _flat(tomllib.loads((path / CONFIG).read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        msg = (
            f"{str(path / CONFIG)!r} cannot be read ({reason}): put it back, or start a new folder"
        )
        raise ConfigError(msg) from reason
    wanted = _flat(tomllib.loads(config))
    absent = object()
    keys = sorted(
        key for key in {*stored, *wanted} if stored.get(key, absent) != wanted.get(key, absent)
    )
    told = "; ".join(
        f"{key} is {stored.get(key, 'not set')!r} there and {wanted.get(key, 'not set')!r} now"
        for key in keys[:_MAX_KEYS]
    )
    more = f"; and {len(keys) - _MAX_KEYS} more" if len(keys) > _MAX_KEYS else ""
    return told + more


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Dotted keys of a parsed TOML table."""
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _keep_provenance(path: Path, provenance: dict[str, JsonValue]) -> None:
    """Write it once; a later opening that differs (another version, say) is added."""
    if not path.is_file():
        _write(path, json.dumps(provenance, indent=2, ensure_ascii=False))
        return
    try:
        stored: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as reason:
        msg = f"{str(path)!r} cannot be read ({reason}): put it back, or start a new folder"
        raise ConfigError(msg) from reason
    resumed = stored.pop("resumed", [])
    assert isinstance(resumed, list), resumed
    latest = resumed[-1] if resumed else stored
    if json.loads(json.dumps(provenance)) == latest:
        return
    changed: dict[str, JsonValue] = {**stored, "resumed": [*resumed, provenance]}
    _write(path, json.dumps(changed, indent=2, ensure_ascii=False))


def _write(path: Path, text: str) -> None:
    """Put a whole file in place, so that a crash leaves the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
