"""What `vdr eval report` does: run folders as tables, or as one page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, assert_never

from rich.table import Table

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.grading import grade, judges_of
from vision_deepresearch.evals.report.page import html_page
from vision_deepresearch.evals.report.paper import paper_sheets
from vision_deepresearch.evals.report.sheet import Sheet, latex, markdown
from vision_deepresearch.evals.report.tables import STRATA, sheets
from vision_deepresearch.evals.summary import Summary, summarise
from vision_deepresearch.store.run import RunFolder

Page = Literal["text", "markdown", "latex", "html"]
Form = Page | Literal["json"]


def report(
    runs: Sequence[Path],
    *,
    judge: str | None,
    by: Sequence[str],
    form: Form,
    out: Path | None,
    is_long: bool,
    data: Sequence[str] = (),
) -> int:
    """Report runs under one judge.

    Args:
        runs: folders.
        judge: id of the judge, or its beginning; None: one that all have.
        by: strata that get a table; none: the usual ones.
        form: what is made.
        out: file to write; None: print.
        is_long: in text too the paper's tables.
        data: ROW=FOLDER of the paper's data ablation; its table is shown then.

    Raises:
        ConfigError: no judge that all have, an unknown stratum, or a row of `data` twice.
    """
    rows = _data_rows(data)
    wanted = judge or _judge_of_all([*runs, *rows.values()])
    summaries = [summarise(grade(run, judge=wanted)) for run in runs]
    of_data = {name: summarise(grade(run, judge=wanted)) for name, run in rows.items()}
    judges = sorted({one.judge for one in (*summaries, *of_data.values())})
    if len(judges) > 1:
        msg = (
            f"a report stands under one judge, {wanted!r} names {', '.join(judges)}: "
            "name one of them, or score all runs by the same"
        )
        raise ConfigError(msg)
    known = sorted({name for one in summaries for name in one.by_stratum})
    if unknown := [name for name in by if name not in known]:
        msg = f"tasks of these runs are divided by {', '.join(known) or 'nothing'}, got --by {unknown[0]}"
        raise ConfigError(msg)
    by = by or STRATA
    paper = paper_sheets(summaries, data=of_data)
    told: dict[str, object] = {
        "judge": judges[0],
        "runs": [one.model_dump(mode="json") for one in summaries],
        "data": {name: one.model_dump(mode="json") for name, one in of_data.items()},
    }
    if form == "json" and out is None:
        print_json(told)
        return 0
    if form == "text" and out is None:
        target = console()
        target.print(f"judge {judges[0]}", soft_wrap=True)
        for sheet in [*sheets(summaries, by=by), *(paper if is_long or data else [])]:
            target.print(_table(sheet))
            if sheet.note:
                target.print(sheet.note.strip(), soft_wrap=True)
            target.print()
        return 0
    text = (
        json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        if form == "json"
        else _text(summaries, paper=paper, by=by, form=form)
    )
    if out is None:
        console().out(text, end="", highlight=False)
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    console(json_wanted=form == "json").print(f"wrote {out}", soft_wrap=True)
    return 0


def _data_rows(data: Sequence[str]) -> dict[str, Path]:
    rows: dict[str, Path] = {}
    for text in data:
        name, mark, folder = text.partition("=")
        if not mark or not folder:
            msg = f"a row of the data ablation is given as --data ROW=FOLDER, got {text!r}"
            raise ConfigError(msg)
        if name in rows:
            msg = f"the row {name!r} of the data ablation is given twice: leave one --data out"
            raise ConfigError(msg)
        rows[name] = Path(folder)
    return rows


def _text(
    summaries: Sequence[Summary], *, paper: Sequence[Sheet], by: Sequence[str], form: Page
) -> str:
    match form:
        case "html":
            return html_page(summaries, paper=paper, by=by)
        case "latex":
            return latex([*sheets(summaries, by=by), *paper])
        case "markdown" | "text":
            head = f"Judge: `{summaries[0].judge}`\n\n"
            return head + markdown([*sheets(summaries, by=by), *paper])
        case _:
            assert_never(form)


def _judge_of_all(runs: Sequence[Path]) -> str:
    """A judge that every run has; the first run's own before others.

    Raises:
        ConfigError: there is none.
    """
    known: list[list[str]] = []
    for run in runs:
        with RunFolder.read(run) as view:
            known.append(judges_of(view))
    for judge in known[0]:
        if all(judge in others for others in known):
            return judge
    shown = "; ".join(
        f"{run} has {', '.join(judges) or 'none'}" for run, judges in zip(runs, known, strict=True)
    )
    msg = f"a report stands under one judge, the runs have none in common ({shown}): `vdr eval score` them all"
    raise ConfigError(msg)


def _table(sheet: Sheet) -> Table:
    table = Table(title=plain(sheet.title), title_justify="left", box=None, pad_edge=False)
    for n, name in enumerate(sheet.head):
        table.add_column(plain(name), justify="right" if n else "left", overflow="fold")
    for row in sheet.rows:
        table.add_row(*(plain(cell) for cell in row))
    return table
