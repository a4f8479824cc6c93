"""Several servers on one read-only folder behind a balancer: one world, whoever answers."""

# ruff: noqa: S310 - the addresses are those of our own loopback server

import hashlib
import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.worlds.server.conftest import served

JSON = {"Content-Type": "application/json"}


class Balancer:
    """Hands each new connection to the next server that takes it; knows nothing of HTTP."""

    def __init__(self, servers: list[str]) -> None:
        self._servers = cycle([(urlsplit(url).hostname, urlsplit(url).port) for url in servers])
        self._num = len(servers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: set[int] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            for _ in range(self._num):
                host, port = next(self._servers)
                try:
                    server = socket.create_connection((host or "", port or 0), timeout=5)
                except OSError:
                    continue
                self.seen.add(port or 0)
                thread = threading.Thread(target=_carry, args=(client, server), daemon=True)
                self._threads.append(thread)
                thread.start()
                break
            else:
                client.close()


def _carry(client: socket.socket, server: socket.socket) -> None:
    """One request and its answer: clients here close their connections."""
    with client, server:
        back = threading.Thread(target=_copy, args=(server, client))
        back.start()
        _copy(client, server)
        back.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def balanced(servers: list[str]) -> Iterator[Balancer]:
    balancer = Balancer(servers)
    try:
        yield balancer
    finally:
        balancer.close()


def answer(url: str, path: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{url}{path}", data, JSON), timeout=20) as response:
        return response.read()


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_servers_on_one_read_only_folder_are_one_world(folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shutil.copytree(folder, shared)
    before = contents(shared)
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    options = '{"port": 0, "workers": 1, "public_url": "http://world.example"}'
    asked: list[tuple[str, object]] = [
        *(("/search", {"q": query}) for query in ("town", "ship founded", "theatre", "東京")),
        ("/images", {"q": "emblem ship painting"}),
        ("/search?q=town&format=json", None),
        ("/manifest", None),
    ]
    with served(shared, options) as (one, _), served(shared, options) as (two, process):
        link = json.loads(answer(one, "/search", {"q": "town"}))["organic"][0]["link"]
        asked.append((f"/r/{link}", None))
        expected = [answer(one, path, body) for path, body in asked]
        assert [answer(two, path, body) for path, body in asked] == expected
        with balanced([one, two]) as balancer:
            for _ in range(2):
                assert [answer(balancer.url, path, body) for path, body in asked] == expected
            assert len(balancer.seen) == 2
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
            for _ in range(2):
                assert [answer(balancer.url, path, body) for path, body in asked] == expected
    assert contents(shared) == before, "serving wrote into the folder"
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
