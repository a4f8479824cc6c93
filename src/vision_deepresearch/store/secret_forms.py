"""The forms in which a known secret may stand in a text: plain, percent, base64, escaped, cut.

A provider may send a key back inside a url, a Basic header, JSON within JSON, or an error page, and
whoever shortened a text may have cut it in two. Costs one search per secret and form where none
stands.
"""

import base64
import re
from collections.abc import Callable
from functools import lru_cache

_MIN_CORE = 8
"""Characters of base64 that say enough: fewer would be found in ordinary base64 too."""
_PIECE = 16
"""Characters in a row of a secret that count as the secret, cut: its start, its end, its middle."""
_BLOCK = 8
"""Characters of a secret that are searched for: each piece holds one that starts at a multiple of it."""
_ESCAPE = re.compile("%(?:25)*+([2-7][0-9A-Fa-f])")
_MIN_CUT = 24
"""Secrets below this are short: half of one may be an ordinary word."""
_ENTITIES = {"&": "amp|", '"': "quot|", "'": "apos|", "<": "lt|", ">": "gt|"}
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


class KnownSecret:
    """One secret value, found in all its forms."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._cores = _base64_cores(value)
        self._hex = value.encode("utf-8", "surrogatepass").hex()
        runs: list[str] = _UNRESERVED.findall(value)
        self._anchor = max(runs, key=len)[:_MIN_CORE] if runs else ""
        first = value[0].encode("utf-8", "surrogatepass")[0]
        long_enough = len(value) >= _MIN_CUT
        starts = range(0, len(value) - _BLOCK + 1, _BLOCK) if long_enough else ()
        self._blocks = [(value[start : start + _BLOCK], start) for start in starts]
        self._first_percent = {f"{first:02x}", f"{first:02X}"}

    def replaced(self, text: str, mark: Callable[[], str]) -> str:
        """The text with a mark in place of each form of the secret."""
        text = text.replace(self._value, mark())
        if self._is_perhaps_written(text):
            text = self._written().sub(lambda _: mark(), text)
        for core in self._cores:
            if core in text:
                around = r"[A-Za-z0-9+/_-]{0,4}"
                text = re.sub(f"{around}{re.escape(core)}{around}={{0,2}}", mark(), text)
        for form in (self._hex, self._hex.upper()):
            text = text.replace(form, mark())
        return self._without_pieces(text, mark)

    def _written(self) -> re.Pattern[str]:
        """Made when it is needed: it takes milliseconds, and almost never is. `re` keeps it."""
        return re.compile("".join(_written(letter) for letter in self._value))

    def _is_perhaps_written(self, text: str) -> bool:
        """Whether it may stand there with some characters written otherwise: almost never."""
        if self._anchor in text:
            return True
        return "%" in text and any(form in text for form in self._first_percent)

    def _without_pieces(self, text: str, mark: Callable[[], str]) -> str:
        if not self._blocks:
            return text
        if "%" in text:
            plain, places = _unpercented(text)
            spans = [(places[start], places[end]) for start, end in self._pieces(plain)]
        else:
            spans = self._pieces(text)
        for start, end in reversed(spans):
            text = text[:start] + mark() + text[end:]
        return text

    def _pieces(self, text: str) -> list[tuple[int, int]]:
        """Where runs of the value stand, in order, apart from each other."""
        found: list[tuple[int, int]] = []
        for block, at in self._blocks:
            place = text.find(block)
            while place >= 0:
                start, end = self._grown(text, place, at)
                if end - start >= _PIECE:
                    found.append((start, end))
                place = text.find(block, max(end, place + 1))
        found.sort()
        apart: list[tuple[int, int]] = []
        for start, end in found:
            if apart and start < apart[-1][1]:
                apart[-1] = apart[-1][0], max(end, apart[-1][1])
            else:
                apart.append((start, end))
        return apart

    def _grown(self, text: str, place: int, at: int) -> tuple[int, int]:
        """How far the value goes on around its block that stands at a place."""
        value, start, first = self._value, place, at
        while first > 0 and start > 0 and text[start - 1] == value[first - 1]:
            start, first = start - 1, first - 1
        end, last = place + _BLOCK, at + _BLOCK
        while last < len(value) and end < len(text) and text[end] == value[last]:
            end, last = end + 1, last + 1
        return start, end


@lru_cache(maxsize=1)
def _unpercented(text: str) -> tuple[str, list[int]]:
    """A text with its percent escapes of ASCII undone, and where each character stood, and the end.

    The last one is kept: the same text is asked about for each secret.
    """
    plain: list[str] = []
    places: list[int] = []
    done = 0
    for escape in _ESCAPE.finditer(text):
        plain.append(text[done : escape.start()])
        places += range(done, escape.start() + 1)
        plain.append(chr(int(escape[1], 16)))
        done = escape.end()
    plain.append(text[done:])
    places += range(done, len(text) + 1)
    return "".join(plain), places


def _written(letter: str) -> str:
    """A pattern for one character: itself, escaped, percent-encoded once or more, an entity."""
    data = letter.encode("utf-8", "surrogatepass")
    percent = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in data)
    if _UNRESERVED.fullmatch(letter):
        return f"(?:{re.escape(letter)}|{percent})"
    code = ord(letter)
    number = f"#0*{code}|#(?i:x0*{code:x})"
    ways = [
        rf"\\*{re.escape(letter)}",
        percent,
        rf"\\+u(?i:{code:04x})",
        f"&(?:{_ENTITIES.get(letter, '')}{number});",
    ]
    if letter == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _base64_cores(value: str) -> list[str]:
    """What base64 of any text that holds the value has in common, per alignment and alphabet."""
    cores: set[str] = set()
    data = value.encode("utf-8", "surrogatepass")
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        # The characters at both ends hold bits of what stands before and behind the value too.
        first = (shift * 8 + 5) // 6
        last = len(whole) - bool((len(data) + shift) % 3)
        core = whole[first:last]
        if len(core) >= _MIN_CORE:
            cores |= {core, core.replace("+", "-").replace("/", "_")}
    return sorted(cores, key=len, reverse=True)
