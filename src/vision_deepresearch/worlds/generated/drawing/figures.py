"""What lives and stands in scenes: people, plants, goods, furniture, overhead strings.

Each is drawn in a pen's unit square, its foot at y = 1, with a lit left and a shaded right side;
what is wide or hangs says so in `FIGURES`.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from vision_deepresearch.worlds.generated.drawing.motifs import (
    Ink,
    draw_motif,
    glyph_row,
)
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    arc_points,
    mix,
    ring_points,
    shade,
)
from vision_deepresearch.worlds.generated.drawing.people import (
    BRIGHT,
    COATS,
    IRON,
    PAPER,
    WOODS,
    block,
    child,
    onlooker,
    person,
    solid,
)


def _pigeons(pen: Pen, rng: random.Random) -> None:
    for _ in range(4):
        x, y, turn = rng.uniform(-1.6, 1.6), rng.uniform(0.6, 1.0), rng.choice((-1, 1))
        grey = shade((150, 152, 162), rng.uniform(0.7, 1.1))
        solid(
            pen,
            [
                (x - 0.34 * turn, y - 0.1),
                (x, y - 0.3),
                (x + 0.22 * turn, y - 0.2),
                (x + 0.1 * turn, y),
            ],
            grey,
            0.03,
        )
        pen.disc(x + 0.24 * turn, y - 0.32, 0.09, shade(grey, 0.7))


def _plant(pen: Pen, rng: random.Random) -> None:
    pot = rng.choice(((172, 98, 68), (96, 112, 126), (190, 176, 156)))
    green = mix((66, 104, 70), (126, 150, 92), rng.random())
    for k in range(15):
        turn = math.pi * (1.04 + 0.92 * (k * 7 % 15) / 14)
        long = rng.uniform(0.75, 1.15)
        x, y = 0.75 * long * math.cos(turn), 0.28 + 1.2 * long * math.sin(turn)
        tone = shade(green, rng.uniform(0.7, 1.2))
        middle = ((x * 0.45), 0.28 + (y - 0.28) * 0.62)
        pen.poly(
            [(0, 0.3), (middle[0] - 0.09, middle[1]), (x, y), (middle[0] + 0.09, middle[1] + 0.03)],
            tone,
            shade(tone, 0.65),
            0.016,
        )
    solid(pen, [(-0.34, 1), (-0.44, 0.36), (0.44, 0.36), (0.34, 1)], pot)
    pen.poly([(0.1, 1), (0.14, 0.4), (0.43, 0.4), (0.34, 1)], shade(pot, 0.78))
    block(pen, -0.49, 0.26, 0.49, 0.4, pot)


def _tree(pen: Pen, rng: random.Random) -> None:
    pen.poly([(-0.05, 1), (-0.035, 0.0), (0.035, 0.0), (0.06, 1)], (104, 80, 62))
    green = mix((84, 116, 78), (140, 150, 90), rng.random())
    for k in range(46):
        turn, away = rng.uniform(0, 6.28), math.sqrt(rng.random())
        x, y = 0.5 * away * math.cos(turn), -0.38 + 0.52 * away * math.sin(turn)
        tone = shade(green, 0.72 + 0.5 * (0.5 - x - y * 0.6) * 0.7 + 0.012 * (k % 5))
        pen.poly(ring_points(x, y, 0.12, 0.09, 8), tone)


def _crate(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    pen.poly([(-0.9, -0.5), (-0.7, -0.74), (1.1, -0.74), (0.9, -0.5)], shade(wood, 1.2))
    pen.poly([(0.9, -0.5), (1.1, -0.74), (1.1, 0.72), (0.9, 1.0)], shade(wood, 0.62))
    for k in range(4):
        y = -0.5 + 0.375 * k
        pen.box(-0.9, y, 0.9, y + 0.345, shade(wood, rng.uniform(0.86, 1.05)))
        pen.stroke([(-0.9, y + 0.36), (0.9, y + 0.36)], shade(wood, 0.45), 0.03)
    for x in (-0.8, 0.68):
        pen.box(x, -0.5, x + 0.13, 1, shade(wood, 0.82))
    glyph_row(pen.at(-0.05, 0.25, 0.5), rng, shade(wood, 0.4), letters=rng.randint(3, 5))


def _barrel(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    for k in range(7):
        t0, t1 = -1 + 2 * k / 7, -1 + 2 * (k + 1) / 7
        tone = shade(wood, 1.2 - 0.09 * k)
        pen.poly(
            [
                (0.5 * t0, -0.8),
                (0.5 * t1, -0.8),
                (0.66 * t1, 0.1),
                (0.5 * t1, 1),
                (0.5 * t0, 1),
                (0.66 * t0, 0.1),
            ],
            tone,
        )
    for y, half in ((-0.6, 0.55), (-0.1, 0.64), (0.35, 0.64), (0.8, 0.55)):
        pen.stroke([(-half, y), (0, y + 0.05), (half, y)], IRON, 0.08)
    pen.poly(ring_points(0, -0.8, 0.5, 0.12, 20), shade(wood, 0.7), shade(wood, 0.4), 0.03)


def _bench(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    for x in (-1.3, 1.3):
        pen.box(x - 0.08, 0.1, x + 0.08, 1, IRON)
        pen.stroke([(x, 0.2), (x, -0.9)], IRON, 0.1)
    for y in (-0.85, -0.5, -0.15):
        block(pen, -1.6, y, 1.6, y + 0.24, wood)
    block(pen, -1.7, 0.2, 1.7, 0.42, shade(wood, 1.1))


def _lamp(pen: Pen, rng: random.Random) -> None:
    iron = shade(IRON, rng.uniform(0.8, 1.2))
    pen.poly(
        [(-0.07, 1), (-0.03, 0.72), (-0.018, -0.7), (0.018, -0.7), (0.03, 0.72), (0.07, 1)], iron
    )
    pen.stroke([(-0.012, 0.7), (-0.012, -0.68)], shade(iron, 1.6), 0.008)
    pen.poly(
        [(-0.05, -0.7), (-0.09, -0.9), (0.09, -0.9), (0.05, -0.7)], (252, 228, 160), iron, 0.014
    )
    pen.poly([(-0.11, -0.9), (0, -1.0), (0.11, -0.9)], iron)
    pen.stroke([(-0.12, -0.6), (0.12, -0.6)], iron, 0.018)


def _monument(pen: Pen, rng: random.Random) -> None:
    stone = (176, 170, 160)
    bronze = mix((92, 116, 104), (110, 90, 66), rng.random())
    for k in range(3):
        half = 0.52 - 0.09 * k
        block(pen, -half, 0.84 - 0.08 * k, half, 1.0 - 0.08 * k, shade(stone, 0.9 + 0.06 * k))
    block(pen, -0.26, 0.0, 0.26, 0.7, stone)
    block(pen, -0.31, -0.06, 0.31, 0.02, stone)
    glyph_row(pen.at(0, 0.36, 0.2), rng, shade(stone, 0.6), letters=5)
    draw_motif(
        pen.at(0, -0.46, 0.42),
        rng.choice(("beast", "bird", "tree", "knot")),
        Ink(bronze, shade(bronze, 0.8), shade(bronze, 0.5)),
        rng.getrandbits(32),
    )


def _boat(pen: Pen, rng: random.Random) -> None:
    sail, hull = mix(rng.choice(BRIGHT), PAPER, 0.5), rng.choice(COATS)
    pen.stroke([(0, 0.6), (0, -0.98)], (92, 70, 54), 0.05)
    pen.poly([(0.05, -0.92), (0.62, 0.42), (0.05, 0.48)], sail, shade(sail, 0.7), 0.02)
    pen.poly([(0.05, -0.92), (0.25, 0.45), (0.05, 0.48)], shade(sail, 0.88))
    pen.poly(
        [(-0.05, -0.7), (-0.5, 0.44), (-0.05, 0.48)], shade(sail, 1.08), shade(sail, 0.7), 0.02
    )
    solid(pen, [(-0.72, 0.56), (0.8, 0.56), (0.56, 0.96), (-0.52, 0.96)], hull)
    pen.stroke([(-0.7, 0.62), (0.76, 0.62)], shade(hull, 1.4), 0.05)
    for k in range(3):
        y = 1.0 + 0.06 * k
        pen.stroke([(-0.7 - 0.08 * k, y), (0.8 + 0.08 * k, y)], (220, 230, 230), 0.03)


def _buoy(pen: Pen, rng: random.Random) -> None:
    colour = rng.choice(BRIGHT)
    solid(pen, [(-0.45, 0.9), (-0.16, -0.5), (0.16, -0.5), (0.45, 0.9)], colour, 0.05)
    pen.poly([(0.05, 0.9), (0.03, -0.5), (0.16, -0.5), (0.45, 0.9)], shade(colour, 0.75))
    pen.box(-0.3, 0.1, 0.3, 0.36, PAPER)
    pen.disc(0, -0.7, 0.2, (250, 228, 160))


def _gull(pen: Pen, rng: random.Random) -> None:
    lift = rng.uniform(0.3, 0.6)
    wing = [(-1.0, -0.2), (-0.45, -lift), (0.0, 0.0), (0.45, -lift), (1.0, -0.2)]
    pen.stroke([(x, y + 0.06) for x, y in wing], (120, 128, 138), 0.16)
    pen.stroke(wing, (250, 250, 246), 0.13)


def _lighthouse(pen: Pen, rng: random.Random) -> None:
    colour = rng.choice(((178, 76, 66), (70, 96, 120)))
    for k in range(6):
        y0, y1 = 1 - 0.26 * k, 1 - 0.26 * (k + 1)
        w0, w1 = 0.2 - 0.014 * k, 0.2 - 0.014 * (k + 1)
        tone = colour if k % 2 else (236, 230, 218)
        pen.poly([(-w0, y0), (-w1, y1), (w1, y1), (w0, y0)], tone)
        pen.poly([(0.03, y0), (0.03, y1), (w1, y1), (w0, y0)], shade(tone, 0.8))
    pen.box(-0.16, -0.6, 0.16, -0.54, IRON)
    pen.box(-0.09, -0.8, 0.09, -0.6, (252, 232, 170))
    pen.poly([(-0.13, -0.8), (0, -0.98), (0.13, -0.8)], colour)
    pen.poly([(-1.1, 1.05), (-0.6, 0.86), (0.5, 0.84), (1.2, 1.05)], (104, 108, 100))


def _rope(pen: Pen, rng: random.Random) -> None:
    tone = shade((186, 158, 112), rng.uniform(0.85, 1.1))
    for k in range(4):
        ring = ring_points(0, 0.72 - 0.16 * k, 0.95 - 0.06 * k, 0.3, 24)
        pen.poly(ring, shade(tone, 0.7 + 0.1 * k), shade(tone, 0.5), 0.05)
        pen.poly(ring_points(0, 0.7 - 0.16 * k, 0.6, 0.17, 20), (70, 58, 48))


def _net(pen: Pen, rng: random.Random) -> None:
    tone = mix((92, 116, 108), (140, 110, 76), rng.random())
    heap = [(-1.2, 1), (-0.9, 0.3), (-0.2, -0.2), (0.5, 0.0), (1.0, 0.5), (1.25, 1)]
    solid(pen, heap, tone, 0.03)
    for k in range(9):
        x = -1.0 + 0.25 * k
        pen.stroke([(x, 0.98), (x * 0.5, 0.1)], shade(tone, 0.66), 0.025)
        pen.stroke([(x, 0.98), (x * 0.5 + 0.4, 0.3)], shade(tone, 1.3), 0.02)
    for x in (-0.6, 0.1, 0.7):
        pen.disc(x, 0.7, 0.12, (206, 120, 70), (120, 70, 44), 0.03)


def _bollard(pen: Pen, rng: random.Random) -> None:
    iron = shade(IRON, rng.uniform(0.8, 1.1))
    solid(pen, [(-0.5, 1), (-0.38, -0.4), (0.38, -0.4), (0.5, 1)], iron, 0.04)
    solid(pen, ring_points(0, -0.6, 0.6, 0.36, 18), shade(iron, 1.15), 0.04)
    pen.poly(ring_points(-0.15, -0.72, 0.2, 0.1, 10), shade(iron, 1.7))


def _post(pen: Pen, rng: random.Random) -> None:
    _ = rng
    block(pen, -0.028, -1, 0.028, 1, (118, 86, 60))


def _column(pen: Pen, rng: random.Random) -> None:
    iron = rng.choice(((74, 96, 92), (96, 78, 74), (74, 88, 106)))
    block(pen, -0.05, -1, 0.05, 1, iron)
    for y, half in ((0.9, 0.09), (0.97, 0.11), (-0.7, 0.08)):
        block(pen, -half, y, half, y + 0.06, shade(iron, 1.1))
    for side in (-1, 1):
        pen.stroke([(side * 0.04, -0.7), (side * 0.2, -0.86), (side * 0.5, -0.98)], iron, 0.035)
        pen.stroke(arc_points(side * 0.2, -0.72, 0.1, 0, 2 * math.pi, 16), iron, 0.02)


def _fruit_crate(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    colour = rng.choice((
        (190, 72, 58),
        (224, 156, 66),
        (128, 150, 80),
        (116, 66, 98),
        (206, 190, 92),
    ))
    pen.box(-1.0, 0.0, 1.0, 0.9, shade(wood, 0.5))
    for k in range(13):
        x, y = -0.84 + 0.28 * (k % 7), 0.06 - 0.26 * (k // 7) + 0.05 * (k % 2)
        tone = shade(colour, rng.uniform(0.85, 1.12))
        pen.disc(x, y, 0.2, tone, shade(tone, 0.6), 0.03)
        pen.disc(x - 0.06, y - 0.06, 0.05, mix(tone, (255, 255, 255), 0.5))
    for k in range(2):
        block(
            pen, -1.06, 0.16 + 0.42 * k, 1.06, 0.5 + 0.42 * k, shade(wood, rng.uniform(0.95, 1.1))
        )


def _jar(pen: Pen, rng: random.Random) -> None:
    colour, other = rng.sample(BRIGHT, 2)
    body = [(-0.5, 1), (-0.66, 0.2), (-0.38, -0.56), (0.38, -0.56), (0.66, 0.2), (0.5, 1)]
    solid(pen, body, colour, 0.04)
    pen.poly(
        [(0.1, 1), (0.2, 0.2), (0.12, -0.54), (0.38, -0.56), (0.66, 0.2), (0.5, 1)],
        shade(colour, 0.78),
    )
    pen.stroke([(-0.4, 0.1), (-0.3, -0.3)], mix(colour, (255, 255, 255), 0.6), 0.08)
    block(pen, -0.42, -0.82, 0.42, -0.54, other)


def _bottle(pen: Pen, rng: random.Random) -> None:
    glass = rng.choice(((72, 106, 84), (110, 82, 56), (128, 158, 160), (150, 110, 70)))
    solid(
        pen,
        [
            (-0.3, 1),
            (-0.3, -0.1),
            (-0.1, -0.4),
            (-0.1, -0.95),
            (0.1, -0.95),
            (0.1, -0.4),
            (0.3, -0.1),
            (0.3, 1),
        ],
        glass,
        0.03,
    )
    pen.poly([(0.08, 1), (0.08, -0.2), (0.3, -0.1), (0.3, 1)], shade(glass, 0.7))
    pen.stroke([(-0.2, 0.9), (-0.2, 0.0)], mix(glass, (255, 255, 255), 0.5), 0.05)
    pen.box(-0.29, 0.15, 0.29, 0.65, PAPER)
    pen.box(-0.2, 0.25, 0.2, 0.4, rng.choice(BRIGHT))
    pen.box(-0.11, -1, 0.11, -0.85, rng.choice(COATS))


def _tin(pen: Pen, rng: random.Random) -> None:
    colour, other = rng.choice(BRIGHT), rng.choice(COATS)
    block(pen, -0.55, -0.5, 0.55, 1, colour)
    pen.box(-0.55, 0.0, 0.55, 0.6, mix(other, PAPER, 0.3))
    pen.poly(
        ring_points(0, 0.3, 0.22, 0.22, rng.choice((4, 6, 12))), colour, shade(colour, 0.6), 0.03
    )
    block(pen, -0.58, -0.66, 0.58, -0.46, (176, 176, 178))


def _basket(pen: Pen, rng: random.Random) -> None:
    straw = shade((186, 144, 90), rng.uniform(0.85, 1.1))
    pen.stroke(arc_points(0, 0.0, 0.75, math.pi, 2 * math.pi, 14), shade(straw, 0.7), 0.1)
    for k in range(6):
        pen.disc(
            -0.6 + 0.24 * k,
            0.02 - 0.08 * (k % 2),
            0.2,
            rng.choice(((190, 80, 62), (140, 156, 84), (224, 170, 90))),
            (96, 74, 50),
            0.02,
        )
    solid(pen, [(-0.9, 0.05), (0.9, 0.05), (0.66, 1), (-0.66, 1)], straw, 0.04)
    for row in range(4):
        for k in range(8):
            x, y = -0.74 + 0.2 * k + 0.1 * (row % 2), 0.2 + 0.2 * row
            pen.stroke([(x, y), (x + 0.11, y)], shade(straw, 0.7), 0.07)


def _books(pen: Pen, rng: random.Random) -> None:
    y = 1.0
    while y > -0.4:
        tall, half, shift = rng.uniform(0.2, 0.36), rng.uniform(0.7, 1.1), rng.uniform(-0.15, 0.15)
        colour = rng.choice(COATS)
        pen.box(shift - half, y - tall, shift + half, y, colour, shade(colour, 0.5), 0.03)
        pen.box(shift + half * 0.55, y - tall * 0.85, shift + half, y - tall * 0.15, PAPER)
        pen.box(
            shift - half * 0.6,
            y - tall * 0.7,
            shift - half * 0.2,
            y - tall * 0.3,
            mix(colour, (230, 200, 130), 0.6),
        )
        y -= tall


def _globe(pen: Pen, rng: random.Random) -> None:
    pen.poly(
        [(-0.4, 1), (-0.06, 0.8), (-0.05, 0.4), (0.05, 0.4), (0.06, 0.8), (0.4, 1)], (120, 86, 54)
    )
    sea = mix((110, 146, 156), (206, 186, 140), rng.random())
    pen.disc(0, -0.25, 0.7, sea, (120, 90, 54), 0.06)
    for _ in range(5):
        x, y = rng.uniform(-0.4, 0.3), rng.uniform(-0.65, 0.15)
        pen.poly(
            ring_points(x, y, rng.uniform(0.12, 0.24), rng.uniform(0.08, 0.2), 7),
            mix((186, 166, 110), sea, 0.2),
        )
    pen.poly(
        [*arc_points(0, -0.25, 0.68, -1.2, 1.9, 14), *arc_points(-0.14, -0.3, 0.62, 1.7, -1.0, 14)],
        shade(sea, 0.72),
    )
    pen.stroke(arc_points(0, -0.25, 0.78, -2.0, 1.4, 16), (186, 148, 84), 0.06)


def _clock(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    solid(pen, [(-0.7, 1), (-0.6, -0.2), (0, -1), (0.6, -0.2), (0.7, 1)], wood, 0.05)
    pen.disc(0, 0.2, 0.46, (240, 232, 212), shade(wood, 0.5), 0.06)
    for x, y in ring_points(0, 0.2, 0.36, 0.36, 12):
        pen.disc(x, y, 0.03, (60, 54, 50))
    turn = rng.uniform(0, 6.28)
    pen.stroke([(0, 0.2), (0.3 * math.cos(turn), 0.2 + 0.3 * math.sin(turn))], (50, 44, 42), 0.05)
    pen.stroke(
        [(0, 0.2), (0.2 * math.cos(turn * 3), 0.2 + 0.2 * math.sin(turn * 3))], (50, 44, 42), 0.07
    )


def _lamp_small(pen: Pen, rng: random.Random) -> None:
    shade_colour = rng.choice(((206, 172, 104), (96, 136, 104), (190, 112, 84)))
    pen.poly(
        [(-0.45, 1), (-0.1, 0.82), (-0.06, -0.1), (0.06, -0.1), (0.1, 0.82), (0.45, 1)],
        (186, 148, 84),
    )
    solid(
        pen,
        [(-0.7, 0.05), (-0.36, -0.8), (0.36, -0.8), (0.7, 0.05)],
        mix(shade_colour, (255, 240, 190), 0.4),
        0.04,
    )
    for k in range(5):
        pen.stroke([(-0.24 + 0.12 * k, -0.78), (-0.5 + 0.25 * k, 0.02)], shade_colour, 0.03)


def _suitcase(pen: Pen, rng: random.Random) -> None:
    hide = rng.choice(WOODS)
    pen.stroke([(-0.25, -0.2), (-0.25, -0.5), (0.25, -0.5), (0.25, -0.2)], shade(hide, 0.5), 0.1)
    block(pen, -1.1, -0.2, 1.1, 1, hide)
    for x in (-0.7, 0.55):
        pen.box(x, -0.2, x + 0.16, 1, shade(hide, 0.66))
    for _ in range(2):
        pen.poly(
            ring_points(
                rng.uniform(-0.5, 0.4), rng.uniform(0.1, 0.7), 0.2, 0.2, rng.choice((4, 16))
            ),
            rng.choice(BRIGHT),
            shade(hide, 0.5),
            0.03,
        )


def _pedestal(pen: Pen, rng: random.Random) -> None:
    stone = mix((206, 200, 190), (172, 160, 150), rng.random())
    block(pen, -0.72, -0.82, 0.72, 1, stone)
    block(pen, -0.86, -1, 0.86, -0.8, shade(stone, 1.05))
    block(pen, -0.8, 0.86, 0.8, 1, shade(stone, 0.92))
    pen.box(-0.36, -0.5, 0.36, -0.2, (206, 178, 120))
    glyph_row(pen.at(0, -0.35, 0.28), rng, (84, 66, 44), letters=5)


def _shell(pen: Pen, rng: random.Random) -> None:
    tone = mix((232, 204, 178), (206, 150, 130), rng.random())
    for k in range(7):
        turn = math.pi * (1.1 + 0.8 * k / 6)
        pen.poly(
            [
                (-0.15, 0.95),
                (0.15, 0.95),
                (0.95 * math.cos(turn) + 0.14, 0.9 + 1.5 * math.sin(turn)),
                (0.95 * math.cos(turn) - 0.14, 0.9 + 1.5 * math.sin(turn)),
            ],
            shade(tone, 0.8 + 0.06 * k),
            shade(tone, 0.55),
            0.03,
        )
    pen.box(-0.4, 0.9, 0.4, 1, shade(tone, 0.6))


def _skull(pen: Pen, rng: random.Random) -> None:
    bone = shade((228, 218, 196), rng.uniform(0.9, 1.0))
    solid(
        pen,
        [
            (-0.7, -0.3),
            (-0.4, -0.7),
            (0.3, -0.7),
            (0.6, -0.2),
            (0.5, 0.3),
            (1.2, 0.55),
            (1.15, 0.75),
            (0.2, 0.8),
            (-0.5, 0.5),
        ],
        bone,
        0.04,
    )
    pen.disc(0.15, -0.1, 0.17, (70, 58, 50))
    pen.stroke([(0.4, 0.8), (1.1, 0.9)], shade(bone, 0.8), 0.1)
    block(pen, -0.7, 0.82, 1.0, 1, (96, 66, 46))


def _lens(pen: Pen, rng: random.Random) -> None:
    _ = rng
    brass = (190, 152, 88)
    pen.box(-0.5, 0.88, 0.5, 1, brass)
    pen.stroke([(0, 0.9), (0.1, -0.2)], brass, 0.1)
    pen.disc(0.1, -0.5, 0.42, (206, 222, 222), brass, 0.12)
    pen.stroke([(-0.05, -0.6), (0.1, -0.75)], (255, 255, 255), 0.06)


def _ladder(pen: Pen, rng: random.Random) -> None:
    wood = rng.choice(WOODS)
    for side in (-1, 1):
        pen.poly(
            [(side * 0.3, 1), (side * 0.22, -1), (side * 0.17, -1), (side * 0.24, 1)],
            wood,
            shade(wood, 0.5),
            0.012,
        )
    for k in range(8):
        block(pen, -0.26, -0.84 + 0.24 * k, 0.26, -0.79 + 0.24 * k, wood)


def _scales(pen: Pen, rng: random.Random) -> None:
    brass = shade((196, 158, 92), rng.uniform(0.9, 1.1))
    pen.box(-0.5, 0.86, 0.5, 1, shade(brass, 0.7))
    pen.box(-0.06, -0.9, 0.06, 0.9, brass)
    pen.stroke([(-1.0, -0.6), (0, -0.75), (1.0, -0.6)], brass, 0.09)
    for side in (-1, 1):
        pen.stroke(
            [(side * 1.0, -0.6), (side * 0.7, 0.2), (side * 1.3, 0.2), (side * 1.0, -0.6)],
            brass,
            0.03,
        )
        pen.poly(arc_points(side * 1.0, 0.16, 0.36, 0, math.pi, 10), brass, shade(brass, 0.5), 0.03)


def _pennants(pen: Pen, rng: random.Random) -> None:
    """A sagging string across the unit's width with pennants or lanterns."""
    count, sag = rng.randint(11, 17), rng.uniform(0.1, 0.2)
    line = [(-1 + 2 * k / 24, sag * math.sin(math.pi * k / 24)) for k in range(25)]
    pen.stroke(line, (64, 58, 56), 0.006)
    lanterns = rng.random() < 0.3
    start = rng.randrange(6)
    for k in range(count):
        x = -1 + 2 * (k + 0.5) / count
        y = sag * math.sin(math.pi * (x + 1) / 2)
        colour = BRIGHT[(start + k * 5) % len(BRIGHT)]
        if lanterns:
            pen.poly(
                ring_points(x, y + 0.045, 0.026, 0.034, 12),
                mix(colour, (255, 232, 170), 0.5),
                shade(colour, 0.7),
                0.005,
            )
        else:
            half = 0.55 / count
            pen.poly([(x - half, y), (x + half, y), (x, y + 0.09)], colour)
            pen.poly([(x, y), (x + half, y), (x, y + 0.09)], shade(colour, 0.82))


def _awning(colour: Colour) -> Callable[[Pen, random.Random], None]:
    def draw(pen: Pen, rng: random.Random) -> None:
        _ = rng
        count = 18
        for k in range(count):
            x0, x1 = -1 + 2 * k / count, -1 + 2 * (k + 1) / count
            tone = colour if k % 2 else (238, 228, 208)
            pen.poly([(x0 * 0.9, -0.42), (x1 * 0.9, -0.42), (x1, 0), (x0, 0)], tone)
            pen.poly(
                [(x0, 0), (x1, 0), (x1, 0.07), ((x0 + x1) / 2, 0.105), (x0, 0.07)],
                shade(tone, 0.82),
            )
        pen.stroke([(-1, 0), (1, 0)], shade(colour, 0.55), 0.006)

    return draw


def _line(pen: Pen, rng: random.Random) -> None:
    _ = rng
    pen.stroke([(-1, 0), (-0.5, 0.012), (0, 0), (0.5, 0.012), (1, 0)], (84, 72, 62), 0.006)


def _headland(pen: Pen, rng: random.Random) -> None:
    """A far shore: a hill that runs out into the sea on both sides, a small town at its foot."""
    land = mix((92, 112, 94), (150, 158, 150), rng.uniform(0.3, 0.6))
    wide, high = 7.0, rng.uniform(0.9, 1.5)
    steps = [k / 24 for k in range(25)]
    bumps = [rng.uniform(0.75, 1.0) for _ in steps]
    ridge = [
        (wide * (2 * t - 1), 1 - high * bumps[k] * math.sin(math.pi * t) ** 0.7)
        for k, t in enumerate(steps)
    ]
    pen.poly(ridge, land)
    pen.poly([(x, 1 - 0.55 * (1 - y)) for x, y in ridge], shade(land, 0.88))
    for _ in range(26):
        x = rng.uniform(-0.8, 0.8) * wide
        reach = high * math.sin(math.pi * (x / wide + 1) / 2)
        pen.disc(x, 1 - reach * rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.2), shade(land, 0.78))
    walls = ((206, 196, 178), (190, 168, 150), (178, 180, 178), (196, 180, 148))
    for foot, reach in ((0.72, 0.5), (0.92, 0.72)):
        x = -reach * wide
        while x < reach * wide:
            half, tall = rng.uniform(0.2, 0.34), rng.uniform(0.34, 0.62)
            wall, roof = (
                shade(rng.choice(walls), rng.uniform(0.84, 1.0)),
                shade((150, 104, 92), 0.95),
            )
            pen.box(x - half, foot - tall, x + half, foot + 0.06, wall)
            pen.poly(
                [
                    (x - half - 0.04, foot - tall),
                    (x, foot - tall - 0.22),
                    (x + half + 0.04, foot - tall),
                ],
                shade(roof, rng.uniform(0.85, 1.1)),
            )
            for k in range(3):
                at = x - half * 0.55 + half * 0.55 * k
                pen.box(
                    at - 0.04, foot - tall * 0.7, at + 0.04, foot - tall * 0.4, shade(wall, 0.6)
                )
            x += 2 * half + rng.choice((0.02, 0.02, 0.3))
    tower = rng.uniform(-0.3, 0.3) * wide
    pen.box(tower - 0.12, -0.5, tower + 0.12, 0.8, (196, 184, 166))
    pen.poly([(tower - 0.17, -0.5), (tower, -1.0), (tower + 0.17, -0.5)], (120, 100, 100))
    pen.poly(
        [(-wide * 0.8, 0.9), (wide * 0.8, 0.9), (wide * 0.96, 1.0), (-wide * 0.96, 1.0)],
        (150, 144, 134),
    )


def _leaves(pen: Pen, rng: random.Random) -> None:
    """A branch that comes into the picture from above; foot at the far end."""
    green = mix((62, 92, 62), (112, 130, 80), rng.random())
    side = rng.choice((-1, 1))
    stem = [(side * 0.7, -1.2), (side * 0.3, -0.4), (side * 0.05, 0.3), (0, 0.8)]
    pen.stroke(stem, (84, 68, 52), 0.05)
    for k in range(17):
        t = k / 16
        x, y = side * 0.7 * (1 - t) ** 1.3, -1.2 + 2.0 * t
        leaf = pen.at(
            x,
            y,
            rng.uniform(0.3, 0.46),
            rng.uniform(-0.5, 0.5) + (1.6 if k % 2 else -1.6) + side * 0.3,
        )
        tone = shade(green, rng.uniform(0.75, 1.2))
        leaf.poly([(0, 0), (0.28, -0.4), (0, -1), (-0.28, -0.4)], tone, shade(tone, 0.7), 0.03)
        leaf.stroke([(0, 0), (0, -0.9)], shade(tone, 0.75), 0.03)


def _rigging(pen: Pen, rng: random.Random) -> None:
    """Ropes and a block from above."""
    rope = shade((160, 134, 98), rng.uniform(0.8, 1.1))
    for x in (-0.3, 0.05, 0.3):
        pen.stroke([(x * 0.3, -1.4), (x, 0.5)], rope, 0.05)
    solid(pen, [(-0.3, 0.4), (0.3, 0.4), (0.2, 1), (-0.2, 1)], (126, 92, 64), 0.05)
    pen.disc(0, 0.66, 0.14, IRON)


@dataclass(frozen=True, slots=True)
class Figure:
    """How a prop is drawn and how much room it takes."""

    draw: Callable[[Pen, random.Random], None]
    half: float = 0.7
    """Half its width, in units of its size."""
    hangs: bool = False
    """Its spot is where its string is fastened, its size half its width."""


FIGURES: dict[str, Figure] = {
    "person": Figure(person, 0.32),
    "onlooker": Figure(onlooker, 0.32),
    "child": Figure(child, 0.34),
    "pigeons": Figure(_pigeons, 1.8),
    "plant": Figure(_plant, 0.8),
    "tree": Figure(_tree, 0.6),
    "crate": Figure(_crate, 1.1),
    "barrel": Figure(_barrel, 0.66),
    "bench": Figure(_bench, 1.7),
    "lamp": Figure(_lamp, 0.12),
    "monument": Figure(_monument, 0.55),
    "boat": Figure(_boat, 0.85),
    "buoy": Figure(_buoy, 0.45),
    "gull": Figure(_gull, 1.0),
    "lighthouse": Figure(_lighthouse, 1.0),
    "headland": Figure(_headland, 7.0),
    "rope": Figure(_rope, 1.0),
    "net": Figure(_net, 1.25),
    "bollard": Figure(_bollard, 0.6),
    "post": Figure(_post, 0.03),
    "column": Figure(_column, 0.1),
    "fruit crate": Figure(_fruit_crate, 1.06),
    "jar": Figure(_jar, 0.66),
    "bottle": Figure(_bottle, 0.3),
    "tin": Figure(_tin, 0.58),
    "basket": Figure(_basket, 0.9),
    "books": Figure(_books, 1.1),
    "globe": Figure(_globe, 0.78),
    "clock": Figure(_clock, 0.7),
    "lamp small": Figure(_lamp_small, 0.7),
    "suitcase": Figure(_suitcase, 1.1),
    "pedestal": Figure(_pedestal, 0.86),
    "shell": Figure(_shell, 0.95),
    "skull": Figure(_skull, 1.1),
    "lens": Figure(_lens, 0.5),
    "ladder": Figure(_ladder, 0.3),
    "scales": Figure(_scales, 1.3),
    "leaves": Figure(_leaves, 0.8),
    "rigging": Figure(_rigging, 0.35),
    "pennants": Figure(_pennants, 1.0, hangs=True),
    "awning red": Figure(_awning((178, 70, 60)), 1.0, hangs=True),
    "awning blue": Figure(_awning((62, 100, 124)), 1.0, hangs=True),
    "awning green": Figure(_awning((84, 122, 88)), 1.0, hangs=True),
    "line": Figure(_line, 1.0, hangs=True),
}
