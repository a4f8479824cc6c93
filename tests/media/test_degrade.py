"""Damages and repairs: where a box lies after a turn, what a repair brings back."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vision_deepresearch.core.geometry import Box, PixelBox
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.degrade import Damage, degrade
from vision_deepresearch.media.encode import to_png
from vision_deepresearch.media.repair import Repair, quarters_of, repaired

WIDTH, HEIGHT = 40, 24
TURNS = (Damage.ROTATE_90, Damage.ROTATE_180, Damage.ROTATE_270)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def a_picture(*, width: int = 160, height: int = 120) -> bytes:
    """Coloured squares, no two alike in a turn."""
    values = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return to_png(Image.fromarray(values, "RGB").resize((width, height), Image.Resampling.NEAREST))


@given(
    left=st.integers(0, WIDTH - 1),
    top=st.integers(0, HEIGHT - 1),
    width=st.integers(1, WIDTH),
    height=st.integers(1, HEIGHT),
    damage=st.sampled_from(TURNS),
)
def test_a_turned_box_covers_the_same_pixels(
    left: int, top: int, width: int, height: int, damage: Damage
) -> None:
    edge = PixelBox(left, top, min(left + width, WIDTH), min(top + height, HEIGHT))
    values = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    values[edge.top : edge.bottom, edge.left : edge.right] = 255
    turned = pixels(degrade(to_png(Image.fromarray(values, "RGB")), damage, seed=0))
    box = Box.from_pixels(edge, width=WIDTH, height=HEIGHT).turned(damage.quarters)
    there = box.pixels(width=turned.shape[1], height=turned.shape[0])
    assert turned[there.top : there.bottom, there.left : there.right].all()
    assert (turned > 0).sum() == 3 * there.width * there.height


@pytest.mark.parametrize("damage", TURNS)
def test_the_opposite_turn_brings_the_picture_back(damage: Damage) -> None:
    data = a_picture()
    back = Repair(f"rotate_{360 - 90 * damage.quarters}")
    assert (damage.quarters + quarters_of([back])) % 4 == 0
    turned = degrade(data, damage, seed=0)
    assert not np.array_equal(pixels(turned), pixels(data))
    mended = cut(turned, Box.full(), enlarge_to_px=1, repairs=[back])
    assert np.array_equal(pixels(mended), pixels(data))


@pytest.mark.parametrize("damage", list(Damage))
def test_a_damage_is_seen_and_is_the_same_again(damage: Damage) -> None:
    data = a_picture()
    first = degrade(data, damage, seed=3)
    assert first == degrade(data, damage, seed=3)
    assert pixels(first).tobytes() != pixels(data).tobytes()
    is_drawn = damage is Damage.NOISE
    assert (first != degrade(data, damage, seed=4)) == is_drawn


def test_repairs_do_what_they_are_called() -> None:
    data = a_picture()
    plain = pixels(data).astype(float)
    dark = Image.open(io.BytesIO(degrade(data, Damage.LOW_LIGHT, seed=0)))
    bright = np.asarray(repaired(dark, [Repair.BRIGHTEN])).astype(float)
    assert np.asarray(dark).max() < 10
    assert bright.mean() > 80
    noisy = Image.open(io.BytesIO(degrade(data, Damage.NOISE, seed=0)))
    calm = np.asarray(repaired(noisy, [Repair.DENOISE])).astype(float)
    assert np.abs(calm - plain).mean() < np.abs(np.asarray(noisy).astype(float) - plain).mean()
    blurred = Image.open(io.BytesIO(degrade(a_picture(width=1600), Damage.BLUR, seed=0)))
    sharp = np.asarray(repaired(blurred, [Repair.SHARPEN])).astype(float)
    assert sharp.std() > np.asarray(blurred).astype(float).std()
