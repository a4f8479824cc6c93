"""The real web as a world: engines for words, pictures and pages, chosen by name.

What an engine of ours does not have is a typed failure that says so. A picture leaves this machine
only after the user agreed by name; everything else here fetches or asks.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError, boundary
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.worlds.fetch.fetcher import MAX_PICTURE_BYTES, Fetcher
from vision_deepresearch.worlds.live.chains import PictureChain, ReaderChain, TextChain
from vision_deepresearch.worlds.live.engine import (
    About,
    PageEngine,
    PictureEngine,
    ReadPage,
    TextEngine,
)
from vision_deepresearch.worlds.live.parsers import Parsers, ParsersHere
from vision_deepresearch.worlds.live.wire import Health

FORMAT_VERSION = 1
CONSENT = "live.upload_pictures"
_KEPT_PAGES = 64
"""Whole pages kept, so that a further window is not fetched, or paid, again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The engines of a live world, in order of preference, and how they are used."""

    text: Sequence[TextEngine] = ()
    pictures: Sequence[PictureEngine] = ()
    readers: Sequence[PageEngine] = ()
    merges_text: bool = False
    """All text engines at once, merged by rank; else the first that answers."""
    may_upload: bool = False
    """Whether the user agreed that pictures are sent to the picture engines."""
    settings: dict[str, str] = field(default_factory=dict)
    """What else decides answers, such as addresses of own servers; no secrets. Part of the id."""

    def abouts(self) -> list[About]:
        """What every engine is, words first, then pictures, then pages."""
        return [engine.about for engine in (*self.text, *self.pictures, *self.readers)]


class LiveWorld:
    """A `World` of live engines; close it when the run is over."""

    def __init__(
        self,
        name: str,
        parts: Parts,
        *,
        fetcher: Fetcher,
        parsers: Parsers | None = None,
        assets: Callable[[str], Awaitable[bytes | None]] | None = None,
        close: Sequence[Callable[[], Awaitable[None]]] = (),
        health: dict[str, Health] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            name: as users name it, for example "live:serper+web".
            parts: its engines.
            fetcher: gets pictures of pages and hits.
            parsers: who decodes them first; None: this process, closed with the world.
            assets: asked first for a picture's bytes; None from it: not its address.
            close: what to close.
            health: counters by engine.
        """
        self._name = name
        self._parts = parts
        self._text = TextChain(parts.text, merges=parts.merges_text)
        self._pictures = PictureChain(parts.pictures)
        self._readers = ReaderChain(parts.readers)
        self._fetcher = fetcher
        self._parsers = parsers or ParsersHere()
        self._assets = assets
        self._close = tuple(close)
        self.health = health or {}
        self._pages: OrderedDict[str, ReadPage] = OrderedDict()
        self._id = _world_id(parts)

    @property
    def has_pictures(self) -> bool:
        """Whether pictures can be searched: an engine is there, and the user agreed."""
        return bool(self._parts.pictures) and self._parts.may_upload

    @property
    def has_text(self) -> bool:
        """Whether words can be searched."""
        return bool(self._parts.text)

    def manifest(self) -> WorldManifest:
        """Which engines of which adapter versions it is made of."""
        return WorldManifest(
            world_id=self._id,
            kind="live",
            name=self._name,
            format_version=FORMAT_VERSION,
            spec={
                f"{about.role.value}:{about.name}": about.version for about in self._parts.abouts()
            }
            | {"text": "merged" if self._parts.merges_text else "first that answers"},
        )

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Pages that show the picture. `origin` is for worlds with truth and stays here.

        Raises:
            WorldError: no picture engine (unavailable), no consent (blocked), or all failed.
        """
        del origin
        if not self._parts.pictures:
            msg = "no picture engine is set up: look at the picture with zoom and search by words"
            raise WorldError(FailureKind.UNAVAILABLE, msg)
        if not self._parts.may_upload:
            msg = f"pictures are not sent anywhere without the user's consent ({CONSENT}=true)"
            raise WorldError(FailureKind.BLOCKED, msg)
        with boundary(WorldError, "image search"):
            return self._ours(await self._pictures.search(picture, limit=limit))

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """Pages by words.

        Raises:
            WorldError: no text engine (unavailable), an empty query (bad_args), or all failed.
        """
        if not self._parts.text:
            msg = "no text engine is set up: only pages can be read here"
            raise WorldError(FailureKind.UNAVAILABLE, msg)
        if not query.strip():
            msg = "words to search for were expected, got none"
            raise WorldError(FailureKind.BAD_ARGS, msg)
        with boundary(WorldError, "text search"):
            return self._ours(await self._text.search(query, limit=limit))

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """A window of a page. Whole pages are kept for further windows.

        Raises:
            WorldError: not found, blocked, unreadable...
        """
        with boundary(WorldError, "reading the page"):
            found = self._pages.get(url)
            if found is None:
                found = await self._readers.read(url)
                self._pages[url] = found
                while len(self._pages) > _KEPT_PAGES:
                    self._pages.popitem(last=False)
            return found.page.window(
                cursor,
                url=url,
                final_url=found.final_url,
                world_id=self._id,
                doc_id=hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:16],
            )

    async def asset(self, url: str) -> Asset:
        """A picture of a page or a hit, as the parsers leave it; who uses it decodes it with care.

        Raises:
            WorldError: not found, blocked, too large, no picture...
        """
        with boundary(WorldError, "fetching a picture"):
            own = await self._assets(url) if self._assets is not None else None
            if own is not None:
                return Asset(url=url, data=own)
            fetched = await self._fetcher.fetch(url, limit=MAX_PICTURE_BYTES)
            data = await asyncio.to_thread(self._parsers.clean_picture, fetched.body)
            return Asset(url=url, data=data)

    async def aclose(self) -> None:
        """Take down pictures that are still up and close all connections."""
        await asyncio.to_thread(self._parsers.close)
        for close in self._close:
            await close()

    def _ours(self, hits: list[Evidence]) -> list[Evidence]:
        return [hit.model_copy(update={"world_id": self._id}) for hit in hits]


def _world_id(parts: Parts) -> str:
    """By what decides answers: recordings of another set of engines are not used for this one."""
    told = {
        "format": FORMAT_VERSION,
        "engines": [[about.role.value, about.name, about.version] for about in parts.abouts()],
        "merges": parts.merges_text,
        "settings": parts.settings,
    }
    text = json.dumps(told, sort_keys=True)
    return f"live-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
