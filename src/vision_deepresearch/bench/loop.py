"""What the agent loop itself costs: host CPU per turn and memory per concurrent episode.

Model and tool answer at once, so nothing but our own work is measured: counting, parsing,
executing, rendering, neutralising, building records. Time and memory are measured in two passes,
because tracing memory slows the loop down.
"""

import asyncio
import gc
import statistics
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import Researcher, run
from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Picture,
    ToolCall,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import Completion, Profile, Sampling, ToolContext
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.models.profiles.vdr import VdrProfile

TODAY = "2026-01-01"
_HITS = 5
_SNIPPET = (
    "The workshop on the harbour square was founded in 1887 by two brothers from the north; "
    "their lamps were sold in three countries until the fire of 1931. "
)


class _Arguments(BaseModel):
    query: list[str]


class _InstantSearch:
    """A search that gives five hits of about 1,500 characters at once.

    Args:
        shared: make the result of a turn once for all episodes, so that making it costs no time;
            otherwise each call has its own, so that keeping it costs memory as in real work.
    """

    spec = ToolSpec.of("search", description="Full-text search.", arguments=_Arguments)

    def __init__(self, *, shared: bool) -> None:
        self._made: dict[int, Observation] | None = {} if shared else None

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """The hits of this turn."""
        turn = context.call.turn
        query = str(call.arguments.get("query"))
        if self._made is None:
            return _hits(f"{context.call.task_id[:6]}-{turn}", query=query)
        if turn not in self._made:
            self._made[turn] = _hits(f"shared-{turn}", query=query)
        return self._made[turn]


def _hits(place: str, *, query: str) -> Observation:
    hits = tuple(
        Evidence(
            kind=EvidenceKind.TEXT_HIT,
            url=f"https://pages.example/{place}/{rank}",
            title=f"Page {rank} of {place}",
            snippet=f"{_SNIPPET}{_SNIPPET}({place}, {rank})",
            rank=rank,
            query=query,
        )
        for rank in range(_HITS)
    )
    texts = [f"{hit.rank}. [{hit.title}]({hit.url})\n{hit.snippet}\n\n" for hit in hits]
    parts = (trusted(f"{len(hits)} hits\n\n"), *map(untrusted, texts))
    return Observation(parts=parts, evidence=hits)


class _InstantModel:
    """Searches in every turn but the last and then answers; no state, any number of episodes."""

    name = "instant"

    def __init__(self, profile: Profile, *, turns: int) -> None:
        self._profile = profile
        self._turns = turns

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - the seam's signature
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the seam's signature
        sampling: Sampling,  # noqa: ARG002 - the seam's signature
        context: CallContext,
    ) -> Completion:
        # Every turn gives way, so that all episodes are under way at the same time.
        await asyncio.sleep(0)
        if context.turn >= self._turns - 1:
            return self._profile.write(thought="The page names the year.", answer="1887")
        call = ToolCall(
            id="", name="search", arguments={"query": [f"founder of the workshop {context.turn}"]}
        )
        thought = f"Step {context.turn}: the founder is still unknown; look for the workshop. " * 3
        return self._profile.write(thought=thought, calls=[call])


class _NoMedia:
    """A media store for tasks without pictures."""

    def put(self, data: bytes) -> ImageRef:
        raise KeyError(len(data))

    def load(self, ref: ImageRef) -> bytes:
        raise KeyError(ref.sha256)

    def picture(self, ref: ImageRef) -> Picture:
        raise KeyError(ref.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    episodes: int
    turns: int
    rounds: int


async def bench_loop(
    *, quick: bool = False, episodes: int | None = None, turns: int | None = None
) -> dict[str, JsonValue]:
    """Measure the loop.

    Args:
        quick: 200 episodes of 10 turns instead of 1,000 of 20.
        episodes: concurrent ones, if another number is wanted.
        turns: per episode, if another number is wanted.

    Returns:
        The object of `vdr bench`: `cpu_ms_per_turn` is process time of the median round,
        `mb_per_episode` the traced peak over all episodes at once, their trajectories kept.
    """
    normal = (
        _Size(episodes=200, turns=10, rounds=3)
        if quick
        else _Size(episodes=1000, turns=20, rounds=3)
    )
    size = _Size(
        episodes=episodes or normal.episodes, turns=turns or normal.turns, rounds=normal.rounds
    )
    timed, traced = (_researcher(size, shared=shared) for shared in (True, False))
    await _run_all(timed, tasks=_tasks(min(50, size.episodes)))
    tasks = _tasks(size.episodes)
    cpu_ms = [await _cpu_ms_per_turn(timed, tasks=tasks) for _ in range(size.rounds)]
    peak_bytes = await _peak_bytes(traced, tasks=tasks)
    return {
        "name": "loop",
        "settings": {
            "turns": size.turns,
            "rounds": size.rounds,
            "profile": timed.profile.name,
            "result_chars": _HITS * 2 * len(_SNIPPET),
        },
        "figures": {
            "cpu_ms_per_turn": round(statistics.median(cpu_ms), 4),
            "mb_per_episode": round(peak_bytes / size.episodes / 1e6, 4),
            "episodes": size.episodes,
        },
        "baseline": {},
        "ratios": {},
    }


def _researcher(size: _Size, *, shared: bool) -> Researcher:
    profile = VdrProfile()
    return Researcher(
        model=_InstantModel(profile, turns=size.turns),
        profile=profile,
        tools={"search": _InstantSearch(shared=shared)},
        mode=mode_named("ts"),
        today=TODAY,
        media=_NoMedia(),
        limits=Limits(max_turns=size.turns),
    )


def _tasks(num: int) -> list[Task]:
    question = "When was the workshop founded?"
    return [
        Task(
            id=fingerprint(ref=f"bench/{n}", question=question, images=(), gold=None),
            ref=f"bench/{n}",
            kind="ask",
            question=question,
        )
        for n in range(num)
    ]


async def _run_all(researcher: Researcher, *, tasks: Sequence[Task]) -> list[Trajectory]:
    """All episodes at the same time; every one must end in an answer."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(run(task, researcher)) for task in tasks]
    trajectories = [one.result() for one in running]
    assert all(one.stop is StopReason.ANSWER for one in trajectories), (
        "the script ends in an answer"
    )
    return trajectories


async def _cpu_ms_per_turn(researcher: Researcher, *, tasks: Sequence[Task]) -> float:
    gc.collect()
    started = time.process_time()
    trajectories = await _run_all(researcher, tasks=tasks)
    spent = time.process_time() - started
    return spent * 1000 / sum(one.num_turns for one in trajectories)


async def _peak_bytes(researcher: Researcher, *, tasks: Sequence[Task]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        trajectories = await _run_all(researcher, tasks=tasks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del trajectories
    return peak - before
