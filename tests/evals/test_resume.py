"""A trajectory that is made again from its tape is the same one, and a tape that lacks something
stops the run instead of looking like a world that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from tests.builders import a_picture, a_task
from tests.tools.tiny_world import SITE, TinyWorld
from vision_deepresearch.agent.loop import run as research
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture, ToolCall
from vision_deepresearch.core.errors import RunStoppingError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape, TapeMissError, TapeMode
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.worlds.pages import to_page
from vision_deepresearch.worlds.wrappers.tape import TapedWorld


class LateWorld(TinyWorld):
    """Its first image search takes long, so that later calls overtake it."""

    searches = 0

    @override
    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        self.searches += 1
        await asyncio.sleep(0.3 if self.searches == 1 else 0)
        assert origin is not None
        url = f"{SITE}/{origin.box.x0:g}"
        return [Evidence(kind=EvidenceKind.IMAGE_HIT, url=url, title="A hit", image_url=url)]

    @override
    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        return to_page(b"<p>Words.</p>", url=url, cursor=cursor, window_chars=2000, doc_id=url)

    @override
    async def asset(self, url: str) -> Asset:
        return Asset(url=url, data=a_picture(seed=len(url)))


def a_crop(x0: int) -> ToolCall:
    arguments = {"image_id": "img_1", "bbox": [[x0, 0, x0 + 300, 900]], "goal": "what is it"}
    return ToolCall(id="", name="crop_and_search", arguments=arguments)


def the_script() -> ScriptedModel:
    profile = VdrProfile()
    look = profile.write(thought="two at once", calls=[a_crop(0), a_crop(600)])
    return ScriptedModel([look, profile.write(thought="done", answer="Ostrel")])


async def roll_out(tape: Tape, *, world_tape: Tape | None = None) -> Trajectory:
    media = MemoryMediaStore()
    task = a_task(images=(media.put(a_picture(width=400, height=300)),))
    mode = mode_named("cis+ts")
    world = TapedWorld(LateWorld(), world_tape or tape)
    researcher = Researcher(
        # A tape of the model would miss too, because the prompts differ.
        model=the_script() if world_tape else TapedModel(the_script(), tape),
        profile=VdrProfile(),
        tools=build_tools(mode.tools, world=world, media=media, summariser=PassagePicker()),
        mode=mode,
        today="2026-01-01",
        media=media,
    )
    return await research(task, researcher)


async def test_calls_of_one_turn_name_their_pictures_alike_in_run_and_replay(
    tmp_path: Path,
) -> None:
    async with Tape.open(tmp_path / "tape.db") as tape:
        first = await roll_out(tape)
    async with Tape.open(tmp_path / "tape.db", mode=TapeMode.REPLAY_STRICT) as tape:
        again = await roll_out(tape)
    assert first.stop is StopReason.ANSWER
    assert len(first.bank) == 5
    assert again.bank == first.bank
    assert [turn.results for turn in again.turns] == [turn.results for turn in first.turns]


async def test_a_strict_replay_that_misses_inside_a_tool_stops_the_run(tmp_path: Path) -> None:
    async with Tape.open(tmp_path / "tape.db") as tape:
        await roll_out(tape)
    async with Tape.open(tmp_path / "empty.db"):
        pass

    async def attempt(task: Task, number: int) -> Trajectory:  # noqa: ARG001 - the runner's seam
        async with strict(tmp_path / "tape.db") as full, strict(tmp_path / "empty.db") as empty:
            return await roll_out(full, world_tape=empty)

    async with RunFolder.open(tmp_path / "run", config="", provenance={}) as run:
        with pytest.raises(ExceptionGroup) as stopped:
            await run_tasks([a_task()], run=run, roll_out=attempt, judge=RuleJudge())
        assert stopped.group_contains(TapeMissError)
        assert stopped.group_contains(RunStoppingError)
        assert run.done() == frozenset(), "it is neither an attempt nor a reject"


async def test_an_episode_that_cannot_be_written_down_is_a_reject_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    async def attempt(task: Task, number: int) -> Trajectory:
        async with Tape.open(tmp_path / f"{number}.db") as tape:
            trajectory = await roll_out(tape)
        answer = "half a character: \ud83d" if number == 0 else "Ostrel"
        return trajectory.model_copy(
            update={"task_id": task.id, "attempt": number, "answer": answer}
        )

    async with RunFolder.open(tmp_path / "run", config="", provenance={}) as run:
        outcome = await run_tasks(
            [a_task()], run=run, roll_out=attempt, judge=RuleJudge(), attempts=2
        )
        assert (outcome.done, outcome.rejected) == (1, 1)
        assert len(run.done()) == 2


@asynccontextmanager
async def strict(path: Path) -> AsyncIterator[Tape]:
    async with Tape.open(path, mode=TapeMode.REPLAY_STRICT) as tape:
        yield tape
