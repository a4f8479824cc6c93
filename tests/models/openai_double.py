"""A chat endpoint on loopback that speaks the OpenAI wire format, strictly and by a script.

    async with OpenAiDouble(["<answer>yes</answer>"]) as server:     # or plain `with`
        ... ChatModel for server.name ...                            # http://127.0.0.1:PORT/v1#double
    assert not server.problems and server.num_requests == 1

It runs in a thread of its own, so a synchronous test can start `vdr --model NAME` against it.

The script is a sequence of steps, one per request, or a function from the request to a step:

    "text" or Reply(text=..., calls=..., reasoning=..., finish=...)   a reply, streamed if asked for
    Fault(429, {...}, headers={"Retry-After": "2"})                   an HTTP error with its body
    Cut(Reply(...), after=3)                                          a reply that breaks off
    Slow(1.5, step)                                                   the step after so many seconds
    Raw(b"<html>")                                                    any bytes with status 200
    Drop()                                                            the connection is closed

After the script a request gets HTTP 400 and a line in `problems`; `repeat_last=True` goes on with
the last step. `die_after=n` answers n requests, then closes the port: connections are refused. A
second double with `port=` takes the address of the first, as a server that was restarted.

A request that a strict server would refuse gets HTTP 400 and a line in `problems`
(`openai_rules.py` has the rules; `dialect` says whose). A function step may use `conversation_of`
and `reply_of` of `openai_replay.py`, so that one of our own models plays behind the wire.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, TypeAlias

from pydantic import JsonValue, TypeAdapter, ValidationError
from typing_extensions import override

from tests.models.openai_rules import Dialect, find_problem
from vision_deepresearch.core.protocols import NativeCall

KEY = "double-key-4f1c"
"""The bearer token the double wants when `key` is given as this."""
_PIECE_CHARS = 7
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_USAGE: dict[str, JsonValue] = {
    "prompt_tokens": 1000,
    "completion_tokens": 50,
    "total_tokens": 1050,
    "prompt_tokens_details": {"cached_tokens": 400},
}


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """One request as it came."""

    number: int
    """From 0."""
    body: dict[str, JsonValue]
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def messages(self) -> list[dict[str, JsonValue]]:
        return TypeAdapter(list[dict[str, JsonValue]]).validate_python(self.body["messages"])

    @property
    def is_stream(self) -> bool:
        return self.body.get("stream") is True


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model says."""

    text: str | None = ""
    calls: tuple[NativeCall, ...] = ()
    reasoning: str | None = None
    reasoning_key: str = "reasoning_content"
    refusal: str | None = None
    finish: str | None = None
    """None: `tool_calls` with calls, else `stop`."""
    stop_reason: str | int | None = None
    """vLLM's extra field: the stop string that ended the reply."""
    usage: dict[str, JsonValue] | None = field(default_factory=lambda: dict(_USAGE))
    choices: bool = True
    """False: an empty list of choices."""


@dataclass(frozen=True)
class Fault:
    """An HTTP error."""

    status: int
    body: JsonValue | bytes = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """A reply that breaks off."""

    reply: Reply
    after: int = 3
    """Chunks of a stream; of a plain reply half the body is sent."""
    is_torn: bool = True
    """Whether the connection breaks; else the stream ends properly, only too early."""


@dataclass(frozen=True)
class Slow:
    """A step that comes late."""

    seconds: float
    then: "Step"


@dataclass(frozen=True)
class Raw:
    """Bytes with status 200."""

    data: bytes
    media_type: str = "application/json"


@dataclass(frozen=True)
class Drop:
    """Nothing: the connection is closed."""


Step: TypeAlias = str | Reply | Fault | Cut | Slow | Raw | Drop
Script: TypeAlias = Sequence[Step] | Callable[[ChatRequest], Step]


def error_body(
    message: str, *, kind: str = "invalid_request_error", code: str | int | None = None
) -> JsonValue:
    """The body of an error as OpenAI writes it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class OpenAiDouble:
    """The server; see the module."""

    def __init__(
        self,
        script: Script,
        *,
        model: str = "double",
        key: str | None = None,
        dialect: Dialect = Dialect.VLLM,
        die_after: int | None = None,
        repeat_last: bool = False,
        port: int = 0,
    ) -> None:
        """Prepare a server; entering it opens the port.

        Args:
            script: steps, or a function that decides.
            model: the only model it knows.
            key: the bearer token it asks for; None: any or none.
            dialect: whose rules a request is checked by.
            die_after: answers so many requests, then its port is closed.
            repeat_last: go on with the last step when the script is over.
            port: 0: any free one.
        """
        self._script = script
        self.model = model
        self._key = key
        self._dialect = dialect
        self._die_after = die_after
        self._repeat_last = repeat_last
        self._port = port
        self.requests: list[ChatRequest] = []
        self.problems: list[str] = []
        """Why requests were refused; empty when the client keeps to the protocol."""
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address, for example "http://127.0.0.1:40123/v1"."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def name(self) -> str:
        """For `--model`: address and model."""
        return f"{self.url}#{self.model}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def num_requests(self) -> int:
        """Requests for a completion so far, refused ones included."""
        return len(self.requests)

    def __enter__(self) -> Self:
        self._server = _Server(self, port=self._port)
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port and all connections."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.hang_up()
            self._server.server_close()
            self._server = self._thread = None

    # ------------------------------------------------------------------- called by the handlers

    def answer(self, raw: bytes, headers: Mapping[str, str]) -> tuple[ChatRequest, Step]:
        """Note a request, check it, and decide what it gets."""
        try:
            body = _OBJECT.validate_json(raw)
            broken = None
        except ValidationError:
            body = dict[str, JsonValue]()
            broken = "the body is no JSON object"
        with self._lock:
            request = ChatRequest(number=len(self.requests), body=body, headers=headers, raw=raw)
            self.requests.append(request)
        if self._die_after is not None and request.number >= self._die_after:
            return request, self._die()
        if self._key is not None and headers.get("authorization") != f"Bearer {self._key}":
            said = error_body("Incorrect API key provided.", code="invalid_api_key")
            return request, Fault(401, said)
        if body.get("model") != self.model and broken is None:
            said = error_body("The model does not exist.", code="model_not_found")
            return request, Fault(404, said)
        problem = broken or find_problem(body, dialect=self._dialect)
        if problem is None:
            step = self._step(request)
            if step is not None:
                return request, step
            problem = f"the script is over: request {request.number + 1}"
        self.problems.append(problem)
        return request, Fault(400, error_body(problem))

    def _step(self, request: ChatRequest) -> Step | None:
        if not isinstance(self._script, Sequence):
            return self._script(request)
        place = request.number
        if place >= len(self._script):
            if not (self._repeat_last and self._script):
                return None
            place = len(self._script) - 1
        return self._script[place]

    def _die(self) -> Step:
        """Stop listening; what is still connected is dropped."""
        if self._server is not None:
            self._server.shutdown()
            self._server.socket.close()
        return Drop()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the server's end."""
        self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can hang up."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, owner: OpenAiDouble, *, port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @override
    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        with self._guard:
            self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.discard(request)

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no matter."""

    def hang_up(self) -> None:
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    """Head and body leave together; a stream flushes each chunk."""
    timeout = 20.0

    @property
    def _owner(self) -> OpenAiDouble:
        assert isinstance(self.server, _Server)
        return self.server.owner

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            model: JsonValue = {"id": self._owner.model, "object": "model", "owned_by": "double"}
            self._send(200, {"object": "list", "data": [model]})
        else:
            self._send(404, error_body(f"no such path: {self.path}"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/v1/chat/completions":
            self._send(404, {"detail": "Not Found"})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, step = self._owner.answer(raw, headers)
        while isinstance(step, Slow):
            self._owner.wait(step.seconds)
            step = step.then
        self._play(request, step)

    def _play(self, request: ChatRequest, step: Step) -> None:
        match step:
            case str():
                self._play(request, Reply(text=step))
            case Reply():
                if request.is_stream:
                    self._stream(chunks_of(step, request=request))
                else:
                    self._send(200, body_of(step, request=request))
            case Fault():
                self._send(step.status, step.body, headers=step.headers)
            case Raw():
                self._send(200, step.data, headers={"Content-Type": step.media_type})
            case Cut():
                self._cut(request, step)
            case Slow() | Drop():
                self._hang_up()

    def _cut(self, request: ChatRequest, step: Cut) -> None:
        if request.is_stream:
            chunks = chunks_of(step.reply, request=request)[: step.after]
            self._stream(chunks, is_torn=step.is_torn, is_done=False)
            return
        data = json.dumps(body_of(step.reply, request=request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self._hang_up()

    def _send(
        self,
        status: int,
        body: JsonValue | bytes,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(
        self, chunks: Sequence[JsonValue], *, is_torn: bool = False, is_done: bool = True
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        for line in [*lines, "data: [DONE]\n\n"] if is_done else lines:
            data = line.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        if is_torn:
            self._hang_up()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def body_of(reply: Reply, *, request: ChatRequest) -> JsonValue:
    """The body of a reply that is not streamed."""
    message: dict[str, JsonValue] = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message[reply.reasoning_key] = reply.reasoning
    if reply.refusal is not None:
        message["refusal"] = reply.refusal
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    choice: dict[str, JsonValue] = {
        "index": 0,
        "message": message,
        "finish_reason": _finish(reply),
        "logprobs": None,
    }
    if reply.stop_reason is not None:
        choice["stop_reason"] = reply.stop_reason
    body = _head(request, kind="chat.completion")
    body["choices"] = [choice] if reply.choices else []
    if reply.usage is not None:
        body["usage"] = reply.usage
    return body


def chunks_of(reply: Reply, *, request: ChatRequest) -> list[JsonValue]:
    """The chunks of a streamed reply, `[DONE]` left out."""
    deltas: list[dict[str, JsonValue]] = [{"role": "assistant", "content": ""}]
    for key, text in (
        (reply.reasoning_key, reply.reasoning),
        ("content", reply.text),
        ("refusal", reply.refusal),
    ):
        deltas.extend({key: piece} for piece in _pieces(text))
    for index, call in enumerate(reply.calls):
        head: JsonValue = {
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        deltas.append({"tool_calls": [head]})
        for piece in _pieces(call.arguments):
            more: JsonValue = {"index": index, "function": {"arguments": piece}}
            deltas.append({"tool_calls": [more]})
    choices: list[dict[str, JsonValue]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    last: dict[str, JsonValue] = {"index": 0, "delta": {}, "finish_reason": _finish(reply)}
    if reply.stop_reason is not None:
        last["stop_reason"] = reply.stop_reason
    choices.append(last)
    chunks: list[JsonValue] = [
        {**_head(request, kind="chat.completion.chunk"), "choices": [choice]}
        for choice in (choices if reply.choices else [])
    ]
    options = request.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") and reply.usage is not None:
        head = _head(request, kind="chat.completion.chunk")
        chunks.append({**head, "choices": [], "usage": reply.usage})
    return chunks


def _head(request: ChatRequest, *, kind: str) -> dict[str, JsonValue]:
    return {
        "id": f"chatcmpl-{request.number}",
        "object": kind,
        "created": 1_780_000_000,
        "model": f"{request.body.get('model')}-0001",
    }


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.calls else "stop")


def _call(call: NativeCall) -> JsonValue:
    function: JsonValue = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _pieces(text: str | None) -> list[str]:
    text = text or ""
    return [text[start : start + _PIECE_CHARS] for start in range(0, len(text), _PIECE_CHARS)]
