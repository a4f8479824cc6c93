"""Trajectory synthesis put together: a recipe becomes stages over a run folder, and is closed again."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Executor, Judge, MediaStore, ModelClient, TruthSource
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import LIVELY
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.processes import ProcessExecutor
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.roles.trajectories_truth import TruthDescriber, TruthHitJudge
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.trajectories.records import Assignment
from vision_deepresearch.synth.trajectories.stages import Crew, RollOutConfig, trajectory_stages
from vision_deepresearch.synth.trajectories.teacher import Induction, PhasedTeacher
from vision_deepresearch.synth.vqa.dataset import VqaDataset, open_vqa_dataset
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.config import RunConfig, explain, make_config, override, to_toml
from vision_deepresearch.wiring.models import make_profile
from vision_deepresearch.wiring.worlds import OpenedWorld, open_world, world_folder
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld

TABLE = "trajectories"
"""Of a recipe: the settings below. All other keys are a run's, as `vdr eval run` takes them."""


class TrajectorySettings(Record):
    """What is made, and how."""

    questions: str | None = None
    """Folder of a finished `vdr synth vqa`; None: the world's own questions."""
    tasks: int = Field(default=100, ge=1)
    """How many questions, the first so many."""
    attempts: int = Field(default=1, ge=1)
    """Attempts per question."""
    max_visual_turns: int = Field(default=6, ge=1)
    """Without a hit by then an attempt is given up. Paper: a cap, its value unpublished."""
    is_lively: bool = True
    """The oracle: whether it goes astray at times, as people do; see `models/oracle_habits.py`."""


class TrajectoryConfig(Record):
    """Everything that determines a set of trajectories; saved with it as config.toml."""

    run: RunConfig
    trajectories: TrajectorySettings


def make_trajectory_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> TrajectoryConfig:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged: dict[str, JsonValue] = dict(values)
    for one in overrides:
        override(merged, one)
    table = merged.pop(TABLE, {})
    try:
        settings = TrajectorySettings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(explain(error, root=TrajectorySettings)) from error
    return TrajectoryConfig(run=make_config(merged), trajectories=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRun:
    """Everything one run of trajectory synthesis needs."""

    config: TrajectoryConfig
    stages: tuple[EachStage, ...]
    assignments: tuple[Assignment, ...]
    run: RunFolder
    executor: Executor


@asynccontextmanager
async def open_trajectories(
    config: TrajectoryConfig, *, out: Path, jobs: int = 1
) -> AsyncIterator[TrajectoryRun]:
    """Open world, teachers and run folder; close them again.

    Raises:
        ConfigError: an unknown name, a world whose truth is not known, a folder of another run.
    """
    async with AsyncExitStack() as stack:
        bench = _open_bench(config, out=out)
        about = bench.source.world.manifest()
        told = provenance(
            seeds={"run": config.run.seed, "world": about.seed or 0},
            world=about,
            model=config.run.model,
            judge=bench.judge.profile_id,
            today=config.run.today,
            extra={"jobs": jobs, "prompts": list(_prompt_labels())},
        )
        settings = config.run.model_dump(
            mode="json", exclude_none=True, exclude={"concurrency", "tape", "live"}
        )
        settings[TABLE] = config.trajectories.model_dump(mode="json", exclude_none=True)
        run = await stack.enter_async_context(
            RunFolder.open(out, config=to_toml(settings), provenance=told)
        )
        executor: Executor = LocalExecutor(bench.stages)
        if jobs > 1:
            processes = ProcessExecutor(
                partial(_stages_of, config.model_dump_json(), str(out)), jobs=jobs
            )
            stack.callback(processes.close)
            executor = processes
        yield TrajectoryRun(
            config=config,
            stages=bench.stages,
            assignments=_assignments(bench, config.trajectories),
            run=run,
            executor=executor,
        )


def _stages_of(config: str, out: str) -> Sequence[EachStage]:
    """The stages in a process of their own."""
    return _open_bench(TrajectoryConfig.model_validate_json(config), out=Path(out)).stages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The workplace of the teachers."""

    source: OpenedWorld
    truth: TruthSource
    dataset: VqaDataset | None
    media: FolderMediaStore
    judge: Judge
    stages: tuple[EachStage, ...]


def _open_bench(config: TrajectoryConfig, *, out: Path) -> _Bench:
    """Open what the stages need, without the run folder: any process may.

    Raises:
        ConfigError: see `open_trajectories`.
    """
    if config.run.model != "oracle":
        msg = f"trajectories are taught by the oracle so far, got model {config.run.model!r}"
        raise ConfigError(msg)
    settings = config.trajectories
    dataset = open_vqa_dataset(Path(settings.questions)) if settings.questions else None
    source = open_world(world_folder(config.run.world), embedder=config.run.embedder)
    truth = _truth(source, dataset)
    media = FolderMediaStore(out / "media")
    researcher = _researcher(config, source=source, truth=truth, media=media)
    judge = RuleJudge()
    crew = _crew(config, researcher=researcher, truth=truth, judge=judge)
    return _Bench(
        source=source,
        truth=truth,
        dataset=dataset,
        media=media,
        judge=judge,
        stages=trajectory_stages(crew),
    )


def _truth(source: OpenedWorld, dataset: VqaDataset | None) -> TruthSource:
    """What is known about the questions.

    Raises:
        ConfigError: a world whose truth is not known.
    """
    if source.generated is None or source.truth is None:
        about = source.world.manifest()
        msg = f"the oracle teaches in generated worlds only, {about.name!r} is a {about.kind} world"
        raise ConfigError(msg)
    if dataset is None:
        return source.truth
    return GeneratedTruth(source.generated.pages.graph, dataset.proofs)


def _researcher(
    config: TrajectoryConfig, *, source: OpenedWorld, truth: TruthSource, media: MediaStore
) -> Researcher:
    run = config.run
    mode, profile = mode_named(run.mode), make_profile(run)
    oracle = OracleModel(
        truth,
        profile,
        max_turns=run.limits.max_turns,
        habits=LIVELY if config.trajectories.is_lively else None,
    )
    return Researcher(
        model=oracle,
        profile=profile,
        tools=build_tools(
            mode.tools,
            world=MeteredWorld(source.world),
            media=media,
            summariser=PassagePicker(),
            limits=run.tools,
        ),
        mode=mode,
        limits=run.limits,
        sampling=run.sampling,
        today=run.today,
        media=media,
    )


def _assignments(bench: _Bench, settings: TrajectorySettings) -> tuple[Assignment, ...]:
    """Every attempt to be made, the pictures put into the run's media store."""
    tasks = _tasks(bench, settings.tasks)
    return tuple(
        Assignment(
            id=f"{task.id[:24]}-a{attempt}",
            task=task,
            proof=bench.truth.proof(task.id),
            attempt=attempt,
        )
        for attempt in range(settings.attempts)
        for task in tasks
    )


def _tasks(bench: _Bench, limit: int) -> list[Task]:
    if bench.dataset is None:
        own = bench.source.own_tasks(limit)
        for task in own:
            for data in bench.source.pictures_of(task):
                bench.media.put(data)
        return own
    tasks = list(bench.dataset.tasks[:limit])
    theirs = FolderMediaStore(bench.dataset.path / "media")
    for ref in dict.fromkeys(ref for task in tasks for ref in task.images):
        bench.media.put(theirs.load(ref))
    return tasks


def _prompt_labels() -> tuple[str, ...]:
    return tuple(prompt_named(name).label for name in ("visual_phase", "text_phase"))


def _crew(
    config: TrajectoryConfig, *, researcher: Researcher, truth: TruthSource, judge: Judge
) -> Crew:
    settings, media = config.trajectories, researcher.media
    roles = TrajectoryRoles(
        visual=researcher.model,
        text=researcher.model,
        hit_judge=TruthHitJudge(truth),
        describer=TruthDescriber(truth),
    )
    induction = Induction(
        visual=prompt_named("visual_phase").text, text=prompt_named("text_phase").text
    )

    def make_teacher(record: Assignment) -> PhasedTeacher | None:
        if not record.task.images:
            return None
        return PhasedTeacher(
            task=record.task,
            pictures=[media.picture(ref) for ref in record.task.images],
            roles=roles,
            induction=induction,
            profile=researcher.profile,
            max_visual_turns=settings.max_visual_turns,
        )

    async def roll_out(
        record: Assignment, teacher: PhasedTeacher | None, context: CallContext
    ) -> Trajectory:
        model: ModelClient = teacher or roles.text
        seed = config.run.seed + record.attempt
        sampling = researcher.sampling.model_copy(update={"seed": seed})
        who = replace(researcher, model=model, sampling=sampling)
        return await run_agent(record.task, who, attempt=record.attempt, budget=context.budget)

    return Crew(
        make_teacher=make_teacher,
        roll_out=roll_out,
        judge=judge,
        profile=researcher.profile,
        config=RollOutConfig(
            settings=fingerprint({
                "run": config.run.model_dump(mode="json", exclude={"concurrency", "tape"}),
                "is_lively": settings.is_lively,
            }),
            roles=(
                roles.visual.name,
                roles.text.name,
                roles.hit_judge.name,
                roles.describer.name,
                *_prompt_labels(),
            ),
            max_visual_turns=settings.max_visual_turns,
        ),
        concurrency=config.run.concurrency,
    )
