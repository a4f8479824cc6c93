"""What one trajectory provokes costs that trajectory only, and a word says what it was."""

from dataclasses import replace
from pathlib import Path

from tests.builders import a_picture, a_task
from tests.synth.trajectories.test_teacher import (
    DESCRIPTION,
    INDUCTION,
    PROFILE,
    Speaker,
    Umpire,
    Words,
    crop,
)
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Completion, FinishReason
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import run_pipeline
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.trajectories.records import Assignment
from vision_deepresearch.synth.trajectories.stages import RollOutConfig, roll_out
from vision_deepresearch.synth.trajectories.teacher import PhasedTeacher
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.worlds import open_world

REFUSAL = Completion(text="I cannot help with that.", finish=FinishReason.CONTENT_FILTER)


async def test_refusals_and_broken_pictures_cost_one_attempt_each(
    tiny_world: Path, tmp_path: Path
) -> None:
    media = FolderMediaStore(tmp_path / "media")
    refs = {
        name: media.put(a_picture(width=width, height=300))
        for name, width in (("good", 400), ("eyes", 410), ("reader", 420), ("picture", 430))
    }
    broken = media.path_of(refs["picture"])
    assert broken is not None
    broken.write_bytes(broken.read_bytes()[:60])
    mode = mode_named("cis+ts")
    researcher = Researcher(
        model=Speaker("nobody", []),
        profile=PROFILE,
        tools=build_tools(
            mode.tools,
            world=open_world(tiny_world).world,
            media=media,
            summariser=PassagePicker(),
        ),
        mode=mode,
        today="2026-01-01",
        media=media,
        limits=Limits(max_turns=6),
    )

    def make_teacher(record: Assignment) -> PhasedTeacher:
        answer = PROFILE.write(thought="Done.", answer="Ostrel")
        eyes = [REFUSAL] * 9 if record.id == "eyes" else [crop(0)]
        reader = [REFUSAL] * 9 if record.id == "reader" else [answer]
        return PhasedTeacher(
            task=record.task,
            pictures=[media.picture(ref) for ref in record.task.images],
            roles=TrajectoryRoles(
                visual=Speaker("eyes", eyes),
                text=Speaker("reader", reader),
                hit_judge=Umpire(1),
                describer=Words(),
            ),
            induction=INDUCTION,
            profile=PROFILE,
            max_visual_turns=3,
        )

    async def research(
        record: Assignment, teacher: PhasedTeacher | None, context: CallContext
    ) -> Trajectory:
        assert teacher is not None
        who = replace(researcher, model=teacher)
        return await run_agent(record.task, who, budget=context.budget)

    stage = roll_out(
        make_teacher,
        research,
        config=RollOutConfig(settings="test", roles=(DESCRIPTION,), max_visual_turns=3),
        concurrency=2,
    )
    records = [
        Assignment(id=name, task=a_task(images=(ref,), answers=("Ostrel",)))
        for name, ref in refs.items()
    ]
    async with RunFolder.open(tmp_path / "run", config='kind = "test"\n', provenance={}) as folder:
        made = await run_pipeline([stage], records, run=folder, executor=LocalExecutor([stage]))
    assert made.is_whole
    assert [one.id for one in made.records] == ["good"]
    assert made.funnel[0].rejected == {"refused": 2, "bad_image": 1}
