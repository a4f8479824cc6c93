"""Which turns of a trajectory carry no loss, and why. Everything but replies carries none anyway."""

from vision_deepresearch.core.trajectory import Trajectory, Turn

EPISODE = "episode"
"""The whole attempt ended in a way that is masked in training too (`StopReason.is_anomalous`)."""
FAULT = "fault"
"""The reply could not be used."""
FAILED_CALLS = "failed_calls"
"""Every call of the turn failed."""
FORCED = "forced"
"""An answer that was demanded after a limit."""
EARLIER = "earlier"
"""Trained in the row before: here it stands in front of results that were shortened since."""


def turn_masks(trajectory: Trajectory) -> tuple[str | None, ...]:
    """Per turn why it carries no loss; None: it does.

    A forced answer masks its own turn, not the research before it.
    """
    if trajectory.stop.is_anomalous and not trajectory.forced:
        return (EPISODE,) * trajectory.num_turns
    last = trajectory.num_turns - 1
    return tuple(
        _mask_of(turn, is_forced=trajectory.forced and index == last)
        for index, turn in enumerate(trajectory.turns)
    )


def _mask_of(turn: Turn, *, is_forced: bool) -> str | None:
    if turn.mask is not None:
        return turn.mask
    if is_forced:
        return FORCED
    if turn.fault is not None:
        return FAULT
    return FAILED_CALLS if turn.is_bad else None
