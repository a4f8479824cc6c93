"""Run tasks into a run folder: each (task, attempt) exactly once, whatever happens in between.

Done work is skipped, outside calls of unfinished work are replayed from the run's tape, so the
same command again goes on where the last one was killed. A bug or a bad picture in one task
becomes a reject with its reason; the others run on. An endpoint that takes no calls of ours (wrong
key, unknown model) ends the run: the other tasks would only ask it in vain. One that is down for a
while is waited for, where the caller has patience: work is held back and what met the outage is redone.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.calls.breaker import Admission
from vision_deepresearch.core.episode import Episode, episode_of
from vision_deepresearch.core.errors import (
    BadImageError,
    FailureKind,
    in_words,
    stops_the_run,
)
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.outages import NO_PATIENCE, OutageGate, Patience
from vision_deepresearch.store.run import RunFolder

Attempt = Callable[[Task, int], Awaitable[Trajectory]]
"""Rolls out one attempt at a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt to be made."""

    task: Task
    attempt: int

    @property
    def key(self) -> tuple[str, int]:
        """Names it within a run."""
        return self.task.id, self.attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What this call did; earlier calls' work counts as skipped."""

    done: int
    skipped: int
    rejected: int
    unfinished: int
    """Ended by the outside, or not judged because the judge could not be asked: kept as outages, and
    made again by the same command."""
    redone: int = 0
    """Times that an attempt met an outage and was made again here."""
    halted: str = ""
    """Why no further work was begun: an endpoint, the model's or the judge's, takes no calls of
    ours, or was down for longer than patience lasts. Empty: all was begun."""


async def run_tasks(
    tasks: Sequence[Task],
    *,
    run: RunFolder,
    roll_out: Attempt,
    judge: Judge,
    attempts: int = 1,
    concurrency: int = 4,
    on_episode: Callable[[Episode], None] | None = None,
    patience: Patience = NO_PATIENCE,
    last_try: Attempt | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> RunOutcome:
    """Roll out and judge what is not done yet.

    Args:
        tasks: in the order they are started; ids are unique.
        run: an open run folder.
        roll_out: makes one trajectory.
        judge: its verdict is stored with the trajectory.
        attempts: attempts per task.
        concurrency: trajectories at a time.
        on_episode: called after each commit, for progress.
        patience: for providers that are down after something has worked.
        last_try: makes an attempt whose redos are used up, for example without stopping in an
            outage; None: it stays unfinished.
        clock: monotonic seconds, for patience.

    Raises:
        ExceptionGroup: the run stops. It holds a `RunStoppingError` (a strict replay met a call
            that was never recorded, a disk is full), also when a tool met it.
    """
    finished = run.done()
    wanted = [Work(task=task, attempt=n) for n in range(attempts) for task in tasks]
    todo = [work for work in wanted if (work.task.id, work.attempt) not in finished]
    shift = _Shift(
        run=run,
        judge=judge,
        roll_out=roll_out,
        last_try=last_try,
        on_episode=on_episode,
        queue=deque(todo),
        gate=OutageGate(patience=patience, clock=clock, has_worked=bool(finished)),
    )
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(todo))):
            group.create_task(shift.work())
    counts = shift.counts
    return RunOutcome(
        done=counts["done"],
        skipped=len(wanted) - len(todo),
        rejected=counts["rejected"],
        unfinished=counts["unfinished"] + len(shift.again),
        redone=shift.redos.total() - len(shift.again),
        halted=shift.halted,
    )


@dataclass(slots=True, kw_only=True)
class _Shift:
    """The workers of one call and what they share."""

    run: RunFolder
    judge: Judge
    roll_out: Attempt
    last_try: Attempt | None
    on_episode: Callable[[Episode], None] | None
    queue: deque[Work]
    """Not begun yet."""
    gate: OutageGate
    again: deque[Work] = field(default_factory=deque)
    """Met an outage; goes before what was not begun, so that its recordings are young."""
    counts: Counter[str] = field(default_factory=Counter)
    redos: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often an attempt was put back."""
    halted: str = ""

    async def work(self) -> None:
        """Make attempts until none is left, or none may be begun."""
        while self._next_from and not self.halted:
            admission = await self.gate.enter()
            if admission is None:
                self.halted = f"providers were down for too long, the last said: {self.gate.reason}"
                return
            if not self._next_from or self.halted:
                self.gate.abandon(admission)
                return
            work = self._next_from.popleft()
            try:
                await self.run.put_task(work.task)
                made = await self._make(work)
            except BaseException:
                self.gate.abandon(admission)
                raise
            self._settle(work, made, admission=admission)

    @property
    def _next_from(self) -> deque[Work]:
        return self.again or self.queue

    async def _make(self, work: Work) -> "Episode | _Outage | None":
        is_last = self.redos[work.key] >= max(1, self.gate.patience.max_redos)
        roll_out = self.last_try if is_last and self.last_try is not None else self.roll_out
        return await _one(work, run=self.run, roll_out=roll_out, judge=self.judge)

    def _settle(
        self, work: Work, made: "Episode | _Outage | None", *, admission: Admission
    ) -> None:
        match made:
            case Episode():
                self.gate.finish(admission)
                self.counts["done"] += 1
                if self.on_episode is not None:
                    self.on_episode(made)
            case None:
                self.gate.finish(admission)
                self.counts["rejected"] += 1
            case _Outage(failure=failure) if failure is not None and failure.is_retryable:
                is_redone = self.gate.meet_outage(admission, reason=made.detail)
                if is_redone and self.redos[work.key] < self.gate.patience.max_redos:
                    self.redos[work.key] += 1
                    self.again.append(work)
                else:
                    self.counts["unfinished"] += 1
            case _Outage(failure=failure):
                self.gate.abandon(admission)
                self.counts["unfinished"] += 1
                if failure is not None and failure.is_settled and not self.halted:
                    self.halted = made.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outage:
    """An attempt that the outside ended: its model, or the judge's."""

    failure: FailureKind | None
    detail: str


async def _one(
    work: Work, *, run: RunFolder, roll_out: Attempt, judge: Judge
) -> Episode | _Outage | None:
    """Make and store one attempt: an episode, an outage, or (None) a reject."""
    try:
        trajectory = await roll_out(work.task, work.attempt)
        if trajectory.stop.is_infrastructure:
            await run.put_outage(work.task, trajectory)
            return _Outage(failure=trajectory.failure, detail=trajectory.stop_detail)
        verdict = await judge.judge(work.task, trajectory)
        if verdict.failure is not None and verdict.failure is not FailureKind.BUDGET:
            # Made again, the trajectory comes from the tape and only the judge is asked.
            await run.put_outage(work.task, trajectory)
            return _Outage(failure=verdict.failure, detail=f"{verdict.judge}: {verdict.reason}")
        episode = episode_of(work.task, trajectory, verdict)
        await run.put_episode(episode)
    except Exception as bug:
        if stops_the_run(bug):
            raise
        reason = "bad_image" if isinstance(bug, BadImageError) else "bug"
        await run.put_reject(work.task.id, work.attempt, reason=reason, detail=in_words(bug))
        return None
    return episode
