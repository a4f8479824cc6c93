"""Fifty bad questions of each class are planted into `generated:small`; the checker meets them."""

import dataclasses
from pathlib import Path

import pytest
import pytest_asyncio

from tests.evals.checker.planted_defects import PLANTERS, Planter, Sound
from tests.evals.checker.tampered_world import TamperedWorld
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.crawl import crawl
from vision_deepresearch.evals.checker.relations import Relations
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.run import Checker
from vision_deepresearch.wiring.worlds import world_folder
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth

WANTED = 50


@pytest.fixture(scope="module")
def small_world(world_cache: Path) -> Path:
    assert world_cache.is_dir()
    return world_folder("generated:small")


@pytest.fixture(scope="module")
def opened(small_world: Path) -> GeneratedWorld:
    return GeneratedWorld.open(small_world)


@pytest.fixture(scope="module")
def proofs(small_world: Path, opened: GeneratedWorld) -> dict[str, Proof]:
    truth = open_truth(small_world)
    found = {task.id: truth.proof(task.id) for task in opened.tasks()}
    return {task_id: proof for task_id, proof in found.items() if proof is not None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sound(opened: GeneratedWorld, proofs: dict[str, Proof]) -> list[Sound]:
    """All questions with what a planter knows."""
    library = await crawl(opened)
    markdown = {url: (await opened.read(url)).markdown for url in library.pages}
    return [
        Sound(task=task, proof=proofs[task.id], pages=opened.pages, markdown=markdown)
        for task in opened.tasks()
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker(opened: GeneratedWorld, proofs: dict[str, Proof]) -> Checker:
    """The world as it is, read once."""
    return await Checker.read(opened, list(proofs.values()))


def plant(
    planter: Planter, sound: list[Sound], world: TamperedWorld
) -> list[tuple[Sound, Task, Proof]]:
    """The first fifty questions that take the defect, planted."""
    planted: list[tuple[Sound, Task, Proof]] = []
    for one in sound:
        made = planter(one, world)
        if made is not None:
            planted.append((one, *made))
        if len(planted) == WANTED:
            break
    return planted


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("defect", sorted(PLANTERS))
async def test_every_planted_defect_is_caught_by_the_check_that_is_for_it(
    defect: str,
    opened: GeneratedWorld,
    sound: list[Sound],
    proofs: dict[str, Proof],
    checker: Checker,
) -> None:
    planter, check = PLANTERS[defect]
    world = TamperedWorld(world=opened)
    planted = plant(planter, sound, world)
    assert len(planted) == WANTED
    known = list({**proofs, **{task.id: proof for _, task, proof in planted}}.values())
    if world.is_tampered:
        reader = await Checker.read(world, known)
    else:
        reader = dataclasses.replace(checker, relations=Relations.learn(checker.facts, known))
    missed: list[str] = []
    for one, task, proof in planted:
        report = await reader.check(task, proof, opened.task_pictures(one.task), checks=[check])
        if report.is_sound:
            missed.append(f"{task.ref}: {report.verdict(check).why}")
    assert missed == []


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_same_questions_are_not_objected_to_before_anything_is_planted(
    opened: GeneratedWorld, sound: list[Sound], checker: Checker
) -> None:
    """Otherwise a checker that refuses everything would pass the test above."""
    checks = [Check.UNIQUE, Check.REACHABLE, Check.NO_LEAK, Check.SOLVABLE]
    refused: list[str] = []
    for one in sound[:100]:
        pictures = opened.task_pictures(one.task)
        report = await checker.check(one.task, one.proof, pictures, checks=checks)
        refused += [f"{one.task.ref}: {report.verdict(check).why}" for check in report.failed]
    assert refused == []
