"""The page grammar backwards: the value that a text states for a relation of a thing.

It reads words only. It knows the sentences and rows of the made pages and the names of things,
never which value is true: a text that says something wrong yields what it says, and a text that
says nothing, or speaks of something else, yields nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import read_number
from vision_deepresearch.worlds.generated.grammar import POSSESSIVES, realisations_of
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range, Relation
from vision_deepresearch.worlds.generated.sites import PageKind, all_sites

_NAME = r"[A-ZÀ-ÖØ-Þ][\w'-]*(?: [\w'-]+){0,7}?"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_SMALL = "(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_UNIT = "km/h|m|km|cm|mm|t|kilometres an hour|metres|kilometres|centimetres|millimetres|tonnes"
_VALUES = {
    Range.ENTITY: _NAME,
    Range.YEAR: r"\d{4}",
    Range.DATE: rf"(?:\d{{1,2}} {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}}, \d{{4}}|\d{{4}}-\d\d-\d\d)",
    Range.NUMBER: rf"(?:\d{{1,3}}(?:,\d{{3}})*|{_SMALL})(?: (?:{_UNIT})(?![\w/]))?",
    Range.WORD: r"[a-z]+(?: [a-z]+){0,3}?",
}
_SUBJECT = "\x01"
"""Stands for the subject's name while sentences are matched: patterns are compiled once."""
_PERIOD = re.compile(r" \((?:since \d{4}|\d{4}-\d{4})\)")
"""When a value held, as rows add it."""
_SENTENCE_START = r"(?:^|(?<=[.!?:] )|(?<=[-*|>] ))"

_IMAGE = re.compile(r"!\[[^\]]*\]\([^)\s]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_ESCAPE = re.compile(r"\\([^\w\s])")
_LINK_LINE = re.compile(r"(?:\[\d+\]\s*|\d+\.\s*)?\[([^\]]+)\]\((https?://[^)\s]+)\)\s*")
_BARE_URL = re.compile(r"(?<!\]\()https?://[^\s)\]>,]+")
_SITE_SUFFIX = re.compile(
    r"\s+(?:-|\||::)\s+(?P<site>" + "|".join(re.escape(site.name) for site in all_sites()) + ")$"
)
_PAGE_SUFFIX = re.compile(
    "(?:"
    + "|".join(
        re.escape(site.suffix).replace(r"\{number\}", r"\d+") for site in all_sites() if site.suffix
    )
    + r"| \([^()]*\))$"
)
_THING_SITES = frozenset(
    site.name for site in all_sites() if any(kind.is_titled_by_thing for kind in site.paths)
)
"""Sites whose pages carry the name of one thing as title."""
_THING_PAGES = tuple(
    site.address(kind) for site in all_sites() for kind in site.paths if kind.is_titled_by_thing
)
_BY_SLUG = tuple(
    site.address(kind)
    for site in all_sites()
    for kind in (PageKind.ENCYCLOPEDIA, PageKind.MIRROR)
    if kind in site.paths
)
"""Where a thing's page lies under its slug."""
_SEPARATOR = re.compile(r"=====+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be read."""

    names: tuple[str, ...]
    """Of the subject: canonical, aliases."""
    slug: str
    """Of the subject's article; "" when unknown."""
    domain: EntityType
    """Type of the relation's own subject."""
    predicate: str
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Lines that stand under one page header."""

    titles: tuple[str, ...]
    urls: tuple[str, ...]
    lines: tuple[str, ...]


def read_statement(text: str, question: Question) -> str | None:
    """The stated value as written, rows before sentences, or None.

    A row, and a sentence whose subject is a pronoun, count only under the header of a page about
    the subject; a sentence that names the subject counts anywhere.
    """
    parts = list(_parts(text))
    about = [part for part in parts if _is_about(part, question)]
    for part in about:
        if (value := _read_row(part, question)) is not None:
            return value
    for part in about:
        if (value := _read_sentence(part, question, may_be_pronoun=True)) is not None:
            return value
    for part in parts:
        if (value := _read_sentence(part, question, may_be_pronoun=False)) is not None:
            return value
    return None


def read_name(text: str) -> str | None:
    """The name of the thing that the first article, item or fact page in a text is about."""
    for part in _parts(text):
        for position, title in enumerate(part.titles):
            url = part.urls[position] if position < len(part.urls) else ""
            name, is_thing = _name_in(title)
            if is_thing or (url.startswith(_THING_PAGES) and not _is_index(title)):
                return name
    return None


def _parts(text: str) -> Iterator[_Part]:
    """Cut at page headers: level-one headings, lines that are one link, lines with an address."""
    titles: list[str] = []
    urls: list[str] = []
    lines: list[str] = []
    for raw in text.split("\n"):
        line = raw.strip()
        is_header = _is_header(line)
        if (is_header and lines) or _SEPARATOR.fullmatch(line):
            yield _Part(titles=tuple(titles), urls=tuple(urls), lines=tuple(lines))
            titles.clear()
            urls.clear()
            lines.clear()
        if is_header:
            link = _LINK_LINE.fullmatch(line)
            titles.append(link.group(1) if link else line.lstrip("# "))
            urls.extend([link.group(2)] if link else _BARE_URL.findall(line))
        elif line and not _SEPARATOR.fullmatch(line) and not _is_label(line):
            lines.append(_plain(line))
    yield _Part(titles=tuple(titles), urls=tuple(urls), lines=tuple(lines))


def _is_header(line: str) -> bool:
    if line.startswith(("|", "- ", "* ", "!", "##")):
        return False
    return bool(line.startswith("# ") or _LINK_LINE.fullmatch(line) or _BARE_URL.search(line))


def _is_label(line: str) -> bool:
    """Whether it is a word of the tools' layout between header and passages."""
    return line in {"Evidence in page:", "Summary:"}


def _plain(line: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub("", line))
    return _ESCAPE.sub(r"\1", text.replace("**", ""))


def _name_in(title: str) -> tuple[str, bool]:
    """The name a page title holds, and whether the page is about one named thing."""
    link = _LINK_LINE.fullmatch(title)
    whole = (link.group(1) if link else title).strip()
    suffix = _SITE_SUFFIX.search(whole)
    bare = whole[: suffix.start()] if suffix else whole
    is_thing = suffix is not None and suffix["site"] in _THING_SITES and not _is_index(bare)
    return _PAGE_SUFFIX.sub("", bare), is_thing


def _is_index(title: str) -> bool:
    """Whether a page lists things instead of being about one."""
    return title.startswith(("List of ", "Category: ")) or "(disambiguation)" in title


def _is_about(part: _Part, question: Question) -> bool:
    names = {name.casefold() for name in question.names}
    if any(_name_in(title)[0].casefold() in names for title in part.titles):
        return True
    pages = tuple(address + question.slug for address in _BY_SLUG)
    return bool(question.slug) and any(url.rstrip(":") in pages for url in part.urls)


def _read_row(part: _Part, question: Question) -> str | None:
    relation = RELATIONS[question.domain, question.predicate]
    label = relation.inverse_infobox if question.inverse else relation.infobox
    if not label:
        return None
    row = re.compile(rf"(?:\|\s*{label}\s*\||[-*]?\s*{label}:)\s*([^|]+?)\s*\|?\s*", re.IGNORECASE)
    for line in part.lines:
        found = row.fullmatch(line)
        if found and found.group(1).strip(" -:"):
            return _written(_PERIOD.sub("", found.group(1)).strip(), relation=relation)
    return None


def _read_sentence(part: _Part, question: Question, *, may_be_pronoun: bool) -> str | None:
    names = "|".join(re.escape(name) for name in question.names)
    text = re.sub(rf"(?<!\w)(?:{names})(?!\w)", _SUBJECT, "\n".join(part.lines))
    if not may_be_pronoun and _SUBJECT not in text:
        return None
    patterns = _patterns(question.domain, question.predicate, question.inverse, may_be_pronoun)
    for pattern in patterns:
        if found := pattern.search(text):
            relation = RELATIONS[question.domain, question.predicate]
            return _written(found.group("value"), relation=relation)
    return None


def _written(value: str, *, relation: Relation) -> str:
    """A number in its canonical form, whatever style the page has; other values as they stand."""
    return read_number(value, relation=relation) if relation.range is Range.NUMBER else value


@cache
def _patterns(
    domain: EntityType,
    predicate: str,
    inverse: bool,  # noqa: FBT001 - part of the cache key
    may_be_pronoun: bool,  # noqa: FBT001 - part of the cache key
) -> tuple[re.Pattern[str], ...]:
    relation = RELATIONS[domain, predicate]
    is_name = inverse or relation.name == "region"
    value = _NAME if is_name else _VALUES[relation.range]
    heads = [f"(?:[Tt]he )?{_SUBJECT}", *(POSSESSIVES if may_be_pronoun else ())]
    owners = [f"(?:[Tt]he )?{_SUBJECT}'s?", *(POSSESSIVES.values() if may_be_pronoun else ())]
    holes = {
        "{S}": f"(?:{'|'.join(heads)})",
        "{P}": f"(?:{'|'.join(owners)})",
        "{s}": f"(?:the )?{_SUBJECT}",
        "{v}": f"(?P<value>{value})",
        "{a}": "an?",
        "{y}": r"\d{4}",
        "{z}": r"\d{4}",
    }
    patterns: list[re.Pattern[str]] = []
    for realisation in realisations_of(domain, predicate, inverse=inverse):
        pieces = re.split(r"(\{[SPsvayz]\})", realisation)
        body = "".join(holes.get(piece, re.escape(piece)) for piece in pieces)
        patterns.append(re.compile(_SENTENCE_START + body, re.MULTILINE))
    return tuple(patterns)
