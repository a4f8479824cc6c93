"""Damages a picture as cameras and the web do: dark, noisy, blurred, small, badly compressed, turned.

The same bytes, damage and seed give the same pixels. Nothing is cut off; a turn is by quarters, so
that a box of the picture stays a box (`Box.turned`).
"""

import io
from enum import StrEnum
from typing import assert_never

import numpy as np
from PIL import Image, ImageFilter

from vision_deepresearch.media.decode import MAX_STORED_BYTES, decode, one_large_at_a_time
from vision_deepresearch.media.encode import to_png
from vision_deepresearch.media.repair import quarter_turns

DARK_TO = 0.03
"""Low light: what is left of each value: some 8 levels."""
NOISE_SD = 110.0
"""Standard deviation of what is added to each value of 0 to 255."""
BLUR_FRAC = 1 / 200
"""Radius of the blur, of the longer side."""
SMALL_FRAC = 1 / 5
"""Low resolution: of each side."""
JPEG_QUALITY = 2
"""Of 1 to 100."""


class Damage(StrEnum):
    """What may have happened to a picture."""

    LOW_LIGHT = "low_light"
    NOISE = "noise"
    BLUR = "blur"
    LOW_RESOLUTION = "low_resolution"
    JPEG = "jpeg"
    ROTATE_90 = "rotate_90"
    """Turned clockwise, as are the next two."""
    ROTATE_180 = "rotate_180"
    ROTATE_270 = "rotate_270"

    @property
    def quarters(self) -> int:
        """Quarter turns clockwise."""
        return quarter_turns(self)


def degrade(data: bytes, damage: Damage, *, seed: int) -> bytes:
    """A PNG of the picture with one damage.

    Args:
        data: stored bytes of the picture.
        damage: what happens to it.
        seed: of the noise; the others draw nothing.

    Raises:
        BadImageError: `data` is no picture we accept.

    Cost: one decode and one encode, about 0.1 s for 1 Mpx; call it in a thread.
    """
    with one_large_at_a_time(data):
        return to_png(_damaged(decode(data, max_bytes=MAX_STORED_BYTES).image, damage, seed=seed))


def _damaged(image: Image.Image, damage: Damage, *, seed: int) -> Image.Image:
    match damage:
        case Damage.LOW_LIGHT:
            return image.point([round(value * DARK_TO) for value in range(256)] * 3)
        case Damage.NOISE:
            values = np.asarray(image, np.float32)
            noise = np.random.default_rng(seed).normal(0.0, NOISE_SD, values.shape)
            return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8), "RGB")
        case Damage.BLUR:
            return image.filter(ImageFilter.GaussianBlur(max(image.size) * BLUR_FRAC))
        case Damage.LOW_RESOLUTION:
            size = max(1, int(image.width * SMALL_FRAC)), max(1, int(image.height * SMALL_FRAC))
            return image.resize(size, Image.Resampling.BOX)
        case Damage.JPEG:
            output = io.BytesIO()
            image.save(output, "JPEG", quality=JPEG_QUALITY)
            return decode(output.getvalue()).image
        case Damage.ROTATE_90:
            return image.transpose(Image.Transpose.ROTATE_270)  # Pillow counts the other way
        case Damage.ROTATE_180:
            return image.transpose(Image.Transpose.ROTATE_180)
        case Damage.ROTATE_270:
            return image.transpose(Image.Transpose.ROTATE_90)
        case _:
            assert_never(damage)
