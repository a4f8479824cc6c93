"""What `--dry-run` does: says what a run would cost, and makes nothing."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, counted, print_json
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.grading import set_of
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape_files import summarise_tape, tape_file
from vision_deepresearch.store.view import RunView
from vision_deepresearch.wiring.config import RunConfig
from vision_deepresearch.wiring.estimate import Estimate, Measured, estimate


def estimate_only(
    config: RunConfig,
    *,
    wanted: int,
    folder: Path,
    like: Path | None,
    is_dry: bool,
    json_wanted: bool,
    sets: Mapping[str, int] | None = None,
) -> int:
    """Print what the attempts still to be made would cost.

    Args:
        config: of the run.
        wanted: attempts in all.
        folder: where it would go; what is done there is not made again, and is gone by.
        like: another run to go by.
        is_dry: False: only `--like` was said, which means nothing by itself.
        json_wanted: print one object.
        sets: of a run over public sets: attempts in all of each.

    Raises:
        ConfigError: the run to go by holds no trajectory, or `--like` without `--dry-run`.
    """
    if not is_dry:
        msg = f"--like {like} goes by a run for an estimate: add --dry-run, or leave it out"
        raise ConfigError(msg)
    done = 0
    left = sets
    measured = None if like is None else _measured(like)
    if (folder / "run.db").is_file():
        with RunFolder.read(folder) as view:
            done = min(wanted, len(view.done()))
            has_some = view.counts().attempts > 0
            left = _left_of(sets, view) if sets is not None else None
        measured = measured or (_measured(folder) if has_some else None)
    told = estimate(config, attempts=wanted - done, done=done, measured=measured, sets=left)
    if json_wanted:
        print_json(told.model_dump(mode="json"))
    else:
        _print(console(), told)
    return 0


def _left_of(sets: Mapping[str, int], view: RunView) -> dict[str, int]:
    """Attempts of each set that are not done."""
    done = Counter(task_id for task_id, _ in view.done())
    done_of: Counter[str] = Counter()
    for task in view.tasks():
        done_of[set_of(task)] += done[task.id]
    return {name: max(0, count - done_of[name]) for name, count in sets.items()}


def _measured(folder: Path) -> Measured:
    with RunFolder.read(folder) as view:
        ledger = view.ledger()
    if not ledger.trajectories:
        msg = f"expected a run with trajectories to go by, {str(folder)!r} holds none"
        raise ConfigError(msg)
    recorded = summarise_tape(tape_file(folder)).groups
    return Measured(name=str(folder), ledger=ledger, recorded=recorded)


def _print(target: Console, told: Estimate) -> None:
    target.print(f"{counted(told.attempts, 'attempt')} to make, {told.done} done")
    target.print(f"going by {told.basis}", soft_wrap=True)
    for line in told.lines:
        calls = "? calls" if line.per_attempt is None else f"{line.per_attempt:.1f} calls"
        usd = "?" if line.usd_per_attempt is None else f"${line.usd_per_attempt:.4f}"
        target.print(
            f"{line.kind.value:13} {plain(line.provider, width=40):30} {calls:>12} an attempt "
            f"{usd:>9}  ({line.price})",
            soft_wrap=True,
        )
    for one in told.sets:
        calls = "? calls" if one.calls is None else f"{one.calls:,.0f} calls"
        usd = "$?" if one.usd is None else f"${one.usd:,.2f}"
        hours = "? hours" if one.hours is None else f"{one.hours:,.2f} hours"
        target.print(
            f"{one.name:30} {one.attempts:6,} attempts {calls:>14} {usd:>10} {hours:>12}",
            soft_wrap=True,
        )
    if told.hours is not None:
        target.print(f"takes         {told.hours:,.2f} hours")
    if told.expected_usd is not None:
        target.print(f"expected      ${told.expected_usd:.2f}")
    else:
        target.print("expected      not known: see the lines with a question mark")
    if told.at_most_usd is not None:
        target.print(f"at most       ${told.at_most_usd:.2f}, by the caps of dollars")
    else:
        target.print("at most       no cap: --budget-usd sets one")
