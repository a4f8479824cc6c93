"""No address, redirect or changing name leads a fetcher to this machine or its network."""

import random
from collections import Counter

import pytest

from tests.worlds.fetch.canaries import Canaries, Internet, is_surely_public
from tests.worlds.fetch.odd_urls import LyingResolver, a_url
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.addresses import is_public
from vision_deepresearch.worlds.fetch.fetcher import Fetcher
from vision_deepresearch.worlds.fetch.politeness import Politeness
from vision_deepresearch.worlds.fetch.urls import Refused
from vision_deepresearch.worlds.live.wire import certificates

_REDIRECTED = 0.5
"""Share of fetches whose first page leads on to another made-up address."""


def a_fetcher(internet: Internet, resolver: LyingResolver, *, is_open: bool = False) -> Fetcher:
    return Fetcher(
        resolver=resolver,
        politeness=Politeness(pause_s=0, heeds_robots=False),
        ssl_context=certificates(),
        network=internet,
        ports=frozenset(range(1, 65536)),  # the rule of ports must not be what keeps us out
        deadline_s=5.0,
        is_allowed=bool if is_open else is_public,
    )


async def attack(number: int, *, seed: int) -> tuple[Counter[str], Canaries, Internet]:
    """Fetch that many made-up addresses; what became of them, who was heard, who was tried."""
    rng, told = random.Random(seed), Counter[str]()
    internet = Internet()
    with Canaries() as canaries:
        fetcher = a_fetcher(internet, LyingResolver())
        for _ in range(number):
            url = a_url(rng, port=canaries.port)
            if rng.random() < _REDIRECTED:
                url = "http://good.org/"
                many = rng.choice((1, 1, 2, 7))
                internet.locations = [a_url(rng, port=canaries.port) for _ in range(many)]
            told[await outcome(fetcher, url)] += 1
            internet.locations = []
    return told, canaries, internet


async def outcome(fetcher: Fetcher, url: str) -> str:
    """The rule that refused an address, or "fetched"; other failures are told by their kind."""
    try:
        await fetcher.fetch(url)
    except WorldError as failure:
        is_refusal = failure.kind is FailureKind.BLOCKED
        return failure.message.rpartition("(")[2].rstrip(")") if is_refusal else str(failure)
    return "fetched"


def check(told: Counter[str], canaries: Canaries, internet: Internet, *, number: int) -> None:
    assert canaries.heard == []
    assert [address for address in internet.tried if not is_surely_public(address)] == []
    assert told.total() == number
    assert set(told) <= {*Refused, "fetched"}, told
    # Too many or too few refusals of one rule would mean that the others are hardly tried.
    assert 0.05 < told["fetched"] / number < 0.6
    for rule in ("not_public", "ip_syntax", "char", "scheme", "userinfo", "internal_name", "port"):
        assert told[rule] > number / 200, told


@pytest.mark.pitfall("P41")
async def test_a_thousand_made_up_addresses_reach_nobody_inside() -> None:
    told, canaries, internet = await attack(1_000, seed=11)
    check(told, canaries, internet, number=1_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.pitfall("P41")
async def test_a_hundred_thousand_made_up_addresses_reach_nobody_inside() -> None:
    told, canaries, internet = await attack(100_000, seed=5)
    check(told, canaries, internet, number=100_000)


async def test_the_canaries_hear_a_fetcher_without_rules() -> None:
    internet = Internet()
    with Canaries() as canaries:
        fetcher = a_fetcher(internet, LyingResolver(), is_open=True)
        for host in ("inside.org", "six.inside.com"):
            with pytest.raises(WorldError):
                await fetcher.fetch(f"http://{host}:{canaries.port}/")
    assert sorted(canaries.heard) == ["127.0.0.1", "::1"]


async def test_a_name_that_changes_its_mind_is_asked_once_for_each_request() -> None:
    internet, resolver = Internet(), LyingResolver()
    with Canaries() as canaries:
        fetcher = a_fetcher(internet, resolver)
        url = f"http://rebind.org:{canaries.port}/"
        await fetcher.fetch(url)  # asked once: public, and connected to just that
        with pytest.raises(WorldError, match="not_public"):
            await fetcher.fetch(url)
        resolver.num_asked.clear()
        internet.locations = [url, url]
        with pytest.raises(WorldError, match="not_public"):
            await fetcher.fetch(f"http://first.rebind.org:{canaries.port}/")
    assert canaries.heard == []
    assert set(internet.tried) == {"93.184.216.34"}


async def test_who_answers_from_elsewhere_than_was_asked_for_is_not_listened_to() -> None:
    internet = Internet()
    internet.answers_as = "10.0.0.5"
    fetcher = a_fetcher(internet, LyingResolver())
    with pytest.raises(WorldError) as caught:
        await fetcher.fetch("http://good.org/")
    assert caught.value.kind is FailureKind.UPSTREAM
    internet.answers_as = ""
    assert (await fetcher.fetch("http://good.org/")).body == b"<p>hello"
