"""A loopback TCP proxy that spoils connections by a seed: to test clients of anything that answers HTTP.

It stands between a client and a server, passes bytes on and does one thing wrong per connection, or
nothing. The same seed spoils the same connections; with several clients at a time their order decides
who gets what.
"""

import asyncio
import contextlib
import random
import re
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from socket import SO_LINGER, SOL_SOCKET

_CHUNK_BYTES = 1 << 14
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Spoiling(StrEnum):
    """What is done to a connection."""

    NONE = "none"
    DELAY = "delay"
    """The answer waits."""
    DRIP = "drip"
    """The answer comes in single bytes."""
    STALL = "stall"
    """The answer stops half-way and never goes on."""
    HANG = "hang"
    """No answer at all."""
    RESET = "reset"
    """The connection is torn down by a reset before the answer."""
    TRUNCATE = "truncate"
    """The connection ends half-way through the answer."""
    GARBLE = "garble"
    """Bytes of the body are others."""
    WRONG_LENGTH = "wrong_length"
    """The answer says it is longer than it is."""
    NO_HTTP = "no_http"
    """The answer is something else."""
    HINTS = "hints"
    """A hundred interim answers come first."""
    ERROR = "error"
    """500 in place of the answer."""
    UNAVAILABLE = "unavailable"
    """503 with Retry-After."""
    LIMITED = "limited"
    """429 with Retry-After."""


@dataclass(slots=True, kw_only=True)
class FaultProxy:
    """An open proxy; made by `open_proxy`."""

    port: int
    """On 127.0.0.1."""
    weights: Mapping[Spoiling, float]
    rng: random.Random
    delay_s: float
    retry_after: str
    done: Counter[Spoiling] = field(default_factory=Counter)
    """Connections by what was done to them."""

    @property
    def url(self) -> str:
        """Where clients are sent."""
        return f"http://127.0.0.1:{self.port}"

    def draw(self) -> Spoiling:
        """What is done to the next connection."""
        spoiling = self.rng.choices(list(self.weights), list(self.weights.values()))[0]
        self.done[spoiling] += 1
        return spoiling


@asynccontextmanager
async def open_proxy(
    *,
    port: int,
    weights: Mapping[Spoiling, float],
    seed: int = 0,
    delay_s: float = 0.2,
    retry_after: str = "1",
) -> AsyncIterator[FaultProxy]:
    """Open a proxy before a server of this machine.

    Args:
        port: of the server, on 127.0.0.1.
        weights: how often each spoiling is drawn, in any unit.
        seed: of the draws.
        delay_s: of `DELAY`.
        retry_after: header of `LIMITED` and `UNAVAILABLE`, as it is: seconds, a date, or nonsense.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        tasks.add(task)
        try:
            await _Connection(proxy, reader=reader, writer=writer, upstream=port).serve()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # one of the two has left
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = FaultProxy(
        port=server.sockets[0].getsockname()[1],
        weights=weights,
        rng=random.Random(seed),
        delay_s=delay_s,
        retry_after=retry_after,
    )
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@dataclass(slots=True)
class _Connection:
    """One client: one request, one answer; the connection is not kept for another."""

    proxy: FaultProxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: int

    async def serve(self) -> None:
        """Pass a request on and spoil what comes back."""
        request = await self._message(self.reader)
        spoiling = self.proxy.draw()
        if spoiling in _INSTEAD:
            await self._send(self._instead(spoiling))
        elif spoiling is Spoiling.RESET:
            self._reset()
        elif spoiling is Spoiling.HANG:
            await asyncio.Event().wait()
        else:
            await self._spoil(spoiling, await self._ask(request))

    async def _ask(self, request: bytes) -> bytes:
        """The server's answer, whole; it is told to close the connection afterwards."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            head, _, body = request.partition(_HEAD_END)
            lines = [
                line
                for line in head.split(b"\r\n")
                if not line.lower().startswith((b"connection:", b"expect:"))
            ]
            writer.write(b"\r\n".join([*lines, b"Connection: close"]) + _HEAD_END + body)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        """A request with its body, whose length is stated."""
        head = await reader.readuntil(_HEAD_END)
        length = _LENGTH.search(head)
        return head + (await reader.readexactly(int(length[1])) if length else b"")

    async def _spoil(self, spoiling: Spoiling, answer: bytes) -> None:
        head, _, body = answer.partition(_HEAD_END)
        half = len(head) + len(_HEAD_END) + len(body) // 2
        match spoiling:
            case Spoiling.DELAY:
                await asyncio.sleep(self.proxy.delay_s)
                await self._send(answer)
            case Spoiling.DRIP:
                for place in range(len(answer)):
                    await self._send(answer[place : place + 1])
            case Spoiling.STALL:
                await self._send(answer[:half])
                await asyncio.Event().wait()
            case Spoiling.TRUNCATE:
                await self._send(answer[:half])
            case Spoiling.GARBLE:
                await self._send(head + _HEAD_END + self._garbled(body))
            case Spoiling.WRONG_LENGTH:
                told = _LENGTH.sub(b"\r\nContent-Length: %d" % (len(body) + 100), head)
                await self._send(told + _HEAD_END + body)
            case Spoiling.HINTS:
                await self._send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100 + answer)
            case _:
                await self._send(answer)

    def _garbled(self, body: bytes) -> bytes:
        """The same number of bytes, one in ten of them another."""
        spoiled = bytearray(body)
        for place in self.proxy.rng.sample(range(len(body)), k=(len(body) + 9) // 10):
            spoiled[place] = self.proxy.rng.randrange(256)
        return bytes(spoiled)

    def _instead(self, spoiling: Spoiling) -> bytes:
        line = _INSTEAD[spoiling]
        if spoiling is Spoiling.NO_HTTP:
            return line
        later = (
            f"Retry-After: {self.proxy.retry_after}\r\n" if spoiling is not Spoiling.ERROR else ""
        )
        return line + b"\r\nContent-Length: 0\r\nConnection: close\r\n" + later.encode() + b"\r\n"

    def _reset(self) -> None:
        """Close so that the other side gets a reset instead of an end."""
        self.writer.get_extra_info("socket").setsockopt(
            SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.close()

    async def _send(self, data: bytes) -> None:
        for place in range(0, len(data), _CHUNK_BYTES):
            self.writer.write(data[place : place + _CHUNK_BYTES])
            await self.writer.drain()


_INSTEAD = {
    Spoiling.NO_HTTP: b"\x16\x03\x01\x02\x00 this is no HTTP\n\n",
    Spoiling.ERROR: b"HTTP/1.1 500 Internal Server Error",
    Spoiling.UNAVAILABLE: b"HTTP/1.1 503 Service Unavailable",
    Spoiling.LIMITED: b"HTTP/1.1 429 Too Many Requests",
}
