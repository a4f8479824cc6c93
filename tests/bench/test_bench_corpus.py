"""`vdr bench corpus`: its object, on a small folder."""

from pathlib import Path

import pytest

from tests.worlds.corpus.folders import write_many
from vision_deepresearch.bench.corpus import bench_corpus
from vision_deepresearch.core.errors import ConfigError


async def test_the_bench_prints_one_object_with_its_figures(tmp_path: Path) -> None:
    source = write_many(tmp_path / "site", pages=60, pictures=3)
    result = await bench_corpus(source=source, quick=True)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    figures, ratios = result["figures"], result["ratios"]
    assert isinstance(figures, dict)
    assert figures["pages"] == 54
    assert {"mb", "pages_per_s", "pages_per_s_wall", "text_p50_ms", "entries_cpu_s"} <= set(figures)
    # A tenth of the target: a guard against quadratic work, not a measurement.
    assert isinstance(figures["pages_per_s"], float)
    assert figures["pages_per_s"] > 20
    assert isinstance(ratios, dict)
    assert isinstance(ratios["bare"], float)


async def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give another one"):
        await bench_corpus(source=tmp_path, quick=True)
