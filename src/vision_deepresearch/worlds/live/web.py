"""Reads pages itself: the guarded fetcher and our own conversion of HTML to Markdown. No key."""

import asyncio
from collections.abc import Callable

from vision_deepresearch.core.errors import FailureKind, WorldError, boundary
from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.fetch.sniff import Sniffed, sniff
from vision_deepresearch.worlds.live.engine import About, ReadPage, Role
from vision_deepresearch.worlds.live.paying import paying
from vision_deepresearch.worlds.live.wire import Health
from vision_deepresearch.worlds.pages import read_whole

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
PdfToHtml = Callable[[bytes, str], bytes]
"""From a PDF and its address to HTML of its words; raises WorldError where it has none."""


class WebReader:
    """Fetches and converts. A `PageEngine`."""

    def __init__(
        self, fetcher: Fetcher, *, pdf: PdfToHtml | None = None, concurrency: int = 8
    ) -> None:
        """Nothing is opened yet.

        Args:
            fetcher: the guarded one.
            pdf: converts PDFs; None: they are refused, typed.
            concurrency: pages at a time, over all sites.
        """
        self._fetcher = fetcher
        self._pdf = pdf
        self.health = Health()
        self._slots = asyncio.Semaphore(concurrency)

    @property
    def about(self) -> About:
        """What it is."""
        return ABOUT

    async def read_page(self, url: str) -> ReadPage:
        """See `PageEngine`. Converting runs in a thread."""
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
            with boundary(WorldError, "reading the page"):
                return await asyncio.to_thread(
                    self._read, fetched.body, fetched.url, fetched.charset
                )

    def _read(self, body: bytes, url: str, charset: str | None) -> ReadPage:
        if body.startswith(b"%PDF-"):
            if self._pdf is None:
                msg = "the page is a PDF file, which is not read here"
                raise WorldError(FailureKind.BAD_ARGS, msg)
            body, charset = self._pdf(body, url), "utf-8"
        return ReadPage(final_url=url, page=read_whole(body, url=url, charset=charset))
