"""A text in which claims are looked for: its sentences, lines and rows, and the names in it.

What is read off a text is kept, so that many claims cost one reading.
"""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from vision_deepresearch.agent.support_facts import Facts, Name, Word, read_facts

MAX_WINDOW_CHARS = 400
_MAX_UNITS = 3
"""Sentences, lines or rows that one passage may join."""
_MAX_UNIT_CHARS = 2_000
"""A longer run without an end is no sentence; in it a claim is looked for literally only."""
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff]")
"""Scripts written without spaces (and Hangul, whose particles follow directly)."""
_FIELD = r"[A-Z][\w()]{1,20}(?:\s[a-z]\w{1,12})?:\s"
"""The name of a field where a table was run into one line: "Born: 1934 Origin: Ostrel"."""
_ITEM = r"(?:[\"(]?[A-Z][\w.'-]{0,20}[\")]?\s){1,4}[\u2013\u2014-]\s[a-z]"
"""An item of a list that was run into one line: "Mira Dovane - guitar Adolf Loos - bass"."""
_NOT_IN_NAME = "".join(rf"(?<![A-Z]\w{{{num}}})(?<![A-Z]\w{{{num}}}[\")])" for num in range(1, 14))
"""The word before is no part of the name that follows."""
UNIT_END = re.compile(
    rf"(?<=[a-z)]){_NOT_IN_NAME}\s+(?={_ITEM})|"
    rf"(?<=\S)\s+(?={_FIELD}[^:\n]{{1,80}}\s{_FIELD})|(?<=[^.!?:\s])\s+(?={_FIELD}[^:\n]{{1,80}}\.\.\.)|"
    r"\n+|(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bSt\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bNo\.)(?<!\bJr\.)"
    r"(?<!\|\s\d\.)(?<!^\d\.)(?<!\n\d\.)[\"'\u201d\u2019)]{0,2}(?:\[\d{1,3}\]){0,5}\s+(?=[^\sa-z])|(?<=[\u3002\uff01\uff1f])"
)
_ROW = re.compile(rf"\s*(?:\||{_FIELD})")

Span = tuple[int, int]


class Haystack:
    """A text in which claims are looked for; what is read off it is kept."""

    def __init__(self, text: str, *, title: str = "") -> None:
        self.text = text
        self.title_words = read_facts(title).words if title else ()
        self.title_folded = frozenset(word.folded for word in self.title_words)
        self._facts: dict[Span, Facts] = {}
        self._full_names: dict[tuple[str, ...], bool] = {}

    def knows(self, names: Sequence[Name]) -> bool:
        """Whether all words of the names stand somewhere in it or in its title."""
        known = self.folded | self.title_folded
        return all(known.issuperset(name.words) for name in names)

    def sentences(self, span: Span) -> Span:
        """The whole sentences, lines or rows that a stretch lies in."""
        low = bisect_right(self._starts, span[0]) - 1
        high = bisect_left(self._ends, span[1])
        return (
            self._starts[max(low, 0)],
            self._ends[high] if high < len(self._ends) else len(self.text),
        )

    @cached_property
    def _breaks(self) -> list[Span]:
        return [found.span() for found in UNIT_END.finditer(self.text)]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end for _, end in self._breaks)]

    @cached_property
    def _ends(self) -> list[int]:
        return [*(start for start, _ in self._breaks), len(self.text)]

    @cached_property
    def folded(self) -> frozenset[str]:
        """Its words without case and accents."""
        return frozenset(word.folded for word in self.facts.words)

    @property
    def facts(self) -> Facts:
        """Of the whole text."""
        return self.facts_of((0, len(self.text)))

    def facts_of(self, window: Span) -> Facts:
        """Of a stretch; places count from its beginning."""
        if window not in self._facts:
            self._facts[window] = read_facts(self.text[window[0] : window[1]])
        return self._facts[window]

    def windows(self) -> Iterator[tuple[int, Span]]:
        """Sentences, lines and rows, then two and three that follow each other, with their number."""
        units = self._units
        for num in range(1, _MAX_UNITS + 1):
            for first in range(len(units) - num + 1):
                run = units[first : first + num]
                window = (run[0][0], run[-1][1])
                if num > 1 and window[1] - window[0] > MAX_WINDOW_CHARS:
                    continue
                # A row of a table is about its own first cell: rows are not joined.
                if num == 1 or not any(_ROW.match(self.text, low, high) for low, high in run):
                    yield num, window

    def find_surname(self, name: Name, facts: Facts) -> Span | None:
        """The last word of a full name where it stands alone, as prose goes on about a person.

        The full name must stand in the text or its title, and no other name with the same end.
        """
        last = name.words[-1:]
        if len(name.words) < 2 or not self._is_only_one(name):
            return None
        alone = next((one for one in facts.names if one.words == last), None)
        return (alone.start, alone.end) if alone else None

    def _is_only_one(self, name: Name) -> bool:
        """Whether the full name stands there, and no other name with the same end."""
        if name.words not in self._full_names:
            namesakes = {
                one.words[-2:]
                for one in self.facts.names
                if len(one.words) > 1 and one.words[-1:] == name.words[-1:]
            }
            is_there = find_name(name, self.facts.words) or find_name(name, self.title_words)
            self._full_names[name.words] = bool(is_there) and len(namesakes) <= 1
        return self._full_names[name.words]

    @cached_property
    def _units(self) -> list[Span]:
        return [
            (low, high)
            for low, high in zip(self._starts, self._ends, strict=True)
            if high - low <= _MAX_UNIT_CHARS and self.text[low:high].strip()
        ]


def find_name(name: Name, words: Sequence[Word]) -> Span | None:
    """The first place where the words of a name follow each other; an initial may stand between."""
    wanted = name.words
    for first, word in enumerate(words):
        if word.folded != wanted[0] or not (word.is_capital or name.is_first):
            continue
        at, num = first, 1
        skipped = False
        while num < len(wanted) and at + 1 < len(words):
            following = words[at + 1]
            if following.start - words[at].end > 4:
                break
            if following.folded == wanted[num]:
                num += 1
            elif skipped or not following.is_capital:
                break
            else:
                skipped = True
            at += 1
        if num == len(wanted):
            return word.start, words[at].end
    return None


def split_at(ends: re.Pattern[str], text: str) -> list[Span]:
    """The stretches between the ends."""
    places = [0, *(found.end() for found in ends.finditer(text)), len(text)]
    return list(itertools.pairwise(places))
