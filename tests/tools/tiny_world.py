"""A world of a few hand-written pages and pictures, which notes what it was asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from tests.builders import a_picture
from vision_deepresearch.core.bank import CropOrigin, ImageBank, Origin
from vision_deepresearch.core.content import Part, Picture, Text, ToolCall
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import MediaStore, Summary, SummaryRequest, ToolContext
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.worlds.pages import to_page

SITE = "https://site.example"


@dataclass(kw_only=True)
class TinyWorld:
    """Pages and pictures by url; hits by what the test says."""

    pages: Mapping[str, bytes] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    find_image: Callable[[CropOrigin], list[Evidence]] = lambda _: []
    """May raise, as an engine does."""
    find_text: Callable[[str], list[Evidence]] = lambda _: []
    num_at_once: int = 1
    """Every request waits until so many of its kind are running: a serial caller hangs."""
    asked: list[str] = field(default_factory=list)
    origins: list[CropOrigin] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    enough: dict[str, asyncio.Event] = field(default_factory=dict)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        assert origin is not None
        assert picture.load()
        await self._together("image")
        self.asked.append("image")
        self.origins.append(origin)
        self.limits.append(limit)
        return self.find_image(origin)[:limit]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        await self._together("text")
        self.asked.append(f"text {query}")
        self.limits.append(limit)
        return self.find_text(query)[:limit]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        await self._together("read")
        self.asked.append(f"read {url}")
        if url not in self.pages:
            raise WorldError(FailureKind.NOT_FOUND, f"no page at {url}")
        return to_page(self.pages[url], url=url, cursor=cursor, window_chars=2000, doc_id=url)

    async def asset(self, url: str) -> Asset:
        self.asked.append(f"asset {url}")
        if url not in self.pictures:
            raise WorldError(FailureKind.NOT_FOUND, f"no picture at {url}")
        return Asset(url=url, data=self.pictures[url])

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="tiny", kind="generated", name="tiny", format_version=1)

    async def _together(self, kind: str) -> None:
        self.waiting[kind] = self.waiting.get(kind, 0) + 1
        async with asyncio.timeout(5):
            if self.waiting[kind] >= self.num_at_once:
                self.enough.setdefault(kind, asyncio.Event()).set()
            await self.enough.setdefault(kind, asyncio.Event()).wait()


@dataclass(kw_only=True)
class RecordingSummariser:
    """Says where the page begins; keeps every request."""

    sees_pictures: bool = True
    requests: list[SummaryRequest] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "recording"

    async def summarise(self, request: SummaryRequest, *, context: CallContext) -> Summary:
        del context
        self.requests.append(request)
        words = request.page.markdown.split()
        return Summary(evidence=" ".join(words[: request.max_words]), summary="read")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A context with pictures in its bank."""

    media: MediaStore
    context: ToolContext

    def put(self, data: bytes) -> str:
        return self.context.bank.add(self.media.put(data), Origin(kind="given"))


def a_desk(*pictures: bytes) -> Desk:
    """The given pictures are img_1, img_2...; without any there is one of 240 x 200."""
    media = MemoryMediaStore()
    context = ToolContext(
        bank=ImageBank(),
        call=CallContext(task_id="t", trajectory_id="t-a0"),
        mode=mode_named("agent+zoom"),
    )
    desk = Desk(media=media, context=context)
    for data in pictures or (a_picture(width=240, height=200, seed=1),):
        desk.put(data)
    return desk


def a_call(name: str, **arguments: JsonValue) -> ToolCall:
    return ToolCall(id="t0c0", name=name, arguments=arguments)


def a_hit(
    page: str = "a", *, label: str | None = "match", image: str | None = None, snippet: str = ""
) -> Evidence:
    return Evidence(
        kind=EvidenceKind.IMAGE_HIT,
        url=f"{SITE}/{page}",
        title=f"Title {page}",
        snippet=snippet,
        image_url=f"{SITE}/{image}" if image else None,
        score=54.0 if label == "match" else 7.0,
        label=label,
        world_id="tiny",
        doc_id=page,
    )


def a_page_of(text: str, *, title: str = "A page", body: str = "") -> bytes:
    return (
        f"<html><head><title>{title}</title></head><body><p>{text}</p>{body}</body></html>".encode()
    )


def text_of(observation: Observation) -> str:
    return "".join(part.text for part in observation.parts if isinstance(part, Text))


def trusted_text(parts: tuple[Part, ...]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text) and part.trusted)
