"""House fronts: gables, pediments, towers, windows and ornaments."""

import math
import random

from vision_deepresearch.worlds.generated.drawing.looks import Look
from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    Point,
    arc_points,
    full_pen,
    mix,
    shade,
)


def paint_facade(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A house front: gable, pediment, tower, arcade or panels, with windows and ornaments."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    wall = mix(look.light, look.colour(rng.randrange(4)), rng.uniform(0.3, 0.7))
    trim = mix(look.light, (255, 255, 255), 0.3)
    roof = shade(look.colour(rng.randrange(4)), 0.75)
    top = _roof(pen, look, rng, wall, roof)
    pen.box(-0.94 * a, top, 0.94 * a, 0.97, wall, look.dark, 0.02)
    _wall_texture(pen, look, rng, wall, top)
    floors = rng.choice((2, 3, 3, 4))
    foot = rng.uniform(0.42, 0.52)
    step = (foot - top) / floors
    bays = max(3, round(rng.uniform(3.4, 5.4) * a))
    edges = [k / bays for k in range(bays + 1)]
    edges[1:-1] = [edge + rng.uniform(-0.2, 0.2) / bays for edge in edges[1:-1]]
    slot = 3
    for floor in range(floors):
        y = top + step * (floor + 0.5)
        pen.box(-0.97 * a, y + step * 0.42, 0.97 * a, y + step * 0.5, trim, look.dark, 0.012)
        for bay in range(bays):
            x = a * (-0.94 + 1.88 * (edges[bay] + edges[bay + 1]) / 2)
            if floor == 1 and bay in {0, bays - 1}:
                look.put(pen, slot, x, y, min(step * 0.4, a * 0.7 / bays))
                slot += 1
            else:
                half = min(step * 0.36, 0.94 * a * (edges[bay + 1] - edges[bay]) * 1.1)
                _window(pen.at(x, y, half), look, rng, trim)
    _ground_floor(pen, look, rng, trim)


def _roof(pen: Pen, look: Look, rng: random.Random, wall: Colour, roof: Colour) -> float:
    a, line = look.aspect, look.dark
    if look.style == 0:  # stepped gable
        steps = rng.choice((4, 5))
        left = [
            (p)
            for k in range(steps)
            for p in [
                (-a * 0.94 * (1 - k / steps), -0.42 - 0.5 * k / steps),
                (-a * 0.94 * (1 - k / steps), -0.42 - 0.5 * (k + 1) / steps),
            ]
        ]
        pen.poly([*left, *[(-x, y) for x, y in reversed(left)]], wall, line, 0.025)
        look.put(pen, 0, 0, -0.6, 0.2)
        return -0.42
    if look.style == 1:  # pediment
        pen.poly([(-a, -0.5), (0, -0.97), (a, -0.5)], roof, line, 0.03)
        pen.poly([(-a * 0.74, -0.54), (0, -0.88), (a * 0.74, -0.54)], look.light, line, 0.02)
        look.put(pen, 0, 0, -0.66, 0.13)
        for side, slot in ((-1, 1), (1, 2)):
            look.put(pen, slot, side * a * 0.36, -0.6, 0.07)
        return -0.5
    if look.style == 2:  # hipped roof with dormers
        pen.poly(
            [(-a * 0.98, -0.45), (-a * 0.74, -0.9), (a * 0.74, -0.9), (a * 0.98, -0.45)],
            roof,
            line,
            0.025,
        )
        for k in range(6):
            y = -0.86 + 0.07 * k
            pen.stroke(
                [(-a * (0.76 + 0.04 * k), y), (a * (0.76 + 0.04 * k), y)], shade(roof, 0.8), 0.012
            )
        for k, slot in ((-1, 0), (0, 1), (1, 2)):
            pen.poly(
                [
                    (k * a * 0.5 - 0.13, -0.47),
                    (k * a * 0.5 - 0.13, -0.7),
                    (k * a * 0.5, -0.84),
                    (k * a * 0.5 + 0.13, -0.7),
                    (k * a * 0.5 + 0.13, -0.47),
                ],
                look.light,
                line,
                0.02,
            )
            look.put(pen, slot, k * a * 0.5, -0.61, 0.1)
        return -0.45
    if look.style == 3:  # two towers
        for side in (-1, 1):
            x = side * a * 0.68
            pen.poly([(x - 0.24 * a, -0.66), (x, -0.98), (x + 0.24 * a, -0.66)], roof, line, 0.025)
            pen.box(x - 0.22 * a, -0.66, x + 0.22 * a, -0.3, wall, line, 0.025)
            look.put(pen, 1 if side < 0 else 2, x, -0.5, 0.12)
        pen.poly([(-a * 0.5, -0.36), (0, -0.74), (a * 0.5, -0.36)], roof, line, 0.025)
        look.put(pen, 0, 0, -0.48, 0.1)
        return -0.36
    pen.box(-a * 0.97, -0.74, a * 0.97, -0.5, look.colour(2), line, 0.025)  # flat, with a sign
    for k in range(3):
        look.put_pale(pen, k, a * (-0.72 + 0.72 * k), -0.62, 0.1)
        glyph_row(pen.at(a * (-0.36 + 0.72 * (k % 2)), -0.62, 0.16 * a), rng, look.light, letters=3)
    pen.stroke([(a * 0.5, -0.74), (a * 0.5, -0.98)], line, 0.02)
    pen.poly([(a * 0.5, -0.97), (a * 0.82, -0.9), (a * 0.5, -0.82)], look.colour(0), line, 0.015)
    return -0.5


def _wall_texture(pen: Pen, look: Look, rng: random.Random, wall: Colour, top: float) -> None:
    a = look.aspect
    for _ in range(70):
        x, y = rng.uniform(-0.88, 0.82) * a, rng.uniform(top + 0.04, 0.86)
        pen.box(x, y, x + 0.07, y + 0.028, shade(wall, rng.choice((0.88, 0.93, 1.06))))


def _window(pen: Pen, look: Look, rng: random.Random, trim: Colour) -> None:
    glass = rng.choice(((58, 74, 96), (70, 90, 112), (238, 204, 130), (46, 58, 78)))
    kind = look.base_seed % 3
    outline: list[Point]
    if kind == 0:
        outline = [(-0.5, 0.95), (-0.5, -0.95), (0.5, -0.95), (0.5, 0.95)]
    elif kind == 1:
        outline = [(-0.5, 0.95), *arc_points(0, -0.4, 0.5, math.pi, 2 * math.pi, 8), (0.5, 0.95)]
    else:
        outline = [(-0.5, 0.95), (-0.5, -0.3), (0, -0.98), (0.5, -0.3), (0.5, 0.95)]
    pen.poly(outline, trim, look.dark, 0.08)
    pen.at(0, 0.04, 0.78).poly(outline, glass, look.dark, 0.07)
    pen.stroke([(0, -0.7), (0, 0.75)], trim, 0.09)
    pen.stroke([(-0.38, 0.0), (0.38, 0.0)], trim, 0.09)
    dress = rng.randrange(4)
    if dress == 0:
        pen.box(-0.62, 0.72, 0.62, 0.98, look.colour(rng.randrange(4)), look.dark, 0.06)
        for k in range(4):
            pen.disc(-0.45 + 0.3 * k, 0.7, 0.15, look.colour(rng.randrange(4)), look.dark, 0.05)
    elif dress == 1:
        for side in (-1, 1):
            pen.box(
                side * 0.72 - 0.18,
                -0.8,
                side * 0.72 + 0.18,
                0.9,
                look.colour(look.base_seed),
                look.dark,
                0.06,
            )
    elif dress == 2:
        pen.poly([(-0.38, -0.72), (0.38, -0.72), (0.1, -0.1), (-0.38, 0.3)], look.light)


def _ground_floor(pen: Pen, look: Look, rng: random.Random, trim: Colour) -> None:
    a = look.aspect
    board = look.colour(rng.randrange(4))
    pen.box(-0.9 * a, 0.5, 0.9 * a, 0.66, board, look.dark, 0.02)
    ink = look.light if sum(board) < 420 else look.dark
    for k in range(4):
        glyph_row(pen.at(a * (-0.63 + 0.42 * k), 0.58, 0.17 * a), rng, ink, letters=4)
    door = a * rng.choice((-0.5, 0.0, 0.5))
    pen.poly(
        [
            (door - 0.13, 0.97),
            (door - 0.13, 0.78),
            *arc_points(door, 0.78, 0.13, math.pi, 2 * math.pi, 8),
            (door + 0.13, 0.97),
        ],
        look.colour(3),
        look.dark,
        0.025,
    )
    pen.disc(door + 0.07, 0.88, 0.02, trim)
    for k in range(4):
        x = a * (-0.72 + 0.48 * k)
        if abs(x - door) > 0.24:
            pen.box(x - 0.15 * a, 0.72, x + 0.15 * a, 0.93, (62, 80, 98), look.dark, 0.02)
            look.put_pale(pen, 5 + k, x, 0.825, 0.08)
