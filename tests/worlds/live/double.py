"""A provider on loopback that answers by a script and keeps every request as it came.

It runs in a thread of its own, so synchronous tests can start `vdr` against it.
"""

import contextlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import JsonValue
from typing_extensions import override


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> JsonValue:
        found: JsonValue = json.loads(self.raw)
        return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send back; `raw` instead of JSON where given."""

    status: int = 200
    body: JsonValue = None
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Promise more bytes than come, then close."""


class Double:
    """Answers one after the other; the last again and again."""

    def __init__(self, *answers: Answer | JsonValue) -> None:
        self.answers: Sequence[Answer] = [
            one if isinstance(one, Answer) else Answer(body=one) for one in answers
        ]
        self.asked: list[Asked] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                asked = Asked(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query)),
                    headers={name.lower(): text for name, text in self.headers.items()},
                    raw=self.rfile.read(length),
                )
                with contextlib.suppress(OSError):  # who asked may have left
                    double.reply(self, double.answer(asked))

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class names them

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, asked: Asked) -> Answer:
        """The next answer of the script."""
        with self._lock:
            self.asked.append(asked)
            return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def reply(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        """Send an answer."""
        data = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
        handler.send_response(answer.status)
        for name, text in answer.headers.items():
            handler.send_header(name, text)
        handler.send_header("Content-Length", str(len(data) + (100 if answer.cut else 0)))
        handler.end_headers()
        handler.wfile.write(data)
        handler.close_connection = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
