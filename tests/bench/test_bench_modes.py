import pytest
from pydantic import JsonValue

from vision_deepresearch.bench.modes import BENCH_MODES, bench_modes
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


async def test_crops_beat_whole_pictures_and_the_object_says_what_was_run(world: str) -> None:
    result = await bench_modes(world=world, num_tasks=NUM_TASKS)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    assert result["name"] == "modes"
    assert part(result, "settings", "tasks") == NUM_TASKS
    assert part(result, "settings", "tasks_by_hops") == {"1": 2, "2": 2, "3": 2}
    assert part(result, "settings", "whole_image_filter") == "none"
    for mode in BENCH_MODES:
        assert part(result, "figures", mode, "n") == NUM_TASKS
        by_hops = part(result, "figures", mode, "by_hops")
        assert isinstance(by_hops, dict)
        assert [part(by_hops, hop, "n") for hop in ("1", "2", "3")] == [2, 2, 2]
    assert correct(result, "cis+ts") > correct(result, "wis+ts")
    assert correct(result, "cis+ts") >= NUM_TASKS - 1
    assert correct(result, "direct") == 0


async def test_more_tasks_than_the_world_has_are_refused(world: str) -> None:
    with pytest.raises(ConfigError, match="has 6 tasks, 7 were asked for"):
        await bench_modes(world=world, num_tasks=NUM_TASKS + 1)
