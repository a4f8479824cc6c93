"""Reads what tools wrote, as a careful reader would: regions with hits, hit lists, pages.

Layouts are those of arXiv 2601.22060 (labels fixed, header wording free), read leniently. Nothing
here knows what is true.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from vision_deepresearch.core.content import Message, Role

_RESPONSE = re.compile(r"<tool_response>\n?(.*?)\n?</tool_response>", re.DOTALL)
_BREAK = re.compile(r"\n\s*={5,}\s*\n")
_HIT = re.compile(
    r"^\s*(?:\[\d+\]|\d+\.)\s+\[(?P<title>(?:[^\[\]\n\\]|\\.)+)\]\((?P<url>[^\s()]+)\)",
    re.MULTILINE,
)
_LINK = re.compile(r"(?:^|\s)\[(?P<title>(?:[^\[\]\n\\]|\\.)+)\]\((?P<url>[^\s()]+)\)")
_NUMBER = r"-?\d+(?:\.\d+)?"
_REGION = re.compile(
    rf"^[^\n]*?\b(?P<handle>img_\d{{1,4}})\b[^\n]*?"
    rf"\[\s*(?P<box>{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}})\s*\][^\n]*$",
    re.MULTILINE,
)
_SHOWN = re.compile(r"^\s*(?P<handle>img_\d{1,4}): img_\d{1,4} \[")
_EVIDENCE = re.compile(r"^\s*Evidence in page:", re.MULTILINE)
_PICTURES = re.compile(r"^\s*Pictures:\s*$", re.MULTILINE)
_PICTURE = re.compile(r"^- (?P<handle>img_\d{1,4}): (?P<words>.*)$", re.MULTILINE)
_CURSOR = re.compile(
    r"^[^\n|]*\bpage\b[^\n|]*\bcursor\b[\"'\s:=]+(?P<cursor>[\w.-]+)", re.MULTILINE | re.IGNORECASE
)
_ESCAPE = re.compile(r"\\([\[\]\\()_*|])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search hit as written."""

    title: str
    url: str
    text: str
    """What is written below it, up to the next hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRegion:
    """One searched crop as written."""

    handle: str
    box: tuple[float, ...]
    """Thousandths, as asked for."""
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPage:
    """One visited page as written."""

    url: str
    title: str
    body: str
    """Evidence and summary."""
    cursor: str | None
    """Where the next window begins, if the page goes on."""
    pictures: tuple[tuple[str, str], ...] = ()
    """Handle of each picture, and what is told of it."""


def responses_of(messages: Sequence[Message]) -> list[str]:
    """Texts of tool results, in call order."""
    texts: list[str] = []
    for message in messages:
        if message.role is Role.TOOL:
            texts.append(message.text)
        elif message.role is Role.USER:
            texts += _RESPONSE.findall(message.text)
    return texts


def read_hits(text: str) -> tuple[Hit, ...]:
    """All hits of a result list, in order."""
    return tuple(
        Hit(title=_plain(hit["title"]), url=hit["url"], text=below)
        for hit, below in _sections(_HIT, text)
    )


def read_links(text: str) -> frozenset[str]:
    """Urls of all links of a text."""
    return frozenset(link["url"] for link in _LINK.finditer(text))


def read_regions(text: str) -> tuple[SeenRegion, ...]:
    """The regions of a crop search with their hits."""
    return tuple(
        SeenRegion(
            handle=region["handle"],
            box=tuple(float(number) for number in region["box"].split(",")),
            hits=read_hits(below),
        )
        for region, below in _sections(_REGION, text)
    )


def read_shown(text: str) -> str | None:
    """The new handle that a zoom gave; None: it showed nothing."""
    shown = _SHOWN.match(text)
    return shown["handle"] if shown else None


def read_pages(text: str) -> tuple[SeenPage, ...]:
    """The pages of a visit; what does not open with a title and an address is none."""
    pages = (_read_page(piece.strip()) for piece in _BREAK.split(text))
    return tuple(page for page in pages if page is not None)


def _sections(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each heading with the text below it, up to the next heading."""
    found = list(pattern.finditer(text))
    for heading, following in zip_longest(found, found[1:]):
        end = following.start() if following is not None else len(text)
        yield heading, text[heading.end() : end]


def _read_page(piece: str) -> SeenPage | None:
    first, _, rest = piece.partition("\n")
    link = _LINK.search(first)
    if link is None:
        return None
    evidence = _EVIDENCE.search(rest)
    pictures = _PICTURES.search(rest)
    cursor = _CURSOR.search(rest)
    # Captions are not what the page says of itself, and some are wrong.
    end = pictures.start() if pictures else len(rest)
    return SeenPage(
        url=link["url"],
        title=_plain(link["title"]),
        body=rest[evidence.end() if evidence else 0 : end],
        cursor=cursor["cursor"] if cursor else None,
        pictures=tuple(
            (picture["handle"], picture["words"]) for picture in _PICTURE.finditer(rest, end)
        ),
    )


def _plain(title: str) -> str:
    return _ESCAPE.sub(r"\1", title).strip()
