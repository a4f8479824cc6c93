"""Calls in flight that equal callers share: one upstream call, whoever comes or goes.

The shared call runs in a task of its own. A caller that is cancelled only stops waiting; the task
is cancelled when the last caller has gone, and all of them when the owner closes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vision_deepresearch.core.context import CallContext, current_context
from vision_deepresearch.core.errors import BoundaryError, FailureKind

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Flight(Generic[T]):
    """A shared call under way."""

    task: asyncio.Task[T]
    starter: CallContext | None
    num_waiting: int = 0


class Flights(Generic[T]):
    """Shared calls by key; belongs to one event loop."""

    def __init__(self) -> None:
        self._flights: dict[bytes, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self.num_joined = 0
        """Callers that found an equal call in flight."""

    async def share(self, key: bytes, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Join the call in flight under this key, or start it.

        Returns:
            The result, and whether it was another caller's call.

        Raises:
            BoundaryError: the call failed. A joiner whose starter ran out of its own time does
                not fail with it but asks again.
        """
        while True:
            flight = self._flights.get(key)
            is_joiner = flight is not None
            if flight is None:
                flight = self._start(key, call)
            else:
                self.num_joined += 1
            flight.num_waiting += 1
            try:
                return await asyncio.shield(flight.task), is_joiner
            except BoundaryError as failure:
                if not (is_joiner and _ran_out_of_time(flight.starter, failure)):
                    raise
            finally:
                flight.num_waiting -= 1
                if flight.num_waiting == 0 and not flight.task.done():
                    self._forget(key, flight.task)
                    flight.task.cancel()

    async def close(self) -> None:
        """Cancel what is still in flight and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, key: bytes, call: Callable[[], Awaitable[T]]) -> _Flight[T]:
        async def run() -> T:
            return await call()

        task = asyncio.create_task(run())
        flight = _Flight(task=task, starter=current_context.get())
        self._flights[key] = flight
        self._tasks.add(task)

        def land(done: asyncio.Task[T]) -> None:
            self._forget(key, done)
            self._tasks.discard(done)
            if not done.cancelled():
                done.exception()  # seen, even when every caller has gone

        task.add_done_callback(land)
        return flight

    def _forget(self, key: bytes, task: asyncio.Task[T]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]


def _ran_out_of_time(starter: CallContext | None, failure: BoundaryError) -> bool:
    """Whether a shared call failed because its starter's own deadline passed."""
    deadline = starter.deadline if starter is not None else None
    return failure.kind is FailureKind.TIMEOUT and deadline is not None and deadline.is_over
