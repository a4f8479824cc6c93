"""Framed paintings and printed posters."""

import itertools
import math
import random

import numpy as np

from vision_deepresearch.worlds.generated.drawing.looks import Look
from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Pen,
    Pixels,
    blend,
    full_pen,
    mix,
    ring_points,
    shade,
)


def paint_artwork(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A framed painting or a printed poster."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    is_poster = look.style in {0, 3}
    frame = (
        (236, 230, 218)
        if is_poster
        else rng.choice(((164, 120, 60), (96, 62, 40), (186, 150, 90), (60, 52, 50)))
    )
    pen.box(-a * 0.995, -0.995, a * 0.995, 0.995, frame, look.dark, 0.02)
    edge = 0.06 if is_poster else 0.13
    x0, y0 = a - edge, 1 - edge
    if not is_poster:
        count = 22
        for x, y in ((k / count * 2 - 1, side) for k in range(count + 1) for side in (-1, 1)):
            pen.disc(x * (a - 0.06), y * 0.94, 0.024, shade(frame, 1.3), shade(frame, 0.6), 0.01)
        for corner, (x, y) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
            pen.poly(
                ring_points(x * (a - 0.07), y * 0.93, 0.06, 0.06, 4 + corner),
                shade(frame, 1.2),
                look.dark,
                0.012,
            )
    layer = canvas.copy()
    inner = full_pen(layer)
    inner.box(-x0, -y0, x0, y0, look.light)
    (_poster_travel, _painting_shapes, _painting_still, _poster_type, _painting_blocks)[look.style](
        inner, look, rng
    )
    inside = np.zeros_like(mask)
    full_pen(np.zeros_like(canvas), inside).box(-x0, -y0, x0, y0, look.light)
    blend(canvas, layer, inside, 0, 0)
    pen.box(-x0, -y0, x0, y0, None, look.dark, 0.015)


def _poster_travel(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    sky = [
        look.colour(2),
        mix(look.colour(2), look.light, 0.4),
        mix(look.colour(2), look.light, 0.7),
    ]
    for k, colour in enumerate(sky):
        pen.box(-a, -1 + 0.35 * k, a, 1, colour)
    pen.disc(a * rng.uniform(-0.5, 0.5), -0.45, 0.27, look.light)
    for layer in range(4):
        base = -0.15 + 0.2 * layer
        ridge = [
            (a * (-1.05 + 0.21 * k), base - rng.uniform(0.0, 0.3) * (1 - layer * 0.18))
            for k in range(11)
        ]
        pen.poly(
            [*ridge, (a * 1.05, 1), (-a * 1.05, 1)],
            shade(mix(look.colour(layer), look.light, 0.3 - 0.1 * layer), 0.95),
            look.dark,
            0.012,
        )
    for k in range(5):
        look.put(pen, k, a * (-0.72 + 0.36 * k), 0.32 + 0.16 * (k % 2), 0.2)
    look.put(pen, 5, -a * 0.62, -0.62, 0.14)
    look.put(pen, 6, a * 0.62, -0.62, 0.14)
    pen.box(-a, 0.68, a, 1, look.dark)
    glyph_row(pen.at(0, 0.8, 0.78 * a), rng, look.light, letters=8)


def _painting_shapes(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    for _ in range(9):
        points = [(rng.uniform(-1, 1) * a, rng.uniform(-1, 1)) for _ in range(3)]
        pen.poly(points, mix(look.colour(rng.randrange(4)), look.light, rng.uniform(0.3, 0.7)))
    for _ in range(8):
        x, y, r = rng.uniform(-0.8, 0.8) * a, rng.uniform(-0.8, 0.8), rng.uniform(0.08, 0.3)
        pen.disc(x, y, r, look.colour(rng.randrange(4)), look.dark, 0.015)
        pen.disc(x, y, r * 0.6, mix(look.colour(rng.randrange(4)), look.light, 0.3))
    for _ in range(7):
        x, y = rng.uniform(-0.9, 0.6) * a, rng.uniform(-0.9, 0.9)
        pen.stroke(
            [(x, y), (x + rng.uniform(-0.7, 0.7), y + rng.uniform(-0.7, 0.7))],
            look.dark,
            rng.uniform(0.015, 0.04),
        )
    for slot in range(7):
        look.put(
            pen,
            slot,
            rng.uniform(-0.75, 0.75) * a,
            -0.68 + 0.23 * slot,
            rng.uniform(0.14, 0.24),
            rng.uniform(-0.6, 0.6),
        )


def _painting_still(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    wall = mix(look.colour(0), look.light, 0.45)
    pen.box(-a, -1, a, 1, wall)
    for k in range(40):
        x, y = -a + 2 * a * (k % 8 + 0.5 * (k // 8 % 2)) / 8, -0.9 + 0.26 * (k // 8)
        pen.poly(ring_points(x, y, 0.05, 0.07, 4), shade(wall, 0.86))
    look.put(pen, 0, -a * 0.55, -0.48, 0.26)
    look.put(pen, 1, a * 0.55, -0.5, 0.22)
    cloth = look.colour(2)
    pen.poly([(-a, 0.3), (a, 0.22), (a, 1), (-a, 1)], cloth, look.dark, 0.015)
    for k in range(9):
        x = a * (-0.95 + 0.24 * k)
        pen.poly(
            [(x, 0.3), (x + 0.07, 0.3), (x + 0.2, 1), (x + 0.08, 1)], mix(cloth, look.light, 0.3)
        )
    for k in range(3):
        x, tall = a * (-0.58 + 0.58 * k), rng.uniform(0.5, 0.85)
        wide = rng.uniform(0.16, 0.26)
        profile = [
            (0.4, -tall),
            (0.5, -tall * 0.9),
            (0.35, -tall * 0.7),
            (1.0, -tall * 0.35),
            (0.8, -0.05),
            (0.45, 0.0),
        ]
        right = [(x + wide * px, 0.58 + py) for px, py in profile]
        left = [(x - wide * px, 0.58 + py) for px, py in reversed(profile)]
        pen.poly([*right, *left], look.colour(k + 1), look.dark, 0.02)
        look.put_pale(pen, k + 2, x, 0.58 - tall * 0.32, wide * 0.62)
    for k in range(6):
        x = a * (-0.8 + 0.3 * k) + rng.uniform(-0.05, 0.05)
        pen.disc(x, 0.74 + 0.06 * (k % 2), 0.11, look.colour(rng.randrange(4)), look.dark, 0.018)
        pen.stroke([(x, 0.66), (x + 0.05, 0.58)], look.dark, 0.02)
    look.put(pen, 5, 0, -0.62, 0.22)


def _poster_type(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    pen.box(-a, -1, a, 1, look.colour(rng.randrange(4)))
    for k in range(9):
        turn = math.pi * (1 + k / 8)
        pen.poly(
            [
                (0, 0.25),
                (2 * math.cos(turn), 0.25 + 2 * math.sin(turn)),
                (2 * math.cos(turn + 0.2), 0.25 + 2 * math.sin(turn + 0.2)),
            ],
            mix(look.colour(k), look.light, 0.35),
        )
    pen.disc(0, -0.08, 0.5, look.light, look.dark, 0.025)
    look.put(pen, 0, 0, -0.08, 0.38)
    for slot, (x, y) in enumerate(((-0.68, -0.72), (0.68, -0.72), (-0.7, 0.34), (0.7, 0.34))):
        look.put_pale(pen, slot + 1, x * a, y, 0.17)
    pen.box(-a, 0.52, a, 1, look.light, look.dark, 0.02)
    glyph_row(pen.at(0, 0.64, 0.82 * a), rng, look.dark, letters=7)
    for k in range(2):
        glyph_row(pen.at(0, 0.79 + 0.09 * k, 0.8 * a), rng, look.colour(k), letters=17)
    look.put(pen, 5, -a * 0.3, -0.78, 0.1)
    look.put(pen, 6, a * 0.3, -0.78, 0.1)


def _painting_blocks(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    xs, ys = [-a], [-1.0]
    while xs[-1] < a:
        xs.append(xs[-1] + rng.uniform(0.22, 0.5))
    while ys[-1] < 1:
        ys.append(ys[-1] + rng.uniform(0.24, 0.5))
    slot = 0
    for x0, x1 in itertools.pairwise(xs):
        for y0, y1 in itertools.pairwise(ys):
            pen.box(
                x0,
                y0,
                x1,
                y1,
                mix(look.colour(rng.randrange(4)), look.light, rng.choice((0, 0.25, 0.6, 0.85))),
                look.dark,
                0.022,
            )
            if rng.random() < 0.5:
                half = min(x1 - x0, y1 - y0) * 0.42
                look.put(pen, slot, (x0 + x1) / 2, (y0 + y1) / 2, half)
                slot += 1
            elif rng.random() < 0.5:
                pen.poly(
                    [(x0, y0), (x1, y0), (x0, y1)], look.colour(rng.randrange(4)), look.dark, 0.015
                )
