"""The pictures of one trace page: each embedded once, shown from there as often as needed.

A page holds every picture as a data URI in one hidden drawing; figures refer to it by id. So a
page needs no neighbour file, and a picture that is a scene, a hit and a support costs its bytes
once. What is embedded is our own JPEG of the stored bytes; bytes that cannot be had or decoded are
shown as missing.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.preview import preview

Load: TypeAlias = Callable[[ImageRef], bytes | None]
"""Gives the stored bytes of a picture, or None where they are gone."""

MAX_EMBEDDED_BYTES = 48 * 1024 * 1024
"""Picture bytes in one page; what comes later is shown as missing, with its name."""
SCENE_SIDE = 1600
"""Longest side of a given picture, pixels."""
CROP_SIDE = 480
HIT_SIDE = 240
ROW_SIDE = 112


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture, or a part of one, ready to be drawn."""

    id: str | None
    """Of the embedded picture; None: missing."""
    view: str
    """Viewed part, "left top width height" in pixels of the picture."""
    width: float
    """Pixels of the viewed part."""
    height: float
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One picture with its bytes."""

    id: str
    width: int
    """Pixels of the stored picture; the embedded one may be smaller."""
    height: int
    uri: str


class Shelf:
    """Collects the pictures of one page. Mutable; one per page."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._embedded: dict[str, Embedded | None] = {}
        self._num_bytes = 0

    @property
    def embedded(self) -> tuple[Embedded, ...]:
        """What the page has to hold, in order of first use."""
        return tuple(entry for entry in self._embedded.values() if entry)

    def show(self, ref: ImageRef, *, side: int, alt: str) -> Figure:
        """Show a whole picture.

        Args:
            ref: the picture; at its first use it is embedded.
            side: longest side to embed, pixels.
            alt: what it is, for those who cannot see it.
        """
        return self.show_part(ref, Box.full(), side=side, alt=alt)

    def show_part(self, ref: ImageRef, box: Box, *, side: int, alt: str) -> Figure:
        """Show the part `box` of a picture; `side` is that of the whole."""
        if ref.sha256 not in self._embedded:
            self._embedded[ref.sha256] = self._embed(ref, side)
        entry = self._embedded[ref.sha256]
        width, height = box.width * ref.width, box.height * ref.height
        view = f"{box.x0 * ref.width:.2f} {box.y0 * ref.height:.2f} {width:.2f} {height:.2f}"
        return Figure(
            id=entry.id if entry else None, view=view, width=width, height=height, alt=alt
        )

    def _embed(self, ref: ImageRef, side: int) -> Embedded | None:
        data = self._load(ref)
        if data is None:
            return None
        try:
            data = preview(data, max_side_px=side)
        except BadImageError:
            return None
        if self._num_bytes + len(data) > MAX_EMBEDDED_BYTES:
            return None
        self._num_bytes += len(data)
        uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
        name = f"p{len(self._embedded) + 1}"
        return Embedded(id=name, width=ref.width, height=ref.height, uri=uri)
