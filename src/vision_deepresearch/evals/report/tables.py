"""The tables of a report as plain cells, and how Markdown and LaTeX write them."""

from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.mode import MODES
from vision_deepresearch.evals.report.published import (
    ABLATION,
    ABLATION_SETS,
    MAIN,
    SETS,
    WARNING,
)
from vision_deepresearch.evals.statistics.shares import Z_95
from vision_deepresearch.evals.summary import Accuracy, Spread, Summary

NONE = "-"
STRATA = ("set", "level", "difficulty", "hops", "area", "domain", "category", "language")
"""What tasks are divided by where nobody asked for something else."""
_INCOMPLETE = (
    "incomplete: more than 2 % of the attempts are invalid, so bounds stand in place of a figure"
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: the first column is words, the others figures."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def in_order(summaries: Sequence[Summary]) -> list[Summary]:
    """By mode, as the paper's table goes, then as given."""
    modes = list(MODES)
    return sorted(
        summaries, key=lambda one: modes.index(one.mode) if one.mode in MODES else len(modes)
    )


def sheets(summaries: Sequence[Summary], *, by: Sequence[str] = STRATA) -> list[Sheet]:
    """The tables of a report; of a kind that would be empty there is none.

    Args:
        summaries: of runs under one judge.
        by: strata of the tasks that get a table each.
    """
    ordered = in_order(summaries)
    made = [_ablation(ordered), _outcomes(ordered), _effort(ordered)]
    sets = sorted({name for one in ordered for name in one.by_set})
    if len(sets) > 1:
        made.append(_sets(ordered, sets))
    made += _strata(ordered, by)
    if any(one.by_scale for one in ordered):
        made.append(_scales(ordered))
    if any(one.attempts > 1 for one in ordered):
        made.append(_attempts(ordered))
    return made


def published() -> list[Sheet]:
    """The paper's tables."""
    return [
        Sheet(
            title="Published: Vision-DeepResearch-30B by mode, %",
            head=("mode", *ABLATION_SETS, "mean"),
            rows=tuple((mode, *_figures(row)) for mode, row in ABLATION.items()),
            note=WARNING,
        ),
        Sheet(
            title="Published: main table, %",
            head=("model", "mode", *SETS, "mean"),
            rows=tuple((model, mode, *_figures(row)) for model, mode, row in MAIN),
            note=WARNING,
        ),
    ]


def markdown(made: Sequence[Sheet]) -> str:
    """GitHub's tables."""
    blocks = []
    for sheet in made:
        lines = [f"### {sheet.title}", "", _pipes(sheet.head)]
        lines.append("|---|" + "---:|" * (len(sheet.head) - 1))
        lines += [_pipes(row) for row in sheet.rows]
        if sheet.note:
            lines += ["", sheet.note]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def latex(made: Sequence[Sheet]) -> str:
    """Tables that need no package."""
    blocks = []
    for sheet in made:
        lines = [
            r"\begin{table}",
            rf"\caption{{{_tex(sheet.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(sheet.head) - 1)}}}",
            r"\hline",
            _ampersands(sheet.head),
            r"\hline",
            *(_ampersands(row) for row in sheet.rows),
            r"\hline",
            r"\end{tabular}",
        ]
        if sheet.note:
            lines.append(rf"\par {{\small {_tex(sheet.note)}}}")
        lines.append(r"\end{table}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def percent(share: float | None) -> str:
    """Of a share, one digit."""
    return NONE if share is None else f"{100 * share:.1f}"


def with_interval(found: Accuracy) -> str:
    """An accuracy with its interval, or its bounds where too much is invalid to print it."""
    if found.share is None or not found.is_whole:
        low, high = percent(found.if_invalid_wrong), percent(found.if_invalid_right)
        return f"incomplete, {low} to {high}"
    if found.low is None or found.high is None:
        return percent(found.share)
    return f"{percent(found.share)} [{percent(found.low)}, {percent(found.high)}]"


def _ablation(summaries: Sequence[Summary]) -> Sheet:
    rows = tuple(
        (
            one.mode,
            one.model,
            str(one.accuracy.valid + one.accuracy.invalid),
            with_interval(one.accuracy),
            *(_figures(ABLATION[one.mode]) if one.mode in ABLATION else [NONE] * 4),
        )
        for one in summaries
    )
    is_whole = all(one.accuracy.is_whole for one in summaries)
    heads = (*(f"paper {name}" for name in ABLATION_SETS), "paper mean")
    return Sheet(
        title="Accuracy by mode, % [95 %]",
        head=("mode", "model", "n", "accuracy", *heads),
        rows=rows,
        note=(WARNING if any(one.mode in ABLATION for one in summaries) else "")
        + ("" if is_whole else f" {_INCOMPLETE}."),
    )


def _outcomes(summaries: Sequence[Summary]) -> Sheet:
    names = [n for n in summaries[0].outcomes if any(one.outcomes[n] for one in summaries)]
    return Sheet(
        title="What became of the attempts",
        head=("run", *(name.replace("_", " ") for name in names), "if invalid wrong", "if right"),
        rows=tuple(
            (
                _name(one),
                *(str(one.outcomes[name]) for name in names),
                percent(one.accuracy.if_invalid_wrong),
                percent(one.accuracy.if_invalid_right),
            )
            for one in summaries
        ),
    )


def _effort(summaries: Sequence[Summary]) -> Sheet:
    names = ("turns", "calls", "engine_requests", "tokens", "seconds", "cost_usd")
    return Sheet(
        title="What an attempt took: median / 95th percentile",
        head=("run", *(name.replace("_", " ") for name in names), "$ per correct", "forced %"),
        rows=tuple(
            (
                _name(one),
                *(_spread(one.effort.get(name)) for name in names),
                NONE if one.cost_per_correct_usd is None else f"{one.cost_per_correct_usd:.3g}",
                percent(one.forced),
            )
            for one in summaries
        ),
        note="Costs stand only where every price is known.",
    )


def _sets(summaries: Sequence[Summary], names: Sequence[str]) -> Sheet:
    return Sheet(
        title="Accuracy by set, % [95 %]",
        head=("run", *names, "mean of sets"),
        rows=tuple(
            (
                _name(one),
                *(with_interval(one.by_set[n]) if n in one.by_set else NONE for n in names),
                _macro(one),
            )
            for one in summaries
        ),
    )


def _strata(summaries: Sequence[Summary], by: Sequence[str]) -> list[Sheet]:
    made = []
    for stratum in by:
        values = sorted(
            {v for one in summaries for v in one.by_stratum.get(stratum, {})},
            key=lambda value: (not value.isdigit(), int(value) if value.isdigit() else 0, value),
        )
        if len(values) < 2:
            continue  # says what the first table says
        rows = tuple(
            (
                _name(one),
                *(
                    with_interval(one.by_stratum[stratum][value])
                    if value in one.by_stratum.get(stratum, {})
                    else NONE
                    for value in values
                ),
            )
            for one in summaries
        )
        made.append(
            Sheet(title=f"Accuracy by {stratum}, % [95 %]", head=("run", *values), rows=rows)
        )
    return made


def _scales(summaries: Sequence[Summary]) -> Sheet:
    rows = tuple(
        (_name(one), scale, str(found.searched), str(found.failed), percent(found.share))
        for one in summaries
        for scale, found in one.by_scale.items()
    )
    return Sheet(
        title="Searched crops by scale",
        head=("run", "scale", "searched", "engine failed", "with a hit, %"),
        rows=rows,
        note="A hit is any page that was found, the right one or not.",
    )


def _attempts(summaries: Sequence[Summary]) -> Sheet:
    return Sheet(
        title="Several attempts, %",
        head=("run", "k", "avg@k", "pass@k", "pass^k", "majority"),
        rows=tuple(
            (
                _name(one),
                str(one.attempts),
                with_interval(one.accuracy),
                percent(one.pass_any),
                percent(one.pass_all),
                percent(one.majority),
            )
            for one in summaries
        ),
    )


def _name(one: Summary) -> str:
    return f"{one.mode} ({one.run.rstrip('/').rpartition('/')[2]})"


def _macro(one: Summary) -> str:
    if one.macro is None:
        return NONE
    error = "" if one.macro_error is None else f" ± {100 * Z_95 * one.macro_error:.1f}"
    return f"{percent(one.macro)}{error}"


def _spread(found: Spread | None) -> str:
    return NONE if found is None else f"{found.p50:.4g} / {found.p95:.4g}"


def _figures(values: Sequence[float]) -> list[str]:
    return [f"{value:.1f}" for value in values]


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(_tex(cell) for cell in cells) + r" \\"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text).replace("±", r"$\pm$")
