"""Gets one page or picture from the open web: checked, pinned, bounded, polite.

Nothing else opens a connection to an address that a model or a page named.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Set
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpcore2

from vision_deepresearch.calls.retry_after import parse_retry_after
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.addresses import is_public
from vision_deepresearch.worlds.fetch.inflate import MAX_BODY_BYTES, BadBody, BadBodyError, Inflater
from vision_deepresearch.worlds.fetch.politeness import Politeness
from vision_deepresearch.worlds.fetch.resolve import (
    AddressRule,
    PinnedBackend,
    Resolver,
    SystemResolver,
    checked_addresses,
)
from vision_deepresearch.worlds.fetch.urls import (
    PORTS,
    CheckedUrl,
    Refused,
    RefusedUrlError,
    check_redirect,
    check_url,
)

MAX_PICTURE_BYTES = 20 << 20
DEADLINE_S = 30.0
"""Of the whole fetch, redirects and slow servers included."""
_CONNECT_S = 10.0
_SILENCE_S = 15.0
"""Without a byte: such a server is given up before the deadline."""
_MAX_HEADER_BYTES = 64 << 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KINDS = {
    401: FailureKind.BLOCKED,
    403: FailureKind.BLOCKED,
    404: FailureKind.NOT_FOUND,
    410: FailureKind.NOT_FOUND,
    429: FailureKind.RATE_LIMITED,
    451: FailureKind.BLOCKED,
}
USER_AGENT = "vision-deepresearch (research agent; fetches single pages on request)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What an address gave."""

    url: str
    """Where the redirects ended."""
    body: bytes
    """Unpacked."""
    media_type: str
    """As the server says, lower case, without parameters; look at the bytes before trusting it."""
    charset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One response, or where it leads."""

    body: bytes
    media_type: str
    charset: str | None
    location: str | None


class Fetcher:
    """Fetches; every method may be called concurrently."""

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        is_allowed: AddressRule = is_public,
        politeness: Politeness | None = None,
        ssl_context: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
        ports: Set[int] = PORTS,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            resolver: None: the system's.
            is_allowed: which addresses may be connected to; anything but the default is for tests.
            politeness: pauses and robots rules; None: the defaults.
            ssl_context: None: the system's certificates.
            deadline_s: of each fetch.
            ports: that may be asked; anything but the default is for tests.
            network: opens connections to addresses that passed; None: the system's.
        """
        self._resolver = resolver or SystemResolver()
        self._is_allowed = is_allowed
        self._politeness = politeness or Politeness()
        self._tls = ssl_context or ssl.create_default_context()
        self._deadline_s = deadline_s
        self._ports = ports
        self._network = network

    async def fetch(self, url: str, *, limit: int = MAX_BODY_BYTES) -> Fetched:
        """Get what an address gives.

        Args:
            url: of a page or picture.
            limit: bytes of its body, packed and unpacked.

        Raises:
            WorldError: refused (blocked, with the rule's name), not there (not_found), too slow
                (timeout), rate limited, too large, or the server's fault (upstream).
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._follow(check_url(url, ports=self._ports), limit=limit)
        except RefusedUrlError as refusal:
            if refusal.code is Refused.NO_ADDRESS:  # says nothing against the page
                msg = "the site's name has no address now: a wrong name, or this machine is offline"
                raise WorldError(FailureKind.UPSTREAM, msg) from None
            raise WorldError(FailureKind.BLOCKED, str(refusal)) from None
        except TimeoutError:
            raise WorldError(FailureKind.TIMEOUT, "the server took too long") from None

    async def _follow(self, url: CheckedUrl, *, limit: int) -> Fetched:
        hop = 0
        while True:
            async with self._politeness.turn(url, get=self._robots):
                answer = await self._get(url, limit=limit)
            if answer.location is None:
                return Fetched(
                    url=url.url,
                    body=answer.body,
                    media_type=answer.media_type,
                    charset=answer.charset,
                )
            url = check_redirect(url, answer.location, hop=hop, ports=self._ports)
            hop += 1

    async def _robots(self, url: CheckedUrl) -> bytes | None:
        """The rules of a site; None: it has none (RFC 9309: a status 4xx, or it leads nowhere).

        Raises:
            WorldError: they cannot be known now.
        """
        hop = 0
        while True:
            try:
                answer = await self._get(url, limit=_ROBOTS_BYTES)
            except WorldError as failure:
                if failure.kind in _NO_RULES:
                    return None
                raise
            if answer.location is None:
                return answer.body
            try:
                url = check_redirect(url, answer.location, hop=hop, ports=self._ports)
            except RefusedUrlError:
                return None
            hop += 1

    async def _get(self, url: CheckedUrl, *, limit: int) -> _Answer:
        addresses = await checked_addresses(
            url, resolver=self._resolver, is_allowed=self._is_allowed
        )
        with _typed():
            async with self._response(url, addresses) as response:
                if sum(len(key) + len(text) for key, text in response.headers) > _MAX_HEADER_BYTES:
                    raise WorldError(FailureKind.UPSTREAM, "the server sent headers without end")
                if response.status in _REDIRECTS:
                    location = _header(response.headers, b"location")
                    if location is None:
                        raise WorldError(FailureKind.UPSTREAM, "a redirect that leads nowhere")
                    return _Answer(body=b"", media_type="", charset=None, location=location)
                if response.status != 200:
                    raise _failed(response)
                inflater = Inflater(_header(response.headers, b"content-encoding"), limit=limit)
                async for piece in response.aiter_stream():
                    inflater.feed(piece)
            body = inflater.finish()
        media_type, charset = _type_of(_header(response.headers, b"content-type"))
        return _Answer(body=body, media_type=media_type, charset=charset, location=None)

    @asynccontextmanager
    async def _response(
        self, url: CheckedUrl, addresses: tuple[str, ...]
    ) -> AsyncIterator[httpcore2.Response]:
        """Ask; a connection for each request, so that no answer is for another address."""
        backend = PinnedBackend(addresses, is_allowed=self._is_allowed, network=self._network)
        headers = [
            (b"Host", _host_header(url)),
            (b"User-Agent", USER_AGENT.encode()),
            (b"Accept", b"text/html,application/xhtml+xml,application/pdf,image/*;q=0.9,*/*;q=0.5"),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]
        silence_s = min(_SILENCE_S, self._deadline_s)
        timeout = {"connect": _CONNECT_S, "read": silence_s, "write": _CONNECT_S}
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=self._tls, network_backend=backend, max_connections=1, http2=False
            ) as pool,
            pool.stream(
                "GET", _wire_url(url), headers=headers, extensions={"timeout": timeout}
            ) as response,
        ):
            yield response


_ROBOTS_BYTES = 2 << 20
"""RFC 9309 asks for 500 KiB at least; a larger file counts as one that cannot be read."""
_KEPT = "%/:=&?~+!$,;'@()*[]-._"
"""Signs of a path or query that go out as they are; others, of other scripts too, are escaped."""
_NO_RULES = frozenset({FailureKind.NOT_FOUND, FailureKind.BLOCKED, FailureKind.BAD_REQUEST})


@contextmanager
def _typed() -> Iterator[None]:
    """What can go wrong while a server is talked to, as one of our failures."""
    try:
        yield
    except BadBodyError as bad:
        kind = FailureKind.TOO_LARGE if bad.code is BadBody.TOO_LARGE else FailureKind.UPSTREAM
        raise WorldError(kind, str(bad)) from None
    except (httpcore2.TimeoutException, TimeoutError):
        raise WorldError(FailureKind.TIMEOUT, "the server took too long") from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
        msg = f"the server could not be talked to ({type(error).__name__})"
        raise WorldError(FailureKind.UPSTREAM, msg) from None


def _failed(response: httpcore2.Response) -> WorldError:
    """A status as a failure; what the server wrote about it is not shown to anybody."""
    kind = _KINDS.get(response.status, FailureKind.UPSTREAM)
    if 400 <= response.status < 500 and response.status not in _KINDS:
        kind = FailureKind.BAD_REQUEST
    wait = _header(response.headers, b"retry-after")
    return WorldError(
        kind,
        f"the server answered with status {response.status}",
        retry_after_s=parse_retry_after(wait, now=datetime.now(UTC)),
    )


def _wire_url(url: CheckedUrl) -> httpcore2.URL:
    """What is asked, made of the checked parts: no second parser reads the address anew."""
    parts = urlsplit(url.url)
    target = quote(parts.path or "/", safe=_KEPT)
    if parts.query:
        target += f"?{quote(parts.query, safe=_KEPT)}"
    return httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=target)


def _host_header(url: CheckedUrl) -> bytes:
    host = f"[{url.host}]" if ":" in url.host else url.host
    is_default = url.port == (443 if url.scheme == "https" else 80)
    return host.encode() if is_default else f"{host}:{url.port}".encode()


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The value of a header, the last where it stands several times."""
    found = [value for key, value in headers if key.lower() == name]
    if not found:
        return None
    try:  # addresses of redirects often come in plain UTF-8
        return found[-1].decode("utf-8").strip()
    except UnicodeDecodeError:
        return found[-1].decode("latin-1").strip()


def _type_of(header: str | None) -> tuple[str, str | None]:
    """Media type and charset."""
    kind, _, rest = (header or "").partition(";")
    charset = None
    for part in rest.split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip("\"'") or None
    return kind.strip().lower(), charset
