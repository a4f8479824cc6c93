"""Accepted trajectories of the offline teacher, made once for the tests of this folder."""

import asyncio
from pathlib import Path

import pytest

from tests.synth.trajectories.making import made
from vision_deepresearch.synth.trajectories.records import Accepted


@pytest.fixture(scope="session")
def accepted(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Accepted]:
    """Of six questions of the tiny world."""
    assert tiny_world.is_dir()
    out = tmp_path_factory.mktemp("runs") / "run"
    return asyncio.run(made(out))  # noqa: TID251 - made once for all tests of the folder
