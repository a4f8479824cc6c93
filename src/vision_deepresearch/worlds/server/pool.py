"""The worker processes and the queues in front of them.

Two lanes, each with a bounded queue, share the workers by time, so that slow picture searches and
quick text searches never starve each other. A worker that hangs or dies is replaced; its job fails
with a type and is not tried again, for the job may be what killed it.
"""

import asyncio
import contextlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

from vision_deepresearch.core.errors import ConfigError, FailureKind
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.worlds.server.jobs import (
    Job,
    Lane,
    Outcome,
    Reply,
    pack,
    unpack_reply,
)
from vision_deepresearch.worlds.server.refusals import OverloadedError
from vision_deepresearch.worlds.server.settings import Settings
from vision_deepresearch.worlds.server.worker import OpenWorld, run_worker

OPEN_TIMEOUT_S = 300.0
"""For a worker to import and open the world."""
_SHARE = {Lane.WORDS: 0.5, Lane.LOOKS: 0.5}
"""Of the workers' time, when both lanes have work."""
_SMOOTHING = 0.1
_END_S = 0.5
_LONGEST_PAUSE_S = 30.0

_T = TypeVar("_T")


@dataclass(slots=True)
class _Ticket:
    job: Job
    blob: bytes
    future: asyncio.Future[Reply]
    since: float
    """When it began to wait."""


class WorkerPool:
    """Workers of one server. Used from one event loop."""

    def __init__(self, open_world: OpenWorld, *, settings: Settings) -> None:
        self._open_world = open_world
        self._settings = settings
        self._waiting: dict[Lane, deque[_Ticket]] = {lane: deque() for lane in Lane}
        self._clock = dict.fromkeys(Lane, 0.0)
        self._typical_s = {Lane.WORDS: 0.003, Lane.LOOKS: 0.03}
        self._ready = asyncio.Semaphore(0)
        self._workers: list[_Worker | None] = [None] * settings.workers
        self._seats: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="vdr-worker")
        self._is_closed = False
        self.num_done = dict.fromkeys(Lane, 0)
        self.busy_s = dict.fromkeys(Lane, 0.0)
        self.num_replaced = 0
        self.num_late = 0
        """Jobs that were given up since they had waited too long."""

    async def start(self) -> WorldManifest:
        """Start all workers and wait until each has opened the world.

        Raises:
            ConfigError: the world cannot be opened; the message is the world's own.
        """
        try:
            async with asyncio.TaskGroup() as group:
                starts = [group.create_task(self._start_worker(seat)) for seat in self._indices()]
        except ExceptionGroup as failed:
            await self.close()
            refused = failed.subgroup(ConfigError)
            raise failed if refused is None else refused.exceptions[0] from None
        self._seats = [asyncio.create_task(self._work(seat)) for seat in self._indices()]
        return starts[0].result()

    def submit(self, job: Job, blob: bytes = b"") -> asyncio.Future[Reply]:
        """Put a job in its queue; the future always gets a reply, never an exception.

        Raises:
            OverloadedError: the queue is full.
        """
        lane = job.kind.lane
        queue = self._waiting[lane]
        self.check_room(lane)
        if not queue:  # a lane that was idle has saved up no time
            others = [self._clock[other] for other in Lane if self._waiting[other]]
            self._clock[lane] = max(self._clock[lane], min(others, default=0.0))
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        queue.append(_Ticket(job, blob, future, time.monotonic()))
        self._ready.release()
        return future

    def check_room(self, lane: Lane) -> None:
        """See whether a job of a lane would be taken.

        Raises:
            OverloadedError: its queue is full.
        """
        places = self._settings.max_waiting(lane)
        if len(self._waiting[lane]) >= places or self._is_closed:
            raise OverloadedError(
                lane=lane.value, places=places, retry_after_s=self._settings.retry_after_s
            )

    def num_waiting(self, lane: Lane) -> int:
        """Jobs that no worker has taken yet."""
        return len(self._waiting[lane])

    @property
    def num_alive(self) -> int:
        """Workers that can take work."""
        return sum(worker is not None and worker.is_alive for worker in self._workers)

    async def close(self) -> None:
        """End all workers at once: they only read. Waiting jobs get a reply that says so."""
        self._is_closed = True
        for seat in self._seats:
            seat.cancel()
        for worker in self._workers:
            if worker is not None:
                await asyncio.to_thread(worker.end)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for queue in self._waiting.values():
            for ticket in queue:
                _answer(ticket, _failed(FailureKind.UNAVAILABLE, "the server is stopping"))
            queue.clear()

    # ------------------------------------------------------------------------------------- seats

    def _indices(self) -> range:
        return range(self._settings.workers)

    async def _work(self, seat: int) -> None:
        while True:
            await self._ready.acquire()
            ticket = self._next()
            if time.monotonic() - ticket.since > self._settings.max_wait_s:
                # Whoever asked may be gone; work for the late would make the others late too.
                self.num_late += 1
                _answer(ticket, self._too_late())
                continue
            lane = ticket.job.kind.lane
            expected = self._typical_s[lane]
            self._clock[lane] += expected / _SHARE[lane]
            began = time.monotonic()
            try:
                reply = await self._carry(seat, ticket)
            except asyncio.CancelledError:
                _answer(ticket, _failed(FailureKind.UNAVAILABLE, "the server is stopping"))
                raise
            took = time.monotonic() - began
            self._clock[lane] += (took - expected) / _SHARE[lane]
            self._typical_s[lane] += _SMOOTHING * (took - expected)
            self.num_done[lane] += 1
            self.busy_s[lane] += took
            _answer(ticket, reply)
            worker = self._workers[seat]
            if worker is None or not worker.is_alive:
                await self._replace(seat)

    def _next(self) -> _Ticket:
        """From the lane that has had the least of its share."""
        lane = min((one for one in Lane if self._waiting[one]), key=lambda one: self._clock[one])
        return self._waiting[lane].popleft()

    def _too_late(self) -> Reply:
        settings = self._settings
        message = (
            f"no worker was free within {settings.max_wait_s:g} s: ask again after "
            f"{settings.retry_after_s} s, or start the server with more --workers"
        )
        outcome = Outcome(
            failure=FailureKind.UNAVAILABLE,
            message=message,
            retry_after_s=float(settings.retry_after_s),
        )
        return Reply(outcome=outcome)

    async def _carry(self, seat: int, ticket: _Ticket) -> Reply:
        worker = self._workers[seat]
        assert worker is not None, "a seat takes work only while its worker lives"
        frame = pack(ticket.job, ticket.blob)
        limit = self._settings.job_timeout_s
        try:
            answer = await self._in_thread(lambda: worker.exchange(frame, timeout_s=limit))
        except TimeoutError:
            await self._in_thread(worker.end)
            return _failed(
                FailureKind.TIMEOUT, f"the {ticket.job.kind.value} took more than {limit:g} s"
            )
        except (EOFError, OSError):
            await self._in_thread(worker.end)
            return _failed(FailureKind.UPSTREAM, f"the worker died of this {ticket.job.kind.value}")
        return unpack_reply(answer)

    async def _replace(self, seat: int) -> None:
        """Start another worker for a seat, waiting longer each time it fails."""
        self._workers[seat] = None
        pause = 1.0
        while True:
            self.num_replaced += 1
            try:
                await self._start_worker(seat)
            except ConfigError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                return

    async def _start_worker(self, seat: int) -> WorldManifest:
        worker = await self._in_thread(lambda: _spawn(self._open_world))
        self._workers[seat] = worker  # before it has opened the world, so that `close` ends it
        return await self._in_thread(worker.wait_until_open)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Worker:
    """One process and our end of its pipe. Blocking; used by one thread at a time."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection
        self._is_open = False

    @property
    def is_alive(self) -> bool:
        """Whether it has opened the world and still runs."""
        return self._is_open and self._process.is_alive()

    def wait_until_open(self) -> WorldManifest:
        """Wait for the worker to open the world.

        Raises:
            ConfigError: it cannot, or it ended.
        """
        try:
            reply = unpack_reply(self._receive(timeout_s=OPEN_TIMEOUT_S))
        except (TimeoutError, EOFError, OSError) as reason:
            self.end()
            msg = (
                "a worker was expected to open the world, it ended before "
                f"(exit code {self._process.exitcode}): see its words above, and whether memory is "
                "short"
            )
            raise ConfigError(msg) from reason
        if reply.outcome.failure is not None:
            self.end()
            raise ConfigError(reply.outcome.message)
        self._is_open = True
        return WorldManifest.model_validate_json(reply.body)

    def exchange(self, frame: bytes, *, timeout_s: float) -> bytes:
        """Send a job and wait for its reply.

        Raises:
            TimeoutError: none came.
            EOFError: the worker is gone.
            OSError: the same, seen while sending.
        """
        self._connection.send_bytes(frame)
        return self._receive(timeout_s=timeout_s)

    def end(self) -> None:
        """End the process now; a thread that waits for it wakes with EOFError."""
        for stop in (self._process.terminate, self._process.kill):
            if self._process.is_alive():
                stop()
                self._process.join(_END_S)

    def _receive(self, *, timeout_s: float) -> bytes:
        if not self._connection.poll(timeout_s):
            raise TimeoutError
        return self._connection.recv_bytes()


def _spawn(open_world: OpenWorld) -> _Worker:
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(
        target=run_worker, args=(theirs, open_world), daemon=True, name="vdr-world-worker"
    )
    # The mask is inherited: Ctrl-C must not hit a worker that is still importing.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return _Worker(process, ours)


def _failed(kind: FailureKind, message: str) -> Reply:
    return Reply(outcome=Outcome(failure=kind, message=message))


def _answer(ticket: _Ticket, reply: Reply) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):
        ticket.future.set_result(reply)
