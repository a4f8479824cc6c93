"""`vdr bench degrade`: one picture is enough to see damage and repair."""

from pathlib import Path

import pytest

from vision_deepresearch.bench.degrade import bench_degrade
from vision_deepresearch.media.degrade import Damage


@pytest.mark.timeout(120)
def test_darkness_costs_hits_and_brightening_brings_them_back(tiny_world: Path) -> None:
    figures = bench_degrade(world=str(tiny_world), num_pictures=1)["figures"]
    assert isinstance(figures, dict)
    assert figures.keys() == {"untouched", *Damage}
    dark = figures["low_light"]
    assert isinstance(dark, dict)
    assert figures["untouched"] == dark["repaired"] == 1.0
    assert float(str(dark["degraded"])) <= 0.5
