"""Servers on loopback that answer raw bytes, and fetchers that may reach them under public names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.fetch.politeness import Politeness

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A server that answers raw bytes, and remembers what it was asked."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [head.split()[1].decode() for head in self.asked]


@asynccontextmanager
async def a_site(handle: Handler) -> AsyncIterator[Site]:
    site = Site()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            site.asked.append(head)
            await handle(head.split()[1].decode(), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


def replying(body: bytes = b"<p>hello", *, status: str = "200 OK", **headers: str) -> Handler:
    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/robots.txt":
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(a_reply(body, status=status, **headers))

    return handle


def a_reply(body: bytes = b"<p>hello", *, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
    lines |= {key.replace("_", "-"): value for key, value in headers.items()}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@dataclass
class LoopbackDoor:
    """Lets a fetcher reach one server on loopback under public names, and nothing else."""

    site: Site
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    allowed: Set[str] = frozenset({"127.0.0.1"})

    def fetcher(
        self,
        *,
        deadline_s: float = 5.0,
        heeds_robots: bool = True,
        politeness: Politeness | None = None,
    ) -> Fetcher:
        return Fetcher(
            resolver=_Everywhere(self.names),
            is_allowed=self.allowed.__contains__,
            politeness=politeness or Politeness(pause_s=0, heeds_robots=heeds_robots),
            deadline_s=deadline_s,
            ports=frozenset(range(65536)),
        )

    def url(self, path: str = "/") -> str:
        return f"http://site.org:{self.site.port}{path}"


@dataclass
class _Everywhere:
    names: dict[str, Sequence[str]]

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        return self.names.get(host, ("127.0.0.1",))
