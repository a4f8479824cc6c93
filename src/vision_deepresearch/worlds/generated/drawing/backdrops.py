"""What stands around the things of a scene: five settings, their clutter, and what hides parts.

Backdrops are painted at half size and enlarged, which is also their depth blur.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from vision_deepresearch.worlds.generated.drawing.clutter import (
    BRIGHT,
    LINE,
    SMALL,
    pennants,
    person,
)
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    arc_points,
    full_pen,
    gradient,
    mix,
    ring_points,
    shade,
)

_DUSK: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((96, 148, 190), (186, 210, 216), (246, 228, 196)),
    ((92, 104, 158), (222, 160, 150), (250, 214, 160)),
    ((120, 170, 186), (206, 220, 206), (250, 238, 206)),
    ((128, 138, 160), (190, 196, 200), (230, 222, 208)),
)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Where a kind of clutter stands; heights from -1 (top) to 1, sizes in half picture heights."""

    weight: int
    kinds: tuple[str, ...]
    """Of `clutter.SMALL`."""
    top: float
    bottom: float
    small: float
    """Size at `top`."""
    large: float
    """Size at `bottom`: what stands nearer is larger."""
    upright: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one layout is painted."""

    backdrop: Callable[[int, int, random.Random], Pixels]
    """Width, height: the picture at that size."""
    scatters: tuple[Scatter, ...]
    strings: int = 0
    """Strings of pennants overhead, at most."""
    has_posts: bool = True
    """Whether street lamps may stand there."""
    ground: float = 1.0
    """Height on which people stand who hide something."""


# --------------------------------------------------------------------------------------- backdrops


def _street(width: int, height: int, rng: random.Random) -> Pixels:
    sky = rng.choice(_DUSK)
    ground = gradient(width, height, [(0, sky[0]), (0.4, sky[1]), (0.62, sky[2]), (1, sky[2])])
    pen, a = full_pen(ground), width / height
    _clouds(pen, a, sky, rng)
    x = -a - rng.uniform(0, 0.2)
    while x < a:
        wide, top = rng.uniform(0.24, 0.42), rng.uniform(-0.28, 0.02)
        wall = mix(sky[2], rng.choice(BRIGHT), rng.uniform(0.22, 0.42))
        roof = mix(shade(wall, 0.6), (150, 70, 56), 0.4)
        pen.poly([(x, top), (x + wide / 2, top - rng.uniform(0.06, 0.24)), (x + wide, top)], roof)
        pen.box(x, top, x + wide, 0.4, wall)
        for row in range(3):
            for k in range(3):
                left, up = x + wide * (0.14 + 0.28 * k), top + 0.06 + 0.15 * row
                glass = rng.choice(((250, 216, 140), shade(wall, 0.62), shade(wall, 0.5)))
                pen.box(left, up, left + wide * 0.16, up + 0.085, glass, shade(wall, 1.15), 0.008)
        x += wide
    _floor(pen, a, 0.32, (186, 172, 152), (122, 112, 104), rng, tiles=True)
    return ground


def _harbour(width: int, height: int, rng: random.Random) -> Pixels:
    sky = rng.choice(_DUSK)
    ground = gradient(width, height, [(0, sky[0]), (0.35, sky[1]), (0.5, sky[2]), (1, sky[2])])
    pen, a = full_pen(ground), width / height
    pen.disc(a * rng.uniform(-0.6, 0.6), -0.25, 0.16, mix(sky[2], (255, 255, 240), 0.7))
    _clouds(pen, a, sky, rng)
    for layer in range(3):
        tone = mix(sky[1], (62, 86, 96), 0.22 + 0.2 * layer)
        base = -0.14 + 0.07 * layer
        ridge = [(a * (-1.05 + 0.15 * k), base - rng.uniform(0, 0.16)) for k in range(15)]
        pen.poly([*ridge, (a * 1.1, 0.2), (-a * 1.1, 0.2)], tone)
    sea = rng.choice(((54, 104, 126), (60, 116, 118), (70, 98, 128)))
    top = round(height * 0.5)
    ground[top:] = gradient(
        width, height - top, [(0, mix(sea, sky[2], 0.5)), (0.5, sea), (1, shade(sea, 0.8))]
    )
    for _ in range(90):
        y = 0.02 + 0.7 * rng.random() ** 1.5
        x, long = rng.uniform(-a, a), 0.05 + 0.16 * y
        pen.stroke(
            [(x, y), (x + long / 2, y + 0.01), (x + long, y)],
            mix(sea, (255, 255, 255), rng.uniform(0.15, 0.5)),
            0.006 + 0.008 * y,
        )
    pen.box(-a, 0.76, a, 1, (150, 140, 128))
    pen.box(-a, 0.74, a, 0.79, (186, 176, 160))
    for k in range(26):
        x = -a + 2 * a * k / 25
        pen.stroke([(x * 0.9, 0.79), (x * 1.15, 1)], (122, 112, 104), 0.008)
    return ground


def _market(width: int, height: int, rng: random.Random) -> Pixels:
    wall = rng.choice(((196, 164, 132), (166, 150, 140), (176, 148, 150)))
    ground = gradient(
        width, height, [(0, shade(wall, 0.75)), (0.5, shade(wall, 1.1)), (1, shade(wall, 0.8))]
    )
    pen, a = full_pen(ground), width / height
    for k in range(5):
        x = a * (-1 + 0.5 * k)
        pen.poly(
            [
                (x - 0.18, 0.4),
                (x - 0.18, -0.3),
                *arc_points(x, -0.3, 0.18, math.pi, 2 * math.pi, 10),
                (x + 0.18, 0.4),
            ],
            shade(wall, 0.62),
        )
    stripes = rng.sample(BRIGHT, 2)
    for k in range(18):
        x0, x1 = a * (-1.1 + 2.2 * k / 18), a * (-1.1 + 2.2 * (k + 1) / 18)
        colour = stripes[0] if k % 2 else (246, 238, 222)
        pen.poly(
            [(x0 * 0.9, -1), (x1 * 0.9, -1), (x1, -0.76), ((x0 + x1) / 2, -0.7), (x0, -0.76)],
            colour,
        )
        pen.poly(
            [(x0, -0.8), (x1, -0.8), (x1, -0.76), ((x0 + x1) / 2, -0.7), (x0, -0.76)],
            shade(colour, 0.82),
        )
    for x in (-0.98, 0.0, 0.98):
        pen.box(a * x - 0.025, -0.8, a * x + 0.025, 0.9, (104, 76, 54))
    _floor(pen, a, 0.62, (150, 132, 116), (104, 92, 84), rng, tiles=True)
    pen.poly([(-a, 0.5), (a, 0.5), (a, 0.6), (-a, 0.6)], (182, 136, 88))
    pen.box(-a, 0.6, a, 0.9, (130, 92, 60))
    for k in range(24):
        x = a * (-1 + k / 12)
        pen.stroke([(x, 0.6), (x, 0.9)], (104, 72, 48), 0.01)
    cloth = stripes[1]
    for k in range(16):
        x = a * (-1 + k / 8)
        pen.poly(
            [(x, 0.58), (x + a / 8, 0.58), (x + a / 16, 0.7)], cloth if k % 2 else shade(cloth, 1.2)
        )
    return ground


def _museum(width: int, height: int, rng: random.Random) -> Pixels:
    wall = rng.choice(((118, 56, 58), (62, 84, 92), (84, 96, 82), (196, 186, 168), (72, 72, 96)))
    ground = gradient(
        width, height, [(0, shade(wall, 0.8)), (0.4, shade(wall, 1.12)), (1, shade(wall, 0.9))]
    )
    pen, a = full_pen(ground), width / height
    for k in range(15):
        for row in range(9):
            x, y = a * (-1 + (k + 0.5 * (row % 2)) / 7), -0.92 + 0.2 * row
            pen.poly(ring_points(x, y, 0.03, 0.045, 4), shade(wall, 0.92))
    pen.box(-a, -1, a, -0.9, (226, 216, 196))
    pen.box(-a, -0.9, a, -0.87, (168, 150, 116))
    pen.box(-a, 0.7, a, 0.78, (224, 214, 196))
    _floor(pen, a, 0.78, (170, 122, 78), (112, 76, 50), rng, tiles=False)
    for k in range(4):
        x = a * (-0.75 + 0.5 * k)
        glow = np.zeros(ground.shape[:2], np.uint8)
        full_pen(np.zeros_like(ground), glow).poly(
            [(x - 0.05, -0.9), (x + 0.05, -0.9), (x + 0.5, 0.6), (x - 0.5, 0.6)], (255, 255, 255)
        )
        soft = cv2.GaussianBlur(glow, (0, 0), 14)
        ground[:] = cv2.add(ground, cv2.cvtColor((soft * 0.1).astype(np.uint8), cv2.COLOR_GRAY2RGB))
        pen.poly(
            [(x - 0.04, -0.9), (x + 0.04, -0.9), (x + 0.06, -0.82), (x - 0.06, -0.82)], (50, 48, 50)
        )
    return ground


def _poster_wall(width: int, height: int, rng: random.Random) -> Pixels:
    brick = rng.choice(((150, 84, 66), (168, 116, 92), (128, 118, 110), (140, 96, 84)))
    ground = gradient(width, height, [(0, shade(brick, 0.72)), (1, shade(brick, 0.6))])
    pen, a = full_pen(ground), width / height
    rows = 26
    for row in range(rows):
        y0 = -1 + 1.9 * row / rows
        for k in range(20):
            x0 = a * (-1.06 + 2.12 * (k + 0.5 * (row % 2)) / 19)
            pen.box(
                x0,
                y0,
                x0 + 2.12 * a / 19 - 0.012,
                y0 + 1.9 / rows - 0.012,
                shade(brick, rng.uniform(0.86, 1.12)),
            )
    _floor(pen, a, 0.9, (140, 134, 128), (100, 96, 94), rng, tiles=True)
    for _ in range(4):
        x, y = rng.uniform(-a, a), rng.uniform(-0.8, 0.6)
        pen.box(
            x,
            y,
            x + rng.uniform(0.3, 0.6),
            y + rng.uniform(0.2, 0.4),
            mix(brick, (220, 210, 196), rng.uniform(0.2, 0.5)),
        )
    return ground


def _clouds(pen: Pen, a: float, sky: tuple[Colour, Colour, Colour], rng: random.Random) -> None:
    for _ in range(6):
        x, y, size = rng.uniform(-a, a), rng.uniform(-0.95, -0.45), rng.uniform(0.5, 1.2)
        for k in range(5):
            pen.poly(
                ring_points(x + 0.13 * k * size, y - 0.03 * (k % 2), 0.15 * size, 0.04 * size, 16),
                mix(sky[0], (255, 255, 255), 0.5),
            )


def _floor(
    pen: Pen, a: float, top: float, near: Colour, far: Colour, rng: random.Random, *, tiles: bool
) -> None:
    """A ground plane that runs to a vanishing point in the middle."""
    steps = 7
    for k in range(steps):
        y0, y1 = top + (1 - top) * (k / steps) ** 1.7, top + (1 - top) * ((k + 1) / steps) ** 1.7
        pen.box(-a, y0, a, y1 + 0.01, mix(far, near, (k + 1) / steps))
        if tiles:
            pen.stroke([(-a, y0), (a, y0)], shade(far, 0.85), 0.006)
    for k in range(-14, 15):
        tone = shade(mix(far, near, 0.4), rng.uniform(0.78, 0.95))
        pen.stroke([(k * 0.16 * a, top), (k * 0.36 * a, 1)], tone, 0.007)


# ---------------------------------------------------------------------------------------- settings


def scatter_clutter(
    pen: Pen, aspect: float, setting: Setting, count: int, rng: random.Random
) -> None:
    """Draw small things, the far ones first; `pen` spans the picture's height."""
    for _ in range(rng.randint(0, setting.strings)):
        x, wide = rng.uniform(-0.4, 0.4) * aspect, rng.uniform(0.7, 1.1) * aspect
        pennants(pen.at(x, rng.uniform(-0.98, -0.62), wide), rng)
    weights = [scatter.weight for scatter in setting.scatters]
    chosen = rng.choices(setting.scatters, weights, k=count)
    spots = sorted(
        ((rng.uniform(one.top, one.bottom), number, one) for number, one in enumerate(chosen)),
        key=lambda spot: spot[:2],
    )
    for y, _, one in spots:
        share = (y - one.top) / max(one.bottom - one.top, 1e-6)
        size = (one.small + (one.large - one.small) * share) * rng.uniform(0.85, 1.15)
        turn = 0.0 if one.upright else rng.uniform(-0.2, 0.2)
        x = rng.uniform(-aspect, aspect)
        SMALL[rng.choice(one.kinds)](pen.at(x, y - (size if one.upright else 0), size, turn), rng)


_STALL = ("fruit", "bottle", "jar", "fruit", "fruit")
SETTINGS: dict[str, Setting] = {
    "street": Setting(
        backdrop=_street,
        scatters=(
            Scatter(
                3, ("person", "person", "plant", "carton"), 0.4, 0.62, 0.06, 0.09, upright=True
            ),
            Scatter(4, ("person", "plant", "carton", "jar"), 0.7, 1.0, 0.09, 0.14, upright=True),
            Scatter(3, ("paper", "sticker", "miniature"), -0.02, 0.26, 0.03, 0.045),
            Scatter(2, ("gull",), -0.9, -0.3, 0.025, 0.04),
        ),
        strings=3,
        ground=0.9,
    ),
    "harbour": Setting(
        backdrop=_harbour,
        scatters=(
            Scatter(3, ("gull",), -0.95, -0.1, 0.025, 0.05),
            Scatter(3, ("boat", "buoy", "gull"), 0.06, 0.62, 0.022, 0.06),
            Scatter(
                5,
                ("carton", "person", "carton", "jar", "plant"),
                0.82,
                1.02,
                0.07,
                0.1,
                upright=True,
            ),
            Scatter(2, ("sticker", "paper"), 0.84, 0.98, 0.035, 0.05),
        ),
        strings=2,
        ground=1.0,
    ),
    "market": Setting(
        backdrop=_market,
        scatters=(
            Scatter(6, _STALL, 0.55, 0.62, 0.045, 0.07, upright=True),
            Scatter(
                4,
                ("carton", "fruit", "jar", "plant", "person"),
                0.86,
                1.04,
                0.09,
                0.13,
                upright=True,
            ),
            Scatter(3, ("paper", "sticker", "miniature"), -0.5, 0.35, 0.03, 0.055),
        ),
        strings=2,
        has_posts=False,
        ground=1.05,
    ),
    "museum": Setting(
        backdrop=_museum,
        scatters=(
            Scatter(5, ("miniature", "paper", "miniature"), -0.8, 0.62, 0.035, 0.055),
            Scatter(1, ("person", "person", "plant"), 0.84, 1.02, 0.13, 0.19, upright=True),
        ),
        has_posts=False,
        ground=1.05,
    ),
    "poster_wall": Setting(
        backdrop=_poster_wall,
        scatters=(
            Scatter(7, ("paper", "sticker", "paper", "miniature"), -0.95, 0.82, 0.035, 0.06),
            Scatter(2, ("plant", "carton", "person"), 0.92, 1.04, 0.1, 0.15, upright=True),
        ),
        strings=1,
        ground=1.05,
    ),
}


# --------------------------------------------------------------------------------------- occluders


def hide_part(
    pen: Pen, ground: float, *, setting: Setting, is_low: bool, rng: random.Random
) -> None:
    """Draw something before a thing that fills the pen's unit square; it hides a part.

    Args:
        pen: centred on the thing, a unit being half its longer side.
        ground: how far below the centre people stand, in the pen's units.
        setting: decides what may stand there.
        is_low: whether the thing stands near the ground: then somebody may pass before it.
        rng: decides what and where.
    """
    draw = rng.random()
    if is_low and draw < 0.6:
        tall = max(0.75, min(1.15, ground / 2))
        side = rng.choice((-1, 1)) * rng.uniform(0.5, 0.75)
        person(pen.at(side, min(ground, 1.5) - tall, tall), rng)
    elif is_low and draw < 0.8 and setting.has_posts:
        x = rng.choice((-0.6, 0.6))
        pen.box(x - 0.05, -1.1, x + 0.05, max(ground, 1.1), (64, 62, 66), LINE, 0.02)
        pen.poly(ring_points(x, -1.15, 0.17, 0.2, 8), (250, 222, 150), LINE, 0.04)
        pen.box(x - 0.11, -0.95, x + 0.11, -0.9, (64, 62, 66))
    elif draw < 0.5:
        _foliage(pen, rng)
    else:
        _lights(pen, rng)


def _foliage(pen: Pen, rng: random.Random) -> None:
    side = rng.choice((-1, 1))
    pen.stroke([(side * 1.15, -1.2), (side * 0.95, -0.4), (side * 1.05, 0.9)], (70, 84, 56), 0.05)
    for k in range(12):
        y = -1.1 + 0.17 * k
        turn = rng.uniform(-0.7, 0.7) + (math.pi if (k % 3) * side > 0 else 0.0)
        leaf = pen.at(side * (1.02 + 0.06 * (k % 2)), y, 0.48, turn)
        green = mix((60, 108, 70), (120, 150, 84), rng.random())
        leaf.poly([(0, 0), (0.4, -0.24), (1, 0), (0.4, 0.24)], green, LINE, 0.03)
        leaf.stroke([(0, 0), (0.9, 0)], shade(green, 0.7), 0.03)


def _lights(pen: Pen, rng: random.Random) -> None:
    drop, sag = rng.uniform(-0.75, 0.1), rng.uniform(0.15, 0.3)
    line = [(-1.3 + 0.2 * k, drop + sag * math.sin(math.pi * k / 13)) for k in range(14)]
    pen.stroke(line, LINE, 0.025)
    for k, (x, y) in enumerate(line[1::2]):
        pen.poly(
            ring_points(x, y + 0.12, 0.1, 0.13, 12),
            mix(BRIGHT[k % 8], (255, 236, 180), 0.4),
            LINE,
            0.03,
        )
