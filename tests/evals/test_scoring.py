"""Stored answers are judged by any judge, and nothing but real answers is."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory, a_turn
from tests.evals.stored_runs import GOLD, answers, free_tasks, write_run
from tests.judge.doubles import LiteralJudgeModel, SayingModel
from tests.models.openai_double import OpenAiDouble
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.core.content import ToolCall
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import ConfigError, FailureKind, ModelError
from vision_deepresearch.core.observation import Failure, Observation
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import CallRecord, StopReason, Trajectory
from vision_deepresearch.evals.grading import grade
from vision_deepresearch.evals.outcomes import Outcome, outcome_of
from vision_deepresearch.evals.scores import score_run, scores_file
from vision_deepresearch.evals.summary import summarise
from vision_deepresearch.judge.llm import LlmJudge
from vision_deepresearch.judge.profiles import judge_profile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.store.run import RunFolder


def a_judge(profile: str, *, lenient: bool = False) -> tuple[LlmJudge, LiteralJudgeModel]:
    model = LiteralJudgeModel(lenient=lenient, name="literal")
    return LlmJudge(model, profile=judge_profile(profile), policy_name="test"), model


def bytes_of(folder: Path) -> bytes:
    return (folder / "run.db").read_bytes()


async def test_two_judges_score_the_same_answers_side_by_side(tmp_path: Path) -> None:
    tasks = free_tasks(4)
    texts = [GOLD, "Brahms", f"Haydn or\n{GOLD}", "ludwig van beethoven."]
    folder = await write_run(tmp_path / "run", answers(tasks, texts))
    before = bytes_of(folder)
    found = {}
    for name in ("strict", "contains"):
        judge, model = a_judge(name, lenient=name == "contains")
        with RunFolder.read(folder) as run:
            scored = await score_run(run, judge)
            again = await score_run(run, judge)
        assert scored.judged_now == 4
        assert (again.judged_now, len(model.asked)) == (0, 2), "decided answers are not asked again"
        found[name] = summarise(grade(folder, judge=name)).accuracy.correct
    assert found == {"strict": 2, "contains": 3}
    assert bytes_of(folder) == before, "the trajectories are not touched"
    with pytest.raises(ConfigError, match="found 0 among contains"):
        grade(folder, judge="rules")


async def test_both_judges_in_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = await write_run(tmp_path / "run", answers(free_tasks(2), [GOLD, "Brahms"]))
    script = tmp_path / "judge.jsonl"
    script.write_text('{"text": "correct: no"}\n')
    code = await in_thread(
        "eval", "score", str(folder), "--judge", "contains", "--judge", "strict",
        "--judge-model", f"scripted:{script}", "--json",
    )  # fmt: skip
    assert code == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["judge"].partition("/")[0] for one in shown["judges"]] == ["contains", "strict"]
    assert [one["accuracy"]["correct"] for one in shown["judges"]] == [1, 1]
    assert len(list((folder / "scores").glob("*.jsonl"))) == 2
    assert await in_thread("eval", "score", str(folder), "--mode", "wis") == 2
    assert "--predictions" in capsys.readouterr().err


async def test_scoring_needs_no_key_of_the_judged_model_and_refuses_it_as_its_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answers(free_tasks(1), ["Brahms"])
    folder = await write_run(tmp_path / "run", made, model="openai:gpt-5")
    script = tmp_path / "judge.jsonl"
    script.write_text('{"text": "correct: no"}\n')
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments = ["eval", "score", str(folder), "--judge", "strict", "--judge-model"]
    assert await in_thread(*arguments, f"scripted:{script}") == 0
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    assert await in_thread(*arguments, "openai:gpt-5") == 2
    assert "another model than the judged one" in capsys.readouterr().err


async def in_thread(*arguments: str) -> int:
    """A command of its own event loop, from within a test that has one."""
    return await asyncio.to_thread(vdr, list(arguments))


@dataclass(kw_only=True)
class _Down:
    """A judge that cannot be asked about some answers."""

    kind: FailureKind
    profile_id: str = "down/1"
    asked: int = 0

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        self.asked += 1
        model = ScriptedModel([ModelError(self.kind, "down")], repeat_last=True)
        judge = LlmJudge(model, profile=judge_profile("strict"), policy_name="test")
        verdict = await judge.judge(task, trajectory)
        return verdict.model_copy(update={"judge": self.profile_id})


@pytest.mark.pitfall("P82")
async def test_an_outage_of_the_judge_abstains_and_is_asked_again(tmp_path: Path) -> None:
    tasks = free_tasks(3)
    folder = await write_run(tmp_path / "run", answers(tasks, [GOLD, "Brahms", "Bach"]))
    judge = _Down(kind=FailureKind.UPSTREAM)
    with RunFolder.read(folder) as run:
        scored = await score_run(run, judge)
        assert (scored.correct, scored.incorrect, scored.undecided) == (1, 0, 2)
        summary = summarise(grade(folder, judge="down"))
        assert summary.outcomes["judge_error"] == 2
        assert (summary.accuracy.valid, summary.accuracy.share) == (1, 1.0)
        assert summary.accuracy.if_invalid_wrong == pytest.approx(1 / 3)
        assert not summary.accuracy.is_whole
        assert (await score_run(run, judge)).judged_now == 2
    assert judge.asked == 5
    # A key that is refused will be refused the next time too.
    barred = _Down(kind=FailureKind.AUTH, profile_id="barred/1")
    many = free_tasks(60)
    folder = await write_run(tmp_path / "many", answers(many, ["Brahms"] * 60))
    with RunFolder.read(folder) as run:
        scored = await score_run(run, barred)
    assert scored.halted
    assert barred.asked < 60
    assert scored.undecided == 60


@pytest.mark.pitfall("P82")
async def test_planted_outages_leave_the_accuracy_of_the_rest(tmp_path: Path) -> None:
    tasks = [a_task(ref=f"test/{n}") for n in range(30)]
    texts: list[str | None] = ["Ostrel"] * 12 + ["Brno"] * 6 + [None] * 10
    made = answers(tasks[:28], texts)
    made.append((tasks[28], a_trajectory(tasks[28], answer=None, stop=StopReason.REFUSED)))
    folder = await write_run(tmp_path / "run", made, judged=True, unfinished=tasks[29:])
    summary = summarise(grade(folder))
    assert {name: n for name, n in summary.outcomes.items() if n} == {
        "answered": 18,
        "refused": 1,
        "infra_error": 11,
    }
    accuracy = summary.accuracy
    assert (accuracy.correct, accuracy.valid, accuracy.invalid) == (12, 19, 11)
    assert accuracy.share == pytest.approx(12 / 19)
    assert (accuracy.if_invalid_wrong, accuracy.if_invalid_right) == (12 / 30, 23 / 30)
    assert "incomplete" in summary.headline()


@pytest.mark.pitfall("P82")
@pytest.mark.parametrize(
    ("stop", "answer", "wanted"),
    [
        (StopReason.ANSWER, "Ostrel", Outcome.ANSWERED),
        (StopReason.TURN_LIMIT, "Ostrel", Outcome.ANSWERED),
        (StopReason.ANSWER, " ", Outcome.ABSTAINED),
        (StopReason.ANSWER, "I don't know.", Outcome.ABSTAINED),
        (StopReason.TURN_LIMIT, None, Outcome.BUDGET_EXHAUSTED),
        (StopReason.CONTEXT_LIMIT, None, Outcome.BUDGET_EXHAUSTED),
        (StopReason.DEADLINE, None, Outcome.BUDGET_EXHAUSTED),
        (StopReason.BUDGET, None, Outcome.BUDGET_EXHAUSTED),
        (StopReason.FORMAT_FAULTS, None, Outcome.FORMAT_FAILURE),
        (StopReason.REPETITION, None, Outcome.FORMAT_FAILURE),
        (StopReason.TOOL_FAULTS, None, Outcome.FORMAT_FAILURE),
        (StopReason.REFUSED, None, Outcome.REFUSED),
        (StopReason.MODEL_ERROR, None, Outcome.INFRA_ERROR),
        (StopReason.CANCELLED, "Ostrel", Outcome.INFRA_ERROR),
        (StopReason.PROMPT_INTEGRITY, None, Outcome.INFRA_ERROR),
    ],
)
def test_every_way_to_end_has_one_outcome(
    stop: StopReason, answer: str | None, wanted: Outcome
) -> None:
    assert outcome_of(a_trajectory(a_task(), answer=answer, stop=stop)) is wanted


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        ([FailureKind.UPSTREAM, FailureKind.TIMEOUT], Outcome.INFRA_ERROR),
        ([FailureKind.UPSTREAM, FailureKind.BAD_ARGS], Outcome.FORMAT_FAILURE),
    ],
)
def test_tools_that_were_down_are_an_outage_and_wrong_calls_are_not(
    kinds: list[FailureKind], wanted: Outcome
) -> None:
    turns = [
        a_turn(index=n).model_copy(
            update={
                "calls": (
                    CallRecord(
                        call=ToolCall(id="c", name="search", arguments={}),
                        observation=Observation(parts=(), failure=Failure(kind=kind, message="no")),
                        seconds=0.0,
                    ),
                )
            }
        )
        for n, kind in enumerate(kinds)
    ]
    made = a_trajectory(a_task(), answer=None, stop=StopReason.TOOL_FAULTS, turns=tuple(turns))
    assert outcome_of(made) is wanted


@pytest.mark.pitfall("P82")
async def test_predictions_of_another_system_are_judged_and_its_outages_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [a_task(ref=f"test/{n}") for n in range(6)]
    folder = await write_run(tmp_path / "run", answers(tasks, ["Brno"] * 6), judged=True)
    lines: list[dict[str, object]] = [
        {"ref": "test/0", "prediction": "Ostrel", "tokens": 7},
        {"task_id": tasks[1].id, "prediction": "Brno"},
        {"ref": "test/2", "prediction": "call_server failed"},
        {"ref": "test/3", "prediction": "No answer found."},
        {"ref": "test/4", "prediction": None, "error": "timeout"},
        {"ref": "test/0", "prediction": "Brno"},
        {"ref": "elsewhere/0", "prediction": "Ostrel"},
        {"ref": "test/5"},
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + "torn{\n")
    arguments = ["eval", "score", str(folder), "--predictions", str(file), "--json"]
    assert await in_thread(*arguments, "--out", str(tmp_path / "theirs")) == 1
    shown = json.loads(capsys.readouterr().out)
    (judged,) = shown["judges"]
    assert judged["outcomes"]["answered"] == 2
    assert judged["outcomes"]["format_failure"] == 1
    assert judged["outcomes"]["infra_error"] == 3, "two outages and one line that is missing"
    assert (judged["accuracy"]["correct"], judged["accuracy"]["valid"]) == (1, 3)
    assert judged["model"] == "theirs"
    assert (judged["effort"], judged["cost_usd"]) == ({}, None), "not known, which is not 0"
    assert [one["line"] for one in shown["bad_lines"]] == [6, 7, 8, 9]
    lines[1]["prediction"] = "Ostrel"
    file.write_text(json.dumps(lines[1]) + "\n")
    assert await in_thread(*arguments, "--out", str(tmp_path / "theirs")) == 2
    assert "predictions were changed" in capsys.readouterr().err


async def test_what_a_judge_says_of_a_protected_task_is_not_written(tmp_path: Path) -> None:
    task = free_tasks(1)[0].model_copy(update={"protected": True})
    folder = await write_run(tmp_path / "run", answers([task], ["Brahms the composer"]))
    judge, _ = a_judge("strict")
    with RunFolder.read(folder) as run:
        scored = await score_run(run, judge)
    assert scored.incorrect == 1
    assert b"Brahms" not in scores_file(folder, judge.profile_id).read_bytes()
    assert grade(folder, judge="strict").items[0].is_correct is False
    assert Decision.INCORRECT.value in scores_file(folder, judge.profile_id).read_text()


async def test_the_released_runner_s_file_is_judged_and_its_verdict_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [a_task(ref=f"pack/bc/{n}", question=f"Which hall is number {n}?") for n in range(6)]
    folder = await write_run(tmp_path / "run", answers(tasks, ["Brno"] * 6), judged=True)

    def line(n: int, said: str, *, why: str = "answer", asked: str | None = None) -> str:
        question = f"image_id:/tmp/{n}.png Question: {tasks[min(n, 5)].question}"
        return json.dumps({
            "id": n,
            "task": {"id": n, "question": asked or question, "answer": "Elm", "num_images": 1},
            "termination_reason": why,
            "is_correct": True,
            "metrics": {"reward": 1.0, "rounds": 3},
            "info": {"prediction": said, "judge_response": "correct: yes"},
            "trajectories": [{"name": "deepresearch", "steps": []}],
        })

    file = tmp_path / "episodes.jsonl"
    lines = [
        line(0, "Ostrel"),
        line(1, "Brno", why="max_rounds_reached"),
        line(2, "", why="repetition_detected"),
        line(3, "call_server failed", why="round limit reached, model failed: boom"),
        line(4, "Ostrel", asked="Another question"),
        line(5, "Ostrel", why="gave up"),
        line(7, "Ostrel"),
    ]
    file.write_text("\n".join(lines))
    arguments = ["eval", "score", str(folder), "--predictions", str(file), "--json"]
    assert await in_thread(*arguments, "--out", str(tmp_path / "theirs")) == 1
    shown = json.loads(capsys.readouterr().out)
    (judged,) = shown["judges"]
    assert {name: n for name, n in judged["outcomes"].items() if n} == {
        "answered": 2,
        "format_failure": 1,
        "infra_error": 3,
    }
    assert judged["accuracy"]["correct"] == 1
    reasons = [one["reason"] for one in shown["bad_lines"]]
    assert "another question" in reasons[0]
    assert "unknown termination_reason 'gave up'" in reasons[1]
    assert "no task of the run has the id '7'" in reasons[2]


@pytest.mark.pitfall("P83")
async def test_a_killed_score_goes_on_within_its_budget_and_pays_for_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call costs a quarter of a cent. The file of verdicts is lost, more than any kill loses."""
    tasks = free_tasks(6)
    tasks[5] = tasks[5].model_copy(update={"protected": True})
    texts = ["Brahms", "Bach", "Weber", "Orff", "Reger", "Gluck the secret"]
    folder = await write_run(tmp_path / "run", answers(tasks, texts))
    said = ["correct: maybe"]
    with OpenAiDouble(lambda _: said[0]) as model:
        command = ["eval", "score", str(folder), "--judge", "strict", "--judge-model", model.name]
        assert await in_thread(*command, "--budget-usd", "1") == 2
        assert "usd_per_million_prompt" in capsys.readouterr().err
        command += ["--set", "judge_endpoint.usd_per_million_prompt=2"]
        command += ["--set", "judge_endpoint.usd_per_million_completion=10"]
        assert await in_thread(*command, "--budget-usd", "1") == 1
        assert model.num_requests == 18, "three asks about each, all in vain"
        said[0] = "correct: no"
        assert await in_thread(*command, "--budget-usd", "0.03") == 75
        assert "larger --budget-usd goes on" in capsys.readouterr().err
        assert await in_thread(*command, "--budget-usd", "1") == 0
        assert model.num_requests == 24, "what was undecided is another sample, asked once"
        (file,) = (folder / "scores").glob("*.jsonl")
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:7]) + lines[7][:20])
        assert await in_thread(*command, "--budget-usd", "1") == 0
        assert model.num_requests == 25, "the protected answer alone is not on the tape"
    tape = (folder / "scores" / "tape.db").read_bytes()
    assert b"secret" not in tape


async def test_accuracy_is_told_over_all_and_over_those_that_tried(tmp_path: Path) -> None:
    tasks = free_tasks(4)
    texts = ["Brahms", "Bach", "no idea of his name", "unknown"]
    folder = await write_run(tmp_path / "run", answers(tasks, texts))
    model = SayingModel(replies=["A", "B", "C"])
    judge = LlmJudge(model, profile=judge_profile("simpleqa-abc"), policy_name="test")
    with RunFolder.read(folder) as run:
        await score_run(run, judge)
    summary = summarise(grade(folder))
    assert (summary.accuracy.correct, summary.accuracy.valid) == (1, 4)
    assert summary.when_attempted == 0.5
