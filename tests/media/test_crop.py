"""Cuts show exactly their box."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.builders import a_picture
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import (
    MIN_SIDE_PX,
    cut,
    cut_all,
    distinct_boxes,
    pixels_to_cut,
    thumbnail,
)
from vision_deepresearch.media.decode import decode

SIDES = st.integers(min_value=1, max_value=700)
FRACTIONS = st.floats(min_value=-0.5, max_value=1.5)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes from corners in any order, partly outside, down to slivers."""
    x0, y0 = draw(st.floats(0, 0.999)), draw(st.floats(0, 0.999))
    x1, y1 = draw(FRACTIONS), draw(FRACTIONS)
    x1 = x1 if max(x0, x1) > 0 and abs(x1 - x0) > 1e-6 else 1.0
    y1 = y1 if max(y0, y1) > 0 and abs(y1 - y0) > 1e-6 else 1.0
    return Box.clipped(x1, y1, x0, y0) if (x1 > 0 or x0 > 0) else Box.full()


def opened(data: bytes) -> Image.Image:
    return decode(data).image


@pytest.mark.pitfall("P20")
@pytest.mark.parametrize(("width", "height"), [(640, 480), (512, 1), (513, 700)])
def test_the_full_box_is_the_full_picture(width: int, height: int) -> None:
    data = a_picture(width=width, height=height)
    assert opened(cut(data, Box.full())).tobytes() == opened(data).tobytes()


@pytest.mark.pitfall("P20")
def test_the_full_box_of_a_small_picture_loses_no_row_when_it_is_doubled() -> None:
    assert opened(cut(a_picture(width=100, height=80), Box.full())).size == (200, 160)


@pytest.mark.pitfall("P20")
def test_a_cut_holds_exactly_its_pixels() -> None:
    data = a_picture(width=1000, height=800)
    part = opened(cut(data, Box(x0=0.2, y0=0.1, x1=0.8, y1=0.9)))
    whole = np.asarray(opened(data))
    assert (np.asarray(part) == whole[80:720, 200:800]).all()


@pytest.mark.pitfall("P20")
def test_only_small_cuts_are_enlarged() -> None:
    data = a_picture(width=1200, height=600)
    assert opened(cut(data, Box(x0=0, y0=0, x1=512 / 1200, y1=0.2))).size == (512, 120)
    assert opened(cut(data, Box(x0=0, y0=0, x1=511 / 1200, y1=0.2))).size == (1022, 240)


@pytest.mark.pitfall("P20")
def test_a_box_of_one_pixel_is_grown_about_its_centre() -> None:
    box = Box(x0=0.5, y0=0.5, x1=0.501, y1=0.501)
    assert pixels_to_cut(box, width=1000, height=1000) == (469, 469, 533, 533)
    corner = Box(x0=0, y0=0.999, x1=0.001, y1=1)
    assert pixels_to_cut(corner, width=1000, height=1000) == (0, 936, 64, 1000)
    assert pixels_to_cut(corner, width=40, height=30) == (0, 0, 40, 30)
    assert opened(cut(a_picture(width=300, height=200), box)).size == (128, 128)


@pytest.mark.pitfall("P20")
@given(boxes(), SIDES, SIDES)
def test_a_cut_covers_its_box_and_lies_inside_the_picture(
    box: Box, width: int, height: int
) -> None:
    exact = box.pixels(width=width, height=height)
    grown = pixels_to_cut(box, width=width, height=height)
    assert 0 <= grown.left <= exact.left < exact.right <= grown.right <= width
    assert 0 <= grown.top <= exact.top < exact.bottom <= grown.bottom <= height
    assert grown.width == max(exact.width, min(MIN_SIDE_PX, width))
    assert grown.height == max(exact.height, min(MIN_SIDE_PX, height))


@pytest.mark.pitfall("P20")
@given(boxes(), st.floats(1, 4), SIDES, SIDES)
@example(Box(x0=0.0, y0=0.0, x1=5e-324, y1=1.0), 1.0, 1, 1)
def test_a_larger_box_shows_all_that_a_smaller_one_shows(
    box: Box, factor: float, width: int, height: int
) -> None:
    small = pixels_to_cut(box, width=width, height=height, min_side_px=1)
    large = pixels_to_cut(box.scaled(factor), width=width, height=height, min_side_px=1)
    assert large.left <= small.left < small.right <= large.right
    assert large.top <= small.top < small.bottom <= large.bottom


@settings(max_examples=25, deadline=None)
@given(boxes(), st.integers(1, 90), st.integers(1, 90))
def test_every_cut_is_a_picture_of_the_right_size(box: Box, width: int, height: int) -> None:
    part = opened(cut(a_picture(width=width, height=height), box))
    grown = pixels_to_cut(box, width=width, height=height)
    assert part.size == (2 * grown.width, 2 * grown.height)


def test_equal_boxes_give_equal_bytes_and_several_are_cut_at_once() -> None:
    data = a_picture(width=200, height=150)
    both = [Box.full(), Box(x0=0.1, y0=0.1, x1=0.9, y1=0.9)]
    assert cut_all(data, both) == [cut(data, box) for box in both]
    assert cut_all(data, both) == cut_all(data, both)


@pytest.mark.pitfall("P13")
def test_a_broken_picture_is_not_cut() -> None:
    with pytest.raises(BadImageError):
        cut(a_picture()[:-40], Box.full())


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1000, 500), (224, 112)), ((500, 1000), (112, 224)), ((50, 20), (50, 20)), ((9000, 1), None)],
)
def test_a_thumbnail_fits_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    small = opened(thumbnail(a_picture(width=size[0], height=size[1]), max_side_px=224))
    assert small.size == (expected or (224, 1))


def test_near_duplicates_are_merged_into_the_first_of_their_kind() -> None:
    first = Box(x0=0.1, y0=0.1, x1=0.5, y1=0.5)
    nearly = Box(x0=0.1, y0=0.1, x1=0.51, y1=0.5)
    other = Box(x0=0.5, y0=0.5, x1=0.9, y1=0.9)
    found = distinct_boxes([first, other, nearly, other, first])
    assert found.kept == (0, 1)
    assert found.merged == {2: 0, 3: 1, 4: 0}
    assert distinct_boxes([first, nearly], max_iou=0.99).kept == (0, 1)
    assert distinct_boxes([]).kept == ()


@settings(max_examples=50)
@given(st.lists(boxes(), max_size=12))
def test_kept_boxes_differ_and_every_other_doubles_a_kept_one(drawn: list[Box]) -> None:
    found = distinct_boxes(drawn)
    assert sorted([*found.kept, *found.merged]) == list(range(len(drawn)))
    for index, twin in found.merged.items():
        assert twin in found.kept
        assert drawn[index].iou(drawn[twin]) > 0.85 - 1e-9
    kept = [drawn[index] for index in found.kept]
    assert all(one.iou(two) <= 0.85 + 1e-9 for rank, one in enumerate(kept) for two in kept[:rank])
