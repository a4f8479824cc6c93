"""The virtual clock: hours pass in no time, and what hangs or leaks is told."""

import asyncio
import threading

import pytest

from vision_deepresearch.calls.faults.clock import (
    HangError,
    LeakError,
    run_virtually,
    virtual_s,
)


def test_hours_pass_in_no_time_and_timers_fire_in_order() -> None:
    fired: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, virtual_s()))

    async def main() -> float:
        async with asyncio.TaskGroup() as group:
            group.create_task(nap("late", 7200))
            group.create_task(nap("early", 1.5))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.sleep(1e9)
        return virtual_s()

    assert run_virtually(main) == 7260.0
    assert fired == [("early", 1.5), ("late", 7200.0)]


def test_work_for_threads_is_done_in_this_one_and_its_errors_arrive() -> None:
    def fail() -> None:
        raise KeyError("bug")

    async def main() -> int:
        with pytest.raises(KeyError):
            await asyncio.to_thread(fail)
        return await asyncio.to_thread(threading.get_ident)

    assert run_virtually(main) == threading.get_ident()


def test_what_nothing_will_wake_is_named() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_ever(), name="the lost one")

    with pytest.raises(HangError, match=r"the lost one in .*wait_for_ever"):
        run_virtually(main)


def test_virtual_time_has_a_limit() -> None:
    async def main() -> None:
        for _ in range(1000):
            await asyncio.sleep(10)

    with pytest.raises(HangError, match="not finished after 1000 virtual s"):
        run_virtually(main, max_s=1000)


def test_a_task_left_behind_is_named() -> None:
    kept: list[asyncio.Task[None]] = []

    async def main() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(1e6), name="stray"))
        await asyncio.sleep(1)

    with pytest.raises(LeakError, match="1 tasks were left behind: stray"):
        run_virtually(main)
