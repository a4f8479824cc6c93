"""Worker processes that read pages and pictures; their answers come back in the order of the tasks.

    this process: source -> tasks ==pipes==> workers: Reader -> answers ==pipes==> rows, in order

A worker that dies over a task (a hostile PDF, a lack of memory, kill -9) is replaced and the task
given to another one alone; what kills that too is answered by the reason. A worker that takes too
long is stopped. Where this process is killed the workers see their pipes end and go. PDF files are
always read by a worker: PDFium is C++ that cannot be interrupted, and a file of 200 kB can keep it
busy for minutes.
"""

import multiprocessing
import queue
import resource
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Generic, Self, TypeVar

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.reader import Answer, Reader, Task
from vision_deepresearch.worlds.corpus.source import Markup, PageEntry

MAX_TASK_S = 60.0
"""A task that takes longer is given up. The dearest web page known takes 7 s."""
MAX_WORKER_BYTES = 4 * 1024**3
"""Of memory, each worker. The dearest web page known takes 1 GB."""
_IN_HAND = 2
"""Tasks a worker has: one it reads and the next, so that it never waits for this process."""
_WAITING = 8
"""Answers per worker that may wait for their turn: bounds the memory."""
_READY = "ready"
_START_S = 60.0

_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that has no answer, and why."""

    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class _Slot(Generic[_K]):
    """A task on its way."""

    key: _K
    task: Task | None
    answer: Answer | Lost | None = None
    deaths: int = 0

    @property
    def is_done(self) -> bool:
        return self.task is None or self.answer is not None


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker(Generic[_K]):
    process: BaseProcess
    pipe: Connection
    in_hand: deque[_Slot[_K]] = field(default_factory=deque)
    since: float = 0.0
    """When it began with the first in its hand."""


class Crew(Generic[_K]):
    """Some workers. A context manager: at its end they are gone.

    Args:
        reader: what they do.
        jobs: how many; 1: everything but PDF files is read in this process.
        max_task_s: a worker that takes longer over a task is stopped.
    """

    def __init__(self, reader: Reader, *, jobs: int, max_task_s: float = MAX_TASK_S) -> None:
        self._reader = reader
        self._jobs = jobs
        self._max_task_s = max_task_s
        self._workers: list[_Worker[_K]] = []
        self._backlog: deque[_Slot[_K]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()
        self._workers.clear()

    def answers(
        self, tasks: Iterable[tuple[_K, Task | None]]
    ) -> Iterator[tuple[_K, Answer | Lost | None]]:
        """The answer to every task, in order; None where there was nothing to do.

        Raises:
            ConfigError: workers cannot be started.
        """
        if self._jobs == 1:
            for key, task in tasks:
                if task is None or not _needs_worker(task):
                    yield key, None if task is None else self._reader.read(task)
                else:
                    slot = _Slot(key=key, task=task)
                    self._give(slot)
                    yield self._finished(slot)
            return
        waiting: deque[_Slot[_K]] = deque()
        for key, task in tasks:
            slot = _Slot(key=key, task=task)
            waiting.append(slot)
            if task is not None:
                self._give(slot)
            while waiting and (waiting[0].is_done or len(waiting) >= _WAITING * self._jobs):
                yield self._finished(waiting.popleft())
        while waiting:
            yield self._finished(waiting.popleft())

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers at work now."""
        return [one.process.pid for one in self._workers if one.process.pid is not None]

    def _finished(self, slot: _Slot[_K]) -> tuple[_K, Answer | Lost | None]:
        while not slot.is_done:
            self._collect()
        return slot.key, slot.answer

    def _give(self, slot: _Slot[_K]) -> None:
        """Hand a task out; returns when a worker has it."""
        self._backlog.append(slot)
        self._hand_out()
        while self._backlog:
            self._collect()

    def _hand_out(self) -> None:
        """Give what waits to the workers with the least to do, while they have room."""
        while self._backlog:
            if len(self._workers) < self._jobs:
                self._workers.append(self._hire())
            worker = min(self._workers, key=lambda one: len(one.in_hand))
            if len(worker.in_hand) >= _IN_HAND:
                return
            slot = self._backlog.popleft()
            worker.in_hand.append(slot)
            if len(worker.in_hand) == 1:
                worker.since = time.monotonic()
            try:
                worker.pipe.send(slot.task)
            except OSError:  # it died a moment ago
                self._bury(worker, reason=None)

    def _collect(self) -> None:
        """Take the answers that are there; wait for one at least, or for a death."""
        busy = [one for one in self._workers if one.in_hand]
        if busy:
            ends = min(one.since for one in busy) + self._max_task_s
            pause = max(0.0, ends - time.monotonic()) + 0.01
            ready = wait([one.pipe for one in busy], timeout=pause)
            for worker in busy:
                if worker.pipe in ready:
                    self._take(worker)
                elif time.monotonic() - worker.since > self._max_task_s:
                    worker.process.kill()
                    self._bury(worker, reason=f"took more than {self._max_task_s:g} s")
        self._hand_out()

    def _take(self, worker: _Worker[_K]) -> None:
        try:
            answer: Answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, reason=None)
            return
        worker.in_hand.popleft().answer = answer
        worker.since = time.monotonic()

    def _bury(self, worker: _Worker[_K], *, reason: str | None) -> None:
        """Replace a worker that died; the task it was at is tried once more, alone, at once.

        Args:
            worker: it is dead or was killed.
            reason: why its task is given up at once; None: it is not.
        """
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        if not worker.in_hand:
            return
        guilty = worker.in_hand.popleft()
        if reason is None and guilty.deaths == 0:
            guilty.deaths += 1
            self._try_alone(guilty)
        elif guilty.answer is None:
            code = worker.process.exitcode
            guilty.answer = Lost(reason or f"the process that read it died (exit code {code})")
        self._backlog.extendleft(reversed(worker.in_hand))

    def _try_alone(self, slot: _Slot[_K]) -> None:
        """Read a task in a worker of its own: whatever dies now dies of it."""
        worker: _Worker[_K] = self._hire()
        try:
            worker.pipe.send(slot.task)
            if worker.pipe.poll(self._max_task_s):
                slot.answer = worker.pipe.recv()
            else:
                slot.answer = Lost(f"took more than {self._max_task_s:g} s")
        except (EOFError, OSError):
            worker.process.join()
            code = worker.process.exitcode
            slot.answer = Lost(f"the process that read it died (exit code {code})")
        finally:
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()

    def _hire(self) -> _Worker[_K]:
        # Spawned, never forked: this process may hold threads of the indexes and of the terminal.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._reader), daemon=True)
        process.start()
        theirs.close()
        try:
            is_up = ours.poll(_START_S) and ours.recv() == _READY
        except (EOFError, OSError):
            is_up = False
        if not is_up:
            process.kill()
            process.join()
            msg = (
                f"expected a worker process to start, it ended with exit code {process.exitcode}: "
                "import with --jobs 1"
            )
            raise ConfigError(msg)
        return _Worker(process=process, pipe=ours)


def _needs_worker(task: Task) -> bool:
    return isinstance(task, PageEntry) and task.markup is Markup.PDF


def _work(pipe: Connection, reader: Reader) -> None:
    """What a worker does until its pipe ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MAX_WORKER_BYTES if hard == resource.RLIM_INFINITY else min(MAX_WORKER_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # Tasks are taken off the pipe at once, so that two processes never write to each other with
    # nobody reading.
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, tasks), daemon=True).start()
    try:
        pipe.send(_READY)
        while (task := tasks.get()) is not None:
            pipe.send(reader.read(task))
    except (OSError, KeyboardInterrupt):
        return  # nobody waits for the answer


def _receive(pipe: Connection, tasks: "queue.SimpleQueue[Task | None]") -> None:
    try:
        while True:
            tasks.put(pipe.recv())
    except (EOFError, OSError):
        tasks.put(None)
