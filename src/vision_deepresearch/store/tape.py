"""Recorder of every outside call; inside a run folder it is the run's memo.

A call is paid for once: its reply is committed before its value is used, and what the first
caller gets is what every replay gets. Reading never writes. Equal deterministic calls in flight
share one call (see `flights`); sampled ones only at the same place, as any replay would.

A failure that says nothing about the next call (a timeout, a limit, a refusal) never stands for
one. It is kept by place - task, attempt, turn, index - and only a replay of that place meets it
again, so that a trajectory through flaky services replays as it was.
"""

import hashlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Literal

from vision_deepresearch.core.context import current_context
from vision_deepresearch.core.errors import (
    BoundaryError,
    ConfigError,
    FailureKind,
    RunStoppingError,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.database import (
    SQLITE_ERRORS,
    Database,
    connect_reader,
    typed_errors,
)
from vision_deepresearch.store.flights import Flights
from vision_deepresearch.store.recording import (
    FAILED_KEYS,
    Keep,
    Recording,
    Reply,
    Request,
    blob_hashes,
    kept_failure,
    recording_of,
)
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.rows import Row, is_intact
from vision_deepresearch.store.seal import unseal

_SQLITE = b"SQLite format 3\0"


class TapeMode(StrEnum):
    """How recordings are used."""

    OFF = "off"
    AUTO = "auto"
    """Replay what is there, call and record the rest."""
    RECORD = "record"
    """Always call; overwrite."""
    REPLAY = "replay"
    """Never call: a miss is a failure of kind `tape_miss`."""
    REPLAY_STRICT = "replay-strict"
    """Never call: a miss stops the run."""

    @property
    def is_replay(self) -> bool:
        """Whether nothing outside may be called."""
        return self in {TapeMode.REPLAY, TapeMode.REPLAY_STRICT}


class TapeMissError(RunStoppingError, RuntimeError):
    """A strict replay was asked for something never recorded. No boundary error: the run stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply and whether it cost a call of this caller's own."""

    reply: Reply
    is_replayed: bool
    """Found on the tape, or shared with a call in flight."""


class TapeStats(Record):
    """What happened since the tape was opened."""

    hits: int
    misses: int
    """Calls made, or refused in a replay."""
    joins: int
    """Callers that shared a call in flight."""
    expired: int
    """Of the misses: the recording was too old."""
    damaged: int
    """Of the misses: the recording failed its checksum."""


@dataclass(slots=True, kw_only=True)
class _Counts:
    hits: int = 0
    misses: int = 0
    expired: int = 0
    damaged: int = 0


@dataclass(slots=True, kw_only=True)
class Tape:
    """Recordings in one file, used by one event loop.

    Made by `Tape.open` (a file of its own) or `RunFolder.tape` (in the run's file).
    """

    path: Path
    database: Database | None
    """None in the replay modes: nothing is written."""
    mode: TapeMode = TapeMode.AUTO
    redactor: Redactor = field(default_factory=Redactor)
    clock: Callable[[], float] = time.time
    """Wall clock, seconds since the epoch: recordings age across runs."""
    seals: bool = False
    """Whether what is recorded is sealed, as calls about protected tasks must be."""
    _reader: sqlite3.Connection = field(init=False)
    _flights: Flights[Reply] = field(init=False, default_factory=Flights)
    _counts: _Counts = field(init=False, default_factory=_Counts)
    _failed: set[bytes] = field(init=False)
    """Keys of failures at one place; most tapes have few."""

    def __post_init__(self) -> None:
        self._reader = connect_reader(self.path)
        with typed_errors(self.path):
            found = self._reader.execute(
                "SELECT key FROM call WHERE key >= ? AND key < ?", FAILED_KEYS
            )
            self._failed = {key for (key,) in found}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        mode: TapeMode = TapeMode.AUTO,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.time,
        seals: bool = False,
    ) -> "AsyncIterator[Tape]":
        """Open a tape in a file of its own, which can be handed on alone.

        Raises:
            ConfigError: the file is none of ours, of another version, or missing in a replay.
            StoreError: it cannot be read or written.
        """
        secrets = redactor or Redactor()
        check_is_tape(path)
        if mode.is_replay:
            tape = cls(
                path=path, database=None, mode=mode, redactor=secrets, clock=clock, seals=seals
            )
            try:
                yield tape
            finally:
                await tape.close()
            return
        async with Database.open(path) as database:
            tape = cls(
                path=path, database=database, mode=mode, redactor=secrets, clock=clock, seals=seals
            )
            try:
                yield tape
            finally:
                await tape.close()

    async def close(self) -> None:
        """Stop shared calls that are still in flight and release the file."""
        await self._flights.close()
        self._reader.close()

    @property
    def stats(self) -> TapeStats:
        """Counts since the tape was opened."""
        counts = self._counts
        return TapeStats(
            hits=counts.hits,
            misses=counts.misses,
            joins=self._flights.num_joined,
            expired=counts.expired,
            damaged=counts.damaged,
        )

    async def ask(
        self,
        request: Request,
        call: Callable[[], Awaitable[Reply]],
        *,
        error: type[BoundaryError],
    ) -> Answer:
        """Answer from the tape, or make the call and keep its reply.

        Args:
            request: what is asked.
            call: makes the outside call; not touched on a hit and never in a replay.
            error: the seam's error, for a miss in a replay.

        Raises:
            BoundaryError: the call failed, or a recorded failure of it is still valid.
            TapeMissError: a strict replay has no recording of it.
            StoreError: the reply could not be committed.
        """
        if self.mode is TapeMode.OFF:
            return Answer(reply=await call(), is_replayed=False)
        text = self.redactor.request(request.canonical())
        key = _digest(text)
        found = self._failed_here(request) or self._find(key)
        if found is not None:
            self._counts.hits += 1
            if found.failure is not None:
                raise found.failure
            await self._forget_failure(request)
            return Answer(reply=found.reply, is_replayed=True)
        if self.mode.is_replay:
            self._counts.misses += 1
            raise self._miss(request, text, error)
        record = partial(self._record, key=key, text=text, request=request, call=call)
        began = time.monotonic()
        try:
            reply, is_joiner = await self._flights.share(key, record)
        except BoundaryError as failure:
            await self._keep_failure(request, failure, began=began)
            raise
        await self._forget_failure(request)
        return Answer(reply=reply, is_replayed=is_joiner)

    def recordings(self) -> Iterator[Recording]:
        """All intact recordings, without their blobs, in the order they were made."""
        last = 0
        while True:
            rows = self._reader.execute(
                "SELECT rowid, * FROM call WHERE rowid > ? ORDER BY rowid LIMIT 64", (last,)
            ).fetchall()
            if not rows:
                return
            for _, *row in rows:
                if is_intact(row):
                    yield recording_of(tuple(row), ())
            last = rows[-1][0]

    def holds(self, kind: str) -> bool:
        """Whether any call of this kind was recorded. Cost: reads the file until one is found."""
        found = self._reader.execute("SELECT 1 FROM call WHERE kind = ? LIMIT 1", (kind,))
        return found.fetchone() is not None

    def spent_usd(self) -> float:
        """Dollars paid for all recordings of this file, those of lost attempts included."""
        return float(self._reader.execute("SELECT total(cost_usd) FROM call").fetchone()[0])

    def _miss(self, request: Request, text: str, error: type[BoundaryError]) -> Exception:
        if self.mode is TapeMode.REPLAY_STRICT:
            shown = "a protected task" if self.seals else text[:200]
            return TapeMissError(
                f"expected a recording on {self.path}, found none for {request.kind} of"
                f" {request.provider}: {shown}; record it first (tape mode auto), or replay"
                " with mode replay"
            )
        return error(FailureKind.TAPE_MISS, f"{request.kind} was never recorded on this tape")

    async def _record(
        self, *, key: bytes, text: str, request: Request, call: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        """Make the call and commit what came, before anyone may use it."""
        self._counts.misses += 1
        began = time.monotonic()
        write = partial(self._write, key=key, text=text, request=request, began=began)
        try:
            reply = self._redacted(await call())
        except BoundaryError as failure:
            kept = kept_failure(failure)
            if kept is not None and kept[1] is not Keep.NEVER:
                await write(self._redacted(kept[0]), kept[1], outcome="failure")
            raise
        await write(reply, Keep.EMPTY if reply.is_empty else Keep.ALWAYS, outcome="value")
        return reply

    async def _write(
        self,
        reply: Reply,
        keep: Keep,
        *,
        key: bytes,
        text: str,
        request: Request,
        outcome: Literal["value", "failure"],
        began: float,
    ) -> None:
        assert self.database is not None, "a replay never records"
        recording = Recording(
            key=key,
            kind=request.kind,
            provider=request.provider,
            text=text,
            outcome=outcome,
            reply=reply,
            keep=keep,
            created_s=self.clock(),
            latency_s=time.monotonic() - began,
            is_sealed=self.seals,
        )
        await self.database.write(recording.statements())

    # ------------------------------------------------------------------- failures at one place

    def _failure_key(self, request: Request) -> tuple[bytes, str] | None:
        """Key and text of a failure of this call at this place; None: nobody says where it is."""
        place = _place(request)
        if place is None:
            return None
        text = self.redactor.request(request.failed_at(place).canonical())
        return FAILED_KEYS[0] + _digest(text)[: -len(FAILED_KEYS[0])], text

    def _failed_here(self, request: Request) -> Recording | None:
        """In a replay: how this very call failed at this place."""
        if not (self._failed and self.mode.is_replay):
            return None
        found = self._failure_key(request)
        return self._find(found[0]) if found is not None and found[0] in self._failed else None

    async def _keep_failure(
        self, request: Request, failure: BoundaryError, *, began: float
    ) -> None:
        """Write a failure that stands for no other call."""
        kept, found = kept_failure(failure), self._failure_key(request)
        if kept is None or kept[1] is not Keep.NEVER or found is None:
            return
        key, text = found
        self._failed.add(key)
        await self._write(
            self._redacted(kept[0]),
            Keep.NEVER,
            key=key,
            text=text,
            request=request,
            outcome="failure",
            began=began,
        )

    async def _forget_failure(self, request: Request) -> None:
        """An attempt made again got further here: its replay must not meet the old failure."""
        if not self._failed or self.database is None:
            return
        found = self._failure_key(request)
        if found is not None and found[0] in self._failed:
            await self.database.write([("DELETE FROM call WHERE key = ?", (found[0],))])
            self._failed.discard(found[0])

    def _redacted(self, reply: Reply) -> Reply:
        blobs = tuple(self.redactor.data(blob) for blob in reply.blobs)
        return replace(reply, value=self.redactor.reply(reply.value), blobs=blobs)

    def _find(self, key: bytes) -> Recording | None:
        """A recording that is intact and, outside replays, young enough; never in mode record."""
        if self.mode is TapeMode.RECORD:
            return None
        try:
            recording = self._read(key)
        except SQLITE_ERRORS:
            self._counts.damaged += 1
            return None
        if recording is None or self.mode.is_replay or not recording.is_expired(self.clock()):
            return recording
        self._counts.expired += 1
        return None

    def _read(self, key: bytes) -> Recording | None:
        """The recording under a key, or None when it is not there or damaged."""
        row: Row | None = self._reader.execute(
            "SELECT * FROM call WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        blobs = self._blobs(row) if row[0] == key and is_intact(row) else None
        if blobs is None:
            self._counts.damaged += 1
            return None
        return recording_of(row, blobs)

    def _blobs(self, row: Row) -> list[bytes] | None:
        """The blobs of a verified row, or None when one is missing or damaged."""
        blobs: list[bytes] = []
        for digest in blob_hashes(row):
            found: Row | None = self._reader.execute(
                "SELECT * FROM blob WHERE hash = ?", (digest,)
            ).fetchone()
            if found is None or found[0] != digest or not is_intact(found):
                return None
            assert isinstance(found[1], bytes)
            blobs.append(unseal(found[1]))
        return blobs


def check_is_tape(path: Path) -> None:
    """Refuse a file of another kind by its first bytes: it is not damaged, it is no tape.

    Raises:
        ConfigError: a pickle, a JSON file... Nothing of it is read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError:
        return  # opening it says what is wrong
    if start and start != _SQLITE:
        msg = (
            f"expected a tape at {str(path)!r}, it is something else (it begins {start!r}): a tape is"
            " made by --tape MODE:FILE or `vdr tape merge`, and a run folder holds one"
        )
        raise ConfigError(msg)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _place(request: Request) -> str | None:
    """Where in which attempt the caller is; a query by hand is nowhere."""
    if request.sample is not None:
        return request.sample
    context = current_context.get()
    if context is None:
        return None
    return f"{context.task_id}/{context.attempt}/{context.turn}/{context.index}"
