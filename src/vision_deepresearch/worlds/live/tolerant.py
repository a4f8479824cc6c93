"""Reads what providers send without trusting its shape: what is missing or odd is left out.

Nothing here raises. Texts are cut, cleaned of halves of characters and of markup; addresses are
taken only where they are plain http(s) ones.
"""

import html
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from vision_deepresearch.core.values import parse_date

MAX_TITLE_CHARS = 500
MAX_SNIPPET_CHARS = 2000
_MAX_URL_CHARS = 2048
_MAX_ITEMS = 200
_TAG = re.compile(r"</?(?:strong|b|em|i|mark|span|br|p)\b[^<>]{0,200}>", re.I)
_ISO_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)")

Fields = Mapping[str, JsonValue]


def object_at(value: JsonValue, *path: str) -> Fields:
    """The object below a path of keys; an empty one where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects_at(value: Fields, *names: str) -> Iterator[Fields]:
    """The objects of the first of these lists that has any; others in it are left out."""
    for name in names:
        found = value.get(name)
        if isinstance(found, list) and found:
            yield from (item for item in found[:_MAX_ITEMS] if isinstance(item, dict))
            return


def text_at(value: Fields, *names: str, most: int = MAX_SNIPPET_CHARS) -> str:
    """The first of these fields that holds words: one line, without markup, cut."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found.strip():
            words = " ".join(html.unescape(_TAG.sub("", whole(found[: most * 4]))).split())
            if words:
                return words[:most]
    return ""


def number_at(value: Fields, name: str) -> float | None:
    """A number that is one; truth values and texts are none."""
    found = value.get(name)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or not abs(found) < 1e15:
        return None
    return float(found)


def url_at(value: Fields, *names: str) -> str:
    """The first of these fields that is a plain web address, or an empty text."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and is_web_url(found):
            return found
    return ""


def day_at(value: Fields, *names: str) -> str | None:
    """The first of these fields that names a day, as an ISO date; "3 days ago" names none."""
    for name in names:
        found = value.get(name)
        if not isinstance(found, str):
            continue
        if iso := _ISO_DAY.match(found.strip()):
            return iso[1]
        date = parse_date(whole(found)[:60])
        if date is not None and date.month and date.day and date.year > 0:
            return f"{date.year:04d}-{date.month:02d}-{date.day:02d}"
    return None


def is_web_url(url: str) -> bool:
    """Whether a text is an http(s) address that a page may have. Says nothing of whether it is safe."""
    if not 0 < len(url) <= _MAX_URL_CHARS or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def whole(text: str) -> str:
    """The text with halves of characters, which JSON can hold and UTF-8 cannot, replaced."""
    return text.encode("utf-8", "replace").decode()
