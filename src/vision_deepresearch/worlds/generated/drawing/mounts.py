"""How a thing hangs or stands in a scene: bare, on a card, framed, on cloth, board or crate."""

import random
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from vision_deepresearch.worlds.generated.drawing.motifs import glyph_row
from vision_deepresearch.worlds.generated.drawing.paint import (
    Colour,
    Pen,
    Pixels,
    blank,
    blend,
    full_pen,
    shade,
)


class Mount(StrEnum):
    """What carries a thing in a scene."""

    BARE = "bare"
    CARD = "card"
    FRAME = "frame"
    CLOTH = "cloth"
    BOARD = "board"
    CRATE = "crate"


@dataclass(frozen=True, slots=True)
class Margins:
    """Room around the thing, in fractions of its longer side."""

    side: float
    top: float
    bottom: float


_MARGINS = {
    Mount.BARE: Margins(0.0, 0.0, 0.0),
    Mount.CARD: Margins(0.045, 0.045, 0.09),
    Mount.FRAME: Margins(0.09, 0.09, 0.09),
    Mount.CLOTH: Margins(0.05, 0.06, 0.1),
    Mount.BOARD: Margins(0.05, 0.05, 0.05),
    Mount.CRATE: Margins(0.07, 0.07, 0.07),
}
_CLOTHS: tuple[Colour, ...] = (
    (236, 226, 206),
    (206, 214, 208),
    (228, 204, 178),
    (196, 204, 220),
    (222, 214, 232),
)
_WOODS: tuple[Colour, ...] = ((166, 120, 74), (132, 90, 58), (186, 146, 98), (110, 84, 66))


def panel_aspect(mount: Mount, aspect: float) -> float:
    """Width over height of a mounted thing whose own is `aspect`."""
    margins = _MARGINS[mount]
    width, height = (1.0, 1 / aspect) if aspect >= 1 else (aspect, 1.0)
    return (width + 2 * margins.side) / (height + margins.top + margins.bottom)


def make_panel(mount: Mount, thing: Pixels, rng: random.Random) -> tuple[Pixels, Pixels]:
    """Mount a cut-out (h, w, 4): returns colours (h, w, 3) and mask (h, w)."""
    if mount is Mount.BARE:
        return thing[..., :3], np.ascontiguousarray(thing[..., 3])
    margins = _MARGINS[mount]
    rows, columns = thing.shape[:2]
    side = max(rows, columns)
    left, top = round(margins.side * side), round(margins.top * side)
    width, height = columns + 2 * left, rows + top + round(margins.bottom * side)
    colour = rng.choice(_CLOTHS)
    panel, mask = blank(width, height, colour), np.full((height, width), 255, np.uint8)
    pen = full_pen(panel)
    edge = width / height
    if mount is Mount.CARD:
        pen.box(-edge, -1, edge, 1, (246, 242, 232), (196, 188, 172), 0.012)
        glyph_row(pen.at(0, 0.94, 0.3), rng, (96, 92, 90), letters=9)
    elif mount is Mount.FRAME:
        _frame(pen, edge, rng)
    elif mount is Mount.CLOTH:
        _cloth(pen, panel, mask, edge, colour, rng)
    else:
        _planks(pen, edge, rng, crate=mount is Mount.CRATE)
    blend(panel, thing[..., :3], np.ascontiguousarray(thing[..., 3]), left, top)
    return panel, mask


def _frame(pen: Pen, edge: float, rng: random.Random) -> None:
    wood = rng.choice(((170, 128, 66), (88, 60, 44), (60, 56, 56), (196, 164, 104)))
    pen.box(-edge, -1, edge, 1, wood)
    for inset, factor in ((0.03, 1.25), (0.06, 0.85), (0.085, 1.1)):
        pen.box(-edge + inset, -1 + inset, edge - inset, 1 - inset, shade(wood, factor))
    pen.box(-edge + 0.1, -0.9, edge - 0.1, 0.9, (240, 236, 226), (120, 110, 100), 0.01)


def _cloth(
    pen: Pen, panel: Pixels, mask: Pixels, edge: float, colour: Colour, rng: random.Random
) -> None:
    """A hanging cloth: hem above, cut below, faint folds."""
    pen.box(-edge, -1, edge, -0.93, shade(colour, 0.72))
    for side in (-1, 1):
        pen.box(side * edge - 0.03, -1, side * edge + 0.03, 1, shade(colour, 0.8))
    cut = full_pen(np.zeros_like(panel), np.zeros_like(mask))
    points = [(-edge, -1.0), (edge, -1.0), (edge, 0.86), (0.0, 0.99), (-edge, 0.86)]
    if rng.random() < 0.5:
        points = [(-edge, -1.0), (edge, -1.0), (edge, 0.99), (0.0, 0.86), (-edge, 0.99)]
    cut.poly(points, (255, 255, 255))
    assert cut.mask is not None
    np.copyto(mask, cut.mask)


def _planks(pen: Pen, edge: float, rng: random.Random, *, crate: bool) -> None:
    wood = rng.choice(_WOODS)
    count = 5
    for k in range(count):
        y = -1 + 2 * k / count
        pen.box(
            -edge,
            y,
            edge,
            y + 2 / count,
            shade(wood, rng.uniform(0.86, 1.12)),
            shade(wood, 0.6),
            0.008,
        )
        for _ in range(2):
            x = rng.uniform(-edge, edge * 0.5)
            pen.stroke([(x, y + 0.2), (x + 0.3, y + 0.22)], shade(wood, 0.75), 0.008)
    if crate:
        for x in (-edge + 0.05, edge - 0.05):
            pen.box(x - 0.06, -1, x + 0.06, 1, shade(wood, 0.8), shade(wood, 0.5), 0.01)
            for y in (-0.9, 0.9):
                pen.disc(x, y, 0.018, (60, 56, 54))


def ripple(panel: Pixels, mask: Pixels, phase: float) -> tuple[Pixels, Pixels]:
    """Light and dark folds across a cloth; the outline stays."""
    width = panel.shape[1]
    columns = np.linspace(0, 1, width, dtype=np.float32)
    light = 128 * (1 + 0.1 * np.sin(2 * np.pi * (2.3 * columns + phase)))
    row = np.clip(light, 0, 255).astype(np.uint8)[None, :, None]
    full = np.ascontiguousarray(np.broadcast_to(row, panel.shape))
    return np.asarray(cv2.multiply(panel, full, scale=1 / 128), np.uint8), mask
