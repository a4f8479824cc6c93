"""Rectangles in fractions of a picture, and their exact pixels.

Invariant: 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1. Wire forms (0-1000, pixels) are converted at
the edge, once, here.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

from pydantic import model_validator

from vision_deepresearch.core.record import Record

_EPSILON = 1e-9
"""Keeps 0.29 * 100 = 28.999999999999996 from losing a pixel."""


class PixelBox(NamedTuple):
    """Half-open pixel rectangle: columns left..right-1, rows top..bottom-1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns, at least 1."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows, at least 1."""
        return self.bottom - self.top


class Box(Record):
    """A rectangle in fractions of width and height, origin at the upper left corner.

    Example: `Box(x0=0.25, y0=0.1, x1=0.5, y1=0.4)`.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @model_validator(mode="after")
    def _is_inside_and_not_empty(self) -> Self:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            msg = (
                "a box needs 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, got "
                f"({self.x0!r}, {self.y0!r}, {self.x1!r}, {self.y1!r}): use Box.clipped"
            )
            raise ValueError(msg)
        return self

    @classmethod
    def clipped(cls, x0: float, y0: float, x1: float, y1: float) -> Self:
        """Make a box from corners in any order, cut to the picture.

        Raises:
            ValueError: a corner is not finite, or nothing of the box lies inside the picture.
        """
        if not all(math.isfinite(value) for value in (x0, y0, x1, y1)):
            msg = f"a box needs four finite numbers, got {(x0, y0, x1, y1)!r}"
            raise ValueError(msg)
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        left, right = max(left, 0.0), min(right, 1.0)
        top, bottom = max(top, 0.0), min(bottom, 1.0)
        if left >= right or top >= bottom:
            msg = f"the box {(x0, y0, x1, y1)!r} covers no part of the picture (fractions 0..1)"
            raise ValueError(msg)
        return cls(x0=left, y0=top, x1=right, y1=bottom)

    @classmethod
    def from_thousandths(cls, corners: Sequence[float]) -> Self:
        """Make a box from the wire form of profile `vdr`: 0-1000 of width and height.

        Raises:
            ValueError: not four finite numbers, or nothing of it lies inside the picture.

        Source: arXiv 2601.22060 public code, `crop_and_search`.
        """
        if len(corners) != 4:
            msg = f"a box needs four numbers [x1, y1, x2, y2], got {len(corners)}"
            raise ValueError(msg)
        x0, y0, x1, y1 = (value / 1000 for value in corners)
        return cls.clipped(x0, y0, x1, y1)

    @classmethod
    def from_pixels(cls, pixels: PixelBox, *, width: int, height: int) -> Self:
        """Make a box from half-open pixels of a picture of `width` x `height`."""
        return cls.clipped(
            pixels.left / width, pixels.top / height, pixels.right / width, pixels.bottom / height
        )

    @classmethod
    def full(cls) -> Self:
        """The whole picture."""
        return cls(x0=0.0, y0=0.0, x1=1.0, y1=1.0)

    @property
    def width(self) -> float:
        """Fraction of the picture's width."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Fraction of the picture's height."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Fraction of the picture's area."""
        return self.width * self.height

    def thousandths(self) -> tuple[int, int, int, int]:
        """The wire form, rounded outwards so that nothing of the box is lost."""
        return (
            math.floor(self.x0 * 1000 + _EPSILON),
            math.floor(self.y0 * 1000 + _EPSILON),
            math.ceil(self.x1 * 1000 - _EPSILON),
            math.ceil(self.y1 * 1000 - _EPSILON),
        )

    def scaled(self, factor: float) -> "Box":
        """The box with width and height times `factor` about its centre, cut to the picture."""
        if not (math.isfinite(factor) and factor > 0):
            msg = f"a scale must be a positive number, got {factor!r}"
            raise ValueError(msg)
        centre_x, centre_y = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        half_width, half_height = self.width * factor / 2, self.height * factor / 2
        left, right = centre_x - half_width, centre_x + half_width
        top, bottom = centre_y - half_height, centre_y + half_height
        if factor >= 1:  # what is lost to rounding must not make a larger box a smaller one
            left, right = min(left, self.x0), max(right, self.x1)
            top, bottom = min(top, self.y0), max(bottom, self.y1)
        return Box.clipped(left, top, right, bottom)

    def turned(self, quarters: int) -> "Box":
        """Where the box lies once the picture was turned clockwise by so many quarters."""
        box = self
        for _ in range(quarters % 4):
            box = Box(x0=1 - box.y1, y0=box.x0, x1=1 - box.y0, y1=box.x1)
        return box

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0..1."""
        if self == other:
            return 1.0
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0  # areas too small for a float share nothing

    def pixels(self, *, width: int, height: int) -> PixelBox:
        """The smallest half-open pixel box that covers this box: floor and ceil, never empty.

        The full box is the full picture: no last row or column is lost.
        """
        left = min(math.floor(self.x0 * width + _EPSILON), width - 1)
        top = min(math.floor(self.y0 * height + _EPSILON), height - 1)
        right = min(max(math.ceil(self.x1 * width - _EPSILON), left + 1), width)
        bottom = min(max(math.ceil(self.y1 * height - _EPSILON), top + 1), height)
        return PixelBox(left, top, right, bottom)
