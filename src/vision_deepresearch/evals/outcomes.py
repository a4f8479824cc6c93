"""What became of an attempt, before anybody judges: only real answers are judged.

An outage is no wrong answer, and a limit that was reached is no outage. Order of the checks: stopped
from outside, an answer, then the reason of the stop.

Source: the project's evaluation protocol, outcomes and the denominator.
"""

from collections.abc import Sequence
from enum import StrEnum

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.trajectory import StopReason, Trajectory, Turn
from vision_deepresearch.judge.rules import NOT_KNOWN

_OUTSIDE = {
    FailureKind.RATE_LIMITED,
    FailureKind.TIMEOUT,
    FailureKind.AUTH,
    FailureKind.UPSTREAM,
    FailureKind.TAPE_MISS,
}
"""Failures of a tool that say nothing about the call."""


class Outcome(StrEnum):
    """How an attempt counts."""

    ANSWERED = "answered"
    """Judged."""
    ABSTAINED = "abstained"
    """It says that it does not know, or its answer is empty: 0, shown apart."""
    BUDGET_EXHAUSTED = "budget_exhausted"
    FORMAT_FAILURE = "format_failure"
    REFUSED = "refused"
    """The provider's content filter: 0, shown apart."""
    INFRA_ERROR = "infra_error"
    """The outside failed, or the attempt is still to be made: invalid."""
    JUDGE_ERROR = "judge_error"
    """Answered, and the judge could not decide: invalid."""

    @property
    def is_valid(self) -> bool:
        """Whether it enters the denominator."""
        return self not in {Outcome.INFRA_ERROR, Outcome.JUDGE_ERROR}


def outcome_of(trajectory: Trajectory) -> Outcome:
    """What became of it; `JUDGE_ERROR` is never said here."""
    stop = trajectory.stop
    if stop.is_infrastructure:
        return Outcome.INFRA_ERROR
    if (trajectory.answer or "").strip():
        is_decline = normalise_answer(trajectory.answer or "") in NOT_KNOWN
        return Outcome.ABSTAINED if is_decline else Outcome.ANSWERED
    match stop:
        case StopReason.ANSWER:
            return Outcome.ABSTAINED
        case StopReason.REFUSED:
            return Outcome.REFUSED
        case StopReason.TOOL_FAULTS:
            is_outage = _met_only_outages(trajectory.turns)
            return Outcome.INFRA_ERROR if is_outage else Outcome.FORMAT_FAILURE
        case StopReason.FORMAT_FAULTS | StopReason.REPETITION:
            return Outcome.FORMAT_FAILURE
        case (
            StopReason.TURN_LIMIT
            | StopReason.CONTEXT_LIMIT
            | StopReason.DEADLINE
            | StopReason.BUDGET
        ):
            return Outcome.BUDGET_EXHAUSTED
        case _:
            msg = f"no outcome for {stop!r}"
            raise AssertionError(msg)


def _met_only_outages(turns: Sequence[Turn]) -> bool:
    """Whether the bad turns at the end all failed by the outside alone."""
    kinds: set[FailureKind | None] = set()
    for turn in reversed(turns):
        if not turn.is_bad:
            break
        if not turn.calls:
            return False
        for record in turn.calls:
            failure = record.observation.failure
            kinds.add(failure.kind if failure else None)
    return bool(kinds) and kinds <= _OUTSIDE
