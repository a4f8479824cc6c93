"""Where the crops lie: boxes numbered over a trajectory and drawn on the pictures they descend from.

Two crops of the same box at different scales share one number; the larger and smaller cut-outs are
rings around it. A crop of a crop is drawn on the outermost picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.bank import BankEntry
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.serve.viewer_pictures import SCENE_SIDE, Figure, Shelf

NUM_COLOURS = 8
"""Colours of turns; they come round again."""
_ORIGINS = {
    "given": "given picture",
    "crop": "cut-out",
    "fetched": "fetched picture",
    "made": "drawn by a program",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One rectangle over a picture."""

    number: int
    label: str
    left: str
    """Position and size in percent of the picture, for example "12.50%"."""
    top: str
    width: str
    height: str
    right: str
    bottom: str
    turn: int
    colour: int
    is_ring: bool
    """A scaled cut-out: dashed."""
    region: int | None
    """Card of the page that shows the crop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """A picture with the boxes drawn on it."""

    handle: str
    caption: str
    picture: Figure
    boxes: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A box in the fractions of the outermost picture it lies on."""

    entry: BankEntry
    box: Box


class Atlas:
    """Numbers boxes and remembers where to draw them. Mutable; one per trajectory."""

    def __init__(self, bank: Sequence[BankEntry]) -> None:
        self._bank = {entry.handle: entry for entry in bank}
        self._numbers: dict[tuple[str, Box], int] = {}
        self._drawn: dict[str, list[Drawn]] = {}

    def entry(self, handle: str | None) -> BankEntry | None:
        """The picture of that name."""
        return self._bank.get(handle) if handle is not None else None

    def number(self, handle: str, box: Box) -> int:
        """The number of a box; a new box gets the next one."""
        return self._numbers.setdefault((handle, box), len(self._numbers) + 1)

    def root(self, handle: str, box: Box) -> Root | None:
        """Follow crops outwards; None if a picture of the way is unknown."""
        entry = self._bank.get(handle)
        seen: set[str] = set()
        while entry is not None and entry.origin.kind == "crop":
            outer = entry.origin.box
            if entry.handle in seen or entry.origin.handle is None or outer is None:
                return None
            seen.add(entry.handle)
            box = Box.clipped(
                outer.x0 + box.x0 * outer.width,
                outer.y0 + box.y0 * outer.height,
                outer.x0 + box.x1 * outer.width,
                outer.y0 + box.y1 * outer.height,
            )
            entry = self._bank.get(entry.origin.handle)
        return Root(entry=entry, box=box) if entry else None

    def draw(
        self,
        handle: str,
        box: Box,
        *,
        number: int,
        label: str,
        turn: int,
        is_ring: bool = False,
        region: int | None = None,
    ) -> None:
        """Draw a box of the picture `handle`; a box of an unknown picture is left out."""
        root = self.root(handle, box)
        if root is None:
            return
        drawn = Drawn(
            number=number,
            label=label,
            left=f"{root.box.x0:.2%}",
            top=f"{root.box.y0:.2%}",
            width=f"{root.box.width:.2%}",
            height=f"{root.box.height:.2%}",
            right=f"{root.box.x1:.2%}",
            bottom=f"{root.box.y1:.2%}",
            turn=turn,
            colour=turn % NUM_COLOURS,
            is_ring=is_ring,
            region=region,
        )
        self._drawn.setdefault(root.entry.handle, []).append(drawn)

    def canvases(self, shelf: Shelf) -> tuple[Canvas, ...]:
        """The given pictures, and every other one a box lies on, large boxes below small ones."""
        canvases = []
        for entry in self._bank.values():
            boxes = self._drawn.get(entry.handle, [])
            if entry.origin.kind != "given" and not boxes:
                continue
            origin = _ORIGINS[entry.origin.kind]
            alt = f"{origin} {entry.handle} with {len(boxes)} boxes"
            canvases.append(
                Canvas(
                    handle=entry.handle,
                    caption=origin,
                    picture=shelf.show(entry.ref, side=SCENE_SIDE, alt=alt),
                    boxes=tuple(sorted(boxes, key=_area, reverse=True)),
                )
            )
        return tuple(canvases)


def _area(drawn: Drawn) -> float:
    return float(drawn.width.rstrip("%")) * float(drawn.height.rstrip("%"))
