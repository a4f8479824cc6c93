"""The tape under a crowd: what is paid for, what siblings share, how fast a recording is replayed.

Callers ask the live engines, through the wire, for what many others ask too (Pareto keys). The
provider on loopback says how often it was asked. The baseline is the same calls without a tape,
between the rounds of replay in the same process; both are timed by the processor of the asking
thread, so that neither the provider's threads nor other programs count.
"""

import asyncio
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.bench.tape_upstream import Upstream
from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Message,
    Picture,
    Role,
    ToolSpec,
    untrusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Completion, Sampling, World
from vision_deepresearch.core.trajectory import FREE
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.wiring.live import open_live
from vision_deepresearch.worlds.live.settings import LiveSettings
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

_ENGINES = "live:serper+google_vision+jina"
_ALPHA = 0.6
"""Of the Pareto distribution of keys: the most wanted is asked by a third of the callers' calls."""
_LATENCY_S = 0.005
_KEYS = 50_000
"""At most so many different questions."""
_LIMIT = 10
_PICTURE_BYTES = 4_000
_SIBLINGS = 8
_TURNS = 5
_MESSAGE_CHARS = 2_000
_REPLY_CHARS = 1_000

Do = Callable[[int], Awaitable[object]]
"""One call, by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    callers: int
    calls: int
    """Of each caller, one after another."""
    groups: int
    """Of siblings."""
    rounds: int
    baseline_calls: int


async def bench_tape(*, quick: bool = False, callers: int | None = None) -> dict[str, JsonValue]:
    """Measure the tape.

    Args:
        quick: fewer rounds and fewer calls of each caller.
        callers: concurrent ones, if another number is wanted.

    Returns:
        The object of `vdr bench tape --json`: rates in calls per second of one processor.
    """
    size = (
        _Size(callers=callers or 2_000, calls=3, groups=20, rounds=3, baseline_calls=80)
        if quick
        else _Size(callers=callers or 2_000, calls=10, groups=100, rounds=5, baseline_calls=600)
    )
    rng = random.Random(0)
    asked = [
        [min(int(rng.paretovariate(_ALPHA)), _KEYS) for _ in range(size.calls)]
        for _ in range(size.callers)
    ]
    with tempfile.TemporaryDirectory() as folder, Upstream(latency_s=_LATENCY_S) as upstream:
        live = open_live(_ENGINES, _settings(upstream.url), seed=0, needs_keys=False)
        try:
            return await _measured(live, upstream, asked, size=size, path=Path(folder) / "tape.db")
        finally:
            await live.aclose()


def _settings(url: str) -> LiveSettings:
    return LiveSettings(
        upload_pictures=True,
        base_urls={"serper": url, "google_vision": url, "jina": f"{url}/r"},
        check_reader_urls=False,
        concurrency=32,
        call_s=600.0,  # two thousand callers wait for 32 places
    )


async def _measured(
    live: World, upstream: Upstream, asked: Sequence[Sequence[int]], *, size: _Size, path: Path
) -> dict[str, JsonValue]:
    groups = [_Sibling(number) for number in range(size.groups * _SIBLINGS)]
    async with Tape.open(path) as tape:
        began = time.perf_counter()
        await _crowd(asked, _world_call(TapedWorld(live, tape)))
        storm_s = time.perf_counter() - began
        joins = tape.stats.joins
        requests = upstream.asked.copy()
        model = _NumberedModel()
        first = await _siblings(groups, TapedModel(model, tape))
    replay: dict[str, list[float]] = {}
    plain: list[float] = []
    bare = [keys[0] for keys in asked][: size.baseline_calls]
    async with Tape.open(path, mode=TapeMode.REPLAY_STRICT) as tape:
        taped = _world_call(TapedWorld(live, tape))
        await _crowd(asked[:100], taped)
        for _ in range(size.rounds):
            took_s = await _cpu_s(lambda: _crowd(asked, taped))
            again_s = await _cpu_s(lambda: _siblings(groups, TapedModel(model, tape)))
            num_world, num_model = sum(map(len, asked)), len(first)
            replay.setdefault("world", []).append(num_world / took_s)
            replay.setdefault("model", []).append(num_model / again_s)
            replay.setdefault("all", []).append((num_world + num_model) / (took_s + again_s))
            bare_s = await _cpu_s(lambda: _crowd([[key] for key in bare], _world_call(live)))
            plain.append(len(bare) / bare_s)
        again = await _siblings(groups, TapedModel(model, tape))
    rates = {name: round(statistics.median(found)) for name, found in replay.items()}
    no_tape = statistics.median(plain)
    num_calls = sum(map(len, asked))
    return {
        "name": "tape",
        "settings": {
            "callers": size.callers,
            "calls": num_calls,
            "siblings": _SIBLINGS,
            "rounds": size.rounds,
            "latency_ms": 1e3 * _LATENCY_S,
            "pareto": _ALPHA,
        },
        "figures": {
            "replay_per_s": rates["all"],
            "replay_world_per_s": rates["world"],
            "replay_model_per_s": rates["model"],
            "unique_keys": len({key for keys in asked for key in keys}),
            "upstream_calls": requests.total(),
            "asked_twice": sum(count - 1 for count in requests.values()),
            "joins": joins,
            "samples": len(first),
            "distinct_samples": len(set(first)),
            "samples_replayed_equal": sum(map(str.__eq__, first, again)),
            "storm_s": round(storm_s, 2),
        },
        "baseline": {"calls_per_s": round(no_tape), "upstream_calls": num_calls},
        "ratios": {
            "no_tape": round(rates["world"] / no_tape, 1),
            "no_tape_paid": round(num_calls / requests.total(), 1),
        },
    }


async def _crowd(asked: Iterable[Sequence[int]], call: Do) -> None:
    """All callers at once, each with its calls one after another."""

    async def caller(keys: Sequence[int]) -> None:
        for key in keys:
            await call(key)

    async with asyncio.TaskGroup() as group:
        for keys in asked:
            group.create_task(caller(keys))


def _world_call(world: World) -> Do:
    """A question of some kind by its number: half words, then pages, then pictures."""

    async def call(key: int) -> object:
        match key % 10:
            case 0 | 1 | 2 | 3 | 4:
                return await world.search_text(f"workshop number {key}", limit=_LIMIT)
            case 5 | 6 | 7:
                return await world.read(f"https://pages.example/read/{key}")
            case _:
                return await world.search_image(_picture(key), limit=_LIMIT)

    return call


def _picture(key: int) -> Picture:
    digest = hashlib.sha256(str(key).encode()).hexdigest()
    ref = ImageRef(sha256=digest, width=64, height=64, media_type="image/png")
    return Picture(ref=ref, load=lambda: random.Random(key).randbytes(_PICTURE_BYTES))


async def _cpu_s(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of the processor that this thread took."""
    began = time.thread_time()
    await work()
    return time.thread_time() - began


# ------------------------------------------------------------------------------- sampled calls


class _Sibling:
    """One of eight that research the same task: the same words, messages of its own."""

    def __init__(self, number: int) -> None:
        task, self.attempt = divmod(number, _SIBLINGS)
        self.task_id = f"task-{task}"
        self.said = [
            Message(
                role=Role.USER, parts=(untrusted(f"{task} {turn} ".ljust(_MESSAGE_CHARS, "x")),)
            )
            for turn in range(_TURNS)
        ]


class _NumberedModel:
    """Says another number at every call: two equal replies are one shared sample."""

    name = "numbered"

    def __init__(self) -> None:
        self._calls = 0

    async def complete(
        self,
        conversation: Conversation,  # noqa: ARG002 - the seam's signature
        *,
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the seam's signature
        sampling: Sampling,  # noqa: ARG002 - the seam's signature
        context: CallContext,  # noqa: ARG002 - the seam's signature
    ) -> Completion:
        self._calls += 1
        number = self._calls
        await asyncio.sleep(0)
        return Completion(text=f"{number} ".ljust(_REPLY_CHARS, "y"), usage=FREE, model=self.name)


async def _siblings(groups: Sequence[_Sibling], model: TapedModel) -> list[str]:
    """All turns of all siblings, all siblings at once; their replies in order."""

    async def one(sibling: _Sibling) -> list[str]:
        said = []
        for turn in range(_TURNS):
            context = CallContext(
                task_id=sibling.task_id, trajectory_id="bench", attempt=sibling.attempt, turn=turn
            )
            completion = await model.complete(
                sibling.said[: turn + 1], tools=(), sampling=Sampling(), context=context
            )
            said.append(completion.text)
        return said

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(sibling)) for sibling in groups]
    return [text for task in tasks for text in task.result()]
