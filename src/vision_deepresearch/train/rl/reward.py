"""From a verdict to a reward, each term logged apart. The default is accuracy alone (the paper, 2.3.2)."""

import math
from dataclasses import dataclass

from pydantic import Field

from vision_deepresearch.core.episode import Episode
from vision_deepresearch.core.record import Record


class RewardSettings(Record):
    """What is rewarded besides a right answer."""

    format_weight: float = Field(default=0.0, ge=0)
    """Times the share of turns without a format fault, added. The paper contradicts itself about
    such a term; its code has none."""
    cost_weight: float = Field(default=0.0, ge=0, le=1)
    """Share of a right answer's reward that is lost when `cost_requests` are spent. A wrong answer
    loses nothing: giving up early must not pay. Source: the idea of HyperEyes."""
    cost_requests: int = Field(default=100, ge=1)
    """Searches and page reads that cost the whole `cost_weight`; fewer cost their share."""
    cost_ramp_steps: int = Field(default=0, ge=0)
    """Steps over which `cost_weight` grows from 0 to itself; 0: at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """The reward of one episode and its terms."""

    total: float | None
    """None: nobody decided, or it is not finite: masked, never 0."""
    accuracy: float | None
    """1.0 or 0.0 as judged; None: the judge abstained."""
    adherence: float
    """Share of turns without a format fault, whatever its weight."""
    cost: float
    """Taken off, at least 0."""
    is_finite: bool = True
    """False: some term was NaN or infinite; counted by the loop."""


def reward_of(episode: Episode, *, settings: RewardSettings, step: int = 0) -> Reward:
    """The reward of a judged episode.

    accuracy x (1 - ramp x cost_weight x min(1, requests / cost_requests)) + format_weight x adherence

    Accuracy is `Episode.reward`, None where that is None; without an answer it is 0.
    """
    adherence = _adherence(episode)
    accuracy = 0.0 if episode.trajectory.answer is None else episode.reward
    if accuracy is None:
        return Reward(total=None, accuracy=None, adherence=adherence, cost=0.0)
    ramp = min(1.0, step / settings.cost_ramp_steps) if settings.cost_ramp_steps else 1.0
    spent = min(1.0, episode.trajectory.num_engine_requests / settings.cost_requests)
    cost = accuracy * ramp * settings.cost_weight * spent
    total = accuracy - cost + settings.format_weight * adherence
    if not math.isfinite(total):
        return Reward(total=None, accuracy=None, adherence=adherence, cost=0.0, is_finite=False)
    return Reward(total=total, accuracy=accuracy, adherence=adherence, cost=cost)


def _adherence(episode: Episode) -> float:
    turns = episode.trajectory.turns
    return sum(turn.fault is None for turn in turns) / len(turns) if turns else 0.0
