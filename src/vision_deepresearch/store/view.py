"""The reading side of a run folder: for viewers, exports and resuming runs.

Layout: config.toml, provenance.json, run.db, media/ab/cdef... A row that fails its checksum is
counted and left out, never served.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import JsonValue

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.episode import Episode, Verdict, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Totals, Trajectory
from vision_deepresearch.store.database import connect_reader, typed_errors
from vision_deepresearch.store.ledger import Ledger, sum_totals
from vision_deepresearch.store.rows import Row, is_intact, unpack
from vision_deepresearch.store.schema import ATTEMPT, OUTAGE, REJECT, TASK
from vision_deepresearch.store.seal import unseal_text

CONFIG = "config.toml"
PROVENANCE = "provenance.json"
DATABASE = "run.db"
MEDIA = "media"

_OPEN_OUTAGES = """
    SELECT rowid, * FROM outage AS one WHERE rowid > ?
    AND NOT EXISTS (SELECT 1 FROM attempt AS made
        WHERE made.task_id = one.task_id AND made.attempt = one.attempt)
    AND rowid = (SELECT max(rowid) FROM outage AS newest
        WHERE newest.task_id = one.task_id AND newest.attempt = one.attempt)
    ORDER BY rowid LIMIT ?"""
_HAS_METRICS = "SELECT 1 FROM sqlite_master WHERE name = 'metric'"
"""Runs of before this table lack it."""
_PAGE = 64
"""Rows read at a time, so that no reader holds the database's past for long."""


class Reject(Record):
    """An attempt that gave no trajectory."""

    task_id: str
    attempt: int
    reason: str
    """One word, for counting."""
    detail: str


class StoredItem(Record):
    """What a stage of the data factory made of one record."""

    stage: str
    """Name and identity of the stage, for example "verify@3f0c9a1b2d4e"."""
    key: str
    """Fingerprint of the record that went in."""
    record: str
    """Its id, for people."""
    reason: str = ""
    """Why it was rejected, one word for counting; empty: it was kept."""
    detail: str = ""
    made: tuple[JsonValue, ...] = ()
    """The records that came out."""
    seconds: float
    """Wall clock."""
    cost_usd: float | None = None
    """None: a price is not known."""


class Trace(NamedTuple):
    """One stored attempt."""

    task: Task
    trajectory: Trajectory
    verdict: Verdict | None


class RunCounts(Record):
    """How much a run folder holds."""

    tasks: int
    attempts: int
    judged: int
    rejects: int
    outages: int
    """Trajectories that the outside ended; a later one of the same attempt may have come through."""
    recordings: int
    """Calls on the run's own tape."""
    damaged: int
    """Rows that failed their checksum since the folder was opened; such attempts run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A verified row of table `attempt`."""

    task_id: str
    attempt: int
    trajectory: bytes
    verdict: bytes | None
    totals: str


class RunView:
    """Reads a run folder. Iterates lazily, in the order things were stored."""

    def __init__(self, path: Path) -> None:
        """Open the folder for reading.

        Raises:
            ConfigError: it is no run folder, or of another version.
            StoreError: its database cannot be read.
        """
        self.path = path
        if not (path / DATABASE).is_file() or not (path / CONFIG).is_file():
            msg = (
                f"expected a run folder ({CONFIG} and {DATABASE}) at {str(path)!r}, found none:"
                " give the folder that a run was written to"
            )
            raise ConfigError(msg)
        self._reader = connect_reader(path / DATABASE)
        self._num_damaged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the database."""
        self._reader.close()

    @property
    def media_root(self) -> Path:
        """Where the pictures lie by content."""
        return self.path / MEDIA

    @property
    def config(self) -> str:
        """The resolved recipe, TOML."""
        return (self.path / CONFIG).read_text(encoding="utf-8")

    @property
    def provenance(self) -> dict[str, JsonValue]:
        """Versions, seeds and machine of the run; later openings under "resumed"."""
        loaded: dict[str, JsonValue] = json.loads(
            (self.path / PROVENANCE).read_text(encoding="utf-8")
        )
        return loaded

    def load_picture(self, ref: ImageRef) -> bytes | None:
        """The kept bytes of a picture, undecoded, or None when they are gone."""
        path = self.media_root / ref.sha256[:2] / ref.sha256[2:]
        return path.read_bytes() if path.is_file() else None

    def task(self, task_id: str) -> Task | None:
        """One task, or None when it is not there or damaged."""
        row = self._one("SELECT * FROM task WHERE id = ?", (task_id,))
        return unpack(Task, row[1]) if row is not None else None

    def tasks(self) -> Iterator[Task]:
        """All tasks."""
        for row in self._pages("SELECT rowid, * FROM task WHERE rowid > ? ORDER BY rowid LIMIT ?"):
            yield unpack(Task, row[1])

    def trace(self, task_id: str, attempt: int) -> Trace | None:
        """One attempt, or None when it is not there or damaged."""
        row = self._one(
            "SELECT * FROM attempt WHERE task_id = ? AND attempt = ?", (task_id, attempt)
        )
        return self._trace(_attempt_of(row)) if row is not None else None

    def traces(self) -> Iterator[Trace]:
        """All attempts with their tasks and, where judged, verdicts.

        Last come attempts that so far were only ended by the outside, the newest try of each.
        """
        for stored in self._attempts():
            trace = self._trace(stored)
            if trace is not None:
                yield trace
        for trajectory in self.outages():
            task = self.task(trajectory.task_id)
            if task is not None:
                yield Trace(task, trajectory, None)

    def outages(self) -> Iterator[Trajectory]:
        """Attempts that the outside ended and that are still to be made, the newest try of each."""
        for row in self._pages(_OPEN_OUTAGES):
            assert isinstance(row[3], bytes)
            yield unpack(Trajectory, row[3])

    def trajectories(self) -> Iterator[Trajectory]:
        """All trajectories, judged or not."""
        for stored in self._attempts():
            yield unpack(Trajectory, stored.trajectory)

    def episodes(self) -> Iterator[Episode]:
        """All judged attempts."""
        for task, trajectory, verdict in self.traces():
            if verdict is not None:
                yield episode_of(task, trajectory, verdict)

    def rejects(self) -> Iterator[Reject]:
        """Attempts that gave no trajectory, with the reason."""
        for row in self._pages(
            "SELECT rowid, * FROM reject WHERE rowid > ? ORDER BY rowid LIMIT ?"
        ):
            yield _reject_of(row)

    def items(self, stage: str) -> Iterator[StoredItem]:
        """What a stage made, in the order it was stored."""
        for row in self._pages(
            "SELECT rowid, * FROM item WHERE rowid > ? AND stage = ? ORDER BY rowid LIMIT ?", stage
        ):
            yield _item_of(row)

    def stages(self) -> tuple[str, ...]:
        """Stages that stored something, in the order of their first record."""
        sql = "SELECT stage FROM item GROUP BY stage ORDER BY min(rowid)"
        with typed_errors(self.path / DATABASE):
            return tuple(str(stage) for (stage,) in self._reader.execute(sql))

    def metrics(self, name: str) -> dict[int, float | None]:
        """A figure of training by step, rising; None where it was no number. Empty: never stored."""
        sql = "SELECT * FROM metric WHERE name = ? ORDER BY step"
        with typed_errors(self.path / DATABASE):
            if not self._reader.execute(_HAS_METRICS).fetchone():
                return {}
            rows = self._reader.execute(sql, (name,)).fetchall()
        return {int(row[0]): row[2] for row in rows if self._is_good(row)}

    def metric_names(self) -> tuple[str, ...]:
        """Figures that were stored, by name."""
        with typed_errors(self.path / DATABASE):
            if not self._reader.execute(_HAS_METRICS).fetchone():
                return ()
            rows = self._reader.execute("SELECT DISTINCT name FROM metric ORDER BY name")
            return tuple(str(name) for (name,) in rows)

    def done(self) -> frozenset[tuple[str, int]]:
        """(task id, attempt) of everything that need not run again, rejects included.

        Cost: reads and verifies every attempt.
        """
        done: set[tuple[str, int]] = set()
        with typed_errors(self.path / DATABASE):
            for table in (ATTEMPT, REJECT):
                for _, *row in self._reader.execute(table.scan):
                    if self._is_good(row):
                        done.add((str(row[0]), _integer(row[1])))
        return frozenset(done)

    def ledger(self) -> Ledger:
        """What the stored trajectories cost together."""
        return sum_totals(Totals.model_validate_json(stored.totals) for stored in self._attempts())

    def counts(self) -> RunCounts:
        """How much is there."""
        with typed_errors(self.path / DATABASE):
            tasks, attempts, judged, rejects, outages, recordings = (
                int(self._reader.execute(sql).fetchone()[0])
                for sql in (
                    TASK.count,
                    ATTEMPT.count,
                    "SELECT count(*) FROM attempt WHERE verdict IS NOT NULL",
                    REJECT.count,
                    OUTAGE.count,
                    "SELECT count(*) FROM call",
                )
            )
        return RunCounts(
            tasks=tasks,
            attempts=attempts,
            judged=judged,
            rejects=rejects,
            outages=outages,
            recordings=recordings,
            damaged=self._num_damaged,
        )

    def _trace(self, stored: _Attempt) -> Trace | None:
        task = self.task(stored.task_id)
        if task is None:
            return None
        verdict = unpack(Verdict, stored.verdict) if stored.verdict is not None else None
        return Trace(task, unpack(Trajectory, stored.trajectory), verdict)

    def _attempts(self) -> Iterator[_Attempt]:
        for row in self._pages(
            "SELECT rowid, * FROM attempt WHERE rowid > ? ORDER BY rowid LIMIT ?"
        ):
            yield _attempt_of(row)

    def _one(self, sql: str, key: Row) -> Row | None:
        with typed_errors(self.path / DATABASE):
            row: Row | None = self._reader.execute(sql, key).fetchone()
        # An index may be damaged too and lead to a sound row of another key.
        found = row is not None and row[: len(key)] == key and self._is_good(row)
        return row if found else None

    def _pages(self, sql: str, *key: str) -> Iterator[Row]:
        last = -(2**63)
        while True:
            with typed_errors(self.path / DATABASE):
                rows = self._reader.execute(sql, (last, *key, _PAGE)).fetchall()
            if not rows:
                return
            for _, *row in rows:
                if self._is_good(row):
                    yield tuple(row)
            last = rows[-1][0]

    def _is_good(self, row: Row | list[str | int | float | bytes | None]) -> bool:
        good = is_intact(row)
        self._num_damaged += not good
        return good


def _attempt_of(row: Row) -> _Attempt:
    task_id, attempt, trajectory, verdict, totals, _ = row
    assert isinstance(trajectory, bytes)
    assert verdict is None or isinstance(verdict, bytes)
    return _Attempt(
        task_id=str(task_id),
        attempt=_integer(attempt),
        trajectory=trajectory,
        verdict=verdict,
        totals=str(totals),
    )


def _reject_of(row: Row) -> Reject:
    task_id, attempt, reason, detail, _ = row
    return Reject(
        task_id=str(task_id),
        attempt=_integer(attempt),
        reason=str(reason),
        detail=unseal_text(str(detail)),
    )


def _item_of(row: Row) -> StoredItem:
    stage, key, record, reason, detail, payload, seconds, cost_usd, _ = row
    assert isinstance(payload, bytes)
    assert isinstance(seconds, float)
    assert cost_usd is None or isinstance(cost_usd, float)
    return StoredItem(
        stage=str(stage),
        key=str(key),
        record=str(record),
        reason=str(reason),
        detail=str(detail),
        made=tuple(json.loads(zlib.decompress(payload))),
        seconds=seconds,
        cost_usd=cost_usd,
    )


def _integer(column: object) -> int:
    assert isinstance(column, int)
    return column
