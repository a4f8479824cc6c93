"""`vdr bench`: our own benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def bench(
    name: Annotated[
        str, typer.Argument(help="Which: loop, modes, noise, corpus, sandbox, serve or world.")
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, below 50 s.")] = False,
    world: options.World = None,
    tasks: Annotated[
        int | None, typer.Option(help="modes: tasks per mode; noise: tasks per preset.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(help="corpus: folder of HTML, or a ZIM file; default: made pages."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=2, max=64, help="corpus: compare with so many processes.")
    ] = None,
    pages: Annotated[
        int | None, typer.Option(min=1, help="world: pages of the generated world.")
    ] = None,
    seed: options.Seed = None,
    json_wanted: options.Json = False,
) -> None:
    """Measure ourselves; figures are ratios or rates of this machine, in one JSON object.

    Example: vdr bench loop --json
    """
    from vision_deepresearch.cli import bench_commands

    code = bench_commands.bench(
        name,
        quick=quick,
        world=world,
        tasks=tasks,
        source=source,
        jobs=jobs,
        pages=pages,
        seed=seed,
        json_wanted=json_wanted,
    )
    options.finish(code)
