"""Who is calling, until when, and for how much: travels with every call to the outside.

The agent puts the context of the running call into `current_context`; wrappers of worlds and
models read it there, so that seams stay free of bookkeeping arguments. Task groups copy it.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vision_deepresearch.core.errors import BoundaryError, BudgetExceededError


class SpendKind(StrEnum):
    """What can be paid for."""

    MODEL_CALL = "model_call"
    TEXT_SEARCH = "text_search"
    IMAGE_SEARCH = "image_search"
    PAGE_READ = "page_read"
    ASSET = "asset"
    UPLOAD = "upload"
    SUMMARY = "summary"
    JUDGE = "judge"
    SANDBOX = "sandbox"

    @property
    def is_engine_request(self) -> bool:
        """Whether it asks the world: searches and page reads."""
        return self in {SpendKind.TEXT_SEARCH, SpendKind.IMAGE_SEARCH, SpendKind.PAGE_READ}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A moment on a monotonic clock after which nothing may run."""

    at_s: float
    """On the clock's own scale, seconds."""
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """A deadline `seconds` from now."""
        return cls(at_s=clock() + seconds, clock=clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - self.clock())

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return self.clock() >= self.at_s

    def earlier(self, other: "Deadline | None") -> "Deadline":
        """The earlier of two deadlines on the same clock."""
        return self if other is None or self.at_s <= other.at_s else other


@dataclass(slots=True, kw_only=True)
class Budget:
    """What one trajectory may spend and has spent. Mutable; one per trajectory.

    A call is reserved before it is made, so a cap is never overrun; its price is added when it
    is known. Calls answered by a tape are counted as replayed, at no cost.
    """

    max_usd: float | None = None
    """Dollars; None: no cap."""
    max_calls: dict[SpendKind, int] = field(default_factory=dict)
    """Cap per kind; a kind not listed has none."""
    spent_usd: float = 0.0
    has_unknown_cost: bool = False
    """Whether a call was paid whose price nobody knows: `spent_usd` is then too low."""
    counts: Counter[SpendKind] = field(default_factory=Counter)
    """Calls made, replayed ones included."""
    replayed: Counter[SpendKind] = field(default_factory=Counter)
    """Of these, how many a tape answered."""
    is_exhausted: bool = False
    """Whether a call was ever refused: the trajectory then stops with `budget`."""

    def reserve(self, kind: SpendKind) -> None:
        """Count one call before it is made.

        Raises:
            BudgetExceededError: the cap of this kind or of dollars is reached; nothing is counted.
        """
        cap = self.max_calls.get(kind)
        if cap is not None and self.counts[kind] >= cap:
            self.is_exhausted = True
            msg = f"the cap of {cap} {kind.value} calls is reached"
            raise BudgetExceededError(msg)
        if self.max_usd is not None and self.spent_usd >= self.max_usd:
            self.is_exhausted = True
            msg = f"the cap of {self.max_usd:g} dollars is reached"
            raise BudgetExceededError(msg)
        self.counts[kind] += 1

    def add_cost(self, usd: float | None) -> None:
        """Add the price of a call that was made; None: it is not known, which is not 0."""
        if usd is None:
            self.has_unknown_cost = True
        else:
            self.spent_usd += usd

    def pay(self, usd: float | None) -> None:
        """Add the price of a call that is about to be made, where the cap holds it.

        A call that failed is given back with `add_cost(-usd)`. So calls at the same time never
        pass the cap together.

        Raises:
            BudgetExceededError: the cap of dollars does not hold it; nothing is added.
        """
        # A millionth of a cent for the sums of many small prices.
        if usd and self.max_usd is not None and self.spent_usd + usd > self.max_usd + 1e-8:
            self.is_exhausted = True
            msg = f"the cap of {self.max_usd:g} dollars does not hold one more call"
            raise BudgetExceededError(msg)
        self.add_cost(usd)

    def note_replay(self, kind: SpendKind) -> None:
        """Say that the call was answered by a tape."""
        self.replayed[kind] += 1


@dataclass(slots=True, kw_only=True)
class Outage:
    """Whether a call of one trajectory failed because its provider was down. Mutable; one per trajectory.

    Noted where errors pass that a tool turns into words afterwards.
    """

    failure: BoundaryError | None = None
    """The first of them."""

    def note(self, failure: BoundaryError) -> None:
        """Keep a failure that says so."""
        if failure.is_outage and self.failure is None:
            self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The caller of one outside call."""

    task_id: str
    trajectory_id: str
    """Constant over a trajectory: sticky routing, prefix cache."""
    attempt: int = 0
    turn: int = 0
    index: int = 0
    """Position of the call within its turn; with task, attempt and turn it keys sampled calls."""
    deadline: Deadline | None = None
    budget: Budget = field(default_factory=Budget)
    outage: Outage = field(default_factory=Outage)

    def at(self, *, turn: int, index: int = 0) -> "CallContext":
        """The same caller at another place of its trajectory."""
        return replace(self, turn=turn, index=index)

    def until(self, deadline: Deadline) -> "CallContext":
        """The same caller with the earlier of the two deadlines."""
        return replace(self, deadline=deadline.earlier(self.deadline))


@dataclass(slots=True, kw_only=True)
class Bill:
    """What one call to the outside cost, for whoever records it. Mutable; one per call."""

    usd: float = 0.0
    num_priced: int = 0
    has_unknown_cost: bool = False

    def add(self, usd: float | None) -> None:
        """Note the price of one request; None: it is not known, which is not 0."""
        self.num_priced += 1
        if usd is None:
            self.has_unknown_cost = True
        else:
            self.usd += usd

    @property
    def total(self) -> float | None:
        """Dollars; None: nothing was priced, or some price is unknown."""
        return None if self.has_unknown_cost or not self.num_priced else self.usd


current_context: ContextVar[CallContext | None] = ContextVar("current_context", default=None)
"""The context of the call that is running; None outside an agent (a query by hand)."""
current_bill: ContextVar[Bill | None] = ContextVar("current_bill", default=None)
"""Opened by a recorder around a call; engines that are paid for write into it."""
