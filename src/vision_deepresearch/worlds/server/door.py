"""What happens to every request on its way in and out: key, limits, the shape of errors, metrics."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.server import searxng
from vision_deepresearch.worlds.server.addresses import (
    ASSETS,
    Addresses,
    asset_spellings,
    base_url_of,
    is_signed,
)
from vision_deepresearch.worlds.server.desk import Desk
from vision_deepresearch.worlds.server.incoming import BodyRoom, Incoming, drain, read_request
from vision_deepresearch.worlds.server.jobs import Lane
from vision_deepresearch.worlds.server.metrics import Metrics
from vision_deepresearch.worlds.server.refusals import (
    EngineFailedError,
    OverloadedError,
    RefusedError,
    bad_request,
)
from vision_deepresearch.worlds.server.settings import Settings

Answer = Callable[[Incoming, Desk], Awaitable[Response]]
ErrorShape = Callable[[RefusedError], dict[str, JsonValue]]

_KEY_IN_ADDRESS = {
    "/v1/images:annotate": "key",
    "/search": "apiKey",
    "/images": "apiKey",
    "/lens": "apiKey",
}
_SMALL_BODY_BYTES = 16 * 1024
"""Bodies below this are read even when their queue is full: an answer may be kept for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one route does."""

    name: str
    """In the metrics."""
    answer: Answer
    error: ErrorShape
    lane: Lane = Lane.WORDS
    """The queue that a large body is meant for."""
    takes_batch: bool = False
    """Whether a JSON list of requests is understood."""
    denied: int = 401
    """The status of a request without the token."""
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    """The status of a misbehaving engine's failures, where it is not the usual one."""


class Door:
    """The way into one server."""

    def __init__(self, *, settings: Settings) -> None:
        self.metrics = Metrics()
        self.room = BodyRoom(limit=settings.max_held_bytes, retry_after_s=settings.retry_after_s)
        self.num_paused = 0
        self._settings = settings

    def endpoint(self, service: Service, *, desk: Desk) -> Callable[[Request], Awaitable[Response]]:
        """A route that answers with a service or refuses in its shape."""

        async def endpoint(request: Request) -> Response:
            began = time.monotonic()
            try:
                response = await self._answer(request, service=service, desk=desk)
            except RefusedError as refusal:
                await drain(request, settings=self._settings)
                if isinstance(refusal, OverloadedError):
                    await self._pause()
                elif isinstance(refusal, EngineFailedError):
                    refusal.status = service.failures.get(refusal.kind, refusal.status)
                response = _refuse(refusal, error=_error_shape(request, service=service))
            took_s = time.monotonic() - began
            self.metrics.count(service.name, status=response.status_code, took_s=took_s)
            return response

        return endpoint

    async def _answer(self, request: Request, *, service: Service, desk: Desk) -> Response:
        settings = self._settings
        base_url = base_url_of(
            request.headers, scheme=request.scope["scheme"], public_url=settings.public_url
        )
        addresses = Addresses(base_url=base_url, token=settings.token)
        if settings.token is not None and not _may_enter(request, addresses, settings.token):
            raise RefusedError(
                FailureKind.AUTH,
                "this server wants its token: send it as Authorization: Bearer TOKEN or X-API-KEY",
                status=service.denied,
            )
        if _declared_bytes(request) > _SMALL_BODY_BYTES:
            # A picture that would not be searched anyway need not be received.
            desk.answers.check_room(service.lane)
        async with read_request(
            request, addresses=addresses, settings=settings, room=self.room
        ) as incoming:
            if incoming.body.batch and not service.takes_batch:
                msg = "a JSON object was expected, got a list: this route takes one request"
                raise bad_request(msg)
            return await service.answer(incoming, desk)

    async def _pause(self) -> None:
        """Hold a refusal back for as long as the ones before it need at the rate that is allowed."""
        settings = self._settings
        pause_s = self.num_paused / settings.refusals_per_s
        self.num_paused += 1
        try:
            await asyncio.sleep(min(pause_s, settings.max_refusal_pause_s))
        finally:
            self.num_paused -= 1


def json_response(
    content: JsonValue, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON body."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(
        body.encode("utf-8", "replace"),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )


def _may_enter(request: Request, addresses: Addresses, token: str) -> bool:
    """Whether a request shows the token, in any of the ways its service has, or a signed address."""
    path = request.url.path
    given = [request.headers.get("x-api-key", "")]
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given.append(bearer.strip())
    in_address = _KEY_IN_ADDRESS.get(path)
    if in_address is not None:
        given.append(request.query_params.get(in_address, ""))
    if any(hmac.compare_digest(one.encode(), token.encode()) for one in given):
        return True
    if request.method not in {"GET", "HEAD"} or not path.startswith(ASSETS):
        return False
    raw_path: bytes = request.scope.get("raw_path") or path.encode()
    raw_query: bytes = request.scope.get("query_string", b"")
    query = raw_query.decode("latin-1")
    urls = asset_spellings(raw_path.decode("latin-1").removeprefix(ASSETS), query=query)
    return is_signed(addresses, urls, query=query)


def _declared_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def _error_shape(request: Request, *, service: Service) -> ErrorShape:
    """/search and / speak two languages; which one must be known before the body is read."""
    if service.name not in {"search", "root"}:
        return service.error
    if request.method == "POST":
        is_searxng = "form" in request.headers.get("content-type", "").lower()
    else:
        is_searxng = searxng.is_meant_by_get(request.query_params, request.headers)
    return searxng.error if is_searxng else service.error


def _refuse(refusal: RefusedError, *, error: ErrorShape) -> Response:
    headers: dict[str, str] = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json_response(error(refusal), status=refusal.status, headers=headers)
