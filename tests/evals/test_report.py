"""A report in every form: complete, escaped, and without a request to anywhere."""

import asyncio
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from tests.builders import a_task
from tests.evals.stored_runs import answers, write_run
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.evals.grading import grade
from vision_deepresearch.evals.report.page import html_page
from vision_deepresearch.evals.report.paper import paper_sheets
from vision_deepresearch.evals.report.published import ABLATION, DATA, MAIN
from vision_deepresearch.evals.report.sheet import latex, markdown
from vision_deepresearch.evals.report.tables import sheets
from vision_deepresearch.evals.summary import summarise


def _strata(number: int) -> dict[str, str]:
    return {"hops": str(1 + number % 3), "answer": ("yes_no", "text")[number % 2]}


async def runs_of(folder: Path) -> list[Path]:
    tasks = [
        a_task(ref=f"<b>&_{n % 2}/{n}").model_copy(update={"strata": _strata(n)}) for n in range(20)
    ]
    wis: Sequence[str | None] = ["Ostrel"] * 4 + ["Brno"] * 16
    full: Sequence[str | None] = ["Ostrel"] * 13 + ["Brno"] * 5 + [None] * 2
    return [
        await write_run(folder / "full", answers(tasks, full), judged=True, mode="cis+ts"),
        await write_run(folder / "wis", answers(tasks, wis), judged=True, mode="wis"),
    ]


class _Reader(HTMLParser):
    """Collects what a browser would load, and whether tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta"}:
            self.open.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "srcset"}]
        if tag in {"script", "link", "img", "iframe", "object", "b"}:
            self.loads.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_loads_nothing_and_escapes_names(tmp_path: Path) -> None:
    summaries = [summarise(grade(run)) for run in await runs_of(tmp_path)]
    page = html_page(summaries, paper=paper_sheets(summaries))
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.loads == []
    assert not re.findall(r"url\(|@import|https?://", page)
    assert page.count("<svg") == 3, "accuracy, turns and calls, cost"
    assert "20.0 [8.1, 41.6]" in page, "4 of 20, Wilson"
    assert "incomplete, 65.0 to 75.0" in page, "2 of 20 are invalid: bounds and no figure"
    assert "no baseline for a test" in page
    assert page.index("<td>wis</td>") < page.index("<td>cis+ts</td>"), "in the order of the paper"


async def test_markdown_and_latex_are_well_formed(tmp_path: Path) -> None:
    made = sheets([summarise(grade(run)) for run in await runs_of(tmp_path)])
    parts = {f"Accuracy by {name}, % [95 %]" for name in ("hops", "set", "answer")}
    assert parts <= {sheet.title for sheet in made}
    for block in markdown(made).split("### ")[1:]:
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    text = latex(made)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == len(made)
    assert not re.search(r"(?<!\\)[%#_]", text)
    with_cells = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert all(len(re.findall(r"(?<!\\)&", line)) for line in with_cells)


async def test_the_command_writes_each_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in await runs_of(tmp_path)]
    for form in ("html", "markdown", "latex"):
        out = tmp_path / f"report.{form}"
        arguments = ["eval", "report", *runs, "--format", form, "--out", str(out)]
        assert await asyncio.to_thread(vdr, arguments) == 0
        assert out.stat().st_size > 1000
    capsys.readouterr()
    assert await asyncio.to_thread(vdr, ["eval", "report", *runs, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["accuracy"]["correct"] for one in shown["runs"]] == [13, 4]
    out = tmp_path / "report.json"
    arguments = ["eval", "report", *runs, "--json", "--out", str(out)]
    assert await asyncio.to_thread(vdr, arguments) == 0
    assert json.loads(out.read_text()) == shown
    assert not capsys.readouterr().out
    assert await asyncio.to_thread(vdr, ["eval", "report", *runs, "--format", "pdf"]) == 2
    assert "markdown" in capsys.readouterr().err


def test_published_means_are_the_means_of_their_rows() -> None:
    rows = [*ABLATION.values(), *(row for _, row in DATA.values()), *(row for _, _, row in MAIN)]
    off = [row for row in rows if abs(sum(row[:-1]) / (len(row) - 1) - row[-1]) > 0.11]
    assert not off, "copied wrongly, or the paper's own arithmetic"
