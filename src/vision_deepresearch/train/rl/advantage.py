"""Advantages within a group of siblings. Shapes: G = sibling of one task.

A_i = r_i - mean of the others' rewards, without division by a standard deviation.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from vision_deepresearch.core.record import Record
from vision_deepresearch.train.rl.masking import Standing

BaselineMembers = Literal["valid", "all"]


class AdvantageSettings(Record):
    """Who is compared with whom."""

    baseline_members: BaselineMembers = "valid"
    """Whose rewards a sibling is compared with: those of valid siblings, or (`all`, as in the paper)
    also those masked for their behaviour, with reward 0. Infrastructure failures are in neither.
    `valid` puts no pressure against being masked: watch the share of masked episodes. `all` does,
    but then what is trained no longer sums to 0 and a lone survivor trains at full strength."""
    min_valid: int = Field(default=2, ge=2)
    """Members the baseline needs: with fewer every advantage is 0."""


def leave_one_out(
    rewards_G: Sequence[float | None],
    standings_G: Sequence[Standing],
    *,
    settings: AdvantageSettings | None = None,
) -> list[float]:
    """Score each sibling against the mean reward of the others.

    Args:
        rewards_G: one per sibling; looked at where the sibling is valid.
        standings_G: what each counts for, same order.
        settings: who enters the baseline; None: the defaults.

    Returns:
        One advantage per sibling, same order; 0.0 for every masked one, and for all where fewer
        than `min_valid` can be compared. Equal rewards give exactly 0.0.

    Raises:
        ValueError: lengths differ, or a valid sibling's reward is missing or not finite.

    Source: arXiv 2601.22060, 2.3.2 (GRPO with leave-one-out baseline).
    """
    settings = settings or AdvantageSettings()
    if len(rewards_G) != len(standings_G):
        msg = f"one standing per reward: got {len(standings_G)} for {len(rewards_G)} siblings"
        raise ValueError(msg)
    counted: dict[int, float] = {}
    for place, (reward, standing) in enumerate(zip(rewards_G, standings_G, strict=True)):
        if standing is Standing.VALID:
            if reward is None or not math.isfinite(reward):
                msg = f"a valid sibling needs a finite reward, got {reward!r}: mask it"
                raise ValueError(msg)
            counted[place] = reward
        elif standing is Standing.BEHAVIOUR and settings.baseline_members == "all":
            counted[place] = 0.0
    advantages = [0.0] * len(rewards_G)
    num = len(counted)
    # Equal rewards are compared, not subtracted: rounding would make a signal of nothing.
    if num < settings.min_valid or len(set(counted.values())) == 1:
        return advantages
    total = math.fsum(counted.values())
    for place, reward in counted.items():
        if standings_G[place] is Standing.VALID:
            advantages[place] = reward - (total - reward) / (num - 1)
    return advantages
