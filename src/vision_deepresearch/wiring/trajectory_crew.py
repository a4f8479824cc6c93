"""Researcher, roles and judge as the stages of trajectory synthesis want them."""

from dataclasses import replace

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Judge, ModelClient
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.trajectories.records import Assignment
from vision_deepresearch.synth.trajectories.stages import Crew, RollOutConfig
from vision_deepresearch.synth.trajectories.teacher import Induction, PhasedTeacher
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig, TrajectorySettings


def prompt_labels(settings: TrajectorySettings) -> tuple[str, ...]:
    """The prompts of the phases with their hashes, for records."""
    names = ("visual_phase", "text_phase", *(("verify_evidence",) * settings.verify_evidence))
    return tuple(prompt_named(name).label for name in names)


def _text_phase(settings: TrajectorySettings) -> str:
    """What the text teacher is told."""
    told = prompt_named("text_phase").text
    return f"{told} {prompt_named('verify_evidence').text}" if settings.verify_evidence else told


def crew_of(
    config: TrajectoryConfig, *, researcher: Researcher, roles: TrajectoryRoles, judge: Judge
) -> Crew:
    """Who makes the trajectories, in the shape that the stages want."""
    settings, media = config.trajectories, researcher.media
    induction = Induction(visual=prompt_named("visual_phase").text, text=_text_phase(settings))

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
            looks_again=bool(settings.looks_again),
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
                **({"looks_again": True} if settings.looks_again else {}),
                **({"degrade": config.degrade.model_dump(mode="json")} if config.degrade else {}),
            }),
            roles=(
                roles.visual.name,
                roles.text.name,
                roles.hit_judge.name,
                roles.describer.name,
                *prompt_labels(settings),
            ),
            max_visual_turns=settings.max_visual_turns,
        ),
        concurrency=config.run.concurrency,
        verifies=settings.verify_evidence,
    )
