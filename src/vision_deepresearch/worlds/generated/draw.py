"""The look of each pictured thing: its cut-out, and the reference photograph the index knows.

Looks are planar and rich in corners, so that local features find them; a look-alike shares its
original's look except for three or four marks. No letter of a real script is drawn: a picture
never tells a name.
"""

import math
import random
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from vision_deepresearch.worlds.generated.drawing.books import book_aspects, paint_book
from vision_deepresearch.worlds.generated.drawing.goods import paint_product, product_aspects
from vision_deepresearch.worlds.generated.drawing.heraldry import paint_arms, paint_emblem
from vision_deepresearch.worlds.generated.drawing.houses import paint_facade
from vision_deepresearch.worlds.generated.drawing.looks import PALETTES, Look, Mark
from vision_deepresearch.worlds.generated.drawing.motifs import MOTIF_NAMES
from vision_deepresearch.worlds.generated.drawing.paint import (
    Pixels,
    add_noise,
    blank,
    blend,
    darken,
    full_pen,
    gradient,
    mix,
    multiply,
    ring_points,
    shade,
    soft_shadow,
    to_jpeg,
)
from vision_deepresearch.worlds.generated.drawing.plates import paint_species, species_aspects
from vision_deepresearch.worlds.generated.drawing.ships import paint_vessel
from vision_deepresearch.worlds.generated.drawing.wheels import paint_vehicle, vehicle_aspects
from vision_deepresearch.worlds.generated.drawing.works import paint_artwork
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

LONG_SIDE = 256
"""Pixels of a cut-out's longer side."""
REFERENCE_SIZE = (360, 270)
_NUM_MARKS = 10
_DIFFERENT_SLOTS = 5
"""A look-alike differs among the first marks: every painter draws these."""
_MAX_ROLLS = 8
_MIN_CORNERS = 400
"""Of a cut-out: then its reference picture has well over the 40 key points an index needs."""
_ASPECTS: dict[EntityType, tuple[float, ...]] = {
    EntityType.SETTLEMENT: (0.84,),
    EntityType.ORGANISATION: (1.0,),
    EntityType.BUILDING: (0.78, 0.95, 1.2),
    EntityType.ARTWORK: (0.74, 1.0, 1.32),
    EntityType.VESSEL: (1.42,),
}
_ASPECTS_BY_KIND: dict[EntityType, Callable[[str], tuple[float, ...]]] = {
    EntityType.PRODUCT: product_aspects,
    EntityType.SPECIES: species_aspects,
    EntityType.BOOK: book_aspects,
    EntityType.VEHICLE: vehicle_aspects,
}
_STRETCH: dict[EntityType, float] = {
    EntityType.SETTLEMENT: 0.035,
    EntityType.ORGANISATION: 0.015,
    EntityType.BUILDING: 0.06,
    EntityType.ARTWORK: 0.035,
    EntityType.VESSEL: 0.07,
    EntityType.PRODUCT: 0.04,
    EntityType.SPECIES: 0.075,
    EntityType.BOOK: 0.04,
}
"""Largest shift of an inner line, in fractions of the side; wheels would not stay round."""
_MIRRORED = frozenset({
    EntityType.BUILDING,
    EntityType.ARTWORK,
    EntityType.VESSEL,
    EntityType.PRODUCT,
    EntityType.SPECIES,
    EntityType.VEHICLE,
})
"""Half of these face the other way."""
_NUM_STYLES = 5
_PAINTERS: dict[EntityType, Callable[[Pixels, Pixels, Look], None]] = {
    EntityType.SETTLEMENT: paint_arms,
    EntityType.ORGANISATION: paint_emblem,
    EntityType.BUILDING: paint_facade,
    EntityType.ARTWORK: paint_artwork,
    EntityType.VESSEL: paint_vessel,
    EntityType.PRODUCT: paint_product,
    EntityType.SPECIES: paint_species,
    EntityType.BOOK: paint_book,
    EntityType.VEHICLE: paint_vehicle,
}


def look_of(spec: WorldSpec, entity: Entity, *, roll: int = 0) -> Look:
    """The look of a pictured thing: a pure function of world seed and thing.

    `roll` draws its details anew; style, shape and colours stay.

    Raises:
        KeyError: things of this type carry no picture.
    """
    root = entity.lookalike_of or entity.id
    rng = rng_for(spec.root, "look", root)
    style, aspect = _style_and_aspect(rng, entity)
    dark, light, *colours = rng.choice(PALETTES)
    first, second, third, fourth = rng.sample(colours, 4)
    detail = rng_for(spec.root, "marks", (root, roll))
    marks = [_roll_mark(detail) for _ in range(_NUM_MARKS)]
    if entity.lookalike_of is not None:
        change = rng_for(spec.root, "lookalike", (entity.id, roll))
        for slot in change.sample(range(_DIFFERENT_SLOTS), change.choice((3, 4))):
            marks[slot] = _roll_mark(change, other_than=marks[slot].name)
    return Look(
        type=entity.type,
        kind=entity.kind,
        style=style,
        aspect=aspect,
        palette=(dark, light, first, second, third, fourth),
        base_seed=detail.getrandbits(32),
        marks=tuple(marks),
    )


def _roll_mark(rng: random.Random, *, other_than: str = "") -> Mark:
    name = rng.choice([name for name in MOTIF_NAMES if name != other_than])
    return Mark(name=name, seed=rng.getrandbits(32), tone=rng.randrange(4))


def aspect_of(spec: WorldSpec, entity: Entity) -> float:
    """Width over height of a thing's cut-out, without drawing it; a few microseconds."""
    return _style_and_aspect(rng_for(spec.root, "look", entity.lookalike_of or entity.id), entity)[
        1
    ]


def _style_and_aspect(rng: random.Random, entity: Entity) -> tuple[int, float]:
    by_kind = _ASPECTS_BY_KIND.get(entity.type)
    aspects = by_kind(entity.kind) if by_kind else _ASPECTS[entity.type]
    return rng.randrange(_NUM_STYLES), rng.choice(aspects)


def cutout_size(aspect: float) -> tuple[int, int]:
    """Width and height of a cut-out, pixels."""
    if aspect >= 1:
        return LONG_SIDE, round(LONG_SIDE / aspect)
    return round(LONG_SIDE * aspect), LONG_SIDE


def cutout(spec: WorldSpec, entity: Entity) -> Pixels:
    """Draw a thing alone: RGBA (h, w, 4), the longer side LONG_SIDE pixels.

    Details are drawn anew until a reference picture of it has enough key points to be found.
    Cost: about 8 ms; the last 384 are kept, 80 MB at most.
    """
    return _cutout(_ground_of(spec), entity)


@lru_cache(maxsize=384)
def _cutout(spec: WorldSpec, entity: Entity) -> Pixels:
    for roll in range(_MAX_ROLLS):
        look = look_of(spec, entity, roll=roll)
        width, height = cutout_size(look.aspect)
        canvas, mask = blank(width, height, look.dark), np.zeros((height, width), np.uint8)
        _PAINTERS[look.type](canvas, mask, look)
        if look.type in _STRETCH:
            canvas, mask = _stretched(canvas, mask, look)
        if look.type in _MIRRORED and random.Random(look.base_seed ^ 0x51DE).random() < 0.5:
            canvas, mask = (
                np.ascontiguousarray(canvas[:, ::-1]),
                np.ascontiguousarray(mask[:, ::-1]),
            )
        canvas = _lit(canvas, look.base_seed)
        done = np.dstack([canvas, mask])
        done.setflags(write=False)
        grey = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)
        if len(_corners().detect(grey, mask)) >= _MIN_CORNERS:
            return done
    msg = f"no look of {entity.id} has {_MIN_CORNERS} corners: a painter draws too little"
    raise AssertionError(msg)


def _corners() -> cv2.FastFeatureDetector:
    return cv2.FastFeatureDetector.create(threshold=10)


def _ground_of(spec: WorldSpec) -> WorldSpec:
    """What looks depend on, and nothing else: worlds of one seed share their cut-outs."""
    return WorldSpec(preset="look", seed=spec.seed, split=spec.split, num_entities=1, num_tasks=1)


def _stretched(canvas: Pixels, mask: Pixels, look: Look) -> tuple[Pixels, Pixels]:
    """Widen some columns and rows at the cost of others; edges and right angles stay.

    Things of one style share their construction; without this a plane fits many key points of two
    of them.
    """
    amount = _STRETCH[look.type]
    rng = random.Random(look.base_seed)
    height, width = mask.shape
    knots = np.linspace(0, 1, 6)
    maps: list[npt.NDArray[np.float32]] = []
    for length in (width, height):
        shifted = knots.copy()
        shifted[1:-1] += [rng.choice((-1, 1)) * rng.uniform(0.4, 1) * amount for _ in knots[1:-1]]
        line = np.interp(np.linspace(0, 1, length), knots, np.sort(shifted)) * (length - 1)
        maps.append(line.astype(np.float32))
    columns = np.ascontiguousarray(np.broadcast_to(maps[0][None, :], (height, width)))
    rows = np.ascontiguousarray(np.broadcast_to(maps[1][:, None], (height, width)))
    wide = cv2.remap(canvas, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shape = cv2.remap(mask, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(wide, np.uint8), np.asarray(shape, np.uint8)


def _lit(canvas: Pixels, seed: int) -> Pixels:
    """A soft light from the upper left and a little grain, so that colours are not flat."""
    height, width = canvas.shape[:2]
    rows = np.linspace(1.09, 0.9, height, dtype=np.float32)[:, None]
    columns = np.linspace(0.03, -0.05, width, dtype=np.float32)[None, :]
    return add_noise(multiply(canvas, rows + columns), seed, 3.0)


def reference_picture(spec: WorldSpec, entity: Entity) -> bytes:
    """Photograph a thing for its page: large, on a plausible ground; JPEG 360 x 270."""
    width, height = REFERENCE_SIZE
    rng = rng_for(spec.root, "reference", entity.id)
    half = _ground(entity.type, width // 2, height // 2, rng)
    ground = np.asarray(cv2.resize(half, (width, height)), np.uint8)
    thing = cutout(spec, entity)
    rows, columns = thing.shape[:2]
    factor = min(width * 0.86 / columns, height * rng.uniform(0.86, 0.92) / rows)
    size = (round(columns * factor), round(rows * factor))
    small = np.asarray(cv2.resize(thing, size, interpolation=cv2.INTER_AREA), np.uint8)
    x = (width - size[0]) // 2 + rng.randint(-8, 8)
    y = (height - size[1]) // 2 + rng.randint(-4, 4)
    if entity.type is EntityType.BUILDING:
        y = height - 18 - size[1]
    mask = np.ascontiguousarray(small[..., 3])
    darken(ground, soft_shadow(mask, 10), x - 5, y - 3, 0.4)
    blend(ground, small[..., :3], mask, x, y)
    if entity.type is EntityType.VESSEL:
        _water(ground, y + size[1] - 16, rng)
    return to_jpeg(add_noise(ground, rng.randrange(32), 3.0), rng.randint(84, 92))


def _ground(kind: EntityType, width: int, height: int, rng: random.Random) -> Pixels:
    """A calm background, to be enlarged: it must not be mistaken for the thing."""
    if kind in {EntityType.BUILDING, EntityType.VESSEL}:
        top = rng.choice(((120, 164, 200), (176, 190, 204), (222, 176, 150), (146, 186, 196)))
        ground = gradient(
            width, height, [(0, top), (0.8, mix(top, (250, 240, 222), 0.75)), (1, (236, 226, 210))]
        )
        pen = full_pen(ground)
        for _ in range(3):
            x, y = rng.uniform(-1.3, 1.3), rng.uniform(-0.9, -0.2)
            for k in range(4):
                pen.poly(
                    ring_points(x + 0.16 * k, y, 0.2, 0.055, 18), mix(top, (255, 255, 255), 0.5)
                )
        if kind is EntityType.BUILDING:
            pen.box(-2, 0.84, 2, 1, (150, 146, 140))
            pen.box(-2, 0.82, 2, 0.86, (188, 182, 172))
        return ground
    wall = rng.choice((
        (206, 198, 184),
        (188, 176, 160),
        (170, 178, 176),
        (214, 204, 196),
        (150, 152, 160),
    ))
    ground = gradient(width, height, [(0, shade(wall, 1.08)), (1, shade(wall, 0.86))])
    pen = full_pen(ground)
    if kind is EntityType.SETTLEMENT:  # coursed stone
        for row in range(7):
            y, shift = -1 + 0.31 * row, rng.uniform(0, 0.5)
            for k in range(8):
                x = -1.6 + 0.48 * k - shift
                pen.box(x + 0.01, y + 0.01, x + 0.46, y + 0.29, shade(wall, rng.uniform(0.9, 1.06)))
    elif kind is EntityType.ORGANISATION:  # boards
        for k in range(9):
            x = -1.4 + 0.33 * k
            pen.box(x + 0.008, -1, x + 0.322, 1, shade(wall, rng.uniform(0.9, 1.06)))
    else:
        pen.box(-2, 0.86, 2, 1, shade(wall, 0.7))
    return ground


def _water(ground: Pixels, top: int, rng: random.Random) -> None:
    """The sea before a ship's hull."""
    height, width = ground.shape[:2]
    sea = rng.choice(((62, 108, 128), (70, 120, 124), (84, 116, 140)))
    ground[top:] = gradient(width, height - top, [(0, mix(sea, (255, 255, 255), 0.2)), (1, sea)])
    pen = full_pen(ground)
    for row in range(5):
        y = (top + 4 + row * (height - top) / 5 - height / 2) / (height / 2)
        phase = rng.uniform(0, 6)
        wave = [(-1.4 + 0.07 * k, y + 0.02 * math.sin(0.9 * k + phase)) for k in range(41)]
        pen.stroke(wave, mix(sea, (255, 255, 255), 0.4), 0.014)
