"""Intervals and paired tests, against what can be counted."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.evals.statistics.paired import Paired
from vision_deepresearch.evals.statistics.shares import wilson

COUNTS = st.integers(0, 300)


@given(count=st.integers(0, 2000), data=st.data())
def test_the_interval_of_a_share_holds_the_share(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    low, high = wilson(hits, count)
    assert 0 <= low < high <= 1
    if count:
        assert low - 1e-9 <= hits / count <= high + 1e-9


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)


@given(both=COUNTS, neither=COUNTS, first=COUNTS, second=COUNTS)
def test_a_paired_difference_lies_in_its_interval_and_turns_with_the_order(
    both: int, neither: int, first: int, second: int
) -> None:
    pairs = [(True, True)] * both + [(False, False)] * neither
    pairs += [(True, False)] * first + [(False, True)] * second
    paired = Paired.of(pairs)
    turned = Paired.of((other, one) for one, other in pairs)
    low, high = paired.interval()
    assert paired.count == len(pairs)
    assert turned.difference == -paired.difference
    assert turned.interval() == pytest.approx((-high, -low))
    assert -1 <= low < high <= 1
    assert 0 < paired.p_value() <= 1
    assert paired.p_value() == turned.p_value()


def test_the_paired_test_is_the_sign_test_on_discordant_pairs() -> None:
    paired = Paired(count=100, only_first=1, only_second=9)
    assert paired.p_value() == pytest.approx(2 * (1 + 10) / 1024)
    assert Paired(count=5, only_first=0, only_second=0).p_value() == 1
    many = Paired(count=10_000, only_first=1000, only_second=1100).p_value()
    assert many == pytest.approx(math.erfc(99 / math.sqrt(2100) / math.sqrt(2)))
