"""The one door to a provider's API: every call through the call policy, every failure typed.

The key travels to the provider's own address and nowhere else: no redirects, no proxies or netrc
from the environment. A provider's words enter no message; they are looked at for codes, and what it
said of a failure goes to the log alone (level DEBUG), without keys.
"""

import json
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import httpx2
from pydantic import JsonValue
from typing_extensions import override

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.calls.retry_after import parse_retry_after
from vision_deepresearch.core.errors import BoundaryError, FailureKind, WorldError
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.worlds.fetch.inflate import BadBody, BadBodyError, Inflater
from vision_deepresearch.worlds.live.engine import ApiRequest, NameFailure, Role
from vision_deepresearch.worlds.live.paying import paying
from vision_deepresearch.worlds.live.tolerant import Fields

MAX_ANSWER_BYTES = 8 << 20
_MAX_ERROR_BYTES = 64 << 10
_MAX_LOGGED_BYTES = 4 << 10
_MAX_LAST_CHARS = 200
_LOG = logging.getLogger(__name__)
_CONNECT_S = 10.0
_READ_S = 120.0
"""Above the attempt limit of the policy, which is the one that counts."""
_KINDS = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTH,
    402: FailureKind.AUTH,
    403: FailureKind.AUTH,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    422: FailureKind.BAD_REQUEST,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.TIMEOUT,
}
_WORDS = {
    FailureKind.AUTH: "did not accept the key, or the account has no credit left",
    FailureKind.RATE_LIMITED: "limits the rate of requests",
    FailureKind.TIMEOUT: "took too long",
    FailureKind.TOO_LARGE: "takes no request of this size",
    FailureKind.BAD_REQUEST: "did not understand the request",
    FailureKind.NOT_FOUND: "has no such page",
    FailureKind.BLOCKED: "was refused by the page's site",
    FailureKind.UNAVAILABLE: "does not answer at its address: check live.base_urls",
    FailureKind.UPSTREAM: "failed",
}


@dataclass(slots=True, kw_only=True)
class Health:
    """What became of the calls of one provider since it was opened."""

    num_calls: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter)
    is_settled: bool = False
    """Whether the key was refused: no later call can work."""
    last_words: str = ""
    """What the provider said of the last refusal, redacted and cut; for whoever mends it, never for
    a model or a record."""


class Wire:
    """Calls to one provider; the client opens on the first call."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        role: Role,
        policy: CallPolicy,
        usd_per_call: float | None,
        name_failure: NameFailure | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            name: of the provider, for messages.
            base_url: where it answers; no secret in it.
            role: of a reader a 404 is about the page, of others about the address.
            policy: of this provider alone.
            usd_per_call: what an answer costs; None: unknown.
            name_failure: the provider's own errors.
            redactor: takes keys out of what is logged; None: only fields that hold some.
        """
        self.name = name
        self.health = Health()
        self._base_url = base_url.rstrip("/")
        self._role = role
        self._policy = policy
        self._usd = usd_per_call
        self._name_failure = name_failure
        self._redactor = redactor or Redactor()
        self._client: httpx2.AsyncClient | None = None

    async def ask(self, request: Callable[[], ApiRequest], *, what: str) -> JsonValue:
        """One call with its retries.

        Args:
            request: makes the request anew for each attempt.
            what: for messages, for example "text search".

        Raises:
            WorldError: the last failure.
            BudgetExceededError: the call would pass the cap of dollars.
        """
        if self.health.is_settled:
            raise self._failed(FailureKind.AUTH)
        self.health.num_calls += 1
        try:
            with paying(self._usd):
                return await self._policy.call(
                    lambda: self._once(request()),
                    what=f"{what} by {self.name}",
                    may_hedge=self._usd == 0,  # all of these read; asking twice must cost nothing
                )
        except BoundaryError as failure:
            self.health.failures[failure.kind] += 1
            if failure.kind is FailureKind.AUTH:
                self.health.is_settled = True
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def failure(self, kind: FailureKind) -> WorldError:
        """An error that stood inside an answer of status 200."""
        return self._failed(kind)

    async def _once(self, request: ApiRequest) -> JsonValue:
        status, headers, body = await self._send(request)
        if 200 <= status < 300:
            answer = _parse(body)
            if answer is None:
                self._log(status, body)
                msg = f"{self.name} sent something that is no JSON: check live.base_urls"
                raise WorldError(FailureKind.UPSTREAM, msg)
            if isinstance(answer, dict) and self._name_failure is not None:
                kind = self._name_failure(status, answer)
                if kind is not None:
                    self._log(status, body)
                    raise self._failed(kind)
            return answer
        self._log(status, body)
        kind = self._kind_of(status, _parse(body))
        wait_s = parse_retry_after(headers.get("retry-after"), now=datetime.now(UTC))
        raise self._failed(kind, status=status, wait_s=wait_s)

    def _log(self, status: int, body: bytes) -> None:
        """Keep what a provider said, without keys and control codes, out of sight of any model."""
        text = self._redactor.request(body[:_MAX_LOGGED_BYTES].decode("utf-8", "replace"))
        words = "".join(sign if sign.isprintable() else " " for sign in text)
        self.health.last_words = " ".join(words.split())[:_MAX_LAST_CHARS]
        _LOG.debug("%s answered %d: %s", self.name, status, words)

    def _kind_of(self, status: int, answer: JsonValue) -> FailureKind:
        if self._name_failure is not None:
            own = self._name_failure(status, answer if isinstance(answer, dict) else {})
            if own is not None:
                return own
        if status in {404, 410} and self._role is Role.READER:
            return FailureKind.NOT_FOUND
        if status in {404, 405, 410} or 300 <= status < 400:
            # Not `not_found`: a wrong address says nothing about the query, and is not kept.
            return FailureKind.UNAVAILABLE
        if status in _KINDS:
            return _KINDS[status]
        return FailureKind.BAD_REQUEST if 400 <= status < 500 else FailureKind.UPSTREAM

    def _failed(
        self, kind: FailureKind, *, status: int | None = None, wait_s: float | None = None
    ) -> WorldError:
        words = _WORDS.get(kind, "failed")
        told = f" (status {status})" if status is not None else ""
        return WorldError(kind, f"{self.name} {words}{told}", retry_after_s=wait_s)

    async def _send(self, request: ApiRequest) -> tuple[int, Mapping[str, str], bytes]:
        client = self._open()
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        headers |= request.headers
        content = None
        if request.body is not None:
            content = json.dumps(request.body).encode()
            headers["Content-Type"] = "application/json"
        try:
            async with client.stream(
                request.method,
                f"{self._base_url}{request.path}",
                params=dict(request.params) or None,
                headers=headers,
                content=content,
            ) as reply:
                is_good = reply.is_success
                limit = MAX_ANSWER_BYTES if is_good else _MAX_ERROR_BYTES
                inflater = Inflater(reply.headers.get("content-encoding"), limit=limit)
                try:
                    async for piece in reply.aiter_raw():
                        inflater.feed(piece)
                    body = inflater.finish()
                except BadBodyError:
                    if is_good:
                        raise
                    body = b""
                return reply.status_code, dict(reply.headers), body
        except BadBodyError as bad:
            kind = FailureKind.TOO_LARGE if bad.code is BadBody.TOO_LARGE else FailureKind.UPSTREAM
            raise WorldError(kind, f"{self.name} sent a body that cannot be used") from None
        except httpx2.TimeoutException:
            raise self._failed(FailureKind.TIMEOUT) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as reason:
            # The reason itself may name the request, and with it a key in its query.
            msg = f"{self.name} cannot be reached ({type(reason).__name__})"
            raise WorldError(FailureKind.UPSTREAM, msg) from None

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            # One provider takes its key in the query, and the client logs whole addresses.
            logging.getLogger(httpx2.__name__).addFilter(_WITHOUT_QUERY)
            self._client = httpx2.AsyncClient(
                verify=certificates(),
                timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S),
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


class _WithoutQuery(logging.Filter):
    """Takes the query out of addresses that are logged."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx2.URL) else arg
                for arg in record.args
            )
        return True


_WITHOUT_QUERY = _WithoutQuery()


@cache
def certificates() -> ssl.SSLContext:
    """The system's, read once: it takes some 30 ms."""
    return ssl.create_default_context()


def _parse(body: bytes) -> JsonValue:
    """JSON, or None where there is none. Halves of characters are the reader's matter."""
    try:
        answer: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer


def code_in(answer: Fields, *path: str) -> str:
    """A short code inside an error, in lower case: looked at, never shown."""
    value: JsonValue = dict(answer)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value[:500].lower() if isinstance(value, str) else ""
