"""The report as one HTML file: tables and plots, no script, no font, no picture from anywhere else."""

from collections.abc import Sequence
from html import escape

from vision_deepresearch.evals.report.plots import Bar, Point, bars, scatter
from vision_deepresearch.evals.report.sheet import Sheet, percent, with_interval
from vision_deepresearch.evals.report.tables import STRATA, in_order, sheets
from vision_deepresearch.evals.summary import Summary

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
p.note{font-size:.85rem;opacity:.8;max-width:60rem}
figure{margin:1.5rem 0;overflow-x:auto}figcaption{font-weight:600;margin-bottom:.3rem}
svg{width:100%;min-width:34rem;max-width:760px;height:auto;font-size:12px}
svg text{fill:currentColor}.grid{stroke:#8885}.whisker{stroke:currentColor;stroke-width:1.5;fill:none}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_page(
    summaries: Sequence[Summary], *, paper: Sequence[Sheet], by: Sequence[str] = STRATA
) -> str:
    """The whole page.

    Args:
        summaries: of runs under one judge, at least one.
        paper: the paper's tables, see `paper_sheets`.
        by: strata of the tasks that get a table each.
    """
    ordered = in_order(summaries)
    made = sheets(ordered, by=by)
    body = [
        "<h1>Evaluation report</h1>",
        f'<p class="note">Judge: {escape(ordered[0].judge)}. {len(ordered)} runs. Intervals: 95 %.</p>',
        _table(made[0]),
        *_plots(ordered),
        *(_table(one) for one in made[1:]),
        *(_table(one) for one in paper),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Evaluation report</title><style>{_STYLE}</style></head><body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def _plots(summaries: Sequence[Summary]) -> list[str]:
    names = [_name(one, summaries) for one in summaries]
    accuracy = [_accuracy(name, one) for name, one in zip(names, summaries, strict=True)]
    efforts = [
        Bar(name=f"{name}: {what}", value=one.effort[what].mean, series=series)
        for name, one in zip(names, summaries, strict=True)
        for series, what in enumerate(("turns", "calls"))
        if what in one.effort
    ]
    scales = [
        Bar(
            name=f"{name}, scale {scale}",
            value=100 * share,
            series=2,
            shown=f"{percent(share)} % of {found.searched - found.failed}",
        )
        for name, one in zip(names, summaries, strict=True)
        for scale, found in one.by_scale.items()
        # Any engine finds something: the right hit is what tells, where it can be told.
        if (share := found.share if found.right is None else found.right_share) is not None
    ]
    is_told = all(found.right is not None for one in summaries for found in one.by_scale.values())
    made = [bars("Accuracy by mode, %, with 95 % intervals", accuracy, most=100)]
    if efforts:
        made.append(bars("Turns and tool calls per attempt, mean", efforts))
    if scales:
        what = "a right hit" if is_told else "a hit"
        made.append(bars(f"Searched crops with {what}, %, by scale", scales, most=100))
    what, unit = _price(summaries)
    points = [
        Point(
            name=name,
            x=one.effort[what].mean,
            y=one.accuracy.share,
            low=one.accuracy.low,
            high=one.accuracy.high,
        )
        for name, one in zip(names, summaries, strict=True)
        if what in one.effort and one.accuracy.share is not None and one.accuracy.is_whole
    ]
    if points:
        made.append(scatter("Cost against accuracy", points, x_name=unit))
    return made


def _accuracy(name: str, one: Summary) -> Bar:
    """A bar with its interval; where too much is invalid, one that ends where it may end at least."""
    found = one.accuracy
    shown = with_interval(found)
    if found.share is None or not found.is_whole:
        low, high = 100 * found.if_invalid_wrong, 100 * found.if_invalid_right
        return Bar(name=name, value=low, low=low, high=high, shown=shown)
    if found.low is None or found.high is None:
        return Bar(name=name, value=100 * found.share, shown=shown)
    low, high = 100 * found.low, 100 * found.high
    return Bar(name=name, value=100 * found.share, low=low, high=high, shown=shown)


def _price(summaries: Sequence[Summary]) -> tuple[str, str]:
    """What stands for cost: dollars where all are known and not nothing, else engine requests."""
    dollars = [one.effort.get("cost_usd") for one in summaries]
    if all(dollars) and any(one and one.mean for one in dollars):
        return "cost_usd", "dollars per attempt, mean"
    return (
        "engine_requests",
        "searches and page reads per attempt, mean (dollars: none, or not known)",
    )


def _name(one: Summary, summaries: Sequence[Summary]) -> str:
    """The mode; with the run's name where several runs have it."""
    if sum(other.mode == one.mode for other in summaries) == 1:
        return one.mode
    return f"{one.mode} {one.run.rstrip('/').rpartition('/')[2]}"


def _table(sheet: Sheet) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in sheet.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in sheet.rows
    )
    note = f'<p class="note">{escape(sheet.note)}</p>' if sheet.note else ""
    return (
        f'<h2>{escape(sheet.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )
