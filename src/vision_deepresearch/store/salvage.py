"""Finds damaged rows when a run is opened, and rebuilds the file from the good ones.

A rebuilt file holds good rows only, so an attempt whose row was damaged is simply not there and
runs again. The damaged file is kept beside the new one.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.store.database import (
    SQLITE_ERRORS,
    connect,
    damage_mark,
    prepare,
    typed_errors,
)
from vision_deepresearch.store.rows import Row, is_intact
from vision_deepresearch.store.schema import RUN_TABLES, TABLES, TAPE_TABLES, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a walk over one table found."""

    is_sound: bool
    """Every row is intact, rowids ascend, and the index has the same keys at the same rows."""
    num_bad: int
    """Rows that failed their checksum."""


def mend(path: Path) -> int:
    """Check the run's tables; rebuild the file when something is wrong.

    Costs one read of the attempts and of the tape's keys. Behind its key a row of the tape is checked
    when it is asked for, and the rest of its tables when writing to them has met damage
    (`damage_mark`).

    Returns:
        How many damaged rows were left behind.

    Raises:
        StoreError: not even the list of tables can be read.
    """
    with typed_errors(path), closing(connect(path)) as connection:
        scans = [scan_table(connection, table) for table in RUN_TABLES]
        finds_all = all(_has_all_keys(connection, table) for table in TAPE_TABLES)
    mark = damage_mark(path)
    if all(scan.is_sound for scan in scans) and finds_all and not mark.exists():
        return 0
    num_left = _rebuild(path)
    mark.unlink(missing_ok=True)
    return num_left


def scan_table(connection: sqlite3.Connection, table: Table) -> Scan:
    """Read a table whole and verify every row and key of it."""
    num_bad = 0
    in_table = in_index = 0
    last, ascends = -(2**63), True
    try:
        for rowid, *columns in connection.execute(table.scan):
            num_bad += not is_intact(columns)
            in_table += hash((rowid, *columns[: table.num_key]))
            ascends = ascends and rowid > last
            last = rowid
        # A damaged key in the index would let a stored attempt be stored again.
        for entry in connection.execute(table.index_scan):
            in_index += hash(entry)
    except SQLITE_ERRORS:
        return Scan(is_sound=False, num_bad=num_bad)
    return Scan(is_sound=not num_bad and ascends and in_table == in_index, num_bad=num_bad)


def _has_all_keys(connection: sqlite3.Connection, table: Table) -> bool:
    """Whether the index leads to each row by its key: else a recording would be paid for again."""
    try:
        in_table = sum(map(hash, connection.execute(table.key_scan)))
        return in_table == sum(map(hash, connection.execute(table.index_scan)))
    except SQLITE_ERRORS:
        return False


def _rebuild(path: Path) -> int:
    """Copy the good rows of all tables into a new file and put it in place of the old one."""
    fresh = path.with_name(f"{path.name}.rebuilt")
    fresh.unlink(missing_ok=True)
    prepare(fresh)
    num_left = 0
    with (
        typed_errors(path),
        closing(connect(path)) as source,
        closing(connect(fresh)) as target,
    ):
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table in TABLES:
            target.execute("BEGIN")
            for row in _readable(source, table):
                if is_intact(row):
                    target.execute(table.insert, row)
                else:
                    num_left += 1
            target.execute("COMMIT")
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    shutil.copyfile(path, kept)
    fresh.replace(path)  # at once: a crash finds the old file or the new one
    return max(num_left, 1)


def _readable(source: sqlite3.Connection, table: Table) -> Iterator[Row]:
    """Rows from the front up to a break in the file, then from the back up to it.

    Rows met twice are harmless: inserts keep one.
    """
    for order in ("", " ORDER BY rowid DESC"):
        try:
            for _, *columns in source.execute(table.scan + order):
                yield tuple(columns)
        except SQLITE_ERRORS:
            continue
        return
