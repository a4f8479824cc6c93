"""Brings the texts of a world into an index elsewhere, and lets the world be searched there.

Only words are counted there; pages, pictures and snippets still come from the world's folder, which
is never written: it may be read-only, and any number of machines may share it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.worlds.embedded import MAX_HITS
from vision_deepresearch.worlds.index.opensearch import filling
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace
from vision_deepresearch.worlds.index.seam import Added, TextStats, TextStore
from vision_deepresearch.worlds.index.text import TextDoc, TextHit, TextIndex

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
_REPORT_EVERY = 100


class IndexedWorld(World, Protocol):
    """A world that can tell its texts: a generated or a corpus one."""

    @property
    def texts(self) -> TextIndex:
        """Its own text index."""
        ...

    def text_docs(self) -> Iterator[TextDoc]:
        """What its text index counts, page by page."""
        ...

    async def text_evidence(self, hits: Sequence[TextHit], *, query: str) -> list[Evidence]:
        """Pages that were found by words, whoever found them.

        Raises:
            WorldError: a hit is no page of this world.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of a world's pages on the way to an index."""

    added: Added
    """All counts 0 where the index was complete before."""
    stats: TextStats
    is_complete: bool
    """Whether every page is in it; else it is not opened for searching."""


async def push_world(
    world: IndexedWorld,
    place: OpenSearchPlace,
    *,
    policy: CallPolicy,
    progress: Progress | None = None,
) -> Pushed:
    """Index a world's texts on a search server. Again goes on where it was stopped.

    Args:
        world: whose texts.
        place: server and index; the index is made if it is not there.
        policy: how the server is called.
        progress: told about every hundred pages.

    Returns:
        What became of them; an index with refused pages is left open and incomplete.

    Raises:
        ConfigError: the index is there and holds something else.
        WorldError: the server failed.

    Memory: one request. Cost: the writing of every page of a generated world, and of its terms.
    """
    texts, about = world.texts, world.manifest()
    num_pages = int(texts.facts["documents"])
    async with filling(
        place,
        terms=texts,
        policy=policy,
        world_id=about.world_id,
        content=texts.facts["content"],
    ) as store:
        if store.is_complete:
            return Pushed(added=Added(), stats=await store.stats(), is_complete=True)
        added = await store.add(_told(world.text_docs(), num_pages, progress))
        await store.refresh()
        stats = await store.stats()
        is_complete = not added.refused and stats.num_pages == num_pages
        if is_complete:
            await store.seal()
        return Pushed(added=added, stats=stats, is_complete=is_complete)


def _told(docs: Iterator[TextDoc], total: int, progress: Progress | None) -> Iterator[TextDoc]:
    for done, doc in enumerate(docs):
        if progress is not None and done % _REPORT_EVERY == 0:
            progress("pages sent", done, total)
        yield doc
    if progress is not None:
        progress("pages sent", total, total)


class SearchedElsewhere:
    """A world whose pages are found by an index elsewhere. A `World`.

    Everything but the finding comes from the world itself.
    """

    def __init__(self, world: IndexedWorld, *, store: TextStore) -> None:
        self._world = world
        self._store = store

    def manifest(self) -> WorldManifest:
        """What the world is."""
        return self._world.manifest()

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Pages by words, best first.

        Raises:
            WorldError: the index failed, or found what is no page of this world.
        """
        hits = await self._store.search(query, min(limit, MAX_HITS))
        return await self._world.text_evidence(hits, query=query)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the world does."""
        return await self._world.search_image(picture, limit=limit, origin=origin)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the world does."""
        return await self._world.read(url, cursor=cursor)

    async def asset(self, url: str) -> Asset:
        """As the world does."""
        return await self._world.asset(url)
