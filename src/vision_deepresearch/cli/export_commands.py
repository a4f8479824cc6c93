"""What `vdr export` and `vdr import-data` do: call the library, print what came of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import JsonValue, ValidationError
from rich.console import Console

from vision_deepresearch.cli.output import console, counted, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.train.export.export import REJECTS, ExportSettings, export_run
from vision_deepresearch.train.export.importing import ImportSettings, import_tables

INSPECT = "inspect"
"""The format that is no training data: a log of inspect_ai."""
_MAX_SHOWN = 5


def export(run: Path, out: Path | None, *, given: Mapping[str, object], json_wanted: bool) -> int:
    """Export a run; exit code 1 if no line came of it."""
    try:
        settings = ExportSettings.model_validate(_set(given))
    except ValidationError as reason:
        raise ConfigError(_told(reason)) from reason
    place = out or run / "export" / settings.format
    target = console(json_wanted=json_wanted)
    with RunFolder.read(run) as view, progress_bars(target) as show:
        done = export_run(view, place, settings=settings, show=show)
    if json_wanted:
        print_json(done.model_dump(mode="json"))
    else:
        target.print(f"{counted(done.num_lines, 'line')} in {place}", soft_wrap=True)
        _print_refused(target, done.figures["refused"], f"reasons in {place / REJECTS}")
    return 0 if done.num_lines else 1


def export_log(
    run: Path, out: Path | None, *, given: Mapping[str, object], json_wanted: bool
) -> int:
    """Write a judged run as a log of inspect_ai.

    Raises:
        ConfigError: inspect_ai is not installed, an option of training data, or see `write_log`.
    """
    other = [name for name, value in given.items() if value is not None and name != "format"]
    if other:
        msg = f"--format {INSPECT} takes --out alone, got --{other[0].replace('_', '-')}: leave it out"
        raise ConfigError(msg)
    try:
        from vision_deepresearch.evals.inspect_log import write_log
    except ImportError as reason:
        msg = (
            f"logs of inspect_ai need inspect_ai ({reason}): pip install "
            "'vision-deepresearch[inspect]', best in an environment of its own"
        )
        raise ConfigError(msg) from reason
    done = write_log(run, out or run.with_suffix(".eval"))
    if json_wanted:
        print_json({"path": str(done.path), **asdict(done)})
    else:
        judges = ", ".join(done.judges)
        console().print(
            f"{counted(done.samples, 'sample')} in {done.path}, scored by {judges}"
            + (f"; {done.left_out} protected left out" if done.left_out else ""),
            soft_wrap=True,
        )
        console().print(f"look at it with  inspect view --log-dir {done.path.parent}")
    return 0


def import_data(
    sources: Sequence[Path], out: Path, *, given: Mapping[str, object], json_wanted: bool
) -> int:
    """Import tables; exit code 1 if nothing came of them."""
    try:
        settings = ImportSettings.model_validate(_set(given))
    except ValidationError as reason:
        raise ConfigError(_told(reason)) from reason
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as show:
        done = asyncio.run(import_tables(sources, out, settings=settings, show=show))
    if json_wanted:
        print_json(done.model_dump(mode="json"))
    else:
        target.print(
            f"{counted(done.tasks, 'task')} and {counted(done.attempts, 'attempt')} of "
            f"{counted(done.rows, 'row')} in {out}",
            soft_wrap=True,
        )
        rejected: dict[str, JsonValue] = dict(done.rejected)
        _print_refused(target, rejected, "listed with the run's rejects")
        for line in done.examples[:_MAX_SHOWN]:
            target.print(f"  {line}", soft_wrap=True)
    return 0 if done.tasks else 1


def _set(given: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}


def _told(reason: ValidationError) -> str:
    first = reason.errors()[0]
    name = ".".join(str(one) for one in first["loc"]).replace("_", "-")
    return f"--{name}: {first['msg']}, got {first['input']!r}"


def _print_refused(target: Console, counts: JsonValue, where: str) -> None:
    assert isinstance(counts, dict)
    if counts:
        told = ", ".join(f"{number} {reason}" for reason, number in counts.items())
        target.print(f"refused: {told} ({where})", soft_wrap=True)
