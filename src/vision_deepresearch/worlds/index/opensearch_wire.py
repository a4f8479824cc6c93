"""The one door to an OpenSearch or Elasticsearch server: plain HTTP, typed failures, retries.

Every request passes through the call policy. A status says which failure it is; a server's own
words enter a message only as the short name of its error, never as a body. Redirects are not
followed and the environment's proxies are not used: the secret goes to the named host only.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self

import httpx2
from pydantic import Field, JsonValue, SecretStr, TypeAdapter, ValidationError, model_validator

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.calls.retry_after import parse_retry_after
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.index.seam import check_server

Body = dict[str, JsonValue]
_BODY: TypeAdapter[Body] = TypeAdapter(Body)
_CONNECT_S = 10.0
_READ_S = 120.0
"""Above the attempt limit of the policy, which is the one that counts."""
_JSON = "application/json"
_BULK = "application/x-ndjson"
_MAX_REASON = 200
_KINDS = {
    401: FailureKind.AUTH,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.TIMEOUT,
}
_INDEX_NAME = r"^[a-z0-9][a-z0-9._-]{0,254}$"
"""What both servers accept, less some odd signs; upper case is refused by them."""


class OpenSearchPlace(Record):
    """Which index on which server, and how to get in.

    Example: OpenSearchPlace(url="https://search.example:9200", index="ray",
    authorization=SecretStr("ApiKey ..."))
    """

    url: str
    """http(s)://host:port, a path before the index allowed; no user, query or fragment."""
    index: str = Field(pattern=_INDEX_NAME)
    authorization: SecretStr | None = None
    """Whole value of the Authorization header, such as `Basic dXNlcjpwYXNz` or `ApiKey ...`."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for a server with an own authority."""
    shards: int = Field(default=1, ge=1)
    """Of a new index. One holds tens of millions of pages."""
    replicas: int = Field(default=0, ge=0)
    """Copies of each shard of a new index, for more searches per second."""
    bulk_docs: int = Field(default=500, ge=1)
    """Documents in one request at most."""
    bulk_bytes: int = Field(default=4_000_000, ge=1)
    """Bytes in one request at most, unless one document alone has more."""

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        check_server(self.url, has_secret=self.authorization is not None)
        return self

    @classmethod
    def at(
        cls, address: str, *, authorization: SecretStr | None = None, ca_file: Path | None = None
    ) -> Self:
        """The place a text such as `http://host:9200/index` means.

        Raises:
            ConfigError: it is no such address.
        """
        url, _, index = address.rstrip("/").rpartition("/")
        try:
            return cls(url=url, index=index, authorization=authorization, ca_file=ca_file)
        except ValidationError as reason:
            first = reason.errors(include_input=False, include_url=False)[0]["msg"]
            msg = (
                f"expected an address such as http://host:9200/index ({first}): name server and "
                "index, the index in lower case"
            )
            raise ConfigError(msg) from None


class OpenSearchWire:
    """Requests to one server; use it as an async context manager."""

    def __init__(self, place: OpenSearchPlace, *, policy: CallPolicy) -> None:
        self._place = place
        self._policy = policy
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the pool of connections.

        Raises:
            ConfigError: the file of certificates cannot be read.
        """
        self._client = await asyncio.to_thread(self._make_client)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    def _make_client(self) -> httpx2.AsyncClient:
        headers = {"Accept": _JSON}
        if self._place.authorization is not None:
            headers["Authorization"] = self._place.authorization.get_secret_value()
        return httpx2.AsyncClient(
            base_url=self._place.url.rstrip("/"),
            headers=headers,
            verify=_certificates(self._place.ca_file),
            timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: Body | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Body:
        """One request with retries.

        Args:
            method: GET, PUT or POST.
            path: after the server's address.
            what: what is being done, for messages.
            body: sent as JSON.
            params: query of the address.

        Raises:
            WorldError: the last failure.
        """
        return await self._policy.call(
            lambda: self.once(method, path, what=what, body=body, params=params),
            what=what,
            may_hedge=path.endswith("/_search"),
        )

    async def once(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: Body | None = None,
        lines: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Body:
        """One request, one attempt: for callers that pass through `attempts` themselves.

        Raises:
            WorldError: no answer, an error, or an answer that is no JSON object.
        """
        assert self._client is not None, "open the wire with `async with` first"
        content = lines if lines is not None else None if body is None else _BODY.dump_json(body)
        headers = {} if content is None else {"Content-Type": _BULK if lines else _JSON}
        try:
            reply = await self._client.request(
                method, path, content=content, headers=headers, params=dict(params or {})
            )
        except httpx2.TimeoutException as reason:
            raise WorldError(FailureKind.TIMEOUT, f"{what} took too long") from reason
        except httpx2.HTTPError as reason:
            msg = f"{what} failed: no answer from the search server ({type(reason).__name__})"
            raise WorldError(FailureKind.UPSTREAM, msg) from reason
        if reply.is_success:
            return _parse(reply.content, what)
        raise _failure(reply, what)

    @property
    def policy(self) -> CallPolicy:
        """The policy every attempt passes through."""
        return self._policy


@cache
def _system_certificates() -> ssl.SSLContext:
    """Read once: it takes some 30 ms."""
    return ssl.create_default_context()


def _certificates(ca_file: Path | None) -> ssl.SSLContext:
    """What makes a server believable; there is no way to leave the check out."""
    if ca_file is None:
        return _system_certificates()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as reason:
        msg = f"expected a file of certificates (PEM), {str(ca_file)!r} is none: name another file"
        raise ConfigError(msg) from reason


def _parse(content: bytes, what: str) -> Body:
    try:
        return _BODY.validate_json(content)
    except ValidationError:
        msg = f"{what} failed: the answer is no JSON object; is it a search server?"
        raise WorldError(FailureKind.UPSTREAM, msg) from None


def _failure(reply: httpx2.Response, what: str) -> WorldError:
    status = reply.status_code
    kind = _KINDS.get(
        status, FailureKind.UPSTREAM if not 400 <= status < 500 else FailureKind.BAD_REQUEST
    )
    wait_s = parse_retry_after(reply.headers.get("Retry-After"), now=datetime.now(UTC))
    said = f" {name}" if (name := _error_name(reply.content)) else ""
    msg = f"{what} failed: the search server answered {status}{said}"
    return WorldError(kind, msg, retry_after_s=wait_s)


def _error_name(content: bytes) -> str:
    """The server's short name of its error, such as `index_not_found_exception`."""
    try:
        error = _BODY.validate_json(content).get("error")
    except ValidationError:
        return ""
    name = error.get("type") if isinstance(error, dict) else None
    return name[:80] if isinstance(name, str) and name.isidentifier() else ""


def reason_of(error: JsonValue) -> str:
    """One line for one item's error: its name and the start of its sentence."""
    if not isinstance(error, dict):
        return "no reason given"
    parts = [str(error.get(key, "")) for key in ("type", "reason")]
    return " ".join(": ".join(part for part in parts if part).split())[:_MAX_REASON]
