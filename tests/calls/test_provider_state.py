"""Breaker, limiter, retry budget and Retry-After, each alone."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.calls.breaker import Breaker
from vision_deepresearch.calls.budget import RetryBudget
from vision_deepresearch.calls.limiter import Limiter
from vision_deepresearch.calls.retry_after import parse_retry_after

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("header", "expected_s"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 2.5 ", 2.5),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 12:00:30 -0000", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("nan", None),
        ("9" * 400, None),
        ("٣", None),
        ("Sat, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected_s: float | None) -> None:
    assert parse_retry_after(header, now=NOW) == expected_s


@given(st.text(max_size=40))
def test_no_header_breaks_the_parser(header: str) -> None:
    seconds = parse_retry_after(header, now=NOW)
    assert seconds is None or seconds >= 0


def test_retries_are_earned_by_successes() -> None:
    budget = RetryBudget(cap=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def failing(breaker: Breaker, *, times: int) -> None:
    """So many calls in a row that were admitted and failed."""
    for _ in range(times):
        breaker.fail(breaker.admit())


def test_the_breaker_opens_at_half_errors_of_twenty_calls_and_not_before() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, times=19)
    assert breaker.admit().wait_s == 0.0
    failing(breaker, times=1)
    assert breaker.admit().wait_s == 15.0


def test_old_errors_do_not_open_the_breaker() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, times=19)
    clock.now_s += 31
    failing(breaker, times=1)
    assert not breaker.is_open


def test_one_probe_goes_out_and_pauses_double_up_to_two_minutes() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, times=20)
    for pause_s in (15, 30, 60, 120, 120):
        assert breaker.admit().wait_s == pause_s
        clock.now_s += pause_s
        probe = breaker.admit()
        assert probe.wait_s == 0.0
        assert breaker.admit().wait_s > 0, "only one probe at a time"
        breaker.fail(probe)
    clock.now_s += 120
    breaker.succeed(breaker.admit())
    assert not breaker.is_open
    assert breaker.admit().wait_s == 0.0


def test_a_cancelled_probe_lets_another_one_out() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, times=20)
    clock.now_s += 15
    breaker.abandon(breaker.admit())
    assert breaker.admit().wait_s == 0.0


def test_what_was_asked_before_the_breaker_opened_says_nothing_about_the_probe() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    early = [breaker.admit() for _ in range(3)]
    failing(breaker, times=20)
    breaker.succeed(early[0])
    assert breaker.is_open, "an answer to an early call does not close it"
    clock.now_s += 15
    probe = breaker.admit()
    breaker.fail(early[1])
    breaker.abandon(early[2])
    assert breaker.admit().wait_s > 0, "the probe is still out"
    breaker.succeed(probe)
    assert not breaker.is_open


def test_the_limit_grows_by_windows_and_halves_at_most_every_five_seconds() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock, limit=4, max_limit=6)
    for _ in range(4):
        limiter.succeed()
    assert limiter.limit == 5
    for _ in range(50):
        limiter.succeed()
    assert limiter.limit == 6
    limiter.overrun()
    limiter.overrun()
    assert limiter.limit == 3
    clock.now_s += 5
    limiter.overrun()
    clock.now_s += 5
    limiter.overrun()
    assert limiter.limit == 1


async def test_slots_are_never_more_than_the_limit_and_go_in_order() -> None:
    limiter = Limiter(clock=Clock(), limit=3)
    running = peak = 0
    order: list[int] = []

    async def one(number: int) -> None:
        nonlocal running, peak
        async with limiter.slot():
            order.append(number)
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(one(number))
    assert peak == 3
    assert order == list(range(20))
    assert limiter.num_running == 0


async def test_a_slot_handed_to_a_cancelled_waiter_is_not_lost() -> None:
    limiter = Limiter(clock=Clock(), limit=1)
    first = limiter.slot()
    await first.__aenter__()

    async def wait() -> None:
        async with limiter.slot():
            pass

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)  # hands the slot on
    waiter.cancel()  # before the waiter could run
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    assert limiter.num_running == 0
    await asyncio.wait_for(wait(), timeout=1)


async def test_who_has_to_be_done_first_is_served_first() -> None:
    limiter = Limiter(clock=Clock(), limit=1)
    order: list[str] = []

    all_wait = asyncio.Event()

    async def one(name: str, until_s: float) -> None:
        async with limiter.slot(until_s=until_s):
            order.append(name)
            await all_wait.wait()

    async with asyncio.TaskGroup() as group:
        for name, until_s in (("now", 9), ("late", 90), ("soon", 10), ("soon too", 10)):
            group.create_task(one(name, until_s))
            await asyncio.sleep(0)
        all_wait.set()
    assert order == ["now", "soon", "soon too", "late"]
