"""`vdr bench generate`: every figure is there, and sampling together is worth having."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from vision_deepresearch.bench.generate import Sizes, bench_generate


@pytest.mark.timeout(120)
async def test_the_engine_is_faster_than_generate_turn_by_turn() -> None:
    sizes = Sizes(
        trajectories=8, turns=2, reply_tokens=16, alone=1, rounds=1, system_words=30, result_words=8
    )
    found = await bench_generate(sizes=sizes)
    assert found.keys() == {"name", "settings", "figures", "baseline", "ratios"}
    for part, key, least in [
        ("figures", "tokens_per_s", 0.0),
        ("ratios", "transformers_generate", 1.0),
        # Processor time, for the clock of a busy machine says little; the full run is asked more.
        ("ratios", "transformers_generate_cpu", 1.2),
        ("ratios", "transformers_generate_batched_cpu", 0.5),
    ]:
        table = found[part]
        assert isinstance(table, dict)
        figure = table[key]
        assert isinstance(figure, float)
        assert figure > (least if key.endswith("_cpu") else 0.0)
