"""Puts a picture where an engine that takes only urls can fetch it, for as long as one call lasts.

Never a public upload site: an own S3-compatible bucket, under the hash of the bytes, opened by a
link that expires, deleted after the call. What could not be deleted is tried again at the end.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

import httpx2

from vision_deepresearch.core.context import SpendKind, current_context
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.live.sigv4 import Method, S3Keys, presigned_url, signed_headers
from vision_deepresearch.worlds.live.wire import certificates

TTL_S = 900
"""How long a link opens its picture, seconds; an engine fetches at once."""
_TIMEOUT_S = 30.0
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


class ImageHost(Protocol):
    """Shows pictures to engines."""

    def shown(self, data: bytes, *, media_type: str) -> AbstractAsyncContextManager[str]:
        """Put a picture up, give its url, take it down at the end.

        Raises:
            WorldError: it cannot be put up.
        """
        ...

    async def aclose(self) -> None:
        """Take down what is left and close connections."""
        ...


class NoHost:
    """Shows nothing: an engine that wants a url cannot be used."""

    @asynccontextmanager
    async def shown(self, data: bytes, *, media_type: str) -> AsyncIterator[str]:
        """See `ImageHost`; always refuses."""
        del data, media_type
        msg = (
            "this engine wants the url of a picture and no image host is set: use google_vision, "
            "which takes bytes, or set live.image_host"
        )
        raise WorldError(FailureKind.UNAVAILABLE, msg)
        yield ""  # what makes it a generator

    async def aclose(self) -> None:
        """See `ImageHost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place:
    """A bucket, addressed by path: endpoint/bucket/key."""

    endpoint: str
    bucket: str
    keys: S3Keys
    prefix: str = "vdr/"

    def url_of(self, data: bytes, *, media_type: str) -> str:
        """Where a picture goes: by its content."""
        name = hashlib.sha256(data).hexdigest()
        suffix = _SUFFIXES.get(media_type, "bin")
        path = quote(f"/{self.bucket}/{self.prefix}{name}.{suffix}", safe="/-_.~")
        return f"{self.endpoint.rstrip('/')}{path}"


class S3Host:
    """Shows pictures from an S3-compatible bucket. An `ImageHost`."""

    def __init__(
        self,
        place: S3Place,
        *,
        ttl_s: int = TTL_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is opened yet.

        Args:
            place: the bucket and who signs.
            ttl_s: life of a link, at most a day.
            clock: the moment, in UTC.
        """
        if not 1 <= ttl_s <= 86_400:
            msg = f"a link lives 1 to 86400 seconds, got {ttl_s}"
            raise ValueError(msg)
        self._place = place
        self._ttl_s = ttl_s
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._in_use: Counter[str] = Counter()
        self._left: set[str] = set()
        """Put up and not yet known to be gone."""

    @property
    def num_left(self) -> int:
        """Pictures that are still up, as far as we know."""
        return len(self._left)

    @asynccontextmanager
    async def shown(self, data: bytes, *, media_type: str) -> AsyncIterator[str]:
        """See `ImageHost`. Equal pictures shown at the same time are one object."""
        context = current_context.get()
        if context is not None:
            context.budget.reserve(SpendKind.UPLOAD)
        url = self._place.url_of(data, media_type=media_type)
        self._in_use[url] += 1
        try:
            self._left.add(url)
            await self._send("PUT", url, body=data, media_type=media_type)
            yield presigned_url(
                "GET", url, expires_s=self._ttl_s, keys=self._place.keys, now=self._clock()
            )
        finally:
            self._in_use[url] -= 1
            if not self._in_use[url]:
                del self._in_use[url]
                # A caller that was cancelled must not leave the picture up.
                await asyncio.shield(self._take_down(url))

    async def aclose(self) -> None:
        """See `ImageHost`."""
        for url in sorted(self._left):
            await self._take_down(url)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _take_down(self, url: str) -> None:
        """Delete; a failure is kept for `aclose`, for the search itself has gone well."""
        if url in self._in_use:
            return
        try:
            await self._send("DELETE", url)
        except WorldError:
            return
        self._left.discard(url)

    async def _send(
        self, method: Method, url: str, *, body: bytes = b"", media_type: str = ""
    ) -> None:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                verify=certificates(),
                timeout=_TIMEOUT_S,
                follow_redirects=False,
                trust_env=False,
            )
        headers = signed_headers(
            method,
            url,
            headers={"content-type": media_type} if media_type else {},
            body=body,
            keys=self._place.keys,
            now=self._clock(),
        )
        try:
            reply = await self._client.request(method, url, headers=headers, content=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as reason:
            msg = f"the image host cannot be reached ({type(reason).__name__})"
            raise WorldError(FailureKind.UPSTREAM, msg) from None
        if reply.is_success or (method == "DELETE" and reply.status_code == 404):
            return
        kind = FailureKind.AUTH if reply.status_code in {401, 403} else FailureKind.UPSTREAM
        msg = f"the image host refused (status {reply.status_code}): check bucket, region and keys"
        raise WorldError(kind, msg)
