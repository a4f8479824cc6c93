"""What a run is likely to do before it begins: records, calls, tokens and dollars by stage."""

from collections.abc import Iterator, Sequence

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.stage import Planned, Stage


class EstimateRow(Record):
    """One stage, as its author expects it; yields differ by pictures and models."""

    stage: str
    records: int
    """In."""
    calls: dict[str, int] = {}
    """By kind."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    """Of model calls; None: no price is known."""


def estimate(
    stages: Sequence[Stage | Planned],
    num_records: int,
    *,
    asks_model: bool = True,
    usd_per_million_prompt: float | None = None,
    usd_per_million_completion: float | None = None,
) -> Iterator[EstimateRow]:
    """Expected work of each stage.

    Args:
        stages: in order.
        num_records: that go into the first.
        asks_model: whether a model plays the roles; else model calls cost nothing and are none.
        usd_per_million_prompt: price of the model; None: not known.
        usd_per_million_completion: the same for what it writes.
    """
    left = float(num_records)
    for stage in stages:
        expected = stage.expected
        calls = {
            kind.value: round(left * number)
            for kind, number in expected.calls.items()
            if asks_model or kind is not SpendKind.MODEL_CALL
        }
        asked = calls.get(SpendKind.MODEL_CALL.value, 0)
        prompt = round(asked * expected.prompt_tokens)
        written = round(asked * expected.completion_tokens)
        cost: float | None = 0.0
        if asked and (usd_per_million_prompt is None or usd_per_million_completion is None):
            cost = None
        elif asked:
            dollars = prompt * (usd_per_million_prompt or 0) + written * (
                usd_per_million_completion or 0
            )
            cost = round(dollars / 1e6, 4)
        yield EstimateRow(
            stage=stage.name,
            records=round(left),
            calls=calls,
            prompt_tokens=prompt,
            completion_tokens=written,
            cost_usd=cost,
        )
        left *= expected.kept
