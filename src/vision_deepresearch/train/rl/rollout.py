"""Rolls out groups of siblings, many at a time, over the same agent loop that answers questions.

    submit(task) -> episode slots -> agent.run -> judge -> group complete -> next_group(), in order

A group is complete when all its siblings are terminal: taking the first k would select for short
episodes. Groups leave in the order they were submitted, whatever was ready first, so that batches
do not depend on timing; `max_groups` bounds how many are under way or wait to be taken. Seeds come
from (run seed, task, attempt), never from arrival. Weights may change while episodes are under way:
these go on, and each turn says which weights sampled it.

A failed episode is data, whatever failed; only what stops the whole run (a full disk, a strict
replay that misses) travels on. Knows no torch.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import Field

from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.errors import BoundaryError, FailureKind, in_words, stops_the_run
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.train.rl.masking import MaskSettings, needs_verdict

_UNJUDGED = "nobody: masked"


class RolloutSettings(Record):
    """How many episodes at a time, and for how long."""

    group_size: int = Field(default=8, ge=1)
    """Siblings per task. Source: arXiv 2601.22060, public RL script."""
    episodes_in_flight: int = Field(default=64, ge=1)
    """The paper has 256."""
    episode_s: float = Field(default=1800.0, gt=0)
    """Wall-clock seconds after which an episode is given up, whatever it waits for. The published
    script allows 1e6 s."""
    judge_s: float = Field(default=300.0, gt=0)
    """Seconds for one verdict, the wait for its turn included; then it counts as abstaining."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One sibling to be rolled out."""

    task: Task
    group: int
    """Number of its group, in order of submission."""
    attempt: int
    """Unique for the task within the run; part of the trajectory's id."""
    seed: int
    """Of everything that is sampled in it."""


class LossReason(StrEnum):
    """Why an episode gave no record that could be judged."""

    BUG = "bug"
    """Our own code raised; the detail says what."""
    DEADLINE = "deadline"
    """It took longer than `episode_s`."""
    CANCELLED = "cancelled"
    """Its group was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """What became of one sibling: an episode, or a typed loss."""

    work: Work
    episode: Episode | None = None
    loss: LossReason | None = None
    detail: str = ""
    seconds: float = 0.0
    """From its slot to its verdict."""
    was_judged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledGroup:
    """A complete group."""

    index: int
    task: Task
    members: tuple[Rolled, ...]
    """In order of their attempts."""
    seconds: float
    """From submission to completion."""


Keep = Callable[["Rolled"], Awaitable[None]]
"""Stores a sibling as soon as it is terminal; what it raises stops the rollout."""
RollOut = Callable[[Work], Awaitable[Trajectory]]
"""Makes the trajectory of one sibling: `agent.run` with everything it needs."""


def episode_seed(run_seed: int, *, task_id: str, attempt: int) -> int:
    """The seed of one episode: 63 bits of a hash, the same on every machine."""
    name = f"{run_seed}/{task_id}/{attempt}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8]) >> 1


class Rollout:
    """Many episodes at a time. Made by `open_rollout`; belongs to one event loop.

    Cost: memory for at most `max_groups` groups.
    """

    def __init__(
        self,
        *,
        roll_out: RollOut,
        judge: Judge,
        seed: int,
        settings: RolloutSettings,
        masks: MaskSettings,
        max_groups: int,
        clock: Callable[[], float],
        tasks: asyncio.TaskGroup,
        keep: Keep | None = None,
    ) -> None:
        self._roll_out = roll_out
        self._judge = judge
        self._seed = seed
        self._settings = settings
        self._masks = masks
        self._clock = clock
        self._tasks = tasks
        self._keep = keep
        self._slots = asyncio.Semaphore(settings.episodes_in_flight)
        self._room = asyncio.Semaphore(max_groups)
        self._pending: deque[Work] = deque()
        self._has_pending = asyncio.Event()
        self._groups: dict[int, _OpenGroup] = {}
        """Undelivered ones by number, the oldest first."""
        self._num_submitted = 0
        self.num_running = 0
        """Episodes that hold a slot."""

    @property
    def num_undelivered(self) -> int:
        """Groups that were submitted and not taken yet."""
        return len(self._groups)

    async def submit(self, task: Task, *, first_attempt: int = 0) -> int:
        """Put a group at the end of the queue; waits while `max_groups` are undelivered.

        Args:
            task: what its siblings research.
            first_attempt: attempts count from here; a task that comes again needs other ones.

        Returns:
            The number of the group.
        """
        await self._room.acquire()
        index = self._num_submitted
        self._num_submitted += 1
        size = self._settings.group_size
        self._groups[index] = _OpenGroup(index=index, task=task, size=size, clock=self._clock)
        for attempt in range(first_attempt, first_attempt + size):
            seed = episode_seed(self._seed, task_id=task.id, attempt=attempt)
            self._pending.append(Work(task=task, group=index, attempt=attempt, seed=seed))
        self._has_pending.set()
        return index

    async def next_group(self) -> RolledGroup:
        """The oldest group that was not taken yet, once all its siblings are terminal.

        Raises:
            RuntimeError: nothing was submitted: this would wait for ever.
        """
        if not self._groups:
            msg = "no group is under way: submit one before taking one"
            raise RuntimeError(msg)
        group = next(iter(self._groups.values()))
        await group.is_complete.wait()
        del self._groups[group.index]
        self._room.release()
        return group.result()

    def cancel(self, index: int) -> None:
        """Give up a group: its calls and its requests to the model are cancelled with it.

        It is delivered in its turn, its unfinished siblings as losses. Of a group that was
        delivered already nothing happens.
        """
        group = self._groups.get(index)
        if group is not None:
            group.is_cancelled = True
            for task in group.running:
                task.cancel()

    def cancel_all(self) -> None:
        """Give up everything that is under way."""
        for index in self._groups:
            self.cancel(index)

    async def feed(self) -> None:
        """Start episodes as slots become free, for ever."""
        while True:
            await self._slots.acquire()
            while not self._pending:
                self._has_pending.clear()
                await self._has_pending.wait()
            work = self._pending.popleft()
            group = self._groups[work.group]
            slot = _Slot(slots=self._slots)
            if group.is_cancelled:
                slot.release()
                group.settle(Rolled(work=work, loss=LossReason.CANCELLED))
            else:
                self._start(work, group=group, slot=slot)

    def _start(self, work: Work, *, group: "_OpenGroup", slot: "_Slot") -> None:
        task = self._tasks.create_task(self._one(work, group=group, slot=slot))
        group.running.add(task)
        self.num_running += 1

        def finish(task: asyncio.Task[None]) -> None:
            # Not in the coroutine: a task that is cancelled before its first step never runs any of it.
            slot.release()
            group.running.discard(task)
            self.num_running -= 1
            if task.cancelled():
                group.settle(Rolled(work=work, loss=LossReason.CANCELLED))

        task.add_done_callback(finish)

    async def _one(self, work: Work, *, group: "_OpenGroup", slot: "_Slot") -> None:
        rolled = await self._rolled(work, slot=slot)
        if self._keep is not None:
            await self._keep(rolled)
        group.settle(rolled)

    async def _rolled(self, work: Work, *, slot: "_Slot") -> Rolled:
        """One sibling, from its slot to its verdict."""
        started = self._clock()
        limit = asyncio.timeout(self._settings.episode_s)
        try:
            async with limit:
                trajectory = await self._roll_out(work)
            slot.release()  # judging needs none: the next episode begins meanwhile
            verdict, was_judged = await self._verdict(work.task, trajectory)
            episode = episode_of(work.task, trajectory, verdict)
        except Exception as bug:
            if stops_the_run(bug):
                raise
            return Rolled(
                work=work,
                loss=LossReason.DEADLINE if limit.expired() else LossReason.BUG,
                detail=in_words(bug),
                seconds=self._clock() - started,
            )
        seconds = self._clock() - started
        return Rolled(work=work, episode=episode, seconds=seconds, was_judged=was_judged)

    async def _verdict(self, task: Task, trajectory: Trajectory) -> tuple[Verdict, bool]:
        """What the judge says, and whether it was asked. A judge that cannot be asked abstains."""
        profile = self._judge.profile_id
        if not needs_verdict(trajectory, settings=self._masks):
            reason = f"not judged: {trajectory.stop.value}"
            return _abstained(reason, judge=_UNJUDGED), False
        try:
            async with asyncio.timeout(self._settings.judge_s):
                return await self._judge.judge(task, trajectory), True
        except TimeoutError:
            text = f"no verdict within {self._settings.judge_s:g} s"
            return _abstained(text, judge=profile, failure=FailureKind.TIMEOUT), True
        except BoundaryError as outage:
            return _abstained(str(outage), judge=profile, failure=outage.kind), True


@asynccontextmanager
async def open_rollout(
    *,
    roll_out: RollOut,
    judge: Judge,
    seed: int,
    max_groups: int,
    settings: RolloutSettings | None = None,
    masks: MaskSettings | None = None,
    clock: Callable[[], float] = time.monotonic,
    keep: Keep | None = None,
) -> AsyncIterator[Rollout]:
    """Start rolling out; leaving cancels what is under way, its calls included.

    Args:
        roll_out: makes one trajectory.
        judge: decides about those that are not masked.
        seed: of the run.
        max_groups: groups that may be under way or wait to be taken; who submits a whole batch
            before taking any needs at least as many.
        settings: None: the defaults.
        masks: which episodes are not judged; None: the defaults.
        clock: monotonic seconds, that of the event loop.
        keep: stores each sibling before its group can be complete.

    Raises:
        ExceptionGroup: something that stops the whole run, or a bug of the body.
    """
    async with asyncio.TaskGroup() as tasks:
        rollout = Rollout(
            roll_out=roll_out,
            judge=judge,
            seed=seed,
            settings=settings or RolloutSettings(),
            masks=masks or MaskSettings(),
            max_groups=max_groups,
            clock=clock,
            tasks=tasks,
            keep=keep,
        )
        feeder = tasks.create_task(rollout.feed())
        try:
            yield rollout
        finally:
            feeder.cancel()
            rollout.cancel_all()


@dataclass(slots=True, kw_only=True)
class _Slot:
    """The place of one episode; given back once."""

    slots: asyncio.Semaphore
    is_held: bool = True

    def release(self) -> None:
        """Give it back, if it was not yet."""
        if self.is_held:
            self.is_held = False
            self.slots.release()


@dataclass(slots=True, kw_only=True)
class _OpenGroup:
    """A group under way."""

    index: int
    task: Task
    size: int
    clock: Callable[[], float]
    members: dict[int, Rolled] = field(default_factory=dict)
    """By attempt."""
    running: set[asyncio.Task[None]] = field(default_factory=set)
    is_cancelled: bool = False
    is_complete: asyncio.Event = field(default_factory=asyncio.Event)
    submitted_s: float = field(init=False)
    completed_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.submitted_s = self.completed_s = self.clock()

    def settle(self, rolled: Rolled) -> None:
        """Put a sibling in its place."""
        self.members[rolled.work.attempt] = rolled
        if len(self.members) == self.size:
            self.completed_s = self.clock()
            self.is_complete.set()

    def result(self) -> RolledGroup:
        """The complete group."""
        return RolledGroup(
            index=self.index,
            task=self.task,
            members=tuple(self.members[attempt] for attempt in sorted(self.members)),
            seconds=self.completed_s - self.submitted_s,
        )


def _abstained(reason: str, *, judge: str, failure: FailureKind | None = None) -> Verdict:
    return Verdict(
        decision=Decision.ABSTAIN, reason=reason, judge=judge, decided_by="nobody", failure=failure
    )
