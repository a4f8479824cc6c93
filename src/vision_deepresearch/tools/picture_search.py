"""Searches pictures and reads the pages they stand on: what `crop_and_search` and `image_search` share.

Order: all pictures are searched at the same time; then every distinct page is read once, at the
same time, however many pictures led to it; then everything is laid out in the order of the regions.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.bank import CropOrigin, ImageBank, Origin
from vision_deepresearch.core.content import ImageRef, Picture, Text, trusted, untrusted
from vision_deepresearch.core.errors import BoundaryError, WorldError, boundary
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Region
from vision_deepresearch.core.protocols import MediaStore, Summariser, ToolContext, World
from vision_deepresearch.tools.failures import words_for
from vision_deepresearch.tools.layout import (
    Block,
    Outcome,
    compose,
    labelled,
    link,
    notes_of,
    one_line,
)
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.pictures import PictureFetcher, file_name
from vision_deepresearch.tools.reading import PageFailed, PageRead, PageReading, Wanted

WEAK_LABEL = "visually similar"
"""The engine's word for a hit that is probably a stranger."""
_PREVIEWS = 2
"""Matched pictures shown to a summariser for one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A picture to be searched and the region it is."""

    region: Region
    picture: Picture
    origin: CropOrigin
    num_hits: int | None = None
    """Hits to show; None: as many as for a crop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A searched region with its hits."""

    query: Query
    region: Region
    hits: tuple[Evidence, ...]
    to_read: frozenset[int]
    """Ranks of the hits whose pages are worth reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What was brought for the hits."""

    goal: str
    pages: Mapping[str, PageRead | PageFailed]
    """By url of the hit."""
    images: Mapping[str, ImageRef]
    """Matched pictures that could be opened, by their url."""
    handles: Mapping[str, str]
    """Their names in the bank, by their url."""


class PictureSearch:
    """Searches pictures of one trajectory's bank in one world."""

    def __init__(
        self, *, world: World, media: MediaStore, summariser: Summariser, limits: ToolLimits
    ) -> None:
        self.pictures = PictureFetcher(world=world, media=media)
        """Counts the pictures tried and accepted over the life of the tool."""
        self._world = world
        self._limits = limits
        self._reading = PageReading(
            world=world, summariser=summariser, pictures=self.pictures, limits=limits
        )

    async def run(
        self, queries: Sequence[Query], *, goal: str, notices: Sequence[str], context: ToolContext
    ) -> Observation:
        """Search, read, lay out. Fails only when every search failed."""
        gate = asyncio.Semaphore(self._limits.concurrent)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._search(query, gate=gate)) for query in queries]
        found = [task.result() for task in tasks]
        material = await self._bring(found, goal=goal, context=context, gate=gate)
        blocks = list(_blocks(found, material=material, snippet_chars=self._limits.snippet_chars))
        failures = [item.region.failure for item in found if item.region.failure is not None]
        failed = failures[0] if len(failures) == len(found) else None
        outcome = Outcome(
            notices=[*notices, *_notices_of(found, material=material)],
            regions=tuple(item.region for item in found),
            failure=failed,
            message=f"image search failed ({words_for(failed)})" if failed else "",
        )
        return compose(blocks, outcome, max_chars=self._limits.result_chars)

    async def _search(self, query: Query, *, gate: asyncio.Semaphore) -> _Found:
        limit = query.num_hits or self._limits.hits_per_region
        try:
            async with gate:
                with boundary(WorldError, "image search"):
                    hits = await self._world.search_image(
                        query.picture, limit=limit, origin=query.origin
                    )
        except BoundaryError as error:
            region = query.region.model_copy(update={"failure": error.kind})
            return _Found(query=query, region=region, hits=(), to_read=frozenset())
        shown = tuple(hits[:limit])
        # A longer list is shown, not read: pages cost, and the first hits say most.
        first = shown[: self._limits.hits_per_region]
        strong = [rank for rank, hit in enumerate(first) if hit.label != WEAK_LABEL]
        weak = range(min(len(shown), self._limits.weak_pages))
        return _Found(
            query=query,
            region=query.region.model_copy(update={"hits": len(shown)}),
            hits=shown,
            to_read=frozenset(strong or weak),
        )

    async def _bring(
        self,
        found: Sequence[_Found],
        *,
        goal: str,
        context: ToolContext,
        gate: asyncio.Semaphore,
    ) -> _Material:
        """Fetch matched pictures, then read every distinct page once."""
        first: dict[str, _Found] = {}
        matched: dict[str, list[str]] = {}
        for item in found:
            for rank in sorted(item.to_read):
                hit = item.hits[rank]
                first.setdefault(hit.url, item)
                if hit.image_url:
                    matched.setdefault(hit.url, []).append(hit.image_url)
        thumbnails = [url for urls in matched.values() for url in urls]
        images = await self.pictures.fetch_all(thumbnails, gate=gate)
        handles = _named(images, order=thumbnails, bank=context.bank)
        sees = self._reading.sees_pictures
        wanted = [
            Wanted(
                url=url,
                goal=goal,
                query_image=item.query.picture,
                previews=tuple(
                    self.pictures.picture(images[source])
                    for source in dict.fromkeys(matched.get(url, ()))
                    if source in images
                )[:_PREVIEWS],
                num_pictures=self._limits.summary_pictures if sees else 0,
            )
            for url, item in first.items()
        ]
        pages = await self._reading.read_all(wanted, context=context.call, gate=gate)
        return _Material(
            goal=goal, pages=dict(zip(first, pages, strict=True)), images=images, handles=handles
        )


def _named(
    images: Mapping[str, ImageRef], *, order: Sequence[str], bank: ImageBank
) -> dict[str, str]:
    """Put fetched pictures into the bank, in the order of the hits."""
    return {
        url: bank.add(images[url], Origin(kind="fetched", url=url))
        for url in dict.fromkeys(order)
        if url in images
    }


def _notices_of(found: Sequence[_Found], *, material: _Material) -> Iterator[str]:
    failed = sum(item.region.failure is not None for item in found)
    if 0 < failed < len(found):
        yield f"image search failed for {failed} of {len(found)} regions"
    for page in material.pages.values():
        if isinstance(page, PageRead) and page.summary.note:
            yield page.summary.note
    tried = {
        hit.image_url
        for item in found
        for rank, hit in enumerate(item.hits)
        if hit.image_url and rank in item.to_read
    }
    if tried and not material.images:
        yield f"none of {len(tried)} matched pictures could be opened"


# ---------------------------------------------------------------------------------------- layout


def _blocks(found: Sequence[_Found], *, material: _Material, snippet_chars: int) -> Iterator[Block]:
    """One block per hit; the first of a region carries the region's header."""
    numbers: dict[str, int] = {}
    number = 0
    for index, item in enumerate(found):
        header = _header(item.region, index=index)
        if not item.hits:
            yield Block(parts=header)
            continue
        for rank, hit in enumerate(item.hits):
            number += 1
            opening = (*header, trusted("\n\n")) if rank == 0 else ()
            block = _Hit(
                hit=hit, number=number, index=index, rank=rank, goal=material.goal, opening=opening
            )
            yield block.laid_out(material, seen=numbers.get(hit.url), snippet_chars=snippet_chars)
            if hit.url in material.pages:
                numbers.setdefault(hit.url, number)


def _header(region: Region, *, index: int) -> tuple[Text, ...]:
    corners = ", ".join(str(corner) for corner in region.box.thousandths())
    name = f"Region {index + 1}: {region.handle} [{corners}] at scale {region.scale:g}"
    if region.crop_handle != region.handle:
        name += f", crop {region.crop_handle}"
    if region.failure is not None:
        return (trusted(f"{name}\nImage search failed ({words_for(region.failure)})."),)
    hits = "no hits" if not region.hits else "1 hit" if region.hits == 1 else f"{region.hits} hits"
    return (trusted(f"{name}: {hits}"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """One hit on its way into the result."""

    hit: Evidence
    number: int
    index: int
    """Of its region."""
    rank: int
    goal: str
    opening: tuple[Text, ...]

    def laid_out(self, material: _Material, *, seen: int | None, snippet_chars: int) -> Block:
        """The hit with its page, or a pointer to where the page was shown already."""
        hit, page = self.hit, material.pages.get(self.hit.url)
        title = hit.title or (page.page.title if isinstance(page, PageRead) else "")
        head = (*self.opening, trusted(f"[{self.number}] "), link(title, hit.url))
        marks = _marks(hit, handle=material.handles.get(hit.image_url or ""))
        if seen is not None:
            pointer = trusted(f"\nSame page as [{seen}]: see there.")
            return self._block((*head, *marks, pointer), material=material)
        if page is None:
            return self._block((*head, *marks), material=material)
        if isinstance(page, PageFailed):
            snippet = one_line(hit.snippet, max_chars=snippet_chars)
            failed = (trusted("\nPage not read: "), untrusted(page.words))
            told = (*head, *marks, *failed, *labelled("", snippet))
            return self._block(told, material=material, snippet=snippet)
        caption = one_line(hit.snippet, max_chars=snippet_chars)
        words = (
            labelled("Its caption: ", caption)
            if caption
            else labelled("Its file: ", file_name(hit.image_url or ""))
        )
        parts = (
            *head,
            *marks,
            *words,
            *labelled("Published: ", page.page.published or hit.published),
        )
        return Block(
            parts=(*parts, *notes_of(page.summary)),
            evidence=(
                self._evidence(material, snippet=caption),
                self._page_evidence(page, title=title),
            ),
            short=self._block((*head, *marks), material=material),
        )

    def _block(self, parts: tuple[Text, ...], *, material: _Material, snippet: str = "") -> Block:
        return Block(parts=parts, evidence=(self._evidence(material, snippet=snippet),))

    def _evidence(self, material: _Material, *, snippet: str) -> Evidence:
        source = self.hit.image_url or ""
        return self.hit.model_copy(
            update={
                "kind": EvidenceKind.IMAGE_HIT,
                "snippet": snippet,
                "image": material.images.get(source),
                "handle": material.handles.get(source),
                "region": self.index,
                "rank": self.rank,
                "query": self.goal,
            }
        )

    def _page_evidence(self, read: PageRead, *, title: str) -> Evidence:
        return Evidence(
            kind=EvidenceKind.PAGE,
            url=self.hit.url,
            title=title,
            snippet="\n".join(filter(None, (read.summary.evidence, read.summary.summary))),
            published=read.page.published or self.hit.published,
            region=self.index,
            rank=self.rank,
            query=self.goal,
            world_id=read.page.world_id or self.hit.world_id,
            doc_id=read.page.doc_id or self.hit.doc_id,
            quotes=read.quotes(),
            degraded=read.summary.degraded,
        )


def _marks(hit: Evidence, *, handle: str | None) -> tuple[Text, ...]:
    """How well the picture matches, in the engine's words, and the matched picture's name."""
    marks: list[Text] = []
    if hit.label:
        marks += [trusted("\nMatch: "), untrusted(one_line(hit.label, max_chars=40))]
        if hit.score is not None:
            marks.append(trusted(f" (score {hit.score:.4g})"))
    if handle is not None:
        marks.append(trusted(f"{', ' if marks else chr(10)}picture {handle}"))
    return tuple(marks)
