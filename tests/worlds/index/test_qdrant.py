"""The way to a Qdrant server: its requests go through its own client, its failures get our types."""

import json
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from pydantic import JsonValue, SecretStr
from typing_extensions import override

from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.worlds.index.vectors import VectorManifest

qdrant = pytest.importorskip("vision_deepresearch.worlds.index.qdrant")

KEY = "key-of-the-test"
MANIFEST = VectorManifest(dimension=2, embedder="e")
STRANGER: JsonValue = {
    "result": {"points": [{"id": "0a2a1c60-0000-4000-8000-000000000000", "version": 0, "score": 1}]}
}
"""A point that was added by somebody else: ours have whole numbers."""


class Server:
    """Gives the planted answers in turn, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def plant(self, status: int, body: JsonValue | bytes, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, data, headers))

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append((f"{self.command} {self.path}", headers, body))
                status, data, extra = server.answers.pop(0) if server.answers else (418, b"", {})
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = _serve  # noqa: N815 - the names the standard library calls
            do_PUT = _serve  # noqa: N815
            do_POST = _serve  # noqa: N815

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


def a_policy(*, max_attempts: int = 1) -> CallPolicy:
    async def no_sleep(_: float) -> None:
        return

    settings = CallSettings(max_attempts=max_attempts)
    return CallPolicy(WorldError, rng=random.Random(0), settings=settings, sleep=no_sleep)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"Must provide an API key", FailureKind.AUTH),
        (403, b"{}", FailureKind.AUTH),
        (400, b"{}", FailureKind.BAD_REQUEST),
        (413, b"", FailureKind.TOO_LARGE),
        (429, b"", FailureKind.RATE_LIMITED),
        (500, b"<html>", FailureKind.UPSTREAM),
        (504, b"", FailureKind.TIMEOUT),
        (200, b"<html>a login page</html>", FailureKind.UPSTREAM),
        (200, b'{"result":{"points":[{"id":"no"}]}}', FailureKind.UPSTREAM),
        (
            200,
            json.dumps(STRANGER).encode(),
            FailureKind.UPSTREAM,
        ),
    ],
)
async def test_every_bad_answer_has_its_type(
    server: Server, status: int, body: bytes, kind: FailureKind
) -> None:
    server.plant(status, body)
    async with qdrant.qdrant_at(server.url) as client:
        index = qdrant.QdrantVectors(client, collection="c", manifest=MANIFEST, policy=a_policy())
        with pytest.raises(WorldError) as caught:
            await index.search(np.ones(2, np.float32), 3)
    assert caught.value.kind is kind
    assert "login" not in str(caught.value)


async def test_a_busy_server_is_asked_again_and_the_key_travels_as_a_header(
    server: Server,
) -> None:
    server.plant(429, {"status": {"error": "slow down"}}, Retry_After="2")
    server.plant(200, {"result": {"count": 12}, "status": "ok", "time": 0.0})
    async with qdrant.qdrant_at(server.url, key=SecretStr(KEY)) as client:
        index = qdrant.QdrantVectors(
            client, collection="c", manifest=MANIFEST, policy=a_policy(max_attempts=2)
        )
        assert await index.count() == 12
    assert [line for line, _, _ in server.asked] == ["POST /collections/c/points/count"] * 2
    assert {headers.get("api-key") for _, headers, _ in server.asked} == {KEY}


async def test_a_search_says_what_it_wants_and_takes_no_payload(server: Server) -> None:
    points: list[JsonValue] = [
        {"id": 9, "version": 0, "score": 0.5},
        {"id": 4, "version": 0, "score": 0.5},
        {"id": 2, "version": 0, "score": 0.9},
    ]
    server.plant(200, {"result": {"points": points}, "status": "ok", "time": 0.0})
    async with qdrant.qdrant_at(server.url) as client:
        index = qdrant.QdrantVectors(client, collection="c", manifest=MANIFEST, policy=a_policy())
        found = await index.search(np.array([3, 4], np.float32), 2)
    assert [(hit.id, hit.score) for hit in found] == [(2, 0.9), (4, 0.5)]
    line, _, body = server.asked[0]
    assert line == "POST /collections/c/points/query"
    asked = json.loads(body)
    assert asked["query"]["nearest"] == pytest.approx([0.6, 0.8])
    assert (asked["limit"], asked["with_payload"]) == (34, False)


async def test_a_collection_without_a_manifest_is_not_opened() -> None:
    async with qdrant.qdrant_here() as client:
        with pytest.raises(ConfigError, match="has none of the name"):
            await qdrant.QdrantVectors.open(
                client, collection="c", expected=MANIFEST, policy=a_policy()
            )
        params = qdrant.models.VectorParams(size=2, distance=qdrant.models.Distance.COSINE)
        await client.create_collection("c", vectors_config=params)
        with pytest.raises(ConfigError, match="has no manifest: name another collection"):
            await qdrant.QdrantVectors.open(
                client, collection="c", expected=MANIFEST, policy=a_policy()
            )


@pytest.mark.parametrize("url", ["host:6333", "http://user:hunter2@host", "http://search.example"])
async def test_an_address_that_is_none_or_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with qdrant.qdrant_at(url, key=SecretStr(KEY)):
            pass
    assert "hunter2" not in str(caught.value)
    assert KEY not in str(caught.value)
