"""Bad questions of fifteen classes, planted into a world of good ones: how many the checker catches.

Each class takes the first questions that lend themselves to its defect, so a class can be run alone
and gives what it gives among the others. The same questions untouched are looked at too: a checker
that refuses everything would catch all.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.bench.planted_defects import PLANTERS, Sound
from vision_deepresearch.bench.tampered_world import TamperedWorld
from vision_deepresearch.bench.trials import Remembered
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.relations import Relations
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.run import Checker
from vision_deepresearch.evals.fleet import num_cores, spread
from vision_deepresearch.evals.results import open_results
from vision_deepresearch.wiring.worlds import ProgressBar, world_folder
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth

WANTED, QUICK_WANTED = 50, 2
UNTOUCHED = "nothing planted"
UNTOUCHED_CHECKS = (Check.UNIQUE, Check.REACHABLE, Check.NO_LEAK, Check.SOLVABLE)
QUICK_CLASSES = ("answer in question", "second answer", "unreachable page", UNTOUCHED)
CLASSES = (*PLANTERS, UNTOUCHED)


class PlantedClass(Record):
    """One class of defects."""

    defect: str
    check: str
    """The check that must object; of untouched questions: those that must not."""
    planted: int
    caught: int
    """Of untouched questions: objected to."""
    wrong: tuple[str, ...]
    """Questions with the verdict that should have been another, and why it was given."""


def bench_planted(
    *,
    world: str | None = None,
    wanted: int | None = None,
    only: Sequence[str] | None = None,
    quick: bool = False,
    out: Path | None = None,
    jobs: int | None = None,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Plant and check.

    Args:
        world: a generated one with at least three times so many questions; default
            `generated:small`, quick `generated:tiny`.
        wanted: bad questions per class; default 50, quick 2.
        only: classes to run; default all fifteen and untouched questions, quick four.
        quick: small sizes.
        out: folder of results; the same call goes on where it was stopped. None: nothing is kept.
        jobs: processes; default one per core.
        progress: called while the world is built and after each class.

    Returns:
        The object of `vdr bench planted --json`: per class `{planted, caught}`.

    Raises:
        ConfigError: no such class or world; `out` holds results of other work.
    """
    classes = tuple(only or (QUICK_CLASSES if quick else CLASSES))
    unknown = [defect for defect in classes if defect not in CLASSES]
    if unknown:
        msg = f"unknown class of defects {unknown[0]!r}: use one of {', '.join(CLASSES)}"
        raise ConfigError(msg)
    count = wanted or (QUICK_WANTED if quick else WANTED)
    name = world or ("generated:tiny" if quick else "generated:small")
    folder = world_folder(name, progress=progress)
    world_id = GeneratedWorld.open(folder).manifest().world_id
    about: dict[str, JsonValue] = {"bench": "planted", "world_id": world_id, "wanted": count}
    with tempfile.TemporaryDirectory() as temporary:
        path = (out or Path(temporary)) / "planted.jsonl"
        with open_results(path, kind=PlantedClass, about=about) as file:
            done = {one.defect: one for one in file.results}
            todo = [defect for defect in classes if defect not in done]
            plant = partial(plant_class, folder, count)
            for one in spread(plant, todo, jobs=jobs or num_cores()):
                file.add(one)
                done[one.defect] = one
                if progress is not None:
                    progress("classes", sum(known in done for known in classes), len(classes))
    rows = [done[defect] for defect in classes]
    bad = [row for row in rows if row.defect != UNTOUCHED]
    figures: dict[str, JsonValue] = {
        row.defect: row.model_dump(mode="json", exclude={"defect"}) for row in rows
    }
    figures["holds"] = {
        f"{WANTED} planted in each class": all(row.planted >= WANTED for row in bad),
        "every planted one caught": all(row.caught == row.planted for row in bad),
        "no untouched one objected to": all(
            row.caught == 0 for row in rows if row.defect == UNTOUCHED
        ),
    }
    planted, caught = sum(row.planted for row in bad), sum(row.caught for row in bad)
    return {
        "name": "planted",
        "settings": {
            "world": name,
            "world_id": world_id,
            "wanted_per_class": count,
            "quick": quick,
            "jobs": jobs or num_cores(),
        },
        "figures": figures,
        "baseline": {"planted": planted},
        "ratios": {"caught": round(caught / planted, 4) if planted else None},
    }


def plant_class(folder: Path, count: int, defect: str) -> PlantedClass:
    """Plant one class of defects and check it; the world is read once per process."""
    # A process of its own, where no other loop runs.
    return asyncio.run(_plant(folder, count, defect))  # noqa: TID251 - see above


async def _plant(folder: Path, count: int, defect: str) -> PlantedClass:
    field = _field_of(folder)
    if field.checker is None:
        field = await _read(folder)
    if defect == UNTOUCHED:
        return await _untouched(field, count)
    return await _planted(field, count, defect)


@dataclass(slots=True, kw_only=True)
class _Field:
    """A world into which is planted."""

    world: GeneratedWorld
    remembered: Remembered
    """The same, asked the same once: it is read again for each class that changes pages."""
    proofs: dict[str, Proof]
    checker: Checker | None = None
    """Of the world as it is; None: it was not read yet."""
    sound: tuple[Sound, ...] = ()


@lru_cache(maxsize=1)
def _field_of(folder: Path) -> _Field:
    world, truth = GeneratedWorld.open(folder), open_truth(folder)
    found = {task.id: truth.proof(task.id) for task in world.tasks()}
    proofs = {task_id: proof for task_id, proof in found.items() if proof is not None}
    return _Field(world=world, remembered=Remembered(world), proofs=proofs)


async def _read(folder: Path) -> _Field:
    field = _field_of(folder)
    checker = await Checker.read(field.remembered, list(field.proofs.values()))
    markdown = {url: (await field.remembered.read(url)).markdown for url in checker.library.pages}
    field.sound = tuple(
        Sound(task=task, proof=field.proofs[task.id], pages=field.world.pages, markdown=markdown)
        for task in field.world.tasks()
        if task.id in field.proofs
    )
    field.checker = checker
    return field


async def _planted(field: _Field, count: int, defect: str) -> PlantedClass:
    assert field.checker is not None, "read before"
    planter, check = PLANTERS[defect]
    tampered = TamperedWorld(world=field.remembered)
    planted: list[tuple[Sound, Task, Proof]] = []
    for one in field.sound:
        made = planter(one, tampered)
        if made is not None:
            planted.append((one, *made))
        if len(planted) == count:
            break
    known = list({**field.proofs, **{task.id: proof for _, task, proof in planted}}.values())
    if tampered.is_tampered:
        checker = await Checker.read(tampered, known)
        checker = replace(checker, references=field.checker.references)
    else:
        relations = Relations.learn(field.checker.facts, known)
        checker = replace(field.checker, relations=relations)
    missed: list[str] = []
    for one, task, proof in planted:
        pictures = field.world.task_pictures(one.task)
        report = await checker.check(task, proof, pictures, checks=[check])
        if report.is_sound:
            missed.append(f"{task.ref}: {report.verdict(check).why}")
    return PlantedClass(
        defect=defect,
        check=check.value,
        planted=len(planted),
        caught=len(planted) - len(missed),
        wrong=tuple(missed),
    )


async def _untouched(field: _Field, count: int) -> PlantedClass:
    assert field.checker is not None, "read before"
    some = field.sound[:count]
    wrong: list[str] = []
    for one in some:
        pictures = field.world.task_pictures(one.task)
        report = await field.checker.check(one.task, one.proof, pictures, checks=UNTOUCHED_CHECKS)
        wrong += [f"{one.task.ref}: {report.verdict(check).why}" for check in report.failed[:1]]
    return PlantedClass(
        defect=UNTOUCHED,
        check=", ".join(UNTOUCHED_CHECKS),
        planted=len(some),
        caught=len(wrong),
        wrong=tuple(wrong),
    )
