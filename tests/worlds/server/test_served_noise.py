"""A served engine that misbehaves: the same for everyone, failing as each service fails."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import asyncio
import json
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any  # noqa: TID251 - plain JSON of a foreign shape
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from vision_deepresearch.cli.serve_world import serve
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.wiring.worlds import open_without_truth
from vision_deepresearch.worlds.server.desk import manifest_for_clients
from vision_deepresearch.worlds.server.jobs import Job, JobKind
from vision_deepresearch.worlds.server.misbehaviour import Misbehaviour, without_calls
from vision_deepresearch.worlds.server.refusals import EngineFailedError
from vision_deepresearch.worlds.server.run import serve_world
from vision_deepresearch.worlds.server.settings import Settings
from vision_deepresearch.worlds.wrappers.noise_settings import NOISE_PRESETS, NoiseSettings

Json = dict[str, Any]
"""What a client sees: JSON whose shape only the documentation knows."""

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def ask(url: str, body: Json | None = None) -> tuple[int, dict[str, str], Json]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, JSON), timeout=20) as response:
            return response.status, dict(response.headers), json.loads(response.read())
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.loads(error.read())


async def asked_of(
    folder: Path, noise: NoiseSettings, paths: dict[str, Json | None], *, seed: int = 0
) -> list[Any]:
    """What a server with such an engine answers, in this process."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_world(
            partial(open_without_truth, folder, noise=noise, noise_seed=seed),
            host="127.0.0.1",
            port=0,
            settings=Settings(workers=1, noise=noise, noise_name="test", noise_seed=seed),
            announce=lambda url, _: ready.set_result(url),
        )
    )
    url = await ready
    try:
        return [await asyncio.to_thread(ask, f"{url}{path}", body) for path, body in paths.items()]
    finally:
        os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C: the server ends softly
        await serving


VISION = {"image": {"content": "AAAA"}, "features": [{"type": "WEB_DETECTION"}]}
EVERYWHERE: dict[str, Json | None] = {
    "/search": {"q": "town"},
    "/search?q=town&format=json": None,
    "/r/https://a.example/": None,
    "/v1/images:annotate": {"requests": [VISION]},
}


async def test_each_service_fails_in_its_own_way(folder: Path) -> None:
    limited = NoiseSettings(p_rate_limited=1, retry_after_s=3)
    serper, searxng, jina, vision = await asked_of(folder, limited, EVERYWHERE)
    assert (serper[0], serper[1]["retry-after"], serper[2]["statusCode"]) == (429, "3", 429)
    assert searxng[2]["unresponsive_engines"] == [["vdr", "Suspended: too many requests"]]
    assert (searxng[0], searxng[2]["results"]) == (200, [])
    assert (jina[0], jina[2]["name"]) == (429, "RateLimitTriggeredError")
    assert (jina[2]["status"], jina[2]["retryAfter"]) == (42903, 3)
    assert (vision[0], vision[2]["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")

    failing = NoiseSettings(p_upstream=1)
    serper, searxng, jina, vision = await asked_of(folder, failing, EVERYWHERE)
    assert (serper[0], serper[2]["statusCode"]) == (500, 500)
    assert searxng[2]["unresponsive_engines"] == [["vdr", "HTTP error"]]
    assert (jina[0], jina[2]["status"]) == (422, 42206)
    assert (vision[0], vision[2]["error"]["status"]) == (503, "UNAVAILABLE")

    silent = NoiseSettings(p_timeout=1, timeout_s=0.3)
    began = time.monotonic()
    serper, searxng, *_ = await asked_of(folder, silent, dict(list(EVERYWHERE.items())[:2]))
    assert time.monotonic() - began > 0.6
    assert serper[0] == 504
    assert searxng[2]["unresponsive_engines"] == [["vdr", "timeout"]]


async def test_failures_pass_and_come_alike_on_every_replica() -> None:
    settings = NoiseSettings(p_rate_limited=0.5)

    async def fates(engine: Misbehaviour) -> list[bool]:
        found: list[bool] = []
        for number in range(40):
            job = Job(kind=JobKind.SEARCH, query=f"q{number % 10}", limit=number + 1)
            try:
                await engine.meet(job, b"")
                found.append(True)
            except EngineFailedError:
                found.append(False)
        return found

    one = await fates(Misbehaviour(settings, world_seed=1, noise_seed=2))
    assert one == await fates(Misbehaviour(settings, world_seed=1, noise_seed=2))
    assert one != await fates(Misbehaviour(settings, world_seed=1, noise_seed=3))
    assert 8 < sum(one) < 32
    assert any(one[place] != one[place + 10] for place in range(30)), "a failure must pass"


async def test_what_is_found_is_noisy_and_equal_on_every_replica(folder: Path, server: str) -> None:
    quiet = without_calls(NOISE_PRESETS["hostile"])
    assert not (quiet.waits)
    assert not (quiet.fails)
    assert quiet.changes_results
    wanted: dict[str, Json | None] = {
        f"/search?q={query}&apiKey=any": None for query in ("town", "ship", "founded", "theatre")
    }
    first = await asked_of(folder, quiet, {**wanted, "/manifest": None}, seed=3)
    again = await asked_of(folder, quiet, wanted, seed=3)
    other = await asked_of(folder, quiet, wanted, seed=4)
    clean = [await asyncio.to_thread(ask, f"{server}{path}") for path in wanted]
    assert [status for status, *_ in first] == [200] * 5
    lists = [[answer["organic"] for _, _, answer in found[:4]] for found in (first, again)]
    assert lists[0] == lists[1]
    assert lists[0] != [answer["organic"] for _, _, answer in other]
    assert lists[0] != [answer["organic"] for _, _, answer in clean]
    manifest = first[4][2]
    assert manifest["noise"] == "test"
    assert "~" not in manifest["world_id"]


def test_the_id_of_a_noisy_world_does_not_tell_its_seed() -> None:
    about = WorldManifest(
        world_id="w~abc.77.3", kind="generated", name="small@77", format_version=1, seed=77
    )
    shown = manifest_for_clients(about, noise="realistic@3")
    assert "77" not in json.dumps(shown)


@pytest.mark.parametrize("name", ["angry", "hostile@x"])
def test_unknown_noise_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="noise"):
        serve(str(folder), port=0, noise=name)
