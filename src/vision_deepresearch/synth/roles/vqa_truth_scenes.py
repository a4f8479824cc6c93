"""What a generated world knows about the pictures that are asked about: things, places, pages."""

from collections.abc import Mapping
from dataclasses import replace

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.composing import Situation
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.photos import (
    draw_photo,
    photo_id,
    photo_number,
    sample_scene,
)
from vision_deepresearch.worlds.generated.routes import Routes

_SAME_IOU = 0.5
"""Boxes that overlap so much frame the same thing."""
_KEPT = 512
"""Scenes kept in memory: the stages pass by one after the other."""


class TruthScenes:
    """Scenes by the reference of their picture."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self._known: dict[str, Situation] = {}
        self._showing: dict[str, frozenset[str]] = {}

    @property
    def root(self) -> str:
        """What all randomness starts from."""
        return self.routes.graph.spec.root

    def ref(self, number: int) -> str:
        """What a picture is called."""
        return photo_id(number)

    def draw(self, ref: str) -> bytes:
        """The picture, JPEG.

        Raises:
            BadImageError: no picture of this world.
        """
        number = photo_number(ref)
        if number is None:
            msg = f"expected a picture of the world such as {photo_id(0)!r}, got {ref!r}"
            raise BadImageError(msg)
        return draw_photo(self.routes, number)

    def situation(self, ref: str, thing: str) -> Situation:
        """The scene with what is of a thing's type as rivals."""
        now = self._scene(ref)
        type_ = self.type_of(thing)
        same = tuple(one for one in now.scene.entity_ids if self.type_of(one) is type_)
        return replace(now, rivals=same)

    def boxes(self, ref: str) -> Mapping[str, Box]:
        """Where each thing stands, by its id."""
        return self._scene(ref).boxes

    def thing_at(self, ref: str, box: Box) -> str | None:
        """The thing that a box frames."""
        boxes = self.boxes(ref)
        best = max(boxes, key=lambda thing: boxes[thing].iou(box))
        return best if boxes[best].iou(box) >= _SAME_IOU else None

    def type_of(self, thing: str) -> EntityType:
        """What it is."""
        return self.routes.graph.entity(thing).type

    def names(self, thing: str) -> tuple[str, ...]:
        """What it is called, the usual name first."""
        return self.routes.names(self.routes.graph.entity(thing))

    def pages_showing(self, thing: str) -> frozenset[str]:
        """Addresses of pages that show its picture."""
        if thing not in self._showing:
            shown = self.routes.pages.pages_showing(thing)
            self._showing[thing] = frozenset(url for url, _ in shown)
        return self._showing[thing]

    def _scene(self, ref: str) -> Situation:
        known = self._known.get(ref)
        if known is None:
            number = photo_number(ref)
            assert number is not None, "a picture that was drawn has a number"
            known = sample_scene(self.routes, number).now
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[ref] = known
        return known
