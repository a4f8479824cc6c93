"""Plots as SVG text: nothing is loaded, and words are escaped. Units of the drawing are pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 720
_LEFT = 220
"""Where the plot begins; names stand before it."""
_RIGHT = 190
"""Room for values in words."""
_ROW = 30
_COLOURS = (
    *("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b7791f", "#97266d"),
    *("#0987a0", "#e53e3e", "#718096", "#5a67d8", "#84a810", "#d53f8c"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A named value, with an interval where one is known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    series: int = 0
    """Colour."""
    shown: str = ""
    """The value in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A named point."""

    name: str
    x: float
    y: float
    low: float | None = None
    """Of y."""
    high: float | None = None


def bars(title: str, items: Sequence[Bar], *, most: float | None = None) -> str:
    """Horizontal bars from 0 to `most`, intervals as whiskers; None: as far as the bars go."""
    most = _round_end(max((one.value for one in items), default=0.0)) if most is None else most
    height = 40 + _ROW * len(items)
    scale = (_WIDTH - _LEFT - _RIGHT) / (most or 1.0)
    drawn = [_grid(most, height=height, scale=scale)]
    for n, one in enumerate(items):
        y = 10 + _ROW * n
        colour = _COLOURS[one.series % len(_COLOURS)]
        drawn.append(
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(_cut(one.name))}</text>'
            f'<rect x="{_LEFT}" y="{y + 3}" width="{max(0.5, one.value * scale):.1f}" height="16" '
            f'fill="{colour}" fill-opacity="0.75"/>'
        )
        end = one.value
        if one.low is not None and one.high is not None:
            end = one.high
            drawn.append(_whisker(_LEFT + one.low * scale, _LEFT + one.high * scale, y + 11))
        shown = escape(one.shown or f"{one.value:.3g}")
        drawn.append(f'<text x="{_LEFT + end * scale + 6:.1f}" y="{y + 15}">{shown}</text>')
    return _figure(title, "".join(drawn), height=height)


def scatter(title: str, points: Sequence[Point], *, x_name: str) -> str:
    """Shares (y, 0 to 1) over what they take (x)."""
    height, top, bottom = 320, 12, 270
    most = _round_end(max((point.x for point in points), default=0.0))
    scale = (_WIDTH - _LEFT - _RIGHT) / most

    def at(share: float) -> float:
        return bottom - share * (bottom - top)

    drawn = []
    for n in range(6):
        y, x = at(n / 5), _LEFT + most * n / 5 * scale
        drawn.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{20 * n} %</text>'
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{most * n / 5:.3g}</text>'
        )
    for n, point in enumerate(points):
        colour = _COLOURS[n % len(_COLOURS)]
        x, y = _LEFT + point.x * scale, at(point.y)
        if point.low is not None and point.high is not None:
            drawn.append(
                f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{at(point.low):.1f}" '
                f'y2="{at(point.high):.1f}"/>'
            )
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        # Names stand in a legend: points at the same place would write over each other.
        drawn.append(
            f'<circle cx="14" cy="{24 + 20 * n}" r="5" fill="{colour}"/>'
            f'<text x="26" y="{28 + 20 * n}">{escape(_cut(point.name, 18))}</text>'
        )
    drawn.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{bottom + 40}" text-anchor="middle">'
        f"{escape(x_name)}</text>"
    )
    return _figure(title, "".join(drawn), height=max(height, 40 + 20 * len(points)))


def _grid(most: float, *, height: int, scale: float) -> str:
    drawn = []
    for n in range(6):
        x = _LEFT + most * n / 5 * scale
        drawn.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="6" y2="{height - 24}"/>'
            f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{most * n / 5:.3g}</text>'
        )
    return "".join(drawn)


def _round_end(value: float) -> float:
    """Where an axis of five steps ends, so that its steps are round numbers."""
    if value <= 0:
        return 1.0
    step = value / 5
    size = 10.0 ** math.floor(math.log10(step))
    return 5 * size * next(one for one in (1, 2, 2.5, 5, 10) if one * size >= step * (1 - 1e-9))


def _whisker(low: float, high: float, y: float) -> str:
    return f'<path class="whisker" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10M{high:.1f} {y - 5}v10"/>'


def _figure(title: str, drawn: str, *, height: int) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{drawn}</svg>'
        "</figure>"
    )


def _cut(name: str, width: int = 30) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"
