"""Searches a whole picture in reverse: the tool of the modes that may not crop."""

from pydantic import Field

from vision_deepresearch.core.content import ToolCall, ToolSpec
from vision_deepresearch.core.errors import BoundaryError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation, Region
from vision_deepresearch.core.protocols import MediaStore, ToolContext
from vision_deepresearch.core.record import Record
from vision_deepresearch.tools.arguments import read_arguments
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.picture_search import PictureSearch, Query

NAME = "image_search"


class ImageSearchArguments(Record):
    """A picture and what to find out about it."""

    image_id: str = Field(description="Handle of a picture you have seen, for example img_1.")
    goal: str = Field(
        min_length=1,
        max_length=2000,
        description="What to find out; the pages found are read for it.",
    )


class ImageSearch:
    """Searches whole pictures; a box is refused by the schema."""

    def __init__(self, search: PictureSearch, *, media: MediaStore, num_hits: int) -> None:
        self._search = search
        self._num_hits = num_hits
        self._media = media
        self._spec = ToolSpec.of(
            NAME,
            description="Search a whole picture by its looks (reverse image search). The pages "
            "found are read for your goal. Every matched picture gets a handle that you can use "
            "again.",
            arguments=ImageSearchArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Search the picture as it is, uncut."""
        try:
            arguments = read_arguments(ImageSearchArguments, call=call)
            entry = context.bank.get(arguments.image_id)
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        whole = Region(
            handle=entry.handle,
            box=Box.full(),
            scale=1.0,
            searched=Box.full(),
            crop=entry.ref,
            crop_handle=entry.handle,
        )
        query = Query(
            region=whole,
            picture=self._media.picture(entry.ref),
            origin=context.bank.crop_origin(entry, Box.full()),
            num_hits=self._num_hits,
        )
        return await self._search.run((query,), goal=arguments.goal, notices=(), context=context)
