"""The sandbox of a run: the strongest tier that holds here, or none and the reasons."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from vision_deepresearch.core.mode import Mode
from vision_deepresearch.core.protocols import Sandbox
from vision_deepresearch.sandbox.probe import find_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.taped import RecordedOnly
from vision_deepresearch.store.tape import TapeMode
from vision_deepresearch.tools.python import NAME
from vision_deepresearch.wiring.config import RunConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSandbox:
    """What was found, for tools and provenance."""

    sandbox: Sandbox | None
    tier: str
    """Its name, "off", or "tape" where a replay runs nothing."""
    probes: tuple[str, ...]
    """What each tier's self-test found, in words."""


async def open_sandbox(config: RunConfig, *, mode: Mode, stack: AsyncExitStack) -> OpenedSandbox:
    """Probe and open; nothing is started where no tool asks for it, or where a tape answers all.

    Raises:
        ConfigError: the configuration names a tier that does not hold here.
    """
    if config.python == "off" or NAME not in mode.tools:
        return OpenedSandbox(sandbox=None, tier="off", probes=())
    if TapeMode(config.tape.partition(":")[0]).is_replay:
        return OpenedSandbox(sandbox=RecordedOnly(), tier="tape", probes=())
    tier, results = await find_tier(config.python)
    probes = tuple(f"tier {result.tier.value}: {result.reason}" for result in results)
    if tier is None:
        return OpenedSandbox(sandbox=None, tier="off", probes=probes)
    sandbox = await stack.enter_async_context(ZygoteSandbox(tier))
    return OpenedSandbox(sandbox=sandbox, tier=tier.value, probes=probes)
