"""What engine noise costs the teacher, and how near the simulated picture search is to the real one.

Two parts on the same world. Cost: the same tasks under every preset, waits in virtual time.
Calibration: the same crops through the visual index and through the simulator, and a new fit of
the simulator's formula to what the index found.
"""

import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import JsonValue

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.episode import Decision, Episode, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import World
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.statistics.shares import wilson
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.profiles.named import profile_named
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.worlds import ProgressBar, world_folder
from vision_deepresearch.worlds.generated.older import OlderPages
from vision_deepresearch.worlds.generated.simulator import (
    FOUND_RANK,
    KnownScene,
    PictureSimulator,
    SimulatedWorld,
    SimulatorSettings,
    known_scenes,
)
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.index.visual import VisualHit, VisualIndex, features_of_pixels
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.noise import NoisyWorld
from vision_deepresearch.worlds.wrappers.noise_settings import NOISE_PRESETS, NoiseSettings

TODAY = "2026-01-01"
CROPS = {"tight": 1.06, "loose": 2.5}
"""Kinds of crop, and the factor by which the box is scaled: +3 % and +75 % on each side."""
THINGS_PER_SCENE = 4
"""Things of a scene that are cropped; all are looked for in the whole picture."""
NUM_TASKS = 30
NOISE_SEEDS = 3
"""Noise seeds that each task is run under."""


async def bench_noise(
    *,
    world: str | None = None,
    num_tasks: int | None = None,
    quick: bool = False,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Cost of the presets for the oracle, and calibration of the simulator.

    Args:
        world: world name; default `generated:small`, quick `generated:tiny`.
        num_tasks: tasks of the cost part; default 30, quick all of the tiny world.
        quick: small sizes.
        progress: called while the world is built and after each task or scene.

    Returns:
        The object of `vdr bench noise --json`.
    """
    name = world or ("generated:tiny" if quick else "generated:small")
    folder = world_folder(name, progress=progress)
    wanted = num_tasks or (None if quick else NUM_TASKS)
    seeds = range(1 if quick else NOISE_SEEDS)
    opened = GeneratedWorld.open(folder)
    tasks = opened.tasks(wanted)
    if wanted is not None and len(tasks) < wanted:
        msg = f"{name} has {len(tasks)} tasks, {wanted} were asked for: use --tasks"
        raise ConfigError(msg)
    cost: dict[str, JsonValue] = {}
    for preset, settings in NOISE_PRESETS.items():
        rollouts: list[Rollout] = []
        for seed in seeds if not settings.is_clean else [0]:
            rollouts += await roll_out(opened, tasks, settings, noise_seed=seed)
            if progress is not None:
                progress(f"noise {preset}", seed + 1, len(seeds))
        cost[preset] = _cost_row(rollouts)
    simulated = await roll_out(opened, tasks, NoiseSettings(), engine=SimulatedWorld.of(opened))
    cost["simulated, clean"] = _cost_row(simulated)
    calibration = calibrate(opened, progress=progress)
    return {
        "name": "noise",
        "settings": {
            "world": name,
            "model": "oracle",
            "mode": "cis+ts",
            "quick": quick,
            "tasks": len(tasks),
            "noise_seeds": len(seeds),
        },
        "figures": {"cost": cost, "calibration": calibration.table()},
        "baseline": {"engine": "index", "queries_per_s": round(calibration.index_per_s, 1)},
        "ratios": {
            "simulator_speed": round(calibration.simulated_per_s / calibration.index_per_s, 1)
        },
    }


# ------------------------------------------------------------------------------------------- cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One task done under one noise seed."""

    episode: Episode
    waited_s: float
    """Virtual seconds that the engine took, summed over calls that ran at the same time."""
    deeds: Counter[str]


async def roll_out(
    world: GeneratedWorld,
    tasks: Iterable[Task],
    settings: NoiseSettings,
    *,
    noise_seed: int = 0,
    engine: World | None = None,
) -> list[Rollout]:
    """The oracle's episodes under noise, one after the other.

    Args:
        world: opened from its folder.
        tasks: of that world.
        settings: of the noise.
        noise_seed: see `NoisyWorld`.
        engine: what is searched and read; None: the world itself.
    """
    truth, profile = open_truth(world.folder), profile_named("vdr", calls_per_turn="many")
    mode, done = mode_named("cis+ts"), list[Rollout]()
    with tempfile.TemporaryDirectory() as folder:
        media = FolderMediaStore(Path(folder) / "media")
        for task in tasks:
            waits: list[float] = []

            async def wait(seconds: float, waits: list[float] = waits) -> None:
                waits.append(seconds)

            noisy = NoisyWorld(
                engine or world,
                settings,
                world_seed=world.manifest().seed or 0,
                noise_seed=noise_seed,
                sleep=wait,
                older=OlderPages(world),
            )
            for data in world.task_pictures(task):
                media.put(data)
            researcher = Researcher(
                model=OracleModel(truth, profile),
                profile=profile,
                tools=build_tools(
                    mode.tools, world=MeteredWorld(noisy), media=media, summariser=PassagePicker()
                ),
                mode=mode,
                today=TODAY,
                media=media,
            )
            trajectory = await run_agent(task, researcher, attempt=0)
            verdict = await RuleJudge().judge(task, trajectory)
            done.append(
                Rollout(
                    episode=episode_of(task, trajectory, verdict),
                    waited_s=sum(waits),
                    deeds=Counter({deed.value: count for deed, count in noisy.deeds.items()}),
                )
            )
    return done


def _cost_row(rollouts: Sequence[Rollout]) -> dict[str, JsonValue]:
    correct = sum(one.episode.verdict.decision is Decision.CORRECT for one in rollouts)
    low, high = wilson(correct, len(rollouts))
    deeds: Counter[str] = Counter()
    for one in rollouts:
        deeds += one.deeds
    turns = sum(len(one.episode.trajectory.turns) for one in rollouts)
    return {
        "n": len(rollouts),
        "correct": correct,
        "correct_95": [round(low, 3), round(high, 3)],
        "turns_mean": round(turns / len(rollouts), 2),
        "engine_wait_s_mean": round(sum(one.waited_s for one in rollouts) / len(rollouts), 1),
        "deeds": dict(sorted(deeds.items())),
    }


# ------------------------------------------------------------------------------------ calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing looked for with one crop."""

    kind: str
    """A key of `CROPS`, or "full"."""
    iou: float
    rank_index: int | None
    """Place of the thing among the pictures that the index found; None: not among the first 10."""
    rank_simulated: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The same crops through both engines."""

    looks: tuple[Look, ...]
    index_per_s: float
    """Queries per second of CPU of one thread, decoding of the picture not counted."""
    simulated_per_s: float

    def table(self) -> dict[str, JsonValue]:
        """Recall of both by kind of crop, and the formula's best fit."""
        rows: dict[str, JsonValue] = {}
        for kind in (*CROPS, "full"):
            looks = [look for look in self.looks if look.kind == kind]
            rows[kind] = {
                "n": len(looks),
                "iou_mean": round(sum(look.iou for look in looks) / len(looks), 3),
                "index": _recalls([look.rank_index for look in looks]),
                "simulator": _recalls([look.rank_simulated for look in looks]),
            }
        fitted = fit(self.looks)
        default = SimulatorSettings()
        return {
            **rows,
            "fit": {"p_max": fitted.p_max, "slope": fitted.slope, "shift": fitted.shift},
            "fit_loss": round(loss(self.looks, fitted), 4),
            "default_loss": round(loss(self.looks, default), 4),
            "index_queries_per_s": round(self.index_per_s, 1),
            "simulator_queries_per_s": round(self.simulated_per_s),
        }


def calibrate(world: GeneratedWorld, *, progress: ProgressBar | None = None) -> Calibration:
    """Search crops of the world's own scenes with the visual index and with the simulator."""
    scenes = known_scenes(world)
    simulator = PictureSimulator(world.pages.graph, scenes)
    index = VisualIndex.open(world.folder / "visual")
    looks: list[Look] = []
    index_s: list[float] = []
    origins: list[CropOrigin] = []
    tasks = world.tasks()
    for number, task in enumerate(tasks):
        grey = cv2.imdecode(
            np.frombuffer(world.task_pictures(task)[0], np.uint8), cv2.IMREAD_GRAYSCALE
        )
        assert grey is not None, "a world's own picture"
        sha256 = task.images[0].sha256
        for kind, crop, wanted in _crops(scenes[sha256]):
            edge = crop.pixels(width=grey.shape[1], height=grey.shape[0])
            part = np.ascontiguousarray(grey[edge.top : edge.bottom, edge.left : edge.right])
            real = _timed(
                lambda part=part: index.search_features(
                    features_of_pixels(np.asarray(part, np.uint8)), FOUND_RANK
                ),
                index_s,
            )
            origin = CropOrigin(sha256=sha256, box=crop)
            origins.append(origin)
            drawn = simulator.search(origin, FOUND_RANK)
            for thing, box in wanted.items():
                looks.append(
                    Look(
                        kind=kind,
                        iou=crop.iou(box),
                        rank_index=_rank(thing, real),
                        rank_simulated=_rank(thing, drawn),
                    )
                )
        if progress is not None:
            progress("calibration", number + 1, len(tasks))
    start = time.thread_time()
    for origin in origins:
        simulator.search(origin, FOUND_RANK)
    return Calibration(
        looks=tuple(looks),
        index_per_s=len(index_s) / sum(index_s),
        simulated_per_s=len(origins) / (time.thread_time() - start),
    )


def _crops(scene: KnownScene) -> Iterable[tuple[str, Box, dict[str, Box]]]:
    """Kind, crop, and the things that should be found with it."""
    yield "full", Box.full(), dict(scene.boxes)
    for thing, box in list(scene.boxes.items())[:THINGS_PER_SCENE]:
        for kind, scale in CROPS.items():
            yield kind, box.scaled(scale), {thing: box}


def _timed(search: Callable[[], list[VisualHit]], seconds: list[float]) -> list[VisualHit]:
    start = time.thread_time()
    found = search()
    seconds.append(time.thread_time() - start)
    return found


def _rank(thing: str, hits: Sequence[VisualHit]) -> int | None:
    return next((rank for rank, hit in enumerate(hits) if hit.image_id == thing), None)


def _recalls(ranks: Sequence[int | None]) -> dict[str, JsonValue]:
    def within(count: int) -> float:
        return sum(rank is not None and rank < count for rank in ranks) / len(ranks)

    return {f"recall_{count}": round(within(count), 3) for count in (1, 3, FOUND_RANK)}


def loss(looks: Sequence[Look], settings: SimulatorSettings) -> float:
    """Mean negative log likelihood of what the index found, in nats; less is better."""
    total = 0.0
    for look in looks:
        p_hit = min(max(settings.p_hit(look.iou), 1e-6), 1 - 1e-6)
        total -= math.log(p_hit if look.rank_index is not None else 1 - p_hit)
    return total / len(looks)


def fit(looks: Sequence[Look]) -> SimulatorSettings:
    """Slope, shift and p_max that explain best what the index found; on a grid, exactly repeatable."""
    candidates = [
        SimulatorSettings(p_max=p_max, slope=slope / 10, shift=shift / 20)
        for p_max in (0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
        for slope in range(10, 61, 2)
        for shift in range(24, 73, 2)
    ]
    ious = np.log([look.iou for look in looks])
    found = np.array([look.rank_index is not None for look in looks])
    losses = [_grid_loss(ious, found, (one.p_max, one.slope, one.shift)) for one in candidates]
    return candidates[int(np.argmin(losses))]


def _grid_loss(
    ln_ious: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    found: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    formula: tuple[float, float, float],
) -> float:
    p_max, slope, shift = formula
    chance = np.clip(p_max / (1 + np.exp(-slope * (ln_ious + shift))), 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(found, np.log(chance), np.log(1 - chance))))
