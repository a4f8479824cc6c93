"""A world server from its start to its end: address, workers, one line, Ctrl-C.

The address is taken first (a port in use is told at once), then the workers open the world, and
only then connections are accepted and the line is printed: who reads it can ask.
"""

import asyncio
import contextlib
import errno
import ipaddress
import resource
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.worlds.server.app import make_app
from vision_deepresearch.worlds.server.pool import WorkerPool
from vision_deepresearch.worlds.server.settings import Settings
from vision_deepresearch.worlds.server.worker import OpenWorld

_BACKLOG = 4096
_MAX_HEAD_BYTES = 256 * 1024
"""Of request line and headers: a query that is far too long still gets our own refusal."""
_KEEP_ALIVE_S = 30
_GRACE_S = 1

Announce = Callable[[str, WorldManifest], None]
"""Called with the server's address and what it serves, once, when it can be asked."""


async def serve_world(
    open_world: OpenWorld, *, host: str, port: int, settings: Settings, announce: Announce
) -> None:
    """Serve until SIGINT or SIGTERM; then requests get a second to end.

    Args:
        open_world: importable by name; called once in every worker.
        host: address to bind; any other than a loopback one needs `settings.token`.
        port: 0 picks a free one.
        settings: limits.
        announce: told the address.

    Raises:
        ConfigError: no token, the address cannot be had, or the world cannot be opened or served.
    """
    check_binding(host, token=settings.token)
    _raise_file_limit()
    with _bind(host, port) as listener:
        pool = WorkerPool(open_world, settings=settings)
        try:
            with _stopping(asyncio.current_task()):
                manifest = await pool.start()
            _check_kind(manifest)
            shown = _url_of(listener)
            app = make_app(pool, manifest=manifest, settings=settings)
            server = _Server(app, announce=lambda: announce(shown, manifest))
            with _stopping(server):
                await server.serve(sockets=[listener])
        finally:
            await pool.close()


def check_binding(host: str, *, token: str | None) -> None:
    """See whether a host may be bound.

    Raises:
        ConfigError: it can be reached from elsewhere and there is no token, or an empty one.
    """
    if token is not None and (not token.strip() or not token.isascii()):
        msg = "a token of visible ASCII characters was expected, got an empty or other one"
        raise ConfigError(msg)
    if token is None and not _is_loopback(host):
        msg = (
            f"a server that others can reach needs a token, got none for host {host!r}: give "
            "--token, or bind 127.0.0.1"
        )
        raise ConfigError(msg)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would raise the signal again at the end."""

    def __init__(self, app: Starlette, *, announce: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        )
        super().__init__(config)
        self._announce = announce

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Stop softly; the second time at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


@contextlib.contextmanager
def _stopping(target: "_Server | asyncio.Task[None] | None") -> Iterator[None]:
    """While the block runs, SIGINT and SIGTERM stop the server, or the task that starts it."""
    loop = asyncio.get_running_loop()
    assert target is not None
    stop = target.stop if isinstance(target, _Server) else target.cancel
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name: what it means is decided elsewhere


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet: nobody is kept waiting while the world opens."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Named as TCP: asyncio switches delays off (TCP_NODELAY) for such sockets only, and without
        # that every answer of two parts waits 40 ms for a client's acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, OverflowError) as reason:
        msg = f"an address of this machine was expected, got {host!r} port {port}: {reason}"
        raise ConfigError(msg) from reason
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, OverflowError) as reason:
        listener.close()
        is_taken = isinstance(reason, OSError) and reason.errno == errno.EADDRINUSE
        mend = "another program has it: choose another --port, or 0 for a free one"
        msg = f"cannot serve at {host!r} port {port}: {mend if is_taken else reason}"
        raise ConfigError(msg) from reason
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_kind(manifest: WorldManifest) -> None:
    """Refuse worlds that ask others: what is served must be frozen, and lead nowhere."""
    if manifest.kind == "live":
        msg = (
            f"a frozen world was expected, {manifest.name!r} is live: requests of strangers would "
            "go out to the web. Serve a generated or imported world"
        )
        raise ConfigError(msg)


def _raise_file_limit() -> None:
    """Allow as many connections as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
