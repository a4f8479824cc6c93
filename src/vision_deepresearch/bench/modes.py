"""The ablation table with the oracle: how much crops and text search are worth in this world.

The same tasks, taken before any whole-image filter, in every mode; then some of them again under
noise. The visual engine is a real matcher, so the whole picture sometimes finds the thing asked
about; nothing is ruled out by hand. Source of the modes: arXiv 2601.22060, Table 2.
"""

import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.bench.trials import Condition, Piece, TaskTrials, Trial, do_piece
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.fleet import num_cores, spread
from vision_deepresearch.evals.results import open_results
from vision_deepresearch.evals.statistics.paired import Paired
from vision_deepresearch.evals.statistics.shares import wilson
from vision_deepresearch.wiring.worlds import ProgressBar, cached_world, world_folder
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec, spec_named
from vision_deepresearch.worlds.generated.world import GeneratedWorld

BENCH_MODES = ("direct-blind", "direct", "ts", "wis", "wis+ts", "cis", "cis+ts")
BLIND, TEXT, BASELINE, BEST = "direct-blind", "ts", "wis+ts", "cis+ts"
"""The baseline: whole-image search with text search, what a system without crops can do."""
NOISE = ("realistic", "hostile")
"""Presets; `clean` is the mode cis+ts itself."""
NUM_TASKS = 1000
NUM_ENTITIES = 2500
"""Things of the world that is made for this: enough for a thousand different tasks."""
NUM_NOISY = 300
"""Tasks that are done again under each noise."""
FILTER = "whole_image_filter"
"""Of a spec: whether tasks that the whole picture answers were refused."""
_FAR = 0.5
"""`ts` is far below where all its interval lies below this share of all of the other's."""
_MIN_BASELINE = 0.05
_MIN_ORACLE = 0.97
_SHOWN = 20
"""Refs of tasks that the oracle fails in the best mode, shown for a look at them."""


def bench_modes(
    *,
    world: str | None = None,
    num_tasks: int | None = None,
    num_noisy: int | None = None,
    seed: int = 0,
    quick: bool = False,
    out: Path | None = None,
    jobs: int | None = None,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Run the oracle over the same tasks in every mode, and over some under noise.

    Args:
        world: a preset or folder; default a world of 2,500 things made for this, quick
            `generated:tiny`. Of a preset the variant without the whole-image filter is taken.
        num_tasks: tasks per mode; default 1,000, quick all of the tiny world.
        num_noisy: tasks per noise preset, the first so many; default 300 at most.
        seed: of the world made for this.
        quick: small sizes.
        out: folder of results; the same call goes on where it was stopped. None: nothing is kept.
        jobs: processes; default one per core.
        progress: called while the world is built and after each task.

    Returns:
        The object of `vdr bench modes --json`: per mode `{n, correct}`, also by hops.

    Raises:
        ConfigError: no such world, or one with fewer tasks; `out` holds results of other work.
    """
    is_tiny = quick and world is None
    wanted = num_tasks or (None if is_tiny else NUM_TASKS)
    folder = unfiltered_world(
        "generated:tiny" if is_tiny else world, num_tasks=wanted, seed=seed, progress=progress
    )
    opened = GeneratedWorld.open(folder)
    about = opened.manifest()
    tasks = opened.tasks(wanted)
    if wanted is not None and len(tasks) < wanted:
        msg = f"{world or about.name} has {len(tasks)} tasks, {wanted} were asked for: use --tasks"
        raise ConfigError(msg)
    del opened  # each process opens its own
    noisy = min(len(tasks), NUM_NOISY if num_noisy is None else num_noisy)
    pieces = [_piece(number, is_noisy=number < noisy) for number in range(len(tasks))]
    head: dict[str, JsonValue] = {
        "bench": "modes",
        "world_id": about.world_id,
        "tasks": len(tasks),
        "noisy": noisy,
    }
    with tempfile.TemporaryDirectory() as temporary:
        path = (out or Path(temporary)) / "modes.jsonl"
        by_id = _collect(
            path,
            head,
            folder=folder,
            pieces=pieces,
            ids=[t.id for t in tasks],
            jobs=jobs or num_cores(),
            progress=progress,
        )
    done = [by_id[task.id] for task in tasks]
    settings: dict[str, JsonValue] = {
        "world": world or about.name,
        "world_id": about.world_id,
        "model": "oracle",
        "quick": quick,
        "jobs": jobs or num_cores(),
        **_about_tasks(done),
        FILTER: _filter_of(about.spec),
        "tasks_under_noise": noisy,
        "noise_seed": 0,
    }
    return summary(done, settings=settings)


def _piece(number: int, *, is_noisy: bool) -> Piece:
    modes = [Condition(mode=mode) for mode in BENCH_MODES]
    noise = [Condition(mode=BEST, noise=preset) for preset in NOISE] if is_noisy else []
    return Piece(number=number, conditions=(*modes, *noise))


def _collect(
    path: Path,
    head: dict[str, JsonValue],
    *,
    folder: Path,
    pieces: Sequence[Piece],
    ids: Sequence[str],
    jobs: int,
    progress: ProgressBar | None,
) -> dict[str, TaskTrials]:
    """What every task became, by its id; what the file knows already is not done again."""
    with open_results(path, kind=TaskTrials, about=head) as file:
        done = {one.task_id: one for one in file.results}
        todo = [piece for piece in pieces if ids[piece.number] not in done]
        for one in spread(partial(do_piece, folder), todo, jobs=jobs):
            file.add(one)
            done[one.task_id] = one
            if progress is not None:
                progress("tasks in all modes", len(done), len(pieces))
    return done


# ------------------------------------------------------------------------------------------- world


def unfiltered_world(
    name: str | None, *, num_tasks: int | None, seed: int, progress: ProgressBar | None
) -> Path:
    """The folder of a world whose tasks were taken before the whole-image filter.

    A folder of the user's is taken as it is. Anything else is built once into the user's cache.

    Raises:
        ConfigError: no such world.
    """
    if name is not None and not name.startswith("generated:"):
        return world_folder(name)
    if name is None:
        spec = WorldSpec(
            preset="modes", seed=seed, num_entities=NUM_ENTITIES, num_tasks=num_tasks or NUM_TASKS
        )
    else:
        preset, _, own_seed = name.removeprefix("generated:").partition("@")
        if own_seed and not own_seed.isdecimal():
            return world_folder(name)  # which says what is wrong with it
        spec = spec_named(preset, seed=int(own_seed or 0))
    if FILTER in WorldSpec.model_fields:
        spec = WorldSpec.model_validate({**spec.model_dump(), FILTER: False})
    folder = cached_world(spec)
    if not (folder / "manifest.json").is_file():
        build_world(spec, folder, progress=progress, jobs=num_cores())
    return folder


def _filter_of(spec: Mapping[str, object]) -> str:
    """Whether the world's tasks were filtered, for the settings."""
    return "tasks that the whole picture answers were refused" if spec.get(FILTER) else "none"


# ----------------------------------------------------------------------------------------- figures


def summary(done: Sequence[TaskTrials], *, settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The object of the benchmark from what every task became."""
    shares = {mode: _share(done, mode) for mode in BENCH_MODES}
    baseline = shares[BASELINE]
    figures: dict[str, JsonValue] = {mode: _row(done, mode) for mode in BENCH_MODES}
    figures["gain_of_crops"] = _difference(done, BASELINE, BEST)
    noisy = [one for one in done if one.trial(NOISE[0]) is not None]
    if noisy:
        figures["noise"] = _noise(noisy)
    failed = [one.ref for one in done if not _is_right(one, BEST)]
    figures["failed_with_everything"] = list(failed[:_SHOWN])
    figures["holds"] = _holds(done, noisy)
    return {
        "name": "modes",
        "settings": settings,
        "figures": figures,
        "baseline": {"mode": BASELINE, "correct_frac": round(baseline, 4)},
        "ratios": {
            mode: round(share / baseline, 3) if baseline else None for mode, share in shares.items()
        },
    }


def _about_tasks(done: Sequence[TaskTrials]) -> dict[str, JsonValue]:
    """What was done, counted on the tasks themselves; every mode gets the same ones."""
    hops = Counter(one.strata.get("hops", "?") for one in done)
    return {
        "tasks": len(done),
        "tasks_by_hops": dict(sorted(hops.items())),
        "tasks_whole_image_finds": sum(one.strata.get("whole_image") == "hit" for one in done),
    }


def _row(done: Sequence[TaskTrials], name: str) -> dict[str, JsonValue]:
    hops = sorted({one.strata.get("hops", "?") for one in done})
    by_hops: dict[str, JsonValue] = {
        hop: _counted([one for one in done if one.strata.get("hops", "?") == hop], name)
        for hop in hops
    }
    return {**_counted(done, name), "by_hops": by_hops}


def _counted(done: Sequence[TaskTrials], name: str) -> dict[str, JsonValue]:
    correct = _num_right(done, name)
    low, high = wilson(correct, len(done))
    return {
        "n": len(done),
        "correct": correct,
        "frac": round(correct / len(done), 4),
        "frac_95": [round(low, 4), round(high, 4)],
    }


def _difference(done: Sequence[TaskTrials], first: str, second: str) -> dict[str, JsonValue]:
    paired = _paired(done, first, second)
    low, high = paired.interval()
    return {
        "from": first,
        "to": second,
        "difference": round(paired.difference, 4),
        "difference_95": [round(low, 4), round(high, 4)],
        "only_first": paired.only_first,
        "only_second": paired.only_second,
        "mcnemar_p": float(f"{paired.p_value():.3g}"),
    }


def _noise(noisy: Sequence[TaskTrials]) -> dict[str, JsonValue]:
    """The presets on the same tasks: `clean` is the best mode itself."""
    rows: dict[str, JsonValue] = {}
    for preset, name in (("clean", BEST), *((preset, preset) for preset in NOISE)):
        trials = _trials(noisy, name)
        row = {
            **_row(noisy, name),
            "turns_mean": round(statistics.mean(one.turns for one in trials), 2),
            "engine_wait_s_mean": round(statistics.mean(one.waited_s for one in trials), 1),
        }
        if name != BEST:
            row["cost"] = _difference(noisy, BEST, name)
        rows[preset] = row
    return rows


def _holds(done: Sequence[TaskTrials], noisy: Sequence[TaskTrials]) -> dict[str, JsonValue]:
    """The lines of "Done when", each by its interval or its share, as said."""
    total = len(done)
    intervals = {mode: wilson(_num_right(done, mode), total) for mode in BENCH_MODES}
    one_hop = sum(one.strata.get("hops") == "1" for one in done)
    # Paired: the same tasks, so the interval is of the difference, not of each share.
    blind_below = _paired(done, BLIND, BASELINE).interval()[0] > 0
    whole_below = _paired(done, BASELINE, BEST).interval()[0] > 0
    checks: dict[str, JsonValue] = {
        "at_least_1000_tasks": total >= NUM_TASKS,
        "one_third_one_hop": abs(3 * one_hop - total) <= max(3, total // 30),
        "direct-blind < wis+ts (paired interval above 0)": blind_below,
        "wis+ts < cis+ts (paired interval above 0)": whole_below,
        "ts far below cis+ts (whole interval below half)": (
            intervals[TEXT][1] < _FAR * intervals[BEST][0]
        ),
        "wis+ts >= 5 %": _share(done, BASELINE) >= _MIN_BASELINE,
        "oracle >= 97 % in clean": _share(done, BEST) >= _MIN_ORACLE,
    }
    for preset in NOISE if noisy else ():
        costs = _paired(noisy, preset, BEST).interval()[0] > 0
        checks[f"{preset} costs visibly (paired interval above 0)"] = costs
    return checks


def _paired(done: Sequence[TaskTrials], first: str, second: str) -> Paired:
    return Paired.of((_is_right(one, first), _is_right(one, second)) for one in done)


def _trials(done: Sequence[TaskTrials], name: str) -> list[Trial]:
    found = [one.trial(name) for one in done]
    return [one for one in found if one is not None]


def _is_right(one: TaskTrials, name: str) -> bool:
    trial = one.trial(name)
    assert trial is not None, f"{one.ref} was not done under {name!r}"
    return trial.correct


def _num_right(done: Sequence[TaskTrials], name: str) -> int:
    return sum(_is_right(one, name) for one in done)


def _share(done: Sequence[TaskTrials], name: str) -> float:
    return _num_right(done, name) / len(done)
