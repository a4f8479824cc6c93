"""Which tier holds on this machine: tried, not inferred from a version number.

A program that tries to get out must fail at everything, and an ordinary one must work. Without a
tier that holds there is no sandbox: nothing falls back to running code unconfined.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError, SandboxError
from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.limits import SandboxLimits
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.tiers import Runner, Tier, can_try

_CANARY = "vdr-probe-canary"
_ESCAPES = """
import os, socket
held = []
def tried(name, what):
    try:
        what()
    except (OSError, MemoryError) as error:
        held.append(name)
tried("read", lambda: open({secret!r}).read())
tried("write", lambda: open({secret!r} + ".new", "w").write("x"))
tried("list", lambda: os.listdir({folder!r}))
tried("socket", lambda: socket.socket())
tried("fork", lambda: os._exit(0) if os.fork() == 0 else None)
tried("exec", lambda: os.execv("/bin/true", ["true"]))
tried("kill", lambda: os.kill(os.getppid(), 0))
tried("memory", lambda: bytearray(2 << 30))
print(",".join(held))
"""
_ALL_HELD = "read,write,list,socket,fork,exec,kill,memory"
_NEEDS = {
    Tier.A: "bubblewrap (bwrap) is not installed",
    Tier.B: "needs Linux",
    Tier.C: "no command is set that starts it: set python_runner",
}
_ORDINARY = "import math, json\nprint(json.dumps([math.comb(6, 3), sum(range(5))]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe of one tier found."""

    tier: Tier
    holds: bool
    reason: str
    """In words, for the user and the manifest."""


async def probe_tier(
    tier: Tier, *, limits: SandboxLimits | None = None, runner: Runner | None = None
) -> ProbeResult:
    """Try a tier out; below a second, in tier C as long as its command takes to start."""
    if runner is None and not can_try(tier):
        return ProbeResult(tier=tier, holds=False, reason=_NEEDS[tier])
    with tempfile.TemporaryDirectory(prefix="vdr-probe-") as folder:
        secret = Path(folder) / "secret"
        secret.write_text(_CANARY)
        code = _ESCAPES.format(secret=str(secret), folder=folder)
        try:
            async with ZygoteSandbox(tier, limits=limits, runner=runner) as sandbox:
                ordinary = await sandbox.run(_ORDINARY, timeout=10)
                hostile = await sandbox.run(code, timeout=10)
        except SandboxError as error:
            return ProbeResult(tier=tier, holds=False, reason=error.message)
    if ordinary.status is not SandboxStatus.OK or ordinary.stdout.strip() != "[20, 10]":
        told = ordinary.stderr.strip().splitlines()[-1:] or [ordinary.status.value]
        return ProbeResult(tier=tier, holds=False, reason=f"an ordinary program fails: {told[0]}")
    held = hostile.stdout.strip()
    if held != _ALL_HELD:
        missing = sorted(set(_ALL_HELD.split(",")) - set(held.split(",")))
        return ProbeResult(tier=tier, holds=False, reason=f"does not hold: {', '.join(missing)}")
    return ProbeResult(tier=tier, holds=True, reason="self-test passed")


async def find_tier(
    wanted: str = "auto", *, runner: Runner | None = None
) -> tuple[Tier | None, tuple[ProbeResult, ...]]:
    """The strongest tier that holds here, and what every probe found.

    Args:
        wanted: "auto", or the least tier that will do, "A" or "B"; "C": that one alone.
        runner: of tier C.

    Raises:
        ConfigError: an unknown tier, or none at least as strong as wanted holds.
    """
    allowed: Sequence[Tier] = (Tier.A, Tier.B)
    if wanted == "A":
        allowed = (Tier.A,)
    elif wanted == "C":
        allowed = (Tier.C,)
    elif wanted not in {"auto", "B"}:
        msg = f"unknown sandbox tier {wanted!r}: use auto, off, A, B or C"
        raise ConfigError(msg)
    results: list[ProbeResult] = []
    for tier in allowed:
        result = await probe_tier(tier, runner=runner if tier is Tier.C else None)
        results.append(result)
        if result.holds:
            return tier, tuple(results)
    if wanted != "auto":
        reasons = "; ".join(f"tier {result.tier.value}: {result.reason}" for result in results)
        msg = f"expected a sandbox of tier {wanted} or better, none holds ({reasons})"
        raise ConfigError(msg)
    return None, tuple(results)
