"""Makes a damaged picture better to look at and to search with: light, noise, edges, quarter turns.

Repairs know nothing of what happened to the picture: they are what any picture editor has.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from PIL import Image, ImageFilter, ImageOps

BRIGHTEN_CUTOFF = 0.5
"""Per cent of the values at each end that may be lost when the rest is spread over 0 to 255."""
DENOISE_PX = 5
"""Side of the square whose median a pixel becomes."""
SHARPEN_RADIUS_PX = 3.0
SHARPEN_PERCENT = 250


class Repair(StrEnum):
    """What can be done to a picture."""

    BRIGHTEN = "brighten"
    DENOISE = "denoise"
    SHARPEN = "sharpen"
    ROTATE_90 = "rotate_90"
    """Clockwise, as are the next two."""
    ROTATE_180 = "rotate_180"
    ROTATE_270 = "rotate_270"

    @property
    def quarters(self) -> int:
        """Quarter turns clockwise."""
        return quarter_turns(self)


def quarter_turns(name: str) -> int:
    """Quarter turns clockwise that a name stands for, 0 where it is no turn."""
    return {"rotate_90": 1, "rotate_180": 2, "rotate_270": 3}.get(name, 0)


def quarters_of(repairs: Sequence[Repair]) -> int:
    """Quarter turns clockwise that some repairs come to: 0 to 3."""
    return sum(repair.quarters for repair in repairs) % 4


def repaired(image: Image.Image, repairs: Sequence[Repair]) -> Image.Image:
    """The picture after each repair in order; RGB in, RGB out."""
    for repair in repairs:
        image = _repaired(image, repair)
    return image


def _repaired(image: Image.Image, repair: Repair) -> Image.Image:
    match repair:
        case Repair.BRIGHTEN:
            return ImageOps.autocontrast(image, cutoff=BRIGHTEN_CUTOFF, preserve_tone=True)
        case Repair.DENOISE:
            return image.filter(ImageFilter.MedianFilter(DENOISE_PX))
        case Repair.SHARPEN:
            mask = ImageFilter.UnsharpMask(
                radius=SHARPEN_RADIUS_PX, percent=SHARPEN_PERCENT, threshold=0
            )
            return image.filter(mask)
        case Repair.ROTATE_90:
            return image.transpose(Image.Transpose.ROTATE_270)  # Pillow counts the other way
        case Repair.ROTATE_180:
            return image.transpose(Image.Transpose.ROTATE_180)
        case Repair.ROTATE_270:
            return image.transpose(Image.Transpose.ROTATE_90)
        case _:
            assert_never(repair)
