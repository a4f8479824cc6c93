"""Cuts that a model is to look at, kept where its client finds pictures."""

import asyncio

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.protocols import MediaStore
from vision_deepresearch.media.crop import cut

_LOOK_PX = 640
"""Longer side that a small cut is enlarged to. Our default."""


async def crop_of(picture: Picture, box: Box, *, media: MediaStore) -> Picture:
    """What a box shows.

    Raises:
        BadImageError: the picture cannot be decoded.
    """

    def make() -> Picture:
        return media.picture(media.put(cut(picture.load(), box, enlarge_to_px=_LOOK_PX)))

    return await asyncio.to_thread(make)
