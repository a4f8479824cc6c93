"""Picks the passages of a page that speak about a goal, word for word: BM25 over its own passages.

A passage is a table row, a list item or a sentence. Text without spaces between words (Chinese,
Japanese, Thai) is compared by pairs of characters, so the same code reads every script.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

_K1, _B = 1.2, 0.6
"""BM25: saturation and length normalisation. Source: the usual values of Okapi BM25."""
_ROW_FACTOR = 1.4
"""A table row states one fact and nothing else."""
_TITLE_FACTOR = 0.3
"""Weight of goal words that stand in the page's title: the whole page is about them."""
_ENOUGH_FRAC = 0.3
"""Passages below this fraction of the best score are left out."""
_CHARS_PER_WORD = 16
"""A word is no longer: text whose words cannot be counted (base64) is charged by its length."""

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_SPACELESS += "\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_SPACELESS}]+|[^\W_{_SPACELESS}]+")
_IS_SPACELESS = re.compile(f"[{_SPACELESS}]")
_WORD = re.compile(rf"[{_SPACELESS}]|[^\s{_SPACELESS}]+")
_STEM = 5
"""Words are compared by this many first letters: founded, founder, foundation."""

_STOP_TEXT = (
    "a about all also an and any are as at be been but by can could did do does for from had has "
    "have he her his how i if in into is it its may more most no not of on one or other our she so "
    "some such than that the their them then there these they this those to up use was we were "
    "what when where which while who whom whose why will with would you your "
    "find identify information name named page picture image please tell show whether"
)
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_BACKWARD = re.compile(
    r"(?:It|Its|He|His|She|Her|They|Their|This|That|These|Those|There|Here)\b", re.ASCII
)
"""A sentence that opens so speaks about what the sentence before it names."""

_RULE_CHARS = frozenset("|:- \t")
"""Of the line under the first row of a table."""
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+")
# A sentence ends at a mark followed by space and something that can open one: not at "St. " + name
# of a single capital, not inside numbers.
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bSt\.)(?<!\bDr\.)(?<!\bNo\.)\s+(?=[^a-z\s])")
_SPACELESS_END = re.compile("(?<=[\u3002\uff01\uff1f])")
_PICTURE = re.compile(r"!\[([^\[\]]{0,500})\]\([^()\s]{0,2000}\)")
_LINK = re.compile(r"\[([^\[\]]{0,500})\]\([^()\s]{0,2000}\)")


class PassageKind(Enum):
    """What a passage is."""

    ROW = auto()
    ITEM = auto()
    SENTENCE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Words of a page that can stand alone."""

    text: str
    """Markdown without the targets of links and without pictures."""
    kind: PassageKind
    heading: str
    """The heading it stands under."""
    block: int
    """Passages of one paragraph share it."""


def split_passages(markdown: str) -> list[Passage]:
    """Cut Markdown into passages, in order; headings and rules are no passages of their own."""
    passages: list[Passage] = []
    heading = ""
    for number, block in enumerate(re.split(r"\n\s*\n", markdown)):
        body = block
        if block.lstrip().startswith("#"):
            first, _, body = block.lstrip().partition("\n")
            heading = _plain(first.lstrip("# "))
        passages.extend(_passages_of(body, heading=heading, number=number))
    return passages


def pick_passages(
    markdown: str, *, goal: str, title: str = "", max_words: int = 120
) -> tuple[str, ...]:
    """The passages that speak about the goal, as they stand, in the order of the page.

    The best come first into the budget; then the opening sentence and the table rows, as far as
    they fit; then, into half the budget, whatever else shares a word with the goal. A page without
    a word of the goal gives its opening.

    Args:
        markdown: the page's window.
        goal: what is looked for, in any language.
        title: of the page; its words say little about a single passage.
        max_words: budget; a character of a script without spaces is a word.

    Cost: about 1 ms for 6,000 characters.
    """
    passages = split_passages(markdown)
    scores = _scores(passages, goal=goal, title=title)
    best = max(scores, default=0.0)
    by_score = sorted(range(len(passages)), key=lambda at: (-scores[at], at))
    wanted = [at for at in by_score if scores[at] > 0 and scores[at] >= _ENOUGH_FRAC * best]
    wanted += _opening(passages, is_alone=not wanted)
    wanted += [at for at, passage in enumerate(passages) if passage.kind is PassageKind.ROW]
    chosen: set[int] = set()
    left = max_words
    for at, least in [*((at, 0) for at in wanted), *((at, max_words // 2) for at in by_score)]:
        group = _with_antecedent(passages, at=at) - chosen
        cost = sum(count_words(passages[member].text) for member in group)
        if (scores[at] > 0 or not least) and cost <= left - least:
            chosen |= group
            left -= cost
    if not chosen and wanted:
        return (cut_words(passages[wanted[0]].text, max_words=max_words),)
    return tuple(_joined(passages, chosen=sorted(chosen)))


def count_words(text: str) -> int:
    """Words; a character of a script without spaces is one, and so are 16 letters without one."""
    return max(sum(1 for _ in _WORD.finditer(text)), len(text) // _CHARS_PER_WORD)


def cut_words(text: str, *, max_words: int) -> str:
    """The beginning of a text, cut behind a word."""
    if count_words(text) <= max_words:
        return text
    end = 0
    for number, word in enumerate(_WORD.finditer(text)):
        if number >= max_words:
            break
        end = word.end()
    kept = text[: min(end, max_words * _CHARS_PER_WORD * 2)].rstrip()
    return f"{kept} ..." if len(kept) < len(text.rstrip()) else kept


def _passages_of(block: str, *, heading: str, number: int) -> Iterator[Passage]:
    prose: list[str] = []
    for line in block.split("\n"):
        text = _plain(line)
        if line.lstrip().startswith("|"):
            cells = sum(bool(cell.strip()) for cell in text.split("|"))
            if not _RULE_CHARS.issuperset(line) and cells:
                # One cell alone is a heading of the table or its picture, no fact.
                kind = PassageKind.ROW if cells > 1 else PassageKind.ITEM
                yield Passage(text=text, kind=kind, heading=heading, block=number)
        elif item := _LIST_ITEM.match(line):
            text = _plain(line[item.end() :])
            if text:
                yield Passage(text=text, kind=PassageKind.ITEM, heading=heading, block=number)
        elif text and not text.startswith("```"):
            prose.append(text)
    for part in _SENTENCE.split(" ".join(prose)):
        for sentence in _SPACELESS_END.split(part):
            if _TOKEN.search(sentence):
                yield Passage(
                    text=sentence.strip(), kind=PassageKind.SENTENCE, heading=heading, block=number
                )


def _plain(markdown: str) -> str:
    """Words only: link targets, emphasis and pictures without words cost tokens for nothing."""
    text = _PICTURE.sub(r"\1", markdown)
    text = _LINK.sub(r"\1", text).replace("**", "").replace("\\|", "/")
    return " ".join(text.split())


def _scores(passages: Sequence[Passage], *, goal: str, title: str) -> list[float]:
    """BM25 of each passage; words of its heading count once, words of the title little."""
    asked = _terms(goal)
    in_title = set(_terms(title))
    told = [Counter(_terms(f"{p.text} {p.heading}")) for p in passages]
    lengths = [sum(counts.values()) for counts in told]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    weights = {
        term: math.log(1 + (len(told) - found + 0.5) / (found + 0.5))
        * (_TITLE_FACTOR if term in in_title else 1.0)
        for term in dict.fromkeys(asked)
        if (found := sum(term in counts for counts in told))
    }
    scores: list[float] = []
    for passage, counts, length in zip(passages, told, lengths, strict=True):
        norm = _K1 * (1 - _B + _B * length / max(mean, 1.0))
        score = sum(
            weight * counts[term] * (_K1 + 1) / (counts[term] + norm)
            for term, weight in weights.items()
            if counts[term]
        )
        scores.append(score * (_ROW_FACTOR if passage.kind is PassageKind.ROW else 1.0))
    return scores


def _terms(text: str) -> list[str]:
    """Stems of the words that carry meaning; pairs of characters where no spaces stand."""
    terms: list[str] = []
    for run in _TOKEN.findall(text.casefold()):
        if _IS_SPACELESS.match(run):
            terms.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
        elif run not in _STOP_WORDS and (len(run) > 1 or run.isdigit()):
            terms.append(run if run.isdigit() else run[:_STEM])
    return terms


def _opening(passages: Sequence[Passage], *, is_alone: bool) -> list[int]:
    """The first sentence; three where nothing else speaks about the goal."""
    prose = [at for at, passage in enumerate(passages) if passage.kind is PassageKind.SENTENCE]
    return prose[: 3 if is_alone else 1]


def _with_antecedent(passages: Sequence[Passage], *, at: int) -> set[int]:
    """The passage, and the sentences before it that its pronoun points to, two at most."""
    group = {at}
    while len(group) < 3 and at > 0 and _BACKWARD.match(passages[at].text):
        before = passages[at - 1]
        if before.kind is not PassageKind.SENTENCE or before.block != passages[at].block:
            break
        at -= 1
        group.add(at)
    return group


def _joined(passages: Sequence[Passage], *, chosen: Sequence[int]) -> Iterator[str]:
    """Lines to show: neighbouring sentences of a paragraph in one, gaps marked by a new line."""
    held: list[str] = []
    last = -2
    for at in chosen:
        is_next = at == last + 1 and passages[at].block == passages[last].block
        if held and not (is_next and passages[at].kind is PassageKind.SENTENCE):
            yield " ".join(held)
            held = []
        held.append(passages[at].text)
        last = at
    if held:
        yield " ".join(held)
