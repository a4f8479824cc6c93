"""What `vdr eval compare` does: two runs, a table and a sentence."""

from pathlib import Path

from rich.table import Table

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.compare import Comparison, Difference
from vision_deepresearch.evals.compare import compare as compare_runs
from vision_deepresearch.evals.grading import grade, judges_of
from vision_deepresearch.store.run import RunFolder

_SHOWN = 12
"""Differing settings that are listed; --json has all."""


def compare(first: Path, second: Path, *, judge: str | None, json_wanted: bool) -> int:
    """Compare two run folders under one judge."""
    wanted = judge or _common_judge(first, second)
    found = compare_runs(grade(first, judge=wanted), grade(second, judge=wanted))
    if json_wanted:
        print_json(found.model_dump(mode="json"))
        return 0
    target = console()
    target.print(f"first   {first}", soft_wrap=True)
    target.print(f"second  {second}", soft_wrap=True)
    target.print(f"judge   {found.judge}", soft_wrap=True)
    target.print(_table(found))
    for name, (one, other) in list(found.differing.items())[:_SHOWN]:
        target.print(plain(f"differs: {name}: {one!r}, {other!r}", width=200), soft_wrap=True)
    if len(found.differing) > _SHOWN:
        target.print(f"and {len(found.differing) - _SHOWN} more, see --json")
    if found.only_in_first or found.only_in_second:
        target.print(
            f"not compared: {found.only_in_first} tasks of the first run alone, "
            f"{found.only_in_second} of the second"
        )
    target.print(found.conclusion, soft_wrap=True)
    return 0


def _common_judge(first: Path, second: Path) -> str:
    """The judge that both runs were judged by; the first run's own before others.

    Raises:
        ConfigError: there is none.
    """
    with RunFolder.read(first) as one, RunFolder.read(second) as other:
        ours, theirs = judges_of(one), judges_of(other)
    for judge in ours:
        if judge in theirs:
            return judge
    msg = (
        f"two runs are compared under one judge: {first} has {', '.join(ours) or 'none'}, {second} "
        f"has {', '.join(theirs) or 'none'}: `vdr eval score` both by the same"
    )
    raise ConfigError(msg)


def _table(found: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("set", "tasks", "first", "second", "difference", "95 %", "p", "Holm", "MDE"):
        table.add_column(name, justify="left" if name == "set" else "right")
    for one in (*found.by_set, found.overall):
        table.add_row(*_row(one))
    return table


def _row(one: Difference) -> list[str]:
    interval = (
        "-"
        if one.low is None or one.high is None
        else f"{100 * one.low:+.1f}, {100 * one.high:+.1f}"
    )
    return [
        plain(one.set_name, width=40),
        str(one.tasks),
        f"{100 * one.first:.1f}",
        f"{100 * one.second:.1f}",
        f"{100 * one.difference:+.1f}",
        interval,
        f"{one.p_value:.3g}",
        f"{one.holm:.3g}",
        f"{100 * one.detectable:.1f}",
    ]
