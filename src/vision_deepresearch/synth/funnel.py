"""What each stage took and gave, and why it rejected: the table of a data factory."""

from collections.abc import Sequence

from vision_deepresearch.core.record import Record


class FunnelRow(Record):
    """One stage of a run."""

    stage: str
    taken: int
    """Records in."""
    kept: int
    """Of these, how many went on."""
    given: int
    """Records out: a record may go on as several."""
    rejected: dict[str, int] = {}
    """By reason."""
    unfinished: int = 0
    """Not decided yet: not begun, or ended from outside."""
    outages: int = 0
    """Of these, ended from outside."""
    seconds: float = 0.0
    """Summed over records; with several at a time more than what passed."""
    cost_usd: float | None = 0.0
    """None: a price is not known."""

    @property
    def yield_frac(self) -> float | None:
        """Share of the records in that went on; None: there were none."""
        return self.kept / self.taken if self.taken else None


def totals(rows: Sequence[FunnelRow]) -> FunnelRow:
    """The funnel as one row: what went into the first stage and came out of the last."""
    costs = [row.cost_usd for row in rows]
    return FunnelRow(
        stage="all",
        taken=rows[0].taken if rows else 0,
        kept=rows[-1].kept if rows else 0,
        given=rows[-1].given if rows else 0,
        unfinished=sum(row.unfinished for row in rows),
        outages=sum(row.outages for row in rows),
        seconds=round(sum(row.seconds for row in rows), 3),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
    )
