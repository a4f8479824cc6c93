"""Stores the episodes of reinforcement learning in the run folder, and what each counted for.

An episode is stored when it is judged, its grade when its group is taken: nothing that was rolled
out is lost with the process. A step that is taken again after a kill replaces its own.
"""

from pydantic import JsonValue

from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import RunView, StoredItem
from vision_deepresearch.train.rl.batch import Graded, GradedGroup
from vision_deepresearch.train.rl.rollout import LossReason, Rolled

STAGE = "rl"
"""Of the notes about episodes; their key is TASK/ATTEMPT."""


class EpisodeStore:
    """What `vdr view` shows of training."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    async def keep(self, rolled: Rolled) -> None:
        """Store an episode, or why there is none; one that was cancelled will be rolled out again."""
        if rolled.episode is not None:
            await self._run.replace_episode(rolled.episode)
        elif rolled.loss not in {None, LossReason.CANCELLED}:
            await self._run.put_reject(
                rolled.work.task.id,
                rolled.work.attempt,
                reason=str(rolled.loss),
                detail=rolled.detail,
            )

    async def note(self, step: int, group: GradedGroup) -> None:
        """Store what every member of a group counted for in the update that made weights `step`."""
        notes = [
            StoredItem(
                stage=STAGE,
                key=one.key,
                record=one.key,
                reason="" if one.mask.reason is None else str(one.mask.reason),
                detail=one.rolled.detail,
                made=(_grade(step, one, staleness=group.staleness),),
                seconds=one.rolled.seconds,
            )
            for one in group.members
        ]
        await self._run.replace_items(notes)


def grades(view: RunView) -> dict[str, tuple[int, str]]:
    """Of each episode of a run by TASK/ATTEMPT: the step that took it, and what it counted for there."""
    found: dict[str, tuple[int, str]] = {}
    for item in view.items(STAGE):
        grade = item.made[0]
        assert isinstance(grade, dict), "written by `note`"
        step, reward, advantage = (grade[name] for name in ("step", "reward", "advantage"))
        assert isinstance(step, int)
        assert isinstance(advantage, float)
        told = f"masked: {item.reason}"
        if grade["standing"] == "valid":
            assert isinstance(reward, float)
            told = f"reward {reward:g}, advantage {advantage:+.3f}"
        found[item.key] = (step, f"step {step}, {told}")
    return found


def _grade(step: int, one: Graded, *, staleness: int) -> JsonValue:
    tokens = one.trajectory.tokens if one.trajectory is not None else None
    versions = [] if tokens is None else sorted({name for name in tokens.versions if name})
    return {
        "step": step,
        "standing": one.mask.standing.value,
        "reward": None if one.reward is None else one.reward.total,
        "accuracy": None if one.reward is None else one.reward.accuracy,
        "advantage": one.advantage,
        "policy_versions": [*versions],
        "staleness": staleness,
    }
