"""The card of the doctor: another number for another seed, large enough to be read."""

import random

import numpy as np

from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.testcard import draw_testcard


def test_a_seed_draws_one_card_and_another_seed_another() -> None:
    first, number = draw_testcard(random.Random(1))
    assert draw_testcard(random.Random(1)) == (first, number)
    other, other_number = draw_testcard(random.Random(2))
    assert (other, other_number) != (first, number)
    assert len(number) == 5
    assert number.isdecimal()


def test_the_number_is_large() -> None:
    card, _ = draw_testcard(random.Random(3))
    dark = np.asarray(decode(card).image.convert("L")) < 100
    rows = np.flatnonzero(dark[30:-30, 30:-30].any(axis=1))
    columns = np.flatnonzero(dark[30:-30, 30:-30].any(axis=0))
    assert np.ptp(rows) > 80
    assert np.ptp(columns) > 300
