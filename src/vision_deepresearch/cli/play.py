"""`vdr play`: take the agent's seat yourself."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def play(
    number: Annotated[int, typer.Argument(help="Which of the world's tasks, from 0.")] = 0,
    world: options.World = None,
    mode: options.Mode = None,
    seat: Annotated[
        Path | None,
        typer.Option(help="Folder for request and reply files, instead of the terminal."),
    ] = None,
    today: options.Today = None,
    config: options.Config = None,
    overrides: options.Set = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Research one of a world's questions yourself: same tools, same limits, judged at the end.

    Example: vdr play 3 --world generated:small
    """
    from vision_deepresearch.cli import research

    code = research.play(
        number,
        flags=options.given({"world": world, "mode": mode, "today": today}),
        seat=seat,
        recipe=config,
        overrides=overrides or [],
        out=out,
        json_wanted=json_wanted,
    )
    options.finish(code)
