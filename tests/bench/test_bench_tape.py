"""`vdr bench tape`: a crowd pays once for each question, siblings share no sample, replay is cheap."""

import pytest

from vision_deepresearch.bench.tape import bench_tape


@pytest.mark.pitfall("P36")
async def test_a_crowd_pays_once_for_each_question_and_siblings_share_no_sample() -> None:
    result = await bench_tape(quick=True, callers=250)
    figures, ratios = result["figures"], result["ratios"]
    assert isinstance(figures, dict)
    assert isinstance(ratios, dict)
    assert {"replay_per_s", "unique_keys", "upstream_calls"} <= set(figures)
    assert figures["upstream_calls"] == figures["unique_keys"]
    assert figures["asked_twice"] == 0
    assert figures["samples"] == figures["distinct_samples"] == figures["samples_replayed_equal"]
    joins, ratio = figures["joins"], ratios["no_tape"]
    assert isinstance(joins, int)
    assert joins > 0, "equal calls were in flight at the same time"
    assert isinstance(ratio, float)
    assert ratio > 2, "a replay costs less than a call"
