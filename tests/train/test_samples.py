"""A sample that would train on something else than it says cannot be made."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.train.sequences import IMAGE_ID, a_sample
from vision_deepresearch.train.samples import SampleError, TrainingSample, join_pictures

GOOD = a_sample(turns=3, pictures=2)
NOTHING = np.zeros_like(GOOD.loss_mask)
PLACEHOLDERS = GOOD.ids == IMAGE_ID


def test_a_good_sample_counts_what_it_holds() -> None:
    assert GOOD.num_pictures == 2
    assert GOOD.num_supervised == int((GOOD.turn_index >= 0).sum())
    pixels, grids = join_pictures([GOOD, a_sample(pictures=0, key="b"), a_sample(key="c")])
    assert len(pixels) == int(grids.prod(axis=1).sum())


@pytest.mark.pitfall("P61")
@pytest.mark.pitfall("P78")
@pytest.mark.parametrize(
    ("told", "spoil"),
    [
        ("patches for grids", lambda: replace(GOOD, grids=GOOD.grids[:1])),
        (
            "every picture must reach the model",
            lambda: replace(GOOD, grids=GOOD.grids[:1], pixel_values=GOOD.pixel_values[:4]),
        ),
        ("in order", lambda: replace(GOOD, grids=GOOD.grids[::-1].copy())),
        ("in steps of 2", lambda: replace(GOOD, grids=GOOD.grids + np.array([0, 1, 0]))),
        ("belongs to no turn", lambda: replace(GOOD, loss_mask=PLACEHOLDERS)),
        (
            "a placeholder of a picture is supervised",
            lambda: replace(
                GOOD, loss_mask=PLACEHOLDERS, turn_index=np.zeros_like(GOOD.turn_index)
            ),
        ),
        (
            "go up",
            lambda: replace(GOOD, loss_mask=NOTHING, turn_index=GOOD.turn_index[::-1].copy()),
        ),
        ("the first token", lambda: replace(GOOD, loss_mask=~NOTHING)),
        ("loss_mask was expected", lambda: replace(GOOD, loss_mask=GOOD.loss_mask[1:])),
        ("no finite number", lambda: with_logprobs(np.nan)),
        ("nothing is supervised", lambda: with_logprobs(-1)),
        ("one version per token", lambda: replace(GOOD, versions=("0",))),
        ("a pixel", lambda: replace(GOOD, pixel_values=GOOD.pixel_values * np.float32(np.inf))),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_arrays_that_do_not_fit_together_are_refused(
    told: str, spoil: Callable[[], TrainingSample]
) -> None:
    with pytest.raises(SampleError, match=told):
        spoil()


def with_logprobs(value: float) -> TrainingSample:
    return replace(GOOD, logprobs=np.full(GOOD.num_tokens, value, np.float32))


def test_arrays_of_a_sample_cannot_be_changed_under_it() -> None:
    with pytest.raises(ValueError, match="read-only"):
        GOOD.ids[0] = 3
