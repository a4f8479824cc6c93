"""What `vdr bench` does: runs one benchmark and prints its object."""

import asyncio
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.cli.output import ShowProgress, console, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError

TAKES = {
    "loop": (),
    "modes": ("world", "tasks"),
    "noise": ("world", "tasks"),
    "corpus": ("source", "jobs"),
    "sandbox": (),
    "serve": ("world",),
    "world": ("pages", "seed"),
}
"""Which options a benchmark looks at, besides --quick."""


def bench(
    name: str,
    *,
    quick: bool,
    world: str | None,
    tasks: int | None,
    source: Path | None,
    jobs: int | None,
    pages: int | None,
    seed: int | None,
    json_wanted: bool,
) -> int:
    """Run the named benchmark."""
    if name not in TAKES:
        msg = f"unknown benchmark {name!r}: use one of {', '.join(TAKES)}"
        raise ConfigError(msg)
    given = {
        "world": world,
        "tasks": tasks,
        "source": source,
        "jobs": jobs,
        "pages": pages,
        "seed": seed,
    }
    for option, value in given.items():
        if value is not None and option not in TAKES[name]:
            users = ", ".join(other for other, taken in TAKES.items() if option in taken)
            msg = f"--{option} belongs to {users}: leave it out for `vdr bench {name}`"
            raise ConfigError(msg)
    if tasks is not None and tasks < 1:
        msg = f"--tasks needs at least 1, got {tasks}"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        result = _measured(
            name,
            quick=quick,
            world=world,
            tasks=tasks,
            source=source,
            jobs=jobs,
            pages=pages,
            seed=seed,
            progress=advance,
        )
    if json_wanted:
        print_json(result)
    else:
        for part in ("settings", "figures", "baseline", "ratios"):
            content = result.get(part)
            if part == "figures" and isinstance(content, dict):
                target.print("figures", soft_wrap=True)
                for key, value in content.items():
                    target.print(f"  {key:16} {_cell(value)}", soft_wrap=True)
            else:
                target.print(f"{part:9} {content}", soft_wrap=True)
    return 0


def _measured(
    name: str,
    *,
    quick: bool,
    world: str | None,
    tasks: int | None,
    source: Path | None,
    jobs: int | None,
    pages: int | None,
    seed: int | None,
    progress: ShowProgress,
) -> dict[str, JsonValue]:
    """What a benchmark found; each is imported when it is wanted."""
    match name:
        case "loop":
            from vision_deepresearch.bench.loop import bench_loop

            return asyncio.run(bench_loop(quick=quick))
        case "corpus":
            from vision_deepresearch.bench.corpus import bench_corpus
            from vision_deepresearch.bench.zim_order import bench_zim_order

            if source is not None and source.is_file():
                return bench_zim_order(source, quick=quick)
            return asyncio.run(
                bench_corpus(source=source, jobs=jobs, quick=quick, progress=progress)
            )
        case "noise":
            from vision_deepresearch.bench.noise import bench_noise

            return asyncio.run(
                bench_noise(world=world, num_tasks=tasks, quick=quick, progress=progress)
            )
        case "sandbox":
            from vision_deepresearch.bench.sandbox import bench_sandbox

            return asyncio.run(bench_sandbox(quick=quick))
        case "serve":
            from vision_deepresearch.bench.serve import bench_serve

            return asyncio.run(bench_serve(world=world, quick=quick))
        case "world":
            from vision_deepresearch.bench.world import bench_world

            return bench_world(pages=pages, seed=seed or 0, quick=quick, progress=progress)
        case _:
            from vision_deepresearch.bench.modes import bench_modes

            return asyncio.run(
                bench_modes(world=world, num_tasks=tasks, quick=quick, progress=progress)
            )


def _cell(value: JsonValue) -> str:
    """A figure, or a row of the table of modes: correct of all, then by number of hops."""
    if not isinstance(value, dict):
        return str(value)
    row = f"{value.get('correct')} of {value.get('n')}"
    by_hops = value.get("by_hops")
    if not isinstance(by_hops, dict):
        return row
    return f"{row}   by hops: " + ", ".join(
        f"{hop}: {_cell(part)}" for hop, part in by_hops.items()
    )
