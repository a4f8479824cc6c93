"""Text of strangers on a trace page: made visible, never made active.

Escaping is the template engine's work. Here characters that would hide, reorder or break text are
replaced by names one can see, and an address becomes a link only when it is plainly a public one.
"""

import json
import re
from urllib.parse import urlsplit

from pydantic import JsonValue

from vision_deepresearch.core.trajectory import Totals
from vision_deepresearch.store.redact import Redactor

MAX_TEXT = 200_000
"""Characters of one text that are shown; a longer one says how much was left out."""

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, C1
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi, invisible
    "\ud800-\udfff"  # lone surrogates cannot be written as UTF-8
    "\ufdd0-\ufdef\ufffe\uffff"
    "\U000e0000-\U000e01ef"  # tags and supplementary variation selectors
    "]"
)
_RESERVED_HOSTS = ("example", "test", "invalid", "localhost", "local", "internal", "onion", "lan")
"""Top-level names that lead nowhere or into someone's own network."""
_ADDRESS_LITERAL = re.compile(r"[0-9.]+|.*[\[\]:%].*")
_ODD_IN_URL = re.compile(r"[\s\\<>\"'`{}|^]")
_REDACTOR = Redactor()


def shown(text: str) -> str:
    """How a text of strangers is shown: without credentials, and with what hides made visible."""
    return visible(redacted(text))


def redacted(text: str) -> str:
    """The text without what looks like a credential; known values are not in the run's records."""
    return _REDACTOR.line(text)


def visible(text: str) -> str:
    """Show what hides: control, bidi and invisible characters become symbols or code points.

    Tab and newline stay, and so do the joiners that emoji and several scripts need.
    """
    left_out = len(text) - MAX_TEXT
    shown = _UNSAFE.sub(_name, text[:MAX_TEXT].replace("\r\n", "\n"))
    return f"{shown}\n[... {left_out:,} more characters]" if left_out > 0 else shown


def _name(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def safe_href(url: str) -> str | None:
    """The address if it may be clicked, else None: http(s), a public name, nothing odd in it.

    Reserved hosts, address literals, names without a dot and addresses with a user part stay text.
    """
    if len(url) > 2048 or _UNSAFE.search(url) or _ODD_IN_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.username is not None:
        return None
    if "." not in host or _ADDRESS_LITERAL.fullmatch(host):
        return None
    return None if host.rsplit(".", 1)[-1] in _RESERVED_HOSTS else url


def short(text: str, limit: int = 90) -> str:
    """The text on one line, cut at a word where there is one.

    Credentials go before the cut: half a key would not be known as one.
    """
    line = " ".join(redacted(text).split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    head, _, _ = cut.rpartition(" ")
    return f"{head if len(head) > limit // 2 else cut}\u2026"


def readable(value: JsonValue) -> str:
    """A JSON value as text: strings as they are, lists of strings one per line."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(str(item) for item in value)
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        return "\n".join(json.dumps(item, ensure_ascii=False) for item in value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 72 else json.dumps(value, ensure_ascii=False, indent=2)


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def dollars(value: float) -> str:
    """A price with as many digits as it needs."""
    if value == 0:
        return "$0"
    return f"${value:.2f}" if value >= 1 else f"${value:.4f}"


def price(totals: Totals) -> str:
    """What a trajectory cost; a price that nobody knows is never shown as $0."""
    if not totals.has_unknown_cost:
        return dollars(totals.cost_usd)
    if not totals.cost_usd:
        return "price unknown"
    return f"{dollars(totals.cost_usd)} and calls of unknown price"
