"""What `vdr bench` does: runs one benchmark and prints its object."""

import asyncio
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from vision_deepresearch.cli.output import ShowProgress, console, print_json, progress_bars
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.local import needs_local

TAKES = {
    "loop": (),
    "modes": ("world", "tasks", "noise_tasks", "seed", "out", "jobs"),
    "noise": ("world", "tasks"),
    "corpus": ("source", "jobs"),
    "degrade": ("world", "tasks"),
    "embed": (),
    "injection": ("world", "model", "tasks", "seed"),
    "faults": ("tasks", "seed", "jobs"),
    "rollout": ("seed",),
    "generate": (),
    "sandbox": (),
    "serve": ("world",),
    "tape": (),
    "train": ("seed",),
    "planted": ("world", "tasks", "only", "out", "jobs"),
    "variety": ("tasks", "pages", "seed"),
    "world": ("pages", "seed"),
}
"""Which options a benchmark looks at, besides --quick."""
_SHOWN_ROWS = 5
"""Of a table of the most frequent; the JSON has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was said about a benchmark; None: nothing, its own default counts."""

    world: str | None = None
    model: str | None = None
    tasks: int | None = None
    noise_tasks: int | None = None
    source: Path | None = None
    pages: int | None = None
    only: tuple[str, ...] | None = None
    seed: int | None = None
    out: Path | None = None
    jobs: int | None = None


def bench(name: str, *, asked: Asked, quick: bool, json_wanted: bool) -> int:
    """Run the named benchmark."""
    if name not in TAKES:
        msg = f"unknown benchmark {name!r}: use one of {', '.join(TAKES)}"
        raise ConfigError(msg)
    for option, value in dataclasses.asdict(asked).items():
        if value is not None and option not in TAKES[name]:
            users = ", ".join(other for other, taken in TAKES.items() if option in taken)
            shown = option.replace("_", "-")
            msg = f"--{shown} belongs to {users}: leave it out for `vdr bench {name}`"
            raise ConfigError(msg)
    if asked.tasks is not None and asked.tasks < 1:
        msg = f"--tasks needs at least 1, got {asked.tasks}"
        raise ConfigError(msg)
    target = console(json_wanted=json_wanted)
    with progress_bars(target) as advance:
        result = _measured(name, asked=asked, quick=quick, progress=advance)
    if json_wanted:
        print_json(result)
        return 0
    for part in ("settings", "figures", "baseline", "ratios"):
        content = result.get(part)
        if part == "figures" and isinstance(content, dict):
            target.print("figures", soft_wrap=True)
            for key, value in content.items():
                _print_figure(target, key, value)
        else:
            target.print(f"{part:9} {content}", soft_wrap=True)
    return 0


def _measured(
    name: str, *, asked: Asked, quick: bool, progress: ShowProgress
) -> dict[str, JsonValue]:
    """What a benchmark found; each is imported when it is wanted."""
    world, tasks, seed = asked.world, asked.tasks, asked.seed or 0
    match name:
        case (
            "loop"
            | "corpus"
            | "generate"
            | "injection"
            | "noise"
            | "rollout"
            | "sandbox"
            | "serve"
            | "tape"
        ):
            return asyncio.run(_measured_waiting(name, asked=asked, quick=quick, progress=progress))
        case "degrade" | "embed" | "variety" | "world":
            return _measured_worlds(name, asked=asked, quick=quick, progress=progress)
        case "faults":
            from vision_deepresearch.bench.faults import bench_faults

            return bench_faults(episodes=tasks, seed=seed, quick=quick, jobs=asked.jobs)
        case "planted":
            from vision_deepresearch.bench.planted import bench_planted

            return bench_planted(
                world=world,
                wanted=tasks,
                only=asked.only,
                quick=quick,
                out=asked.out,
                jobs=asked.jobs,
                progress=progress,
            )
        case "train":
            from vision_deepresearch.bench.train import bench_train

            return bench_train(quick=quick, seed=seed)
        case _:
            from vision_deepresearch.bench.modes import bench_modes

            return bench_modes(
                world=world,
                num_tasks=tasks,
                num_noisy=asked.noise_tasks,
                seed=seed,
                quick=quick,
                out=asked.out,
                jobs=asked.jobs,
                progress=progress,
            )


def _measured_worlds(
    name: str, *, asked: Asked, quick: bool, progress: ShowProgress
) -> dict[str, JsonValue]:
    """What a benchmark of worlds and their indexes found."""
    tasks, seed = asked.tasks, asked.seed or 0
    match name:
        case "degrade":
            from vision_deepresearch.bench.degrade import bench_degrade

            return bench_degrade(
                world=asked.world, num_pictures=tasks, quick=quick, progress=progress
            )
        case "embed":
            from vision_deepresearch.bench.embed import bench_embed

            return bench_embed(quick=quick, progress=progress)
        case "variety":
            from vision_deepresearch.bench.variety import bench_variety

            return bench_variety(
                num_tasks=tasks, num_pages=asked.pages, seed=seed, quick=quick, progress=progress
            )
        case _:
            from vision_deepresearch.bench.world import bench_world

            return bench_world(pages=asked.pages, seed=seed, quick=quick, progress=progress)


async def _measured_waiting(
    name: str, *, asked: Asked, quick: bool, progress: ShowProgress
) -> dict[str, JsonValue]:
    """What a benchmark of things that wait for each other found."""
    match name:
        case "loop":
            from vision_deepresearch.bench.loop import bench_loop

            result = await bench_loop(quick=quick)
        case "corpus":
            from vision_deepresearch.bench.corpus import bench_corpus
            from vision_deepresearch.bench.zim_order import bench_zim_order

            if asked.source is not None and asked.source.is_file():
                result = bench_zim_order(asked.source, quick=quick)
            else:
                result = await bench_corpus(
                    source=asked.source, jobs=asked.jobs, quick=quick, progress=progress
                )
        case "generate":
            needs_local()
            from vision_deepresearch.bench.generate import bench_generate

            result = await bench_generate(quick=quick)
        case "injection":
            from vision_deepresearch.bench.injection import bench_injection

            result = await bench_injection(
                world=asked.world,
                model=asked.model,
                num_tasks=asked.tasks,
                seed=asked.seed or 0,
                quick=quick,
                progress=progress,
            )
        case "noise":
            from vision_deepresearch.bench.noise import bench_noise

            result = await bench_noise(
                world=asked.world, num_tasks=asked.tasks, quick=quick, progress=progress
            )
        case "rollout":
            from vision_deepresearch.bench.rollout import bench_rollout

            result = await bench_rollout(quick=quick, seed=asked.seed or 0)
        case "sandbox":
            from vision_deepresearch.bench.sandbox import bench_sandbox

            result = await bench_sandbox(quick=quick)
        case "serve":
            from vision_deepresearch.bench.serve import bench_serve

            result = await bench_serve(world=asked.world, quick=quick)
        case _:
            from vision_deepresearch.bench.tape import bench_tape

            result = await bench_tape(quick=quick)
    return result


def _print_figure(target: Console, key: str, value: JsonValue) -> None:
    """A figure on a line; a table or a list of rows under its name."""
    if isinstance(value, dict) and isinstance(rows := value.get("top"), list):
        target.print(f"  {key}: {value['different']} different", soft_wrap=True)
        for row in rows[:_SHOWN_ROWS]:
            target.print(f"    {_cell(row)}", soft_wrap=True)
    elif isinstance(value, dict) and not value.keys() & {"correct", "caught"}:
        target.print(f"  {key}", soft_wrap=True)
        for name, part in value.items():
            target.print(f"    {name:30} {_cell(part)}", soft_wrap=True)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        target.print(f"  {key}", soft_wrap=True)
        for row in value:
            target.print(f"    {_cell(row)}", soft_wrap=True)
    else:
        target.print(f"  {key:16} {_cell(value)}", soft_wrap=True)


def _cell(value: JsonValue) -> str:
    """A figure, or a row of the table of modes: correct of all, then by number of hops."""
    if not isinstance(value, dict) or "n" not in value:
        return str(value)
    if "correct" not in value:
        return ", ".join(f"{key} {part}" for key, part in value.items())
    row = f"{value.get('correct')} of {value.get('n')}"
    interval = value.get("frac_95")
    if isinstance(interval, list):
        row += f" ({', '.join(str(edge) for edge in interval)})"
    by_hops = value.get("by_hops")
    if not isinstance(by_hops, dict):
        return row
    return f"{row}   by hops: " + ", ".join(
        f"{hop}: {_cell(part)}" for hop, part in by_hops.items()
    )
