"""The folder an import works in: refused, locked, and written so that nothing stands half.

Everything is told in the system's own terms: what SQLite and tantivy say about a full disk becomes
the OSError it was.
"""

import errno
import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.report import ImportReport
from vision_deepresearch.worlds.corpus.source import SourceAbout
from vision_deepresearch.worlds.corpus.world import DATABASE, MANIFEST, REPORT, read_manifest
from vision_deepresearch.worlds.index.hybrid import VECTORS
from vision_deepresearch.worlds.picture_words import CAPTIONS

_ANEW = "delete the folder and import again, or import into a new one"
LOCK = "import.lock"
_OURS = {MANIFEST, DATABASE, REPORT, LOCK, "text", "visual", "blobs"}
_OURS |= {f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", "text.new", "visual.new"}
_OURS |= {f"{MANIFEST}.new", f"{REPORT}.new"}
_OURS |= {CAPTIONS, f"{CAPTIONS}.new", VECTORS, f"{VECTORS}.new"}
_SQLITE_DISK_ERRORS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EIO,
}
_TANTIVY_OS_ERROR = re.compile(r"\(os error (\d+)\)|code: (\d+)")


def existing(
    out: Path, *, about: SourceAbout, base_url: str | None, limit: int | None
) -> ImportReport:
    """The report of a world that is complete, if it is the one asked for.

    Raises:
        ConfigError: it was made of something else, or otherwise, or parts of it are gone.
    """
    manifest, report = read_manifest(out), read_report(out)
    for part in (DATABASE, "text", "visual"):
        if not (out / part).exists():
            msg = f"the world in {str(out)!r} is damaged (no {part}): {_ANEW}"
            raise ConfigError(msg)
    is_same = (
        manifest.spec.get("source_identity") == about.identity
        and manifest.spec.get("limit", 0) == (limit or 0)
        and base_url in {None, report.base_url}
    )
    if not is_same:
        msg = (
            f"expected a new folder or a world of {about.title!r}, {str(out)!r} holds a world of "
            f"{report.source.title!r} that was imported from another source, or with another base "
            "url or limit: choose another folder"
        )
        raise ConfigError(msg)
    return report.model_copy(update={"already_complete": True})


def read_report(out: Path) -> ImportReport:
    """The report of a complete world.

    Raises:
        ConfigError: it is gone or damaged.
    """
    try:
        return ImportReport.model_validate_json((out / REPORT).read_bytes())
    except (OSError, ValidationError) as reason:
        msg = f"the world in {str(out)!r} is damaged ({REPORT}): {_ANEW}"
        raise ConfigError(msg) from reason


def refuse_unless_ours(out: Path) -> None:
    """Leave alone what no import has made.

    Raises:
        ConfigError: the folder holds something else, or is a file.
    """
    if out.exists() and not out.is_dir():
        msg = f"expected a folder for the world, {str(out)!r} is a file: choose another name"
        raise ConfigError(msg)
    strange = (
        sorted(path.name for path in out.iterdir() if path.name not in _OURS)
        if out.exists()
        else []
    )
    if strange:
        msg = (
            f"expected a new, empty or half imported folder, {str(out)!r} holds {strange[0]!r}: "
            "choose another folder"
        )
        raise ConfigError(msg)


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Say in the system's own terms what SQLite and tantivy say about the disk in theirs."""
    try:
        yield
    except sqlite3.OperationalError as reason:
        code = _SQLITE_DISK_ERRORS.get(reason.sqlite_errorcode & 0xFF)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(out)) from reason
    except ConfigError:
        raise
    except ValueError as reason:
        found = _TANTIVY_OS_ERROR.search(str(reason))
        if found is None:
            raise
        code = int(found.group(1) or found.group(2))
        raise OSError(code, os.strerror(code), str(out)) from reason


@contextmanager
def locked(path: Path, out: Path) -> Iterator[None]:
    """One writer at a time in a folder; a killed one leaves no lock.

    Args:
        path: file of the lock.
        out: what it locks, for messages.

    Raises:
        ConfigError: another process has it.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it may have deleted the file a moment ago, and another one made a new one.
            is_ours = path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except BlockingIOError:
            is_ours = False
        if not is_ours:
            msg = f"another import is at work in {str(out)!r}: wait for it or choose another folder"
            raise ConfigError(msg)
        yield
        path.unlink(missing_ok=True)


def fresh(folder: Path) -> Path:
    """The folder, with nothing in it that a killed import left."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def replace(folder: Path) -> None:
    """Put what was built beside a folder in its place."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.new").rename(folder)


def write_whole(path: Path, text: str) -> None:
    """Write a whole file or none."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
