"""The dollars of a whole run: one purse, from which every trajectory and the judge are paid.

A spent purse stops the run, it fails no call: what was begun is not stored as if it had failed, and
the same command with more money goes on from the recordings.
"""

from dataclasses import dataclass, field

from typing_extensions import override

from vision_deepresearch.core.context import Budget, SpendKind
from vision_deepresearch.core.errors import RunStoppingError

_SLACK_USD = 1e-8
"""A millionth of a cent for the sums of many small prices."""


class PurseSpentError(RunStoppingError, RuntimeError):
    """The run may spend no more; its message says how to go on."""


@dataclass(slots=True, kw_only=True)
class Purse:
    """What a run may spend and has spent. Mutable; one per run."""

    max_usd: float
    spent_usd: float = 0.0
    """Known prices only, earlier sessions of the run included."""

    def check(self, usd: float = 0.0) -> None:
        """See that it holds a price.

        Raises:
            PurseSpentError: it does not, or it is empty.
        """
        if self.spent_usd >= self.max_usd or self.spent_usd + usd > self.max_usd + _SLACK_USD:
            msg = (
                f"the run's {self.max_usd:g} dollars are spent (${self.spent_usd:.4f}): the same "
                "command with a larger --budget-usd goes on, without paying again for what came"
            )
            raise PurseSpentError(msg)


@dataclass(slots=True, kw_only=True)
class PursedBudget(Budget):
    """A budget of one trajectory, or of the judge, that is paid from the purse."""

    purse: Purse = field(default_factory=lambda: Purse(max_usd=0.0))

    @override
    def reserve(self, kind: SpendKind) -> None:
        self.purse.check()
        Budget.reserve(self, kind)

    @override
    def pay(self, usd: float | None) -> None:
        self.purse.check(usd or 0.0)
        Budget.pay(self, usd)

    @override
    def add_cost(self, usd: float | None) -> None:
        # `pay` and refunds come through here too.
        self.purse.spent_usd += usd or 0.0
        Budget.add_cost(self, usd)
