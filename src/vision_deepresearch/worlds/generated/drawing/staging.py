"""Paints a stage: sky, surfaces in perspective with their materials, haze, shadows, light, depth.

The backdrop is painted at half size and enlarged, light and ground shadows at a quarter: a scene
costs a few full frames only.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_deepresearch.worlds.generated.drawing.figures import FIGURES
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    Point,
    add_noise,
    full_pen,
    gradient,
    mix,
    ring_points,
)
from vision_deepresearch.worlds.generated.drawing.stage import Camera, Prop, Stage, Surface
from vision_deepresearch.worlds.generated.drawing.textures import (
    SIDE,
    VARIANTS,
    is_coloured,
    texture,
)

LIGHT_X = 0.75
"""Shadows fall to the right by so much of a thing's height: the light comes from the upper left."""
_BEHIND_ALL = 2.2
"""Props farther than this, and than all things, belong to the backdrop."""
_HAZE = 0.55


@dataclass(frozen=True, slots=True)
class Shadow:
    """A dark shape on the ground, in picture coordinates."""

    points: tuple[Point, ...]
    strength: float


def haze_at(stage: Stage, z: float) -> float:
    """Share of haze at a distance, 0..1."""
    return 1 - math.exp(-_HAZE * z / stage.far)


def paint_backdrop(
    stage: Stage, width: int, height: int, *, farthest: float, rng: random.Random
) -> Pixels:
    """Everything behind the things, (height, width, 3).

    Args:
        stage: what is there.
        width: of the picture, even.
        height: of the picture, even.
        farthest: distance of the farthest thing: what is nearer than that is not drawn here.
        rng: for clouds and props.
    """
    half = _sky(stage, width // 2, height // 2, rng)
    pen = full_pen(half)
    waiting = sorted(behind(stage, farthest), key=lambda prop: -prop.spot[2])
    for surface in stage.surfaces:
        reach = max(corner[2] for corner in surface.corners)
        while waiting and waiting[0].spot[2] > reach + 0.01:
            draw_prop(pen, stage, waiting.pop(0), rng)
        _lay(half, stage, surface)
    for prop in waiting:
        draw_prop(pen, stage, prop, rng)
    if stage.sky is not None:
        half = np.asarray(cv2.GaussianBlur(half, (0, 0), 0.7), np.uint8)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def behind(stage: Stage, farthest: float) -> list[Prop]:
    """The props that belong to the backdrop."""
    limit = max(_BEHIND_ALL, farthest + 0.01)
    return [prop for prop in stage.props if prop.spot[2] > limit]


def draw_prop(pen: Pen, stage: Stage, prop: Prop, rng: random.Random) -> None:
    """Draw a prop where it stands; `pen` spans the picture's height."""
    figure = FIGURES[prop.name]
    x, y = stage.camera.see(prop.spot)
    size = prop.size / prop.spot[2]
    figure.draw(pen.at(x, y if figure.hangs else y - size, size), rng)


# ---------------------------------------------------------------------------------------- backdrop


def _sky(stage: Stage, width: int, height: int, rng: random.Random) -> Pixels:
    if stage.sky is None:
        return np.full((height, width, 3), stage.haze, np.uint8)
    above, low = stage.sky
    horizon = (stage.camera.horizon + 1) / 2
    picture = gradient(
        width,
        height,
        [(0, above), (horizon * 0.75, mix(above, low, 0.75)), (horizon, low), (1, low)],
    )
    pen, a = full_pen(picture), width / height
    for _ in range(rng.randint(3, 6)):
        x, y = rng.uniform(-a, a), rng.uniform(-0.95, stage.camera.horizon - 0.3)
        size = rng.uniform(0.5, 1.2)
        for k in range(9):
            px, py = x + rng.uniform(-0.3, 0.3) * size, y + rng.uniform(-0.03, 0.03)
            tone = mix(mix(above, low, 0.5), (255, 255, 255), 0.3 + 0.04 * k)
            pen.poly(ring_points(px, py - 0.006 * k, 0.15 * size, 0.032 * size, 14), tone)
    return np.asarray(cv2.blur(picture, (7, 5)), np.uint8)


def _lay(picture: Pixels, stage: Stage, surface: Surface) -> None:
    """Lay a material onto its quad, in perspective, with its haze."""
    height, width = picture.shape[:2]
    quad = np.array(
        [_pixel(stage.camera, corner, width, height) for corner in surface.corners], np.float32
    )
    x0, y0 = max(0, math.floor(quad[:, 0].min())), max(0, math.floor(quad[:, 1].min()))
    x1, y1 = (
        min(width, math.ceil(quad[:, 0].max()) + 1),
        min(height, math.ceil(quad[:, 1].max()) + 1),
    )
    if x1 - x0 < 1 or y1 - y0 < 1:
        return
    corner = np.array([x0, y0], np.float32)
    wide, tall = surface.across * SIDE, surface.down * SIDE
    source = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    plane = cv2.getPerspectiveTransform(source, quad - corner)
    size = (x1 - x0, y1 - y0)
    material = texture(surface.material, surface.variant % VARIANTS)
    laid = cv2.warpPerspective(
        material, plane, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    if not is_coloured(surface.material):
        laid = cv2.multiply(laid, np.full_like(laid, surface.colour), scale=1 / 128)
    part = picture[y0:y1, x0:x1]
    laid = _hazy(np.asarray(laid, np.uint8), stage, surface, quad - corner)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(
        mask, np.round((quad - corner) * 16).astype(np.int32), (255,), cv2.LINE_AA, 4
    )
    share = mask.astype(np.float32) / 255
    part[:] = cv2.blendLinear(laid, np.ascontiguousarray(part), share, 1 - share)


def _hazy(laid: Pixels, stage: Stage, surface: Surface, quad: npt.NDArray[np.float32]) -> Pixels:
    """Fade a surface into the haze: on a plane 1/z is linear in the picture."""
    depths = [corner[2] for corner in surface.corners]
    if max(depths) < 1.25 * min(depths):
        share = haze_at(stage, sum(depths) / 4)
        if share < 0.04:
            return laid
        return np.asarray(
            cv2.addWeighted(laid, 1 - share, np.full_like(laid, stage.haze), share, 0), np.uint8
        )
    ones = np.column_stack([quad, np.ones(4, np.float32)]).astype(np.float64)
    plane = np.linalg.lstsq(ones, 1 / np.array(depths), rcond=None)[0]
    height, width = laid.shape[:2]
    rows = np.arange(0, height, 4, dtype=np.float32)[:, None]
    columns = np.arange(0, width, 4, dtype=np.float32)[None, :]
    inverse = np.maximum(plane[0] * columns + plane[1] * rows + plane[2], 1e-3)
    small = (1 - np.exp(-_HAZE / (stage.far * inverse))).astype(np.float32)
    share = np.asarray(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    return np.asarray(
        cv2.blendLinear(np.full_like(laid, stage.haze), laid, share, 1 - share), np.uint8
    )


def _pixel(camera: Camera, spot: tuple[float, float, float], width: int, height: int) -> Point:
    x, y = camera.see(spot)
    return width / 2 + x * height / 2, height / 2 + y * height / 2


def depths_of(stage: Stage, width: int, height: int) -> npt.NDArray[np.float32]:
    """How far away what is seen behind the things is, (height // 8, width // 8); infinite: sky."""
    size = (width // 8, height // 8)
    depths = np.full((size[1], size[0]), np.inf, np.float32)
    rows = np.arange(size[1], dtype=np.float32)[:, None]
    columns = np.arange(size[0], dtype=np.float32)[None, :]
    for surface in stage.surfaces:
        quad = np.array([_pixel(stage.camera, corner, *size) for corner in surface.corners])
        shape = np.zeros(depths.shape, np.uint8)
        cv2.fillConvexPoly(shape, np.round(quad * 16).astype(np.int32), (255,), cv2.LINE_8, 4)
        near = 1 / np.array([corner[2] for corner in surface.corners])
        plane = np.linalg.lstsq(np.column_stack([quad, np.ones(4)]), near, rcond=None)[0]
        inverse = np.maximum(plane[0] * columns + plane[1] * rows + plane[2], 1e-3)
        np.copyto(depths, (1 / inverse).astype(np.float32), where=shape > 127)
    return depths


# ----------------------------------------------------------------------------------------- shadows


def cast_shadows(picture: Pixels, stage: Stage, shadows: Sequence[Shadow]) -> None:
    """Darken creases between surfaces, the ground under props, and the given shapes."""
    height, width = picture.shape[:2]
    dark = np.zeros((height // 4, width // 4), np.uint8)
    pen = Pen(np.zeros((*dark.shape, 3), np.uint8), dark, width / 8, height / 8, height / 8)
    for surface in stage.surfaces:
        if surface.edge:
            quad = np.array([
                _pixel(stage.camera, spot, width // 4, height // 4) for spot in surface.corners
            ])
            cv2.polylines(
                dark, [np.round(quad).astype(np.int32)], True, (round(110 * surface.edge),), 5
            )
    for prop in stage.props:
        if prop.shadow and not FIGURES[prop.name].hangs:
            x, y = stage.camera.see(prop.spot)
            size = prop.size / prop.spot[2]
            wide = FIGURES[prop.name].half * size
            _dab(
                pen, ring_points(x + wide * 0.45, y, wide * 1.25, max(0.012, wide * 0.2), 16), 0.42
            )
    for shadow in shadows:
        _dab(pen, shadow.points, shadow.strength)
    soft = cv2.GaussianBlur(dark, (0, 0), 1.6)
    light = 255 - np.asarray(
        cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )
    cv2.multiply(picture, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), picture, scale=1 / 255)


def _dab(pen: Pen, points: Sequence[Point], strength: float) -> None:
    assert pen.mask is not None
    fixed = np.array([pen.place(x, y) for x, y in points])
    cv2.fillPoly(
        pen.mask, [np.round(fixed * 16).astype(np.int32)], (round(255 * strength),), cv2.LINE_AA, 4
    )


# ------------------------------------------------------------------------------------------- light


def finish(picture: Pixels, stage: Stage, rng: random.Random) -> Pixels:
    """Light from the upper left, lamps, a passing shade, vignette, colour temperature, grain."""
    height, width = picture.shape[:2]
    rows, columns = height // 8, width // 8
    a = width / height
    across = np.linspace(-a, a, columns, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    away = (across / a) ** 2 + down**2
    light = 1.08 - 0.07 * across / a - 0.05 * down - 0.12 * away**1.5 / 2
    warm = np.zeros((rows, columns), np.float32)
    if stage.lamps:
        light = light - 0.16
        for lamp in stage.lamps:
            x, y = stage.camera.see(lamp)
            reach = 1.5 / lamp[2]
            spread = ((across - x) / reach) ** 2 + ((down - y - 0.25) / (1.5 * reach)) ** 2
            warm += np.exp(-spread)
        light = light + 0.26 * np.minimum(warm, 1.5)
    else:
        light = light * _shade_from_outside(rows, columns, rng)
    cast = rng.uniform(-0.05, 0.06) + (0.02 if stage.lamps else 0.0)
    tint = np.stack(
        [light * (1 + cast) + 0.05 * warm, light, light * (1 - cast) - 0.05 * warm], axis=2
    )
    scaled = np.clip(tint * 128, 0, 255).astype(np.uint8)
    full = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_LINEAR)
    lit = np.asarray(cv2.multiply(picture, full, scale=1 / 128), np.uint8)
    grain = texture("grain", rng.randrange(VARIANTS))
    times = (-(-height // SIDE), -(-width // SIDE), 1)
    paper = np.ascontiguousarray(np.tile(grain, times)[:height, :width])
    lit = np.asarray(cv2.multiply(lit, paper, scale=1 / 128), np.uint8)
    return add_noise(lit, rng.randrange(32), rng.uniform(1.5, 3.5))


def _shade_from_outside(rows: int, columns: int, rng: random.Random) -> npt.NDArray[np.float32]:
    """The soft shadow of something that is not in the picture."""
    mask = np.zeros((rows, columns), np.uint8)
    if rng.random() < 0.7:
        top, foot = rng.uniform(0.45, 1.1), rng.uniform(0.1, 0.7)
        points = [
            (top * columns, -4),
            (columns + 4, -4),
            (columns + 4, rows + 4),
            (foot * columns + columns * 0.3, rows + 4),
        ]
        cv2.fillPoly(mask, [np.array(points, np.int32)], (255,))
    soft = cv2.GaussianBlur(mask, (0, 0), 5.0)
    dark = np.asarray(soft, np.float32) / 255 * rng.uniform(0.12, 0.24)
    return np.asarray(1 - dark, np.float32)


def tinted(pixels: Pixels, colour: Colour, share: float) -> Pixels:
    """Pixels mixed with a colour."""
    return np.asarray(
        cv2.addWeighted(pixels, 1 - share, np.full_like(pixels, colour), share, 0), np.uint8
    )
