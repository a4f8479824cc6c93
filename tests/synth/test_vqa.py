"""VQA synthesis from pictures to tasks: offline, proved, the same however it is carried out."""

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.synth.vqa_doubles import BrokenPages, made_of, with_broken_picture
from vision_deepresearch.agent.loop import run as research
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.run import Checker
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.roles.vqa_truth import truth_roles
from vision_deepresearch.synth.vqa.dataset import VqaDataset, funnel_of, open_vqa_dataset
from vision_deepresearch.synth.vqa.statistics import statistics_of
from vision_deepresearch.synth.vqa_records import Finished, Move
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.vqa import make_vqa_config, open_vqa, truth_of_dataset
from vision_deepresearch.wiring.worlds import open_world
from vision_deepresearch.worlds.generated.world import GeneratedWorld

NUM_PICTURES = 4
pytestmark = pytest.mark.timeout(180)  # whole runs, on a machine that may be busy


@pytest.fixture(scope="module")
def source(tiny_world: Path) -> GeneratedWorld:
    return GeneratedWorld.open(tiny_world)


@pytest.fixture(scope="module")
def run(source: GeneratedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run that several tests look at; made in a loop of its own."""
    out = tmp_path_factory.mktemp("vqa") / "run"
    with asyncio.Runner() as runner:
        runner.run(made_of(source, out, num_pictures=NUM_PICTURES))
    return out


@pytest.fixture
def dataset(run: Path) -> VqaDataset:
    return open_vqa_dataset(run)


def ids(made: Made) -> list[str]:
    return [one.task.id for one in made.records if isinstance(one, Finished)]


async def test_every_question_comes_with_its_picture_its_proof_and_its_way(
    dataset: VqaDataset,
) -> None:
    assert len(dataset.tasks) >= NUM_PICTURES
    media = FolderMediaStore(dataset.path / "media")
    for one in dataset.finished:
        task, proof = one.task, one.proof
        assert task.kind == "fuzzy"
        assert task.gold is not None
        assert proof is not None
        assert proof.task_id == task.id
        assert media.load(task.images[0])
        follows = [hop for hop in proof.hops if hop.kind is HopKind.FOLLOW]
        assert int(task.strata["hops"]) >= 2
        assert len({hop.pages[0] for hop in follows}) >= 2
        assert any(hop.kind is HopKind.LOOK and hop.box for hop in proof.hops)
        assert not any(name.casefold() in task.question.casefold() for name in proof.entities)
        assert one.rounds[0].move is Move.CHAIN
        assert one.rounds[-1].question == task.question
        for done in one.rounds:
            assert done.chosen is None or (done.queries and done.pages)


async def test_the_funnel_read_from_the_folder_adds_up(run: Path, dataset: VqaDataset) -> None:
    with RunFolder.read(run) as view:
        rows = list(funnel_of(view))
    assert [row.stage for row in rows][:3] == ["collect", "filter_images", "drop_doubles"]
    assert rows[0].taken == NUM_PICTURES
    for before, after in pairwise(rows):
        assert before.given == after.taken
        assert before.taken == before.kept + sum(before.rejected.values())
    assert rows[-1].given == len(dataset.tasks) == statistics_of(dataset.finished).tasks


async def test_the_independent_checker_finds_no_fault_of_the_floor(
    source: GeneratedWorld, dataset: VqaDataset
) -> None:
    proofs = list(dataset.proofs.values())
    checker = await Checker.read(source, proofs)
    media = FolderMediaStore(dataset.path / "media")
    floor = [check for check in Check if check.is_floor and check is not Check.SOLVABLE]
    for one in dataset.finished[:5]:
        pictures = [media.load(ref) for ref in one.task.images]
        report = await checker.check(one.task, dataset.proofs[one.task.id], pictures, checks=floor)
        failed = [verdict.why for verdict in report.verdicts if not verdict.passed]
        assert not failed, one.task.question


async def test_the_oracle_answers_by_the_proof_of_the_run(
    source: GeneratedWorld, dataset: VqaDataset
) -> None:
    media = FolderMediaStore(dataset.path / "media")
    mode = mode_named("cis+ts")
    profile = VdrProfile()
    researcher = Researcher(
        model=OracleModel(truth_of_dataset(open_world(source.folder), dataset), profile),
        profile=profile,
        tools=build_tools(mode.tools, world=source, media=media, summariser=PassagePicker()),
        mode=mode,
        today="2026-01-01",
        media=media,
    )
    for task in dataset.tasks[:2]:
        trajectory = await research(task, researcher, attempt=0)
        verdict = await RuleJudge().judge(task, trajectory)
        assert verdict.decision is Decision.CORRECT, (task.question, trajectory.answer)


async def test_another_order_of_work_gives_the_same_questions(
    source: GeneratedWorld, tmp_path: Path
) -> None:
    one = await made_of(source, tmp_path / "one", num_pictures=2, concurrency=1)
    many = await made_of(source, tmp_path / "many", num_pictures=2, concurrency=7)
    assert ids(one) == ids(many)
    assert ids(one)


@pytest.mark.slow
async def test_processes_give_the_same_questions_as_this_one(
    tiny_world: Path, source: GeneratedWorld, tmp_path: Path
) -> None:
    config = make_vqa_config({"world": str(tiny_world), "num_pictures": 3})
    async with open_vqa(config, out=tmp_path / "spread", jobs=2) as opened:
        spread = await run_pipeline(
            opened.stages, opened.sources, run=opened.run, executor=opened.executor
        )
    here = await made_of(source, tmp_path / "here", num_pictures=3)
    assert ids(spread) == ids(here)
    assert ids(here)


@pytest.mark.pitfall("P71")
async def test_a_broken_picture_costs_itself(source: GeneratedWorld, tmp_path: Path) -> None:
    roles = truth_roles(source.pages)
    broken = with_broken_picture(roles, "p00001")
    made = await made_of(source, tmp_path / "run", num_pictures=2, roles=broken)
    assert made.is_whole
    assert made.funnel[0].rejected == {"bad_image": 1}
    whole = await made_of(source, tmp_path / "whole", num_pictures=1)
    assert ids(made) == ids(whole)


@pytest.mark.pitfall("P71")
@pytest.mark.parametrize("how", ["breaks_parser", "torn"])
async def test_a_page_that_cannot_be_read_costs_the_questions_that_need_it(
    source: GeneratedWorld, dataset: VqaDataset, tmp_path: Path, how: str
) -> None:
    first = dataset.finished[0]
    picture = int(first.id.partition(".")[0].removeprefix("p"))
    bad = dataset.proofs[first.task.id].hops[-1].pages[0]
    world = BrokenPages(inner=source, **{how: [bad]})
    made = await made_of(source, tmp_path / "run", num_pictures=picture + 1, world=world)
    assert made.is_whole
    assert first.task.id not in ids(made)
    reasons = Counter[str]()
    for row in made.funnel:
        reasons.update(row.rejected)
    assert bool(reasons["bug"]) is (how == "breaks_parser")
    assert not any(
        hop.pages[:1] == (bad,)
        for one in made.records
        if isinstance(one, Finished) and one.proof is not None
        for hop in one.proof.hops
        if hop.kind is HopKind.FOLLOW
    )


async def test_an_unfinished_run_is_no_dataset(tmp_path: Path) -> None:
    async with RunFolder.open(tmp_path / "run", config="", provenance={}):
        pass
    with pytest.raises(ConfigError, match="no finished set"):
        open_vqa_dataset(tmp_path / "run")


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown config key 'obfuscate\.canddates': use one of plans"
    ):
        make_vqa_config({}, overrides=["obfuscate.canddates=3"])
    with pytest.raises(ConfigError, match="unknown config key 'wrold': use one of pictures"):
        make_vqa_config({"wrold": "x"})


async def test_a_player_that_is_not_there_is_refused(tiny_world: Path, tmp_path: Path) -> None:
    config = make_vqa_config({"world": str(tiny_world), "model": "nobody"})
    with pytest.raises(ConfigError, match="asks about your pictures"):
        async with open_vqa(config, out=tmp_path / "run"):
            pass
