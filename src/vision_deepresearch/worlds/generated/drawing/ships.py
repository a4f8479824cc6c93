"""Ships from the side: livery, name, funnel or sails, flags."""

import random

import numpy as np

from vision_deepresearch.worlds.generated.drawing.looks import Look
from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Pen,
    Pixels,
    Point,
    blend,
    full_pen,
    mix,
    ring_points,
    shade,
)


def paint_vessel(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A ship from the side: livery on the hull, name in an invented script, funnel or sails, flag."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    (_rig_steam, _rig_sail, _rig_ferry)[look.style % 3](pen, look, rng)
    hull: list[Point] = [
        (-a * 0.97, 0.18),
        (-a * 0.8, 0.24),
        (a * 0.7, 0.24),
        (a * 0.98, 0.08),
        (a * 0.82, 0.92),
        (-a * 0.8, 0.92),
    ]
    pen.poly(hull, look.dark, look.dark, 0.03)
    layer, inside = canvas.copy(), np.zeros_like(mask)
    full_pen(layer, inside).poly(hull, look.colour(0))
    inner = full_pen(layer)
    _livery(inner, look, rng)
    blend(canvas, layer, inside, 0, 0)
    pen.poly(hull, None, look.dark, 0.025)


def _livery(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    band = look.light if rng.random() < 0.6 else look.colour(2)
    pen.box(-a, 0.34, a, 0.52, band, look.dark, 0.015)
    kind = rng.randrange(4)
    for k in range(14):
        x = a * (-1 + k / 7)
        colour = look.colour(1 + k % 2)
        if kind == 0:
            pen.poly(
                [(x, 0.52), (x + 0.1, 0.52), (x + 0.2, 0.74), (x + 0.1, 0.74)],
                colour,
                look.dark,
                0.012,
            )
        elif kind == 1:
            pen.poly(ring_points(x + 0.1, 0.63, 0.1, 0.1, 4), colour, look.dark, 0.012)
        elif kind == 2:
            pen.box(
                x, 0.54 + 0.09 * (k % 2), x + 0.2, 0.63 + 0.09 * (k % 2), colour, look.dark, 0.01
            )
        else:
            pen.poly([(x, 0.74), (x + 0.1, 0.53), (x + 0.2, 0.74)], colour, look.dark, 0.012)
    pen.box(-a, 0.75, a, 1, shade(look.colour(3), 0.7))
    for k in range(2):
        glyph_row(pen.at(a * (-0.42 + 0.62 * k), 0.43, 0.26 * a), rng, look.dark, letters=6)
    shift = rng.uniform(-0.1, 0.1)
    for slot, x in ((3, -0.72 + shift), (4, -0.06 - shift), (5, 0.58 + shift)):
        pen.disc(a * x, 0.5, 0.17, look.light, look.dark, 0.02)
        look.put(pen, slot, a * x, 0.5, 0.13)


def _flag(pen: Pen, look: Look, rng: random.Random, slot: int, *, flip: bool) -> None:
    """A flag whose staff is the pen's left edge; 1 unit is half its height."""
    side = -1 if flip else 1
    kind = rng.randrange(3)
    pen.box(0, -1, 3 * side, 1, look.colour(slot), look.dark, 0.08)
    if kind == 0:
        pen.box(0, -0.33, 3 * side, 0.33, look.light)
    elif kind == 1:
        pen.poly([(0, -1), (1.4 * side, 0), (0, 1)], look.light, look.dark, 0.06)
    else:
        pen.box(0, -1, 1 * side, 1, look.light)
        pen.box(2 * side, -1, 3 * side, 1, look.colour(slot + 1))
    pen.box(0, -1, 3 * side, 1, None, look.dark, 0.08)
    look.put(pen, slot, 1.5 * side, 0, 0.72)


def _rig_steam(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    for side in (-1, 1):
        pen.stroke([(a * 0.72 * side, 0.2), (a * 0.72 * side, -0.95)], look.dark, 0.025)
        _flag(pen.at(a * 0.72 * side, -0.78, 0.16), look, rng, 1 if side < 0 else 2, flip=side > 0)
    pen.box(-a * 0.6, -0.12, a * 0.55, 0.24, look.light, look.dark, 0.02)
    pen.box(-a * 0.42, -0.38, a * 0.4, -0.12, mix(look.light, look.colour(2), 0.3), look.dark, 0.02)
    for k in range(9):
        x = a * (-0.53 + 0.125 * k)
        pen.box(x, -0.02, x + 0.08, 0.12, (60, 84, 110), look.dark, 0.015)
        if 1 <= k <= 6:
            pen.disc(x + 0.05, -0.25, 0.05, (238, 204, 130), look.dark, 0.015)
    count = 1 + look.base_seed % 2
    for k in range(count):
        x = a * (-0.08 + 0.3 * k - 0.1 * count)
        pen.poly(
            [(x - 0.14, -0.38), (x - 0.1, -0.95), (x + 0.14, -0.95), (x + 0.16, -0.38)],
            look.colour(1),
            look.dark,
            0.02,
        )
        pen.poly(
            [(x - 0.1, -0.95), (x + 0.14, -0.95), (x + 0.14, -0.84), (x - 0.11, -0.84)], look.dark
        )
        look.put_pale(pen, k, x + 0.02, -0.62, 0.13)


def _rig_sail(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    for number, x in enumerate((-0.5, 0.08, 0.58)):
        top = -0.97 if number == 1 else -0.84
        pen.stroke([(a * x, 0.24), (a * x, top)], look.dark, 0.03)
        for tier in range(2):
            y0, y1 = top + 0.1 + 0.45 * tier, top + 0.5 + 0.45 * tier
            wide = 0.27 + 0.06 * tier
            belly = [(a * x + wide, y0), (a * x + wide * 1.12, (y0 + y1) / 2), (a * x + wide, y1)]
            colour = (
                look.light if (number + tier) % 2 else mix(look.light, look.colour(number), 0.55)
            )
            pen.poly(
                [
                    (a * x - wide, y0),
                    *belly,
                    (a * x - wide, y1),
                    (a * x - wide * 0.85, (y0 + y1) / 2),
                ],
                colour,
                look.dark,
                0.018,
            )
            if (number + tier) % 2:
                look.put(pen, number + tier, a * x + 0.02, (y0 + y1) / 2, 0.15)
            else:
                for k in range(3):
                    pen.stroke(
                        [
                            (a * x - wide * 0.8, y0 + 0.1 + 0.1 * k),
                            (a * x + wide, y0 + 0.1 + 0.1 * k),
                        ],
                        look.colour(number + 1),
                        0.04,
                    )
    pen.poly([(a * 0.62, -0.5), (a * 0.98, 0.1), (a * 0.66, 0.1)], look.light, look.dark, 0.018)
    _flag(pen.at(-a * 0.92, 0.0, 0.12), look, rng, 2, flip=False)


def _rig_ferry(pen: Pen, look: Look, rng: random.Random) -> None:
    a = look.aspect
    for deck in range(3):
        y = 0.02 - 0.26 * deck
        half = a * (0.78 - 0.12 * deck)
        pen.box(
            -half,
            y - 0.06,
            half - 0.1 * a,
            y + 0.22,
            mix(look.light, look.colour(deck), 0.25),
            look.dark,
            0.02,
        )
        for k in range(10 - 2 * deck):
            x = -half + 0.09 + (2 * half - 0.1 * a - 0.1) * k / (10 - 2 * deck)
            pen.box(
                x,
                y + 0.02,
                x + 0.1,
                y + 0.14,
                rng.choice(((60, 84, 110), (238, 204, 130))),
                look.dark,
                0.014,
            )
    pen.poly(
        [(-a * 0.3, -0.56), (-a * 0.24, -0.96), (a * 0.04, -0.96), (a * 0.08, -0.56)],
        look.colour(1),
        look.dark,
        0.02,
    )
    look.put_pale(pen, 0, -a * 0.1, -0.76, 0.17)
    pen.stroke([(a * 0.34, -0.56), (a * 0.34, -0.96)], look.dark, 0.025)
    _flag(pen.at(a * 0.34, -0.82, 0.14), look, rng, 1, flip=False)
    pen.stroke([(-a * 0.84, 0.2), (-a * 0.84, -0.7)], look.dark, 0.025)
    _flag(pen.at(-a * 0.84, -0.54, 0.14), look, rng, 2, flip=False)
