"""What backs an answer: for each claim the words of a page that hold it, or the picture, or nothing.

Only what the model was shown counts, and nothing is invented: a passage is a piece of an observed
text, word for word. `support_match` decides whether a text holds a claim; here is where it is looked
for and whose words they are. Order: words found again in the page, an extract, a search engine's
excerpt, a model's summary, the caption of a matched picture, a page's title, a tool's output; among
equals the later. Pictures that a search calls merely similar back nothing: they are strangers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.agent.claims import split_claims
from vision_deepresearch.agent.support_match import UNSPACED, Claim, Haystack, Span, words_pattern
from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.content import Text
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Quote
from vision_deepresearch.core.trajectory import (
    CallRecord,
    Support,
    SupportKind,
    SupportSource,
    Turn,
)

MAX_PASSAGE_CHARS = 300
_WEAK_LABEL = "visually similar"
"""An engine's word for a picture that is probably a stranger."""
_ORDER = {source: rank for rank, source in enumerate(SupportSource)}
_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]{0,500}\)){0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)")
_FOOTNOTE = re.compile(r"\[\\?\[?\d{1,3}\\?\]?\]")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bSt\.)(?<!\bDr\.)(?:\[\d{1,3}\])*\s+(?=[^a-z\s])|\n"
    "|(?<=[\u3002\uff01\uff1f])"
)
"""Behind a sentence and its footnotes; an initial is no end."""
_EDGE_LINES = re.compile(r"(?<!\w)_+|_+(?!\w)")
_TOKEN = re.compile(r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*\w*|\w+")


def find_support(
    answer: str | None, *, turns: Sequence[Turn], bank: Sequence[BankEntry] = ()
) -> tuple[Support, ...]:
    """Find what backs each claim of an answer.

    Args:
        answer: None or blank: there is nothing to support.
        turns: of the trajectory, in order.
        bank: pictures of the trajectory; a picture that is named as support is one of them.

    Returns:
        One record per claim, in order; `unsupported` where nothing shown holds it. Empty also for
        an answer that claims nothing ("I could not find it").
    """
    if answer is None or not normalise_answer(answer):
        return ()
    found = sorted(_places(turns, bank=bank), key=lambda place: (_ORDER[place.source], -place.turn))
    places = [place for place in found if place.text.strip()]
    return tuple(_support(Claim(written), places) for written in split_claims(answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A text that was observed, with where it is from and whose words it is."""

    source: SupportSource
    text: str
    turn: int
    record: CallRecord
    haystack: Haystack
    shown: str
    """All the model could read of that result, white space folded."""
    evidence: Evidence | None = None
    quote: Quote | None = None
    handle: str | None = None
    """Picture by which a whole-image search found it."""

    def support(self, claim: str, *, passage: str) -> Support:
        """The record of a claim that this text holds."""
        found = self.evidence
        if found is None:
            return Support(
                claim=claim,
                kind=SupportKind.PASSAGE,
                passage=passage,
                source=self.source,
                turn=self.turn,
            )
        regions = self.record.observation.regions
        region = None
        if found.region is not None and 0 <= found.region < len(regions):
            region = regions[found.region]
        is_picture = self.source is SupportSource.CAPTION
        return Support(
            claim=claim,
            kind=SupportKind.PICTURE if is_picture else SupportKind.PASSAGE,
            url=found.url,
            title=found.title,
            passage=passage,
            source=self.source,
            handle=region.handle if region else self.handle,
            box=region.box if region else None,
            turn=self.turn,
            quote=self.quote,
        )


def _places(turns: Sequence[Turn], *, bank: Sequence[BankEntry]) -> Iterator[_Place]:
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

    def of_evidence(self, found: Evidence) -> Iterator[_Place]:
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
    ) -> _Place:
        """One text of this result."""
        is_named = found is not None and source is not SupportSource.TITLE
        return _Place(
            source=source,
            text=text,
            turn=self.turn,
            record=self.record,
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
    while low > 0 and snippet[low - 1] in "|\"'(\u201c\u2018 $\u20ac\u00a3\u00a5-":
        low -= 1
    while high < len(snippet) and snippet[high] in ".!?|\"')\u201d\u2019% \u20ac":
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


def _support(claim: Claim, places: Sequence[_Place]) -> Support:
    for place in places:
        span = claim.find(place.haystack)
        passage = _shown_passage(place, span) if span else ""
        if passage:
            return place.support(claim.written, passage=passage)
    if claim.is_depiction:
        for place in places:
            is_caption = place.source is SupportSource.CAPTION
            span = claim.find_names(place.haystack) if is_caption else None
            passage = _shown_passage(place, span) if span else ""
            if passage:
                return place.support(claim.written, passage=passage)
    return Support(claim=claim.written, kind=SupportKind.UNSUPPORTED)


def _shown_passage(place: _Place, span: Span) -> str:
    """The surroundings of a match, as far as the model was shown them; "" if it was not."""
    start, end = span
    line_start = place.text.rfind("\n", 0, start) + 1
    line_end = place.text.find("\n", end)
    line = (line_start, line_end if line_end >= 0 else len(place.text))
    for low, high in (_sentences(place.text, span), _window(place.text, span), line, span):
        passage = place.text[low:high].strip()
        if len(passage) <= MAX_PASSAGE_CHARS and " ".join(passage.split()) in place.shown:
            return passage
    passage = place.text[start : min(end, start + MAX_PASSAGE_CHARS)].strip()
    return passage if " ".join(passage.split()) in place.shown else ""


def _sentences(text: str, span: Span) -> Span:
    """The whole sentences that a match lies in, within its line."""
    start, end = span
    ends = (found.end() for found in _SENTENCE_END.finditer(text, 0, start + 1))
    before = [at for at in ends if at <= start]
    behind = _SENTENCE_END.search(text, max(end - 1, 0))
    return (before[-1] if before else 0), (behind.start() if behind else len(text))


def _window(text: str, span: Span) -> Span:
    """At most `MAX_PASSAGE_CHARS` around a match, not cut inside a word."""
    start, end = span
    spare = max(0, MAX_PASSAGE_CHARS - (end - start)) // 2
    low, high = max(0, start - spare), min(len(text), end + spare)
    while 0 < low < start and text[low - 1].isalnum() and not UNSPACED.match(text[low]):
        low += 1
    while end < high < len(text) and text[high].isalnum() and not UNSPACED.match(text[high]):
        high -= 1
    return low, high
