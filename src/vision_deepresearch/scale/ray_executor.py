"""Carries out stages on a Ray cluster: the same stage code, opened once in each worker.

The driver alone writes the run store: workers are handed records and give back outcomes, so a
killed driver goes on by the same command, and the order of what comes out is that of what went in.

A worker that dies is replaced. Its records are tried again one at a time, so that what kills
workers is found out; a record at which several died is rejected and costs itself only.
"""

import asyncio
import importlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeVar

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.scale.ray_worker import (
    REACH,
    Answer,
    RayWorker,
    Reach,
    answer_file,
    code_fingerprint,
    question_file,
)
from vision_deepresearch.synth.carry_out import Done
from vision_deepresearch.synth.workplace import MakeStages

LOCAL = "local"
"""The address that starts a cluster on this machine, for as long as the command runs."""
_STORE_BYTES = 100_000_000
"""Of a local cluster's object store: records are small, pictures do not pass through it."""
_CHUNK = 4
"""Records that go to a worker at a time."""
_MAX_DEATHS = 3
"""Of workers at one record, before it is rejected. Ours."""
_START_S = 300.0
"""For a worker to come up and open a world. Ours."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Ref(Protocol[T_co]):
    """What a remote call will give."""

    def future(self) -> Future[T_co]: ...


class _Open(Protocol):
    def remote(self, make_stages: MakeStages, reach: Reach, *, number: int) -> _Ref[Answer]: ...


class _Work(Protocol):
    def remote(
        self, stage: str, chunk: Sequence[tuple[int, JsonValue]], cap_usd: float | None
    ) -> _Ref[list[tuple[int, JsonValue]]]: ...


class _Worker(Protocol):
    """A `RayWorker` elsewhere, as far as it is used here: Ray's own types are not there without it."""

    @property
    def open(self) -> _Open: ...

    @property
    def work(self) -> _Work: ...


def _ray(module: str = "ray") -> ModuleType:
    """Ray, which is an extra.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as reason:
        msg = "--ray needs the extra ray: pip install 'vision-deepresearch[ray]'"
        raise ConfigError(msg) from reason


@dataclass(frozen=True, slots=True)
class _Piece:
    """A record on its way."""

    position: int
    raw: JsonValue
    deaths: int = 0


@dataclass(slots=True, kw_only=True)
class _Round:
    """One stage over its records."""

    stage: str
    cap_usd: float | None
    todo: deque[_Piece]
    suspects: deque[_Piece] = field(default_factory=deque)
    """Workers died while they had these: each is tried on its own."""
    out: asyncio.Queue[tuple[int, Done] | None] = field(default_factory=asyncio.Queue)
    spent_usd: float = 0.0
    is_settled: bool = False
    """No record will fare better before somebody mends a setting."""

    @property
    def goes_on(self) -> bool:
        """Whether records wait that may be begun."""
        may_spend = self.cap_usd is None or self.spent_usd < self.cap_usd
        return may_spend and not self.is_settled and bool(self.todo or self.suspects)

    def take(self) -> list[_Piece]:
        """What a worker is to do next; nothing: there is nothing to do now."""
        if not self.goes_on:
            return []
        if self.suspects:
            return [self.suspects.popleft()]
        return [self.todo.popleft() for _ in range(min(_CHUNK, len(self.todo)))]

    def put(self, position: int, done: Done) -> None:
        """An outcome."""
        self.spent_usd += done.cost_usd or 0.0
        self.is_settled = self.is_settled or done.is_settled
        self.out.put_nowait((position, done))

    def put_back(self, pieces: Sequence[_Piece]) -> None:
        """Records that nobody began."""
        self.todo.extendleft(reversed([one for one in pieces if not one.deaths]))
        self.suspects.extend(one for one in pieces if one.deaths)

    def bury(self, pieces: Sequence[_Piece]) -> None:
        """The records of a worker that died."""
        for piece in pieces:
            deaths = piece.deaths + 1
            if deaths >= _MAX_DEATHS:
                detail = f"{deaths} workers died while they had it"
                self.put(piece.position, Done(reason="worker_died", detail=detail))
            else:
                self.suspects.append(_Piece(piece.position, piece.raw, deaths))


class RayExecutor:
    """Workers on a cluster, kept from stage to stage. An `Executor`; made by `open_ray`."""

    def __init__(self, make_stages: MakeStages, *, workers: int, reach: Reach) -> None:
        self._make_stages = make_stages
        self._reach = reach
        self._num_started = 0
        self._workers: list[_Worker | None] = [None] * workers

    async def start(self) -> None:
        """Start all workers and have each prove that it reaches what it needs.

        Raises:
            ConfigError: one cannot work; the message says on which machine and why.
        """
        self._clean()  # of a driver that was killed
        question_file(self._reach).write_text(self._reach.token)
        async with asyncio.TaskGroup() as group:
            started = [group.create_task(self._started()) for _ in self._workers]
        found = [task.result() for task in started]
        fault = next((one for one in found if isinstance(one, str)), None)
        self._workers = [None if isinstance(one, str) else one for one in found]
        if fault is not None:
            raise ConfigError(fault)

    def close(self) -> None:
        """End the workers."""
        ray = _ray()
        for worker in self._workers:
            if worker is not None:
                ray.kill(worker)
        self._clean()

    def _clean(self) -> None:
        for path in Path(self._reach.folder).glob(f"{REACH}*"):
            path.unlink(missing_ok=True)

    async def run(
        self, stage: str, records: Sequence[JsonValue], *, cap_usd: float | None
    ) -> AsyncIterator[tuple[int, JsonValue]]:
        """See `Executor`. Records begun at the same time may together overrun the cap.

        Raises:
            ConfigError: no worker is left.
        """
        pieces = deque(_Piece(position, raw) for position, raw in enumerate(records))
        now = _Round(stage=stage, cap_usd=cap_usd, todo=pieces)
        crew = asyncio.create_task(self._all_work(now))
        try:
            while (one := await now.out.get()) is not None:
                position, done = one
                yield position, done.model_dump(mode="json")
            await crew
        finally:
            crew.cancel()
            await asyncio.wait([crew])

    async def _all_work(self, now: _Round) -> None:
        try:
            while now.goes_on:  # again where the last worker to end left its records
                async with asyncio.TaskGroup() as group:
                    for seat in range(len(self._workers)):
                        group.create_task(self._work(now, seat))
                if not any(self._workers):
                    msg = (
                        "expected workers to stay, got none left and no new one came up: look at "
                        "the cluster, then run the same command again"
                    )
                    raise ConfigError(msg)
        finally:
            now.out.put_nowait(None)

    async def _work(self, now: _Round, seat: int) -> None:
        """One worker's place: what it does until nothing is left, whoever sits there."""
        ray = _ray()
        while pieces := now.take():
            worker = self._workers[seat]
            if worker is None:
                started = await self._started()
                if isinstance(started, str):
                    now.put_back(pieces)
                    return  # the others go on without it
                worker = self._workers[seat] = started
            left = None if now.cap_usd is None else now.cap_usd - now.spent_usd
            chunk = [(one.position, one.raw) for one in pieces]
            told = await _outcome(worker.work.remote(now.stage, chunk, left))
            if told is None:
                ray.kill(worker)  # it may only be out of reach
                self._workers[seat] = None
                now.bury(pieces)
                continue
            for position, done in told:
                now.put(position, Done.model_validate(done))

    async def _started(self) -> _Worker | str:
        """A new worker, or why there is none."""
        ray, errors = _ray(), _ray("ray.exceptions")
        number = self._num_started
        self._num_started += 1
        worker: _Worker = ray.remote(num_cpus=1, max_restarts=0)(RayWorker).remote()
        try:
            async with asyncio.timeout(_START_S):
                opened = worker.open.remote(self._make_stages, self._reach, number=number)
                answer = await asyncio.wrap_future(opened.future())
        except TimeoutError:
            ray.kill(worker)
            return (
                f"expected a worker to start within {_START_S:.0f} s, got none: the cluster has "
                "fewer processors free than --jobs asks for"
            )
        except errors.RayTaskError:
            raise  # a bug: what a user can mend comes as an answer
        except errors.RayError as reason:
            return (
                f"expected a worker to start, got {_first_line(reason)}: install the driver's "
                "vision_deepresearch, with its Python, on every machine of the cluster"
            )
        if answer.fault:
            ray.kill(worker)
            return f"worker on {answer.host}: {answer.fault}"
        if not answer_file(self._reach, number).is_file():
            ray.kill(worker)
            return (
                f"worker on {answer.host}: {self._reach.folder!r} is another folder there: put "
                "--out on a folder that all machines share under one path"
            )
        return worker


@contextmanager
def ray_cluster(address: str, *, workers: int | None) -> Iterator[int]:
    """Connect to a cluster, or start one of this machine, and leave it again.

    Args:
        address: `local`, `auto`, or HOST:PORT of a cluster that this machine is a part of.
        workers: processors wanted; None: all that the cluster has.

    Yields:
        How many workers are to be started.

    Raises:
        ConfigError: ray is not installed, or no cluster is there.
    """
    if "://" in address:
        msg = (
            f"expected local, auto or HOST:PORT, got {address!r}: run the command on a machine of "
            "the cluster, where it reaches the run folder"
        )
        raise ConfigError(msg)
    ray = _ray()
    # In the main thread: what a local cluster starts ends with the thread that started it.
    try:
        if address == LOCAL:
            ray.init(
                address=LOCAL,  # without it Ray joins a cluster that happens to run here
                num_cpus=workers,
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                log_to_driver=False,
                configure_logging=False,
            )
        else:
            ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as reason:
        msg = (
            f"expected a Ray cluster at {address!r}, got {_first_line(reason)}: start one with `ray "
            "start --head` (where it asks for a token, RAY_AUTH_MODE=token here too), or give --ray "
            "local"
        )
        raise ConfigError(msg) from reason
    try:
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def reach_of(folder: Path) -> Reach:
    """What workers must reach to make the run in this folder."""
    return Reach(code=code_fingerprint(), folder=str(folder.absolute()), token=secrets.token_hex(8))


async def _outcome(ref: _Ref[T]) -> T | None:
    """What a worker gave; None: it died. What it raised is raised here."""
    errors = _ray("ray.exceptions")
    try:
        return await asyncio.wrap_future(ref.future())
    except errors.RayTaskError as reason:
        cause = reason.cause
        if isinstance(cause, BaseException):
            raise cause from reason
        raise
    except errors.RayError:
        return None


def _first_line(reason: BaseException) -> str:
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
    return f"{type(reason).__name__} ({lines[-1] if lines else 'no reason given'})"
