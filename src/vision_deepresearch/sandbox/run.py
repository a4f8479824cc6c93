"""The `Sandbox` of a machine: programs go to a zygote of their kind, results come back as records."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from vision_deepresearch.core.errors import FailureKind, SandboxError
from vision_deepresearch.core.protocols import SandboxResult, SandboxStatus
from vision_deepresearch.sandbox.inside.child import OUT_OF_MEMORY
from vision_deepresearch.sandbox.kinds import ZygoteKind, kind_of
from vision_deepresearch.sandbox.limits import SandboxLimits
from vision_deepresearch.sandbox.output import clean_text
from vision_deepresearch.sandbox.tiers import Runner, Tier
from vision_deepresearch.sandbox.zygote import Reply, Request, Zygote, ZygoteDiedError

_SIGXCPU = 24
_MAX_TIMEOUT_S = 300.0
_LONGEST_CODE = 1 << 20


class ZygoteSandbox:
    """Runs programs in forks of a warm process. An asynchronous context manager.

    Zygotes start with the first program of their kind and are replaced after a number of calls.
    """

    def __init__(
        self,
        tier: Tier,
        *,
        limits: SandboxLimits | None = None,
        layers: Mapping[str, bool] | None = None,
        runner: Runner | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            tier: one that a probe found to hold, see `probe.find_tier`.
            limits: of each call.
            layers: for tests: names of layers to leave out.
            runner: for tier C, and for no other.
        """
        self.tier = tier
        self._limits = limits or SandboxLimits()
        self._layers = dict(layers or {})
        assert (runner is not None) == (tier is Tier.C), "a runner is what makes tier C"
        self._runner = runner
        self._zygotes: dict[ZygoteKind, Zygote] = {}
        self._starting: dict[ZygoteKind, asyncio.Task[Zygote]] = {}
        self._slots = asyncio.Semaphore(self._limits.concurrency)
        self._retired: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ZygoteSandbox":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with AsyncExitStack() as stack:
            if self._starting:
                await asyncio.wait(list(self._starting.values()))
            for zygote in self._zygotes.values():
                stack.push_async_callback(zygote.close)
            for task in list(self._retired):
                stack.push_async_callback(asyncio.wait, [task])
        self._zygotes.clear()

    async def run(
        self,
        code: str,
        *,
        timeout: float,  # noqa: ASYNC109 - the limit is the guest's, enforced outside it
        inputs: dict[str, bytes] | None = None,
        collect: Sequence[str] = (),
    ) -> SandboxResult:
        """Run a program; see `core.protocols.Sandbox`.

        Args:
            code: Python source.
            timeout: wall-clock seconds; at most 300.
            inputs: files that stand in its folder, by name.
            collect: names, or endings as "*.png", of files to bring back.

        Raises:
            SandboxError: the sandbox does not run here, or died twice over this program.
            ValueError: a name that is no plain file name, or a program of more than 1 MiB.
        """
        request = Request(
            code=code,
            timeout_s=min(max(timeout, 0.1), _MAX_TIMEOUT_S),
            inputs=_checked(inputs or {}),
            collect=tuple(collect),
        )
        if len(code.encode("utf-8", "surrogatepass")) > _LONGEST_CODE:
            return SandboxResult(
                status=SandboxStatus.ERROR, stderr="the program is too long", tier=self.tier.value
            )
        kind = kind_of(code)
        async with self._slots:
            for _ in range(2):  # a call is pure: it may be made again when its zygote dies
                zygote = await self._zygote(kind)
                try:
                    reply = await zygote.call(request)
                except ZygoteDiedError:
                    self._retire(kind, zygote)
                    continue
                return self._result(reply)
        msg = "the sandbox died twice over one program"
        raise SandboxError(FailureKind.UNAVAILABLE, msg)

    async def _zygote(self, kind: ZygoteKind) -> Zygote:
        zygote = self._zygotes.get(kind)
        if zygote is not None:
            if zygote.num_calls < self._limits.calls_per_zygote and not zygote.is_dead:
                return zygote
            self._retire(kind, zygote)
        if kind not in self._starting:
            start = asyncio.create_task(self._start(kind))
            start.add_done_callback(_heard)
            self._starting[kind] = start
        # One start serves all who wait for it, and a caller who gives up leaves no half of one.
        return await asyncio.shield(self._starting[kind])

    async def _start(self, kind: ZygoteKind) -> Zygote:
        try:
            zygote = await Zygote.start(
                self.tier,
                kind=kind,
                limits=self._limits,
                layers=self._layers,
                runner=self._runner,
            )
        finally:
            del self._starting[kind]
        self._zygotes[kind] = zygote
        return zygote

    def _retire(self, kind: ZygoteKind, zygote: Zygote) -> None:
        """Take it out of use; calls that still run in it are let end."""
        if self._zygotes.get(kind) is not zygote:
            return  # another call that met the same death was first
        del self._zygotes[kind]
        task = asyncio.create_task(zygote.close_when_idle())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def _result(self, reply: Reply) -> SandboxResult:
        if reply.refused is not None:
            msg = f"the sandbox could not confine the program: {reply.refused}"
            raise SandboxError(FailureKind.UNAVAILABLE, msg)
        return SandboxResult(
            status=_status_of(reply),
            stdout=clean_text(reply.stdout),
            stderr=clean_text(reply.stderr),
            artifacts=reply.artifacts,
            left_behind=reply.left_behind,
            cpu_s=reply.cpu_s,
            wall_s=reply.wall_s,
            max_rss=reply.max_rss,
            tier=self.tier.value,
        )


def _status_of(reply: Reply) -> SandboxStatus:
    match reply.why:
        case "timeout":
            return SandboxStatus.TIMEOUT
        case "output":
            return SandboxStatus.OUTPUT
        case "disk":
            return SandboxStatus.KILLED
        case "":
            pass
    if reply.exit == 0:
        return SandboxStatus.OK
    if reply.exit == -_SIGXCPU:
        return SandboxStatus.TIMEOUT
    if reply.exit < 0:
        return SandboxStatus.KILLED
    return SandboxStatus.OOM if reply.exit == OUT_OF_MEMORY else SandboxStatus.ERROR


def _heard(start: asyncio.Task[Zygote]) -> None:
    """Who waited for it may have given up: its error is no news then."""
    if not start.cancelled():
        start.exception()


def _checked(inputs: Mapping[str, bytes]) -> Mapping[str, bytes]:
    for name in inputs:
        plain = name.replace(".", "").replace("_", "").replace("-", "")
        if not (1 <= len(name) <= 64 and plain.isascii() and plain.isalnum()):
            msg = f"expected plain names of files as inputs, got {name!r}: use letters and digits"
            raise ValueError(msg)
    return inputs
