"""A world server under more requests than it can answer: what it still answers, and whether rightly.

Clients keep a number of requests in flight (a fifth of them pictures) and ask again at once, also
when they were refused. Every answer with status 200 is compared, byte by byte, with the answer to
the same request before the load. The server keeps no answers here, so each is worked for; equal
requests in flight may share one. Server, workers and clients share the machine's cores.
"""

import asyncio
import base64
import hashlib
import json
import multiprocessing
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue
from typing_extensions import override

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.wiring.worlds import world_folder
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.server.run import serve_world
from vision_deepresearch.worlds.server.settings import Settings

DEFAULT_WORLD = "generated:small"
_PICTURE_SHARE = 0.2
_START_S = 300.0
_CROPS_PER_SCENE = 4
_OPENING = {"text": "/search", "picture": "/lens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    seconds: float
    clients: int
    texts: int
    pictures: int


_FULL = _Size(seconds=60.0, clients=2000, texts=3000, pictures=300)
_QUICK = _Size(seconds=8.0, clients=400, texts=400, pictures=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A request ready to be sent."""

    kind: str
    """text or picture."""
    wire: bytes


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What came back."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    waits_s: dict[str, list[float]] = field(
        default_factory=lambda: {kind: list[float]() for kind in _OPENING}
    )
    """Of answers with status 200."""
    wrong: int = 0
    without_retry_after: int = 0
    broken: int = 0


async def bench_serve(
    *,
    world: str | None = None,
    quick: bool = False,
    seconds: float | None = None,
    keep_answers: bool = False,
    seed: int = 0,
) -> dict[str, JsonValue]:
    """Load a server of a generated world.

    Args:
        world: name or folder of a generated world.
        quick: 400 clients for 8 s instead of 2,000 for 60 s.
        seconds: how long, where not so.
        keep_answers: let the server keep answers as it does by default.
        seed: of the requests.
    """
    size = _QUICK if quick else _FULL
    size = replace(size, seconds=seconds or size.seconds)
    folder = world_folder(world or DEFAULT_WORLD)
    opened = GeneratedWorld.open(folder)
    rng = random.Random(seed)
    queries = _queries(opened, size.texts, rng=rng)
    pictures = _pictures(opened, size.pictures, rng=rng)
    baseline = await _direct(opened, queries[:200], pictures[:40])
    usual = Settings()
    workers = len(os.sched_getaffinity(0))
    settings = Settings(workers=workers, cache_bytes=usual.cache_bytes if keep_answers else 1)
    with _server(folder, settings) as (url, process_id):
        host = urlsplit(url).netloc
        questions = [_text_question(host, query) for query in queries]
        questions += [_picture_question(host, picture) for picture in pictures]
        expected = await _ask_each(host, questions)
        before = _gauges(url)
        tally, wall_s = await _load(host, questions, expected=expected, size=size, rng=rng)
        after = _gauges(url)
        peak_mb = _peak_mb(process_id)
        step = max(1, len(questions) // 100)
        again = await _ask_each(host, questions[::step])
    figures = _figures(tally, wall_s=wall_s)
    for lane, kind in (("words", "text"), ("looks", "picture")):
        name = f'vdr_jobs_done_total{{lane="{lane}"}}'
        figures[f"{kind}_worked_per_s"] = round((after[name] - before[name]) / wall_s, 1)
    figures |= {
        "peak_mb": round(peak_mb, 1),
        "peak_growth_mb": round(
            (after["vdr_peak_memory_bytes"] - before["vdr_peak_memory_bytes"]) / 1e6, 1
        ),
        "unequal_afterwards": sum(
            expected[place * step] != digest for place, digest in again.items()
        ),
    }
    return {
        "name": "serve",
        "settings": {
            "world": opened.manifest().name,
            "clients": size.clients,
            "seconds": size.seconds,
            "picture_share": _PICTURE_SHARE,
            "workers": workers,
            "keeps_answers": keep_answers,
            "distinct_texts": len(queries),
            "distinct_pictures": len(pictures),
            "load_average": round(os.getloadavg()[0], 2),
        },
        "figures": figures,
        "baseline": baseline,
        "ratios": {},
    }


# ------------------------------------------------------------------------------------- requests


def _queries(world: GeneratedWorld, count: int, *, rng: random.Random) -> list[str]:
    """Questions of the world's tasks, cut into pieces of a few words: all different."""
    words = sorted({word for task in world.tasks() for word in task.question.split()})
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(rng.choices(words, k=rng.randint(2, 6)))] = None
    return list(found)


def _pictures(world: GeneratedWorld, count: int, *, rng: random.Random) -> list[bytes]:
    """Crops of the scenes of the world's tasks, as the agent cuts them."""
    tasks = world.tasks()
    crops: list[bytes] = []
    while len(crops) < count:
        task = tasks[len(crops) // _CROPS_PER_SCENE % len(tasks)]
        scene = world.task_pictures(task)[0]
        left, top, side = rng.uniform(0, 0.6), rng.uniform(0, 0.6), rng.uniform(0.15, 0.35)
        crops.append(cut(scene, Box.clipped(left, top, left + side, top + side)))
    return crops


def _text_question(host: str, query: str) -> _Question:
    return _question(host, "text", {"q": query})


def _picture_question(host: str, picture: bytes) -> _Question:
    content = base64.b64encode(picture).decode()
    return _question(host, "picture", {"url": f"data:image/png;base64,{content}", "num": 10})


def _question(host: str, kind: str, body: dict[str, JsonValue]) -> _Question:
    data = json.dumps(body).encode()
    head = (
        f"POST {_OPENING[kind]} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"X-API-KEY: any\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return _Question(kind=kind, wire=head.encode() + data)


# ------------------------------------------------------------------------------------- the load


class _Client(asyncio.Protocol):
    """One connection that always has one request in flight. Knows just enough HTTP."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._transport: asyncio.WriteTransport | None = None
        self._number = 0
        self._sent_at = 0.0
        self._buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(_header(head, b"content-length") or b"0")
        if len(body) < length:
            return
        self._buffer = b""
        self._run.take(
            self._number,
            status=int(head[9:12]),
            body=body[:length],
            has_retry_after=_header(head, b"retry-after") is not None,
            wait_s=time.monotonic() - self._sent_at,
        )
        self._ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost()

    def _ask(self) -> None:
        assert self._transport is not None
        number = self._run.next_number()
        if number is None:
            self._transport.close()
            return
        self._number, self._sent_at = number, time.monotonic()
        self._transport.write(self._run.questions[number].wire)


class _Run:
    """What all clients of a load share."""

    def __init__(
        self, questions: Sequence[_Question], *, numbers: Iterator[int], num_clients: int
    ) -> None:
        self.questions = questions
        self.bodies: dict[int, bytes] = {}
        self.expected: dict[int, bytes] | None = None
        self.tally = _Tally()
        self.done = asyncio.Event()
        self._numbers = numbers
        self._open = num_clients

    def next_number(self) -> int | None:
        return next(self._numbers, None)

    def take(
        self, number: int, *, status: int, body: bytes, has_retry_after: bool, wait_s: float
    ) -> None:
        kind = self.questions[number].kind
        self.tally.answers[kind, status] += 1
        if status == 200:
            self.tally.waits_s[kind].append(wait_s)
            digest = hashlib.sha256(body).digest()
            if self.expected is None:
                self.bodies[number] = digest
            elif self.expected[number] != digest:
                self.tally.wrong += 1
        elif not has_retry_after:
            self.tally.without_retry_after += 1

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.done.set()


async def _ask_each(host: str, questions: Sequence[_Question]) -> dict[int, bytes]:
    """Every request once, two at a time: the unloaded answers by position, hashed."""
    run = _Run(questions, numbers=iter(range(len(questions))), num_clients=2)
    await _connect(host, run, num_clients=2)
    await run.done.wait()
    if len(run.bodies) != len(questions):
        msg = f"an unloaded server answered {len(run.bodies)} of {len(questions)} requests"
        raise RuntimeError(msg)
    return run.bodies


async def _load(
    host: str,
    questions: Sequence[_Question],
    *,
    expected: dict[int, bytes],
    size: _Size,
    rng: random.Random,
) -> tuple[_Tally, float]:
    stop = time.monotonic() + size.seconds
    texts = [number for number, question in enumerate(questions) if question.kind == "text"]
    pictures = [number for number, question in enumerate(questions) if question.kind == "picture"]

    def numbers() -> Iterator[int]:
        while time.monotonic() < stop:
            yield rng.choice(pictures if rng.random() < _PICTURE_SHARE else texts)

    run = _Run(questions, numbers=numbers(), num_clients=size.clients)
    run.expected = expected
    began = time.monotonic()
    await _connect(host, run, num_clients=size.clients)
    try:
        async with asyncio.timeout(size.seconds + 45):
            await run.done.wait()
    except TimeoutError:
        run.tally.broken += 1
    return run.tally, max(time.monotonic() - began, size.seconds)


async def _connect(host: str, run: _Run, *, num_clients: int) -> None:
    name, _, port = host.rpartition(":")
    loop = asyncio.get_running_loop()
    for _ in range(num_clients):
        await loop.create_connection(lambda: _Client(run), name, int(port))


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


# -------------------------------------------------------------------------------------- figures


def _figures(tally: _Tally, *, wall_s: float) -> dict[str, JsonValue]:
    figures: dict[str, JsonValue] = {"wall_s": round(wall_s, 1)}
    for kind, waits_s in tally.waits_s.items():
        ordered = sorted(waits_s)
        figures[f"{kind}_per_s"] = round(len(ordered) / wall_s, 1)
        for name, part in (("p50", 0.5), ("p95", 0.95)):
            place = min(int(len(ordered) * part), len(ordered) - 1)
            figures[f"{kind}_{name}_s"] = round(ordered[place], 3) if ordered else None
    by_status: Counter[str] = Counter()
    for (_, status), number in tally.answers.items():
        by_status[str(status)] += number
    figures["by_status"] = dict(sorted(by_status.items()))
    figures["unequal"] = tally.wrong
    figures["refused_without_retry_after"] = tally.without_retry_after
    figures["clients_without_end"] = tally.broken
    return figures


async def _direct(
    world: GeneratedWorld, queries: Sequence[str], pictures: Sequence[bytes]
) -> dict[str, JsonValue]:
    """The same work in this process, one after the other, without any server."""
    media = MemoryMediaStore()
    began = time.perf_counter()
    for query in queries:
        await world.search_text(query, limit=10)
    text_s = time.perf_counter() - began
    began = time.perf_counter()
    for picture in pictures:
        await world.search_image(media.picture(media.put(picture)), limit=10)
    picture_s = time.perf_counter() - began
    return {
        "direct_text_per_s": round(len(queries) / text_s, 1),
        "direct_picture_per_s": round(len(pictures) / picture_s, 1),
    }


def _gauges(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as response:  # noqa: S310 - our own
        lines = response.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def _peak_mb(process_id: int) -> float:
    """Peak memory of the server and its workers together, where /proc tells it."""
    children = [
        int(child)
        for listing in Path(f"/proc/{process_id}/task").glob("*/children")
        for child in listing.read_text().split()
    ]
    total = 0.0
    for one in (process_id, *children):
        status = Path(f"/proc/{one}/status")
        if status.is_file():
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += float(line.split()[1]) / 1000
    return total


# --------------------------------------------------------------------------------------- server


@contextmanager
def _server(folder: Path, settings: Settings) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its address and id."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_serve, args=(folder, settings, theirs))
    process.start()
    try:
        theirs.close()
        if not ours.poll(_START_S):
            msg = f"the server did not start within {_START_S:g} s"
            raise RuntimeError(msg)
        yield ours.recv_bytes().decode(), process.pid or 0
    finally:
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGINT)
        process.join(10)
        if process.is_alive():
            process.kill()


def _serve(folder: Path, settings: Settings, connection: Connection) -> None:
    with asyncio.Runner() as runner:
        runner.run(
            serve_world(
                partial(GeneratedWorld.open, folder),
                host="127.0.0.1",
                port=0,
                settings=settings,
                announce=lambda url, _: connection.send_bytes(url.encode()),
            )
        )
