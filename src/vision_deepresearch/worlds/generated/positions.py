"""Says where a thing is in a picture so that no other thing can be meant.

Computed from boxes: a phrase is offered only where the thing wins by a clear margin, whether a
reader goes by the middle of a thing or by its nearest edge, in fractions or in pixels. Every
phrase is a superlative: "in the corner" would fit a thing that is near, and its neighbour too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vision_deepresearch.core.geometry import Box

_MARGIN = 0.07
"""Fractions of the picture by which the next best middle must be worse."""
_EDGE_MARGIN = 0.04
"""The same for the nearest edge."""
_ASPECT = 4 / 3
"""Width of a scene over its height: what is near in fractions is not so in pixels."""

_Distance = Callable[[Box], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in words, to be put behind a noun."""

    key: str
    """For example "left" or "corner top right"."""
    phrases: tuple[str, ...]


def _across(box: Box) -> float:
    return (box.x0 + box.x1) / 2


def _down(box: Box) -> float:
    return (box.y0 + box.y1) / 2


def _point(x: float, y: float) -> tuple[tuple[_Distance, float], ...]:
    """Distances from a point: of the middle and of the nearest edge, in fractions and in pixels."""

    def middle(box: Box, stretch: float) -> float:
        return math.hypot((_across(box) - x) * stretch, _down(box) - y)

    def edge(box: Box) -> float:
        beside = max(box.x0 - x, 0.0, x - box.x1)
        above = max(box.y0 - y, 0.0, y - box.y1)
        return math.hypot(beside * _ASPECT, above)

    return (
        (lambda box: middle(box, 1.0), _MARGIN),
        (lambda box: middle(box, _ASPECT), _MARGIN),
        (edge, _EDGE_MARGIN),
    )


def _side(middle: _Distance, edge: _Distance) -> tuple[tuple[_Distance, float], ...]:
    return ((middle, _MARGIN), (edge, _EDGE_MARGIN))


_PLACES: tuple[tuple[Position, tuple[tuple[_Distance, float], ...]], ...] = (
    (
        Position(
            key="left",
            phrases=(
                "farthest to the left",
                "closest to the left edge of the picture",
                "leftmost in the picture",
            ),
        ),
        _side(_across, lambda box: box.x0),
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
        _side(lambda box: 1 - _across(box), lambda box: 1 - box.x1),
    ),
    (
        Position(key="top", phrases=("highest up in the picture", "nearest to the top edge")),
        _side(_down, lambda box: box.y0),
    ),
    (
        Position(key="bottom", phrases=("lowest down in the picture", "nearest to the lower edge")),
        _side(lambda box: 1 - _down(box), lambda box: 1 - box.y1),
    ),
    (
        Position(
            key="corner top left",
            phrases=("nearest to the upper left corner", "closest to the upper left corner"),
        ),
        _point(0, 0),
    ),
    (
        Position(
            key="corner top right",
            phrases=("nearest to the upper right corner", "closest to the upper right corner"),
        ),
        _point(1, 0),
    ),
    (
        Position(
            key="corner bottom left",
            phrases=("nearest to the lower left corner", "closest to the lower left corner"),
        ),
        _point(0, 1),
    ),
    (
        Position(
            key="corner bottom right",
            phrases=("nearest to the lower right corner", "closest to the lower right corner"),
        ),
        _point(1, 1),
    ),
    (
        Position(
            key="centre",
            phrases=("nearest to the middle of the picture", "closest to the centre"),
        ),
        _point(0.5, 0.5),
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
    others = [box for other, box in boxes.items() if other != target]
    return [
        position
        for position, distances in _PLACES
        if all(
            min(map(distance, others)) - distance(boxes[target]) >= margin
            for distance, margin in distances
        )
    ]
