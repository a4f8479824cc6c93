"""What travels through trajectory synthesis."""

from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.synth.stage import Item


class Assignment(Item):
    """One attempt to be made at a task."""

    task: Task
    proof: Proof | None = None
    """Of generated tasks; for the oracle and for checks."""
    attempt: int = 0


class RolledOut(Assignment):
    """An attempt that came to an answer."""

    trajectory: Trajectory
    hit_turn: int | None = None
    """First turn of the text phase; None: there was no visual phase."""
    bridge: tuple[str, ...] = ()
    """Texts lent to the teacher: none of them may have stayed."""


class Accepted(RolledOut):
    """An attempt that was judged right and found free of faults."""

    verdict: Verdict
