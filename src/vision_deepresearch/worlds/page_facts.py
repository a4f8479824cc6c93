"""What a page states as label and value: the record, and how its words are made plain.

Read by `infobox` (boxes for readers) and `structured_data` (microdata and JSON-LD for machines),
brought together and bounded by `pages.read_parts`. A pure function of the page: same bytes, same
facts in the same order.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from lxml.html import HtmlElement

from vision_deepresearch.worlds.html import absolute

MAX_FACTS = 200
"""Of one page; the first ones are kept."""
MAX_VALUE_CHARS = 500
MAX_LABEL_CHARS = 200
MAX_URL_CHARS = 2000
"""A longer link is none."""

_MARK = re.compile(
    r"\[\s*(?:\d{1,3}|[a-z]{1,2}|(?:note|nb|n)\s*\d{1,3}|citation needed)\s*\]", re.I
)
"""Of a footnote, as encyclopedias write it."""
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
"""Also what no file can hold: JSON may spell halves of characters."""
_BULLETS = "•·‣▪–- \t"  # noqa: RUF001
_BLANKS = re.compile(r"\s+")
_ITEM = "\x01"
"""Put around the items of a list; no page that was parsed holds one."""
_ITEMS = re.compile(f"[ {_ITEM}]*{_ITEM}[ {_ITEM}]*")
_UNREAD_TAGS = frozenset({"script", "style", "template", "noscript", "svg", "button", "textarea"})
_PARTING_TAGS = (
    "br div p dl dt dd tr td th ul ol h1 h2 h3 h4 h5 h6 section article aside figure figcaption"
    " blockquote pre hr caption"
)
_PARTS = frozenset(_PARTING_TAGS.split())
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)


class FactKind(StrEnum):
    """How a page writes a fact."""

    INFOBOX = "infobox"
    MICRODATA = "microdata"
    JSONLD = "jsonld"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFact:
    """A label and a value that a page states."""

    label: str
    """As `plain_label` makes it; "" for what stands in an infobox without a label."""
    value: str
    """White space folded, items of a list with commas between them; never ""."""
    url: str | None
    """Absolute, where the value's first link leads."""
    kind: FactKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What stands in an element."""

    text: str
    """Without footnote marks; at most `MAX_VALUE_CHARS`."""
    written: str
    """With them."""
    url: str | None
    """Of its first link that leads to another page."""
    alt: str
    """Of its pictures, where they say something."""


def plain_label(text: str) -> str:
    """A label without footnote marks, bullets, a final colon or superfluous blanks.

    Idempotent, at most `MAX_LABEL_CHARS`.
    """
    previous, plain = None, text[: 4 * MAX_LABEL_CHARS]
    while plain != previous:
        previous = plain
        plain = " ".join(_UNSEEN.sub("", _MARK.sub(" ", plain)).split())
        plain = plain.strip(_BULLETS).rstrip(":\uff1a").strip()[:MAX_LABEL_CHARS]
    return plain


def plain_value(text: str) -> str:
    """A value in one line, cut at a word where it is too long; may be ""."""
    folded = " ".join(_UNSEEN.sub("", text).split())
    if len(folded) <= MAX_VALUE_CHARS:
        return folded
    cut = folded[:MAX_VALUE_CHARS]
    return cut.rpartition(" ")[0] or cut


def words_in(element: HtmlElement, *, base_url: str) -> Words:
    """The words below an element without those of tables in it. Visits each element once."""
    if not len(element) and element.tag != "a":  # most cells
        return _told(" ".join((element.text or "").split()), url=None, alt="")
    pieces: list[str] = []
    alts: list[str] = []
    url: str | None = None
    size = 0
    for piece in _pieces(element):
        if isinstance(piece, str):
            folded = _BLANKS.sub(" ", piece)
            if size <= 2 * MAX_VALUE_CHARS:
                pieces.append(folded)
                size += len(folded.strip(f" {_ITEM}"))
        elif piece.tag == "a" and url is None:
            url = link_to(piece.get("href"), base_url=base_url)
        elif piece.tag == "img" and piece.get("alt"):
            alts.append(piece.get("alt", "")[:MAX_VALUE_CHARS])
    written = _ITEMS.sub(", ", "".join(pieces).strip(f" {_ITEM}"))
    return _told(written, url=url, alt=plain_value(" ".join(alts[:10])))


def _told(written: str, *, url: str | None, alt: str) -> Words:
    plain = plain_value(written)
    text = plain_value(_MARK.sub("", written)) if "[" in written else plain
    return Words(text=text, written=plain, url=url, alt=alt)


def link_to(href: str | None, *, base_url: str) -> str | None:
    """An absolute url of a length that is kept; None: no such link."""
    url = absolute(href, base_url=base_url)
    is_kept = url is not None and len(url) <= MAX_URL_CHARS and not _UNSEEN.search(url)
    return url if is_kept else None


def first_facts(facts: Iterable[PageFact]) -> tuple[PageFact, ...]:
    """The facts that are kept of a page: once each, no more than `MAX_FACTS`. Reads no further."""
    return tuple(islice(_once(facts), MAX_FACTS))


def _once(facts: Iterable[PageFact]) -> Iterator[PageFact]:
    seen: set[PageFact] = set()
    for fact in facts:
        if fact not in seen:
            seen.add(fact)
            yield fact


def _pieces(root: HtmlElement) -> Iterator[str | HtmlElement]:
    """Words in order, and the links and pictures between them; no recursion, trees are deep."""
    stack: list[str | HtmlElement] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        if not isinstance(item.tag, str) or item.tag in _UNREAD_TAGS:
            continue
        if item is not root and (item.tag == "table" or _is_aside(item)):
            yield " "
            continue
        if item.tag in {"a", "img"}:
            yield item
        parting = _ITEM if item.tag == "li" else " " if item.tag in _PARTS else ""
        yield f"{parting}{item.text or ''}"
        stack.append(parting)
        for child in reversed(item):
            if child.tail:
                stack.append(child.tail)
            stack.append(child)


def _is_aside(element: HtmlElement) -> bool:
    """Whether a reader does not see it as part of the words: hidden, or an edit link."""
    style = element.get("style")
    if style is not None and _HIDDEN_STYLE.search(style):
        return True
    return "mw-editsection" in element.get("class", "")
