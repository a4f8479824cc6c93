"""One zygote process seen from outside: started, asked, and replaced when it dies.

Requests and replies travel as frames over a socket pair; what a program printed is bytes in a
reply that the zygote wrote, so a program cannot forge one.
"""

import asyncio
import base64
import contextlib
import json
import socket
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Base64Bytes, JsonValue, ValidationError

from vision_deepresearch.core.errors import FailureKind, SandboxError
from vision_deepresearch.core.record import Record
from vision_deepresearch.sandbox.inside import sweep
from vision_deepresearch.sandbox.inside.channel import FRAME_LIMIT
from vision_deepresearch.sandbox.kinds import ZygoteKind
from vision_deepresearch.sandbox.limits import SandboxLimits
from vision_deepresearch.sandbox.tiers import Runner, Tier, command_for

_START_LIMIT_S = 60.0
"""Loading the scientific libraries takes one to three seconds, more on a busy machine."""
_LAST_BYTES = 2000
_LARGE_FRAME = 2 << 20
"""Bytes; beyond them a reply is read off the loop. A program's output alone stays below."""
_GRACE_S = 5.0
"""Beyond a program's own limit; a zygote that is silent so long is dead."""


class Reply(Record):
    """How a call ended, as the zygote tells it."""

    id: int
    why: Literal["", "timeout", "output", "disk"] = ""
    """Why the zygote ended it; "" when it ended by itself."""
    exit: int = 0
    """Exit code; negative: minus the signal's number."""
    stdout: bytes = b""
    stderr: bytes = b""
    artifacts: dict[str, bytes] = {}
    left_behind: tuple[str, ...] = ()
    cpu_s: float = 0.0
    wall_s: float = 0.0
    max_rss: int = 0
    refused: str | None = None
    """The program was not run: a layer could not be laid on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One program and what it gets."""

    code: str
    timeout_s: float
    inputs: Mapping[str, bytes]
    collect: Sequence[str]


class ZygoteDiedError(Exception):
    """The process is gone; a call may be made again with a new one: it changes nothing outside."""


@dataclass(slots=True, kw_only=True)
class Zygote:
    """A running zygote. Make it with `Zygote.start`."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    scratch: Path
    limits: SandboxLimits
    layers: Mapping[str, bool]
    num_calls: int = 0
    is_dead: bool = False
    _waiting: dict[int, asyncio.Future[Reply]] = field(default_factory=dict)
    _listener: asyncio.Task[None] | None = None
    _hearer: asyncio.Task[None] | None = None
    _told: bytes = b""
    """The end of what it wrote to standard error."""

    @classmethod
    async def start(
        cls,
        tier: Tier,
        *,
        kind: ZygoteKind,
        limits: SandboxLimits,
        layers: Mapping[str, bool] | None = None,
        runner: Runner | None = None,
    ) -> "Zygote":
        """Start one and wait until it has loaded its libraries; not to be cancelled meanwhile.

        Args:
            tier: see `Tier`.
            kind: what it loads.
            limits: of each call.
            layers: names of layers with False take them away: for tests that show each is needed.
            runner: carries it in tier C.

        Raises:
            SandboxError: it does not start here.
        """
        scratch = Path(tempfile.mkdtemp(prefix="vdr-sandbox-"))
        ours, theirs = socket.socketpair()
        channel = theirs.fileno()
        try:
            if runner is not None:
                process = await asyncio.create_subprocess_exec(
                    *runner.command,
                    kind.value,
                    stdin=channel,
                    stdout=channel,
                    stderr=asyncio.subprocess.PIPE,
                    env=runner.environment,
                    start_new_session=True,  # an interrupt from the keyboard is for us alone
                )
            else:
                process = await asyncio.create_subprocess_exec(
                    *command_for(tier, kind=kind, scratch=scratch, channel=channel, limits=limits),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env={},
                    pass_fds=[channel],
                )
        except OSError as reason:
            ours.close()
            _remove(scratch)
            raise SandboxError(FailureKind.UNAVAILABLE, "the sandbox does not start") from reason
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        zygote = cls(
            process=process,
            reader=reader,
            writer=writer,
            scratch=scratch,
            limits=limits,
            layers=layers or {},
        )
        zygote._hearer = asyncio.create_task(zygote._hear())
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await zygote._frame()
        except (TimeoutError, ZygoteDiedError) as reason:
            told = await zygote._last_words()
            await zygote.close()
            msg = f"the sandbox does not start in tier {tier.value}: {told or 'no reason given'}"
            raise SandboxError(FailureKind.UNAVAILABLE, msg) from reason
        zygote._listener = asyncio.create_task(zygote._listen())
        return zygote

    async def call(self, request: Request) -> Reply:
        """Run one program.

        Raises:
            ZygoteDiedError: the zygote is gone or silent.
        """
        if self.is_dead:  # between calls, when nobody waited to be told
            raise ZygoteDiedError
        self.num_calls += 1
        number = self.num_calls
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._write({
                "id": number,
                "code": request.code,
                "inputs": {
                    name: base64.b64encode(data).decode() for name, data in request.inputs.items()
                },
                "collect": list(request.collect),
                "limits": {
                    **self.limits.model_dump(include=set(_TOLD)),
                    "wall_s": request.timeout_s,
                },
                "layers": dict(self.layers),
            })
            async with asyncio.timeout(request.timeout_s + _GRACE_S):
                await self.writer.drain()
                return await waiting
        except (TimeoutError, ConnectionError) as reason:
            self.is_dead = True
            raise ZygoteDiedError from reason
        finally:
            self._waiting.pop(number, None)
            if (
                not waiting.done() or waiting.cancelled()
            ) and not self.is_dead:  # nobody wants the result any more
                self._write({"id": number, "cancel": True})

    async def close_when_idle(self) -> None:
        """Let the calls that run end, each within its own limit; then close."""
        while self._waiting and not self.is_dead:
            await asyncio.wait(list(self._waiting.values()))
            await asyncio.sleep(0)
        await self.close()

    async def close(self) -> None:
        """End it and all its calls; their folders go with it."""
        self.is_dead = True
        self.writer.close()
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        try:
            async with asyncio.timeout(1):
                await self.process.wait()
        except TimeoutError:
            self._kill()
            await self.process.wait()
        if self._hearer is not None:
            self._hearer.cancel()
        await asyncio.to_thread(_remove, self.scratch)  # of a hostile program: seconds

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    # ------------------------------------------------------------------------------- frames

    def _write(self, message: Mapping[str, JsonValue]) -> None:
        data = json.dumps(message).encode()
        self.writer.write(struct.pack(">I", len(data)) + data)

    async def _frame(self) -> bytes:
        try:
            (length,) = struct.unpack(">I", await self.reader.readexactly(4))
            if length > FRAME_LIMIT:
                raise ZygoteDiedError
            return await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as reason:
            raise ZygoteDiedError from reason

    async def _listen(self) -> None:
        try:
            while True:
                frame = await self._frame()
                large = len(frame) > _LARGE_FRAME  # 16 MiB of pictures: 60 ms, in pieces of 13 ms
                reply = await asyncio.to_thread(_parsed, frame) if large else _parsed(frame)
                waiting = self._waiting.get(reply.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        except (ZygoteDiedError, ValidationError):
            self.is_dead = True
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ZygoteDiedError())

    async def _hear(self) -> None:
        """Keep the end of its standard error; a pipe that nobody reads would stop it."""
        assert self.process.stderr is not None, "it is a pipe"
        while data := await self.process.stderr.read(_LAST_BYTES):
            self._told = (self._told + data)[-_LAST_BYTES:]

    async def _last_words(self) -> str:
        with contextlib.suppress(TimeoutError):  # let it say why it goes
            async with asyncio.timeout(1):
                await self.process.wait()
        self._kill()
        if self._hearer is not None:
            await asyncio.wait([self._hearer], timeout=1)
        lines = self._told.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def _remove(scratch: Path) -> None:
    """What cannot be removed stays: it is in the folder for temporary files."""
    with contextlib.suppress(OSError):
        sweep.remove(str(scratch))


_TOLD = frozenset({
    "memory_bytes",
    "file_bytes",
    "scratch_bytes",
    "scratch_entries",
    "open_files",
    "stack_bytes",
    "output_bytes",
    "artifact_bytes",
})


def _parsed(data: bytes) -> Reply:
    """A frame as a reply; bytes come in base64.

    Raises:
        ValidationError: it is none.
    """
    return _WireReply.model_validate_json(data).reply()


class _WireReply(Reply):
    """A reply as it travels."""

    stdout: Base64Bytes = b""
    stderr: Base64Bytes = b""
    artifacts: dict[str, Base64Bytes] = {}

    def reply(self) -> Reply:
        """With its bytes."""
        return Reply(**self.__dict__)
