"""Where each token of a stream stands for Qwen3-VL's rotary embedding: time, height, width.

    text     (c, c, c), then c += 1
    picture  (c + frame, c + row, c + column) over its merged patches, then c += max(rows, columns)

A cursor goes on where a stream ended: each token is looked at once, whatever the length of its
history. Positions are always given to the model, for left to itself it keeps them as state of the
module and gets a picture behind a cache wrong in silence (P76).
Shapes: T = token; the three rows are time, height, width. Pure numpy.
Source: equals `Qwen3VLModel.get_rope_index` of transformers 5.24 (tested).
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

MERGE = 2
"""Patches of each side that become one token. Source: `spatial_merge_size` of every Qwen3-VL."""


class Grid(NamedTuple):
    """A picture in patches, as the processor cut it: a row of `image_grid_thw`."""

    frames: int
    """1 for a still picture."""
    rows: int
    """Patches, a multiple of the merge."""
    columns: int
    """Patches, a multiple of the merge."""

    def num_patches(self) -> int:
        """Rows of `pixel_values`."""
        return self.frames * self.rows * self.columns

    def num_tokens(self, *, merge: int = MERGE) -> int:
        """Placeholder ids of the picture."""
        return self.num_patches() // merge**2


class PositionCursor:
    """Positions of a stream that grows. Mutable: it stands at the stream's end.

    Args:
        merge: see `MERGE`.
        next_position: of the first token to come.
    """

    def __init__(self, *, merge: int = MERGE, next_position: int = 0) -> None:
        self._merge = merge
        self.next_position = next_position

    def copy(self) -> Self:
        """One that goes on from here by itself, for a sibling."""
        return type(self)(merge=self._merge, next_position=self.next_position)

    def advance(
        self, is_picture_T: Sequence[bool] | npt.NDArray[np.bool_], grids: Sequence[Grid] = ()
    ) -> npt.NDArray[np.int64]:
        """Go over the next tokens.

        Args:
            is_picture_T: whether a token is a placeholder of a picture.
            grids: of the pictures among them, in order, each whole.

        Returns:
            (3, T) positions.

        Raises:
            ValueError: the placeholders are not those of the grids; the cursor did not move.
        """
        mask = np.asarray(is_picture_T, dtype=np.bool_)
        start = self.next_position
        expected = sum(grid.num_tokens(merge=self._merge) for grid in grids)
        if expected != int(mask.sum()):
            msg = (
                f"{expected} placeholders of {len(grids)} pictures were expected, got "
                f"{int(mask.sum())}: every picture needs its grid and all of its placeholders"
            )
            raise ValueError(msg)
        out = np.empty((3, len(mask)), dtype=np.int64)
        at, cursor = 0, start
        for grid in grids:
            first = at + int(np.argmax(mask[at:]))
            cursor = _fill_text(out, at, first, cursor)
            at = first + grid.num_tokens(merge=self._merge)
            if not mask[first:at].all():
                msg = (
                    f"a run of {at - first} placeholders was expected at {first}, got text in it: "
                    "the placeholders of a picture stand together"
                )
                raise ValueError(msg)
            rows, columns = grid.rows // self._merge, grid.columns // self._merge
            shape = (grid.frames, rows, columns)
            out[:, first:at] = np.indices(shape).reshape(3, -1) + cursor
            cursor += max(rows, columns)
        self.next_position = _fill_text(out, at, len(mask), cursor)
        return out


def positions(
    is_picture_T: Sequence[bool] | npt.NDArray[np.bool_],
    grids: Sequence[Grid] = (),
    *,
    merge: int = MERGE,
) -> npt.NDArray[np.int64]:
    """(3, T) positions of a whole stream; arguments and errors of `PositionCursor.advance`."""
    return PositionCursor(merge=merge).advance(is_picture_T, grids)


def _fill_text(out: npt.NDArray[np.int64], start: int, end: int, cursor: int) -> int:
    """Text positions of `out[:, start:end]`; returns the cursor behind them."""
    out[:, start:end] = np.arange(cursor, cursor + end - start)
    return cursor + end - start
