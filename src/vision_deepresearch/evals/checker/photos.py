"""Pictures on pages of which the page says nothing: which they are, and eyes to look at them with."""

from dataclasses import dataclass, field

from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.core.page import PageImage
from vision_deepresearch.core.protocols import World
from vision_deepresearch.evals.checker.crawl import Library, patiently
from vision_deepresearch.evals.checker.facts import FactTable
from vision_deepresearch.evals.checker.sight import References, Sight, picture_of


@dataclass(slots=True, kw_only=True)
class PagePictures:
    """Of one world; each is fetched once."""

    world: World
    library: Library
    facts: FactTable
    references: References
    _sights: dict[str, Sight | None] = field(default_factory=dict)

    def wordless(self, page_url: str) -> list[PageImage]:
        """Pictures of a page without caption and alternative text; none where it was not read."""
        page = self.library.page(page_url)
        images = page.images if page is not None else ()
        return [one for one in images if not one.caption.strip() and not one.alt.strip()]

    async def sight(self, page_url: str) -> Sight | None:
        """The one such picture of a page; None: it has none, or several, or it cannot be had.

        Raises:
            BadImageError: what lies there is no picture.
        """
        if page_url not in self._sights:
            self._sights[page_url] = await self._fetched(page_url)
        return self._sights[page_url]

    async def _fetched(self, page_url: str) -> Sight | None:
        images = self.wordless(page_url)
        if len(images) != 1:
            return None
        try:
            asset = await patiently(lambda: self.world.asset(images[0].src))
        except WorldError:
            return None
        return Sight(
            world=self.world,
            library=self.library,
            facts=self.facts,
            picture=picture_of(asset.data),
            references=self.references,
        )
