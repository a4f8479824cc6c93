"""What asynchronous rollout gains over rolling out in step, with the same waits in one run.

Real: agent loop, profile, rollout, judge by rules. Simulated: how long the model and the tools
take. The asynchronous run is measured by the wall clock; the three baselines, and the same
schedule once more, run on a virtual clock, for one episode after the other would take two hours.
The ratios depend on the baseline entirely: all three are printed, and on what the waits are.
"""

import asyncio
import gc
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from pydantic import BaseModel, JsonValue

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.core.content import Conversation, ToolCall, ToolSpec, untrusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, Profile, Sampling, Tool, ToolContext
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.train.rl.rollout import RolloutSettings, Work, open_rollout
from vision_deepresearch.train.rl.slots import Slots, SlotSettings

TODAY = "2026-01-01"
_GROUP = 8
_MIN_TURNS, _MAX_TURNS = 2, 50
_MAX_CALLS = 4
_MAX_CALL_S = 30.0
_ANSWER = "1887"
_RESULT = "The workshop on the harbour square was founded in 1887 by two brothers. " * 4
_Lock = AbstractAsyncContextManager[object | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One size of the benchmark."""

    episodes: int
    slots: int
    scale: float
    """Simulated seconds times this are waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything in one episode takes, in simulated seconds."""

    generation_s: tuple[float, ...]
    """Per turn; the reply with the answer comes behind them and takes no time."""
    calls_s: tuple[tuple[float, ...], ...]
    """Per turn, its calls."""

    @classmethod
    def drawn(cls, seed: str) -> "Plan":
        """Turns lognormal(2.2, .6) cut to 2..50, generation U(.5, 1.5), 1-4 calls of lognormal(.4, .8)."""
        rng = random.Random(seed)
        turns = round(min(_MAX_TURNS, max(_MIN_TURNS, rng.lognormvariate(2.2, 0.6))))
        return cls(
            generation_s=tuple(rng.uniform(0.5, 1.5) for _ in range(turns)),
            calls_s=tuple(
                tuple(
                    min(_MAX_CALL_S, rng.lognormvariate(0.4, 0.8))
                    for _ in range(rng.randint(1, _MAX_CALLS))
                )
                for _ in range(turns)
            ),
        )

    @property
    def critical_s(self) -> float:
        """The shortest an episode can take: generation and the slowest call of each turn."""
        return sum(self.generation_s) + sum(max(calls) for calls in self.calls_s)

    @property
    def serial_s(self) -> float:
        """With one call after the other."""
        return sum(self.generation_s) + sum(sum(calls) for calls in self.calls_s)


class _Step:
    """A barrier that all episodes of a wave pass together, turn by turn."""

    def __init__(self, num: int) -> None:
        self._num = num
        self._waiting = 0
        self._next = asyncio.Event()

    async def arrive(self) -> None:
        """Wait for the slowest."""
        self._waiting += 1
        event = self._next
        self._open_if_all_are_there()
        await event.wait()

    def leave(self) -> None:
        """An episode has ended: nobody waits for it any more."""
        self._num -= 1
        self._open_if_all_are_there()

    def _open_if_all_are_there(self) -> None:
        if self._waiting >= self._num:
            self._waiting = 0
            self._next.set()
            self._next = asyncio.Event()


class _Model:
    """Searches in every turn of the plan, then answers."""

    name = "simulated"

    def __init__(
        self, profile: Profile, *, plans: "Plans", scale: float, step: _Step | None = None
    ) -> None:
        self._profile = profile
        self._plans = plans
        self._scale = scale
        self._step = step

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - the seam's signature
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the seam's signature
        sampling: Sampling,  # noqa: ARG002 - the seam's signature
        context: CallContext,
    ) -> Completion:
        """The next turn, after its time."""
        plan = self._plans.of(context)
        if context.turn >= len(plan.generation_s):
            return self._profile.write(thought="The page names the year.", answer=_ANSWER)
        if self._step is not None:
            await self._step.arrive()
        await asyncio.sleep(plan.generation_s[context.turn] * self._scale)
        calls = [
            ToolCall(id="", name="search", arguments={"query": [f"founder {context.turn} {n}"]})
            for n in range(len(plan.calls_s[context.turn]))
        ]
        return self._profile.write(thought="The founder is still unknown.", calls=calls)


class _Arguments(BaseModel):
    query: list[str]


class _Search:
    """A search that takes its time; `lock` lets one call of the whole process run at a time."""

    spec = ToolSpec.of("search", description="Full-text search.", arguments=_Arguments)

    def __init__(self, *, plans: "Plans", scale: float, lock: _Lock | None = None) -> None:
        self._plans = plans
        self._scale = scale
        self._lock: _Lock = nullcontext() if lock is None else lock

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:  # noqa: ARG002 - seam
        """One result after its time."""
        plan = self._plans.of(context.call)
        async with self._lock:
            await asyncio.sleep(plan.calls_s[context.call.turn][context.call.index] * self._scale)
        return Observation(parts=(untrusted(_RESULT),))


@dataclass(slots=True)
class Plans:
    """The plans of all episodes, by task and attempt."""

    tasks: list[Task]
    by_key: dict[tuple[str, int], Plan] = field(default_factory=dict)

    @classmethod
    def drawn(cls, *, episodes: int, seed: int) -> "Plans":
        """Groups of eight siblings."""
        tasks = [_task(n) for n in range(episodes // _GROUP)]
        keys = [(task.id, attempt) for task in tasks for attempt in range(_GROUP)]
        return cls(
            tasks=tasks,
            by_key={key: Plan.drawn(f"rollout/{seed}/{n}") for n, key in enumerate(keys)},
        )

    def of(self, context: CallContext) -> Plan:
        """The plan of the calling episode."""
        return self.by_key[context.task_id, context.attempt]

    def bound_s(self, slots: int) -> float:
        """No schedule is faster: the longest episode, and the work of all over the slots."""
        critical = [plan.critical_s for plan in self.by_key.values()]
        return max(*critical, sum(critical) / slots)


async def bench_rollout(*, quick: bool = False, seed: int = 0) -> dict[str, JsonValue]:
    """Measure 1,024 episodes in 256 slots at a tenth of their time, and two small sizes.

    Args:
        quick: 256 episodes in 64 slots, at a twentieth.
        seed: of the waits.

    Returns:
        The object of `vdr bench`. `ideal_fraction`: the bound of any schedule over the wall clock;
        `virtual_fraction`: the same schedule on the virtual clock over the wall clock, so what is
        missing to 1 is our own overhead; `peak_mb`: growth of the resident memory
        by the large size.
    """
    scale = 0.05 if quick else 0.1
    main = (
        Case(episodes=256, slots=64, scale=scale)
        if quick
        else Case(episodes=1024, slots=256, scale=scale)
    )
    small = [Case(episodes=64, slots=64, scale=scale), Case(episodes=64, slots=16, scale=scale)]
    result = await _measured(main, seed=seed)
    rows: list[JsonValue] = []
    for case in small:
        one = await _measured(case, seed=seed)
        rows.append({"episodes": case.episodes, "slots": case.slots, **one.figures, **one.ratios})
    return {
        "name": "rollout",
        "settings": {
            "episodes": main.episodes,
            "slots": main.slots,
            "group": _GROUP,
            "scale": scale,
            "turns": "lognormal(2.2, .6) in 2..50",
            "generation_s": "U(.5, 1.5)",
            "calls": "1-4 per turn, lognormal(.4, .8) s up to 30",
            "engine": "unsaturated",
        },
        "figures": {**result.figures, "peak_mb": round(result.grown_mb, 1), "smaller": rows},
        "baseline": result.baseline,
        "ratios": result.ratios,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    figures: dict[str, JsonValue]
    baseline: dict[str, JsonValue]
    ratios: dict[str, JsonValue]
    grown_mb: float
    """Growth of the largest resident memory of the process: 0 after a larger case."""


async def _measured(case: Case, *, seed: int) -> _Result:
    """The asynchronous run by the wall clock; everything else in virtual time."""
    plans = Plans.drawn(episodes=case.episodes, seed=seed)
    gc.collect()
    before_mb = _peak_rss_mb()
    started = time.monotonic()
    num_answers = await _asynchronous(plans, case=case, scale=case.scale, clock=time.monotonic)
    took_s = time.monotonic() - started
    wall_s = took_s / case.scale
    grown_mb = _peak_rss_mb() - before_mb
    assert num_answers == case.episodes, "every simulated episode ends in an answer"
    virtual = await asyncio.to_thread(virtual_schedules, plans, case)
    baseline: dict[str, JsonValue] = {
        f"{name}_s": round(seconds, 1) for name, seconds in virtual.items()
    }
    return _Result(
        figures={
            "episodes_per_s": round(case.episodes / took_s, 3),
            "ideal_fraction": round(plans.bound_s(case.slots) / wall_s, 4),
            "virtual_fraction": round(virtual["asynchronous"] / wall_s, 4),
            "simulated_s": round(wall_s, 1),
        },
        baseline=baseline,
        ratios={
            name: round(seconds / wall_s, 2)
            for name, seconds in virtual.items()
            if name != "asynchronous"
        },
        grown_mb=grown_mb,
    )


async def _asynchronous(
    plans: Plans, *, case: Case, scale: float, clock: Callable[[], float]
) -> int:
    """The rollout of the training loop; its groups are taken and forgotten. Returns the answers."""
    slots = Slots(_UNSATURATED, clock=clock)
    tools = slots.tools({"search": _Search(plans=plans, scale=scale)})
    researcher = _researcher(plans, scale=scale, clock=clock, tools=tools)

    async def roll_out(work: Work) -> Trajectory:
        return await run_agent(work.task, researcher, attempt=work.attempt, ends_in_outage=True)

    settings = RolloutSettings(group_size=_GROUP, episodes_in_flight=case.slots, episode_s=_LONG_S)
    num_answers = 0
    async with open_rollout(
        roll_out=roll_out,
        judge=slots.judge(RuleJudge()),
        seed=0,
        max_groups=len(plans.tasks),
        settings=settings,
        clock=clock,
    ) as rollout:
        for task in plans.tasks:
            await rollout.submit(task)
        for _ in plans.tasks:
            group = await rollout.next_group()
            num_answers += sum(
                one.episode is not None and one.episode.reward == 1.0 for one in group.members
            )
    return num_answers


_LONG_S = 1e6
_UNSATURATED = SlotSettings(search=4096, judge=4096)
"""The recipe has neither engine nor tools at their limits."""


def virtual_schedules(plans: Plans, case: Case) -> dict[str, float]:
    """Simulated seconds of each schedule."""

    async def timed(main: Callable[[], Awaitable[object]]) -> float:
        await main()
        return virtual_s()

    async def asynchronous() -> None:
        await _asynchronous(plans, case=case, scale=1.0, clock=virtual_s)

    schedules: dict[str, Callable[[], Awaitable[object]]] = {
        "asynchronous": asynchronous,
        "one_at_a_time": lambda: _in_waves(plans, size=1, is_serial=True),
        "lock_step": lambda: _in_waves(plans, size=case.slots, is_serial=False),
        "lock_step_serial_tools": lambda: _in_waves(plans, size=case.slots, is_serial=True),
    }
    return {
        name: run_virtually(lambda schedule=schedule: timed(schedule))
        for name, schedule in schedules.items()
    }


async def _in_waves(plans: Plans, *, size: int, is_serial: bool) -> None:
    """Waves of `size` episodes that take every turn together; a wave waits for its longest."""
    keys = list(plans.by_key)
    tasks = {task.id: task for task in plans.tasks}
    lock = asyncio.Lock() if is_serial else None
    for start in range(0, len(keys), size):
        wave = keys[start : start + size]
        step = _Step(len(wave))
        researcher = _researcher(
            plans,
            scale=1.0,
            clock=virtual_s,
            step=step,
            tools={"search": _Search(plans=plans, scale=1.0, lock=lock)},
        )
        async with asyncio.TaskGroup() as group:
            for task_id, attempt in wave:
                group.create_task(_in_step(tasks[task_id], researcher, attempt=attempt, step=step))


async def _in_step(task: Task, researcher: Researcher, *, attempt: int, step: _Step) -> None:
    trajectory = await run_agent(task, researcher, attempt=attempt)
    assert trajectory.stop is StopReason.ANSWER, "every simulated episode ends in an answer"
    step.leave()


def _researcher(
    plans: Plans,
    *,
    scale: float,
    clock: Callable[[], float],
    tools: Mapping[str, Tool],
    step: _Step | None = None,
) -> Researcher:
    profile = VdrProfile()
    return Researcher(
        model=_Model(profile, plans=plans, scale=scale, step=step),
        profile=profile,
        tools=tools,
        mode=mode_named("ts"),
        today=TODAY,
        media=MemoryMediaStore(),
        limits=Limits(max_turns=_MAX_TURNS + 1, call_deadline_s=_LONG_S),
        clock=clock,
        finds_support=False,
    )


def _task(n: int) -> Task:
    question = "When was the workshop founded?"
    gold = Gold(answers=(_ANSWER,), type=AnswerType.NUMBER)
    ref = f"bench/rollout/{n}"
    return Task(
        id=fingerprint(ref=ref, question=question, images=(), gold=gold),
        ref=ref,
        kind="fuzzy",
        question=question,
        gold=gold,
    )


def _peak_rss_mb() -> float:
    """The most memory this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
