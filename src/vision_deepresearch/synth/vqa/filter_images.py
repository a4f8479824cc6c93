"""Stages 2-4: complex pictures that are large enough, each once, and not to be found as they are.

Source: arXiv 2601.22060, section 2.2: at least 224 x 224, complex real pictures chosen by a model,
none that a search of the whole picture finds. Near-duplicates out: ours.
"""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import BadImageError, BoundaryError
from vision_deepresearch.media.look import difference, look_of
from vision_deepresearch.synth.stage import (
    EachStage,
    Expected,
    Kept,
    Rejected,
    WholeStage,
    each_stage,
    whole_stage,
)
from vision_deepresearch.synth.vqa.means import Means, hit_of
from vision_deepresearch.synth.vqa.settings import PictureSettings
from vision_deepresearch.synth.vqa_records import Hit, Photo

_ALIKE_LOOKED_AT = 3
"""Hits whose own picture is compared with ours."""


PhotoT = TypeVar("PhotoT", bound=Photo)


def filter_images(
    means: Means, settings: PictureSettings, *, of: type[PhotoT] = Photo
) -> EachStage:
    """Size, then complexity by the selector. `of`: the record that has the picture."""
    selector = means.roles.selector

    async def apply(photo: PhotoT, context: CallContext) -> Kept[PhotoT] | Rejected:
        size = f"{photo.image.width}x{photo.image.height}"
        if min(photo.image.width, photo.image.height) < settings.min_side_px:
            return Rejected(reason="too_small", detail=f"{size} px")
        chosen = await selector.select(photo, means.picture(photo), context=context)
        if chosen.is_kept:
            return Kept((photo,))
        failed = ", ".join(name for name, holds in chosen.criteria.items() if not holds)
        return Rejected(reason="too_plain", detail=chosen.reason or f"not: {failed}")

    return each_stage(
        apply,
        name="filter_images",
        takes=of,
        gives=of,
        config=means.identity(settings, role=selector.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.9,
            calls={SpendKind.MODEL_CALL: 1},
            prompt_tokens=1_600,
            completion_tokens=150,
        ),
    )


def drop_doubles(settings: PictureSettings) -> WholeStage:
    """Of pictures that look the same the first is kept."""

    def apply(photos: Sequence[Photo]) -> list[Kept[Photo] | Rejected]:
        kept: list[Photo] = []
        decided: list[Kept[Photo] | Rejected] = []
        for photo in photos:
            twin = next(
                (one for one in kept if difference(one.look, photo.look) <= settings.same_bits),
                None,
            )
            if twin is None:
                kept.append(photo)
                decided.append(Kept((photo,)))
            else:
                decided.append(Rejected(reason="near_duplicate", detail=f"of {twin.id}"))
        return decided

    return whole_stage(apply, name="drop_doubles", takes=Photo, gives=Photo, config=settings)


def search_whole(means: Means, settings: PictureSettings, *, of: type[PhotoT] = Photo) -> EachStage:
    """A picture that image search knows as it is teaches no crops."""

    async def apply(photo: PhotoT, _: CallContext) -> Kept[PhotoT] | Rejected:
        found = await means.world.search_image(means.picture(photo), limit=settings.whole_hits)
        hits = tuple(hit_of(hit) for hit in found[: settings.whole_hits])
        for hit in hits[:_ALIKE_LOOKED_AT]:
            if await _is_same(means, photo, hit, same_bits=settings.same_bits):
                return Rejected(reason="exact_match", detail=hit.url)
        return Kept((photo.model_copy(update={"whole": hits}),))

    return each_stage(
        apply,
        name="search_whole",
        takes=of,
        gives=of,
        config=means.identity(settings),
        concurrency=means.concurrency,
        expected=Expected(kept=0.95, calls={SpendKind.IMAGE_SEARCH: 1, SpendKind.ASSET: 3}),
    )


async def _is_same(means: Means, photo: Photo, hit: Hit, *, same_bits: int) -> bool:
    """Whether a hit's picture is ours. One that cannot be had is none that a reader would see."""
    if hit.image_url is None or not hit.label or hit.label == "visually similar":
        return False
    try:
        asset = await means.world.asset(hit.image_url)
        look = await asyncio.to_thread(look_of, asset.data)
    except (BoundaryError, BadImageError):
        return False
    return difference(look, photo.look) <= same_bits
