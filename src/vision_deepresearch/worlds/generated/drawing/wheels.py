"""Vehicles from the side: steam locomotive, tram, airship and motor coach, each with a livery."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

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
    paint_inside,
    ring_points,
    shade,
)

_GLASS: tuple[Colour, ...] = ((64, 88, 112), (84, 108, 128), (238, 208, 140))


def vehicle_aspects(kind: str) -> tuple[float, ...]:
    """Width over height of a vehicle of this kind."""
    return (1.72, 1.8) if kind == "airship" else (1.46, 1.56)


def paint_vehicle(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A vehicle from the side, of the kind the look says."""
    rng = random.Random(look.base_seed)
    _VEHICLES.get(look.kind, _tram)(canvas, mask, look, rng)


def _wheel(pen: Pen, look: Look, x: float, y: float, half: float, spokes: int) -> None:
    hub = pen.at(x, y, 1.0)
    hub.disc(0, 0, half, look.dark)
    hub.disc(0, 0, half * 0.82, look.colour(1), look.light, 0.016)
    for spoke in ring_points(0, 0, half * 0.74, half * 0.74, spokes):
        hub.stroke([(0, 0), spoke], look.dark, 0.028)
    hub.disc(0, 0, half * 0.24, look.light, look.dark, 0.018)


def _bend(look: Look) -> Callable[[float, float], Point]:
    """Proportions of one vehicle: parts move along it, and up and down above the wheels.

    Wheels, crests and lamps move as a whole and stay round.
    """
    rng = random.Random(look.base_seed ^ 0x0B3D)
    a = look.aspect
    along = _moved(rng, [-a + 2 * a * k / 6 for k in range(7)], 0.42)
    over = _moved(rng, [-1 + (_AXLES + 1) * k / 4 for k in range(5)], 0.36)

    def bend(x: float, y: float) -> Point:
        return _between(along, x), _between(over, y)

    return bend


def _moved(rng: random.Random, knots: list[float], reach: float) -> list[tuple[float, float]]:
    """Knots and where they go: each inner one by up to `reach` of a step."""
    step = knots[1] - knots[0]
    shifts = [rng.choice((-1, 1)) * rng.uniform(0.4, 1) * reach * step for _ in knots[1:-1]]
    return [(x, x + by) for x, by in zip(knots, [0.0, *shifts, 0.0], strict=True)]


def _between(knots: list[tuple[float, float]], x: float) -> float:
    """Where a coordinate goes; outside the knots nothing moves."""
    for (x0, to0), (x1, to1) in pairwise(knots):
        if x0 <= x < x1:
            return to0 + (to1 - to0) * (x - x0) / (x1 - x0)
    return x


_AXLES = 0.4
"""Below this nothing moves up or down: wheels stand on the rail."""


def _band(
    pen: Pen, look: Look, rng: random.Random, area: tuple[float, float, float, float]
) -> None:
    """A strip of ornament along the livery."""
    x0, y0, x1, y1 = area
    tall, kind = y1 - y0, rng.randrange(4)
    pen.box(x0, y0, x1, y1, look.light, look.dark, 0.012)
    count = max(6, round((x1 - x0) / tall / 1.1))
    step = (x1 - x0) / count
    for k in range(count):
        x, tone = x0 + step * k, look.colour(1 + k % 2)
        if kind == 0:
            pen.poly([(x, y1), (x + step / 2, y0), (x + step, y1)], tone, look.dark, 0.009)
        elif kind == 1:
            pen.poly(
                ring_points(x + step / 2, (y0 + y1) / 2, step * 0.44, tall * 0.44, 4),
                tone,
                look.dark,
                0.009,
            )
        elif kind == 2:
            pen.box(
                x + step * 0.1,
                y0 + tall * 0.1,
                x + step * 0.6,
                y1 - tall * 0.1,
                tone,
                look.dark,
                0.009,
            )
        else:
            pen.poly(
                [(x, y0), (x + step * 0.5, y0), (x + step, y1), (x + step * 0.5, y1)],
                tone,
                look.dark,
                0.009,
            )


def _crests(pen: Pen, look: Look, first: int, places: list[Point], half: float) -> None:
    """Marks in discs along a row, those that a bent pen would lay over each other moved apart."""
    gap, straight = half * 2.75, replace(pen, bend=None)
    moved = [pen.bend(x, y) if pen.bend else (x, y) for x, y in places]
    xs = [x for x, _ in moved]
    for _ in range(6):
        for k in range(len(xs) - 1):
            close = gap - (xs[k + 1] - xs[k])
            if close > 0:
                xs[k] -= close / 2
                xs[k + 1] += close / 2
    for k, (x, (_, y)) in enumerate(zip(xs, moved, strict=True)):
        straight.disc(x, y, half * 1.25, look.light, look.dark, 0.016)
        look.put(straight, first + k, x, y, half)


def _locomotive(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    bend, a = _bend(look), look.aspect
    pen = full_pen(canvas, mask, bend)
    paint = look.colour(0)
    rail = 0.95
    big, num_big = rng.uniform(0.27, 0.32), rng.choice((2, 3))
    chimney = -a * rng.uniform(0.66, 0.76)
    for x0, x1, y in ((-a * 0.97, -a * 0.84, 0.62),):
        pen.box(x0, y, x1, y + 0.09, look.colour(2), look.dark, 0.016)
        pen.disc(x0 + 0.02, y + 0.045, 0.075, (90, 90, 96), look.dark, 0.016)
    pen.poly(
        [
            (chimney - 0.09, -0.36),
            (chimney - 0.07, -0.76),
            (chimney - 0.13, -0.96),
            (chimney + 0.13, -0.96),
            (chimney + 0.07, -0.76),
            (chimney + 0.09, -0.36),
        ],
        shade(paint, 0.55),
        look.dark,
        0.02,
    )
    pen.box(chimney - 0.13, -0.97, chimney + 0.13, -0.88, look.palette[4], look.dark, 0.014)
    for x in rng.choice(((-0.4, -0.12), (-0.26,), (-0.46, -0.2, 0.08), (-0.5, 0.06))):
        tall, flat = rng.uniform(0.1, 0.2), rng.random() < 0.4
        dome = pen.at(a * x, -0.36, 1.0)
        if flat:
            dome.box(-0.1, -tall, 0.1, 0.02, look.palette[4], look.dark, 0.016)
        else:
            dome.poly(
                arc_points(0, 0, tall, math.pi, 2 * math.pi, 10), look.palette[4], look.dark, 0.016
            )
    pen.box(-a * 0.93, -0.38, a * 0.3, 0.34, paint, look.dark, 0.024)
    pen.box(-a * 0.95, -0.42, -a * 0.8, 0.38, shade(paint, 0.6), look.dark, 0.02)
    pen.box(-a * 0.8, -0.34, a * 0.28, -0.24, mix(paint, (255, 255, 255), 0.3))
    bands = rng.randint(2, 5)
    for k in range(bands):
        x = -a * 0.68 + 0.92 * a * (k + rng.uniform(0, 0.4)) / bands
        pen.box(x - 0.025, -0.38, x + 0.025, 0.34, look.palette[4], look.dark, 0.01)
        for j in range(6):
            pen.disc(x + 0.055, -0.3 + 0.11 * j, 0.012, look.dark)
    row, first = rng.uniform(-0.05, 0.14), rng.uniform(-0.6, -0.5)
    size = rng.uniform(0.125, 0.16)
    _crests(
        pen, look, 0, [(a * (first + rng.uniform(0.23, 0.27) * k), row) for k in range(3)], size
    )
    pen.box(-a * 0.95, 0.36, a * 0.96, 0.46, look.colour(1), look.dark, 0.018)
    pen.box(a * 0.3, 0.44, a * 0.94, 0.66, shade(paint, 0.5), look.dark, 0.018)
    cab = [(a * 0.26, 0.4), (a * 0.26, -0.6), (a * 0.96, -0.6), (a * 0.96, 0.4)]
    pen.poly(cab, paint, look.dark, 0.024)
    pen.poly(
        [(a * 0.2, -0.6), (a * 0.24, -0.74), (a * 0.94, -0.74), (a * 0.99, -0.6)],
        shade(paint, 0.6),
        look.dark,
        0.02,
    )
    panes, low = rng.randint(1, 3), rng.uniform(-0.28, -0.16)
    for k in range(panes):
        x, wide = a * (0.32 + 0.6 * k / panes), a * 0.6 / panes - 0.06
        pen.box(x, -0.52, x + wide, low, rng.choice(_GLASS), look.light, 0.022)
        pen.stroke([(x, -0.36), (x + wide, -0.36)], look.dark, 0.014)
    if rng.random() < 0.7:
        _band(pen, look, rng, (a * 0.28, low + 0.06, a * 0.94, low + 0.18))
    _crests(pen, look, 3, [(a * 0.44, 0.2), (a * 0.78, 0.2)], rng.uniform(0.1, 0.13))
    glyph_row(pen.at(a * 0.61, -0.67, a * 0.26), rng, look.light, letters=8)
    y = rail - big
    wheels = [a * (-0.3 + 0.98 * k / num_big) for k in range(num_big)]
    small = rng.uniform(0.14, 0.18)
    for k in range(rng.randint(1, 2)):
        _wheel(pen, look, a * (-0.84 + 0.23 * k), rail - small, small, rng.randint(5, 8))
    spokes = rng.randint(7, 13)
    for x in wheels:
        _wheel(pen, look, x, y, big, spokes)
    if rng.random() < 0.7:
        _wheel(pen, look, a * 0.84, rail - small, small, rng.randint(5, 9))
    pen.box(-a * 0.8, y - 0.12, -a * 0.52, y + 0.05, (150, 150, 156), look.dark, 0.018)
    pen.stroke([(-a * 0.52, y - 0.03), (wheels[-1] + 0.05, y + 0.04)], look.dark, 0.07)
    pen.stroke([(-a * 0.52, y - 0.03), (wheels[-1] + 0.05, y + 0.04)], (186, 186, 190), 0.036)


def _tram(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    bend, a = _bend(look), look.aspect
    pen = full_pen(canvas, mask, bend)
    paint, upper = look.colour(0), mix(look.light, look.colour(2), 0.15)
    decks = look.style % 2
    half, spokes = rng.uniform(0.14, 0.2), rng.randint(5, 9)
    for x in rng.choice(((-0.5, -0.24, 0.24, 0.5), (-0.42, 0.42), (-0.6, -0.36, 0.36, 0.6))):
        _wheel(pen, look, a * x, 0.95 - half, half, spokes)
    if rng.random() < 0.5:
        pen.stroke([(0, -0.7), (-a * 0.22, -0.96), (a * 0.2, -0.98)], look.dark, 0.03)
    else:
        pen.stroke([(-a * 0.1, -0.7), (a * 0.3, -0.98)], look.dark, 0.03)
    top = -0.78 if decks else -0.62
    body = [
        (-a * 0.95, 0.76),
        (-a * 0.97, 0.1),
        (-a * 0.9, top),
        (a * 0.9, top),
        (a * 0.97, 0.1),
        (a * 0.95, 0.76),
    ]

    def livery(inner: Pen) -> None:
        inner.box(-a, -1, a, 0.12, upper)
        rows = ((top + 0.16, -0.44), (-0.24, 0.06)) if decks else ((top + 0.24, 0.02),)
        count = rng.randint(6, 8)
        for y0, y1 in rows:
            for k in range(count):
                x = a * (-0.86 + 1.72 * k / count)
                wide = a * 1.72 / count
                inner.box(
                    x + wide * 0.12, y0, x + wide * 0.88, y1, rng.choice(_GLASS), look.dark, 0.018
                )
                inner.stroke(
                    [(x + wide * 0.12, y0 + 0.08), (x + wide * 0.88, y0 + 0.08)], upper, 0.016
                )
                if rng.random() < 0.3:
                    inner.disc(
                        x + wide / 2, y1 - 0.1, 0.05, rng.choice(((70, 54, 48), (200, 150, 116)))
                    )
        if decks:
            _band(inner, look, rng, (-a, -0.42, a, -0.29))
        glyph_row(
            inner.at(0, top + (0.08 if decks else 0.11), a * 0.46), rng, look.dark, letters=11
        )
        inner.box(-a, 0.12, a, 0.8, paint, look.dark, 0.02)
        _band(inner, look, rng, (-a, 0.14, a, 0.25))
        inner.box(-a, 0.6, a, 0.66, look.light, look.dark, 0.01)
        for side in (-1, 1):
            inner.box(
                side * a * 0.8 - 0.11,
                -0.2,
                side * a * 0.8 + 0.11,
                0.72,
                shade(paint, 0.7),
                look.dark,
                0.018,
            )
            inner.box(
                side * a * 0.8 - 0.07,
                -0.14,
                side * a * 0.8 + 0.07,
                0.2,
                rng.choice(_GLASS),
                look.dark,
                0.012,
            )
        places = [(a * (-0.56 + 0.28 * slot), rng.uniform(0.41, 0.45)) for slot in range(5)]
        _crests(inner, look, 0, places, rng.uniform(0.105, 0.13))

    paint_inside(canvas, mask, body, fill=paint, draw=livery, bend=bend)
    pen.poly(body, None, look.dark, 0.026)
    pen.poly(
        [(-a * 0.8, top), (-a * 0.72, top - 0.1), (a * 0.72, top - 0.1), (a * 0.8, top)],
        shade(paint, 0.7),
        look.dark,
        0.02,
    )
    pen.box(-a * 0.66, 0.74, a * 0.66, 0.82, (84, 82, 86), look.dark, 0.014)
    for side in (-1, 1):
        pen.disc(side * a * 0.93, 0.5, 0.055, (250, 232, 170), look.dark, 0.016)


def _airship(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    bend, a = _bend(look), look.aspect
    pen = full_pen(canvas, mask, bend)
    slim, middle = rng.uniform(0.5, 0.7), rng.uniform(-0.28, -0.2)
    blunt = rng.uniform(0.6, 1.15)
    ribs, seams = rng.randint(7, 14), rng.randint(4, 8)
    row, size = middle + rng.uniform(-0.16, 0.06), rng.uniform(0.12, 0.165)
    skin = mix(look.light, look.colour(0), rng.uniform(0.1, 0.35))
    for sign in (-1, 1):
        fin: list[Point] = [
            (a * 0.6, middle),
            (a * 0.72, middle + sign * 0.62),
            (a * 0.97, middle + sign * 0.66),
            (a * 0.92, middle),
        ]
        pen.poly(fin, look.colour(1), look.dark, 0.022)
        pen.stroke(
            [(a * 0.78, middle + sign * 0.3), (a * 0.93, middle + sign * 0.34)], look.dark, 0.016
        )
    car = rng.uniform(0.26, 0.4)
    gondola = [(-a * car, 0.52), (-a * (car - 0.05), 0.86), (a * 0.18, 0.86), (a * 0.3, 0.52)]
    for x in (-0.3, -0.1, 0.1, 0.26):
        pen.stroke([(a * x, 0.3), (a * x * 0.95, 0.58)], look.dark, 0.014)
    pen.poly(gondola, look.colour(2), look.dark, 0.022)
    for k in range(6):
        x = a * (-0.26 + 0.08 * k)
        pen.box(x, 0.58, x + a * 0.06, 0.7, rng.choice(_GLASS), look.dark, 0.014)
    _band(pen, look, rng, (-a * 0.3, 0.74, a * 0.2, 0.82))
    pen.poly(ring_points(a * 0.36, 0.68, 0.035, 0.2, 10), look.palette[4], look.dark, 0.014)
    upper = [
        (-a * 0.97 + 0.97 * a * (1 - math.cos(t)), -slim * math.sin(t) ** blunt)
        for t in (math.pi * k / 20 for k in range(21))
    ]
    hull = [*[(x, middle + y) for x, y in upper], *[(x, middle - y) for x, y in reversed(upper)]]

    def livery(inner: Pen) -> None:
        inner.box(-a, middle + 0.3, a, 1, shade(skin, 0.8))
        inner.box(-a, -1, a, middle - 0.44, mix(skin, (255, 255, 255), 0.35))
        for k in range(ribs):
            x = a * (-0.88 + 1.8 * k / ribs)
            inner.stroke([(x, -1), (x + 0.02, middle), (x, 1)], shade(skin, 0.68), 0.012)
        for k in range(seams):
            y = middle + slim * (-0.8 + 1.7 * k / seams)
            inner.stroke([(-a, y), (a, y)], shade(skin, 0.84), 0.01)
        _band(inner, look, rng, (-a, middle + 0.22, a, middle + 0.36))
        nose = a * rng.uniform(0.64, 0.74)
        inner.poly(
            [(-a, -1), (-nose, -1), (-nose + 0.06, middle), (-nose, 1), (-a, 1)],
            look.colour(1),
            look.dark,
            0.016,
        )
        glyph_row(inner.at(-a * 0.1, middle - slim * 0.62, a * 0.4), rng, look.dark, letters=9)
        arch = rng.uniform(-0.12, 0.12)
        places = [
            (a * (-0.52 + 0.26 * slot), row + arch * (abs(slot - 2) - 1) / 2) for slot in range(5)
        ]
        _crests(inner, look, 0, places, size)

    paint_inside(canvas, mask, hull, fill=skin, draw=livery, bend=bend)
    pen.poly(hull, None, look.dark, 0.024)
    pen.poly(
        [
            (a * 0.66, middle - 0.05),
            (a * 0.98, middle - 0.12),
            (a * 0.98, middle + 0.12),
            (a * 0.66, middle + 0.05),
        ],
        look.colour(3),
        look.dark,
        0.018,
    )
    pen.stroke([(-a * 0.2, 0.86), (-a * 0.28, 0.97)], look.dark, 0.014)
    pen.stroke([(-a * 0.28, 0.96), (a * 0.1, 0.96)], look.dark, 0.024)


def _coach(canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    bend, a = _bend(look), look.aspect
    pen = full_pen(canvas, mask, bend)
    paint, upper = look.colour(0), mix(look.light, look.colour(1), 0.2)
    pen.box(-a * 0.5, -0.84, a * 0.8, -0.7, shade(paint, 0.7), look.dark, 0.018)
    for k in range(5):  # luggage
        x = a * (-0.44 + 0.24 * k)
        tall = rng.uniform(0.1, 0.2)
        pen.box(x, -0.78 - tall, x + a * 0.19, -0.76, look.colour(k), look.dark, 0.016)
        pen.stroke([(x + a * 0.09, -0.77 - tall), (x + a * 0.09, -0.77)], look.light, 0.018)
    front = rng.uniform(0.5, 0.62)
    body = [
        (-a * 0.96, 0.68),
        (-a * 0.97, 0.1),
        (-a * 0.92, 0.0),
        (-a * front, -0.06),
        (-a * (front - 0.1), -0.66),
        (-a * (front - 0.16), -0.72),
        (a * 0.84, -0.72),
        (a * 0.96, -0.5),
        (a * 0.97, 0.68),
    ]

    def livery(inner: Pen) -> None:
        inner.box(-a, -1, a, 0.02, upper)
        inner.box(-a * (front - 0.16), -0.66, a, -0.6, look.colour(3))
        glyph_row(inner.at(a * 0.2, -0.53, a * 0.5), rng, look.dark, letters=13)
        count = rng.randint(5, 7)
        for k in range(count):
            x0 = a * (-front + 0.16) + a * (0.74 + front) * k / count
            wide = a * (0.74 + front) / count
            inner.box(
                x0 + 0.02, -0.44, x0 + wide * 0.86, -0.04, rng.choice(_GLASS), look.dark, 0.018
            )
            inner.poly(
                [(x0 + 0.03, -0.43), (x0 + wide * 0.4, -0.43), (x0 + 0.03, -0.24)], look.colour(2)
            )
        inner.box(-a, 0.02, a, 0.8, paint)
        _band(inner, look, rng, (-a, 0.03, a, 0.14))
        inner.poly(
            [(-a * front, 0.14), (a, 0.46), (a, 0.62), (-a * front, 0.26)],
            look.colour(1),
            look.dark,
            0.014,
        )
        places = [(a * (-0.4 + 0.2 * slot), rng.uniform(0.32, 0.36)) for slot in range(5)]
        _crests(inner, look, 0, places, rng.uniform(0.085, 0.105))
        for k in range(6):
            inner.stroke(
                [(-a * 0.92 + 0.05 * k, 0.16), (-a * 0.92 + 0.05 * k, 0.46)], look.dark, 0.014
            )

    paint_inside(canvas, mask, body, fill=paint, draw=livery, bend=bend)
    pen.poly(body, None, look.dark, 0.026)
    for x in (-a * 0.66, a * 0.6):
        pen.at(x, 0.66, 1.0).poly(
            arc_points(0, 0, 0.32, math.pi, 2 * math.pi, 14), shade(paint, 0.6), look.dark, 0.02
        )
        _wheel(pen, look, x, 0.7, 0.26, 8)
    pen.disc(-a * 0.95, 0.3, 0.075, (250, 232, 170), look.dark, 0.018)
    pen.box(-a * 0.99, 0.66, -a * 0.86, 0.74, (170, 170, 176), look.dark, 0.014)
    pen.box(a * 0.86, 0.66, a * 0.99, 0.74, (170, 170, 176), look.dark, 0.014)


_Paint = Callable[[Pixels, Pixels, Look, random.Random], None]
_VEHICLES: dict[str, _Paint] = {
    "steam locomotive": _locomotive,
    "tram": _tram,
    "airship": _airship,
    "motor coach": _coach,
}
