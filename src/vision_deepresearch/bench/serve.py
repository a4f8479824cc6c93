"""A world server under more requests than it can answer: what it still answers, and whether rightly.

A load runs against a fresh server; then a second fresh server, which knows nothing of the first
one's answers, is asked every question that was answered, one after the other. Each answer with
status 200 must be the same bytes. Server, workers and clients share the machine's cores.
"""

import asyncio
import base64
import contextlib
import json
import multiprocessing
import os
import random
import re
import signal
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from vision_deepresearch.bench.serve_load import KINDS, Question, Questions, Tally, ask_each, load
from vision_deepresearch.core.errors import BadImageError, ConfigError, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.crop import cut_all
from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.wiring.worlds import OpenedWorld, open_world, world_folder
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.server.run import serve_world
from vision_deepresearch.worlds.server.settings import Settings

DEFAULT_WORLD = "generated:small"
_PICTURE_SHARE = 0.2
_START_S = 300.0
_SAMPLE_S = 1.0
_OPENING = {"text": "/search", "picture": "/lens"}
_DOCS_READ = 2000
"""Pages whose words make queries."""
_MAX_SHOWN = 200
"""Pictures of an imported world that are cropped."""
_MIN_SIDE_PX = 60
"""Smaller pictures are not cropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    seconds: float
    clients: int
    texts: int
    pictures: int


_FULL = _Size(seconds=60.0, clients=2000, texts=25_000, pictures=1500)
_QUICK = _Size(seconds=8.0, clients=400, texts=5000, pictures=300)


async def bench_serve(
    *,
    world: str | None = None,
    quick: bool = False,
    seconds: float | None = None,
    clients: int | None = None,
    keep_answers: bool = False,
    seed: int = 0,
) -> dict[str, JsonValue]:
    """Load a server of a world.

    Args:
        world: name or folder of a generated or imported world.
        quick: 400 clients for 8 s instead of 2,000 for 60 s.
        seconds: how long, where not so.
        clients: how many, where not so.
        keep_answers: let the server keep answers as it does by default.
        seed: of the requests.

    Returns:
        The object of `vdr bench`. `*_per_s` are answers with status 200; `*_worked_per_s` jobs that
        workers did (fewer where equal requests shared one); `unequal` counts answers that are not
        the bytes of the unloaded one; `rss_mb` is of server and workers together, shared maps
        counted once per process; `cpu_s` what front, workers and clients spent.

    Raises:
        ConfigError: no such world, or one without pictures to search with.
    """
    size = _QUICK if quick else _FULL
    size = replace(size, seconds=seconds or size.seconds, clients=clients or size.clients)
    folder = world_folder(world or DEFAULT_WORLD)
    opened = open_world(folder)
    rng = random.Random(seed)
    queries = _queries(opened, size.texts, rng=rng)
    pictures = await _pictures(opened, queries, size.pictures, rng=rng)
    baseline = await _direct(opened.world, queries[:200], pictures[:40])
    usual = Settings()
    workers = len(os.sched_getaffinity(0))
    settings = Settings(
        workers=workers,
        cache_bytes=usual.cache_bytes if keep_answers else 1,
        public_url="http://world.example",  # answers hold addresses; the port must not differ
    )
    questions = [_text_question(query) for query in queries]
    questions += [_picture_question(picture) for picture in pictures]
    with _server(folder, settings) as (url, process_id):
        host = urlsplit(url).netloc
        order = Questions(questions, picture_share=_PICTURE_SHARE, rng=rng)
        watch = _Watch(process_id)
        before, began = _gauges(url), time.monotonic()
        watching = asyncio.create_task(watch.run())
        tally = await load(host, order, num_clients=size.clients, seconds=size.seconds)
        wall_s = max(time.monotonic() - began, size.seconds)
        load_average = os.getloadavg()[0]
        watching.cancel()
        watch.sample()
        resources = watch.figures()
        after = _gauges(url)
    with _server(folder, settings) as (url, _):
        unloaded = await ask_each(urlsplit(url).netloc, questions, sorted(tally.digests))
    figures = _figures(tally, wall_s=wall_s)
    for lane, kind in (("words", "text"), ("looks", "picture")):
        name = f'vdr_jobs_done_total{{lane="{lane}"}}'
        figures[f"{kind}_worked_per_s"] = round((after[name] - before[name]) / wall_s, 1)
    figures["unequal"] = tally.changed + sum(
        unloaded[number] != digest for number, digest in tally.digests.items()
    )
    figures |= resources
    return {
        "name": "serve",
        "settings": {
            "world": opened.world.manifest().name,
            "clients": size.clients,
            "seconds": size.seconds,
            "picture_share": _PICTURE_SHARE,
            "workers": workers,
            "keeps_answers": keep_answers,
            "distinct_texts": len(queries),
            "distinct_pictures": len(pictures),
            "load_average": round(load_average, 2),
        },
        "figures": figures,
        "baseline": baseline,
        "ratios": {},
    }


# ------------------------------------------------------------------------------------- requests


def _queries(opened: OpenedWorld, count: int, *, rng: random.Random) -> list[str]:
    """Two to six words of the world's questions, or of its pages: all different."""
    if opened.generated is not None:
        told = [task.question for task in opened.generated.tasks()]
    else:
        assert isinstance(opened.world, CorpusWorld), "there is no third kind of frozen world"
        told = [doc.text for doc in islice(opened.world.text_docs(), _DOCS_READ)]
    words = sorted({word for text in told for word in re.findall(r"[^\W_]{2,}", text)})
    if len(words) < 20:
        msg = f"a world with at least 20 words was expected, got {len(words)}: load another"
        raise ConfigError(msg)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(rng.choices(words, k=rng.randint(2, 6)))] = None
    return list(found)


async def _pictures(
    opened: OpenedWorld, queries: Sequence[str], count: int, *, rng: random.Random
) -> list[bytes]:
    """Crops of the scenes of the world's tasks as the agent cuts them, or of pictures of pages."""
    if opened.generated is not None:
        whole = [opened.generated.task_pictures(task)[0] for task in opened.generated.tasks()]
    else:
        whole = await _shown(opened.world, queries[:200])
    if not whole:
        msg = "a world with pictures was expected, none was found on its pages: load another"
        raise ConfigError(msg)
    each = -(-count // len(whole))
    crops: list[bytes] = []
    for data in whole:
        boxes: list[Box] = []
        for _ in range(each):
            left, top, side = rng.uniform(0, 0.6), rng.uniform(0, 0.6), rng.uniform(0.15, 0.35)
            boxes.append(Box.clipped(left, top, left + side, top + side))
        crops += cut_all(data, boxes)
    rng.shuffle(crops)
    return list(dict.fromkeys(crops))[:count]


async def _shown(world: World, queries: Sequence[str]) -> list[bytes]:
    """Pictures on the pages that some queries find."""
    found: dict[str, bytes] = {}
    for query in queries:
        for hit in await world.search_text(query, limit=5):
            for image in (await world.read(hit.url)).images:
                if image.src in found or len(found) >= _MAX_SHOWN:
                    continue
                with contextlib.suppress(WorldError, BadImageError):  # listed, but not kept
                    data = (await world.asset(image.src)).data
                    picture = decode(data).image
                    if min(picture.width, picture.height) >= _MIN_SIDE_PX:
                        found[image.src] = data
    return list(found.values())


def _text_question(query: str) -> Question:
    return _question("text", {"q": query})


def _picture_question(picture: bytes) -> Question:
    content = base64.b64encode(picture).decode()
    return _question("picture", {"url": f"data:image/png;base64,{content}", "num": 10})


def _question(kind: str, body: dict[str, JsonValue]) -> Question:
    data = json.dumps(body).encode()
    head = (
        f"POST {_OPENING[kind]} HTTP/1.1\r\nHost: world.example\r\n"
        "Content-Type: application/json\r\nX-API-KEY: any\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return Question(kind=kind, wire=head.encode() + data)


# -------------------------------------------------------------------------------------- figures


def _figures(tally: Tally, *, wall_s: float) -> dict[str, JsonValue]:
    figures: dict[str, JsonValue] = {"wall_s": round(wall_s, 1)}
    for kind in KINDS:
        ordered = sorted(tally.waits_s[kind])
        figures[f"{kind}_per_s"] = round(len(ordered) / wall_s, 1)
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            place = min(int(len(ordered) * part), len(ordered) - 1)
            figures[f"{kind}_{name}_s"] = round(ordered[place], 3) if ordered else None
        statuses = sorted(tally.answers[kind].items())
        figures[f"{kind}_by_status"] = {str(status): number for status, number in statuses}
    figures["repeated"] = tally.repeated
    figures["refused_without_retry_after"] = tally.without_retry_after
    figures["clients_without_end"] = tally.broken
    return figures


async def _direct(
    world: World, queries: Sequence[str], pictures: Sequence[bytes]
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


class _Watch:
    """Memory and time of a server and its workers, where /proc tells it."""

    def __init__(self, process_id: int) -> None:
        self._server = process_id
        self._workers = [
            int(child)
            for listing in Path(f"/proc/{process_id}/task").glob("*/children")
            for child in listing.read_text().split()
        ]
        self._rss_mb: list[float] = []
        self._cpu_s = self._spent_s()
        self.sample()

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(_SAMPLE_S)
            self.sample()

    def sample(self) -> None:
        """Look once."""
        pages = [_proc(one, "statm").split() for one in (self._server, *self._workers)]
        size = sum(int(fields[1]) for fields in pages if fields) * os.sysconf("SC_PAGE_SIZE")
        self._rss_mb.append(size / 1e6)

    def figures(self) -> dict[str, JsonValue]:
        """Memory at the start, at most and at the end; seconds of the processor since then."""
        spent = self._spent_s()
        kept = self._rss_mb
        return {
            "rss_mb": {
                "start": round(kept[0], 1),
                "max": round(max(kept), 1),
                "end": round(kept[-1], 1),
            },
            "cpu_s": {name: round(spent[name] - self._cpu_s[name], 1) for name in spent},
        }

    def _spent_s(self) -> dict[str, float]:
        return {
            "front": _cpu_s(self._server),
            "workers": sum(map(_cpu_s, self._workers)),
            "clients": time.process_time(),
        }


def _proc(process_id: int, name: str) -> str:
    path = Path(f"/proc/{process_id}/{name}")
    try:
        return path.read_text()
    except OSError:
        return ""


def _cpu_s(process_id: int) -> float:
    fields = _proc(process_id, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


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
                partial(_open, folder),
                host="127.0.0.1",
                port=0,
                settings=settings,
                announce=lambda url, _: connection.send_bytes(url.encode()),
            )
        )


def _open(folder: Path) -> World:
    return open_world(folder).world
