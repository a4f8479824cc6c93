"""Run tasks into a run folder: each (task, attempt) exactly once, whatever happens in between.

Done work is skipped, outside calls of unfinished work are replayed from the run's tape, so the
same command again goes on where the last one was killed. A bug or a bad picture in one task
becomes a reject with its reason; the others run on. An endpoint that takes no calls of ours (wrong
key, unknown model) ends the run: the other tasks would only ask it in vain.
"""

import asyncio
import errno
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.episode import Episode, episode_of
from vision_deepresearch.core.errors import (
    DISK_ERRORS,
    BadImageError,
    FailureKind,
    RunStoppingError,
)
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.run import RunFolder

_NO_DISK = DISK_ERRORS | {errno.EROFS}
"""A disk that breaks is made read-only by the system."""
Attempt = Callable[[Task, int], Awaitable[Trajectory]]
"""Rolls out one attempt at a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt to be made."""

    task: Task
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What this call did; earlier calls' work counts as skipped."""

    done: int
    skipped: int
    rejected: int
    unfinished: int
    """Ended by the outside, or not judged because the judge could not be asked: kept as outages, and
    made again by the same command."""
    halted: str = ""
    """Why no further work was begun: an endpoint, the model's or the judge's, takes no calls of
    ours. Empty: all was begun."""


async def run_tasks(
    tasks: Sequence[Task],
    *,
    run: RunFolder,
    roll_out: Attempt,
    judge: Judge,
    attempts: int = 1,
    concurrency: int = 4,
    on_episode: Callable[[Episode], None] | None = None,
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

    Raises:
        ExceptionGroup: the run stops. It holds a `RunStoppingError` (a strict replay met a call
            that was never recorded, a disk is full), also when a tool met it.
    """
    finished = run.done()
    wanted = [Work(task=task, attempt=n) for n in range(attempts) for task in tasks]
    todo = [work for work in wanted if (work.task.id, work.attempt) not in finished]
    queue = iter(todo)
    counts = Counter[str]()
    halted: list[str] = []

    async def worker() -> None:
        for work in queue:
            if halted:
                return
            await run.put_task(work.task)
            made = await _one(work, run=run, roll_out=roll_out, judge=judge)
            match made:
                case Episode():
                    counts["done"] += 1
                    if on_episode is not None:
                        on_episode(made)
                case _Outage():
                    counts["unfinished"] += 1
                    if made.failure is not None and made.failure.is_settled:
                        halted.append(made.detail)
                case None:
                    counts["rejected"] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(todo))):
            group.create_task(worker())
    return RunOutcome(
        done=counts["done"],
        skipped=len(wanted) - len(todo),
        rejected=counts["rejected"],
        unfinished=counts["unfinished"],
        halted=halted[0] if halted else "",
    )


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
        if _stops_the_run(bug):
            raise
        reason = "bad_image" if isinstance(bug, BadImageError) else "bug"
        await run.put_reject(work.task.id, work.attempt, reason=reason, detail=_describe(bug))
        return None
    return episode


def _stops_the_run(bug: BaseException) -> bool:
    """A strict replay that misses, or a disk that refuses: no fault of the task."""
    if isinstance(bug, BaseExceptionGroup):
        return any(_stops_the_run(inner) for inner in bug.exceptions)
    is_disk = isinstance(bug, OSError) and bug.errno in _NO_DISK
    return is_disk or isinstance(bug, RunStoppingError)


def _describe(bug: BaseException) -> str:
    if isinstance(bug, BaseExceptionGroup):
        return "; ".join(_describe(inner) for inner in bug.exceptions)
    return f"{type(bug).__name__}: {bug}"
