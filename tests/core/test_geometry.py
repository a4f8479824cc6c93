"""Boxes: exact pixels, clipping, scaling, overlap."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vision_deepresearch.core.geometry import Box, PixelBox

fractions = st.floats(0, 1, allow_nan=False)
sides = st.integers(1, 5000)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, x1 = sorted(draw(st.tuples(fractions, fractions)))
    y0, y1 = sorted(draw(st.tuples(fractions, fractions)))
    if x0 == x1:
        x0, x1 = 0.0, 1.0
    if y0 == y1:
        y0, y1 = 0.0, 1.0
    return Box(x0=x0, y0=y0, x1=x1, y1=y1)


@given(sides, sides)
@pytest.mark.pitfall("P20")
def test_the_full_box_is_the_full_picture(width: int, height: int) -> None:
    assert Box.full().pixels(width=width, height=height) == PixelBox(0, 0, width, height)


@given(boxes(), sides, sides)
def test_pixels_lie_inside_and_are_never_empty(box: Box, width: int, height: int) -> None:
    pixels = box.pixels(width=width, height=height)
    assert 0 <= pixels.left < pixels.right <= width
    assert 0 <= pixels.top < pixels.bottom <= height


@given(boxes(), st.floats(1, 4), sides, sides)
def test_a_larger_box_contains_the_pixels_of_the_smaller(
    box: Box, factor: float, width: int, height: int
) -> None:
    # Corners are rounded within a billionth of a pixel: a box thinner than that lies on either side.
    assume(box.width * width > 1e-6 and box.height * height > 1e-6)
    inner = box.pixels(width=width, height=height)
    outer = box.scaled(factor).pixels(width=width, height=height)
    assert outer.left <= inner.left
    assert outer.top <= inner.top
    assert outer.right >= inner.right
    assert outer.bottom >= inner.bottom


@given(sides, sides, st.data())
def test_pixel_boxes_survive_the_way_through_fractions(
    width: int, height: int, data: st.DataObject
) -> None:
    left = data.draw(st.integers(0, width - 1))
    right = data.draw(st.integers(left + 1, width))
    top = data.draw(st.integers(0, height - 1))
    bottom = data.draw(st.integers(top + 1, height))
    pixels = PixelBox(left, top, right, bottom)
    box = Box.from_pixels(pixels, width=width, height=height)
    assert box.pixels(width=width, height=height) == pixels


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_bounded(first: Box, second: Box) -> None:
    assert math.isclose(first.iou(second), second.iou(first), abs_tol=1e-12)
    assert 0 <= first.iou(second) <= 1 + 1e-12
    assert math.isclose(first.iou(first), 1)


def test_reversed_corners_are_swapped() -> None:
    assert Box.from_thousandths([900, 800, 100, 200]) == Box(x0=0.1, y0=0.2, x1=0.9, y1=0.8)


@pytest.mark.parametrize(
    "corners",
    [
        [1100, 0, 1200, 100],
        [-50, -50, -1, -1],
        [10, 10, 10, 50],
        [0, 0, 1],
        [math.nan, 0, 1, 1],
        [0, 0, math.inf, 1],
    ],
)
def test_boxes_that_cover_nothing_are_refused_with_a_reason(corners: list[float]) -> None:
    with pytest.raises(ValueError, match="box"):
        Box.from_thousandths(corners)


def test_the_wire_form_loses_nothing() -> None:
    box = Box(x0=0.1234, y0=0.2, x1=0.5678, y1=0.9)
    again = Box.from_thousandths(box.thousandths())
    assert again.x0 <= box.x0
    assert again.x1 >= box.x1


def test_a_scale_must_be_a_positive_number() -> None:
    for factor in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="scale"):
            Box.full().scaled(factor)
