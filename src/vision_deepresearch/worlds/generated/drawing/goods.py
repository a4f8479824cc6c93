"""Packaged goods: tins, boxes, bottles, bars and bags, each with a printed label."""

import math
import random

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

_FORMS = {
    "brand of tea": "caddy",
    "brand of biscuits": "box",
    "brand of soap": "wrapper",
    "brand of lemonade": "bottle",
    "brand of tinned fish": "flat tin",
    "brand of ink": "flask",
    "brand of chocolate": "bar",
    "brand of coffee": "bag",
}
_ASPECTS = {
    "caddy": (0.74, 0.82),
    "box": (1.18, 1.34),
    "wrapper": (1.38, 1.5),
    "bottle": (0.56, 0.6),
    "flat tin": (1.36, 1.5),
    "flask": (0.86, 0.94),
    "bar": (1.5, 0.68),
    "bag": (0.7, 0.76),
}


def _form(kind: str) -> str:
    return _FORMS.get(kind, "caddy")


def product_aspects(kind: str) -> tuple[float, ...]:
    """Width over height that a package of this kind may have."""
    return _ASPECTS[_form(kind)]


def paint_product(canvas: Pixels, mask: Pixels, look: Look) -> None:
    """A package from the front; its form follows from the kind of goods."""
    rng = random.Random(look.base_seed)
    pen = full_pen(canvas, mask)
    form = _form(look.kind)
    a = look.aspect
    if form == "caddy":
        _caddy(pen, canvas, mask, look, rng)
    elif form == "box":
        _carton(pen, canvas, mask, look, rng)
    elif form == "bottle":
        _bottle(pen, canvas, mask, look, rng)
    elif form == "flask":
        _flask(pen, canvas, mask, look, rng)
    elif form == "wrapper":
        _wrapper(pen, canvas, mask, look, rng)
    elif form == "flat tin":
        outline = _rounded(-a * 0.97, -0.93, a * 0.97, 0.93, 0.3)
        pen.poly(outline, (186, 188, 190), look.dark, 0.03)
        pen.poly(
            _rounded(-a * 0.94, -0.89, a * 0.94, 0.89, 0.27), (150, 154, 160), (222, 224, 226), 0.02
        )
        inner = _rounded(-a * 0.88, -0.82, a * 0.88, 0.82, 0.24)
        _printed(canvas, mask, inner, look, rng, (-a * 0.88, -0.82, a * 0.88, 0.82))
        pen.poly(_rounded(a * 0.7, -0.98, a * 0.99, -0.62, 0.1), (168, 170, 174), look.dark, 0.02)
        pen.disc(a * 0.845, -0.8, 0.09, (110, 112, 118), look.dark, 0.02)
    elif form == "bar":
        _bar(pen, canvas, mask, look, rng)
    else:
        _bag(pen, canvas, mask, look, rng)


def _rounded(x0: float, y0: float, x1: float, y1: float, radius: float) -> list[Point]:
    half = math.pi / 2
    return [
        *arc_points(x0 + radius, y0 + radius, radius, 2 * half, 3 * half, 6),
        *arc_points(x1 - radius, y0 + radius, radius, 3 * half, 4 * half, 6),
        *arc_points(x1 - radius, y1 - radius, radius, 0, half, 6),
        *arc_points(x0 + radius, y1 - radius, radius, half, 2 * half, 6),
    ]


Area = tuple[float, float, float, float]


def _printed(
    canvas: Pixels, mask: Pixels, outline: list[Point], look: Look, rng: random.Random, area: Area
) -> None:
    paint_inside(
        canvas,
        mask,
        outline,
        fill=look.colour(0),
        draw=lambda pen: _label(pen, look, rng, area),
    )
    full_pen(canvas, mask).poly(outline, None, look.dark, 0.02)


def _label(pen: Pen, look: Look, rng: random.Random, area: Area) -> None:
    """The print on a package: ground, border, medallion with the chief figure, words, small figures."""
    x0, y0, x1, y1 = area
    wide, tall = x1 - x0, y1 - y0
    cx, unit = (x0 + x1) / 2, min(wide, tall)
    ground = look.colour(rng.randrange(4))
    pen.box(x0, y0, x1, y1, ground)
    _pattern(pen, look, rng, area, ground)
    edge, beads = rng.uniform(0.045, 0.08) * unit, rng.randint(12, 24)
    other = look.colour(rng.randrange(4))
    other = look.light if other == ground else other
    for left, top, right, low in (
        (x0, y0, x1, y0 + edge),
        (x0, y1 - edge, x1, y1),
        (x0, y0, x0 + edge, y1),
        (x1 - edge, y0, x1, y1),
    ):
        pen.box(left, top, right, low, other)
    for k in range(beads):
        share = (k + 0.5) / beads
        for y in (y0 + edge / 2, y1 - edge / 2):
            pen.poly(
                ring_points(x0 + wide * share, y, edge * 0.34, edge * 0.34, 4),
                look.light,
                look.dark,
                0.008,
            )
        if tall > 0.9 * wide:
            for x in (x0 + edge / 2, x1 - edge / 2):
                pen.poly(ring_points(x, y0 + tall * share, edge * 0.34, edge * 0.34, 4), look.light)
    is_wide = wide > 1.15 * tall
    medal = rng.uniform(0.26, 0.31) * unit
    middle = (y0 + y1) / 2 + (-0.14 if look.style % 2 == 0 else 0.1) * tall * (
        0.5 if is_wide else 1
    )
    _medallion(pen, look, (cx, middle), medal)
    look.put(pen, 0, cx, middle, medal * 0.74)
    ink = look.light if sum(other) < 420 else look.dark
    band = middle + medal + 0.1 * tall if look.style % 2 == 0 else middle - medal - 0.1 * tall
    band = min(max(band, y0 + 0.16 * tall), y1 - 0.16 * tall)
    half = wide * 0.44
    pen.poly(
        [
            (cx - half, band - 0.075 * tall),
            (cx + half, band - 0.075 * tall),
            (cx + half * 0.95, band),
            (cx + half, band + 0.075 * tall),
            (cx - half, band + 0.075 * tall),
            (cx - half * 0.95, band),
        ],
        other,
        look.dark,
        0.018,
    )
    letters = rng.randint(6, 9) if is_wide else rng.randint(5, 7)
    glyph_row(pen.at(cx, band, half * 0.82), rng, ink, letters=letters)
    spots = [(-0.34, -0.3), (0.34, -0.3), (-0.34, 0.3), (0.34, 0.3)]
    if is_wide:
        spots = [(-0.36, -0.22), (0.36, -0.22), (-0.36, 0.2), (0.36, 0.2)]
    for slot, (x, y) in enumerate(spots):
        over, down = rng.uniform(-0.025, 0.025), rng.uniform(-0.04, 0.04)
        place = (cx + (x + over) * wide, (y0 + y1) / 2 + (y + down) * tall)
        if abs(place[1] - band) < 0.16 * tall:
            place = (place[0], place[1] + (-0.17 if place[1] < band else 0.17) * tall)
        pen.disc(*place, 0.125 * unit, look.light, look.dark, 0.014)
        look.put(pen, slot + 1, *place, 0.098 * unit)
    foot = y1 - 0.105 * tall if look.style % 2 == 0 else y0 + 0.105 * tall
    glyph_row(pen.at(cx, foot, wide * 0.24), rng, look.dark, letters=11)


def _medallion(pen: Pen, look: Look, centre: Point, half: float) -> None:
    x, y = centre
    if look.style in {0, 3}:
        for k in range(18):
            turn = 2 * math.pi * k / 18
            pen.at(x, y, half, turn).poly(
                [(-0.09, -0.9), (0, -1.28), (0.09, -0.9)], look.light, look.dark, 0.03
            )
    elif look.style == 1:
        pen.poly(
            ring_points(x, y, half * 1.25, half * 1.25, 8, math.pi / 8), look.light, look.dark, 0.02
        )
    elif look.style == 2:
        pen.poly(ring_points(x, y, half * 1.4, half * 1.4, 4), look.light, look.dark, 0.02)
    pen.disc(x, y, half, look.light, look.dark, 0.02)
    pen.disc(x, y, half * 0.88, None, look.colour(2), 0.02)


def _pattern(pen: Pen, look: Look, rng: random.Random, area: Area, ground: Colour) -> None:
    x0, y0, x1, y1 = area
    wide, tall = x1 - x0, y1 - y0
    tone = mix(ground, look.light if rng.random() < 0.6 else look.dark, 0.28)
    kind = (look.style + rng.randrange(2)) % 5
    if kind == 0:
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        reach = max(wide, tall)
        for k in range(12):
            turn = 2 * math.pi * k / 12
            pen.poly(
                [
                    (cx, cy),
                    (cx + reach * math.cos(turn), cy + reach * math.sin(turn)),
                    (cx + reach * math.cos(turn + 0.26), cy + reach * math.sin(turn + 0.26)),
                ],
                tone,
            )
    elif kind == 1:
        for k in range(0, 12, 2):
            pen.box(x0 + wide * k / 12, y0, x0 + wide * (k + 1) / 12, y1, tone)
    elif kind == 2:
        for row in range(8):
            for k in range(8):
                x, y = x0 + wide * (k + 0.5 * (row % 2)) / 8, y0 + tall * (row + 0.5) / 8
                pen.poly(ring_points(x, y, wide / 22, tall / 20, 4), tone)
    elif kind == 3:
        for k in range(10):
            y = y0 + tall * k / 10
            wave = [(x0 + wide * j / 16, y + 0.03 * math.sin(1.3 * j + k)) for j in range(17)]
            pen.stroke(wave, tone, 0.03)
    else:
        for k in range(-8, 9):
            x = x0 + wide * k / 8
            pen.poly(
                [(x, y0), (x + 0.1, y0), (x + 0.1 + wide * 0.5, y1), (x + wide * 0.5, y1)], tone
            )


def _caddy(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    metal = shade(look.colour(3), 0.85)
    neck = rng.uniform(0.66, 0.9)
    pen.poly(_rounded(-a * neck, -0.98, a * neck, -0.68, 0.1), metal, look.dark, 0.03)
    pen.box(-a * neck, -0.82, a * neck, -0.76, shade(metal, 1.3), look.dark, 0.012)
    glyph_row(pen.at(0, -0.88, a * 0.4), rng, look.light, letters=7)
    outline = _rounded(-a * 0.96, -0.74, a * 0.96, 0.97, 0.1)
    _printed(canvas, mask, outline, look, rng, (-a * 0.96, -0.74, a * 0.96, 0.97))
    for k in range(9):  # gloss along the tin
        pen.stroke(
            [(-a * 0.86 + 0.006 * k, -0.64), (-a * 0.86 + 0.006 * k, -0.4 + 0.05 * k)],
            mix(look.light, (255, 255, 255), 0.5),
            0.008,
        )


def _carton(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    side = shade(look.colour(1), 0.7)
    depth = rng.uniform(0.14, 0.24)
    pen.poly(
        [(a * 0.97 - depth, -0.74), (a * 0.98, -0.95), (a * 0.98, 0.72), (a * 0.97 - depth, 0.97)],
        shade(side, 0.8),
        look.dark,
        0.02,
    )
    pen.poly(
        [
            (-a * 0.97, -0.74),
            (-a * 0.97 + depth, -0.95),
            (a * 0.98, -0.95),
            (a * 0.97 - depth, -0.74),
        ],
        shade(side, 1.4),
        look.dark,
        0.02,
    )
    for k in range(5):
        pen.poly(
            ring_points(a * 0.975 - depth / 2, -0.55 + 0.3 * k, depth * 0.25, 0.09, 4),
            look.colour(2),
            look.dark,
            0.012,
        )
    front = (-a * 0.97, -0.74, a * 0.97 - depth, 0.97)
    outline = [
        (front[0], front[1]),
        (front[2], front[1]),
        (front[2], front[3]),
        (front[0], front[3]),
    ]
    _printed(canvas, mask, outline, look, rng, front)


def _bottle(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    glass = mix(
        rng.choice(((60, 110, 90), (110, 80, 50), (150, 190, 190), (70, 90, 130))),
        look.colour(0),
        0.2,
    )
    neck, shoulder = rng.uniform(0.24, 0.34) * a, rng.uniform(-0.5, -0.36)
    right = [
        (neck, -0.9),
        (neck * 1.1, -0.66),
        (a * 0.8, shoulder),
        (a * 0.95, shoulder + 0.16),
        (a * 0.95, 0.88),
        (a * 0.84, 0.97),
    ]
    outline = [*[(-x, y) for x, y in reversed(right)], *right]
    pen.poly(outline, glass, look.dark, 0.03)
    pen.poly(_rounded(-neck * 1.2, -0.99, neck * 1.2, -0.84, 0.05), look.colour(1), look.dark, 0.02)
    for k in range(5):
        pen.stroke(
            [(-neck + 0.5 * k * neck, -0.97), (-neck + 0.5 * k * neck, -0.86)], look.dark, 0.012
        )
    for _ in range(12):  # bubbles
        x, y = rng.uniform(-0.7, 0.7) * a, rng.uniform(shoulder + 0.05, -0.2)
        pen.disc(x, y, rng.uniform(0.012, 0.025), mix(glass, (255, 255, 255), 0.5))
    pen.stroke(
        [(-a * 0.7, shoulder + 0.14), (-a * 0.76, 0.9)], mix(glass, (255, 255, 255), 0.55), 0.03
    )
    top = shoulder + 0.24
    area = (-a * 0.93, top, a * 0.93, 0.82)
    body = [(area[0], area[1]), (area[2], area[1]), (area[2], area[3]), (area[0], area[3])]
    _printed(canvas, mask, body, look, rng, area)
    collar = (shoulder - 0.66) / 2
    pen.disc(0, collar + 0.03, 0.14, look.light, look.dark, 0.018)
    look.put(pen, 5, 0, collar + 0.03, 0.1)


def _flask(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    glass = mix(look.dark, look.colour(0), 0.35)
    shoulder = rng.uniform(-0.52, -0.42)
    pen.poly(_rounded(-a * 0.3, -0.98, a * 0.3, -0.72, 0.06), look.colour(1), look.dark, 0.025)
    for k in range(7):
        x = a * (-0.24 + 0.08 * k)
        pen.stroke([(x, -0.95), (x, -0.75)], look.dark, 0.012)
    pen.box(-a * 0.24, -0.74, a * 0.24, shoulder, glass, look.dark, 0.02)
    cut = rng.uniform(0.1, 0.3) * a
    body = [
        (-a * 0.96 + cut, shoulder - 0.06),
        (a * 0.96 - cut, shoulder - 0.06),
        (a * 0.96, shoulder + 0.14),
        (a * 0.96, 0.84),
        (a * 0.86, 0.97),
        (-a * 0.86, 0.97),
        (-a * 0.96, 0.84),
        (-a * 0.96, shoulder + 0.14),
    ]
    pen.poly(body, glass, look.dark, 0.03)
    for side in (-1, 1):
        pen.poly(
            [
                (side * a * 0.92, shoulder + 0.16),
                (side * a * 0.84, shoulder + 0.2),
                (side * a * 0.84, 0.8),
                (side * a * 0.92, 0.82),
            ],
            mix(glass, (255, 255, 255), 0.3),
        )
    area = (-a * 0.82, shoulder + 0.12, a * 0.82, 0.86)
    paper = [(area[0], area[1]), (area[2], area[1]), (area[2], area[3]), (area[0], area[3])]
    _printed(canvas, mask, paper, look, rng, area)


def _bar(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    foil = rng.choice(((206, 206, 210), (214, 186, 112)))
    outline: list[Point] = []
    if a > 1:
        teeth = 9
        outline += [
            (-a * (0.98 if k % 2 else 0.94), -0.94 + 1.88 * k / teeth) for k in range(teeth + 1)
        ][::-1]
        outline += [
            (a * (0.98 if k % 2 else 0.94), -0.94 + 1.88 * k / teeth) for k in range(teeth + 1)
        ]
        area = (-a * 0.82, -0.94, a * 0.82, 0.94)
    else:
        teeth = 7
        outline += [
            (-a * 0.94 + 1.88 * a * k / teeth, -0.98 if k % 2 else -0.94) for k in range(teeth + 1)
        ]
        outline += [
            (-a * 0.94 + 1.88 * a * k / teeth, 0.98 if k % 2 else 0.94) for k in range(teeth + 1)
        ][::-1]
        area = (-a * 0.94, -0.82, a * 0.94, 0.82)
    pen.poly(outline, foil, look.dark, 0.02)
    for k in range(14):
        share = -0.9 + 1.8 * (k + 0.5) / 14
        for side in (-1, 1):
            if a > 1:
                pen.stroke(
                    [(side * a * 0.84, share), (side * a * 0.93, share)], shade(foil, 0.7), 0.012
                )
            else:
                pen.stroke(
                    [(a * share, side * 0.84), (a * share, side * 0.93)], shade(foil, 0.7), 0.012
                )
    paper = [(area[0], area[1]), (area[2], area[1]), (area[2], area[3]), (area[0], area[3])]
    _printed(canvas, mask, paper, look, rng, area)


def _wrapper(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    """A cake of soap in paper: folded ends, a seal at each."""
    a = look.aspect
    paper = mix(look.light, look.colour(2), 0.3)
    pen.poly(_rounded(-a * 0.98, -0.9, a * 0.98, 0.9, 0.36), paper, look.dark, 0.025)
    sleeve_end, seal = rng.uniform(0.62, 0.82), rng.uniform(0.1, 0.17)
    folds = rng.choice(((-0.5, 0.0, 0.5), (-0.3, 0.3), (-0.6, -0.2, 0.2, 0.6), (-0.5, 0.2)))
    for side in (-1, 1):
        for y in folds:
            fold = [
                (side * a * 0.97, y),
                (side * a * sleeve_end, y * 0.8 - 0.1),
                (side * a * sleeve_end, y * 0.8 + 0.1),
            ]
            pen.poly(fold, shade(paper, 0.85), shade(paper, 0.6), 0.012)
        x, y = side * a * (sleeve_end + 0.97) / 2, rng.uniform(-0.25, 0.25)
        pen.poly(ring_points(x, y, seal, seal, 12), look.colour(1), look.dark, 0.018)
        pen.poly(ring_points(x, y, seal * 0.55, seal * 0.55, rng.randint(3, 7)), look.light)
    area = (-a * sleeve_end, -0.88, a * sleeve_end, 0.88)
    sleeve = [(area[0], area[1]), (area[2], area[1]), (area[2], area[3]), (area[0], area[3])]
    _printed(canvas, mask, sleeve, look, rng, area)


def _bag(pen: Pen, canvas: Pixels, mask: Pixels, look: Look, rng: random.Random) -> None:
    a = look.aspect
    cloth = mix(look.light, look.colour(1), rng.uniform(0.2, 0.5))
    left = [(-a * 0.86, -0.9), (-a * 0.9, -0.7), (-a * 0.97, -0.2), (-a * 0.93, 0.97)]
    outline = [*reversed(left), *[(-x, y) for x, y in left]]
    pen.poly(outline, cloth, look.dark, 0.03)
    pen.poly(
        [(-a * 0.88, -0.97), (a * 0.88, -0.97), (a * 0.9, -0.74), (-a * 0.9, -0.74)],
        shade(look.colour(1), 0.8),
        look.dark,
        0.025,
    )
    beads, sides = rng.randint(6, 13), rng.choice((3, 4, 4, 6, 12))
    for k in range(beads):
        x = a * (-0.84 + 1.68 * (k + 0.5) / beads)
        pen.poly(ring_points(x, -0.855, 0.05, 0.07, sides), look.light, look.dark, 0.012)
    for side in (-1, 1):
        pen.stroke(
            [(side * a * 0.86, -0.7), (side * a * 0.7, 0.1), (side * a * 0.84, 0.95)],
            shade(cloth, 0.72),
            0.02,
        )
    wide = a * rng.uniform(0.66, 0.8)
    area = (-wide, rng.uniform(-0.66, -0.5), wide, rng.uniform(0.72, 0.88))
    paper = _rounded(*area, 0.12)
    _printed(canvas, mask, paper, look, rng, area)
