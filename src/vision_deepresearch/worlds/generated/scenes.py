"""Cluttered pictures of several things, with the true box of each.

Where things stand is pure geometry (`place_scene`, no pixels, fast); drawing (`render_scene`)
starts from the same arrangement, so the two agree exactly. A crop around a thing finds it in the
visual index; the whole picture mostly does not.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.draw import aspect_of, cutout
from vision_deepresearch.worlds.generated.drawing.backdrops import (
    SETTINGS,
    hide_part,
    scatter_clutter,
)
from vision_deepresearch.worlds.generated.drawing.mounts import (
    Mount,
    make_panel,
    panel_aspect,
    ripple,
)
from vision_deepresearch.worlds.generated.drawing.paint import (
    Pixels,
    Point,
    add_noise,
    blend,
    darken,
    full_pen,
    multiply,
    ring_points,
    soft_shadow,
    to_jpeg,
)
from vision_deepresearch.worlds.generated.entities import Entity, EntityType, SceneSpec
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

LAYOUTS = tuple(SETTINGS)
"""Names a `SceneSpec` may carry."""
MAX_THINGS = 32
"""In one scene; more than ORDINARY_THINGS need a wall layout and get a larger canvas."""
ORDINARY_THINGS = 8
WALL_LAYOUTS = ("poster_wall", "museum")
LAYOUTS_FOR: Mapping[EntityType, tuple[str, ...]] = {
    EntityType.SETTLEMENT: ("market", "street", "museum", "poster_wall"),
    EntityType.ORGANISATION: ("street", "market", "poster_wall", "harbour"),
    EntityType.BUILDING: ("street", "street", "museum"),
    EntityType.ARTWORK: ("museum", "poster_wall", "market"),
    EntityType.VESSEL: ("harbour", "harbour", "poster_wall"),
    EntityType.PRODUCT: ("market", "market", "poster_wall"),
    EntityType.SPECIES: ("museum", "museum", "market"),
    EntityType.BOOK: ("market", "poster_wall", "museum"),
    EntityType.VEHICLE: ("street", "poster_wall", "museum"),
}
"""In which layouts things of a type are at home; repeated names are more usual."""
_ORDINARY_CANVAS = (1024, 768)
_WALL_CANVAS = (1600, 1200)
_SIZES = (0.22, 0.31)
"""Longer side of a mounted thing, in fractions of the canvas height."""
_P_OCCLUDED = 0.35
_CLUTTER = (80, 130)

Quad = tuple[Point, Point, Point, Point]
"""Corners in pixels: upper left, upper right, lower right, lower left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A rendered scene."""

    data: bytes
    """JPEG."""
    boxes: dict[str, Box]
    """By thing id; what `place_scene` says."""
    visibility: dict[str, float]
    """Share of each thing that nothing hides, 0..1."""


@dataclass(frozen=True, slots=True)
class _Place:
    entity: Entity
    mount: Mount
    quad: Quad
    hangs: bool
    stands: bool = False


@dataclass(frozen=True, slots=True)
class _Arrangement:
    width: int
    height: int
    places: tuple[_Place, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where a layout's two rows are, and how things are carried in them."""

    upper: tuple[float, bool]
    """Height of the row's centre (fraction), and whether it hangs from above."""
    floor: float
    """Height on which the lower row stands, a fraction; things are centred on walls instead."""
    stands: bool
    above: Mapping[EntityType, Mount]
    below: Mapping[EntityType, Mount]
    prefers_below: frozenset[EntityType]


def _carried(default: Mount, **special: Mount) -> dict[EntityType, Mount]:
    return {kind: special.get(kind.value, default) for kind in EntityType}


_ROWS: dict[str, _Rows] = {
    "street": _Rows(
        (0.235, True),
        0.84,
        True,
        _carried(Mount.CLOTH, organisation=Mount.BARE),
        _carried(Mount.BOARD, building=Mount.BARE, artwork=Mount.BARE),
        frozenset({EntityType.BUILDING, EntityType.ARTWORK, EntityType.VESSEL}),
    ),
    "harbour": _Rows(
        (0.235, True),
        0.82,
        True,
        _carried(Mount.CLOTH, building=Mount.BOARD, artwork=Mount.BOARD),
        _carried(Mount.CRATE, vessel=Mount.BARE, building=Mount.BOARD, artwork=Mount.BARE),
        frozenset({EntityType.VESSEL, EntityType.ORGANISATION, EntityType.BUILDING}),
    ),
    "market": _Rows(
        (0.32, True),
        0.77,
        True,
        _carried(Mount.CLOTH, organisation=Mount.BARE, artwork=Mount.BARE),
        _carried(Mount.CARD, organisation=Mount.CRATE, artwork=Mount.BARE),
        frozenset({EntityType.BUILDING, EntityType.VESSEL, EntityType.ARTWORK}),
    ),
    "museum": _Rows(
        (0.28, False),
        0.66,
        False,
        _carried(Mount.FRAME, artwork=Mount.BARE),
        _carried(Mount.FRAME, artwork=Mount.BARE),
        frozenset(),
    ),
    "poster_wall": _Rows(
        (0.27, False),
        0.67,
        False,
        _carried(Mount.CARD, artwork=Mount.BARE),
        _carried(Mount.CARD, artwork=Mount.BARE),
        frozenset(),
    ),
}


def place_scene(
    spec: WorldSpec, scene: SceneSpec, entities: Mapping[str, Entity]
) -> dict[str, Box]:
    """Where each thing of a scene stands, as fractions of the picture. No pixels are made.

    Args:
        spec: the world's.
        scene: what is in it.
        entities: by id; those of the scene are enough.

    Raises:
        ValueError: an unknown layout, a thing without a picture, or too many things.
    """
    plan = _arrange(spec, scene, entities)
    return {place.entity.id: _box_of(place.quad, plan) for place in plan.places}


def render_scene(spec: WorldSpec, scene: SceneSpec, entities: Mapping[str, Entity]) -> Scene:
    """Draw a scene: JPEG 1024 x 768, or 1600 x 1200 for more than eight things.

    Raises:
        ValueError: see `place_scene`.
    """
    plan = _arrange(spec, scene, entities)
    rng = rng_for(spec.root, "scene-pixels", scene.id)
    setting = SETTINGS[scene.layout]
    half = setting.backdrop(plan.width // 2, plan.height // 2, rng)
    picture = np.asarray(
        cv2.resize(half, (plan.width, plan.height), interpolation=cv2.INTER_LINEAR), np.uint8
    )
    aspect = plan.width / plan.height
    pen = full_pen(picture)
    count = round(rng.randint(*_CLUTTER) * plan.height / _ORDINARY_CANVAS[1])
    scatter_clutter(pen, aspect, setting, count, rng)
    silhouettes = [_hang_up(spec, picture, place, rng) for place in plan.places]
    hidden = np.zeros(picture.shape[:2], np.uint8)
    for place in plan.places:
        if rng.random() < _P_OCCLUDED:
            x, y, reach = _middle(place.quad)
            cover = full_pen(picture, hidden)
            spot = cover.at(
                (x - cover.x) / cover.half, (y - cover.y) / cover.half, reach / cover.half
            )
            ground = ((1 + setting.ground) * plan.height / 2 - y) / reach
            is_low = y > 0.55 * plan.height
            hide_part(spot, ground, setting=setting, is_low=is_low, rng=rng)
    picture = _finish(picture, rng)
    return Scene(
        data=to_jpeg(picture, rng.randint(72, 86)),
        boxes={place.entity.id: _box_of(place.quad, plan) for place in plan.places},
        visibility={
            place.entity.id: _visible(mask, corner, hidden)
            for place, (mask, corner) in zip(plan.places, silhouettes, strict=True)
        },
    )


# ---------------------------------------------------------------------------------------- geometry


def _arrange(spec: WorldSpec, scene: SceneSpec, entities: Mapping[str, Entity]) -> _Arrangement:
    if scene.layout not in _ROWS:
        msg = f"unknown scene layout {scene.layout!r}: use one of {', '.join(LAYOUTS)}"
        raise ValueError(msg)
    things = [entities[entity_id] for entity_id in scene.entity_ids]
    if not 0 < len(things) <= MAX_THINGS or len(set(scene.entity_ids)) < len(things):
        msg = f"a scene needs 1 to {MAX_THINGS} different things, got {len(things)}"
        raise ValueError(msg)
    bare = [thing.id for thing in things if not thing.type.carries_picture]
    if bare:
        msg = f"only things with a picture can stand in a scene, got {', '.join(bare)}"
        raise ValueError(msg)
    rng = rng_for(spec.root, "scene", scene.id)
    if len(things) > ORDINARY_THINGS:
        if scene.layout not in WALL_LAYOUTS:
            msg = (
                f"a scene of {len(things)} things needs a wall, one of {', '.join(WALL_LAYOUTS)}; "
                f"got {scene.layout!r}"
            )
            raise ValueError(msg)
        return _wall(spec, scene, things, rng)
    return _two_rows(spec, scene, things, rng)


def _two_rows(
    spec: WorldSpec, scene: SceneSpec, things: list[Entity], rng: random.Random
) -> _Arrangement:
    width, height = _ORDINARY_CANVAS
    rows = _ROWS[scene.layout]
    shuffled = rng.sample(things, len(things))
    shuffled.sort(key=lambda thing: thing.type not in rows.prefers_below)
    num_below = (len(things) + 1) // 2
    below, above = shuffled[:num_below], shuffled[num_below:]
    places: list[_Place] = []
    for row, is_below in ((above, False), (below, True)):
        rng.shuffle(row)
        cell = width / max(len(row), 1)
        for column, thing in enumerate(row):
            mount = (rows.below if is_below else rows.above)[thing.type]
            share = panel_aspect(mount, aspect_of(spec, thing))
            w, h = _fit(share, height * rng.uniform(*_SIZES), cell * 0.9, height * 0.34)
            spare = max(0.0, (cell - w * 1.06) / 2)
            x = cell * (column + 0.5) + rng.uniform(-spare, spare) * 0.8
            if not is_below:
                y = height * (rows.upper[0] + rng.uniform(-0.035, 0.035))
            elif rows.stands:
                y = height * (rows.floor + rng.uniform(-0.02, 0.05)) - h / 2
            else:
                y = height * (rows.floor + rng.uniform(-0.04, 0.04))
            hangs = not is_below and rows.upper[1]
            quad = _quad(x, y, w, h, mount, rng)
            places.append(_Place(thing, mount, quad, hangs, is_below and rows.stands))
    return _Arrangement(width, height, tuple(places))


def _wall(
    spec: WorldSpec, scene: SceneSpec, things: list[Entity], rng: random.Random
) -> _Arrangement:
    width, height = _WALL_CANVAS
    shuffled = rng.sample(things, len(things))
    lines = max(3, round(math.sqrt(len(things) * 0.72)))
    columns = -(-len(things) // lines)
    cell_w, cell_h = width / columns, height * 0.94 / lines
    places: list[_Place] = []
    for number, thing in enumerate(shuffled):
        line, column = divmod(number, columns)
        mount = _ROWS[scene.layout].below[thing.type]
        share = panel_aspect(mount, aspect_of(spec, thing))
        reach = min(cell_h, cell_w * 1.2) * rng.uniform(0.88, 0.96)
        w, h = _fit(share, reach, cell_w * 0.9, cell_h * 0.9)
        x = cell_w * (column + 0.5) + rng.uniform(-1, 1) * max(0.0, cell_w * 0.94 - w) / 2
        y = (
            height * 0.02
            + cell_h * (line + 0.5)
            + rng.uniform(-1, 1) * max(0.0, cell_h * 0.94 - h) / 2
        )
        places.append(_Place(thing, mount, _quad(x, y, w, h, mount, rng), False))
    return _Arrangement(width, height, tuple(places))


def _fit(aspect: float, longer: float, max_width: float, max_height: float) -> tuple[float, float]:
    """Width and height of the given aspect, its longer side as asked or as much as fits."""
    width, height = (longer, longer / aspect) if aspect >= 1 else (longer * aspect, longer)
    factor = min(1.0, max_width / width, max_height / height)
    return width * factor, height * factor


_TURNS = {
    Mount.BARE: 3.0,
    Mount.CARD: 8.0,
    Mount.FRAME: 2.5,
    Mount.CLOTH: 5.0,
    Mount.BOARD: 6.0,
    Mount.CRATE: 4.0,
}
"""Largest rotation, degrees."""
_SKEW = 0.07
"""Largest shift of a corner by perspective, in fractions of the side."""


def _quad(
    x: float, y: float, width: float, height: float, mount: Mount, rng: random.Random
) -> Quad:
    """Corners of a panel seen slightly from the side and turned a little."""
    turn = math.radians(rng.uniform(-_TURNS[mount], _TURNS[mount]))
    narrow, low = rng.uniform(-_SKEW, _SKEW), rng.uniform(-_SKEW, _SKEW) / 2
    corners: list[Point] = []
    for right, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        dx = right * width / 2 * (1 + low * down)
        dy = down * height / 2 * (1 + narrow * right)
        corners.append((
            x + dx * math.cos(turn) - dy * math.sin(turn),
            y + dx * math.sin(turn) + dy * math.cos(turn),
        ))
    return (corners[0], corners[1], corners[2], corners[3])


def _box_of(quad: Quad, plan: _Arrangement) -> Box:
    xs, ys = [x / plan.width for x, _ in quad], [y / plan.height for _, y in quad]
    return Box.clipped(min(xs), min(ys), max(xs), max(ys))


def _middle(quad: Quad) -> tuple[float, float, float]:
    """Centre of a quad and half its longer extent, pixels."""
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    reach = max(max(xs) - min(xs), max(ys) - min(ys)) / 2
    return sum(xs) / 4, sum(ys) / 4, reach


# ------------------------------------------------------------------------------------------ pixels


def _hang_up(
    spec: WorldSpec, picture: Pixels, place: _Place, rng: random.Random
) -> tuple[Pixels, tuple[int, int]]:
    """Draw one mounted thing with its shadow; returns its mask and the mask's corner."""
    panel, mask = make_panel(place.mount, cutout(spec, place.entity), rng)
    if place.mount is Mount.CLOTH:
        panel, mask = ripple(panel, mask, rng.random())
    xs, ys = [x for x, _ in place.quad], [y for _, y in place.quad]
    left, top = math.floor(min(xs)) - 1, math.floor(min(ys)) - 1
    size = (math.ceil(max(xs)) + 2 - left, math.ceil(max(ys)) + 2 - top)
    factor = max(size) / max(panel.shape[:2])
    if factor < 0.9:
        smaller = (max(2, round(panel.shape[1] * factor)), max(2, round(panel.shape[0] * factor)))
        panel = np.asarray(cv2.resize(panel, smaller, interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.asarray(cv2.resize(mask, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = mask.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    target = np.array([[x - left, y - top] for x, y in place.quad], np.float32)
    plane = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(
        panel, plane, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    shape = np.asarray(cv2.warpPerspective(mask, plane, size, flags=cv2.INTER_LINEAR), np.uint8)
    _supports(picture, place)
    if place.stands:
        _ground_shadow(picture, place.quad)
    soft = soft_shadow(shape, 12)
    darken(picture, soft, left - 6, top - 3, 0.42)
    blend(picture, np.asarray(warped, np.uint8), shape, left, top)
    return shape, (left, top)


def _supports(picture: Pixels, place: _Place) -> None:
    """Cords above what hangs, legs below what stands on boards."""
    pen = full_pen(picture)
    a, b, c, d = (((x - pen.x) / pen.half, (y - pen.y) / pen.half) for x, y in place.quad)
    if place.hangs and place.mount is Mount.BARE:
        top = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        pen.stroke([(top[0], top[1] + 0.03), (top[0], -1)], (58, 50, 48), 0.009)
    elif place.hangs:
        for corner, shift in ((a, 0.06), (b, -0.06)):
            cord = [(corner[0] + shift * 0.3, corner[1]), (corner[0] + shift, -1)]
            pen.stroke(cord, (58, 50, 48), 0.007)
    elif place.mount is Mount.BOARD:
        for corner, shift in ((d, -0.03), (c, 0.03)):
            pen.stroke(
                [(corner[0] - shift, corner[1] - 0.05), (corner[0] + shift, corner[1] + 0.1)],
                (92, 66, 46),
                0.022,
            )


def _ground_shadow(picture: Pixels, quad: Quad) -> None:
    """A flat dark spot below what stands, so that it does not float."""
    (_, _), (_, _), (x1, y1), (x0, y0) = quad
    wide, tall = abs(x1 - x0) * 1.16, max(10.0, abs(x1 - x0) * 0.1)
    spot = np.zeros((math.ceil(tall) + 16, math.ceil(wide) + 16), np.uint8)
    middle = (spot.shape[1] / 2, spot.shape[0] / 2)
    points = ring_points(*middle, wide / 2, tall / 2, 24)
    cv2.fillPoly(spot, [np.array(points, np.int32)], (255,))
    soft = soft_shadow(spot, 0)
    left, top = round((x0 + x1) / 2 - middle[0]), round((y0 + y1) / 2 - middle[1])
    darken(picture, soft, left, top, 0.45)


def _visible(mask: Pixels, corner: tuple[int, int], hidden: Pixels) -> float:
    height, width = hidden.shape
    left, top = corner
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    inside = mask[y0 - top : y1 - top, x0 - left : x1 - left] > 127
    total = int(np.count_nonzero(mask > 127))
    seen = int(np.count_nonzero(inside & (hidden[y0:y1, x0:x1] < 128)))
    return round(seen / max(total, 1), 4)


def _finish(picture: Pixels, rng: random.Random) -> Pixels:
    """Light from one side, vignette, a colour cast, grain."""
    height, width = picture.shape[:2]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    tilt = rng.uniform(-0.09, 0.09)
    light = 1.06 + tilt * across - 0.04 * down - 0.13 * (across**2 + down**2) ** 1.5 / 2
    lit = multiply(picture, light.astype(np.float32))
    return add_noise(lit, rng.randrange(32), rng.uniform(3.0, 6.0))
