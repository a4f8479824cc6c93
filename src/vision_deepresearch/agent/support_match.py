"""Whether a text holds a claim, and where: word for word, or by all its names, dates and figures.

Precision goes before recall: a reader who follows a citation must find the claim's names, dates and
figures there, close together and about the same thing. So

- a name is held as a whole, in order ("Skeeter Best" is not in "Kenny Best and Skeeter Burrell");
  what stands in the page's title may be left out of the passage if something else is in it, and a
  person whom the text names in full once may go on by the last name;
- a figure is held with its unit or with what it counts, a date with all its parts;
- half of the claim's other content words stand there too, and what the claim says of a name or date
  ("born in 1934") is not said of another one there ("born in 1934 and died in 2009");
- a negation on one side only is no support, neither for the claim nor for its opposite.

That is a pointer for a reader, not a proof: who did what to whom is looked at only for its order.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vision_deepresearch.agent.claims import plain_claim
from vision_deepresearch.agent.support_facts import (
    Date,
    Facts,
    Figure,
    Name,
    Word,
    is_denied,
    read_facts,
)
from vision_deepresearch.agent.support_text import (
    MAX_WINDOW_CHARS,
    UNIT_END,
    UNSPACED,
    Haystack,
    Span,
    find_name,
    split_at,
)
from vision_deepresearch.core.answers import normalise_answer

_MAX_TOKENS = 40
"""Words of a claim that are looked for literally."""

_FIGURE = r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*"
_TOKEN = re.compile(rf"{_FIGURE}\w*|\w+")
"""A figure with its sign and decimals is one word: 1.75 is not 1 75, and 12 is not in 3.12."""
_NOT_BEFORE = r"(?<!\w)(?<!\d[.,])"
_NOT_BEHIND = r"(?!\w|[.,]\d)"
_CLAUSE_END = re.compile(
    r"\n|[.!?;:()]\s|[()]|\s[\u2013\u2014-]\s|,(?=\s+[a-z])"
    r"|\s(?=(?:and|but|while|whereas|then|before|after|until|though|although)\s+[a-z])"
)
_CLAUSE_START = re.compile(r"[.;:!?\n]|\bbut\b|\binstead\b", re.IGNORECASE)
_DENIED_BEHIND = re.compile(
    r"[\s,]{1,2}(?:is|was|are|were|did|does|do|has|had|have|could|would|can)"
    r"(?:n['\u2019]t\b|\s+(?:not|never|no\s+longer)\b)",
    re.IGNORECASE,
)
_REFUTED = re.compile(
    r",?\s+(?:though|although|but|which|however)\b[^.!?;\n]{0,120}\b(?:false|untrue|not\s+true|wrong"
    r"|mistaken|incorrect|denied|disproved|a\s+myth)\b",
    re.IGNORECASE,
)
_DEPICTS = re.compile(
    r"\b(?:pictures?|pictured|photo(?:graph)?s?|images?|shows?|shown|seen|depicts?|depicted|visible"
    r"|crop|emblem|coat\s+of\s+arms|banner|sleeve|cover|statue|sculpture|logo|flag|building|portrait"
    r"|painting|figure|inset|landmark|identified\s+as)\b",
    re.IGNORECASE,
)

_STRICT = re.compile(
    r"\b(?:only|solely|exclusively|sole|first|last|every|all(?=\s+(?:the\s+)?[a-z])"
    r"|both(?=\s+(?:the\s+)?[a-z]))\b",
    re.IGNORECASE,
)
"""Words that say more than the names and figures beside them: a passage must have them too."""
_OWNED = re.compile(r"\b(?:belong(?:s|ed|ing)?\s+to|owned\s+by)\s+(?:the\s+)?", re.IGNORECASE)
_GENITIVE = re.compile(r"['\u2019]s$")
_LEAST_GAP = 3
"""Characters between an owner and what is owned: a blank and marks."""
_AFTERTHOUGHT = re.compile(
    r",\s+(?:though|although|but|while|whereas)\s+(?:it|he|she|they|the\s+[a-z]+)\s+"
    r"(?=[^.!?\n]*\b(?:not|never|n't|no)\b)(?![^.!?\n]*\b(?:false|wrong|mistaken|incorrect|denied"
    r"|disputed|true|correct|so)\b)[^.!?\n]{1,200}"
)
"""A later clause that denies something else: "written in 1882, though it was not published"."""
_MAX_FOUND = 24
"""Places of one text that are weighed against each other."""

_ON_SIDE = re.compile(
    r"\b(?:the|at|on|upper|lower|top|bottom)[\s-]+(?:upper|lower|left|right|top|bottom)\b(?:[\s-]*corner\b)?",
    re.IGNORECASE,
)
_LIST_LINE = re.compile(r"[^.!?|\n]{1,80}\s[\u2013\u2014-]\s[^.!?|\n]{1,160}$")
"""Such as "Skeeter Best - guitar": it is about its own name."""
_ITEM_MARK = re.compile(r"[*_\"'\u201d]{0,3}(?:,\s|\s[\u2013\u2014-]\s)")
"""Behind the name that an item of a list is about."""


class Claim:
    """A claim, read once and then looked for in many texts."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.plain = plain_claim(written)
        self.facts = read_facts(self.plain)
        self.pattern = _literal_pattern(self.plain)
        self.names = tuple(dict.fromkeys(self.facts.names))
        self._stems = frozenset(word.stem for word in self.facts.words if word.is_content)
        self._is_unspaced = bool(UNSPACED.search(self.plain))
        self.strict = tuple(dict.fromkeys(word.casefold() for word in _STRICT.findall(self.plain)))
        self._owners = [
            name
            for found in _OWNED.finditer(self.plain)
            for name in self.names
            if name.start <= found.end() < name.end
        ]

    @cached_property
    def is_comparable(self) -> bool:
        """Whether names and figures are enough to go by when the words differ."""
        if self._is_unspaced:
            return False
        if not self._stems:
            return self.num_keys + len(self.names) > 0
        return self.num_keys >= 2 or len(self._stems) >= 2 or self._is_distinctive

    @cached_property
    def num_keys(self) -> int:
        """Names, dates and figures; a single word that opens the claim may be no name."""
        sure = [name for name in self.names if not name.is_first]
        return len(sure) + len(self.facts.dates) + len(self.facts.figures)

    @cached_property
    def _is_distinctive(self) -> bool:
        """Whether one of them alone says much: a full name, a whole date, a large figure."""
        return (
            any(len(name.words) > 1 for name in self.names)
            or any(date.year and date.day for date in self.facts.dates)
            or any(len(one.value) >= 3 and not one.is_year for one in self.facts.figures)
        )

    @property
    def is_bare_figure(self) -> bool:
        """Whether it is a small number and nothing else."""
        figures = self.facts.figures
        return (
            len(figures) == 1
            and len(figures[0].value) < 3
            and figures[0].unit is None
            and not (self._stems or self.names or self.facts.dates)
        )

    @property
    def says_something(self) -> bool:
        """Whether it says something of what it names."""
        return bool(self._stems) or self.num_keys >= 2

    @property
    def is_depiction(self) -> bool:
        """Whether it says what a picture shows."""
        return bool(self.names and _DEPICTS.search(self.plain)) and not self.facts.is_denied

    def find(self, text: Haystack) -> Span | None:
        """Where the text holds the claim; word for word is preferred."""
        return next(self.find_all(text), None)

    def find_all(self, text: Haystack) -> Iterator[Span]:
        """Every place that holds the claim, of the strictest kind there is; at most a few dozen."""
        found = itertools.islice(self._find_literally(text), _MAX_FOUND)
        first = next(found, None)
        if first is None:
            found = itertools.islice(self._find_by_facts(text), _MAX_FOUND)
            first = next(found, None)
        if first is not None:
            yield first
            yield from found

    def find_names(self, text: Haystack) -> Span | None:
        """Where the names of the claim stand, if all do and all its dates and figures too."""
        facts = text.facts
        places = [find_name(name, facts.words) for name in self.names]
        found = [place for place in places if place]
        is_held = all(any(one.holds(date) for one in facts.dates) for date in self.facts.dates)
        is_held = is_held and all(_find_figure(one, facts) for one in self.facts.figures)
        if not found or len(found) < len(places) or not is_held or facts.is_denied:
            return None
        # "Heron" is not what is seen under "Heron Songs", nor is the work of somebody he himself.
        whole = {name.words for name in facts.names}
        if any(len(name.words) == 1 and name.words not in whole for name in self.names):
            return None
        if {
            word.stem
            for word in read_facts(_ON_SIDE.sub("", _DEPICTS.sub("", self.plain))).words
            if word.is_content
        } - {word.stem for word in facts.words}:
            return None
        return min(low for low, _ in found), max(high for _, high in found)

    def _find_literally(self, text: Haystack) -> Iterator[Span]:
        if self.pattern is None:
            return
        for match in self.pattern.finditer(text.text):
            if self.facts.is_denied or not _is_denied_there(text.text, match.span()):
                yield match.span()

    def _find_by_facts(self, text: Haystack) -> Iterator[Span]:
        """In single sentences, else in two, else in three."""
        if not self.is_comparable or not text.knows(self.names):
            return
        num_found_of = 0
        for num, window in text.windows():
            if num_found_of and num > num_found_of:
                return
            span = self._held_by(text.facts_of(window), window=window, text=text)
            if span:
                num_found_of = num
                yield span

    def _held_by(self, facts: Facts, *, window: Span, text: Haystack) -> Span | None:
        """The stretch of a window from the first to the last thing of the claim."""
        here = text.text[window[0] : window[1]]
        cut = _AFTERTHOUGHT.search(here) if facts.is_denied else None
        if cut and not is_denied(here[: cut.start()] + here[cut.end() :]):
            # What is denied there is something else.
            window = (window[0], window[0] + cut.start())
            return self._held_by(text.facts_of(window), window=window, text=text)
        known = {word.folded for word in facts.words}
        if facts.is_denied != self.facts.is_denied or not known.issuperset(self.strict):
            return None
        keys = self._key_places(facts, text=text)
        stems = {word.stem: (word.start, word.end) for word in reversed(facts.words)}
        shared = [stems[stem] for stem in self._stems if stem in stems]
        num_shared = len(shared) + self._is_owned_there(here, facts)
        if not keys or num_shared < self._least_shared:
            return None
        if not self._is_said_in_its_line(here) or self._is_item_of_another(facts, here, text=text):
            return None
        low = min(low for low, _ in (*keys, *shared))
        high = max(high for _, high in (*keys, *shared))
        is_near = high - low <= MAX_WINDOW_CHARS
        if not is_near or not _Comparison(claim=self, facts=facts, text=here).is_bound:
            return None
        return window[0] + low, window[0] + high

    def _key_places(self, facts: Facts, *, text: Haystack) -> list[Span]:
        """Where the names, dates and figures stand; empty if one is missing, or only the title has them."""
        spans: list[Span] = []
        for name in self.names:
            place = find_name(name, facts.words) or text.find_surname(name, facts)
            if place is None and not find_name(name, text.title_words):
                return []
            spans += [place] if place else []
        for date in self.facts.dates:
            there = next((one for one in facts.dates if one.holds(date)), None)
            if there is None:
                return []
            spans.append((there.start, there.end))
        for figure in self.facts.figures:
            place = _find_figure(figure, facts)
            if place is None:
                return []
            spans.append(place)
        return spans

    def _is_said_in_its_line(self, here: str) -> bool:
        """Whether no name is taken from a list line that says something else of it."""
        units = (here[low:high] for low, high in split_at(UNIT_END, here))
        lines = [line for line in units if _LIST_LINE.match(line.strip())]
        if not self._stems or len(lines) < 2:
            return True
        words_of = [read_facts(line).words for line in lines]
        stems_of = [self._stems.intersection(word.stem for word in words) for words in words_of]
        said = frozenset[str]().union(*stems_of)
        return all(
            stems == said
            for stems, words in zip(stems_of, words_of, strict=True)
            if any(find_name(name, words) for name in self.names)
        )

    def _is_item_of_another(self, facts: Facts, here: str, *, text: Haystack) -> bool:
        """Whether a line is a list's item about somebody whom the claim does not name."""
        known = text.title_folded.union(*(name.words for name in self.names))
        for low, high in split_at(UNIT_END, here) if self._stems else ():
            first = next((name for name in facts.names if low <= name.start < high), None)
            if first is None or here[low : first.start].strip("*_\"'\u201c (\n"):
                continue
            if _ITEM_MARK.match(here, first.end) and not known & set(first.words):
                return True
        return False

    def says_all(self, clauses: Sequence[str], text: Haystack, span: Span) -> bool:
        """Whether a passage has something of what each clause says, and not only its names."""
        known = {word.stem for word in text.facts_of(span).words}
        known |= {word.stem for word in text.title_words}
        is_owned = self._is_owned_there(text.text[slice(*span)], text.facts_of(span))
        for clause in clauses:
            said = {word.stem for word in read_facts(clause).words if word.is_content}
            if said and not said & known and not (is_owned and _OWNED.search(clause)):
                return False
        return True

    def _is_owned_there(self, here: str, facts: Facts) -> bool:
        """Whether "belonged to the College" is said by "the College's Stadium"."""
        others = [name for name in self.names if name not in self._owners]
        places = [find_name(name, facts.words) for name in self._owners]
        return bool(places) and all(
            place
            and _GENITIVE.search(here, *place)
            and any(
                0 <= thing[0] - place[1] <= _LEAST_GAP
                for name in others
                if (thing := find_name(name, facts.words))
            )
            for place in places
        )

    @property
    def _least_shared(self) -> int:
        """Content words that a passage must share."""
        num = len(self._stems)
        if self.num_keys >= 2:
            return -(-num // 2)
        return -(-2 * num // 3) if self.num_keys and self._is_distinctive else num


def without_strict_words(plain: str) -> str:
    """A claim without "only" and the like."""
    return " ".join(_STRICT.sub("", plain).split())


# ------------------------------------------------------------------------------------- word for word


def _literal_pattern(claim: str) -> re.Pattern[str] | None:
    """The claim in any case and with any punctuation between its words, as whole words."""
    forms = (claim, unicodedata.normalize("NFKC", claim), normalise_answer(claim))
    unique = {tuple(_TOKEN.findall(form)) for form in forms}
    fitting = [words for words in unique if 0 < len(words) <= _MAX_TOKENS]
    if not fitting:
        return None
    return re.compile("|".join(map(words_pattern, sorted(fitting, reverse=True))), re.IGNORECASE)


def words_pattern(words: Sequence[str], *, across: bool = False) -> str:
    """An expression for words in order, whatever marks stand between them.

    Args:
        words: at least one.
        across: whether a line or a sentence may end between them.
    """
    pieces = [re.escape(words[0])]
    for before, word in itertools.pairwise(words):
        is_open = UNSPACED.match(before[-1]) or UNSPACED.match(word[0])
        # A full stop may stand behind an abbreviation: "St. Ives".
        ends = r"[\W_]*\n" if before.isalpha() and len(before) <= 3 else r"[\W_]*(?:\n|[.!?;]\s)"
        pieces.append("" if across else f"(?!{ends})")
        pieces.append((r"[\W_]{0,3}" if is_open else r"[\W_]{1,3}") + re.escape(word))
    start = "" if UNSPACED.match(words[0][0]) else _NOT_BEFORE
    end = "" if UNSPACED.match(words[-1][-1]) else _NOT_BEHIND
    return start + "".join(pieces) + end


def _is_denied_there(text: str, span: Span) -> bool:
    """Whether the words at a place are denied by those before or right behind them."""
    before = text[max(0, span[0] - 80) : span[0]]
    starts = [found.end() for found in _CLAUSE_START.finditer(before)]
    clause = before[starts[-1] :] if starts else before
    is_refuted = _DENIED_BEHIND.match(text, span[1]) or _REFUTED.match(text, span[1])
    return is_denied(f"{clause} x") or bool(is_refuted)


# ------------------------------------------------------------------------------------- by its facts


def _find_figure(wanted: Figure, facts: Facts) -> Span | None:
    if wanted.is_year and not wanted.nouns:
        for date in facts.dates:
            if str(date.year) == wanted.value:
                return date.start, date.end
    for figure in facts.figures:
        if figure.value == wanted.value and _counts_the_same(wanted, figure, facts):
            return figure.start, figure.end
    if wanted.is_year:
        years = (date for date in facts.dates if str(date.year) == wanted.value)
        return next(((date.start, date.end) for date in years), None)
    return None


def _counts_the_same(wanted: Figure, figure: Figure, facts: Facts) -> bool:
    if wanted.unit is not None:
        return figure.unit == wanted.unit
    if figure.unit is not None:
        return not wanted.nouns
    if not wanted.nouns or wanted.is_year:
        return True
    if set(wanted.nouns) & set(figure.nouns):
        return True
    taken = {noun for other in facts.figures if other is not figure for noun in other.nouns}
    before = [word for word in facts.words if word.end <= figure.start][-3:]
    behind = [word for word in facts.words if word.start >= figure.end][:4]
    near = {word.stem for word in (*before, *behind)} - taken
    if set(wanted.nouns) & near:
        return True
    everywhere = {word.stem for word in facts.words}
    # A long figure speaks for itself, unless it counts something else there.
    return len(wanted.value.strip("-")) >= 3 and not (everywhere & set(wanted.nouns))


# ------------------------------------------------------------------------------------ what is said


def _span_at(spans: Sequence[Span], place: int) -> Span:
    return next((one for one in spans if one[0] <= place < one[1]), (0, 0))


def _bonds(facts: Facts, clauses: Sequence[Span]) -> Iterator[tuple[Word, Name | Date | Figure]]:
    """Each name, date and year of a claim with the content word before it that says what it is."""
    content = [word for word in facts.words if word.is_content]
    told = [figure for figure in facts.figures if figure.is_year or figure.label]
    for key in (*facts.names, *facts.dates, *told):
        low, high = _span_at(clauses, key.start)
        before = [word for word in content if low <= word.start < key.start]
        if before:
            yield before[-1], key
        elif not isinstance(key, Name):
            behind = [word for word in content if key.end <= word.start < high]
            if behind:
                yield behind[0], key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """A claim beside a passage that holds its names, dates and figures."""

    claim: Claim
    facts: Facts
    """Of the passage."""
    text: str
    """The passage."""

    @property
    def is_bound(self) -> bool:
        """Whether what the claim says of a name or a date is said of no other one there.

        All that the claim ties to one word must be tied to one and the same place of that word.
        """
        ties: dict[Word, list[Name | Date | Figure]] = {}
        for anchor, key in _bonds(self.claim.facts, split_at(_CLAUSE_END, self.claim.plain)):
            ties.setdefault(anchor, []).append(key)
        return all(
            any(self._is_tied(place, anchor=anchor, keys=keys) for place in places)
            for anchor, keys in ties.items()
            if (places := [word for word in self.facts.words if word.stem == anchor.stem])
        )

    def _is_tied(self, place: Word, *, anchor: Word, keys: Sequence[Name | Date | Figure]) -> bool:
        """Whether a place of the anchor's word speaks of the same subject, names and times."""
        sentence = _span_at(split_at(UNIT_END, self.text), place.start)
        clause = _span_at(split_at(_CLAUSE_END, self.text), place.start)
        inside = [word for word in self.facts.words if _is_in(word, clause)]
        around = [word for word in self.facts.words if _is_in(word, sentence)]
        subjects = [name for name in self.claim.names if name.end <= anchor.start]
        before = [
            one for one in self.facts.names if _is_in(one, sentence) and one.end <= place.start
        ]
        is_about = not self._others(before) or any(find_name(name, around) for name in subjects)
        if subjects and not is_about:
            return False
        for key in keys:
            if not isinstance(key, Name):
                is_said = self._is_time_said(key, clause=clause, sentence=sentence)
            elif find_name(key, self.facts.words):
                is_said = self._is_name_said(
                    key, place, anchor=anchor, clause=clause, inside=inside, around=around
                )
            else:  # it stands in the title, or in the passage by its last word
                is_said = True
            if not is_said:
                return False
        return True

    def _others(self, names: Sequence[Name]) -> list[Name]:
        """Those that the claim does not speak of, as far as they surely are names."""
        known = [set(name.words) for name in self.claim.names]
        return [
            one
            for one in names
            if not one.is_first and not any(words & set(one.words) for words in known)
        ]

    def _is_name_said(
        self,
        key: Name,
        place: Word,
        *,
        anchor: Word,
        clause: Span,
        inside: Sequence[Word],
        around: Sequence[Word],
    ) -> bool:
        """Whether the clause speaks of the name, or the sentence does and the clause of no other."""
        found = find_name(key, inside)
        if found is None:
            behind = [one for one in self.facts.names if place.end <= one.start < clause[1]]
            return find_name(key, around) is not None and not self._others(behind)
        if found[0] < place.start:
            return not self._is_turned(place, inside, anchor=anchor)
        # Where little else is compared, no other name may stand between.
        between = [one for one in self.facts.names if place.end <= one.start < found[0]]
        return self.claim.num_keys > 1 or not between

    def _is_time_said(self, key: Date | Figure, *, clause: Span, sentence: Span) -> bool:
        """Whether the clause names the year, or the sentence does and the clause no other year.

        The same goes for what has a number for a name: "Studio 2".
        """
        if isinstance(key, Figure) and key.label:
            nearest = self._labelled(key, (clause[0], sentence[1])) or self._labelled(key, sentence)
            inside = [one for one in nearest if _is_in(one, clause)]
            return key.value in {one.value for one in (inside or nearest[:1])}
        year = str(key.year) if isinstance(key, Date) else key.value
        if isinstance(key, Date) and key.year is None:
            return True
        return year in self._years(clause) or (
            not self._years(clause) and year in self._years(sentence)
        )

    def _labelled(self, key: Figure, where: Span) -> list[Figure]:
        return [one for one in self.facts.figures if one.label == key.label and _is_in(one, where)]

    def _years(self, where: Span) -> set[str]:
        told = {str(one.year) for one in self.facts.dates if _is_in(one, where) and one.year}
        return told | {
            one.value for one in self.facts.figures if one.is_year and _is_in(one, where)
        }

    def _is_turned(self, place: Word, inside: Sequence[Word], *, anchor: Word) -> bool:
        """Whether subject and object have changed places, active and passive told by "by"."""
        subjects = [name for name in self.claim.names if name.end <= anchor.start]
        behind = [word for word in inside if word.start >= place.end]
        is_swapped = any(find_name(name, behind) for name in subjects)
        return is_swapped and _has_by(self.text, place) == _has_by(self.claim.plain, anchor)


def _is_in(one: Name | Word | Date | Figure, where: Span) -> bool:
    return where[0] <= one.start < where[1]


def _has_by(text: str, verb: Word) -> bool:
    return re.match(r"\W+by\b", text[verb.end :], re.IGNORECASE) is not None
