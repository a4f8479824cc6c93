"""Trajectory synthesis put together: a recipe becomes stages over a run folder, and is closed again."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.episode import episode_of
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.mode import PICTURE_TOOLS, Mode, mode_named
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.protocols import Executor, MediaStore
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, Progress, run_pipeline
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.roles.trajectories_prompted import prompted_trajectory_roles
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.trajectories.degrade import degrade_task
from vision_deepresearch.synth.trajectories.records import Accepted, Assignment
from vision_deepresearch.synth.trajectories.stages import trajectory_stages
from vision_deepresearch.synth.vqa.dataset import VqaDataset, open_vqa_dataset
from vision_deepresearch.synth.workplace import MakeStages
from vision_deepresearch.wiring.config import to_toml
from vision_deepresearch.wiring.secrets import environment_secrets
from vision_deepresearch.wiring.session import Session, open_session
from vision_deepresearch.wiring.spreading import (
    local_executor,
    ray_executor,
    refuse_ray_for_models,
)
from vision_deepresearch.wiring.trajectory_config import (
    ORACLE,
    TABLE,
    TrajectoryConfig,
    TrajectorySettings,
    tables_of,
)
from vision_deepresearch.wiring.trajectory_crew import crew_of, prompt_labels
from vision_deepresearch.wiring.trajectory_oracle import OracleBench, open_oracle, oracle_stages
from vision_deepresearch.wiring.worlds import OpenedWorld, require_world, world_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRun:
    """Everything one run of trajectory synthesis needs."""

    stages: tuple[EachStage, ...]
    assignments: tuple[Assignment, ...]
    run: RunFolder
    executor: Executor


async def make_trajectories(
    config: TrajectoryConfig,
    *,
    out: Path,
    jobs: int | None = 1,
    ray: str | None = None,
    progress: Progress | None = None,
) -> Made:
    """Roll out, reword, reject; accepted episodes are stored in the run folder.

    Raises:
        ConfigError: see `open_trajectories`.
    """
    async with open_trajectories(config, out=out, jobs=jobs, ray=ray) as opened:
        made = await run_pipeline(
            opened.stages,
            opened.assignments,
            run=opened.run,
            executor=opened.executor,
            cap_usd=config.run.budget_usd,
            progress=progress,
        )
        for one in made.records:
            assert isinstance(one, Accepted), "the last stage gives these"
            await opened.run.put_episode(episode_of(one.task, one.trajectory, one.verdict))
        return made


@asynccontextmanager
async def open_trajectories(
    config: TrajectoryConfig, *, out: Path, jobs: int | None = 1, ray: str | None = None
) -> AsyncIterator[TrajectoryRun]:
    """Open world, teachers and run folder; close them again.

    The oracle works in `jobs` processes, or workers of the cluster at the address `ray`; see
    `open_vqa`. A model is waited for in this one, and what it says is kept on the run's tape.

    Raises:
        ConfigError: an unknown name, the oracle in a world whose truth is not known or beside
            other models, a folder of another run, a cluster beside a model.
    """
    opening = _by_oracle(config, out=out, jobs=jobs, ray=ray)
    if config.run.model != ORACLE:
        refuse_ray_for_models(ray, model=config.run.model)
        opening = _by_models(config, out=out)
    async with opening as opened:
        yield opened


@asynccontextmanager
async def _by_oracle(
    config: TrajectoryConfig, *, out: Path, jobs: int | None, ray: str | None
) -> AsyncIterator[TrajectoryRun]:
    async with AsyncExitStack() as stack:
        bench = open_oracle(config, out=out)
        about = bench.source.world.manifest()
        told = provenance(
            seeds={"run": config.run.seed, "world": about.seed or 0},
            world=about,
            model=config.run.model,
            judge=bench.judge_id,
            today=config.run.today,
            extra={"jobs": jobs, "ray": ray, "prompts": list(prompt_labels(config.trajectories))},
        )
        settings = config.run.model_dump(
            mode="json", exclude_none=True, exclude={"concurrency", "tape", "live", "budget_usd"}
        )
        settings |= tables_of(config)
        assignments = _assignments_of(bench, config)
        refuse_idle_eyes([one.task for one in assignments], mode_named(config.run.mode))
        run = await stack.enter_async_context(
            RunFolder.open(
                out,
                config=to_toml(settings),
                provenance=told,
                redactor=Redactor(environment_secrets()),
            )
        )
        yield TrajectoryRun(
            stages=bench.stages,
            assignments=assignments,
            run=run,
            executor=await _executor(config, bench, out=out, jobs=jobs, ray=ray, stack=stack),
        )


async def _executor(
    config: TrajectoryConfig,
    bench: OracleBench,
    *,
    out: Path,
    jobs: int | None,
    ray: str | None,
    stack: AsyncExitStack,
) -> Executor:
    if ray is None:
        make_stages = partial(oracle_stages, config.model_dump_json(), str(out))
        return local_executor(bench.stages, make_stages, jobs=jobs or 1, stack=stack)
    world_id = bench.source.world.manifest().world_id
    there = _make_there(config, out=out, world_id=world_id)
    return await ray_executor(ray, there, out=out, jobs=jobs, stack=stack)


def _make_there(config: TrajectoryConfig, *, out: Path, world_id: str) -> MakeStages:
    """Makes the stages on another machine: every path absolute."""
    settings, world = config.trajectories, world_folder(config.run.world).absolute()
    questions = str(Path(settings.questions).absolute()) if settings.questions else None
    there = TrajectoryConfig(
        run=config.run.model_copy(update={"world": str(world)}),
        trajectories=settings.model_copy(update={"questions": questions}),
        degrade=config.degrade,
    )
    return partial(_stages_there, there.model_dump_json(), str(out.absolute()), world_id)


def _stages_there(config: str, out: str, world_id: str) -> Sequence[EachStage]:
    """The stages on a machine of a cluster."""
    world = TrajectoryConfig.model_validate_json(config).run.world
    require_world(Path(world), world_id=world_id)
    return oracle_stages(config, out)


@asynccontextmanager
async def _by_models(config: TrajectoryConfig, *, out: Path) -> AsyncIterator[TrajectoryRun]:
    settings = config.trajectories
    dataset = open_vqa_dataset(Path(settings.questions)) if settings.questions else None
    offers_repair = config.degrade is not None
    async with open_session(
        config.run, out=out, more=tables_of(config), offers_repair=offers_repair
    ) as session:
        crew = crew_of(
            config,
            researcher=session.researcher,
            roles=_prompted(session, settings),
            judge=session.judge,
        )
        stages = trajectory_stages(crew)
        tasks = tasks_of(session.source, dataset, media=session.media, limit=settings.tasks)
        refuse_idle_eyes(tasks, mode_named(config.run.mode))
        proofs = dataset.proofs if dataset is not None else {}
        truth = session.source.truth

        def proof_of(task: Task) -> Proof | None:
            return proofs.get(task.id) or (truth.proof(task.id) if truth is not None else None)

        yield TrajectoryRun(
            stages=stages,
            assignments=_assignments(tasks, config, proof_of=proof_of, media=session.media),
            run=session.run,
            executor=LocalExecutor(stages),
        )


def _prompted(session: Session, settings: TrajectorySettings) -> TrajectoryRoles:
    """The researcher by the picture; the others as set, else the researcher too."""
    shelf, tape, name = session.shelf, session.tape, session.config.model
    text, judge = settings.text_model or name, settings.judge_model or name
    reader = shelf.named(text, settings.text_endpoint, role="text_model")
    decider = shelf.named(judge, settings.judge_endpoint, role="judge_model")
    seer = shelf.named(name, role="model")
    return prompted_trajectory_roles(
        session.researcher.model,
        TapedModel(reader, tape),
        TapedModel(decider, tape, spend=SpendKind.JUDGE),
        describer=TapedModel(seer, tape, spend=SpendKind.SUMMARY),
    )


def refuse_idle_eyes(tasks: Sequence[Task], mode: Mode) -> None:
    """Nobody is offered tools for pictures who is given none: the paper's two prompts.

    Raises:
        ConfigError: questions without a picture, and such tools.
    """
    looking = [name for name in mode.tools if name in PICTURE_TOOLS]
    blind = sum(not task.images for task in tasks)
    if blind and looking:
        msg = (
            f"{blind} of {len(tasks)} questions have no picture, mode {mode.name!r} offers "
            f'{looking[0]}: set mode = "ts+python" for them, in a run of their own'
        )
        raise ConfigError(msg)


def refuse_unseen_pictures(assignments: Sequence[Assignment], *, looks_again: bool) -> None:
    """Nobody is asked for a picture of a page whom nothing brings to look at it.

    Raises:
        ConfigError: such questions, and no visual phase that comes back.
    """
    num = sum(bool(one.proof.photos) for one in assignments if one.proof is not None)
    if num and not looks_again:
        msg = (
            f"{num} of {len(assignments)} questions lead through a picture on a page: set "
            f'{TABLE}.looks_again = true, mode = "agent+zoom" and model = {ORACLE!r}'
        )
        raise ConfigError(msg)


def _assignments_of(bench: OracleBench, config: TrajectoryConfig) -> tuple[Assignment, ...]:
    limit = config.trajectories.tasks
    tasks = tasks_of(bench.source, bench.dataset, media=bench.media, limit=limit)
    return _assignments(
        tasks, config, proof_of=lambda task: bench.truth.proof(task.id), media=bench.media
    )


def _assignments(
    tasks: list[Task],
    config: TrajectoryConfig,
    *,
    proof_of: Callable[[Task], Proof | None],
    media: MediaStore,
) -> tuple[Assignment, ...]:
    """Every attempt to be made; pictures are damaged here, where that is asked for."""
    work = [(task, proof_of(task)) for task in tasks]
    if config.degrade is not None:
        settings, seed = config.degrade, config.run.seed
        work = [
            degrade_task(task, proof, media=media, settings=settings, seed=seed)
            for task, proof in work
        ]
    assignments = tuple(
        Assignment(id=f"{task.id[:24]}-a{attempt}", task=task, proof=proof, attempt=attempt)
        for attempt in range(config.trajectories.attempts)
        for task, proof in work
    )
    refuse_unseen_pictures(assignments, looks_again=bool(config.trajectories.looks_again))
    return assignments


def tasks_of(
    source: OpenedWorld, dataset: VqaDataset | None, *, media: MediaStore, limit: int | None
) -> list[Task]:
    """The questions, their pictures put into the run's media store.

    A picture of a set that is gone or cannot be decoded is left out: the attempts at its question
    say so, each as a reject of its own.
    """
    if dataset is None:
        own = source.own_tasks(limit)
        for task in own:
            for data in source.pictures_of(task):
                media.put(data)
        return own
    tasks = list(dataset.tasks[:limit])
    theirs = FolderMediaStore(dataset.path / "media")
    for ref in dict.fromkeys(ref for task in tasks for ref in task.images):
        with suppress(BadImageError, KeyError):
            media.put(theirs.load(ref))
    return tasks
