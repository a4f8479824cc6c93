"""One SQLite file with one writer: commits in groups, acknowledged only when they are on disk.

The writer thread owns the writing connection. It takes what has queued up while the last commit
ran (at most 50 jobs), commits it as one transaction and then wakes the waiters; nothing lingers,
so a lone write costs one commit and a crowd shares one. Readers use connections of their own.
Without a thread the same groups are committed on the event loop, one turn of it after they queued:
for simulations, whose order of events must depend on nothing else.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeAlias

from vision_deepresearch.core.errors import ConfigError, RunStoppingError
from vision_deepresearch.store.rows import Row, lenient_text
from vision_deepresearch.store.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

Statement: TypeAlias = tuple[str, Row]

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What using a file may raise; the second when a damaged name stands in SQLite's message."""

_MAX_GROUP = 50
"""Jobs per commit. Source: measured in the reference figures of the run store."""
_MAX_QUEUED = 1024
"""Writers beyond this wait before they queue: back-pressure."""
_BUSY_S = 30.0
"""A tape file may be shared by processes; a commit waits this long for the other's."""


class StoreError(RunStoppingError, OSError):
    """The disk is full, broken or gone. What was acknowledged is kept: mend it and run again.

    Attributes:
        is_damage: the file itself is damaged, not the disk full.
    """

    def __init__(self, message: str, *, is_damage: bool = False) -> None:
        super().__init__(message)
        self.is_damage = is_damage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Statements of one transaction and who waits for it."""

    statements: Sequence[Statement]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    def settle(self, error: StoreError | None) -> None:
        """Wake the waiter, from the writer thread."""
        self.loop.call_soon_threadsafe(_settle, self.done, error)


class Database:
    """The open file. Belongs to the event loop it was opened in; made by `open`."""

    def __init__(self, path: Path, *, threads: bool = True) -> None:
        self.path = path
        self._on_loop = None if threads else connect(path)
        """The writing connection where the event loop commits."""
        self._is_due = False
        """Whether the loop will commit in its next turn."""
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._slots = asyncio.Semaphore(_MAX_QUEUED)
        self._thread = threading.Thread(target=self._serve, name=f"writer of {path.name}")
        self._is_open = True

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, threads: bool = True) -> "AsyncIterator[Database]":
        """Open or make a file and serve writes until the block ends; then all of them are on disk.

        Args:
            path: the file.
            threads: False: commit on the event loop, which waits for the disk.

        Raises:
            ConfigError: the file is none of ours, or has another schema version.
            StoreError: it cannot be read or written.
        """
        await asyncio.to_thread(prepare, path)
        database = cls(path, threads=threads)
        if database._on_loop is not None:
            try:
                yield database
            finally:
                database._is_open = False
                database._commit_due()
                database._on_loop.close()
            return
        database._thread.start()
        try:
            yield database
        finally:
            database._is_open = False
            database._jobs.put(None)
            # Shielded: a cancelled owner still leaves no thread behind.
            await asyncio.shield(asyncio.to_thread(database._thread.join))

    async def write(self, statements: Sequence[Statement]) -> None:
        """Run the statements as one transaction; returns when it is committed.

        Raises:
            StoreError: it could not be committed; nothing of it was kept.
        """
        async with self._slots:
            if not self._is_open or (self._on_loop is None and not self._thread.is_alive()):
                msg = f"{self.path} is closed: nothing more can be written"
                raise StoreError(msg)
            loop = asyncio.get_running_loop()
            job = _Job(statements=statements, loop=loop, done=loop.create_future())
            self._jobs.put(job)
            if self._on_loop is not None and not self._is_due:
                self._is_due = True
                loop.call_soon(self._commit_due)
            await job.done

    def _commit_due(self) -> None:
        """Commit on the event loop what has queued."""
        assert self._on_loop is not None, "with a thread, the thread commits"
        self._is_due = False
        while not self._jobs.empty():
            group, _ = self._next_group()
            error = _commit(self._on_loop, group, self.path)
            for job in group:
                _settle(job.done, error)

    def _serve(self) -> None:
        """Commit groups until None comes. Runs in the writer thread."""
        group: list[_Job] = []
        is_last = False
        try:
            with closing(connect(self.path)) as connection:
                while not is_last:
                    group, is_last = self._next_group()
                    error = _commit(connection, group, self.path)
                    while group:
                        group.pop(0).settle(error)
        finally:
            # Reached early only by a bug: whoever waits is told instead of waiting for ever.
            for job in [*group, *self._drain()]:
                job.settle(StoreError(f"the writer of {self.path} has died"))

    def _next_group(self) -> tuple[list[_Job], bool]:
        """The jobs that are there, at least one, and whether they are the last."""
        job = self._jobs.get()
        group: list[_Job] = []
        while job is not None:
            group.append(job)
            if len(group) == _MAX_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _drain(self) -> Iterator[_Job]:
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None:
                yield job


def prepare(path: Path) -> None:
    """Make the tables of a new file, or check that an existing one is ours.

    Raises:
        ConfigError: the file is none of ours, or has another schema version.
        StoreError: it cannot be read or written.
    """
    with typed_errors(path), closing(connect(path)) as connection:
        num_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if num_tables:
            check_schema(connection, path)
            known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            for table in TABLES:  # a run of before a table was added gets it, empty
                if table.name not in known:
                    connection.execute(table.create)
            return
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            connection.execute(table.create)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def damage_mark(path: Path) -> Path:
    """A file that says: writing to the database met damage; rebuild it at the next opening."""
    return path.with_name(f"{path.name}.damaged")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is not ours or of another version.

    Raises:
        ConfigError: says what was found.
    """
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID:
        msg = f"{path} is a SQLite file, but none of vdr's: choose another path"
        raise ConfigError(msg)
    if version != SCHEMA_VERSION:
        msg = (
            f"{path} has schema version {version}, this vdr reads version {SCHEMA_VERSION}: use the"
            " vdr that wrote it, or start a new folder"
        )
        raise ConfigError(msg)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may write: WAL, every commit forced to disk."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = lenient_text
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    Raises:
        ConfigError: no such file, none of ours, or another schema version.
        StoreError: it cannot be read.
    """
    if not path.is_file():
        msg = f"expected a vdr database at {path}, found none: check the path"
        raise ConfigError(msg)
    with typed_errors(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = lenient_text
        check_schema(connection, path)
        return connection


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the disk or a damaged file into `StoreError`."""
    try:
        yield
    except SQLITE_ERRORS as reason:
        raise _store_error(path, reason) from reason


def _commit(connection: sqlite3.Connection, group: Sequence[_Job], path: Path) -> StoreError | None:
    """Commit a group as one transaction, or nothing of it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in group:
            for sql, parameters in job.statements:
                connection.execute(sql, parameters)
        connection.execute("COMMIT")
    except SQLITE_ERRORS as reason:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        error = _store_error(path, reason)
        if error.is_damage:
            damage_mark(path).touch()
        return error
    return None


def _store_error(path: Path, reason: sqlite3.Error | UnicodeDecodeError) -> StoreError:
    """Say whether the disk failed or the file is damaged: they are mended differently."""
    is_damage = not isinstance(reason, sqlite3.OperationalError)
    if not is_damage:
        msg = (
            f"{path} could not be used: {reason}. What was acknowledged before is kept: free space"
            " or mend the disk, then run the same command again"
        )
    else:
        msg = (
            f"{path} is damaged ({type(reason).__name__}: {reason}). Run the same command again: a"
            " run folder keeps what can still be read and does the rest anew. If this is said"
            " again, move the file away first"
        )
    return StoreError(msg, is_damage=is_damage)


def _settle(done: asyncio.Future[None], error: StoreError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
