"""Spreads independent pieces of work over processes, and hands results on as they come."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.processes import process_pool

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2
"""Pieces waiting per process: none runs dry, and a stopped run has little to throw away."""


def num_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def spread(work: Callable[[T], R], pieces: Sequence[T], *, jobs: int) -> Iterator[R]:
    """Results in the order in which they are ready; with one job, in the order of the pieces.

    Args:
        work: a function of a module, or a partial of one; what it keeps between pieces it keeps
            per process.
        pieces: what it is called with.
        jobs: processes; 1 works here. More are spawned, so the program's main module must be
            importable without side effects.

    Raises:
        ConfigError: one of the processes was killed.
    """
    if jobs < 2 or len(pieces) < 2:
        yield from map(work, pieces)
        return
    queue = iter(pieces)
    pool = process_pool(min(jobs, len(pieces)))
    waiting: set[Future[R]] = set()
    try:
        for piece in queue:
            waiting.add(pool.submit(work, piece))
            if len(waiting) >= jobs * _AHEAD:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
    except BrokenProcessPool as reason:
        msg = (
            "expected the working processes to end by themselves, one was killed (out of memory?): "
            "run again with fewer jobs"
        )
        raise ConfigError(msg) from reason
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
