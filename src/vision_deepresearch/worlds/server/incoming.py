"""A request as the shapes see it: read within its limits, its body understood, nothing believed.

Every text that leaves here is valid Unicode (no lone surrogates), so that any answer can quote it.
"""

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes

from pydantic import JsonValue
from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.server.addresses import Addresses
from vision_deepresearch.worlds.server.refusals import RefusedError, bad_request
from vision_deepresearch.worlds.server.settings import Settings

MAX_BATCH = 100
"""Requests in one JSON list. Source: Serper's playground ("mini-batch")."""
_MAX_FIELDS = 50
_DRAINED_BODIES = 4
"""Of a body that is too large, so many times what is allowed is taken before hanging up."""
_DRAIN_S = 5.0
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries beside its address and headers."""

    json: Mapping[str, JsonValue] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    """Text fields of a form."""
    files: tuple[bytes, ...] = ()
    """Files of a multipart form in order, or the one that is the whole body."""
    batch: tuple[Mapping[str, JsonValue], ...] = ()
    """Requests of a JSON list; most routes take none."""

    @property
    def fields(self) -> Mapping[str, JsonValue]:
        """What it says, as JSON or as a form."""
        return self.json or dict(self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request."""

    method: str
    headers: Mapping[str, str]
    """Looked up in any case."""
    query: Mapping[str, str]
    """Of the address, unescaped."""
    raw_path: str
    """As sent, still escaped."""
    raw_query: str
    addresses: Addresses
    content_type: str
    """Without parameters, lower case; "" when none was sent."""
    body: Body

    @property
    def fields(self) -> Mapping[str, JsonValue]:
        """What it says: its body, or its address where it has none (GET)."""
        return self.body.fields or dict(self.query)


class BodyRoom:
    """Bytes of all request bodies that are held at one time."""

    def __init__(self, *, limit: int, retry_after_s: int) -> None:
        self.held = 0
        self._limit = limit
        self._retry_after_s = retry_after_s

    def take(self, size: int) -> None:
        """Make room for some more bytes.

        Raises:
            RefusedError: there is none.
        """
        if self.held + size > self._limit:
            raise RefusedError(
                FailureKind.UNAVAILABLE,
                f"the server holds {self.held:,} bytes of requests already: ask again after "
                f"{self._retry_after_s} s",
                retry_after_s=self._retry_after_s,
            )
        self.held += size

    def give_back(self, size: int) -> None:
        """Bytes that are no longer held."""
        self.held -= size


@asynccontextmanager
async def read_request(
    request: Request, *, addresses: Addresses, settings: Settings, room: BodyRoom
) -> AsyncIterator[Incoming]:
    """Read a request; its body counts as held while the block runs.

    Raises:
        RefusedError: too large, too slow, broken, or nothing we understand.
    """
    held = 0
    chunks: list[bytes] = []
    try:
        async for chunk in _chunks(request, settings=settings):
            room.take(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        raw_query: bytes = request.scope.get("query_string", b"")
        yield Incoming(
            method=request.method,
            headers=request.headers,
            query={name: whole(value) for name, value in request.query_params.items()},
            raw_path=raw_path.decode("latin-1"),
            raw_query=raw_query.decode("latin-1"),
            addresses=addresses,
            content_type=content_type,
            body=await _read_body(request, b"".join(chunks), content_type=content_type),
        )
    finally:
        room.give_back(held)


async def _chunks(request: Request, *, settings: Settings) -> AsyncIterator[bytes]:
    """The body as it comes, within its size and its time."""
    limit = settings.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(int(declared), limit=limit)
    deadline = asyncio.get_running_loop().time() + settings.body_timeout_s
    size = 0
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as reason:
            msg = f"the whole request was expected within {settings.body_timeout_s:g} s"
            raise RefusedError(FailureKind.TIMEOUT, msg, status=408) from reason
        except ClientDisconnect as reason:
            msg = "the client went away before its request was whole"
            raise bad_request(msg) from reason
        size += len(chunk)
        if size > limit:
            raise _too_large(size, limit=limit)
        yield chunk


async def drain(request: Request, *, settings: Settings) -> None:
    """Take the rest of a refused request and forget it: who is still sending hears no answer."""
    size = 0
    # RuntimeError: nothing is left.
    with contextlib.suppress(RuntimeError, ClientDisconnect, TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > _DRAINED_BODIES * settings.max_body_bytes:
                    return


def _too_large(size: int, *, limit: int) -> RefusedError:
    return RefusedError(
        FailureKind.TOO_LARGE,
        f"a request may have {limit:,} bytes, got {size:,} or more: send a smaller picture",
    )


async def _read_body(request: Request, data: bytes, *, content_type: str) -> Body:
    if not data:
        return Body()
    # curl -d calls JSON a form when nobody says better; no form begins with a brace.
    if content_type in _FORMS and not data.startswith(b"{"):
        return await _read_form(request, data, is_multipart=content_type == _FORMS[0])
    if content_type.startswith("image/") or content_type == "application/octet-stream":
        return Body(files=(data,))
    try:
        content: JsonValue = json.loads(data)
    except (ValueError, RecursionError) as reason:
        msg = f"a JSON object was expected, got {len(data):,} bytes that are none"
        raise bad_request(msg) from reason
    if isinstance(content, list):
        return Body(batch=_batch_of(content))
    if not isinstance(content, dict):
        msg = f"a JSON object was expected, got a {type(content).__name__}"
        raise bad_request(msg)
    return Body(json=content)


def _batch_of(content: Sequence[JsonValue]) -> tuple[Mapping[str, JsonValue], ...]:
    batch = tuple(one for one in content if isinstance(one, dict))
    if len(batch) != len(content) or not 1 <= len(batch) <= MAX_BATCH:
        msg = f"a JSON object, or a list of 1 to {MAX_BATCH} of them, was expected"
        raise bad_request(msg)
    return batch


async def _read_form(request: Request, data: bytes, *, is_multipart: bool) -> Body:
    async def stream() -> AsyncGenerator[bytes]:
        yield data

    try:
        form: FormData
        if is_multipart:
            form = await MultiPartParser(
                request.headers,
                stream(),
                max_files=_MAX_FIELDS,
                max_fields=_MAX_FIELDS,
                max_part_size=len(data),
            ).parse()
        else:
            form = await FormParser(request.headers, stream()).parse()
    except (MultiPartException, MultipartParseError, KeyError, ValueError) as reason:
        msg = f"a whole form was expected, got {len(data):,} bytes that are none: {reason}"
        raise bad_request(whole(msg[:300])) from reason
    texts: dict[str, str] = {}
    files: list[bytes] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append(await value.read())
        else:
            texts[name] = value
    await form.close()
    return Body(form=texts, files=tuple(files))


# ---------------------------------------------------------------------------------------- fields


def whole(text: str) -> str:
    """The text with lone surrogates replaced: what JSON escapes can say and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def text_of(fields: Mapping[str, JsonValue], name: str, default: str = "") -> str:
    """A text; a number is read as its digits.

    Raises:
        RefusedError: something else stands there.
    """
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, int | float):
        return str(value)
    msg = f"a text was expected in {name!r}, got a {type(value).__name__}"
    raise bad_request(msg)


def count_of(fields: Mapping[str, JsonValue], name: str, default: int, *, most: int) -> int:
    """A whole number from 1 to `most`, brought into that range; digits in a text count too.

    Raises:
        RefusedError: no number.
    """
    text = text_of(fields, name).strip()
    if not text:
        return default
    try:
        return min(max(int(float(text)), 1), most)
    except (ValueError, OverflowError) as reason:
        msg = f"a number from 1 to {most} was expected in {name!r}, got {text[:40]!r}"
        raise bad_request(msg) from reason


def query_of(fields: Mapping[str, JsonValue], name: str = "q", *, settings: Settings) -> str:
    """The words to search for.

    Raises:
        RefusedError: none, or too many.
    """
    text = text_of(fields, name).strip()
    if not text:
        msg = f"words to search for were expected in {name!r}, got none"
        raise bad_request(msg)
    if len(text) > settings.max_query_chars:
        raise RefusedError(
            FailureKind.TOO_LARGE,
            f"a query may have {settings.max_query_chars:,} characters, got {len(text):,}: "
            "search for its main words",
            status=400,
        )
    return text


def base64_of(text: str) -> bytes:
    """The bytes of a base64 text; standard or URL alphabet, white space and padding do not matter.

    Raises:
        RefusedError: it is none.
    """
    plain = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as reason:
        msg = f"a picture in base64 was expected, got {len(text):,} characters that are none"
        raise bad_request(msg) from reason


def data_url_bytes(url: str) -> bytes:
    """The bytes of a `data:` URL; the type it claims is not looked at.

    Raises:
        RefusedError: it is broken.
    """
    head, comma, content = url.partition(",")
    if not comma:
        msg = f"a data: URL with a comma before its content was expected, got {url[:60]!r}"
        raise bad_request(msg)
    if head.lower().endswith(";base64"):
        return base64_of(unquote(content))
    return unquote_to_bytes(content)
