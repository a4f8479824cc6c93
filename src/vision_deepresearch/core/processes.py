"""Pools of processes that end with the one that started them, also when that is killed.

The pools of the standard library leave their processes waiting for ever: each holds both ends of the
queue that it reads, so none of them sees it end.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor  # noqa: TID251 - the one place that watches
from multiprocessing.process import BaseProcess
from typing import TypeVarTuple

Ts = TypeVarTuple("Ts")


def process_pool(
    jobs: int, opened: Callable[[*Ts], None] | None = None, *with_arguments: *Ts
) -> ProcessPoolExecutor:
    """A pool of spawned processes: the program's main module must be importable without side effects.

    Args:
        jobs: processes.
        opened: called first in each, a function of a module.
        with_arguments: what it is called with.
    """
    return ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_open,
        initargs=(opened, with_arguments),
    )


def _open(opened: Callable[[*Ts], None] | None, with_arguments: tuple[*Ts]) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a process that another one spawned"
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if opened is not None:
        opened(*with_arguments)


def _end_with(parent: BaseProcess) -> None:
    """Waits for a pipe that only the parent holds; whatever this process is at, it goes."""
    parent.join()
    os._exit(1)
