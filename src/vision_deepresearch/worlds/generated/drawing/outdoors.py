"""Stages under the sky: street, square, harbour, market, poster wall, flea market."""

import random
from collections.abc import Sequence

from vision_deepresearch.worlds.generated.drawing.paint import Colour, mix, shade
from vision_deepresearch.worlds.generated.drawing.stage import (
    Berth,
    Camera,
    Prop,
    Spot,
    Stage,
    Support,
    between,
    floor_between,
    piece,
    wall_along,
    yaw_of,
)

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((92, 144, 190), (238, 226, 200)),
    ((104, 112, 164), (248, 206, 160)),
    ((126, 172, 184), (244, 236, 208)),
    ((140, 150, 168), (226, 220, 208)),
    ((78, 120, 158), (232, 212, 188)),
)
_STONES: tuple[Colour, ...] = ((156, 148, 140), (166, 152, 134), (142, 142, 148), (172, 160, 146))
_WOODS: tuple[Colour, ...] = ((138, 98, 64), (120, 84, 56), (156, 116, 76))
_CLOTHS: tuple[Colour, ...] = (
    (168, 62, 56),
    (60, 96, 112),
    (196, 148, 76),
    (96, 116, 84),
    (208, 196, 170),
)


def ground_berths(
    rng: random.Random, spots: Sequence[tuple[float, float]], size: float
) -> list[Berth]:
    """Places on the ground, each near a given (x, z)."""
    return [
        Berth(
            support=Support.GROUND,
            spot=(x + rng.uniform(-0.07, 0.07) * z, 0.0, z * rng.uniform(0.96, 1.05)),
            wide=size * 1.15 * z,
            tall=size * z,
            yaw=rng.uniform(-0.26, 0.26),
        )
        for x, z in spots
    ]


def crowd(
    rng: random.Random,
    names: Sequence[str],
    count: int,
    *,
    width: float,
    near: float,
    far: float,
    tall: float = 0.94,
) -> list[Prop]:
    """People and other upright props spread over the ground between two distances.

    `tall` is a grown person's height: near the eye's, so that heads lie on the horizon.
    """
    props: list[Prop] = []
    for _ in range(count):
        z = near + (far - near) * rng.random() ** 1.4
        name = rng.choice(names)
        size = {"person": tall / 2, "onlooker": tall / 2, "child": tall / 3}.get(
            name, 0.2
        ) * rng.uniform(0.92, 1.08)
        props.append(
            Prop(
                name=name,
                spot=(rng.uniform(-width, width) * min(z, 2.6), 0.0, z),
                size=size,
                shadow=name != "pigeons",
            )
        )
    return props


def street(rng: random.Random) -> Stage:
    """A street of shops that runs away from the eye; signs on brackets, banners across."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.34, 0.34), horizon=rng.uniform(-0.1, 0.02), eye=1.0)
    half, high, end = rng.uniform(1.7, 1.95), rng.uniform(2.9, 3.2), 8.0
    stone = rng.choice(_STONES)
    variants = [rng.randrange(4) for _ in range(3)]
    left: tuple[Spot, Spot] = ((-half, 0.0, 0.7), (-half, 0.0, end))
    right: tuple[Spot, Spot] = ((half, 0.0, end), (half, 0.0, 0.7))
    surfaces = [
        piece(
            wall_along((-half - 2, 0, end), (half + 2, 0, end), height=2.2),
            "facade",
            (200, 200, 200),
            (4, 1),
            variant=variants[0],
        ),
        piece(floor_between(-half - 2, half + 2, 0.72, end), "cobbles", stone, (4.5, 5), edge=0.2),
        piece(
            wall_along(*left, height=high), "facade", stone, (3.2, 1), variant=variants[1], edge=0.3
        ),
        piece(
            wall_along(*right, height=high),
            "facade",
            stone,
            (3.2, 1),
            variant=variants[2],
            edge=0.3,
        ),
    ]
    walk = shade(stone, 1.16)
    for x0, x1 in ((-half, -half + 0.5), (half - 0.5, half)):
        surfaces.append(
            piece(floor_between(x0, x1, 0.72, end, 0.05), "ashlar", walk, (0.5, 6), edge=0.25)
        )
    berths: list[Berth] = []
    for side in (-1, 1):
        for about in (1.75, 2.75, 3.9):
            z = about * rng.uniform(0.94, 1.06)
            reach = rng.uniform(0.42, 0.5) + 0.06 * z
            berths.append(
                Berth(
                    support=Support.BRACKET,
                    spot=(side * (half - reach), rng.uniform(1.9, 2.1) + 0.1 * (z > 3), z),
                    wide=0.86 + 0.06 * z,
                    tall=0.92 + 0.06 * z,
                    yaw=side * rng.uniform(0.05, 0.3),
                    arm=side * reach,
                )
            )
    for x, z in ((rng.uniform(-0.3, 0.3), 3.1),):
        berths.append(Berth(support=Support.HANG, spot=(x, 2.62, z), wide=1.5, tall=1.4, cord=0.1))
    berths += ground_berths(
        rng, ((-1.25, 1.6), (1.2, 1.55), (-0.5, 1.9), (0.5, 2.1), (0.0, 1.5)), 0.46
    )
    for x in (-0.75, 0.75):
        berths.append(Berth(support=Support.HOUSE, spot=(x * 1.3, 0.0, 4.4), wide=1.9, tall=2.5))
    berths.append(
        Berth(support=Support.ROAD, spot=(rng.uniform(-0.2, 0.2), 0.0, 2.7), wide=1.9, tall=1.4)
    )
    berths.append(
        Berth(support=Support.AIR, spot=(rng.uniform(-0.5, 0.5), 4.0, 4.4), wide=2.3, tall=1.6)
    )
    props = crowd(rng, ("person", "person", "child", "crate"), 9, width=0.5, near=3.0, far=7.0)
    props += crowd(rng, ("person", "person", "child"), 3, width=0.55, near=1.8, far=2.8)
    for side in (-1, 1):
        for z in (1.5, 2.1, 3.1, 4.4):
            name = rng.choice(("plant", "crate", "barrel", "plant", "bench"))
            props.append(
                Prop(
                    name=name,
                    spot=(side * (half - 0.25), 0.05, z * rng.uniform(0.95, 1.1)),
                    size=0.22,
                )
            )
        props.append(
            Prop(name="lamp", spot=(side * (half - 0.52), 0.05, rng.uniform(2.2, 3.3)), size=0.95)
        )
    props.append(Prop(name="line", spot=(0.0, 2.7, 3.101), size=half + 0.1, shadow=False))
    for z in (2.4, 4.0, 5.4):
        props.append(
            Prop(
                name="pennants",
                spot=(0.0, high * 0.98, z * rng.uniform(0.9, 1.1)),
                size=half,
                shadow=False,
            )
        )
    return Stage(
        camera=camera,
        surfaces=tuple(surfaces),
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=mix(sky[1], (220, 220, 220), 0.4),
        front=("onlooker", "onlooker", "plant", "leaves"),
    )


def square(rng: random.Random) -> Stage:
    """A town square: a row of fronts behind, a monument, banners on poles."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.2, 0.2), horizon=rng.uniform(-0.08, 0.02), eye=1.05)
    stone, back = rng.choice(_STONES), 4.6
    surfaces = (
        piece(
            wall_along((-9, 0, 9), (9, 0, 9), height=3.0),
            "facade",
            stone,
            (9, 1),
            variant=rng.randrange(4),
        ),
        piece(floor_between(-12, 12, 0.72, 9), "ashlar", stone, (10, 6), edge=0.1),
        piece(
            wall_along((-9, 0, back), (-1.9, 0, back + 0.4), height=2.7),
            "facade",
            stone,
            (3.4, 1),
            variant=rng.randrange(4),
            edge=0.3,
        ),
        piece(
            wall_along((1.9, 0, back + 0.4), (9, 0, back), height=2.5),
            "facade",
            stone,
            (3.4, 1),
            variant=rng.randrange(4),
            edge=0.3,
        ),
    )
    berths = [
        Berth(
            support=Support.POLE,
            spot=(x * z, rng.uniform(2.0, 2.25), z * rng.uniform(0.96, 1.04)),
            wide=0.48 * z,
            tall=0.56 * z,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x, z in ((-1.0, 1.75), (1.0, 1.8), (-0.52, 2.2), (0.5, 2.25))
    ]
    berths += ground_berths(
        rng, ((-1.45, 1.55), (-0.72, 1.35), (0.05, 1.6), (0.75, 1.3), (1.5, 1.6)), 0.44
    )
    berths += [
        Berth(support=Support.HOUSE, spot=(x, 0.0, 4.3), wide=2.5, tall=2.7)
        for x in (-2.9, 0.0, 2.9)
    ]
    berths.append(
        Berth(support=Support.ROAD, spot=(rng.choice((-0.9, 0.9)), 0.0, 3.0), wide=2.2, tall=1.5)
    )
    berths.append(
        Berth(support=Support.AIR, spot=(rng.uniform(-0.4, 0.4), 4.0, 4.4), wide=2.5, tall=1.6)
    )
    props = crowd(rng, ("person", "person", "child"), 12, width=1.1, near=2.8, far=4.3)
    props += crowd(rng, ("person", "child", "pigeons", "pigeons"), 7, width=0.65, near=1.4, far=2.6)
    props.append(Prop(name="monument", spot=(rng.uniform(-0.5, 0.5), 0.0, 3.6), size=0.9))
    for x in (-2.2, 2.2):
        props.append(Prop(name="tree", spot=(x, 0.0, rng.uniform(3.2, 3.8)), size=0.95))
        props.append(Prop(name="lamp", spot=(x * 0.6, 0.0, rng.uniform(2.6, 3.2)), size=0.95))
    props.append(Prop(name="pennants", spot=(0.0, 3.0, 3.4), size=3.0, shadow=False))
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=mix(sky[1], (220, 220, 220), 0.4),
        front=("onlooker", "leaves", "onlooker"),
    )


def harbour(rng: random.Random) -> Stage:
    """A quay before the water; ships at three distances, flags and nets, boards and crates."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.2, 0.2), horizon=rng.uniform(-0.24, -0.14), eye=1.15)
    sea = rng.choice(((58, 108, 128), (66, 118, 120), (76, 104, 132)))
    stone, wood = rng.choice(_STONES), rng.choice(_WOODS)
    surfaces = (
        piece(floor_between(-60, 60, 1.9, 40, -0.3), "water", sea, (50, 22)),
        piece(
            floor_between(-6, 6, 0.72, 1.95),
            "planks" if rng.random() < 0.5 else "ashlar",
            wood if rng.random() < 0.5 else stone,
            (5, 1.6),
            edge=0.35,
        ),
        piece(
            ((-6, 0.0, 1.95), (6, 0.0, 1.95), (6, -0.04, 1.93), (-6, -0.04, 1.93)),
            "planks",
            shade(wood, 0.6),
            (8, 1),
        ),
    )
    berths = [
        Berth(support=Support.WATER, spot=(x * z, -0.3, z), wide=size * 1.4 * z, tall=size * z)
        for x, z, size in (
            (-0.62, 2.9, 0.62),
            (0.3, 3.6, 0.5),
            (0.86, 2.7, 0.58),
            (-0.12, 4.4, 0.44),
            (-0.95, 4.6, 0.36),
        )
    ]
    berths += ground_berths(
        rng, ((-1.5, 1.6), (-0.75, 1.38), (0.0, 1.55), (0.72, 1.35), (1.5, 1.6)), 0.44
    )
    berths += [
        Berth(
            support=Support.POLE,
            spot=(x * z, rng.uniform(2.2, 2.4), z),
            wide=0.46 * z,
            tall=0.54 * z,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x, z in (
            (-1.0, 1.75),
            (rng.uniform(-0.5, -0.32), 1.8),
            (rng.uniform(0.22, 0.48), 1.8),
            (1.0, 1.74),
        )
    ]
    berths.append(
        Berth(support=Support.AIR, spot=(rng.uniform(-2, 2), 4.0, 4.4), wide=2.5, tall=1.6)
    )
    props = [
        Prop(
            name=rng.choice(("boat", "boat", "buoy")),
            spot=(rng.uniform(-0.9, 0.9) * z, -0.3, z),
            size=rng.uniform(0.2, 0.32),
            shadow=False,
        )
        for z in (3.4, 4.6, 5.5, 6.5, 8.0, 10.0)
    ]
    props += [
        Prop(
            name="gull",
            spot=(rng.uniform(-1.2, 1.2) * 4, rng.uniform(2.4, 4.6), 4.2),
            size=0.1,
            shadow=False,
        )
        for _ in range(7)
    ]
    side = rng.choice((-1, 1))
    props += [  # the far shore, and where a lighthouse stands before it
        Prop(
            name="headland",
            spot=(side * rng.uniform(0.85, 1.2) * 18, -0.3, 18.0),
            size=rng.uniform(1.5, 1.9),
            shadow=False,
        ),
        Prop(
            name="lighthouse", spot=(-side * rng.uniform(3, 6), -0.1, 9.0), size=1.3, shadow=False
        ),
    ]
    if rng.random() < 0.5:
        spot = (-side * rng.uniform(1.0, 1.3) * 26, -0.3, 26.0)
        props.append(Prop(name="headland", spot=spot, size=1.5, shadow=False))
    props += crowd(
        rng,
        ("person", "crate", "barrel", "rope", "net"),
        8,
        width=0.7,
        near=1.4,
        far=1.86,
        tall=1.06,
    )
    props += [Prop(name="bollard", spot=(x, 0.0, 1.84), size=0.11) for x in (-1.7, -0.6, 0.5, 1.6)]
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=mix(sky[1], (210, 220, 222), 0.5),
        far=14.0,
        front=("onlooker", "rigging", "barrel"),
    )


def market(rng: random.Random) -> Stage:
    """A stall: things hang under the awning, stand on two steps of the table and before it."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.25, 0.25), horizon=rng.uniform(-0.3, -0.2), eye=1.35)
    stone, cloth = rng.choice(_STONES), rng.choice(_CLOTHS)
    wood, step, table = rng.choice(_WOODS), 1.02, 0.72
    surfaces = (
        piece(
            wall_along((-7, 0, 5), (7, 0, 5), height=3.4),
            "facade",
            stone,
            (4, 1),
            variant=rng.randrange(4),
        ),
        piece(floor_between(-9, 9, 0.72, 5), "cobbles", stone, (9, 3.5), edge=0.1),
        piece(
            wall_along((-1.95, 0, 2.3), (1.95, 0, 2.3), height=2.7),
            "boards",
            shade(wood, 0.8),
            (2, 1.2),
            edge=0.5,
        ),
        piece(
            floor_between(-1.85, 1.85, 1.68, 2.2, step),
            "cloth",
            shade(cloth, 0.9),
            (5, 1),
            edge=0.3,
        ),
        piece(
            wall_along((-1.85, table, 1.68), (1.85, table, 1.68), height=step - table),
            "planks",
            wood,
            (2, 0.4),
            edge=0.3,
        ),
        piece(
            floor_between(-1.8, 1.8, 1.3, 1.68, table),
            "planks",
            shade(wood, 1.15),
            (3, 0.5),
            edge=0.2,
        ),
        piece(
            wall_along((-1.8, 0.06, 1.3), (1.8, 0.06, 1.3), height=table - 0.06),
            "drape",
            cloth,
            (3, 1),
            edge=0.45,
        ),
    )
    berths = [
        Berth(
            support=Support.HANG,
            spot=(x * 1.6, rng.uniform(2.16, 2.26), 1.6 + rng.uniform(-0.1, 0.15)),
            wide=0.8,
            tall=0.7,
            yaw=rng.uniform(-0.25, 0.25),
        )
        for x in (-0.95, -0.32, 0.3, 0.94)
    ]
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=((x + rng.uniform(-0.04, 0.04)) * 1.8, step, 1.8),
            wide=0.76,
            tall=0.74,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x in (-0.84, -0.42, 0.0, 0.42, 0.84)
    ]
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=((x + rng.uniform(-0.04, 0.04)) * 1.4, table, 1.4),
            wide=0.66,
            tall=0.6,
            yaw=rng.uniform(-0.25, 0.25),
        )
        for x in (-1.05, -0.63, -0.21, 0.21, 0.63, 1.05)
    ]
    berths += ground_berths(rng, ((-1.2, 1.16), (-0.4, 1.14), (0.45, 1.16), (1.2, 1.15)), 0.44)
    props = _stall_props(rng, table, step)
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=mix(sky[1], (220, 214, 206), 0.4),
        front=("onlooker", "leaves"),
    )


def _stall_props(rng: random.Random, table: float, step: float) -> list[Prop]:
    """Fruit and jars on the table and its step, buyers behind, crates before, an awning."""
    props = [
        Prop(
            name=rng.choice(("fruit crate", "fruit crate", "jar", "bottle", "basket")),
            spot=(x, table, 1.5 + 0.1 * (k % 2)),
            size=0.14,
        )
        for k, x in enumerate(step_range(rng, -1.7, 1.7, 0.26))
    ]
    props += [
        Prop(
            name=rng.choice(("jar", "bottle", "basket", "plant")),
            spot=(x, step, 2.05),
            size=rng.uniform(0.14, 0.2),
        )
        for x in step_range(rng, -1.7, 1.7, 0.24)
    ]
    props += [Prop(name="person", spot=(rng.uniform(-1.4, 1.4), 0.1, 2.24), size=0.72)]
    props += [
        Prop(name="post", spot=(x, 0.0, 1.26), size=1.45, shadow=False) for x in (-1.92, 1.92)
    ]
    props += crowd(rng, ("person", "person", "child"), 6, width=1.1, near=3.0, far=4.8)
    props += crowd(
        rng, ("fruit crate", "crate", "basket", "barrel"), 5, width=0.9, near=1.1, far=1.24
    )
    props.append(
        Prop(
            name=rng.choice(("awning red", "awning blue", "awning green")),
            spot=(0.0, 2.28, 1.25),
            size=2.1,
            shadow=False,
        )
    )
    return props


def step_range(rng: random.Random, start: float, end: float, step: float) -> list[float]:
    """Places along a shelf, a step apart and a little off."""
    count = int((end - start) / step)
    return [start + step * (k + 0.5 + rng.uniform(-0.3, 0.3)) for k in range(count)]


def poster_wall(rng: random.Random) -> Stage:
    """A brick wall along a pavement, hung with bills and boards."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.2, 0.2), horizon=rng.uniform(-0.02, 0.08), eye=1.15)
    brick = rng.choice(((158, 92, 72), (172, 122, 98), (140, 128, 118), (150, 104, 90)))
    lean = rng.uniform(0.12, 0.3) * rng.choice((-1, 1))
    start, end = (-3.2, 0.0, 1.95 - 1.6 * lean), (3.2, 0.0, 1.95 + 1.6 * lean)
    yaw = yaw_of(start, end)
    surfaces = (
        piece(floor_between(-6, 6, 0.72, 4.0), "ashlar", (150, 146, 142), (6, 3), edge=0.1),
        piece(wall_along(start, end, height=3.4), "brick", brick, (4.6, 2.3), edge=0.55),
        piece(
            wall_along(
                between(start, end, 0.1, y=0.35, before=0.01),
                between(start, end, 0.9, y=0.35, before=0.01),
                height=1.1,
            ),
            "bills",
            brick,
            (4, 1),
            variant=rng.randrange(4),
        ),
    )
    berths: list[Berth] = []
    for row, y in enumerate((1.86, 0.92)):
        for k in range(6):
            share = 0.5 + (k - 2.5 + 0.3 * (row % 2) + rng.uniform(-0.07, 0.07)) * 0.128
            spot = between(start, end, share, y=y + rng.uniform(-0.05, 0.05), before=0.02)
            berths.append(
                Berth(
                    support=Support.WALL,
                    spot=spot,
                    wide=0.5 * spot[2],
                    tall=0.47 * spot[2],
                    yaw=yaw,
                )
            )
    berths += ground_berths(rng, ((-0.9, 1.3), (0.1, 1.28), (1.0, 1.3)), 0.4)
    props = crowd(
        rng, ("plant", "crate", "bench", "pigeons", "barrel"), 6, width=0.9, near=1.3, far=1.5
    )
    props.append(Prop(name="lamp", spot=(rng.choice((-1.5, 1.5)), 0.0, 1.5), size=1.05))
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=(190, 186, 180),
        front=("onlooker", "onlooker", "leaves"),
    )


def flea_market(rng: random.Random) -> Stage:
    """Trestle tables seen from above, covered with things; a line between poles behind."""
    sky = rng.choice(_SKIES)
    camera = Camera(x=rng.uniform(-0.25, 0.25), horizon=rng.uniform(-0.66, -0.58), eye=2.0)
    cloth, wood = rng.choice(_CLOTHS), rng.choice(_WOODS)
    table, low = 0.6, 0.0
    green = mix((120, 136, 84), (150, 140, 100), rng.random())
    surfaces = (
        piece(
            wall_along((-16, 0, 12), (16, 0, 12), height=3.0),
            "facade",
            green,
            (8, 1),
            variant=rng.randrange(4),
        ),
        piece(floor_between(-16, 16, 0.8, 12, low), "grass", green, (14, 8)),
        piece(floor_between(-2.1, 2.1, 2.2, 2.7, table), "planks", wood, (4, 0.6), edge=0.3),
        piece(
            wall_along((-2.1, 0.1, 2.2), (2.1, 0.1, 2.2), height=table - 0.1),
            "drape",
            shade(cloth, 0.8),
            (3, 1),
            edge=0.4,
        ),
        piece(floor_between(-1.9, 1.9, 1.3, 1.8, table), "cloth", cloth, (6, 1), edge=0.3),
        piece(
            wall_along((-1.9, 0.1, 1.3), (1.9, 0.1, 1.3), height=table - 0.1),
            "drape",
            shade(cloth, 0.86),
            (3, 1),
            edge=0.4,
        ),
    )
    berths = [
        Berth(
            support=Support.HANG,
            spot=(x * 3.2, rng.uniform(2.14, 2.2), 3.2),
            wide=1.25,
            tall=1.15,
            cord=0.12,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x in (-0.98, -0.5, 0.0, 0.5, 0.98)
    ]
    for z, wide, places in (
        (2.4, 0.98, (-0.86, -0.44, 0.0, 0.44, 0.86)),
        (1.52, 0.68, (-0.98, -0.56, -0.14, 0.28, 0.7, 1.1)),
    ):
        berths += [
            Berth(
                support=Support.SURFACE,
                spot=((x + rng.uniform(-0.03, 0.03)) * z, table, z + rng.uniform(-0.06, 0.1)),
                wide=wide,
                tall=wide,
                yaw=rng.uniform(-0.35, 0.35),
            )
            for x in places
        ]
    props = [
        Prop(
            name=rng.choice(("jar", "bottle", "globe", "clock", "lamp small", "books")),
            spot=(x, table, 1.72),
            size=rng.uniform(0.1, 0.14),
        )
        for x in step_range(rng, -1.8, 1.8, 0.22)
    ]
    props += [
        Prop(
            name=rng.choice(("jar", "basket", "clock", "books", "crate")),
            spot=(x, table, 2.6),
            size=0.15,
        )
        for x in step_range(rng, -2.0, 2.0, 0.35)
    ]
    props += [
        Prop(
            name=rng.choice(("books", "shell", "lens", "tin", "basket", "jar")),
            spot=(x, table, rng.uniform(1.33, 1.42)),
            size=rng.uniform(0.06, 0.09),
        )
        for x in step_range(rng, -1.8, 1.8, 0.2)
    ]
    props += [
        Prop(name="post", spot=(x * 3.2, 0.0, 3.22), size=1.15, shadow=False)
        for x in (-1.3, -0.25, 0.75, 1.34)
    ]
    props.append(Prop(name="line", spot=(0.0, 2.3, 3.21), size=4.6, shadow=False))
    props += crowd(rng, ("person", "person", "child", "tree"), 9, width=1.4, near=3.6, far=8.0)
    props += crowd(
        rng, ("basket", "crate", "suitcase", "barrel"), 4, width=1.0, near=1.02, far=1.16
    )
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        sky=sky,
        haze=mix(sky[1], (216, 222, 200), 0.4),
        far=12.0,
        front=("onlooker", "leaves", "leaves"),
    )


def long_wall(rng: random.Random) -> Stage:
    """A brick wall from the front, wide enough for many bills."""
    brick = rng.choice(((158, 92, 72), (172, 122, 98), (140, 128, 118)))
    surfaces = (
        piece(
            wall_along((-3.4, -0.06, 2.0), (3.4, -0.06, 2.0), height=4.4),
            "brick",
            brick,
            (5, 3.2),
            edge=0.5,
        ),
        piece(
            wall_along((-2.6, 0.1, 1.99), (2.6, 0.1, 1.99), height=2.9),
            "bills",
            brick,
            (4, 2.2),
            variant=rng.randrange(4),
        ),
        piece(floor_between(-4, 4, 1.0, 2.0), "ashlar", (150, 146, 142), (6, 1), edge=0.4),
    )
    return Stage(
        camera=Camera(x=rng.uniform(-0.1, 0.1), horizon=0.2, eye=1.4),
        surfaces=surfaces,
        berths=(),
        props=(),
        haze=(190, 186, 180),
        far=20.0,
        front=("onlooker", "leaves"),
        sky=_SKIES[0],
    )
