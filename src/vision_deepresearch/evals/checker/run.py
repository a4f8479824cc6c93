"""Checks questions of a world, one or many: `check_task`, `Checker`, `check_world`.

Reading the world is done once; then each question costs some twenty picture searches.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import HopKind, Proof
from vision_deepresearch.core.protocols import World
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.checks import Examination
from vision_deepresearch.evals.checker.crawl import Library, Progress, crawl
from vision_deepresearch.evals.checker.facts import FactTable, collect
from vision_deepresearch.evals.checker.photos import PagePictures
from vision_deepresearch.evals.checker.relations import Relations
from vision_deepresearch.evals.checker.report import (
    Check,
    CheckedWorld,
    Coverage,
    Report,
    Verdict,
)
from vision_deepresearch.evals.checker.sentences import SentenceReader
from vision_deepresearch.evals.checker.sight import References, Sight, picture_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is checked: a task, the proof it claims, its pictures in order."""

    task: Task
    proof: Proof
    pictures: Callable[[], Sequence[bytes]]
    """Loads them when their turn comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A world that was read, ready to check questions."""

    world: World
    library: Library
    facts: FactTable
    reader: SentenceReader
    relations: Relations
    references: References = field(default_factory=References)
    pictures: PagePictures = field(init=False)

    def __post_init__(self) -> None:
        """Pictures of pages are fetched once for all questions."""
        pictures = PagePictures(
            world=self.world, library=self.library, facts=self.facts, references=self.references
        )
        object.__setattr__(self, "pictures", pictures)

    @classmethod
    async def read(
        cls, world: World, proofs: Sequence[Proof], *, progress: Progress | None = None
    ) -> "Checker":
        """Read a world by its public methods.

        Args:
            world: searched and read; nothing else of it is used.
            proofs: all that are at hand: what their predicates are called on the pages is decided
                by majority, so more of them make a single wrong one stand out.
            progress: told about pages.

        Cost: a read and a search per page; some 15 s of CPU for 2,000 pages.
        """
        return cls.of(world, await read_library(world, proofs, progress=progress), proofs)

    @classmethod
    def of(cls, world: World, library: Library, proofs: Sequence[Proof]) -> "Checker":
        """Make a checker of pages that were read before. Cost: 1.5 ms of CPU a page."""
        facts = collect(library)
        reader = SentenceReader.learn(library, facts)
        reader.read_all(library)
        relations = Relations.learn(facts, proofs)
        return cls(world=world, library=library, facts=facts, reader=reader, relations=relations)

    async def check(
        self,
        task: Task,
        proof: Proof,
        pictures: Sequence[bytes],
        *,
        checks: Collection[Check] = tuple(Check),
    ) -> Report:
        """Check one question.

        Args:
            task: with its gold.
            proof: of the task; a claim, never believed.
            pictures: of the task, in order.
            checks: which ones; those that look at the picture cost some fifteen searches.

        Raises:
            ConfigError: the task has no gold, or the proof is not one of it.
            WorldError: the world failed for good while it was asked.
        """
        refuse_unless_one(task, proof)
        sights = [
            Sight(
                world=self.world,
                library=self.library,
                facts=self.facts,
                picture=picture_of(data),
                references=self.references,
            )
            for data in pictures
        ]
        one = Examination(
            world=self.world,
            library=self.library,
            facts=self.facts,
            relations=self.relations,
            task=task,
            proof=proof,
            sights=sights,
            pictures=self.pictures,
            seen_on={
                hop.id: sight
                for hop in proof.photos
                if hop.photo is not None
                and (sight := await self.pictures.sight(hop.photo.page)) is not None
            },
        )
        verdicts: list[Verdict] = []
        for check in Check:
            if check in checks:
                findings = await one.examine(check)
                passed = not findings.faults
                verdicts.append(Verdict(check=check, passed=passed, why=findings.why()))
        return Report(task_id=task.id, ref=task.ref, verdicts=tuple(verdicts))

    @property
    def coverage(self) -> Coverage:
        """How much of the world was read."""
        return Coverage(
            pages_read=len(self.library.pages),
            pages_told=self.world.manifest().counts.get("pages"),
            dead_links=len(self.library.dead),
            entities=len(self.facts.names),
            claims=sum(
                len(sources)
                for stated in self.facts.statements.values()
                for sources in stated.values()
            ),
            sentences_read=self.reader.num_read,
            sentences_unread=self.reader.num_unread,
            skeletons=len(self.reader.patterns),
        )


async def read_library(
    world: World, proofs: Sequence[Proof], *, progress: Progress | None = None
) -> Library:
    """Read a world's pages, those that proofs name among the first.

    Cost: a read and a search per page; some 5 ms of CPU.
    """
    seeds = dict.fromkeys(url for proof in proofs for url in proof.pages)
    return await crawl(world, seeds=seeds, progress=progress)


async def check_task(
    world: World,
    task: Task,
    proof: Proof,
    pictures: Sequence[bytes],
    *,
    checks: Collection[Check] = tuple(Check),
) -> Report:
    """Check one question of a world; for several, `check_world` reads the world once.

    Raises:
        ConfigError: the task has no gold, or the proof is not one of it.
        WorldError: the world failed for good.
    """
    checker = await Checker.read(world, [proof])
    return await checker.check(task, proof, pictures, checks=checks)


async def check_world(
    world: World,
    questions: Sequence[Question],
    *,
    checks: Collection[Check] = tuple(Check),
    progress: Progress | None = None,
) -> CheckedWorld:
    """Check many questions of one world.

    Raises:
        ConfigError: a task has no gold, or a proof is not one of its task.
        WorldError: the world failed for good.

    Cost: a read and a search per page, then 10-40 picture searches per question.
    """
    for question in questions:
        refuse_unless_one(question.task, question.proof)
    proofs = [question.proof for question in questions]
    checker = await Checker.read(world, proofs, progress=progress)
    reports: list[Report] = []
    for question in questions:
        reports.append(
            await checker.check(question.task, question.proof, question.pictures(), checks=checks)
        )
        if progress is not None:
            progress("questions", len(reports), len(questions))
    return CheckedWorld(
        world_id=world.manifest().world_id, coverage=checker.coverage, reports=tuple(reports)
    )


def refuse_unless_one(task: Task, proof: Proof) -> None:
    """Make sure that a proof can be checked against a task.

    Raises:
        ConfigError: the task has no gold, or the proof is not one of it.
    """
    if task.gold is None:
        msg = f"a checked question needs a gold answer, {task.ref!r} has none: leave it out"
        raise ConfigError(msg)
    if proof.task_id != task.id:
        msg = (
            f"expected the proof of task {task.id[:12]!r}, got that of {proof.task_id[:12]!r}: "
            "pair tasks and proofs by id"
        )
        raise ConfigError(msg)
    known: set[str] = set()
    for hop in proof.hops:
        wanted = [*hop.over, *hop.among, *(one for one in (hop.subject, hop.like) if one)]
        missing = [one for one in wanted if one not in known]
        if missing or (hop.kind is HopKind.FOLLOW and hop.subject is None):
            msg = (
                f"hop {hop.id!r} of task {task.ref!r} builds on {missing or 'nothing'!r}: a hop "
                "builds on hops before it"
            )
            raise ConfigError(msg)
        known.add(hop.id)
