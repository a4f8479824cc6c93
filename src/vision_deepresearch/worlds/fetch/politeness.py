"""Manners towards sites: a pause between requests to one host, and what its robots file asks."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.robotparser import RobotFileParser

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.urls import CheckedUrl

AGENT = "vision-deepresearch"
_MAX_HOSTS = 2048
GetRobots = Callable[[CheckedUrl], Awaitable[bytes | None]]


@dataclass(slots=True)
class _Host:
    """What is known of one host."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0
    rules: RobotFileParser | None = None
    is_known: bool = False


class Politeness:
    """Lets a request go when its host may be asked."""

    def __init__(
        self,
        *,
        pause_s: float = 1.0,
        heeds_robots: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is known yet.

        Args:
            pause_s: between the beginnings of two requests to one host.
            heeds_robots: whether robots files are read and kept to.
            clock: monotonic seconds.
        """
        self._pause_s = pause_s
        self._heeds_robots = heeds_robots
        self._clock = clock
        self._hosts: OrderedDict[tuple[str, int], _Host] = OrderedDict()

    async def admit(self, url: CheckedUrl, *, get: GetRobots) -> None:
        """Wait for the host's turn.

        Args:
            url: about to be asked.
            get: fetches the host's robots file.

        Raises:
            WorldError: the site asks not to be read there (blocked).
        """
        host = self._host(url)
        async with host.turn:
            if self._heeds_robots and not host.is_known:
                host.rules = await self._rules_of(url, get=get)
                host.is_known = True
            if host.rules is not None and not host.rules.can_fetch(AGENT, url.url):
                msg = "the site's robots file asks not to read this page"
                raise WorldError(FailureKind.BLOCKED, msg)
            wait_s = host.free_at - self._clock()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            host.free_at = self._clock() + self._pause_s

    def _host(self, url: CheckedUrl) -> _Host:
        key = (url.host, url.port)
        host = self._hosts.setdefault(key, _Host())
        self._hosts.move_to_end(key)
        if len(self._hosts) > _MAX_HOSTS:
            self._hosts.popitem(last=False)
        return host

    async def _rules_of(self, url: CheckedUrl, *, get: GetRobots) -> RobotFileParser | None:
        host = f"[{url.host}]" if ":" in url.host else url.host
        address = f"{url.scheme}://{host}:{url.port}/robots.txt"
        body = await get(replace(url, url=address))
        if body is None:
            return None
        rules = RobotFileParser()
        rules.parse(body.decode("utf-8", "replace").splitlines())
        return rules
