"""Errors of an endpoint as failures of ours: a kind, and a short message that says what to do.

Bodies of providers are looked at for codes and known phrases and then dropped: they may hold parts
of the request or of a key. Whether a failure is repeated is a matter of its kind alone. The order:
what the body says (content filter, money, size), then the status.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vision_deepresearch.calls.retry_after import parse_retry_after
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.models.endpoint import Endpoint

_REFUSED = re.compile(
    r"content_filter|content_policy_violation|responsibleaipolicyviolation|invalid_prompt"
    r"|content management policy|flagged as potentially violating|prohibited_content"
    r"|blocked by our content filtering",
)
_NO_MONEY = re.compile(
    r"insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_balance"
    r"|credit balance is too low|exceeded your current quota, please check your plan and billing",
)
_BAD_KEY = re.compile(r"invalid_api_key|api_key_invalid|api key not valid|api key expired")
_TOO_MANY_PICTURES = re.compile(
    r"at most \d+ (?:image|multimodal|item)|too many images|image exceeds .* maximum"
    r"|image dimensions exceed|image_too_large",
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|request_too_large|maximum context length|maximum model length"
    r"|model's context length|context window|prompt is too long|input is too long"
    r"|prompt contains at least \d+ input tokens|prompt is too large"
    r"|exceeds the maximum number of tokens|exceeds model's maximum|request too large for"
    r"|decoder prompt .{0,40}is longer than|input_too_long|reduce the length of the",
)
_REFUSED_FIELDS = ("temperature", "top_p", "seed", "stop", "max_tokens")
"""That `endpoint.omit` can leave out."""
_NO_TOOLS = re.compile(
    r"tool choice requires --enable-auto-tool-choice|does not support (?:tools|function calling)"
    r"|tool use is not supported|tools? (?:is|are) not supported",
)
_RETRY_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_MAX_SCANNED_CHARS = 20_000
_KINDS_BY_TYPE = {
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "server_error": 500,
    "api_error": 500,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "invalid_request_error": 400,
    "bad_request_error": 400,
    "badrequesterror": 400,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an error body says, in lower case."""

    words: str
    """Codes, types and messages, to be searched for known phrases."""
    code: str
    kind: str
    param: str
    retry_after_s: float | None


def failure_of_status(
    status: int,
    *,
    body: object,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    now: datetime,
) -> ModelError:
    """The failure behind an HTTP status.

    Args:
        status: not a success.
        body: the error as parsed from JSON, or text, or None.
        headers: of the response; names in any case if the mapping allows, else lower.
        endpoint: for the message.
        now: aware; dates in headers are measured from it.
    """
    told = _read(body)
    wait_s = _asked_wait_s(headers, now=now)
    return _failure(
        status,
        told=told,
        endpoint=endpoint,
        wait_s=told.retry_after_s if wait_s is None else wait_s,
    )


def failure_in_body(body: object, *, endpoint: Endpoint) -> ModelError:
    """The failure behind an error that came with a success status, as in a stream."""
    told = _read(body)
    status = _KINDS_BY_TYPE.get(told.kind, 500)
    if re.fullmatch(r"[45]\d\d", told.code, re.ASCII):
        status = int(told.code)
    return _failure(status, told=told, endpoint=endpoint, wait_s=told.retry_after_s)


def unreachable(endpoint: Endpoint) -> ModelError:
    """The connection was refused, or broke."""
    return ModelError(
        FailureKind.UPSTREAM,
        f"the connection to {endpoint.name} failed or broke: is the server running, "
        "and is the address right?",
    )


def _failure(status: int, *, told: _Told, endpoint: Endpoint, wait_s: float | None) -> ModelError:
    settled = _said_in_words(status, told=told, endpoint=endpoint)
    if settled is not None:
        return settled
    name = endpoint.name
    match status:
        case 401 | 403:
            kind = FailureKind.AUTH
            what = f"{name} refused the key ({status}): check {endpoint.key_variable}"
        case 402:
            kind = FailureKind.AUTH
            what = f"{name} wants to be paid (402): check the account behind the key"
        case 404:
            kind = FailureKind.NOT_FOUND
            what = (
                f"{name} knows no such model or path (404): check the model's name, and that the "
                "address ends as the server says, mostly in /v1"
            )
        case 408 | 504:
            kind, what = FailureKind.TIMEOUT, f"{name} took too long ({status})"
        case 413:
            kind, what = FailureKind.TOO_LARGE, _too_large(f"{name} (413)")
        case 429:
            kind, what = FailureKind.RATE_LIMITED, f"{name} limits the rate of requests (429)"
        case 409 | 425:
            kind, what = FailureKind.UPSTREAM, f"{name} is busy with another request ({status})"
        case _ if status >= 500:
            kind, what = FailureKind.UPSTREAM, f"{name} failed ({status})"
        case _ if 300 <= status < 400:
            kind = FailureKind.NOT_FOUND
            what = f"{name} sends requests elsewhere ({status}): use the address it points to"
        case _:
            kind, what = FailureKind.BAD_REQUEST, _bad_request(status, told=told, name=name)
    return ModelError(kind, what, retry_after_s=wait_s if kind.is_retryable else None)


def _said_in_words(status: int, *, told: _Told, endpoint: Endpoint) -> ModelError | None:
    """What a status alone does not tell; only of errors that are the request's."""
    if not 400 <= status < 500 or status in {401, 402}:
        return None
    name = endpoint.name
    if _REFUSED.search(told.words):
        return ModelError(FailureKind.REFUSED, f"the content filter of {name} refused the request")
    if _NO_MONEY.search(told.words):
        what = f"the account of {name} has no quota left: check plan and billing"
        return ModelError(FailureKind.AUTH, what)
    if _BAD_KEY.search(told.words):
        what = f"{name} refused the key ({status}): check {endpoint.key_variable}"
        return ModelError(FailureKind.AUTH, what)
    if status == 404:
        return None
    if _TOO_MANY_PICTURES.search(told.words):
        what = (
            f"{name} takes fewer or smaller pictures: set endpoint.max_pictures, "
            "endpoint.max_picture_px or endpoint.max_picture_bytes"
        )
        return ModelError(FailureKind.TOO_LARGE, what)
    if _TOO_LONG.search(told.words):
        return ModelError(FailureKind.TOO_LARGE, _too_large(name))
    return None


def _too_large(name: str) -> str:
    return (
        f"the conversation does not fit {name}: set limits.max_context_tokens to what the model "
        "takes, or endpoint.max_picture_px and endpoint.max_pictures"
    )


def _bad_request(status: int, *, told: _Told, name: str) -> str:
    """Names only what is in our own list: the rest of the body may hold anything."""
    if _NO_TOOLS.search(told.words):
        return f"{name} has no tool calling ({status}): set endpoint.tools=text"
    for part in _REFUSED_FIELDS:
        if told.param == part or re.search(rf"[`'\"]{part}[`'\"]", told.words):
            return (
                f"{name} refused the field {part!r} ({status}): set endpoint.omit=['{part}'], or "
                "endpoint.provider to whose habits it has"
            )
    return (
        f"{name} refused the request ({status}): set endpoint.provider to whose habits it has, "
        "endpoint.tools=text if it has no tool calling; docs/endpoints.md lists more"
    )


def _read(body: object) -> _Told:
    """Look into an error body: an object, Google's list of one, an `error` within, or text."""
    content = body[0] if isinstance(body, list) and body else body
    if isinstance(content, dict) and isinstance(content.get("error"), (dict, str)):
        content = content["error"]
    if not isinstance(content, dict):
        words = content if isinstance(content, str) else ""
        return _Told(
            words=words[:_MAX_SCANNED_CHARS].lower(), code="", kind="", param="", retry_after_s=None
        )
    picked = [str(content.get(key) or "") for key in ("code", "type", "status", "message")]
    inner = content.get("innererror")
    if isinstance(inner, dict):
        picked.append(str(inner.get("code") or ""))
    wait_s = None
    details = content.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            picked.append(str(detail.get("reason") or ""))
            delay = _RETRY_DELAY.fullmatch(str(detail.get("retryDelay") or ""))
            wait_s = float(delay[1]) if delay else wait_s
    return _Told(
        words="\n".join(picked)[:_MAX_SCANNED_CHARS].lower(),
        code=picked[0].lower(),
        kind=picked[1].lower(),
        param=str(content.get("param") or "").lower(),
        retry_after_s=wait_s,
    )


def _asked_wait_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds the server asked for: its own header in milliseconds first, then the standard one."""
    precise = parse_retry_after(headers.get("retry-after-ms"), now=now)
    if precise is not None and re.fullmatch(r"[\d.\s]+", headers["retry-after-ms"]):
        return precise / 1000
    return parse_retry_after(headers.get("retry-after"), now=now)
