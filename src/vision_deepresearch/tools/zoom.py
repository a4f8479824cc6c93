"""Cuts a region out of a picture for the model to look at, without searching anything."""

import asyncio

from pydantic import Field, field_validator

from vision_deepresearch.core.bank import BankEntry, Origin
from vision_deepresearch.core.content import Image, ImageRef, ToolCall, ToolSpec, trusted
from vision_deepresearch.core.errors import BadImageError, BoundaryError, FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import MediaStore, ToolContext
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.crop import cut, pixels_to_cut
from vision_deepresearch.tools.arguments import read_arguments, unwrap_json
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.wire_box import CORNERS_ARE, Corners, fault_of

NAME = "zoom"
ENLARGE_TO_PX = 768
"""Longer side of what is shown, where the picture has less."""


class ZoomArguments(Record):
    """A picture and the region to look at."""

    image_id: str = Field(description="Handle of a picture you have seen, for example img_1.")
    bbox: Corners = Field(description=f"One box [x1, y1, x2, y2] {CORNERS_ARE}")

    @field_validator("bbox", mode="before")
    @classmethod
    def _a_list_of_one_box_is_that_box(cls, value: object) -> object:
        box = unwrap_json(value)
        return box[0] if isinstance(box, list) and len(box) == 1 else box


class Zoom:
    """Shows a region enlarged, under a handle of its own."""

    def __init__(self, *, media: MediaStore) -> None:
        self._media = media
        self._spec = ToolSpec.of(
            NAME,
            description="Look at a region of a picture enlarged: the region is cut out and shown "
            "to you under a new handle. Nothing is searched. Crops and pictures that a search "
            "named but did not show can be looked at too: [0, 0, 1000, 1000] is the whole.",
            arguments=ZoomArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Cut the region out and show it."""
        try:
            arguments = read_arguments(ZoomArguments, call=call)
            entry = context.bank.get(arguments.image_id)
            fault = fault_of(arguments.bbox)
            if fault is not None:
                raise BoundaryError(FailureKind.BAD_ARGS, f"the box {fault}")
            box = Box.from_thousandths(arguments.bbox)
            ref = await asyncio.to_thread(self._cut, entry, box)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        handle = context.bank.add(ref, Origin(kind="crop", handle=entry.handle, box=box))
        corners = ", ".join(str(corner) for corner in box.thousandths())
        native = pixels_to_cut(box, width=entry.ref.width, height=entry.ref.height)
        width, height = native.right - native.left, native.bottom - native.top
        size = f"{ref.width} x {ref.height} pixels"
        if ref.width > width:
            size += f", enlarged from {width} x {height}"
        label = trusted(f"{handle}: {entry.handle} [{corners}], {size}\n")
        return Observation(parts=(label, Image(ref=ref, handle=handle)))

    def _cut(self, entry: BankEntry, box: Box) -> ImageRef:
        try:
            return self._media.put(
                cut(self._media.load(entry.ref), box, enlarge_to_px=ENLARGE_TO_PX)
            )
        except (BadImageError, KeyError):
            raise BoundaryError(
                FailureKind.BAD_IMAGE, "the picture cannot be opened: choose another one"
            ) from None
