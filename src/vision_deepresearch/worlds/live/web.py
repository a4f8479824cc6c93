"""Reads pages itself: the guarded fetcher and our own conversion of HTML to Markdown. No key."""

import asyncio

from vision_deepresearch.core.errors import FailureKind, WorldError, boundary
from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.fetch.sniff import Sniffed, sniff
from vision_deepresearch.worlds.live.engine import About, ReadPage, Role
from vision_deepresearch.worlds.live.parsers import Parsers, ParsersHere
from vision_deepresearch.worlds.live.paying import paying
from vision_deepresearch.worlds.live.wire import Health

ABOUT = About(
    name="web",
    role=Role.READER,
    version=1,
    base_url="",
    key_variable="",
    needs_key=False,
    takes="address",
)
_NO_PAGES = {
    Sniffed.PICTURE: "the address gives a picture, not a page with words",
    Sniffed.OTHER: "the address gives a file that is no page: try another address",
}

_NO_PDF = "the page is a PDF file, which is not read here"
"""No fault of the address: the next reader of a chain may read it."""


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
        self.health = Health()
        self._slots = asyncio.Semaphore(concurrency)

    @property
    def about(self) -> About:
        """What it is."""
        return ABOUT

    async def read_page(self, url: str) -> ReadPage:
        """See `PageEngine`. Who asks waits in a thread."""
        self.health.num_calls += 1
        try:
            return await self._fetch_and_read(url)
        except WorldError as failure:
            self.health.failures[failure.kind] += 1
            raise

    async def _fetch_and_read(self, url: str) -> ReadPage:
        async with self._slots:
            with paying(0.0):
                fetched = await self._fetcher.fetch(url)
            kind = sniff(fetched.body, charset=fetched.charset)
            if kind in _NO_PAGES:
                raise WorldError(FailureKind.BAD_ARGS, _NO_PAGES[kind])
            if kind is Sniffed.PDF and not self._parsers.reads_pdf:
                raise WorldError(FailureKind.UNAVAILABLE, _NO_PDF)
            with boundary(WorldError, "reading the page"):
                page = await asyncio.to_thread(
                    self._parsers.read, fetched.body, url=fetched.url, charset=fetched.charset
                )
        return ReadPage(final_url=fetched.url, page=page)
