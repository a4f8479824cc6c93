"""A box as a model writes it: four numbers in thousandths of the picture."""

import math
from typing import Annotated

from pydantic import WithJsonSchema

from vision_deepresearch.core.geometry import Box

CORNERS_ARE = (
    "in thousandths of the picture: (0, 0) is its upper left and (1000, 1000) its lower right "
    "corner, whatever its size in pixels."
)
"""Stated in every schema that takes a box."""

# The length is checked by `fault_of`, so that one bad box does not fail its neighbours.
Corners = Annotated[
    tuple[float, ...],
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}),
]


def fault_of(corners: tuple[float, ...]) -> str | None:
    """What is wrong with a box, in the words of the wire form; None: it can be cut."""
    shown = str([round(corner, 1) for corner in corners[:5]])
    if len(corners) != 4:
        return f"{shown} has {len(corners)} numbers instead of x1, y1, x2, y2"
    if not all(math.isfinite(corner) for corner in corners):
        return f"{shown} holds something that is no finite number"
    try:
        Box.from_thousandths(corners)
    except ValueError:
        return f"{shown} covers no part of the picture: corners go from 0 to 1000"
    return None
