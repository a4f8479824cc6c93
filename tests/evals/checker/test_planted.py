"""Bad questions of each class are planted; the checker meets them. All, of fifty: the slow test.

`vdr bench planted` is the same with figures, in several processes and in parts.
"""

from pathlib import Path

import pytest
from pydantic import JsonValue

from vision_deepresearch.bench.planted import (
    CLASSES,
    PLANTERS,
    UNTOUCHED,
    WANTED,
    bench_planted,
    plant_class,
)
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.worlds import world_folder

FEW = ("anchor named", "answer in question", "alias leaked")
"""Classes that need neither a second reading of the world nor a look at a picture."""
RARE = {
    "condition fits two": 20,
    "year outside": 5,
    "band fits a rival": 15,
    "idle replacement": 10,
}
"""Defects that fewer than fifty of 150 questions lend themselves to, and how many do at the least."""


def table(result: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    figures = result["figures"]
    assert isinstance(figures, dict)
    found = figures[name]
    assert isinstance(found, dict)
    return found


@pytest.mark.timeout(120)
def test_some_classes_are_caught_and_a_stopped_run_goes_on(
    tiny_world: Path, tmp_path: Path
) -> None:
    def run(only: tuple[str, ...]) -> dict[str, JsonValue]:
        return bench_planted(world=str(tiny_world), wanted=3, only=only, out=tmp_path, jobs=1)

    part, whole = run(FEW[:1]), run(FEW)
    for defect in FEW:
        assert table(whole, defect)["planted"] == table(whole, defect)["caught"] == 3
    assert table(part, FEW[0]) == table(whole, FEW[0])
    assert table(whole, "holds")["every planted one caught"] is True
    assert table(whole, "holds")["50 planted in each class"] is False
    assert len((tmp_path / "planted.jsonl").read_text().splitlines()) == 1 + len(FEW)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown class of defects 'bad luck'"):
        bench_planted(only=["bad luck"])


@pytest.fixture(scope="module")
def small_world(world_cache: Path) -> Path:
    assert world_cache.is_dir()
    return world_folder("generated:small")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("defect", CLASSES)
def test_every_planted_defect_is_caught_and_nothing_else(small_world: Path, defect: str) -> None:
    found = plant_class(small_world, WANTED, defect)
    assert RARE.get(defect, WANTED) <= found.planted <= WANTED
    assert found.wrong == ()
    assert found.caught == (0 if defect == UNTOUCHED else found.planted)


def test_there_are_fifteen_classes() -> None:
    assert len(PLANTERS) == 15
