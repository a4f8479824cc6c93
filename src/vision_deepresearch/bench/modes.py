"""The ablation table with the oracle: how much crops and text search are worth in this world.

The same tasks, taken before any whole-image filter, in every mode. The visual engine is a real
matcher, so the whole picture sometimes finds the thing asked about; nothing is ruled out by hand.
Source of the modes: arXiv 2601.22060, Table 2.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.episode import Decision, Episode
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.runner import run_tasks
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.session import open_session
from vision_deepresearch.wiring.worlds import ProgressBar

BENCH_MODES = ("direct", "ts", "wis", "wis+ts", "cis", "cis+ts")
BASELINE = "wis+ts"
"""Whole-image search with text search: what a system without crops can do."""
NUM_TASKS = 100


async def bench_modes(
    *,
    world: str | None = None,
    num_tasks: int | None = None,
    quick: bool = False,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Run the oracle over the same tasks in every mode.

    Args:
        world: world name; default `generated:ablation`, quick `generated:tiny`: no whole-image filter.
        num_tasks: tasks per mode; default 100, quick all of the tiny world.
        quick: small sizes.
        progress: called while the world is built and after each episode.

    Returns:
        The object of `vdr bench modes --json`: per mode `{n, correct}`, also by hops.
    """
    name = world or ("generated:tiny" if quick else "generated:ablation")
    wanted = num_tasks or (None if quick else NUM_TASKS)
    figures: dict[str, JsonValue] = {}
    scores: dict[str, float] = {}
    settings: dict[str, JsonValue] = {}
    for mode in BENCH_MODES:
        episodes = await _run_mode(mode, world=name, num_tasks=wanted, progress=progress)
        settings = settings or _settings(name, episodes, quick=quick)
        figures[mode] = _table(episodes)
        scores[mode] = sum(map(_is_correct, episodes)) / len(episodes)
    baseline = scores[BASELINE]
    return {
        "name": "modes",
        "settings": settings,
        "figures": figures,
        "baseline": {"mode": BASELINE, "correct_frac": baseline},
        "ratios": {
            mode: round(score / baseline, 3) if baseline else None for mode, score in scores.items()
        },
    }


async def _run_mode(
    mode: str, *, world: str, num_tasks: int | None, progress: ProgressBar | None
) -> list[Episode]:
    config = make_config({
        "world": world,
        "mode": mode,
        "model": "oracle",
        "tape": "off",
        "today": "2026-01-01",
    })
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        async with open_session(config, out=out, progress=progress) as session:
            tasks = session.tasks(num_tasks)
            if num_tasks is not None and len(tasks) < num_tasks:
                msg = f"{world} has {len(tasks)} tasks, {num_tasks} were asked for: use --tasks"
                raise ConfigError(msg)
            done = 0

            def advance(_: Episode) -> None:
                nonlocal done
                done += 1
                if progress is not None:
                    progress(f"mode {mode}", done, len(tasks))

            await run_tasks(
                tasks,
                run=session.run,
                roll_out=session.roll_out,
                judge=session.judge,
                concurrency=config.concurrency,
                on_episode=advance,
            )
            return list(session.run.episodes())


def _settings(world: str, episodes: Sequence[Episode], *, quick: bool) -> dict[str, JsonValue]:
    """What was run, counted on the tasks themselves; every mode gets the same ones."""
    strata = [episode.task.strata for episode in episodes]
    hops = Counter(of_task.get("hops", "?") for of_task in strata)
    hits = sum(of_task.get("whole_image") == "hit" for of_task in strata)
    return {
        "world": world,
        "model": "oracle",
        "quick": quick,
        "tasks": len(episodes),
        "tasks_by_hops": dict(sorted(hops.items())),
        "whole_image_filter": "none",
        "tasks_whole_image_finds": hits,
    }


def _is_correct(episode: Episode) -> bool:
    return episode.verdict.decision is Decision.CORRECT


def _table(episodes: Sequence[Episode]) -> JsonValue:
    hops = sorted({episode.task.strata.get("hops", "?") for episode in episodes})
    by_hops: dict[str, JsonValue] = {}
    for hop in hops:
        of_hop = [episode for episode in episodes if episode.task.strata.get("hops", "?") == hop]
        by_hops[hop] = {"n": len(of_hop), "correct": sum(map(_is_correct, of_hop))}
    return {
        "n": len(episodes),
        "correct": sum(map(_is_correct, episodes)),
        "by_hops": by_hops,
    }
