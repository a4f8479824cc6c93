"""A read that is late is asked once more, seldom, and leaves nothing behind; outages are told apart."""

import asyncio
import random

import pytest

from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.context import Deadline
from vision_deepresearch.core.errors import FailureKind, WorldError


def a_policy(limits: CallSettings | None = None) -> CallPolicy:
    return CallPolicy(WorldError, rng=random.Random(0), settings=limits, clock=virtual_s)


class Tailed:
    """Answers after 0.1 to 0.2 s, one request in so many after 20 s."""

    def __init__(self, *, tail_every: int) -> None:
        self.tail_every = tail_every
        self.num_asked = 0
        self.num_cut = 0
        self.rng = random.Random(1)

    async def __call__(self) -> str:
        self.num_asked += 1
        is_late = self.num_asked % self.tail_every == 0
        try:
            await asyncio.sleep(20.0 if is_late else self.rng.uniform(0.1, 0.2))
        except asyncio.CancelledError:
            self.num_cut += 1
            raise
        return "answer"


async def waits_of(
    policy: CallPolicy, provider: Tailed, *, calls: int, may_hedge: bool = True
) -> list[float]:
    waits: list[float] = []
    for _ in range(calls):
        began = virtual_s()
        assert await policy.call(provider, what="search", may_hedge=may_hedge) == "answer"
        waits.append(virtual_s() - began)
    return waits


def test_late_reads_are_asked_again_and_few_are() -> None:
    provider = Tailed(tail_every=100)

    async def main() -> tuple[list[float], CallPolicy]:
        policy = a_policy()
        return await waits_of(policy, provider, calls=2000), policy

    waits, policy = run_virtually(main)
    assert sum(wait > 1 for wait in waits) <= 8, "of 20 late ones, most are helped"
    assert 0 < policy.hedger.num_hedges <= 0.05 * 2000
    assert provider.num_asked == 2000 + policy.hedger.num_hedges == policy.counts.attempts
    assert 16 <= provider.num_cut <= policy.hedger.num_hedges, "the slower request is cut off"
    assert policy.limiter.num_running == 0


def test_when_every_read_is_late_one_in_twenty_is_asked_again() -> None:
    async def main() -> CallPolicy:
        policy = a_policy()
        await waits_of(policy, Tailed(tail_every=10**9), calls=40)
        await waits_of(policy, Tailed(tail_every=2), calls=400)
        return policy

    assert run_virtually(main).hedger.num_hedges <= 0.05 * 440


def test_what_may_not_be_asked_twice_is_not() -> None:
    async def main() -> CallPolicy:
        policy = a_policy()
        await waits_of(policy, Tailed(tail_every=40), calls=200, may_hedge=False)
        return policy

    assert run_virtually(main).hedger.num_hedges == 0


def test_a_full_limiter_leaves_no_room_for_a_second_request() -> None:
    async def main() -> CallPolicy:
        policy = a_policy(CallSettings(concurrency=1, max_concurrency=1))
        await waits_of(policy, Tailed(tail_every=40), calls=200)
        return policy

    assert run_virtually(main).hedger.num_hedges == 0


def test_when_both_requests_fail_the_call_has_failed_once() -> None:
    num_asked = 0

    async def late_failure() -> str:
        nonlocal num_asked
        num_asked += 1
        await asyncio.sleep(5.0)
        raise WorldError(FailureKind.BAD_REQUEST, "no such query")

    async def main() -> None:
        policy = a_policy()
        await waits_of(policy, Tailed(tail_every=10**9), calls=60)
        with pytest.raises(WorldError) as raised:
            await policy.call(late_failure, what="search", may_hedge=True)
        assert raised.value.kind is FailureKind.BAD_REQUEST
        assert not raised.value.is_outage
        assert policy.counts.gave_up == 0

    run_virtually(main)
    assert num_asked == 2


def test_a_cancelled_pair_leaves_no_request_behind() -> None:
    provider = Tailed(tail_every=1)

    async def main() -> None:
        policy = a_policy()
        await waits_of(policy, Tailed(tail_every=10**9), calls=60)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await policy.call(provider, what="search", may_hedge=True)
        assert policy.limiter.num_running == 0

    run_virtually(main)
    assert (provider.num_asked, provider.num_cut) == (2, 2)


@pytest.mark.parametrize("others_are_answered", [False, True])
def test_a_provider_that_answers_nobody_is_down_one_bad_request_is_not(
    *, others_are_answered: bool
) -> None:
    async def always_fails() -> str:
        raise WorldError(FailureKind.UPSTREAM, "failed")

    async def main() -> bool:
        policy = a_policy()
        provider = Tailed(tail_every=10**9)
        async with asyncio.TaskGroup() as group:
            if others_are_answered:
                group.create_task(waits_of(policy, provider, calls=1000, may_hedge=False))
            with pytest.raises(WorldError) as raised:
                await policy.call(always_fails, what="search")
        return raised.value.is_outage

    assert run_virtually(main) is not others_are_answered


def test_the_caller_hears_of_an_outage_before_its_own_deadline_cuts_the_call() -> None:
    async def hangs() -> str:
        await asyncio.sleep(1e6)
        return "never"

    async def main() -> tuple[bool, float]:
        policy = a_policy()
        for _ in range(20):
            policy.breaker.fail(policy.breaker.admit())
        deadline = Deadline.after(40.0, clock=virtual_s)

        async def caller() -> None:
            async with asyncio.timeout(40):
                await policy.call(hangs, what="search", deadline=deadline)

        with pytest.raises(WorldError) as raised:
            await caller()
        return raised.value.is_outage, virtual_s()

    is_outage, ended_s = run_virtually(main)
    assert is_outage
    assert ended_s < 40.0
