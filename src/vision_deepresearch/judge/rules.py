"""Judges by rule: free, instant, the same every time, and silent where a rule may not decide.

Checkable golds (names of a closed set, numbers, dates, choices) are decided both ways. Free text is
accepted when it equals a gold and is never rejected. One answer is wanted: a list of candidates
equals no gold and is wrong. Only the answer counts, never the form of the reply around it.

Source: the project's evaluation protocol (profiles, normalisation traps).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from vision_deepresearch.core.answers import is_list_or_hedge, names_equal, normalise_answer
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.task import AnswerType, Gold, GoldMode, Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.core.values import ParsedNumber, parse_date, parse_number
from vision_deepresearch.judge.units import find_unit

PROFILE_ID = "rules/1"
"""Changes whenever a rule does: verdicts of different ids are not comparable."""
INTEGER_TOLERANCE = 0.0
"""Relative; counts and years are exact."""
DECIMAL_TOLERANCE = 0.01
"""Relative; measured values, and integers given in another unit."""

_INTRODUCTION = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence),?\s+)?"
    r"(?:(?:the|my)\s+)?(?:(?:final|correct)\s+)?answer(?:\s+is\s*:?|\s*[:=])\s*",
    re.IGNORECASE,
)
NOT_KNOWN = {"unknown", "not known", "i don't know", "i do not know", "unsure", "not sure", "n/a"}
"""Answers that say that there is none, in normal form."""
_LABEL = re.compile(r"\W{0,3}(?:option|choice)?\s*\(?([A-Za-z])\W*", re.IGNORECASE)
_LABEL_AND_TEXT = re.compile(r"\W{0,3}\(?([A-Za-z])\s*[).:,-]\)?\s*(\S.*)", re.DOTALL)
_SEPARATORS = (r"\s*(?:\n|;)\s*", r"\s*(?:\n|;|&|\band\b|\u548c|\u4e0e|\u3001)\s*")
_SEPARATORS += (r"\s*(?:\n|;|&|,\s*and\b|\band\b|,(?!\d)|\u548c|\u4e0e|\u3001|\uff0c)\s*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """How one text stands to one gold answer."""

    decision: Decision
    why: str


class RuleJudge:
    """The judge that needs no model."""

    @property
    def profile_id(self) -> str:
        """Name and version, part of every verdict."""
        return PROFILE_ID

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide by rule, or abstain.

        Order: what `judge_outcome` settles, then the rule of the gold's type.
        """
        settled = judge_outcome(task, trajectory)
        if settled is not None:
            return settled
        assert task.gold is not None, "a task without gold is settled"
        return judge_answer((trajectory.answer or "").strip(), gold=task.gold)


def judge_outcome(task: Task, trajectory: Trajectory) -> Verdict | None:
    """The verdict where nothing is to be compared; None: there are an answer and a gold.

    Order: no gold (abstain), the outside failed (abstain), no answer (incorrect).
    """
    stop = trajectory.stop
    if task.gold is None:
        return _abstain("the task has no gold answer")
    if stop.is_infrastructure:
        return _abstain(f"the run was stopped from outside ({stop.value})")
    if not (trajectory.answer or "").strip():
        return _verdict(Decision.INCORRECT, f"no answer (stopped by {stop.value})")
    return None


def judge_answer(answer: str, *, gold: Gold) -> Verdict:
    """Judge an answer by the rule of the gold's type.

    Args:
        answer: not blank.
        gold: one alias is enough (`any_of`), or every part once and nothing else (`all_of`).
    """
    said = [answer]
    if introduction := _INTRODUCTION.match(answer):
        said.append(answer[introduction.end() :].strip())
    judged = _judge_parts if gold.mode is GoldMode.ALL_OF else _judge_aliases
    verdicts = [judged(text, gold=gold) for text in said if text]
    return next((found for found in verdicts if found.decision is Decision.CORRECT), verdicts[-1])


def _judge_aliases(answer: str, *, gold: Gold) -> Verdict:
    """Any one of the gold answers is enough."""
    matches = [(alias, _match(answer, alias, gold=gold)) for alias in gold.answers]
    for alias, match in matches:
        if match.decision is Decision.CORRECT:
            return _verdict(Decision.CORRECT, match.why, matched=alias)
    for _, match in matches:
        if match.decision is Decision.ABSTAIN:
            return _abstain(match.why)
    if normalise_answer(answer) in NOT_KNOWN:
        return _verdict(Decision.INCORRECT, "the answer says that it is not known")
    if is_list_or_hedge(answer):
        return _verdict(Decision.INCORRECT, "several candidates or a hedge instead of one answer")
    return _verdict(Decision.INCORRECT, matches[0][1].why)


def _judge_parts(answer: str, *, gold: Gold) -> Verdict:
    """Each of the gold answers is needed, once, in any order, and nothing besides."""
    wanted = " + ".join(gold.answers)
    if _is_tiled(answer, gold.answers):
        return _verdict(Decision.CORRECT, "every part is there", matched=wanted)
    if not gold.type.is_checkable:
        return _abstain("free text that equals no gold: a rule may not reject it")
    for separator in _SEPARATORS:
        parts = [part for part in re.split(separator, answer) if part.strip()]
        if len(parts) == len(gold.answers) and _is_pairing(parts, gold=gold):
            return _verdict(Decision.CORRECT, "every part is there", matched=wanted)
    why = f"not exactly the {len(gold.answers)} wanted parts"
    return _verdict(Decision.INCORRECT, why)


def _is_tiled(answer: str, parts: Sequence[str]) -> bool:
    """Whether a text is the parts, each once, with nothing but separators between them.

    Safe for parts that hold commas or "and" of their own, which cutting would tear.
    """
    plain = normalise_answer(answer)
    names = sorted((normalise_answer(part) for part in parts), key=len, reverse=True)
    found: list[str] = []
    position = 0
    between = re.compile(r"(?:[\s,;&/+]|\band\b|\u548c|\u4e0e|\u53ca|\u3001|\W(?=\s|$))*")
    while position < len(plain):
        name = next((name for name in names if plain.startswith(name, position)), None)
        if name is None:
            return False
        found.append(name)
        gap = between.match(plain, position + len(name))
        end = gap.end() if gap else position + len(name)
        if end == position + len(name) and end < len(plain):
            return False
        position = end
    return sorted(found) == sorted(names)


def _is_pairing(parts: Sequence[str], *, gold: Gold) -> bool:
    """Whether each part answers another gold part; golds are distinct, so greedy is enough."""
    left = list(gold.answers)
    for part in parts:
        match = next((one for one in left if _fits(part, one, gold=gold)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _fits(part: str, gold_text: str, *, gold: Gold) -> bool:
    return _match(part, gold_text, gold=gold).decision is Decision.CORRECT


def _match(answer: str, gold_text: str, *, gold: Gold) -> _Match:
    """Compare with one gold answer by the rule of its type."""
    match gold.type:
        case AnswerType.NAME:
            is_same = names_equal(answer, gold_text)
            return _decided(is_same, yes="the name is equal", no="another name than the gold's")
        case AnswerType.NUMBER:
            return _match_number(answer, gold_text, gold=gold)
        case AnswerType.DATE:
            return _match_date(answer, gold_text)
        case AnswerType.CHOICE:
            return _match_choice(answer, gold_text, gold=gold)
        case AnswerType.FREE_TEXT:
            if names_equal(answer, gold_text):
                return _Match(decision=Decision.CORRECT, why="the text is equal")
            why = "free text that equals no gold: a rule may not reject it"
            return _Match(decision=Decision.ABSTAIN, why=why)
        case _:
            assert_never(gold.type)


def _match_number(answer: str, gold_text: str, *, gold: Gold) -> _Match:
    """Equal values within the tolerance, in the same or a convertible unit."""
    wanted, given = parse_number(gold_text), parse_number(answer)
    if wanted is None:
        return _unreadable(answer, gold_text, kind="number")
    if given is None:
        return _Match(decision=Decision.INCORRECT, why="not one number")
    unit = gold.unit or wanted.unit
    tolerance = gold.tolerance
    if tolerance is None:
        tolerance = INTEGER_TOLERANCE if wanted.value.is_integer() else DECIMAL_TOLERANCE
    value = given.value
    if unit and given.unit and normalise_answer(unit) != given.unit:
        source, target = find_unit(given.unit), find_unit(normalise_answer(unit))
        if source is None or target is None:
            return _other_unit(given, wanted=wanted.value, unit=unit, tolerance=tolerance)
        if source.measures != target.measures:
            return _Match(decision=Decision.INCORRECT, why=f"{given.unit} does not measure {unit}")
        if source.factor != target.factor:
            value *= source.factor / target.factor
            tolerance = max(tolerance, DECIMAL_TOLERANCE)
    is_same = _is_close(value, wanted.value, tolerance=tolerance)
    off = f"the number is off by more than {tolerance:.2%}" if tolerance else "another number"
    return _decided(is_same, yes="the number is equal", no=off)


def _other_unit(given: ParsedNumber, *, wanted: float, unit: str, tolerance: float) -> _Match:
    """An equal number in a unit we do not know may be right; another number cannot be told."""
    if _is_close(given.value, wanted, tolerance=tolerance):
        why = f"the number is equal, but {given.unit!r} cannot be compared with {unit!r}"
        return _Match(decision=Decision.ABSTAIN, why=why)
    return _Match(decision=Decision.INCORRECT, why=f"another number, in {given.unit!r}")


def _is_close(value: float, wanted: float, *, tolerance: float) -> bool:
    return abs(value - wanted) <= (tolerance + 1e-9) * abs(wanted)


def _match_date(answer: str, gold_text: str) -> _Match:
    """Equal in every part the gold has; a finer answer is right, a coarser one is not."""
    wanted, given = parse_date(gold_text), parse_date(answer)
    if wanted is None:
        return _unreadable(answer, gold_text, kind="date")
    if given is None:
        return _Match(decision=Decision.INCORRECT, why="not one unambiguous date")
    no = f"another date, or less precise than the {wanted.precision}"
    return _decided(wanted.covers(given), yes="the date is equal", no=no)


def _match_choice(answer: str, gold_text: str, *, gold: Gold) -> _Match:
    """The label, the text, or both if they agree."""
    by_label = {chr(ord("A") + index): text for index, text in enumerate(gold.choices)}
    label = gold.choice_label or next(
        (one for one, text in by_label.items() if names_equal(text, gold_text)), None
    )
    right = {gold_text, by_label.get(label or "", gold_text)}
    if any(names_equal(answer, text) for text in {*gold.choices, *right}):
        is_same = any(names_equal(answer, text) for text in right)
        return _decided(is_same, yes="the choice is equal", no="another choice")
    only_label, with_text = _LABEL.fullmatch(answer), _LABEL_AND_TEXT.fullmatch(answer)
    if label is None:
        if only_label:
            return _Match(decision=Decision.ABSTAIN, why="a label where the choices have none")
    elif only_label:
        is_same = names_equal(only_label[1], label)
        return _decided(is_same, yes="the label is equal", no="the label of another choice")
    elif with_text:
        is_same = any(names_equal(with_text[2], text) for text in right)
        is_same = is_same and names_equal(with_text[1], label)
        return _decided(is_same, yes="label and text are equal", no="label or text of another")
    return _Match(decision=Decision.INCORRECT, why="none of the choices")


def _unreadable(answer: str, gold_text: str, *, kind: str) -> _Match:
    """A gold that a rule cannot read is compared as text and never rejects."""
    if names_equal(answer, gold_text):
        return _Match(decision=Decision.CORRECT, why="the text is equal")
    return _Match(decision=Decision.ABSTAIN, why=f"the gold cannot be read as one {kind}")


def _decided(is_same: bool, *, yes: str, no: str) -> _Match:  # noqa: FBT001 - the question itself
    if is_same:
        return _Match(decision=Decision.CORRECT, why=yes)
    return _Match(decision=Decision.INCORRECT, why=no)


def _verdict(decision: Decision, reason: str, *, matched: str | None = None) -> Verdict:
    return Verdict(decision=decision, reason=reason, judge=PROFILE_ID, matched=matched)


def _abstain(reason: str) -> Verdict:
    return Verdict(decision=Decision.ABSTAIN, reason=reason, judge=PROFILE_ID, decided_by="nobody")
