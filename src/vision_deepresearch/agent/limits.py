"""What one trajectory may spend, and the one function that decides why it stops.

`why_stop` is pure: the loop describes where it stands in a `LoopState` and asks before every step.
No other place of the package ends a trajectory.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.observation import Failure
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import StopReason

ContextPolicy = Literal["none", "drop_oldest", "summarise"]


class Limits(Record):
    """What one trajectory may spend, and how it behaves near its ends.

    Example: `Limits(max_turns=20, deadline_s=300, force_answer=True)`.
    """

    max_turns: int = Field(default=50, ge=1)
    """Model calls, a forced final one not counted. Source: arXiv 2601.22060 settings."""
    max_context_tokens: int = Field(default=64_000, ge=1)
    """Tokens of the prompt of one call, counted before it is made. Source: same."""
    max_reply_tokens: int = Field(default=4_096, ge=1)
    """Tokens of one reply. Source: same."""
    deadline_s: float | None = Field(default=None, gt=0)
    """Wall-clock seconds of the whole trajectory; None: no deadline."""
    turn_deadline_s: float | None = Field(default=None, gt=0)
    """Seconds of one turn, model call and tool calls together; None: no deadline."""
    call_deadline_s: float = Field(default=120.0, gt=0)
    """Seconds of one tool call."""
    max_consecutive_faults: int = Field(default=3, ge=1)
    """Bad turns in a row (`Turn.is_bad`) that end the trajectory. Source: same."""
    repetition_min_chars: int = Field(default=8_000, ge=1)
    """Shorter replies are never taken for a loop."""
    repetition_min_distinct_frac: float = Field(default=0.5, ge=0, le=1)
    """A long reply loops when fewer of its 30-grams are distinct. Source: same, by characters."""
    max_same_calls: int = Field(default=3, ge=2)
    """Turns in a row that may not all hold the identical call."""
    max_result_chars: int = Field(default=24_000, ge=200)
    """Characters of one tool result that are shown; the rest is cut with a visible mark."""
    max_results_tokens: int = Field(default=24_000, ge=100)
    """Estimated tokens of all tool results of one turn together, shared evenly."""
    context_policy: ContextPolicy = "drop_oldest"
    """What happens to old results when the prompt would not fit."""
    keep_last: int = Field(default=2, ge=0)
    """Newest turns whose results context management leaves alone."""
    force_answer: bool = False
    """Ask once for a final answer when a limit is hit; recorded as `Trajectory.forced`."""
    max_usd: float | None = Field(default=None, ge=0)
    """Dollars; None: no cap."""
    max_calls: dict[SpendKind, int] = {}
    """Cap of calls per kind; a kind not listed has none."""


class FaultSource(StrEnum):
    """Whose fault a bad turn was."""

    FORMAT = "format"
    """The reply could not be used."""
    TOOL = "tool"
    """Every call of the turn failed."""


_MODEL_FAILURES = {
    FailureKind.REFUSED: StopReason.REFUSED,
    FailureKind.TOO_LARGE: StopReason.CONTEXT_LIMIT,
    FailureKind.PROMPT_INTEGRITY: StopReason.PROMPT_INTEGRITY,
}
"""Failed model calls that say more than that the model could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """Where a trajectory stands, as far as stopping is concerned."""

    num_turns: int = 0
    """Completed turns."""
    elapsed_s: float = 0.0
    """Since the trajectory began."""
    answer: str | None = None
    """The answer of the turn at hand."""
    is_cancelled: bool = False
    is_budget_exhausted: bool = False
    """Whether a call was refused for its price or its number."""
    outage: BoundaryError | None = None
    """Of a provider that was down, where the attempt can be made again."""
    model_failure: Failure | None = None
    """Why the model call of this turn gave nothing."""
    faults_in_row: int = 0
    """Bad turns in a row, up to the last completed one."""
    last_fault: FaultSource | None = None
    """Of the last bad turn in that row."""
    repetition: str = ""
    """What is repeated, in words; empty: nothing is."""
    prompt_tokens: int | None = None
    """Of the next prompt, after context management; None: it was not counted yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A decision to end the trajectory."""

    reason: StopReason
    detail: str = ""
    failure: FailureKind | None = None
    """Of the call to the outside that gave nothing, where that is why."""


def why_stop(state: LoopState, *, limits: Limits) -> Stop | None:  # noqa: PLR0911 - one return per reason
    """Decide whether the trajectory ends here, and why.

    The first that holds is the reason, in this order:

    1. `answer`: it is there and paid for; nothing that happened beside it takes it away.
    2. `cancelled`: the user's word goes before any accounting; so does an outage that cost a turn
       its tools, for waiting in it uses up every other limit.
    3. `deadline`: a model call cut off by it also looks like a model error, but the clock is why.
    4. `budget`: a refused call also looks like a failed one, but the cap is why.
    5. `model_error`: without a reply there is nothing left to judge. Three kinds are no outage: a
       filter refused, the endpoint says that the prompt is too large for it, or the prompt held a
       marker that no template placed and was not sent.
    6. `format_faults`, `tool_faults`: before repetition, because a model that repeats a failing
       call suffers from the failure; the source of the last bad turn names the reason.
    7. `repetition`: before the counts, because it says more than a count does.
    8. `turn_limit`.
    9. `context_limit`: last, because the next prompt matters only if there would be a next turn.

    Returns:
        None: go on.
    """
    if state.answer is not None:
        return Stop(reason=StopReason.ANSWER)
    if state.is_cancelled:
        return Stop(reason=StopReason.CANCELLED, detail="stopped on request")
    failure = state.model_failure
    if state.outage is not None:
        return Stop(
            reason=StopReason.CANCELLED if failure is None else StopReason.MODEL_ERROR,
            detail=f"a provider is down: {state.outage}",
            failure=state.outage.kind,
        )
    if limits.deadline_s is not None and state.elapsed_s >= limits.deadline_s:
        return Stop(
            reason=StopReason.DEADLINE, detail=f"{limits.deadline_s:g} s for the trajectory passed"
        )
    if state.is_budget_exhausted or (failure and failure.kind is FailureKind.BUDGET):
        detail = failure.message if failure else "a call was refused: a cap is reached"
        return Stop(reason=StopReason.BUDGET, detail=detail)
    if failure is not None:
        return Stop(
            reason=_MODEL_FAILURES.get(failure.kind, StopReason.MODEL_ERROR),
            detail=f"{failure.kind.value}: {failure.message}",
            failure=failure.kind,
        )
    if state.faults_in_row >= limits.max_consecutive_faults:
        return _stop_for_faults(state)
    if state.repetition:
        return Stop(reason=StopReason.REPETITION, detail=state.repetition)
    if state.num_turns >= limits.max_turns:
        return Stop(reason=StopReason.TURN_LIMIT, detail=f"{limits.max_turns} turns, no answer")
    if state.prompt_tokens is not None and state.prompt_tokens > limits.max_context_tokens:
        return Stop(
            reason=StopReason.CONTEXT_LIMIT,
            detail=f"the next prompt has {state.prompt_tokens} tokens, "
            f"{limits.max_context_tokens} are allowed",
        )
    return None


def _stop_for_faults(state: LoopState) -> Stop:
    if state.last_fault is FaultSource.TOOL:
        return Stop(
            reason=StopReason.TOOL_FAULTS,
            detail=f"{state.faults_in_row} bad turns in a row, in the last one every call failed",
        )
    return Stop(
        reason=StopReason.FORMAT_FAULTS,
        detail=f"{state.faults_in_row} bad turns in a row, the last reply could not be used",
    )
