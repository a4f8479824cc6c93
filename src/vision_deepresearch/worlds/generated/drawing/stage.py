"""A stage: a camera, surfaces in perspective, places for things, and what stands around.

World coordinates: x to the right, y up from the ground, z away from the eye. Picture coordinates
are a pen's: (0, 0) the middle, y downward, a unit half the picture's height. Geometry only.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from vision_deepresearch.worlds.generated.drawing.paint import Colour, Point

Spot = tuple[float, float, float]
"""A point of the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Looks along z, upright: verticals stay vertical."""

    x: float
    """Of the vanishing point, in the picture."""
    horizon: float
    """Height in the picture on which all things of the eye's height lie."""
    eye: float
    """Height of the eye over the ground."""

    def see(self, spot: Spot) -> Point:
        """Where a point of the world appears; its z must be positive."""
        x, y, z = spot
        return self.x + x / z, self.horizon - (y - self.eye) / z


class Support(StrEnum):
    """What keeps a thing in its place."""

    WALL = "wall"
    SURFACE = "surface"
    """A shelf or a table."""
    GROUND = "ground"
    HANG = "hang"
    """By cords from above."""
    BRACKET = "bracket"
    """From an iron arm in a wall."""
    POLE = "pole"
    """A cloth on a pole with a cross-arm."""
    HOUSE = "house"
    WATER = "water"
    RAIL = "rail"
    ROAD = "road"
    AIR = "air"

    @property
    def stands(self) -> bool:
        """Whether things are held from below."""
        return self in {
            Support.SURFACE,
            Support.GROUND,
            Support.HOUSE,
            Support.WATER,
            Support.RAIL,
            Support.ROAD,
        }

    @property
    def is_above(self) -> bool:
        """Whether things are held from above."""
        return self in {Support.HANG, Support.BRACKET, Support.POLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    """Room for one thing."""

    support: Support
    spot: Spot
    """Middle of the lower edge where things stand, of the upper where they hang, else the centre."""
    wide: float
    tall: float
    yaw: float = 0.0
    """Radians; positive: the right side is farther away."""
    arm: float = 0.0
    """Of a bracket: where its wall is, relative to the spot's x."""
    cord: float = 0.0
    """Length of the cords of what hangs; 0: up to the ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A plane piece: upper left, upper right, lower right, lower left as seen from its front."""

    corners: tuple[Spot, Spot, Spot, Spot]
    material: str
    colour: Colour
    across: float
    """Repeats of the material along the upper edge."""
    down: float
    variant: int = 0
    edge: float = 0.0
    """Darkness of its outline, 0..1: where surfaces meet it is darker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prop:
    """Something that is no thing of the world: people, plants, crates, lamps."""

    name: str
    """Of `figures`."""
    spot: Spot
    """Middle of its foot; of its upper end where it hangs."""
    size: float
    """Half its height, world units."""
    shadow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything a layout decides for one scene."""

    camera: Camera
    surfaces: tuple[Surface, ...]
    """The far ones first."""
    berths: tuple[Berth, ...]
    props: tuple[Prop, ...]
    sky: tuple[Colour, Colour] | None = None
    """Above, and at the horizon; None: indoors."""
    lamps: tuple[Spot, ...] = ()
    """Where light comes from, indoors."""
    haze: Colour = (200, 200, 196)
    far: float = 8.0
    """Distance at which haze covers a third."""
    front: tuple[str, ...] = ("person", "plant")
    """What may pass before everything, out of focus."""
    framed: bool = False
    """Whether pictures on walls are framed; else they are pasted."""


def piece(
    corners: tuple[Spot, Spot, Spot, Spot],
    material: str,
    colour: Colour,
    repeats: tuple[float, float],
    *,
    variant: int = 0,
    edge: float = 0.0,
) -> Surface:
    """A surface; `repeats` of the material across and down."""
    across, down = repeats
    return Surface(
        corners=corners,
        material=material,
        colour=colour,
        across=across,
        down=down,
        variant=variant,
        edge=edge,
    )


def wall_along(start: Spot, end: Spot, *, height: float) -> tuple[Spot, Spot, Spot, Spot]:
    """Corners of an upright wall between two points of the ground, seen left to right."""
    (x0, y0, z0), (x1, y1, z1) = start, end
    return (x0, y0 + height, z0), (x1, y1 + height, z1), end, start


def floor_between(
    left: float, right: float, near: float, far: float, y: float = 0.0
) -> tuple[Spot, Spot, Spot, Spot]:
    """Corners of a level piece."""
    return (left, y, far), (right, y, far), (right, y, near), (left, y, near)


def yaw_of(start: Spot, end: Spot) -> float:
    """How a wall between two points is turned."""
    return math.atan2(end[2] - start[2], end[0] - start[0])


def between(start: Spot, end: Spot, share: float, *, y: float, before: float = 0.0) -> Spot:
    """A point along a wall at a height, `before` units in front of it."""
    yaw = yaw_of(start, end)
    x = start[0] + (end[0] - start[0]) * share + before * math.sin(yaw)
    z = start[2] + (end[2] - start[2]) * share - before * math.cos(yaw)
    return x, y, z


def mirrored(stage: Stage) -> Stage:
    """The same stage with left and right exchanged; light still comes from the left."""

    def flip(spot: Spot) -> Spot:
        return -spot[0], spot[1], spot[2]

    surfaces = tuple(
        replace(
            one,
            corners=(
                flip(one.corners[1]),
                flip(one.corners[0]),
                flip(one.corners[3]),
                flip(one.corners[2]),
            ),
        )
        for one in stage.surfaces
    )
    berths = tuple(
        replace(one, spot=flip(one.spot), yaw=-one.yaw, arm=-one.arm) for one in stage.berths
    )
    return replace(
        stage,
        camera=replace(stage.camera, x=-stage.camera.x),
        surfaces=surfaces,
        berths=berths,
        props=tuple(replace(one, spot=flip(one.spot)) for one in stage.props),
        lamps=tuple(flip(lamp) for lamp in stage.lamps),
    )
