"""The difficulty filter put together: questions, a policy, a judge, a run folder; and closed again."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import Field, JsonValue

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.protocols import Executor, Judge
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import LIVELY
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.redact import Redactor
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.difficulty.stages import (
    AttemptConfig,
    RollOut,
    SelectConfig,
    Trial,
    difficulty_stages,
)
from vision_deepresearch.synth.pipeline import Made, Progress, run_pipeline
from vision_deepresearch.synth.processes import ProcessExecutor
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.config import (
    RunConfig,
    checked,
    make_config,
    recipe_values,
    to_toml,
)
from vision_deepresearch.wiring.secrets import environment_secrets
from vision_deepresearch.wiring.session import open_session
from vision_deepresearch.wiring.trajectories import ORACLE, refuse_idle_eyes, tasks_of
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig, TrajectorySettings
from vision_deepresearch.wiring.trajectory_oracle import OracleBench, open_oracle

TABLE = "difficulty"
"""Of a recipe: the settings below. All other keys are a run's, as `vdr eval run` takes them."""


class DifficultySettings(Record):
    """What is tried, and how often."""

    questions: str | None = None
    """Folder of a finished `vdr synth vqa`; None: the world's own questions."""
    tasks: int | None = Field(default=None, ge=1)
    """How many questions, the first so many; None: all."""
    attempts: int = Field(default=4, ge=2)
    """k. Source: pass@4, released code of arXiv 2608.03979."""
    min_decided: int = Field(default=2, ge=2)
    """Attempts that a judge must have decided on. Ours."""
    is_lively: bool = True
    """The oracle: whether it goes astray at times; else all its attempts are alike."""


class DifficultyConfig(Record):
    """Everything that determines which questions are kept; saved with them as config.toml."""

    run: RunConfig
    difficulty: DifficultySettings


def make_difficulty_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> DifficultyConfig:
    """Check a recipe's values and `--set a.b=1` overrides against the schema.

    Raises:
        ConfigError: an unknown key or a value that does not fit; the message names it.
    """
    merged = recipe_values(values, overrides=overrides, kind=TABLE, command="vdr synth difficulty")
    settings = checked(DifficultySettings, merged.pop(TABLE, {}))
    if settings.min_decided > settings.attempts:
        msg = (
            f"min_decided is {settings.min_decided} of {settings.attempts} attempts: no question "
            "would ever be kept, set it lower"
        )
        raise ConfigError(msg)
    return DifficultyConfig(run=make_config(merged), difficulty=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifficultyRun:
    """Everything one run of the filter needs."""

    stages: tuple[EachStage, ...]
    trials: tuple[Trial, ...]
    run: RunFolder
    executor: Executor


async def measure_difficulty(
    config: DifficultyConfig, *, out: Path, jobs: int = 1, progress: Progress | None = None
) -> Made:
    """Try each question, keep those between; they are stored in the run folder.

    Raises:
        ConfigError: see `open_difficulty`.
    """
    async with open_difficulty(config, out=out, jobs=jobs) as opened:
        made = await run_pipeline(
            opened.stages,
            opened.trials,
            run=opened.run,
            executor=opened.executor,
            cap_usd=config.run.budget_usd,
            progress=progress,
        )
        for one in made.records:
            assert isinstance(one, Finished), "the last stage gives these"
            await opened.run.put_task(one.task)
        return made


@asynccontextmanager
async def open_difficulty(
    config: DifficultyConfig, *, out: Path, jobs: int = 1
) -> AsyncIterator[DifficultyRun]:
    """Open world, policy, judge and run folder; close them again.

    Raises:
        ConfigError: an unknown name, the oracle in a world whose truth is not known, a folder of
            another run.
    """
    opening = _by_oracle(config, out=out, jobs=jobs)
    if config.run.model != ORACLE:
        opening = _by_model(config, out=out)
    async with opening as opened:
        yield opened


@asynccontextmanager
async def _by_oracle(
    config: DifficultyConfig, *, out: Path, jobs: int
) -> AsyncIterator[DifficultyRun]:
    async with AsyncExitStack() as stack:
        bench = _bench(config, out=out)
        stages = _stages(config, _policy(config, bench), RuleJudge())
        limit = config.difficulty.tasks
        tasks = tasks_of(bench.source, bench.dataset, media=bench.media, limit=limit)
        trials = _trials(config, tasks, proof_of=lambda task: bench.truth.proof(task.id))
        about = bench.source.world.manifest()
        told = provenance(
            seeds={"run": config.run.seed, "world": about.seed or 0},
            world=about,
            model=config.run.model,
            judge=bench.judge_id,
            today=config.run.today,
            extra={"jobs": jobs},
        )
        settings = config.run.model_dump(
            mode="json", exclude_none=True, exclude={"concurrency", "tape", "live", "budget_usd"}
        )
        settings[TABLE] = config.difficulty.model_dump(mode="json", exclude_none=True)
        redactor = Redactor(environment_secrets())
        run = await stack.enter_async_context(
            RunFolder.open(out, config=to_toml(settings), provenance=told, redactor=redactor)
        )
        executor: Executor = LocalExecutor(stages)
        if jobs > 1:
            processes = ProcessExecutor(
                partial(_oracle_stages, config.model_dump_json(), str(out)), jobs=jobs
            )
            stack.callback(processes.close)
            executor = processes
        yield DifficultyRun(stages=stages, trials=trials, run=run, executor=executor)


@asynccontextmanager
async def _by_model(config: DifficultyConfig, *, out: Path) -> AsyncIterator[DifficultyRun]:
    settings = config.difficulty
    dataset = open_vqa_dataset(Path(settings.questions)) if settings.questions else None
    own = settings.model_dump(mode="json", exclude_none=True)
    async with open_session(config.run, out=out, more={TABLE: own}) as session:
        stages = _stages(config, session.researcher, session.judge)
        tasks = tasks_of(session.source, dataset, media=session.media, limit=settings.tasks)
        proofs = dataset.proofs if dataset is not None else {}
        yield DifficultyRun(
            stages=stages,
            trials=_trials(config, tasks, proof_of=lambda task: proofs.get(task.id)),
            run=session.run,
            executor=LocalExecutor(stages),
        )


def _bench(config: DifficultyConfig, *, out: Path) -> OracleBench:
    settings = TrajectorySettings(
        questions=config.difficulty.questions, is_lively=config.difficulty.is_lively
    )
    return open_oracle(TrajectoryConfig(run=config.run, trajectories=settings), out=out)


def _oracle_stages(config: str, out: str) -> Sequence[EachStage]:
    """The stages, in a process of their own; the config as JSON."""
    parsed = DifficultyConfig.model_validate_json(config)
    return _stages(parsed, _policy(parsed, _bench(parsed, out=Path(out))), RuleJudge())


def _policy(config: DifficultyConfig, bench: OracleBench) -> Researcher:
    """The oracle, who here does not reckon with its turns: with its habits it runs out of them at times."""
    researcher = bench.researcher
    habits = LIVELY if config.difficulty.is_lively else None
    model = OracleModel(bench.truth, researcher.profile, habits=habits)
    return replace(researcher, model=model)


def _stages(
    config: DifficultyConfig, researcher: Researcher, judge: Judge
) -> tuple[EachStage, ...]:
    run = config.run.model_dump(mode="json", exclude={"concurrency", "tape"})
    return difficulty_stages(
        _rolling(config, researcher),
        judge,
        config=AttemptConfig(
            settings=fingerprint({"run": run, "is_lively": config.difficulty.is_lively}),
            policy=researcher.model.name,
            judge=judge.profile_id,
            attempts=config.difficulty.attempts,
        ),
        chosen=SelectConfig(min_decided=config.difficulty.min_decided),
        concurrency=config.run.concurrency,
    )


def _rolling(config: DifficultyConfig, researcher: Researcher) -> RollOut:
    async def roll_out(task: Task, attempt: int, context: CallContext) -> Trajectory:
        seed = config.run.seed + attempt
        sampling = researcher.sampling.model_copy(update={"seed": seed})
        who = replace(researcher, sampling=sampling)
        return await run_agent(task, who, attempt=attempt, budget=context.budget)

    return roll_out


def _trials(
    config: DifficultyConfig, tasks: Sequence[Task], *, proof_of: Callable[[Task], Proof | None]
) -> tuple[Trial, ...]:
    """Questions with gold.

    Raises:
        ConfigError: one without, or questions that do not fit the mode.
    """
    refuse_idle_eyes(tasks, mode_named(config.run.mode))
    bare = next((task for task in tasks if task.gold is None), None)
    if bare is not None:
        msg = f"question {bare.ref!r} has no gold answer: nothing tells whether it was solved"
        raise ConfigError(msg)
    return tuple(Trial(id=task.id[:24], task=task, proof=proof_of(task)) for task in tasks)
