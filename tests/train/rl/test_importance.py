"""Importance weights: the worked numbers, the estimate of KL, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.train.rl.importance import (
    Correction,
    ImportanceSettings,
    importance_weights,
)


def weights(difference: list[float], correction: Correction) -> list[float]:
    """Of log o - log b."""
    made = importance_weights(
        np.array(difference),
        np.zeros(len(difference)),
        settings=ImportanceSettings(correction=correction),
    )
    return made.weights.tolist()


@pytest.mark.pitfall("P69")
def test_the_worked_numbers() -> None:
    token = [0.5, 1.0, -1.0, 0.0]
    assert weights(token, "token") == pytest.approx([1.6487, 2, 0.3679, 1], abs=1e-4)
    assert weights(token, "band") == pytest.approx([1.6487, 0, 0, 1], abs=1e-4)
    row = [0.1, 0.1, 0.1, -0.1]
    assert weights(row, "sequence") == pytest.approx([1.2214] * 4, abs=1e-4)
    assert weights(row, "geometric") == pytest.approx([1.0513] * 4, abs=1e-4)
    assert weights(token, "off") == [1.0] * 4


def test_bypass_has_no_weight_and_still_tells_the_distance() -> None:
    made = importance_weights(
        np.array([-1.0, -2.0]),
        np.array([-1.5, -1.5]),
        settings=ImportanceSettings(regime="bypass"),
    )
    assert made.weights.tolist() == [1.0, 1.0]
    expected = ((math.exp(0.5) - 1.5) + (math.exp(-0.5) - 0.5)) / 2
    assert made.kl == pytest.approx(expected)


def test_a_row_of_which_nothing_is_left_says_so() -> None:
    band = ImportanceSettings(correction="band")
    assert importance_weights(np.array([3.0, -3.0]), np.zeros(2), settings=band).is_rejected
    assert not importance_weights(np.array([3.0, 0.0]), np.zeros(2), settings=band).is_rejected
    assert not importance_weights(np.zeros(0), np.zeros(0)).is_rejected


@pytest.mark.parametrize("bad", [float("nan"), float("-inf"), float("inf")])
def test_what_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        importance_weights(np.array([bad]), np.zeros(1))
    with pytest.raises(ValueError, match="one pair"):
        importance_weights(np.zeros(2), np.zeros(3))


@given(
    st.lists(st.floats(-60, 60), max_size=12),
    st.sampled_from(["token", "band", "sequence", "geometric"]),
)
def test_weights_stay_within_their_bounds_and_equal_policies_weigh_one(
    difference: list[float], correction: Correction
) -> None:
    made = importance_weights(
        np.array(difference),
        np.zeros(len(difference)),
        settings=ImportanceSettings(correction=correction),
    )
    assert ((made.weights >= 0) & (made.weights <= 2)).all()
    assert made.kl >= 0
    assert weights([0.0] * len(difference), correction) == [1.0] * len(difference)
