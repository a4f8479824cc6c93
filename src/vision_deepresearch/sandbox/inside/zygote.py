"""The parent of all calls: loads the libraries once, then forks a confined child for each.

It never runs a program itself and has no threads, so that a fork copies a quiet process. It talks
over one socket in frames: four bytes of length, then JSON. What a child writes is bytes to it,
never a message.
"""

import base64
import contextlib
import gc
import importlib
import json
import os
import pathlib
import re
import resource
import selectors
import shutil
import signal
import socket
import stat
import struct
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision_deepresearch.sandbox.inside import child, landlock

FRAME_LIMIT = 64 << 20
"""Bytes of one message, either way."""
_READ_BYTES = 1 << 16
_WATCH_EVERY_S = 0.05
_RUNTIME = ("/usr/lib64", "/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/zero")
_SAFE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each BLAS thread would reserve a good part of a program's address space."""
LIBRARIES = (
    "numpy",
    "numpy.fft",
    "numpy.linalg",
    "numpy.random",
    "pandas",
    "sympy",
    "mpmath",
    "PIL",
    "matplotlib",
)
"""Of the scientific kind; those that are not installed are left out."""
_COMPANIONS = (
    "numpy.libs", "pandas.libs", "pillow.libs", "dateutil", "pytz", "tzdata", "six.py", "cycler",
    "kiwisolver", "contourpy", "pyparsing", "fontTools", "packaging", "mpl_toolkits", "pylab.py",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Call:
    """A child at work."""

    id: int
    pid: int
    folder: str
    streams: dict[int, bytearray]
    """By descriptor: what it wrote."""
    outs: tuple[int, int]
    ready: int
    end: int
    """Descriptor of the process: readable when it ended."""
    deadline: float
    began: float
    limits: child.Limits
    output_bytes: int
    scratch_bytes: int
    collect: tuple[str, ...]
    artifact_bytes: int
    why: str = ""
    """Why we ended it: "timeout", "output" or "disk"; "" while it runs."""
    open_streams: set[int] = field(default_factory=set)


class Zygote:
    """Forks, watches, kills, reaps and reports."""

    def __init__(self, channel: socket.socket, *, scratch: str, readable: list[int]) -> None:
        self._channel = channel
        self._scratch = scratch
        self._readable = readable
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, "channel")
        self._calls: dict[int, _Call] = {}
        """By pid."""
        self._inbox = bytearray()
        self._looked = 0.0

    def serve(self) -> None:
        """Until the other side closes."""
        while True:
            for key, _ in self._selector.select(self._patience()):
                if key.data == "channel":
                    if not self._receive():
                        self._end_all()
                        return
                elif key.data in self._calls:
                    call = self._calls[key.data]
                    if key.fd == call.end:
                        self._reap(call)
                    else:
                        self._drain(call, key.fd)
            self._watch()

    # ------------------------------------------------------------------------------- messages

    def _receive(self) -> bool:
        data = self._channel.recv(_READ_BYTES)
        if not data:
            return False
        self._inbox += data
        while len(self._inbox) >= 4:
            (length,) = struct.unpack(">I", self._inbox[:4])
            if length > FRAME_LIMIT:
                return False
            if len(self._inbox) < 4 + length:
                return True
            message = json.loads(bytes(self._inbox[4 : 4 + length]))
            del self._inbox[: 4 + length]
            self._begin(message)
        return True

    def _send(self, message: dict[str, object]) -> None:
        data = json.dumps(message).encode()
        self._channel.setblocking(True)
        self._channel.sendall(struct.pack(">I", len(data)) + data)

    # ---------------------------------------------------------------------------------- calls

    def _begin(self, request: dict[str, object]) -> None:
        """Fork a child for one request, or say why not."""
        number = request["id"]
        assert isinstance(number, int), "requests come from our own supervisor"
        if "cancel" in request:
            for call in self._calls.values():
                call.why = "timeout" if call.id == number else call.why
            return
        try:
            self._fork(number, request)
        except OSError as error:
            self._send({"id": number, "refused": f"{type(error).__name__}: {error}"})

    def _fork(self, number: int, request: dict[str, object]) -> None:
        settings = _Settings.of(request)
        folder = os.path.join(self._scratch, f"{number}-{os.urandom(6).hex()}")
        os.mkdir(folder, 0o700)
        for name, data in settings.inputs.items():
            pathlib.Path(folder, name).write_bytes(data)
        pipes = os.pipe(), os.pipe(), os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._be_the_child(settings, folder=folder, writing=[end for _, end in pipes])
        for _, writing in pipes:
            os.close(writing)
        outs = pipes[0][0], pipes[1][0]
        call = _Call(
            id=number,
            pid=pid,
            folder=folder,
            streams={out: bytearray() for out in outs},
            outs=outs,
            ready=pipes[2][0],
            end=os.pidfd_open(pid),
            deadline=began + settings.limits.wall_s,
            began=began,
            limits=settings.limits,
            output_bytes=settings.output_bytes,
            scratch_bytes=settings.scratch_bytes,
            collect=settings.collect,
            artifact_bytes=settings.artifact_bytes,
            open_streams=set(outs),
        )
        self._calls[pid] = call
        self._selector.register(call.end, selectors.EVENT_READ, pid)
        for out in outs:
            os.set_blocking(out, False)
            self._selector.register(out, selectors.EVENT_READ, pid)

    def _be_the_child(self, settings: "_Settings", *, folder: str, writing: list[int]) -> None:
        """Never returns."""
        status = 1
        try:
            status = child.run_program(
                settings.code,
                folder=folder,
                output=(writing[0], writing[1]),
                ready=writing[2],
                readable=self._readable,
                limits=settings.limits,
                layers=settings.layers,
            )
        except OSError as error:
            os.write(2, str(error).encode())
        finally:
            os._exit(status)

    def _drain(self, call: _Call, out: int) -> None:
        try:
            data = os.read(out, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._close(call, out)
            return
        room = call.output_bytes - sum(map(len, call.streams.values()))
        call.streams[out] += data[: max(room, 0)]
        if len(data) > room:
            call.why = call.why or "output"

    def _close(self, call: _Call, out: int) -> None:
        if out in call.open_streams:
            call.open_streams.remove(out)
            self._selector.unregister(out)
            os.close(out)

    # --------------------------------------------------------------------------------- watching

    def _patience(self) -> float | None:
        if not self._calls:
            return None
        next_deadline = min(call.deadline for call in self._calls.values())
        return max(0.0, min(next_deadline - time.monotonic(), _WATCH_EVERY_S))

    def _watch(self) -> None:
        now = time.monotonic()
        looks = now - self._looked >= _WATCH_EVERY_S
        if looks:
            self._looked = now
        for call in list(self._calls.values()):
            if not call.why and now >= call.deadline:
                call.why = "timeout"
            if not call.why and looks and _size_of(call.folder) > call.scratch_bytes:
                call.why = "disk"
            if call.why:
                self._reap(call)

    def _reap(self, call: _Call) -> None:
        """Take in a call that ended or has to; its pid cannot be anybody else's before the wait."""
        _kill(call.pid)
        _, status, used = os.wait4(call.pid, 0)
        self._selector.unregister(call.end)
        os.close(call.end)
        for out in list(call.open_streams):
            self._drain_rest(call, out)
        del self._calls[call.pid]
        reply = self._reply(call, status=status, used=used)
        shutil.rmtree(call.folder, ignore_errors=True)
        self._send(reply)

    def _drain_rest(self, call: _Call, out: int) -> None:
        while out in call.open_streams:
            before = len(call.streams[out])
            self._drain(call, out)
            if out in call.open_streams and len(call.streams[out]) == before:
                self._close(call, out)

    def _reply(
        self, call: _Call, *, status: int, used: resource.struct_rusage
    ) -> dict[str, object]:
        stdout, stderr = (bytes(call.streams[out]) for out in call.outs)
        was_ready = os.read(call.ready, 1) == b"1"
        os.close(call.ready)
        if not was_ready:
            return {"id": call.id, "refused": stderr.decode("utf-8", "replace")[:500]}
        return {
            "id": call.id,
            "why": call.why,
            "exit": os.waitstatus_to_exitcode(status),
            "stdout": base64.b64encode(stdout).decode(),
            "stderr": base64.b64encode(stderr).decode(),
            "artifacts": {
                name: base64.b64encode(data).decode()
                for name, data in _artifacts(call.folder, call.collect, call.artifact_bytes)
            },
            "cpu_s": used.ru_utime + used.ru_stime,
            "wall_s": time.monotonic() - call.began,
            "max_rss": used.ru_maxrss * 1024,
        }

    def _end_all(self) -> None:
        for call in self._calls.values():
            _kill(call.pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(call.pid, 0)
            shutil.rmtree(call.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """One request, unpacked."""

    code: str
    inputs: dict[str, bytes]
    collect: tuple[str, ...]
    limits: child.Limits
    layers: child.Layers
    output_bytes: int
    scratch_bytes: int
    artifact_bytes: int

    @classmethod
    def of(cls, request: dict[str, object]) -> "_Settings":
        """From what the supervisor sent."""
        numbers = request["limits"]
        layers = request["layers"]
        inputs = request["inputs"]
        collect = request["collect"]
        assert isinstance(numbers, dict)
        assert isinstance(layers, dict)
        assert isinstance(inputs, dict)
        assert isinstance(collect, list)
        return cls(
            code=str(request["code"]),
            inputs={str(name): base64.b64decode(str(data)) for name, data in inputs.items()},
            collect=tuple(map(str, collect)),
            limits=child.Limits(
                wall_s=float(numbers["wall_s"]),
                memory_bytes=int(numbers["memory_bytes"]),
                file_bytes=int(numbers["file_bytes"]),
                open_files=int(numbers["open_files"]),
                stack_bytes=int(numbers["stack_bytes"]),
            ),
            layers=child.Layers(**layers),
            output_bytes=int(numbers["output_bytes"]),
            scratch_bytes=int(numbers["scratch_bytes"]),
            artifact_bytes=int(numbers["artifact_bytes"]),
        )


def _kill(pid: int) -> None:
    """The process and its group, before anybody waits for it."""
    for target in (pid, -pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, signal.SIGKILL)


def _size_of(folder: str) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def _artifacts(folder: str, wanted: Sequence[str], limit: int) -> list[tuple[str, bytes]]:
    """Regular files that the caller asked for, by name or as "*.ending"; only after the child died."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return []
    found: list[tuple[str, bytes]] = []
    left = 4 * limit
    try:
        for name in sorted(os.listdir(place)):
            if not _SAFE_NAME.fullmatch(name) or not any(
                name == want or (want.startswith("*.") and name.endswith(want[1:]))
                for want in wanted
            ):
                continue
            data = _regular(place, name, min(limit, left))
            if data is not None:
                found.append((name, data))
                left -= len(data)
    finally:
        os.close(place)
    return found


def _regular(place: int, name: str, limit: int) -> bytes | None:
    """The bytes of a plain file with one name; None: something else, or too large."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError:
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1 or about.st_size > limit:
            return None
        data = os.read(file, limit + 1)
    finally:
        os.close(file)
    return data if len(data) <= limit else None


# ------------------------------------------------------------------------------------------- start


def _load(kind: str, site: str) -> list[str]:
    """Import and warm what programs of this kind may use; returns the places to read it from."""
    if kind == "light":
        return []
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    sys.path.append(site)
    places: list[str] = []
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            places.append(os.path.join(site, name.partition(".")[0]))
    _warm()
    # Companions are found by what is loaded already: the folder they stand in cannot be listed.
    sys.path.remove(site)
    return [*places, *(os.path.join(site, name) for name in _COMPANIONS)]


def _warm() -> None:
    """First uses load and compile a good deal: once here instead of in every child."""
    loaded = sys.modules
    if "pandas" in loaded:
        frame = importlib.import_module("pandas").DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
        str(frame.describe())
        str(frame.groupby("b")["a"].mean())
    if "sympy" in loaded:
        algebra = importlib.import_module("sympy")
        x = algebra.symbols("x")
        algebra.solve(x**2 - 2, x)
        str(algebra.integrate(x * algebra.exp(x), x))
    if "PIL" in loaded:
        importlib.import_module("PIL.Image").init()
    if "matplotlib" in loaded:
        importlib.import_module("matplotlib").use("Agg")
        plot = importlib.import_module("matplotlib.pyplot")
        plot.figure().canvas.draw()
        plot.close("all")


def _standard_library() -> list[str]:
    """Every entry of the library folder but third-party packages, of which ours may be one."""
    folder = os.path.dirname(os.__file__)
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name not in {"site-packages", "dist-packages"}
    ]


def _runtime() -> list[str]:
    """Shared libraries and devices."""
    machine = sysconfig.get_config_var("MULTIARCH") or ""
    places = [*_RUNTIME, *((f"/usr/lib/{machine}", f"/lib/{machine}") if machine else ())]
    own = os.path.join(sys.base_prefix, "lib")
    with contextlib.suppress(OSError):
        places += [os.path.join(own, name) for name in sorted(os.listdir(own)) if ".so" in name]
    return places


def main() -> None:
    """Arguments: descriptor of the channel, kind, scratch folder, folder of third-party packages."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    kind, scratch, site = sys.argv[2:5]
    readable = landlock.open_places([*_runtime(), *_standard_library(), *_load(kind, site)])
    # Programs find no module of the project, not even this one.
    library = os.path.dirname(os.__file__)
    sys.path[:] = [library, os.path.join(library, "lib-dynload")]
    zygote = Zygote(channel, scratch=scratch, readable=readable)
    for name in [name for name in sys.modules if name.partition(".")[0] == "vision_deepresearch"]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    channel.sendall(struct.pack(">I", 2) + b"{}")
    zygote.serve()


if __name__ == "__main__":
    main()
