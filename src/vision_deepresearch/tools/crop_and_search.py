"""Cuts regions out of any picture, at several scales, and searches each of them in reverse.

Order: check, cap, scale, merge what overlaps, cut, merge what looks the same, search. What is
skipped, merged or bad is said in a notice; the call fails only when nothing is left.

Source: arXiv 2601.22060 section 2 (multi-entity, multi-scale visual search).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, field_validator

from vision_deepresearch.core.bank import BankEntry, Origin
from vision_deepresearch.core.content import ImageRef, ToolCall, ToolSpec
from vision_deepresearch.core.errors import BadImageError, BoundaryError, FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation, Region
from vision_deepresearch.core.protocols import MediaStore, ToolContext
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.crop import cut_all, distinct_boxes
from vision_deepresearch.tools.arguments import read_arguments, unwrap_json
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.limits import MAX_SCALES, ToolLimits
from vision_deepresearch.tools.picture_search import PictureSearch, Query
from vision_deepresearch.tools.wire_box import CORNERS_ARE, Corners, fault_of

NAME = "crop_and_search"


class CropAndSearchArguments(Record):
    """Regions of a picture and what to find out about them."""

    image_id: str = Field(description="Handle of a picture you have seen, for example img_1.")
    bbox: tuple[Corners, ...] = Field(
        min_length=1,
        description=f"One or more boxes [x1, y1, x2, y2] {CORNERS_ARE}",
    )
    goal: str = Field(
        min_length=1,
        max_length=2000,
        description="What to find out; the pages found are read for it.",
    )
    scales: tuple[Annotated[float, Field(ge=0.5, le=4.0)], ...] = Field(
        default=(1.0,),
        min_length=1,
        max_length=MAX_SCALES,
        description="Each box is searched at each scale: 1 is the box itself, 2 twice its width "
        "and height about its centre.",
    )

    @field_validator("bbox", mode="before")
    @classmethod
    def _one_flat_box_is_a_list_of_one(cls, value: object) -> object:
        boxes = unwrap_json(value)
        if isinstance(boxes, list) and boxes and isinstance(boxes[0], int | float | str):
            return [boxes]
        return boxes

    @field_validator("scales", mode="before")
    @classmethod
    def _one_number_is_a_list_of_one(cls, value: object) -> object:
        scales = unwrap_json(value)
        return [scales] if isinstance(scales, int | float) else scales


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A region to be cut out."""

    number: int
    """Of its box in the call, from 1."""
    box: Box
    scale: float
    searched: Box

    @property
    def words(self) -> str:
        return f"box {self.number} at scale {self.scale:g}"


class CropAndSearch:
    """Searches regions of pictures; see the module."""

    def __init__(self, search: PictureSearch, *, media: MediaStore, limits: ToolLimits) -> None:
        self._search = search
        self._media = media
        self._limits = limits
        self._spec = ToolSpec.of(
            NAME,
            description="Cut regions out of a picture and search each region by its looks "
            "(reverse image search). The pages found are read for your goal. Use tight boxes "
            "around single things - an emblem, a face, a poster, a facade - and several boxes or "
            f"scales in one call to compare. At most {limits.boxes} boxes. Every crop and every "
            "matched picture gets a handle that you can use again.",
            arguments=CropAndSearchArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Cut and search the regions of one call."""
        try:
            arguments = read_arguments(CropAndSearchArguments, call=call)
            entry = context.bank.get(arguments.image_id)
            notices: list[str] = []
            cuts = self._plan(arguments, notices=notices)
            queries = await self._cut_all(cuts, entry=entry, notices=notices, context=context)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        return await self._search.run(
            queries, goal=arguments.goal, notices=notices, context=context
        )

    def _plan(self, arguments: CropAndSearchArguments, *, notices: list[str]) -> list[_Cut]:
        """The regions to cut, without those that nearly coincide.

        Raises:
            BoundaryError: no box is usable (bad_args).
        """
        listed = arguments.bbox[: self._limits.boxes]
        if skipped := len(arguments.bbox) - len(listed):
            notices.append(f"{skipped} skipped: one call takes {self._limits.boxes} boxes")
        faults: list[str] = []
        cuts: list[_Cut] = []
        for number, corners in enumerate(listed, start=1):
            fault = fault_of(corners)
            if fault is not None:
                faults.append(f"box {number} {fault}")
                continue
            box = Box.from_thousandths(corners)
            for scale in dict.fromkeys(arguments.scales):
                searched = box if scale == 1 else box.scaled(scale)
                cuts.append(_Cut(number=number, box=box, scale=scale, searched=searched))
        if not cuts:
            raise BoundaryError(FailureKind.BAD_ARGS, "; ".join(faults))
        notices.extend(f"{fault}: not searched" for fault in faults)
        distinct = distinct_boxes([candidate.searched for candidate in cuts])
        notices.extend(
            f"{cuts[double].words} is nearly {cuts[kept].words}: searched once"
            for double, kept in distinct.merged.items()
        )
        return [cuts[index] for index in distinct.kept]

    async def _cut_all(
        self,
        cuts: Sequence[_Cut],
        *,
        entry: BankEntry,
        notices: list[str],
        context: ToolContext,
    ) -> list[Query]:
        """Cut in a thread, drop crops with the same pixels, name the rest in order.

        Raises:
            BoundaryError: nothing could be cut (bad_image).
        """
        crops = await asyncio.to_thread(self._cut, entry.ref, [region.searched for region in cuts])
        queries: list[Query] = []
        first: dict[str, _Cut] = {}
        for region, crop in zip(cuts, crops, strict=True):
            if crop is None:
                notices.append(f"{region.words}: image cropping failed")
                continue
            same = first.setdefault(crop.sha256, region)
            if same is not region:
                notices.append(f"{region.words} looks the same as {same.words}: searched once")
                continue
            queries.append(self._query(region, crop=crop, entry=entry, context=context))
        if not queries:
            raise BoundaryError(FailureKind.BAD_IMAGE, "nothing could be cut out of the picture")
        return queries

    def _query(
        self, region: _Cut, *, crop: ImageRef, entry: BankEntry, context: ToolContext
    ) -> Query:
        origin = Origin(kind="crop", handle=entry.handle, box=region.searched)
        handle = context.bank.add(crop, origin)
        return Query(
            region=Region(
                handle=entry.handle,
                box=region.box,
                scale=region.scale,
                searched=region.searched,
                crop=crop,
                crop_handle=handle,
            ),
            picture=self._media.picture(crop),
            origin=context.bank.crop_origin(entry, region.searched),
        )

    def _cut(self, ref: ImageRef, boxes: Sequence[Box]) -> list[ImageRef | None]:
        """One decode for all boxes; None where a crop cannot be kept.

        Raises:
            BoundaryError: the picture itself cannot be opened (bad_image).
        """
        try:
            crops = cut_all(self._media.load(ref), boxes)
        except (BadImageError, KeyError):
            raise BoundaryError(FailureKind.BAD_IMAGE, "the picture cannot be opened") from None
        return [self._kept(crop) for crop in crops]

    def _kept(self, crop: bytes) -> ImageRef | None:
        try:
            return self._media.put(crop)
        except BadImageError:
            return None
