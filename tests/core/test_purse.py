"""The dollars of a run: never passed together, given back for failed calls, spent it stops the run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.errors import BoundaryError, BudgetExceededError
from vision_deepresearch.core.purse import Purse, PursedBudget, PurseSpentError


@given(
    prices=st.lists(st.floats(0.001, 0.4), max_size=40),
    failing=st.sets(st.integers(0, 39)),
    num_budgets=st.integers(1, 4),
)
def test_budgets_of_one_purse_never_pay_more_than_it_holds(
    prices: list[float], failing: set[int], num_budgets: int
) -> None:
    purse = Purse(max_usd=1.0)
    budgets = [PursedBudget(purse=purse) for _ in range(num_budgets)]
    paid = 0.0
    for number, usd in enumerate(prices):
        budget = budgets[number % num_budgets]
        try:
            budget.reserve(SpendKind.TEXT_SEARCH)
            budget.pay(usd)
        except PurseSpentError:
            assert paid >= 1.0 or paid + usd > 1.0
            continue
        if number in failing:
            budget.add_cost(-usd)
        else:
            paid += usd
    assert purse.spent_usd == pytest.approx(paid)
    assert purse.spent_usd <= 1.0 + 1e-6
    assert sum(budget.spent_usd for budget in budgets) == pytest.approx(paid)


def test_a_spent_purse_is_no_failed_call_and_the_own_cap_counts_too() -> None:
    assert not issubclass(PurseSpentError, BoundaryError)
    budget = PursedBudget(purse=Purse(max_usd=1.0), max_usd=0.1)
    with pytest.raises(BudgetExceededError):
        budget.pay(0.2)
    assert budget.purse.spent_usd == 0
    with pytest.raises(PurseSpentError, match="goes on"):
        budget.pay(2.0)
