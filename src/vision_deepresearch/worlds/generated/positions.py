"""Says where a thing is in a picture so that no other thing can be meant.

Computed from boxes: a phrase is offered only where the thing wins by a clear margin. Every phrase
is a superlative: "in the corner" would fit a thing that is near, and its neighbour too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vision_deepresearch.core.geometry import Box

_MARGIN = 0.07
"""Fractions of the picture by which the next best thing must be worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in words, to be put behind a noun."""

    key: str
    """For example "left" or "corner top right"."""
    phrases: tuple[str, ...]


def _left(box: Box) -> float:
    return (box.x0 + box.x1) / 2


def _right(box: Box) -> float:
    return 1 - _left(box)


def _top(box: Box) -> float:
    return (box.y0 + box.y1) / 2


def _bottom(box: Box) -> float:
    return 1 - _top(box)


def _corner(x: float, y: float) -> Callable[[Box], float]:
    return lambda box: math.hypot(_left(box) - x, _top(box) - y)


_PLACES: tuple[tuple[Position, Callable[[Box], float]], ...] = (
    (
        Position(
            key="left",
            phrases=(
                "farthest to the left",
                "closest to the left edge of the picture",
                "leftmost in the picture",
            ),
        ),
        _left,
    ),
    (
        Position(
            key="right",
            phrases=(
                "farthest to the right",
                "closest to the right edge of the picture",
                "rightmost in the picture",
            ),
        ),
        _right,
    ),
    (Position(key="top", phrases=("highest up in the picture", "nearest to the top edge")), _top),
    (
        Position(key="bottom", phrases=("lowest down in the picture", "nearest to the lower edge")),
        _bottom,
    ),
    (
        Position(
            key="corner top left",
            phrases=("nearest to the upper left corner", "closest to the upper left corner"),
        ),
        _corner(0, 0),
    ),
    (
        Position(
            key="corner top right",
            phrases=("nearest to the upper right corner", "closest to the upper right corner"),
        ),
        _corner(1, 0),
    ),
    (
        Position(
            key="corner bottom left",
            phrases=("nearest to the lower left corner", "closest to the lower left corner"),
        ),
        _corner(0, 1),
    ),
    (
        Position(
            key="corner bottom right",
            phrases=("nearest to the lower right corner", "closest to the lower right corner"),
        ),
        _corner(1, 1),
    ),
    (
        Position(
            key="centre",
            phrases=("nearest to the middle of the picture", "closest to the centre"),
        ),
        _corner(0.5, 0.5),
    ),
)


def positions_of(target: str, *, boxes: Mapping[str, Box]) -> list[Position]:
    """All clear descriptions of where a thing is, among all the things of the picture.

    Args:
        target: id of the thing.
        boxes: of everything that could be meant, the target included.
    """
    if len(boxes) < 2:
        return []
    found: list[Position] = []
    for position, distance in _PLACES:
        here = distance(boxes[target])
        nearest = min(distance(box) for other, box in boxes.items() if other != target)
        if nearest - here >= _MARGIN:
            found.append(position)
    return found
