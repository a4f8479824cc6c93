"""What `vdr synth trajectories` does: questions become judged, faultless episodes in a run folder."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.cli.synth_funnel import estimate_table, funnel_table
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.fleet import num_cores
from vision_deepresearch.serve.viewer import write_run_pages
from vision_deepresearch.serve.viewer_data import TraceItem
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.estimate import estimate
from vision_deepresearch.synth.funnel import totals
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.trajectories.stages import PLANNED
from vision_deepresearch.synth.trajectories.statistics import figures, pass_rates
from vision_deepresearch.synth.vqa.dataset import funnel_of, latest_stages
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.trajectories import ORACLE, make_trajectories
from vision_deepresearch.wiring.trajectory_config import (
    TABLE,
    TrajectoryConfig,
    make_trajectory_config,
)
from vision_deepresearch.worlds.live.catalog import is_live

_FIRST, _LAST = "roll_out", "accept"
_NUM_SHOWN = 10
"""Trajectories on the page."""


def trajectories(
    recipe: Path,
    *,
    flags: Mapping[str, JsonValue],
    own: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    jobs: int | None,
    ray: str | None,
    dry_run: bool,
    json_wanted: bool,
) -> int:
    """Run all stages, store the episodes, print the funnel, write the page."""
    values = {**load_recipe(recipe), **flags}
    table = values.get(TABLE, {})
    values[TABLE] = {**table, **own} if isinstance(table, dict) else table
    config = make_trajectory_config(values, overrides=overrides)
    folder = out or Path("runs") / "trajectories"
    target = console(json_wanted=json_wanted)
    if dry_run:
        return _estimate(config, target=target, json_wanted=json_wanted)
    if not is_live(config.run.world):
        prepare_world(config.run.world, target=target)
    jobs = jobs or (None if ray else num_cores())
    made = asyncio.run(_run(config, folder=folder, jobs=jobs, ray=ray, target=target))
    accepted = [one for one in made.records if isinstance(one, Accepted)]
    page = _pages(accepted, folder=folder) if accepted and made.is_whole else None
    if json_wanted:
        print_json({
            "run": str(folder),
            "trajectories": len(accepted),
            "halted": made.halted,
            "page": str(page) if page else None,
            "funnel": [row.model_dump(mode="json") for row in made.funnel],
            "all": totals(made.funnel).model_dump(mode="json"),
        })
    else:
        target.print(funnel_table(made.funnel))
        target.print(f"{len(accepted):,} trajectories in {folder}", soft_wrap=True)
        if page is not None:
            target.print(f"look at ten of them: {page}", soft_wrap=True)
        if accepted:
            target.print(
                f"at all of them with  vdr view {folder}  and count with  vdr synth stats {folder}",
                soft_wrap=True,
            )
    if made.halted:
        target.print(f"stopped early: {made.halted}; the same command goes on", soft_wrap=True)
    return 1 if made.halted else 0


async def _run(
    config: TrajectoryConfig, *, folder: Path, jobs: int | None, ray: str | None, target: Console
) -> Made:
    with progress_bars(target) as advance:
        return await make_trajectories(config, out=folder, jobs=jobs, ray=ray, progress=advance)


def _pages(accepted: Sequence[Accepted], *, folder: Path) -> Path:
    """Ten trajectories from all over the set, a page each and a table of them."""
    step = max(1, len(accepted) // _NUM_SHOWN)
    items = [
        TraceItem(task=one.task, trajectory=one.trajectory, verdict=one.verdict)
        for one in accepted[::step][:_NUM_SHOWN]
    ]
    with RunFolder.read(folder) as run:
        return write_run_pages(
            folder / "ten", items, load=run.load_picture, title="Ten trajectories"
        )


def _estimate(config: TrajectoryConfig, *, target: Console, json_wanted: bool) -> int:
    """What it would do and cost at most; neither world nor questions are opened."""
    settings, endpoint = config.trajectories, config.run.endpoint
    rows = list(
        estimate(
            PLANNED,
            settings.tasks * settings.attempts,
            asks_model=config.run.model != ORACLE,
            usd_per_million_prompt=endpoint.usd_per_million_prompt,
            usd_per_million_completion=endpoint.usd_per_million_completion,
        )
    )
    if json_wanted:
        print_json({"expected": [row.model_dump(mode="json") for row in rows]})
    else:
        target.print(estimate_table(rows))
    return 0


def is_one(folder: Path) -> bool:
    """Whether a run folder holds trajectories of the data factory."""
    with RunFolder.read(folder) as run:
        return _LAST in latest_stages(run)


def stats(folder: Path, *, json_wanted: bool) -> None:
    """Figures over what was accepted, and the funnel."""
    with RunFolder.read(folder) as run:
        rows = list(funnel_of(run))
        last = latest_stages(run).get(_LAST)
        if last is None:
            msg = (
                f"{str(folder)!r} holds no trajectories: give the --out of `vdr synth trajectories`"
            )
            raise ConfigError(msg)
        accepted = [Accepted.model_validate(made) for item in run.items(last) for made in item.made]
        attempts = list(run.items(latest_stages(run)[_FIRST]))
    told = {**figures(accepted), "pass_rates": pass_rates(attempts, accepted)}
    if json_wanted:
        print_json({
            "run": str(folder),
            "trajectories": told,
            "funnel": [row.model_dump(mode="json") for row in rows],
        })
        return
    target = console()
    target.print(funnel_table(rows))
    for name, value in told.items():
        target.print(f"{name:30} {value}", soft_wrap=True)
