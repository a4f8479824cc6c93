r"""Finds the words of a summary's evidence again in the page: a quote has a place, or it is none.

Both sides are compared as words in their order. White space, case, punctuation, quotation marks,
dashes and Markdown (targets of links, emphasis, table pipes, escapes, footnote numbers) do not
count; figures with sign and decimals, percent and currency signs do. A line that stands nowhere as
a whole is looked for by its sentences; pieces between ellipses must stand in the page in the same
order and hold three words each, so that no sentence is stitched together from single words.

Example: "the guild ... led it until 1822" is not found in "[Mara Vell](/v) set up the guild. She
**led it** until 1822.", for its first piece is short; "set up the guild ... led it until" is, as
the quotes "set up the guild." and "**led it** until".
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.observation import Quote
from vision_deepresearch.core.untrusted import remove_invisible

_LEAST_WORDS = 3
"""Of each piece of a line with ellipses inside."""
_GAP = "\x1f"
"""Between words while they are compared; no word holds it."""

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_SPACELESS += "\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
_MARKS += "\u0900-\u0963\u0966-\u0dff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_HIDDEN = "\u00ad\u200b-\u200d\u2060\ufeff"
_LETTER = rf"(?:[^\W_{_SPACELESS}]|[{_MARKS}{_HIDDEN}])"
_WORD = re.compile(
    rf"(?:(?<!\w)[-\u2212])?\d+(?:[.,]\d+)*{_LETTER}*"
    rf"|{_LETTER}+(?:\*{{1,3}}{_LETTER}+)*"
    rf"|[{_SPACELESS}]"
    r"|[%\u2030$\u20ac\u00a3\u00a5\u20b9\u00b0\u00a7\u00b1]"
)
"""A figure, a word (emphasis may stand inside it), a character of a spaceless script, a sign."""
_TARGET = r"\]\((?:[^()\s]|\([^()\s]{0,500}\)){0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)"
_MARKUP = re.compile(rf"{_TARGET}|\[\\?\[?\d{{1,3}}\\?\]?\](?:\([^()\s]{{0,500}}\))?|<br\s*/?>")
"""Targets of links and pictures, numbers of footnotes, line breaks in cells."""
_ELLIPSIS = re.compile(r"[\[(]?\s*(?:\.{3,}|(?:\. ){2}\.|\u2026)\s*[\])]?")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\.\.)[\"'\u201d\u2019)]*\s+(?=[^a-z\s])|(?<=[\u3002\uff01\uff1f])"
)
_OPENING = "*_`\"'([!\u201c\u2018\u00ab\u300c"
_CLOSING = re.compile(rf"(?:{_TARGET}|[*_`\"')\].!?\u201d\u2019\u00bb\u300d\u3002\uff01\uff1f])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEvidence:
    """Evidence held against the page."""

    held: tuple[str, ...]
    """Lines, or sentences of lines, that stand in the page, as they were written."""
    lost: tuple[str, ...]
    """Lines, or sentences of lines, that stand nowhere in it."""
    quotes: tuple[Quote, ...]
    """Where the held ones stand, without repetition, in the order of the evidence."""


def find_quotes(evidence: str, markdown: str, *, cursor: str | None = None) -> tuple[Quote, ...]:
    """Find where the lines of an evidence stand in a page.

    Args:
        evidence: lines that are said to be the page's words.
        markdown: the window that was read; offsets refer to it.
        cursor: the window's; None: the first.

    Returns:
        One quote per line, sentence or piece that was found; `markdown[start:end]` is its text.
    """
    return check_evidence(evidence, markdown, cursor=cursor).quotes


def check_evidence(evidence: str, markdown: str, *, cursor: str | None = None) -> CheckedEvidence:
    """Part the lines of an evidence into the page's words and others.

    Args:
        evidence: as for `find_quotes`; lines without a word count for nothing.
        markdown: as for `find_quotes`.
        cursor: as for `find_quotes`.

    Cost: linear in both texts, about 5 ms for a page of 20,000 characters.
    """
    page = _Words.of(markdown)
    held: list[str] = []
    lost: list[str] = []
    spans: dict[tuple[int, int], None] = {}
    behind = 0
    for unit in _units(evidence, page):
        found = page.find_all(_pieces(unit), behind=behind)
        if not found:
            lost.append(unit)
            continue
        held.append(unit)
        spans.update(dict.fromkeys(found))
        behind = found[-1][1]
    return CheckedEvidence(
        held=tuple(held),
        lost=tuple(lost),
        quotes=tuple(_quote(page, first, last, cursor=cursor) for first, last in spans),
    )


def find_in_windows(evidence: str, windows: Sequence[tuple[str | None, str]]) -> tuple[Quote, ...]:
    """Find where the lines of an evidence stand in a page that was read window by window.

    A line is looked for as a whole in every window before its sentences are: a short sentence of
    it may stand anywhere. Evidence in the order of the page finds its own places.

    Args:
        evidence: as for `find_quotes`.
        windows: cursor and Markdown of each, in order.
    """
    pages = [_Words.of(markdown) for _, markdown in windows]
    spans: dict[tuple[int, int, int], None] = {}
    at, behind = 0, 0

    def place(unit: str) -> bool:
        nonlocal at, behind
        pieces = _pieces(unit)
        for number in (*range(at, len(pages)), *range(at)):
            found = pages[number].find_all(pieces, behind=behind if number == at else 0)
            if found:
                spans.update(dict.fromkeys((number, first, last) for first, last in found))
                at, behind = number, found[-1][1]
                return True
        return False

    for line in evidence.splitlines():
        if not place(line):
            for sentence in _SENTENCE_END.split(line):
                place(sentence)
    return tuple(
        _quote(pages[number], first, last, cursor=windows[number][0])
        for number, first, last in spans
    )


def _units(evidence: str, page: "_Words") -> Iterator[str]:
    """Lines that are found as a whole, else their sentences."""
    for line in evidence.splitlines():
        if not _Words.of(line).words:
            continue
        if page.find_all(_pieces(line), behind=0):
            yield line.strip()
            continue
        for sentence in _SENTENCE_END.split(line):
            if _Words.of(sentence).words:
                yield sentence.strip()


def _pieces(unit: str) -> list[tuple[str, ...]]:
    """The words of a unit, cut at ellipses."""
    pieces = (_Words.of(piece).words for piece in _ELLIPSIS.split(unit))
    return [piece for piece in pieces if piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """A text as its words, each with its place."""

    text: str
    words: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """First character and the one behind the last, per word, in `text`."""
    joined: str
    """All words with a gap before each and one behind the last."""
    offsets: tuple[int, ...]
    """Where the gap before each word stands in `joined`."""

    @classmethod
    def of(cls, text: str) -> "_Words":
        """Read a text; markup is passed over."""
        words: list[str] = []
        places: list[tuple[int, int]] = []
        offsets: list[int] = []
        length = 0
        for start, end in _shown(text):
            for match in _WORD.finditer(text, start, end):
                word = _plain(match[0])
                if word:
                    words.append(word)
                    places.append(match.span())
                    offsets.append(length)
                    length += len(word) + 1
        return cls(
            text=text,
            words=tuple(words),
            places=tuple(places),
            joined="".join(_GAP + word for word in words) + _GAP,
            offsets=tuple(offsets),
        )

    def find_all(
        self, pieces: Sequence[Sequence[str]], *, behind: int
    ) -> list[tuple[int, int]] | None:
        """First and last word (exclusive) of every piece, in order; None if one is missing.

        Looks behind word `behind` first, so that evidence in the order of the page finds its own
        place, then from the beginning.
        """
        if not pieces or (len(pieces) > 1 and min(map(len, pieces)) < _LEAST_WORDS):
            return None
        for at in (behind, 0):
            found: list[tuple[int, int]] = []
            for piece in pieces:
                first = self._find(piece, behind=found[-1][1] if found else at)
                if first is None:
                    break
                found.append((first, first + len(piece)))
            if len(found) == len(pieces):
                return found
        return None

    def _find(self, piece: Sequence[str], *, behind: int) -> int | None:
        start = self.offsets[behind] if behind < len(self.offsets) else len(self.joined)
        at = self.joined.find(_GAP + _GAP.join(piece) + _GAP, start)
        return None if at < 0 else bisect_left(self.offsets, at)


def _shown(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of Markdown that a reader sees as text."""
    start = 0
    for markup in _MARKUP.finditer(text):
        yield start, markup.start()
        start = markup.end()
    yield start, len(text)


def _plain(word: str) -> str:
    plain = remove_invisible(word).replace("*", "").replace("\u2212", "-")
    return unicodedata.normalize("NFKC", plain).casefold()


def _quote(page: _Words, first: int, last: int, *, cursor: str | None) -> Quote:
    """Words with the marks that belong to them: opening ones before, closing ones behind."""
    start, end = page.places[first][0], page.places[last - 1][1]
    while start > 0 and page.text[start - 1] in _OPENING:
        start -= 1
    closing = _CLOSING.match(page.text, end)
    end = closing.end() if closing else end
    return Quote(text=page.text[start:end], start=start, end=end, cursor=cursor)
