"""Fetches pictures of hits and pages into the media store; one that cannot be had is no failure.

A picture is judged by decoding it, never by its size in bytes: thumbnails are small. How many were
tried and how many could be opened is counted, so that a reader that never sees a picture is noticed.
"""

import asyncio
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.errors import BadImageError, BoundaryError, WorldError, boundary
from vision_deepresearch.core.protocols import MediaStore, World

MIN_SIDE_PX = 32
"""Smaller pictures are decoration."""


class PictureFetcher:
    """Brings pictures in by url, at most `concurrent` at a time. Mutable: it counts."""

    def __init__(self, *, world: World, media: MediaStore) -> None:
        self._world = world
        self._media = media
        self.num_candidates = 0
        """Pictures that were tried."""
        self.num_accepted = 0
        """Of these, how many could be opened."""

    async def fetch_all(
        self, urls: Iterable[str], *, gate: asyncio.Semaphore
    ) -> Mapping[str, ImageRef]:
        """Fetch each url once, at the same time; those that failed are missing in the result."""
        distinct = tuple(dict.fromkeys(urls))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._fetch(url, gate=gate)) for url in distinct]
        found = {url: task.result() for url, task in zip(distinct, tasks, strict=True)}
        return {url: ref for url, ref in found.items() if ref is not None}

    def picture(self, ref: ImageRef) -> Picture:
        """A fetched picture with the way to its bytes."""
        return self._media.picture(ref)

    async def _fetch(self, url: str, *, gate: asyncio.Semaphore) -> ImageRef | None:
        self.num_candidates += 1
        try:
            async with gate:
                with boundary(WorldError, "fetching a picture"):
                    asset = await self._world.asset(url)
            ref = await asyncio.to_thread(self._media.put, asset.data)
        except (BoundaryError, BadImageError):
            return None
        if min(ref.width, ref.height) < MIN_SIDE_PX:
            return None
        self.num_accepted += 1
        return ref


def file_name(url: str) -> str:
    """The last part of an address, readable: of a picture without words it often tells what it shows."""
    return unquote(urlsplit(url).path.rpartition("/")[2])
