"""A scripted run whose every step is told, so that it can be killed and the books be checked.

The real runner, agent, tools, judge, tape, run store and picture store; only model and world are
scripted, so that an episode takes milliseconds. Told are, each line in one write, so that the lines
outlive their process: `open`; `start KEY` before a call reaches model or world; `ack KEY` when its
caller has the answer; `done REF` when an episode is acknowledged; `end`.
"""

import asyncio
import os
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.builders import a_picture, a_task
from vision_deepresearch.agent.loop import run as research
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Conversation, Picture, ToolCall, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling, World
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import FREE, Trajectory
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.worlds.pages import to_page
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

SITE = "https://site.example"
SIBLINGS = 10
"""So many neighbouring tasks send the same search: those in flight share one call."""
PICTURED = 25
"""Every so many-th task begins with a crop of its picture, which is searched and stored."""
PROFILE = VdrProfile()


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Tells the parent, in lines that outlive this process."""

    pipe: int

    def line(self, text: str) -> None:
        os.write(self.pipe, f"{text}\n".encode())


class ScriptedWorld:
    """Pages and hits that follow from the question's number."""

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="killed", kind="generated", name="killed", format_version=1)

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del limit, origin
        await asyncio.sleep(0)
        url = f"{SITE}/{picture.ref.sha256[:8]}"
        return [Evidence(kind=EvidenceKind.IMAGE_HIT, url=url, title="A hit", label="match")]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        await asyncio.sleep(0)
        hits = [f"{SITE}/{query.split()[-1]}/{rank}" for rank in range(min(limit, 3))]
        return [Evidence(kind=EvidenceKind.TEXT_HIT, url=url, title="A hit") for url in hits]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        await asyncio.sleep(0)
        words = f"<p>The founder was born in Town-{url.rsplit('/', 1)[-1]}.</p>"
        return to_page(words.encode(), url=url, cursor=cursor, window_chars=2000, doc_id=url)

    async def asset(self, url: str) -> Asset:
        await asyncio.sleep(0)
        return Asset(url=url, data=a_picture(seed=len(url)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldWorld:
    """Says `word` of every call, before it (`start`, below the tape) or after it (`ack`, above)."""

    world: World
    say: Say
    word: str

    def manifest(self) -> WorldManifest:
        return self.world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        key = f"image/{picture.ref.sha256}/{limit}/{origin.box if origin else ''}"
        self._say("start", key)
        found = await self.world.search_image(picture, limit=limit, origin=origin)
        self._say("ack", key)
        return found

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        key = f"text/{query}/{limit}"
        self._say("start", key)
        found = await self.world.search_text(query, limit=limit)
        self._say("ack", key)
        return found

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        self._say("start", f"page/{url}")
        page = await self.world.read(url, cursor=cursor)
        self._say("ack", f"page/{url}")
        return page

    async def asset(self, url: str) -> Asset:
        self._say("start", f"asset/{url}")
        asset = await self.world.asset(url)
        self._say("ack", f"asset/{url}")
        return asset

    def _say(self, word: str, key: str) -> None:
        if word == self.word:
            self.say.line(f"{word} {key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldModel:
    """The same for the model, whose calls are told apart by their place."""

    model: ModelClient
    say: Say
    word: str

    @property
    def name(self) -> str:
        return self.model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        key = f"model/{context.trajectory_id}/{context.turn}"
        if self.word == "start":
            self.say.line(f"start {key}")
        completion = await self.model.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )
        if self.word == "ack":
            self.say.line(f"ack {key}")
        return completion


def look(conversation: Conversation) -> Completion:
    """First turn: search what the neighbours search and read a page; or crop the picture."""
    number = _number(conversation)
    if number % PICTURED == 0:
        box = [[0, 0, 400 + number // PICTURED % 500, 900]]
        calls = [_call("crop_and_search", image_id="img_1", bbox=box, goal="what is it")]
    else:
        calls = [
            _call("search", query=[f"founder of guild {number // SIBLINGS}"]),
            _call("visit", url=[f"{SITE}/{number}"], goal="where was the founder born"),
        ]
    return _free(PROFILE.write(thought=f"look at {number}", calls=calls))


def answer(conversation: Conversation) -> Completion:
    """Second turn: what the page said, so that an answer tells which observation it is made of."""
    told = re.findall(r"Town-(\w+)", "\n".join(message.text for message in conversation[2:]))
    number = told[0] if told else _number(conversation)
    return _free(PROFILE.write(thought="the page says so", answer=f"Town-{number}"))


def _free(completion: Completion) -> Completion:
    return completion.model_copy(update={"usage": FREE})


def _number(conversation: Conversation) -> int:
    found = re.search(r"guild (\d+)\?", conversation[1].text)
    assert found, conversation[1].text
    return int(found[1])


def _call(name: str, **arguments: object) -> ToolCall:
    return ToolCall.model_validate({"id": "", "name": name, "arguments": arguments})


def make_tasks(folder: Path, count: int) -> list[Task]:
    """Tasks 0, 1, 2...; the pictures of some are stored."""
    media = FolderMediaStore(folder / "media")
    picture = a_picture(width=160, height=120)
    return [
        a_task(
            ref=str(number),
            question=f"Where was the founder born of guild {number}?",
            answers=(f"Town-{number}",),
            images=(media.put(picture),) if number % PICTURED == 0 else (),
        )
        for number in range(count)
    ]


async def live(
    folder: Path,
    tasks: Sequence[Task],
    say: Say,
    *,
    concurrency: int,
    clock_seed: int,
    on_open: Callable[[], None],
) -> None:
    """Open or resume the run and work until it is done.

    Its wall clock jumps by up to a month in either direction each time it is read.
    """
    media = FolderMediaStore(folder / "media")
    jumps = random.Random(clock_seed)
    async with RunFolder.open(
        folder,
        config="kind = 'killed'\n",
        provenance={},
        clock=lambda: 1.8e9 + jumps.uniform(-2.6e6, 2.6e6),
    ) as run:
        on_open()
        say.line("open")
        tape = run.tape()
        below = ToldWorld(world=ScriptedWorld(), say=say, word="start")
        script = ToldModel(model=ScriptedModel([look, answer]), say=say, word="start")
        world = ToldWorld(world=TapedWorld(below, tape), say=say, word="ack")
        mode = mode_named("cis+ts")
        researcher = Researcher(
            model=ToldModel(model=TapedModel(script, tape), say=say, word="ack"),
            profile=PROFILE,
            tools=build_tools(mode.tools, world=world, media=media, summariser=PassagePicker()),
            mode=mode,
            today="2026-01-01",
            media=media,
        )

        async def roll_out(task: Task, attempt: int) -> Trajectory:
            return await research(task, researcher, attempt=attempt)

        await run_tasks(
            tasks,
            run=run,
            roll_out=roll_out,
            judge=RuleJudge(),
            concurrency=concurrency,
            on_episode=lambda episode: say.line(f"done {episode.task.ref}"),
        )
    say.line("end")
