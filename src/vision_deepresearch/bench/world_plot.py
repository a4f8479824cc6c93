"""Draws the cost table of a document as a picture, so that table and picture never disagree.

Reads the first table whose first head is `pages`: one row per size, numbers in every column. Each
column becomes a line over the number of pages, both axes logarithmic, in its own unit.

    python -m vision_deepresearch.bench.world_plot docs/world-costs.md docs/world-costs.svg
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from vision_deepresearch.core.errors import ConfigError

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 190, 20, 40
_Axis = Callable[[float], float]
"""From a logarithm to pixels."""
_COLOURS = ("#1b6ca8", "#b5482f", "#3d8b5c", "#7a5195", "#8c6d1f", "#555555")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One column of the table."""

    name: str
    """With its unit."""
    points: tuple[tuple[float, float], ...]
    """(pages, cost), both above 0."""


def lines_of(document: str) -> list[Line]:
    """The lines of the first table whose first head is `pages`; cells without a number are gaps.

    Raises:
        ConfigError: there is no such table, or it has no numbers.
    """
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in document.splitlines()
        if line.strip().startswith("|")
    ]
    start = next((number for number, row in enumerate(rows) if row[0] == "pages"), None)
    if start is None:
        msg = "expected a table whose first head is 'pages', found none: add one"
        raise ConfigError(msg)
    heads = rows[start]
    body = [row for row in rows[start + 2 :] if len(row) == len(heads) and _number(row[0])]
    lines = [
        Line(
            name=head,
            points=tuple(
                (pages, value)
                for row in body
                if (pages := _number(row[0])) and (value := _number(row[column]))
            ),
        )
        for column, head in enumerate(heads[1:], start=1)
    ]
    lines = [line for line in lines if len(line.points) > 1]
    if not lines:
        msg = "expected at least two rows of numbers below 'pages', found fewer: add them"
        raise ConfigError(msg)
    return lines


def _number(cell: str) -> float | None:
    """A number above 0, commas allowed."""
    try:
        value = float(cell.replace(",", ""))
    except ValueError:
        return None
    return value if value > 0 else None


def plot(lines: list[Line]) -> str:
    """The lines as one SVG, names at their right ends."""
    xs = [math.log10(x) for line in lines for x, _ in line.points]
    ys = [math.log10(y) for line in lines for _, y in line.points]
    low, high = math.floor(min(ys)), math.ceil(max(ys))

    def across(x: float) -> float:
        share = (x - min(xs)) / ((max(xs) - min(xs)) or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def down(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - low) / ((high - low) or 1) * (_HEIGHT - _TOP - _BOTTOM)

    space = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg {space} viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        y = down(power)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#dddddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    parts += [
        f'<text x="{across(x):.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{10**x:,.0f}</text>'
        for x in sorted(set(xs))
    ]
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 6}">pages</text>')
    parts += _curves(lines, across=across, down=down)
    return "\n".join([*parts, "</svg>", ""])


def _curves(lines: list[Line], *, across: _Axis, down: _Axis) -> list[str]:
    parts: list[str] = []
    taken: list[float] = []
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        spots = [(across(math.log10(x)), down(math.log10(y))) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        y = spots[-1][1]
        while any(abs(y - other) < 13 for other in taken):
            y += 13
        taken.append(y)
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 4:.1f}" fill="{colour}">'
            f"{escape(line.name)}</text>"
        )
    return parts


def main(arguments: list[str]) -> None:
    """Read a document, write the picture."""
    if len(arguments) != 2:
        msg = f"expected a document and a picture to write, got {len(arguments)} names: give two"
        raise ConfigError(msg)
    source, target = map(Path, arguments)
    target.write_text(plot(lines_of(source.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
