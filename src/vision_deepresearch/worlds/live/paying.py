"""What a live call costs: its price, and the caller's budget charged before the call.

A call is paid for before it is made and refunded when it failed, so concurrent calls together
never pass a cap. A price nobody knows is null: it is counted as unknown, never as 0.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from vision_deepresearch.core.context import current_bill, current_context
from vision_deepresearch.core.errors import BoundaryError
from vision_deepresearch.store.prices import price_table


def price_of(name: str, *, own: Mapping[str, float]) -> float | None:
    """Dollars of one call: the user's own figure first, then the table; None: unknown."""
    if name in own:
        return own[name]
    row = price_table().engine.get(name)
    return row.usd_per_call if row is not None else None


@contextmanager
def paying(usd: float | None) -> Iterator[None]:
    """Charge the running trajectory for one call; a call that fails is not charged.

    Raises:
        BudgetExceededError: it would pass the cap of dollars; nothing is asked then.
    """
    context = current_context.get()
    bill = current_bill.get()
    if context is not None:
        context.budget.pay(usd)
    try:
        yield
    except BoundaryError:
        # Providers charge for answers; what they say of failures differs, and they say 0 mostly.
        if context is not None and usd:
            context.budget.add_cost(-usd)
        raise
    if bill is not None:
        bill.add(usd)
