"""Ordinary programs work on every tier: a sandbox that breaks them would be switched off."""

import asyncio
import importlib.util

import pytest

from tests.sandbox.ordinary import ORDINARY, Ordinary
from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.inside import landlock
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.tiers import Tier, can_try

pytestmark = [
    pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock"),
    pytest.mark.timeout(120),
]


def test_there_are_sixty() -> None:
    assert len({program.name for program in ORDINARY}) == len(ORDINARY) >= 60


@pytest.mark.pitfall("P49")
@pytest.mark.parametrize("tier", [tier for tier in Tier if can_try(tier)], ids=str)
async def test_ordinary_programs_work(tier: Tier) -> None:
    """All of them; the design asks for 59 of 60."""
    failed: list[str] = []
    here = [p for p in ORDINARY if not p.needs or importlib.util.find_spec(p.needs)]

    async def work(program: Ordinary) -> None:
        result = await box.run(program.code, timeout=30)
        if result.status is not SandboxStatus.OK or program.out not in result.stdout:
            failed.append(f"{program.name}: {result.status} {result.stdout} {result.stderr}")

    async with ZygoteSandbox(tier) as box, asyncio.TaskGroup() as group:
        for program in here:
            group.create_task(work(program))
    assert failed == []
