"""Circuit breaker: stops asking a provider that fails most of the time, and probes it later.

closed --(errors >= 50 % of >= 20 calls in 30 s)--> open --(15 s, doubling to 120 s)--> one probe
--> closed when it succeeds, open for longer when it fails.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_PROBE_POLL_S = 0.5
"""How long others wait before they look again while a probe is out."""


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

    @property
    def is_open(self) -> bool:
        """Whether calls are held back, a probe aside."""
        return self._pause_s > 0

    def admit(self) -> float:
        """Ask to make a call.

        Returns:
            0.0: go (report the outcome by `succeed`, `fail` or `abandon`); else the seconds to
            wait before asking again.
        """
        if not self.is_open:
            return 0.0
        wait_s = self._opened_s + self._pause_s - self.clock()
        if wait_s > 0:
            return wait_s
        if self._is_probing:
            return _PROBE_POLL_S
        self._is_probing = True
        return 0.0

    def succeed(self) -> None:
        """The provider answered."""
        if self.is_open:
            self._close()
        self._note(failed=False)

    def fail(self) -> None:
        """The provider failed to answer."""
        if self.is_open:
            # Late failures of calls made before the opening change nothing; a probe's does.
            if self._is_probing:
                self._open(min(self._pause_s * 2, self.max_pause_s))
            return
        self._note(failed=True)
        num_calls = len(self._outcomes)
        if num_calls >= self.min_calls and self._num_errors >= self.max_error_frac * num_calls:
            self._open(self.first_pause_s)

    def abandon(self) -> None:
        """The call was cancelled before its outcome was known."""
        self._is_probing = False

    def _open(self, pause_s: float) -> None:
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
