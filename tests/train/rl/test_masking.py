"""Who stands how in a group, and which tokens of a fatal episode are left."""

from collections.abc import Sequence

import pytest

from tests.builders import a_task, a_trajectory, a_turn
from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.trajectory import FaultKind, FormatFault, StopReason, Turn
from vision_deepresearch.train.rl.advantage import leave_one_out
from vision_deepresearch.train.rl.masking import (
    MaskSettings,
    Standing,
    clamped,
    fatal_turn,
    mask_of,
    needs_verdict,
    without_fatal_turns,
)

EPISODE, FATAL = MaskSettings(), MaskSettings(policy="fatal_step")


def turns(pattern: str) -> tuple[Turn, ...]:
    """`.` a good turn, `x` a bad one."""
    fault = FormatFault(kind=FaultKind.NO_TAGS, message="no tags")
    return tuple(
        a_turn(index=index).model_copy(update={"fault": fault if mark == "x" else None})
        for index, mark in enumerate(pattern)
    )


def an_episode(
    stop: StopReason,
    *,
    pattern: str = ".",
    answer: str | None = None,
    decision: Decision = Decision.CORRECT,
) -> Episode:
    task = a_task()
    answer = "Ostrel" if stop is StopReason.ANSWER else answer
    trajectory = a_trajectory(task, stop=stop, answer=answer, turns=turns(pattern))
    return episode_of(task, trajectory, Verdict(decision=decision, reason="so", judge="test"))


@pytest.mark.parametrize("stop", list(StopReason))
def test_every_stop_reason_has_its_standing(stop: StopReason) -> None:
    outside = {"model_error", "prompt_integrity", "cancelled", "deadline"}
    mask = mask_of(an_episode(stop), settings=EPISODE)
    if stop is StopReason.ANSWER:
        assert mask.standing is Standing.VALID
    else:
        expected = Standing.INFRASTRUCTURE if stop.value in outside else Standing.BEHAVIOUR
        assert mask.standing is expected
    assert mask.reason == stop.value


def test_an_answer_after_mostly_bad_turns_is_masked_and_an_abstention_is_never_a_zero() -> None:
    half = an_episode(StopReason.ANSWER, pattern="xx..")
    more = an_episode(StopReason.ANSWER, pattern="xxx..")
    assert mask_of(half, settings=EPISODE).standing is Standing.VALID
    assert mask_of(more, settings=EPISODE).standing is Standing.BEHAVIOUR
    assert mask_of(more, settings=EPISODE).reason == "bad_turns"
    undecided = an_episode(StopReason.ANSWER, decision=Decision.ABSTAIN)
    assert mask_of(undecided, settings=EPISODE).standing is Standing.INFRASTRUCTURE


@pytest.mark.pitfall("P57")
def test_masked_episodes_need_no_verdict() -> None:
    asked = [
        stop
        for stop in StopReason
        if needs_verdict(an_episode(stop, answer="Ostrel").trajectory, settings=EPISODE)
    ]
    assert asked == [StopReason.ANSWER]
    mostly_bad = an_episode(StopReason.ANSWER, pattern="xxx.").trajectory
    assert not needs_verdict(mostly_bad, settings=EPISODE)
    forced = an_episode(StopReason.REPETITION, answer="Ostrel").trajectory
    assert needs_verdict(forced, settings=FATAL), "only a forced answer can be rewarded there"


@pytest.mark.pitfall("P67")
@pytest.mark.parametrize(
    ("stop", "pattern", "expected"),
    [
        (StopReason.FORMAT_FAULTS, "..xxx", 2),
        (StopReason.TOOL_FAULTS, "x.xxx", 2),
        (StopReason.FORMAT_FAULTS, "xxx", 0),
        (StopReason.REPETITION, "....", 3),
        (StopReason.ANSWER, ".xx", 1),
        (StopReason.TURN_LIMIT, "..xx", None),
        (StopReason.CONTEXT_LIMIT, "..", None),
    ],
)
def test_where_a_trajectory_became_hopeless(
    stop: StopReason, pattern: str, expected: int | None
) -> None:
    assert fatal_turn(an_episode(stop, pattern=pattern).trajectory) == expected


@pytest.mark.pitfall("P67")
def test_a_hand_made_episode_with_a_fatal_third_step_per_policy() -> None:
    """Four turns of two tokens, an observation between them; turn 2 begins the cascade."""
    mask = [False, *[True, True, False] * 4]
    turn = [-1, *[t for n in range(4) for t in (n, n, -1)]]
    episode = an_episode(StopReason.FORMAT_FAULTS, pattern="..xx")
    whole = mask_of(episode, settings=EPISODE)
    assert (whole.standing, whole.fatal_turn) == (Standing.BEHAVIOUR, None)
    step = mask_of(episode, settings=FATAL)
    assert (step.standing, step.fatal_turn) == (Standing.VALID, 2)
    left = without_fatal_turns(mask, turn, fatal_turn=step.fatal_turn)
    assert left.tolist() == [False, True, True, False, True, True, False, *[False] * 6]
    assert clamped(-0.5, mask=step, settings=FATAL) == 0.0
    assert clamped(0.5, mask=step, settings=FATAL) == 0.5
    assert clamped(-0.5, mask=step, settings=MaskSettings(policy="fatal_step", clamps=False)) < 0
    assert clamped(-0.5, mask=whole, settings=FATAL) == -0.5
    assert leave_one_out([1.0, 0.0], [Standing.VALID, step.standing]) == [1.0, -1.0]


@pytest.mark.parametrize(
    ("fatal", "expected"),
    [(1, [1, 1, 0, 0, 0, 0, 0]), (0, [0] * 7), (2, [1, 1, 0, 1, 1, 0, 0]), (None, None)],
)
def test_turns_are_told_apart_by_their_index(
    fatal: int | None, expected: Sequence[int] | None
) -> None:
    mask = [bool(bit) for bit in (1, 1, 0, 1, 1, 0, 1)]
    left = without_fatal_turns(mask, [0, 0, -1, 1, 1, -1, 2], fatal_turn=fatal)
    assert left.tolist() == (mask if expected is None else [bool(bit) for bit in expected])


def test_adjacent_turns_do_not_merge() -> None:
    left = without_fatal_turns([True] * 4, [0, 0, 1, 1], fatal_turn=1)
    assert left.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="one turn index"):
        without_fatal_turns([True], [0, 0], fatal_turn=None)
