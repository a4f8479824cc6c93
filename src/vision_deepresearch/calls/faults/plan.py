"""What a provider does wrong, drawn from a seed: slow answers, failures of every kind, bursts, outages.

The order of calls and one seed decide everything; times are those of the running loop, so that five
minutes of outage pass in no time under the virtual clock.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

from pydantic import Field

from vision_deepresearch.calls.retry_after import parse_retry_after
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.record import Record

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall clock at second 0."""
_NEVER_S = 10.0**9


class Fault(StrEnum):
    """One way to fail."""

    SERVER_ERROR = "server_error"
    RESET = "reset"
    TORN_BODY = "torn_body"
    BAD_JSON = "bad_json"
    LIMITED = "limited"
    """429 that names no time."""
    LIMITED_SECONDS = "limited_seconds"
    """429 with Retry-After in seconds."""
    LIMITED_DATE = "limited_date"
    """429 with Retry-After as a date."""
    LIMITED_ABSURD = "limited_absurd"
    """429 that asks to come back in years."""
    HANG = "hang"
    """No answer, ever."""
    REFUSED_CONNECTION = "refused_connection"
    """In an outage: fails at once."""


WEIGHTS: dict[Fault, float] = {
    Fault.SERVER_ERROR: 30,
    Fault.RESET: 15,
    Fault.TORN_BODY: 10,
    Fault.BAD_JSON: 10,
    Fault.LIMITED: 5,
    Fault.LIMITED_SECONDS: 5,
    Fault.LIMITED_DATE: 5,
    Fault.LIMITED_ABSURD: 0.001,
    Fault.HANG: 5,
}
"""Shares of faults. Our choice; a provider that asks for years of patience is rare."""
_IN_BURST = (Fault.LIMITED, Fault.LIMITED_SECONDS, Fault.LIMITED_DATE)
_IN_OUTAGE = {Fault.REFUSED_CONNECTION: 60.0, Fault.SERVER_ERROR: 25.0, Fault.HANG: 15.0}


class FaultSettings(Record):
    """How badly a provider behaves. Fractions are of requests, times are seconds."""

    fault_frac: float = Field(default=0.3, ge=0, le=1)
    latency_s: float = Field(default=0.4, ge=0)
    """Median."""
    latency_sigma: float = Field(default=0.4, ge=0)
    """Of the logarithm."""
    tail_frac: float = Field(default=0.02, ge=0, le=1)
    tail_factor: float = Field(default=15.0, ge=1)
    burst_every_s: float | None = Field(default=240.0, gt=0)
    """From one burst of 429 to the next; None: none."""
    burst_s: float = Field(default=15.0, ge=0)
    outages: tuple[tuple[float, float], ...] = ()
    """From when to when nobody is answered."""


class FaultPlan:
    """One provider's behaviour."""

    def __init__(
        self,
        settings: FaultSettings,
        *,
        rng: random.Random,
        error: type[BoundaryError],
        clock: Callable[[], float],
    ) -> None:
        """Nothing is drawn yet.

        Args:
            settings: how badly.
            rng: of this provider alone.
            error: what a failure is raised as.
            clock: seconds of the running loop.
        """
        self._settings = settings
        self._rng = rng
        self._error = error
        self._clock = clock
        self.met: Counter[Fault] = Counter()
        self.num_requests = 0
        self.num_in_outage = 0
        """Requests that came while nobody was answered."""

    @property
    def is_down(self) -> bool:
        """Whether this moment lies in an outage."""
        now = self._clock()
        return any(begin <= now < end for begin, end in self._settings.outages)

    async def meet(self) -> None:
        """Take as long as this request takes, and fail if it fails.

        Raises:
            BoundaryError: what a client makes of the fault.
        """
        self.num_requests += 1
        self.num_in_outage += self.is_down
        fault = self._drawn()
        if fault is not None:
            self.met[fault] += 1
        await asyncio.sleep(self._takes_s(fault))
        if fault is not None:
            raise self._failure(fault)

    def _drawn(self) -> Fault | None:
        if self.is_down:
            return self._pick(_IN_OUTAGE)
        settings = self._settings
        every_s = settings.burst_every_s
        # A burst ends each period, so that a run does not begin with one.
        if every_s is not None and self._clock() % every_s >= every_s - settings.burst_s:
            return self._rng.choice(_IN_BURST)
        return self._pick(WEIGHTS) if self._rng.random() < settings.fault_frac else None

    def _pick(self, weights: dict[Fault, float]) -> Fault:
        return self._rng.choices(list(weights), list(weights.values()))[0]

    def _takes_s(self, fault: Fault | None) -> float:
        if fault is Fault.HANG:
            return _NEVER_S
        if fault is Fault.REFUSED_CONNECTION:
            return 0.001
        settings = self._settings
        seconds = settings.latency_s * math.exp(settings.latency_sigma * self._rng.gauss(0, 1))
        is_late = self._rng.random() < settings.tail_frac
        return seconds * settings.tail_factor if is_late else seconds

    def _failure(self, fault: Fault) -> BoundaryError:
        now = _EPOCH + timedelta(seconds=self._clock())
        match fault:
            case Fault.LIMITED:
                header = None
            case Fault.LIMITED_SECONDS:
                header = str(self._rng.randint(1, 10))
            case Fault.LIMITED_DATE:
                later = now + timedelta(seconds=self._rng.randint(1, 10))
                header = format_datetime(later, usegmt=True)
            case Fault.LIMITED_ABSURD:
                header = "999999999"
            case _:
                return self._error(FailureKind.UPSTREAM, f"the provider failed ({fault.value})")
        wait_s = parse_retry_after(header, now=now)
        return self._error(FailureKind.RATE_LIMITED, "too many requests", retry_after_s=wait_s)
