"""Draws things where they stand or hang: in perspective, lit, hazed, with what carries them."""

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_deepresearch.worlds.generated.drawing.mounts import Mount, make_panel, ripple
from vision_deepresearch.worlds.generated.drawing.paint import (
    Pen,
    Pixels,
    Point,
    add_noise,
    blend,
    darken,
    mix,
    shade,
    soft_shadow,
)
from vision_deepresearch.worlds.generated.drawing.stage import Berth, Stage, Support
from vision_deepresearch.worlds.generated.drawing.staging import LIGHT_X, Shadow, haze_at, tinted

Quad = tuple[Point, Point, Point, Point]
"""Corners in picture coordinates: upper left, upper right, lower right, lower left."""
_MAX_HAZE = 0.22
"""Far things are paler, but a crop of one still finds it: they are not blurred either."""
_IRON = (58, 56, 58)
_WOOD = (112, 82, 56)
_PLATE = ((-0.035, -0.09), (0.035, -0.09), (0.035, 0.36), (-0.035, 0.36))
"""Of a bracket, on its wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One thing in its berth."""

    mount: Mount
    berth: Berth
    quad: Quad

    @property
    def z(self) -> float:
        """Distance from the eye."""
        return self.berth.spot[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The silhouette of a drawn thing, and where its corner lies in the picture."""

    mask: Pixels
    left: int
    top: int


def ground_shadows(placed: Placed) -> list[Shadow]:
    """What a standing thing darkens: the line it stands on, and the ground to its right."""
    if not placed.berth.support.stands or placed.berth.support is Support.WATER:
        return []
    (x0, y0), _, (x2, y2), (x3, y3) = placed.quad
    tall = y3 - y0
    reach = 0.3 if placed.berth.support is Support.SURFACE else 0.55
    lift, shift = tall * 0.12 * reach, LIGHT_X * tall * reach
    fall = ((x3, y3), (x2, y2), (x2 + shift, y2 - lift), (x0 + shift, y3 - lift))
    wide = x2 - x3
    foot = (
        (x3 - 0.03 * wide, y3 - 0.012),
        (x2 + 0.05 * wide, y2 - 0.012),
        (x2 + 0.05 * wide, y2 + 0.022),
        (x3 - 0.03 * wide, y3 + 0.022),
    )
    return [Shadow(fall, 0.3), Shadow(foot, 0.6)]


def draw_placed(
    pen: Pen,
    stage: Stage,
    placed: Placed,
    thing: Pixels,
    depths: npt.NDArray[np.float32],
    rng: random.Random,
) -> Shape:
    """Draw a thing (h, w, 4) with its mount, support and shadow; returns its silhouette.

    `pen` spans the picture's height; its mask receives what carries the thing. `depths` (see
    `depths_of`) says where something is near enough behind the thing to receive its shadow.
    """
    picture = pen.pixels
    panel, mask = make_panel(placed.mount, thing, rng)
    if placed.mount is Mount.CLOTH:
        panel, mask = ripple(panel, mask, rng.random())
    _carry(pen, stage, placed, rng)
    warped, shape = _in_perspective(pen, panel, mask, placed.quad)
    warped = _lit(warped, shape.mask, placed)
    share = min(_MAX_HAZE, haze_at(stage, placed.z) * 0.75)
    if share > 0.03:
        warped = tinted(warped, stage.haze, share)
    _throw_shadow(picture, placed, shape, depths)
    if placed.berth.support is Support.WATER:
        _mirror(picture, warped, shape, rng)
    blend(picture, warped, shape.mask, shape.left, shape.top)
    if placed.berth.support is Support.WATER:
        _ripples(pen, placed.quad, rng)
    return shape


def _in_perspective(pen: Pen, panel: Pixels, mask: Pixels, quad: Quad) -> tuple[Pixels, Shape]:
    corners = [pen.place(x, y) for x, y in quad]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    left, top = math.floor(min(xs)) - 1, math.floor(min(ys)) - 1
    size = (math.ceil(max(xs)) + 2 - left, math.ceil(max(ys)) + 2 - top)
    factor = max(size) / max(panel.shape[:2])
    if factor < 0.9:
        smaller = (max(2, round(panel.shape[1] * factor)), max(2, round(panel.shape[0] * factor)))
        panel = np.asarray(cv2.resize(panel, smaller, interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.asarray(cv2.resize(mask, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = mask.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    target = np.array([[x - left, y - top] for x, y in corners], np.float32)
    plane = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(
        panel, plane, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    shape = np.asarray(cv2.warpPerspective(mask, plane, size, flags=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(warped, np.uint8), Shape(mask=shape, left=left, top=top)


def _lit(pixels: Pixels, mask: Pixels, placed: Placed) -> Pixels:
    """Brighter towards the light, a bright rim on that side and a dark one on the other."""
    height, width = mask.shape
    facing = 1 - 0.16 * math.sin(placed.berth.yaw)
    row = np.linspace(1.06, 0.92, width, dtype=np.float32)[None, :]
    column = np.linspace(0.03, -0.05, height, dtype=np.float32)[:, None]
    light = np.clip((row + column) * facing * 128, 0, 255).astype(np.uint8)
    lit = cv2.multiply(pixels, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), scale=1 / 128)
    inner = np.zeros_like(mask)
    inner[2:, 2:] = mask[:-2, :-2]
    rim = (cv2.subtract(mask, inner) // 5).astype(np.uint8)
    inner[:] = 0
    inner[:-2, :-2] = mask[2:, 2:]
    edge = (cv2.subtract(mask, inner) // 4).astype(np.uint8)
    lit = cv2.add(lit, cv2.cvtColor(rim, cv2.COLOR_GRAY2RGB))
    return np.asarray(cv2.subtract(lit, cv2.cvtColor(edge, cv2.COLOR_GRAY2RGB)), np.uint8)


def _throw_shadow(
    picture: Pixels, placed: Placed, shape: Shape, depths: npt.NDArray[np.float32]
) -> None:
    """Onto what is close behind: near and sharp on walls, far and faint for what hangs free.

    Nothing falls on the sky or on what is far away.
    """
    support = placed.berth.support
    if support in {Support.AIR, Support.WATER, Support.HOUSE}:
        return
    scale = picture.shape[0] / 768
    far, strength, reach = {
        Support.WALL: (7.0, 0.5, 0.6),
        Support.HANG: (20.0, 0.24, 0.9),
        Support.POLE: (22.0, 0.14, 0.6),
        Support.BRACKET: (26.0, 0.24, 0.9),
    }.get(support, (6.0, 0.3, 0.7))
    is_near = (depths > placed.z - 0.6) & (depths < placed.z + reach)
    if not is_near.any():
        return
    border = 12
    soft = soft_shadow(shape.mask, border)
    dx, dy = round(far * scale), round(0.7 * far * scale)
    left, top = shape.left - border + dx, shape.top - border + dy
    rows, columns = soft.shape
    at = np.array([[1, 0, (left + 0.5) / 8 - 0.5], [0, 1, (top + 0.5) / 8 - 0.5]], np.float32)
    at[0, 0] = at[1, 1] = 1 / 8
    receives = cv2.warpAffine(
        is_near.astype(np.uint8) * 255,
        at,
        (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    darken(picture, np.minimum(soft, receives), left, top, strength)


def _carry(pen: Pen, stage: Stage, placed: Placed, rng: random.Random) -> None:
    """Cords, arms, poles and legs."""
    a, b, c, d = placed.quad
    unit = 1 / placed.z
    berth = placed.berth
    if berth.support is Support.HANG:
        ends = ((a, 0.12), (b, -0.12)) if placed.mount is not Mount.BARE else ((a, 0.5), (b, -0.5))
        drop = 0.06 if placed.mount is Mount.BARE else 0.03
        end = a[1] - berth.cord * unit if berth.cord else -1.02
        for corner, inset in ends:
            x, y = corner[0] + inset * (b[0] - a[0]), corner[1] + drop * (d[1] - a[1])
            pen.stroke([(x, y), (x, end)], _IRON, 0.012 * unit + 0.002)
    elif berth.support is Support.BRACKET:
        wall = a[0] + (b[0] - a[0]) / 2 + berth.arm * unit
        tip = b[0] if wall < a[0] else a[0]
        y = min(a[1], b[1]) - 0.06 * unit
        pen.poly(
            [(wall + dx * unit, y + dy * unit) for dx, dy in _PLATE],
            shade(_IRON, 0.9),
            _IRON,
            0.006,
        )
        pen.stroke([(wall, y), (tip, y)], _IRON, 0.035 * unit)
        pen.stroke([(wall, y + 0.3 * unit), (wall + (tip - wall) * 0.35, y)], _IRON, 0.022 * unit)
        pen.disc(tip, y, 0.03 * unit, (176, 142, 84))
        for x, top in ((a[0] + (b[0] - a[0]) * 0.3, a[1]), (a[0] + (b[0] - a[0]) * 0.7, b[1])):
            pen.stroke([(x, y), (x, top + 0.1 * (d[1] - a[1]))], _IRON, 0.014 * unit)
    elif berth.support is Support.POLE:
        x, y = (a[0] + b[0]) / 2, min(a[1], b[1])
        foot = stage.camera.see((berth.spot[0], 0.0, berth.spot[2]))[1]
        tone = rng.choice((_WOOD, (196, 190, 178), (90, 74, 66)))
        pen.stroke(
            [(x + 0.012 * unit, y - 0.16 * unit), (x + 0.012 * unit, foot)],
            shade(tone, 0.6),
            0.05 * unit,
        )
        pen.stroke([(x, y - 0.16 * unit), (x, foot)], tone, 0.03 * unit)
        pen.disc(x, y - 0.19 * unit, 0.045 * unit, (206, 170, 92), shade(_IRON, 1.2), 0.008)
        pen.stroke(
            [(a[0] - 0.03 * unit, a[1] - 0.01), (b[0] + 0.03 * unit, b[1] - 0.01)],
            shade(tone, 0.85),
            0.035 * unit,
        )
    elif placed.mount is Mount.BOARD and berth.support is Support.GROUND:
        for (x, y), out in ((d, -0.02), (c, 0.02)):
            inner = x - out * 4
            pen.stroke(
                [(inner, y - 0.05), (x + out, y + 0.09 * unit)], shade(_WOOD, 0.8), 0.05 * unit
            )
    elif berth.support is Support.SURFACE and placed.mount in {Mount.CARD, Mount.FRAME}:
        x = (c[0] + d[0]) / 2
        pen.poly(
            [(x, d[1] - 0.1 * unit), (x + 0.2 * unit, c[1]), (x + 0.14 * unit, c[1])],
            shade(_WOOD, 0.6),
        )


def _mirror(picture: Pixels, warped: Pixels, shape: Shape, rng: random.Random) -> None:
    """A ship's image in the water below it."""
    depth = max(6, shape.mask.shape[0] // 3)
    flipped = np.ascontiguousarray(warped[::-1][:depth])
    fade = np.linspace(0.42, 0.05, depth, dtype=np.float32)[:, None]
    mask = (shape.mask[::-1][:depth] * fade).astype(np.uint8)
    shift = round(rng.uniform(-2, 2))
    tall = shape.mask.shape[0]
    blend(
        picture,
        np.asarray(cv2.blur(flipped, (9, 3)), np.uint8),
        mask,
        shape.left + shift,
        shape.top + tall - 6,
    )


def _ripples(pen: Pen, quad: Quad, rng: random.Random) -> None:
    (x0, y0), (x1, _), _, (_, y3) = quad
    for k in range(7):
        y = y3 - 0.012 + 0.012 * k
        start = x0 + rng.uniform(-0.06, 0.3) * (x1 - x0)
        end = start + rng.uniform(0.3, 0.75) * (x1 - x0)
        tone = mix((214, 226, 228), (120, 150, 160), 0.12 * k)
        wave = [(start + (end - start) * j / 8, y + 0.003 * (j % 2)) for j in range(9)]
        pen.stroke(wave, tone, 0.004)
    _ = y0


def blurred_front(
    picture: Pixels, draw: Pen, box: tuple[float, float, float, float]
) -> tuple[Pen, tuple[int, int, int, int]] | None:
    """A pen on a copy of a part of the picture, for what stands before everything.

    Returns the pen (its mask receives the shape) and the part in pixels; None: outside.
    """
    height, width = picture.shape[:2]
    (left, top), (right, low) = draw.place(box[0], box[1]), draw.place(box[2], box[3])
    x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
    x1, y1 = min(width, math.ceil(right)), min(height, math.ceil(low))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    layer = picture[y0:y1, x0:x1].copy()
    mask = np.zeros(layer.shape[:2], np.uint8)
    return Pen(layer, mask, draw.x - x0, draw.y - y0, draw.half), (x0, y0, x1, y1)


def lay_front(
    picture: Pixels, hidden: Pixels, pen: Pen, part: tuple[int, int, int, int], sigma: float
) -> None:
    """Lay a drawn foreground over the picture, out of focus and in shade; marks what it hides."""
    assert pen.mask is not None
    x0, y0, x1, y1 = part
    dim = np.asarray(cv2.convertScaleAbs(pen.pixels, alpha=0.58), np.uint8)
    under = picture[y0:y1, x0:x1]
    layer = np.where((pen.mask > 127)[..., None], dim, under)
    layer = np.asarray(cv2.GaussianBlur(add_noise(layer, 3, 2.0), (0, 0), sigma), np.uint8)
    mask = np.asarray(cv2.GaussianBlur(pen.mask, (0, 0), sigma), np.uint8)
    hidden[y0:y1, x0:x1][mask > 127] = 255
    blend(picture, layer, mask, x0, y0)
