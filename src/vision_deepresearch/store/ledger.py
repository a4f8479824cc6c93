"""What a run cost: calls per kind, how many a tape answered, tokens, seconds and dollars."""

from collections import Counter
from collections.abc import Iterable

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import Totals


class Ledger(Record):
    """Sums over trajectories."""

    trajectories: int
    calls: dict[SpendKind, int]
    """Outside calls, tape-answered ones included."""
    replayed: dict[SpendKind, int]
    """Of these, answered by a tape."""
    cost_usd: float
    """As the trajectories counted it."""
    has_unknown_cost: bool = False
    """Whether one of them paid for a call whose price nobody knows: the sum is then too low."""
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """Of all trajectories, one after another."""

    @property
    def num_paid(self) -> int:
        """Calls that went out."""
        return sum(self.calls.values()) - sum(self.replayed.values())


def sum_totals(totals: Iterable[Totals]) -> Ledger:
    """Add up what trajectories cost."""
    calls: Counter[SpendKind] = Counter()
    replayed: Counter[SpendKind] = Counter()
    trajectories = prompt_tokens = completion_tokens = 0
    cost_usd = seconds = 0.0
    has_unknown_cost = False
    for one in totals:
        trajectories += 1
        calls.update(one.calls)
        replayed.update(one.replayed)
        cost_usd += one.cost_usd
        has_unknown_cost = has_unknown_cost or one.has_unknown_cost
        prompt_tokens += one.prompt_tokens
        completion_tokens += one.completion_tokens
        seconds += one.seconds
    return Ledger(
        trajectories=trajectories,
        calls=dict(calls),
        replayed=dict(replayed),
        cost_usd=cost_usd,
        has_unknown_cost=has_unknown_cost,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=seconds,
    )
