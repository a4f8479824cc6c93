"""The oracle at tasks of a generated world, in any mode and under any noise; a line kept of each.

Nothing is stored but what became of a trial: no tape, no pictures. All trials of a task are made in
one process, so that what several modes ask of the world is looked up once.
"""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from typing_extensions import override

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.config import RunConfig, make_config
from vision_deepresearch.wiring.models import make_profile
from vision_deepresearch.worlds.generated.older import OlderPages
from vision_deepresearch.worlds.generated.truth import GeneratedTruth
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.noise import NoisyWorld
from vision_deepresearch.worlds.wrappers.noise_settings import NOISE_PRESETS

TODAY = "2026-01-01"


class Condition(Record):
    """Under what a task is done."""

    mode: str
    noise: str = "clean"
    """A preset."""

    @property
    def name(self) -> str:
        """Of the mode, or of the noise where there is any."""
        return self.mode if self.noise == "clean" else self.noise


class Trial(Record):
    """What became of one task under one condition."""

    condition: Condition
    correct: bool
    turns: int
    stop: str
    waited_s: float = 0.0
    """Virtual seconds that the engine took, summed over calls that ran at the same time."""


class TaskTrials(Record):
    """One task under every condition."""

    task_id: str
    ref: str
    strata: dict[str, str]
    trials: tuple[Trial, ...]

    def trial(self, name: str) -> Trial | None:
        """The one under a condition of that name."""
        return next((one for one in self.trials if one.condition.name == name), None)


class Piece(Record):
    """A task to be done under some conditions."""

    number: int
    """Place of the task among the world's own."""
    conditions: tuple[Condition, ...]


def do_piece(folder: Path, piece: Piece) -> TaskTrials:
    """Do one task under each condition; the world is opened once per process."""
    # A process of its own, where no other loop runs.
    return asyncio.run(_bench_of(folder).trials(piece))  # noqa: TID251 - see above


@lru_cache(maxsize=1)
def _bench_of(folder: Path) -> "_Bench":
    world = GeneratedWorld.open(folder)
    return _Bench(folder=folder, world=world, tasks=tuple(world.tasks()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """A world whose tasks are done."""

    folder: Path
    world: GeneratedWorld
    tasks: tuple[Task, ...]

    async def trials(self, piece: Piece) -> TaskTrials:
        """All trials of one task."""
        task = self.tasks[piece.number]
        remembered = Remembered(self.world)
        media = _Media()
        for data in self.world.task_pictures(task):
            media.put(data)
        done = [
            await self._trial(task, condition, world=remembered, media=media)
            for condition in piece.conditions
        ]
        return TaskTrials(
            task_id=task.id, ref=task.ref, strata=dict(task.strata), trials=tuple(done)
        )

    async def _trial(
        self, task: Task, condition: Condition, *, world: World, media: "_Media"
    ) -> Trial:
        waits: list[float] = []

        async def wait(seconds: float) -> None:
            waits.append(seconds)

        settings = NOISE_PRESETS[condition.noise]
        if not settings.is_clean:
            world = NoisyWorld(
                world,
                settings,
                world_seed=self.world.manifest().seed or 0,
                noise_seed=0,
                sleep=wait,
                older=OlderPages(self.world),
            )
        config = _config(condition.mode)
        profile, mode = make_profile(config), mode_named(condition.mode)
        researcher = Researcher(
            model=OracleModel(_truth(self.folder), profile),
            profile=profile,
            tools=build_tools(
                mode.tools,
                world=MeteredWorld(world),
                media=media,
                summariser=PassagePicker(),
                limits=config.tools,
            ),
            mode=mode,
            limits=config.limits,
            sampling=config.sampling,
            today=TODAY,
            media=media,
        )
        trajectory = await run_agent(task, researcher, attempt=0)
        verdict = await RuleJudge().judge(task, trajectory)
        return Trial(
            condition=condition,
            correct=verdict.decision is Decision.CORRECT,
            turns=len(trajectory.turns),
            stop=trajectory.stop.value,
            waited_s=round(sum(waits), 3),
        )


class Remembered:
    """A world that is asked the same once: several modes of one task want the same pages.

    Failures are not kept: they are asked again.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: dict[tuple[str, str, int], list[Evidence]] = {}
        self._pages: dict[tuple[str, str | None], Page] = {}
        self._assets: dict[str, Asset] = {}

    def manifest(self) -> WorldManifest:
        """What the world is."""
        return self._world.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """As the world.

        Raises:
            WorldError: the engine failed.
        """
        key = ("image", picture.ref.sha256, limit)
        if key not in self._found:
            found = await self._world.search_image(picture, limit=limit, origin=origin)
            self._found[key] = found
        return list(self._found[key])

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the world.

        Raises:
            WorldError: the engine failed.
        """
        key = ("text", query, limit)
        if key not in self._found:
            self._found[key] = await self._world.search_text(query, limit=limit)
        return list(self._found[key])

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the world.

        Raises:
            WorldError: not found, or no such window.
        """
        key = (url, cursor)
        if key not in self._pages:
            self._pages[key] = await self._world.read(url, cursor=cursor)
        return self._pages[key]

    async def asset(self, url: str) -> Asset:
        """As the world.

        Raises:
            WorldError: not found.
        """
        if url not in self._assets:
            self._assets[url] = await self._world.asset(url)
        return self._assets[url]


class _Media(MemoryMediaStore):
    """Pictures of one task; equal bytes are decoded once."""

    def __init__(self) -> None:
        super().__init__()
        self._refs: dict[bytes, ImageRef] = {}

    @override
    def put(self, data: bytes) -> ImageRef:
        if data not in self._refs:
            self._refs[data] = super().put(data)
        return self._refs[data]


@lru_cache(maxsize=16)
def _config(mode: str) -> RunConfig:
    return make_config({"mode": mode, "model": "oracle", "tape": "off", "today": TODAY})


@lru_cache(maxsize=1)
def _truth(folder: Path) -> GeneratedTruth:
    return open_truth(folder)
