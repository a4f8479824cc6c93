"""What the outside ended is kept and made again, here or later; it is neither done nor lost."""

import asyncio
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.outages import Patience
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


# ------------------------------------------------------------------------- waiting for an outage


def down(task: Task, attempt: int, *, kind: FailureKind = FailureKind.UPSTREAM) -> Trajectory:
    cut = a_trajectory(task, answer=None, stop=StopReason.MODEL_ERROR, attempt=attempt)
    return cut.model_copy(update={"failure": kind, "stop_detail": f"{kind.value}: failed"})


class Endpoint:
    """Answers in ten seconds; while it is down, an attempt fails after one."""

    def __init__(self, *outage: float) -> None:
        self.begins_s, self.ends_s = outage
        self.asked: list[float] = []

    async def __call__(self, task: Task, attempt: int) -> Trajectory:
        now = virtual_s()
        self.asked.append(now)
        if self.begins_s <= now < self.ends_s:
            await asyncio.sleep(1)
            return down(task, attempt)
        await asyncio.sleep(10)
        return a_trajectory(task, attempt=attempt)


def run_waiting(
    folder: Path, endpoint: Endpoint, *, num_tasks: int = 60, patience: Patience | None = None
) -> tuple[RunOutcome, float]:
    tasks = [a_task(question=f"Who is number {number}?") for number in range(num_tasks)]

    async def main() -> tuple[RunOutcome, float]:
        async with RunFolder.open(folder, config="a = 1\n", provenance={}, threads=False) as run:
            outcome = await run_tasks(
                tasks,
                run=run,
                roll_out=endpoint,
                judge=RuleJudge(),
                concurrency=4,
                patience=patience or Patience(),
                clock=virtual_s,
            )
        return outcome, virtual_s()

    return run_virtually(main, max_s=10**5)


def test_an_outage_of_five_minutes_is_waited_out_and_nothing_is_lost(tmp_path: Path) -> None:
    endpoint = Endpoint(65, 365)
    outcome, took_s = run_waiting(tmp_path / "run", endpoint)
    assert (outcome.done, outcome.unfinished, outcome.halted) == (60, 0, "")
    assert outcome.redone == len(endpoint.asked) - 60
    assert outcome.redone <= 20, "after as many as had worked in 30 s, one at a time looks"
    assert took_s < 65 + 300 + 120 + 150
    with RunFolder.read(tmp_path / "run") as view:
        assert view.counts().outages == 4, "those that were under way; equal ones are kept once"


def test_patience_ends_and_the_same_command_finishes_the_run_later(tmp_path: Path) -> None:
    endpoint = Endpoint(65, 10**9)
    outcome, took_s = run_waiting(tmp_path / "run", endpoint)
    assert outcome.done + outcome.unfinished < 60
    assert outcome.unfinished >= 1
    assert outcome.halted.startswith("providers were down for too long, the last said: upstream")
    assert took_s <= 65 + 900 + 15
    later, _ = run_waiting(tmp_path / "run", Endpoint(0, 0))
    assert (later.done, later.skipped) == (60 - outcome.done, outcome.done)


def test_what_never_worked_is_not_waited_for(tmp_path: Path) -> None:
    outcome, took_s = run_waiting(tmp_path / "run", Endpoint(0, 10**9), num_tasks=8)
    assert (outcome.unfinished, outcome.redone) == (8, 0)
    assert took_s == 2.0


def test_without_patience_an_outage_is_left_for_the_next_command(tmp_path: Path) -> None:
    outcome, _ = run_waiting(tmp_path / "run", Endpoint(65, 365), patience=Patience(wait_s=0))
    assert outcome.redone == 0
    assert outcome.done + outcome.unfinished == 60
    assert outcome.unfinished > 0


@pytest.mark.parametrize("has_last_try", [False, True])
def test_one_attempt_that_always_meets_an_outage_does_not_hold_up_the_run(
    tmp_path: Path, *, has_last_try: bool
) -> None:
    tasks = [a_task(question=f"Who is number {number}?") for number in range(40)]
    asked = 0

    async def roll_out(task: Task, attempt: int) -> Trajectory:
        nonlocal asked
        await asyncio.sleep(1)
        if task is not tasks[3]:
            return a_trajectory(task, attempt=attempt)
        asked += 1
        return down(task, attempt)

    async def going_on(task: Task, attempt: int) -> Trajectory:
        return a_trajectory(task, attempt=attempt)

    async def main() -> RunOutcome:
        path = tmp_path / "run"
        async with RunFolder.open(path, config="a = 1\n", provenance={}, threads=False) as run:
            return await run_tasks(
                tasks,
                run=run,
                roll_out=roll_out,
                judge=RuleJudge(),
                patience=Patience(max_redos=3),
                last_try=going_on if has_last_try else None,
                clock=virtual_s,
            )

    outcome = run_virtually(main, max_s=10**4)
    assert (outcome.done, outcome.unfinished) == ((40, 0) if has_last_try else (39, 1))
    assert (outcome.redone, asked) == (3, 3 if has_last_try else 4)
