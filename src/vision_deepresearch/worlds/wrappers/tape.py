"""A world whose every call is answered from a tape, or made once and recorded.

Keys say what is asked, never how it was asked: pictures by content, words with single spaces.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from pydantic import JsonValue, TypeAdapter

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import Bill, SpendKind, current_bill, current_context
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.tape import Tape

VERSION = 1
"""Of requests and replies below; raised when either changes its meaning."""

_EVIDENCE = TypeAdapter(list[Evidence])


class TapedWorld:
    """Wraps a world; tells the caller's budget which calls cost nothing."""

    def __init__(self, world: World, tape: Tape) -> None:
        self._world = world
        self._tape = tape
        self._world_id = world.manifest().world_id

    def manifest(self) -> WorldManifest:
        """What the wrapped world is."""
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the wrapped world; the picture counts by its content.

        Raises:
            WorldError: as recorded, or nothing recorded in a replay (tape_miss).
        """

        async def search() -> Reply:
            return _evidence(await self._world.search_image(picture, limit=limit, origin=origin))

        asked: dict[str, JsonValue] = {
            "picture": picture.ref.sha256,
            "limit": limit,
            "origin": origin.model_dump(mode="json") if origin is not None else None,
        }
        reply = await self._ask(SpendKind.IMAGE_SEARCH, asked, search)
        return _EVIDENCE.validate_json(reply.value)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the wrapped world, which is asked with single spaces.

        Raises:
            WorldError: as recorded, or nothing recorded in a replay (tape_miss).
        """
        words = " ".join(query.split())

        async def search() -> Reply:
            return _evidence(await self._world.search_text(words, limit=limit))

        reply = await self._ask(SpendKind.TEXT_SEARCH, {"query": words, "limit": limit}, search)
        return _EVIDENCE.validate_json(reply.value)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the wrapped world.

        Raises:
            WorldError: as recorded, or nothing recorded in a replay (tape_miss).
        """

        async def read() -> Reply:
            page = await self._world.read(url, cursor=cursor)
            is_empty = not page.markdown.strip() and not page.images
            return Reply(value=page.model_dump_json(), is_empty=is_empty)

        reply = await self._ask(SpendKind.PAGE_READ, {"url": url, "cursor": cursor}, read)
        return Page.model_validate_json(reply.value)

    async def asset(self, url: str) -> Asset:
        """As the wrapped world; the bytes are kept by content.

        Raises:
            WorldError: as recorded, or nothing recorded in a replay (tape_miss).
        """

        async def fetch() -> Reply:
            asset = await self._world.asset(url)
            about = asset.model_copy(update={"data": b""})
            return Reply(value=about.model_dump_json(), blobs=(asset.data,))

        reply = await self._ask(SpendKind.ASSET, {"url": url}, fetch)
        about = Asset.model_validate_json(reply.value)
        return about.model_copy(update={"data": reply.blobs[0]})

    async def _ask(
        self,
        kind: SpendKind,
        asked: Mapping[str, JsonValue],
        call: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        request = Request(kind=kind.value, provider=self._world_id, version=VERSION, body=asked)
        answer = await self._tape.ask(request, lambda: _billed(call), error=WorldError)
        context = current_context.get()
        if answer.is_replayed and context is not None:
            context.budget.note_replay(kind)
        return answer.reply


async def _billed(call: Callable[[], Awaitable[Reply]]) -> Reply:
    """The reply with what its engines said it cost."""
    bill = Bill()
    token = current_bill.set(bill)
    try:
        reply = await call()
    finally:
        current_bill.reset(token)
    return replace(reply, cost_usd=bill.total)


def _evidence(found: list[Evidence]) -> Reply:
    return Reply(value=_EVIDENCE.dump_json(found).decode(), is_empty=not found)
