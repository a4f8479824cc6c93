"""Parses what strangers made, one forked child per call, and never looks at it itself.

    caller ==socket==> this process: forks ==> child: gives everything up, parses, writes to a pipe

The functions are loaded before anything hostile arrives. A child has no file, no socket, no other
process, a bounded memory, and a parent that ends it in time; what it writes is bytes here, passed
on uninterpreted. Frames: two lengths of four bytes, JSON, then bytes.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vision_deepresearch.sandbox.inside import landlock, seccomp

HEAD = struct.Struct(">II")
"""Lengths of the JSON and of the bytes behind it."""
OUT_OF_MEMORY = 86
"""Exit code of a child whose memory did not suffice."""
NOT_LOADED = 87
"""Exit code of a child that wanted a module which nobody loaded in time."""
_SEALED = b"s"
"""Written by a child when every layer holds, before it touches its input."""
_READ_BYTES = 1 << 20
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_RESULT = 3
"""The one descriptor that a child keeps beside its empty standard streams."""

Job = Callable[[bytes, Mapping[str, object]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What one call may use, and what confines it."""

    wall_s: float
    memory_bytes: int
    """Of address space, beyond what the loaded libraries take."""
    output_bytes: int
    is_sealed: bool
    """False: limits alone, where the kernel has no Landlock or seccomp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a child ended, and what it wrote."""

    why: str
    """"timeout" or "output" when it was ended from here; else ""."""
    exit: int
    written: bytes
    cpu_s: float
    max_rss: int


def main() -> None:
    """Arguments: descriptor of the channel, caps as JSON, then jobs as NAME=MODULE:FUNCTION."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    caps = Caps(**json.loads(sys.argv[2]))
    jobs = dict(_loaded(named) for named in sys.argv[3:])
    gc.collect()
    gc.freeze()
    loaded = _address_space()
    send(channel, {"loaded_bytes": loaded})
    while (frame := receive(channel)) is not None:
        about, data = frame
        job = jobs[str(about.pop("job"))]
        ended = _run(job, data, about, caps=caps, loaded=loaded, channel=channel)
        if ended is None:
            return
        send(channel, *_reply(ended))


def send(channel: socket.socket, told: Mapping[str, object], data: bytes = b"") -> None:
    """Write a frame."""
    head = json.dumps(told).encode()
    channel.sendall(HEAD.pack(len(head), len(data)) + head)
    channel.sendall(data)


def receive(
    channel: socket.socket, *, limit: int = 1 << 32
) -> tuple[dict[str, object], bytes] | None:
    """Read a frame; None: the other side is gone.

    Raises:
        ValueError: a frame of more than `limit` bytes.
    """
    lengths = _exactly(channel, HEAD.size)
    if lengths is None:
        return None
    sizes = HEAD.unpack(lengths)
    if sum(sizes) > limit:
        msg = f"a frame of at most {limit:,} bytes was expected, got {sum(sizes):,}"
        raise ValueError(msg)
    head, data = (_exactly(channel, size) for size in sizes)
    return None if head is None or data is None else (json.loads(head), data)


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    got = bytearray(size)
    view, at = memoryview(got), 0
    while at < size:
        num = channel.recv_into(view[at:])
        if num == 0:
            return None
        at += num
    return bytes(got)


def _loaded(named: str) -> tuple[str, Job]:
    """A job by its name; its module may have a `warm` that does all that needs files."""
    name, _, place = named.partition("=")
    module_name, _, function = place.partition(":")
    module = importlib.import_module(module_name)
    warm = module.__dict__.get("warm")
    if warm is not None:
        warm()
    return name, module.__dict__[function]


def _address_space() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def _reply(ended: _Ended) -> tuple[dict[str, object], bytes]:
    """What the caller is told. Nothing a child writes decides the status of another call."""
    status = ended.why
    if not status and not ended.written.startswith(_SEALED):
        status = "unsealed"
    elif not status and ended.exit == OUT_OF_MEMORY:
        status = "memory"
    elif not status and ended.exit == -signal.SIGXCPU:
        status = "timeout"
    elif not status:
        status = "ok" if ended.exit == 0 else "died"
    told: dict[str, object] = {
        "status": status,
        "exit": ended.exit,
        "cpu_s": ended.cpu_s,
        "max_rss": ended.max_rss,
    }
    return told, ended.written[len(_SEALED) :] if status == "ok" else ended.written[:500]


# ------------------------------------------------------------------------------------------- call


def _run(
    job: Job,
    data: bytes,
    about: Mapping[str, object],
    *,
    caps: Caps,
    loaded: int,
    channel: socket.socket,
) -> _Ended | None:
    """Fork, watch, end, reap; None: the caller is gone."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_the_child(job, data, about, writing=writing, caps=caps, loaded=loaded)
    os.close(writing)
    try:
        watched = _watch(pid, reading, channel=channel, caps=caps)
    finally:
        os.close(reading)
        # Before anybody waits for it: the number cannot be another process's.
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    if watched is None:
        return None
    why, written = watched
    code = os.waitstatus_to_exitcode(status)
    return _Ended(
        why=why,
        exit=code,
        written=written,
        cpu_s=used.ru_utime + used.ru_stime,
        max_rss=used.ru_maxrss * 1024,
    )


def _watch(
    pid: int, reading: int, *, channel: socket.socket, caps: Caps
) -> tuple[str, bytes] | None:
    """Collect until the child closes its pipe, and wait until it ended by itself."""
    deadline = time.monotonic() + caps.wall_s
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    poll.register(channel, select.POLLIN)
    written = bytearray()
    while (left := deadline - time.monotonic()) > 0:
        for place, _ in poll.poll(left * 1000):
            if place != reading:
                return None  # one call at a time: the caller can only have gone
            piece = os.read(reading, _READ_BYTES)
            if not piece:
                return _awaited(pid, bytes(written), deadline=deadline)
            written += piece
            if len(written) > caps.output_bytes:
                return "output", b""
    return "timeout", b""


def _awaited(pid: int, written: bytes, *, deadline: float) -> tuple[str, bytes]:
    """Its exit code tells how it ended, so a child is let end; until its time is up."""
    end = os.pidfd_open(pid)
    try:
        left = max(0.0, deadline - time.monotonic())
        has_ended = bool(select.select([end], [], [], left)[0])
    finally:
        os.close(end)
    return ("", written) if has_ended else ("timeout", b"")


def _be_the_child(
    job: Job,
    data: bytes,
    about: Mapping[str, object],
    *,
    writing: int,
    caps: Caps,
    loaded: int,
) -> None:
    """Never returns; what a job raises is told by the exit code alone."""
    status = 1
    try:
        _give_up_everything(writing, caps=caps, loaded=loaded)
        _write_all(_SEALED)
        _write_all(job(data, about))
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


class _NoMoreModules:
    """Ends a child that wants a module: without files it would take a good input for a broken one.

    Charsets are asked for by names that inputs give; those that there are were loaded before.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name.startswith("encodings."):
            raise ModuleNotFoundError(name)
        os._exit(NOT_LOADED)


def _write_all(result: bytes) -> None:
    view = memoryview(result)
    while view:
        view = view[os.write(_RESULT, view) :]


def _give_up_everything(writing: int, *, caps: Caps, loaded: int) -> None:
    """Order: session, streams, descriptors, environment, limits, Landlock, seccomp.

    Raises:
        OSError: a layer could not be laid on.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(nothing, target)
    os.dup2(writing, _RESULT)
    os.closerange(_RESULT + 1, 4096)
    os.environ.clear()
    most = loaded + caps.memory_bytes
    cpu_s = int(caps.wall_s) + 1
    for which, value in (
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (value, value))
    if not caps.is_sealed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, int(signal.SIGKILL)), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refused")
    sys.meta_path.insert(0, _NoMoreModules)
    landlock.seal()
    seccomp.load_filter(seccomp.build_filter(os.getpid()))
