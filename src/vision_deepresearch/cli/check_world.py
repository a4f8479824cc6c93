"""What `vdr world check` does: all questions of a world, in several processes, resumable.

The world is read once, here; its pages travel in a file to the processes that check. Each report is
a line of the results file as soon as it is there.
"""

import asyncio
import dataclasses
import tempfile
from functools import lru_cache, partial
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.cli.output import ShowProgress, console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.crawl import Library
from vision_deepresearch.evals.checker.report import (
    CheckedWorld,
    Report,
    faults_table,
    summary_table,
)
from vision_deepresearch.evals.checker.run import Checker, read_library, refuse_unless_one
from vision_deepresearch.evals.fleet import num_cores, spread
from vision_deepresearch.evals.results import open_results
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.view import MEDIA
from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset
from vision_deepresearch.wiring.worlds import OpenedWorld, open_world

_CHECKER_VERSION = 4
"""Of the reports in a results file; raise it when the same question may get another verdict."""


def check(
    world: str,
    *,
    run: Path | None,
    limit: int | None,
    out: Path | None,
    jobs: int | None,
    json_wanted: bool,
) -> int:
    """Check questions with their proofs, and say which fail what and why.

    Without a run they are the world's own, else those that `vdr synth vqa` made of it.
    """
    target = console(json_wanted=json_wanted)
    folder = prepare_world(world, target=target)
    with progress_bars(target) as advance, tempfile.TemporaryDirectory() as temporary:
        checked = _checked(
            folder,
            _Wanted(run=run, limit=limit),
            path=out or Path(temporary) / "reports.jsonl",
            pages=Path(temporary) / "pages.json",
            jobs=jobs or num_cores(),
            progress=advance,
        )
    if json_wanted:
        print_json(checked.model_dump(mode="json"))
    else:
        read, told = checked.coverage.pages_read, checked.coverage.pages_told
        target.print(f"read {read:,} of {told or 0:,} pages without looking into what made them")
        target.print(summary_table(checked), soft_wrap=True)
        target.print(faults_table(checked.reports), soft_wrap=True)
    return 1 if checked.num_floor_failures else 0


def _checked(
    folder: Path,
    wanted: "_Wanted",
    *,
    path: Path,
    pages: Path,
    jobs: int,
    progress: ShowProgress,
) -> CheckedWorld:
    opened = open_world(folder)
    questions = _questions(opened, wanted)
    for question in questions:
        refuse_unless_one(question.task, question.proof)
    about: dict[str, JsonValue] = {
        "reports": "world check",
        "checker": _CHECKER_VERSION,
        "world_id": opened.world.manifest().world_id,
        # What predicates are called is learnt from all proofs at hand.
        "questions": len(questions),
        **({} if wanted.run is None else {"run": str(wanted.run)}),
    }
    with open_results(path, kind=Report, about=about) as file:
        library = asyncio.run(
            read_library(
                opened.world, [question.proof for question in questions], progress=progress
            )
        )
        library.save(pages)
        reports = {report.task_id: report for report in file.results}
        todo = [number for number, one in enumerate(questions) if one.task.id not in reports]
        for report in spread(partial(_check_one, folder, pages, wanted), todo, jobs=jobs):
            file.add(report)
            reports[report.task_id] = report
            progress("questions", len(reports), len(questions))
    return CheckedWorld(
        world_id=opened.world.manifest().world_id,
        coverage=_desk(folder, pages, wanted).checker.coverage,
        reports=tuple(reports[one.task.id] for one in questions),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which questions are checked."""

    run: Path | None
    """Of a run of the data factory; None: the world's own."""
    limit: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    task: Task
    proof: Proof
    run: Path | None

    def pictures(self, opened: OpenedWorld) -> list[bytes]:
        if self.run is None:
            return opened.pictures_of(self.task)
        media = FolderMediaStore(self.run / MEDIA)
        return [media.load(ref) for ref in self.task.images]


def _questions(opened: OpenedWorld, wanted: _Wanted) -> list[_Question]:
    if wanted.run is None:
        return [
            _Question(task=task, proof=proof, run=None)
            for task in opened.own_tasks(wanted.limit)
            if opened.truth is not None and (proof := opened.truth.proof(task.id)) is not None
        ]
    made = open_vqa_dataset(wanted.run)
    world_id = opened.world.manifest().world_id
    strange = next((task for task in made.tasks if task.provenance.get("world") != world_id), None)
    if strange is not None:
        msg = (
            f"{str(wanted.run)!r} was made of world {strange.provenance.get('world')!r}, this is "
            f"{world_id!r}: name the world that its config.toml names"
        )
        raise ConfigError(msg)
    return [
        _Question(task=one.task, proof=one.proof, run=wanted.run)
        for one in made.finished[: wanted.limit]
        if one.proof is not None
    ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What a process needs to check questions."""

    opened: OpenedWorld
    checker: Checker
    questions: list[_Question]


@lru_cache(maxsize=1)
def _desk(folder: Path, pages: Path, wanted: _Wanted) -> _Desk:
    opened = open_world(folder)
    questions = _questions(opened, wanted)
    proofs = [question.proof for question in questions]
    checker = Checker.of(opened.world, Library.load(pages), proofs)
    return _Desk(opened=opened, checker=checker, questions=questions)


def _check_one(folder: Path, pages: Path, wanted: _Wanted, number: int) -> Report:
    """Check one question; the first one of a process takes the pages apart."""
    desk = _desk(folder, pages, wanted)
    one = desk.questions[number]
    return asyncio.run(desk.checker.check(one.task, one.proof, one.pictures(desk.opened)))
