"""Plays attacks as somebody else, under somebody else's filter: a process of its own, told by JSON.

    python -m tests.sandbox.contained '{"docker": true, "every": true, "tier": null, "mutated": 40}'

It prints what a test then judges. The canaries belong to the same user as the programs, so nothing
but the sandbox stands between them.
"""

import asyncio
import ctypes
import os
import random
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel

from tests.sandbox import docker_filter
from tests.sandbox.attacks import mutated
from tests.sandbox.harness import canaries_in, escapes
from vision_deepresearch.sandbox.probe import find_tier, probe_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.tiers import Tier

_CLONE_NEWUSER = 0x10000000


class Wanted(BaseModel):
    """How to play."""

    docker: bool
    tier: Tier | None
    """None: what the probe finds."""
    every: bool
    """Each attack as it is written, besides the mutated ones."""
    mutated: int
    """How many mutated twice."""


class Played(BaseModel):
    """What was seen."""

    uid: int
    new_namespace: bool
    """Whether the kernel gave this process a user namespace."""
    found: Tier | None
    """By the probe."""
    reasons: dict[str, str]
    tier: Tier
    tried: int
    escapes: list[str]
    ordinary: str
    """What an ordinary program printed after all that."""


async def _play(wanted: Wanted) -> Played:
    if wanted.tier is None:
        found, probes = await find_tier()
    else:
        probe = await probe_tier(wanted.tier)
        found, probes = (wanted.tier if probe.holds else None), (probe,)
    tier = found or Tier.B
    rng = random.Random(13)
    with (
        tempfile.TemporaryDirectory(prefix="vdr-canaries-") as folder,
        canaries_in(Path(folder)) as canaries,
    ):
        written = canaries.attacks()
        twisted = [
            mutated(mutated(rng.choice(written), rng=rng), rng=rng) for _ in range(wanted.mutated)
        ]
        tried = [*(written if wanted.every else ()), *twisted]
        async with ZygoteSandbox(tier) as box:
            out = await escapes(box, tried)
            after = await box.run("import numpy\nprint(6 * 7)", timeout=20)
        canaries.assert_untouched()
    return Played(
        uid=os.geteuid(),
        new_namespace=_gets_a_namespace(),
        found=found,
        reasons={probe.tier.value: probe.reason for probe in probes},
        tier=tier,
        tried=len(tried),
        escapes=out,
        ordinary=after.stdout + after.stderr,
    )


def _gets_a_namespace() -> bool:
    """Asked in a child, which alone would be in it."""
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(_CLONE_NEWUSER) == 0 else 1)
    _, status = os.waitpid(child, 0)
    return status == 0


def main() -> None:
    """One argument: a `Wanted`."""
    wanted = Wanted.model_validate_json(sys.argv[1])
    if wanted.docker:
        docker_filter.enter()
    played = asyncio.run(_play(wanted))  # noqa: TID251 - a process of its own
    sys.stdout.write(played.model_dump_json())


if __name__ == "__main__":
    main()
