"""The asynchronous rollout on a virtual clock: order, seeds, bounds, losses, cancellation."""

import asyncio
import errno
from collections.abc import Awaitable, Callable

import pytest
from typing_extensions import override

from tests.train.rl.rolling import SlowSearch, a_researcher, rolling, tasks
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import FailureKind, JudgeError
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Judge, ToolContext
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.train.rl.masking import MaskSettings, Standing, mask_of
from vision_deepresearch.train.rl.rollout import (
    LossReason,
    RolledGroup,
    RollOut,
    Rollout,
    RolloutSettings,
    Work,
    episode_seed,
    open_rollout,
)
from vision_deepresearch.train.rl.slots import Slots, SlotSettings


def rolled_out(
    num: int,
    *,
    roll_out: RollOut,
    judge: Judge | None = None,
    group_size: int = 4,
    in_flight: int = 16,
    episode_s: float = 1800.0,
    judge_s: float = 300.0,
    first: int = 0,
    meanwhile: Callable[[Rollout], Awaitable[None]] | None = None,
) -> tuple[list[RolledGroup], float]:
    """All groups of so many tasks, the first ones left out, and the virtual seconds it took."""

    async def main() -> tuple[list[RolledGroup], float]:
        settings = RolloutSettings(
            group_size=group_size,
            episodes_in_flight=in_flight,
            episode_s=episode_s,
            judge_s=judge_s,
        )
        async with open_rollout(
            roll_out=roll_out,
            judge=judge or RuleJudge(),
            seed=7,
            max_groups=num,
            settings=settings,
            clock=virtual_s,
        ) as rollout:
            for task in tasks(num)[first:]:
                await rollout.submit(task)
            if meanwhile is not None:
                await meanwhile(rollout)
            groups = [await rollout.next_group() for _ in range(num - first)]
            return groups, virtual_s()

    return run_virtually(main, max_s=1e5)


def said(groups: list[RolledGroup]) -> list[tuple[str, ...]]:
    """What every sibling said, turn by turn, and its reward."""
    rows: list[tuple[str, ...]] = []
    for group in groups:
        for one in group.members:
            assert one.episode is not None
            texts = [turn.reply.text for turn in one.episode.trajectory.turns]
            rows.append((one.work.task.id, *texts, str(one.episode.reward)))
    return rows


def test_trajectories_do_not_depend_on_how_many_run_at_a_time() -> None:
    one, one_s = rolled_out(6, roll_out=rolling(a_researcher()), in_flight=1)
    many, many_s = rolled_out(6, roll_out=rolling(a_researcher()), in_flight=16)
    assert said(one) == said(many)
    assert len(set(said(one))) == 24, "siblings differ"
    assert one_s > 5 * many_s
    assert [group.index for group in many] == list(range(6))


def test_an_episode_does_not_depend_on_what_was_submitted_before_it() -> None:
    whole, _ = rolled_out(4, roll_out=rolling(a_researcher()))
    alone, _ = rolled_out(4, roll_out=rolling(a_researcher()), first=3)
    assert said(alone) == said(whole)[-4:]


def test_an_episode_that_is_being_judged_holds_no_slot() -> None:
    class Slow:
        profile_id = "slow"

        async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
            await asyncio.sleep(200.0)
            return await RuleJudge().judge(task, trajectory)

    _, quick_s = rolled_out(2, roll_out=rolling(a_researcher()), in_flight=1)
    _, slow_s = rolled_out(2, roll_out=rolling(a_researcher()), in_flight=1, judge=Slow())
    assert slow_s == pytest.approx(quick_s + 200.0)


def test_seeds_name_the_run_the_task_and_the_attempt() -> None:
    seeds = {
        episode_seed(run, task_id=task, attempt=attempt)
        for run in (0, 1)
        for task in ("a", "b")
        for attempt in (0, 1)
    }
    assert len(seeds) == 8
    assert episode_seed(0, task_id="a", attempt=0) == 7501225599165244262
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.pitfall("P74")
def test_a_model_sees_one_request_id_per_episode() -> None:
    researcher = a_researcher()
    rolled_out(4, roll_out=rolling(researcher))
    ids = researcher.model.request_ids  # type: ignore[attr-defined]
    assert len(ids) == 16
    assert all(len(one) == 1 for one in ids.values())
    assert len(set.union(*ids.values())) == 16


class _Breaks:
    """Raises for one task, in the component that is asked to."""

    def __init__(self, where: str, victim: str) -> None:
        self.where = where
        self.victim = victim

    def check(self, where: str, task_id: str) -> None:
        if (where, task_id) == (self.where, self.victim):
            msg = f"{where} is broken"
            raise AttributeError(msg)


class _BreakingJudge:
    profile_id = "breaking"

    def __init__(self, breaks: _Breaks) -> None:
        self._breaks = breaks

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        self._breaks.check("judge", task.id)
        return await RuleJudge().judge(task, trajectory)


class _BreakingSearch(SlowSearch):
    def __init__(self, breaks: _Breaks) -> None:
        super().__init__()
        self._breaks = breaks

    @override
    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        self._breaks.check("tool", context.call.task_id)
        return await super().run(call, context)


@pytest.mark.pitfall("P71")
@pytest.mark.parametrize("where", ["tool", "judge", "roll_out"])
def test_one_broken_episode_of_sixty_four_costs_itself(where: str) -> None:
    breaks = _Breaks(where, tasks(20)[19].id)
    inner = rolling(a_researcher(tool=_BreakingSearch(breaks)))

    async def roll_out(work: Work) -> Trajectory:
        breaks.check("roll_out", work.task.id)
        return await inner(work)

    groups, _ = rolled_out(
        64, roll_out=roll_out, judge=_BreakingJudge(breaks), group_size=1, in_flight=64
    )
    losses = [one for group in groups for one in group.members if one.loss is not None]
    assert [one.work.task.id for one in losses] == [breaks.victim]
    assert losses[0].loss is LossReason.BUG
    assert f"{where} is broken" in losses[0].detail


def test_a_full_disk_stops_everything() -> None:
    async def roll_out(work: Work) -> Trajectory:
        raise OSError(errno.ENOSPC, "no space left", work.task.id)

    with pytest.raises(ExceptionGroup) as caught:
        rolled_out(2, roll_out=roll_out)
    assert caught.group_contains(OSError)


@pytest.mark.pitfall("P72")
def test_what_hangs_ends_within_its_deadline() -> None:
    """A tool that hangs is bounded by the agent; a model or a judge that does, by the rollout."""
    hanging = SlowSearch(lambda _: 1e9)
    limits = Limits(deadline_s=200.0, call_deadline_s=30.0)
    groups, took_s = rolled_out(
        2, roll_out=rolling(a_researcher(tool=hanging, limits=limits)), episode_s=1000.0
    )
    assert took_s < 300
    stops = {m.episode.trajectory.stop for g in groups for m in g.members if m.episode}
    assert StopReason.TOOL_FAULTS in stops

    async def never(work: Work) -> Trajectory:
        await asyncio.sleep(1e9)
        raise AssertionError(work)

    groups, took_s = rolled_out(4, roll_out=never, episode_s=50.0, in_flight=8)
    assert took_s == pytest.approx(100.0)
    assert {one.loss for group in groups for one in group.members} == {LossReason.DEADLINE}


class _SilentJudge:
    """Never answers, or cannot be reached."""

    profile_id = "silent"

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        if self._error is not None:
            raise self._error
        await asyncio.sleep(1e9)
        raise AssertionError(task, trajectory)


@pytest.mark.parametrize("error", [None, JudgeError(FailureKind.UPSTREAM, "down")])
def test_a_judge_that_is_down_masks_and_never_rewards_nothing(error: Exception | None) -> None:
    groups, _ = rolled_out(
        2, roll_out=rolling(a_researcher()), judge=_SilentJudge(error), judge_s=20.0
    )
    for group in groups:
        for one in group.members:
            assert one.episode is not None
            assert one.was_judged
            assert one.episode.verdict.decision is Decision.ABSTAIN
            assert one.episode.verdict.failure is not None
            assert one.episode.reward is None
            mask = mask_of(one.episode, settings=MaskSettings())
            assert (mask.standing, mask.reason) == (Standing.INFRASTRUCTURE, "abstain")


@pytest.mark.pitfall("P57")
def test_masked_episodes_are_not_judged() -> None:
    asked: list[StopReason] = []

    class Counting:
        profile_id = "counting"

        async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
            asked.append(trajectory.stop)
            return await RuleJudge().judge(task, trajectory)

    groups, _ = rolled_out(
        8, roll_out=rolling(a_researcher(limits=Limits(max_turns=3))), judge=Counting()
    )
    stops = [m.episode.trajectory.stop for g in groups for m in g.members if m.episode]
    assert StopReason.TURN_LIMIT in stops
    assert set(asked) == {StopReason.ANSWER}
    assert len(asked) == stops.count(StopReason.ANSWER)


def test_cancelling_a_group_cancels_its_calls_and_leaves_the_others_alone() -> None:
    search = SlowSearch(lambda context: 500.0 if context.task_id == tasks(1)[0].id else 1.0)

    async def meanwhile(rollout: Rollout) -> None:
        await asyncio.sleep(50.0)
        assert search.num_running >= 1
        rollout.cancel(0)
        rollout.cancel(2)
        rollout.cancel(99)

    groups, took_s = rolled_out(
        12,
        roll_out=rolling(a_researcher(tool=search, limits=Limits(call_deadline_s=900.0))),
        meanwhile=meanwhile,
    )
    assert took_s < 120
    assert search.num_cancelled >= 1
    assert search.num_running == 0
    assert LossReason.CANCELLED in {one.loss for one in groups[0].members}
    assert all(one.loss is None for group in groups[3:] for one in group.members)


def test_a_group_that_was_cancelled_in_the_queue_never_starts() -> None:
    begun: list[int] = []
    inner = rolling(a_researcher())

    async def roll_out(work: Work) -> Trajectory:
        begun.append(work.group)
        return await inner(work)

    async def meanwhile(rollout: Rollout) -> None:
        rollout.cancel(3)

    groups, _ = rolled_out(4, roll_out=roll_out, in_flight=2, meanwhile=meanwhile)
    assert 3 not in begun
    assert {one.loss for one in groups[3].members} == {LossReason.CANCELLED}


def test_a_slow_trainer_holds_the_rollout_back() -> None:
    """Never more than `max_groups` groups exist, and never more episodes than slots."""
    most = 0

    async def main() -> None:
        nonlocal most
        settings = RolloutSettings(group_size=4, episodes_in_flight=8)
        async with open_rollout(
            roll_out=rolling(a_researcher()),
            judge=RuleJudge(),
            seed=0,
            max_groups=5,
            settings=settings,
            clock=virtual_s,
        ) as rollout:

            async def submit_all() -> None:
                for task in tasks(20):
                    await rollout.submit(task)

            feeding = asyncio.create_task(submit_all())
            for _ in range(20):
                await asyncio.sleep(200.0)
                most = max(most, rollout.num_undelivered)
                assert rollout.num_running <= 8
                await rollout.next_group()
            await feeding

    run_virtually(main)
    assert most == 5


def test_taking_a_group_that_nobody_submitted_is_refused() -> None:
    async def main() -> None:
        async with open_rollout(
            roll_out=rolling(a_researcher()), judge=RuleJudge(), seed=0, max_groups=1
        ) as rollout:
            with pytest.raises(RuntimeError, match="submit one"):
                await rollout.next_group()

    run_virtually(main)


@pytest.mark.pitfall("P75")
def test_slow_reads_hold_up_neither_searches_nor_the_judge_and_classes_are_bounded() -> None:
    async def main() -> None:
        slots = Slots(SlotSettings(search=3, read=1), clock=virtual_s)
        slow, quick = SlowSearch(lambda _: 100.0), SlowSearch(lambda _: 1.0)
        tools = slots.tools({"visit": slow, "search": quick})
        rollout = rolling(a_researcher(tool=tools["search"]))
        reading = rolling(a_researcher(tool=tools["visit"]))
        works = [Work(task=task, group=0, attempt=0, seed=n) for n, task in enumerate(tasks(12))]
        readers = [asyncio.ensure_future(reading(work)) for work in works[:4]]
        await asyncio.wait([asyncio.ensure_future(rollout(work)) for work in works[4:]])
        assert virtual_s() < 60
        assert not all(one.done() for one in readers)
        for one in readers:
            one.cancel()
        await asyncio.wait(readers)
        assert (slow.max_running, quick.max_running) == (1, 3)
        assert not any(slots.num_running().values())

    run_virtually(main)


def test_a_call_that_never_got_its_slot_is_an_outage_and_no_fault_of_the_policy() -> None:
    slots = Slots(SlotSettings(search=1), clock=virtual_s)
    tools = slots.tools({"search": SlowSearch(lambda _: 25.0)})
    limits = Limits(call_deadline_s=30.0)
    groups, _ = rolled_out(
        3, roll_out=rolling(a_researcher(tool=tools["search"], limits=limits)), in_flight=12
    )
    stops = [m.episode.trajectory.stop for g in groups for m in g.members if m.episode]
    assert StopReason.CANCELLED in stops
    assert StopReason.TOOL_FAULTS not in stops


def test_a_tool_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="no class of resource"):
        Slots(SlotSettings(), clock=virtual_s).tools({"teleport": SlowSearch()})
