"""A replay of programs needs no sandbox; without one and without a recording the call fails as such."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from vision_deepresearch.core.errors import FailureKind, SandboxError
from vision_deepresearch.core.protocols import Sandbox, SandboxResult, SandboxStatus
from vision_deepresearch.sandbox.taped import KIND, TapedSandbox
from vision_deepresearch.store.tape import Tape, TapeMode


class Printer(Sandbox):
    """Prints a number and leaves a file."""

    @override
    async def run(
        self,
        code: str,
        *,
        timeout: float,
        inputs: dict[str, bytes] | None = None,
        collect: Sequence[str] = (),
    ) -> SandboxResult:
        return SandboxResult(
            status=SandboxStatus.OK,
            stdout=f"ran {code}",
            artifacts={"a.png": b"\x00\xff"},
            tier="A",
        )


async def test_a_recorded_program_is_answered_where_no_sandbox_holds(tmp_path: Path) -> None:
    path = tmp_path / "tape.db"
    async with Tape.open(path) as tape:
        assert not tape.holds(KIND)
        first = await TapedSandbox(Printer(), tape).run("1", timeout=5)
        with pytest.raises(SandboxError) as raised:
            await TapedSandbox(None, tape).run("2", timeout=5)
        assert raised.value.kind is FailureKind.UNAVAILABLE
    async with Tape.open(path, mode=TapeMode.REPLAY) as tape:
        assert tape.holds(KIND)
        assert await TapedSandbox(None, tape).run("1", timeout=5) == first
        with pytest.raises(SandboxError) as raised:
            await TapedSandbox(None, tape).run("2", timeout=5)
        assert raised.value.kind is FailureKind.TAPE_MISS
