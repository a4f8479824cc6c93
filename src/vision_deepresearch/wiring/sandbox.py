"""The sandbox of a run: the strongest tier that holds here, or none and the reasons."""

import os
import shlex
from contextlib import AsyncExitStack
from dataclasses import dataclass

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import Mode
from vision_deepresearch.core.protocols import Sandbox
from vision_deepresearch.sandbox.probe import find_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.taped import RecordedOnly
from vision_deepresearch.sandbox.tiers import Runner
from vision_deepresearch.store.tape import TapeMode
from vision_deepresearch.tools.python import NAME
from vision_deepresearch.wiring.config import RunConfig

_RUNNER_MAY_SEE = (
    "PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG",
    "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "CONTAINER_HOST", "SSH_AUTH_SOCK",
)  # fmt: skip
"""Of our environment: what container and ssh clients need, no keys of ours."""


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
    runner = _runner_of(config)
    if config.python == "off" or NAME not in mode.tools:
        return OpenedSandbox(sandbox=None, tier="off", probes=())
    if TapeMode(config.tape.partition(":")[0]).is_replay:
        return OpenedSandbox(sandbox=RecordedOnly(), tier="tape", probes=())
    tier, results = await find_tier(config.python, runner=runner)
    probes = tuple(f"tier {result.tier.value}: {result.reason}" for result in results)
    if tier is None:
        return OpenedSandbox(sandbox=None, tier="off", probes=probes)
    sandbox = await stack.enter_async_context(ZygoteSandbox(tier, runner=runner))
    return OpenedSandbox(sandbox=sandbox, tier=tier.value, probes=probes)


def _runner_of(config: RunConfig) -> Runner | None:
    """Of tier C.

    Raises:
        ConfigError: a command without its tier, or one that cannot be split.
    """
    if config.python_runner is None:
        return None
    if config.python != "C":
        msg = (
            f"python_runner is the command of tier C, but python is {config.python!r}: set python=C"
        )
        raise ConfigError(msg)
    try:
        command = tuple(shlex.split(config.python_runner))
    except ValueError as error:
        msg = f"python_runner {config.python_runner!r} is no command: {error}"
        raise ConfigError(msg) from error
    if not command:
        msg = "python_runner is empty: give the command that starts a zygote, or leave it out"
        raise ConfigError(msg)
    seen = {name: os.environ[name] for name in _RUNNER_MAY_SEE if name in os.environ}
    return Runner(command=command, environment=seen)
