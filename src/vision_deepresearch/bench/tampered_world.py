"""A world in which single pages were changed: dead, unfindable, or saying something more."""

from dataclasses import dataclass, field
from urllib.parse import urldefrag

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World


@dataclass(slots=True, kw_only=True)
class TamperedWorld:
    """Any world, with defects planted into its pages."""

    world: World
    dead: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    """No search gives them, no link leads to them; they can be read by who knows the address."""
    edits: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By address: (old, new) of a text that stands there once."""
    added: dict[str, list[str]] = field(default_factory=dict)
    """By address: lines put below."""

    @property
    def is_tampered(self) -> bool:
        """Whether any page differs."""
        return bool(self.dead or self.hidden or self.edits or self.added)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the world, hidden pages left out."""
        return self._shown(await self.world.search_image(picture, limit=limit, origin=origin))

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the world, hidden pages left out."""
        return self._shown(await self.world.search_text(query, limit=limit))

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the world, changed where it was planted.

        Raises:
            WorldError: the page is dead, or the world does not have it.
        """
        address = urldefrag(url).url
        if address in self.dead:
            raise WorldError(FailureKind.NOT_FOUND, "planted: this page is dead")
        page = await self.world.read(url, cursor=cursor)
        text = page.markdown
        for old, new in self.edits.get(address, ()):
            assert text.count(old) == 1, (address, old)
            text = text.replace(old, new)
        text = "\n\n".join([text, *self.added.get(address, ())])
        links = tuple(link for link in page.links if link.url not in self.hidden)
        return page.model_copy(update={"markdown": text, "links": links})

    async def asset(self, url: str) -> Asset:
        """As the world."""
        return await self.world.asset(url)

    def manifest(self) -> WorldManifest:
        """Of the world."""
        return self.world.manifest()

    def _shown(self, hits: list[Evidence]) -> list[Evidence]:
        return [hit for hit in hits if hit.url not in self.hidden]
