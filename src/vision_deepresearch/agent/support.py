"""What backs an answer: for each claim the words of a page that hold it, or the picture, or nothing.

Only what the model was shown counts, and nothing is invented: a passage is a piece of an observed
text, word for word. A claim is held by a passage that contains it, or - a whole sentence - by one
that contains all its names and figures. That is a pointer for a reader, not a proof.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.content import Text
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.trajectory import CallRecord, Support, SupportKind, Turn

MAX_PASSAGE_CHARS = 300
_MAX_CLAIMS = 20
_MAX_SHORT_ANSWER_CHARS = 80
"""A shorter answer of one line is one claim, full stops and all: "St. Ives"."""
_MIN_CLAIM_CHARS = 12
_MAX_TOKENS = 40
"""Words of a claim that are looked for literally; a longer one is looked for by its names."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])|(?<=[。！？])|\n+")  # noqa: RUF001 - CJK stops
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_FIGURE = r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*"
_WORD = re.compile(rf"{_FIGURE}\w*|\w+")
"""A figure with its sign and decimals is one word: 1.75 is not 1 75, and 12 is not in 3.12."""
_NOT_BEFORE = r"(?<!\w)(?<!\d[.,])"
_NOT_BEHIND = r"(?!\w|[.,]\d)"
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff]")
"""Scripts written without spaces (and Hangul, whose particles follow directly)."""
_OPENERS = frozenset({
    "a", "an", "and", "as", "at", "by", "for", "from", "he", "her", "his", "if", "in", "it", "its",
    "no", "of", "on", "or", "she", "so", "that", "the", "their", "there", "they", "this", "to",
    "was", "we", "were", "when", "which", "who", "yes",
})  # fmt: skip
"""Words that begin sentences and are no names."""


def find_support(
    answer: str | None, *, turns: Sequence[Turn], bank: Sequence[BankEntry] = ()
) -> tuple[Support, ...]:
    """Find what backs each claim of an answer.

    Args:
        answer: None or blank: there is nothing to support.
        turns: of the trajectory, in order.
        bank: pictures of the trajectory; a picture that is named as support is one of them.

    Returns:
        One record per claim, in order; `unsupported` where nothing shown holds it. Pages that were
        read are preferred to search hits, those to pictures, later ones to earlier ones.
    """
    if answer is None or not normalise_answer(answer):
        return ()
    places = sorted(_places(turns, bank=bank), key=lambda place: (place.rank, -place.turn))
    return tuple(_support(claim, places) for claim in split_claims(answer))


def split_claims(answer: str) -> list[str]:
    """Sentences and list items of an answer; a short one is a single claim."""
    answer = answer.strip()
    if len(answer) <= _MAX_SHORT_ANSWER_CHARS and "\n" not in answer:
        return [answer]
    claims: list[str] = []
    for piece in _SENTENCE_END.split(answer):
        claim = _BULLET.sub("", piece).strip()
        if claims and len(claims[-1]) < _MIN_CLAIM_CHARS:
            claims[-1] = f"{claims[-1]} {claim}"
        elif claim:
            claims.append(claim)
    return [claim for claim in claims if _WORD.search(claim)][:_MAX_CLAIMS]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A text that was observed, with where it is from."""

    rank: int
    """Lower is preferred: page, hit, picture, title, text without a source."""
    text: str
    turn: int
    record: CallRecord
    evidence: Evidence | None = None
    handle: str | None = None
    """Picture by which a whole-image search found it."""

    def support(self, claim: str, *, passage: str) -> Support:
        """The record of a claim that this text holds."""
        found = self.evidence
        if found is None:
            return Support(claim=claim, kind=SupportKind.PASSAGE, passage=passage, turn=self.turn)
        regions = self.record.observation.regions
        region = None
        if found.region is not None and 0 <= found.region < len(regions):
            region = regions[found.region]
        is_picture = found.kind is EvidenceKind.IMAGE_HIT
        return Support(
            claim=claim,
            kind=SupportKind.PICTURE if is_picture else SupportKind.PASSAGE,
            url=found.url,
            title=found.title,
            passage=passage,
            handle=region.handle if region else self.handle,
            box=region.box if region else None,
            turn=self.turn,
        )


_RANKS = {EvidenceKind.PAGE: 0, EvidenceKind.TEXT_HIT: 1, EvidenceKind.IMAGE_HIT: 2}
_TITLE_RANK = 3
_SHOWN_RANK = 4


def _places(turns: Sequence[Turn], *, bank: Sequence[BankEntry]) -> Iterator[_Place]:
    handles = {entry.handle for entry in bank}
    for turn in turns:
        for record in turn.calls:
            asked = record.call.arguments.get("image_id")
            handle = asked if isinstance(asked, str) and asked in handles else None
            for found in record.observation.evidence:
                is_picture = found.kind is EvidenceKind.IMAGE_HIT
                for text, rank in (
                    (found.snippet, _RANKS[found.kind]),
                    (found.title, _RANKS[found.kind] if is_picture else _TITLE_RANK),
                ):
                    yield _Place(
                        rank=rank,
                        text=text,
                        turn=turn.index,
                        record=record,
                        evidence=found,
                        handle=handle,
                    )
            text = _learned_text(record)
            yield _Place(rank=_SHOWN_RANK, text=text, turn=turn.index, record=record)


def _shown_text(record: CallRecord) -> str:
    """What the model could read of a result: untrusted text, so that our own words hold no claim."""
    return "\n".join(_shown_parts(record.observation))


def _learned_text(record: CallRecord) -> str:
    """What the model could learn from a result that gives no evidence, such as a program's output.

    What only repeats the model's own words is left out: queries, goals, notices and failures that
    quote the call.
    """
    observation = record.observation
    if observation.failure is not None:
        return ""
    asked = [" ".join(words.split()) for words in _strings(record.call.arguments)]
    return "\n".join(
        text
        for text in _shown_parts(observation)
        if text not in observation.notices and not _is_echo(text, asked)
    )


def _shown_parts(observation: Observation) -> list[str]:
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


def _support(claim: str, places: Sequence[_Place]) -> Support:
    pattern = _literal_pattern(claim)
    keys = _names_and_figures(claim)
    for place in places:
        span = _first_span(pattern, place.text) if pattern else None
        if span is None and keys:
            span = _span_of_all(keys, place.text)
        if span is None:
            continue
        passage = _shown_passage(place, span)
        if passage:
            return place.support(claim, passage=passage)
    return Support(claim=claim, kind=SupportKind.UNSUPPORTED)


def _literal_pattern(claim: str) -> re.Pattern[str] | None:
    """The claim in any case and with any punctuation between its words, as whole words."""
    forms = (claim, unicodedata.normalize("NFKC", claim), normalise_answer(claim))
    unique = {tuple(_WORD.findall(form)) for form in forms}
    fitting = [words for words in unique if 0 < len(words) <= _MAX_TOKENS]
    if not fitting:
        return None
    return re.compile("|".join(map(_words_pattern, sorted(fitting, reverse=True))), re.IGNORECASE)


def _words_pattern(words: Sequence[str]) -> str:
    pieces = [re.escape(words[0])]
    for before, word in itertools.pairwise(words):
        is_open = _UNSPACED.match(before[-1]) or _UNSPACED.match(word[0])
        pieces.append((r"[\W_]{0,3}" if is_open else r"[\W_]{1,3}") + re.escape(word))
    start = "" if _UNSPACED.match(words[0][0]) else _NOT_BEFORE
    end = "" if _UNSPACED.match(words[-1][-1]) else _NOT_BEHIND
    return start + "".join(pieces) + end


def _first_span(pattern: re.Pattern[str], text: str) -> tuple[int, int] | None:
    match = pattern.search(text)
    return match.span() if match else None


def _names_and_figures(claim: str) -> list[re.Pattern[str]]:
    """What a passage must hold to back a sentence; empty if that would be too little to go by."""
    names = [
        word
        for word in _WORD.findall(claim)
        if (word[0].isupper() and word.casefold() not in _OPENERS) or word[-1].isdigit()
    ]
    keys = dict.fromkeys(names)
    if len(keys) < 2 or len(_WORD.findall(claim)) < 4:
        return []
    return [re.compile(_NOT_BEFORE + re.escape(key) + _NOT_BEHIND) for key in keys]


def _span_of_all(keys: Sequence[re.Pattern[str]], text: str) -> tuple[int, int] | None:
    """The first stretch of at most `MAX_PASSAGE_CHARS` characters that holds every key."""
    for anchor in keys[0].finditer(text):
        low = max(0, anchor.start() - MAX_PASSAGE_CHARS // 2)
        window = text[low : low + MAX_PASSAGE_CHARS]
        spans = [_first_span(key, window) for key in keys]
        found = [span for span in spans if span is not None]
        if len(found) == len(keys):
            return low + min(span[0] for span in found), low + max(span[1] for span in found)
    return None


def _shown_passage(place: _Place, span: tuple[int, int]) -> str:
    """The surroundings of a match, as far as the model was shown them; "" if it was not."""
    start, end = span
    shown = " ".join(_shown_text(place.record).split())
    line_start = place.text.rfind("\n", 0, start) + 1
    line_end = place.text.find("\n", end)
    line = (line_start, line_end if line_end >= 0 else len(place.text))
    for low, high in (_window(place.text, span), line, span):
        passage = place.text[low:high].strip()
        if len(passage) <= MAX_PASSAGE_CHARS and " ".join(passage.split()) in shown:
            return passage
    passage = place.text[start : min(end, start + MAX_PASSAGE_CHARS)].strip()
    return passage if " ".join(passage.split()) in shown else ""


def _window(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """At most `MAX_PASSAGE_CHARS` around a match, not cut inside a word."""
    start, end = span
    spare = max(0, MAX_PASSAGE_CHARS - (end - start)) // 2
    low, high = max(0, start - spare), min(len(text), end + spare)
    while 0 < low < start and text[low - 1].isalnum() and not _UNSPACED.match(text[low]):
        low += 1
    while end < high < len(text) and text[high].isalnum() and not _UNSPACED.match(text[high]):
        high -= 1
    return low, high
