from vision_deepresearch.bench.loop import bench_loop


async def test_the_bench_prints_one_object_with_its_figures() -> None:
    result = await bench_loop(quick=True, episodes=20, turns=4)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    figures = result["figures"]
    assert isinstance(figures, dict)
    assert set(figures) == {"cpu_ms_per_turn", "mb_per_episode", "episodes"}
    assert figures["episodes"] == 20
    # Ten times the target: a guard against quadratic work, not a measurement.
    assert isinstance(figures["cpu_ms_per_turn"], float)
    assert 0 < figures["cpu_ms_per_turn"] < 10
    assert isinstance(figures["mb_per_episode"], float)
    assert 0 < figures["mb_per_episode"] < 1
