"""A world that behaves like a real engine: it misses, mixes up, forgets, waits and fails.

Everything is a pure function of (world seed, noise seed, canonical request), so that all rollouts
of a task see the same world and a rollout can be repeated. What comes out is always content of the
world beneath; pages that contradict each other are written by a world, never by this wrapper.
Order of wrappers: meter, noise, tape, world. Outside the tape a recording stays clean: one
recording serves every noise, and salted rollouts do not share each other's draws.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import current_context
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.worlds.wrappers.noise_calls import fate_of
from vision_deepresearch.worlds.wrappers.noise_draws import (
    Draws,
    Repetitions,
    RequestKey,
    address_of,
    asset_request,
    page_request,
    picture_request,
    text_request,
)
from vision_deepresearch.worlds.wrappers.noise_hits import POOL, Noise
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings


class OlderCopies(Protocol):
    """A world that knows what its pages said earlier."""

    async def read_older(self, url: str, *, cursor: str | None = None) -> Page | None:
        """A window of an older copy, which says that it is one; None: there is no older copy.

        Raises:
            WorldError: no such window (bad_args).
        """
        ...


class Deed(StrEnum):
    """What noise did to a call; counted in `NoisyWorld.deeds`."""

    CALL = "call"
    """Calls in all."""
    RESULTS_CHANGED = "results_changed"
    """A list that is not what the clean world shows."""
    DEAD_LINK = "dead_link"
    STALE = "stale"
    NO_OLDER_COPY = "no_older_copy"
    """A stale page was drawn, but the world has none: the page itself was read."""
    RATE_LIMITED = "rate_limited"
    UPSTREAM = "upstream"
    TIMEOUT = "timeout"
    TAIL = "tail"
    """A wait of the long tail."""


_FAILED = {
    FailureKind.RATE_LIMITED: Deed.RATE_LIMITED,
    FailureKind.UPSTREAM: Deed.UPSTREAM,
    FailureKind.TIMEOUT: Deed.TIMEOUT,
}


class NoisyWorld:
    """Wraps a world. With settings that change nothing it passes every call on as it is."""

    def __init__(
        self,
        world: World,
        settings: NoiseSettings,
        *,
        world_seed: int,
        noise_seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        older: OlderCopies | None = None,
    ) -> None:
        """Wrap a world.

        Args:
            world: what is asked.
            settings: the knobs.
            world_seed: of the world, so that two worlds do not fail at the same ranks.
            noise_seed: another one draws everything anew and changes nothing else.
            sleep: waits so many seconds.
            older: what its pages said earlier; None: `p_stale` has no effect but a count.
        """
        self._world = world
        self._settings = settings
        self._draws = Draws(world_seed=world_seed, noise_seed=noise_seed)
        self._sleep = sleep
        self._older = older
        self._repetitions = Repetitions()
        self.deeds: Counter[Deed] = Counter()
        """How often each thing was done so far."""

    def manifest(self) -> WorldManifest:
        """What the wrapped world is, under a name of its own where noise changes it.

        The id differs, so that a tape around this wrapper would not mix up noisy and clean answers.
        """
        about = self._world.manifest()
        if self._settings.is_clean:
            return about
        noise: dict[str, str | int | float] = {
            "noise": self._settings.digest(),
            "noise_seed": self._draws.noise_seed,
            "noise_world_seed": self._draws.world_seed,
        }
        suffix = f"{self._settings.digest()}.{self._draws.world_seed}.{self._draws.noise_seed}"
        return about.model_copy(
            update={"world_id": f"{about.world_id}~{suffix}", "spec": {**about.spec, **noise}}
        )

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the wrapped world, but for the noise.

        Raises:
            WorldError: as the wrapped world; rate_limited, upstream or timeout by noise.
        """
        request = picture_request(picture, origin=origin)
        draws = await self._enter(request)
        if not self._settings.changes_results or limit < 1:
            return await self._world.search_image(picture, limit=limit, origin=origin)
        hits = await self._world.search_image(picture, limit=self._reach(limit), origin=origin)
        return self._noisy(hits, draws, request=request, limit=limit, origin=origin)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the wrapped world, but for the noise.

        Raises:
            WorldError: as the wrapped world; rate_limited, upstream or timeout by noise.
        """
        request = text_request(query)
        draws = await self._enter(request)
        if not self._settings.changes_results or limit < 1:
            return await self._world.search_text(query, limit=limit)
        hits = await self._world.search_text(query, limit=self._reach(limit))
        return self._noisy(hits, draws, request=request, limit=limit, origin=None)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the wrapped world; a dead link is not found, whatever stands there.

        Raises:
            WorldError: as the wrapped world; not_found, rate_limited, upstream, timeout by noise.
        """
        draws = await self._enter(page_request(url, cursor=cursor))
        self._refuse_dead(url, draws)
        if draws.happens(self._settings.p_stale, "stale", address_of(url)):
            page = None if self._older is None else await self._older.read_older(url, cursor=cursor)
            self.deeds[Deed.NO_OLDER_COPY if page is None else Deed.STALE] += 1
            if page is not None:
                return page
        return await self._world.read(url, cursor=cursor)

    async def asset(self, url: str) -> Asset:
        """As the wrapped world; a dead link is not found.

        Raises:
            WorldError: as the wrapped world; not_found, rate_limited, upstream, timeout by noise.
        """
        draws = await self._enter(asset_request(url))
        self._refuse_dead(url, draws)
        return await self._world.asset(url)

    # ------------------------------------------------------------------------------------ results

    def _reach(self, limit: int) -> int:
        return limit + POOL if self._settings.reaches_lower else limit

    def _noisy(
        self,
        hits: list[Evidence],
        draws: Draws,
        *,
        request: RequestKey,
        limit: int,
        origin: CropOrigin | None,
    ) -> list[Evidence]:
        noise = Noise(settings=self._settings, draws=draws, request=request)
        shown = noise.apply(hits, limit=limit, origin=origin)
        self.deeds[Deed.RESULTS_CHANGED] += shown != hits[:limit]
        return shown

    def _refuse_dead(self, url: str, draws: Draws) -> None:
        if draws.happens(self._settings.p_dead_link, "dead", address_of(url)):
            self.deeds[Deed.DEAD_LINK] += 1
            raise WorldError(FailureKind.NOT_FOUND, "nothing is there any more (dead link)")

    # --------------------------------------------------------------------------- time and failures

    async def _enter(self, request: RequestKey) -> Draws:
        """Wait as long as this call takes, fail if it fails; returns the numbers to draw from."""
        self.deeds[Deed.CALL] += 1
        settings, draws = self._settings, self._draws_now()
        if not (settings.waits or settings.fails):
            return draws
        context = current_context.get()
        call = (*request, *self._repetitions.number(request, context=context))
        fate = fate_of(settings, draws, call=call)
        self.deeds[Deed.TAIL] += fate.is_tail
        if fate.wait_s > 0:
            await self._sleep(fate.wait_s)
        if fate.failure is not None:
            self.deeds[_FAILED[fate.failure]] += 1
            raise WorldError(fate.failure, fate.words, retry_after_s=fate.retry_after_s)
        return draws

    def _draws_now(self) -> Draws:
        context = current_context.get()
        if not self._settings.episode_salt or context is None:
            return self._draws
        return Draws(
            world_seed=self._draws.world_seed,
            noise_seed=self._draws.noise_seed,
            salt=f"{context.task_id} {context.attempt}",
        )
