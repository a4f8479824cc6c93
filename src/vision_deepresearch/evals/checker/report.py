"""What the checker found about a question: a verdict per check, each with a sentence why."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from vision_deepresearch.core.record import Record


class Check(StrEnum):
    """What is checked, in this order."""

    UNIQUE = "unique"
    """The pages and the picture leave exactly one answer, and it is the gold."""
    REACHABLE = "reachable"
    """Every step has a page that can be read and can be found."""
    NO_SHORTCUT = "no_shortcut"
    """Picture, last step and each condition are needed; the first page does not tell."""
    NO_LEAK = "no_leak"
    """The question names nothing of its own route, nor the answer."""
    BLIND_FAILS = "blind_fails"
    """Reading what the question's own words find does not answer it."""
    WHOLE_IMAGE_FAILS = "whole_image_fails"
    """Going on from what the uncropped picture finds does not answer it."""
    SOLVABLE = "solvable"
    """A crop around each box finds the thing at some scale."""

    @property
    def is_floor(self) -> bool:
        """Whether no accepted question may fail it; the others are counted and told."""
        return self in {Check.UNIQUE, Check.REACHABLE, Check.NO_SHORTCUT}


class Verdict(Record):
    """One check of one question."""

    check: Check
    passed: bool
    why: str
    """One sentence for a person: what was found, or every fault, separated by "; "."""


class Report(Record):
    """All checks of one question."""

    task_id: str
    ref: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks it fails, in order."""
        return tuple(verdict.check for verdict in self.verdicts if not verdict.passed)

    @property
    def is_sound(self) -> bool:
        """Whether it passes all but the check that is only counted.

        A question that the whole picture answers is an easy one, not a wrong one.
        """
        return not set(self.failed) - {Check.WHOLE_IMAGE_FAILS}

    def verdict(self, check: Check) -> Verdict:
        """The verdict of one check that was made."""
        return next(verdict for verdict in self.verdicts if verdict.check is check)


class Coverage(Record):
    """How much of the world the checker has seen: what it did not read it cannot object to."""

    pages_read: int
    pages_told: int | None = None
    """By the world's manifest; None: it does not say."""
    dead_links: int
    """Addresses that stand on pages and cannot be read."""
    entities: int
    claims: int
    """Statements (thing, label, value, page)."""
    sentences_read: int
    """Sentences with a thing and a value that gave a statement."""
    sentences_unread: int
    """Sentences with a thing and a value of which the reader does not know what they say."""
    skeletons: int
    """Sentence patterns learnt from the pages themselves."""


class CheckedWorld(Record):
    """Reports of many questions of one world."""

    world_id: str
    coverage: Coverage
    reports: tuple[Report, ...]

    @property
    def failures(self) -> dict[str, int]:
        """How many questions fail each check, all checks named."""
        counts = Counter(check for report in self.reports for check in report.failed)
        return {check.value: counts[check] for check in Check}

    @property
    def num_floor_failures(self) -> int:
        """Questions that fail a check no accepted question may fail."""
        return sum(any(check.is_floor for check in report.failed) for report in self.reports)


def summary_table(checked: CheckedWorld) -> str:
    """A Markdown table: checks, how many pass and fail, one example of a failure each."""
    lines = ["| check | passed | failed | first failure |", "| --- | --- | --- | --- |"]
    for check in Check:
        made = [(report.ref, v) for report in checked.reports for v in report.verdicts]
        mine = [(ref, verdict) for ref, verdict in made if verdict.check is check]
        failing = [(ref, verdict) for ref, verdict in mine if not verdict.passed]
        example = f"{failing[0][0]}: {failing[0][1].why}" if failing else ""
        passed = len(mine) - len(failing)
        lines.append(f"| {check.value} | {passed} | {len(failing)} | {_cell(example)} |")
    return "\n".join(lines)


def faults_table(reports: Sequence[Report]) -> str:
    """A Markdown table of every failed check, one row each; empty when there is none."""
    rows = [
        f"| {report.ref} | {verdict.check.value} | {_cell(verdict.why)} |"
        for report in reports
        for verdict in report.verdicts
        if not verdict.passed
    ]
    return "\n".join(["| question | check | why |", "| --- | --- | --- |", *rows]) if rows else ""


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
