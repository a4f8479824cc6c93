"""Cluttered pictures of several things, with the true box of each.

Where things stand is pure geometry (`place_scene`, no pixels, fast); drawing (`render_scene`)
starts from the same arrangement, so the two agree exactly. A crop around a thing finds it in the
visual index; the whole picture mostly does not.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.draw import aspect_of, cutout
from vision_deepresearch.worlds.generated.drawing import indoors, outdoors
from vision_deepresearch.worlds.generated.drawing.figures import FIGURES
from vision_deepresearch.worlds.generated.drawing.mounts import Mount, panel_aspect
from vision_deepresearch.worlds.generated.drawing.paint import Pixels, Point, full_pen, to_jpeg
from vision_deepresearch.worlds.generated.drawing.placed import (
    Placed,
    Quad,
    Shape,
    blurred_front,
    draw_placed,
    ground_shadows,
    lay_front,
)
from vision_deepresearch.worlds.generated.drawing.stage import (
    Berth,
    Camera,
    Prop,
    Stage,
    Support,
    mirrored,
)
from vision_deepresearch.worlds.generated.drawing.staging import (
    behind,
    cast_shadows,
    depths_of,
    draw_prop,
    finish,
    paint_backdrop,
)
from vision_deepresearch.worlds.generated.entities import Entity, EntityType, SceneSpec
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_STAGES: dict[str, Callable[[random.Random], Stage]] = {
    "street": outdoors.street,
    "square": outdoors.square,
    "harbour": outdoors.harbour,
    "market": outdoors.market,
    "poster_wall": outdoors.poster_wall,
    "flea_market": outdoors.flea_market,
    "museum": indoors.museum,
    "cabinet": indoors.cabinet,
    "library": indoors.library,
    "shop": indoors.shop,
    "station": indoors.station,
}
LAYOUTS = tuple(_STAGES)
"""Names a `SceneSpec` may carry."""
MAX_THINGS = 32
"""In one scene; more than ORDINARY_THINGS need a wall layout and get a larger canvas."""
ORDINARY_THINGS = 8
WALL_LAYOUTS = ("poster_wall", "museum")
LAYOUTS_FOR: Mapping[EntityType, tuple[str, ...]] = {
    EntityType.SETTLEMENT: ("square", "street", "museum", "market", "poster_wall", "harbour"),
    EntityType.ORGANISATION: ("street", "square", "market", "poster_wall", "harbour", "station"),
    EntityType.BUILDING: ("street", "square", "square", "museum"),
    EntityType.ARTWORK: ("museum", "museum", "poster_wall", "flea_market", "cabinet"),
    EntityType.VESSEL: ("harbour", "harbour", "poster_wall", "museum"),
    EntityType.PRODUCT: ("shop", "shop", "market", "flea_market", "poster_wall"),
    EntityType.SPECIES: ("cabinet", "cabinet", "museum", "flea_market"),
    EntityType.BOOK: ("library", "library", "flea_market", "shop"),
    EntityType.VEHICLE: ("station", "station", "street", "square", "poster_wall"),
}
"""In which layouts things of a type are at home; repeated names are more usual."""
_ORDINARY_CANVAS = (1024, 768)
_WALL_CANVAS = (1600, 1200)
_NUM_TRIES = 12
"""Ways of putting things up, at the most: a crowd of large ones may not fit at once."""
_MAX_OVERLAP = 0.06
"""Of the smaller of two boxes."""
_MIN_SIDE = 0.18
_USUAL_SIDE = 0.22
"""Shorter side of a thing, in half picture heights: of any, of one that is not slender."""
_LARGEST = 0.95
"""Longer side of a thing, in half picture sides: no thing fills half the picture."""
_MIN_FACING = 0.76
"""Width that perspective and turn leave a free-standing thing, of what it has from the front."""
_EDGE = 0.015
"""Things keep so far from the picture's edge, half picture heights."""


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
class _Arrangement:
    width: int
    height: int
    stage: Stage
    places: tuple[tuple[Entity, Placed], ...]

    @property
    def aspect(self) -> float:
        return self.width / self.height

    def box(self, placed: Placed) -> Box:
        x0, y0, x1, y1 = _bounds(placed.quad)
        a = self.aspect
        return Box.clipped((x0 / a + 1) / 2, (y0 + 1) / 2, (x1 / a + 1) / 2, (y1 + 1) / 2)


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
    return {entity.id: plan.box(placed) for entity, placed in plan.places}


def render_scene(spec: WorldSpec, scene: SceneSpec, entities: Mapping[str, Entity]) -> Scene:
    """Draw a scene: JPEG 1024 x 768, or 1600 x 1200 for more than eight things.

    Raises:
        ValueError: see `place_scene`.
    """
    plan = _arrange(spec, scene, entities)
    stage, rng = plan.stage, rng_for(spec.root, "scene-pixels", scene.id)
    farthest = max(placed.z for _, placed in plan.places)
    picture = paint_backdrop(stage, plan.width, plan.height, farthest=farthest, rng=rng)
    cast_shadows(
        picture, stage, [one for _, placed in plan.places for one in ground_shadows(placed)]
    )
    owners = np.zeros(picture.shape[:2], np.uint8)
    pen = full_pen(picture, owners)
    covered = [0.0] * len(plan.places)
    props = _props_before(plan, farthest, covered, rng)
    props += _passers(plan, covered, rng)
    shapes: dict[int, Shape] = {}
    depths = depths_of(stage, plan.width, plan.height)
    order: list[tuple[float, int, Prop | None]] = [
        *((-placed.z, number, None) for number, (_, placed) in enumerate(plan.places)),
        *((-prop.spot[2], MAX_THINGS + number, prop) for number, prop in enumerate(props)),
    ]
    for _, number, prop in sorted(order, key=lambda item: item[:2]):
        if prop is not None:
            draw_prop(pen, stage, prop, rng)
            continue
        entity, placed = plan.places[number]
        shape = draw_placed(pen, stage, placed, cutout(spec, entity), depths, rng)
        _mark(owners, shape, number + 1)
        shapes[number] = shape
    _foreground(plan, picture, owners, covered, rng)
    picture = finish(picture, stage, rng)
    return Scene(
        data=to_jpeg(picture, rng.randint(74, 88)),
        boxes={entity.id: plan.box(placed) for entity, placed in plan.places},
        visibility={
            entity.id: _visible(owners, shapes[number], number + 1)
            for number, (entity, _) in enumerate(plan.places)
        },
    )


# ---------------------------------------------------------------------------------------- geometry


def _arrange(spec: WorldSpec, scene: SceneSpec, entities: Mapping[str, Entity]) -> _Arrangement:
    if scene.layout not in _STAGES:
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
    stage = _STAGES[scene.layout](rng_for(spec.root, "stage", scene.id))
    rng = rng_for(spec.root, "scene", scene.id)
    if len(things) > ORDINARY_THINGS:
        if scene.layout not in WALL_LAYOUTS:
            msg = (
                f"a scene of {len(things)} things needs a wall, one of {', '.join(WALL_LAYOUTS)}; "
                f"got {scene.layout!r}"
            )
            raise ValueError(msg)
        stage = {"museum": indoors.long_wall, "poster_wall": outdoors.long_wall}[scene.layout](
            rng_for(spec.root, "stage", scene.id)
        )
        return _wall(spec, stage, things, rng)
    if rng.random() < 0.5:
        stage = mirrored(stage)
    return _berthed(spec, stage, things, rng)


_REAL: Mapping[EntityType, frozenset[Support]] = {
    EntityType.BUILDING: frozenset({Support.HOUSE}),
    EntityType.VESSEL: frozenset({Support.WATER}),
    EntityType.VEHICLE: frozenset({Support.RAIL, Support.ROAD, Support.AIR}),
    EntityType.PRODUCT: frozenset({Support.SURFACE}),
    EntityType.BOOK: frozenset({Support.SURFACE}),
}
"""Where a thing stands there itself; elsewhere a board, card or cloth shows a picture of it."""
_P_MAIN = 0.6
"""Share of scenes with a thing that the photographer came for, larger than the others."""
_MAIN_FACTORS = (1.8, 1.55, 1.3)
"""How much larger, the first that fits."""
_NUM_WITH_MAIN = 6
"""Tries after which no thing is the main one: the others had no room."""
_ROOMY = frozenset({
    Support.WALL,
    Support.HANG,
    Support.POLE,
    Support.BRACKET,
    Support.GROUND,
    Support.WATER,
})
"""Where a larger thing looks right; a shelf has another above it, a street house neighbours."""
_MIXED = 0.03
"""Fault of a scene in which one ship is real and another painted: "the ship on the left" is vague."""


def _berthed(
    spec: WorldSpec, stage: Stage, things: list[Entity], rng: random.Random
) -> _Arrangement:
    """Each thing in a berth; put up anew where one covers another or is too small.

    All things of one type stand there themselves, or all are pictures.
    """
    seed, supports = rng.getrandbits(48), {berth.support for berth in stage.berths}
    main = rng.choice(things).id if rng.random() < _P_MAIN else None
    painted: frozenset[EntityType] = frozenset()
    best: tuple[float, dict[str, Placed]] | None = None
    for attempt in range(_NUM_TRIES):
        draw = random.Random(seed + attempt)
        places, faults = _seated(
            spec, stage, things, painted, draw, main=main if attempt < _NUM_WITH_MAIN else None
        )
        total = sum(faults.values())
        if best is None or total < best[0]:
            best = (total, places)
        failed = {type_ for type_, fault in faults.items() if fault > 0} & set(_REAL)
        worse = {one for one in failed if supports & _REAL[one] and supports - _REAL[one]}
        if total == 0:
            break
        if attempt % 2:
            painted |= worse
    assert best is not None, "at least one attempt is made"
    ordered = tuple((thing, best[1][thing.id]) for thing in things)
    return _Arrangement(*_ORDINARY_CANVAS, stage, ordered)


def _seated(
    spec: WorldSpec,
    stage: Stage,
    things: list[Entity],
    painted: frozenset[EntityType],
    rng: random.Random,
    *,
    main: str | None,
) -> tuple[dict[str, Placed], dict[EntityType, float]]:
    """Give each thing the free berth it likes best, the main and the choosy ones first.

    Returns the things in their berths, and faults by type.
    """
    free = list(stage.berths)
    shuffled = rng.sample(things, len(things))
    shuffled.sort(key=lambda thing: -max(_liking(thing, berth.support) for berth in free))
    shuffled.sort(key=lambda thing: thing.id != main)
    places: dict[str, Placed] = {}
    faults: dict[EntityType, float] = {}
    for thing in shuffled:
        scored = [
            (_liking(thing, berth.support) + rng.uniform(0, 1.3), -number, berth)
            for number, berth in enumerate(free)
        ]
        ranked = [
            berth
            for score, _, berth in sorted(scored, key=lambda one: one[:2], reverse=True)
            if score > 0
        ]
        real, fault = _REAL.get(thing.type, frozenset()), 0.0
        if any(berth.support in real for berth in stage.berths):
            wanted = [
                berth for berth in ranked if (berth.support in real) != (thing.type in painted)
            ]
            fault = 0.0 if wanted else _MIXED
            ranked = wanted or ranked
        factors = (*_MAIN_FACTORS, *_FACTORS) if thing.id == main else _FACTORS
        more, placed = _first_fitting(
            spec, stage, thing, ranked, list(places.values()), rng, factors=factors
        )
        faults[thing.type] = faults.get(thing.type, 0.0) + fault + more
        places[thing.id] = placed
        free = [berth for berth in free if berth.spot != placed.berth.spot]
    return places, faults


_FACTORS = (1.0, 0.86, 0.74, 0.62, 0.52)
"""How large things may be, of their berth, the first that fits."""


def _first_fitting(
    spec: WorldSpec,
    stage: Stage,
    thing: Entity,
    berths: Sequence[Berth],
    placed: Sequence[Placed],
    rng: random.Random,
    *,
    factors: Sequence[float],
) -> tuple[float, Placed]:
    """The first berth in which a thing is large enough and covers no other; smaller if need be.

    Returns what is wrong with it, 0 mostly, and the thing in its berth.
    """
    best: tuple[float, Placed] | None = None
    for factor in factors:
        for free in berths:
            if factor > 1 and free.support not in _ROOMY:
                continue
            berth = _faced(free)
            mount = _mount_for(thing, berth.support, stage, rng)
            own = aspect_of(spec, thing)
            aspect = panel_aspect(mount, own)
            one = Placed(
                mount=mount,
                berth=berth,
                quad=_quad(stage.camera, berth, mount, aspect, factor, rng),
            )
            x0, y0, x1, y1 = _bounds(one.quad)
            a = _ORDINARY_CANVAS[0] / _ORDINARY_CANVAS[1] - _EDGE
            outside = max(-a - x0, x1 - a, -1 + _EDGE - y0, y1 - 1 + _EDGE, 0.0)
            needed = _USUAL_SIDE if 0.7 <= own <= 1.45 else _MIN_SIDE
            small = max(0.0, needed - min(x1 - x0, y1 - y0))
            large = max(0.0, (x1 - x0) / a - _LARGEST, y1 - y0 - _LARGEST)
            overlap = max((_overlap(one.quad, other.quad) for other in placed), default=0.0)
            fault = max(0.0, overlap - _MAX_OVERLAP) + 3 * (outside + small + large)
            if fault == 0:
                return 0.0, one
            if best is None or fault < best[0]:
                best = (fault, one)
    assert best is not None, "every stage has berths for any thing"
    return best


def _faced(berth: Berth) -> Berth:
    """The berth, turned back towards the eye where a thing in it would be seen from its edge."""
    if berth.support is Support.WALL:
        return berth
    x, _, z = berth.spot
    for share in (1.0, 0.6, 0.3):
        yaw = berth.yaw * share
        if math.cos(yaw) - x / z * math.sin(yaw) >= _MIN_FACING:
            return replace(berth, yaw=yaw)
    return replace(berth, yaw=0.0)


def _quad(
    camera: Camera, berth: Berth, mount: Mount, aspect: float, factor: float, rng: random.Random
) -> Quad:
    """Corners of a mounted thing in its berth, seen by the camera."""
    wide, tall = berth.wide * factor, berth.tall * factor
    width = min(wide, tall * aspect) * rng.uniform(0.93, 1.0)
    height = width / aspect
    x, y, z = berth.spot
    if berth.support is Support.GROUND and mount is Mount.BOARD:
        y += 0.07
    rise = 0.5 if berth.support.stands else -0.5 if berth.support.is_above else 0.0
    middle = y + rise * height
    turn = math.radians(rng.uniform(-1, 1) * _TURNS.get(berth.support, 0.0))
    corners: list[Point] = []
    for right, up in ((-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)):
        along = right * width * math.cos(turn) + up * height * math.sin(turn)
        over = -right * width * math.sin(turn) + up * height * math.cos(turn)
        spot = (x + along * math.cos(berth.yaw), middle + over, z + along * math.sin(berth.yaw))
        corners.append(camera.see(spot))
    return corners[0], corners[1], corners[2], corners[3]


_TURNS = {
    Support.WALL: 2.5,
    Support.HANG: 3.5,
    Support.POLE: 2.0,
    Support.BRACKET: 3.0,
    Support.AIR: 4.0,
}
"""Largest rotation, degrees."""


def _bounds(quad: Quad) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    return min(xs), min(ys), max(xs), max(ys)


def _overlap(first: Quad, second: Quad) -> float:
    """Common area of two bounding boxes, as a share of the smaller."""
    ax0, ay0, ax1, ay1 = _bounds(first)
    bx0, by0, bx1, by1 = _bounds(second)
    wide, tall = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if wide <= 0 or tall <= 0:
        return 0.0
    return wide * tall / min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))


def _wall(spec: WorldSpec, stage: Stage, things: list[Entity], rng: random.Random) -> _Arrangement:
    """Rows on a wall that fills the picture."""
    width, height = _WALL_CANVAS
    a = width / height
    lines = max(3, round(math.sqrt(len(things) * 0.72)))
    columns = -(-len(things) // lines)
    cell_w, cell_h = 2 * a / columns, 1.88 / lines
    places: dict[str, Placed] = {}
    for number, thing in enumerate(rng.sample(things, len(things))):
        line, column = divmod(number, columns)
        mount = _mount_for(thing, Support.WALL, stage, rng)
        aspect = panel_aspect(mount, aspect_of(spec, thing))
        reach = min(cell_h, cell_w * 1.2) * rng.uniform(0.88, 0.96)
        wide, tall = (reach, reach / aspect) if aspect >= 1 else (reach * aspect, reach)
        factor = min(1.0, cell_w * 0.9 / wide, cell_h * 0.9 / tall)
        wide, tall = wide * factor, tall * factor
        x = -a + cell_w * (column + 0.5) + rng.uniform(-1, 1) * max(0.0, cell_w * 0.92 - wide) / 2
        y = -0.97 + cell_h * (line + 0.5) + rng.uniform(-1, 1) * max(0.0, cell_h * 0.92 - tall) / 2
        berth = Berth(
            support=Support.WALL,
            spot=_unseen(stage.camera, (x, y)),
            wide=wide * _WALL_Z,
            tall=tall * _WALL_Z,
        )
        places[thing.id] = Placed(
            mount=mount, berth=berth, quad=_quad(stage.camera, berth, mount, aspect, 1.0, rng)
        )
    return _Arrangement(width, height, stage, tuple((thing, places[thing.id]) for thing in things))


_WALL_Z = 2.0
"""Distance of a wall that fills the picture."""


def _unseen(camera: Camera, point: Point) -> tuple[float, float, float]:
    """The point of a frontal wall that appears at a place of the picture."""
    x, y = point
    return (x - camera.x) * _WALL_Z, camera.eye - (y - camera.horizon) * _WALL_Z, _WALL_Z


# -------------------------------------------------------------------------------- who stands where


_LIKES: dict[Support, dict[EntityType, float]] = {
    Support.WALL: {
        EntityType.ARTWORK: 3,
        EntityType.SPECIES: 3,
        EntityType.BUILDING: 2,
        EntityType.VESSEL: 2,
        EntityType.VEHICLE: 2,
        EntityType.SETTLEMENT: 2,
    },
    Support.SURFACE: {
        EntityType.PRODUCT: 3.5,
        EntityType.BOOK: 3.5,
        EntityType.SPECIES: 2,
        EntityType.ARTWORK: 1.5,
    },
    Support.HANG: {EntityType.SETTLEMENT: 3, EntityType.ORGANISATION: 3},
    Support.POLE: {EntityType.SETTLEMENT: 3, EntityType.ORGANISATION: 2.5},
    Support.BRACKET: {
        EntityType.ORGANISATION: 3.5,
        EntityType.SETTLEMENT: 2,
        EntityType.PRODUCT: 2,
    },
    Support.GROUND: {EntityType.PRODUCT: 2, EntityType.ARTWORK: 2, EntityType.BOOK: 1.5},
}
_NOT_ON: dict[Support, frozenset[str]] = {
    Support.AIR: frozenset({"steam locomotive", "tram", "motor coach", ""}),
    Support.RAIL: frozenset({"airship", "motor coach"}),
    Support.ROAD: frozenset({"airship", "steam locomotive"}),
}
"""Kinds that would look odd there."""
_ONLY: dict[Support, EntityType] = {
    Support.HOUSE: EntityType.BUILDING,
    Support.WATER: EntityType.VESSEL,
    Support.RAIL: EntityType.VEHICLE,
    Support.ROAD: EntityType.VEHICLE,
    Support.AIR: EntityType.VEHICLE,
}


def _liking(thing: Entity, support: Support) -> float:
    """How well a thing fits a kind of place; far below 0: not at all."""
    only = _ONLY.get(support)
    if only is None:
        return _LIKES[support].get(thing.type, 1.0)
    fits = thing.type is only and thing.kind not in _NOT_ON.get(support, frozenset())
    return 6.0 if fits else -10.0


_SOLID = frozenset({EntityType.ARTWORK, EntityType.SPECIES})
_GOODS = frozenset({EntityType.PRODUCT, EntityType.BOOK})


def _mount_for(thing: Entity, support: Support, stage: Stage, rng: random.Random) -> Mount:
    """What carries a thing in a place of some kind."""
    if support in _ONLY or thing.type in _SOLID:
        return Mount.BARE
    is_round = thing.type is EntityType.ORGANISATION
    match support:
        case Support.WALL:
            return (
                Mount.FRAME if stage.framed else rng.choice((Mount.CARD, Mount.CARD, Mount.BOARD))
            )
        case Support.SURFACE:
            return (
                Mount.BARE if thing.type in _GOODS else Mount.FRAME if stage.framed else Mount.CARD
            )
        case Support.POLE:
            return Mount.CLOTH
        case Support.HANG:
            return Mount.BARE if is_round else rng.choice((Mount.CLOTH, Mount.BOARD))
        case Support.BRACKET:
            return Mount.BARE if is_round else Mount.BOARD
        case _:
            return Mount.CRATE if thing.type is EntityType.PRODUCT else Mount.BOARD


# ------------------------------------------------------------------------------------------ pixels


def _mark(owners: Pixels, shape: Shape, label: int) -> None:
    height, width = owners.shape
    rows, columns = shape.mask.shape
    x0, y0 = max(shape.left, 0), max(shape.top, 0)
    x1, y1 = min(shape.left + columns, width), min(shape.top + rows, height)
    inside = shape.mask[y0 - shape.top : y1 - shape.top, x0 - shape.left : x1 - shape.left] > 127
    owners[y0:y1, x0:x1][inside] = label


def _visible(owners: Pixels, shape: Shape, label: int) -> float:
    total = int(np.count_nonzero(shape.mask > 127))
    return round(min(1.0, int(np.count_nonzero(owners == label)) / max(total, 1)), 4)


_P_HIDES = 0.3
"""Share of props that may hide a part of something."""
_HIDES = 0.22
"""Largest share of a thing that one of them hides; others hide nearly nothing."""
_HIDDEN = 0.25
"""Largest share of a thing that all of them together hide."""
_P_PASSED = 0.5
"""Share of things before which something is put on purpose, where there is room."""
_PASSED_BY = (0.08, 0.22)
"""Share of a thing's box that is hidden then."""
_LOW = ("crate", "barrel", "basket", "plant")
_SMALL = ("jar", "bottle", "books", "tin", "basket")


def _props_before(
    plan: _Arrangement, farthest: float, covered: list[float], rng: random.Random
) -> list[Prop]:
    """The props among the things, without those that would hide too much."""
    back = behind(plan.stage, farthest)
    kept: list[Prop] = []
    for prop in plan.stage.props:
        if prop in back:
            continue
        allowed = _HIDES if rng.random() < _P_HIDES else 0.04
        if _may_stand(plan, _box_of(plan.stage, prop), prop.spot[2], allowed, covered):
            kept.append(prop)
    return kept


def _box_of(stage: Stage, prop: Prop) -> tuple[float, float, float, float]:
    figure = FIGURES[prop.name]
    x, y = stage.camera.see(prop.spot)
    size = prop.size / prop.spot[2]
    if figure.hangs:
        return x - size, y - 0.05, x + size, y + 0.12
    return x - figure.half * size, y - 2 * size, x + figure.half * size, y


def _passers(plan: _Arrangement, covered: list[float], rng: random.Random) -> list[Prop]:
    """People and goods that hide a part of about a third of the things."""
    found: list[Prop] = []
    for _, placed in plan.places:
        if rng.random() > _P_PASSED:
            continue
        for _ in range(12):
            prop = _passer(plan.stage, placed, rng)
            if prop is None:
                break
            box = _box_of(plan.stage, prop)
            low, high = _PASSED_BY
            if _loss(box, placed) >= low and _may_stand(plan, box, prop.spot[2], high, covered):
                found.append(prop)
                break
    return found


def _passer(stage: Stage, placed: Placed, rng: random.Random) -> Prop | None:
    """Something that may stand before a thing; None: nothing reaches up to it."""
    x0, y0, x1, y1 = _bounds(placed.quad)
    support, z, foot = placed.berth.support, placed.z, 0.0
    name, size = "person", min(0.93 * stage.camera.eye, 1.25) / 2
    is_open = any(berth.support is Support.GROUND for berth in stage.berths)
    is_open = is_open or any(prop.name == "pedestal" for prop in stage.props)
    if support is Support.SURFACE:
        name, foot, z = rng.choice(_SMALL), placed.berth.spot[1], z * rng.uniform(0.93, 0.97)
        size = (y1 - y0) * rng.uniform(0.18, 0.3) * z
    elif support is Support.GROUND:
        name, z = rng.choice(_LOW), z * rng.uniform(0.9, 0.96)
        size = (y1 - y0) * rng.uniform(0.2, 0.34) * z
    elif support in {Support.WATER, Support.RAIL}:
        z = rng.uniform(1.45, 1.82)
    elif support in {Support.HOUSE, Support.ROAD} or (support is Support.WALL and is_open):
        z *= rng.uniform(0.6, 0.86)
    else:
        return None
    x = (rng.uniform(x0, x1) - stage.camera.x) * z
    return Prop(name=name, spot=(x, foot, z), size=size, shadow=False)


def _loss(box: tuple[float, float, float, float], placed: Placed) -> float:
    """Share of a thing's box that lies in another."""
    x0, y0, x1, y1 = box
    bx0, by0, bx1, by1 = _bounds(placed.quad)
    wide, tall = min(x1, bx1) - max(x0, bx0), min(y1, by1) - max(y0, by0)
    return wide * tall / ((bx1 - bx0) * (by1 - by0)) if wide > 0 and tall > 0 else 0.0


def _may_stand(
    plan: _Arrangement,
    box: tuple[float, float, float, float],
    z: float,
    allowed: float,
    covered: list[float],
) -> bool:
    """Whether nothing loses too much to a box at a distance; if so, what is lost is noted."""
    losses = [_loss(box, placed) if z < placed.z else 0.0 for _, placed in plan.places]
    if any(
        loss > allowed or loss + sum_ > _HIDDEN for loss, sum_ in zip(losses, covered, strict=True)
    ):
        return False
    for number, loss in enumerate(losses):
        covered[number] += loss
    return True


def _foreground(
    plan: _Arrangement,
    picture: Pixels,
    owners: Pixels,
    covered: list[float],
    rng: random.Random,
) -> None:
    """One or two large shapes out of focus before everything, where they hide little."""
    pen = full_pen(picture)
    wanted = rng.choice((0, 1, 1, 2))
    a = plan.aspect
    for _ in range(9 if wanted else 0):
        name = rng.choice(plan.stage.front)
        figure = FIGURES[name]
        side = rng.choice((-1, 1))
        if name in {"leaves", "rigging"}:
            size, x, foot = rng.uniform(0.4, 0.6), side * a * rng.uniform(0.8, 1.0), -0.3
        elif name == "onlooker":
            size, x = rng.uniform(0.62, 0.9), side * a * rng.uniform(0.66, 1.04)
            foot = 1.0 + size * rng.uniform(0.7, 1.1)
        else:
            size, x, foot = rng.uniform(0.25, 0.36), side * a * rng.uniform(0.7, 1.0), 1.15
        half = figure.half * size
        box = (x - half, foot - 2 * size, x + half, min(foot, 1.0))
        if not _may_stand(plan, box, 0.0, _HIDES if rng.random() < 0.5 else 0.05, covered):
            continue
        room = 0.1 + 0.6 * size  # leaves and ropes reach beyond their box
        wide = (box[0] - room, box[1] - room, box[2] + room, foot + room)
        front = blurred_front(picture, pen, wide)
        if front is None:
            continue
        own, part = front
        figure.draw(own.at(x, foot - size, size), rng)
        lay_front(picture, owners, own, part, 3.0 * plan.height / 768)
        wanted -= 1
        if wanted == 0:
            return
