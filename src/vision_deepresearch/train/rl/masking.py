"""Which siblings and which of their tokens may be trained on. Shapes: T = token of the stream.

Two policies. `episode` (the paper): an anomalous end takes the whole episode out of the gradient.
`fatal_step`: only what was sampled from the fatal turn on is taken out, the member stays in the
statistics of its group, and a negative advantage is raised to 0.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vision_deepresearch.core.episode import Decision, Episode
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import StopReason, Trajectory

MaskPolicy = Literal["episode", "fatal_step"]


class Standing(StrEnum):
    """What a sibling counts for in its group."""

    VALID = "valid"
    """Judged; enters the baseline and the gradient."""
    BEHAVIOUR = "behaviour"
    """Masked for what the policy did: no gradient; in the baseline as reward 0 if `all` count."""
    INFRASTRUCTURE = "infrastructure"
    """Masked for what the outside did: neither gradient nor baseline."""


class MaskSettings(Record):
    """What is taken out of the gradient."""

    policy: MaskPolicy = "episode"
    """Source of `episode`: arXiv 2601.22060, 2.3.2. Source of `fatal_step`: OpenSearch-VL."""
    max_bad_frac: float = Field(default=0.5, ge=0, le=1)
    """An answer after more than this share of bad turns is anomalous too. Source: same."""
    clamps: bool = True
    """Of `fatal_step`: whether a fatal episode's advantage is raised to at least 0."""


class Mask(Record):
    """What became of one episode."""

    standing: Standing
    reason: str
    """For the metrics: a stop reason, `outage` (a provider was down), `bad_turns`, `abstain`, `failed`;
    `answer` if nothing is masked."""
    fatal_turn: int | None = None
    """Of `fatal_step`: tokens of this turn and of later ones are not trained."""


_INFRASTRUCTURE = frozenset({
    StopReason.MODEL_ERROR,
    StopReason.PROMPT_INTEGRITY,
    StopReason.CANCELLED,
    StopReason.DEADLINE,
})
"""A deadline of wall clock says more about our machines than about the policy."""
_FATAL = frozenset({StopReason.FORMAT_FAULTS, StopReason.TOOL_FAULTS, StopReason.REPETITION})


def needs_verdict(trajectory: Trajectory, *, settings: MaskSettings) -> bool:
    """Whether a judge must be asked: masked episodes are not judged.

    Under `fatal_step` a forced answer is, because only it can give a fatal episode a reward.
    """
    if trajectory.answer is None or trajectory.stop in _INFRASTRUCTURE:
        return False
    if settings.policy == "fatal_step":
        return True
    return trajectory.stop is StopReason.ANSWER and not _is_mostly_bad(trajectory, settings)


def mask_of(episode: Episode, *, settings: MaskSettings) -> Mask:
    """Decide what an episode counts for.

    The order: what the outside did goes first, for it says nothing about the policy; then an
    anomalous end; then too many bad turns; a judge that abstained last, because a masked episode
    is not judged at all.
    """
    trajectory = episode.trajectory
    stop = trajectory.stop
    if stop in _INFRASTRUCTURE:
        met_outage = stop is StopReason.CANCELLED and trajectory.failure is not None
        reason = "outage" if met_outage else stop.value
        return Mask(standing=Standing.INFRASTRUCTURE, reason=reason)
    is_bad = _is_mostly_bad(trajectory, settings)
    reason = stop.value if stop.is_anomalous else "bad_turns" if is_bad else stop.value
    if stop.is_anomalous or is_bad:
        fatal = fatal_turn(trajectory) if settings.policy == "fatal_step" else None
        if fatal is None:
            return Mask(standing=Standing.BEHAVIOUR, reason=reason)
        if trajectory.answer is not None and episode.verdict.decision is Decision.ABSTAIN:
            return Mask(standing=Standing.INFRASTRUCTURE, reason="abstain")
        return Mask(standing=Standing.VALID, reason=reason, fatal_turn=fatal)
    if episode.verdict.decision is Decision.ABSTAIN:
        return Mask(standing=Standing.INFRASTRUCTURE, reason="abstain")
    return Mask(standing=Standing.VALID, reason=reason)


def fatal_turn(trajectory: Trajectory) -> int | None:
    """The turn from which on nothing could be saved; None: there is no such turn.

    Of a cascade of faults the first of the last run of bad turns, of a loop the last turn, of an
    answer after too many bad turns the first bad one. A limit has no fatal turn.
    """
    turns = trajectory.turns
    if trajectory.stop is StopReason.REPETITION:
        return len(turns) - 1 if turns else None
    if trajectory.stop in _FATAL:
        first = len(turns)
        while first and turns[first - 1].is_bad:
            first -= 1
        return first if first < len(turns) else None
    if trajectory.stop is StopReason.ANSWER:
        return next((turn.index for turn in turns if turn.is_bad), None)
    return None


def without_fatal_turns(
    loss_mask_T: Sequence[bool] | NDArray[np.bool_],
    turn_index_T: Sequence[int] | NDArray[np.int64],
    *,
    fatal_turn: int | None,
) -> NDArray[np.bool_]:
    """Take the tokens of the fatal turn and of later ones out of a loss mask.

    Args:
        loss_mask_T: True on trained tokens.
        turn_index_T: the turn of each token, -1 outside turns. Turns are told apart by it, never
            by runs of trained tokens: adjacent turns would merge.
        fatal_turn: as in `Mask`; None: nothing is taken out.

    Raises:
        ValueError: the two differ in length.
    """
    mask_T = np.asarray(loss_mask_T, dtype=np.bool_)
    turns_T = np.asarray(turn_index_T, dtype=np.int64)
    if mask_T.shape != turns_T.shape:
        msg = f"one turn index per token: got {turns_T.size} for {mask_T.size} tokens"
        raise ValueError(msg)
    return mask_T.copy() if fatal_turn is None else mask_T & (turns_T < fatal_turn)


def clamped(advantage: float, *, mask: Mask, settings: MaskSettings) -> float:
    """The advantage of an episode with a fatal turn, raised to at least 0; others as they are.

    What came before the fatal turn is not to blame for it.
    """
    if mask.fatal_turn is None or not settings.clamps:
        return advantage
    return max(advantage, 0.0)


def _is_mostly_bad(trajectory: Trajectory, settings: MaskSettings) -> bool:
    turns = trajectory.turns
    return sum(turn.is_bad for turn in turns) > settings.max_bad_frac * len(turns)
