"""What one trajectory provokes costs that trajectory only, and a word says what it was."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import a_picture, a_task
from tests.synth.trajectories.making import made
from tests.synth.trajectories.test_kill import timeless
from tests.synth.trajectories.test_teacher import (
    DESCRIPTION,
    INDUCTION,
    PROFILE,
    Speaker,
    Umpire,
    Words,
    crop,
    visit,
)
from tests.synth.vqa_doubles import BrokenPages, made_of
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Completion, FinishReason
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import run_pipeline
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.trajectories.records import Assignment, RolledOut
from vision_deepresearch.synth.trajectories.stages import RollOutConfig, roll_out
from vision_deepresearch.synth.trajectories.teacher import PhasedTeacher
from vision_deepresearch.synth.vqa.dataset import latest_stages
from vision_deepresearch.synth.vqa.settings import AskSettings, RegionSettings, VqaSettings
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.worlds import open_world

PAGE, TORN = "https://x.example/breaks-parsers", "https://x.example/torn"
BAD_PAGES = {"page": PAGE, "torn": TORN}
REFUSAL = Completion(text="I cannot help with that.", finish=FinishReason.CONTENT_FILTER)


async def test_refusals_broken_pictures_and_pages_cost_one_attempt_each(
    tiny_world: Path, tmp_path: Path
) -> None:
    media = FolderMediaStore(tmp_path / "media")
    refs = {
        name: media.put(a_picture(width=400 + 10 * number, height=300))
        for number, name in enumerate(("good", "eyes", "reader", "picture", "page", "torn"))
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
            world=BrokenPages(
                inner=open_world(tiny_world).world, breaks_parser=[PAGE], torn=[TORN]
            ),
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
        reader = [visit(BAD_PAGES[record.id]), answer] if record.id in BAD_PAGES else reader
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
        result = await run_pipeline([stage], records, run=folder, executor=LocalExecutor([stage]))
    assert result.is_whole
    assert [one.id for one in result.records] == ["good", "page", "torn"]
    assert result.funnel[0].rejected == {"refused": 2, "bad_image": 1}
    for one in result.records:
        assert isinstance(one, RolledOut)
        calls = [call for turn in one.trajectory.turns for call in turn.calls]
        failed = [call.observation.failure for call in calls if call.observation.failure]
        # A page that breaks the parser costs that page; the reader says so and goes on.
        kinds = [failure.kind for failure in failed]
        assert kinds == ([] if one.id == "good" else [FailureKind.UPSTREAM])


@pytest.mark.timeout(300)
@pytest.mark.pitfall("P71")
async def test_broken_pictures_of_a_set_cost_their_questions_and_change_no_other(
    tiny_world: Path, tmp_path: Path
) -> None:
    """Gone, no picture, cut short: found out where the set is opened, not after it."""
    source = open_world(tiny_world).generated
    assert source is not None
    questions = tmp_path / "questions"
    few = VqaSettings(regions=RegionSettings(max_boxes=3), ask=AskSettings(per_entity=1))
    asked = await made_of(source, questions, num_pictures=8, settings=few)
    tasks = [one.task for one in asked.records if isinstance(one, Finished)]
    before = await made(tmp_path / "before", questions=str(questions), tasks=99)
    media = FolderMediaStore(questions / "media")
    gone, no_picture, cut, *rest = dict.fromkeys(task.images[0] for task in tasks)
    assert rest
    broken = {gone: None, no_picture: b"no", cut: media.load(cut)[:400]}
    for ref, data in broken.items():
        path = media.path_of(ref)
        assert path is not None
        path.unlink()
        if data is not None:
            path.write_bytes(data)
    after = await made(tmp_path / "after", questions=str(questions), tasks=99)
    with RunFolder.read(tmp_path / "after") as run:
        reasons = Counter(item.reason for item in run.items(latest_stages(run)["roll_out"]))
    assert reasons["bad_image"] == sum(task.images[0] not in rest for task in tasks)
    untouched = [one for one in before if one.task.images[0] in rest]
    assert [timeless(one.model_dump(mode="json")) for one in after] == [
        timeless(one.model_dump(mode="json")) for one in untouched
    ]
    assert untouched
