"""Stage 6: which crops of a region are searched: several scales about its middle. Pure geometry."""

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.media.crop import distinct_boxes
from vision_deepresearch.synth.stage import EachStage, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.settings import RegionSettings
from vision_deepresearch.synth.vqa_records import Crop, CutRegion, Region


def cut_regions(settings: RegionSettings) -> EachStage:
    """Regions of few pixels are rejected; crops that show the same are made once."""

    async def apply(region: Region, _: CallContext) -> Kept[CutRegion] | Rejected:
        image = region.photo.image
        exact = region.box.pixels(width=image.width, height=image.height)
        if min(exact.width, exact.height) < settings.min_side_px:
            return Rejected(reason="tiny_region", detail=f"{exact.width}x{exact.height} px")
        boxes = [region.box.scaled(scale) for scale in settings.scales]
        crops = tuple(
            Crop(scale=settings.scales[number], box=boxes[number])
            for number in distinct_boxes(boxes, max_iou=settings.max_iou).kept
        )
        return Kept((CutRegion(**dict(region), crops=crops),))

    return each_stage(
        apply, name="cut_regions", takes=Region, gives=CutRegion, config=settings, concurrency=1
    )
