"""Manners towards sites: few requests at a time with pauses, their robots files, their refusals.

A host is let alone while it asks for it (Retry-After), and for a minute after it failed several
times in a row. Source: RFC 9309 for robots files; the numbers are our default.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.robots import Robots, read_robots
from vision_deepresearch.worlds.fetch.urls import CheckedUrl

AGENT = "vision-deepresearch"
AT_A_TIME = 2
"""Connections to one host."""
_MAX_HOSTS = 2048
_RULES_S = 24 * 3600.0
"""How long a robots file counts."""
_BROKEN_RULES_S = 600.0
"""How long a site whose robots file cannot be read is not asked again for it."""
_MAX_WAIT_S = 10.0
"""Longest time a request waits for a host that asked for patience; beyond it the caller is told."""
_MAX_REST_S = 3600.0
_MANY_FAILURES = 5
_REST_S = 60.0
_TIRED = frozenset({FailureKind.UPSTREAM, FailureKind.TIMEOUT})
GetRobots = Callable[[CheckedUrl], Awaitable[bytes | None]]
"""Fetches a robots file; None: the site has none. Raises WorldError where it cannot be known."""


@dataclass(slots=True)
class _Host:
    """What is known of one host."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    free_at: float = 0.0
    """When the next request may begin."""
    rests_until: float = 0.0
    """Until when it asked, or seemed to ask, to be let alone."""
    num_failures: int = 0
    """In a row."""
    rules: Robots | WorldError | None = None
    rules_until: float = 0.0


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
            pause_s: between the beginnings of two requests to one host; its robots file may ask
                for more.
            heeds_robots: whether robots files are read and kept to.
            clock: monotonic seconds.
        """
        self._pause_s = pause_s
        self._heeds_robots = heeds_robots
        self._clock = clock
        self._hosts: OrderedDict[tuple[str, int], _Host] = OrderedDict()

    @asynccontextmanager
    async def turn(self, url: CheckedUrl, *, get: GetRobots) -> AsyncIterator[None]:
        """Hold one of the host's few connections, once its turn has come.

        What the request raises inside is remembered: the host rests after a Retry-After, and after
        several failures in a row.

        Args:
            url: about to be asked.
            get: fetches the host's robots file.

        Raises:
            WorldError: the site asks not to be read there (blocked), to wait (rate_limited), or
                failed so often that it is let alone (upstream).
        """
        host = self._host(url)
        async with host.slots:
            await self._admit(host, url, get=get)
            try:
                yield
            except WorldError as failure:
                self._note(host, failure)
                raise
            host.num_failures = 0

    async def _admit(self, host: _Host, url: CheckedUrl, *, get: GetRobots) -> None:
        async with host.turn:
            self._check_rest(host)
            rules = await self._rules_of(host, url, get=get) if self._heeds_robots else Robots()
            if not rules.may_read(url.url):
                msg = "the site's robots file asks not to read this page"
                raise WorldError(FailureKind.BLOCKED, msg)
            self._check_rest(host)  # its robots file may have been refused with a wait
            wait_s = max(host.free_at, host.rests_until) - self._clock()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            host.free_at = self._clock() + max(self._pause_s, rules.crawl_delay_s)

    def _check_rest(self, host: _Host) -> None:
        wait_s = host.rests_until - self._clock()
        if wait_s <= _MAX_WAIT_S:
            return
        if host.num_failures >= _MANY_FAILURES:
            kind, msg = FailureKind.UPSTREAM, "the site failed several times in a row: try others"
        else:
            kind, msg = FailureKind.RATE_LIMITED, "the site asked to be let alone for a while"
        raise WorldError(kind, msg, retry_after_s=wait_s)

    def _note(self, host: _Host, failure: WorldError) -> None:
        host.num_failures = host.num_failures + 1 if failure.kind in _TIRED else 0
        rest_s = min(failure.retry_after_s or 0.0, _MAX_REST_S)
        if host.num_failures >= _MANY_FAILURES:
            rest_s = max(rest_s, _REST_S)
        host.rests_until = max(host.rests_until, self._clock() + rest_s)

    def _host(self, url: CheckedUrl) -> _Host:
        key = (url.host, url.port)
        host = self._hosts.setdefault(key, _Host())
        self._hosts.move_to_end(key)
        if len(self._hosts) > _MAX_HOSTS:
            self._hosts.popitem(last=False)
        return host

    async def _rules_of(self, host: _Host, url: CheckedUrl, *, get: GetRobots) -> Robots:
        if host.rules is None or self._clock() >= host.rules_until:
            await self._learn(host, url, get=get)
        if isinstance(host.rules, WorldError):
            raise WorldError(host.rules.kind, host.rules.message)
        return host.rules or Robots()

    async def _learn(self, host: _Host, url: CheckedUrl, *, get: GetRobots) -> None:
        """Read the robots file; one that cannot be read allows nothing for a while."""
        name = f"[{url.host}]" if ":" in url.host else url.host
        address = f"{url.scheme}://{name}:{url.port}/robots.txt"
        try:
            body = await get(replace(url, url=address))
        except WorldError as failure:
            self._note(host, failure)
            msg = f"the site's robots file cannot be read, so its pages are not ({failure.message})"
            host.rules = WorldError(failure.kind, msg)
            host.rules_until = self._clock() + _BROKEN_RULES_S
            return
        host.rules = Robots() if body is None else read_robots(body, agent=AGENT)
        host.rules_until = self._clock() + _RULES_S
