"""A table as plain cells, and how Markdown and LaTeX write it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.evals.summary import Accuracy

NONE = "-"
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


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(_tex(cell) for cell in cells) + r" \\"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text).replace("±", r"$\pm$")
