"""Puts the blocks of a result together: labels of ours trusted, all else not, within one cap.

Invariant: no block is torn. A block that does not fit is shown in its short form or left out and
counted, and its evidence goes with it: evidence is what the model was shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from vision_deepresearch.core.content import Part, Text, trusted, untrusted
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.observation import Evidence, Failure, Observation, Region
from vision_deepresearch.core.protocols import Summary

SEPARATOR = "\n\n=======\n\n"
"""Between hits and pages. Source: layout of the paper's tools."""
QUERY_SEPARATOR = "\n=======\n"
"""Between the results of several queries."""
HIT_SEPARATOR = "\n\n"
"""Between the hits of one query."""
_TITLE_CHARS = 200
_URL_CHARS = 1_000
_NOTICES = 12
_NOTICE_CHARS = 300
_NOTICES_FRAC = 0.25
"""Share of the cap that notices may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One hit, page or header with what it proves."""

    parts: tuple[Text, ...]
    evidence: tuple[Evidence, ...] = ()
    joint: str = SEPARATOR
    """What stands before it, unless it is the first."""
    short: Self | None = None
    """Shown instead when there is no room for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call brought, besides its blocks."""

    notices: Sequence[str] = ()
    """What was skipped, cut or degraded."""
    regions: tuple[Region, ...] = ()
    failure: FailureKind | None = None
    message: str = ""
    """Of the failure: words for the model."""


def compose(blocks: Iterable[Block], outcome: Outcome, *, max_chars: int) -> Observation:
    """The observation of a call: blocks as far as they fit, then the notices."""
    told = [one_line(notice, max_chars=_NOTICE_CHARS) for notice in dict.fromkeys(outcome.notices)]
    if len(told) > _NOTICES:
        told = [*told[: _NOTICES - 1], f"{len(told) - _NOTICES + 1} more notices are left out"]
    room = max_chars - _NOTICE_CHARS
    room -= min(sum(len(notice) + 8 for notice in told), int(max_chars * _NOTICES_FRAC))
    parts: list[Text] = []
    evidence: list[Evidence] = []
    num_cut = 0
    for block in blocks:
        shown = _fitting(block, room=room - (len(block.joint) if parts else 0))
        if shown is not block:
            num_cut += 1
        if shown is None:
            continue
        if parts:
            parts.append(trusted(block.joint))
            room -= len(block.joint)
        parts.extend(shown.parts)
        evidence.extend(shown.evidence)
        room -= _size(shown)
    if num_cut:
        told.append(f"the result is full: {num_cut} entries were shortened or left out")
    room = max_chars - sum(len(part.text) for part in parts)
    for number, notice in enumerate(told):
        line = ("\n\n" if parts and not number else "\n" if number else "") + "Note: "
        if len(line) + len(notice) > room:
            break
        parts += [trusted(line), untrusted(notice)]
        room -= len(line) + len(notice)
    return Observation(
        parts=merged(parts),
        evidence=tuple(evidence),
        regions=outcome.regions,
        failure=Failure(kind=outcome.failure, message=outcome.message) if outcome.failure else None,
        notices=tuple(told),
    )


def merged(parts: Iterable[Text]) -> tuple[Part, ...]:
    """Neighbouring texts of equal trust in one; empty ones dropped."""
    joined: list[Text] = []
    for part in parts:
        if not part.text:
            continue
        if joined and joined[-1].trusted == part.trusted:
            joined[-1] = Text(text=joined[-1].text + part.text, trusted=part.trusted)
        else:
            joined.append(part)
    return tuple(joined)


def one_line(text: str, *, max_chars: int) -> str:
    """White space folded, cut at `max_chars`."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 4]} ..."


def link(title: str, url: str) -> Text:
    """A title and its address as a Markdown link; brackets of the title would end it early."""
    shown = one_line(title, max_chars=_TITLE_CHARS) or "untitled"
    shown = shown.replace("[", "(").replace("]", ")")
    return untrusted(f"[{shown}]({one_line(url, max_chars=_URL_CHARS)})")


def labelled(label: str, text: str | None) -> tuple[Text, ...]:
    """A line of ours before words of others; nothing where there are none."""
    return (trusted(f"\n{label}"), untrusted(text)) if text else ()


def notes_of(summary: Summary) -> tuple[Text, ...]:
    """What a page says about the goal, under the labels of the paper's layout."""
    evidence = labelled("Evidence in page:\n", summary.evidence)
    return (*evidence, *labelled("Summary:\n", summary.summary))


def _fitting(block: Block, *, room: int) -> Block | None:
    candidate: Block | None = block
    while candidate is not None and _size(candidate) > room:
        candidate = candidate.short
    return candidate


def _size(block: Block) -> int:
    return sum(len(part.text) for part in block.parts)
