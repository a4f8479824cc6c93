"""A run that can be killed at any moment: logs each call as it reaches the world and as it is
acknowledged, so that the log tells afterwards whether an acknowledged call was made again.

Usage: python killable_run.py WORLD OUT LOG TASKS CONCURRENCY
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vision_deepresearch.agent.loop import Researcher
from vision_deepresearch.agent.loop import run as research
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Conversation, Picture, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling, World
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.wrappers.tape import TapedWorld


class Log:
    """Lines that survive kill -9: one write call each, appended."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def line(self, word: str, key: tuple[object, ...]) -> None:
        os.write(self._file, f"{word}\t{key!r}\n".encode())


class LoggedWorld:
    """Says `word` for each call: before it (`start`) or after it (`ack`)."""

    def __init__(self, world: World, log: Log, *, word: str) -> None:
        self._world = world
        self._log = log
        self._word = word

    def manifest(self) -> WorldManifest:
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        key = ("image", picture.ref.sha256, limit, repr(origin))
        self._say("start", key)
        found = await self._world.search_image(picture, limit=limit, origin=origin)
        self._say("ack", key)
        return found

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        key = ("text", query, limit)
        self._say("start", key)
        found = await self._world.search_text(query, limit=limit)
        self._say("ack", key)
        return found

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        key = ("page", url, cursor)
        self._say("start", key)
        page = await self._world.read(url, cursor=cursor)
        self._say("ack", key)
        return page

    async def asset(self, url: str) -> Asset:
        key = ("asset", url)
        self._say("start", key)
        asset = await self._world.asset(url)
        self._say("ack", key)
        return asset

    def _say(self, word: str, key: tuple[object, ...]) -> None:
        if word == self._word:
            self._log.line(word, key)


class LoggedModel:
    """The same for the model: sampled calls are told apart by their place."""

    def __init__(self, model: ModelClient, log: Log, *, word: str) -> None:
        self._model = model
        self._log = log
        self._word = word

    @property
    def name(self) -> str:
        return self._model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        key = ("model", context.trajectory_id, context.turn, context.index)
        if self._word == "start":
            self._log.line("start", key)
        completion = await self._model.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )
        if self._word == "ack":
            self._log.line("ack", key)
        return completion


async def main(world: Path, out: Path, log: Log, *, num_tasks: int, concurrency: int) -> None:
    source = GeneratedWorld.open(world)
    media = FolderMediaStore(out / "media")
    profile = VdrProfile()
    async with RunFolder.open(out, config="kind = 'killable'\n", provenance={}) as run:
        tape = run.tape()
        outer = LoggedWorld(
            TapedWorld(LoggedWorld(source, log, word="start"), tape), log, word="ack"
        )
        oracle = LoggedModel(OracleModel(open_truth(world), profile), log, word="start")
        mode = mode_named("cis+ts")
        researcher = Researcher(
            model=LoggedModel(TapedModel(oracle, tape), log, word="ack"),
            profile=profile,
            tools=build_tools(mode.tools, world=outer, media=media, summariser=PassagePicker()),
            mode=mode,
            today="2026-01-01",
            media=media,
        )
        tasks = source.tasks(num_tasks)
        for task in tasks:
            for data in source.task_pictures(task):
                media.put(data)

        async def roll_out(task: Task, attempt: int) -> Trajectory:
            return await research(task, researcher, attempt=attempt)

        await run_tasks(
            tasks, run=run, roll_out=roll_out, judge=RuleJudge(), concurrency=concurrency
        )


if __name__ == "__main__":
    folder, target, lines, count, width = sys.argv[1:]
    asyncio.run(  # noqa: TID251 - a program of its own, started by the test
        main(
            Path(folder),
            Path(target),
            Log(Path(lines)),
            num_tasks=int(count),
            concurrency=int(width),
        )
    )
