"""Coats of arms and round emblems."""

import math
import random

import numpy as np

from vision_deepresearch.worlds.generated.drawing.looks import Look
from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    Point,
    arc_points,
    blend,
    full_pen,
    mix,
    ring_points,
    shade,
)


def _shield(style: int) -> list[Point]:
    w = 0.68
    if style == 0:  # heater
        right = [(w, -0.72), (w, 0.0), (w * 0.92, 0.28), (w * 0.66, 0.56), (0.0, 0.92)]
    elif style == 1:  # rounded foot
        right = [
            (w, -0.72),
            (w, 0.2),
            *[(w * math.cos(a), 0.2 + 0.66 * math.sin(a)) for a in (0.3, 0.6, 0.9, 1.2)],
            (0.0, 0.88),
        ]
    elif style == 2:  # square foot with a point
        right = [(w, -0.72), (w, 0.62), (w * 0.9, 0.74), (w * 0.3, 0.76), (0.0, 0.9)]
    elif style == 3:  # oval
        return ring_points(0, 0.08, 0.7, 0.82, 36)
    else:  # eared
        right = [
            (w * 0.4, -0.66),
            (w * 1.08, -0.78),
            (w * 0.9, -0.4),
            (w, 0.1),
            (w * 0.7, 0.55),
            (0.0, 0.92),
        ]
    return [*[(-x, y) for x, y in reversed(right)], *right]


def _field(pen: Pen, look: Look, rng: random.Random) -> list[tuple[float, float, float]]:
    """Paint the divided field; returns places (x, y, half size) for charges."""
    a, b, _ = rng.sample(range(4), 3)
    first, second, third = look.colour(a), look.colour(b), look.light
    pen.box(-1, -1, 1, 1, first)
    kind = rng.randrange(7)
    if kind == 0:  # quarterly
        pen.box(0, -1, 1, 0.02, third)
        pen.box(-1, 0.02, 0, 1, third)
        return [(-0.33, -0.36, 0.26), (0.33, -0.36, 0.26), (-0.3, 0.32, 0.24), (0.3, 0.32, 0.24)]
    if kind == 1:  # chief above
        pen.box(-1, -1, 1, -0.26, second, look.dark, 0.03)
        return [(-0.42, -0.49, 0.17), (0, -0.49, 0.18), (0.42, -0.49, 0.17), (0, 0.22, 0.42)]
    if kind == 2:  # bend
        pen.box(-1, -1, 1, 1, third)
        pen.poly(
            [(-1, -0.95), (-0.5, -1), (1, 0.6), (1, 1), (0.7, 1), (-1, -0.4)],
            second,
            look.dark,
            0.03,
        )
        return [
            (0.34, -0.38, 0.27),
            (-0.3, 0.3, 0.27),
            (-0.36, -0.42, 0.15),
            (0, 0.03, 0.17),
            (0.32, 0.42, 0.15),
        ]
    if kind == 3:  # per pale
        pen.box(0, -1, 1, 1, third)
        return [(-0.33, -0.3, 0.28), (0.33, -0.3, 0.28), (-0.27, 0.33, 0.22), (0.27, 0.33, 0.22)]
    if kind == 4:  # chevron
        pen.poly(
            [(-1, 0.4), (0, -0.3), (1, 0.4), (1, 0.75), (0, 0.08), (-1, 0.75)],
            third,
            look.dark,
            0.03,
        )
        return [(-0.36, -0.38, 0.24), (0.36, -0.38, 0.24), (0, 0.5, 0.25), (0, -0.08, 0.11)]
    if kind == 5:  # waves below
        pen.box(-1, -1, 1, 1, third)
        for k in range(4):
            y = 0.22 + 0.18 * k
            wave = [(-1 + 0.1 * j, y + 0.05 * math.sin(j * 1.25 + k)) for j in range(21)]
            pen.poly(
                [*wave, (1, y + 0.11), (-1, y + 0.11)], first if k % 2 else second, look.dark, 0.015
            )
        return [(0, -0.24, 0.4), (-0.5, -0.5, 0.15), (0.5, -0.5, 0.15)]
    pen.box(-0.16, -1, 0.16, 1, third)  # cross
    pen.box(-1, -0.2, 1, 0.1, third)
    return [
        (-0.42, -0.47, 0.2),
        (0.42, -0.47, 0.2),
        (-0.36, 0.36, 0.19),
        (0.36, 0.36, 0.19),
        (0, -0.05, 0.2),
    ]


def paint_arms(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A coat of arms with a mural crown and a ribbon in an invented script."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    gold = look.palette[4]
    outline = _shield(look.style)
    crown: list[Point] = [(-0.46, -0.66)]
    teeth = rng.choice((3, 4, 5))
    for k in range(teeth):
        left = -0.5 + k / teeth
        crown += [
            (left, -0.98),
            (left + 0.62 / teeth, -0.98),
            (left + 0.62 / teeth, -0.86),
            (left + 0.95 / teeth, -0.86),
        ]
    pen.poly([*crown, (0.46, -0.66)], gold, look.dark, 0.025)
    for k in range(7):
        pen.box(
            -0.42 + 0.125 * k,
            -0.82 + 0.06 * (k % 2),
            -0.34 + 0.125 * k,
            -0.77 + 0.06 * (k % 2),
            None,
            look.dark,
            0.012,
        )
    pen.poly(outline, look.dark, look.dark, 0.05)
    layer, inside = canvas.copy(), np.zeros_like(mask)
    full_pen(layer, inside).at(0, 0, 0.955).poly(outline, look.light)
    field_pen = full_pen(layer)
    places = _field(field_pen, look, rng)
    for k in range(34):  # diapering
        x, y = rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.85)
        field_pen.poly(ring_points(x, y, 0.03, 0.03, 4), None, shade(look.colour(k), 0.8), 0.01)
    for slot, (x, y, half) in enumerate(places):
        look.put_pale(field_pen, slot, x, y, half) if slot % 2 else look.put(
            field_pen, slot, x, y, half
        )
    blend(canvas, layer, inside, 0, 0)
    pen.at(0, 0, 0.955).poly(outline, None, gold, 0.028)
    _ribbon(pen, look, rng)


def _ribbon(pen: Pen, look: Look, rng: random.Random) -> None:
    cloth = look.light
    for side in (-1, 1):
        pen.poly(
            [
                (side * 0.52, 0.72),
                (side * 0.8, 0.62),
                (side * 0.72, 0.74),
                (side * 0.8, 0.86),
                (side * 0.52, 0.94),
            ],
            shade(cloth, 0.72),
            look.dark,
            0.025,
        )
    pen.poly(
        [
            (-0.6, 0.7),
            (-0.3, 0.77),
            (0, 0.79),
            (0.3, 0.77),
            (0.6, 0.7),
            (0.6, 0.9),
            (0.3, 0.97),
            (0, 0.985),
            (-0.3, 0.97),
            (-0.6, 0.9),
        ],
        cloth,
        look.dark,
        0.025,
    )
    for k in range(3):
        glyph_row(
            pen.at(-0.36 + 0.36 * k, 0.86 + (0.02 if k == 1 else 0), 0.15),
            rng,
            look.dark,
            letters=3,
        )


def paint_emblem(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A badge: seal, gear, hexagon, sunburst or plate with a ring of letters and figures."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    ground, ring = look.colour(rng.randrange(4)), look.light
    if rng.random() < 0.5:
        ground, ring = ring, ground
    _badge_outline(pen, look, ground if ground != look.light else look.colour(1))
    pen.disc(0, 0, 0.84, ring, look.dark, 0.03)
    letters = rng.randint(15, 19)
    ink = look.dark if sum(ring) > 330 else look.light
    for k in range(letters):
        turn = 2 * math.pi * k / letters
        spot = pen.at(0, 0, 1, turn)
        if k % 6 == 5:
            spot.poly(ring_points(0, -0.71, 0.045, 0.045, 4), ink)
        else:
            glyph_row(spot.at(0, -0.71, 0.085), rng, ink, letters=1)
    pen.disc(0, 0, 0.58, ground, look.dark, 0.03)
    _badge_ground(pen, look, rng, ground)
    look.put(pen, 0, 0, -0.04, 0.36)
    for slot, (x, y) in enumerate(ring_points(0, 0, 0.46, 0.46, len(look.marks) - 1, math.pi)):
        if y > 0.18:
            look.put_pale(pen, slot + 1, x, y, 0.12)
    for slot, (x, y) in enumerate(ring_points(0, 0, 0.92, 0.92, 4, math.pi / 4)):
        look.put(pen, slot + 1, x * 0.96, y * 0.96, 0.15)


def _badge_outline(pen: Pen, look: Look, colour: Colour) -> None:
    if look.style == 0:
        pen.disc(0, 0, 0.97, colour, look.dark, 0.03)
    elif look.style == 1:
        teeth = [
            p
            for k in range(16)
            for p in arc_points(
                0, 0, 0.98 if k % 2 else 0.87, 2 * math.pi * k / 16, 2 * math.pi * (k + 0.9) / 16, 3
            )
        ]
        pen.poly(teeth, colour, look.dark, 0.03)
    elif look.style == 2:
        pen.poly(ring_points(0, 0, 0.98, 0.98, 8, math.pi / 8), colour, look.dark, 0.03)
    elif look.style == 3:
        rays = [
            p
            for k in range(24)
            for p in [
                ring_points(0, 0, 0.98, 0.98, 24)[k],
                ring_points(0, 0, 0.86, 0.86, 24, math.pi / 24)[k],
            ]
        ]
        pen.poly(rays, colour, look.dark, 0.025)
    else:
        pen.poly(
            [
                (-0.9, -0.72),
                (-0.72, -0.9),
                (0.72, -0.9),
                (0.9, -0.72),
                (0.9, 0.72),
                (0.72, 0.9),
                (-0.72, 0.9),
                (-0.9, 0.72),
            ],
            colour,
            look.dark,
            0.04,
        )


def _badge_ground(pen: Pen, look: Look, rng: random.Random, ground: Colour) -> None:
    other = mix(ground, look.colour(rng.randrange(4)), 0.35)
    kind = rng.randrange(3)
    if kind == 0:
        for k in range(12):
            turn = 2 * math.pi * k / 12
            pen.at(0, 0, 1, turn).poly([(0, 0), (-0.1, -0.54), (0.1, -0.54)], other)
    elif kind == 1:
        for k in range(6):
            y = -0.4 + 0.16 * k
            half = math.sqrt(max(0.0, 0.55**2 - y**2))
            pen.poly([(-half, y), (half, y), (half, y + 0.07), (-half, y + 0.07)], other)
    else:
        for x, y in ring_points(0, 0, 0.5, 0.5, 18):
            pen.disc(x, y, 0.035, other)
