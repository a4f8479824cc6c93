"""A world that counts its calls against the caller's budget, before they are made.

It also tells the caller's context of outages, which tools turn into words. Outermost wrapper. What a tape answered is counted too, and marked as replayed by the tape's
wrapper, so calls minus replayed ones is what went out.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import SpendKind, current_context
from vision_deepresearch.core.errors import BoundaryError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World


class MeteredWorld:
    """Wraps a world; a call without a context (a query by hand) is not counted."""

    def __init__(self, world: World) -> None:
        self._world = world

    def manifest(self) -> WorldManifest:
        """What the wrapped world is."""
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the wrapped world.

        Raises:
            BudgetExceededError: no image search is left.
            WorldError: the engine failed.
        """
        with _metered(SpendKind.IMAGE_SEARCH):
            return await self._world.search_image(picture, limit=limit, origin=origin)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the wrapped world.

        Raises:
            BudgetExceededError: no text search is left.
            WorldError: the engine failed.
        """
        with _metered(SpendKind.TEXT_SEARCH):
            return await self._world.search_text(query, limit=limit)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the wrapped world.

        Raises:
            BudgetExceededError: no page read is left.
            WorldError: not found, blocked, unreadable...
        """
        with _metered(SpendKind.PAGE_READ):
            return await self._world.read(url, cursor=cursor)

    async def asset(self, url: str) -> Asset:
        """As the wrapped world.

        Raises:
            BudgetExceededError: no picture fetch is left.
            WorldError: not found, blocked, not a picture...
        """
        with _metered(SpendKind.ASSET):
            return await self._world.asset(url)


@contextmanager
def _metered(kind: SpendKind) -> Iterator[None]:
    context = current_context.get()
    if context is None:
        yield
        return
    context.budget.reserve(kind)
    try:
        yield
    except BoundaryError as failure:
        context.outage.note(failure)
        raise
