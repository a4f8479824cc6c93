"""What tests of the rollout share: a scripted model whose replies tell its seed, on a virtual clock."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel

from tests.builders import a_task
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.calls.faults.clock import virtual_s
from vision_deepresearch.core.content import Conversation, ToolCall, ToolSpec, untrusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, Sampling, Tool, ToolContext
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.train.rl.rollout import RollOut, Work

PROFILE = VdrProfile()


def tasks(num: int) -> list[Task]:
    return [a_task(ref=f"rl/{n}") for n in range(num)]


class SeededModel:
    """Searches a number of turns drawn from its seed, each as long as drawn, then answers.

    Half of the seeds answer right. Whatever it says depends on (seed, turn) alone.
    """

    name = "seeded"

    def __init__(self) -> None:
        self.request_ids: dict[tuple[str, int], set[str]] = {}

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del conversation, tools
        key = (context.task_id, context.attempt)
        self.request_ids.setdefault(key, set()).add(context.trajectory_id)
        rng = random.Random(f"{sampling.seed}/{context.turn}")
        await asyncio.sleep(rng.uniform(0.5, 1.5))
        if context.turn >= random.Random(f"turns {sampling.seed}").randint(1, 6):
            return PROFILE.write(thought="Known.", answer=rng.choice(["Ostrel", "Veyra"]))
        query = f"{rng.random():.6f}"
        call = ToolCall(id="", name="search", arguments={"query": [query]})
        return PROFILE.write(thought=f"Look for {query}.", calls=[call])


class _Arguments(BaseModel):
    query: list[str]


class SlowSearch:
    """Takes the seconds that `seconds` says for a call."""

    spec = ToolSpec.of("search", description="Search.", arguments=_Arguments)

    def __init__(self, seconds: Callable[[CallContext], float] = lambda _: 1.0) -> None:
        self._seconds = seconds
        self.num_cancelled = 0
        self.num_running = 0
        self.max_running = 0

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        self.num_running += 1
        self.max_running = max(self.max_running, self.num_running)
        try:
            await asyncio.sleep(self._seconds(context.call))
        except asyncio.CancelledError:
            self.num_cancelled += 1
            raise
        finally:
            self.num_running -= 1
        return Observation(parts=(untrusted(f"found {call.arguments['query']}"),))


def a_researcher(*, tool: Tool | None = None, limits: Limits | None = None) -> Researcher:
    return Researcher(
        model=SeededModel(),
        profile=PROFILE,
        tools={"search": tool or SlowSearch()},
        mode=mode_named("ts"),
        today="2026-01-01",
        media=MemoryMediaStore(),
        limits=limits or Limits(),
        clock=virtual_s,
        finds_support=False,
    )


def rolling(researcher: Researcher) -> RollOut:
    """The agent loop with the seed of the work."""

    async def roll_out(work: Work) -> Trajectory:
        sampling = researcher.sampling.model_copy(update={"seed": work.seed})
        return await run_agent(
            work.task,
            replace(researcher, sampling=sampling),
            attempt=work.attempt,
            ends_in_outage=True,
        )

    return roll_out
