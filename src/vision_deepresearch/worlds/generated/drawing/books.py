"""Covers of books: cloth or paper boards with a frame, an ornament and a title in an invented script."""

import math
import random

from vision_deepresearch.worlds.generated.drawing.looks import Look
from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    arc_points,
    full_pen,
    mix,
    ring_points,
    shade,
)


def book_aspects(kind: str) -> tuple[float, ...]:
    """Width over height that a cover of this kind may have."""
    return (0.86, 0.92) if kind == "atlas" else (0.68, 0.74)


def paint_book(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A book from the front: spine at the left, pages at the right, the cover printed by kind."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    cloth = look.colour(rng.randrange(4))
    if rng.random() < 0.25:
        cloth = mix(look.light, cloth, 0.15)
    pen.box(-a * 0.97, -0.96, a * 0.985, 0.985, (238, 230, 210), look.dark, 0.02)
    for k in range(5):
        pen.stroke(
            [(a * 0.94, 0.945 + 0.008 * k), (-a * 0.9, 0.945 + 0.008 * k)], (196, 186, 164), 0.005
        )
    pen.box(-a * 0.985, -0.985, a * 0.95, 0.94, cloth, look.dark, 0.025)
    gold = look.light if sum(cloth) < 430 else look.dark
    accent = mix(gold, look.palette[4], 0.6)
    for _ in range(150):  # weave of the cloth
        x, y = rng.uniform(-0.9, 0.9) * a, rng.uniform(-0.94, 0.9)
        pen.stroke([(x, y), (x + 0.03, y)], shade(cloth, rng.choice((0.9, 1.1))), 0.01)
    pen.box(-a * 0.985, -0.985, -a * 0.8, 0.94, shade(cloth, 0.78), look.dark, 0.015)
    bars = rng.randint(2, 6)
    for k in range(bars):
        y = -0.86 + 1.8 * (k + rng.uniform(0.3, 0.6)) / bars
        pen.box(-a * 0.975, y, -a * 0.81, y + 0.05, accent, look.dark, 0.01)
    x0, x1 = -a * 0.72, a * 0.87
    _frame(pen, look, rng, (x0, -0.9, x1, 0.85), gold)
    cx, half = (x0 + x1) / 2, (x1 - x0) / 2
    title_y = -0.6 if look.style in {0, 2, 4} else 0.56
    _title(pen, look, rng, (cx, title_y, half * 0.8), gold)
    scene_y = 0.1 if title_y < 0 else -0.12
    _VIGNETTES.get(look.kind, _medal)(
        pen.at(
            cx, scene_y + rng.uniform(-0.05, 0.05), half * rng.uniform(0.64, 0.75), _lean(look, rng)
        ),
        look,
        rng,
        gold,
    )
    foot = 0.74 if title_y < 0 else -0.78
    glyph_row(pen.at(cx, foot, half * 0.5), rng, gold, letters=8)
    corner = rng.uniform(0.095, 0.12) * min(1.0, half / 0.5)
    for slot, (x, y) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
        place = (cx + x * (half - corner * 1.15), -0.025 + y * (0.875 - corner * 1.15))
        pen.disc(*place, corner, mix(cloth, gold, 0.25), gold, 0.012)
        look.put(pen, slot + 1, *place, corner * 0.8)


def _lean(look: Look, rng: random.Random) -> float:
    """What is round may stand aslant, radians."""
    return rng.uniform(-0.45, 0.45) if look.kind == "atlas" else 0.0


def _frame(
    pen: Pen, look: Look, rng: random.Random, area: tuple[float, float, float, float], gold: Colour
) -> None:
    x0, y0, x1, y1 = area
    pen.box(x0, y0, x1, y1, None, gold, 0.02)
    inset = rng.uniform(0.045, 0.075)
    pen.box(x0 + inset, y0 + inset, x1 - inset, y1 - inset, None, gold, 0.01)
    style = (look.style + rng.randrange(2)) % 4
    count = rng.randint(13, 19)
    for k in range(count):
        share = (k + 0.5) / count
        for x, y, flat in (
            (x0 + (x1 - x0) * share, y0 + inset / 2, True),
            (x0 + (x1 - x0) * share, y1 - inset / 2, True),
            (x0 + inset / 2, y0 + (y1 - y0) * share, False),
            (x1 - inset / 2, y0 + (y1 - y0) * share, False),
        ):
            if style == 0:
                pen.poly(ring_points(x, y, inset * 0.42, inset * 0.42, 4), gold)
            elif style == 1:
                pen.disc(x, y, inset * 0.32, None, gold, 0.012)
            elif style == 2:
                pen.poly(
                    ring_points(x, y, inset * 0.5, inset * 0.5, 3, math.pi * (k % 2)),
                    look.colour(k),
                )
            else:
                dx, dy = (inset * 0.6, inset * 0.3) if flat else (inset * 0.3, inset * 0.6)
                pen.box(x - dx, y - dy, x + dx, y + dy, look.colour(k % 2), gold, 0.008)


def _title(
    pen: Pen, look: Look, rng: random.Random, spot: tuple[float, float, float], gold: Colour
) -> None:
    x, y, half = spot
    ink = gold
    if look.style in {1, 2}:
        plate = look.light if sum(gold) < 430 else look.colour(rng.randrange(4))
        pen.box(x - half * 1.04, y - 0.15, x + half * 1.04, y + 0.15, plate, gold, 0.014)
        ink = look.dark if sum(plate) > 380 else look.light
    lines = rng.choice(((5, 8), (6, 4), (7, 9)))
    for k, letters in enumerate(lines):
        glyph_row(
            pen.at(x, y - 0.065 + 0.13 * k, half * (0.92 - 0.16 * k)), rng, ink, letters=letters
        )


def _medal(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    count = rng.randint(16, 24)
    for k in range(count):
        pen.at(0, 0, 1, 2 * math.pi * k / count).poly(
            [(-0.06, -0.86), (0, -1.06), (0.06, -0.86)], gold
        )
    pen.disc(0, 0, 0.86, look.light, gold, 0.03)
    pen.disc(0, 0, 0.74, None, look.colour(1), 0.03)
    look.put(pen, 0, 0, 0, 0.62)


def _globe(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    pen.disc(0, 0, 0.95, mix((110, 160, 190), look.colour(1), 0.4), gold, 0.035)
    for _ in range(6):
        x, y, r = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0.16, 0.32)
        land = [
            (
                x + r * rng.uniform(0.6, 1.1) * math.cos(t),
                y + r * rng.uniform(0.6, 1.1) * math.sin(t),
            )
            for t in (0.0, 0.8, 1.6, 2.4, 3.2, 4.0, 4.8, 5.6)
        ]
        pen.poly(land, mix(look.light, look.colour(2), 0.4), look.dark, 0.02)
    for k in rng.choice(((0.35, 0.7), (0.5,), (0.24, 0.48, 0.72), (0.6,))):
        for side in (-1, 1):
            pen.stroke(
                [
                    (side * k * math.sin(t) * 0.95, -0.95 * math.cos(t))
                    for t in (0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.14)
                ],
                gold,
                0.02,
            )
            y = side * k * 0.85
            wide = math.sqrt(max(0.0, 0.9 - y * y))
            pen.stroke([(-wide, y), (wide, y)], gold, 0.02)
    pen.stroke([(0, -0.95), (0, 0.95)], gold, 0.02)
    pen.stroke([(-0.95, 0), (0.95, 0)], gold, 0.02)
    pen.disc(0, 0, 0.36, look.light, look.dark, 0.03)
    look.put(pen, 0, 0, 0, 0.29)


def _journey(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    sky = mix(look.colour(3), look.light, 0.55)
    pen.box(-0.98, -0.86, 0.98, 0.86, sky, gold, 0.04)
    pen.disc(rng.uniform(-0.5, 0.5), -0.45, 0.22, mix(look.palette[4], look.light, 0.3))
    for layer in range(3):
        base = -0.05 + 0.24 * layer
        ridge = [(-0.96 + 0.24 * k, base - rng.uniform(0, 0.38 - 0.1 * layer)) for k in range(9)]
        pen.poly(
            [*ridge, (0.96, 0.84), (-0.96, 0.84)],
            mix(look.colour(layer), sky, 0.4 - 0.2 * layer),
            look.dark,
            0.02,
        )
    pen.poly([(-0.1, 0.84), (0.02, 0.34), (0.08, 0.34), (0.4, 0.84)], look.light)
    for x in (-0.66, 0.62):
        pen.poly(
            [(x - 0.14, 0.62), (x, 0.1), (x + 0.14, 0.62)],
            shade(look.colour(1), 0.6),
            look.dark,
            0.02,
        )
    look.put(pen, 0, rng.uniform(-0.3, 0.3), 0.12, 0.38)


def _kitchen(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    for row in range(6):
        for k in range(8):
            if (row + k) % 2:
                pen.box(
                    -0.96 + 0.24 * k,
                    -0.78 + 0.27 * row,
                    -0.72 + 0.24 * k,
                    -0.51 + 0.27 * row,
                    mix(look.light, look.colour(0), 0.35),
                )
    pot = look.colour(1 + rng.randrange(2))
    pen.poly([(-0.66, -0.2), (0.66, -0.2), (0.56, 0.7), (-0.56, 0.7)], pot, look.dark, 0.04)
    pen.poly(
        [(-0.72, -0.3), (0.72, -0.3), (0.7, -0.16), (-0.7, -0.16)],
        shade(pot, 1.25),
        look.dark,
        0.03,
    )
    pen.poly(
        [*arc_points(0, -0.3, 0.6, math.pi, 2 * math.pi, 12)], shade(pot, 1.1), look.dark, 0.03
    )
    pen.disc(0, -0.92, 0.09, gold, look.dark, 0.03)
    for side in (-1, 1):
        pen.stroke(
            arc_points(
                side * 0.72,
                0.1,
                0.17,
                -1.4 + (math.pi if side < 0 else 0),
                1.4 + (math.pi if side < 0 else 0),
                8,
            ),
            look.dark,
            0.07,
        )
    pen.disc(0, 0.24, 0.38, look.light, look.dark, 0.025)
    look.put(pen, 0, 0, 0.24, 0.31)


def _ruled(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    for row in range(4):
        for k in range(3):
            x, y = -0.64 + 0.64 * k, -0.7 + 0.46 * row
            pen.box(
                x - 0.29,
                y - 0.2,
                x + 0.29,
                y + 0.2,
                mix(look.light, look.colour(row + k), 0.25),
                gold,
                0.025,
            )
            if (row, k) == (1, 1):
                continue
            if (row + k) % 2:
                glyph_row(pen.at(x, y, 0.24), rng, look.dark, letters=rng.randint(2, 4))
            else:
                look.put(pen, 5 + row + k, x, y, 0.17)
    pen.disc(0, -0.01, 0.42, look.light, look.dark, 0.03)
    look.put(pen, 0, 0, -0.01, 0.34)


def _wreath(pen: Pen, look: Look, rng: random.Random, gold: Colour) -> None:
    leaves = rng.randint(11, 14)
    for side in (-1, 1):
        for k in range(leaves):
            t = math.pi / 2 + side * (0.25 + 2.5 * k / leaves)
            leaf = pen.at(0.82 * math.cos(t), 0.82 * math.sin(t), 0.2, t + side * 0.6)
            leaf.poly(
                [(0, -1), (0.4, 0), (0, 1), (-0.4, 0)],
                mix(look.colour(1), gold, 0.25),
                look.dark,
                0.1,
            )
    pen.disc(0, 0, 0.6, mix(look.light, look.colour(2), 0.15), gold, 0.03)
    look.put(pen, 0, 0, 0, 0.5)
    pen.poly(
        [(-0.24, 0.74), (0.24, 0.74), (0.36, 0.98), (0, 0.88), (-0.36, 0.98)],
        look.colour(0),
        look.dark,
        0.03,
    )


_VIGNETTES = {
    "novel": _medal,
    "atlas": _globe,
    "travelogue": _journey,
    "cookery book": _kitchen,
    "handbook": _ruled,
    "volume of poems": _wreath,
}
