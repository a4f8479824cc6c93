"""A deep task takes dozens of turns and hundreds of requests, inside the paper's limits."""

from pathlib import Path

import pytest

from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.trajectory import StopReason
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.session import open_session
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import PRESETS


@pytest.mark.timeout(300)
async def test_one_deep_task_is_researched_to_its_end(tmp_path: Path) -> None:
    spec = PRESETS["deep"].model_copy(update={"num_tasks": 1})
    build_world(spec, tmp_path / "world")
    config = make_config({
        "world": str(tmp_path / "world"),
        "mode": "cis+ts",
        "today": "2026-01-01",
    })
    async with open_session(config, out=tmp_path / "run") as session:
        task = session.tasks()[0]
        trajectory = await session.roll_out(task, 0)
        verdict = await session.judge.judge(task, trajectory)
    assert trajectory.stop is StopReason.ANSWER, trajectory.stop_detail
    assert verdict.decision is Decision.CORRECT
    assert 40 <= trajectory.num_turns <= config.limits.max_turns == 50
    assert trajectory.peak_prompt_tokens <= config.limits.max_context_tokens == 64_000
    assert trajectory.num_new_engine_requests >= 200
