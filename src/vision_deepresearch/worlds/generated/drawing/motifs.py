"""The small figures that make pictures tell apart: heraldic charges, patterns, an invented script.

Each figure fills the unit square around its pen's centre and varies with its random generator.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Point,
    arc_points,
    ring_points,
    shade,
)


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours one figure is drawn with."""

    fill: Colour
    accent: Colour
    line: Colour


def _star(pen: Pen, ink: Ink, rng: random.Random) -> None:
    count, inner = rng.choice((4, 5, 6, 8)), rng.uniform(0.34, 0.5)
    outer_points = ring_points(0, 0, 1, 1, count)
    inner_points = ring_points(0, 0, inner, inner, count, math.pi / count)
    points = [p for pair in zip(outer_points, inner_points, strict=True) for p in pair]
    pen.poly(points, ink.fill, ink.line)
    pen.disc(0, 0, inner * 0.6, ink.accent, ink.line, 0.05)


def _sun(pen: Pen, ink: Ink, rng: random.Random) -> None:
    count, half = rng.randint(8, 14), rng.uniform(0.09, 0.16)
    for k in range(count):
        turn = 2 * math.pi * k / count
        reach = 1.0 if k % 2 else rng.choice((0.8, 1.0))
        ray = pen.at(0, 0, 1, turn)
        ray.poly([(-half, -0.5), (0, -reach), (half, -0.5)], ink.accent, ink.line, 0.04)
    pen.disc(0, 0, 0.52, ink.fill, ink.line)
    for side in (-1, 1):
        pen.disc(0.18 * side, -0.1, 0.06, ink.line)
    pen.stroke(arc_points(0, 0.02, 0.25, 0.3, math.pi - 0.3), ink.line, 0.06)


def _tower(pen: Pen, ink: Ink, rng: random.Random) -> None:
    wings = rng.choice((0, 1, 2))
    for side in (-1, 1)[:wings] if wings else ():
        pen.box(side * 0.85 - 0.22, -0.1, side * 0.85 + 0.22, 0.95, shade(ink.fill, 0.85), ink.line)
        pen.poly(
            [(side * 0.85 - 0.28, -0.1), (side * 0.85, -0.6), (side * 0.85 + 0.28, -0.1)],
            ink.accent,
            ink.line,
        )
    pen.box(-0.55, -0.55, 0.55, 0.95, ink.fill, ink.line)
    teeth = rng.choice((3, 4))
    for k in range(teeth):
        left = -0.65 + 1.3 * k / teeth + 0.04
        pen.box(left, -0.9, left + 1.3 / teeth - 0.1, -0.55, ink.fill, ink.line, 0.05)
    pen.poly(
        [
            (-0.2, 0.95),
            (-0.2, 0.45),
            *arc_points(0, 0.45, 0.2, math.pi, 2 * math.pi, 8),
            (0.2, 0.95),
        ],
        ink.line,
    )
    for side in (-1, 1):
        pen.box(0.27 * side - 0.09, -0.3, 0.27 * side + 0.09, 0.02, ink.accent, ink.line, 0.05)
    for y in (0.2, 0.42, 0.65):
        pen.stroke([(-0.5, y), (-0.26, y)], ink.line, 0.03)
        pen.stroke([(0.26, y + 0.08), (0.5, y + 0.08)], ink.line, 0.03)


def _tree(pen: Pen, ink: Ink, rng: random.Random) -> None:
    pen.poly(
        [(-0.13, 0.2), (0.13, 0.2), (0.2, 0.85), (0.45, 0.98), (-0.45, 0.98), (-0.2, 0.85)],
        ink.accent,
        ink.line,
    )
    if rng.random() < 0.5:
        for k in range(3):
            y = -0.95 + 0.38 * k
            half = 0.42 + 0.2 * k
            pen.poly([(0, y), (half, y + 0.62), (-half, y + 0.62)], ink.fill, ink.line)
    else:
        crowns = ring_points(0, -0.25, 0.5, 0.42, rng.randint(5, 7), rng.uniform(0, 1))
        for x, y in crowns:
            pen.disc(x, y, 0.33, ink.fill, ink.line)
        pen.disc(0, -0.25, 0.42, ink.fill)
        for _ in range(7):
            pen.disc(
                rng.uniform(-0.55, 0.55), rng.uniform(-0.7, 0.15), 0.08, ink.accent, ink.line, 0.03
            )


def _fish(pen: Pen, ink: Ink, rng: random.Random) -> None:
    tall = rng.uniform(0.36, 0.5)
    pen.poly([(0.5, 0), (0.98, -0.5), (0.86, 0), (0.98, 0.5)], ink.accent, ink.line)
    pen.poly([(-0.2, -tall * 0.9), (0.15, -tall - 0.32), (0.35, -tall * 0.7)], ink.accent, ink.line)
    body = [
        (-0.95 + 0.8 * (1 - math.cos(a)), -tall * math.sin(a))
        for a in [math.pi * k / 12 for k in range(13)]
    ]
    pen.poly([*body, *[(x, -y) for x, y in reversed(body)]], ink.fill, ink.line)
    for k in range(rng.randint(2, 4)):
        pen.stroke(arc_points(-0.42 + 0.25 * k, 0, 0.3, -0.9, 0.9, 8), ink.line, 0.05)
    pen.disc(-0.62, -0.1, 0.09, (250, 246, 235), ink.line, 0.05)


def _key(pen: Pen, ink: Ink, rng: random.Random) -> None:
    for x, y in ring_points(0, -0.58, 0.24, 0.24, rng.choice((3, 4))):
        pen.disc(x, y, 0.24, ink.fill, ink.line)
        pen.disc(x, y, 0.1, ink.accent, ink.line, 0.04)
    pen.box(-0.1, -0.35, 0.1, 0.95, ink.fill, ink.line)
    for k in range(rng.randint(2, 3)):
        y = 0.85 - 0.25 * k
        pen.box(0.1, y - 0.12, rng.uniform(0.35, 0.6), y + 0.06, ink.fill, ink.line, 0.05)


def _anchor(pen: Pen, ink: Ink, rng: random.Random) -> None:
    pen.stroke(arc_points(0, -0.7, 0.2, 0, 2 * math.pi, 16), ink.line, 0.2)
    pen.stroke(arc_points(0, -0.7, 0.2, 0, 2 * math.pi, 16), ink.fill, 0.1)
    curve = arc_points(0, 0.1, 0.75, 0.15, math.pi - 0.15)
    lines: list[list[Point]] = [[(0, -0.5), (0, 0.85)], [(-0.45, -0.28), (0.45, -0.28)], curve]
    for points in lines:
        pen.stroke(points, ink.line, 0.28)
    for points in lines:
        pen.stroke(points, ink.fill, 0.16)
    for side in (-1, 1):
        pen.poly(
            [(side * 0.95, 0.45), (side * 0.72, -0.15), (side * 0.48, 0.32)], ink.accent, ink.line
        )
    if rng.random() < 0.5:
        pen.stroke([(0.5 * math.sin(k * 0.9), -0.6 + 0.1 * k) for k in range(15)], ink.accent, 0.07)


def _wheel(pen: Pen, ink: Ink, rng: random.Random) -> None:
    spokes = rng.randint(5, 9)
    if rng.random() < 0.5:
        for x, y in ring_points(0, 0, 0.9, 0.9, spokes * 2):
            pen.disc(x, y, 0.12, ink.accent, ink.line, 0.04)
    pen.disc(0, 0, 0.85, ink.fill, ink.line)
    pen.disc(0, 0, 0.62, ink.accent, ink.line)
    for x, y in ring_points(0, 0, 0.7, 0.7, spokes):
        pen.stroke([(0, 0), (x, y)], ink.line, 0.18)
        pen.stroke([(0, 0), (x, y)], ink.fill, 0.09)
    pen.disc(0, 0, 0.2, ink.fill, ink.line)


def _crescent(pen: Pen, ink: Ink, rng: random.Random) -> None:
    cut = rng.uniform(0.3, 0.42)
    outer = arc_points(0, 0, 0.95, 0.7, 2 * math.pi - 0.7, 24)
    inner = arc_points(cut, 0, 0.68, 0.99, 2 * math.pi - 0.99, 20)
    pen.poly([*outer, *reversed(inner)], ink.fill, ink.line)
    _star(pen.at(0.42, 0, 0.36, rng.uniform(0, 1)), Ink(ink.accent, ink.fill, ink.line), rng)


def _mountain(pen: Pen, ink: Ink, rng: random.Random) -> None:
    peaks = sorted(
        (rng.uniform(-0.55, 0.55), rng.uniform(-0.9, -0.35)) for _ in range(rng.randint(2, 3))
    )
    for x, y in sorted(peaks, key=lambda peak: peak[1]):
        pen.poly([(x - 0.6, 0.55), (x, y), (x + 0.6, 0.55)], ink.fill, ink.line)
        drop = (0.55 - y) * 0.32
        slope = 0.6 * 0.32
        pen.poly(
            [
                (x, y),
                (x + slope, y + drop),
                (x + slope * 0.4, y + drop * 0.75),
                (x, y + drop * 1.1),
                (x - slope * 0.5, y + drop * 0.7),
                (x - slope, y + drop),
            ],
            (247, 244, 236),
            ink.line,
            0.04,
        )
    for k in range(3):
        y = 0.62 + 0.14 * k
        pen.stroke([(-0.9 + 0.15 * j, y + 0.06 * (j % 2)) for j in range(13)], ink.accent, 0.07)


def _flower(pen: Pen, ink: Ink, rng: random.Random) -> None:
    count, long = rng.randint(5, 8), rng.uniform(0.5, 0.62)
    for k in range(count):
        petal = pen.at(0, 0, 1, 2 * math.pi * k / count)
        petal.poly(ring_points(0, -long, 0.3, 0.42, 12), ink.fill, ink.line)
        petal.stroke([(0, -0.3), (0, -long - 0.15)], ink.line, 0.04)
    pen.disc(0, 0, 0.3, ink.accent, ink.line)
    for x, y in ring_points(0, 0, 0.17, 0.17, 6):
        pen.disc(x, y, 0.045, ink.line)


def _leaf(pen: Pen, ink: Ink, rng: random.Random) -> None:
    lobes = rng.choice((3, 4, 5))
    right: list[Point] = [(0, -0.98)]
    for k in range(lobes):
        y = -0.7 + 1.3 * k / lobes
        wide = 0.75 * math.sin(math.pi * (k + 1) / (lobes + 1)) + 0.12
        right += [(wide, y + 0.02), (wide * 0.45, y + 0.16)]
    pen.poly([*right, (0, 0.75), *[(-x, y) for x, y in reversed(right)]], ink.fill, ink.line)
    pen.stroke([(0, -0.75), (0, 0.98)], ink.line, 0.08)
    for k in range(lobes):
        y = -0.35 + 1.0 * k / lobes
        pen.stroke([(-0.3, y - 0.2), (0, y), (0.3, y - 0.2)], ink.accent, 0.06)


def _bird(pen: Pen, ink: Ink, rng: random.Random) -> None:
    lift = rng.uniform(0.6, 1.0)
    pen.poly([(0.35, 0.1), (0.98, 0.5), (0.7, 0.55), (0.9, 0.8), (0.2, 0.4)], ink.accent, ink.line)
    pen.poly(
        [
            (-0.85, -0.3),
            (-0.55, -0.52),
            (-0.2, -0.25),
            (0.4, 0.1),
            (0.35, 0.45),
            (-0.1, 0.55),
            (-0.5, 0.3),
            (-0.58, -0.2),
        ],
        ink.fill,
        ink.line,
    )
    pen.poly(
        [
            (-0.3, -0.05),
            (-0.05, -lift),
            (0.2, -lift * 0.75),
            (0.35, -lift * 0.9),
            (0.4, -lift * 0.5),
            (0.55, -lift * 0.55),
            (0.38, 0.2),
        ],
        ink.accent,
        ink.line,
    )
    pen.stroke([(-0.05, -lift * 0.7), (0.1, 0.05)], ink.line, 0.05)
    pen.stroke([(0.25, -lift * 0.6), (0.25, 0.1)], ink.line, 0.05)
    pen.disc(-0.56, -0.34, 0.07, (250, 246, 235), ink.line, 0.04)
    for x in (-0.1, 0.12):
        pen.stroke([(x, 0.5), (x - 0.06, 0.95), (x - 0.22, 0.97)], ink.line, 0.07)


def _ship(pen: Pen, ink: Ink, rng: random.Random) -> None:
    pen.stroke([(0, 0.35), (0, -0.95)], ink.line, 0.09)
    stripes = rng.randint(2, 4)
    pen.poly([(0.06, -0.85), (0.75, 0.2), (0.06, 0.25)], ink.fill, ink.line)
    pen.poly([(-0.06, -0.65), (-0.65, 0.2), (-0.06, 0.25)], ink.accent, ink.line)
    for k in range(stripes):
        y = -0.4 + 0.6 * k / stripes
        pen.stroke([(0.1, y), (0.4 + 0.35 * k / stripes, y + 0.1)], ink.accent, 0.07)
    pen.poly([(-0.9, 0.35), (0.95, 0.35), (0.65, 0.8), (-0.6, 0.8)], ink.fill, ink.line)
    pen.stroke([(-0.95 + 0.19 * j, 0.9 + 0.06 * (j % 2)) for j in range(11)], ink.accent, 0.08)


def _crown(pen: Pen, ink: Ink, rng: random.Random) -> None:
    spikes = rng.choice((3, 4, 5))
    points: list[Point] = [(-0.85, 0.55)]
    for k in range(spikes):
        x = -0.85 + 1.7 * k / (spikes - 1)
        points += (
            [(x * 1.08, -0.6), (x + 0.85 / (spikes - 1), -0.02)]
            if k < spikes - 1
            else [(x * 1.08, -0.6)]
        )
    pen.poly([*points, (0.85, 0.55)], ink.fill, ink.line)
    for k in range(spikes):
        x = (-0.85 + 1.7 * k / (spikes - 1)) * 1.08
        pen.disc(x, -0.68, 0.13, ink.accent, ink.line, 0.05)
    pen.box(-0.85, 0.3, 0.85, 0.65, ink.accent, ink.line)
    for k in range(5):
        pen.poly(ring_points(-0.6 + 0.3 * k, 0.475, 0.08, 0.11, 4), ink.fill, ink.line, 0.03)


def _bell(pen: Pen, ink: Ink, rng: random.Random) -> None:
    flare = rng.uniform(0.1, 0.22)
    pen.disc(0, 0.72, 0.18, ink.accent, ink.line)
    pen.poly(
        [
            (-0.85, 0.62),
            (-0.55 - flare * 0.3, 0.3),
            (-0.45, -0.4),
            *arc_points(0, -0.4, 0.45, math.pi, 2 * math.pi, 9),
            (0.45, -0.4),
            (0.55 + flare * 0.3, 0.3),
            (0.85, 0.62),
        ],
        ink.fill,
        ink.line,
    )
    pen.box(-0.6, 0.12, 0.6, 0.3, ink.accent, ink.line, 0.05)
    pen.stroke([(-0.4, -0.3), (0.4, -0.3)], ink.line, 0.06)
    glyph_row(pen.at(0, -0.08, 0.36), rng, ink.line, letters=3)


def _eye(pen: Pen, ink: Ink, rng: random.Random) -> None:
    top = arc_points(0, 0.55, 1.1, math.pi + 0.52, 2 * math.pi - 0.52)
    pen.poly([*top, *[(x, -y) for x, y in reversed(top)]], (247, 242, 230), ink.line, 0.09)
    pen.disc(0, 0, 0.42, ink.fill, ink.line)
    for x, y in ring_points(0, 0, 0.4, 0.4, rng.randint(8, 12)):
        pen.stroke([(x * 0.5, y * 0.5), (x, y)], ink.accent, 0.05)
    pen.disc(0, 0, 0.18, ink.line)
    for k in range(5):
        turn = math.pi * (1.2 + 0.15 * k)
        pen.stroke(
            [
                (0.72 * math.cos(turn), 0.62 * math.sin(turn)),
                (math.cos(turn), 0.95 * math.sin(turn)),
            ],
            ink.line,
            0.07,
        )


def _lozenges(pen: Pen, ink: Ink, rng: random.Random) -> None:
    count = rng.choice((3, 4))
    step = 2 / count
    for row in range(count):
        for column in range(count):
            if rng.random() < 0.18:
                continue
            x, y = -1 + step * (column + 0.5), -1 + step * (row + 0.5)
            colour = ink.fill if (row + column) % 2 else ink.accent
            pen.poly(ring_points(x, y, step * 0.46, step * 0.46, 4), colour, ink.line, 0.05)
            if rng.random() < 0.4:
                pen.disc(x, y, step * 0.16, ink.line)


def _knot(pen: Pen, ink: Ink, rng: random.Random) -> None:
    lobes, depth = rng.choice((2, 3, 4, 5)), rng.uniform(0.25, 0.42)
    steps = [2 * math.pi * k / 72 for k in range(73)]
    points = [
        (
            (1 - depth + depth * math.cos(lobes * a)) * math.cos(a) * 0.95,
            (1 - depth + depth * math.cos(lobes * a)) * math.sin(a) * 0.95,
        )
        for a in steps
    ]
    pen.stroke(points, ink.line, 0.26)
    pen.stroke(points, ink.fill, 0.14)
    pen.disc(0, 0, 0.27, ink.accent, ink.line)


def _beast(pen: Pen, ink: Ink, rng: random.Random) -> None:
    tail = [(0.6, 0.1), (0.9, -0.15), (0.72, -0.5), (0.95, -0.8)]
    pen.stroke(tail, ink.line, 0.2)
    pen.stroke(tail, ink.fill, 0.1)
    for x, forward in ((-0.45, -0.2), (-0.2, 0.1), (0.35, -0.15), (0.55, 0.12)):
        leg = [(x, 0.3), (x + forward, 0.65), (x + forward * 0.6, 0.95)]
        pen.stroke(leg, ink.line, 0.26)
        pen.stroke(leg, ink.fill, 0.15)
    pen.poly(
        [
            (-0.55, -0.25),
            (-0.1, -0.2),
            (0.55, -0.12),
            (0.72, 0.2),
            (0.5, 0.42),
            (-0.35, 0.42),
            (-0.62, 0.15),
        ],
        ink.fill,
        ink.line,
    )
    if rng.random() < 0.6:
        for x, y in ring_points(-0.55, -0.35, 0.36, 0.36, rng.randint(7, 10)):
            pen.disc(x, y, 0.15, ink.accent, ink.line, 0.04)
    pen.poly(
        [
            (-0.95, -0.3),
            (-0.72, -0.62),
            (-0.66, -0.85),
            (-0.5, -0.66),
            (-0.3, -0.8),
            (-0.25, -0.45),
            (-0.45, -0.12),
            (-0.85, -0.12),
        ],
        ink.fill,
        ink.line,
    )
    pen.disc(-0.6, -0.42, 0.06, ink.line)
    for k in range(rng.randint(2, 4)):
        pen.disc(-0.15 + 0.25 * k, 0.08, 0.08, ink.accent)


def _goblet(pen: Pen, ink: Ink, rng: random.Random) -> None:
    waist = rng.uniform(0.08, 0.16)
    pen.poly(
        [
            (-0.6, -0.9),
            (0.6, -0.9),
            (0.5, -0.3),
            (waist, 0.1),
            (waist, 0.6),
            (0.5, 0.95),
            (-0.5, 0.95),
            (-waist, 0.6),
            (-waist, 0.1),
            (-0.5, -0.3),
        ],
        ink.fill,
        ink.line,
    )
    pen.box(-0.57, -0.75, 0.57, -0.5, ink.accent, ink.line, 0.05)
    pen.poly(ring_points(0, 0.3, 0.25, 0.14, 10), ink.accent, ink.line, 0.05)
    for k in range(4):
        pen.disc(-0.3 + 0.2 * k, -0.3, 0.06, ink.line)
    for side in (-1, 1):
        pen.stroke(
            arc_points(
                side * 0.6,
                -0.55,
                0.24,
                -1.3 * side + math.pi * (side < 0),
                1.3 * side + math.pi * (side < 0),
                8,
            ),
            ink.line,
            0.08,
        )


def _blades(pen: Pen, ink: Ink, rng: random.Random) -> None:
    curve = rng.uniform(-0.15, 0.15)
    for turn in (0.75, -0.75):
        blade = pen.at(0, 0, 1, turn)
        blade.poly(
            [(-0.09, 0.4), (-0.1 + curve, -0.7), (curve, -1.0), (0.1 + curve, -0.7), (0.09, 0.4)],
            ink.fill,
            ink.line,
        )
        blade.box(-0.32, 0.4, 0.32, 0.52, ink.accent, ink.line, 0.05)
        blade.box(-0.08, 0.52, 0.08, 0.85, ink.line)
        blade.disc(0, 0.9, 0.12, ink.accent, ink.line, 0.05)


def _monogram(pen: Pen, ink: Ink, rng: random.Random) -> None:
    frame = rng.choice((0, 4, 6, 20))
    if frame:
        pen.poly(ring_points(0, 0, 1, 1, frame), ink.fill, ink.line)
    glyph(pen.at(0, 0, 0.58 if frame else 0.9), rng, ink.line, width=0.34)
    if frame:
        return
    for x, y in ((-0.9, -0.9), (0.9, 0.9)):
        pen.disc(x, y, 0.14, ink.accent, ink.line, 0.05)


Draw = Callable[[Pen, Ink, random.Random], None]
MOTIFS: dict[str, Draw] = {
    "star": _star,
    "sun": _sun,
    "tower": _tower,
    "tree": _tree,
    "fish": _fish,
    "key": _key,
    "anchor": _anchor,
    "wheel": _wheel,
    "crescent": _crescent,
    "mountain": _mountain,
    "flower": _flower,
    "leaf": _leaf,
    "bird": _bird,
    "ship": _ship,
    "crown": _crown,
    "bell": _bell,
    "eye": _eye,
    "lozenges": _lozenges,
    "knot": _knot,
    "beast": _beast,
    "goblet": _goblet,
    "blades": _blades,
    "monogram": _monogram,
}
MOTIF_NAMES = tuple(MOTIFS)


def glyph(pen: Pen, rng: random.Random, colour: Colour, *, width: float = 0.3) -> None:
    """One letter of an invented script: a few strokes between nine points."""
    spots = [
        (-0.8, -0.9),
        (0.0, -0.9),
        (0.8, -0.9),
        (-0.8, 0.0),
        (0.0, 0.0),
        (0.8, 0.0),
        (-0.8, 0.9),
        (0.0, 0.9),
        (0.8, 0.9),
    ]
    at = rng.choice((0, 2, 6, 8))
    path = [spots[at]]
    for _ in range(rng.randint(2, 4)):
        at = rng.choice([k for k in range(9) if k != at])
        path.append(spots[at])
    pen.stroke(path, colour, width)
    if rng.random() < 0.45:
        x, y = spots[rng.randrange(9)]
        pen.disc(x, y, 0.28, colour)


def glyph_row(pen: Pen, rng: random.Random, colour: Colour, *, letters: int) -> None:
    """A word of the invented script across x -1..1; its height is fitted to the letters."""
    step = 2 / letters
    for k in range(letters):
        glyph(pen.at(-1 + step * (k + 0.5), 0, step * 0.4), rng, colour)


def draw_motif(pen: Pen, name: str, ink: Ink, seed: int) -> None:
    """Draw a figure by name; `seed` fixes its variation."""
    MOTIFS[name](pen, ink, random.Random(seed))
