"""The paper's main, retrieval and data ablation tables, with the rows of our runs among them.

A run fills the columns of the sets it holds: several run folders of one model in one mode make one row.
BC-VL is the mean of its two levels; a mean of sets stands only where no set is missing. Nothing here is
a test: published figures are single runs by other engines and judges.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.report.published import (
    ABLATION,
    ABLATION_SETS,
    COPIED,
    DATA,
    MAIN,
    RECALL,
    SETS,
    WARNING,
)
from vision_deepresearch.evals.report.sheet import NONE, Sheet, percent, with_interval
from vision_deepresearch.evals.statistics.shares import Z_95
from vision_deepresearch.evals.summary import Accuracy, Summary

_COLUMNS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "VDR-Bench": (("vdr-bench/testmini", "official/vdr-bench"),),
    "FVQA": (("official/fvqa", "fvqa/test"),),
    "MMSearch-Plus": (("official/mmsearch-plus", "mmsearch-plus/single"),),
    "MMSearch": (("official/mmsearch", "mmsearch/image", "webwatcher/mmsearch"),),
    "LiveVQA": (("official/livevqa", "webwatcher/livevqa", "livevqa/choices"),),
    "BC-VL": (
        ("official/bc-vl-level1", "bc-vl/level1"),
        ("official/bc-vl-level2", "bc-vl/level2"),
    ),
}
"""Sets of ours that a column of the paper stands for; of several parts the column is the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A column of one of our rows."""

    shown: str
    share: float | None
    """None: not to be averaged, for it is incomplete."""
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One model in one mode, over all its run folders."""

    model: str
    mode: str
    cells: Mapping[str, _Cell]


def paper_sheets(
    summaries: Sequence[Summary], *, data: Mapping[str, Summary] | None = None
) -> list[Sheet]:
    """The tables, ours among the published rows where a run holds one of their sets.

    Args:
        summaries: of runs under one judge.
        data: runs that are rows of the data ablation, by their name in `DATA`.

    Raises:
        ConfigError: an unknown row of the data ablation, or a set twice in one row.
    """
    rows = _rows(summaries)
    made = [_main(rows), *_retrieval(rows), _data(data or {})]
    if any(one.recall is not None for one in summaries):
        made.append(_recall(summaries))
    return made


def _main(rows: Sequence[_Row]) -> Sheet:
    published = [(model, mode, _plain(row)) for model, mode, row in (*MAIN, *COPIED)]
    ours = [(f"ours: {row.model}", row.mode, _ours(row, SETS)) for row in rows]
    return Sheet(
        title="Main table, %",
        head=("model", "mode", *SETS, "mean"),
        rows=tuple((model, mode, *cells) for model, mode, cells in (*published, *ours)),
        note=f"{WARNING} Rows of mode rag, MMSearch-R1 and WebWatcher were copied there from other papers.",
    )


def _retrieval(rows: Sequence[_Row]) -> list[Sheet]:
    """One table per model of ours; the published figures alone where there is none."""
    heads = tuple(f"paper {name}" for name in (*ABLATION_SETS, "mean"))
    models = list(dict.fromkeys(row.model for row in rows if row.mode in ABLATION)) or [""]
    made = []
    for model in models:
        by_mode = {row.mode: row for row in rows if row.model == model}
        ours = (*(f"ours {name}" for name in ABLATION_SETS), "ours mean") if model else ()
        lines = []
        for mode, figures in ABLATION.items():
            row = by_mode.get(mode)
            mine = _ours(row, ABLATION_SETS) if row else (NONE,) * len(ours)
            lines.append((mode, *_plain(figures), *(mine if ours else ())))
        made.append(
            Sheet(
                title="Retrieval ablation, %: Vision-DeepResearch-30B"
                + (f" beside {model}" if model else ""),
                head=("mode", *heads, *ours),
                rows=tuple(lines),
                note=WARNING,
            )
        )
    return made


def _data(data: Mapping[str, Summary]) -> Sheet:
    if unknown := [name for name in data if name not in DATA]:
        msg = f"a row of the data ablation is one of {', '.join(DATA)}, got {unknown[0]!r}"
        raise ConfigError(msg)
    heads = tuple(f"paper {name}" for name in (*ABLATION_SETS, "mean"))
    ours = (*(f"ours {name}" for name in ABLATION_SETS), "ours mean") if data else ()
    lines = []
    for name, (trained, figures) in DATA.items():
        mine = tuple(NONE for _ in ours)
        if name in data:
            mine = _ours(_rows([data[name]], all_modes=True)[0], ABLATION_SETS)
        lines.append((trained, *_plain(figures), *mine))
    return Sheet(
        title="Data ablation, %: 30B, agentic",
        head=("trained on", *heads, *ours),
        rows=tuple(lines),
        note=f"{WARNING} Each row adds to the one above.",
    )


def _recall(summaries: Sequence[Summary]) -> Sheet:
    published = [
        (model, mode, NONE if figure is None else f"{figure:.1f}")
        for model, *figures in RECALL
        for mode, figure in zip(("cis+ts", "cis+ts+mvf"), figures, strict=True)
    ]
    ours = [
        (f"ours: {one.model}", one.mode, with_interval(one.recall))
        for one in summaries
        if one.recall is not None
    ]
    return Sheet(
        title="Entity Recall, %: published on VDR-Bench testmini, ours on the sets of the runs",
        head=("model", "mode", "Entity Recall"),
        rows=(*published, *ours),
        note=f"{WARNING} The published judge's prompt is not known (arXiv 2602.02185).",
    )


def _rows(summaries: Iterable[Summary], *, all_modes: bool = False) -> list[_Row]:
    """Rows with a column at least; with `all_modes` an empty one too."""
    parts: dict[tuple[str, str], dict[str, Accuracy]] = {}
    for one in summaries:
        sets = parts.setdefault((one.model, one.mode), {})
        for name, found in one.by_set.items():
            if name in sets and _column_of(name):
                msg = (
                    f"the set {name!r} stands in two runs of {one.model!r} in mode {one.mode!r}: a "
                    "row of the paper's tables takes one, so report them apart"
                )
                raise ConfigError(msg)
            sets[name] = found
    rows = [
        _Row(model=model, mode=mode, cells=_cells(sets)) for (model, mode), sets in parts.items()
    ]
    return [row for row in rows if row.cells or all_modes]


def _column_of(name: str) -> str | None:
    return next(
        (column for column, parts in _COLUMNS.items() if any(name in part for part in parts)), None
    )


def _cells(sets: Mapping[str, Accuracy]) -> dict[str, _Cell]:
    cells: dict[str, _Cell] = {}
    for column, parts in _COLUMNS.items():
        found = [next((sets[name] for name in names if name in sets), None) for names in parts]
        there = [one for one in found if one is not None]
        if len(there) == len(parts) == 1:
            cells[column] = _Cell(
                shown=with_interval(there[0]),
                share=there[0].share if there[0].is_whole else None,
                error=there[0].error,
            )
        elif len(there) == len(parts):
            cells[column] = _mean_cell([_single(one) for one in there])
        elif there:
            cells[column] = _Cell(shown="one level only", share=None, error=None)
    return cells


def _single(found: Accuracy) -> _Cell:
    share = found.share if found.is_whole else None
    return _Cell(shown="", share=share, error=found.error)


def _mean_cell(cells: Sequence[_Cell]) -> _Cell:
    """The unweighted mean with its 95 % interval, normal."""
    shares = [one.share for one in cells if one.share is not None]
    if len(shares) < len(cells):
        return _Cell(shown="incomplete", share=None, error=None)
    mean = math.fsum(shares) / len(shares)
    errors = [one.error for one in cells if one.error is not None]
    if len(errors) < len(cells):
        return _Cell(shown=percent(mean), share=mean, error=None)
    error = math.sqrt(math.fsum(one**2 for one in errors)) / len(errors)
    low, high = max(0.0, mean - Z_95 * error), min(1.0, mean + Z_95 * error)
    return _Cell(
        shown=f"{percent(mean)} [{percent(low)}, {percent(high)}]", share=mean, error=error
    )


def _ours(row: _Row, columns: Sequence[str]) -> tuple[str, ...]:
    cells = [row.cells.get(name) for name in columns]
    there = [one for one in cells if one is not None]
    mean = _mean_cell(there).shown if len(there) == len(columns) else NONE
    return (*(NONE if one is None else one.shown for one in cells), mean)


def _plain(values: Sequence[float | None]) -> tuple[str, ...]:
    return tuple(NONE if value is None else f"{value:.1f}" for value in values)
