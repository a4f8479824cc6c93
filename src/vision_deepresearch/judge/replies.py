"""Replies in the formats of public judges: one letter, a marked check list, the released runner's lines.

Each reads a whole reply or nothing: undecided is None, and nobody guesses - except where a published
parser is emulated, whose guesses are the point.

Source: the project's evaluation protocol, profiles; the released runner's behaviour as its judge table
gives it (Osilly/Vision-DeepResearch@67af60f, rllm/eval/eval_runner.py).
"""

import re
from collections.abc import Callable

from vision_deepresearch.core.answers import without_thinking
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.task import Gold
from vision_deepresearch.judge.verdicts import Ruling, read_verdict

Reader = Callable[[str, Gold], Ruling | None]
"""Reads a reply about an answer to this gold."""

_LETTER = re.compile(r"[^\w]*([ABC])[^\w]*")
_SCORE = re.compile(r"^\W*CHECKLIST_SCORE\W*:\W*(\d{1,4})\s*/\s*(\d{1,4})\W*$", re.MULTILINE)
_RESULT = re.compile(r"^\W*CHECKLIST_RESULT\W*:\s*\**\s*\[([01,\s]*)\]\W*$", re.MULTILINE)
_OVERALL = re.compile(r"^\W*OVERALL_CORRECTNESS\W*:\W*(YES|NO)\W*$", re.MULTILINE)


def read_letter(reply: str) -> Ruling | None:
    """A (correct), B (incorrect) or C (not attempted), alone; anything else is undecided."""
    found = _LETTER.fullmatch(without_thinking(reply).strip())
    if found is None:
        return None
    decision = Decision.CORRECT if found[1] == "A" else Decision.INCORRECT
    return Ruling(decision=decision, is_attempted=found[1] != "C", rationale=f"grade {found[1]}")


def read_checklist(reply: str, *, length: int) -> Ruling | None:
    """Three lines that agree with each other and with the list.

    Args:
        reply: score `a/b`, a vector of 0 and 1, and the verdict on the whole, each once.
        length: of the task's check list: the vector has so many entries, and their sum is a.
    """
    said = without_thinking(reply)
    scores, results = _SCORE.findall(said), _RESULT.findall(said)
    overall = _OVERALL.findall(said)
    if not (len(scores) == len(results) == len(overall) == 1):
        return None
    marks = [int(one) for one in results[0].split(",") if one.strip()]
    right, of = int(scores[0][0]), int(scores[0][1])
    if len(marks) != length or of != length or sum(marks) != right:
        return None
    return Ruling(
        decision=Decision.CORRECT if overall[0] == "YES" else Decision.INCORRECT,
        rationale=f"{right} of {of} points of the check list",
        score=right / of if of else None,
    )


def read_as_released(reply: str) -> Decision | None:
    """What the released runner of May 2026 reads, its misreadings included; None: it reads nothing.

    The first line that holds `correct:` and a yes or no anywhere behind it decides: the word at once
    behind it, else any "yes", else any "no". Thinking is read like everything else.
    """
    for line in reply.lower().splitlines():
        _, mark, behind = line.partition("correct:")
        said = behind.strip()
        if not mark:
            continue
        first = next((word for word in ("yes", "no") if said.startswith(word)), None)
        found = first or next((word for word in ("yes", "no") if word in said), None)
        if found is not None:
            return Decision.CORRECT if found == "yes" else Decision.INCORRECT
    return None


def _verdict(reply: str, gold: Gold) -> Ruling | None:
    del gold
    return read_verdict(reply)


def _letter(reply: str, gold: Gold) -> Ruling | None:
    del gold
    return read_letter(reply)


def _checklist(reply: str, gold: Gold) -> Ruling | None:
    return read_checklist(reply, length=len(gold.checklist or ()))


READERS: dict[str, Reader] = {
    "verdicts/1": _verdict,
    "letters/1": _letter,
    "checklist/1": _checklist,
}
"""By the name of the parser that a profile has."""
