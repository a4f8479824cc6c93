"""What a tool gave back: parts the model is shown, evidence a program can use, or a typed failure.

A failure is a type, never a string to be searched for. An empty result is a result, no failure.
"""

from enum import StrEnum
from typing import Self

from vision_deepresearch.core.content import ImageRef, Part, trusted, untrusted
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.record import Record


class EvidenceKind(StrEnum):
    """How a piece of evidence was found."""

    IMAGE_HIT = "image_hit"
    TEXT_HIT = "text_hit"
    PAGE = "page"
    """A page that was read and summarised."""


class Quote(Record):
    """Words that stand in a page, with their place: found again there, not believed."""

    text: str
    """As the page's Markdown has it."""
    start: int
    """First character within the window of Markdown that was read."""
    end: int
    """Behind the last character."""
    cursor: str | None = None
    """The window; None: the first."""


class Evidence(Record):
    """One retrieved thing, gradable without parsing text."""

    kind: EvidenceKind
    url: str
    title: str
    snippet: str = ""
    """A search hit's snippet; of a page, the passage and summary as shown to the model. Raw."""
    published: str | None = None
    """ISO date as the source states it."""
    image_url: str | None = None
    """Of an image hit: the matched picture."""
    image: ImageRef | None = None
    """The matched picture, once fetched."""
    handle: str | None = None
    """Its name in the image bank, if it has one."""
    score: float | None = None
    """The engine's own; image hits of an embedded index: RANSAC inliers."""
    label: str | None = None
    """The engine's word for the score: "match", "possible", "visually similar"."""
    region: int | None = None
    """Index into `Observation.regions`: which crop found it."""
    rank: int | None = None
    """0 is the first hit of its query."""
    query: str | None = None
    """The text query or, for a page, the goal it was read for."""
    world_id: str = ""
    doc_id: str = ""
    quotes: tuple[Quote, ...] = ()
    """Of a page that was read: the parts of `snippet` that are the page's own words."""
    degraded: bool = False
    """A summary that had to be an extract because no summariser (or a failed one) was there."""


class Region(Record):
    """One crop that was searched."""

    handle: str
    """The picture that was cropped."""
    box: Box
    """As asked for, before scaling."""
    scale: float
    """Factor about the centre of `box`."""
    searched: Box
    """What was cut out: `box` scaled and clipped."""
    crop: ImageRef
    crop_handle: str
    """Name of the crop in the image bank."""
    hits: int = 0
    failure: FailureKind | None = None


class Failure(Record):
    """Why a call gave nothing."""

    kind: FailureKind
    message: str
    """Short; safe to show to a model. Provider bodies and addresses never stand here."""


class Observation(Record):
    """The result of one tool call, raw. Neutralised when it is rendered into a message."""

    parts: tuple[Part, ...]
    evidence: tuple[Evidence, ...] = ()
    regions: tuple[Region, ...] = ()
    failure: Failure | None = None
    notices: tuple[str, ...] = ()
    """What was skipped, cut or degraded; also told in `parts`."""

    @classmethod
    def failed(cls, kind: FailureKind, message: str) -> Self:
        """An observation that says what went wrong and how to go on."""
        return cls(
            # The message may quote what the model or a page said, so it earns no trust.
            parts=(trusted(f"[{kind.value}] "), untrusted(message)),
            failure=Failure(kind=kind, message=message),
        )
