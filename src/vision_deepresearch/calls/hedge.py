"""A second request for a read that takes unusually long: the first answer of the two counts.

Only where asking twice changes nothing and costs nothing more. A hedge starts after the time that 95 %
of the answers took lately, and at most one call in twenty gets one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vision_deepresearch.core.errors import BoundaryError

T = TypeVar("T")

_WINDOW = 200
_RECKONED_EVERY = 20
"""Answers between two reckonings of the percentile: sorting at each would cost more than it says."""


@dataclass(slots=True, kw_only=True)
class Hedger:
    """When a provider's reads are asked a second time."""

    extra_frac: float = 0.05
    """Hedges per call, at most."""
    quantile: float = 0.95
    min_answers: int = 20
    """Before so many are known, nothing is unusual."""
    saved: float = 5.0
    """Hedges that calls without one can save up."""
    num_hedges: int = field(default=0, init=False)
    _left: float = field(default=0.0, init=False)
    _took_s: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW), init=False)
    _num_answers: int = field(default=0, init=False)
    _after_s: float | None = field(default=None, init=False)

    @property
    def after_s(self) -> float | None:
        """Seconds after which an answer is unusually late; None: not known yet."""
        return self._after_s

    def note_call(self) -> None:
        """A call begins: it earns its share of a hedge."""
        self._left = min(self.saved, self._left + self.extra_frac)

    def note_answer(self, took_s: float) -> None:
        """An answer came after so many seconds."""
        self._took_s.append(took_s)
        self._num_answers += 1
        if self._num_answers < self.min_answers or self._num_answers % _RECKONED_EVERY:
            return
        ordered = sorted(self._took_s)
        self._after_s = ordered[min(len(ordered) - 1, int(self.quantile * len(ordered)))]

    def spend(self) -> bool:
        """Take one hedge, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        self.num_hedges += 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _End(Generic[T]):
    """How one of the two requests ended."""

    answers: tuple[T, ...] = ()
    failure: BoundaryError | TimeoutError | None = None


async def first_answer(
    attempt: Callable[[], Awaitable[T]],
    *,
    after_s: float,
    second: Callable[[], Awaitable[T] | None],
) -> T:
    """Make an attempt, and a second one when it is late; give what answers first.

    Args:
        attempt: the request.
        after_s: when it is late.
        second: begins the second request; None: there is no room for one.

    Raises:
        BoundaryError: both failed, or the only one; of two, the later failure.
        ExceptionGroup: a bug in an attempt.
    """

    async def ended(request: Awaitable[T]) -> _End[T]:
        try:
            return _End(answers=(await request,))
        except (BoundaryError, TimeoutError) as failure:
            return _End(failure=failure)

    async with asyncio.TaskGroup() as group:
        running = {group.create_task(ended(attempt()))}
        done, _ = await asyncio.wait(running, timeout=after_s)
        other = None if done else second()
        if other is not None:
            running.add(group.create_task(ended(other)))
        failure: BoundaryError | TimeoutError | None = None
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for end in [task.result() for task in done]:
                if end.answers:
                    for late in running:
                        late.cancel()
                    return end.answers[0]
                failure = end.failure
    assert failure is not None, "a request ends with an answer or a failure"
    raise failure
