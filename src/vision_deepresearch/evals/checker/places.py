"""Compares places in a picture: which of two things is farther left, nearer to a corner..."""

import math

from vision_deepresearch.core.geometry import Box

MARGIN = 0.05
"""Fractions of the picture that places measured by fitting may be wrong by."""
_EDGES = {"left": (0.0, None), "right": (1.0, None), "top": (None, 0.0), "bottom": (None, 1.0)}


def is_beaten(place: str, here: Box, there: Box) -> bool:
    """Whether a thing at `there` is clearly more at a place than the one at `here`.

    Args:
        place: an edge ("left"), a corner ("corner top left") or "centre"; for others the answer
            is no: what cannot be measured is not held against a question.
        here: the thing that is claimed to be there.
        there: another thing.
    """
    target = _target(place)
    return target is not None and _distance(there, target) < _distance(here, target) - MARGIN


def _target(place: str) -> tuple[float | None, float | None] | None:
    """Where the place is, in fractions; None for a side that does not matter."""
    if place == "centre":
        return (0.5, 0.5)
    if place in _EDGES:
        return _EDGES[place]
    words = place.removeprefix("corner ").split()
    if not place.startswith("corner ") or any(word not in _EDGES for word in words):
        return None
    x = next((_EDGES[word][0] for word in words if _EDGES[word][0] is not None), None)
    y = next((_EDGES[word][1] for word in words if _EDGES[word][1] is not None), None)
    return (x, y)


def _distance(box: Box, target: tuple[float | None, float | None]) -> float:
    x, y = target
    across = 0.0 if x is None else (box.x0 + box.x1) / 2 - x
    down = 0.0 if y is None else (box.y0 + box.y1) / 2 - y
    return math.hypot(across, down)
