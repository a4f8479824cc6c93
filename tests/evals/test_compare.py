"""Two runs: the sentence says what the figures allow and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.builders import a_task, a_trajectory
from tests.evals.stored_runs import answers, write_run
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.compare import compare
from vision_deepresearch.evals.grading import grade

RIGHT, WRONG = "Ostrel", "Brno"


def tasks_of(count: int, *, set_name: str = "test", cluster: int = 1) -> list[Task]:
    return [
        a_task(ref=f"{set_name}/{n}").model_copy(update={"cluster": f"{set_name}{n // cluster}"})
        for n in range(count)
    ]


async def two_runs(
    folder: Path, tasks: list[Task], first: Sequence[str | None], second: Sequence[str | None]
) -> tuple[Path, Path]:
    one = await write_run(folder / "one", answers(tasks, first), judged=True, mode="wis")
    other = await write_run(folder / "other", answers(tasks, second), judged=True, mode="cis+ts")
    return one, other


@pytest.mark.pitfall("P86")
async def test_a_difference_is_claimed_only_where_it_is_there(tmp_path: Path) -> None:
    tasks = tasks_of(60)
    # 37 discordant tasks, 12 against 25, as in the table of the protocol.
    first: Sequence[str | None] = [RIGHT] * 12 + [WRONG] * 25 + [RIGHT] * 23
    second: Sequence[str | None] = [WRONG] * 12 + [RIGHT] * 25 + [RIGHT] * 23
    one, other = await two_runs(tmp_path, tasks, first, second)
    found = compare(grade(one), grade(other))
    assert (found.overall.only_first, found.overall.only_second) == (12, 25)
    assert found.overall.p_value == pytest.approx(0.047031, abs=1e-6)
    assert "The second run is better" in found.conclusion
    assert found.differing == {"config.mode": ("wis", "cis+ts")}
    same = compare(grade(one), grade(one))
    assert "not distinguishable" in same.conclusion
    assert "does not show that they are equal" in same.conclusion
    turned = compare(grade(other), grade(one))
    assert turned.overall.difference == -found.overall.difference
    assert "The first run is better" in turned.conclusion


@pytest.mark.pitfall("P82")
async def test_invalid_attempts_are_left_out_told_and_can_take_a_claim_back(tmp_path: Path) -> None:
    tasks = tasks_of(40)
    first: Sequence[str | None] = [WRONG] * 20 + [None] * 20
    second: Sequence[str | None] = [RIGHT] * 10 + [WRONG] * 30
    one, other = await two_runs(tmp_path, tasks, first, second)
    found = compare(grade(one), grade(other))
    assert (found.overall.tasks, found.left_out) == (20, 20)
    assert found.overall.difference == 0.5
    assert found.bounds == (pytest.approx(-0.25), pytest.approx(0.25))
    assert "could turn that round" in found.conclusion


@pytest.mark.pitfall("P81")
async def test_other_tasks_and_other_judges_are_refused(tmp_path: Path) -> None:
    one = await write_run(tmp_path / "a", answers(tasks_of(3), [RIGHT] * 3), judged=True)
    strange = await write_run(
        tmp_path / "b", answers(tasks_of(3, set_name="else"), [RIGHT] * 3), judged=True
    )
    with pytest.raises(ConfigError, match="0 tasks in common"):
        compare(grade(one), grade(strange))
    graded = grade(one)
    object.__setattr__(graded, "judge", "strict/1")
    with pytest.raises(ConfigError, match="under one judge"):
        compare(graded, grade(one))
    few = compare(grade(one), grade(one))
    assert "nothing can be concluded" in few.conclusion


async def test_clusters_and_sets_are_minded(tmp_path: Path) -> None:
    # Nine clusters of four equal questions: as independent tasks this would be significant.
    tasks = tasks_of(36, cluster=4) + tasks_of(12, set_name="more")
    first: Sequence[str | None] = ([WRONG] * 20 + [RIGHT] * 8 + [WRONG] * 8) + [WRONG] * 12
    second: Sequence[str | None] = ([RIGHT] * 20 + [WRONG] * 8 + [WRONG] * 8) + [RIGHT] * 12
    one, other = await two_runs(tmp_path, tasks, first, second)
    found = compare(grade(one), grade(other))
    more, clustered = found.by_set
    assert (more.set_name, clustered.set_name) == ("more", "test")
    assert clustered.test == "sign flips of clusters"
    assert clustered.p_value > 0.2
    assert more.is_found
    assert more.holm == pytest.approx(2 * more.p_value)
    assert "a difference is found on more." in found.conclusion


async def test_several_attempts_count_as_one_task(tmp_path: Path) -> None:
    tasks = tasks_of(12)
    made = [
        (task, a_trajectory(task, answer=RIGHT if n % 2 else WRONG, attempt=n))
        for task in tasks
        for n in range(4)
    ]
    one = await write_run(tmp_path / "one", made, judged=True)
    other = await write_run(
        tmp_path / "other",
        [(task, a_trajectory(task, answer=RIGHT, attempt=n)) for task in tasks for n in range(4)],
        judged=True,
    )
    found = compare(grade(one), grade(other))
    assert (found.overall.tasks, found.overall.difference) == (12, 0.5)
    assert found.overall.only_first is None
    assert found.overall.is_found
