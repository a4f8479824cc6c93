"""Parsing of what strangers made, outside our process: bounded, sealed, and ended in time.

    thread -> a free host process -> one forked child per call (see `inside.parse_host`)

Hosts start with the first call, hold no keys (their environment is empty), and are replaced when
they die. Blocking: call it in a thread from async code.
"""

import contextlib
import json
import queue
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import Field, JsonValue, TypeAdapter

import vision_deepresearch
from vision_deepresearch.core.errors import FailureKind, SandboxError
from vision_deepresearch.core.record import Record
from vision_deepresearch.sandbox.inside.parse_host import Caps, receive, send

_MIB = 1 << 20
_START_S = 60.0
"""Loading the parsers takes about a second, more on a busy machine."""
_GRACE_S = 5.0
"""Beyond a call's own limit; a host that is silent so long is dead."""
_START = (
    "import sys; sys.path[:0] = [sys.argv.pop(), sys.argv.pop()]; "
    "from vision_deepresearch.sandbox.inside.parse_host import main; main()"
)
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Breach(StrEnum):
    """Which limit a call broke."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    DIED = "died"
    """The parser ended by a signal, or raised what nobody foresaw."""


class ParseBreachError(Exception):
    """A call was ended: what it was given cannot be parsed within its limits.

    Attributes:
        breach: which limit.
    """

    def __init__(self, breach: Breach) -> None:
        super().__init__(breach)
        self.breach = breach


class ParseLimits(Record):
    """What one call may use, and how many run at once."""

    wall_s: float = Field(default=20.0, gt=0)
    """The dearest page known takes 7 s of CPU."""
    memory_bytes: int = Field(default=1024 * _MIB, gt=0)
    """Of address space, beyond the loaded libraries. The dearest page known takes 0.95 GB."""
    output_bytes: int = Field(default=128 * _MIB, gt=0)
    """Of a result: 40 million pixels fit."""
    hosts: int = Field(default=2, gt=0)
    """Calls at a time."""
    is_sealed: bool = True
    """Whether a child without Landlock and seccomp around it does not parse at all. False: limits
    alone, for systems that have neither."""


class _Ended(Record):
    """How the host says a call ended."""

    status: str
    exit: int
    cpu_s: float
    max_rss: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A result and what it took."""

    data: bytes
    cpu_s: float
    max_rss: int
    """Bytes, libraries included."""


class ParseWorkers:
    """Some hosts, shared by threads. A context manager: at its end they are gone."""

    def __init__(self, jobs: Mapping[str, str], *, limits: ParseLimits | None = None) -> None:
        """Nothing is started yet.

        Args:
            jobs: by name, as "module:function"; a function takes bytes and a mapping of JSON, gives
                bytes, and lets no exception out that its caller wants to tell apart.
            limits: of each call.
        """
        self._jobs = tuple(f"{name}={place}" for name, place in jobs.items())
        self._limits = limits or ParseLimits()
        self._free: queue.LifoQueue[_Host | None] = queue.LifoQueue()
        for _ in range(self._limits.hosts):
            self._free.put(None)
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, job: str, data: bytes, about: Mapping[str, JsonValue]) -> Parsed:
        """One call; waits for a free host.

        Raises:
            ParseBreachError: it broke a limit.
            SandboxError: no host starts here, or its children cannot be sealed.
        """
        host = self._free.get()
        try:
            for _ in range(2):  # a call is pure: made again when its host died
                if host is None:
                    host = _Host.start(self._jobs, limits=self._limits)
                try:
                    return _judged(*host.call(job, data, about, limits=self._limits))
                except (OSError, ValueError):
                    host.close()
                    host = None
            msg = "the parsing process died twice over one call"
            raise SandboxError(FailureKind.UNAVAILABLE, msg)
        finally:
            if self._is_closed and host is not None:
                host.close()
                host = None
            self._free.put(host)

    def close(self) -> None:
        """End the hosts; one at work ends with its call."""
        self._is_closed = True
        free: list[_Host | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                free.append(self._free.get_nowait())
        for host in free:
            if host is not None:
                host.close()
            self._free.put(None)


@dataclass(slots=True, kw_only=True)
class _Host:
    """A running host process."""

    process: subprocess.Popen[bytes]
    channel: socket.socket

    @classmethod
    def start(cls, jobs: Sequence[str], *, limits: ParseLimits) -> Self:
        """Start one and wait until its parsers are loaded.

        Raises:
            SandboxError: it does not start here.
        """
        caps = Caps(
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            is_sealed=limits.is_sealed,
        )
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_S)
        package = str(Path(vision_deepresearch.__file__).parent.parent)
        command = [sys.executable, "-I", "-S", "-B", "-c", _START, str(theirs.fileno())]
        command += [json.dumps(asdict(caps)), *jobs, sysconfig.get_paths()["purelib"], package]
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
            )
        host = cls(process=process, channel=ours)
        try:
            is_up = receive(ours) is not None
        except (OSError, ValueError):
            is_up = False
        if not is_up:
            host.close()
            msg = f"the parsing process does not start (exit code {process.returncode})"
            raise SandboxError(FailureKind.UNAVAILABLE, msg)
        return host

    def call(
        self, job: str, data: bytes, about: Mapping[str, JsonValue], *, limits: ParseLimits
    ) -> tuple[_Ended, bytes]:
        """One call.

        Raises:
            OSError: the host is gone or silent.
            ValueError: it does not speak as it should.
        """
        self.channel.settimeout(limits.wall_s + _GRACE_S)
        send(self.channel, {"job": job, **about}, data)
        frame = receive(self.channel, limit=limits.output_bytes + _MIB)
        if frame is None:
            raise ConnectionResetError
        return _ENDED.validate_python(frame[0]), frame[1]

    def close(self) -> None:
        """End it and the child it may have."""
        self.channel.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_ENDED = TypeAdapter(_Ended)


def _judged(ended: _Ended, data: bytes) -> Parsed:
    if ended.status == "ok":
        return Parsed(data=data, cpu_s=ended.cpu_s, max_rss=ended.max_rss)
    if ended.status == "unsealed":
        msg = (
            "a parsing process could not be sealed (Landlock and seccomp are needed): set "
            "live.parsing=limited to parse with limits of time and memory alone"
        )
        raise SandboxError(FailureKind.UNAVAILABLE, msg)
    raise ParseBreachError(Breach(ended.status))
