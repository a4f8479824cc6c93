"""The checker on `generated:tiny`: what it reads, what it finds, what it refuses."""

from pathlib import Path

import pytest
import pytest_asyncio

from vision_deepresearch.bench.tampered_world import TamperedWorld
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.report import Check, faults_table, summary_table
from vision_deepresearch.evals.checker.run import Checker, Question, check_task, check_world
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth

TEXT_ONLY = (Check.REACHABLE, Check.NO_LEAK, Check.BLIND_FAILS)


@pytest.fixture(scope="module")
def world(tiny_world: Path) -> GeneratedWorld:
    return GeneratedWorld.open(tiny_world)


@pytest.fixture(scope="module")
def pairs(tiny_world: Path, world: GeneratedWorld) -> list[tuple[Task, Proof]]:
    truth = open_truth(tiny_world)
    found = [(task, truth.proof(task.id)) for task in world.tasks()]
    return [(task, proof) for task, proof in found if proof is not None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker(world: GeneratedWorld, pairs: list[tuple[Task, Proof]]) -> Checker:
    return await Checker.read(world, [proof for _, proof in pairs])


def test_all_pages_are_found_without_a_list_of_them(checker: Checker) -> None:
    coverage = checker.coverage
    assert coverage.pages_read == coverage.pages_told
    # In so small a world many patterns are met once, and those are not believed.
    assert coverage.sentences_read > 3 * coverage.sentences_unread


async def test_a_sound_question_passes_and_says_why(
    checker: Checker, world: GeneratedWorld, pairs: list[tuple[Task, Proof]]
) -> None:
    task, proof = pairs[0]
    report = await checker.check(task, proof, world.task_pictures(task))
    assert [verdict.check for verdict in report.verdicts] == list(Check)
    assert report.is_sound, faults_table([report])
    assert report.verdict(Check.SOLVABLE).why.startswith("found at scale")


async def test_another_gold_and_another_box_are_objected_to(
    checker: Checker, world: GeneratedWorld, pairs: list[tuple[Task, Proof]]
) -> None:
    task, proof = pairs[0]
    assert task.gold is not None
    wrong = task.model_copy(
        update={"gold": task.gold.model_copy(update={"answers": ("Nobody At All",)})}
    )
    report = await checker.check(wrong, proof, world.task_pictures(task), checks=[Check.UNIQUE])
    assert report.failed == (Check.UNIQUE,)
    assert "Nobody At All" in report.verdict(Check.UNIQUE).why
    blind = await checker.check(task, proof, [], checks=[Check.SOLVABLE, Check.REACHABLE])
    assert blind.failed == (Check.REACHABLE, Check.SOLVABLE)


async def test_a_dead_page_is_a_dead_step(
    world: GeneratedWorld, pairs: list[tuple[Task, Proof]]
) -> None:
    task, proof = pairs[2]
    tampered = TamperedWorld(world=world, dead=set(proof.hops[-1].pages))
    pictures = world.task_pictures(task)
    report = await check_task(tampered, task, proof, pictures, checks=TEXT_ONLY)
    assert Check.REACHABLE in report.failed
    assert "can be read" in report.verdict(Check.REACHABLE).why


async def test_many_questions_are_checked_and_summed_up(
    world: GeneratedWorld, pairs: list[tuple[Task, Proof]]
) -> None:
    told: list[tuple[str, int, int]] = []
    questions = [
        Question(task=task, proof=proof, pictures=lambda task=task: world.task_pictures(task))
        for task, proof in pairs[:2]
    ]
    checked = await check_world(
        world,
        questions,
        checks=TEXT_ONLY,
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert told[-1] == ("questions", 2, 2)
    assert [report.ref for report in checked.reports] == [task.ref for task, _ in pairs[:2]]
    assert set(checked.failures) == {check.value for check in Check}
    assert len(summary_table(checked).splitlines()) == 2 + len(Check)


async def test_a_pair_that_is_none_is_refused(
    checker: Checker, pairs: list[tuple[Task, Proof]]
) -> None:
    task, proof = pairs[0]
    with pytest.raises(ConfigError, match="pair tasks and proofs by id"):
        await checker.check(task, pairs[1][1], [])
    with pytest.raises(ConfigError, match="has none: leave it out"):
        await checker.check(task.model_copy(update={"gold": None}), proof, [])
    torn = proof.model_copy(update={"hops": proof.hops[1:]})
    with pytest.raises(ConfigError, match="builds on hops before it"):
        await checker.check(task, torn, [])
