"""A judged trajectory, and siblings of one task."""

from enum import StrEnum
from typing import Literal

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory


class Decision(StrEnum):
    """What a judge says."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    ABSTAIN = "abstain"
    """The judge could not decide: masked in RL, never reward 0."""


class Verdict(Record):
    """A judge's decision on one trajectory."""

    decision: Decision
    reason: str
    """One sentence: which rule or which words decided."""
    judge: str
    """Profile id of the judge, with its version."""
    decided_by: Literal["rule", "model", "nobody"] = "rule"
    matched: str | None = None
    """The gold answer that was matched."""
    failure: FailureKind | None = None
    """Of the judge's model, where it could not be asked: then nothing is decided yet."""
    is_attempted: bool = True
    """False: the judge found that the answer declines to answer; the decision is then incorrect."""
    score: float | None = None
    """Part of the answer that is right, 0 to 1, of judges that tell one; None: they do not."""


class Episode(Record):
    """Task, trajectory and verdict together, with the reward they earn."""

    schema_version: Literal[1] = 1
    task: Task
    trajectory: Trajectory
    verdict: Verdict
    reward: float | None
    """1.0 or 0.0; None where the judge abstained or the stop reason is masked."""

    @property
    def is_masked(self) -> bool:
        """Whether the episode must not enter a gradient."""
        return self.reward is None


class Group(Record):
    """Sibling episodes of one task: the unit of advantage."""

    task_id: str
    episodes: tuple[Episode, ...]


def episode_of(task: Task, trajectory: Trajectory, verdict: Verdict) -> Episode:
    """Join the three and set the reward: masked when the judge abstained or the outside failed."""
    masked = verdict.decision is Decision.ABSTAIN or trajectory.stop.is_infrastructure
    reward = None if masked else float(verdict.decision is Decision.CORRECT)
    return Episode(task=task, trajectory=trajectory, verdict=verdict, reward=reward)
