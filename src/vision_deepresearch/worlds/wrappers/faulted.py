"""A world whose engine and reader misbehave by a plan, behind the call policy: to test with.

Unlike `noise`, which changes what a world says by arithmetic on the request, this is about time and
failures over a whole run: bursts, outages, hangs. What is answered is the wrapped world's own.
"""

from vision_deepresearch.calls.faults.provider import FaultedProvider
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World


class FaultedWorld:
    """Wraps a world: one provider for searches, one for pages and their pictures."""

    def __init__(self, world: World, *, engine: FaultedProvider, reader: FaultedProvider) -> None:
        self._world = world
        self._engine = engine
        self._reader = reader

    def manifest(self) -> WorldManifest:
        """What the wrapped world is."""
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the wrapped world.

        Raises:
            WorldError: the engine failed for good.
        """
        return await self._engine.call(
            lambda: self._world.search_image(picture, limit=limit, origin=origin),
            what="image search",
        )

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the wrapped world.

        Raises:
            WorldError: the engine failed for good.
        """
        return await self._engine.call(
            lambda: self._world.search_text(query, limit=limit), what="text search"
        )

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the wrapped world.

        Raises:
            WorldError: the reader failed for good, or as the wrapped world.
        """
        return await self._reader.call(
            lambda: self._world.read(url, cursor=cursor), what="reading a page"
        )

    async def asset(self, url: str) -> Asset:
        """As the wrapped world.

        Raises:
            WorldError: the reader failed for good, or as the wrapped world.
        """
        return await self._reader.call(lambda: self._world.asset(url), what="fetching a picture")
