"""Circuit breaker: stops asking a provider that fails most of the time, and probes it later.

closed --(errors >= 50 % of >= 20 calls in 30 s)--> open --(15 s, doubling to 120 s)--> one probe
--> closed when it succeeds, open for longer when it fails.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_PROBE_POLL_S = 0.5
"""How long others wait before they look again while a probe is out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Leave to make one call, or to ask again later. Handed back with the call's outcome."""

    wait_s: float = 0.0
    """0: go; else the seconds to wait before asking again."""
    opening: int = 0
    """How often the breaker had opened by then."""
    is_probe: bool = False


@dataclass(slots=True, kw_only=True)
class Breaker:
    """The state of one provider. Times are seconds on `clock`, a monotonic one."""

    clock: Callable[[], float]
    window_s: float = 30.0
    min_calls: int = 20
    max_error_frac: float = 0.5
    first_pause_s: float = 15.0
    max_pause_s: float = 120.0
    _outcomes: deque[tuple[float, bool]] = field(default_factory=deque, init=False)
    """(when, whether it failed), oldest first, within the window."""
    _num_errors: int = field(default=0, init=False)
    _pause_s: float = field(default=0.0, init=False)
    """Of the current opening; 0: closed."""
    _opened_s: float = field(default=0.0, init=False)
    _is_probing: bool = field(default=False, init=False)
    _openings: int = field(default=0, init=False)

    @property
    def is_open(self) -> bool:
        """Whether calls are held back, a probe aside."""
        return self._pause_s > 0

    def admit(self) -> Admission:
        """Ask to make a call; one that may go is reported by `succeed`, `fail` or `abandon`."""
        if not self.is_open:
            return Admission(opening=self._openings)
        wait_s = self._opened_s + self._pause_s - self.clock()
        if wait_s > 0 or self._is_probing:
            return Admission(wait_s=max(wait_s, _PROBE_POLL_S) if self._is_probing else wait_s)
        self._is_probing = True
        return Admission(opening=self._openings, is_probe=True)

    def succeed(self, admission: Admission) -> None:
        """The provider answered."""
        if self._is_current(admission):
            if admission.is_probe:
                self._close()
            self._note(failed=False)

    def fail(self, admission: Admission) -> None:
        """The provider failed to answer."""
        if not self._is_current(admission):
            return
        if admission.is_probe:
            self._open(min(self._pause_s * 2, self.max_pause_s))
            return
        self._note(failed=True)
        num_calls = len(self._outcomes)
        if num_calls >= self.min_calls and self._num_errors >= self.max_error_frac * num_calls:
            self._open(self.first_pause_s)

    def abandon(self, admission: Admission) -> None:
        """The call was cancelled before its outcome was known."""
        if admission.is_probe and admission.opening == self._openings:
            self._is_probing = False

    def _is_current(self, admission: Admission) -> bool:
        """Whether an outcome counts: calls from before the last opening say nothing about now."""
        return admission.opening == self._openings and admission.is_probe == self.is_open

    def _open(self, pause_s: float) -> None:
        self._openings += 1
        self._pause_s = pause_s
        self._opened_s = self.clock()
        self._is_probing = False

    def _close(self) -> None:
        self._pause_s = 0.0
        self._is_probing = False
        self._outcomes.clear()
        self._num_errors = 0

    def _note(self, *, failed: bool) -> None:
        now = self.clock()
        self._outcomes.append((now, failed))
        self._num_errors += failed
        while self._outcomes and self._outcomes[0][0] < now - self.window_s:
            _, old_failed = self._outcomes.popleft()
            self._num_errors -= old_failed
