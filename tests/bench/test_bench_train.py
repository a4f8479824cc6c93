"""Packed rows pay."""

import importlib.util

import pytest

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
    pytest.skip("needs torch and transformers", allow_module_level=True)

from vision_deepresearch.bench.train import bench_train


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_packed_rows_beat_padded_batches() -> None:
    ratios = bench_train(quick=True)["ratios"]
    assert isinstance(ratios, dict)
    padded = ratios["padded"]
    assert isinstance(padded, float)
    assert padded >= 1.3
