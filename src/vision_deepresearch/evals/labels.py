"""What people say about answers, and what that says about a judge.

A sheet is drawn from a scored run, half of it answers that the judge accepts: of a judge that accepts one in
twenty, plain chance would show too few. Verdicts are not on the sheet, so that nobody is led. People fill in
`label`, true or false, by hand or in the terminal (`Labelling`).

Because the halves are drawn by verdict, rates are weighed back to the run's own shares of verdicts.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.grading import Graded, GradedRun
from vision_deepresearch.evals.outcomes import Outcome
from vision_deepresearch.evals.statistics.agreement import (
    Corrected,
    corrected_by_rates,
    kappa,
)
from vision_deepresearch.store.view import RunView

SHEET = 200


class Label(Record):
    """A line of a sheet."""

    task_id: str
    attempt: int
    question: str
    gold: tuple[str, ...]
    answer: str
    label: bool | None = None
    """Whether the answer is right; None: nobody has said yet."""


class Calibration(Record):
    """A judge against people."""

    judge: str
    labels: int
    agreed: float
    """Share of labels, as drawn."""
    kappa: float | None
    sensitivity: float | None
    """P(judge says right | right), weighed; None: no label to tell by."""
    specificity: float | None
    """P(judge says wrong | wrong), weighed."""
    judged: float
    """Share of answers that the judge accepts."""
    corrected: Corrected | None
    """Share of answers that are right; None: the labels cannot tell."""


def draw_sheet(run: GradedRun, *, size: int = SHEET, seed: int = 0) -> list[Label]:
    """Answers to be labelled: half accepted, half rejected by the judge, mixed.

    Protected tasks are left out, for their text must not be written.
    """
    chance = random.Random(seed)
    with RunView(run.path) as view:
        tasks = {task.id: task for task in view.tasks() if not task.protected and task.gold}
    answered = [one for one in _answered(run) if one.task_id in tasks]
    drawn: list[Graded] = []
    for wanted in (True, False):
        part = [one for one in answered if one.is_correct is wanted]
        drawn += chance.sample(part, min(len(part), size // 2))
    chance.shuffle(drawn)
    sheet = []
    for one in drawn:
        task = tasks[one.task_id]
        sheet.append(
            Label(
                task_id=task.id,
                attempt=one.attempt,
                question=task.question,
                gold=task.gold.answers if task.gold else (),
                answer=one.answer or "",
            )
        )
    return sheet


def write_sheet(path: Path, sheet: Sequence[Label]) -> None:
    """Write a sheet, a JSON object per line.

    Raises:
        ConfigError: there is a file already: it may hold labels.
    """
    if path.exists():
        msg = f"expected no file at {str(path)!r}, there is one that may hold labels: name another"
        raise ConfigError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one.model_dump_json()}\n" for one in sheet), encoding="utf-8")


def save_sheet(path: Path, sheet: Sequence[Label]) -> None:
    """Write a sheet over an older one; a kill leaves one of the two whole."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_text("".join(f"{one.model_dump_json()}\n" for one in sheet), encoding="utf-8")
    draft.replace(path)


def read_sheet(path: Path) -> list[Label]:
    """A sheet, labelled or not.

    Raises:
        ConfigError: no such file, or a line that is none of a sheet.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Label.model_validate(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, ValidationError) as reason:
        msg = f"expected a sheet of `vdr eval label` or `score --sheet`, {str(path)!r} is none: {reason}"
        raise ConfigError(msg) from reason


def read_labels(path: Path) -> list[Label]:
    """The filled lines of a sheet.

    Raises:
        ConfigError: no such file, a line that is none of a sheet, or no label.
    """
    filled = [one for one in read_sheet(path) if one.label is not None]
    if not filled:
        msg = f'no line of {str(path)!r} has a label: `vdr eval label`, or set "label" to true or false'
        raise ConfigError(msg)
    return filled


def calibrate(run: GradedRun, labels: Sequence[Label]) -> Calibration:
    """Compare the judge of a graded run with people's labels of its answers.

    Raises:
        ConfigError: no label is about an answer that stands in the run.
    """
    answers = {(one.task_id, one.attempt): one for one in _answered(run)}
    pairs: list[tuple[bool, bool]] = []
    for label in labels:
        one = answers.get((label.task_id, label.attempt))
        if one is not None and one.answer == label.answer and one.is_correct is not None:
            pairs.append((bool(label.label), one.is_correct))
    if not pairs:
        msg = f"no label is about an answer of {str(run.path)!r}: use a sheet drawn from this run"
        raise ConfigError(msg)
    accepted = sum(bool(one.is_correct) for one in answers.values()) / len(answers)
    weights = _weights(pairs, accepted=accepted)
    table = {
        (right, said): weights[said] * sum(pair == (right, said) for pair in pairs)
        for right in (True, False)
        for said in (True, False)
    }
    num_right = sum(right for right, _ in pairs)
    num_wrong = len(pairs) - num_right
    q1 = _rate(table[True, True], table[True, False], count=num_right)
    q0 = _rate(table[False, False], table[False, True], count=num_wrong)
    found = None
    if q1 is not None and q0 is not None:
        found = corrected_by_rates(
            accepted, count=len(answers), rates=(q1, q0), labels=(num_right, num_wrong)
        )
    return Calibration(
        judge=run.judge,
        labels=len(pairs),
        agreed=sum(right == said for right, said in pairs) / len(pairs),
        kappa=kappa(pairs),
        sensitivity=q1,
        specificity=q0,
        judged=accepted,
        corrected=found,
    )


def _answered(run: GradedRun) -> list[Graded]:
    return [one for one in run.items if one.outcome is Outcome.ANSWERED]


def _weights(pairs: Sequence[tuple[bool, bool]], *, accepted: float) -> dict[bool, float]:
    """How much a label counts, by what the judge said: as often as such answers are in the run."""
    num = {said: sum(pair[1] is said for pair in pairs) for said in (True, False)}
    share = {True: accepted, False: 1 - accepted}
    return {said: share[said] / num[said] if num[said] else 0.0 for said in num}


def _rate(good: float, bad: float, *, count: int) -> float | None:
    """A share, kept below 1 as far as so few labels can tell; None: no label."""
    if not count or good + bad <= 0:
        return None
    return min(good / (good + bad), 1 - 0.5 / count)


class Labelling:
    """A sheet that is being labelled, one key at a time: y right, n wrong, s later, b back."""

    def __init__(self, sheet: Sequence[Label]) -> None:
        """Begin at the first line without a label."""
        self._sheet = list(sheet)
        self._at = self._next(0)

    @property
    def sheet(self) -> tuple[Label, ...]:
        """As it stands."""
        return tuple(self._sheet)

    @property
    def place(self) -> int | None:
        """Index of the line that is asked about; None: all that was left has been asked."""
        return self._at

    @property
    def num_labelled(self) -> int:
        """Lines with a label."""
        return sum(one.label is not None for one in self._sheet)

    def press(self, key: str) -> bool:
        """Take a key; whether it was one that means something here."""
        at = self._at
        if key == "b":
            before = (len(self._sheet) if at is None else at) - 1
            if before < 0:
                return False
            self._at = before
            return True
        if at is None or key not in {"y", "n", "s"}:
            return False
        if key != "s":
            label = self._sheet[at].model_copy(update={"label": key == "y"})
            self._sheet[at] = label
        self._at = self._next(at + 1)
        return True

    def _next(self, start: int) -> int | None:
        return next(
            (n for n in range(start, len(self._sheet)) if self._sheet[n].label is None), None
        )
