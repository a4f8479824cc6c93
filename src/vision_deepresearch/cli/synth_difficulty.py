"""What `vdr synth difficulty` does: questions that a policy solves now and then, in a run folder."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.cli.synth_funnel import funnel_table
from vision_deepresearch.evals.fleet import num_cores
from vision_deepresearch.synth.funnel import totals
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.difficulty import (
    TABLE,
    DifficultyConfig,
    make_difficulty_config,
    measure_difficulty,
)
from vision_deepresearch.worlds.live.catalog import is_live


def difficulty(
    recipe: Path,
    *,
    flags: Mapping[str, JsonValue],
    own: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    jobs: int | None,
    json_wanted: bool,
) -> int:
    """Run all stages, store the questions kept, print the funnel and the pass rates."""
    values = {**load_recipe(recipe), **flags}
    table = values.get(TABLE, {})
    values[TABLE] = {**table, **own} if isinstance(table, dict) else table
    config = make_difficulty_config(values, overrides=overrides)
    folder = out or Path("runs") / "difficulty"
    target = console(json_wanted=json_wanted)
    if not is_live(config.run.world):
        prepare_world(config.run.world, target=target)
    made = asyncio.run(_run(config, folder=folder, jobs=jobs or num_cores(), target=target))
    kept = [one.task for one in made.records if isinstance(one, Finished)]
    rates = dict(sorted(Counter(task.strata["pass_rate"] for task in kept).items()))
    if json_wanted:
        print_json({
            "run": str(folder),
            "tasks": len(kept),
            "pass_rates": rates,
            "halted": made.halted,
            "funnel": [row.model_dump(mode="json") for row in made.funnel],
            "all": totals(made.funnel).model_dump(mode="json"),
        })
    else:
        target.print(funnel_table(made.funnel))
        told = ", ".join(f"{rate}: {count:,}" for rate, count in rates.items()) or "none"
        target.print(f"{len(kept):,} questions in {folder}, right: {told}", soft_wrap=True)
    if made.halted:
        target.print(f"stopped early: {made.halted}; the same command goes on", soft_wrap=True)
    return 1 if made.halted else 0


async def _run(config: DifficultyConfig, *, folder: Path, jobs: int, target: Console) -> Made:
    with progress_bars(target) as advance:
        return await measure_difficulty(config, out=folder, jobs=jobs, progress=advance)
