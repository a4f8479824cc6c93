"""The benchmark of the world server runs, and finds every answer equal to the unloaded one."""

from pathlib import Path

import pytest

from vision_deepresearch.bench.serve import bench_serve
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_loaded_server_answers_as_an_unloaded_one(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    build_world(WorldSpec(preset="test", seed=5, num_entities=80, num_tasks=3), folder)
    result = await bench_serve(world=str(folder), quick=True, seconds=4.0)
    figures = result["figures"]
    assert isinstance(figures, dict)
    zeros = ("unequal", "refused_without_retry_after", "clients_without_end")
    assert [figures[name] for name in zeros] == [0, 0, 0]
    for kind in ("text", "picture"):
        rate = figures[f"{kind}_per_s"]
        assert isinstance(rate, float)
        assert rate > 1
        by_status = figures[f"{kind}_by_status"]
        assert isinstance(by_status, dict)
        assert set(by_status) <= {"200", "503"}
