"""Rewards, down-sampling, groups without signal, the curriculum."""

import pytest

from tests.builders import a_task, a_trajectory, a_turn
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.episode import Decision, Episode, Verdict, episode_of
from vision_deepresearch.core.trajectory import FaultKind, FormatFault, TokenTrace, Totals
from vision_deepresearch.train.rl.advantage import leave_one_out
from vision_deepresearch.train.rl.batch import Batch, figures, grade
from vision_deepresearch.train.rl.curriculum import Curriculum, CurriculumSettings
from vision_deepresearch.train.rl.downsampling import kept_rows
from vision_deepresearch.train.rl.masking import Standing
from vision_deepresearch.train.rl.reward import RewardSettings, reward_of
from vision_deepresearch.train.rl.rollout import Rolled, RolledGroup, Work
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.rl.signal import Signal, signal_of, tasks_to_draw

ACCURACY = RewardSettings()


def an_episode(
    decision: Decision, *, faults: str = "..", searches: int = 0, answer: str | None = "Ostrel"
) -> Episode:
    task = a_task()
    fault = FormatFault(kind=FaultKind.NO_TAGS, message="no tags")
    turns = tuple(
        a_turn(index=n).model_copy(update={"fault": fault if mark == "x" else None})
        for n, mark in enumerate(faults)
    )
    trajectory = a_trajectory(task, turns=turns, answer=answer).model_copy(
        update={"totals": Totals(calls={SpendKind.TEXT_SEARCH: searches})}
    )
    return episode_of(task, trajectory, Verdict(decision=decision, reason="so", judge="test"))


@pytest.mark.pitfall("P59")
def test_the_reward_is_accuracy_and_a_format_weight_adds_its_documented_amount() -> None:
    for decision, accuracy in ((Decision.CORRECT, 1.0), (Decision.INCORRECT, 0.0)):
        episode = an_episode(decision, faults="..x.")
        assert reward_of(episode, settings=ACCURACY).total == accuracy
        weighted = reward_of(episode, settings=RewardSettings(format_weight=0.2))
        assert weighted.total == pytest.approx(accuracy + 0.2 * 0.75)
        assert (weighted.accuracy, weighted.adherence) == (accuracy, 0.75)


def test_an_abstention_is_masked_and_no_answer_is_a_zero() -> None:
    assert reward_of(an_episode(Decision.ABSTAIN), settings=ACCURACY).total is None
    assert reward_of(an_episode(Decision.ABSTAIN, answer=None), settings=ACCURACY).total == 0.0


def test_cost_is_taken_off_right_answers_only_and_grows_over_the_ramp() -> None:
    settings = RewardSettings(cost_weight=0.4, cost_requests=10, cost_ramp_steps=4)
    right = an_episode(Decision.CORRECT, searches=5)
    totals = [reward_of(right, settings=settings, step=step).total for step in (0, 2, 4, 9)]
    assert totals == pytest.approx([1.0, 0.9, 0.8, 0.8])
    dear = an_episode(Decision.CORRECT, searches=500)
    assert reward_of(dear, settings=settings, step=4).total == pytest.approx(0.6)
    wrong = an_episode(Decision.INCORRECT, searches=5)
    assert reward_of(wrong, settings=settings, step=4).total == 0.0


def test_a_reward_that_is_no_number_is_masked_and_said() -> None:
    broken = an_episode(Decision.CORRECT).model_copy(update={"reward": float("nan")})
    made = reward_of(broken, settings=ACCURACY)
    assert (made.total, made.is_finite) == (None, False)


def test_a_reward_that_is_no_number_touches_no_sibling_and_is_counted() -> None:
    trace = TokenTrace(
        ids=(7, 8),
        loss_mask=(False, True),
        logprobs=(0.0, -1.0),
        versions=(None, "0-a"),
        turn_index=(-1, 0),
    )
    members = []
    for attempt, decision in enumerate((Decision.CORRECT, Decision.INCORRECT, Decision.CORRECT)):
        episode = an_episode(decision)
        episode = episode.model_copy(
            update={"trajectory": episode.trajectory.model_copy(update={"tokens": trace})}
        )
        if attempt == 2:
            episode = episode.model_copy(update={"reward": float("nan")})
        work = Work(task=a_task(), group=0, attempt=attempt, seed=0)
        members.append(Rolled(work=work, episode=episode, was_judged=True))
    rolled = RolledGroup(index=0, task=a_task(), members=tuple(members), seconds=1.0)
    settings = RlSettings(sft_checkpoint="x")
    graded = grade(rolled, settings=settings, step=0, versions={"0-a": 0})
    assert [one.advantage for one in graded.members] == [1.0, -1.0, 0.0]
    assert graded.members[2].mask.reason == "bad_reward"
    nothing = Batch(rows=(), num_active=(), num_untrainable=0, num_dropped=0)
    told = figures([graded], batch=nothing)
    assert told["bad_rewards"] == 1
    assert told["reward_mean"] == 0.5
    assert told["masked_infrastructure_frac"] == pytest.approx(1 / 3)


def test_negative_rows_are_dropped_by_their_name_alone() -> None:
    names = [f"episode-{n}" for n in range(2000)]
    advantages = [(-1.0, 0.0, 1.0)[n % 3] for n in range(2000)]
    assert all(kept_rows(advantages, names, keep_negative=1.0, seed=1, step=1))
    kept = kept_rows(advantages, names, keep_negative=0.2, seed=1, step=1)
    assert all(keep for keep, advantage in zip(kept, advantages, strict=True) if advantage >= 0)
    share = sum(k for k, a in zip(kept, advantages, strict=True) if a < 0) / (2000 / 3)
    assert 0.15 < share < 0.25
    turned = kept_rows(advantages[::-1], names[::-1], keep_negative=0.2, seed=1, step=1)
    assert turned[::-1] == kept
    assert kept != kept_rows(advantages, names, keep_negative=0.2, seed=1, step=2)
    with pytest.raises(ValueError, match="probability"):
        kept_rows([1.0], ["a"], keep_negative=1.5, seed=0, step=0)


@pytest.mark.pitfall("P65")
def test_groups_are_sorted_by_their_signal() -> None:
    valid, masked = Standing.VALID, Standing.BEHAVIOUR
    for rewards, standings, expected in (
        ([1.0, 1.0, 1.0, 1.0], [valid] * 4, Signal.ZERO_VARIANCE),
        ([0.0, 0.0, 0.0, 0.0], [valid] * 4, Signal.ZERO_VARIANCE),
        ([1.0, 0.0], [valid] * 2, Signal.INFORMATIVE),
        ([1.0, None], [valid, masked], Signal.UNDERPOPULATED),
        ([None, None], [masked] * 2, Signal.UNDERPOPULATED),
    ):
        assert signal_of(leave_one_out(rewards, standings), standings) is expected


def test_refilling_stops_at_its_limit() -> None:
    def missing(informative: int, drawn: int) -> int:
        return tasks_to_draw(
            num_informative=informative, num_drawn=drawn, batch_tasks=8, refill_limit=4
        )

    assert [missing(0, 0), missing(5, 8), missing(5, 11), missing(0, 12), missing(8, 8)] == [
        8,
        3,
        1,
        0,
        0,
    ]


def test_a_curriculum_leaves_out_what_teaches_nothing_and_goes_on_where_it_was() -> None:
    names = [f"t{n}" for n in range(10)]
    settings = CurriculumSettings(min_attempts=4, again_frac=0.0)
    one = Curriculum(names, seed=3, settings=settings)
    assert sorted(one.draw() for _ in range(10)) == sorted(names), "an epoch holds every task once"
    for n, name in enumerate(names):
        one.note(name, attempts=4, correct=min(n, 4))
    assert sorted(one.excluded()) == ["t0", "t4", "t5", "t6", "t7", "t8", "t9"]
    again = Curriculum(names, seed=3, settings=settings, rates=one.rates, cursor=one.cursor)
    assert [one.draw() for _ in range(9)] == [again.draw() for _ in range(9)]
    assert {one.draw() for _ in range(9)} == {"t1", "t2", "t3"}


def test_a_curriculum_in_which_nothing_is_left_draws_all_the_same() -> None:
    settings = CurriculumSettings(min_attempts=1, again_frac=0.0)
    one = Curriculum(["a", "b"], seed=0, settings=settings)
    for name in ("a", "b"):
        one.note(name, attempts=1, correct=1)
    assert {one.draw() for _ in range(20)} == {"a", "b"}
    wrongs: tuple[list[str], ...] = ([], ["a", "a"])
    for wrong in wrongs:
        with pytest.raises(ValueError, match="task"):
            Curriculum(wrong, seed=0)
