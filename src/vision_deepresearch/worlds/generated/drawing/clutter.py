"""The small things of a scene: people, papers, boxes, fruit, gulls, strings of pennants.

They compete with the things that are asked for: full of corners, sometimes with the same figures.
"""

import math
import random
from collections.abc import Callable

from vision_deepresearch.worlds.generated.drawing.motifs import (
    MOTIF_NAMES,
    Ink,
    draw_motif,
    glyph_row,
)
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Point,
    mix,
    ring_points,
    shade,
)

BRIGHT: tuple[Colour, ...] = (
    (204, 66, 58),
    (236, 168, 62),
    (52, 110, 138),
    (86, 136, 96),
    (150, 78, 120),
    (240, 222, 180),
    (46, 58, 88),
    (222, 118, 78),
)
LINE: Colour = (40, 36, 44)
_PAPER: Colour = (244, 238, 224)
_SKINS: tuple[Colour, ...] = ((232, 190, 156), (198, 146, 108), (150, 104, 76), (240, 206, 178))

Draw = Callable[[Pen, random.Random], None]


def _two(rng: random.Random) -> tuple[Colour, Colour]:
    first, second = rng.sample(BRIGHT, 2)
    return first, second


def _any_motif(pen: Pen, rng: random.Random, fill: Colour, accent: Colour) -> None:
    draw_motif(pen, rng.choice(MOTIF_NAMES), Ink(fill, accent, LINE), rng.getrandbits(32))


def paper(pen: Pen, rng: random.Random) -> None:
    """A written sheet."""
    pen.box(-0.8, -1, 0.8, 1, _PAPER, LINE, 0.06)
    for k in range(3):
        glyph_row(pen.at(0, -0.58 + 0.56 * k, 0.62), rng, LINE, letters=4)


def sticker(pen: Pen, rng: random.Random) -> None:
    """A round sticker with a figure."""
    colour, other = _two(rng)
    pen.disc(0, 0, 1, colour, LINE, 0.1)
    _any_motif(pen.at(0, 0, 0.68), rng, other, _PAPER)


def miniature(pen: Pen, rng: random.Random) -> None:
    """A small framed picture of one figure."""
    colour, other = _two(rng)
    wood = rng.choice(((150, 112, 62), (84, 58, 44), (62, 58, 58)))
    pen.box(-0.85, -1, 0.85, 1, wood, LINE, 0.06)
    pen.box(-0.65, -0.8, 0.65, 0.8, mix(other, _PAPER, 0.6), LINE, 0.05)
    _any_motif(pen.at(0, 0, 0.52), rng, colour, other)


def fruit(pen: Pen, rng: random.Random) -> None:
    """Three round fruits."""
    colour = rng.choice(((206, 74, 58), (234, 160, 60), (126, 152, 72), (126, 62, 100)))
    for x, y in ((-0.5, 0.35), (0.45, 0.4), (0, -0.3)):
        pen.disc(x, y, 0.52, colour, LINE, 0.1)
        pen.disc(x - 0.15, y - 0.15, 0.12, mix(colour, (255, 255, 255), 0.6))
        pen.stroke([(x, y - 0.4), (x + 0.1, y - 0.6)], LINE, 0.08)


def bottle(pen: Pen, rng: random.Random) -> None:
    """A labelled bottle."""
    colour, _ = _two(rng)
    neck = [(-0.14, -0.5), (-0.14, -1), (0.14, -1), (0.14, -0.5)]
    pen.poly([(-0.35, 1), (-0.35, -0.2), *neck, (0.35, -0.2), (0.35, 1)], colour, LINE, 0.1)
    pen.box(-0.33, 0.1, 0.33, 0.65, _PAPER, LINE, 0.06)
    glyph_row(pen.at(0, 0.38, 0.26), rng, LINE, letters=3)


def jar(pen: Pen, rng: random.Random) -> None:
    """A painted jar."""
    colour, other = _two(rng)
    body = [(-0.6, 0.9), (-0.75, 0.1), (-0.4, -0.6), (0.4, -0.6), (0.75, 0.1), (0.6, 0.9)]
    pen.poly(body, colour, LINE, 0.1)
    pen.box(-0.5, -0.85, 0.5, -0.55, other, LINE, 0.08)
    for k in range(5):
        pen.poly(ring_points(-0.48 + 0.24 * k, 0.15, 0.12, 0.2, 4), other, LINE, 0.05)


def carton(pen: Pen, rng: random.Random) -> None:
    """A box with a word on it."""
    tone = rng.choice(((186, 142, 94), (168, 124, 84), (200, 166, 122)))
    pen.box(-1, -0.7, 1, 0.9, tone, LINE, 0.09)
    pen.box(-1, -0.7, 1, -0.3, shade(tone, 0.88), LINE, 0.06)
    glyph_row(pen.at(0, 0.3, 0.75), rng, LINE, letters=4)


def gull(pen: Pen, rng: random.Random) -> None:
    """A bird far away."""
    lift = rng.uniform(0.3, 0.6)
    wing = [(-1, -0.25), (-0.45, -lift), (0, 0), (0.45, -lift), (1, -0.25)]
    pen.stroke(wing, LINE, 0.3)
    pen.stroke(wing, (248, 248, 246), 0.14)


def buoy(pen: Pen, rng: random.Random) -> None:
    """A buoy in the water."""
    colour, _ = _two(rng)
    pen.poly([(-0.5, 0.6), (-0.2, -0.6), (0.2, -0.6), (0.5, 0.6)], colour, LINE, 0.1)
    pen.box(-0.38, -0.1, 0.38, 0.25, _PAPER, LINE, 0.07)
    pen.disc(0, -0.8, 0.24, (250, 226, 150), LINE, 0.08)
    pen.stroke(
        [(-0.9, 0.7), (-0.4, 0.55), (0, 0.7), (0.4, 0.55), (0.9, 0.7)], (236, 240, 238), 0.12
    )


def boat(pen: Pen, rng: random.Random) -> None:
    """A small sailing boat."""
    colour, other = _two(rng)
    draw_motif(pen, "ship", Ink(colour, mix(other, _PAPER, 0.5), LINE), rng.getrandbits(32))


def plant(pen: Pen, rng: random.Random) -> None:
    """A plant in a pot."""
    pot = rng.choice(((176, 98, 66), (92, 110, 130), (196, 180, 160)))
    pen.poly([(-0.45, 1), (-0.55, 0.3), (0.55, 0.3), (0.45, 1)], pot, LINE, 0.08)
    green = mix((60, 108, 70), (120, 150, 84), rng.random())
    for k in range(7):
        turn = math.pi * (1.1 + 0.8 * k / 6)
        x, y = math.cos(turn), 0.3 + 1.2 * math.sin(turn)
        half: list[Point] = [(x * 0.6 - 0.1, 0.3 + (y - 0.3) * 0.5), (x, y)]
        pen.poly([(0, 0.3), *half, (x * 0.6 + 0.12, 0.3 + (y - 0.3) * 0.55)], green, LINE, 0.05)


def person(pen: Pen, rng: random.Random) -> None:
    """Somebody standing: coat, legs, scarf, hat or hair; feet at y = 1."""
    coat, other = _two(rng)
    skin, dark = rng.choice(_SKINS), shade(coat, 0.55)
    for side in (-1, 1):
        pen.poly(
            [(side * 0.03, 0.35), (side * 0.19, 0.35), (side * 0.17, 0.92), (side * 0.04, 0.92)],
            shade(other, 0.55),
            LINE,
            0.04,
        )
        pen.poly(
            [(side * 0.03, 0.9), (side * 0.28, 0.93), (side * 0.28, 1), (side * 0.02, 1)], LINE
        )
    pen.poly(
        [(-0.27, 0.5), (-0.25, -0.3), (-0.12, -0.5), (0.12, -0.5), (0.25, -0.3), (0.27, 0.5)],
        coat,
        LINE,
        0.05,
    )
    for side in (-1, 1):
        sleeve = [(side * 0.22, -0.4), (side * 0.36, -0.05), (side * 0.3, 0.2), (side * 0.2, 0.16)]
        pen.poly([*sleeve, (side * 0.22, -0.1)], shade(coat, 0.88), LINE, 0.04)
        pen.disc(side * 0.26, 0.22, 0.06, skin, LINE, 0.03)
    pen.stroke([(0, -0.4), (0, 0.48)], dark, 0.04)
    for k in range(3):
        pen.disc(0.05, -0.2 + 0.2 * k, 0.025, dark)
    pen.box(-0.16, -0.54, 0.16, -0.43, other, LINE, 0.04)
    pen.disc(0, -0.72, 0.19, skin, LINE, 0.05)
    if rng.random() < 0.5:
        pen.poly([(-0.3, -0.76), (0.3, -0.76), (0.3, -0.82), (-0.3, -0.82)], other, LINE, 0.04)
        pen.poly([(-0.17, -0.82), (-0.13, -1), (0.13, -1), (0.17, -0.82)], other, LINE, 0.04)
    else:
        hair = rng.choice(((60, 44, 38), (120, 84, 54), (190, 160, 110), (90, 90, 96)))
        top = [
            (0.2 * math.cos(a), -0.73 + 0.22 * math.sin(a)) for a in (3.3, 3.8, 4.4, 5.0, 5.6, 6.1)
        ]
        pen.poly([*top, (0.1, -0.82), (-0.1, -0.82)], hair, LINE, 0.04)
    if rng.random() < 0.4:
        pen.box(0.24, 0.22, 0.46, 0.5, other, LINE, 0.05)


def pennants(pen: Pen, rng: random.Random) -> None:
    """A sagging string across the unit's width, hung with pennants or lanterns."""
    count = rng.randint(9, 13)
    sag = rng.uniform(0.1, 0.22)
    tilt = rng.uniform(-0.12, 0.12)
    line = [
        (-1 + 2 * k / 24, tilt * (k / 12 - 1) + sag * math.sin(math.pi * k / 24)) for k in range(25)
    ]
    pen.stroke(line, LINE, 0.008)
    lanterns = rng.random() < 0.35
    for k in range(count):
        x = -1 + 2 * (k + 0.5) / count
        y = tilt * x + sag * math.sin(math.pi * (x + 1) / 2)
        colour = BRIGHT[(k + count) % len(BRIGHT)]
        if lanterns:
            pen.poly(
                ring_points(x, y + 0.05, 0.035, 0.042, 12),
                mix(colour, (255, 228, 160), 0.4),
                LINE,
                0.006,
            )
            for shift in (-0.016, 0.0, 0.016):
                pen.stroke(
                    [(x + shift, y + 0.012), (x + shift, y + 0.09)], shade(colour, 0.7), 0.005
                )
        else:
            half = 0.62 / count
            pen.poly([(x - half, y), (x + half, y), (x, y + 0.11)], colour, LINE, 0.006)
            pen.disc(x, y + 0.035, half * 0.4, BRIGHT[(k + 3) % len(BRIGHT)])


SMALL: dict[str, Draw] = {
    "paper": paper,
    "sticker": sticker,
    "miniature": miniature,
    "fruit": fruit,
    "bottle": bottle,
    "jar": jar,
    "carton": carton,
    "gull": gull,
    "buoy": buoy,
    "boat": boat,
    "plant": plant,
    "person": person,
}
