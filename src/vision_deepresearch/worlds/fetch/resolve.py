"""Names to addresses, every one of them checked, and connections to the checked one only."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from httpcore2 import (
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
)
from typing_extensions import override

from vision_deepresearch.worlds.fetch.urls import CheckedUrl, Refused, RefusedUrlError

AddressRule = Callable[[str], bool]
"""Whether an address may be connected to; `addresses.is_public` outside tests."""
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

_MAX_TRIED = 3


class Resolver(Protocol):
    """Looks names up."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a name, in the order to try; empty: none."""
        ...


class SystemResolver:
    """Asks the system."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """See `Resolver`."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            return ()
        return tuple(dict.fromkeys(str(answer[4][0]) for answer in found))


async def checked_addresses(
    url: CheckedUrl, *, resolver: Resolver, is_allowed: AddressRule
) -> tuple[str, ...]:
    """The addresses of a checked url's host.

    Raises:
        RefusedUrlError: it has none (no_address), or one of them is not allowed (not_public): a
            name that leads to both a public and a private place is refused as a whole.
    """
    if url.is_literal:
        answers: Sequence[str] = (url.host,)
    else:
        answers = await resolver.resolve(url.host, url.port)
    if not answers:
        raise RefusedUrlError(Refused.NO_ADDRESS)
    if not all(map(is_allowed, answers)):
        raise RefusedUrlError(Refused.NOT_PUBLIC)
    return tuple(answers)


class PinnedBackend(AsyncNetworkBackend):
    """Connects to checked addresses, whatever name it is asked for; TLS still checks the name."""

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        is_allowed: AddressRule,
        network: AsyncNetworkBackend | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            addresses: tried one after the other, at most `_MAX_TRIED`.
            is_allowed: asked again of who answered.
            network: connects; None: the system.
        """
        self._addresses = tuple(addresses[:_MAX_TRIED])
        self._is_allowed = is_allowed
        self._network: AsyncNetworkBackend = network or AnyIOBackend()  # pyrefly: ignore[bad-assignment] - anyio is here

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> AsyncNetworkStream:
        """Connect, then look once more who answered."""
        del host
        share_s = None if timeout is None else timeout / len(self._addresses)
        for address in self._addresses:
            try:
                stream = await self._network.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
            except (ConnectError, ConnectTimeout):  # for example IPv6 where there is none
                if address == self._addresses[-1]:
                    raise
                continue
            peer = stream.get_extra_info("server_addr")
            if isinstance(peer, tuple) and self._is_allowed(str(peer[0])):
                return stream
            await stream.aclose()
            break
        raise ConnectError("the other side is not where it was looked up")

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> AsyncNetworkStream:
        """Never."""
        del path, timeout, socket_options
        raise ConnectError("files are no addresses")

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
