"""Learns from the pages how sentences state facts, and reads sentences with what it learnt.

Where a thing's rows give a value and a sentence about the thing holds it, the rest of the sentence
is a pattern for that label. Patterns met often enough are then read everywhere: in news, threads
and asides, where no row stands. Nothing of the grammar that wrote the pages is known here.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from vision_deepresearch.evals.checker.crawl import Library
from vision_deepresearch.evals.checker.facts import (
    SMALL_NUMBERS,
    FactTable,
    Kind,
    Source,
    Value,
    about,
    literal,
)
from vision_deepresearch.evals.checker.text import WebPage, split_links

_UNIT = (
    r"(?: (?:km/h|km|cm|mm|m|t|kilometres an hour|kilometres|metres|centimetres|millimetres"
    r"|tonnes)(?![\w/]))?"
)
_LITERAL = re.compile(
    r"\b(?:\d{1,2} (?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December) \d{4}"
    r"|(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r" \d{1,2}, \d{4}|\d{4}-\d\d-\d\d"
    rf"|\d{{1,3}}(?:,\d{{3}})+{_UNIT}|\d+{_UNIT}|(?:{'|'.join(SMALL_NUMBERS)})\b{_UNIT})"
)
_WORD = re.compile("[^\\W_][\\w'\u2019.-]*")
_ARTICLE = re.compile(r"\b[Tt]he (?=\{)")
"""Whether a name goes with one says nothing about the sentence."""
_OF_NAMES_IN_S = re.compile(r"(?<=\})'(?!s)")
_YEAR = re.compile(r"[12]\d{3}")
_MAX_NAME_WORDS = 8
_PRONOUNS = {"It": "", "He": "", "She": "", "They": "", "Its": "'s", "His": "'s", "Her": "'s"}
_MIN_SEEN = 2
"""A pattern met once may be chance."""
_MIN_SHARE = 0.6
"""Of a pattern's readings, for things of that kind, so many must be of one label."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A thing or value inside a sentence."""

    values: tuple[Value, ...]
    """Several for a shared name."""
    text: str
    is_linked: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A sentence with its slots taken out."""

    pieces: tuple[str | Slot, ...]

    def slots(self) -> list[int]:
        """Positions of the slots."""
        return [n for n, piece in enumerate(self.pieces) if isinstance(piece, Slot)]

    def skeleton(self, *, subject: int, value: int) -> str:
        """The sentence around a subject and a value, other slots unnamed."""
        parts: list[str] = []
        for position, piece in enumerate(self.pieces):
            if isinstance(piece, str):
                parts.append(piece)
            elif position == subject:
                parts.append("{S}")
            elif position == value:
                parts.append(f"{{V:{_form(piece)}}}")
            else:
                parts.append("{X}")
        text = re.sub(r"\ban? (?=\{V)", "a ", " ".join("".join(parts).split()))
        return _OF_NAMES_IN_S.sub("'s", _ARTICLE.sub("", text)).strip()


@dataclass(slots=True, kw_only=True)
class SentenceReader:
    """Reads statements out of sentences."""

    facts: FactTable
    patterns: dict[str, Counter[str]] = field(default_factory=dict)
    """Skeleton -> labels it was seen to state, with how often."""
    kin: dict[str, dict[str, None]] = field(default_factory=dict)
    """Label -> labels that things with it have."""
    words: frozenset[str] = frozenset()
    """Plain words that stand as values of rows, casefolded."""
    num_read: int = 0
    """Sentences that gave a statement."""
    num_unread: int = 0
    """Sentences with a thing and a value that gave none."""
    _subjects: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def learn(cls, library: Library, facts: FactTable) -> "SentenceReader":
        """Learn the patterns of a world's pages from what their rows state."""
        reader = cls(facts=facts)
        reader.words = frozenset(
            value.text
            for stated in facts.statements.values()
            for value in stated
            if value.kind is Kind.WORD
        )
        for labels in facts.labels.values():
            for label in labels:
                reader.kin.setdefault(label, {}).update(labels)
        for page in library.pages.values():
            for sentence in page.sentences:
                reader._learn_from(page, sentence)
        return reader

    def read_all(self, library: Library) -> None:
        """Add what the sentences of all pages state to the facts."""
        for page in library.pages.values():
            for sentence in page.sentences:
                self._read(page, sentence)

    # --------------------------------------------------------------------------------- parsing

    def parse(self, sentence: str) -> Parsed:
        """Take the things and values out of a sentence."""
        pieces: list[str | Slot] = []
        for run in split_links(sentence):
            if run.url is not None:
                pieces.append(Slot((Value(Kind.THING, run.url),), run.text, is_linked=True))
            else:
                pieces.extend(self._find(run.text))
        return Parsed(tuple(pieces))

    def _find(self, text: str) -> Iterator[str | Slot]:
        """Names, literals and known words in plain text, the longest first."""
        position = start = 0
        while found := _WORD.search(text, position):
            slot, end = self._slot_at(text, found.start())
            if slot is None:
                position = found.end()
                continue
            if found.start() > start:
                yield text[start : found.start()]
            yield slot
            position = start = end
        if start < len(text):
            yield text[start:]

    def _slot_at(self, text: str, start: int) -> tuple[Slot | None, int]:
        if found := _LITERAL.match(text, start):
            return Slot((literal(found.group()),), found.group(), is_linked=False), found.end()
        ends: list[int] = []
        for word in _WORD.finditer(text, start):
            ends.append(len(text[: word.end()].rstrip(".'-")))
            if len(ends) == _MAX_NAME_WORDS:
                break
        for end in sorted({*ends, *(_before_genitive(text, end) for end in ends)}, reverse=True):
            phrase = text[start:end]
            named = self.facts.named(phrase) if phrase[:1].isupper() else ()
            if named:
                values = tuple(Value(Kind.THING, thing) for thing in named)
                return Slot(values, phrase, is_linked=False), end
            if phrase.casefold() in self.words:
                return Slot((literal(phrase),), phrase, is_linked=False), end
        return None, start

    # ------------------------------------------------------------------------ learning, reading

    def readings(
        self, page: WebPage, parsed: Parsed
    ) -> Iterator[tuple[tuple[str, ...], Slot, str]]:
        """(things that may be meant, value, skeleton) for each pair of slots.

        A pronoun is the subject only where no thing is named: "It was Ann who founded Rovers."
        """
        slots = parsed.slots()
        is_named = False
        for value_at in slots:
            value = parsed.pieces[value_at]
            assert isinstance(value, Slot), "a position of a slot"
            for subject_at in slots:
                subject = parsed.pieces[subject_at]
                assert isinstance(subject, Slot), "a position of a slot"
                if subject.is_linked or subject.values == value.values:
                    continue  # a thing under two names is no statement
                if subject.values[0].kind is Kind.THING:
                    is_named = True
                    things = tuple(thing.text for thing in subject.values)
                    own = set(things) & set(self._about(page))
                    things = tuple(own) if own else things
                    yield things, value, parsed.skeleton(subject=subject_at, value=value_at)
        read = None if is_named else _with_pronoun(parsed)
        things = self._about(page) if read is not None else ()
        if read is not None and things:
            for value_at in slots:
                value = parsed.pieces[value_at]
                assert isinstance(value, Slot), "a position of a slot"
                yield things, value, read.skeleton(subject=0, value=value_at + 1)

    def _about(self, page: WebPage) -> tuple[str, ...]:
        if page.url not in self._subjects:
            self._subjects[page.url] = about(page, self.facts)
        return self._subjects[page.url]

    def _learn_from(self, page: WebPage, sentence: str) -> None:
        for things, value, skeleton in self.readings(page, self.parse(sentence)):
            for thing in things if len(things) == 1 else ():
                for label in self.facts.labels.get(thing, ()):
                    if value.values[0] in self.facts.statements[thing, label]:
                        self.patterns.setdefault(skeleton, Counter())[label] += 1

    def label_of(self, skeleton: str, thing: str) -> str | None:
        """What a pattern states of a thing; None: not known well enough."""
        counts = self.patterns.get(skeleton)
        if counts is None:
            return None
        own = self.facts.labels.get(thing, {})
        possible = {
            label: times
            for label, times in counts.items()
            if label in own or _are_kin(label, own, self.kin)
        }
        if not possible:
            return None
        best = max(possible, key=lambda label: (possible[label], label))
        is_clear = possible[best] >= _MIN_SHARE * sum(possible.values())
        return best if is_clear and possible[best] >= _MIN_SEEN else None

    def _read(self, page: WebPage, sentence: str) -> None:
        parsed = self.parse(sentence)
        is_read = can_state = False
        for things, value, skeleton in self.readings(page, parsed):
            can_state = True
            for thing in things:
                label = self.label_of(skeleton, thing)
                if label is None or len(value.values) > 1:
                    continue
                is_read = True
                source = Source(page.url, page.published, "sentence")
                self.facts.add(thing, label, value.values[0], source)
        self.num_read += is_read
        self.num_unread += can_state and not is_read


def _form(slot: Slot) -> str:
    """Things, years and the like: equal words around them mean other labels."""
    if slot.values[0].kind is Kind.NUMBER:
        return "year" if _YEAR.fullmatch(slot.text) else "number"
    return slot.values[0].kind.value


def _with_pronoun(parsed: Parsed) -> Parsed | None:
    """The sentence with its pronoun at the head made the subject; None: it has none."""
    head = parsed.pieces[0] if parsed.pieces else ""
    if not isinstance(head, str):
        return None
    word, space, rest = head.partition(" ")
    if word not in _PRONOUNS:
        return None
    return Parsed((
        Slot((), word, is_linked=False),
        f"{_PRONOUNS[word]}{space}{rest}",
        *parsed.pieces[1:],
    ))


def _before_genitive(text: str, end: int) -> int:
    """The end of a name that stands with "'s"."""
    return end - 2 if text[end - 2 : end] in {"'s", "\u2019s"} else end


def _are_kin(label: str, own: dict[str, None], kin: dict[str, dict[str, None]]) -> bool:
    """Whether things with a label are of the kind that has these labels."""
    near = kin.get(label, {})
    return bool(own) and 2 * sum(one in near for one in own) > len(own)
