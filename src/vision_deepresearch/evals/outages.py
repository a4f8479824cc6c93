"""How a run waits out an outage: work is held back while providers are down, and what met it is redone.

Attempts that end by the outside are looked at like calls: when most of them do, one at a time is let out
to see (the same breaker as for calls), until one is finished again or patience ends.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import Field

from vision_deepresearch.calls.breaker import Admission, Breaker
from vision_deepresearch.core.record import Record


class Patience(Record):
    """How long a run waits for providers that are down."""

    wait_s: float = Field(default=900.0, ge=0)
    """Seconds in which no attempt could be finished; then no more work is begun. 0: never wait."""
    first_pause_s: float = Field(default=15.0, gt=0)
    """Before the first look; doubles."""
    max_pause_s: float = Field(default=120.0, gt=0)
    max_redos: int = Field(default=8, ge=0)
    """How often one attempt is made again."""


NO_PATIENCE = Patience(wait_s=0)


@dataclass(slots=True, kw_only=True)
class OutageGate:
    """Where work waits while providers are down. Belongs to one event loop."""

    patience: Patience
    clock: Callable[[], float]
    """Monotonic seconds, running with the event loop's own clock."""
    has_worked: bool
    """Whether any attempt was ever finished: what never worked is no outage but a setting."""
    reason: str = field(default="", init=False)
    """Of the last outage."""
    _since_s: float | None = field(default=None, init=False)
    """When the first attempt met the outage that is not over yet."""
    _breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self._breaker = Breaker(
            clock=self.clock,
            min_calls=1,
            first_pause_s=self.patience.first_pause_s,
            max_pause_s=self.patience.max_pause_s,
        )

    @property
    def left_s(self) -> float:
        """Seconds of patience left."""
        since_s = self.clock() if self._since_s is None else self._since_s
        return since_s + self.patience.wait_s - self.clock()

    async def enter(self) -> Admission | None:
        """Wait until an attempt may be made; None: patience has ended."""
        while self._since_s is None or self.left_s > 0:
            admission = self._breaker.admit()
            if not admission.wait_s:
                return admission
            await asyncio.sleep(min(admission.wait_s, max(self.left_s, 0.0)))
        return None

    def finish(self, admission: Admission) -> None:
        """An attempt came to its end: providers are there."""
        self.has_worked = True
        self._since_s = None
        self._breaker.succeed(admission)

    def meet_outage(self, admission: Admission, *, reason: str) -> bool:
        """An attempt was ended by the outside; returns whether to wait and make it again."""
        if not (self.has_worked and self.patience.wait_s):
            return False
        self.reason = reason
        if self._since_s is None:
            self._since_s = self.clock()
        self._breaker.fail(admission)
        return True

    def abandon(self, admission: Admission) -> None:
        """An attempt was stopped before it said anything about providers."""
        self._breaker.abandon(admission)
