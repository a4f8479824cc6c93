"""What `vdr synth mix` does: finished runs become data sets by ratios, in run folders."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue
from rich.table import Table

from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.synth.mixture import SetReport
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.mixture import look, make_mixture_config
from vision_deepresearch.wiring.mixture import mix as mix_runs


def mix(
    recipe: Path,
    *,
    flags: Mapping[str, JsonValue],
    overrides: Sequence[str],
    out: Path | None,
    dry_run: bool,
    json_wanted: bool,
) -> int:
    """Choose, store, and say what each part gave."""
    settings = make_mixture_config({**load_recipe(recipe), **flags}, overrides=overrides)
    folder = out or Path("runs") / "mixture"
    reports = look(settings) if dry_run else asyncio.run(mix_runs(settings, out=folder))
    if json_wanted:
        print_json({
            "run": None if dry_run else str(folder),
            "sets": [report.model_dump(mode="json") for report in reports],
        })
        return 0
    target = console()
    for report in reports:
        target.print(_table(report, is_dry=dry_run))
        if report.shortfall:
            target.print(report.shortfall, soft_wrap=True)
        if not dry_run:
            target.print(
                f"{report.total:,} {report.holds} in {folder / report.name}, for vdr export",
                soft_wrap=True,
            )
    return 0


def _table(report: SetReport, *, is_dry: bool) -> Table:
    table = Table(title=f"{report.name}: {report.holds}{', nothing was done' if is_dry else ''}")
    table.add_column("part")
    table.add_column("run", overflow="fold")
    for name in ("there", "doubles", "share", *(() if is_dry else ("taken",))):
        table.add_column(name, justify="right")
    for part in report.parts:
        numbers = [part.offered, part.doubles, part.wanted, *([] if is_dry else [part.taken])]
        table.add_row(part.name, part.run, *(f"{number:,}" for number in numbers))
    return table
