"""One bad attempt of many is one record with its reason; a hanging tool ends by its deadline."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from tests.agent.doubles import TextTool, a_call, a_researcher, answers, says
from tests.builders import a_task
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.core.content import Conversation, ToolCall, ToolSpec, trusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.episode import Verdict
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, Sampling, ToolContext
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.runner import RunOutcome, run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.store.run import RunFolder

VDR = VdrProfile()
TASKS = [a_task(question=f"Which town is number {number}?") for number in range(64)]
BAD = TASKS[17]
SCRIPT = [says(VDR, a_call(query=["town"])), answers(VDR, "Ostrel")]


class BuggyModel(ScriptedModel):
    """Raises for one task what no model client should."""

    @override
    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        if context.task_id == BAD.id:
            raise AttributeError("'str' object has no attribute 'get'")
        return await super().complete(conversation, tools=tools, sampling=sampling, context=context)


class OddTool:
    """A search that, for one task, has a bug or never comes back."""

    spec = TextTool("search", lambda _: "").spec

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        del call
        if context.call.task_id != BAD.id:
            return Observation(parts=(trusted("nothing new"),))
        if self._hangs:
            await asyncio.Event().wait()
        raise AttributeError("a bug in a tool")


class BuggyJudge(RuleJudge):
    """Has a bug for one task."""

    @override
    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        if task.id == BAD.id:
            raise AttributeError("a bug in a judge")
        return await super().judge(task, trajectory)


def run_all(folder: Path, *, broken: str, limits: Limits | None = None) -> tuple[RunOutcome, float]:
    model = BuggyModel(SCRIPT) if broken == "model" else ScriptedModel(SCRIPT)
    tool = OddTool(hangs=broken == "hanging tool") if broken.endswith("tool") else None
    researcher = a_researcher(
        model, tools={"search": tool} if tool else None, limits=limits, clock=virtual_s
    )

    async def roll_out(task: Task, attempt: int) -> Trajectory:
        if broken == "roll-out" and task is BAD:
            raise AttributeError("a bug in a workflow")
        return await run_agent(task, researcher, attempt=attempt)

    async def main() -> tuple[RunOutcome, float]:
        async with RunFolder.open(folder, config="a = 1\n", provenance={}, threads=False) as run:
            judge = BuggyJudge() if broken == "judge" else RuleJudge()
            outcome = await run_tasks(
                TASKS, run=run, roll_out=roll_out, judge=judge, concurrency=8, clock=virtual_s
            )
        return outcome, virtual_s()

    return run_virtually(main, max_s=10**6)


@pytest.mark.pitfall("P71")
@pytest.mark.parametrize("broken", ["roll-out", "model", "tool", "judge"])
def test_a_bug_in_one_of_64_leaves_63_results_and_one_typed_failure(
    tmp_path: Path, broken: str
) -> None:
    outcome, _ = run_all(tmp_path / "run", broken=broken)
    assert (outcome.done, outcome.rejected, outcome.unfinished) == (63, 1, 0)
    with RunFolder.read(tmp_path / "run") as view:
        (reject,) = view.rejects()
        assert (reject.task_id, reject.reason) == (BAD.id, "bug")
        assert reject.detail.startswith("AttributeError: ")
        assert len(list(view.episodes())) == 63


@pytest.mark.pitfall("P72")
def test_a_tool_that_hangs_ends_with_the_deadline_of_its_episode(tmp_path: Path) -> None:
    limits = Limits(deadline_s=300, call_deadline_s=10**4)
    outcome, took_s = run_all(tmp_path / "run", broken="hanging tool", limits=limits)
    assert outcome.done == 64
    assert took_s == 300.0
    with RunFolder.read(tmp_path / "run") as view:
        found = {episode.task.id: episode for episode in view.episodes()}
    assert found[BAD.id].trajectory.stop is StopReason.DEADLINE
    assert found[BAD.id].trajectory.stop.is_anomalous, "training masks it"
    others = {one.trajectory.stop for key, one in found.items() if key != BAD.id}
    assert others == {StopReason.ANSWER}


@pytest.mark.pitfall("P72")
def test_without_one_the_deadline_of_the_call_ends_it(tmp_path: Path) -> None:
    outcome, took_s = run_all(tmp_path / "run", broken="hanging tool")
    assert outcome.done == 64
    assert took_s == 120.0
