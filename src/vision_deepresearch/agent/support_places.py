"""The texts a claim may be looked for in: what the model was shown, with where it is from.

Pictures that a search calls merely similar are none: they are strangers. What only repeats the
model's own words (queries, goals, notices) is none either.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.agent.support_match import words_pattern
from vision_deepresearch.agent.support_text import Haystack, Span
from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.content import Text
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Quote, Region
from vision_deepresearch.core.trajectory import (
    Backing,
    CallRecord,
    SupportKind,
    SupportSource,
    Turn,
)

MAX_PASSAGE_CHARS = 500
_WEAK_LABEL = "visually similar"
"""An engine's word for a picture that is probably a stranger."""
_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]{0,500}\)){0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)")
_FOOTNOTE = re.compile(r"\[\\?\[?\d{1,3}\\?\]?\]")
_EDGE_LINES = re.compile(r"(?<!\w)_+|_+(?!\w)")
_TOKEN = re.compile(r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*\w*|\w+")
_TITLE_TAIL = re.compile(r"\s+(?:[-\u2013\u2014|\u00b7]\s.*|\([^()]*\))$")
_BREAK = re.compile(r"[,;:]\s+|\s[\u2013\u2014-]\s")
"""Where a sentence that is too long may be cut."""
_LEADING_NOTE = re.compile(r"(?:\[\d{1,3}\]){1,5}\s*")
_MAX_EMPHASIS = 120
"""Characters of one emphasised stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A text that was observed, with where it is from and whose words it is."""

    source: SupportSource
    text: str
    turn: int
    record: CallRecord
    haystack: Haystack
    title: Haystack | None
    """Of its page."""
    shown: str
    """All the model could read of that result, white space folded."""
    evidence: Evidence | None = None
    quote: Quote | None = None
    handle: str | None = None
    """Picture by which a whole-image search found it."""

    @property
    def base_title(self) -> str:
        """The title of its page or hit without what only tells it from others: "Fathead (album)"."""
        return _TITLE_TAIL.sub("", self.evidence.title).strip() if self.evidence else ""

    @property
    def url(self) -> str | None:
        """Of the page or hit; None: a tool's output."""
        return self.evidence.url if self.evidence else None

    @property
    def region(self) -> Region | None:
        """The crop that found it."""
        regions = self.record.observation.regions
        at = self.evidence.region if self.evidence else None
        return regions[at] if at is not None and 0 <= at < len(regions) else None

    @property
    def kind(self) -> SupportKind:
        """What a claim is that it backs."""
        is_picture = self.source is SupportSource.CAPTION
        return SupportKind.PICTURE if is_picture else SupportKind.PASSAGE

    def shown_passage(self, span: Span) -> str:
        """The surroundings of a match, as far as the model was shown them; "" if it was not.

        They are whole sentences, lines or rows; only where these are too long, or were cut away,
        it is less.
        """
        whole = self.haystack.sentences(span)
        for low, high in (_with_marks(self.text, whole), whole, self._cut(whole, span), span):
            passage = self.text[low:high].strip()
            if len(passage) <= MAX_PASSAGE_CHARS and " ".join(passage.split()) in self.shown:
                return passage
        passage = self.text[span[0] : min(span[1], span[0] + MAX_PASSAGE_CHARS)].strip()
        return passage if " ".join(passage.split()) in self.shown else ""

    def _cut(self, whole: Span, span: Span) -> Span:
        """What of too long a sentence lies around a match, cut at its commas, else between words."""
        spare = max(0, MAX_PASSAGE_CHARS - (span[1] - span[0])) // 2
        low, high = max(whole[0], span[0] - spare), min(whole[1], span[1] + spare)
        starts = [found.end() for found in _BREAK.finditer(self.text, low, span[0])]
        ends = [found.start() for found in _BREAK.finditer(self.text, span[1], high)]
        if low > whole[0]:
            low = starts[0] if starts else span[0]
        if high < whole[1]:
            high = ends[-1] if ends else span[1]
        return _with_marks(self.text, (low, high))

    def backing(self, passage: str) -> Backing:
        """The record of a passage of it."""
        found, region = self.evidence, self.region
        if found is None:
            return Backing(passage=passage, source=self.source, turn=self.turn)
        return Backing(
            url=found.url,
            title=found.title,
            passage=passage,
            source=self.source,
            handle=region.handle if region else self.handle,
            box=region.box if region else None,
            turn=self.turn,
            quote=self.quote,
        )


def find_places(turns: Sequence[Turn], *, bank: Sequence[BankEntry]) -> Iterator[Place]:
    """All texts that the model was shown and did not write itself, in order; some may be blank."""
    handles = {entry.handle for entry in bank}
    for turn in turns:
        for record in turn.calls:
            asked = record.call.arguments.get("image_id")
            handle = asked if isinstance(asked, str) and asked in handles else None
            maker = _Maker(record=record, turn=turn.index, handle=handle)
            for found in record.observation.evidence:
                yield from maker.of_evidence(found)
            yield maker.place(SupportSource.OUTPUT, _learned_text(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Makes the places of one call's result."""

    record: CallRecord
    turn: int
    handle: str | None
    shown: str = field(init=False)

    def __post_init__(self) -> None:
        shown = " ".join("\n".join(_shown_parts(self.record.observation)).split())
        object.__setattr__(self, "shown", shown)

    def _title(self, found: Evidence | None) -> Haystack | None:
        return Haystack(found.title) if found else None

    def of_evidence(self, found: Evidence) -> Iterator[Place]:
        """The words of a page or hit, by whose they are, and its title."""
        match found.kind:
            case EvidenceKind.IMAGE_HIT:
                if found.label != _WEAK_LABEL:
                    yield self.place(SupportSource.CAPTION, found.snippet, found=found)
                    yield self.place(SupportSource.CAPTION, found.title, found=found)
                return
            case EvidenceKind.PAGE:
                for quote in found.quotes:
                    text = _quoted_words(quote, found.snippet)
                    yield self.place(SupportSource.PAGE, text, found=found, quote=quote)
                whose = SupportSource.EXTRACT if found.degraded else SupportSource.SUMMARY
                yield self.place(whose, found.snippet, found=found)
            case EvidenceKind.TEXT_HIT:
                yield self.place(SupportSource.SNIPPET, found.snippet, found=found)
        yield self.place(SupportSource.TITLE, found.title, found=found)

    def place(
        self,
        source: SupportSource,
        text: str,
        *,
        found: Evidence | None = None,
        quote: Quote | None = None,
    ) -> Place:
        """One text of this result."""
        is_named = found is not None and source is not SupportSource.TITLE
        return Place(
            source=source,
            text=text,
            turn=self.turn,
            record=self.record,
            title=self._title(found) if is_named else None,
            haystack=Haystack(text, title=found.title if found and is_named else ""),
            shown=self.shown,
            evidence=found,
            quote=quote,
            handle=self.handle,
        )


def _quoted_words(quote: Quote, snippet: str) -> str:
    """The words of a quote as they stand in the evidence, without the page's markup; "" if nowhere."""
    plain = _EDGE_LINES.sub(" ", _FOOTNOTE.sub(" ", _TARGET.sub("] ", quote.text)))
    words = _TOKEN.findall(plain)
    found = re.search(words_pattern(words, across=True), snippet, re.IGNORECASE) if words else None
    if found is None:
        return ""
    low, high = found.span()
    # The marks that belong to it: "| Born | 1934 |", '"Hank" Crawford.'
    while low > 0 and snippet[low - 1] in "|\"'(\u201c\u2018 $\u20ac\u00a3\u00a5-*":
        low -= 1
    while high < len(snippet) and snippet[high] in ".!?|\"')\u201d\u2019% \u20ac*":
        high += 1
    return snippet[low:high].strip()


def _learned_text(record: CallRecord) -> str:
    """What the model could learn from a result that gives no evidence, such as a program's output.

    What only repeats the model's own words is left out: queries, goals, notices and failures that
    quote the call.
    """
    observation = record.observation
    if observation.failure is not None or observation.evidence:
        return ""
    asked = [" ".join(words.split()) for words in _strings(record.call.arguments)]
    return "\n".join(
        text
        for text in _shown_parts(observation)
        if text not in observation.notices and not _is_echo(text, asked)
    )


def _shown_parts(observation: Observation) -> list[str]:
    """What the model could read of a result: untrusted text, so that our own words hold no claim."""
    return [p.text for p in observation.parts if isinstance(p, Text) and not p.trusted]


def _strings(value: JsonValue) -> Iterator[str]:
    """All texts in arguments of a call, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _is_echo(text: str, asked: Sequence[str]) -> bool:
    """Whether a text is a piece of what was asked; a long one is shown with a mark of the cut."""
    words = " ".join(text.split()).removesuffix("...").rstrip()
    return any(words in one for one in asked)


def _with_marks(text: str, span: Span) -> Span:
    """A stretch with the closing marks behind it and all of an emphasis it would tear.

    A footnote's mark before it belongs to the sentence before.
    """
    low, high = span
    note = _LEADING_NOTE.match(text, low, high)
    low = note.end() if note else low
    while high < len(text) and text[high] in "\"'\u201d\u2019)*_":
        high += 1
    if text.count("*", low, high) % 2:
        line = max(text.rfind("\n", 0, low) + 1, low - _MAX_EMPHASIS)
        opening = text.rfind("*", line, low)
        closing = text.find("*", low, high)
        # "Live* is an album": the mark that is there closes what began before.
        if opening >= 0 and closing >= 0 and text[closing - 1 : closing].strip():
            while opening > line and text[opening - 1] == "*":
                opening -= 1
            low = opening
    return low, high
