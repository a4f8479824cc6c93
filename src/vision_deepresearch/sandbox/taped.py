"""A sandbox whose every program is answered from a tape, or run once and recorded.

A program is a pure function of code, inputs and limits, but for time and chance, which a replay
fixes. So a replay needs no sandbox, and gives what the first run gave.
"""

import hashlib
from collections.abc import Sequence

from vision_deepresearch.core.errors import FailureKind, SandboxError
from vision_deepresearch.core.protocols import Sandbox, SandboxResult
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.tape import Tape

VERSION = 1
"""Of requests and replies below; raised when either changes its meaning."""
KIND = "python"
"""Of its recordings."""
_PROVIDER = "sandbox"


class RecordedOnly:
    """Stands below a tape that is only replayed: whatever is not on it cannot be had."""

    async def run(
        self,
        code: str,  # noqa: ARG002 - the seam's signature
        *,
        timeout: float,  # noqa: ARG002, ASYNC109 - the seam's signature
        inputs: dict[str, bytes] | None = None,  # noqa: ARG002 - the seam's signature
        collect: Sequence[str] = (),  # noqa: ARG002 - the seam's signature
    ) -> SandboxResult:
        """Never runs anything.

        Raises:
            SandboxError: always.
        """
        raise SandboxError(FailureKind.UNAVAILABLE, "no program is run in a replay")


class TapedSandbox:
    """Wraps a sandbox; a `Sandbox` itself."""

    def __init__(self, sandbox: Sandbox | None, tape: Tape) -> None:
        """Wrap a sandbox; None: there is none here, for replays of runs that had one."""
        self._sandbox = sandbox
        self._tape = tape

    async def run(
        self,
        code: str,
        *,
        timeout: float,  # noqa: ASYNC109 - the limit is the guest's, enforced outside it
        inputs: dict[str, bytes] | None = None,
        collect: Sequence[str] = (),
    ) -> SandboxResult:
        """As the wrapped sandbox.

        Raises:
            SandboxError: it cannot run, or nothing was recorded in a replay (tape_miss).
        """
        given = inputs or {}

        async def run() -> Reply:
            if self._sandbox is None:
                raise SandboxError(FailureKind.UNAVAILABLE, "no sandbox holds on this machine")
            result = await self._sandbox.run(code, timeout=timeout, inputs=given, collect=collect)
            told = result.model_copy(update={"artifacts": dict.fromkeys(result.artifacts, b"")})
            return Reply(value=told.model_dump_json(), blobs=tuple(result.artifacts.values()))

        request = Request(
            kind=KIND,
            provider=_PROVIDER,
            version=VERSION,
            body={
                "code": code,
                "timeout": timeout,
                "inputs": {
                    name: hashlib.sha256(data).hexdigest() for name, data in sorted(given.items())
                },
                "collect": list(collect),
            },
        )
        answer = await self._tape.ask(request, run, error=SandboxError)
        told = SandboxResult.model_validate_json(answer.reply.value)
        artifacts = dict(zip(told.artifacts, answer.reply.blobs, strict=True))
        return told.model_copy(update={"artifacts": artifacts})
