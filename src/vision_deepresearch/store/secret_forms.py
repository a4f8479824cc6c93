"""The forms in which a known secret may stand in a text: plain, percent, base64, escaped, cut.

A provider may send a key back inside a url, a Basic header, JSON within JSON, or an error page, and
whoever shortened a text may have cut it in two. Costs one search per secret and form where none
stands.
"""

import base64
import re
from collections.abc import Callable

_MIN_CORE = 8
"""Characters of base64 that say enough: fewer would be found in ordinary base64 too."""
_PIECE = 16
"""Characters at the start or the end of a secret that count as the secret, cut."""
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
        value = self._value
        if len(value) < _MIN_CUT:
            return text
        head, tail = value[:_PIECE], value[-_PIECE:]
        while (start := text.find(head)) >= 0:
            end = start + _PIECE
            while end < len(text) and end - start < len(value) and text[end] == value[end - start]:
                end += 1
            text = text[:start] + mark() + text[end:]
        while (start := text.find(tail)) >= 0:
            end, left = start + _PIECE, len(value) - _PIECE
            while start > 0 and left > 0 and text[start - 1] == value[left - 1]:
                start, left = start - 1, left - 1
            text = text[:start] + mark() + text[end:]
        return text


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
