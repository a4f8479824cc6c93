"""The one call policy: every call to the outside goes through here, with the same rules.

Per attempt: the breaker admits it, the limiter gives it a slot, a timeout bounds it. After a
retryable failure: wait (full jitter, at least what the provider asked for) and try again while
attempts, retry budget and deadline last. The deadline bounds everything, the waiting included.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import Field

from vision_deepresearch.calls.breaker import Breaker
from vision_deepresearch.calls.budget import RetryBudget
from vision_deepresearch.calls.limiter import Limiter
from vision_deepresearch.core.context import Deadline, current_context
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.record import Record

T = TypeVar("T")


class CallSettings(Record):
    """Limits of one provider."""

    call_s: float = 120.0
    """Seconds for a call with all its attempts and waits; the caller's deadline may be earlier."""
    attempt_s: float = 30.0
    """Seconds for one attempt."""
    max_attempts: int = Field(default=9, ge=1)
    first_backoff_s: float = 0.5
    """Upper bound of the first wait; doubles with each attempt."""
    max_backoff_s: float = 30.0
    concurrency: int = 8
    """Calls at a time to begin with; adapts."""
    max_concurrency: int = 64


class CallPolicy:
    """How one provider is called. Keep one object per provider; it belongs to one event loop."""

    def __init__(
        self,
        error: type[BoundaryError],
        *,
        rng: random.Random,
        settings: CallSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Make a policy in the state of a healthy provider.

        Args:
            error: the seam's error, for what this class itself reports.
            rng: source of jitter.
            settings: limits; None: the defaults.
            clock: monotonic seconds; must run with the event loop's own clock.
            sleep: waits so many seconds on that clock.
        """
        self._error = error
        self._rng = rng
        self._settings = settings or CallSettings()
        self._clock = clock
        self._sleep = sleep
        self.budget = RetryBudget()
        self.breaker = Breaker(clock=clock)
        self.limiter = Limiter(
            clock=clock,
            limit=self._settings.concurrency,
            max_limit=self._settings.max_concurrency,
        )

    async def call(
        self, attempt: Callable[[], Awaitable[T]], *, what: str, deadline: Deadline | None = None
    ) -> T:
        """Make a call; retry what may work a little later.

        Args:
            attempt: makes one attempt; raises BoundaryError or TimeoutError when it fails.
            what: what is being done, for messages, for example "text search".
            deadline: until when; the running call's own deadline counts too.

        Raises:
            BoundaryError: the last failure; kind `timeout` when the deadline passed first.
        """
        until = self._deadline(deadline)
        try:
            async with asyncio.timeout(until.remaining_s):
                return await self._attempts(attempt, what=what, until=until)
        except TimeoutError as reason:
            msg = f"{what} did not finish before its deadline"
            raise self._error(FailureKind.TIMEOUT, msg) from reason

    def _deadline(self, deadline: Deadline | None) -> Deadline:
        context = current_context.get()
        until = Deadline.after(self._settings.call_s, clock=self._clock).earlier(deadline)
        return until.earlier(context.deadline if context is not None else None)

    async def _attempts(
        self, attempt: Callable[[], Awaitable[T]], *, what: str, until: Deadline
    ) -> T:
        number = 0
        while True:
            try:
                async with self.limiter.slot():
                    held_back_s = self.breaker.admit()
                    if not held_back_s:
                        return await self._one(attempt, what=what)
            except BoundaryError as failure:
                wait_s = self._wait_s(number, failure)
                number += 1
                is_last = number == self._settings.max_attempts
                # Waiting past the deadline cannot help, and too early a retry is not asked for.
                if not failure.kind.is_retryable or is_last or wait_s >= until.remaining_s:
                    raise
                if not self.budget.spend():
                    raise
                await self._sleep(wait_s)
                continue
            if held_back_s >= until.remaining_s:
                msg = f"{what} is held back: the provider has been failing"
                raise self._error(FailureKind.UPSTREAM, msg)
            await self._sleep(held_back_s)

    async def _one(self, attempt: Callable[[], Awaitable[T]], *, what: str) -> T:
        """One admitted attempt; tells breaker, limiter and budget how it went."""
        is_known = False
        try:
            async with asyncio.timeout(self._settings.attempt_s):
                result = await attempt()
        except BoundaryError as failure:
            is_known = True
            self._note_failure(failure)
            raise
        except TimeoutError as reason:
            is_known = True
            late = self._error(FailureKind.TIMEOUT, f"{what} took too long")
            self._note_failure(late)
            raise late from reason
        else:
            is_known = True
            self.breaker.succeed()
            self.limiter.succeed()
            self.budget.earn()
            return result
        finally:
            if not is_known:
                self.breaker.abandon()

    def _note_failure(self, failure: BoundaryError) -> None:
        if not failure.kind.is_retryable:
            self.breaker.succeed()  # it answered; what it said is the caller's matter
            return
        self.breaker.fail()
        if failure.kind in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT}:
            self.limiter.overrun()

    def _wait_s(self, number: int, failure: BoundaryError) -> float:
        """Full jitter up to a doubling bound; never less than the provider asked for."""
        bound_s = min(self._settings.max_backoff_s, self._settings.first_backoff_s * 2**number)
        return max(self._rng.uniform(0, bound_s), failure.retry_after_s or 0.0)
