"""Cuts a region out of a picture for the model to look at, without searching anything."""

import asyncio
from collections.abc import Sequence

from pydantic import Field, field_validator

from vision_deepresearch.core.bank import BankEntry, Origin
from vision_deepresearch.core.content import Image, ImageRef, ToolCall, ToolSpec, trusted
from vision_deepresearch.core.errors import BadImageError, BoundaryError, FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import MediaStore, ToolContext
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.crop import cut, pixels_to_cut
from vision_deepresearch.media.repair import Repair, quarters_of
from vision_deepresearch.tools.arguments import read_arguments, unwrap_json
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.wire_box import CORNERS_ARE, Corners, fault_of

NAME = "zoom"
ENLARGE_TO_PX = 768
"""Longer side of what is shown, where the picture has less."""
MAX_REPAIRS = 4
"""Of one call."""


class ZoomArguments(Record):
    """A picture and the region to look at."""

    image_id: str = Field(description="Handle of a picture you have seen, for example img_1.")
    bbox: Corners = Field(description=f"One box [x1, y1, x2, y2] {CORNERS_ARE}")

    @field_validator("bbox", mode="before")
    @classmethod
    def _a_list_of_one_box_is_that_box(cls, value: object) -> object:
        box = unwrap_json(value)
        return box[0] if isinstance(box, list) and len(box) == 1 else box


class RepairArguments(ZoomArguments):
    """The same, and what to do about a damaged picture; `Zoom(offers_repair=True)` takes these."""

    repair: tuple[Repair, ...] = Field(
        default=(),
        max_length=MAX_REPAIRS,
        description="What to do to the region before it is shown, in this order: brighten a dark "
        "picture, denoise, sharpen, or turn it clockwise by 90, 180 or 270 degrees. Boxes in the "
        "new picture are counted in the new picture.",
    )

    @field_validator("repair", mode="before")
    @classmethod
    def _one_name_is_a_list_of_one(cls, value: object) -> object:
        repairs = unwrap_json(value)
        return [repairs] if isinstance(repairs, str) else repairs


class Zoom:
    """Shows a region enlarged, under a handle of its own.

    Args:
        media: where pictures are read from and crops are put.
        offers_repair: whether the region can be repaired; False: neither told of nor accepted.
    """

    def __init__(self, *, media: MediaStore, offers_repair: bool = False) -> None:
        self._media = media
        self._offers_repair = offers_repair
        self._spec = ToolSpec.of(
            NAME,
            description="Look at a region of a picture enlarged: the region is cut out and shown "
            "to you under a new handle. Nothing is searched. Crops and pictures that a search "
            "named but did not show can be looked at too: [0, 0, 1000, 1000] is the whole."
            + (" A damaged picture can be repaired on the way." if offers_repair else ""),
            arguments=RepairArguments if offers_repair else ZoomArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Cut the region out and show it."""
        try:
            repairs: tuple[Repair, ...] = ()
            if self._offers_repair:
                arguments: ZoomArguments = (more := read_arguments(RepairArguments, call=call))
                repairs = more.repair
            else:
                arguments = read_arguments(ZoomArguments, call=call)
            entry = context.bank.get(arguments.image_id)
            fault = fault_of(arguments.bbox)
            if fault is not None:
                raise BoundaryError(FailureKind.BAD_ARGS, f"the box {fault}")
            box = Box.from_thousandths(arguments.bbox)
            ref = await asyncio.to_thread(self._cut, entry, box, repairs)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        quarters = quarters_of(repairs)
        origin = Origin(kind="crop", handle=entry.handle, box=box, quarters=quarters)
        handle = context.bank.add(ref, origin)
        corners = ", ".join(str(corner) for corner in box.thousandths())
        native = pixels_to_cut(box, width=entry.ref.width, height=entry.ref.height)
        width, height = native.width, native.height
        if quarters % 2:
            width, height = height, width
        size = f"{ref.width} x {ref.height} pixels"
        if ref.width > width:
            size += f", enlarged from {width} x {height}"
        if repairs:
            size += f", repaired: {', '.join(repairs)}"
        label = trusted(f"{handle}: {entry.handle} [{corners}], {size}\n")
        return Observation(parts=(label, Image(ref=ref, handle=handle)))

    def _cut(self, entry: BankEntry, box: Box, repairs: Sequence[Repair]) -> ImageRef:
        try:
            data = self._media.load(entry.ref)
            return self._media.put(cut(data, box, enlarge_to_px=ENLARGE_TO_PX, repairs=repairs))
        except (BadImageError, KeyError):
            raise BoundaryError(
                FailureKind.BAD_IMAGE, "the picture cannot be opened: choose another one"
            ) from None
