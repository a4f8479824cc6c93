"""Scenes and looks: boxes agree with pixels, the same spec gives the same picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_deepresearch.worlds.generated.draw import (
    REFERENCE_SIZE,
    cutout,
    look_of,
    reference_picture,
)
from vision_deepresearch.worlds.generated.entities import Entity, EntityType, SceneSpec
from vision_deepresearch.worlds.generated.scenes import (
    LAYOUTS,
    WALL_LAYOUTS,
    place_scene,
    render_scene,
)
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.index.visual import Features, features

SPEC = spec_named("tiny", seed=3)
TYPES = tuple(kind for kind in EntityType if kind.carries_picture)
THINGS = {
    f"e{number:04d}": Entity(id=f"e{number:04d}", type=TYPES[number % len(TYPES)], name="x")
    for number in range(40)
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
    assert all(0.4 < share <= 1 for share in drawn.visibility.values())
    assert _pixels(drawn.data).shape == (768, 1024, 3)


@settings(max_examples=40, deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    count=st.integers(1, 8),
    name=st.text("abc0123456789", min_size=1, max_size=6),
)
def test_things_stand_inside_apart_and_large_enough(layout: str, count: int, name: str) -> None:
    boxes = list(place_scene(SPEC, _scene(layout, count, name), THINGS).values())
    assert all(box.height * 768 >= 90 and box.width * 1024 >= 90 for box in boxes)
    assert all(0.1 <= box.height <= 0.42 for box in boxes)
    for number, box in enumerate(boxes):
        assert all(box.iou(other) < 0.2 for other in boxes[number + 1 :])


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


def test_a_lookalike_shares_all_but_three_or_four_marks() -> None:
    for number, thing in enumerate(THINGS.values()):
        double = Entity(id=f"d{number}", type=thing.type, name="y", lookalike_of=thing.id)
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
