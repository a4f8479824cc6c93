"""A picture provider as a table row, and the engine that hands pictures over: as bytes, or by a url."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue, SecretStr

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.engine import About, ApiRequest, NameFailure
from vision_deepresearch.worlds.live.found import ranked
from vision_deepresearch.worlds.live.image_host import ImageHost
from vision_deepresearch.worlds.live.tolerant import Fields
from vision_deepresearch.worlds.live.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureProvider:
    """One service that finds pages by a picture."""

    about: About
    request: Callable[[str, int, str], ApiRequest]
    """From the picture (its url, or its bytes in base64, as `about.takes` says), hits and key."""
    parse: Callable[[Fields], list[Evidence]]
    """Hits of an answer, in its order; never raises."""
    lists: tuple[str, ...]
    """An answer has at least one of these keys."""
    name_failure: NameFailure | None = None
    max_bytes: int = 20 << 20
    """Of a picture that is sent as bytes."""


class LooksEngine:
    """Asks one provider. A `PictureEngine`."""

    def __init__(
        self, provider: PictureProvider, *, wire: Wire, key: SecretStr, host: ImageHost
    ) -> None:
        self._provider = provider
        self._wire = wire
        self._key = key
        self._host = host

    @property
    def about(self) -> About:
        """What it is."""
        return self._provider.about

    async def search_picture(self, picture: Picture, *, limit: int) -> list[Evidence]:
        """See `PictureEngine`. A picture that had to be put up is taken down before this returns."""
        data = picture.load()
        if self._provider.about.takes == "bytes":
            if len(data) > self._provider.max_bytes:
                msg = f"the picture is too large for {self._wire.name}: crop or scale it"
                raise WorldError(FailureKind.TOO_LARGE, msg)
            return await self._ask(in_base64(data), limit=limit)
        async with self._host.shown(data, media_type=picture.ref.media_type) as url:
            return await self._ask(url, limit=limit)

    async def _ask(self, picture: str, *, limit: int) -> list[Evidence]:
        count = max(1, min(limit, self._provider.about.max_hits))
        answer = await self._wire.ask(
            lambda: self._provider.request(picture, count, self._key.get_secret_value()),
            what="image search",
        )
        hits = read_looks(self._provider, answer)
        if hits is None:
            raise self._wire.failure(FailureKind.UPSTREAM)
        return ranked(hits, limit=limit)


def in_base64(data: bytes) -> str:
    """The bytes as providers take them inside JSON."""
    return b64encode(data).decode()


def read_looks(provider: PictureProvider, answer: JsonValue) -> list[Evidence] | None:
    """Hits of an answer; None: it is no answer of this service."""
    if not isinstance(answer, dict) or not any(name in answer for name in provider.lists):
        return None
    return provider.parse(answer)
