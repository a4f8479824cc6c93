"""The training loop: rollouts -> grades -> one update -> new weights -> figures, step by step.

    submit ahead -> take groups in order -> grade -> batch -> update -> publish -> save

How far ahead tasks are submitted bounds how stale tokens can be: with `max_staleness` 0 a batch is
rolled out after the update before it, with 1 meanwhile. Episodes under way go on under new weights.
Everything that decides what comes next is in the checkpoint; the same command goes on. Knows no
torch: the policy is an argument.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue, TypeAdapter

from vision_deepresearch.core.errors import TrainingStoppedError
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.train.rl.batch import Batch, GradedGroup, figures, grade, make_batch
from vision_deepresearch.train.rl.curriculum import Curriculum, PassRate
from vision_deepresearch.train.rl.masking import Standing
from vision_deepresearch.train.rl.rollout import Rollout
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.rl.signal import Signal, tasks_to_draw
from vision_deepresearch.train.samples import TrainingSample

Evaluate = Callable[[int], Awaitable[Mapping[str, float]]]
"""Measures the current weights on held-out worlds after so many steps."""
Meter = Callable[[], Mapping[str, float]]
"""Figures of who samples, since the call before."""
Told = Callable[[int, Mapping[str, float]], Awaitable[None]]
"""Takes the figures of a step."""


class TrainedPolicy(Protocol):
    """What the loop needs of a policy."""

    def sample(self, trajectory: Trajectory, fatal_turn: int | None) -> TrainingSample:
        """Arrays of a trajectory."""
        ...

    async def update(self, batch: Batch, *, step: int) -> dict[str, float]:
        """Train on a batch; figures with `steps_taken`."""
        ...

    async def publish(self, step: int) -> str:
        """Give the weights to who samples; their name."""
        ...


class LoopState(Record):
    """Where the loop stands between two steps; part of a checkpoint."""

    step: int = 0
    """Steps done: the number of the current weights."""
    cursor: int = 0
    """Tasks the curriculum has looked at."""
    rates: dict[str, PassRate] = {}
    visits: dict[str, int] = {}
    """How often each task was drawn: its siblings get new attempts each time."""
    pending: tuple[tuple[str, int], ...] = ()
    """Task and first attempt of groups that were submitted and not taken: rolled out again."""
    empty_steps: int = 0
    """Steps in a row without an update."""


Note = Callable[[int, "GradedGroup"], Awaitable[None]]
"""Stores what a step made of a group: rewards, advantages, whether it was too old."""
Save = Callable[[LoopState], Awaitable[None]]
"""Writes a checkpoint with the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where what training gives goes."""

    tell: Told
    """Takes the figures of a step, then those of an evaluation after it."""
    save: Save
    """Called every `checkpoint_every` steps and at the end."""
    note: Note | None = None
    """Takes every graded group before the update, also one that is too old to be trained."""


@dataclass(slots=True, kw_only=True)
class _Step:
    """What one step has collected."""

    groups: list[GradedGroup] = field(default_factory=list)
    stale: int = 0
    """Groups dropped because their oldest token was too old."""
    drawn: int = 0


async def train(
    policy: TrainedPolicy,
    *,
    tasks: Sequence[Task],
    rolling: AbstractAsyncContextManager[Rollout],
    settings: RlSettings,
    seed: int,
    state: LoopState,
    keeping: Keeping,
    evaluate: Evaluate | None = None,
    meter: Meter | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LoopState:
    """Train until `settings.steps` are done.

    Args:
        policy: already at the weights of `state.step`.
        tasks: of the training worlds; ids are unique.
        rolling: a rollout that is not open yet; made with room for `settings.max_groups`.
        settings: of the run.
        seed: of the run.
        state: where to begin.
        keeping: where figures, grades and checkpoints go.
        evaluate: called before the first step and every `evaluate_every` ones.
        meter: read before and after a step's rollouts.
        clock: monotonic seconds.

    Raises:
        TrainingStoppedError: several steps in a row gave no update: something is broken.
        ExceptionGroup: something that stops the whole run.
    """
    loop = _Loop(
        policy,
        tasks=tasks,
        settings=settings,
        seed=seed,
        state=state,
        keeping=keeping,
        meter=meter,
        clock=clock,
    )
    await loop.publish()
    async with rolling as rollout:
        if evaluate is not None and settings.evaluate_every and state.step == 0:
            await loop.tell_evaluation(evaluate)
        while loop.step < settings.steps:
            await loop.make_step(rollout)
            is_last = loop.step == settings.steps
            due = settings.evaluate_every and loop.step % settings.evaluate_every == 0
            if evaluate is not None and (due or (is_last and settings.evaluate_every)):
                await loop.tell_evaluation(evaluate)
            if loop.step % settings.checkpoint_every == 0 or is_last:
                await keeping.save(loop.state())
    return loop.state()


class _Loop:
    """One session of training."""

    def __init__(
        self,
        policy: TrainedPolicy,
        *,
        tasks: Sequence[Task],
        settings: RlSettings,
        seed: int,
        state: LoopState,
        keeping: Keeping,
        meter: Meter | None,
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._tasks = {task.id: task for task in tasks}
        self._settings = settings
        self._seed = seed
        self._tell = keeping.tell
        self._note = keeping.note
        self._meter = meter
        self._clock = clock
        self.step = state.step
        self._empty_steps = state.empty_steps
        self._visits = dict(state.visits)
        self._curriculum = Curriculum(
            [task.id for task in tasks],
            seed=seed,
            settings=settings.curriculum,
            rates=state.rates,
            cursor=state.cursor,
        )
        self._to_resubmit = list(state.pending)
        self._open: list[tuple[str, int]] = []
        """Submitted and not taken, the oldest first."""
        self._versions: dict[str, int] = {}

    def state(self) -> LoopState:
        """Where the loop stands; groups under way are named, to be rolled out again."""
        return LoopState(
            step=self.step,
            cursor=self._curriculum.cursor,
            rates=self._curriculum.rates,
            visits=self._visits,
            pending=(*self._open, *self._to_resubmit),
            empty_steps=self._empty_steps,
        )

    async def publish(self) -> float:
        """Name the current weights and give them to the sampler; seconds."""
        started = self._clock()
        self._versions[await self._policy.publish(self.step)] = self.step
        return self._clock() - started

    async def make_step(self, rollout: Rollout) -> None:
        """One batch and its update."""
        settings = self._settings
        started = self._clock()
        if self._meter is not None:
            self._meter()
        ahead = settings.batch_tasks * (1 + settings.max_staleness)
        while len(self._open) < ahead:
            await self._submit(rollout)
        made = await self._collect(rollout)
        rolled_s = self._clock() - started
        metered = self._meter() if self._meter is not None else {}
        self._note_rates(made.groups)
        batch = make_batch(
            made.groups,
            settings=settings,
            step=self.step,
            seed=self._seed,
            sample=self._policy.sample,
        )
        told = figures(made.groups, batch=batch)
        began = self._clock()
        updated = await self._policy.update(batch, step=self.step) if batch.rows else {}
        update_s = self._clock() - began
        has_learnt = updated.get("steps_taken", 0.0) > 0
        self.step += 1
        sync_s = await self.publish()
        whole_s = self._clock() - started
        told |= {**metered, **updated}
        told |= {
            "groups_stale": float(made.stale),
            "groups_drawn": float(made.drawn),
            "seconds_rollout": rolled_s,
            "seconds_update": update_s,
            "seconds_sync": sync_s,
            "trainer_idle_frac": rolled_s / whole_s if whole_s else 0.0,
            "masked_alarm": float(1 - told["valid_frac"] > settings.max_masked_frac),
            "tasks_left_out": float(sum(1 for _ in self._curriculum.excluded())),
        }
        self._empty_steps = 0 if has_learnt else self._empty_steps + 1
        told["steps_without_update"] = float(self._empty_steps)
        await self._tell(self.step, told)
        if self._empty_steps >= settings.max_empty_steps:
            reasons = {name: value for name, value in told.items() if name.startswith("stop_")}
            msg = (
                f"{self._empty_steps} steps in a row gave no update; the last one's episodes ended "
                f"as {json.dumps(reasons)}, {told['groups_zero_variance']:.0f} groups were all "
                "alike: look at episodes, or start from an easier world or a better checkpoint"
            )
            raise TrainingStoppedError(msg)

    async def tell_evaluation(self, evaluate: Evaluate) -> None:
        """Measure the current weights."""
        started = self._clock()
        found = await evaluate(self.step)
        told = {f"held_out_{name}": value for name, value in found.items()}
        await self._tell(self.step, told | {"seconds_evaluation": self._clock() - started})

    async def _submit(self, rollout: Rollout) -> None:
        if self._to_resubmit:
            task_id, first_attempt = self._to_resubmit.pop(0)
        else:
            task_id = self._curriculum.draw()
            visit = self._visits.get(task_id, 0)
            self._visits[task_id] = visit + 1
            first_attempt = visit * self._settings.rollout.group_size
        await rollout.submit(self._tasks[task_id], first_attempt=first_attempt)
        self._open.append((task_id, first_attempt))

    async def _collect(self, rollout: Rollout) -> _Step:
        """Groups of a batch, in the order of their submission."""
        settings = self._settings
        made = _Step()
        wants_signal = settings.zero_variance == "refill"
        while True:
            useful = (
                sum(one.signal is Signal.INFORMATIVE for one in made.groups)
                if wants_signal
                else len(made.groups)
            )
            missing = tasks_to_draw(
                num_informative=useful,
                num_drawn=made.drawn,
                batch_tasks=settings.batch_tasks,
                # Groups that were too old are replaced as well.
                refill_limit=settings.refill_limit if wants_signal or made.stale else 0,
            )
            if not missing:
                return made
            for _ in range(missing):
                if not self._open:
                    await self._submit(rollout)
                group = await rollout.next_group()
                self._open.pop(0)
                made.drawn += 1
                graded = grade(group, settings=settings, step=self.step, versions=self._versions)
                if self._note is not None:
                    await self._note(self.step + 1, graded)
                if graded.staleness > settings.max_staleness:
                    made.stale += 1
                else:
                    made.groups.append(graded)

    def _note_rates(self, groups: Sequence[GradedGroup]) -> None:
        for group in groups:
            graded = [
                one.reward.accuracy
                for one in group.members
                if one.mask.standing is Standing.VALID and one.reward is not None
            ]
            self._curriculum.note(
                group.group.task.id,
                attempts=len(graded),
                correct=sum(accuracy == 1.0 for accuracy in graded),
            )


_CURSOR = TypeAdapter(dict[str, JsonValue])


def packed_state(state: LoopState) -> dict[str, JsonValue]:
    """The state as a checkpoint's cursor."""
    return _CURSOR.validate_json(state.model_dump_json())


def unpacked_state(cursor: Mapping[str, JsonValue]) -> LoopState:
    """The state of a checkpoint's cursor."""
    return LoopState.model_validate_json(json.dumps(dict(cursor)))
