"""`vdr view`: trace pages of a run."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def view(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; default: RUN/view.")] = None,
    json_wanted: options.Json = False,
) -> None:
    """Write self-contained HTML pages of a run: boxes, crops, hits, pages, support, verdicts.

    Example: vdr view runs/first
    """
    from vision_deepresearch.cli import research

    code = research.view(run, out=out, json_wanted=json_wanted)
    options.finish(code)
