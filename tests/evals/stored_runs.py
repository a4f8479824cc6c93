"""Run folders for tests of scoring: made of trajectories that say what they are told to."""

from collections.abc import Sequence
from pathlib import Path

from tests.builders import a_task, a_trajectory
from vision_deepresearch.core.episode import episode_of
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.wiring.config import to_toml

GOLD = "Ludwig van Beethoven"


def free_tasks(count: int, *, gold: str = GOLD) -> list[Task]:
    """Tasks that no rule may reject an answer to."""
    return [
        a_task(ref=f"test/{n}", answers=(gold,), answer_type=AnswerType.FREE_TEXT)
        for n in range(count)
    ]


async def write_run(
    path: Path,
    trajectories: Sequence[tuple[Task, Trajectory]],
    *,
    judged: bool = False,
    mode: str = "cis+ts",
    model: str = "test",
    unfinished: Sequence[Task] = (),
) -> Path:
    """A run folder; trajectories that the outside ended are stored as outages, as a run does."""
    config = to_toml({"model": model, "mode": mode})
    async with RunFolder.open(path, config=config, provenance={"revision": "r1"}) as run:
        for task, given in trajectories:
            trajectory = given.model_copy(update={"mode": mode})
            await run.put_task(task)
            if trajectory.stop.is_infrastructure:
                await run.put_outage(task, trajectory)
            elif judged:
                verdict = await RuleJudge().judge(task, trajectory)
                await run.put_episode(episode_of(task, trajectory, verdict))
            else:
                await run.put_trajectory(trajectory)
        for task in unfinished:
            await run.put_task(task)
    return path


def answers(tasks: Sequence[Task], texts: Sequence[str | None]) -> list[tuple[Task, Trajectory]]:
    """One trajectory per task; None: the model could not be reached."""
    made = []
    for task, text in zip(tasks, texts, strict=True):
        stop = StopReason.MODEL_ERROR if text is None else StopReason.ANSWER
        made.append((task, a_trajectory(task, answer=text, stop=stop)))
    return made
