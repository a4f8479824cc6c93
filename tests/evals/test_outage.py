"""What the outside ended is kept and made again; it is neither done nor lost."""

from pathlib import Path

from tests.builders import a_task, a_trajectory
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.runner import RunOutcome, run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.store.run import RunFolder


async def run_once(folder: Path, *, is_down: bool) -> RunOutcome:
    async def roll_out(task: Task, attempt: int) -> Trajectory:
        if is_down:
            return a_trajectory(task, answer=None, stop=StopReason.MODEL_ERROR, attempt=attempt)
        return a_trajectory(task, attempt=attempt)

    async with RunFolder.open(folder, config="a = 1\n", provenance={}) as run:
        return await run_tasks([a_task()], run=run, roll_out=roll_out, judge=RuleJudge())


async def test_an_attempt_the_model_failed_in_is_kept_and_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for _ in range(2):
        outcome = await run_once(folder, is_down=True)
        assert (outcome.unfinished, outcome.done, outcome.skipped) == (1, 0, 0)
    with RunFolder.read(folder) as view:
        assert [trace.trajectory.stop for trace in view.traces()] == [StopReason.MODEL_ERROR]
        assert list(view.episodes()) == []
    outcome = await run_once(folder, is_down=False)
    assert (outcome.unfinished, outcome.done) == (0, 1)
    with RunFolder.read(folder) as view:
        assert [trace.trajectory.stop for trace in view.traces()] == [StopReason.ANSWER]
        assert view.counts().outages == 1
    assert (await run_once(folder, is_down=False)).skipped == 1


async def test_an_endpoint_that_refuses_our_key_ends_the_run_instead_of_every_task(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    async def roll_out(task: Task, attempt: int) -> Trajectory:
        asked.append(task.id)
        refused = a_trajectory(task, answer=None, stop=StopReason.MODEL_ERROR, attempt=attempt)
        return refused.model_copy(
            update={"failure": FailureKind.AUTH, "stop_detail": "auth: the key is refused"}
        )

    tasks = [a_task(question=f"Who is number {number}?") for number in range(20)]
    async with RunFolder.open(tmp_path / "run", config="a = 1\n", provenance={}) as run:
        outcome = await run_tasks(
            tasks, run=run, roll_out=roll_out, judge=RuleJudge(), concurrency=4
        )
    assert len(asked) <= 4
    assert outcome.halted == "auth: the key is refused"
    assert outcome.unfinished == len(asked)


class JudgeWithoutKey:
    """Cannot be asked."""

    profile_id = "strict/1+nobody"

    def __init__(self, failure: FailureKind) -> None:
        self._failure = failure

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        del task, trajectory
        return Verdict(
            decision=Decision.ABSTAIN,
            reason="the judge could not be asked",
            judge=self.profile_id,
            decided_by="nobody",
            failure=self._failure,
        )


async def test_what_no_judge_could_be_asked_about_is_judged_by_the_same_command_later(
    tmp_path: Path,
) -> None:
    async def roll_out(task: Task, attempt: int) -> Trajectory:
        return a_trajectory(task, attempt=attempt)

    tasks = [a_task(question=f"Who is number {number}?") for number in range(3)]
    folder = tmp_path / "run"
    for judge, unfinished, halted in (
        (JudgeWithoutKey(FailureKind.UPSTREAM), 3, False),
        (JudgeWithoutKey(FailureKind.AUTH), 1, True),
        (RuleJudge(), 0, False),
    ):
        async with RunFolder.open(folder, config="a = 1\n", provenance={}) as run:
            outcome = await run_tasks(tasks, run=run, roll_out=roll_out, judge=judge, concurrency=1)
        assert (outcome.unfinished, bool(outcome.halted)) == (unfinished, halted)
    with RunFolder.read(folder) as view:
        assert len(list(view.episodes())) == 3
