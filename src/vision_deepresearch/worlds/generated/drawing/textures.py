"""Materials: brick, planks, cobbles, plaster, cloth, water, rows of books and house fronts.

A neutral material is light and dark around 128, to be multiplied with a colour; a coloured one is
painted as it is. All are made once per process from fixed seeds and kept: 24 MB at most.
"""

import math
import random
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from vision_deepresearch.worlds.generated.drawing.motifs import MOTIF_NAMES, Ink, draw_motif
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pixels,
    arc_points,
    blank,
    full_pen,
    mix,
    ring_points,
    shade,
)

SIDE = 256
"""Pixels of a texture's side."""
VARIANTS = 4
Grey = npt.NDArray[np.float32]


@lru_cache(maxsize=96)
def texture(name: str, variant: int) -> Pixels:
    """A material (SIDE, SIDE, 3); read-only.

    Raises:
        KeyError: no such material.
    """
    rng = np.random.default_rng([97, variant, *name.encode()])
    if name in _COLOURED:
        pixels = _COLOURED[name](random.Random(int(rng.integers(1 << 30))))
    else:
        grey = np.clip(_NEUTRAL[name](rng), 0, 255).astype(np.uint8)
        pixels = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    pixels.setflags(write=False)
    return pixels


def is_coloured(name: str) -> bool:
    """Whether a material brings its own colours."""
    return name in _COLOURED


def cloudy(rng: np.random.Generator, slope: float, across: float = 1.0, down: float = 1.0) -> Grey:
    """Periodic noise of deviation 1 whose energy falls with frequency; stretched by factors."""
    fy = np.fft.fftfreq(SIDE)[:, None] * SIDE * down
    fx = np.fft.rfftfreq(SIDE)[None, :] * SIDE * across
    power = 1.0 / np.maximum(np.hypot(fy, fx), 1.0) ** slope
    power[0, 0] = 0.0
    phase = rng.uniform(0, 2 * math.pi, power.shape)
    field = np.fft.irfft2(power * np.exp(1j * phase), (SIDE, SIDE))
    return (field / field.std()).astype(np.float32)


def _plaster(rng: np.random.Generator) -> Grey:
    return 128 + 7 * cloudy(rng, 1.5) + 3 * cloudy(rng, 0.3)


def _courses(
    rng: np.random.Generator, rows: int, columns: int, *, mortar: int, spread: float
) -> Grey:
    grey = np.full((SIDE, SIDE), 150.0, np.float32)
    tall, wide = SIDE // rows, SIDE // columns
    for row in range(rows):
        shift = (row % 2) * wide // 2
        for column in range(columns):
            tone = 126 + spread * float(rng.normal())
            for start in (column * wide + shift, column * wide + shift - SIDE):
                left, right = max(0, start + mortar), min(SIDE, start + wide)
                if left < right:
                    grey[row * tall + mortar : (row + 1) * tall, left:right] = tone
                    grey[row * tall + mortar, left:right] = tone + 14
                    grey[(row + 1) * tall - 1, left:right] = tone - 22
    return grey + 6 * cloudy(rng, 0.8) + 4 * cloudy(rng, 1.6)


def _brick(rng: np.random.Generator) -> Grey:
    return _courses(rng, 16, 8, mortar=2, spread=10)


def _ashlar(rng: np.random.Generator) -> Grey:
    return _courses(rng, 4, 2, mortar=2, spread=5)


def _tiles(rng: np.random.Generator) -> Grey:
    rows, columns = np.indices((SIDE, SIDE)) // (SIDE // 4)
    grey = np.where((rows + columns) % 2 == 0, 142.0, 112.0).astype(np.float32)
    lines = (np.indices((SIDE, SIDE)) % (SIDE // 4) < 2).any(axis=0)
    grey[lines] = 96
    return grey + 4 * cloudy(rng, 1.2)


def _planks(rng: np.random.Generator) -> Grey:
    grain = cloudy(rng, 0.9, across=0.06)
    grey = np.zeros((SIDE, SIDE), np.float32)
    count = 8
    tall = SIDE // count
    for k in range(count):
        part = slice(k * tall, (k + 1) * tall)
        grey[part] = (
            126 + 9 * float(rng.normal()) + 8 * np.roll(grain[part], int(rng.integers(SIDE)), 1)
        )
        grey[k * tall] = 78
        grey[k * tall + 1] = 146
        joint = int(rng.integers(SIDE))
        grey[part, joint : joint + 2] = 84
    return grey


def _boards(rng: np.random.Generator) -> Grey:
    return np.ascontiguousarray(_planks(rng).T)


def _cobbles(rng: np.random.Generator) -> Grey:
    count = 11
    step = SIDE / count
    nearest = np.full((SIDE, SIDE), 1e9, np.float32)
    second = nearest.copy()
    tone = np.zeros((SIDE, SIDE), np.float32)
    ys, xs = np.indices((SIDE, SIDE)).astype(np.float32)
    for row in range(count):
        for column in range(count):
            x = (column + 0.5 * (row % 2) + rng.uniform(0.25, 0.75)) * step
            y = (row + rng.uniform(0.3, 0.7)) * step
            dx = np.abs(xs - x % SIDE)
            dy = np.abs(ys - y)
            away = np.hypot(np.minimum(dx, SIDE - dx), np.minimum(dy, SIDE - dy))
            closer = away < nearest
            second = np.where(closer, nearest, np.minimum(second, away))
            tone = np.where(closer, float(rng.normal()), tone)
            nearest = np.where(closer, away, nearest)
    gap = np.clip((second - nearest) / 5, 0, 1)
    grey = 94 + 46 * gap + 9 * tone * gap - 0.8 * nearest + 4 * cloudy(rng, 0.6)
    return np.asarray(grey, np.float32)


def _wallpaper(rng: np.random.Generator) -> Grey:
    ys, xs = np.indices((SIDE, SIDE)).astype(np.float32) * (2 * math.pi / 64)
    figure = np.cos(xs) * np.cos(ys) + 0.45 * np.cos(2 * xs + 0.6 * np.sin(ys)) * np.cos(ys)
    soft = np.tanh(3.0 * (figure - 0.15))
    return 126 + 7 * soft.astype(np.float32) + 2 * cloudy(rng, 0.4) + 3 * cloudy(rng, 1.8)


def _cloth(rng: np.random.Generator) -> Grey:
    ys, xs = np.indices((SIDE, SIDE))
    weave = np.where((xs + ys) % 4 < 2, 3.0, -3.0).astype(np.float32)
    return 128 + weave + 10 * cloudy(rng, 1.6, across=1.0, down=0.15)


def _drape(rng: np.random.Generator) -> Grey:
    xs = np.arange(SIDE, dtype=np.float32)[None, :] * (2 * math.pi / SIDE)
    folds = np.sin(5 * xs + 1.2 * np.sin(2 * xs)) + 0.4 * np.sin(11 * xs)
    return np.asarray(126 + 17 * folds + np.zeros((SIDE, 1)) + 3 * cloudy(rng, 0.6), np.float32)


def _water(rng: np.random.Generator) -> Grey:
    return 126 + 15 * cloudy(rng, 1.2, across=0.25) + 6 * cloudy(rng, 0.6, across=0.35)


def _grass(rng: np.random.Generator) -> Grey:
    return 126 + 12 * cloudy(rng, 0.7, down=0.5) + 8 * cloudy(rng, 1.8)


def _gravel(rng: np.random.Generator) -> Grey:
    return 124 + 16 * cloudy(rng, 0.35) + 6 * cloudy(rng, 1.6)


def _grain(rng: np.random.Generator) -> Grey:
    return np.asarray(128 + 3.0 * cloudy(rng, 1.7) + 1.4 * cloudy(rng, 0.5), np.float32)


_NEUTRAL: dict[str, Callable[[np.random.Generator], Grey]] = {
    "plaster": _plaster,
    "brick": _brick,
    "ashlar": _ashlar,
    "tiles": _tiles,
    "planks": _planks,
    "boards": _boards,
    "cobbles": _cobbles,
    "wallpaper": _wallpaper,
    "cloth": _cloth,
    "drape": _drape,
    "water": _water,
    "grass": _grass,
    "gravel": _gravel,
    "grain": _grain,
}

_SPINES: tuple[Colour, ...] = (
    (126, 52, 44),
    (52, 74, 92),
    (76, 92, 66),
    (150, 112, 62),
    (92, 62, 84),
    (186, 164, 128),
    (64, 54, 50),
    (140, 84, 52),
)
_WALLS: tuple[Colour, ...] = (
    (222, 198, 160),
    (196, 152, 128),
    (186, 196, 178),
    (170, 176, 190),
    (226, 214, 194),
    (204, 168, 140),
    (178, 150, 150),
)


def _books(rng: random.Random) -> Pixels:
    """One shelf of spines; the board is its lowest part."""
    pixels = blank(SIDE, SIDE, (44, 34, 30))
    pen = full_pen(pixels)
    x = -1.0
    while x < 1:
        wide, top = rng.uniform(0.05, 0.12), rng.uniform(-0.84, -0.45)
        colour = shade(rng.choice(_SPINES), rng.uniform(0.7, 1.1))
        pen.box(x, top, x + wide, 0.86, colour)
        pen.box(x, top, x + wide * 0.25, 0.86, shade(colour, 1.2))
        pen.box(x + wide * 0.85, top, x + wide, 0.86, shade(colour, 0.6))
        for k in range(2):
            y = top + 0.16 + 0.7 * k
            pen.box(x + wide * 0.1, y, x + wide * 0.9, y + 0.06, mix(colour, (232, 196, 120), 0.6))
        x += wide + 0.006
    pen.box(-1, 0.86, 1, 1, (112, 78, 52))
    pen.box(-1, 0.86, 1, 0.89, (158, 116, 78))
    return pixels


def _facade(rng: random.Random) -> Pixels:
    """Fronts of two houses, ground floors with shops; stands on its lower edge."""
    pixels = blank(SIDE, SIDE, (90, 80, 76))
    pen = full_pen(pixels)
    for left in (-1.0, 0.0):
        wall = rng.choice(_WALLS)
        top = -1.0
        pen.box(left, top, left + 1, 1, wall)
        pen.box(left + 0.96, top, left + 1, 1, shade(wall, 0.72))
        for y in (-0.98, -0.42, 0.16):
            pen.box(left, y, left + 1, y + 0.04, shade(wall, 1.14))
            pen.box(left, y + 0.04, left + 1, y + 0.06, shade(wall, 0.78))
        kind, shutter = rng.randrange(3), shade(rng.choice(_SPINES), 1.1)
        for row in range(2):
            for k in range(3):
                x, y = left + 0.17 + 0.32 * k, -0.68 + 0.57 * row
                pen.box(x - 0.085, y - 0.17, x + 0.085, y + 0.2, shade(wall, 1.2))
                glass = rng.choice(((70, 84, 98), (88, 104, 116), (236, 204, 138)))
                pen.box(x - 0.065, y - 0.14, x + 0.065, y + 0.18, glass)
                pen.stroke([(x, y - 0.14), (x, y + 0.18)], shade(wall, 1.15), 0.018)
                pen.stroke([(x - 0.065, y), (x + 0.065, y)], shade(wall, 1.15), 0.018)
                if kind == 0:
                    for side in (-1, 1):
                        pen.box(
                            x + side * 0.125 - 0.035,
                            y - 0.16,
                            x + side * 0.125 + 0.035,
                            y + 0.19,
                            shutter,
                        )
                elif kind == 1:
                    pen.box(x - 0.1, y + 0.2, x + 0.1, y + 0.25, (124, 84, 60))
                    for j in range(5):
                        pen.disc(
                            x - 0.08 + 0.04 * j,
                            y + 0.18,
                            0.028,
                            rng.choice(((196, 84, 84), (96, 136, 84), (226, 176, 96))),
                        )
        pen.box(left + 0.05, 0.32, left + 0.62, 0.86, (62, 70, 78), shade(shutter, 0.7), 0.03)
        pen.poly(
            [(left + 0.08, 0.82), (left + 0.3, 0.36), (left + 0.4, 0.36), (left + 0.18, 0.82)],
            (96, 106, 112),
        )
        pen.box(left + 0.72, 0.34, left + 0.92, 1, shade(shutter, 0.8), shade(shutter, 0.5), 0.02)
        tone = rng.choice(_SPINES)
        for k in range(8):
            x = left + 0.03 + 0.076 * k
            pen.poly(
                [(x, 0.26), (x + 0.076, 0.26), (x + 0.076, 0.4), (x + 0.038, 0.43), (x, 0.4)],
                shade(tone, 1.5) if k % 2 else (236, 226, 206),
            )
        pen.box(left, 0.9, left + 0.7, 1, shade(wall, 0.7))
    noise = texture("plaster", 0)
    return np.asarray(cv2.multiply(pixels, noise, scale=1 / 128), np.uint8)


def _goods(rng: random.Random) -> Pixels:
    """A shelf of nameless tins and bottles, dim: what stands behind the goods in front."""
    pixels = blank(SIDE, SIDE, (58, 46, 40))
    pen = full_pen(pixels)
    x = -1.0
    while x < 1:
        wide, tall = rng.uniform(0.09, 0.16), rng.uniform(0.6, 1.3)
        colour = mix(rng.choice(_SPINES), (70, 56, 48), 0.35)
        top = 0.84 - tall
        if rng.random() < 0.5:
            pen.box(x, top, x + wide, 0.84, colour)
            pen.box(x, top, x + wide, top + 0.08, shade(colour, 1.25))
        else:
            pen.poly(
                [
                    (x, 0.84),
                    (x, top + 0.4),
                    (x + wide * 0.35, top + 0.25),
                    (x + wide * 0.35, top),
                    (x + wide * 0.65, top),
                    (x + wide * 0.65, top + 0.25),
                    (x + wide, top + 0.4),
                    (x + wide, 0.84),
                ],
                colour,
            )
        pen.box(x + wide * 0.12, 0.3, x + wide * 0.88, 0.62, mix(colour, (220, 204, 176), 0.4))
        x += wide + 0.02
    pen.box(-1, 0.84, 1, 1, (118, 84, 56))
    pen.box(-1, 0.84, 1, 0.87, (160, 120, 82))
    return pixels


def _drawers(rng: random.Random) -> Pixels:
    """Drawers of a cabinet with brass pulls and labels."""
    wood = (112, 74, 48)
    pixels = np.asarray(
        cv2.multiply(blank(SIDE, SIDE, wood), texture("planks", 1), scale=1 / 128), np.uint8
    )
    pen = full_pen(pixels)
    for row in range(3):
        for k in range(2):
            x, y = -1 + k, -1 + 0.667 * row
            pen.box(x + 0.04, y + 0.04, x + 0.96, y + 0.62, None, shade(wood, 0.55), 0.03)
            pen.box(x + 0.07, y + 0.07, x + 0.93, y + 0.59, None, shade(wood, 1.3), 0.014)
            pen.box(x + 0.36, y + 0.16, x + 0.64, y + 0.28, (226, 212, 180))
            pen.poly(arc_points(x + 0.5, y + 0.38, 0.1, 0, math.pi, 9), (206, 170, 96))
    _ = rng
    return pixels


def _vault(rng: random.Random) -> Pixels:
    """Glass between iron ribs, seen from below."""
    sky = rng.choice(((176, 198, 206), (206, 204, 190), (160, 176, 196)))
    pixels = blank(SIDE, SIDE, sky)
    pen = full_pen(pixels)
    for k in range(8):
        pen.box(-1 + 0.25 * k, -1, -0.985 + 0.25 * k, 1, shade(sky, 0.7))
        pen.box(-1, -1 + 0.25 * k, 1, -0.98 + 0.25 * k, shade(sky, 0.62))
    for y in (-1.0, 0.0):
        pen.box(-1, y, 1, y + 0.1, (70, 78, 80))
        pen.box(-1, y, 1, y + 0.025, (116, 122, 120))
    return pixels


def _bills(rng: random.Random) -> Pixels:
    """Old bills pasted over one another, torn and pale."""
    pixels = blank(SIDE, SIDE, (176, 160, 140))
    pen = full_pen(pixels)
    for _ in range(16):
        x, y, wide, tall = (
            rng.uniform(-1, 0.8),
            rng.uniform(-1, 0.7),
            rng.uniform(0.2, 0.5),
            rng.uniform(0.3, 0.6),
        )
        tone = mix(
            rng.choice(((214, 196, 166), (186, 150, 120), (160, 170, 164), (206, 178, 120))),
            (180, 168, 150),
            0.4,
        )
        pen.poly(
            [
                (x, y),
                (x + wide, y + rng.uniform(-0.05, 0.05)),
                (x + wide + 0.02, y + tall),
                (x + wide * 0.5, y + tall - 0.06),
                (x, y + tall),
            ],
            tone,
            shade(tone, 0.8),
            0.012,
        )
        if rng.random() < 0.5:
            ink = mix(tone, (90, 74, 66), 0.45)
            draw_motif(
                pen.at(x + wide / 2, y + tall * 0.45, wide * 0.3),
                rng.choice(MOTIF_NAMES),
                Ink(mix(tone, ink, 0.5), tone, ink),
                rng.getrandbits(32),
            )
        pen.poly(
            ring_points(x + wide / 2, y + tall * 0.85, wide * 0.3, 0.02, 8),
            mix(tone, (90, 74, 66), 0.4),
        )
    return np.asarray(cv2.multiply(pixels, texture("plaster", 2), scale=1 / 128), np.uint8)


_COLOURED: dict[str, Callable[[random.Random], Pixels]] = {
    "books": _books,
    "facade": _facade,
    "goods": _goods,
    "drawers": _drawers,
    "vault": _vault,
    "bills": _bills,
}
