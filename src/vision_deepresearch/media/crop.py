"""What a box shows: exact pixels cut out of a picture, small cuts enlarged, doubles merged.

A cut covers its box and never loses a row or column: the full box is the full picture.

Source: arXiv 2601.22060 public code (crop, twice the size by LANCZOS). Departures: half-open pixels
instead of corners clamped to W-1, a minimum side, a pixel cap, and only small cuts are enlarged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.geometry import Box, PixelBox
from vision_deepresearch.media.decode import MAX_STORED_BYTES, decode, one_large_at_a_time
from vision_deepresearch.media.encode import to_png
from vision_deepresearch.media.repair import Repair, repaired
from vision_deepresearch.media.store import pixel_hash

MIN_SIDE_PX = 64
"""A cut is grown about its centre to this, as far as the picture allows."""
UPSCALE_BELOW_PX = 512
"""A cut whose longer side is shorter than this is doubled; no other cut is."""
MAX_ENLARGEMENT = 8
"""A cut to be looked at is enlarged so much at most: there is nothing more to see in it."""
MAX_CUT_PIXELS = 6_000_000
"""A larger cut is scaled down to this, so that its PNG stays below the 20 MiB of any picture."""
SEARCHED_SIDE_PX = 512
"""Longer side of a cut that is searched by the thousand: indexes look at fewer pixels."""
MAX_IOU = 0.85
"""Boxes that overlap more than this show the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctBoxes:
    """Boxes without near-duplicates."""

    kept: tuple[int, ...]
    """Indices of the boxes to use, in order; the first of several alike is kept."""
    merged: dict[int, int]
    """Index of each box that was left out -> index of the kept box it doubles."""


def cut(
    data: bytes,
    box: Box,
    *,
    min_side_px: int = MIN_SIDE_PX,
    enlarge_to_px: int | None = None,
    repairs: Sequence[Repair] = (),
) -> bytes:
    """Cut a box out of a picture.

    Args:
        data: stored bytes of the picture.
        box: what to show.
        min_side_px: shorter sides of the cut are grown to this where the picture allows.
        enlarge_to_px: longer side of a smaller cut that is to be looked at; None: one that is to be
            searched, enlarged by the rule below.
        repairs: done to the cut, in order, before it is enlarged.

    Returns:
        A PNG: the pixels of the box, twice as large if the longer side is below 512 px, scaled
        down if they are more than 6 Mpx.

    Raises:
        BadImageError: `data` is no picture we accept.

    Cost: one decode of the whole picture; use `cut_all` for several boxes, in a thread.
    """
    return cut_all(
        data, [box], min_side_px=min_side_px, enlarge_to_px=enlarge_to_px, repairs=repairs
    )[0]


def cut_all(
    data: bytes,
    boxes: Sequence[Box],
    *,
    min_side_px: int = MIN_SIDE_PX,
    enlarge_to_px: int | None = None,
    repairs: Sequence[Repair] = (),
) -> list[bytes]:
    """Cut several boxes out of one picture, decoding it once; as `cut` otherwise."""
    with one_large_at_a_time(data):
        image = decode(data, max_bytes=MAX_STORED_BYTES).image
        cuts = (_cut_image(image, box, min_side_px=min_side_px) for box in boxes)
        return [to_png(_enlarged(repaired(part, repairs), to_px=enlarge_to_px)) for part in cuts]


def cut_to_search(data: bytes, boxes: Sequence[Box]) -> list[Picture]:
    """Cut boxes out for an image search, as `cut_all`, but none larger than an index looks at.

    Nothing is put into a store: what is asked for can be cut again from picture and box.

    Raises:
        BadImageError: `data` is no picture we accept.

    Cost: one decode, and about 5 ms a box.
    """
    with one_large_at_a_time(data):
        image = decode(data, max_bytes=MAX_STORED_BYTES).image
        parts = [_cut_image(image, box, min_side_px=MIN_SIDE_PX) for box in boxes]
    return [_to_search(part) for part in parts]


def _to_search(part: Image.Image) -> Picture:
    part.thumbnail((SEARCHED_SIDE_PX, SEARCHED_SIDE_PX), Image.Resampling.BOX)
    data = to_png(part)
    ref = ImageRef(
        sha256=pixel_hash(part), width=part.width, height=part.height, media_type="image/png"
    )
    return Picture(ref=ref, load=lambda: data)


def pixels_to_cut(box: Box, *, width: int, height: int, min_side_px: int = MIN_SIDE_PX) -> PixelBox:
    """The half-open pixels a cut shows: those of the box, grown to the minimum side.

    Shapes: `width` and `height` are the picture's, in pixels.
    """
    exact = box.pixels(width=width, height=height)
    left, right = _grow(exact.left, exact.right, least=min_side_px, limit=width)
    top, bottom = _grow(exact.top, exact.bottom, least=min_side_px, limit=height)
    return PixelBox(left, top, right, bottom)


def thumbnail(data: bytes, *, max_side_px: int) -> bytes:
    """A PNG of the picture whose longer side is at most `max_side_px`; never enlarged.

    Raises:
        BadImageError: `data` is no picture we accept.
    """
    with one_large_at_a_time(data):
        image = decode(data, max_bytes=MAX_STORED_BYTES).image
        image.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    return to_png(image)


def distinct_boxes(boxes: Sequence[Box], *, max_iou: float = MAX_IOU) -> DistinctBoxes:
    """Leave out boxes that nearly equal an earlier one.

    Cost: one row of numpy per box; 10,000 boxes take about a second.
    Shapes: K = boxes kept so far.
    """
    kept: list[int] = []
    merged: dict[int, int] = {}
    edges_4K = np.empty((4, len(boxes)))
    for index, box in enumerate(boxes):
        overlaps_K = _iou(box, edges_4K[:, : len(kept)])
        twin = int(overlaps_K.argmax()) if kept else 0
        if kept and overlaps_K[twin] > max_iou:
            merged[index] = kept[twin]
        else:
            edges_4K[:, len(kept)] = box.x0, box.y0, box.x1, box.y1
            kept.append(index)
    return DistinctBoxes(kept=tuple(kept), merged=merged)


def _cut_image(image: Image.Image, box: Box, *, min_side_px: int) -> Image.Image:
    part = image.crop(
        pixels_to_cut(box, width=image.width, height=image.height, min_side_px=min_side_px)
    )
    if part.width * part.height > MAX_CUT_PIXELS:
        scale = math.sqrt(MAX_CUT_PIXELS / (part.width * part.height))
        size = max(int(part.width * scale), 1), max(int(part.height * scale), 1)
        return part.resize(size, Image.Resampling.LANCZOS)
    return part


def _enlarged(part: Image.Image, *, to_px: int | None) -> Image.Image:
    """A small cut larger: twice for a search, to the size asked for when it is looked at."""
    longest = max(part.size)
    if to_px is None:
        factor = 2.0 if longest < UPSCALE_BELOW_PX else 1.0
    else:
        factor = min(max(to_px / longest, 1.0), MAX_ENLARGEMENT)
    if factor == 1.0:
        return part
    size = round(part.width * factor), round(part.height * factor)
    return part.resize(size, Image.Resampling.LANCZOS)


def _grow(start: int, end: int, *, least: int, limit: int) -> tuple[int, int]:
    """Widen a half-open interval about its centre to `least`, shifted to stay in 0..limit."""
    missing = min(least, limit) - (end - start)
    if missing <= 0:
        return start, end
    start = min(max(start - missing // 2, 0), limit - (end - start + missing))
    return start, start + min(least, limit)


def _iou(box: Box, edges_4K: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with K others given as rows x0, y0, x1, y1."""
    x0_K, y0_K, x1_K, y1_K = edges_4K
    widths_K = (np.minimum(x1_K, box.x1) - np.maximum(x0_K, box.x0)).clip(min=0)
    heights_K = (np.minimum(y1_K, box.y1) - np.maximum(y0_K, box.y0)).clip(min=0)
    shared_K = widths_K * heights_K
    return shared_K / (box.area + (x1_K - x0_K) * (y1_K - y0_K) - shared_K)
