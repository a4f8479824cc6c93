"""Stages under a roof: museum, cabinet of natural history, library, shop, station."""

import random

from vision_deepresearch.worlds.generated.drawing.outdoors import crowd, ground_berths, step_range
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

_WALLS: tuple[Colour, ...] = (
    (128, 62, 62),
    (70, 94, 102),
    (94, 108, 90),
    (200, 190, 170),
    (82, 82, 108),
)
_WOODS: tuple[Colour, ...] = ((142, 100, 66), (118, 80, 54), (160, 122, 82))


def _corner_room(rng: random.Random, depth: float) -> tuple[tuple[Spot, Spot], tuple[Spot, Spot]]:
    """Two walls that meet: each from its left to its right end on the ground."""
    x = rng.uniform(-0.45, 0.45)
    corner = (x, 0.0, depth)
    left = rng.uniform(0.5, 0.68)
    right = rng.uniform(0.5, 0.68)
    long = 3.4
    return (
        ((x - long, 0.0, depth - long * left * 0.62), corner),
        (corner, (x + long, 0.0, depth - long * right * 0.62)),
    )


def _on_walls(
    rng: random.Random,
    walls: tuple[tuple[Spot, Spot], tuple[Spot, Spot]],
    *,
    rows: tuple[float, ...],
    gap: float,
) -> list[Berth]:
    """Places on two walls, in columns that keep a like distance in the picture."""
    berths: list[Berth] = []
    for number, (start, end) in enumerate(walls):
        yaw = yaw_of(start, end)
        for share in (0.2, 0.44, 0.68, 0.9):
            along = share if number == 1 else 1 - share
            along += -0.06 if number == 1 else 0.06
            for y in rows:
                spot = between(start, end, along, y=y + rng.uniform(-0.06, 0.06), before=0.03)
                berths.append(
                    Berth(
                        support=Support.WALL,
                        spot=spot,
                        wide=min(0.95, 0.5 * spot[2]),
                        tall=gap,
                        yaw=yaw,
                    )
                )
    return berths


def museum(rng: random.Random) -> Stage:
    """A corner of a gallery: framed pictures on two walls, cases and visitors on the parquet."""
    camera = Camera(x=rng.uniform(-0.15, 0.15), horizon=rng.uniform(-0.02, 0.08), eye=1.35)
    wall, wood = rng.choice(_WALLS), rng.choice(_WOODS)
    walls = _corner_room(rng, rng.uniform(2.7, 3.0))
    surfaces = [piece(floor_between(-6, 6, 0.72, 3.4), "planks", wood, (4, 2.4), edge=0.1)]
    for number, (start, end) in enumerate(walls):
        tone = shade(wall, 1.0 if number else 0.86)
        surfaces.append(
            piece(wall_along(start, end, height=3.6), "wallpaper", tone, (4, 3.6), edge=0.5)
        )
        surfaces.append(
            piece(
                wall_along(start, end, height=0.3), "boards", shade(wood, 0.7), (5, 0.4), edge=0.3
            )
        )
        low, high = (start[0], 3.05, start[2]), (end[0], 3.05, end[2])
        surfaces.append(
            piece(wall_along(low, high, height=0.07), "grain", (206, 176, 116), (4, 0.2))
        )
    berths = _on_walls(rng, walls, rows=(2.34, 1.36), gap=0.93)
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=(x * z, 0.62, z),
            wide=0.42 * z,
            tall=0.38 * z,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x, z in ((-0.78, 1.5), (0.05, 1.62), (0.82, 1.5))
    ]
    props = [
        Prop(name="pedestal", spot=(berth.spot[0], 0.0, berth.spot[2] + 0.012), size=0.31)
        for berth in berths[-3:]
    ]
    props += [
        Prop(
            name=rng.choice(("jar", "shell", "globe", "skull")),
            spot=(berth.spot[0], 0.62, berth.spot[2] + 0.006),
            size=0.16,
        )
        for berth in berths[-3:]
    ]
    props += crowd(
        rng, ("person", "onlooker", "onlooker", "bench"), 4, width=0.5, near=1.6, far=2.1, tall=1.25
    )
    props += [Prop(name="plant", spot=(walls[1][0][0], 0.0, walls[1][0][2] - 0.4), size=0.4)]
    lamps = tuple(
        between(*one, share, y=3.0)
        for one, share in ((walls[0], 0.45), (walls[0], 0.8), (walls[1], 0.2), (walls[1], 0.55))
    )
    return Stage(
        camera=camera,
        surfaces=tuple(surfaces),
        berths=tuple(berths),
        props=tuple(props),
        lamps=lamps,
        haze=shade(wall, 1.1),
        far=30.0,
        front=("onlooker", "onlooker", "plant"),
        framed=True,
    )


def cabinet(rng: random.Random) -> Stage:
    """A study of natural history: plates on the wall over drawers, a desk with finds."""
    camera = Camera(x=rng.uniform(-0.15, 0.15), horizon=rng.uniform(-0.12, -0.04), eye=1.5)
    wall = rng.choice(((62, 84, 74), (88, 74, 60), (70, 82, 98), (112, 70, 62)))
    wood, desk = rng.choice(_WOODS), 0.72
    lean = rng.uniform(-0.2, 0.2)
    start, end = (-4.5, 0.0, 2.05 - 2.25 * lean), (4.5, 0.0, 2.05 + 2.25 * lean)
    yaw = yaw_of(start, end)
    case_start, case_end = (
        between(start, end, 0.0, y=0.0, before=0.3),
        between(start, end, 1.0, y=0.0, before=0.3),
    )
    surfaces = (
        piece(floor_between(-5, 5, 0.72, 3.2), "planks", shade(wood, 0.8), (4, 2), edge=0.1),
        piece(wall_along(start, end, height=3.6), "wallpaper", wall, (6, 3.6), edge=0.6),
        piece(
            (
                (case_start[0], 0.98, start[2]),
                (case_end[0], 0.98, end[2]),
                (case_end[0], 0.98, case_end[2]),
                (case_start[0], 0.98, case_start[2]),
            ),
            "planks",
            shade(wood, 1.1),
            (5, 0.4),
            edge=0.2,
        ),
        piece(wall_along(case_start, case_end, height=0.98), "drawers", wood, (6, 1.2), edge=0.5),
        piece(
            floor_between(-1.75, 1.75, 1.02, 1.42, desk),
            "planks",
            shade(wood, 1.2),
            (2.4, 0.7),
            edge=0.3,
        ),
        piece(
            wall_along((-1.75, 0, 1.02), (1.75, 0, 1.02), height=desk),
            "planks",
            shade(wood, 0.7),
            (2.4, 0.7),
            edge=0.4,
        ),
    )
    berths: list[Berth] = []
    for y in (2.42, 1.62):
        for k in range(6):
            share = 0.5 + (k - 2.5 + rng.uniform(-0.06, 0.06)) * 0.094
            spot = between(start, end, share, y=y + rng.uniform(-0.04, 0.04), before=0.02)
            berths.append(
                Berth(support=Support.WALL, spot=spot, wide=0.44 * spot[2], tall=0.77, yaw=yaw)
            )
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=(x * 1.2 + rng.uniform(-0.04, 0.04), desk, 1.22 + rng.uniform(-0.06, 0.06)),
            wide=0.5,
            tall=0.5,
            yaw=rng.uniform(-0.25, 0.25),
        )
        for x in (-0.96, -0.48, 0.0, 0.48, 0.96)
    ]
    case_props = [
        between(start, end, share, y=0.98, before=0.14)
        for share in step_range(rng, 0.2, 0.8, 0.036)
    ]
    props = [
        Prop(
            name=rng.choice(("jar", "shell", "skull", "globe", "books", "bottle")),
            spot=spot,
            size=0.12,
        )
        for spot in case_props
    ]
    props += [
        Prop(
            name=rng.choice(("books", "jar", "lens", "shell", "lamp small")),
            spot=(x, desk, 1.36),
            size=rng.uniform(0.1, 0.15),
        )
        for x in step_range(rng, -1.5, 1.5, 0.3)
    ]
    props += [
        Prop(
            name=rng.choice(("books", "shell", "lens", "skull")),
            spot=(x, desk, rng.uniform(1.08, 1.16)),
            size=rng.uniform(0.07, 0.1),
        )
        for x in step_range(rng, -1.2, 1.2, 0.5)
    ]
    lamps = (
        between(start, end, 0.3, y=3.1),
        between(start, end, 0.7, y=3.1),
        (rng.uniform(-0.8, 0.8), 1.5, 1.3),
    )
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        lamps=lamps,
        haze=shade(wall, 1.1),
        far=30.0,
        front=("leaves", "onlooker", "plant"),
        framed=True,
    )


def library(rng: random.Random) -> Stage:
    """A bookshop's corner: shelves of spines, covers facing out, a table in front."""
    camera = Camera(x=rng.uniform(-0.12, 0.12), horizon=rng.uniform(-0.1, -0.02), eye=1.5)
    wood, table = rng.choice(_WOODS), 0.68
    walls = _corner_room(rng, rng.uniform(2.5, 2.8))
    surfaces = [
        piece(floor_between(-6, 6, 0.72, 3.2), "planks", shade(wood, 0.75), (4, 2), edge=0.1)
    ]
    variant, rows = rng.randrange(4), (1.92, 1.06)
    for start, end in walls:
        surfaces.append(
            piece(wall_along(start, end, height=3.6), "boards", shade(wood, 0.45), (3, 2), edge=0.5)
        )
        for k, y in enumerate((
            0.2,
            0.63,
            *[row + 0.43 * j for row in rows[::-1] for j in (0, 1)],
            2.78,
        )):
            low, high = (start[0], y, start[2]), (end[0], y, end[2])
            surfaces.append(
                piece(
                    wall_along(low, high, height=0.4),
                    "books",
                    wood,
                    (6, 1),
                    variant=(variant + k) % 4,
                    edge=0.35,
                )
            )
    for start, end in walls:
        for y in rows:
            a, b = (
                between(start, end, 0, y=y, before=0.16),
                between(start, end, 1, y=y, before=0.16),
            )
            surfaces.append(
                piece(
                    ((start[0], y, start[2]), (end[0], y, end[2]), b, a),
                    "planks",
                    shade(wood, 1.15),
                    (4, 0.2),
                )
            )
            a0, b0 = (a[0], y - 0.05, a[2]), (b[0], y - 0.05, b[2])
            surfaces.append(piece((a, b, b0, a0), "grain", shade(wood, 0.85), (4, 0.1)))
    surfaces += [
        piece(
            floor_between(-1.7, 1.7, 1.05, 1.5, table),
            "planks",
            shade(wood, 1.2),
            (2.4, 0.7),
            edge=0.3,
        ),
        piece(
            wall_along((-1.7, 0, 1.05), (1.7, 0, 1.05), height=table),
            "boards",
            shade(wood, 0.7),
            (2.4, 0.7),
            edge=0.4,
        ),
    ]
    berths: list[Berth] = []
    for number, (start, end) in enumerate(walls):
        for share in (0.16, 0.38, 0.6, 0.82):
            along = share if number == 1 else 1 - share
            for y in rows:
                spot = between(start, end, along + rng.uniform(-0.015, 0.015), y=y, before=0.1)
                berths.append(
                    Berth(
                        support=Support.SURFACE,
                        spot=spot,
                        wide=min(0.72, 0.4 * spot[2]),
                        tall=0.76,
                        yaw=yaw_of(start, end),
                    )
                )
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=(x * 1.25 + rng.uniform(-0.04, 0.04), table, 1.25 + rng.uniform(-0.08, 0.08)),
            wide=0.54,
            tall=0.52,
            yaw=rng.uniform(-0.24, 0.24),
        )
        for x in (-0.94, -0.46, 0.02, 0.5, 0.96)
    ]
    props = [
        Prop(
            name=rng.choice(("books", "books", "globe", "lamp small", "plant")),
            spot=(x, table, 1.42),
            size=rng.uniform(0.11, 0.16),
        )
        for x in step_range(rng, -1.5, 1.5, 0.3)
    ]
    props += [
        Prop(name="books", spot=(x, table, rng.uniform(1.1, 1.2)), size=rng.uniform(0.06, 0.12))
        for x in step_range(rng, -1.3, 1.3, 0.45)
    ]
    lamps = (between(*walls[0], 0.5, y=3.0), between(*walls[1], 0.5, y=3.0), (0.0, 2.4, 1.4))
    return Stage(
        camera=camera,
        surfaces=tuple(surfaces),
        berths=tuple(berths),
        props=tuple(props),
        lamps=lamps,
        haze=(150, 120, 90),
        far=30.0,
        front=("onlooker", "books", "plant"),
        framed=True,
    )


def shop(rng: random.Random) -> Stage:
    """A grocer's: two long shelves seen a little from the side, a counter before them."""
    camera = Camera(x=rng.uniform(-0.2, 0.2), horizon=rng.uniform(-0.12, -0.02), eye=1.5)
    wood, counter = rng.choice(_WOODS), 0.62
    wall = rng.choice(((188, 176, 150), (130, 148, 140), (176, 140, 116), (150, 150, 164)))
    lean = rng.uniform(-0.24, 0.24)
    start, end = (-4.5, 0.0, 2.1 - 2.25 * lean), (4.5, 0.0, 2.1 + 2.25 * lean)
    yaw, variant = yaw_of(start, end), rng.randrange(4)
    rows = (1.92, 1.02)
    surfaces = [
        piece(floor_between(-5, 5, 0.72, 3.2), "tiles", (170, 160, 148), (5, 3), edge=0.1),
        piece(wall_along(start, end, height=3.6), "boards", wall, (4, 2), edge=0.5),
    ]
    for k, y in enumerate((0.3, *rows, 2.82)):
        low, high = (start[0], y, start[2]), (end[0], y, end[2])
        surfaces.append(
            piece(
                wall_along(low, high, height=0.56),
                "goods",
                wood,
                (8, 1),
                variant=(variant + k) % 4,
                edge=0.3,
            )
        )
        a, b = between(start, end, 0, y=y, before=0.34), between(start, end, 1, y=y, before=0.34)
        surfaces.append(piece((low, high, b, a), "planks", shade(wood, 1.15), (5, 0.4)))
        surfaces.append(
            piece(
                (a, b, (b[0], y - 0.06, b[2]), (a[0], y - 0.06, a[2])),
                "grain",
                shade(wood, 0.8),
                (5, 0.1),
            )
        )
    surfaces += [
        piece(
            floor_between(-2.2, 2.2, 1.05, 1.5, counter),
            "planks",
            shade(wood, 1.25),
            (3, 0.7),
            edge=0.3,
        ),
        piece(
            wall_along((-2.2, 0, 1.05), (2.2, 0, 1.05), height=counter),
            "drawers",
            wood,
            (4, 1),
            edge=0.4,
        ),
    ]
    berths: list[Berth] = []
    for y in rows:
        for k in range(6):
            share = 0.5 + (k - 2.5 + rng.uniform(-0.09, 0.09)) * 0.093
            spot = between(start, end, share, y=y, before=0.24)
            berths.append(
                Berth(
                    support=Support.SURFACE,
                    spot=spot,
                    wide=0.4 * spot[2],
                    tall=0.78,
                    yaw=yaw + rng.uniform(-0.08, 0.08),
                )
            )
    berths += [
        Berth(
            support=Support.SURFACE,
            spot=(x * 1.25 + rng.uniform(-0.04, 0.04), counter, 1.25 + rng.uniform(-0.08, 0.08)),
            wide=0.54,
            tall=0.5,
            yaw=rng.uniform(-0.25, 0.25),
        )
        for x in (-0.94, -0.46, 0.02, 0.5, 0.96)
    ]
    props = [
        Prop(
            name=rng.choice(("jar", "tin", "tin", "bottle")),
            spot=between(start, end, share, y=y, before=0.12),
            size=rng.uniform(0.1, 0.17),
        )
        for y in rows
        for share in step_range(rng, 0.2, 0.8, 0.024)
    ]
    props += [
        Prop(
            name=rng.choice(("jar", "scales", "basket", "bottle", "tin")),
            spot=(x, counter, 1.43),
            size=0.11,
        )
        for x in step_range(rng, -1.6, 1.6, 0.3)
    ]
    lamps = (between(start, end, 0.35, y=3.1), between(start, end, 0.65, y=3.1), (0.0, 2.5, 1.4))
    return Stage(
        camera=camera,
        surfaces=tuple(surfaces),
        berths=tuple(berths),
        props=tuple(props),
        lamps=lamps,
        haze=(170, 150, 124),
        far=30.0,
        front=("onlooker", "basket", "leaves"),
    )


def station(rng: random.Random) -> Stage:
    """A platform under a glass roof: trains before the far wall, signs and clocks overhead."""
    camera = Camera(x=rng.uniform(-0.25, 0.25), horizon=rng.uniform(-0.16, -0.06), eye=1.25)
    stone, brick = (
        rng.choice(((158, 150, 140), (146, 148, 152))),
        rng.choice(((154, 98, 76), (176, 150, 120))),
    )
    iron = rng.choice(((56, 74, 72), (70, 60, 60), (54, 66, 84)))
    surfaces = (
        piece(
            wall_along((-9, -0.3, 5.0), (9, -0.3, 5.0), height=3.6),
            "brick",
            brick,
            (9, 2.4),
            edge=0.5,
        ),
        piece(
            ((-8, 3.4, 2.0), (8, 3.4, 2.0), (9, 3.0, 5.0), (-9, 3.0, 5.0)), "vault", stone, (6, 2)
        ),
        piece(
            floor_between(-12, 12, 1.9, 5.0, -0.25), "gravel", (124, 114, 104), (12, 4), edge=0.1
        ),
        *(
            piece(floor_between(-12, 12, z, z + 0.05, -0.24), "planks", tone, (12, 0.1))
            for z, tone in (
                (3.3, (96, 90, 88)),
                (3.75, (150, 148, 146)),
                (2.25, (96, 90, 88)),
                (2.55, (160, 158, 156)),
            )
        ),
        piece(floor_between(-8, 8, 0.72, 1.95), "ashlar", stone, (7, 2), edge=0.2),
        piece(floor_between(-8, 8, 1.86, 1.95, 0.005), "tiles", (236, 214, 140), (24, 0.5)),
    )
    berths = [
        Berth(support=Support.RAIL, spot=(x * z, -0.22, z), wide=size * 1.6 * z, tall=size * z)
        for x, z, size in ((-0.6, 2.45, 0.62), (0.62, 2.5, 0.6), (rng.uniform(-0.2, 0.2), 3.5, 0.5))
    ]
    berths += [
        Berth(
            support=Support.HANG,
            spot=(
                x * 2.0 + rng.uniform(-0.06, 0.06),
                rng.uniform(2.85, 2.95),
                2.0 + rng.uniform(-0.1, 0.3),
            ),
            wide=0.92,
            tall=0.94,
            yaw=rng.uniform(-0.2, 0.2),
        )
        for x in (-1.02, -0.5, 0.02, 0.54, 1.04)
    ]
    berths += [
        Berth(support=Support.WALL, spot=(x * 5, rng.uniform(1.7, 1.95), 4.96), wide=1.9, tall=1.6)
        for x in (-0.78, -0.26, 0.28, 0.8)
    ]
    berths += ground_berths(
        rng, ((-1.4, 1.42), (-0.75, 1.3), (0.0, 1.45), (0.7, 1.28), (1.42, 1.42)), 0.42
    )
    props = [
        Prop(name="column", spot=(x, 0.0, 1.82), size=1.6, shadow=False)
        for x in (-2.1, -0.95 + rng.uniform(-0.1, 0.1), 2.0)
    ]
    props += crowd(
        rng,
        ("person", "person", "child", "suitcase", "suitcase"),
        8,
        width=0.65,
        near=1.4,
        far=1.85,
        tall=1.15,
    )
    props += [
        Prop(name="clock", spot=(rng.uniform(-2, 2), 2.2, 4.9), size=0.3, shadow=False),
        Prop(name="bench", spot=(rng.uniform(-1, 1), 0.0, 1.75), size=0.2),
    ]
    return Stage(
        camera=camera,
        surfaces=surfaces,
        berths=tuple(berths),
        props=tuple(props),
        lamps=((-1.6, 2.8, 2.6), (0.2, 2.8, 2.6), (1.8, 2.8, 2.6)),
        haze=mix(brick, (214, 214, 208), 0.6),
        far=9.0,
        front=("onlooker", "suitcase", "onlooker"),
        sky=((150, 164, 170), shade(iron, 1.4)),
    )


def long_wall(rng: random.Random) -> Stage:
    """A gallery wall from the front, hung up to the ceiling."""
    wall = rng.choice(_WALLS)
    surfaces = (
        piece(
            wall_along((-3.4, -0.06, 2.0), (3.4, -0.06, 2.0), height=4.4),
            "wallpaper",
            wall,
            (8, 5),
            edge=0.5,
        ),
        piece(floor_between(-4, 4, 1.0, 2.0), "planks", rng.choice(_WOODS), (4, 1), edge=0.4),
    )
    lamps = tuple((x, 3.2, 2.0) for x in (-2.0, -0.7, 0.7, 2.0))
    return Stage(
        camera=Camera(x=rng.uniform(-0.1, 0.1), horizon=0.2, eye=1.4),
        surfaces=surfaces,
        berths=(),
        props=(),
        lamps=lamps,
        haze=shade(wall, 1.1),
        far=30.0,
        front=("onlooker", "plant"),
        framed=True,
    )
