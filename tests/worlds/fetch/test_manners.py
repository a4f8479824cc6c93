"""Manners towards sites: robots files, pauses, few connections, rests after refusals and failures."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.fetch.site import Handler, LoopbackDoor, a_reply, a_site, replying
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.worlds.fetch.politeness import AT_A_TIME, Politeness
from vision_deepresearch.worlds.fetch.robots import MAX_CRAWL_DELAY_S, read_robots
from vision_deepresearch.worlds.fetch.urls import CheckedUrl, check_url

SITE = "https://a.org"


@dataclass
class Clock:
    """Time that stands still until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


# ------------------------------------------------------------------------------- robots files


@pytest.mark.parametrize(
    ("rules", "path", "may"),
    [
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("User-agent: *\nDisallow: /\nUser-agent: Vision-DeepResearch\nAllow: /", "/a", True),
        ("User-agent: vision-deepresearch/1.0\nDisallow: /x", "/x", False),
        ("User-agent: a\nUser-agent: *\nDisallow: /x", "/x", False),
        ("User-agent: *\nDisallow: /x\nUser-agent: *\nDisallow: /y", "/y", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),  # the longest wins
        ("User-agent: *\nAllow: /a\nDisallow: /a/b", "/a/b/c", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),  # the kinder of equals
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
        ("User-agent: *\nDisallow: /*/private/*", "/x/private/", False),
        ("User-agent: *\nDisallow: *print", "/a?print", False),
        ("User-agent: *\nDisallow: /$", "/", False),
        ("User-agent: *\nDisallow: /$", "/a", True),
        ("User-agent: *\nDisallow: /stra%C3%9Fe", "/stra\u00dfe", False),
        ("User-agent: *\nDisallow: /%7Ejoe", "/~joe/", False),
        ("User-agent: *\nDisallow: /a%2Fb", "/a/b", True),
        ("\ufeffuser-AGENT : * # all\ndisallow : /x # secret", "/x", False),
        ("Disallow: /x", "/x", True),  # belongs to nobody
        ("<html>Not found</html>", "/x", True),
    ],
)
def test_a_robots_file_is_read_as_the_rfc_says(rules: str, path: str, *, may: bool) -> None:
    robots = read_robots(rules.encode(), agent="vision-deepresearch")
    assert robots.may_read(SITE + path) is may


def test_a_wish_for_pauses_is_kept_to_within_reason() -> None:
    def delay(value: str) -> float:
        text = f"User-agent: *\nCrawl-delay: {value}"
        return read_robots(text.encode(), agent="x").crawl_delay_s

    assert [delay(value) for value in ("2.5", "86400", "-1", "inf", "1e9", "soon")] == [
        2.5, MAX_CRAWL_DELAY_S, 0, 0, 0, 0,
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=300)
    | st
    .lists(st.sampled_from(["User-agent: *", "Disallow: /*a*b*$", "Allow: /%", ":", "#"]))
    .map("\n".join)
    .map(str.encode)
)
def test_no_robots_file_breaks_its_reader(body: bytes) -> None:
    robots = read_robots(body, agent="x")
    robots.may_read(f"{SITE}/aaab%zz?b")


def test_many_wildcards_cost_no_more_than_their_length() -> None:
    robots = read_robots(b"User-agent: *\nDisallow: /" + b"*a" * 5_000 + b"$", agent="x")
    assert robots.may_read(f"{SITE}/{'a' * 1_500}b")


def rules_then_page(status: str, body: bytes = b"", **headers: str) -> Handler:
    async def handle(path: str, writer: asyncio.StreamWriter) -> None:
        is_rules = path.endswith("robots.txt")
        writer.write(a_reply(body, status=status, **headers) if is_rules else a_reply())

    return handle


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "401 Who", "410 Gone"])
async def test_a_site_without_rules_may_be_read(status: str) -> None:
    async with a_site(rules_then_page(status)) as site:
        door = LoopbackDoor(site)
        assert (await door.fetcher().fetch(door.url("/x"))).body == b"<p>hello"


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow down"])
async def test_a_site_whose_rules_cannot_be_known_is_not_read(status: str) -> None:
    async with a_site(rules_then_page(status)) as site:
        door = LoopbackDoor(site)
        fetcher = door.fetcher()
        for _ in range(2):
            with pytest.raises(WorldError, match="robots file cannot be read"):
                await fetcher.fetch(door.url("/x"))
    assert site.paths == ["/robots.txt"]  # nor asked for them again at once


async def test_rules_are_read_where_they_moved_to_and_a_bad_redirect_is_no_rule() -> None:
    async def moved(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/robots.txt":
            writer.write(a_reply(status="301 Moved", Location="/r2"))
        else:
            body = b"User-agent: *\nDisallow: /x" if path == "/r2" else b"<p>"
            writer.write(a_reply(body))

    async with a_site(moved) as site:
        door = LoopbackDoor(site)
        with pytest.raises(WorldError, match="asks not to read"):
            await door.fetcher().fetch(door.url("/x"))
    async with a_site(rules_then_page("302 Found", Location="http://127.0.0.1:1/")) as site:
        door = LoopbackDoor(site)
        await door.fetcher().fetch(door.url("/x"))
    assert site.paths == ["/robots.txt", "/x"]


async def test_rules_are_kept_for_a_day() -> None:
    clock = Clock()
    async with a_site(replying()) as site:
        door = LoopbackDoor(site)
        fetcher = door.fetcher(politeness=Politeness(pause_s=0, clock=clock))
        await fetcher.fetch(door.url("/a"))
        clock.now += 23 * 3600
        await fetcher.fetch(door.url("/b"))
        clock.now += 2 * 3600
        await fetcher.fetch(door.url("/c"))
    assert site.paths == ["/robots.txt", "/a", "/b", "/robots.txt", "/c"]


# ------------------------------------------------------------------------------- pauses and rests


async def no_rules(url: CheckedUrl) -> None:
    del url


@dataclass
class Asker:
    """Asks hosts through one politeness."""

    politeness: Politeness
    answers: list[WorldError | None] = field(default_factory=list)
    num_asked: int = 0

    async def ask(self, host: str = "a.org") -> None:
        async with self.politeness.turn(check_url(f"http://{host}/"), get=no_rules):
            self.num_asked += 1
            failure = self.answers.pop(0) if self.answers else None
            if failure is not None:
                raise failure


async def test_a_host_that_asks_for_patience_is_let_alone_and_others_are_not() -> None:
    clock = Clock()
    wait = WorldError(FailureKind.RATE_LIMITED, "slow", retry_after_s=120)
    asker = Asker(Politeness(pause_s=0, heeds_robots=False, clock=clock), [wait])
    with pytest.raises(WorldError):
        await asker.ask()
    clock.now += 60
    with pytest.raises(WorldError) as caught:
        await asker.ask()
    assert (caught.value.kind, caught.value.retry_after_s) == (FailureKind.RATE_LIMITED, 60)
    await asker.ask("b.org")
    clock.now += 61
    await asker.ask()
    assert asker.num_asked == 3


async def test_a_host_that_keeps_failing_rests_for_a_minute() -> None:
    clock = Clock()
    broken = [WorldError(FailureKind.UPSTREAM, "503") for _ in range(5)]
    asker = Asker(Politeness(pause_s=0, heeds_robots=False, clock=clock), [*broken])
    for _ in range(5):
        with pytest.raises(WorldError, match="503"):
            await asker.ask()
    with pytest.raises(WorldError, match="several times in a row"):
        await asker.ask()
    assert asker.num_asked == 5
    clock.now += 61
    await asker.ask()
    await asker.ask()
    assert asker.num_asked == 7


async def test_a_page_that_is_not_there_says_nothing_against_its_host() -> None:
    gone = [WorldError(FailureKind.NOT_FOUND, "404") for _ in range(9)]
    asker = Asker(Politeness(pause_s=0, heeds_robots=False), [*gone])
    for _ in range(9):
        with pytest.raises(WorldError, match="404"):
            await asker.ask()


async def test_a_host_is_asked_for_few_pages_at_a_time() -> None:
    politeness = Politeness(pause_s=0, heeds_robots=False)
    open_now, most = 0, 0

    async def hold(host: str) -> None:
        nonlocal open_now, most
        async with politeness.turn(check_url(f"http://{host}/"), get=no_rules):
            open_now, most = open_now + 1, max(most, open_now + 1)
            for _ in range(5):
                await asyncio.sleep(0)
            open_now -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(hold("a.org"))
    assert most == AT_A_TIME
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(hold(f"h{number}.org"))
    assert most == 8


async def test_a_cancelled_request_gives_its_place_back() -> None:
    politeness = Politeness(pause_s=0, heeds_robots=False)
    url = check_url("http://a.org/")

    async def hang() -> None:
        async with politeness.turn(url, get=no_rules):
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(hang()) for _ in range(AT_A_TIME + 2)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    async with asyncio.timeout(1), politeness.turn(url, get=no_rules):
        pass
