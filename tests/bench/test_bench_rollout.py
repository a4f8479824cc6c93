"""What `vdr bench rollout` compares, in virtual time: the schedules are what they are called."""

import pytest

from vision_deepresearch.bench.rollout import Case, Plans, virtual_schedules


def test_the_schedules_take_what_their_plans_say() -> None:
    plans = Plans.drawn(episodes=64, seed=0)
    took = virtual_schedules(plans, Case(episodes=64, slots=16, scale=1.0))
    serial_s = sum(plan.serial_s for plan in plans.by_key.values())
    assert took["one_at_a_time"] == pytest.approx(serial_s)
    # All searches one after the other, and the slowest generation of each step.
    search_s = sum(sum(map(sum, plan.calls_s)) for plan in plans.by_key.values())
    assert search_s < took["lock_step_serial_tools"] < serial_s
    waves_s = 0.0
    ordered = list(plans.by_key.values())
    for start in range(0, 64, 16):
        wave = ordered[start : start + 16]
        for turn in range(max(len(plan.calls_s) for plan in wave)):
            waves_s += max(
                plan.generation_s[turn] + max(plan.calls_s[turn])
                for plan in wave
                if turn < len(plan.calls_s)
            )
    assert took["lock_step"] == pytest.approx(waves_s)
    assert plans.bound_s(16) <= took["asynchronous"]
    assert took["one_at_a_time"] >= 10 * took["asynchronous"]
    assert took["lock_step_serial_tools"] >= 10 * took["asynchronous"]
    assert took["lock_step"] >= 1.5 * took["asynchronous"]


def test_plans_have_the_recipe_s_means() -> None:
    plans = Plans.drawn(episodes=2048, seed=1).by_key.values()
    turns = [len(plan.calls_s) for plan in plans]
    assert sum(turns) / len(turns) == pytest.approx(10.6, abs=0.6)
    assert (min(turns), max(turns)) >= (2, 30)
    assert max(turns) <= 50
    calls = sorted(s for plan in plans for turn in plan.calls_s for s in turn)
    assert calls[len(calls) // 2] == pytest.approx(1.5, abs=0.1)
    assert calls[int(len(calls) * 0.95)] == pytest.approx(5.6, abs=0.5)
    assert calls[-1] <= 30
