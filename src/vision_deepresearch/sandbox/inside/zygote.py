"""The parent of all calls: loads the libraries once, then forks a confined child for each.

It never runs a program itself and has no threads, so that a fork copies a quiet process. What a
child writes is bytes to it, never a message.
"""

import base64
import contextlib
import gc
import json
import os
import pathlib
import resource
import selectors
import signal
import sys
import time
from dataclasses import dataclass, field

from vision_deepresearch.sandbox.inside import child, landlock, libraries, seccomp, sweep
from vision_deepresearch.sandbox.inside.artifacts import artifacts
from vision_deepresearch.sandbox.inside.channel import Channel

_READ_BYTES = 1 << 16
_WATCH_EVERY_S = 0.05
_MAX_SWEEPERS = 8
"""Processes that remove large leftovers; beyond them the zygote waits, and so does who floods it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where one program at a time may write; used again when it could be emptied."""

    path: str
    rules: int
    """Descriptor of the Landlock ruleset that names it: two hundred rules, laid down once."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """A child at work."""

    id: int
    pid: int
    place: _Place
    streams: dict[int, bytearray]
    """By descriptor: what it wrote."""
    outs: tuple[int, int]
    ready: int
    end: int
    """Descriptor of the process: readable when it ended."""
    deadline: float
    began: float
    settings: "_Settings"
    why: str = ""
    """Why we ended it: "timeout", "output" or "disk"; "" while it runs."""
    open_streams: set[int] = field(default_factory=set)


class Zygote:
    """Forks, watches, kills, reaps and reports."""

    def __init__(self, channel: Channel, *, scratch: str, readable: list[int]) -> None:
        self._channel = channel
        self._scratch = scratch
        self._readable = readable
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, "channel")
        self._calls: dict[int, _Call] = {}
        """By pid."""
        self._free: list[_Place] = []
        self._sweepers: dict[int, int] = {}
        """Process id by its descriptor."""
        self._looked = 0.0

    def serve(self) -> None:
        """Until the other side closes."""
        while True:
            for key, _ in self._selector.select(self._patience()):
                if key.data == "channel":
                    if not self._receive():
                        self._end_all()
                        return
                elif key.fd in self._sweepers:
                    self._end_sweeper(key.fd)
                elif key.data in self._calls:
                    call = self._calls[key.data]
                    if key.fd == call.end:
                        self._reap(call)
                    else:
                        self._drain(call, key.fd)
            self._watch()

    # ------------------------------------------------------------------------------- messages

    def _receive(self) -> bool:
        messages = self._channel.receive()
        if messages is None:
            return False
        for message in messages:
            self._begin(json.loads(message))
        return True

    def _send(self, message: dict[str, object]) -> None:
        self._channel.send(json.dumps(message).encode())

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
        place = self._free.pop() if self._free else self._new_place()
        for name, data in settings.inputs.items():
            pathlib.Path(place.path, name).write_bytes(data)
        pipes = os.pipe(), os.pipe(), os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._be_the_child(settings, place=place, writing=[end for _, end in pipes])
        for _, writing in pipes:
            os.close(writing)
        outs = pipes[0][0], pipes[1][0]
        call = _Call(
            id=number,
            pid=pid,
            place=place,
            streams={out: bytearray() for out in outs},
            outs=outs,
            ready=pipes[2][0],
            end=os.pidfd_open(pid),
            deadline=began + settings.limits.wall_s,
            began=began,
            settings=settings,
            open_streams=set(outs),
        )
        self._calls[pid] = call
        self._selector.register(call.end, selectors.EVENT_READ, pid)
        for out in outs:
            os.set_blocking(out, False)
            self._selector.register(out, selectors.EVENT_READ, pid)

    def _new_place(self) -> _Place:
        path = os.path.join(self._scratch, os.urandom(6).hex())
        os.mkdir(path, 0o700)
        own = os.open(path, os.O_PATH | os.O_DIRECTORY)
        try:
            rules = landlock.new_ruleset(readable=self._readable, own=own)
        finally:
            os.close(own)
        return _Place(path=path, rules=rules)

    def _be_the_child(self, settings: "_Settings", *, place: _Place, writing: list[int]) -> None:
        """Never returns."""
        status = 1
        try:
            status = child.run_program(
                settings.code,
                folder=place.path,
                output=(writing[0], writing[1]),
                ready=writing[2],
                rules=place.rules,
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
        room = call.settings.output_bytes - sum(map(len, call.streams.values()))
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
            if not call.why and looks and self._is_over(call):
                call.why = "disk"
            if call.why:
                self._reap(call)

    def _is_over(self, call: _Call) -> bool:
        room = call.settings.scratch_bytes
        return sweep.unlinked_bytes(call.pid) > room or sweep.is_over(
            call.place.path, num_bytes=room, num_entries=call.settings.scratch_entries
        )

    def _reap(self, call: _Call) -> None:
        """Take in a call that ended or has to; its pid cannot be anybody else's before the wait."""
        _kill(call.pid)
        _, status, used = os.wait4(call.pid, 0)
        self._selector.unregister(call.end)
        os.close(call.end)
        for out in list(call.open_streams):
            self._drain_rest(call, out)
        del self._calls[call.pid]
        self._send(self._reply(call, status=status, used=used))
        self._give_back(call.place)

    def _give_back(self, place: _Place) -> None:
        """Empty again, or never used again: what takes long to remove is removed beside us."""
        with contextlib.suppress(OSError):  # what is left goes when the supervisor closes
            if sweep.empty_if_quick(place.path):
                self._free.append(place)
                return
            os.close(place.rules)
            if len(self._sweepers) < _MAX_SWEEPERS:
                self._start_sweeper(place.path)
            else:
                sweep.remove(place.path)

    def _start_sweeper(self, path: str) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                os.closerange(3, 4096)
                child.die_with_parent()
                sweep.remove(path)
            finally:
                os._exit(0)
        end = os.pidfd_open(pid)
        self._sweepers[end] = pid
        self._selector.register(end, selectors.EVENT_READ, "sweeper")

    def _end_sweeper(self, end: int) -> None:
        self._selector.unregister(end)
        os.waitpid(self._sweepers.pop(end), 0)
        os.close(end)

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
        taken = artifacts(
            call.place.path, call.settings.collect, limit=call.settings.artifact_bytes
        )
        return {
            "id": call.id,
            "why": call.why,
            "exit": os.waitstatus_to_exitcode(status),
            "stdout": base64.b64encode(stdout).decode(),
            "stderr": base64.b64encode(stderr).decode(),
            "artifacts": {
                name: base64.b64encode(data).decode() for name, data in taken.found.items()
            },
            "left_behind": taken.left_behind,
            "cpu_s": used.ru_utime + used.ru_stime,
            "wall_s": time.monotonic() - call.began,
            "max_rss": used.ru_maxrss * 1024,
        }

    def _end_all(self) -> None:
        for pid in (*self._calls, *self._sweepers.values()):
            _kill(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


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
    scratch_entries: int
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
            scratch_entries=int(numbers["scratch_entries"]),
            artifact_bytes=int(numbers["artifact_bytes"]),
        )


def _kill(pid: int) -> None:
    """The process and its group, before anybody waits for it."""
    for target in (pid, -pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, signal.SIGKILL)


def serve(channel: Channel, *, kind: str, scratch: str, site: str) -> None:
    """Load, say so, and fork until the other side closes.

    Args:
        channel: to the supervisor.
        kind: "light" or "sci".
        scratch: folder for the programs' folders.
        site: folder of third-party packages.
    """
    readable = landlock.open_places([
        *libraries.runtime(),
        *libraries.standard_library(),
        *libraries.load(kind, site),
    ])
    # Programs find no module of the project, not even this one.
    library = os.path.dirname(os.__file__)
    sys.path[:] = [library, os.path.join(library, "lib-dynload")]
    zygote = Zygote(channel, scratch=scratch, readable=readable)
    child.drop_privileges()
    seccomp.build_filter(os.getpid())  # what all filters share is kept for the forks
    for name in [name for name in sys.modules if name.partition(".")[0] == "vision_deepresearch"]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    channel.send(b"{}")
    zygote.serve()


def main() -> None:
    """Arguments: descriptor of a socket, kind, scratch folder, folder of third-party packages."""
    socket = int(sys.argv[1])
    kind, scratch, site = sys.argv[2:5]
    serve(Channel(reading=socket, writing=socket), kind=kind, scratch=scratch, site=site)
