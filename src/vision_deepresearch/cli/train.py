"""`vdr sft`: trajectories become a better model."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def sft(
    recipe: Annotated[Path, typer.Argument(help='TOML of kind "sft", as in recipes/toy/sft.toml.')],
    out: options.Out = None,
    model: Annotated[
        str | None, typer.Option(help="Folder of the checkpoint to start from.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Run folder, export or table to train on; may be given several times."),
    ] = None,
    overrides: options.Set = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print resolved settings, steps and a memory estimate; train nothing."
        ),
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="Train in so many processes, one device each.")
    ] = 1,
    json_wanted: options.Json = False,
) -> None:
    """Fine-tune on trajectories: every reply is trained, every picture is seen.

    Example: vdr sft recipes/toy/sft.toml --out runs/sft --processes 2
    """
    from vision_deepresearch.cli import train_commands

    code = train_commands.sft(
        recipe,
        model=model,
        data=data or (),
        overrides=overrides or (),
        out=out,
        dry_run=dry_run,
        processes=processes,
        json_wanted=json_wanted,
    )
    options.finish(code)
