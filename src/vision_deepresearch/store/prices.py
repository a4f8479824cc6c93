"""What the outside costs: one table, prices.toml, for engines by the call and models by the token.

Dollars, with the day and the place they were read. A price that is not there is unknown, never 0.
"""

import re
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

from vision_deepresearch.core.record import Record

_SNAPSHOT = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$", re.ASCII)
"""The date at the end of a fixed version of a model, which costs what the model costs."""


class EnginePrice(Record):
    """One row of table `engine`."""

    usd_per_call: float | None = None
    """Dollars; None: unknown."""
    unit: str = "call"
    read_on: date | None = None
    """When the source was read."""
    source: str
    note: str = ""


class ModelPrice(Record):
    """One row of table `model`."""

    usd_per_million_prompt: float
    """Dollars for a million prompt tokens."""
    usd_per_million_completion: float
    """Dollars for a million tokens of replies, thinking included."""
    usd_per_million_cached: float | None = None
    """Dollars for a million prompt tokens that were cached; None: as other prompt tokens."""
    read_on: date
    source: str
    note: str = ""


class PriceTable(Record):
    """The shipped prices."""

    engine: dict[str, EnginePrice]
    model: dict[str, ModelPrice]
    """By provider and model, for example "openai:gpt-5"."""


@cache
def price_table() -> PriceTable:
    """Read once."""
    text = files(__package__ or "").joinpath("prices.toml").read_text(encoding="utf-8")
    return PriceTable.model_validate(tomllib.loads(text))


def model_price(name: str) -> ModelPrice | None:
    """The row of a model as users name it, or of the model it is a dated version of; None: unknown.

    A model at an address of one's own (http://...) is in no table.
    """
    table = price_table().model
    return table.get(name) or table.get(_SNAPSHOT.sub("", name))
