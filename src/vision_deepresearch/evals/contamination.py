"""Whether a trajectory met a copy of its own question: flags, to be printed, that change no verdict.

Looked at is what the world gave back: titles, passages and addresses of all evidence. Four flags: words
of the question in a row (13, or all of a shorter one), the benchmark's canary, fewer such words (8) with
a gold answer near them, an address of the blocklist.

Source: the project's evaluation protocol, contamination; 13 words as in arXiv 2005.14165, appendix C.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import StrEnum

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.worlds.blocklist import blocked_by

NUM_WORDS = 13
_NUM_WORDS_BESIDE_GOLD = 8
_NEAR_CHARS = 300
_MIN_WORDS = 5
"""A shorter question is ordinary speech: its words in a row say nothing."""
_WORD = re.compile(r"\w+")


class Flag(StrEnum):
    """What was met."""

    QUESTION = "question"
    """The question's words in a row."""
    CANARY = "canary"
    ANSWERED_QUESTION = "answered_question"
    """Some of the question's words in a row, and a gold answer near them."""
    BLOCKLIST = "blocklist"
    """A place where benchmarks lie."""


def flags_of(task: Task, trajectory: Trajectory) -> frozenset[Flag]:
    """The flags of a trajectory. Cost: linear in the text of its evidence."""
    found: set[Flag] = set()
    seen: set[str] = set()
    words = _words(task.question)
    for one in _evidence(trajectory):
        if blocked_by(one.url) is not None:
            found.add(Flag.BLOCKLIST)
        text = f"{one.title}\n{one.snippet}"
        if text in seen:
            continue
        seen.add(text)
        found |= _of_text(text, words, task=task)
    return frozenset(found)


def _evidence(trajectory: Trajectory) -> Iterator[Evidence]:
    return (
        one
        for turn in trajectory.turns
        for record in turn.calls
        for one in record.observation.evidence
    )


def _of_text(text: str, question: Sequence[str], *, task: Task) -> set[Flag]:
    found: set[Flag] = set()
    if task.canary and task.canary in text:
        found.add(Flag.CANARY)
    plain = _plain(text)
    words = [(match[0], match.start()) for match in _WORD.finditer(plain)]
    if len(question) >= _MIN_WORDS and _starts(words, question, size=NUM_WORDS):
        found.add(Flag.QUESTION)
    if len(question) > _NUM_WORDS_BESIDE_GOLD:
        starts = _starts(words, question, size=_NUM_WORDS_BESIDE_GOLD)
        if any(_is_gold_near(plain, start, task=task) for start in starts):
            found.add(Flag.ANSWERED_QUESTION)
    return found


def _starts(words: Sequence[tuple[str, int]], question: Sequence[str], *, size: int) -> list[int]:
    """Characters where so many words of the question in a row begin."""
    size = min(size, len(question))
    wanted = {tuple(question[n : n + size]) for n in range(len(question) - size + 1)}
    firsts = {one[0] for one in wanted}
    return [
        words[n][1]
        for n in range(len(words) - size + 1)
        if words[n][0] in firsts and tuple(word for word, _ in words[n : n + size]) in wanted
    ]


def _is_gold_near(plain: str, start: int, *, task: Task) -> bool:
    near = plain[max(0, start - _NEAR_CHARS) : start + _NEAR_CHARS]
    golds = [_plain(text) for text in (task.gold.answers if task.gold else ())]
    question = _plain(task.question)
    # A gold that the question itself holds (a choice, "yes") tells nothing.
    return any(
        re.search(rf"(?<!\w){re.escape(gold)}(?!\w)", near) is not None
        for gold in golds
        if gold and gold not in question
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
