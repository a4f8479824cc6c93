"""Two phases through one loop: what is lent to the teacher is never in the record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.builders import a_picture, a_task
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import run
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.content import Conversation, Picture, Role, ToolCall, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import Completion, Sampling
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.trajectories.teacher import Induction, PhasedTeacher
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.worlds import open_world

INDUCTION = Induction(visual="LOOK CLOSELY NOW", text="READ ON NOW")
DESCRIPTION = "A harbour at dusk with three ships and a lamp."
PROFILE = VdrProfile()


@dataclass
class Speaker:
    """Says its lines, and keeps what it was told."""

    name: str
    lines: list[Completion]
    heard: list[tuple[str, int]] = field(default_factory=list)

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del tools, sampling, context
        text = "\n".join(message.text for message in conversation)
        self.heard.append((text, sum(len(message.images) for message in conversation)))
        return self.lines.pop(0)


@dataclass
class Umpire:
    """Sees a hit from a turn on."""

    at: int
    name: str = "umpire"
    golds: list[str] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    """Messages after the first reply that are no replies, by turn."""

    async def is_hit(self, task: Task, conversation: Conversation, *, context: CallContext) -> bool:
        roles = [message.role for message in conversation]
        first = roles.index(Role.ASSISTANT)
        self.shown.append(sum(role is not Role.ASSISTANT for role in roles[first:]))
        assert task.gold is not None
        self.golds.append(task.gold.answers[0])
        return context.turn >= self.at


class Words:
    name = "words"

    async def describe(
        self, task: Task, pictures: Sequence[Picture], *, context: CallContext
    ) -> str:
        del task, context
        assert len(pictures) == 1
        return DESCRIPTION


def crop(number: int) -> Completion:
    call = ToolCall(
        id="x",
        name="crop_and_search",
        arguments={
            "image_id": "img_1",
            "bbox": [[100, 100, 500 + number, 600]],
            "goal": "identify it",
        },
    )
    return PROFILE.write(thought=f"Look {number}.", calls=(call,))


def search(query: str) -> Completion:
    call = ToolCall(id="x", name="search", arguments={"query": [query]})
    return PROFILE.write(thought="Read on.", calls=(call,))


def visit(url: str) -> Completion:
    call = ToolCall(id="x", name="visit", arguments={"url": [url], "goal": "read it"})
    return PROFILE.write(thought="Open it.", calls=(call,))


@dataclass
class Case:
    teacher: PhasedTeacher
    visual: Speaker
    text: Speaker
    umpire: Umpire
    trajectory: Trajectory


async def research(
    tiny_world: Path, tmp_path: Path, *, hit_at: int, cap: int = 6, mumbles: int = 0
) -> Case:
    media = FolderMediaStore(tmp_path / "media")
    ref = media.put(a_picture(width=400, height=300))
    task = a_task(images=(ref,), answers=("Ostrel",))
    unusable = Completion(text="I am not sure.")
    visual = Speaker("eyes", [unusable] * mumbles + [crop(number) for number in range(8)])
    answer = PROFILE.write(thought="Done.", answer="Ostrel")
    text = Speaker("reader", [search("Ostrel"), answer])
    umpire = Umpire(hit_at)
    teacher = PhasedTeacher(
        task=task,
        pictures=[media.picture(ref)],
        roles=TrajectoryRoles(visual=visual, text=text, hit_judge=umpire, describer=Words()),
        induction=INDUCTION,
        profile=PROFILE,
        max_visual_turns=cap,
    )
    mode = mode_named("cis+ts")
    world = open_world(tiny_world).world
    researcher = Researcher(
        model=teacher,
        profile=PROFILE,
        tools=build_tools(mode.tools, world=world, media=media, summariser=PassagePicker()),
        mode=mode,
        today="2026-01-01",
        media=media,
        limits=Limits(max_turns=12),
    )
    trajectory = await run(task, researcher)
    return Case(teacher, visual, text, umpire, trajectory)


@pytest.mark.parametrize("hit_at", [1, 3])
async def test_the_visual_phase_lasts_until_the_hit(
    tiny_world: Path, tmp_path: Path, hit_at: int
) -> None:
    case = await research(tiny_world, tmp_path, hit_at=hit_at)
    assert len(case.visual.heard) == case.teacher.hit_turn == hit_at
    assert len(case.text.heard) == 2
    assert (case.trajectory.stop, case.trajectory.answer) == (StopReason.ANSWER, "Ostrel")


async def test_each_teacher_hears_what_its_phase_lends_and_no_more(
    tiny_world: Path, tmp_path: Path
) -> None:
    case = await research(tiny_world, tmp_path, hit_at=2)
    for text, num_pictures in case.visual.heard:
        assert text.count(INDUCTION.visual) == 1, "put in again before each turn, never piled up"
        assert INDUCTION.text not in text
        assert DESCRIPTION not in text
        assert num_pictures >= 1
    for text, num_pictures in case.text.heard:
        assert text.count(INDUCTION.text) == 1
        assert INDUCTION.visual not in text
        assert text.count(DESCRIPTION) == 1
        assert num_pictures == 0
        assert "Look 1." in text, "the reasoning of the visual phase stays word for word"


async def test_nothing_lent_is_in_the_record_and_the_picture_is(
    tiny_world: Path, tmp_path: Path
) -> None:
    case = await research(tiny_world, tmp_path, hit_at=2)
    record = case.trajectory.model_dump_json()
    for lent in (INDUCTION.visual, INDUCTION.text, DESCRIPTION):
        assert lent not in record
    question = next(one for one in case.trajectory.prompt if one.role is Role.USER)
    assert len(question.images) == 1


async def test_without_a_hit_the_attempt_is_given_up_at_the_cap(
    tiny_world: Path, tmp_path: Path
) -> None:
    case = await research(tiny_world, tmp_path, hit_at=99, cap=4)
    assert case.teacher.hit_turn is None
    assert len(case.visual.heard) == 4
    assert not case.text.heard
    assert case.trajectory.num_turns == 5


async def test_only_the_hit_judge_is_given_the_gold(tiny_world: Path, tmp_path: Path) -> None:
    case = await research(tiny_world, tmp_path, hit_at=3)
    assert case.umpire.golds == ["Ostrel"] * 3
    assert all("Ostrel" not in text for text, _ in case.visual.heard)


async def test_what_is_said_of_an_unusable_reply_is_no_evidence_of_a_hit(
    tiny_world: Path, tmp_path: Path
) -> None:
    case = await research(tiny_world, tmp_path, hit_at=4, mumbles=2)
    assert case.umpire.shown == [0, 0, 1, 2]
