"""The server as a process: its line, its port, its end, its token; load that is too much for it."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any  # noqa: TID251 - plain JSON of a foreign shape
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.worlds.server import odd_worlds
from tests.worlds.server.conftest import served
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.server.run import check_binding, serve_world
from vision_deepresearch.worlds.server.settings import Settings

Json = dict[str, Any]
"""What a client sees: JSON whose shape only the documentation knows."""

JSON = {"Content-Type": "application/json"}


def _workers_of(process: subprocess.Popen[str]) -> list[int]:
    lists = Path(f"/proc/{process.pid}/task").glob("*/children")  # of every thread
    return [int(child) for children in lists for child in children.read_text().split()]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _all_gone(pids: list[int], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(_is_running, pids))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_softly_within_two_seconds_and_leaves_nothing(
    folder: Path, number: signal.Signals
) -> None:
    with served(folder, '{"port": 0, "workers": 2}') as (url, process):
        assert json.loads(urlopen(f"{url}/healthz").read()) == {
            "status": "ok",
            "workers": 2,
            "alive": 2,
        }
        workers = _workers_of(process)
        assert len(workers) >= 2
        parts = urlsplit(url)
        idle = HTTPConnection(
            parts.hostname or "", parts.port
        )  # an open connection must not hold it
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        began = time.monotonic()
        os.killpg(process.pid, number)  # as a terminal does: the workers get it too
        assert process.wait(5) == 0
        assert time.monotonic() - began < 2
        assert _all_gone(workers, within_s=1)
        idle.close()


def test_workers_end_when_the_server_is_killed(folder: Path) -> None:
    with served(folder, '{"port": 0, "workers": 1}') as (_, process):
        workers = _workers_of(process)
        process.kill()
        process.wait(5)
        assert _all_gone(workers, within_s=5)


def test_a_taken_port_is_told(folder: Path, server: str) -> None:
    port = urlsplit(server).port or 0
    program = (
        "from vision_deepresearch.cli.serve_world import serve\n"
        "from vision_deepresearch.core.errors import ConfigError\n"
        f"try: serve({str(folder)!r}, port={port}, workers=1)\n"
        "except ConfigError as error: print('told:', error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=25, check=True
    )
    assert "told:" in ended.stdout
    assert "choose another --port" in ended.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])  # noqa: S104
def test_others_may_reach_it_with_a_token_only(host: str) -> None:
    with pytest.raises(ConfigError, match="needs a token"):
        check_binding(host, token=None)
    with pytest.raises(ConfigError, match="token of visible"):
        check_binding(host, token=" ")  # noqa: S106
    check_binding(host, token="t0ken")  # noqa: S106


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    check_binding(host, token=None)


async def test_a_live_world_is_not_served() -> None:
    with pytest.raises(ConfigError, match="frozen"):
        await serve_world(
            odd_worlds.open_live,
            host="127.0.0.1",
            port=0,
            settings=Settings(workers=1),
            announce=lambda *_: None,
        )


async def test_it_can_be_stopped_while_the_world_is_still_opening() -> None:
    serving = asyncio.create_task(
        serve_world(
            odd_worlds.open_slowly,
            host="127.0.0.1",
            port=0,
            settings=Settings(workers=2),
            announce=lambda *_: None,
        )
    )
    await asyncio.sleep(1.5)
    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert time.monotonic() - began < 2


def test_the_token_is_wanted_in_the_way_of_each_service(folder: Path) -> None:
    with served(folder, '{"port": 0, "workers": 1, "token": "s3cret"}') as (url, _):

        def status(path: str, headers: dict[str, str], body: Json | None = None) -> int:
            data = None if body is None else json.dumps(body).encode()
            try:
                with urlopen(Request(f"{url}{path}", data, {**JSON, **headers})) as response:
                    return response.status
            except HTTPError as error:
                with error:
                    error.read()
                    return error.code

        words: Json = {"q": "album town"}
        pictures: Json = {"requests": []}
        assert status("/healthz", {}) == 200
        for path, body, denied in (
            ("/search", words, 403),
            ("/v1/images:annotate", pictures, 403),
            ("/r/https://a.example/", None, 401),
            ("/manifest", None, 401),
            ("/assets/x", None, 401),
        ):
            assert status(path, {}, body) == denied
            assert status(path, {"X-API-KEY": "s3cre"}, body) == denied
            assert status(path, {"Authorization": "Basic s3cret"}, body) == denied
        assert status("/search", {"X-API-KEY": "s3cret"}, words) == 200
        assert status("/search", {"Authorization": "bearer s3cret"}, words) == 200
        assert status("/v1/images:annotate?key=s3cret", {}, {"requests": []}) == 400
        assert status("/search?key=s3cret", {}, words) == 403
        assert status("/search?q=town&apiKey=s3cret", {}) == 200
        request = Request(
            f"{url}/images", json.dumps(words).encode(), {**JSON, "X-API-KEY": "s3cret"}
        )
        shown = json.loads(urlopen(request).read())["images"][0]["imageUrl"]
        path = shown.removeprefix(url)
        assert status(path, {}) == 200, "a signed picture can be shown without the token"
        assert status(path.replace("sig=", "sig=0"), {}) == 401
        other = path.replace(".jpg", ".jpeg")
        assert status(other, {}) == 401
        assert status("/lens", {"X-API-KEY": "s3cret"}, {"url": shown}) == 200


def test_load_beyond_the_queue_is_refused_and_what_is_answered_is_right(folder: Path) -> None:
    queries = [f"{word} {number}" for number in range(12) for word in ("town", "ship", "founded")]
    with served(folder, '{"port": 0, "workers": 1, "queue": 8, "cache_mb": 1}') as (url, _):
        unloaded = {query: _search(url, query)[1] for query in queries}
        peak = _gauge(url, "vdr_peak_memory_bytes")
        seen: Counter[int] = Counter()
        wrong: list[str] = []
        stop = time.monotonic() + 2.5

        def client(offset: int) -> None:
            number = offset
            while time.monotonic() < stop:
                number += 1
                # A number nobody asked for makes the query new, so that it must be worked for.
                query = queries[number % len(queries)]
                status, content, retry_after = _ask(url, query, num=10 + number % 80)
                seen[status] += 1
                if status == 200 and content[:10] != unloaded[query]:
                    wrong.append(query)
                if status == 503 and retry_after != "1":
                    wrong.append(f"Retry-After {retry_after}")

        with ThreadPoolExecutor(40) as threads:
            list(threads.map(client, range(0, 40_000, 1000)))
        assert not wrong
        assert set(seen) == {200, 503}
        assert seen[200] > 50
        assert _gauge(url, "vdr_peak_memory_bytes") < peak + 40e6
        assert _gauge(url, "vdr_cache_bytes") <= 1024 * 1024
        assert _gauge(url, "vdr_body_bytes_held") == 0
        assert _search(url, queries[0])[1] == unloaded[queries[0]]


def _search(url: str, query: str) -> tuple[int, list[Json]]:
    status, content, _ = _ask(url, query, num=10)
    return status, content


def _ask(url: str, query: str, *, num: int) -> tuple[int, list[Json], str | None]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    body = json.dumps({"q": query, "num": num})
    connection.request("POST", "/search", body, JSON)
    response = connection.getresponse()
    content = json.loads(response.read())
    connection.close()
    return response.status, content.get("organic", []), response.headers["Retry-After"]


def _gauge(url: str, name: str) -> float:
    text = urlopen(f"{url}/metrics").read().decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))
