"""Questions whose way leads through a picture on a page: made, checked, researched."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue
from typing_extensions import override

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.page import Asset
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.run import Checker
from vision_deepresearch.evals.checker.trajectories import check_trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.synth.pipeline import run_pipeline
from vision_deepresearch.synth.trajectories.checks import find_faults
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.vqa.dataset import VqaDataset, open_vqa_dataset
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.trajectories import make_trajectories
from vision_deepresearch.wiring.trajectory_config import make_trajectory_config
from vision_deepresearch.wiring.vqa import make_vqa_config, open_vqa
from vision_deepresearch.worlds.generated.article_photos import owner_of
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.generated.world import GeneratedWorld

PLANS: list[JsonValue] = [["look", "chain"], ["chain", "look", "chain"]]
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    world: Path
    dataset: VqaDataset
    accepted: list[Accepted]


async def made(folder: Path) -> Loop:
    world, out = folder / "world", folder / "vqa"
    small = {"num_entities": 150, "num_tasks": 1, "whole_image_filter": False}
    build_world(spec_named("illustrated").model_copy(update=small), world)
    config = make_vqa_config({
        "world": str(world),
        "num_pictures": 3,
        "obfuscate": {"plans": PLANS},
    })
    async with open_vqa(config, out=out) as opened:
        await run_pipeline(opened.stages, opened.sources, run=opened.run, executor=opened.executor)
    result = await make_trajectories(
        make_trajectory_config({
            "world": str(world),
            "mode": "agent+zoom",
            "today": "2026-01-01",
            "trajectories": {"questions": str(out), "tasks": 3, "looks_again": True},
        }),
        out=folder / "trajectories",
    )
    accepted = [one for one in result.records if isinstance(one, Accepted)]
    return Loop(world=world, dataset=open_vqa_dataset(out), accepted=accepted)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    folder = tmp_path_factory.mktemp("loop")
    return asyncio.run(made(folder))  # noqa: TID251 - made once for all tests


async def test_every_question_leads_through_a_picture_that_its_page_says_nothing_of(
    loop: Loop,
) -> None:
    proofs = loop.dataset.proofs
    assert len(proofs) >= 3
    world = GeneratedWorld.open(loop.world)
    for proof in proofs.values():
        (hop,) = proof.photos
        assert hop.photo is not None
        assert hop.kind is HopKind.LOOK
        assert hop.photo.page not in hop.pages
        listed = [one.src for one in (await world.read(hop.photo.page)).images if not one.alt]
        assert hop.photo.url in listed


@pytest.mark.slow
async def test_the_independent_checker_looks_at_the_page_s_picture_too(loop: Loop) -> None:
    proofs, world = loop.dataset.proofs, GeneratedWorld.open(loop.world)
    checker = await Checker.read(world, list(proofs.values()))
    task = loop.dataset.tasks[0]
    proof = proofs[task.id]
    media = FolderMediaStore(loop.dataset.path / "media")
    pictures = [media.load(ref) for ref in task.images]
    report = await checker.check(task, proof, pictures)
    assert not [verdict.why for verdict in report.verdicts if not verdict.passed]
    # With a picture that the page does not show the same question is found fault with.
    other = next(iter(proofs[loop.dataset.tasks[-1].id].photos))
    assert other.photo != proof.photos[0].photo
    hops = tuple(
        hop.model_copy(update={"photo": other.photo}) if hop.photo is not None else hop
        for hop in proof.hops
    )
    wrong = proof.model_copy(update={"hops": hops})
    report = await checker.check(
        task, wrong, pictures, checks=[Check.REACHABLE, Check.NO_SHORTCUT, Check.SOLVABLE]
    )
    assert [verdict.check for verdict in report.verdicts if not verdict.passed]


def test_trajectories_look_again_after_they_have_read(loop: Loop) -> None:
    assert len(loop.accepted) == 3
    for one in loop.accepted:
        phases = [turn.phase for turn in one.trajectory.turns]
        back = phases.index("vision", phases.index("text"))
        assert "text" in phases[back:]
        seen = one.trajectory.turns[back : back + 2]
        tools = [record.call.name for turn in seen for record in turn.calls]
        assert tools == ["zoom", "crop_and_search"]  # seen as a whole before anything is framed
        assert one.proof is not None
        told = [part for turn in one.trajectory.turns for part in (turn.reply, *turn.results)]
        messages = [*one.trajectory.prompt, *told]
        assert not check_trajectory(one.id, messages, task=one.task, proof=one.proof).found
        # Taken out, the look is missed.
        turns = one.trajectory.turns
        blind = tuple(turn for turn in turns if turn.index < back or turn.phase == "text")
        faults = find_faults(
            one.task,
            one.trajectory.model_copy(update={"turns": blind}),
            profile=VdrProfile(),
            proof=one.proof,
        )
        assert "page_picture_unused" in {fault.reason for fault in faults}


class WithoutPhotos(GeneratedWorld):
    """The same world, its articles' photos gone."""

    @override
    async def asset(self, url: str) -> Asset:
        if owner_of(self.pages.graph, url) is not None:
            raise WorldError(FailureKind.NOT_FOUND, "gone")
        return await super().asset(url)


@pytest.mark.parametrize("kind", [GeneratedWorld, WithoutPhotos])
async def test_without_the_page_s_picture_nobody_comes_to_the_answer(
    loop: Loop, tmp_path: Path, kind: type[GeneratedWorld]
) -> None:
    world = kind.open(loop.world)
    media = FolderMediaStore(tmp_path / "media")
    theirs = FolderMediaStore(loop.dataset.path / "media")
    task = loop.dataset.tasks[0]
    for ref in task.images:
        media.put(theirs.load(ref))
    profile = VdrProfile()
    mode = mode_named("agent+zoom")
    truth = GeneratedTruth(world.pages.graph, loop.dataset.proofs)
    researcher = Researcher(
        model=OracleModel(truth, profile),
        profile=profile,
        tools=build_tools(
            mode.tools, world=world, media=media, summariser=PassagePicker(), limits=ToolLimits()
        ),
        mode=mode,
        limits=Limits(max_turns=30),
        today="2026-01-01",
        media=media,
    )
    trajectory = await run_agent(task, researcher)
    assert task.gold is not None
    is_right = trajectory.answer in task.gold.answers
    assert is_right is (kind is GeneratedWorld), trajectory.answer


def test_what_would_make_no_such_questions_is_refused(tmp_path: Path) -> None:
    looking: dict[str, JsonValue] = {"obfuscate": {"plans": PLANS}}
    with pytest.raises(ConfigError, match="by the truth of a generated world"):
        make_vqa_config({**looking, "model": "openai:gpt-5", "images": str(tmp_path)})
    with pytest.raises(ConfigError, match="questions made about pictures"):
        make_vqa_config({**looking, "about": "pages"})
    with pytest.raises(ConfigError, match="zoom"):
        make_trajectory_config({"mode": "cis+ts", "trajectories": {"looks_again": True}})
    with pytest.raises(ConfigError, match="for the oracle so far"):
        make_trajectory_config({
            "mode": "agent+zoom",
            "model": "openai:gpt-5",
            "trajectories": {"looks_again": True},
        })


async def test_a_world_without_such_pages_and_a_teacher_that_never_looks_again_are_refused(
    loop: Loop, tiny_world: Path, tmp_path: Path
) -> None:
    config = make_vqa_config({"world": str(tiny_world), "obfuscate": {"plans": PLANS}})
    with pytest.raises(ConfigError, match="generated:illustrated"):
        async with open_vqa(config, out=tmp_path / "vqa"):
            pass
    settings = make_trajectory_config({
        "world": str(loop.world),
        "mode": "agent+zoom",
        "trajectories": {"questions": str(loop.dataset.path)},
    })
    with pytest.raises(ConfigError, match="looks_again = true"):
        await make_trajectories(settings, out=tmp_path / "run")
