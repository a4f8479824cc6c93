"""Lines, cells and rows as HTML: what templates write most, in plain Python for its speed."""

import re
from collections.abc import Iterable
from html import escape

from markupsafe import Markup

from vision_deepresearch.worlds.generated.document import Line, Row

_SPECIAL = re.compile(r"[&<>\"']").search


def line(spans: Line) -> Markup:
    """Runs of text and links."""
    return Markup(_line(spans))  # noqa: S704 - escaped below


def each(lines: Iterable[Line], tag: str, *, is_closed: bool = True) -> Markup:
    """Every line in a tag of its own; careless sites leave it open."""
    end = f"</{tag}>\n" if is_closed else "\n"
    return Markup("".join([f"<{tag}>{_line(spans)}{end}" for spans in lines]))  # noqa: S704


def pairs(rows: Iterable[Row], before: str, between: str, after: str) -> Markup:
    """Labels and values with fixed markup around them."""
    return Markup(  # noqa: S704 - escaped below, the markup is the templates' own
        "".join([
            f"{before}{_escaped(row.label)}{between}{_line(row.cell)}{after}\n" for row in rows
        ])
    )


def cells(table: Iterable[tuple[Line, ...]], tag: str) -> Markup:
    """Rows of a table, all cells in the same tag."""
    start, end = f"<{tag}>", f"</{tag}>"
    rows = [
        f"<tr>{''.join([f'{start}{_line(spans)}{end}' for spans in row])}</tr>\n" for row in table
    ]
    return Markup("".join(rows))  # noqa: S704 - escaped below


def _line(spans: Line) -> str:
    return "".join([
        _escaped(span.text)
        if span.href is None
        else f'<a href="{_escaped(span.href)}">{_escaped(span.text)}</a>'
        for span in spans
    ])


def _escaped(text: str) -> str:
    """As `escape` does; most texts need nothing, which is found in a third of its time."""
    return escape(text) if _SPECIAL(text) else text
