"""The one call policy: every call to the outside goes through here, with the same rules.

Per attempt: the breaker admits it, the limiter gives it a slot, a timeout bounds it, a late read may
be asked a second time. After a retryable failure: wait (full jitter, at least what the provider asked
for) and try again while attempts, retry budget and deadline last. The deadline bounds everything, the
waiting included.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field

from vision_deepresearch.calls.breaker import Admission, Breaker
from vision_deepresearch.calls.budget import RetryBudget
from vision_deepresearch.calls.hedge import Hedger, first_answer
from vision_deepresearch.calls.limiter import Limiter
from vision_deepresearch.core.context import Deadline, current_context
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.record import Record

T = TypeVar("T")

_MARGIN_S = 0.01
"""A call gives up so long before its deadline: whoever set it hears why, instead of cutting it off."""
_OUTAGE_ATTEMPTS = 3
"""A call that failed so often while nobody else was answered met a provider that is down."""


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


@dataclass(slots=True, kw_only=True)
class CallCounts:
    """What became of the calls of one provider so far."""

    calls: int = 0
    attempts: int = 0
    """Requests sent, retries and hedges included."""
    gave_up: int = 0
    """Calls that ended with a failure that might have passed."""
    met_outage: int = 0
    """Of these, because the provider was down."""


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
        self.hedger = Hedger()
        self.limiter = Limiter(
            clock=clock,
            limit=self._settings.concurrency,
            max_limit=self._settings.max_concurrency,
        )
        self.counts = CallCounts()
        self._answered_s = float("-inf")
        """When the provider last answered anybody."""

    async def call(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        what: str,
        deadline: Deadline | None = None,
        may_hedge: bool = False,
    ) -> T:
        """Make a call; retry what may work a little later.

        Args:
            attempt: makes one attempt; raises BoundaryError or TimeoutError when it fails.
            what: what is being done, for messages, for example "text search".
            deadline: until when; the running call's own deadline counts too.
            may_hedge: whether it may be asked twice at the same time: a read that changes nothing
                and costs nothing.

        Raises:
            BoundaryError: the last failure; kind `timeout` when the deadline passed first. It says
                `is_outage` where the provider answered nobody.
        """
        call = _Call(
            what=what,
            until=self._deadline(deadline),
            began_s=self._clock(),
            may_hedge=may_hedge,
        )
        self.counts.calls += 1
        self.hedger.note_call()
        try:
            async with asyncio.timeout(call.until.remaining_s - _MARGIN_S):
                return await self._attempts(attempt, call)
        except BoundaryError as failure:
            if failure.kind.is_retryable:
                self._give_up(call, failure)
            raise
        except TimeoutError as reason:
            late = self._error(FailureKind.TIMEOUT, f"{what} did not finish before its deadline")
            self._give_up(call, late)
            raise late from reason

    def _deadline(self, deadline: Deadline | None) -> Deadline:
        context = current_context.get()
        until = Deadline.after(self._settings.call_s, clock=self._clock).earlier(deadline)
        return until.earlier(context.deadline if context is not None else None)

    def _give_up(self, call: "_Call", failure: BoundaryError) -> None:
        """Note a call that failed for good, and whether that says anything about the call itself.

        It does not where the provider was down meanwhile, or where most of the time was spent in our
        own queue.
        """
        self.counts.gave_up += 1
        call.leaves_queue(self._clock())
        is_unanswered = self._answered_s < call.began_s
        met_outage = is_unanswered and call.failures >= _OUTAGE_ATTEMPTS
        was_in_queue = 2 * call.queued_s > self._clock() - call.began_s
        if self.breaker.is_open or call.was_held or met_outage or was_in_queue:
            self.counts.met_outage += 1
            failure.is_outage = True

    async def _attempts(self, attempt: Callable[[], Awaitable[T]], call: "_Call") -> T:
        while True:
            call.queues_from(self._clock())
            try:
                async with self.limiter.slot(until_s=call.until.at_s):
                    call.leaves_queue(self._clock())
                    admission = self.breaker.admit()
                    if not admission.wait_s:
                        return await self._one(attempt, call, admission=admission)
            except BoundaryError as failure:
                wait_s = self._wait_s(call.failures, failure)
                call.failures += 1
                is_last = call.failures == self._settings.max_attempts
                # Waiting past the deadline cannot help, and too early a retry is not asked for.
                if not failure.kind.is_retryable or is_last or wait_s >= call.until.remaining_s:
                    raise
                if not self.budget.spend():
                    raise
                await self._sleep(wait_s)
                continue
            if admission.wait_s >= call.until.remaining_s:
                msg = f"{call.what} is held back: the provider has been failing"
                raise self._error(FailureKind.UPSTREAM, msg)
            call.was_held = True
            await self._sleep(admission.wait_s)

    async def _one(
        self, attempt: Callable[[], Awaitable[T]], call: "_Call", *, admission: Admission
    ) -> T:
        """One admitted attempt; tells breaker, limiter and budget how it went."""
        is_known = False
        try:
            async with asyncio.timeout(self._settings.attempt_s):
                result = await self._sent(attempt, call, admission=admission)
        except BoundaryError as failure:
            is_known = True
            self._note_failure(failure, admission=admission)
            raise
        except TimeoutError as reason:
            is_known = True
            late = self._error(FailureKind.TIMEOUT, f"{call.what} took too long")
            self._note_failure(late, admission=admission)
            raise late from reason
        else:
            is_known = True
            self._note_answer(admission)
            self.limiter.succeed()
            self.budget.earn()
            return result
        finally:
            if not is_known:
                self.breaker.abandon(admission)

    async def _sent(
        self, attempt: Callable[[], Awaitable[T]], call: "_Call", *, admission: Admission
    ) -> T:
        """The request, and a second one where it is late and there is room."""
        late_s = self.hedger.after_s
        began_s = self._clock()
        self.counts.attempts += 1
        if not call.may_hedge or late_s is None or admission.is_probe:
            result = await attempt()
        else:
            result = await first_answer(
                attempt, after_s=late_s, second=lambda: self._second(attempt)
            )
        self.hedger.note_answer(self._clock() - began_s)
        return result

    def _second(self, attempt: Callable[[], Awaitable[T]]) -> Awaitable[T] | None:
        """A hedge, where a slot is free and nobody waits for it."""
        if self.breaker.is_open or not self.limiter.has_room or not self.hedger.spend():
            return None
        self.counts.attempts += 1

        async def hedge() -> T:
            async with self.limiter.slot():
                return await attempt()

        return hedge()

    def _note_answer(self, admission: Admission) -> None:
        self._answered_s = self._clock()
        self.breaker.succeed(admission)

    def _note_failure(self, failure: BoundaryError, *, admission: Admission) -> None:
        if not failure.kind.is_retryable:
            self._note_answer(admission)  # it answered; what it said is the caller's matter
            return
        self.breaker.fail(admission)
        is_overrun = failure.kind in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT}
        if is_overrun or failure.retry_after_s is not None:  # a 503 that names a time to come back
            self.limiter.overrun()

    def _wait_s(self, number: int, failure: BoundaryError) -> float:
        """Full jitter up to a doubling bound; never less than the provider asked for."""
        bound_s = min(self._settings.max_backoff_s, self._settings.first_backoff_s * 2**number)
        return max(self._rng.uniform(0, bound_s), failure.retry_after_s or 0.0)


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call under way."""

    what: str
    until: Deadline
    began_s: float
    may_hedge: bool
    failures: int = 0
    """Attempts that failed so far."""
    was_held: bool = False
    """Whether the breaker held it back."""
    queued_s: float = 0.0
    """Spent waiting for a slot."""
    in_queue_since_s: float | None = None

    def queues_from(self, now_s: float) -> None:
        """It waits for a slot from now on."""
        self.in_queue_since_s = now_s

    def leaves_queue(self, now_s: float) -> None:
        """It has got one, or has given up."""
        if self.in_queue_since_s is not None:
            self.queued_s += now_s - self.in_queue_since_s
            self.in_queue_since_s = None
