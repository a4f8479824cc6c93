"""Rows hold whole sequences, each once; too long ones are said, not cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.sequences import a_sample
from vision_deepresearch.train.packing import pack_row, pad_rows, plan_rows


@pytest.mark.pitfall("P63")
@given(st.lists(st.integers(1, 120), max_size=60), st.integers(1, 100))
def test_every_sequence_is_in_one_row_or_said_to_be_too_long(
    lengths: list[int], row_tokens: int
) -> None:
    packing = plan_rows(lengths, row_tokens=row_tokens)
    placed = [index for row in packing.rows for index in row]
    assert sorted([*placed, *packing.too_long]) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in row) <= row_tokens for row in packing.rows)
    assert all(lengths[index] > row_tokens for index in packing.too_long)
    held = sum(lengths[index] for index in placed)
    # Two rows at most half full would have been one.
    assert len(packing.rows) <= 2 * held / row_tokens + 1


def test_a_sequence_goes_where_the_least_room_is_left_over() -> None:
    assert plan_rows([6, 5, 4, 3, 2], row_tokens=10).rows == ((0, 2), (1, 3, 4))


def test_positions_of_a_row_restart_in_each_sequence() -> None:
    samples = [a_sample(key="a", pictures=2), a_sample(key="b", seed=1)]
    row = pack_row(samples)
    alone = [pack_row([sample]) for sample in samples]
    assert row.positions.shape == (4, 1, row.num_tokens)
    assert (row.positions == np.concatenate([one.positions for one in alone], axis=2)).all()
    assert row.counts == tuple(one.num_supervised for one in alone)
    assert sum(row.counts) == row.num_supervised
    firsts = np.cumsum([0, *row.lengths[:-1]])
    assert (np.flatnonzero(row.positions[0, 0] == 0) == firsts).all()


def test_padding_rows_count_nothing() -> None:
    rows = [pack_row([a_sample(key=str(seed), seed=seed)]) for seed in range(5)]
    padded = pad_rows(rows, multiple=8)
    assert len(padded) == 8
    assert [row.num_supervised for row in padded[5:]] == [0, 0, 0]
    assert pad_rows(rows[:4], multiple=2) == rows[:4]
