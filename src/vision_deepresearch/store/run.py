"""A run folder that is being written: created, or resumed by the same command again.

What is stored is stored once: an attempt is one row, written in one transaction, and a second
write of the same attempt changes nothing. A put returns when its commit is on disk.
"""

import asyncio
import hashlib
import json
import math
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import JsonValue
from typing_extensions import override

from vision_deepresearch.core.episode import Episode, Verdict
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.database import Database, Statement, prepare, typed_errors
from vision_deepresearch.store.folder import locked, prepare_files
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.rows import RecordT, Row, checked, exact_json, pack
from vision_deepresearch.store.salvage import mend
from vision_deepresearch.store.schema import ATTEMPT, ITEM, METRIC, OUTAGE, REJECT, TASK
from vision_deepresearch.store.seal import seal, seal_text
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.store.view import DATABASE, RunView, StoredItem

_FORGET_ATTEMPT = "DELETE FROM attempt WHERE task_id = ? AND attempt = ?"
_REPLACE_ITEM = "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_VERDICT = """
    UPDATE attempt SET verdict = ?, row_check = ?
    WHERE task_id = ? AND attempt = ? AND verdict IS NULL AND trajectory = ?"""


class RunFolder(RunView):
    """An open run folder; belongs to the event loop it was opened in. Made by `open`."""

    def __init__(
        self,
        path: Path,
        *,
        database: Database,
        num_mended: int,
        redactor: Redactor,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(path)
        self._database = database
        self._redactor = redactor
        self._clock = clock
        self._tapes: list[Tape] = []
        self._protected: dict[str, bool] = {}
        """Tasks met so far, and whether what is stored of them is sealed."""
        self._num_damaged = num_mended

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        config: str,
        provenance: Mapping[str, JsonValue],
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.time,
        threads: bool = True,
    ) -> "AsyncIterator[RunFolder]":
        """Create the folder, or resume the run it holds.

        Damaged rows are left behind: what they held is not there and runs again.

        Args:
            path: the folder; made when it is not there.
            config: the resolved recipe, TOML; a resumed run must have the same.
            provenance: kept with the run; differing ones of later openings are added to it.
            redactor: takes secrets out of everything that is stored, the tape's recordings included.
            clock: wall clock for the age of recordings.
            threads: False: commit on the event loop, for simulations; see `store.database`.

        Raises:
            ConfigError: another config, no run folder, another schema version, or another live
                process writes to it.
            StoreError: the disk is full or broken.
        """
        redactor = redactor or Redactor()
        about: dict[str, JsonValue] = json.loads(redactor.json(json.dumps(dict(provenance))))
        settings = redactor.line(config)
        with locked(path):
            await asyncio.to_thread(prepare_files, path, config=settings, provenance=about)
            num_mended = await asyncio.to_thread(_prepare_database, path / DATABASE)
            async with Database.open(path / DATABASE, threads=threads) as database:
                run = cls(
                    path,
                    database=database,
                    num_mended=num_mended,
                    redactor=redactor,
                    clock=clock,
                )
                try:
                    yield run
                finally:
                    for tape in run._tapes:
                        await tape.close()
                    run.close()

    @staticmethod
    def read(path: Path) -> RunView:
        """Open a folder for reading only, also while a run writes to it.

        Raises:
            ConfigError: it is no run folder, or of another version.
        """
        return RunView(path)

    def tape(self, mode: TapeMode = TapeMode.AUTO, *, seals: bool = False) -> Tape:
        """The run's own tape, its memo of outside calls; closed with the folder.

        Args:
            mode: how recordings are used.
            seals: whether they are sealed: wanted as soon as one task of the run is protected.
        """
        tape = Tape(
            path=self.path / DATABASE,
            database=self._database,
            mode=mode,
            redactor=self._redactor,
            clock=self._clock,
            seals=seals,
        )
        self._tapes.append(tape)
        return tape

    @override
    def done(self) -> frozenset[tuple[str, int]]:
        """(task id, attempt) of everything that need not run again, rejects included.

        Cost: reads keys only; every row was verified when the folder was opened.
        """
        with typed_errors(self.path / DATABASE):
            entries = [
                *self._reader.execute(ATTEMPT.index_scan),
                *self._reader.execute(REJECT.index_scan),
            ]
        return frozenset((str(task_id), int(attempt)) for _, task_id, attempt in entries)

    async def put_task(self, task: Task) -> None:
        """Store a task; one that is there is kept."""
        await self._database.write([self._task_row(task)])

    async def put_trajectory(self, trajectory: Trajectory) -> None:
        """Store an attempt that nobody has judged yet; its task must be stored too."""
        await self._database.write(self._attempt_rows(trajectory, None))

    async def put_episode(self, episode: Episode) -> None:
        """Store task, trajectory and verdict together.

        An attempt that is there is kept; if it is this very trajectory, unjudged, it gets the
        verdict.
        """
        task = self._task_row(episode.task)
        rows = self._attempt_rows(episode.trajectory, episode.verdict)
        await self._database.write([task, *rows])

    async def replace_episode(self, episode: Episode) -> None:
        """Store an episode in place of what its attempt stored before, when a step is taken again."""
        key = (episode.task.id, episode.trajectory.attempt)
        task = self._task_row(episode.task)
        rows = self._attempt_rows(episode.trajectory, episode.verdict)
        await self._database.write([
            task,
            (_FORGET_ATTEMPT, key),
            *rows,
        ])

    async def replace_items(self, items: Sequence[StoredItem]) -> None:
        """Store items in place of what their stage and key stored before."""
        await self._database.write([(_REPLACE_ITEM, self._item_row(item)) for item in items])

    async def put_verdict(self, task_id: str, attempt: int, verdict: Verdict) -> None:
        """Judge a stored attempt; a verdict that is there is kept.

        Raises:
            ConfigError: no such attempt.
        """
        stored = self.trace(task_id, attempt)
        if stored is None:
            msg = f"expected attempt {attempt} of task {task_id!r} in the run, found none: roll out"
            raise ConfigError(msg)
        await self._database.write(self._attempt_rows(stored.trajectory, verdict))

    async def put_outage(self, task: Task, trajectory: Trajectory) -> None:
        """Store a trajectory that the outside ended: it is kept, and the attempt is still to be made."""
        task_row = self._task_row(task)
        payload = self._sealed(task.id, pack(self._without_secrets(trajectory)))
        digest = hashlib.sha256(payload).digest()
        row = checked((task.id, trajectory.attempt, digest, payload))
        await self._database.write([task_row, (OUTAGE.insert, row)])

    async def put_items(self, items: Sequence[StoredItem]) -> None:
        """Store what a stage made of records, all of them or none; what is there is kept."""
        await self._database.write([(ITEM.insert, self._item_row(item)) for item in items])

    async def put_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Store figures of a training step, in place of what the same step stored before.

        What is no number (nan) is stored as none.
        """
        rows = [
            checked((step, name, None if math.isnan(value) else float(value)))
            for name, value in values.items()
        ]
        await self._database.write([(METRIC.insert, row) for row in rows])

    async def put_reject(self, task_id: str, attempt: int, *, reason: str, detail: str) -> None:
        """Store that an attempt gave no trajectory, and why."""
        told = self._redactor.line(_storable(detail))
        if self._is_protected(task_id):
            told = seal_text(told)
        row = checked((task_id, attempt, reason, told))
        await self._database.write([(REJECT.insert, row)])

    def _task_row(self, task: Task) -> Statement:
        self._protected[task.id] = task.protected
        payload = self._sealed(task.id, pack(_redacted(task, self._redactor)))
        return TASK.insert, checked((task.id, payload))

    def _sealed(self, task_id: str, payload: bytes) -> bytes:
        """A record as it is stored: sealed where its task is protected."""
        return seal(payload) if self._is_protected(task_id) else payload

    def _is_protected(self, task_id: str) -> bool:
        if task_id not in self._protected:
            task = self.task(task_id)
            self._protected[task_id] = task is not None and task.protected
        return self._protected[task_id]

    def _attempt_rows(self, trajectory: Trajectory, verdict: Verdict | None) -> list[Statement]:
        """Insert the attempt; then, where it was there unjudged and is the same, add the verdict."""
        kept = self._without_secrets(trajectory)
        payload = self._sealed(kept.task_id, pack(kept))
        judged = None
        if verdict is not None:
            judged = self._sealed(kept.task_id, pack(_redacted(verdict, self._redactor)))
        key = (kept.task_id, kept.attempt)
        row = checked((*key, payload, judged, kept.totals.model_dump_json()))
        statements: list[Statement] = [(ATTEMPT.insert, row)]
        if judged is not None:
            statements.append((_ADD_VERDICT, (judged, row[-1], *key, payload)))
        return statements

    def _without_secrets(self, trajectory: Trajectory) -> Trajectory:
        """The trajectory as it may be kept: tokens spell secrets too, so they go with them."""
        clean = _redacted(trajectory, self._redactor)
        if clean is trajectory:
            return trajectory
        turns = tuple(
            turn.model_copy(update={"reply": turn.reply.model_copy(update={"sampled": None})})
            for turn in clean.turns
        )
        return clean.model_copy(update={"turns": turns, "tokens": None})

    def _item_row(self, item: StoredItem) -> Row:
        made = self._redactor.json(json.dumps(list(item.made)))
        return checked((
            item.stage,
            item.key,
            _storable(item.record),
            item.reason,
            self._redactor.line(_storable(item.detail)),
            zlib.compress(made.encode()),
            float(item.seconds),
            item.cost_usd if item.cost_usd is None else float(item.cost_usd),
        ))


def _prepare_database(path: Path) -> int:
    """Make the tables, or leave damaged rows of an earlier run behind; returns how many."""
    is_new = not path.exists()
    prepare(path)
    return 0 if is_new else mend(path)


def _storable(text: str) -> str:
    """A message without halves of characters: a damaged one must not lose the record of it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _redacted(record: RecordT, redactor: Redactor) -> RecordT:
    """The record without secrets in any string of it; the very record if there are none.

    Raises:
        pydantic.ValidationError: it does not hold together without them: it is not stored.
    """
    text = exact_json(record)
    clean = redactor.json(text)
    return record if clean == text else record.model_validate_json(clean)
