"""The checker's own reader: a page's Markdown as rows, tables and sentences, links kept.

It knows Markdown, not the sites: a table with links in its first column lists things, any other
table of two columns states properties of what the page is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from vision_deepresearch.core.page import PageImage

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]\\]|\\.)*)\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)\s]*\)")
_ESCAPE = re.compile(r"\\([^\w\s])")
_RULE = re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+")
_BULLET = re.compile(r"^(?:[-*+]|\d+\.)\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[\"'(\[]?[^\W\d_a-z]|\[|\d)")
_PERIOD = re.compile(r"\s*\((?:since (\d{4})|(\d{4})\s*[-\u2013]\s*(\d{4}))\)")
_INITIAL = re.compile(r"(?:^|[^\w.])([^\W\d_])\.$")
_SPLIT_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Mention:
    """A run of text, with the address it links to."""

    text: str
    url: str | None = None
    period: tuple[int, int | None] | None = None
    """Years of which a row says that the value held; the last one None: it still does."""


@dataclass(frozen=True, slots=True)
class Row:
    """A property of what a page is about."""

    label: str
    values: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A property of a thing that a page lists."""

    subject: Mention
    label: str
    values: tuple[Mention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """What stands on a page."""

    url: str
    heading: str
    """Its first heading, or the title where it has none."""
    title: str
    published: str | None
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    sentences: tuple[str, ...]
    """As Markdown: links stand in them."""
    images: tuple[PageImage, ...]
    links: tuple[str, ...]
    words: str
    """All its words, casefolded, addresses left out."""


def read_page(
    markdown: str,
    *,
    url: str,
    title: str,
    published: str | None,
    images: tuple[PageImage, ...],
    links: tuple[str, ...],
) -> WebPage:
    """Take a page's Markdown apart."""
    heading = ""
    rows: list[Row] = []
    entries: list[Entry] = []
    sentences: list[str] = []
    table: list[list[str]] = []
    for raw in [*markdown.split("\n"), ""]:
        line = raw.strip()
        if line.startswith("|"):
            if not _RULE.fullmatch(line):
                table.append(_cells(line))
            continue
        if table:
            _read_table(table, rows=rows, entries=entries)
            table = []
        if line.startswith("# ") and not heading:
            heading = plain(line[2:])
        elif not line.startswith("#"):
            sentences.extend(_sentences(_BULLET.sub("", _IMAGE.sub("", line)).strip()))
    return WebPage(
        url=url,
        heading=heading or title,
        title=title,
        published=published,
        rows=tuple(rows),
        entries=tuple(entries),
        sentences=tuple(sentences),
        images=images,
        links=links,
        words=" ".join([
            plain(_IMAGE.sub("", markdown)),
            *(image.caption for image in images),
        ]).casefold(),
    )


def plain(markdown: str) -> str:
    """Words without addresses, marks and escapes."""
    text = _LINK.sub(r"\1", markdown).replace("**", "")
    return " ".join(_ESCAPE.sub(r"\1", text).split())


def split_links(markdown: str) -> Iterator[Mention]:
    """The runs of a line in order: linked ones, and the text between them."""
    end = 0
    for link in _LINK.finditer(markdown):
        if link.start() > end:
            yield Mention(_words(markdown[end : link.start()]))
        yield Mention(_words(link.group(1)), link.group(2).partition("#")[0])
        end = link.end()
    if end < len(markdown):
        yield Mention(_words(markdown[end:]))


def stands_in(name: str, words: str) -> bool:
    """Whether a name stands in casefolded words as a word of its own."""
    folded = name.casefold()
    return folded in words and bool(re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", words))


def _words(markdown: str) -> str:
    return _ESCAPE.sub(r"\1", markdown.replace("**", ""))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _SPLIT_CELLS.split(line.strip().strip("|"))]


def _values(cell: str) -> tuple[Mention, ...]:
    """Linked things where there are any, else the text; with the years that stand behind."""
    runs = [*split_links(cell), Mention("")]
    linked = tuple(
        replace(mention, period=_period(after.text))
        for mention, after in pairwise(runs)
        if mention.url is not None
    )
    text = plain(_IMAGE.sub("", cell))
    return linked or ((Mention(text),) if text else ())


def _period(text: str) -> tuple[int, int | None] | None:
    """The years of " (1988-1996)" or " (since 1996)"."""
    if (found := _PERIOD.match(text)) is None:
        return None
    since, start, end = found.groups()
    return (int(since), None) if since else (int(start), int(end))


def _read_table(table: list[list[str]], *, rows: list[Row], entries: list[Entry]) -> None:
    head, *body = table
    if body and all(_LINK.search(line[0]) for line in body):
        for line in body:
            subject = _values(line[0])[0]
            entries += [
                Entry(subject, plain(label), _values(cell))
                for label, cell in zip(head[1:], line[1:], strict=False)
            ]
        return
    rows.extend(
        Row(plain(line[0]), _values(line[1]))
        for line in table
        if len(line) == 2 and plain(line[0]) and _values(line[1])
    )


def _sentences(line: str) -> Iterator[str]:
    """Split at ends of sentences, not behind an initial such as "S."."""
    held = ""
    for piece in _SENTENCE_END.split(line):
        held = f"{held} {piece}".strip()
        initial = _INITIAL.search(held)
        if held and (initial is None or initial.group(1).islower()):
            yield held
            held = ""
    if held:
        yield held
