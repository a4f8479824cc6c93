"""Finds and reads the pages of a world as a visitor does: links, and searches for what was found.

No list of addresses is asked for: pages that neither a search nor a link leads to stay unknown,
as they do to everybody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import urldefrag

from pydantic import TypeAdapter

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.protocols import World
from vision_deepresearch.evals.checker.text import WebPage, read_page

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""

FIRST_QUERIES = (
    "list of",
    "album pictures",
    "town",
    "museum",
    "ship",
    "painter",
    "festival",
    "company",
    "river",
    "facts about",
    "anyone know more",
    "a closer look",
)
"""What a visitor who knows nothing of the world might try."""
_LIMIT = 20
"""Hits of each search; most pages are found by links."""
_AT_ONCE = 8
_BATCH = 256
_MAX_WINDOWS = 200
"""Of one page; more means that cursors run in a circle."""
_TIMES_TOLD = 4
"""Reading stops at so many times the pages that the manifest tells of."""
_MAX_PAGES = 200_000
_TRIES = 3
_WAIT_S = 0.2
_MAX_WAIT_S = 5.0

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Library:
    """The pages that were found."""

    pages: dict[str, WebPage] = field(default_factory=dict)
    """By final address, in the order they were read."""
    final: dict[str, str] = field(default_factory=dict)
    """Address as asked for -> final address."""
    dead: dict[str, str] = field(default_factory=dict)
    """Address that cannot be read -> why."""

    def page(self, url: str) -> WebPage | None:
        """The page behind an address, if it could be read."""
        address = urldefrag(url).url
        return self.pages.get(self.final.get(address, address))

    def save(self, path: Path) -> None:
        """Keep it in a file, for other processes."""
        path.write_bytes(_LIBRARY.dump_json(self))

    @classmethod
    def load(cls, path: Path) -> "Library":
        """What `save` wrote."""
        return _LIBRARY.validate_json(path.read_bytes())


_LIBRARY = TypeAdapter(Library)


async def crawl(
    world: World, *, seeds: Iterable[str] = (), progress: Progress | None = None
) -> Library:
    """Read everything that can be found.

    Args:
        world: searched and read by its public methods alone.
        seeds: addresses to begin with besides what first searches find.
        progress: told how many pages were read, of how many known.

    Cost: one read per page and window, one search per distinct heading.
    """
    library = Library()
    told = world.manifest().counts.get("pages")
    most = min(told * _TIMES_TOLD, _MAX_PAGES) if told else _MAX_PAGES
    known = dict.fromkeys(urldefrag(seed).url for seed in seeds)
    searched: set[str] = set()
    for url in await _search_all(world, FIRST_QUERIES):
        known.setdefault(url)
    done = 0
    while done < len(known) and len(library.pages) < most:
        batch = list(islice(known, done, done + _BATCH))
        done += len(batch)
        pages = await in_order([
            lambda url=url: _read(world, url, library=library) for url in batch
        ])
        fresh = [page for page in pages if page is not None]
        headings = dict.fromkeys(page.heading for page in fresh if page.heading not in searched)
        searched.update(headings)
        for page in fresh:
            for link in page.links:
                known.setdefault(urldefrag(link).url)
        for url in await _search_all(world, tuple(headings)):
            known.setdefault(url)
        if progress is not None:
            progress("pages", done, max(len(known), done))
    return library


async def _search_all(world: World, queries: Sequence[str]) -> list[str]:
    found = await in_order([lambda query=query: _search(world, query) for query in queries])
    return [url for urls in found for url in urls]


async def _search(world: World, query: str) -> list[str]:
    try:
        hits = await patiently(lambda: world.search_text(query, limit=_LIMIT))
    except WorldError:
        return []  # a query the engine refuses finds nothing
    return [urldefrag(hit.url).url for hit in hits]


async def _read(world: World, url: str, *, library: Library) -> WebPage | None:
    """Read a page with all its windows; None: dead, or known under another address."""
    windows: list[Page] = []
    cursor: str | None = None
    try:
        while cursor is not None or not windows:
            windows.append(await patiently(lambda at=cursor: world.read(url, cursor=at)))
            cursor = windows[-1].cursor
            if cursor is not None and len(windows) >= _MAX_WINDOWS:
                raise WorldError(FailureKind.UPSTREAM, f"more than {_MAX_WINDOWS} windows")
    except WorldError as reason:
        library.dead[url] = str(reason)
        return None
    first = windows[0]
    final = urldefrag(first.final_url).url
    library.final[url] = final
    if final in library.pages:
        return None
    images = {image.src: image for window in windows for image in window.images}
    links = dict.fromkeys(link.url for window in windows for link in window.links)
    library.pages[final] = read_page(
        "\n\n".join(window.markdown for window in windows),
        url=final,
        title=first.title,
        published=first.published,
        images=tuple(images.values()),
        links=tuple(links),
    )
    return library.pages[final]


async def patiently(call: Callable[[], Awaitable[_T]]) -> _T:
    """Ask again where the outside only stumbled: a stumble is no property of the page.

    Raises:
        WorldError: it failed for good, or too often.
    """
    for _ in range(_TRIES - 1):
        try:
            return await call()
        except WorldError as reason:
            if not reason.kind.is_retryable:
                raise
            await asyncio.sleep(min(reason.retry_after_s or _WAIT_S, _MAX_WAIT_S))
    return await call()


async def in_order(calls: Sequence[Callable[[], Awaitable[_T]]]) -> list[_T]:
    """Their results in order, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Callable[[], Awaitable[_T]]) -> _T:
        async with gate:
            return await call()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call)) for call in calls]
    return [task.result() for task in tasks]
