"""What `vdr bench` does: runs one benchmark and prints its object."""

import asyncio

from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.cli.research import world_progress
from vision_deepresearch.core.errors import ConfigError

NAMES = ("loop", "modes")


def bench(
    name: str, *, quick: bool, world: str | None, tasks: int | None, json_wanted: bool
) -> int:
    """Run the named benchmark."""
    if name not in NAMES:
        msg = f"unknown benchmark {name!r}: use one of {', '.join(NAMES)}"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with world_progress(target) as advance:
        if name == "loop":
            from vision_deepresearch.bench.loop import bench_loop

            result = asyncio.run(bench_loop(quick=quick))
        else:
            from vision_deepresearch.bench.modes import bench_modes

            result = asyncio.run(
                bench_modes(world=world, num_tasks=tasks, quick=quick, progress=advance)
            )
    if json_wanted:
        print_json(result)
    else:
        for part in ("settings", "figures", "baseline", "ratios"):
            target.print(f"{part:9} {result.get(part)}", soft_wrap=True)
    return 0
