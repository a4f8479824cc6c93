"""Previews are small JPEGs of any picture we accept, and never enlarge."""

import io

import pytest
from PIL import Image as PilImage

from tests.builders import a_picture
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.preview import preview


def test_a_preview_keeps_the_shape_and_never_enlarges() -> None:
    large = PilImage.open(io.BytesIO(preview(a_picture(width=400, height=200), max_side_px=100)))
    small = PilImage.open(io.BytesIO(preview(a_picture(width=40, height=20), max_side_px=100)))
    assert (large.format, large.size) == ("JPEG", (100, 50))
    assert small.size == (40, 20)


def test_a_preview_of_anything_else_is_refused() -> None:
    with pytest.raises(BadImageError):
        preview(b"<svg xmlns='http://www.w3.org/2000/svg'/>", max_side_px=100)
