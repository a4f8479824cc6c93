"""Puts trajectory synthesis together: tasks, teachers, tools, stages, run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.episode import episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.protocols import ModelClient, TruthSource
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.endpoint import EndpointSettings
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import LIVELY
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, Progress, run_pipeline
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.roles.trajectories_prompted import prompted_trajectory_roles
from vision_deepresearch.synth.roles.trajectories_truth import TruthDescriber, TruthHitJudge
from vision_deepresearch.synth.trajectories.records import Accepted, Assignment
from vision_deepresearch.synth.trajectories.stages import Crew, RollOutConfig, trajectory_stages
from vision_deepresearch.synth.trajectories.teacher import Induction, PhasedTeacher
from vision_deepresearch.wiring.config import RunConfig, explain, make_config
from vision_deepresearch.wiring.session import Session, open_session
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.simulator import known_scenes
from vision_deepresearch.worlds.generated.world import GeneratedWorld

TABLE = "trajectories"
"""Of a recipe: the settings below; all other keys are a run's."""


class TrajectorySettings(Record):
    """What is made, and how."""

    tasks: int = Field(default=100, ge=1)
    """How many tasks, the first so many."""
    attempts: int = Field(default=1, ge=1)
    """Attempts per task."""
    max_visual_turns: int = Field(default=6, ge=1)
    """Without a hit by then an attempt is given up. Paper: a cap, its value unpublished."""
    text_model: str | None = None
    """Who goes on by text search once the picture gave its evidence; None: the same model."""
    text_endpoint: EndpointSettings | None = None
    """Of the text model, where it is another one; None: the defaults."""
    judge_model: str | None = None
    """Who says whether the visual evidence is enough, and is shown the answer for it; None: the
    same model as by the picture."""
    judge_endpoint: EndpointSettings | None = None
    is_lively: bool = True
    """The oracle: whether it goes astray at times, as people do; see `models/oracle_habits.py`."""


class TrajectoryConfig(Record):
    """A recipe of `vdr synth trajectories`, checked."""

    run: RunConfig
    trajectories: TrajectorySettings


def trajectory_config(
    values: Mapping[str, JsonValue], *, overrides: Sequence[str] = ()
) -> TrajectoryConfig:
    """Check a recipe's values and `--set a.b=1` overrides.

    Raises:
        ConfigError: an unknown key or a value that does not fit.
    """
    own = [one for one in overrides if one.startswith(f"{TABLE}.")]
    rest = {key: value for key, value in values.items() if key != TABLE}
    run = make_config(rest, overrides=[one for one in overrides if one not in own])
    table = values.get(TABLE, {})
    if not isinstance(table, dict):
        msg = f"{TABLE} is a table of settings, got {table!r}"
        raise ConfigError(msg)
    changed = dict(table)
    for one in own:
        key, _, text = one.removeprefix(f"{TABLE}.").partition("=")
        changed[key] = text
    try:
        settings = TrajectorySettings.model_validate(changed, strict=False)
    except ValidationError as error:
        raise ConfigError(explain(error)) from error
    return TrajectoryConfig(run=run, trajectories=settings)


async def make_trajectories(
    config: TrajectoryConfig, *, out: Path, progress: Progress | None = None
) -> Made:
    """Roll out, reword, reject; accepted episodes are stored in the run folder.

    Raises:
        ConfigError: a world without questions, a folder of another run.
    """
    async with open_session(config.run, out=out, progress=progress) as session:
        crew = _crew(session, config)
        stages = trajectory_stages(crew)
        made = await run_pipeline(
            stages,
            _assignments(session, config.trajectories),
            run=session.run,
            executor=LocalExecutor(stages),
            progress=progress,
        )
        for record in made.records:
            assert isinstance(record, Accepted)
            await session.run.put_episode(
                episode_of(record.task, record.trajectory, record.verdict)
            )
        return made


def _assignments(session: Session, settings: TrajectorySettings) -> tuple[Assignment, ...]:
    truth = session.source.truth
    return tuple(
        Assignment(
            id=f"{task.id[:24]}-a{attempt}",
            task=task,
            proof=truth.proof(task.id) if truth is not None else None,
            attempt=attempt,
        )
        for attempt in range(settings.attempts)
        for task in session.tasks(settings.tasks)
    )


def _crew(session: Session, config: TrajectoryConfig) -> Crew:
    roles = _roles(session, config)
    visual, text = prompt_named("visual_phase"), prompt_named("text_phase")
    induction = Induction(visual=visual.text, text=text.text)
    settings = config.trajectories
    profile = session.researcher.profile

    def make_teacher(record: Assignment) -> PhasedTeacher | None:
        if not record.task.images:
            return None
        return PhasedTeacher(
            task=record.task,
            pictures=[session.media.picture(ref) for ref in record.task.images],
            roles=roles,
            induction=induction,
            profile=profile,
            max_visual_turns=settings.max_visual_turns,
        )

    async def roll_out(
        record: Assignment, teacher: PhasedTeacher | None, context: CallContext
    ) -> Trajectory:
        researcher = _speaking(session, record, model=teacher or roles.text)
        return await run_agent(
            record.task, researcher, attempt=record.attempt, budget=context.budget
        )

    return Crew(
        make_teacher=make_teacher,
        roll_out=roll_out,
        judge=session.judge,
        profile=profile,
        config=RollOutConfig(
            settings=fingerprint({
                "run": config.run.model_dump(mode="json", exclude={"concurrency", "tape"}),
                "trajectories": settings.model_dump(
                    mode="json", exclude={"tasks", "attempts", "max_visual_turns"}
                ),
            }),
            roles=(
                roles.visual.name,
                roles.text.name,
                roles.hit_judge.name,
                roles.describer.name,
                visual.label,
                text.label,
            ),
            max_visual_turns=settings.max_visual_turns,
        ),
        concurrency=config.run.concurrency,
    )


def _speaking(session: Session, record: Assignment, *, model: ModelClient) -> Researcher:
    sampling = session.researcher.sampling.model_copy(
        update={"seed": session.config.seed + record.attempt}
    )
    return replace(session.researcher, model=model, sampling=sampling)


def _roles(session: Session, config: TrajectoryConfig) -> TrajectoryRoles:
    """The truth's, where the oracle teaches; else models, each with its replies on the run's tape.

    Raises:
        ConfigError: the oracle in a world whose truth is not known, or beside other models.
    """
    settings = config.trajectories
    if config.run.model != "oracle":
        return _prompted(session, settings)
    if settings.text_model is not None or settings.judge_model is not None:
        msg = "the oracle needs no other model: leave trajectories.text_model and judge_model out"
        raise ConfigError(msg)
    truth, world = session.source.truth, session.source.generated
    if truth is None or world is None:
        msg = "the oracle teaches generated worlds only: use --world generated:small"
        raise ConfigError(msg)
    teacher = _oracle(truth, session, config)
    return TrajectoryRoles(
        visual=teacher,
        text=teacher,
        hit_judge=TruthHitJudge(truth),
        describer=TruthDescriber(_kinds(world)),
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


def _oracle(truth: TruthSource, session: Session, config: TrajectoryConfig) -> OracleModel:
    habits = LIVELY if config.trajectories.is_lively else None
    return OracleModel(
        truth,
        session.researcher.profile,
        max_turns=config.run.limits.max_turns,
        habits=habits,
    )


def _kinds(world: GeneratedWorld) -> dict[str, list[tuple[str, Box]]]:
    """What kind of thing stands where, in the pictures of a world's own questions."""
    graph = world.pages.graph
    return {
        sha256: [
            (phrases.noun_with_article(graph.entity(thing).type), box)
            for thing, box in scene.boxes.items()
        ]
        for sha256, scene in known_scenes(world).items()
    }
