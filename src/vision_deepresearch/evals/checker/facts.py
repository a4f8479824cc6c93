"""Everything the pages say, as statements (thing, label, value) with the pages that say it.

A thing is the page of its own that others link to as a value; a page about it elsewhere is told by
its heading. Nobody's statement is preferred: right, outdated and made-up ones stand side by side.
"""

import re
from calendar import month_name
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from urllib.parse import urlsplit

from vision_deepresearch.evals.checker.crawl import Library
from vision_deepresearch.evals.checker.names import other_names
from vision_deepresearch.evals.checker.text import Mention, WebPage

_MONTHS = {name.casefold(): number for number, name in enumerate(month_name) if name}
_DAY_FIRST = re.compile(r"(\d{1,2}) ([A-Za-z]+) (\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]+) (\d{1,2}), (\d{4})")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
SMALL_NUMBERS = {
    word: number
    for number, word in enumerate(
        ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 3
    )
}
"""Numbers that prose writes in words."""
_UNIT = r"(?: (?:[^\W\d]{1,12}\.?|km/h|kilometres an hour))?"
_NUMBER = re.compile(rf"([+-]?\d{{1,3}}(?:,\d{{3}})+|[+-]?\d+)(?:\.\d+)?{_UNIT}")
_IN_WORDS = re.compile(rf"({'|'.join(SMALL_NUMBERS)}){_UNIT}", re.IGNORECASE)
_QUALIFIER = re.compile(r"\s*\([^()]*\)$")


class Kind(StrEnum):
    """What a value is."""

    THING = "thing"
    NUMBER = "number"
    DATE = "date"
    WORD = "word"


@dataclass(frozen=True, slots=True, order=True)
class Value:
    """A value in the form in which values are compared."""

    kind: Kind
    text: str
    """A thing's address; an ISO date; digits; casefolded words."""

    @property
    def rank(self) -> int | None:
        """Where it stands among others of its kind; None: it has no order."""
        match self.kind:
            case Kind.NUMBER:
                return int(self.text)
            case Kind.DATE:
                return int(self.text.replace("-", ""))
            case Kind.THING | Kind.WORD:
                return None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a statement stands."""

    url: str
    published: str | None
    how: str
    """Row, table or sentence."""


def literal(text: str) -> Value:
    """The value of a text that names no known thing."""
    words = " ".join(text.split())
    if (day := _as_date(words)) is not None:
        return Value(Kind.DATE, day.isoformat())
    if found := _NUMBER.fullmatch(words):
        return Value(Kind.NUMBER, str(int(found.group(1).replace(",", ""))))
    if found := _IN_WORDS.fullmatch(words):
        return Value(Kind.NUMBER, str(SMALL_NUMBERS[found.group(1).casefold()]))
    return Value(Kind.WORD, words.casefold())


def _as_date(words: str) -> date | None:
    if found := _ISO.fullmatch(words):
        year, month, day = (int(group) for group in found.groups())
    elif found := _DAY_FIRST.fullmatch(words):
        year, month, day = int(found[3]), _MONTHS.get(found[2].casefold(), 0), int(found[1])
    elif found := _MONTH_FIRST.fullmatch(words):
        year, month, day = int(found[3]), _MONTHS.get(found[1].casefold(), 0), int(found[2])
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


@dataclass(slots=True, kw_only=True)
class FactTable:
    """Statements of a world's pages."""

    names: dict[str, str] = field(default_factory=dict)
    """Thing (address) -> its name."""
    things: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Casefolded name or alias -> things that go by it."""
    statements: dict[tuple[str, str], dict[Value, list[Source]]] = field(default_factory=dict)
    """(thing, label) -> value -> sources."""
    labels: dict[str, dict[str, None]] = field(default_factory=dict)
    """Thing -> labels stated of it."""
    by_value: dict[tuple[str, Value], dict[str, None]] = field(default_factory=dict)
    """(label, value) -> things."""
    reverse: dict[str, str] = field(default_factory=dict)
    """Label -> the label that says the same from the other side, where there is one."""

    periods: dict[tuple[str, str, Value], dict[tuple[int, int | None], None]] = field(
        default_factory=dict
    )
    """(thing, label, value) -> years in which it held, by the rows that say so."""

    def add(self, thing: str, label: str, value: Value, source: Source) -> None:
        """Note a statement."""
        key = (thing, label.casefold())
        sources = self.statements.setdefault(key, {}).setdefault(value, [])
        if source not in sources:
            sources.append(source)
        self.labels.setdefault(thing, {}).setdefault(key[1])
        self.by_value.setdefault((key[1], value), {}).setdefault(thing)

    def value_of(self, mention: Mention) -> Value:
        """What a mention means: the thing it links to or names, else a literal."""
        if mention.url is not None:
            return Value(Kind.THING, mention.url)
        named = self.named(mention.text)
        return Value(Kind.THING, named[0]) if len(named) == 1 else literal(mention.text)

    def named(self, name: str) -> tuple[str, ...]:
        """Things of that name or alias."""
        return self.things.get(" ".join(name.split()).casefold(), ())

    def values(self, thing: str, label: str, *, only: frozenset[str] | None = None) -> set[Value]:
        """All values any page states, from either side.

        Args:
            thing: its address.
            label: as rows have it, casefolded.
            only: believe these pages alone.
        """
        found = {
            value
            for value, sources in self.statements.get((thing, label), {}).items()
            if _counts(sources, only)
        }
        other = self.reverse.get(label)
        if other is not None:
            me = Value(Kind.THING, thing)
            for subject in self.by_value.get((other, me), ()):
                if _counts(self.statements[subject, other][me], only):
                    found.add(Value(Kind.THING, subject))
        return found

    def pointing_at(self, value: Value) -> set[str]:
        """Things of which some page states this value, under any label."""
        return {
            thing for label in self.labels_met for thing in self.by_value.get((label, value), ())
        }

    @property
    def labels_met(self) -> dict[str, None]:
        """All labels of the world."""
        return {label: None for labels in self.labels.values() for label in labels}

    def sources(self, thing: str, label: str, value: Value) -> list[Source]:
        """Where a value is stated, from either side."""
        found = list(self.statements.get((thing, label), {}).get(value, ()))
        other = self.reverse.get(label)
        if other is not None and value.kind is Kind.THING:
            me = Value(Kind.THING, thing)
            found += self.statements.get((value.text, other), {}).get(me, ())
        return found

    def show(self, value: Value) -> str:
        """A value for a person."""
        return self.names.get(value.text, value.text) if value.kind is Kind.THING else value.text

    def learn_reverses(self) -> None:
        """Find pairs of labels that say the same from both sides ("Founder of", "Founded by").

        A label is another's reverse where nearly all its statements stand there too, turned
        round; the pages themselves show it, no list of relations is needed.
        """
        pairs: dict[str, Counter[str]] = {}
        totals: Counter[str] = Counter()
        for (thing, label), stated in self.statements.items():
            me = Value(Kind.THING, thing)
            for value in stated:
                if value.kind is not Kind.THING:
                    continue
                totals[label] += 1
                for other in self.labels.get(value.text, ()):
                    if me in self.statements[value.text, other]:
                        pairs.setdefault(label, Counter())[other] += 1
        for label, counts in pairs.items():
            other, times = counts.most_common(1)[0]
            if times >= max(3, _SAME * totals[label]):
                self.reverse[label] = other
                self.reverse.setdefault(other, label)


_SAME = 0.8
"""Share of a label's statements that must stand the other way round too."""


def _counts(sources: Iterable[Source], only: frozenset[str] | None) -> bool:
    return only is None or any(source.url in only for source in sources)


def collect(library: Library) -> FactTable:
    """The statements of rows and tables; sentences are read afterwards (`sentences`)."""
    facts = FactTable()
    _find_things(library, facts)
    for page in library.pages.values():
        for thing in about(page, facts):
            for row in page.rows:
                for mention in row.values:
                    value = facts.value_of(mention)
                    source = Source(page.url, page.published, "row")
                    facts.add(thing, row.label, value, source)
                    if mention.period is not None:
                        key = (thing, row.label.casefold(), value)
                        facts.periods.setdefault(key, {}).setdefault(mention.period)
        for entry in page.entries:
            subject = facts.value_of(entry.subject)
            for mention in entry.values:
                value = facts.value_of(mention)
                # "unknown" in a list is the lack of a value, not a value.
                if subject.kind is Kind.THING and value.kind is not Kind.WORD:
                    source = Source(page.url, page.published, "table")
                    facts.add(subject.text, entry.label, value, source)
    facts.learn_reverses()
    return facts


def about(page: WebPage, facts: FactTable) -> tuple[str, ...]:
    """The things a page may be about: itself, or those whose name its heading holds.

    Several where the name is shared: what such a page says is held against all of them.
    """
    if page.url in facts.names:
        return (page.url,)
    words = _QUALIFIER.sub("", page.heading).split()
    for size in range(len(words), 0, -1):
        for start in range(len(words) - size + 1):
            named = facts.named(" ".join(words[start : start + size]).strip(",:;.?!\"'"))
            if named:
                return named
    return ()


def _find_things(library: Library, facts: FactTable) -> None:
    """Pages that state properties and stand on the site most values link to, and their names."""
    sites = Counter(
        urlsplit(mention.url).netloc
        for page in library.pages.values()
        for mention in _linked(page)
        if mention.url is not None
    )
    if not sites:
        return
    home = sites.most_common(1)[0][0]
    own = [
        page
        for page in library.pages.values()
        if urlsplit(page.url).netloc == home and (page.rows or not page.entries)
    ]
    targets = {mention.url for page in library.pages.values() for mention in _linked(page)}
    called: dict[str, dict[str, None]] = {}
    pages: dict[str, tuple[WebPage, str]] = {}
    for page in own:
        if not page.rows and page.url not in targets:
            continue
        name = _QUALIFIER.sub("", page.heading)
        facts.names[page.url] = name
        pages[page.url] = (page, name)
        for known_as in (page.heading, name, name.removeprefix("The ")):
            called.setdefault(known_as.casefold(), {}).setdefault(page.url)
    texts = (
        mention.text.casefold()
        for page in library.pages.values()
        for row in page.rows
        for mention in row.values
    )
    for thing, aliases in other_names(pages, known=(*called, *texts)).items():
        for alias in aliases:
            called.setdefault(alias.casefold(), {}).setdefault(thing)
    facts.things = {name: tuple(urls) for name, urls in called.items()}


def _linked(page: WebPage) -> Iterator[Mention]:
    for row in page.rows:
        yield from (mention for mention in row.values if mention.url is not None)
    for entry in page.entries:
        yield from (m for m in (entry.subject, *entry.values) if m.url is not None)
