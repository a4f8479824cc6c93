"""Answers to jobs: kept ones first, equal ones in flight shared, the rest from the workers."""

import asyncio
from collections import OrderedDict

from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.worlds.server.jobs import Job, Lane, Reply, key_of
from vision_deepresearch.worlds.server.misbehaviour import Misbehaviour
from vision_deepresearch.worlds.server.pool import WorkerPool
from vision_deepresearch.worlds.server.refusals import RefusedError, refusal_of
from vision_deepresearch.worlds.server.settings import Settings

_ENTRY_BYTES = 400
"""What an entry costs beside its body, about."""


class Answers:
    """The workers with a memory. Used from one event loop."""

    def __init__(self, pool: WorkerPool, *, settings: Settings, world_seed: int = 0) -> None:
        self.misbehaviour = Misbehaviour(
            settings.noise, world_seed=world_seed, noise_seed=settings.noise_seed
        )
        self._pool = pool
        self._settings = settings
        self._kept: OrderedDict[bytes, Reply] = OrderedDict()
        self._flights: dict[bytes, asyncio.Future[Reply]] = {}
        self.kept_bytes = 0
        self.num_hits = 0
        self.num_joined = 0
        self.num_asked = 0

    async def get(self, job: Job, blob: bytes = b"") -> bytes:
        """The content a job asks for.

        Raises:
            RefusedError: it failed, took too long, or the queue is full.
            EngineFailedError: the engine misbehaves, and this is one of its failures.
        """
        await self.misbehaviour.meet(job, blob)
        key = key_of(job, blob)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            self.num_hits += 1
            return _content(kept)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._pool.submit(job, blob)
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done.result()))
            self.num_asked += 1
        else:
            self.num_joined += 1
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                # Shielded: who goes away must not take the answer from those who joined.
                return _content(await asyncio.shield(flight))
        except TimeoutError as reason:
            raise RefusedError(
                FailureKind.TIMEOUT, f"no answer within {self._settings.request_timeout_s:g} s"
            ) from reason

    def check_room(self, lane: Lane) -> None:
        """See whether new work would be taken, before a large body is read for it.

        Raises:
            OverloadedError: its queue is full.
        """
        self._pool.check_room(lane)

    def _land(self, key: bytes, reply: Reply) -> None:
        del self._flights[key]
        size = len(reply.body) + _ENTRY_BYTES
        if not reply.outcome.is_settled or size > self._settings.cache_bytes // 4:
            return
        self._kept[key] = reply
        self.kept_bytes += size
        while self.kept_bytes > self._settings.cache_bytes:
            _, old = self._kept.popitem(last=False)
            self.kept_bytes -= len(old.body) + _ENTRY_BYTES


def _content(reply: Reply) -> bytes:
    if reply.outcome.failure is not None:
        raise refusal_of(reply.outcome)
    return reply.body
