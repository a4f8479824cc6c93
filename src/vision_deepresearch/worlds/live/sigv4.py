"""Signatures of S3 requests, version 4: in headers, or in the address of a link that expires.

Pure: the moment is an argument. Source: the public description of AWS Signature Version 4; any
S3-compatible store checks the same.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

Method = Literal["GET", "PUT", "DELETE"]
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Keys:
    """Who signs."""

    access_key: str
    secret_key: SecretStr = field(repr=False)
    region: str = "us-east-1"


def signed_headers(
    method: Method,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    keys: S3Keys,
    now: datetime,
) -> dict[str, str]:
    """The headers to send: those given, with host, time, hash of the body and signature.

    Args:
        method: of the request.
        url: without a query.
        headers: to be signed too.
        body: as sent.
        keys: who signs.
        now: in UTC.
    """
    parts = urlsplit(url)
    moment, payload = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
    all_headers = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    all_headers |= {
        "host": parts.netloc,
        "x-amz-date": moment,
        "x-amz-content-sha256": payload,
    }
    signature = _signature(
        method, parts.path, query="", headers=all_headers, payload=payload, keys=keys, now=now
    )
    names = ";".join(sorted(all_headers))
    all_headers["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key}/{_scope(keys, now)}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return all_headers


def presigned_url(method: Method, url: str, *, expires_s: int, keys: S3Keys, now: datetime) -> str:
    """An address that opens one object without a key, for `expires_s` seconds."""
    parts = urlsplit(url)
    fields = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{_scope(keys, now)}",
        "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ"),
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": "host",
    }
    query = canonical_query(fields)
    signature = _signature(
        method,
        parts.path,
        query=query,
        headers={"host": parts.netloc},
        payload=_UNSIGNED,
        keys=keys,
        now=now,
    )
    return f"{url}?{query}&X-Amz-Signature={signature}"


def canonical_query(fields: Mapping[str, str]) -> str:
    """Fields of a query in the one form that is signed."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(text, safe="-_.~")) for name, text in fields.items()
    )
    return "&".join(f"{name}={text}" for name, text in pairs)


def _scope(keys: S3Keys, now: datetime) -> str:
    return f"{now.strftime('%Y%m%d')}/{keys.region}/s3/aws4_request"


def _signature(
    method: Method,
    path: str,
    *,
    query: str,
    headers: Mapping[str, str],
    payload: str,
    keys: S3Keys,
    now: datetime,
) -> str:
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, path or "/", query, listed, ";".join(sorted(headers)), payload])
    to_sign = "\n".join([
        _ALGORITHM,
        now.strftime("%Y%m%dT%H%M%SZ"),
        _scope(keys, now),
        hashlib.sha256(canonical.encode()).hexdigest(),
    ])
    key = f"AWS4{keys.secret_key.get_secret_value()}".encode()
    for step in (now.strftime("%Y%m%d"), keys.region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
