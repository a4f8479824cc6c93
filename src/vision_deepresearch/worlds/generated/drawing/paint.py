"""Pixels: a pen in unit coordinates, and the few whole-picture operations drawing needs.

Pictures are RGB uint8 (h, w, 3); masks are uint8 (h, w). Everything is a pure function of its
arguments; noise comes from fixed tiles so that a full frame costs one addition.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

_SHIFT = 4
_ONE = 1 << _SHIFT
_NUM_TILES = 32
_TILE_SIDE = 256


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour lighter (factor > 1) or darker."""
    red, green, blue = (min(255, max(0, round(value * factor))) for value in colour)
    return (red, green, blue)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws anti-aliased shapes in unit coordinates: (0, 0) the centre, 1 half the size.

    `mask`, where given, receives every filled shape at full strength: the silhouette.
    """

    pixels: Pixels
    mask: Pixels | None = None
    x: float = 0.0
    y: float = 0.0
    half: float = 1.0
    """Pixels per unit."""
    angle: float = 0.0
    """Radians, clockwise on the screen."""
    bend: Callable[[float, float], Point] | None = None
    """Moves every point drawn, in units; discs and pens made by `at` move as a whole, unbent."""

    def at(self, x: float, y: float, half: float, angle: float = 0.0) -> "Pen":
        """A pen with its centre at (x, y) of this one and `half` of its units per unit."""
        centre_x, centre_y = self.place(x, y)
        return Pen(self.pixels, self.mask, centre_x, centre_y, self.half * half, self.angle + angle)

    def place(self, x: float, y: float) -> Point:
        """Unit coordinates to pixels."""
        if self.bend is not None:
            x, y = self.bend(x, y)
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        return (
            self.x + self.half * (x * cosine - y * sine),
            self.y + self.half * (x * sine + y * cosine),
        )

    def _fixed(self, points: Iterable[Point]) -> npt.NDArray[np.int32]:
        """Points in pixels with fractional bits, as OpenCV draws them; the hot path of drawing."""
        scale = self.half * _ONE
        cosine, sine = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        left, top = self.x * _ONE + 0.5, self.y * _ONE + 0.5
        if self.bend is not None:
            points = [self.bend(x, y) for x, y in points]
        return np.array(
            [
                (int(left + x * cosine - y * sine), int(top + x * sine + y * cosine))
                for x, y in points
            ],
            np.int32,
        )

    def _thick(self, width: float) -> int:
        return max(1, round(width * self.half))

    def poly(
        self,
        points: Sequence[Point],
        fill: Colour | None = None,
        line: Colour | None = None,
        width: float = 0.06,
    ) -> None:
        """A filled and outlined polygon; `width` of the outline in units."""
        fixed = self._fixed(points)
        if fill is not None:
            cv2.fillPoly(self.pixels, [fixed], fill, cv2.LINE_AA, _SHIFT)
            if self.mask is not None:
                cv2.fillPoly(self.mask, [fixed], (255,), cv2.LINE_AA, _SHIFT)
        if line is not None:
            thick = self._thick(width)
            cv2.polylines(self.pixels, [fixed], True, line, thick, cv2.LINE_AA, _SHIFT)
            if self.mask is not None and fill is not None:
                cv2.polylines(self.mask, [fixed], True, (255,), thick, cv2.LINE_AA, _SHIFT)

    def stroke(self, points: Sequence[Point], colour: Colour, width: float = 0.1) -> None:
        """An open line through points."""
        fixed, thick = self._fixed(points), self._thick(width)
        cv2.polylines(self.pixels, [fixed], False, colour, thick, cv2.LINE_AA, _SHIFT)
        if self.mask is not None:
            cv2.polylines(self.mask, [fixed], False, (255,), thick, cv2.LINE_AA, _SHIFT)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        fill: Colour | None = None,
        line: Colour | None = None,
        width: float = 0.06,
    ) -> None:
        """A circle, round also for a pen that bends."""
        if self.bend is not None:
            self.at(x, y, 1.0).disc(0.0, 0.0, radius, fill, line, width)
            return
        reach = radius * self.half
        count = 10 if reach < 4 else 16 if reach < 14 else 28
        self.poly(ring_points(x, y, radius, radius, count), fill, line, width)

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: Colour | None = None,
        line: Colour | None = None,
        width: float = 0.06,
    ) -> None:
        """A rectangle between two corners."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, line, width)


@lru_cache(maxsize=256)
def _unit_ring(count: int, turn: float) -> tuple[Point, ...]:
    steps = (turn - math.pi / 2 + 2 * math.pi * k / count for k in range(count))
    return tuple((math.cos(a), math.sin(a)) for a in steps)


def ring_points(
    x: float, y: float, rx: float, ry: float, count: int, turn: float = 0.0
) -> list[Point]:
    """Points of an ellipse or regular polygon, the first at the top, `turn` in radians."""
    return [(x + rx * cosine, y + ry * sine) for cosine, sine in _unit_ring(count, turn)]


def arc_points(
    x: float, y: float, r: float, start: float, end: float, count: int = 14
) -> list[Point]:
    """Points of an arc between two angles in radians, 0 to the right, clockwise."""
    steps = (start + (end - start) * k / (count - 1) for k in range(count))
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a in steps]


def full_pen(
    pixels: Pixels,
    mask: Pixels | None = None,
    bend: Callable[[float, float], Point] | None = None,
) -> Pen:
    """A pen whose unit square's height is the picture's; x runs to +-width/height."""
    height, width = pixels.shape[:2]
    return Pen(pixels, mask, width / 2, height / 2, height / 2, bend=bend)


def blank(width: int, height: int, colour: Colour) -> Pixels:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def gradient(width: int, height: int, stops: Sequence[tuple[float, Colour]]) -> Pixels:
    """A vertical gradient through (position 0..1, colour) stops."""
    rows = np.linspace(0.0, 1.0, height)
    places = [stop for stop, _ in stops]
    columns = [np.interp(rows, places, [colour[c] for _, colour in stops]) for c in range(3)]
    column = np.stack(columns, axis=1).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(column[:, None, :], (height, width, 3)))


@lru_cache(maxsize=_NUM_TILES)
def _noise_tile(number: int) -> Pixels:
    rng = np.random.default_rng(10_007 + number)
    fine = rng.normal(0.0, 1.0, (_TILE_SIDE, _TILE_SIDE))
    return np.clip(np.round(128 + 24 * fine), 0, 255).astype(np.uint8)


def add_noise(pixels: Pixels, number: int, strength: float) -> Pixels:
    """Film grain: one of the fixed tiles, repeated; `strength` is its deviation in grey levels."""
    height, width = pixels.shape[:2]
    tile = _noise_tile(number % _NUM_TILES)
    across, down = -(-width // _TILE_SIDE), -(-height // _TILE_SIDE)
    grain = np.tile(tile, (down, across))[:height, :width]
    factor = strength / 24
    three = cv2.cvtColor(np.ascontiguousarray(grain), cv2.COLOR_GRAY2RGB)
    mixed = cv2.addWeighted(pixels, 1.0, three, factor, -128 * factor)
    return np.asarray(mixed, np.uint8)


def multiply(pixels: Pixels, light: npt.NDArray[np.float32]) -> Pixels:
    """Each pixel times a light map (h, w), clipped."""
    scaled = np.clip(light * 128, 0, 255).astype(np.uint8)
    three = cv2.cvtColor(scaled, cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.multiply(pixels, three, scale=1 / 128), np.uint8)


def blend(pixels: Pixels, layer: Pixels, mask: Pixels, x: int, y: int) -> None:
    """Lay a masked layer onto a picture with its corner at (x, y); parts outside are cut."""
    cut = _overlap(pixels, mask, x, y)
    if cut is None:
        return
    part, rows, columns = cut
    share = mask[rows, columns].astype(np.float32) / 255
    over = np.ascontiguousarray(layer[rows, columns])
    part[:] = cv2.blendLinear(over, np.ascontiguousarray(part), share, 1 - share)


def darken(pixels: Pixels, mask: Pixels, x: int, y: int, strength: float) -> None:
    """Cast a shadow shaped like a mask onto a picture."""
    cut = _overlap(pixels, mask, x, y)
    if cut is None:
        return
    part, rows, columns = cut
    light = 255 - (mask[rows, columns] * np.float32(strength)).astype(np.uint8)
    part[:] = cv2.multiply(part, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def _overlap(pixels: Pixels, mask: Pixels, x: int, y: int) -> tuple[Pixels, slice, slice] | None:
    """The part of a picture under a mask at (x, y), and which part of the mask that is."""
    height, width = pixels.shape[:2]
    rows, columns = mask.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + columns, width), min(y + rows, height)
    if x0 >= x1 or y0 >= y1:
        return None
    return pixels[y0:y1, x0:x1], slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)


def soft_shadow(mask: Pixels, border: int) -> Pixels:
    """A mask with a border, blurred: computed at a quarter of the size."""
    wide = cv2.copyMakeBorder(mask, border, border, border, border, cv2.BORDER_CONSTANT)
    height, width = wide.shape[:2]
    quarter = (max(2, width // 4), max(2, height // 4))
    small = cv2.resize(wide, quarter, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 1.3)
    return np.asarray(cv2.resize(blurred, (width, height)), np.uint8)


def to_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Encode RGB pixels."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


def paint_inside(
    canvas: Pixels,
    mask: Pixels,
    outline: Sequence[Point],
    *,
    fill: Colour,
    draw: Callable[[Pen], None],
    bend: Callable[[float, float], Point] | None = None,
) -> None:
    """Fill an outline (unit square of the whole canvas), draw within it, and cut at its edge."""
    layer, inside = canvas.copy(), np.zeros_like(mask)
    full_pen(layer, inside, bend).poly(outline, fill)
    draw(full_pen(layer, None, bend))
    blend(canvas, layer, inside, 0, 0)
    np.maximum(mask, inside, out=mask)
