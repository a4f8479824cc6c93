from pathlib import Path

import pytest
from pydantic import JsonValue

from vision_deepresearch.bench.modes import BENCH_MODES, bench_modes, summary
from vision_deepresearch.bench.trials import Condition, TaskTrials, Trial
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import spec_named

NUM_TASKS = 6


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny world with two tasks of each number of hops."""
    path = tmp_path_factory.mktemp("bench") / "world"
    build_world(spec_named("tiny").model_copy(update={"num_tasks": NUM_TASKS}), path)
    return str(path)


def part(whole: JsonValue, *keys: str) -> JsonValue:
    for key in keys:
        assert isinstance(whole, dict)
        whole = whole[key]
    return whole


def correct(result: dict[str, JsonValue], mode: str) -> int:
    number = part(result, "figures", mode, "correct")
    assert isinstance(number, int)
    return number


def test_crops_beat_whole_pictures_and_the_object_says_what_was_run(world: str) -> None:
    result = bench_modes(world=world, num_tasks=NUM_TASKS, num_noisy=3, jobs=1)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    assert result["name"] == "modes"
    assert part(result, "settings", "tasks") == NUM_TASKS
    hops = part(result, "settings", "tasks_by_hops")
    assert isinstance(hops, dict)
    assert (hops["1"], hops["2"]) == (2, 2)
    assert set(hops) <= {"1", "2", "3", "4"}  # the long third has three or four
    assert sum(num for num in hops.values() if isinstance(num, int)) == NUM_TASKS
    assert part(result, "settings", "whole_image_filter") == "none"
    for mode in BENCH_MODES:
        assert part(result, "figures", mode, "n") == NUM_TASKS
        by_hops = part(result, "figures", mode, "by_hops")
        assert isinstance(by_hops, dict)
        assert {hop: part(by_hops, hop, "n") for hop in by_hops} == hops
    assert correct(result, "cis+ts") > correct(result, "wis+ts")
    assert correct(result, "cis+ts") >= NUM_TASKS - 1
    assert correct(result, "direct") == correct(result, "direct-blind") == 0
    noise = part(result, "figures", "noise")
    assert isinstance(noise, dict)
    assert {preset: part(noise, preset, "n") for preset in noise} == {
        "clean": 3,
        "realistic": 3,
        "hostile": 3,
    }
    assert part(noise, "hostile", "engine_wait_s_mean") != 0
    assert part(result, "figures", "holds", "at_least_1000_tasks") is False


def test_a_stopped_run_goes_on_and_ends_with_the_same_figures(world: str, tmp_path: Path) -> None:
    def measured() -> dict[str, JsonValue]:
        return bench_modes(world=world, num_tasks=2, num_noisy=1, jobs=1, out=tmp_path)

    first = measured()
    path = tmp_path / "modes.jsonl"
    head, one, other = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + other + one[:40])  # killed while it wrote
    again = measured()
    assert again["figures"] == first["figures"]
    assert sorted(path.read_bytes().splitlines(keepends=True)) == sorted([head, one, other])
    with pytest.raises(ConfigError, match="results of other work"):
        bench_modes(world=world, num_tasks=3, num_noisy=1, jobs=1, out=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_two_processes_find_what_one_finds(world: str) -> None:
    one, two = (bench_modes(world=world, num_tasks=4, jobs=jobs) for jobs in (1, 2))
    assert one["figures"] == two["figures"]


def trials(number: int, right: dict[str, bool]) -> TaskTrials:
    """A task of one hop, right under some conditions only."""
    conditions = [Condition(mode=mode) for mode in BENCH_MODES]
    return TaskTrials(
        task_id=str(number),
        ref=str(number),
        strata={"hops": "1"},
        trials=tuple(
            Trial(condition=one, correct=right.get(one.name, False), turns=1, stop="answered")
            for one in conditions
        ),
    )


def test_the_order_of_modes_holds_only_where_intervals_say_so() -> None:
    def holds(num_whole: int) -> dict[str, JsonValue]:
        done = [trials(n, {"wis+ts": n < num_whole, "cis+ts": True}) for n in range(100)]
        found = part(summary(done, settings={}), "figures", "holds")
        assert isinstance(found, dict)
        return found

    few, some = holds(2), holds(20)
    below = "direct-blind < wis+ts (paired interval above 0)"
    assert (few[below], few["wis+ts >= 5 %"]) == (False, False)
    assert (some[below], some["wis+ts >= 5 %"]) == (True, True)
    assert some["ts far below cis+ts (whole interval below half)"] is True
    assert some["one_third_one_hop"] is False


def test_more_tasks_than_the_world_has_are_refused(world: str) -> None:
    with pytest.raises(ConfigError, match="has 6 tasks, 7 were asked for"):
        bench_modes(world=world, num_tasks=NUM_TASKS + 1)
