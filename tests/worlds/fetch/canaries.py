"""Listeners that must never be spoken to, and an internet of one page that stands for all others."""

import selectors
import socket
import threading
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Self

from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError
from typing_extensions import override

from tests.worlds.fetch.site import a_reply
from vision_deepresearch.worlds.fetch.resolve import SocketOption

PUBLIC_4, PUBLIC_6 = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"


class Canaries:
    """One port on every address this machine has, of both families; whoever connects is noted.

    Listening on the wildcard address hears 127.0.0.0/8, ::1, and the addresses of every interface.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        """The address of ours that was connected to, once per connection."""
        self.port = 0
        self._listeners: list[socket.socket] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        four = socket.create_server(("0.0.0.0", 0))  # noqa: S104 - to hear every spelling
        self.port = four.getsockname()[1]
        self._listeners.append(four)
        if socket.has_ipv6:
            six = socket.create_server(("::", self.port), family=socket.AF_INET6)
            self._listeners.append(six)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(5)
        for listener in self._listeners:
            listener.close()

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in self._listeners:
                listener.setblocking(False)
                selector.register(listener, selectors.EVENT_READ, listener)
            while True:
                ready = selector.select(0.02)
                for key, _ in ready:
                    connection, _ = key.data.accept()
                    self.heard.append(connection.getsockname()[0])
                    connection.close()
                if not ready and self._is_over.is_set():
                    return


class Internet(AsyncNetworkBackend):
    """Public addresses answer from memory; those of this machine are connected to in earnest.

    Redirects lead through `locations`, then a page comes. Every address that is asked for is kept.
    """

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.locations: list[str] = []
        self.answers_as = ""
        """Who the connections say they are with; empty: who was asked for."""
        self._real: AsyncNetworkBackend = AnyIOBackend()  # pyrefly: ignore[bad-assignment] - anyio is here

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> AsyncNetworkStream:
        self.tried.append(host)
        if is_surely_public(host):
            return _Answer(self.answers_as or host, port, self._reply())
        if not _is_here(host):
            raise ConnectError("nobody is there")
        return await self._real.connect_tcp(host, port, timeout, local_address, socket_options)

    def _reply(self) -> bytes:
        if not self.locations:
            return a_reply()
        head, foot = a_reply(b"", status="302 Found", Location="@").split(b"@")
        location = self.locations.pop(0).encode("utf-8", "replace")
        return head + location.translate(None, b"\r\n\x00") + foot


class _Answer(AsyncNetworkStream):
    """A connection to the internet that says one thing."""

    def __init__(self, host: str, port: int, reply: bytes) -> None:
        self._peer = (host, port)
        self._reply = reply

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece, self._reply = self._reply[:max_bytes], self._reply[max_bytes:]
        return piece

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    @override
    async def aclose(self) -> None:
        pass

    @override
    async def start_tls(self, *_: object, **__: object) -> AsyncNetworkStream:
        return self

    @override
    def get_extra_info(self, info: str) -> object:
        return self._peer if info == "server_addr" else None


def is_surely_public(address: str) -> bool:
    """A second opinion, from the standard library and what is known to be wrong with it."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        odd = {"168.63.129.16", "192.0.0.192", "192.0.0.170", "192.0.0.171"}
        return parsed.is_global and not parsed.is_multicast and str(parsed) not in odd
    odd_blocks = ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10", "3fff::/20", "::/96")
    is_odd = any(parsed in IPv6Network(block) for block in odd_blocks)
    return parsed.is_global and not is_odd and not parsed.is_multicast


def _is_here(address: str) -> bool:
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback or parsed.is_unspecified
