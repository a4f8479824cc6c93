"""`vdr export` and `vdr import-data`: runs become training data, and such data becomes a run."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            help="jsonl, parquet (whole episodes), ms-swift, sharegpt, llama-factory, trl "
            "(conversations with loss flags), verl (tasks for RL), inspect (one .eval log of a judged "
            "run; extra inspect).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new folder; default: RUN/export/FORMAT. Of inspect: a file, default RUN.eval."
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(help="correct (default of conversations) or all (default of the others)."),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="Only attempts in this mode; of verl: the mode to run its tasks in."),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(help="files or embedded; each format has a default and may know one only."),
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option(min=1, help="Most lines of a file; default 10000.")
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Write a run as training data with a card, rejects with reasons, and pictures by content.

    Example: vdr export runs/first --format ms-swift --out sft
    """
    from vision_deepresearch.cli import export_commands

    given = {
        "format": format_name,
        "only": only,
        "mode": mode,
        "images": images,
        "shard_size": shard_size,
    }
    if format_name == export_commands.INSPECT:
        code = export_commands.export_log(run, out, given=given, json_wanted=json_wanted)
    else:
        code = export_commands.export(run, out, given=given, json_wanted=json_wanted)
    options.finish(code)


def import_data(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Parquet, JSON lines or JSON files, or `vdr export` folders."),
    ],
    out: Annotated[Path, typer.Argument(help="Run folder; the same command goes on with it.")],
    dataset: Annotated[
        str | None, typer.Option(help="Name of the set in task keys; default: that of the file.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, test or auto (default: test where the file's name says so)."),
    ] = None,
    test_frac: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Put this part of the pictures, with all their tasks, to test."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="verified (default with pictures), text (without), fuzzy or benchmark."),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the set, for the card.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read this many rows only.")] = None,
    json_wanted: options.Json = False,
) -> None:
    """Read question or conversation tables into a run folder; bad rows become rejects with reasons.

    Example: vdr import-data toy-sft.parquet toy-rl.parquet runs/toy
    """
    from vision_deepresearch.cli import export_commands

    given = {
        "dataset": dataset,
        "split": split,
        "test_frac": test_frac,
        "kind": kind,
        "licence": licence,
        "limit": limit,
    }
    code = export_commands.import_data(sources, out, given=given, json_wanted=json_wanted)
    options.finish(code)
