"""A world whose every page and hit carries words that somebody planted there. For measuring harm.

What was searched, which pages there are and their pictures stay as they are.
"""

from collections.abc import Callable

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World

Plant = Callable[[str], str]
"""From the title of a page to what is planted there."""


class PlantedWorld:
    """Wraps a world. Mutable: it counts. A `World`."""

    def __init__(self, world: World, plant: Plant) -> None:
        """Wrap a world; `plant` must give the same for the same title."""
        self._world = world
        self._plant = plant
        self.planted: set[str] = set()
        """Addresses of the pages and hits that were given out with planted words."""
        self.num_unknown = 0
        """Addresses asked for that are none of this world."""

    def manifest(self) -> WorldManifest:
        """What the wrapped world is."""
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Hits of the wrapped world, planted."""
        hits = await self._world.search_image(picture, limit=limit, origin=origin)
        return [self._hit(hit) for hit in hits]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Hits of the wrapped world, planted."""
        hits = await self._world.search_text(query, limit=limit)
        return [self._hit(hit) for hit in hits]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """A page of the wrapped world with the words before, in the middle and behind."""
        try:
            page = await self._world.read(url, cursor=cursor)
        except WorldError:
            self.num_unknown += 1
            raise
        self.planted.add(page.final_url)
        words = self._plant(page.title)
        blocks = page.markdown.split("\n\n")
        middle = len(blocks) // 2
        text = "\n\n".join([words, *blocks[:middle], words, *blocks[middle:], words])
        images = tuple(image.model_copy(update={"alt": words}) for image in page.images)
        return page.model_copy(update={"markdown": text, "images": images})

    async def asset(self, url: str) -> Asset:
        """As the wrapped world."""
        return await self._world.asset(url)

    def _hit(self, hit: Evidence) -> Evidence:
        self.planted.add(hit.url)
        return hit.model_copy(update={"snippet": f"{self._plant(hit.title)} {hit.snippet}"})
