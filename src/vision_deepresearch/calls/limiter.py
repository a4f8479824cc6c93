"""How many calls a provider gets at a time: grows with success, halves when it is overrun.

Additive increase, multiplicative decrease: +1 after as many successes as the limit, halved on a
rate limit or a timeout, at most once per 5 s, never below 1. Who has to be done first is served first,
so that a retry does not wait behind calls that began after its own.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Limiter:
    """The slots of one provider; belongs to one event loop while anyone waits."""

    clock: Callable[[], float]
    """Monotonic, seconds."""
    limit: int = 8
    """Calls at a time, now."""
    max_limit: int = 64
    halving_s: float = 5.0
    """Two halvings are at least this far apart."""
    num_running: int = field(default=0, init=False)
    _successes: int = field(default=0, init=False)
    _halved_s: float = field(default=float("-inf"), init=False)
    _waiting: list[tuple[float, int, asyncio.Future[None]]] = field(
        default_factory=list, init=False
    )
    """A heap: until when, in which order they came, and the waiter. Those who left stay in it."""
    _numbers: Iterator[int] = field(default_factory=itertools.count, init=False)

    @property
    def has_room(self) -> bool:
        """Whether a slot is free and nobody waits."""
        return self.num_running < self.limit and not self._waiting

    @asynccontextmanager
    async def slot(self, *, until_s: float = float("inf")) -> AsyncIterator[None]:
        """Wait for a slot and hold it.

        Args:
            until_s: when the caller has to be done, on its own clock: the earliest is served first.
        """
        await self._acquire(until_s)
        try:
            yield
        finally:
            self.num_running -= 1
            self._hand_on()

    def succeed(self) -> None:
        """Note a success: a whole window of them earns one more slot."""
        self._successes += 1
        if self._successes >= self.limit and self.limit < self.max_limit:
            self.limit += 1
            self._successes = 0
            self._hand_on()

    def overrun(self) -> None:
        """Note a rate limit or a timeout."""
        self._successes = 0
        now = self.clock()
        if now - self._halved_s >= self.halving_s:
            self._halved_s = now
            self.limit = max(1, self.limit // 2)

    async def _acquire(self, until_s: float) -> None:
        if self.has_room:
            self.num_running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (until_s, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot came at the same moment
                self.num_running -= 1
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        """Give free slots to those who wait; the slot counts as taken from here on."""
        while self._waiting and self.num_running < self.limit:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.num_running += 1
                turn.set_result(None)
