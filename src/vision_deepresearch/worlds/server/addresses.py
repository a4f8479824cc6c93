"""Addresses the server hands out and takes back: pictures under /assets, pages under /r.

A picture's address carries the world's own address of it, so that nothing has to be remembered;
taking one back never leads anywhere but into the world. With a token the address is signed, since
who shows a picture to people cannot send a header.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.server.refusals import RefusedError, bad_request

ASSETS = "/assets/"
MAX_URL_CHARS = 4000
_SIGNATURE_HEX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The server's own addresses as one client sees them."""

    base_url: str
    """Scheme and host, no slash at the end."""
    token: str | None

    def asset_url(self, url: str) -> str:
        """Where a client gets a picture of the world."""
        query = "" if self.token is None else f"?sig={self.signature(url)}"
        return f"{self.base_url}{ASSETS}{quote(url, safe='')}{query}"

    def signature(self, url: str) -> str:
        """What proves that we handed out the address of a picture."""
        digest = hmac.new(
            (self.token or "").encode(), url.encode("utf-8", "replace"), hashlib.sha256
        )
        return digest.hexdigest()[:_SIGNATURE_HEX]

    def own_asset(self, url: str) -> tuple[str, ...]:
        """What a client's picture address means in the world; spellings, the likeliest first.

        Raises:
            RefusedError: it is not under our /assets: nothing else is ever fetched.
        """
        if len(url) > MAX_URL_CHARS:
            raise too_long(url)
        try:
            parts = urlsplit(url)
        except ValueError as reason:
            msg = f"a picture's address was expected, got {url[:100]!r}"
            raise bad_request(msg) from reason
        own = {("", ""), ("http", urlsplit(self.base_url).netloc)}
        own |= {("https", urlsplit(self.base_url).netloc)}
        if (parts.scheme, parts.netloc) not in own or not parts.path.startswith(ASSETS):
            msg = (
                f"this server fetches nothing: expected an address under {self.base_url}{ASSETS}, a "
                f"data: URL or the picture itself (base64 in `image`, or multipart), got {url[:100]!r}"
            )
            raise RefusedError(FailureKind.BLOCKED, msg, status=400)
        return asset_spellings(parts.path.removeprefix(ASSETS), query=parts.query)


def asset_spellings(rest: str, *, query: str) -> tuple[str, ...]:
    """What stands behind /assets/, as addresses of the world."""
    if _is_quoted(rest):
        return (unquote(rest, errors="replace"),)
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("sig="))
    return page_spellings(rest, query=kept)


def is_signed(addresses: Addresses, urls: tuple[str, ...], *, query: str) -> bool:
    """Whether the address of a picture carries our signature of it."""
    given = parse_qs(query).get("sig", [""])[0]
    return any(hmac.compare_digest(given, addresses.signature(url)) for url in urls)


def page_spellings(rest: str, *, query: str = "") -> tuple[str, ...]:
    """What a client may mean by an address put into a path: as it stands, and unescaped."""
    text = unquote(rest, errors="replace") if _is_quoted(rest) else rest
    text = f"{text}?{query}" if query else text
    for scheme in ("http", "https"):  # proxies fold the two slashes into one
        if text.startswith(f"{scheme}:/") and not text.startswith(f"{scheme}://"):
            text = f"{scheme}://{text.removeprefix(f'{scheme}:/')}"
    if "://" not in text:
        text = f"https://{text}"
    return tuple(dict.fromkeys([text, unquote(text, errors="replace")]))


def too_long(url: str) -> RefusedError:
    """The refusal of an address beyond any length that a page has."""
    return RefusedError(
        FailureKind.TOO_LARGE,
        f"an address may have {MAX_URL_CHARS:,} characters, got {len(url):,}",
        status=400,
    )


def base_url_of(headers: Mapping[str, str], *, scheme: str, public_url: str | None) -> str:
    """Where the client reached us: as configured, or by the Host it named."""
    if public_url is not None:
        return public_url.rstrip("/")
    host = headers.get("host", "127.0.0.1")
    is_plain = all(char.isalnum() or char in ".-:[]_" for char in host) and len(host) < 300
    return f"{scheme}://{host if is_plain else '127.0.0.1'}"


def _is_quoted(text: str) -> bool:
    return text[:9].lower().startswith(("http%3a", "https%3a"))
