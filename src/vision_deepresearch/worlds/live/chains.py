"""Several engines of one role as one: the first that answers, or all of them merged by rank."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import BoundaryError, FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import PageEngine, PictureEngine, ReadPage, TextEngine

T = TypeVar("T")
E = TypeVar("E")
RANK_OFFSET = 60
"""Of reciprocal rank fusion, 1 / (offset + rank). Source: Cormack et al., SIGIR 2009."""
_FINAL = frozenset({FailureKind.NOT_FOUND, FailureKind.BLOCKED, FailureKind.BAD_ARGS})
"""About the page, not the reader: another reader is not asked, least of all to get around a
refusal."""


async def first_answer(
    engines: Sequence[E],
    ask: Callable[[E], Awaitable[T]],
    *,
    final: frozenset[FailureKind] = frozenset(),
) -> T:
    """Ask one engine after the other until one answers; an empty answer is one.

    Args:
        engines: at least one, in order of preference.
        ask: asks one.
        final: kinds of failure after which no other is asked.

    Raises:
        WorldError: the failure of the first, when all failed, or a final one.
    """
    failures: list[WorldError] = []
    for engine in engines:
        try:
            return await ask(engine)
        except WorldError as failure:
            if failure.kind in final:
                raise
            failures.append(failure)
    raise failures[0]


async def merged_search(engines: Sequence[TextEngine], query: str, *, limit: int) -> list[Evidence]:
    """Ask all engines at the same time and merge their hits by reciprocal rank.

    Raises:
        BoundaryError: the failure of the first, when all failed.
    """

    async def ask(engine: TextEngine) -> list[Evidence] | BoundaryError:
        try:
            return await engine.search_text(query, limit=limit)
        except BoundaryError as failure:  # a spent budget too: what others found is not lost
            return failure

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(engine)) for engine in engines]
    answers = [task.result() for task in tasks]
    found = [answer for answer in answers if not isinstance(answer, BoundaryError)]
    if not found:
        raise next(answer for answer in answers if isinstance(answer, BoundaryError))
    return merge(found, limit=limit)


def merge(lists: Sequence[Sequence[Evidence]], *, limit: int) -> list[Evidence]:
    """Hits of several lists in one, by the sum of 1 / (60 + rank); ties keep the order of lists.

    A page named by several stands as its first list has it, with the first snippet that says
    something. The score is the sum.
    """
    scores: dict[str, float] = {}
    kept: dict[str, Evidence] = {}
    for hits in lists:
        for rank, hit in enumerate(hits):
            key = same_page(hit.url)
            scores[key] = scores.get(key, 0.0) + 1.0 / (RANK_OFFSET + rank)
            known = kept.setdefault(key, hit)
            if not known.snippet and hit.snippet:
                kept[key] = known.model_copy(update={"snippet": hit.snippet})
    order = sorted(kept, key=lambda key: -scores[key])
    return [
        kept[key].model_copy(update={"rank": rank, "score": scores[key]})
        for rank, key in enumerate(order[:limit])
    ]


def same_page(url: str) -> str:
    """Addresses that name the same page in all likelihood give the same text."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    except ValueError:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{port}{parts.path.rstrip('/')}{query}"


class TextChain:
    """Text engines of one world."""

    def __init__(self, engines: Sequence[TextEngine], *, merges: bool) -> None:
        self.engines = tuple(engines)
        self._merges = merges and len(engines) > 1

    async def search(self, query: str, *, limit: int) -> list[Evidence]:
        """Pages by words.

        Raises:
            WorldError: all failed.
        """
        if self._merges:
            return await merged_search(self.engines, query, limit=limit)
        return await first_answer(
            self.engines, lambda engine: engine.search_text(query, limit=limit)
        )


class PictureChain:
    """Picture engines of one world."""

    def __init__(self, engines: Sequence[PictureEngine]) -> None:
        self.engines = tuple(engines)

    async def search(self, picture: Picture, *, limit: int) -> list[Evidence]:
        """Pages by a picture.

        Raises:
            WorldError: all failed.
        """
        return await first_answer(
            self.engines, lambda engine: engine.search_picture(picture, limit=limit)
        )


class ReaderChain:
    """Readers of one world."""

    def __init__(self, engines: Sequence[PageEngine]) -> None:
        self.engines = tuple(engines)

    async def read(self, url: str) -> ReadPage:
        """A whole page.

        Raises:
            WorldError: the page is not there or may not be read, or all readers failed.
        """
        return await first_answer(self.engines, lambda engine: engine.read_page(url), final=_FINAL)
