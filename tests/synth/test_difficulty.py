"""The difficulty filter: 0 < pass@k < 1; what nobody decided is neither right nor wrong."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import ConfigError, FailureKind
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.difficulty.stages import (
    AttemptConfig,
    SelectConfig,
    Trial,
    difficulty_stages,
)
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.difficulty import make_difficulty_config, measure_difficulty

# Attempts: right, wrong, abstained, refused by the provider, deadline, outage, turns over.
_STOPS = {
    "f": StopReason.REFUSED,
    "d": StopReason.DEADLINE,
    "o": StopReason.MODEL_ERROR,
    "t": StopReason.TURN_LIMIT,
}


class ByScript:
    """A policy and its judge: each question's ref says what becomes of its attempts."""

    profile_id = "script@1"

    def __init__(self) -> None:
        self.rolled: list[tuple[str, int]] = []
        self.is_down = True

    async def roll_out(self, task: Task, attempt: int, context: CallContext) -> Trajectory:
        del context
        self.rolled.append((task.ref, attempt))
        letter = task.ref[attempt]
        if letter == "o" and not self.is_down:
            letter = "r"
        stop = _STOPS.get(letter, StopReason.ANSWER)
        failure = FailureKind.UPSTREAM if letter == "o" else None
        return a_trajectory(task).model_copy(
            update={"stop": stop, "attempt": attempt, "answer": letter, "failure": failure}
        )

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        del task
        decided = {"r": Decision.CORRECT, "a": Decision.ABSTAIN}
        decision = decided.get(trajectory.answer or "", Decision.INCORRECT)
        return Verdict(decision=decision, reason="script", judge=self.profile_id)


async def filtered(script: ByScript, outcomes: Sequence[str], out: Path) -> Made:
    stages = difficulty_stages(
        script.roll_out,
        script,
        config=AttemptConfig(settings="", policy="script", judge="script@1", attempts=4),
        chosen=SelectConfig(),
        concurrency=2,
    )
    trials = [
        Trial(id=one, task=a_task().model_copy(update={"ref": one, "id": f"id-{one}"}))
        for one in outcomes
    ]
    async with RunFolder.open(out, config='kind = "difficulty"\n', provenance={}) as run:
        return await run_pipeline(stages, trials, run=run, executor=LocalExecutor(stages))


async def test_only_what_is_solved_now_and_then_is_kept(tmp_path: Path) -> None:
    outcomes = ["rrrr", "wwww", "rwww", "rrrw", "rttt", "aaaa", "raaa", "raaw", "rraa", "wffd"]
    made = await filtered(ByScript(), outcomes, tmp_path / "run")
    kept = {
        one.task.ref: one.task.strata["pass_rate"]
        for one in made.records
        if isinstance(one, Finished)
    }
    # Abstentions, refusals and deadlines are in neither count; running out of turns is wrong.
    assert kept == {"rwww": "1/4", "rrrw": "3/4", "rttt": "1/4", "raaw": "1/2"}
    rejected = {row.stage: row.rejected for row in made.funnel}
    assert rejected["attempt"] == {}
    assert rejected["select"] == {"all_right": 2, "all_wrong": 1, "masked": 3}
    dataset = open_vqa_dataset(tmp_path / "run")
    assert [task.ref for task in dataset.tasks] == sorted(kept)


async def test_an_outage_decides_nothing_and_the_same_command_goes_on(tmp_path: Path) -> None:
    script = ByScript()
    halted = await filtered(script, ["rwrw", "rwow", "rwwr"], tmp_path / "run")
    assert halted.halted
    assert not halted.records
    assert [row.outages for row in halted.funnel] == [1]
    script.is_down = False
    script.rolled.clear()
    made = await filtered(script, ["rwrw", "rwow", "rwwr"], tmp_path / "run")
    assert made.is_whole
    assert {ref for ref, _ in script.rolled} == {"rwow"}  # what was measured is not tried again
    assert {one.id for one in made.records} == {"rwrw", "rwow", "rwwr"}


@pytest.mark.timeout(120)
async def test_the_oracle_with_its_habits_runs_out_of_turns_at_times(
    tiny_world: Path, tmp_path: Path
) -> None:
    config = make_difficulty_config({
        "world": str(tiny_world),
        "today": "2026-01-01",
        "limits": {"max_turns": 6},
        "difficulty": {"tasks": 8, "attempts": 3},
    })
    made = await measure_difficulty(config, out=tmp_path / "run")
    assert made.is_whole
    decided = dict(made.funnel[1].rejected)
    assert set(decided) <= {"all_right", "all_wrong"}
    assert sum(decided.values()) + len(made.records) == 8
    again = await measure_difficulty(config, out=tmp_path / "again")
    assert again.records == made.records


def test_settings_that_would_keep_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="no question would ever be kept"):
        make_difficulty_config({"difficulty": {"attempts": 2, "min_decided": 3}})
