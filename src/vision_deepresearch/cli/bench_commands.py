"""What `vdr bench` does: runs one benchmark and prints its object."""

import asyncio
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError

NAMES = ("loop", "modes", "noise", "corpus")


def bench(
    name: str,
    *,
    quick: bool,
    world: str | None,
    tasks: int | None,
    source: Path | None,
    json_wanted: bool,
) -> int:
    """Run the named benchmark."""
    if name not in NAMES:
        msg = f"unknown benchmark {name!r}: use one of {', '.join(NAMES)}"
        raise ConfigError(msg)
    if name != "corpus" and source is not None:
        msg = f"--source belongs to `vdr bench corpus`: leave it out for {name}"
        raise ConfigError(msg)
    if name in {"loop", "corpus"} and (world is not None or tasks is not None):
        msg = f"--world and --tasks belong to `modes` and `noise`: `vdr bench {name}` uses no world"
        raise ConfigError(msg)
    if tasks is not None and tasks < 1:
        msg = f"--tasks needs at least 1, got {tasks}"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        if name == "loop":
            from vision_deepresearch.bench.loop import bench_loop

            result = asyncio.run(bench_loop(quick=quick))
        elif name == "corpus":
            from vision_deepresearch.bench.corpus import bench_corpus

            result = asyncio.run(bench_corpus(source=source, quick=quick, progress=advance))
        elif name == "noise":
            from vision_deepresearch.bench.noise import bench_noise

            result = asyncio.run(
                bench_noise(world=world, num_tasks=tasks, quick=quick, progress=advance)
            )
        elif name == "serve":
            from vision_deepresearch.bench.serve import bench_serve

            result = asyncio.run(bench_serve(world=world, quick=quick))
        else:
            from vision_deepresearch.bench.modes import bench_modes

            result = asyncio.run(
                bench_modes(world=world, num_tasks=tasks, quick=quick, progress=advance)
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
