"""Tapes as files: listed, counted and merged into one that can be handed on.

Reads recordings only, from a tape of its own or from a run's file; damaged rows are counted and
left out, never copied.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.database import (
    Database,
    Statement,
    connect,
    connect_reader,
    typed_errors,
)
from vision_deepresearch.store.recording import Recording, blob_hashes, recording_of
from vision_deepresearch.store.rows import Row, is_intact
from vision_deepresearch.store.salvage import scan_table
from vision_deepresearch.store.schema import BLOB, CALL, TAPE_TABLES
from vision_deepresearch.store.tape import check_is_tape

_RUN_FILE = "run.db"
_BATCH = 64


class TapeGroup(Record):
    """Recordings of one kind by one provider."""

    kind: str
    provider: str
    recordings: int
    failures: int
    """Recorded failures, such as pages that are not there."""
    empty: int
    median_latency_s: float
    cost_usd: float
    """Sum of the known prices."""
    unpriced: int
    """Recordings whose price is unknown or which were free."""


class TapeSummary(Record):
    """What a tape holds."""

    groups: tuple[TapeGroup, ...]
    damaged: int
    """Recordings and pictures that fail their checksum, and tables whose index does not lead to each."""
    blob_bytes: int
    first_s: float | None
    """Seconds since the epoch of the oldest recording."""
    last_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What became of the recordings of the sources."""

    taken: int
    older: int
    """The target, or a source before, has a newer one of the same question."""
    damaged: int


def tape_file(path: Path) -> Path:
    """The file of a tape, or of a run folder's.

    Raises:
        ConfigError: a file of another kind.
    """
    if path.is_dir():
        return path / _RUN_FILE
    check_is_tape(path)
    return path


def read_recordings(path: Path) -> Iterator[Recording]:
    """All intact recordings in the order they were made, without their blobs.

    Raises:
        ConfigError: no tape there.
        StoreError: it cannot be read.
    """
    for row in _rows(path):
        if is_intact(row):
            yield recording_of(row, ())


def find_recording(path: Path, start: str) -> Recording:
    """The recording whose key begins with these hexadecimal digits.

    Raises:
        ConfigError: none or several do.
    """
    found = [one for one in read_recordings(path) if one.key.hex().startswith(start.lower())]
    if len(found) == 1:
        return found[0]
    msg = f"one recording was expected to begin with {start!r}, {len(found)} do: look at `vdr tape ls`"
    raise ConfigError(msg)


def summarise_tape(path: Path) -> TapeSummary:
    """Count a tape.

    Raises:
        ConfigError: no tape there.
        StoreError: it cannot be read.
    """
    by_group: dict[tuple[str, str], list[Recording]] = {}
    times: list[float] = []
    for one in read_recordings(path):
        times.append(one.created_s)
        by_group.setdefault((one.kind, one.provider), []).append(one)
    with closing(connect_reader(path)) as reader, typed_errors(path):
        scans = [scan_table(reader, table) for table in TAPE_TABLES]
        size = int(reader.execute("SELECT total(length(data)) FROM blob").fetchone()[0])
    return TapeSummary(
        groups=tuple(_group(*key, by_group[key]) for key in sorted(by_group)),
        damaged=sum(scan.num_bad or not scan.is_sound for scan in scans),
        blob_bytes=size,
        first_s=min(times, default=None),
        last_s=max(times, default=None),
    )


async def merge_tapes(target: Path, sources: Sequence[Path]) -> Merged:
    """Copy the recordings of several tapes into one file; of equal questions the newest stays.

    Args:
        target: a new file, or a tape to add to.
        sources: tapes or run files; only their recordings are taken.

    Raises:
        ConfigError: no tape at a source, or the target is one of them.
        StoreError: something cannot be read or written.
    """
    _check_files(target, sources)
    taken = older = damaged = 0
    async with Database.open(target) as database:
        with closing(connect_reader(target)) as there:
            for row, statements in _copies(sources):
                if statements is None:
                    damaged += 1
                elif _is_newer(row, there):
                    await database.write(statements)
                    taken += 1
                else:
                    older += 1
    await asyncio.to_thread(_make_single, target)
    return Merged(taken=taken, older=older, damaged=damaged)


def _make_single(path: Path) -> None:
    """Let a tape be one file, also while it is read: it may lie where nothing can be written.

    Raises:
        StoreError: it cannot be written.
    """
    with typed_errors(path), closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _check_files(target: Path, sources: Sequence[Path]) -> None:
    """See that all are there before anything is written.

    Raises:
        ConfigError: no tape at a source, or the target is one of them.
    """
    if target.resolve() in {source.resolve() for source in sources}:
        msg = f"{str(target)!r} is merged from and into: name a new file"
        raise ConfigError(msg)
    for source in sources:
        connect_reader(source).close()


def _copies(sources: Sequence[Path]) -> Iterator[tuple[Row, list[Statement] | None]]:
    """Every row with what puts it elsewhere; None: it is damaged."""
    for source in sources:
        with closing(connect_reader(source)) as reader:
            for row in _rows(source):
                yield row, _copied(row, reader)


def _rows(path: Path) -> Iterator[Row]:
    with closing(connect_reader(path)) as reader, typed_errors(path):
        last = 0
        while rows := reader.execute(
            "SELECT rowid, * FROM call WHERE rowid > ? ORDER BY rowid LIMIT ?", (last, _BATCH)
        ).fetchall():
            for _, *row in rows:
                yield tuple(row)
            last = rows[-1][0]


def _copied(row: Row, reader: sqlite3.Connection) -> list[Statement] | None:
    """What puts a row and its blobs into another file; None: something of it is damaged."""
    if not is_intact(row):
        return None
    statements: list[Statement] = []
    for digest in blob_hashes(row):
        blob: Row | None = reader.execute("SELECT * FROM blob WHERE hash = ?", (digest,)).fetchone()
        if blob is None or not is_intact(blob):
            return None
        statements.append((BLOB.insert, tuple(blob)))
    return [*statements, (CALL.insert, row)]


def _is_newer(row: Row, there: sqlite3.Connection) -> bool:
    known: Row | None = there.execute("SELECT * FROM call WHERE key = ?", (row[0],)).fetchone()
    if known is None or not is_intact(known):
        return True
    return recording_of(row, ()).created_s > recording_of(known, ()).created_s


def _group(kind: str, provider: str, found: Sequence[Recording]) -> TapeGroup:
    prices = [one.reply.cost_usd for one in found if one.reply.cost_usd is not None]
    return TapeGroup(
        kind=kind,
        provider=provider,
        recordings=len(found),
        failures=sum(one.failure is not None for one in found),
        empty=sum(one.reply.is_empty for one in found),
        median_latency_s=median(one.latency_s for one in found),
        cost_usd=sum(prices),
        unpriced=len(found) - len(prices),
    )
