"""A provider on loopback for `vdr bench tape`: counts what it is asked, answers in real sizes.

It speaks what our engines for words (Serper), pictures (Google Vision) and pages (Jina reader) read.
It runs in threads of its own, so that the processor time of the asking thread is the caller's alone.
"""

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from pydantic import JsonValue
from typing_extensions import override

_SENTENCE = (
    "The workshop on the harbour square was founded in 1887 by two brothers from the north; "
    "their lamps were sold in three countries until the fire of 1931. "
)
_HITS = 10
_PAGE_SENTENCES = 80
"""About 12,000 characters: two windows of a page."""


class Upstream:
    """Answers while its block runs; `asked` counts requests by their content."""

    def __init__(self, *, latency_s: float) -> None:
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept, as a provider keeps them

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                upstream.count(self.path, body)
                time.sleep(latency_s)
                data = json.dumps(_answer(self.path, json.loads(body))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, path: str, body: bytes) -> None:
        """Note a request; equal ones are counted together."""
        with self._lock:
            self.asked[hashlib.sha256(path.encode() + body).hexdigest()] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _answer(path: str, asked: dict[str, JsonValue]) -> JsonValue:
    match path:
        case "/search":
            return {"organic": [_hit(rank, f"{asked['q']}") for rank in range(_HITS)], "credits": 1}
        case "/v1/images:annotate":
            pages: list[JsonValue] = [_match(rank) for rank in range(_HITS)]
            return {"responses": [{"webDetection": {"pagesWithMatchingImages": pages}}]}
        case _:
            return {"code": 200, "data": _page(f"{asked['url']}")}


def _hit(rank: int, query: str) -> JsonValue:
    return {
        "title": f"Page {rank} about {query}",
        "link": f"https://pages.example/{rank}",
        "snippet": _SENTENCE * 2,
        "date": "Jan 5, 2024",
        "position": rank + 1,
    }


def _match(rank: int) -> JsonValue:
    return {
        "url": f"https://pages.example/{rank}",
        "pageTitle": f"Page {rank}",
        "fullMatchingImages": [{"url": f"https://pages.example/{rank}.jpg"}],
    }


def _page(url: str) -> JsonValue:
    return {
        "title": "The workshop",
        "url": url,
        "content": "\n\n".join([_SENTENCE] * _PAGE_SENTENCES),
        "images": {f"Image {n}: lamp {n}": f"{url}/{n}.jpg" for n in range(5)},
        "links": {f"See {n}": f"https://pages.example/see/{n}" for n in range(40)},
    }
