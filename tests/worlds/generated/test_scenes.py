"""Scenes and looks: boxes agree with pixels, the same spec gives the same picture."""

import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.draw import (
    REFERENCE_SIZE,
    cutout,
    look_of,
    reference_picture,
)
from vision_deepresearch.worlds.generated.entities import Entity, EntityType, SceneSpec
from vision_deepresearch.worlds.generated.scenes import (
    LAYOUTS,
    LAYOUTS_FOR,
    WALL_LAYOUTS,
    place_scene,
    render_scene,
)
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.index.visual import (
    MATCH_INLIERS,
    Features,
    VisualIndex,
    features,
)

SPEC = spec_named("tiny", seed=3)
TYPES = tuple(kind for kind in EntityType if kind.carries_picture)
KINDS = {
    EntityType.PRODUCT: (
        "brand of tea",
        "brand of biscuits",
        "brand of soap",
        "brand of lemonade",
        "brand of tinned fish",
        "brand of ink",
        "brand of chocolate",
        "brand of coffee",
    ),
    EntityType.SPECIES: ("bird", "butterfly", "fish", "flower", "beetle"),
    EntityType.BOOK: (
        "novel",
        "atlas",
        "travelogue",
        "cookery book",
        "handbook",
        "volume of poems",
    ),
    EntityType.VEHICLE: ("steam locomotive", "tram", "airship", "motor coach"),
}


def _thing(number: int, type_: EntityType) -> Entity:
    kinds = KINDS.get(type_, ("",))
    name = f"e{number:04d}"
    return Entity(id=name, type=type_, name="x", kind=kinds[number // len(TYPES) % len(kinds)])


THINGS = {
    thing.id: thing
    for thing in (_thing(number, TYPES[number % len(TYPES)]) for number in range(72))
}


def _scene(layout: str, count: int, name: str = "s1") -> SceneSpec:
    return SceneSpec(id=name, layout=layout, entity_ids=tuple(list(THINGS)[:count]))


def _pixels(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


@pytest.mark.parametrize("layout", LAYOUTS)
def test_placed_and_drawn_boxes_agree_exactly(layout: str) -> None:
    scene = _scene(layout, 6)
    drawn = render_scene(SPEC, scene, THINGS)
    assert drawn.boxes == place_scene(SPEC, scene, THINGS)
    assert set(drawn.boxes) == set(drawn.visibility) == set(scene.entity_ids)
    assert all(0.5 < share <= 1 for share in drawn.visibility.values())
    assert _pixels(drawn.data).shape == (768, 1024, 3)


@settings(max_examples=120, deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    things=st.lists(st.sampled_from(list(THINGS)), min_size=1, max_size=8, unique=True),
    name=st.text("abc0123456789", min_size=1, max_size=6),
)
def test_things_stand_inside_apart_and_large_enough(
    layout: str, things: list[str], name: str
) -> None:
    scene = SceneSpec(id=name, layout=layout, entity_ids=tuple(things))
    boxes = list(place_scene(SPEC, scene, THINGS).values())
    assert all(min(box.width * 1024, box.height * 768) >= 64 for box in boxes)
    assert all(0.08 <= max(box.height, box.width) <= 0.5 for box in boxes)
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            smaller = min(box.area, other.area)
            assert _common(box, other) <= 0.1 * smaller


def _common(one: Box, other: Box) -> float:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    tall = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, wide) * max(0.0, tall)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_type_finds_a_place_at_several_depths(layout: str) -> None:
    types = list(THINGS)[: len(TYPES)]
    boxes: list[Box] = []
    for number in range(4):
        scene = SceneSpec(id=f"d{number}", layout=layout, entity_ids=tuple(types[number::2][:5]))
        boxes += place_scene(SPEC, scene, THINGS).values()
    assert max(box.area for box in boxes) > 1.5 * min(box.area for box in boxes)


def test_layouts_for_name_known_layouts_for_every_pictured_type() -> None:
    assert tuple(LAYOUTS_FOR) == TYPES
    assert all(name in LAYOUTS for names in LAYOUTS_FOR.values() for name in names)
    assert {name for names in LAYOUTS_FOR.values() for name in names} == set(LAYOUTS)


@pytest.mark.parametrize("type_", list(KINDS))
def test_forty_things_of_each_new_type_have_corners_enough(type_: EntityType) -> None:
    for number in range(40):
        kind = KINDS[type_][number % len(KINDS[type_])]
        picture = cutout(SPEC, Entity(id=f"c{number}", type=type_, name="x", kind=kind))
        grey = cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2GRAY)
        detector = cv2.FastFeatureDetector.create(threshold=10)
        assert len(detector.detect(grey, np.ascontiguousarray(picture[..., 3]))) >= 400


def test_a_kind_decides_the_form() -> None:
    for type_, kinds in KINDS.items():
        drawn = [cutout(SPEC, Entity(id="k1", type=type_, name="x", kind=kind)) for kind in kinds]
        same = [
            first.shape == second.shape and np.array_equal(first, second)
            for number, first in enumerate(drawn)
            for second in drawn[number + 1 :]
        ]
        assert not any(same)


def test_two_processes_draw_the_same_bytes() -> None:
    """Every layout, and a reference picture of each type, in a process with another hash seed.

    Python draws it anew for every process.
    """
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_scenes import digest_of_everything; print(digest_of_everything())"
    )
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest_of_everything()


def digest_of_everything() -> str:
    """A hash over one scene in every layout and a reference picture of every type."""
    total = hashlib.sha256()
    for layout in LAYOUTS:
        total.update(render_scene(SPEC, _scene(layout, 4, "p"), THINGS).data)
    for thing in list(THINGS.values())[: len(TYPES)]:
        total.update(reference_picture(SPEC, thing))
    return total.hexdigest()


@pytest.mark.parametrize("layout", WALL_LAYOUTS)
def test_a_wall_holds_32_things_of_at_least_110_pixels(layout: str) -> None:
    boxes = place_scene(SPEC, _scene(layout, 32), THINGS).values()
    assert len(boxes) == 32
    assert all(min(box.width * 1600, box.height * 1200) >= 110 for box in boxes)


def test_the_same_spec_gives_the_same_bytes_and_another_scene_another_picture() -> None:
    first = render_scene(SPEC, _scene("market", 4), THINGS)
    assert render_scene(SPEC, _scene("market", 4), dict(reversed(THINGS.items()))) == first
    assert render_scene(SPEC, _scene("market", 4, "s2"), THINGS).boxes != first.boxes


def test_a_thing_is_drawn_in_its_box() -> None:
    full = _scene("museum", 5)
    boxes = place_scene(SPEC, full, THINGS)
    picture = _pixels(render_scene(SPEC, full, THINGS).data)
    index = [(one, reference_picture(SPEC, THINGS[one])) for one in THINGS]
    for thing, box in boxes.items():
        area = box.pixels(width=1024, height=768)
        part = features(_encoded(picture[area.top : area.bottom, area.left : area.right]))
        shared = {one: _num_alike(part, features(data)) for one, data in index}
        assert max(shared, key=lambda one: shared[one]) == thing


def _encoded(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def _num_alike(first: Features, second: Features) -> int:
    """Key points of the first with a clearly nearest key point in the second."""
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(first.codes, second.codes, k=2)
    return sum(near.distance < 0.75 * far.distance for near, far in pairs)


def test_a_part_of_the_things_is_hidden_and_of_none_too_much() -> None:
    shares: list[float] = []
    for number, layout in enumerate(LAYOUTS):
        members = list(THINGS)[number : number + 5]
        scene = SceneSpec(id=f"h{number}", layout=layout, entity_ids=tuple(members))
        shares += render_scene(SPEC, scene, THINGS).visibility.values()
    assert min(shares) >= 0.68
    assert 0.1 < sum(share < 0.95 for share in shares) / len(shares) < 0.5


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (EntityType.VESSEL, ""),
        (EntityType.BUILDING, ""),
        (EntityType.SPECIES, "beetle"),
        (EntityType.VEHICLE, "steam locomotive"),
    ],
)
def test_two_things_of_one_kind_are_seldom_taken_for_each_other(
    type_: EntityType, kind: str, tmp_path: Path
) -> None:
    things = [Entity(id=f"m{number}", type=type_, name="x", kind=kind) for number in range(12)]
    known = [(thing.id, features(reference_picture(SPEC, thing))) for thing in things]
    index = VisualIndex.build_from_features(tmp_path / "index", known)
    strangers = [
        max(index.inliers_of(query, [at for at in range(12) if at != number]).values())
        for number, (_, query) in enumerate(known)
    ]
    assert np.median(strangers) < MATCH_INLIERS
    assert max(strangers) < 2 * MATCH_INLIERS


def test_a_lookalike_shares_all_but_three_or_four_marks() -> None:
    for number, thing in enumerate(THINGS.values()):
        double = Entity(
            id=f"d{number}", type=thing.type, name="y", lookalike_of=thing.id, kind=thing.kind
        )
        mine, theirs = look_of(SPEC, thing), look_of(SPEC, double)
        changed = sum(a != b for a, b in zip(mine.marks, theirs.marks, strict=True))
        assert changed in {3, 4}
        assert (mine.style, mine.palette, mine.base_seed) == (
            theirs.style,
            theirs.palette,
            theirs.base_seed,
        )
        assert not np.array_equal(cutout(SPEC, thing), cutout(SPEC, double))


def test_reference_pictures_are_of_one_size_and_repeatable() -> None:
    for thing in list(THINGS.values())[:5]:
        data = reference_picture(SPEC, thing)
        assert data == reference_picture(SPEC, thing)
        assert _pixels(data).shape[:2] == REFERENCE_SIZE[::-1]


@pytest.mark.parametrize(
    ("layout", "ids", "message"),
    [
        ("moon", ("e0000",), "unknown scene layout 'moon'"),
        ("street", (), "1 to 32 different things"),
        ("street", ("e0000", "e0000"), "different things"),
        ("street", tuple(list(THINGS)[:9]), "needs a wall"),
        ("museum", tuple(list(THINGS)[:33]), "1 to 32"),
        ("street", ("p1",), "with a picture"),
    ],
)
def test_an_impossible_scene_is_refused(layout: str, ids: tuple[str, ...], message: str) -> None:
    things = {**THINGS, "p1": Entity(id="p1", type=EntityType.PERSON, name="x")}
    with pytest.raises(ValueError, match=message):
        place_scene(SPEC, SceneSpec(id="s", layout=layout, entity_ids=ids), things)
