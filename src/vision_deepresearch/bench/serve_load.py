"""The clients of the benchmark of the world server: raw HTTP on one event loop, next to no work.

Every connection keeps one request in flight and asks again at once, also when it was refused. A
question that was answered is not asked again before all others were, so that no answer can come
from a memory or be shared with an equal request in flight.
"""

import asyncio
import hashlib
import random
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

KINDS = ("text", "picture")
_OVERTIME_S = 45.0
"""For requests in flight when the time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request ready to be sent."""

    kind: str
    """text or picture."""
    wire: bytes


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came back."""

    answers: dict[str, Counter[int]] = field(
        default_factory=lambda: {kind: Counter[int]() for kind in KINDS}
    )
    """Statuses by kind."""
    waits_s: dict[str, list[float]] = field(
        default_factory=lambda: {kind: list[float]() for kind in KINDS}
    )
    """Of answers with status 200."""
    digests: dict[int, bytes] = field(default_factory=dict)
    """SHA-256 of the body with status 200, by number of the question."""
    changed: int = 0
    """Answers that differ from an earlier one to the same question."""
    repeated: int = 0
    """Answers to questions that were answered before."""
    without_retry_after: int = 0
    """Refusals with 503 or 429 that do not say when to come again."""
    broken: int = 0
    """Connections that were still waiting when the patience was over."""


class Questions:
    """Which question is asked next: kinds by chance, unanswered ones first."""

    def __init__(
        self, questions: Sequence[Question], *, picture_share: float, rng: random.Random
    ) -> None:
        self.all = questions
        self._rng = rng
        self._share = picture_share
        self._order = {
            kind: [number for number, one in enumerate(questions) if one.kind == kind]
            for kind in KINDS
        }
        for order in self._order.values():
            rng.shuffle(order)
        self._open = {kind: deque(order) for kind, order in self._order.items()}

    def next(self) -> int:
        """The number of a question of either kind."""
        kind = "picture" if self._rng.random() < self._share else "text"
        waiting = self._open[kind]
        if not waiting:
            waiting.extend(self._order[kind])
        return waiting.popleft()

    def put_back(self, number: int) -> None:
        """A question was refused: it is asked again when the others have had their turn."""
        self._open[self.all[number].kind].append(number)


class _Run:
    """What all connections of one load share."""

    def __init__(self, questions: Sequence[Question], *, num_clients: int) -> None:
        self.questions = questions
        self.tally = Tally()
        self.done = asyncio.Event()
        self._open = num_clients

    def next_number(self) -> int | None:
        """The next question; None: enough."""
        raise NotImplementedError

    def take(
        self, number: int, *, status: int, body: bytes, has_retry: bool, wait_s: float
    ) -> None:
        """An answer came."""
        tally, kind = self.tally, self.questions[number].kind
        tally.answers[kind][status] += 1
        if status == 200:
            tally.waits_s[kind].append(wait_s)
            digest = hashlib.sha256(body).digest()
            tally.repeated += number in tally.digests
            tally.changed += tally.digests.setdefault(number, digest) != digest
        elif status in {429, 503} and not has_retry:
            tally.without_retry_after += 1

    def lost(self) -> None:
        """A connection ended."""
        self._open -= 1
        if self._open == 0:
            self.done.set()


class _Load(_Run):
    """Asks until the time is over."""

    def __init__(self, order: Questions, *, num_clients: int, seconds: float) -> None:
        super().__init__(order.all, num_clients=num_clients)
        self._order = order
        self._stop = time.monotonic() + seconds

    @override
    def next_number(self) -> int | None:
        return self._order.next() if time.monotonic() < self._stop else None

    @override
    def take(
        self, number: int, *, status: int, body: bytes, has_retry: bool, wait_s: float
    ) -> None:
        super().take(number, status=status, body=body, has_retry=has_retry, wait_s=wait_s)
        if status != 200:
            self._order.put_back(number)


class _Once(_Run):
    """Asks each of some questions once."""

    def __init__(
        self, questions: Sequence[Question], numbers: Iterable[int], *, num_clients: int
    ) -> None:
        super().__init__(questions, num_clients=num_clients)
        self._numbers = iter(numbers)

    @override
    def next_number(self) -> int | None:
        return next(self._numbers, None)


class _Client(asyncio.Protocol):
    """One connection that always has one request in flight. Knows just enough HTTP."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.WriteTransport | None = None
        self._number = 0
        self._sent_at = 0.0
        self._chunks: list[bytes] = []
        self._missing = -1
        """Bytes of the body still to come; -1: the head is not whole."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    @override
    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        if self._missing > len(data):
            self._missing -= len(data)
            return
        whole = b"".join(self._chunks)
        head, found, body = whole.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(_header(head, b"content-length") or b"0")
        self._missing = length - len(body)
        if self._missing > 0:
            return
        self._chunks.clear()
        self._missing = -1
        self._run.take(
            self._number,
            status=int(head[9:12]),
            body=body[:length],
            has_retry=_header(head, b"retry-after") is not None,
            wait_s=time.monotonic() - self._sent_at,
        )
        self._ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost()

    def _ask(self) -> None:
        assert self._transport is not None
        number = self._run.next_number()
        if number is None:
            self._transport.close()
            return
        self._number, self._sent_at = number, time.monotonic()
        self._transport.write(self._run.questions[number].wire)


async def load(host: str, order: Questions, *, num_clients: int, seconds: float) -> Tally:
    """Keep so many requests in flight for so long."""
    run = _Load(order, num_clients=num_clients, seconds=seconds)
    await _connect(host, run, num_clients=num_clients)
    try:
        async with asyncio.timeout(seconds + _OVERTIME_S):
            await run.done.wait()
    except TimeoutError:
        run.tally.broken += 1
    return run.tally


async def ask_each(
    host: str, questions: Sequence[Question], numbers: Iterable[int], *, num_clients: int = 2
) -> Mapping[int, bytes]:
    """The digests of unloaded answers, a few at a time.

    Raises:
        RuntimeError: a server with nothing else to do did not answer one of them.
    """
    wanted = list(numbers)
    run = _Once(questions, wanted, num_clients=num_clients)
    await _connect(host, run, num_clients=num_clients)
    await run.done.wait()
    if len(run.tally.digests) != len(set(wanted)):
        msg = f"an unloaded server answered {len(run.tally.digests)} of {len(wanted)} requests"
        raise RuntimeError(msg)
    return run.tally.digests


async def _connect(host: str, run: _Run, *, num_clients: int) -> None:
    name, _, port = host.rpartition(":")
    loop = asyncio.get_running_loop()
    for _ in range(num_clients):
        await loop.create_connection(lambda: _Client(run), name, int(port))


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
