"""Makes trajectories of the tiny world, offline, for tests."""

from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config


async def made(out: Path, **settings: JsonValue) -> list[Accepted]:
    config = make_trajectory_config({
        "world": "generated:tiny",
        "today": "2026-01-01",
        "trajectories": {"tasks": 6, **settings},
    })
    result = await make_trajectories(config, out=out)
    assert result.is_whole
    return [one for one in result.records if isinstance(one, Accepted)]
