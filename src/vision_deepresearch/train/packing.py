"""Several sequences in one row, so that a step computes tokens and no padding.

A sequence is never split and never cut: one that is longer than a row is left out and said to be
(P63). Each sequence keeps positions of its own; the forward keeps them apart (`train.attention`).
Axes: L = tokens of the row, S = its supervised tokens.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision_deepresearch.models.codec.positions import Grid, positions
from vision_deepresearch.train.samples import TrainingSample, join_pictures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedRow:
    """What one forward takes: sequences one after the other, with all of their pictures."""

    samples: tuple[TrainingSample, ...]
    """In the order of the row."""
    ids: npt.NDArray[np.int64]
    """(L,)"""
    positions: npt.NDArray[np.int64]
    """(4, 1, L): text positions, from 0 in each sequence; then time, height and width."""
    lengths: tuple[int, ...]
    """Tokens of each sequence; they add up to L."""
    supervised: npt.NDArray[np.int64]
    """(S,) places of the supervised tokens, rising; each is predicted from the place before it."""
    pixel_values: npt.NDArray[np.float32]
    grids: npt.NDArray[np.int64]
    is_padding: bool = False
    """A copy that only keeps processes in step: its tokens weigh nothing and are not counted."""

    @property
    def num_tokens(self) -> int:
        """L."""
        return len(self.ids)

    @property
    def num_supervised(self) -> int:
        """S, none of a padding row."""
        return 0 if self.is_padding else len(self.supervised)

    @property
    def counts(self) -> tuple[int, ...]:
        """Supervised tokens of each sequence, in order: where to cut what is (S,) long."""
        return tuple(sample.num_supervised for sample in self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Which sequences go into which row."""

    rows: tuple[tuple[int, ...], ...]
    """Indices of sequences."""
    too_long: tuple[int, ...]
    """Indices of those that no row can hold: not trained, never cut."""


def plan_rows(lengths: Sequence[int], *, row_tokens: int) -> Packing:
    """Best fit, longest first: each sequence goes where the least room is left over.

    Args:
        lengths: tokens per sequence.
        row_tokens: most tokens of a row.

    Returns:
        The same for the same lengths: ties keep the given order.
    """
    order = sorted(range(len(lengths)), key=lambda one: (-lengths[one], one))
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []
    """(tokens left, row), rising."""
    too_long: list[int] = []
    for index in order:
        if lengths[index] > row_tokens:
            too_long.append(index)
            continue
        at = bisect.bisect_left(room, (lengths[index], -1))
        if at == len(room):
            rows.append([index])
            bisect.insort(room, (row_tokens - lengths[index], len(rows) - 1))
        else:
            left, row = room.pop(at)
            rows[row].append(index)
            bisect.insort(room, (left - lengths[index], row))
    return Packing(rows=tuple(map(tuple, rows)), too_long=tuple(sorted(too_long)))


def pack_row(samples: Sequence[TrainingSample], *, is_padding: bool = False) -> PackedRow:
    """Sequences as one row, in the order given.

    Raises:
        ValueError: no sequence at all.
    """
    if not samples:
        msg = "a row needs at least one sequence, got none"
        raise ValueError(msg)
    pixel_values, grids = join_pictures(samples)
    lengths = tuple(sample.num_tokens for sample in samples)
    return PackedRow(
        samples=tuple(samples),
        ids=np.concatenate([sample.ids for sample in samples]),
        positions=np.concatenate([_positions(sample) for sample in samples], axis=1)[:, None],
        lengths=lengths,
        supervised=np.flatnonzero(np.concatenate([sample.loss_mask for sample in samples])),
        pixel_values=pixel_values,
        grids=grids,
        is_padding=is_padding,
    )


def pad_rows(rows: Sequence[PackedRow], *, multiple: int) -> list[PackedRow]:
    """The rows, and weightless copies of the shortest so that processes get equally many (P64)."""
    if not rows:
        return []
    shortest = min(rows, key=lambda row: row.num_tokens)
    missing = -len(rows) % multiple
    return [*rows, *(pack_row(shortest.samples, is_padding=True) for _ in range(missing))]


def _positions(sample: TrainingSample) -> npt.NDArray[np.int64]:
    """(4, T)."""
    grids = [Grid(int(t), int(h), int(w)) for t, h, w in sample.grids]
    turning = positions(sample.ids == sample.image_id, grids)
    return np.concatenate([np.arange(sample.num_tokens)[None], turning])
