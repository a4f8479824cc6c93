"""A page that shows made questions: picture with the boxes of the proof, question, answer, hops, pages.

Of the kind of trace pages: one file, nothing from the network, text of strangers escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.serve.files import write_whole
from vision_deepresearch.serve.viewer import render
from vision_deepresearch.serve.viewer_pictures import Figure, Load, Shelf

_SIDE = 560
"""Pixels of the longer side of a shown picture."""
_PAGES_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One question with how it came about."""

    task: Task
    proof: Proof | None
    """None: nothing is proved."""
    seed_question: str = ""
    rounds: tuple[str, ...] = ()
    """The question after each round, with the move in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A box on the picture, pixels."""

    left: float
    top: float
    width: float
    height: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One hop in words."""

    id: str
    kind: str
    words: str
    value: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    number: int
    card: Card
    picture: Figure | None
    frames: tuple[_Frame, ...]
    steps: tuple[_Step, ...]


def write_gallery(
    path: Path, cards: Sequence[Card], *, load: Load, title: str = "Questions"
) -> Path:
    """Write the page.

    Args:
        path: the file.
        cards: what to show, in order.
        load: gives the bytes of a picture, or None where they are gone.
        title: of the page.
    """
    shelf = Shelf(load)
    shown = [_shown(number, card, shelf=shelf) for number, card in enumerate(cards, 1)]
    html = render("gallery.html", title=title, shown=shown, pictures=shelf.embedded)
    return write_whole(path, html)


def _shown(number: int, card: Card, *, shelf: Shelf) -> _Shown:
    images = card.task.images
    width, height = (images[0].width, images[0].height) if images else (0, 0)
    return _Shown(
        number=number,
        card=card,
        picture=shelf.show(images[0], side=_SIDE, alt="the picture asked about")
        if images
        else None,
        frames=tuple(
            _Frame(
                left=width * hop.box.x0,
                top=height * hop.box.y0,
                width=width * hop.box.width,
                height=height * hop.box.height,
                name=hop.id,
            )
            for hop in (card.proof.hops if card.proof is not None else ())
            if hop.box is not None and hop.photo is None and hop.image == 0
        ),
        steps=_steps(card.proof),
    )


def _steps(proof: Proof | None) -> tuple[_Step, ...]:
    return tuple(_step(hop, proof) for hop in proof.hops) if proof is not None else ()


def _step(hop: Hop, proof: Proof) -> _Step:
    expected = {one.id: one.expected for one in proof.hops}
    match hop.kind:
        case HopKind.LOOK if hop.photo is not None:
            about = expected.get(hop.subject or "", "")
            words = f"what a box shows in the picture without words on the page about {about}"
        case HopKind.LOOK:
            words = "what the box shows"
        case HopKind.GIVEN:
            words = "words of the question"
        case HopKind.FOLLOW:
            words = f"{expected.get(hop.subject or '', '')}: {hop.label or hop.predicate or ''}"
        case HopKind.PICK:
            words = f"{hop.rule} of {', '.join(hop.over)}"
    return _Step(
        id=hop.id,
        kind=hop.kind.value,
        words=words,
        value=hop.expected,
        pages=hop.pages[:_PAGES_SHOWN],
    )
