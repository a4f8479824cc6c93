"""Keeps secrets out of what is stored, logged and shown: the one sink that all text passes.

Known values go first, in every form they may take; then what looks like a credential. How far a
text is changed depends on what it is for:

    line     for logs, messages, pages: everything below
    json     for records: as for lines, string by string
    request  before its key is computed, so that a new api key finds the old recordings
    reply    what the agent goes on with: urls keep signatures and tokens, without which the
             pictures of a page could not be fetched

Imports the standard library only: every command's output passes here. Nothing is changed twice: a text that went through comes out of a second time as it is.
"""

import json
from collections.abc import Callable, Sequence

from vision_deepresearch.store.secret_forms import KnownSecret
from vision_deepresearch.store.secret_shapes import (
    REDACTED,
    is_secret_field,
    may_hold_secret,
    without_fields,
    without_shapes,
    without_signatures,
)

__all__ = ["REDACTED", "Redactor"]

_MIN_SECRET = 6
"""Shorter values would black out ordinary words."""


class Redactor:
    """Replaces secrets in text and in JSON."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        # Longest first: a secret may contain another.
        values = sorted({s for s in secrets if len(s) >= _MIN_SECRET}, key=len, reverse=True)
        self._known = [KnownSecret(value) for value in values]
        self._values = [value.encode("utf-8", "surrogatepass") for value in values]

    def line(self, text: str) -> str:
        """Take everything that is or looks like a secret out of a text."""
        text = self.known(text)
        if not may_hold_secret(text):
            return text
        return _all_out(text)

    def known(self, text: str) -> str:
        """Take the known values out of a text, whatever form they have."""
        for secret in self._known:
            text = secret.replaced(text, _mark)
        return text

    def data(self, data: bytes) -> bytes:
        """Take known values out of bytes, which keep their length."""
        for value in self._values:
            if value in data:
                data = data.replace(value, b"*" * len(value))
        return data

    def reply(self, text: str) -> str:
        """As for records, but for the signatures of urls."""
        return self._json(text, lambda string: without_fields(without_shapes(string)))

    def request(self, text: str) -> str:
        """As for records: keys and signatures do not say what is asked."""
        return self.json(text)

    def json(self, text: str) -> str:
        """Take everything that `line` takes out of the strings of JSON text."""
        return self._json(text, _all_out)

    def _json(self, text: str, each: Callable[[str], str]) -> str:
        """Redact every string; text in which nothing was found is returned as it is."""
        known = self.known(text)
        if known == text and not may_hold_secret(text):
            return text
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            return each(known)
        clean = _walked(value, lambda string: each(self.known(string)))
        if clean == value:
            return known
        # Written as `canonical_json` writes it: keys that were sorted stay so.
        return self.known(json.dumps(clean, ensure_ascii=False, separators=(",", ":")))


def _all_out(text: str) -> str:
    return without_fields(without_signatures(without_shapes(text)))


def _walked(value: object, each: Callable[[str], str]) -> object:
    match value:
        case str():
            return each(value)
        case list():
            return [_walked(item, each) for item in value]
        case dict():
            return {
                each(name): REDACTED
                if isinstance(item, str) and item and is_secret_field(name)
                else _walked(item, each)
                for name, item in value.items()
            }
        case _:
            return value


def _mark() -> str:
    return REDACTED
