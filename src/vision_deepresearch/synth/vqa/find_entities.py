"""Stage 5: boxes around things. Proposed by a model: paper; their number and sizes: ours."""

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.media.crop import distinct_boxes
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import RegionSettings
from vision_deepresearch.synth.vqa_records import Photo, Region


def find_entities(means: Means, settings: RegionSettings) -> EachStage:
    """Each thing becomes a record of its own."""
    spotter = means.roles.spotter

    async def apply(photo: Photo, context: CallContext) -> Kept[Region] | Rejected:
        spots = await spotter.spot(
            photo, means.picture(photo), limit=settings.max_boxes, context=context
        )
        fitting = [
            spot
            for spot in spots[: settings.max_boxes]
            if settings.min_area <= spot.box.area <= settings.max_area
        ]
        boxes = [spot.box for spot in fitting]
        kept = distinct_boxes(boxes, max_iou=settings.max_iou).kept
        if not kept:
            return Rejected(reason="no_boxes", detail=f"{len(spots)} proposed, none usable")
        regions = (
            Region(
                id=f"{photo.id}.{number}",
                photo=photo,
                number=number,
                box=boxes[number],
                says=fitting[number].says,
                others=tuple(boxes[other] for other in kept if other != number),
            )
            for number in kept
        )
        return Kept(tuple(regions))

    return each_stage(
        apply,
        name="find_entities",
        takes=Photo,
        gives=Region,
        config=means.identity(settings, role=spotter.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=5, calls={SpendKind.MODEL_CALL: 1}, prompt_tokens=1_700, completion_tokens=400
        ),
    )
