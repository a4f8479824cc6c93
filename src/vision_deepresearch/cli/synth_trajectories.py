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
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.estimate import estimate
from vision_deepresearch.synth.funnel import totals
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.trajectories.stages import PLANNED
from vision_deepresearch.synth.trajectories.statistics import figures
from vision_deepresearch.synth.vqa.dataset import funnel_of, latest_stages
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.trajectories import ORACLE, make_trajectories
from vision_deepresearch.wiring.trajectory_config import (
    TABLE,
    TrajectoryConfig,
    make_trajectory_config,
)

_LAST = "accept"


def trajectories(
    recipe: Path,
    *,
    flags: Mapping[str, JsonValue],
    own: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    jobs: int | None,
    dry_run: bool,
    json_wanted: bool,
) -> int:
    """Run all stages, store the episodes, print the funnel."""
    values = {**load_recipe(recipe), **flags}
    table = values.get(TABLE, {})
    values[TABLE] = {**table, **own} if isinstance(table, dict) else table
    config = make_trajectory_config(values, overrides=overrides)
    folder = out or Path("runs") / "trajectories"
    target = console(json_wanted=json_wanted)
    if dry_run:
        return _estimate(config, target=target, json_wanted=json_wanted)
    prepare_world(config.run.world, target=target)
    made = asyncio.run(_run(config, folder=folder, jobs=jobs or num_cores(), target=target))
    accepted = [one for one in made.records if isinstance(one, Accepted)]
    if json_wanted:
        print_json({
            "run": str(folder),
            "trajectories": len(accepted),
            "halted": made.halted,
            "funnel": [row.model_dump(mode="json") for row in made.funnel],
            "all": totals(made.funnel).model_dump(mode="json"),
        })
    else:
        target.print(funnel_table(made.funnel))
        target.print(f"{len(accepted):,} trajectories in {folder}", soft_wrap=True)
        if accepted:
            target.print(
                f"look at them with  vdr view {folder}  and count with  vdr synth stats {folder}",
                soft_wrap=True,
            )
    if made.halted:
        target.print(f"stopped early: {made.halted}; the same command goes on", soft_wrap=True)
    return 1 if made.halted else 0


def _estimate(config: TrajectoryConfig, *, target: Console, json_wanted: bool) -> int:
    """What it would do and cost at most; neither world nor questions are opened."""
    settings = config.trajectories
    rows = list(
        estimate(
            PLANNED,
            settings.tasks * settings.attempts,
            asks_model=config.run.model != ORACLE,
            usd_per_million_prompt=config.run.endpoint.usd_per_million_prompt,
            usd_per_million_completion=config.run.endpoint.usd_per_million_completion,
        )
    )
    if json_wanted:
        print_json({"expected": [row.model_dump(mode="json") for row in rows]})
    else:
        target.print(estimate_table(rows))
    return 0


async def _run(config: TrajectoryConfig, *, folder: Path, jobs: int, target: Console) -> Made:
    with progress_bars(target) as advance:
        return await make_trajectories(config, out=folder, jobs=jobs, progress=advance)


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
    told = figures(accepted)
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
