"""Reads pages itself: the guarded fetcher and our own conversion of HTML to Markdown. No key."""

import asyncio

from vision_deepresearch.core.errors import WorldError, boundary
from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.live.engine import About, ReadPage, Role
from vision_deepresearch.worlds.live.parsers import Parsers, ParsersHere
from vision_deepresearch.worlds.live.paying import paying

ABOUT = About(
    name="web",
    role=Role.READER,
    version=1,
    base_url="",
    key_variable="",
    needs_key=False,
    takes="address",
)


class WebReader:
    """Fetches and converts. A `PageEngine`."""

    def __init__(
        self, fetcher: Fetcher, *, parsers: Parsers | None = None, concurrency: int = 8
    ) -> None:
        """Nothing is opened yet.

        Args:
            fetcher: the guarded one.
            parsers: who reads the bodies; None: this process, web pages alone.
            concurrency: pages at a time, over all sites.
        """
        self._fetcher = fetcher
        self._parsers = parsers or ParsersHere()
        self._slots = asyncio.Semaphore(concurrency)

    @property
    def about(self) -> About:
        """What it is."""
        return ABOUT

    async def read_page(self, url: str) -> ReadPage:
        """See `PageEngine`. Who asks waits in a thread."""
        async with self._slots:
            with paying(0.0):
                fetched = await self._fetcher.fetch(url)
            with boundary(WorldError, "reading the page"):
                page = await asyncio.to_thread(
                    self._parsers.read, fetched.body, url=fetched.url, charset=fetched.charset
                )
        return ReadPage(final_url=fetched.url, page=page)
