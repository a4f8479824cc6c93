"""People of scenes: in coats and skirts, from the front, from behind, walking, with balloons."""

import math
import random

from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Point,
    arc_points,
    mix,
    ring_points,
    shade,
)

COATS: tuple[Colour, ...] = (
    (150, 62, 56),
    (62, 84, 104),
    (92, 104, 76),
    (176, 128, 74),
    (96, 66, 84),
    (70, 66, 70),
    (190, 172, 142),
    (120, 84, 60),
)
BRIGHT: tuple[Colour, ...] = (
    (196, 78, 66),
    (226, 168, 84),
    (72, 120, 140),
    (104, 142, 104),
    (232, 218, 188),
    (150, 92, 120),
)
_SKINS: tuple[Colour, ...] = (
    (226, 186, 156),
    (196, 148, 114),
    (146, 104, 80),
    (236, 204, 180),
    (108, 76, 60),
)
HAIRS: tuple[Colour, ...] = (
    (58, 44, 40),
    (116, 84, 58),
    (184, 156, 112),
    (96, 96, 100),
    (150, 84, 52),
)
WOODS: tuple[Colour, ...] = ((150, 110, 72), (128, 90, 60), (170, 132, 90))
IRON: Colour = (62, 64, 68)
PAPER: Colour = (238, 230, 212)


def solid(pen: Pen, points: list[Point], colour: Colour, width: float = 0.022) -> None:
    """A filled shape with a thin darker outline."""
    pen.poly(points, colour, shade(colour, 0.5), width)


def block(pen: Pen, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
    """A box with a lit and a shaded side."""
    pen.box(x0, y0, x1, y1, colour)
    pen.box(x0, y0, x0 + (x1 - x0) * 0.2, y1, shade(colour, 1.14))
    pen.box(x1 - (x1 - x0) * 0.28, y0, x1, y1, shade(colour, 0.8))
    pen.box(x0, y0, x1, y1, None, shade(colour, 0.5), 0.022)


def person(pen: Pen, rng: random.Random) -> None:
    """Somebody in a coat or a skirt, seen from the front, from behind or walking."""
    _body(pen, rng, behind=rng.random() < 0.45)


def onlooker(pen: Pen, rng: random.Random) -> None:
    """Somebody seen from behind."""
    _body(pen, rng, behind=True)


def _body(pen: Pen, rng: random.Random, *, behind: bool) -> None:
    coat, other = rng.sample(COATS, 2)
    skin = rng.choice(_SKINS)
    lean = rng.choice((-1, 1))
    stride, fat = rng.uniform(0.02, 0.1), rng.uniform(0.9, 1.15)
    skirt, trousers = rng.random() < 0.4, shade(other, 0.7)
    _legs(pen, tone=shade(skin, 0.8) if skirt else trousers, lean=lean, stride=stride, fat=fat)
    hem = rng.uniform(0.42, 0.62) if not skirt else 0.3
    if skirt:
        solid(pen, [(-0.17, 0.0), (0.17, 0.0), (0.28 * fat, 0.66), (-0.28 * fat, 0.66)], other)
        for k in range(4):
            pen.stroke(
                [(-0.12 + 0.08 * k, 0.08), (-0.2 + 0.13 * k, 0.64)], shade(other, 0.75), 0.02
            )
    body = [
        (-0.2 * fat, hem),
        (-0.2, -0.1),
        (-0.24, -0.4),
        (-0.1, -0.52),
        (0.1, -0.52),
        (0.24, -0.4),
        (0.2, -0.1),
        (0.2 * fat, hem),
    ]
    solid(pen, body, coat)
    pen.poly(
        [(0.06, -0.5), (0.1, -0.52), (0.24, -0.4), (0.2, -0.1), (0.2 * fat, hem), (0.07, hem)],
        shade(coat, 0.8),
    )
    pen.poly(
        [
            (-0.2, -0.1),
            (-0.24, -0.4),
            (-0.17, -0.45),
            (-0.14, -0.1),
            (-0.15, hem),
            (-0.2 * fat, hem),
        ],
        shade(coat, 1.15),
    )
    for side in (-1, 1):
        hand = (side * (0.27 + stride * 0.6), 0.12 - 0.3 * (side == lean) * stride)
        sleeve = [
            (side * 0.17, -0.45),
            (side * 0.26, -0.36),
            (hand[0] + 0.04 * side, hand[1]),
            (hand[0] - 0.05 * side, hand[1] + 0.02),
        ]
        solid(pen, sleeve, shade(coat, 1.05 if side < 0 else 0.84))
        pen.disc(hand[0], hand[1] + 0.05, 0.05, skin if side < 0 else shade(skin, 0.86))
        if side == lean and rng.random() < 0.4:
            block(
                pen,
                hand[0] - 0.11,
                hand[1] + 0.08,
                hand[0] + 0.11,
                hand[1] + 0.32,
                rng.choice(WOODS),
            )
    if not behind:
        pen.stroke([(0, -0.44), (0, hem - 0.02)], shade(coat, 0.62), 0.018)
        for k in range(3):
            pen.disc(0.035, -0.28 + 0.17 * k, 0.018, shade(coat, 0.5))
        pen.poly([(-0.1, -0.53), (0, -0.36), (0.1, -0.53)], rng.choice(BRIGHT))
    elif rng.random() < 0.4:
        block(pen, -0.16, -0.36, 0.16, 0.08, rng.choice(COATS))
    _head(pen, rng, skin, behind=behind, lean=lean)


def _legs(pen: Pen, *, tone: Colour, lean: int, stride: float, fat: float) -> None:
    for side in (-1, 1):
        foot = 0.09 * side + stride * side * lean
        solid(
            pen,
            [
                (0.02 * side, 0.3),
                (0.15 * side * fat, 0.3),
                (foot + 0.055, 0.95),
                (foot - 0.055, 0.95),
            ],
            tone,
        )
        solid(
            pen,
            [
                (foot - 0.06, 0.92),
                (foot + 0.06, 0.92),
                (foot + 0.06 + 0.07 * lean, 1.0),
                (foot - 0.06, 1.0),
            ],
            (52, 44, 42),
        )


def _head(pen: Pen, rng: random.Random, skin: Colour, *, behind: bool, lean: int) -> None:
    hair = rng.choice(HAIRS)
    pen.box(-0.055, -0.6, 0.055, -0.5, shade(skin, 0.85))
    head = ring_points(0, -0.72, 0.125, 0.155, 18)
    solid(pen, head, skin, 0.018)
    for side in (-1, 1):
        pen.disc(side * 0.125, -0.71, 0.032, shade(skin, 0.9))
    if behind:
        cap = arc_points(0, -0.75, 0.14, math.pi * 0.94, 2.06 * math.pi, 14)
        nape = [(0.11, -0.64), (0.04, -0.61), (-0.04, -0.61), (-0.11, -0.64)]
        solid(pen, [*cap, *nape], hair, 0.014)
        for k in range(5):
            pen.stroke(
                [(-0.08 + 0.04 * k, -0.86), (-0.09 + 0.045 * k, -0.66)],
                shade(hair, 1.25 - 0.12 * k),
                0.014,
            )
    if not behind:
        pen.poly(ring_points(0.05, -0.71, 0.07, 0.13, 12), shade(skin, 0.88))
        for side in (-1, 1):
            pen.disc(side * 0.045, -0.73, 0.014, (50, 40, 40))
        pen.stroke([(-0.03, -0.64), (0.03, -0.64)], shade(skin, 0.6), 0.014)
        pen.poly(
            [*arc_points(0, -0.75, 0.135, math.pi, 2 * math.pi, 10), (0.1, -0.78), (-0.08, -0.8)],
            hair,
        )
    kind = rng.randrange(4)
    hat = rng.choice(COATS)
    if kind == 0:
        solid(pen, [(-0.24, -0.79), (0.24, -0.79), (0.24, -0.83), (-0.24, -0.83)], hat, 0.014)
        solid(pen, [(-0.13, -0.83), (-0.11, -0.98), (0.11, -0.98), (0.13, -0.83)], hat, 0.014)
        pen.box(-0.13, -0.86, 0.13, -0.83, rng.choice(BRIGHT))
    elif kind == 1:
        solid(pen, [*arc_points(0, -0.78, 0.145, math.pi, 2 * math.pi, 10)], hat, 0.014)
        pen.poly([(0.1 * lean, -0.8), (0.24 * lean, -0.77), (0.1 * lean, -0.76)], shade(hat, 0.7))
    elif kind == 2:
        pen.disc(0, -0.9, 0.055, hair)


def child(pen: Pen, rng: random.Random) -> None:
    """A child, often with a balloon."""
    person(pen.at(0, 0.0, 1.0), rng)
    if rng.random() < 0.6:
        colour = rng.choice(BRIGHT)
        pen.stroke([(0.28, 0.1), (0.36, -0.8)], IRON, 0.012)
        solid(pen, ring_points(0.37, -1.05, 0.2, 0.25, 18), colour, 0.02)
        pen.poly(ring_points(0.31, -1.12, 0.05, 0.08, 10), mix(colour, (255, 255, 255), 0.6))
