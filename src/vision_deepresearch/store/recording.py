"""One recorded call: what was asked, what came, how long it may be used, and its row on a tape."""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from vision_deepresearch.core.errors import (
    BoundaryError,
    FailureKind,
    JudgeError,
    ModelError,
    SandboxError,
    WorldError,
)
from vision_deepresearch.store.database import Statement
from vision_deepresearch.store.fingerprint import canonical_json
from vision_deepresearch.store.rows import Row, checked
from vision_deepresearch.store.schema import BLOB, CALL
from vision_deepresearch.store.seal import is_sealed_text, seal, seal_text, unseal, unseal_text

_NO_BLOBS = "[]"
_LEVEL = 3
"""zlib, as for records."""
_ERRORS: dict[str, type[BoundaryError]] = {
    error.__name__: error for error in (ModelError, WorldError, SandboxError, JudgeError)
}


class Keep(StrEnum):
    """How long a recording may stand for a new call; replays use it at any age."""

    ALWAYS = "always"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    EMPTY = "empty"
    NEVER = "never"
    """It says nothing about another call: for replays of the place where it happened alone."""

    @property
    def ttl_s(self) -> float | None:
        """Seconds since the recording was made; None: for ever. Our defaults."""
        return {
            Keep.ALWAYS: None,
            Keep.NOT_FOUND: 30 * 86400.0,
            Keep.BAD_REQUEST: 86400.0,
            Keep.EMPTY: 3600.0,
            Keep.NEVER: 0.0,
        }[self]


_KEPT_FAILURES = {
    FailureKind.NOT_FOUND: Keep.NOT_FOUND,
    FailureKind.BAD_REQUEST: Keep.BAD_REQUEST,
    FailureKind.BAD_IMAGE: Keep.BAD_REQUEST,
}
"""All other failures (auth, rate limits, timeouts, upstream) say nothing about the next call."""
_OF_THE_CALLER = {FailureKind.BUDGET, FailureKind.TAPE_MISS}
"""Nothing was asked: not recorded at all."""
FAILED_KEYS = (bytes(8), bytes(7) + b"\1")
"""Keys of failures at one place lie in this range, so that they are found without reading a tape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, in a form that means the same tomorrow."""

    kind: str
    """For example "search_text"."""
    provider: str
    """World id or model name."""
    version: int
    """Of the adapter that forms requests and reads replies; raised when either changes."""
    body: Mapping[str, JsonValue]
    """Normalised: no file names, pictures by sha256."""
    sample: str | None = None
    """Sampled calls: which draw this is. Such calls are never shared between places."""

    def canonical(self) -> str:
        """The text whose hash is the key: the same for the same question, however written."""
        return canonical_json({
            "kind": self.kind,
            "provider": self.provider,
            "version": self.version,
            "body": self.body,
            "sample": self.sample,
        })

    def failed_at(self, place: str) -> "Request":
        """The question whether this call failed at a place, for replays of that place."""
        return replace(self, sample=f"failed at {place}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    value: str
    """JSON text."""
    blobs: tuple[bytes, ...] = ()
    """Bytes kept by content, beside the value."""
    is_empty: bool = False
    """A result without content: kept for a short time only."""
    cost_usd: float | None = None
    """None: unknown or free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A call as it stands on a tape."""

    key: bytes
    """sha256 of `text`; of a failure at one place, its beginning behind zeros."""
    kind: str
    provider: str
    text: str
    """The canonical request, redacted."""
    outcome: Literal["value", "failure"]
    reply: Reply
    """Of a failure: its class, kind and message as JSON, and whether its provider was down."""
    keep: Keep
    created_s: float
    """Wall clock, seconds since the epoch."""
    latency_s: float
    is_sealed: bool = False
    """Whether it is of a protected task: its text is kept from plain sight in the file."""

    def statements(self) -> list[Statement]:
        """What puts it on the tape, blobs first."""
        hashes = [hashlib.sha256(blob).digest() for blob in self.reply.blobs]
        payload = zlib.compress(self.reply.value.encode(), _LEVEL)
        row = (
            self.key,
            self.kind,
            self.provider,
            seal_text(self.text) if self.is_sealed else self.text,
            self.outcome,
            seal(payload) if self.is_sealed else payload,
            json.dumps([digest.hex() for digest in hashes]),
            self.keep.value,
            self.created_s,
            self.latency_s,
            self.reply.cost_usd,
        )
        kept = [seal(blob) if self.is_sealed else blob for blob in self.reply.blobs]
        blobs = zip(hashes, kept, strict=True)
        return [*((BLOB.insert, checked(pair)) for pair in blobs), (CALL.insert, checked(row))]

    def is_expired(self, now_s: float) -> bool:
        """Whether it is too old to stand for a new call.

        A clock that was set back makes it one of the future: as far off as it may live, it is
        expired too, so that no jump lets it live longer than twice its time.
        """
        ttl_s = self.keep.ttl_s
        return ttl_s is not None and abs(now_s - self.created_s) >= ttl_s

    @property
    def failure(self) -> BoundaryError | None:
        """The recorded failure, as its seam raised it."""
        if self.outcome == "value":
            return None
        told = json.loads(self.reply.value)
        failure = _ERRORS[told["error"]](FailureKind(told["kind"]), told["message"])
        failure.is_outage = told.get("is_outage", False)  # older tapes do not say
        return failure


def kept_failure(failure: BoundaryError) -> tuple[Reply, Keep] | None:
    """How a failure is written and how long it stands, or None where it must not be written."""
    name = type(failure).__name__
    if name not in _ERRORS or failure.kind in _OF_THE_CALLER:
        return None
    told: dict[str, JsonValue] = {
        "error": name,
        "kind": failure.kind.value,
        "message": failure.message,
    }
    if failure.is_outage:
        told["is_outage"] = True
    return Reply(value=json.dumps(told)), _KEPT_FAILURES.get(failure.kind, Keep.NEVER)


def blob_hashes(row: Row) -> list[bytes]:
    """Which blobs a verified row of table `call` needs."""
    told = str(row[6])
    return [] if told == _NO_BLOBS else [bytes.fromhex(digest) for digest in json.loads(told)]


def recording_of(row: Row, blobs: Sequence[bytes]) -> Recording:
    """Read a verified row of table `call`."""
    key, kind, provider, text, outcome, payload, _, keep, created_s, latency_s, cost_usd, _ = row
    assert isinstance(key, bytes)
    assert isinstance(payload, bytes)
    assert isinstance(created_s, float)
    assert isinstance(latency_s, float)
    assert cost_usd is None or isinstance(cost_usd, float)
    kept = Keep(str(keep))
    return Recording(
        key=key,
        kind=str(kind),
        provider=str(provider),
        text=unseal_text(str(text)),
        outcome="value" if outcome == "value" else "failure",
        reply=Reply(
            value=zlib.decompress(unseal(payload)).decode(),
            blobs=tuple(blobs),
            is_empty=kept is Keep.EMPTY,
            cost_usd=cost_usd,
        ),
        keep=kept,
        created_s=created_s,
        latency_s=latency_s,
        is_sealed=is_sealed_text(str(text)),
    )
