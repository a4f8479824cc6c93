"""Leave-one-out against a float64 reference and the worked numbers of the algorithm's page."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.train.rl.advantage import (
    AdvantageSettings,
    BaselineMembers,
    leave_one_out,
)
from vision_deepresearch.train.rl.masking import Standing

VALID, BEHAVIOUR, OUTSIDE = Standing.VALID, Standing.BEHAVIOUR, Standing.INFRASTRUCTURE
_LETTERS = {"m": BEHAVIOUR, "i": OUTSIDE}


def group(row: str) -> tuple[list[float | None], list[Standing]]:
    """A row of the table: 1 and 0 are rewards, m masked for behaviour, i the outside's fault."""
    cells = row.split()
    rewards = [None if cell in _LETTERS else float(cell) for cell in cells]
    return rewards, [_LETTERS.get(cell, VALID) for cell in cells]


def reference(
    rewards: list[float | None], standings: list[Standing], members: BaselineMembers
) -> list[float]:
    """Ten lines, no shortcuts: the mean of the others, member by member."""
    pool = {
        i: (rewards[i] or 0.0) if standings[i] is VALID else 0.0
        for i in range(len(rewards))
        if standings[i] is VALID or (standings[i] is BEHAVIOUR and members == "all")
    }
    out = [0.0] * len(rewards)
    for i in pool:
        others = [value for j, value in pool.items() if j != i]
        if standings[i] is VALID and others:
            out[i] = pool[i] - sum(others) / len(others)
    return out


@pytest.mark.pitfall("P66")
@pytest.mark.parametrize(
    ("row", "valid", "all_members"),
    [
        ("1 0 1 0", [2 / 3, -2 / 3, 2 / 3, -2 / 3], [2 / 3, -2 / 3, 2 / 3, -2 / 3]),
        ("1 0 1 m", [0.5, -1, 0.5, 0], [2 / 3, -2 / 3, 2 / 3, 0]),
        ("1 1 1 m", [0, 0, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0]),
        ("0 0 0 m", [0, 0, 0, 0], [0, 0, 0, 0]),
        ("1 m m m", [0, 0, 0, 0], [1, 0, 0, 0]),
        ("1 0 m m m m m m", [1, -1, 0, 0, 0, 0, 0, 0], [1, -1 / 7, 0, 0, 0, 0, 0, 0]),
        ("1 0 0 0 0 0 0 0", [1, *[-1 / 7] * 7], [1, *[-1 / 7] * 7]),
        ("1 0 i", [1, -1, 0], [1, -1, 0]),
        ("1 i i", [0, 0, 0], [0, 0, 0]),
    ],
)
def test_the_worked_table(row: str, valid: list[float], all_members: list[float]) -> None:
    for members, expected in (("valid", valid), ("all", all_members)):
        settings = AdvantageSettings.model_validate({"baseline_members": members})
        assert leave_one_out(*group(row), settings=settings) == pytest.approx(expected, abs=1e-15)


@pytest.mark.pitfall("P65")
def test_a_single_member_and_an_even_group_teach_nothing() -> None:
    assert leave_one_out(*group("1")) == [0.0]
    assert leave_one_out(*group("1 1 1 1")) == [0.0] * 4
    assert leave_one_out([0.1] * 3, [VALID] * 3) == [0.0] * 3, "0.1 + 0.1 + 0.1 is not 0.3"


def test_a_baseline_may_be_asked_to_have_more_members() -> None:
    settings = AdvantageSettings(min_valid=3)
    assert leave_one_out(*group("1 0 m m"), settings=settings) == [0.0] * 4
    assert leave_one_out(*group("1 0 1 m"), settings=settings) == pytest.approx([0.5, -1, 0.5, 0])


@pytest.mark.parametrize("reward", [None, float("nan"), float("inf")])
def test_a_valid_member_without_a_number_is_refused(reward: float | None) -> None:
    with pytest.raises(ValueError, match="mask it"):
        leave_one_out([1.0, reward], [VALID, VALID])


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 0.25]), st.sampled_from(list(Standing))),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["valid", "all"]),
    st.randoms(use_true_random=False),
)
def test_any_group_equals_the_reference_in_any_order(
    members: list[tuple[float, Standing]], baseline: BaselineMembers, rng: random.Random
) -> None:
    settings = AdvantageSettings(baseline_members=baseline)
    rewards: list[float | None] = [reward for reward, _ in members]
    standings = [standing for _, standing in members]
    got = leave_one_out(rewards, standings, settings=settings)
    assert got == pytest.approx(reference(rewards, standings, baseline), abs=1e-12)
    if baseline == "valid":
        assert sum(got) == pytest.approx(0, abs=1e-12)
    assert all(got[i] == 0 for i, standing in enumerate(standings) if standing is not VALID)
    order = list(range(len(members)))
    rng.shuffle(order)
    mixed = leave_one_out(
        [rewards[i] for i in order], [standings[i] for i in order], settings=settings
    )
    assert mixed == pytest.approx([got[i] for i in order], abs=1e-12)
