"""A served engine that misbehaves: lists and pages in the workers, time and failures at the front.

What is found is a pure function of (world seed, noise seed, request), so answers may be kept and
every replica gives the same. Waits and failures also depend on how often this server was asked the
same before, so that they pass; they cost no worker.
"""

import asyncio
from collections import OrderedDict

from vision_deepresearch.worlds.server.jobs import Job, JobKind, sha256_of
from vision_deepresearch.worlds.server.refusals import EngineFailedError
from vision_deepresearch.worlds.wrappers.noise_calls import fate_of
from vision_deepresearch.worlds.wrappers.noise_draws import Draws, RequestKey, address_of
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings

_MAX_REQUESTS = 65_536
"""Requests whose repetitions are counted; the one unused for longest is forgotten first."""
_CALLS = ("latency_median_s", "p_rate_limited", "p_upstream", "p_timeout")


class Misbehaviour:
    """Time and failures of calls. Used from one event loop."""

    def __init__(self, settings: NoiseSettings, *, world_seed: int, noise_seed: int) -> None:
        self._settings = settings
        self._draws = Draws(world_seed=world_seed, noise_seed=noise_seed)
        self._asked: OrderedDict[RequestKey, int] = OrderedDict()
        self.num_failed = 0

    async def meet(self, job: Job, blob: bytes) -> None:
        """Take as long as this call takes.

        Raises:
            EngineFailedError: it fails.
        """
        settings = self._settings
        if not (settings.waits or settings.fails):
            return
        request = _request_of(job, blob)
        # The same draws as of a call by hand: no earlier turn, so many earlier tries.
        fate = fate_of(settings, self._draws, call=(*request, 0, self._repetition(request)))
        if fate.wait_s > 0:
            await asyncio.sleep(fate.wait_s)
        if fate.failure is not None:
            self.num_failed += 1
            wait_s = fate.retry_after_s
            raise EngineFailedError(
                fate.failure,
                fate.words,
                retry_after_s=None if wait_s is None else max(1, round(wait_s)),
            )

    def _repetition(self, request: RequestKey) -> int:
        number = self._asked.pop(request, 0)
        self._asked[request] = number + 1
        if len(self._asked) > _MAX_REQUESTS:
            self._asked.popitem(last=False)
        return number


def without_calls(settings: NoiseSettings) -> NoiseSettings:
    """The knobs that change what is found, without those that take time or fail."""
    return settings.model_copy(update=dict.fromkeys(_CALLS, 0.0))


def _request_of(job: Job, blob: bytes) -> RequestKey:
    """A job in canonical form; how many results are wanted is no part of it."""
    words = " ".join(job.query.split()).casefold()
    match job.kind:
        case JobKind.SEARCH:
            return ("text", words)
        case JobKind.PICTURES:
            return ("pictures", words)
        case JobKind.LOOK:
            return ("image", sha256_of(blob) if blob else address_of(job.urls[0]))
        case JobKind.READ:
            return ("page", address_of(job.urls[0]), "")
        case JobKind.ASSET:
            return ("asset", address_of(job.urls[0]))
