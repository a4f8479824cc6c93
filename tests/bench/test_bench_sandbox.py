"""`vdr bench sandbox`: every figure is there, and the warm parent is worth having."""

import pytest

from vision_deepresearch.bench.sandbox import bench_sandbox
from vision_deepresearch.sandbox.inside import landlock


@pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")
@pytest.mark.timeout(60)
async def test_the_bench_measures_and_a_fork_beats_a_cold_start() -> None:
    result = await bench_sandbox(quick=True)
    figures, ratios = result["figures"], result["ratios"]
    assert isinstance(figures, dict)
    assert isinstance(ratios, dict)
    assert set(figures) == {"p50_ms", "p99_ms", "calls_per_s", "light_calls_per_s", "tier"}
    ratio = ratios["cold_process"]
    assert ratio is None or (isinstance(ratio, float) and ratio > 2)
