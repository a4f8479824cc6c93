"""What a site's robots file asks of us. Never raises, and costs no more than the file is long.

Longest rule wins, `*` and `$` count, groups for our name come before those for everybody. Source:
RFC 9309; Crawl-delay is no part of it and widely used. (The standard library's parser takes the
first rule and knows no wildcards.)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

MAX_CRAWL_DELAY_S = 10.0
"""Longer pauses would be no reading at all: they are cut to this."""
_MAX_LINES = 20_000
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    allows: bool
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """Rules for one agent; without any, everything may be read."""

    rules: Sequence[_Rule] = ()
    crawl_delay_s: float = 0.0
    """Seconds between two requests; 0: it does not say."""

    def may_read(self, url: str) -> bool:
        """Whether the file lets our agent read this address of its site."""
        parts = urlsplit(url)
        path = _plain(parts.path or "/") + (f"?{_plain(parts.query)}" if parts.query else "")
        best, allows = -1, True
        for rule in self.rules:
            size = len(rule.pattern)
            is_stronger = size > best or (size == best and rule.allows)
            if is_stronger and _matches(rule.pattern, path):
                best, allows = size, rule.allows
        return allows


def read_robots(body: bytes, *, agent: str) -> Robots:
    """The rules of a file for an agent.

    Args:
        body: of any kind; what is no rule is passed over.
        agent: our product name, as it stands in the User-Agent header.
    """
    own: list[tuple[str, str]] | None = None
    common: list[tuple[str, str]] = []
    for names, fields in _groups(body):
        if agent.lower() in names:
            own = [*(own or ()), *fields]
        elif "*" in names:
            common += fields
    found = common if own is None else own
    rules = tuple(
        _Rule(allows=key == "allow", pattern=_plain(value))
        for key, value in found
        if key in {"allow", "disallow"} and value.startswith(("/", "*"))
    )
    delays = [
        float(value) for key, value in found if key == "crawl-delay" and _NUMBER.fullmatch(value)
    ]
    return Robots(rules=rules, crawl_delay_s=min(max(delays, default=0.0), MAX_CRAWL_DELAY_S))


def _groups(body: bytes) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    """Names of agents with the lines that follow them."""
    names: set[str] = set()
    fields: list[tuple[str, str]] = []
    for line in body.decode("utf-8-sig", "replace").splitlines()[:_MAX_LINES]:
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if fields:
                yield names, fields
                names = set[str]()
                fields = list[tuple[str, str]]()
            names.add(value.partition("/")[0].strip().lower())
        elif key in {"allow", "disallow", "crawl-delay"}:
            fields.append((key, value))
    yield names, fields


def _plain(text: str) -> str:
    """One spelling of a path, so that %7E and ~ are the same; a slash that is data stays escaped."""
    kept = text.replace("%2F", "%252F").replace("%2f", "%252F")
    return quote(unquote(kept), safe="/%*$?&=:;,+!@'()~-._[]")


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern fits the beginning of a path, or all of it where it ends in `$`."""
    is_whole = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(rest):
        if is_whole and number == len(rest) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not is_whole or at == len(path)
