"""An event loop whose seconds cost nothing: its clock jumps to the next timer when nothing is ready.

The code under it is the real one: whoever waits by asyncio, or reads the loop's own clock, lives in
virtual time. Work for threads is done at once in the loop's own thread, so that the order of events
depends on nothing but the program. Sockets and processes do not go together with it.
"""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Set
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

from typing_extensions import TypeVarTuple, Unpack, override

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NAMED_TASKS = 5
"""Of many that hang or were left, so many are named."""


class HangError(AssertionError):
    """Something waits that nothing will ever wake, or virtual time passed its limit."""


class LeakError(AssertionError):
    """The program has ended and tasks of it have not."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: it moves the clock instead."""

    def __init__(self, *, max_s: float) -> None:
        super().__init__()
        self.now_s = 0.0
        self.max_s = max_s

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return []  # callbacks are ready: they come first, and cost no look at descriptors
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            msg = f"nothing is left to happen at {self.now_s:g} s: {_names(asyncio.all_tasks())}"
            raise HangError(msg)
        self.now_s += timeout
        if self.now_s > self.max_s:
            # Clearing up afterwards may take its own time.
            limit_s, self.max_s = self.max_s, math.inf
            msg = f"not finished after {limit_s:g} virtual s: {_names(asyncio.all_tasks())}"
            raise HangError(msg)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock that starts at 0.

    Args:
        max_s: virtual seconds after which the program counts as hanging.
    """

    def __init__(self, *, max_s: float = math.inf) -> None:
        self._jumping = _JumpingSelector(max_s=max_s)
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now_s

    @override
    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """Do the work in this thread, whatever the executor."""

        async def work() -> T:
            return func(*args)

        return self.create_task(work())


def run_virtually(main: Callable[[], Coroutine[None, None, T]], *, max_s: float = math.inf) -> T:
    """Run a coroutine to its end in virtual time; its tasks must have ended by then.

    Args:
        main: makes the coroutine.
        max_s: virtual seconds after which it counts as hanging.

    Raises:
        HangError: it can never end, or did not by `max_s`.
        LeakError: it has ended, and tasks that it started have not.
    """

    async def watched() -> T:
        result = await main()
        # What was cancelled or closed a moment ago may need a turn of the loop to be gone.
        for _ in range(_NAMED_TASKS):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            msg = f"{len(left)} tasks were left behind: {_names(left)}"
            raise LeakError(msg)
        return result

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(max_s=max_s)) as runner:
        return runner.run(watched())


def virtual_s() -> float:
    """Seconds on the clock of the running loop: the `clock` argument of what runs under it."""
    return asyncio.get_running_loop().time()


def _names(tasks: Set[asyncio.Task[object]]) -> str:
    """Where tasks stand, in words."""
    places = sorted(f"{task.get_name()} in {_place(task)}" for task in tasks)
    more = len(places) - _NAMED_TASKS
    return "; ".join(places[:_NAMED_TASKS]) + (f"; and {more} more" if more > 0 else "")


def _place(task: asyncio.Task[object]) -> str:
    """The innermost frame of a task."""
    frames = task.get_stack()
    if not frames:
        return "no frame"
    code = frames[-1].f_code
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{frames[-1].f_lineno})"
