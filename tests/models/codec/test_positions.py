"""Positions of pictures and text equal transformers' own, at once and piece by piece."""

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_deepresearch.models.codec.positions import Grid, PositionCursor, positions

Piece: TypeAlias = int | Grid
"""A run of text of this length, or a picture."""

EVEN = st.integers(1, 5).map(lambda half: 2 * half)
GRIDS = st.builds(Grid, st.just(1), EVEN, EVEN)
STREAMS: st.SearchStrategy[list[Piece]] = st.lists(
    st.one_of(st.integers(1, 6), GRIDS), min_size=1, max_size=8
)


def mask_of(pieces: list[Piece]) -> list[bool]:
    mask: list[bool] = []
    for piece in pieces:
        is_picture = isinstance(piece, Grid)
        mask += [is_picture] * (piece.num_tokens() if isinstance(piece, Grid) else piece)
    return mask


def grids_of(pieces: list[Piece]) -> list[Grid]:
    return [piece for piece in pieces if isinstance(piece, Grid)]


def ten_lines(pieces: list[Piece]) -> list[tuple[int, int, int]]:
    out: list[tuple[int, int, int]] = []
    c = 0
    for piece in pieces:
        if isinstance(piece, Grid):
            h, w = piece.rows // 2, piece.columns // 2
            out += [(c, c + y, c + x) for y in range(h) for x in range(w)]
            c += max(h, w)
        else:
            out += [(c + k, c + k, c + k) for k in range(piece)]
            c += piece
    return out


def test_a_picture_takes_as_many_positions_as_its_longer_side() -> None:
    found = positions([False, True, True, True, True, True, True, False], [Grid(1, 4, 6)])
    assert found.tolist() == [
        [0, 1, 1, 1, 1, 1, 1, 4],
        [0, 1, 1, 1, 2, 2, 2, 4],
        [0, 1, 2, 3, 1, 2, 3, 4],
    ]


@given(STREAMS)
def test_positions_are_those_of_the_rule(pieces: list[Piece]) -> None:
    found = positions(mask_of(pieces), grids_of(pieces))
    assert list(zip(*found.tolist(), strict=True)) == ten_lines(pieces)


@given(STREAMS, STREAMS)
def test_a_cursor_goes_on_as_if_the_stream_had_been_one(
    before: list[Piece], after: list[Piece]
) -> None:
    cursor = PositionCursor()
    first = cursor.advance(mask_of(before), grids_of(before))
    sibling = cursor.copy()
    second = cursor.advance(mask_of(after), grids_of(after))
    both = [*before, *after]
    whole = positions(mask_of(both), grids_of(both))
    assert np.array_equal(np.concatenate([first, second], axis=1), whole)
    assert np.array_equal(sibling.advance(mask_of(after), grids_of(after)), second)


@settings(max_examples=25, deadline=None)
@given(STREAMS)
def test_positions_equal_those_of_transformers(pieces: list[Piece]) -> None:
    torch = pytest.importorskip("torch")
    modeling = pytest.importorskip("transformers.models.qwen3_vl.modeling_qwen3_vl")
    config = pytest.importorskip("transformers").Qwen3VLConfig()
    apart: list[Piece] = [one for piece in pieces for one in (piece, 1)]
    """Its rule groups neighbouring pictures as one; real streams have marks between them."""
    grids = grids_of(apart)
    mask = torch.tensor([mask_of(apart)])

    class Bare:
        """Enough of a model for a method that reads its configuration only."""

        get_vision_position_ids = modeling.Qwen3VLModel.get_vision_position_ids

        def __init__(self) -> None:
            self.config = config

    theirs, _ = modeling.Qwen3VLModel.get_rope_index(
        Bare(),
        mask.long(),
        mask.int(),
        torch.tensor([list(grid) for grid in grids]) if grids else None,
    )
    assert np.array_equal(theirs[:, 0].numpy(), positions(mask[0].numpy(), grids))


@pytest.mark.parametrize(
    ("mask", "grids"),
    [
        ([True, True, True], [Grid(1, 4, 2)]),
        ([True, True], []),
        ([False, False], [Grid(1, 2, 2)]),
        ([True, False, True], [Grid(1, 4, 2)]),
    ],
    ids=["one too many", "no grid", "no placeholder", "torn"],
)
def test_placeholders_that_are_not_those_of_the_grids_are_refused(
    mask: list[bool], grids: list[Grid]
) -> None:
    cursor = PositionCursor(next_position=7)
    with pytest.raises(ValueError, match="placeholders"):
        cursor.advance(mask, grids)
    assert cursor.next_position == 7
