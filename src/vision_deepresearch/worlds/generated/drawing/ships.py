"""Ships from the side: livery, name, funnel or sails, flags."""

import random
from dataclasses import dataclass

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

_GLASS = ((60, 84, 110), (238, 204, 130))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hull:
    """Where one ship's hull begins and ends: ships of one kind differ in build."""

    deck: float
    """Height amidships; the keel is at 0.92."""
    sheer: float
    """How much higher bow and stern are."""
    stem: float
    """How far the bow rakes forward."""
    stern: float

    def outline(self, a: float) -> list[Point]:
        return [
            (-a * 0.97, self.deck - 0.6 * self.sheer),
            (-a * 0.78, self.deck - 0.1 * self.sheer),
            (-a * 0.1, self.deck + 0.02),
            (a * 0.62, self.deck - 0.2 * self.sheer),
            (a * 0.98, self.deck - self.sheer),
            (a * (0.98 - self.stem), 0.92),
            (-a * (0.97 - self.stern), 0.92),
        ]


def paint_vessel(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A ship from the side: livery on the hull, name in an invented script, funnel or sails, flag."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    a = look.aspect
    shape = _Hull(
        deck=rng.uniform(0.12, 0.34),
        sheer=rng.uniform(0.04, 0.2),
        stem=rng.uniform(0.03, 0.26),
        stern=rng.uniform(0.04, 0.24),
    )
    (_rig_steam, _rig_sail, _rig_ferry)[look.style % 3](pen, look, rng, shape.deck)
    hull = shape.outline(a)
    pen.poly(hull, look.dark, look.dark, 0.03)
    layer, inside = canvas.copy(), np.zeros_like(mask)
    full_pen(layer, inside).poly(hull, look.colour(0))
    inner = full_pen(layer)
    _livery(inner, look, rng, shape.deck)
    blend(canvas, layer, inside, 0, 0)
    pen.poly(hull, None, look.dark, 0.025)


def _livery(pen: Pen, look: Look, rng: random.Random, deck: float) -> None:
    """Name band, ornament, marks and the colour below the water line."""
    a = look.aspect
    band = look.light if rng.random() < 0.6 else look.colour(2)
    tall, wide = rng.uniform(0.16, 0.22), rng.uniform(0.15, 0.26)
    line = rng.uniform(0.74, 0.82)
    is_low = rng.random() < 0.4
    name, trim = (line - tall, deck + 0.08) if is_low else (deck + 0.08, line - tall)
    pen.box(-a, name, a, name + tall - 0.02, band, look.dark, 0.015)
    kind, shift = rng.randrange(6), rng.uniform(0, wide)
    for k in range(int(2 * a / wide) + 2):
        x, low, high = -a - shift + wide * k, trim + tall, trim
        colour, half = look.colour(1 + k % 2), wide / 2
        if kind == 0:
            points = [(x, high), (x + half, high), (x + wide, low), (x + half, low)]
        elif kind == 1:
            points = ring_points(x + half, (low + high) / 2, half, tall / 2, 4)
        elif kind == 2:
            y = high + 0.5 * tall * (k % 2)
            points = [(x, y), (x + wide, y), (x + wide, y + tall / 2), (x, y + tall / 2)]
        elif kind == 3:
            points = [(x, low), (x + half, high), (x + wide, low)]
        elif kind == 4:
            points = ring_points(x + half, (low + high) / 2, half * 0.7, half * 0.7, 14)
        else:
            points = [(x, high), (x + half, (low + high) / 2), (x, low), (x - half, low)]
        pen.poly(points, colour, look.dark, 0.012)
    pen.box(-a, line, a, 1, shade(look.colour(3), 0.7))
    for k in range(rng.randint(1, 3)):
        x = a * (-0.62 + 0.5 * k + rng.uniform(-0.08, 0.12))
        size = a * rng.uniform(0.18, 0.26)
        glyph_row(pen.at(x, name + tall / 2, size), rng, look.dark, letters=rng.randint(5, 8))
    y, half = (deck + line) / 2 + rng.uniform(-0.03, 0.05), rng.uniform(0.11, 0.14)
    for slot, x in ((3, -0.66), (4, -0.06), (5, 0.54)):
        at = a * (x + rng.uniform(-0.17, 0.17))
        pen.disc(at, y, half * 1.3, look.light, look.dark, 0.02)
        look.put(pen, slot, at, y, half)


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


def _rig_steam(pen: Pen, look: Look, rng: random.Random, deck: float) -> None:
    a = look.aspect
    for side in (-1, 1):
        x = a * side * rng.uniform(0.62, 0.8)
        top = rng.uniform(-0.95, -0.75)
        pen.stroke([(x, deck + 0.05), (x, top)], look.dark, 0.025)
        flag = pen.at(x, top + 0.18, rng.uniform(0.13, 0.17))
        _flag(flag, look, rng, 1 if side < 0 else 2, flip=side > 0)
    left, right = -a * rng.uniform(0.46, 0.66), a * rng.uniform(0.4, 0.6)
    low, high = deck - rng.uniform(0.28, 0.38), deck - rng.uniform(0.54, 0.66)
    pen.box(left, low, right, deck + 0.06, look.light, look.dark, 0.02)
    inset = rng.uniform(0.1, 0.3)
    upper = mix(look.light, look.colour(2), 0.3)
    pen.box(left + inset, high, right - inset, low, upper, look.dark, 0.02)
    count, wide = rng.randint(6, 11), rng.uniform(0.4, 0.7)
    step = (right - left) / count
    for k in range(count):
        x = left + step * (k + 0.5)
        y = (low + deck) / 2
        pen.box(
            x - step * wide / 2,
            y - 0.08,
            x + step * wide / 2,
            y + 0.07,
            _GLASS[0],
            look.dark,
            0.015,
        )
    holes = rng.randint(4, 8)
    for k in range(holes):
        x = left + inset + (right - left - 2 * inset) * (k + 0.5) / holes
        if rng.random() < 0.5:
            pen.disc(x, (low + high) / 2, 0.055, _GLASS[1], look.dark, 0.015)
        else:
            y = (low + high) / 2
            pen.box(x - 0.05, y - 0.06, x + 0.05, y + 0.06, _GLASS[1], look.dark, 0.015)
    funnels = rng.randint(1, 3)
    lean, top = rng.uniform(-0.06, 0.08), rng.uniform(-0.97, -0.84)
    for k in range(funnels):
        x = left + inset + (right - left - 2 * inset) * (k + 0.5) / funnels
        half = rng.uniform(0.11, 0.15)
        sides = [(x - half, high), (x - half + lean, top), (x + half + lean, top), (x + half, high)]
        pen.poly(sides, look.colour(1), look.dark, 0.02)
        pen.box(x - half + lean, top, x + half + lean, top + 0.1, look.dark)
        look.put_pale(pen, k, x + lean / 2, (high + top) / 2 + 0.03, half * 0.9)


def _rig_sail(pen: Pen, look: Look, rng: random.Random, deck: float) -> None:
    a = look.aspect
    masts = rng.choice(((-0.5, 0.08, 0.58), (-0.36, 0.3), (-0.6, -0.2, 0.2, 0.6), (-0.56, 0.16)))
    for number, place in enumerate(masts):
        x = a * (place + rng.uniform(-0.07, 0.07))
        top = rng.uniform(-0.98, -0.78)
        tiers = rng.choice((1, 2, 2, 3))
        pen.stroke([(x, deck + 0.08), (x, top)], look.dark, 0.03)
        tall = (deck - 0.06 - top - 0.08) / tiers
        reach = min(0.42, 0.9 * a / len(masts)) * rng.uniform(0.78, 1.0)
        for tier in range(tiers):
            y0 = top + 0.08 + tall * tier
            y1 = y0 + tall * rng.uniform(0.82, 0.95)
            wide = reach * (1 - 0.16 * (tiers - 1 - tier))
            belly, foot = rng.uniform(0.96, 1.2), rng.uniform(0.85, 1.12)
            ground = mix(look.light, look.colour(number), 0.55)
            is_marked = (number + tier) % 2 == 1 or tiers == 1
            pen.poly(
                [
                    (x - wide, y0),
                    (x + wide, y0),
                    (x + wide * belly, (y0 + y1) / 2),
                    (x + wide * foot, y1),
                    (x - wide * foot, y1),
                    (x - wide * belly * 0.85, (y0 + y1) / 2),
                ],
                look.light if is_marked else ground,
                look.dark,
                0.018,
            )
            if is_marked:
                half = min(0.17, 0.42 * (y1 - y0), 0.6 * wide)
                look.put(pen, number + tier, x + 0.02, (y0 + y1) / 2, half)
                continue
            stripes = rng.randint(2, 5)
            for k in range(stripes):
                y = y0 + (y1 - y0) * (k + 0.6) / (stripes + 0.2)
                pen.stroke(
                    [(x - wide * 0.84, y), (x + wide * 0.94, y)], look.colour(number + 1), 0.04
                )
    if rng.random() < 0.7:
        high = rng.uniform(-0.6, -0.2)
        jib = [(a * 0.7, high), (a * 0.98, deck - 0.1), (a * 0.72, deck - 0.1)]
        pen.poly(jib, look.light, look.dark, 0.018)
    _flag(pen.at(-a * 0.94, deck - rng.uniform(0.24, 0.34), 0.12), look, rng, 2, flip=False)


def _rig_ferry(pen: Pen, look: Look, rng: random.Random, deck: float) -> None:
    a = look.aspect
    decks = rng.choice((2, 3, 3, 4))
    tall = rng.uniform(0.62, 0.78) / decks
    shift = rng.uniform(-0.12, 0.12) * a
    y = deck
    for floor in range(decks):
        half = a * (rng.uniform(0.68, 0.84) - 0.11 * floor)
        tone = mix(look.light, look.colour(floor), 0.25)
        pen.box(shift - half, y - tall, shift + half - 0.06 * a, y + 0.06, tone, look.dark, 0.02)
        count = rng.randint(6, 11) - floor
        wide = rng.uniform(0.4, 0.75)
        step = (2 * half - 0.1 * a) / count
        for k in range(count):
            x = shift - half + 0.04 + step * (k + 0.5)
            if floor == 1 and decks > 2 and rng.random() < 0.25:
                pen.disc(x, y - tall * 0.5, tall * 0.28, rng.choice(_GLASS), look.dark, 0.014)
                continue
            pen.box(
                x - step * wide / 2,
                y - tall * 0.76,
                x + step * wide / 2,
                y - tall * 0.26,
                rng.choice(_GLASS),
                look.dark,
                0.014,
            )
        y -= tall
    top, x = rng.uniform(-0.97, -0.9), shift + a * rng.uniform(-0.3, 0.1)
    half = rng.uniform(0.16, 0.26)
    funnel = [(x - half, y + 0.02), (x - half + 0.08, top), (x + half - 0.04, top), (x + half, y)]
    pen.poly(funnel, look.colour(1), look.dark, 0.02)
    look.put_pale(pen, 0, x, (y + top) / 2, min(0.17, 0.46 * (y - top)))
    x = shift + a * rng.uniform(0.24, 0.42)
    pen.stroke([(x, y + 0.02), (x, -0.96)], look.dark, 0.025)
    _flag(pen.at(x, -0.82, 0.14), look, rng, 1, flip=False)
    x, high = -a * rng.uniform(0.84, 0.92), rng.uniform(-0.7, -0.4)
    pen.stroke([(x, deck + 0.04), (x, high)], look.dark, 0.025)
    _flag(pen.at(x, high + 0.16, 0.14), look, rng, 2, flip=False)
