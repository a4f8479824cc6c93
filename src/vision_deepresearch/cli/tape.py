"""`vdr tape` and `vdr cost`: what was recorded, and what it cost."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options

app = typer.Typer(
    help="Recordings of outside calls: list, show, count, merge.", no_args_is_help=True
)

TapeFile = Annotated[Path, typer.Argument(help="A tape's file, or a run folder.")]


@app.command()
def ls(
    tape: TapeFile,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind: text_search, page_read, model_call...")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    json_wanted: options.Json = False,
) -> None:
    """List recordings, newest first. Example: vdr tape ls runs/first --kind text_search."""
    from vision_deepresearch.cli import tape_commands

    tape_commands.ls(tape, kind=kind, limit=limit, json_wanted=json_wanted)


@app.command()
def show(
    tape: TapeFile,
    key: Annotated[str, typer.Argument(help="The beginning of its key, as `vdr tape ls` has it.")],
    json_wanted: options.Json = False,
) -> None:
    """Show one recording: what was asked and what came. Example: vdr tape show runs/first 3fa9."""
    from vision_deepresearch.cli import tape_commands

    tape_commands.show(tape, key, json_wanted=json_wanted)


@app.command()
def stats(tape: TapeFile, json_wanted: options.Json = False) -> None:
    """Count recordings by kind and provider. Example: vdr tape stats runs/first."""
    from vision_deepresearch.cli import tape_commands

    tape_commands.stats(tape, json_wanted=json_wanted)


@app.command()
def merge(
    target: Annotated[Path, typer.Argument(help="A new file, or a tape to add to.")],
    sources: Annotated[list[Path], typer.Argument(help="Tapes or run folders.")],
    json_wanted: options.Json = False,
) -> None:
    """Put the recordings of several tapes into one file; of equal ones the newest stays.

    Example: vdr tape merge all.tape runs/first runs/second
    """
    from vision_deepresearch.cli import tape_commands

    tape_commands.merge(target, sources, json_wanted=json_wanted)


def cost(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    json_wanted: options.Json = False,
) -> None:
    """What a run cost: calls, dollars, who was paid. Example: vdr cost runs/first."""
    from vision_deepresearch.cli import tape_commands

    tape_commands.cost(run, json_wanted=json_wanted)
