"""New questions around those that a policy half solves: the option `evolution` of a VQA recipe."""

import asyncio
from pathlib import Path

import pytest

from tests.builders import a_trajectory
from tests.synth.vqa_doubles import made_of
from vision_deepresearch.core.episode import Decision, Verdict, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.vqa.evolve import read_half_solved
from vision_deepresearch.synth.vqa.settings import EvolutionSettings, VqaSettings
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.vqa import make_vqa_config
from vision_deepresearch.worlds.generated.world import GeneratedWorld

pytestmark = pytest.mark.timeout(180)


async def graded(out: Path, attempts: list[tuple[Task, str]]) -> Path:
    """A run folder with attempts at tasks: "+" right, "-" wrong, "?" not decided by the judge."""
    decisions = {"+": Decision.CORRECT, "-": Decision.INCORRECT, "?": Decision.ABSTAIN}
    async with RunFolder.open(out, config='kind = "eval"\n', provenance={}) as run:
        for task, marks in attempts:
            for attempt, mark in enumerate(marks):
                verdict = Verdict(decision=decisions[mark], reason="for the test", judge="rules@1")
                trajectory = a_trajectory(task, attempt=attempt)
                await run.put_episode(episode_of(task, trajectory, verdict))
    return out


def finished(result: Made) -> list[Finished]:
    return [one for one in result.records if isinstance(one, Finished)]


@pytest.fixture(scope="module")
def before(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Finished]:
    source = GeneratedWorld.open(tiny_world)
    out = tmp_path_factory.mktemp("vqa") / "run"
    return finished(asyncio.run(made_of(source, out, num_pictures=3)))  # noqa: TID251 - made once


async def test_only_what_is_half_solved_is_asked_about_again_and_otherwise(
    tiny_world: Path, tmp_path: Path, before: list[Finished]
) -> None:
    half, *others = before
    marks = [(half.task, "+-+"), *((one.task, "++") for one in others[1:]), (others[0].task, "?-")]
    run = await graded(tmp_path / "eval", marks)
    settings = VqaSettings(evolution=EvolutionSettings(run=str(run)))
    source = GeneratedWorld.open(tiny_world)
    result = await made_of(source, tmp_path / "new", num_pictures=6, settings=settings)
    new = finished(result)
    assert new, result.funnel
    route = set(half.task.gold.entities or ()) if half.task.gold is not None else set()
    rows = {row.stage: row for row in result.funnel}
    assert rows["keep_around"].rejected["not_half_solved"] > rows["keep_around"].kept
    for one in new:
        assert one.task.question not in {old.task.question for old in before}
        page = await source.read(str(one.task.provenance["subject"]))
        assert one.proof is not None
        assert route & {one.proof.entities[0], page.title, *(link.text for link in page.links)}


async def test_where_nothing_is_half_solved_it_says_so(
    tmp_path: Path, before: list[Finished]
) -> None:
    run = await graded(tmp_path / "eval", [(one.task, "++") for one in before])
    with pytest.raises(ConfigError, match="none among"):
        read_half_solved(EvolutionSettings(run=str(run)))
    once = await graded(tmp_path / "once", [(before[0].task, "+?")])
    with pytest.raises(ConfigError, match="--attempts 4"):
        read_half_solved(EvolutionSettings(run=str(once)))


def test_a_misspelt_key_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"evolution\.runs"):
        make_vqa_config({"evolution": {"runs": "x"}})
