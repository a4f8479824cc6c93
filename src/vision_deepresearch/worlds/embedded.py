"""What worlds with indexes of their own share: work beside the event loop, and looks remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import BadImageError, FailureKind, WorldError, boundary
from vision_deepresearch.worlds.index.hybrid import HybridIndex
from vision_deepresearch.worlds.index.visual import VisualHit, VisualIndex

PARALLEL = 4
"""Searches and reads at a time, each in a thread."""
MAX_HITS = 50
_CACHED_LOOKS = 2048
_MIN_LOOKED = 10
"""Hits fetched at least, so that a later call with a larger limit needs no second look."""

_T = TypeVar("_T")
_K = TypeVar("_K")


class Threads:
    """Runs work of the CPU beside the event loop, a few at a time; any number of loops."""

    def __init__(self) -> None:
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def run(self, what: str, work: Callable[[], _T]) -> _T:
        """Run it in a thread.

        Raises:
            WorldError: it failed; `what` says at which step.
        """
        async with self._slot():
            with boundary(WorldError, what):
                return await asyncio.to_thread(work)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        if loop not in self._slots:
            self._slots[loop] = asyncio.Semaphore(PARALLEL)
        async with self._slots[loop]:
            yield


class Recent(Generic[_K, _T]):
    """The latest results by key, the oldest given up first. Safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[_K, _T] = OrderedDict()

    def get(self, key: _K) -> _T | None:
        """What was kept."""
        return self._kept.get(key)

    def put(self, key: _K, value: _T) -> _T:
        """Keep it."""
        self._kept[key] = value
        while len(self._kept) > self._size:
            try:
                self._kept.popitem(last=False)
            except KeyError:  # another thread was faster
                break
        return value


class Looks:
    """Reverse image search with a memory: sibling episodes ask the same pictures."""

    def __init__(self, visuals: VisualIndex | HybridIndex) -> None:
        self._visuals = visuals
        self._num_pictures = int(visuals.facts["pictures"])
        self._found: Recent[str, tuple[VisualHit, ...]] = Recent(_CACHED_LOOKS)

    def find(self, picture: Picture, limit: int) -> tuple[VisualHit, ...]:
        """The pictures that resemble one, best first.

        Raises:
            WorldError: the bytes are no picture (bad_image).
        """
        limit = min(max(limit, 0), MAX_HITS)
        known = self._found.get(picture.ref.sha256)
        if known is None or len(known) < min(limit, self._num_pictures):
            try:
                hits = self._visuals.search(picture.load(), max(limit, _MIN_LOOKED))
            except BadImageError as reason:
                raise WorldError(FailureKind.BAD_IMAGE, "the picture cannot be decoded") from reason
            known = self._found.put(picture.ref.sha256, tuple(hits))
        return known[:limit]

    def near_words(self, query: str, limit: int) -> list[str]:
        """Ids of pictures near some words, best first; none without a text tower."""
        if not isinstance(self._visuals, HybridIndex):
            return []
        return self._visuals.near_words(query, limit)
