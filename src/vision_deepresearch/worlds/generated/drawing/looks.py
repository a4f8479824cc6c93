"""What determines how one thing is drawn: style, shape, colours, and the marks that tell it apart."""

from dataclasses import dataclass

from vision_deepresearch.worlds.generated.drawing.motifs import Ink, draw_motif
from vision_deepresearch.worlds.generated.drawing.paint import Colour, Pen, mix
from vision_deepresearch.worlds.generated.entities import EntityType

Palette = tuple[Colour, Colour, Colour, Colour, Colour, Colour]
"""Dark line, light ground, and four colours."""
PALETTES: tuple[Palette, ...] = (
    ((38, 34, 48), (244, 232, 208), (190, 52, 48), (32, 78, 110), (226, 168, 60), (84, 130, 108)),
    ((30, 36, 44), (240, 236, 222), (28, 94, 120), (232, 110, 60), (244, 196, 88), (110, 54, 72)),
    ((44, 30, 30), (248, 236, 214), (150, 40, 60), (60, 100, 70), (214, 150, 70), (52, 70, 110)),
    ((24, 40, 52), (236, 240, 232), (40, 120, 116), (210, 70, 70), (240, 200, 110), (90, 84, 130)),
    ((40, 32, 54), (246, 234, 224), (108, 60, 130), (230, 140, 90), (80, 150, 150), (200, 60, 90)),
    ((34, 42, 34), (242, 238, 214), (66, 110, 60), (180, 84, 40), (226, 180, 80), (44, 84, 120)),
    ((26, 30, 60), (240, 238, 240), (46, 66, 150), (220, 60, 66), (240, 190, 70), (70, 150, 190)),
    ((52, 36, 26), (250, 240, 216), (200, 100, 40), (60, 90, 110), (236, 190, 100), (130, 60, 50)),
    (
        (28, 44, 50),
        (238, 232, 218),
        (16, 110, 130),
        (240, 140, 110),
        (250, 206, 130),
        (60, 80, 100),
    ),
    ((46, 28, 40), (246, 230, 222), (170, 60, 100), (50, 110, 120), (230, 170, 90), (100, 110, 60)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One drawn figure of a look."""

    name: str
    """Of `motifs`."""
    seed: int
    tone: int
    """0..3: which of the palette's colours it is filled with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that determines how a thing is drawn."""

    type: EntityType
    kind: str
    """Of the thing, for example "tram"; "" where painters do not care."""
    style: int
    aspect: float
    """Width over height."""
    palette: Palette
    base_seed: int
    marks: tuple[Mark, ...]

    @property
    def dark(self) -> Colour:
        """For lines."""
        return self.palette[0]

    @property
    def light(self) -> Colour:
        """For grounds."""
        return self.palette[1]

    def colour(self, number: int) -> Colour:
        """One of the four colours."""
        return self.palette[2 + number % 4]

    def put(self, pen: Pen, slot: int, x: float, y: float, half: float, angle: float = 0.0) -> None:
        """Draw mark number `slot` (counted round) at a place."""
        mark = self.marks[slot % len(self.marks)]
        ink = Ink(self.colour(mark.tone), self.colour(mark.tone + 1), self.dark)
        draw_motif(pen.at(x, y, half, angle), mark.name, ink, mark.seed)

    def put_pale(self, pen: Pen, slot: int, x: float, y: float, half: float) -> None:
        """Draw a mark in light colours, for strong grounds."""
        mark = self.marks[slot % len(self.marks)]
        ink = Ink(self.light, mix(self.light, self.palette[4], 0.65), self.dark)
        draw_motif(pen.at(x, y, half), mark.name, ink, mark.seed)
