"""Numbered citations: one number per claim, the same in the terminal, the report and the trace page."""

from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.agent.claims import OWN_MARK
from vision_deepresearch.core.trajectory import (
    Backing,
    Quote,
    Support,
    SupportKind,
    SupportSource,
)

NO_SUPPORT = (
    "nothing that was read says this in so many words; that does not make it false, but check it"
)
OWN_MARKS_NOTE = "the model's own citation marks are left out here"

_WHOSE = {
    SupportSource.PAGE: "words of the page",
    SupportSource.EXTRACT: "extract of the page",
    SupportSource.SNIPPET: "search engine's excerpt; the page was not read for it",
    SupportSource.SUMMARY: "only a model's summary says so, not the page's own words",
    SupportSource.CAPTION: "title or caption of the matched picture",
    SupportSource.TITLE: "title of the page",
    SupportSource.OUTPUT: "output of a tool",
}
_DOUBTFUL = frozenset({SupportSource.SUMMARY, SupportSource.SNIPPET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A stretch of the answer with the numbers of the claims it makes."""

    text: str
    numbers: tuple[int, ...]


def cite(answer: str, claims: Sequence[str]) -> tuple[Cited, ...]:
    """Cut the answer behind each claim; claims that do not stand in it are cited last.

    Args:
        answer: as the model gave it; its own marks ([1], [2, 3]) are left out, for they would be
            taken for ours.
        claims: in the order of their numbers, which begin at 1.
    """
    ends: dict[int, list[int]] = {}
    behind = 0
    for number, claim in enumerate(claims, 1):
        at = _find(answer, claim, behind=behind)
        behind = behind if at is None else at + len(claim)
        ends.setdefault(len(answer) if at is None else behind, []).append(number)
    pieces: list[Cited] = []
    start = 0
    for end, numbers in sorted(ends.items()):
        pieces.append(Cited(text=OWN_MARK.sub("", answer[start:end]), numbers=tuple(numbers)))
        start = end
    if start < len(answer):
        pieces.append(Cited(text=OWN_MARK.sub("", answer[start:]), numbers=()))
    return tuple(pieces)


def has_own_marks(answer: str) -> bool:
    """Whether the model wrote citation marks of its own."""
    return bool(OWN_MARK.search(answer))


def whose_words(support: Backing) -> str:
    """Whose words the passage is; "" where nothing is said about it."""
    return _WHOSE[support.source] if support.source else ""


def is_doubtful(support: Backing) -> bool:
    """Whether a reader should know that nobody found the words in the page itself."""
    return support.source in _DOUBTFUL


def place_in_page(quote: Quote | None) -> str:
    """Where the quoted words stand in the Markdown of the page."""
    if quote is None:
        return ""
    window = f" of the window at cursor {quote.cursor}" if quote.cursor else ""
    return f"characters {quote.start:,} to {quote.end:,}{window}"


def corners(support: Backing) -> str:
    """The picture and box of a claim, for example "img_1 [80, 160, 300, 500]" in thousandths."""
    if support.handle is None:
        return ""
    if support.box is None:
        return support.handle
    return f"{support.handle} [{', '.join(str(one) for one in support.box.thousandths())}]"


def is_picture(support: Backing) -> bool:
    """Whether it is a picture, with the words under which it was matched."""
    is_said = isinstance(support, Support) and support.kind is SupportKind.PICTURE
    return is_said or support.source is SupportSource.CAPTION


def is_supported(support: Support) -> bool:
    """Whether something on record backs the claim, or a part of it."""
    return support.kind is not SupportKind.UNSUPPORTED


def not_found(support: Support) -> str:
    """What of a claim that is backed in part no cited passage holds; "" of any other."""
    quoted = ", ".join(f'"{one}"' for one in support.missing)
    return f"not found in what was read: {quoted}" if quoted else ""


def _find(answer: str, claim: str, *, behind: int) -> int | None:
    if not claim.strip():
        return None
    for text, wanted in ((answer, claim), (answer.casefold(), claim.casefold())):
        # Folding may change lengths ("\u00df"); places would be wrong then.
        if len(text) != len(answer) or len(wanted) != len(claim):
            continue
        for start in (behind, 0):
            at = text.find(wanted, start)
            if at >= 0 and (start == behind or at >= behind):
                return at
    return None
