"""The training loop with a scripted policy on a virtual clock: order, staleness, faults, resume."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.train.rl.rolling import SlowSearch, a_researcher, rolling, tasks
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import FailureKind, TrainingStoppedError
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import TokenTrace, Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.train.rl.batch import Batch
from vision_deepresearch.train.rl.loop import (
    Keeping,
    LoopState,
    packed_state,
    train,
    unpacked_state,
)
from vision_deepresearch.train.rl.rollout import Work, open_rollout
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.samples import TrainingSample, no_pictures


@dataclass
class Scripted:
    """A policy whose weights are a number, and who notes what it was trained on."""

    batches: list[tuple[tuple[str, float], ...]] = field(default_factory=list)
    published: list[int] = field(default_factory=list)
    update_s: float = 5.0
    stamp: str = ""
    is_broken: bool = False

    def sample(self, trajectory: Trajectory, fatal_turn: int | None) -> TrainingSample:
        del fatal_turn
        assert trajectory.tokens is not None
        pixels, grids = no_pictures()
        return TrainingSample(
            key=trajectory.id,
            ids=np.asarray(trajectory.tokens.ids, np.int64),
            loss_mask=np.asarray(trajectory.tokens.loss_mask, np.bool_),
            turn_index=np.asarray(trajectory.tokens.turn_index, np.int32),
            image_id=0,
            logprobs=np.asarray(trajectory.tokens.logprobs, np.float32),
            versions=trajectory.tokens.versions,
            pixel_values=pixels,
            grids=grids,
        )

    async def update(self, batch: Batch, *, step: int) -> dict[str, float]:
        del step
        await asyncio.sleep(self.update_s)
        self.batches.append(tuple((row.key, round(row.advantage, 6)) for row in batch.rows))
        return {"steps_taken": 0.0 if self.is_broken else 1.0}

    async def publish(self, step: int) -> str:
        self.published.append(step)
        self.stamp = f"{step}-scripted"
        return self.stamp


def settings(**changes: object) -> RlSettings:
    values: dict[str, object] = {
        "sft_checkpoint": "somewhere",
        "steps": 6,
        "batch_tasks": 2,
        "refill_limit": 0,
        "rollout": {"group_size": 4, "episodes_in_flight": 16},
    }
    return RlSettings.model_validate(values | changes)


def trained(
    config: RlSettings,
    policy: Scripted,
    *,
    state: LoopState | None = None,
    judge: Judge | None = None,
    stamp: str | None = None,
    logprob: float = -1.0,
    seconds: float = 1.0,
) -> tuple[LoopState, list[Mapping[str, float]], list[LoopState]]:
    """The end, the figures of every step, and the states that were saved."""
    told: list[Mapping[str, float]] = []
    saved: list[LoopState] = []
    inner = rolling(a_researcher(tool=SlowSearch(lambda _: seconds)))

    async def roll_out(work: Work) -> Trajectory:
        version = stamp or policy.stamp
        trajectory = await inner(work)
        trace = TokenTrace(
            ids=(7, 8, 9),
            loss_mask=(False, True, True),
            logprobs=(0.0, logprob, -1.0),
            versions=(None, version, version),
            turn_index=(-1, 0, 0),
        )
        return trajectory.model_copy(update={"tokens": trace})

    async def tell(step: int, values: Mapping[str, float]) -> None:
        assert step >= 1
        told.append(values)

    async def save(state: LoopState) -> None:
        saved.append(unpacked_state(packed_state(state)))

    async def main() -> LoopState:
        return await train(
            policy,
            tasks=tasks(5),
            rolling=open_rollout(
                roll_out=roll_out,
                judge=judge or RuleJudge(),
                seed=1,
                max_groups=config.max_groups,
                settings=config.rollout,
                clock=virtual_s,
            ),
            settings=config,
            seed=1,
            state=state or LoopState(),
            keeping=Keeping(tell=tell, save=save),
            clock=virtual_s,
        )

    return run_virtually(main), told, saved


def test_batches_do_not_depend_on_concurrency_and_tasks_come_again_with_new_attempts() -> None:
    seen = []
    for in_flight in (1, 16):
        policy = Scripted()
        rollout = {"group_size": 4, "episodes_in_flight": in_flight}
        end, told, _ = trained(settings(rollout=rollout), policy)
        seen.append(policy.batches)
        assert end.step == 6
        assert policy.published == list(range(7))
    assert seen[0] == seen[1]
    keys = [key for batch in seen[0] for key, _ in batch]
    assert len(keys) == len(set(keys))
    assert {int(key.rpartition("/")[2]) // 4 for key in keys} == {0, 1, 2}
    assert all(told_["staleness_max"] == 0 for told_ in told)
    assert 0 < sum(one["accuracy_mean"] for one in told) / len(told) < 1


def test_stopped_and_started_again_it_trains_on_what_it_would_have() -> None:
    whole = Scripted()
    trained(settings(), whole)
    for staleness in (0, 1):
        first = Scripted()
        _, _, saved = trained(settings(steps=3, max_staleness=staleness), first)
        second = Scripted()
        end, _, _ = trained(settings(max_staleness=staleness), second, state=saved[-1])
        assert first.batches + second.batches == whole.batches
        assert second.published == [3, 4, 5, 6]
        assert end.step == 6
        assert len(saved[-1].pending) == 2 * staleness


def test_with_a_staleness_of_one_rollouts_go_on_during_the_update() -> None:
    took = []
    for staleness in (0, 1):
        policy = Scripted(update_s=20.0)
        _, told, _ = trained(settings(max_staleness=staleness), policy)
        took.append(sum(one["seconds_rollout"] for one in told))
        assert max(one["staleness_max"] for one in told) == staleness
        assert sum(one["groups_stale"] for one in told) == 0
    assert took[1] < took[0] / 2


def test_groups_that_are_too_old_are_dropped_replaced_and_counted() -> None:
    policy = Scripted()
    config = settings(steps=3, refill_limit=2, max_empty_steps=9)
    _, told, _ = trained(config, policy, stamp="0-scripted")
    assert told[0]["groups_stale"] == 0
    assert told[1]["groups_stale"] == 4, "two, and two in their place"
    assert told[1]["episodes"] == 0
    assert len(policy.batches) == 1


def test_tokens_of_unknown_weights_are_masked() -> None:
    policy = Scripted()
    _, told, _ = trained(settings(steps=2), policy, stamp="somebody's")
    assert not policy.batches
    assert told[0]["stop_unknown_version_frac"] == 1.0
    assert told[0]["masked_alarm"] == 1.0


@pytest.mark.parametrize("logprob", [math.nan, 0.5])
def test_captured_numbers_that_are_none_are_left_out(logprob: float) -> None:
    policy = Scripted()
    _, told, _ = trained(settings(steps=2), policy, logprob=logprob)
    assert not policy.batches
    assert told[0]["rows_untrainable"] == 8


class _Down:
    profile_id = "down"

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        del task, trajectory
        return Verdict(
            decision=Decision.ABSTAIN,
            reason="the judge is down",
            judge="down",
            decided_by="nobody",
            failure=FailureKind.UPSTREAM,
        )


def test_a_judge_that_is_down_gives_no_update_and_in_the_end_the_run_says_so() -> None:
    policy = Scripted()
    with pytest.raises(ExceptionGroup) as caught:
        trained(settings(max_empty_steps=3), policy, judge=_Down())
    assert not policy.batches
    assert policy.published == [0, 1, 2, 3]
    stopped = caught.value.exceptions[0]
    assert isinstance(stopped, TrainingStoppedError)
    assert "abstain" in str(stopped)


def test_updates_that_are_never_taken_end_the_run() -> None:
    with pytest.raises(ExceptionGroup, match="unhandled") as caught:
        trained(settings(max_empty_steps=2, steps=9), Scripted(is_broken=True))
    assert isinstance(caught.value.exceptions[0], TrainingStoppedError)


@pytest.mark.pitfall("P65")
def test_groups_without_signal_are_dropped_or_refilled() -> None:
    kept, dropped, refilled = Scripted(), Scripted(), Scripted()
    _, told, _ = trained(settings(), kept)
    trained(settings(zero_variance="drop"), dropped)
    assert kept.batches == dropped.batches, "the same rows are trained; the denominator differs"
    _, more, _ = trained(settings(zero_variance="refill", refill_limit=6), refilled)
    assert sum(one["groups_zero_variance"] for one in told) > 0
    assert sum(one["groups_drawn"] for one in more) > sum(one["groups_drawn"] for one in told)
    assert all(one["groups_informative"] >= 2 or one["groups_drawn"] == 8 for one in more)


@pytest.mark.pitfall("P68")
def test_a_start_that_was_not_fine_tuned_must_be_asked_for() -> None:
    wrongs: tuple[tuple[dict[str, object], str], ...] = (
        ({}, "sft_checkpoint is missing"),
        ({"base_model": "base"}, "allow_base"),
        ({"base_model": "base", "sft_checkpoint": "sft", "allow_base": True}, "start from one"),
    )
    for wrong, why in wrongs:
        with pytest.raises(ValueError, match=why):
            RlSettings.model_validate(wrong)
    assert RlSettings(base_model="base", allow_base=True).start == "base"
