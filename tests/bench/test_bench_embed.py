"""`vdr bench embed`: its object, on the smallest sizes."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from vision_deepresearch.bench.embed import Sizes, bench_embed

SMALL = Sizes(
    width=48,
    layers=1,
    pictures=4,
    vectors=2000,
    dimension=16,
    clusters=40,
    queries=30,
    entities=100,
    reference=30,
    scenes=1,
)


def test_the_object_shows_recall_and_that_no_match_is_lowered() -> None:
    result = bench_embed(sizes=SMALL)
    figures, ratios = result["figures"], result["ratios"]
    assert isinstance(figures, dict)
    assert isinstance(ratios, dict)
    for key in ("hnsw_recall10", "ivf_recall10"):
        assert 0.8 <= float(str(figures[key])) <= 1
    assert figures["verified_lowered"] == 0
    assert int(str(figures["verified_hits"])) >= 1
    assert float(str(ratios["embed"])) > 0
    assert result == {**result, "name": "embed"}
