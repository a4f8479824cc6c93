"""Perceptual hashes: near-duplicates are near, other pictures are not."""

import cv2
import numpy as np
import pytest

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.look import difference, look_of


def a_picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)


def encoded(pixels: np.ndarray, *, quality: int = 90) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [int(cv2.IMWRITE_JPEG_QUALITY), quality])[1])


@pytest.mark.parametrize("seed", range(5))
def test_size_encoding_and_brightness_change_few_bits(seed: int) -> None:
    pixels = a_picture(seed)
    look = look_of(encoded(pixels))
    small = cv2.resize(pixels, (320, 240), interpolation=cv2.INTER_AREA)
    bright = np.clip(pixels.astype(np.int16) + 12, 0, 255).astype(np.uint8)
    for other in (encoded(pixels, quality=40), encoded(small), encoded(bright)):
        assert difference(look, look_of(other)) <= 6


def test_other_pictures_are_far() -> None:
    looks = [look_of(encoded(a_picture(seed))) for seed in range(12)]
    gaps = [difference(a, b) for n, a in enumerate(looks) for b in looks[:n]]
    assert min(gaps) > 10


def test_no_picture_has_no_look() -> None:
    for data in (b"", b"no picture"):
        with pytest.raises(BadImageError):
            look_of(data)
