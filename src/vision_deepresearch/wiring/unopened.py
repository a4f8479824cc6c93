"""A world that is not opened: stands where stages are made only to be asked for what they expect."""

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest


class UnopenedWorld:
    """Knows its name; a `World` of which nothing can be asked."""

    def __init__(self, name: str) -> None:
        self._name = name

    def manifest(self) -> WorldManifest:
        """See `World`."""
        return WorldManifest(world_id="", kind="unopened", name=self._name, format_version=0)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """See `World`."""
        del picture, limit, origin
        raise self._refusal()

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """See `World`."""
        del query, limit
        raise self._refusal()

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """See `World`."""
        del url, cursor
        raise self._refusal()

    async def asset(self, url: str) -> Asset:
        """See `World`."""
        del url
        raise self._refusal()

    def _refusal(self) -> WorldError:
        return WorldError(FailureKind.BAD_REQUEST, f"world {self._name!r} was not opened")
