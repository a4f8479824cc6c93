"""The tables of the data factory: what each stage took and gave, what it is likely to cost."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from vision_deepresearch.synth.estimate import EstimateRow
from vision_deepresearch.synth.funnel import FunnelRow


def funnel_table(rows: Sequence[FunnelRow]) -> Table:
    """One line per stage."""
    table = Table(title="funnel")
    table.add_column("stage")
    for name in ("in", "kept", "out"):
        table.add_column(name, justify="right")
    table.add_column("rejected, by reason", overflow="fold")
    for name in ("yield", "dollars", "seconds"):
        table.add_column(name, justify="right")
    for row in rows:
        reasons = sorted(row.rejected.items(), key=lambda item: -item[1])
        told = [f"{reason} {count:,}" for reason, count in reasons]
        if row.unfinished:
            told.append(f"not decided yet {row.unfinished:,}")
        share = row.yield_frac
        table.add_row(
            row.stage,
            f"{row.taken:,}",
            f"{row.kept:,}",
            f"{row.given:,}",
            ", ".join(told),
            "" if share is None else f"{share:.0%}",
            _dollars(row.cost_usd),
            f"{row.seconds:,.1f}",
        )
    return table


def yields_table(yields: Mapping[str, Mapping[str, int]]) -> Table:
    """One column per set: its rows, and how many of them each stage kept."""
    table = Table(title="yields per set")
    table.add_column("stage")
    for name in yields:
        table.add_column(name, justify="right", overflow="fold")
    stages = list(dict.fromkeys(stage for told in yields.values() for stage in told))
    for stage in stages:
        table.add_row(stage, *(f"{told.get(stage, 0):,}" for told in yields.values()))
    shares = (told.get(stages[-1], 0) / max(1, told["rows"]) for told in yields.values())
    table.add_row("yield", *(f"{share:.0%}" for share in shares))
    return table


def estimate_table(rows: Sequence[EstimateRow]) -> Table:
    """One line per stage."""
    table = Table(title="expected, nothing was done")
    table.add_column("stage")
    table.add_column("records in", justify="right")
    table.add_column("calls", overflow="fold")
    for name in ("tokens read", "tokens written", "dollars"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.stage,
            f"{row.records:,}",
            ", ".join(f"{kind} {number:,}" for kind, number in row.calls.items()),
            f"{row.prompt_tokens:,}",
            f"{row.completion_tokens:,}",
            _dollars(row.cost_usd),
        )
    return table


def _dollars(usd: float | None) -> str:
    return "not known" if usd is None else f"{usd:.2f}"
