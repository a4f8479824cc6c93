"""Questions without a picture and the research of them: walks, checks, the one loop, no eyes."""

import asyncio
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.run import Checker
from vision_deepresearch.synth.pipeline import run_pipeline
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.vqa.dataset import VqaDataset, open_vqa_dataset
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig, make_trajectory_config
from vision_deepresearch.wiring.vqa import make_vqa_config, open_vqa
from vision_deepresearch.worlds.generated.world import GeneratedWorld

NUM_TOPICS = 12
pytestmark = pytest.mark.timeout(180)


async def made_of(world: Path, out: Path) -> VqaDataset:
    config = make_vqa_config({"world": str(world), "about": "pages", "num_pictures": NUM_TOPICS})
    async with open_vqa(config, out=out) as opened:
        await run_pipeline(opened.stages, opened.sources, run=opened.run, executor=opened.executor)
    return open_vqa_dataset(out)


@pytest.fixture(scope="module")
def dataset(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> VqaDataset:
    out = tmp_path_factory.mktemp("text") / "run"
    with asyncio.Runner() as runner:
        return runner.run(made_of(tiny_world, out))


def to_research(dataset: VqaDataset, world: Path, *, mode: str = "ts+python") -> TrajectoryConfig:
    return make_trajectory_config({
        "world": str(world),
        "mode": mode,
        "today": "2026-01-01",
        "trajectories": {"questions": str(dataset.path)},
    })


async def test_questions_are_walks_from_what_they_name_and_name_nothing_else(
    dataset: VqaDataset, tiny_world: Path
) -> None:
    assert len(dataset.tasks) >= NUM_TOPICS // 2
    assert {len(task.images) for task in dataset.tasks} == {0}
    assert {task.kind for task in dataset.tasks} == {"text"}
    rounds = {one.task.strata["rounds"] for one in dataset.finished}
    assert any("replace" in one for one in rounds)
    for task in dataset.tasks:
        first, *rest = dataset.proofs[task.id].hops
        assert first.kind is HopKind.GIVEN
        assert first.expected in task.question
        assert len(rest) == int(task.strata["hops"]) >= 2
        assert all(hop.kind is HopKind.FOLLOW and hop.pages for hop in rest)
        words = task.question.casefold()
        assert not any(hop.expected.casefold() in words for hop in rest)
    # The checker knows pages only; nothing of the graph that the walks were made on.
    checker = await Checker.read(GeneratedWorld.open(tiny_world), list(dataset.proofs.values()))
    floor = [Check.UNIQUE, Check.REACHABLE, Check.NO_SHORTCUT, Check.NO_LEAK]
    for one in dataset.finished:
        report = await checker.check(one.task, dataset.proofs[one.task.id], [], checks=floor)
        assert not [verdict.why for verdict in report.verdicts if not verdict.passed]


async def test_the_same_recipe_gives_the_same_questions(
    dataset: VqaDataset, tiny_world: Path, tmp_path: Path
) -> None:
    again = await made_of(tiny_world, tmp_path / "again")
    assert again.finished == dataset.finished


async def test_they_are_researched_without_eyes_by_the_same_loop_and_checks(
    dataset: VqaDataset, tiny_world: Path, tmp_path: Path
) -> None:
    made = await make_trajectories(to_research(dataset, tiny_world), out=tmp_path / "run")
    assert made.is_whole
    accepted = [one for one in made.records if isinstance(one, Accepted)]
    assert len(accepted) == len(dataset.tasks)
    for one in accepted:
        assert one.hit_turn is None
        assert one.bridge == ()
        calls = [call.call.name for turn in one.trajectory.turns for call in turn.calls]
        assert set(calls) <= {"search", "visit", "python"}
        prompt = "\n".join(message.text for message in one.trajectory.prompt)
        assert "crop_and_search" not in prompt
        assert "about pictures" not in prompt
        said = " ".join(turn.thought for turn in one.trajectory.turns).casefold()
        assert "picture" not in said


async def test_tools_for_pictures_are_refused_where_there_are_none(
    dataset: VqaDataset, tiny_world: Path, tmp_path: Path
) -> None:
    config = to_research(dataset, tiny_world, mode="cis+ts")
    with pytest.raises(ConfigError, match=r"have no picture.*ts\+python"):
        await make_trajectories(config, out=tmp_path / "run")
    assert not (tmp_path / "run" / "run.db").exists()


def test_settings_of_pictures_are_refused() -> None:
    with pytest.raises(ConfigError, match="without pictures"):
        make_vqa_config({"about": "pages", "sets": ["a.parquet"]})
