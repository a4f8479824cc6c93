"""`vdr bench`: our own benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="Which: loop, modes, noise, corpus, degrade, embed, faults, generate, injection, rollout, "
            "sandbox, serve, tape, train, world, variety or planted."
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, below 50 s.")] = False,
    world: options.World = None,
    model: options.Model = None,
    tasks: Annotated[
        int | None,
        typer.Option(
            help="modes: tasks per mode; noise: per preset; injection: in all; variety: drafted; "
            "planted: each; faults: episodes in all."
        ),
    ] = None,
    noise_tasks: Annotated[
        int | None, typer.Option(min=0, help="modes: tasks done again under each noise.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(help="corpus: folder of HTML, or a ZIM file; default: made pages."),
    ] = None,
    pages: Annotated[
        int | None, typer.Option(min=1, help="world, variety: pages of the generated world.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="planted: this class of defects; may be given several times."),
    ] = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(help="modes, planted: folder of results; the same command goes on there."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="modes, planted: processes (default: one per core); faults: default one; corpus: "
            "to compare with one.",
        ),
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Measure ourselves; figures are ratios or rates of this machine, in one JSON object.

    Example: vdr bench loop --json
    """
    from vision_deepresearch.cli import bench_commands

    asked = bench_commands.Asked(
        world=world,
        model=model,
        tasks=tasks,
        noise_tasks=noise_tasks,
        source=source,
        pages=pages,
        only=tuple(only) if only else None,
        seed=seed,
        out=out,
        jobs=jobs,
    )
    code = bench_commands.bench(name, asked=asked, quick=quick, json_wanted=json_wanted)
    options.finish(code)
