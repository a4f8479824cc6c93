"""What a trajectory came across, as text: titles and passages of all evidence, and its answer."""

from vision_deepresearch.core.trajectory import Trajectory


def found_text(trajectory: Trajectory) -> str:
    """Lines in the order they came, each once."""
    lines: dict[str, None] = {}
    for turn in trajectory.turns:
        for record in turn.calls:
            for one in record.observation.evidence:
                lines[one.title] = None
                lines[one.snippet] = None
    lines[trajectory.answer or ""] = None
    return "\n".join(line for line in lines if line.strip())


def as_found(trajectory: Trajectory) -> Trajectory:
    """The trajectory with what was found in place of its answer, for judges of Entity Recall."""
    return trajectory.model_copy(update={"answer": found_text(trajectory)})
