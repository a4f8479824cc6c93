"""The table of prices: every row can be used, and what is not in it is unknown."""

import pytest

from vision_deepresearch.models.endpoint import EndpointSettings, priced
from vision_deepresearch.store.prices import model_price, price_table


def test_every_row_has_a_source_and_a_model_its_provider() -> None:
    table = price_table()
    assert all(row.source for row in (*table.engine.values(), *table.model.values()))
    for name, row in table.model.items():
        provider, _, model = name.partition(":")
        assert provider in {"openai", "anthropic", "gemini"}
        assert model
        assert 0 < row.usd_per_million_prompt < row.usd_per_million_completion
        cached = row.usd_per_million_cached
        assert cached is None or cached < row.usd_per_million_prompt


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("openai:gpt-5", True),
        ("openai:gpt-5-2025-08-07", True),
        ("anthropic:claude-sonnet-4-5-20250929", True),
        ("openai:gpt-5-turbo-ultra", False),
        ("openai:gpt-5-2025", False),
        ("gpt-5", False),
        ("http://localhost:8000/v1#gpt-5", False),
    ],
)
def test_a_dated_version_costs_what_its_model_costs_and_a_look_alike_is_unknown(
    name: str, *, is_known: bool
) -> None:
    assert (model_price(name) is not None) is is_known


def test_a_price_of_ones_own_goes_before_the_table_and_half_of_one_is_not_filled_up() -> None:
    row = price_table().model["openai:gpt-5"]
    shipped = priced("openai:gpt-5", EndpointSettings())
    assert shipped.usd_per_million_completion == row.usd_per_million_completion
    assert shipped.usd_per_million_cached == row.usd_per_million_cached
    own = EndpointSettings(usd_per_million_prompt=9.0, usd_per_million_completion=9.0)
    assert priced("openai:gpt-5", own) == own
    half = EndpointSettings(usd_per_million_prompt=9.0)
    assert priced("openai:gpt-5", half) == half
    cached = priced("openai:gpt-5", EndpointSettings(usd_per_million_cached=0.5))
    assert cached.usd_per_million_cached == 0.5
    assert cached.usd_per_million_prompt == row.usd_per_million_prompt
