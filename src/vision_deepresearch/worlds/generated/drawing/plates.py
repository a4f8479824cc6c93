"""Specimen plates: a bird, butterfly, fish, flower or beetle on paper, with details beside it."""

import math
import random
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

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
    paint_inside,
    ring_points,
    shade,
)


def species_aspects(kind: str) -> tuple[float, ...]:
    """Width over height that a plate of this kind may have."""
    return (1.26, 1.36) if kind in {"butterfly", "fish"} else (0.76, 0.84)


def paint_species(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A framed plate; the animal or plant of its kind in the middle, four details in the corners."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    wood = rng.choice(((122, 84, 52), (70, 54, 46), (168, 132, 84), (58, 58, 60)))
    pen.box(-a * 0.99, -0.99, a * 0.99, 0.99, wood, look.dark, 0.02)
    pen.box(-a + 0.06, -0.94, a - 0.06, 0.94, shade(wood, 1.3), look.dark, 0.01)
    paper = mix((240, 230, 206), look.light, rng.uniform(0.1, 0.5))
    pen.box(-a + 0.085, -0.915, a - 0.085, 0.915, paper, look.dark, 0.01)
    for _ in range(70):  # foxing
        x, y = rng.uniform(-0.86, 0.86) * a, rng.uniform(-0.86, 0.86)
        pen.disc(x, y, rng.uniform(0.006, 0.016), shade(paper, rng.choice((0.86, 0.93))))
    _border(pen, look, rng, paper)
    _specimen(canvas, look, rng)
    glyph_row(
        pen.at(
            rng.uniform(-0.14, 0.14), rng.uniform(0.72, 0.78), rng.uniform(0.26, 0.42) * min(a, 1.0)
        ),
        rng,
        look.dark,
        letters=rng.randint(7, 10),
    )
    corner, sides, turn = (
        rng.uniform(0.11, 0.14),
        (28, 4, 6, 8, 28)[look.style],
        math.pi * rng.choice((0.0, 0.25)),
    )
    for slot, (x, y) in enumerate(((-1, -1), (1, -1), (-1, 1), (1, 1))):
        place = (x * (a - 0.31) + rng.uniform(-0.05, 0.05), y * 0.68 + rng.uniform(-0.07, 0.07))
        ground = mix(paper, look.colour(slot), 0.2)
        pen.poly(ring_points(*place, corner, corner, sides, turn), ground, look.dark, 0.012)
        look.put(pen, slot + 1, *place, corner * 0.76)
    if look.style % 2:
        return
    parts, long, at = rng.randint(5, 10), rng.uniform(0.3, 0.7), rng.uniform(-0.3, 0.1)
    for k in range(parts):  # scale
        x = a * (at + long * (k / parts - 0.5))
        tone = look.dark if k % 2 else paper
        pen.box(x, 0.835, x + a * long / parts, 0.86, tone, look.dark, 0.006)


_POSES: dict[str, tuple[float, float]] = {
    "bird": (0.26, 0.05),
    "butterfly": (0.3, 0.038),
    "fish": (0.22, 0.07),
    "flower": (0.14, 0.06),
    "beetle": (0.45, 0.06),
}
"""Per kind: largest turn in radians, and how far parts shift when it is bent."""


def _specimen(canvas: Pixels, look: Look, rng: random.Random) -> None:
    """Draw the specimen in a pose of its own: turned, bent, stouter or more slender.

    No plane fits two specimens of one kind: a photograph of one does not find the other.
    """
    layer, inside = canvas.copy(), np.zeros(canvas.shape[:2], np.uint8)
    _SPECIMENS.get(look.kind, _bird)(layer, inside, look, rng)
    height, width = inside.shape
    half = height / 2
    across = ((np.arange(width, dtype=np.float32) - width / 2) / half)[None, :]
    down = ((np.arange(height, dtype=np.float32) - half) / half)[:, None]
    turn, sway = _POSES.get(look.kind, _POSES["bird"])
    angle, factor = rng.uniform(-turn, turn), rng.uniform(1.0, 1.16)
    stout = rng.uniform(0.92, 1.09)
    u = factor * (across * math.cos(angle) + down * math.sin(angle)) * stout
    v = factor * (down * math.cos(angle) - across * math.sin(angle)) / stout
    u, v = (
        u + _waves(rng, v, sway) + _waves(rng, u, sway * 0.6),
        v + _waves(rng, u, sway) + _waves(rng, v, sway * 0.6),
    )
    columns = np.ascontiguousarray(u * half + width / 2, np.float32)
    rows = np.ascontiguousarray(v * half + half, np.float32)
    posed = cv2.remap(layer, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shape = cv2.remap(inside, columns, rows, cv2.INTER_LINEAR)
    edge = round(0.1 * half)
    paper = np.zeros_like(inside)
    paper[edge:-edge, edge:-edge] = np.asarray(shape, np.uint8)[edge:-edge, edge:-edge]
    blend(canvas, np.asarray(posed, np.uint8), paper, 0, 0)


def _waves(
    rng: random.Random, along: npt.NDArray[np.float32], reach: float
) -> npt.NDArray[np.float32]:
    """Two smooth waves, together at most `reach` high."""
    total = np.zeros_like(along)
    for share, slow, fast in ((0.65, 1.8, 3.0), (0.35, 3.6, 5.5)):
        rate, phase = rng.uniform(slow, fast), rng.uniform(0, 2 * math.pi)
        total += np.float32(share * reach) * np.sin(np.float32(rate) * along + np.float32(phase))
    return total


def _border(pen: Pen, look: Look, rng: random.Random, paper: Colour) -> None:
    """Rules, beads or leaves along the paper's edge."""
    a, ink = look.aspect, mix(look.dark, paper, 0.4)
    other = mix(look.colour(1), paper, 0.3)
    inset = rng.uniform(0.11, 0.17)
    x, y = a - inset, 1 - inset
    if look.style in {0, 3}:
        pen.box(-x, -y, x, y, None, ink, 0.01)
        pen.box(-x + 0.03, -y + 0.03, x - 0.03, y - 0.03, None, other, 0.007)
        return
    count, off = rng.randint(9, 19), rng.uniform(0.3, 0.7)
    for k in range(count):
        share = -1 + 2 * (k + off) / count
        for px, py in ((x * share, -y), (x * share, y), (-x, y * share), (x, y * share)):
            if look.style == 1:
                pen.poly(ring_points(px, py, 0.022, 0.022, 4), other, ink, 0.006)
            elif look.style == 2:
                pen.stroke([(px - 0.02, py - 0.02), (px + 0.02, py + 0.02)], ink, 0.012)
            else:
                pen.disc(px, py, 0.014, other)


def _bird(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    pen = full_pen(canvas, mask)
    flip = rng.choice((-1, 1))
    back, belly, wing = look.colour(0), mix(look.colour(2), look.light, 0.4), look.colour(1)
    fat, long = rng.uniform(0.9, 1.15), rng.uniform(0.85, 1.2)
    bark = (116, 88, 62)
    pen.poly(
        [(-0.62, 0.44), (-0.2, 0.38), (0.62, 0.46), (0.6, 0.54), (-0.2, 0.46), (-0.6, 0.52)],
        bark,
        look.dark,
        0.012,
    )
    for k in range(6):
        x = -0.5 + 0.2 * k
        leaf = pen.at(x, 0.5, 0.11, rng.uniform(-0.8, 0.8) + (math.pi if k % 2 else 0))
        leaf.poly(
            [(0, 0), (0.4, -0.5), (0, -1.1), (-0.4, -0.5)],
            mix((96, 130, 76), look.colour(3), 0.3),
            look.dark,
            0.08,
        )

    def at(points: list[Point]) -> list[Point]:
        return [(flip * x, y) for x, y in points]

    tail = [
        (-0.22, 0.2),
        (-0.52 * long, 0.62),
        (-0.42 * long, 0.66),
        (-0.34 * long, 0.7),
        (-0.08, 0.3),
    ]
    pen.poly(at(tail), shade(wing, 0.85), look.dark, 0.02)
    for k in range(4):
        pen.stroke(at([(-0.2 + 0.03 * k, 0.26), (-0.46 * long + 0.05 * k, 0.63)]), look.dark, 0.01)
    body = [
        (0.3, -0.34 - 0.06 * fat),
        (0.12, -0.3),
        (-0.06, -0.12),
        (-0.24, 0.16),
        (-0.18, 0.34),
        (0.04, 0.4 * fat),
        (0.26, 0.24 * fat),
        (0.37 * fat, -0.02),
        (0.4, -0.22),
    ]

    def plumage(inner: Pen) -> None:
        inner.poly(at([(0.1, 0.5), (0.45, 0.3), (0.5, -0.2), (0.3, -0.22), (0.16, 0.1)]), belly)
        for row in range(9):
            for k in range(7):
                x, y = -0.28 + 0.11 * k + 0.05 * (row % 2), -0.34 + 0.09 * row
                tone = shade(belly if x > 0.1 else back, rng.choice((0.78, 0.88, 1.12)))
                inner.stroke(
                    [(flip * (x + dx), y + dy) for dx, dy in ((-0.03, 0), (0, 0.03), (0.03, 0))],
                    tone,
                    0.014,
                )

    paint_inside(canvas, mask, at(body), fill=back, draw=plumage)
    pen.poly(at(body), None, look.dark, 0.018)
    for x in (0.06, 0.14):
        pen.stroke(at([(x, 0.36), (x + 0.02, 0.44)]), (150, 110, 70), 0.03)
    head = (0.32 * flip, -0.42)
    pen.disc(*head, 0.17, back, look.dark, 0.016)
    pen.poly(
        at([(0.2, -0.48), (0.24, -0.57), (0.4, -0.575), (0.46, -0.48)]),
        look.colour(3),
        look.dark,
        0.012,
    )
    crest = rng.randrange(4)
    for k in range(crest):
        pen.poly(
            at([(0.22 + 0.05 * k, -0.54), (0.12 + 0.05 * k, -0.72), (0.3 + 0.04 * k, -0.56)]),
            look.colour(3),
            look.dark,
            0.012,
        )
    bill = rng.uniform(0.62, 0.8)
    pen.poly(at([(0.46, -0.46), (bill, -0.4), (0.47, -0.36)]), look.palette[4], look.dark, 0.014)
    pen.disc(0.37 * flip, -0.44, 0.036, (250, 244, 224), look.dark, 0.012)
    pen.disc(0.375 * flip, -0.44, 0.018, look.dark)
    feathers = [
        (0.2, -0.16),
        (-0.06, -0.04),
        (-0.4 * long, 0.42),
        (-0.2, 0.34),
        (0.06, 0.26),
        (0.22, 0.08),
    ]
    pen.poly(at(feathers), wing, look.dark, 0.018)
    for k in range(6):
        pen.stroke(
            at([(0.18 - 0.03 * k, -0.02 + 0.035 * k), (-0.28 * long + 0.05 * k, 0.38 - 0.02 * k)]),
            look.dark,
            0.011,
        )
        pen.disc(flip * (0.14 - 0.07 * k), -0.06 + 0.06 * k, 0.022, look.light, look.dark, 0.008)
    look.put(pen, 0, 0.3 * flip, 0.1, 0.12)


def _butterfly(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    pen = full_pen(canvas, mask)
    wide, tall = rng.uniform(0.82, 0.96), rng.uniform(0.56, 0.66)
    notch = rng.uniform(0.04, 0.14)
    fore = [
        (0.05, -0.12),
        (0.3, -tall),
        (0.7 * wide, -tall - 0.04),
        (wide, -tall + 0.1),
        (wide - 0.12, -0.12),
        (0.4, 0.02),
    ]
    hind = [
        (0.05, -0.02),
        (0.5, 0.0),
        (0.74 * wide, 0.1),
        (0.72 * wide, 0.32),
        (0.5 + notch, 0.44),
        (0.46, 0.58),
        (0.36, 0.46),
        (0.2, 0.44),
        (0.06, 0.2),
    ]
    eyes = [(rng.uniform(0.3, 0.8) * wide, rng.uniform(-0.5, -0.1)) for _ in range(7)]
    low = [(rng.uniform(0.15, 0.62) * wide, rng.uniform(0.08, 0.42)) for _ in range(6)]
    bands = [rng.uniform(0.3, 0.9) for _ in range(rng.randint(1, 4))]
    veins, size = rng.randint(5, 11), rng.uniform(0.05, 0.085)
    for side in (-1, 1):
        for number, (shape, spots) in enumerate(((hind, low), (fore, eyes))):
            outline = [(side * x, y) for x, y in shape]
            ground = look.colour(number)

            def scales(
                inner: Pen,
                side: int = side,
                number: int = number,
                spots: list[Point] = spots,
                ground: Colour = ground,
            ) -> None:
                for k, reach in enumerate(bands):
                    inner.stroke(
                        [
                            (side * (wide * reach + 0.06 * math.sin(3 * t)), -0.7 + 0.3 * t)
                            for t in range(5)
                        ],
                        mix(ground, look.colour(2 + k), 0.7),
                        0.07,
                    )
                for k in range(veins):
                    t = -1.2 + 2.7 * k / veins
                    inner.stroke(
                        [(side * 0.05, -0.05), (side * math.cos(t), math.sin(t))], look.dark, 0.012
                    )
                for k, (x, y) in enumerate(spots):
                    inner.disc(side * x, y, size - 0.005 * k, look.light, look.dark, 0.014)
                    inner.disc(side * x, y, 0.035, look.colour(k + number), look.dark, 0.01)

            paint_inside(canvas, mask, outline, fill=ground, draw=scales)
            pen.poly(outline, None, look.dark, 0.026)
        look.put(pen, 0, side * 0.5 * wide, -0.34, 0.15)
        pen.stroke(
            [(side * 0.02, -0.3), (side * 0.12, -0.56), (side * 0.2, -0.6)], look.dark, 0.014
        )
        pen.disc(side * 0.2, -0.6, 0.02, look.dark)
    pen.poly(ring_points(0, 0.04, 0.055, 0.36, 16), shade(look.colour(2), 0.6), look.dark, 0.014)
    for k in range(6):
        pen.stroke([(-0.05, -0.1 + 0.08 * k), (0.05, -0.1 + 0.08 * k)], look.light, 0.012)
    pen.disc(0, -0.3, 0.055, look.dark)


def _fish(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    pen = full_pen(canvas, mask)
    flip = rng.choice((-1, 1))
    high, long = rng.uniform(0.32, 0.46), rng.uniform(0.9, 1.02)

    def at(points: list[Point]) -> list[Point]:
        return [(flip * x, y) for x, y in points]

    fin = look.colour(1)
    fork = rng.uniform(0.2, 0.4)
    tail = [
        (0.56 * long, -0.05),
        (long, -fork - 0.04),
        (long - 0.12, 0.0),
        (long, fork),
        (0.56 * long, 0.06),
    ]
    back = [
        (-0.36, -high * 0.82),
        (-0.2, -high - rng.uniform(0.14, 0.26)),
        (0.26, -high - 0.06),
        (0.4, -high * 0.5),
    ]
    low = [(-0.1, high * 0.88), (0.02, high + 0.18), (0.16, high + 0.04), (0.2, high * 0.7)]
    for shape in (tail, back, low):
        pen.poly(at(shape), fin, look.dark, 0.018)
    for k in range(7):
        pen.stroke(
            at([(-0.3 + 0.09 * k, -high * 0.8), (-0.2 + 0.08 * k, -high - 0.12)]), look.dark, 0.01
        )
        pen.stroke(
            at([(0.62 * long, -0.03 + 0.01 * k), (long - 0.06, -fork + fork / 3 * k)]),
            look.dark,
            0.01,
        )
    body = [
        (-long + 0.78 * long * (1 - math.cos(t)), -high * math.sin(t))
        for t in (math.pi * k / 14 for k in range(15))
    ]
    outline = at([*body, *[(x, -y * 0.95) for x, y in reversed(body)]])
    ground = look.colour(0)
    stripes, scale = rng.randint(2, 7), rng.uniform(0.065, 0.11)

    def skin(inner: Pen) -> None:
        inner.box(-1, 0.06, 1, 1, mix(ground, look.light, 0.65))
        for k in range(stripes):
            x = -0.45 + 0.95 * k / stripes
            inner.poly(
                at([(x, -0.5), (x + 0.08, -0.5), (x + 0.12, 0.14), (x + 0.04, 0.2)]),
                mix(ground, look.colour(3), 0.7),
            )
        for row in range(round(0.72 / scale)):
            for k in range(round(1.2 / scale)):
                x, y = -0.48 + scale * (k + 0.5 * (row % 2)), -0.36 + 1.1 * scale * row
                inner.stroke(
                    at([(x + 0.02, y - 0.035), (x - 0.02, y), (x + 0.02, y + 0.035)]),
                    shade(ground, 0.62),
                    0.01,
                )

    paint_inside(canvas, mask, outline, fill=ground, draw=skin)
    pen.poly(outline, None, look.dark, 0.02)
    pen.stroke(at(arc_points(-long + 0.24, 0, 0.22, -1.0, 1.0, 9)), look.dark, 0.022)
    pen.disc(flip * (-long + 0.2), -0.07, 0.055, (250, 244, 224), look.dark, 0.016)
    pen.disc(flip * (-long + 0.2), -0.07, 0.025, look.dark)
    pen.poly(at([(-0.42, 0.06), (-0.18, 0.0), (-0.14, 0.14)]), fin, look.dark, 0.015)
    look.put(pen, 0, flip * 0.08, 0.0, 0.17)


def _flower(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    pen = full_pen(canvas, mask)
    flip = rng.choice((-1, 1))
    green = mix((84, 124, 72), look.colour(1), 0.25)
    sway = rng.uniform(0.04, 0.16) * flip
    stem = [(0.0, 0.64), (sway, 0.3), (sway * 0.6, 0.0), (0.02 * flip, -0.26)]
    pen.stroke(stem, look.dark, 0.05)
    pen.stroke(stem, green, 0.03)
    for k in range(rng.randint(3, 5)):
        side = flip if k % 2 else -flip
        leaf = pen.at(
            sway * 0.8, 0.5 - 0.15 * k, rng.uniform(0.34, 0.44), side * rng.uniform(0.9, 1.3)
        )
        edge = [(0.0, 0.0), (0.16, -0.2), (0.26, -0.5), (0.16, -0.8), (0.0, -1.0)]
        leaf.poly(
            [*edge, *[(-x, y) for x, y in reversed(edge)]],
            shade(green, rng.uniform(0.9, 1.2)),
            look.dark,
            0.04,
        )
        leaf.stroke([(0, -0.05), (0, -0.92)], shade(green, 0.6), 0.035)
        for j in range(4):
            y = -0.25 - 0.16 * j
            for turn in (-1, 1):
                leaf.stroke([(0, y), (turn * 0.15, y - 0.12)], shade(green, 0.65), 0.025)
    for x, y in ((0.34 * flip, -0.02), (-0.34 * flip, 0.1)):  # buds
        pen.stroke([(sway * 0.6, 0.16), (x, y)], green, 0.025)
        pen.poly(ring_points(x, y - 0.05, 0.055, 0.09, 12), look.colour(0), look.dark, 0.014)
        pen.poly(
            [(x - 0.06, y - 0.02), (x, y + 0.06), (x + 0.06, y - 0.02)], green, look.dark, 0.012
        )
    petals, form = rng.randint(5, 9), rng.randrange(3)
    rings = 2 if rng.random() < 0.6 else 1
    for ring in range(rings):
        long = 0.4 - 0.11 * ring
        for k in range(petals):
            petal = pen.at(0.02 * flip, -0.32, long, 2 * math.pi * (k + 0.5 * ring) / petals)
            shape = (
                [(0.0, 0.0), (0.3, -0.5), (0.2, -0.9), (0.0, -1.0)],
                [(0.0, 0.0), (0.36, -0.6), (0.3, -0.95), (0.0, -0.8)],
                [(0.0, 0.0), (0.18, -0.4), (0.26, -0.75), (0.0, -1.05)],
            )[form]
            tone = look.colour(0) if ring == 0 else mix(look.colour(2), look.light, 0.3)
            petal.poly([*shape, *[(-x, y) for x, y in reversed(shape)]], tone, look.dark, 0.04)
            for turn in (-0.09, 0.0, 0.09):
                petal.stroke([(turn * 0.5, -0.3), (turn * 1.4, -0.8)], shade(tone, 0.7), 0.025)
    pen.disc(0.02 * flip, -0.32, 0.15, look.light, look.dark, 0.016)
    look.put(pen, 0, 0.02 * flip, -0.32, 0.13)


def _case_mark(
    inner: Pen,
    look: Look,
    kind: int,
    k: int,
    half: tuple[int, float],
    y: float,
    spot: Point,
) -> None:
    """Mark number `k` on one wing case; `half` is which side it lies on and how wide that is."""
    side, wide = half
    x = side * wide * (0.45 + 0.2 * (k % 2))
    if kind == 3:
        inner.disc(side * spot[0], spot[1], 0.07, look.light, look.dark, 0.014)
        inner.disc(side * spot[0], spot[1], 0.035, look.colour(2))
    elif kind == 4:
        zigzag = [(side * wide * j / 4, y + 0.06 * (j % 2)) for j in range(5)]
        inner.stroke(zigzag, look.colour(1 + k % 2), 0.04)
    elif kind == 5:
        blot = ring_points(side * spot[0], spot[1], 0.1, 0.16, 7, 0.7 * k)
        inner.poly(blot, look.colour(1 + k % 3), look.dark, 0.012)
    elif kind == 0:
        inner.disc(x, y, 0.062, look.colour(1), look.dark, 0.014)
    elif kind == 1:
        inner.poly(
            [(x - 0.1, y), (x, y - 0.06), (x + 0.1, y), (x, y + 0.06)],
            look.colour(2),
            look.dark,
            0.012,
        )
    else:
        inner.poly(
            [
                (side * 0.03, y),
                (side * wide, y - 0.05),
                (side * wide, y + 0.02),
                (side * 0.03, y + 0.06),
            ],
            look.colour(1 + k % 2),
        )


def _beetle(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    pen = full_pen(canvas, mask)
    wide, long = rng.uniform(0.3, 0.42), rng.uniform(0.5, 0.6)
    horns = rng.choice(((0.2, 0.34, 0.42), (0.24, 0.2, 0.06), (0.1, 0.2, 0.3), (0.3, 0.44, 0.56)))
    for side in (-1, 1):
        for k, (start, knee, foot) in enumerate((
            ((0.2, -0.24), (0.46, -0.38), (0.52, -0.6)),
            ((0.26, -0.04), (0.54, rng.uniform(-0.12, 0.0)), (0.62, rng.uniform(0.06, 0.2))),
            ((0.24, 0.18), (0.5, rng.uniform(0.26, 0.38)), (rng.uniform(0.46, 0.58), 0.6)),
        )):
            joint = [
                (side * start[0], start[1]),
                (side * (knee[0] + 0.02 * k), knee[1]),
                (side * foot[0], foot[1]),
            ]
            pen.stroke(joint, look.dark, 0.045)
            for j in range(3):
                x = knee[0] + (foot[0] - knee[0]) * (j + 1) / 4
                y = knee[1] + (foot[1] - knee[1]) * (j + 1) / 4
                pen.stroke([(side * x, y), (side * (x + 0.05), y + 0.02)], look.dark, 0.014)
        horn = [
            (side * 0.07, -0.52),
            (side * horns[0], -0.68),
            (side * horns[1], -0.7),
            (side * horns[2], -0.62),
        ]
        pen.stroke(horn, look.dark, 0.022)
        for x, y in horn[1:]:
            pen.disc(x, y, 0.024, look.colour(3), look.dark, 0.01)
    shell = look.colour(0)
    square = rng.uniform(0.7, 1.25)
    outline = [
        (math.copysign(wide * abs(x / wide) ** square, x), y)
        for x, y in ring_points(0, 0.12, wide, long, 30)
    ]
    kind, rows, lines = rng.randrange(6), rng.randint(3, 8), rng.randint(2, 6)
    spots = [(rng.uniform(0.15, 0.9) * wide, rng.uniform(-0.3, 0.6)) for _ in range(rows)]

    def cases(inner: Pen) -> None:
        inner.poly(ring_points(-wide * 0.4, 0.0, wide * 0.3, long * 0.6, 20), shade(shell, 1.25))
        for side in (-1, 1):
            for k in range(lines):
                x = side * (0.05 + 0.36 * k / lines)
                inner.stroke(
                    [(x, -0.36), (x * 1.06, 0.2), (x * 0.8, 0.7)], shade(shell, 0.62), 0.012
                )
            for k in range(rows):
                y = -0.26 + 0.84 * k / rows
                _case_mark(inner, look, kind, k, (side, wide), y, spots[k])
        inner.stroke([(0, -0.4), (0, 0.75)], look.dark, 0.024)

    paint_inside(canvas, mask, outline, fill=shell, draw=cases)
    pen.poly(outline, None, look.dark, 0.024)
    collar = [
        (-wide * 0.8, -0.3),
        (-wide * 0.62, -0.5),
        (wide * 0.62, -0.5),
        (wide * 0.8, -0.3),
        (0, -0.24),
    ]
    pen.poly(collar, look.colour(2), look.dark, 0.02)
    beads = rng.randint(2, 6)
    for k in range(beads):
        x = wide * (-0.6 + 1.2 * (k + 0.5) / beads)
        pen.disc(x, -0.38, 0.026, look.light, look.dark, 0.01)
    pen.poly(
        ring_points(0, -0.54, wide * 0.44, 0.11, 16), shade(look.colour(2), 0.6), look.dark, 0.016
    )
    for side in (-1, 1):
        pen.disc(side * wide * 0.34, -0.56, 0.034, look.light, look.dark, 0.01)
    look.put(pen, 0, 0, 0.08, 0.16)


_Specimen = Callable[[Pixels, Pixels, Look, random.Random], None]
_SPECIMENS: dict[str, _Specimen] = {
    "bird": _bird,
    "butterfly": _butterfly,
    "fish": _fish,
    "flower": _flower,
    "beetle": _beetle,
}
