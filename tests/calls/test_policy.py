"""The call policy on a virtual clock: deadlines hold, retries are few, an outage is not hammered."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_deepresearch.calls.faults.clock import run_virtually, virtual_s
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.context import CallContext, Deadline, current_context
from vision_deepresearch.core.errors import BoundaryError, FailureKind, WorldError


def a_policy(seed: int = 0, limits: CallSettings | None = None) -> CallPolicy:
    return CallPolicy(WorldError, rng=random.Random(seed), settings=limits, clock=virtual_s)


@dataclass
class Provider:
    """Answers after `latency_s`; fails as `failure` says."""

    failure: Callable[[], BoundaryError | None]
    latency_s: float = 0.1
    attempts: int = 0
    started_s: list[float] = field(default_factory=list)

    async def __call__(self) -> str:
        self.attempts += 1
        self.started_s.append(virtual_s())
        await asyncio.sleep(self.latency_s)
        failure = self.failure()
        if failure is not None:
            raise failure
        return "answer"


def failing(*kinds: FailureKind, retry_after_s: float | None = None) -> Provider:
    """A provider that fails in turn with these kinds and then answers."""
    left = list(kinds)

    def failure() -> BoundaryError | None:
        if not left:
            return None
        return WorldError(left.pop(0), "down", retry_after_s=retry_after_s)

    return Provider(failure)


@pytest.mark.pitfall("P40")
@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_kinds_that_may_pass_are_retried(kind: FailureKind) -> None:
    provider = failing(kind)

    async def main() -> str:
        return await a_policy().call(provider, what="text search")

    if kind in {FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.UPSTREAM}:
        assert run_virtually(main) == "answer"
        assert provider.attempts == 2
    else:
        with pytest.raises(WorldError) as raised:
            run_virtually(main)
        assert raised.value.kind is kind
        assert provider.attempts == 1


def test_attempts_end_at_the_limit_with_the_last_failure() -> None:
    provider = Provider(lambda: WorldError(FailureKind.UPSTREAM, "down"))

    async def main() -> None:
        await a_policy(limits=CallSettings(max_attempts=3)).call(provider, what="text search")

    with pytest.raises(WorldError) as raised:
        run_virtually(main)
    assert raised.value.kind is FailureKind.UPSTREAM
    assert provider.attempts == 3


@pytest.mark.parametrize("asked_s", [0.0, 3.0, 47.0])
def test_a_retry_waits_at_least_as_long_as_the_provider_asked(asked_s: float) -> None:
    provider = failing(FailureKind.RATE_LIMITED, retry_after_s=asked_s)

    async def main() -> None:
        await a_policy().call(provider, what="text search")

    run_virtually(main)
    assert provider.started_s[1] - provider.started_s[0] >= asked_s + provider.latency_s


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    provider = failing(FailureKind.RATE_LIMITED, retry_after_s=3600.0)

    async def main() -> float:
        deadline = Deadline.after(10.0, clock=virtual_s)
        with pytest.raises(WorldError) as raised:
            await a_policy().call(provider, what="text search", deadline=deadline)
        assert raised.value.kind is FailureKind.RATE_LIMITED
        return virtual_s()

    assert run_virtually(main) < 1.0
    assert provider.attempts == 1


@pytest.mark.pitfall("P39")
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    deadline_s=st.floats(0.01, 200.0),
    latency_s=st.floats(0.0, 100.0),
    fault_frac=st.floats(0.0, 1.0),
    retry_after_s=st.one_of(st.none(), st.floats(0.0, 1e9)),
    in_context=st.booleans(),
)
def test_no_call_outlives_its_deadline(
    *,
    seed: int,
    deadline_s: float,
    latency_s: float,
    fault_frac: float,
    retry_after_s: float | None,
    in_context: bool,
) -> None:
    rng = random.Random(seed)

    def failure() -> BoundaryError | None:
        if rng.random() >= fault_frac:
            return None
        kind = rng.choice([FailureKind.UPSTREAM, FailureKind.RATE_LIMITED, FailureKind.TIMEOUT])
        return WorldError(kind, "down", retry_after_s=retry_after_s)

    async def main() -> list[float]:
        policy, provider = a_policy(seed), Provider(failure, latency_s=latency_s)
        ended_s: list[float] = []
        deadline = Deadline.after(deadline_s, clock=virtual_s)
        if in_context:
            current_context.set(CallContext(task_id="t", trajectory_id="t-0", deadline=deadline))

        async def one() -> None:
            with contextlib.suppress(WorldError):
                await policy.call(
                    provider, what="text search", deadline=None if in_context else deadline
                )
            ended_s.append(virtual_s())

        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(one())
        return ended_s

    ended_s = run_virtually(main)
    assert len(ended_s) == 30
    assert max(ended_s) <= min(deadline_s, 120.0) + 1e-6


async def _stream_of_calls(
    policy: CallPolicy, provider: Provider, *, num_calls: int, per_s: float, deadline_s: float
) -> int:
    """Start calls at a steady rate; returns how many failed."""
    failed = 0

    async def one() -> None:
        nonlocal failed
        deadline = Deadline.after(deadline_s, clock=virtual_s)
        try:
            await policy.call(provider, what="text search", deadline=deadline)
        except WorldError:
            failed += 1
        assert virtual_s() <= deadline.at_s + 1e-6

    async with asyncio.TaskGroup() as group:
        for _ in range(num_calls):
            group.create_task(one())
            await asyncio.sleep(1 / per_s)
    return failed


@pytest.mark.pitfall("P39")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_thirty_per_cent_faults_cost_at_most_half_as_many_calls_again(seed: int) -> None:
    rng = random.Random(seed)

    def failure() -> BoundaryError | None:
        return WorldError(FailureKind.UPSTREAM, "down") if rng.random() < 0.3 else None

    provider = Provider(failure)

    async def main() -> int:
        return await _stream_of_calls(
            a_policy(seed), provider, num_calls=4000, per_s=20, deadline_s=120
        )

    failed = run_virtually(main)
    assert provider.attempts <= 1.5 * 4000
    assert failed <= 4  # one in a thousand


@pytest.mark.pitfall("P39")
def test_a_five_minute_outage_is_not_hammered_and_is_survived() -> None:
    outage = (60.0, 360.0)

    def failure() -> BoundaryError | None:
        is_down = outage[0] <= virtual_s() < outage[1]
        return WorldError(FailureKind.UPSTREAM, "down") if is_down else None

    provider = Provider(failure)
    during: list[int] = []

    async def main() -> int:
        policy = a_policy()
        await _stream_of_calls(policy, provider, num_calls=1200, per_s=20, deadline_s=60)
        before = provider.attempts
        await _stream_of_calls(policy, provider, num_calls=6000, per_s=20, deadline_s=60)
        during.append(provider.attempts - before)
        await asyncio.sleep(150)  # the longest pause of the breaker passes
        return await _stream_of_calls(policy, provider, num_calls=1000, per_s=20, deadline_s=60)

    failed_after = run_virtually(main)
    assert during[0] <= 1.1 * 6000
    assert during[0] < 600, "the breaker holds calls back"
    assert failed_after == 0


def test_equal_seeds_make_equal_schedules() -> None:
    def schedule(seed: int) -> list[float]:
        provider = failing(*[FailureKind.UPSTREAM] * 6)

        async def main() -> None:
            await a_policy(seed).call(provider, what="text search")

        run_virtually(main)
        return provider.started_s

    assert schedule(1) == schedule(1)
    assert schedule(1) != schedule(2)


def test_a_provider_that_hangs_is_cut_and_asked_again() -> None:
    calls = 0

    async def attempt() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(1e6)
        return "answer"

    async def main() -> float:
        assert await a_policy().call(attempt, what="text search") == "answer"
        return virtual_s()

    assert 30.0 <= run_virtually(main) <= 31.0


def test_a_cancelled_call_leaves_slots_and_tasks_as_they_were() -> None:
    async def main() -> None:
        policy = a_policy(limits=CallSettings(concurrency=2, max_concurrency=2))

        async def attempt() -> None:
            await asyncio.sleep(5)

        tasks = [asyncio.create_task(policy.call(attempt, what="text search")) for _ in range(10)]
        await asyncio.sleep(1)
        assert policy.limiter.num_running == 2
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert policy.limiter.num_running == 0
        assert len(asyncio.all_tasks()) == 1
        await policy.call(attempt, what="text search")

    run_virtually(main)


def test_an_injected_sleep_is_used_for_every_wait() -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> Awaitable[None]:
        waits.append(seconds)
        return asyncio.sleep(0)

    async def main() -> None:
        policy = CallPolicy(WorldError, rng=random.Random(0), clock=virtual_s, sleep=sleep)
        await policy.call(failing(*[FailureKind.UPSTREAM] * 8), what="text search")

    run_virtually(main)
    assert len(waits) == 8
    bounds = [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert all(0 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert sum(waits) > 10, "jitter is spread over the whole bound"


def test_a_bug_in_an_attempt_travels_on_and_frees_its_slot() -> None:
    async def attempt() -> None:
        raise KeyError("bug")

    async def main() -> None:
        policy = a_policy()
        with pytest.raises(KeyError):
            await policy.call(attempt, what="text search")
        assert policy.limiter.num_running == 0

    run_virtually(main)


@pytest.mark.pitfall("P39")
def test_without_successes_the_retries_run_out() -> None:
    provider = Provider(lambda: WorldError(FailureKind.UPSTREAM, "down"))

    async def main() -> None:
        policy = a_policy()
        policy.breaker.min_calls = 10**9  # the budget alone
        await _stream_of_calls(policy, provider, num_calls=1000, per_s=20, deadline_s=120)

    run_virtually(main)
    assert provider.attempts == 1000 + 100
