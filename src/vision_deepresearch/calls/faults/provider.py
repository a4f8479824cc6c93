"""A provider that misbehaves, behind the call policy; it watches that the policy keeps its word."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from vision_deepresearch.calls.faults.plan import FaultPlan
from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.context import current_context
from vision_deepresearch.core.errors import BoundaryError

T = TypeVar("T")

_TOLERANCE_S = 1e-6


@dataclass(slots=True, kw_only=True)
class FaultedProvider:
    """Whoever asks through `call` meets the plan's faults in every attempt."""

    policy: CallPolicy
    plan: FaultPlan
    clock: Callable[[], float]
    """Seconds of the running loop."""
    may_hedge: bool = False
    exhausted: Counter[str] = field(default_factory=Counter)
    """By trajectory: calls that failed for good though the same call may work later."""
    num_late: int = 0
    """Calls that ended after their caller's deadline: none, if the policy keeps its word."""
    num_answers: int = 0
    """Requests that were answered."""

    async def call(self, work: Callable[[], Awaitable[T]], *, what: str) -> T:
        """Do the work as an answer of this provider.

        Raises:
            BoundaryError: what the policy could not help.
        """

        async def attempt() -> T:
            await self.plan.meet()
            answer = await work()
            self.num_answers += 1
            return answer

        context = current_context.get()
        try:
            return await self.policy.call(attempt, what=what, may_hedge=self.may_hedge)
        except BoundaryError as failure:
            if context is not None and failure.kind.is_retryable:
                self.exhausted[context.trajectory_id] += 1
            raise
        finally:
            deadline = context.deadline if context is not None else None
            if deadline is not None and self.clock() > deadline.at_s + _TOLERANCE_S:
                self.num_late += 1
