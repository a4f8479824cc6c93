"""What stands on a page before it is dressed as HTML: spans, rows, sections, pictures."""

from dataclasses import dataclass
from enum import StrEnum

from vision_deepresearch.worlds.generated.claims import Claim


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text, perhaps a link."""

    text: str
    href: str | None = None


Line = tuple[Span, ...]
"""A sentence, a cell, an item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of an infobox."""

    label: str
    cell: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A picture on a page."""

    image_url: str
    entity_id: str
    caption: str
    """May be vague, or the name of another thing."""


class SectionKind(StrEnum):
    """How a section is set off from the others."""

    PLAIN = "plain"
    ASIDE = "aside"
    """A box in the margin."""
    POST = "post"
    """Of a thread, with who wrote it."""
    ENTRY = "entry"
    """Of a list of things, perhaps with a picture."""
    ANSWER = "answer"
    """Its heading is the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with paragraphs and a list."""

    heading: str = ""
    kind: SectionKind = SectionKind.PLAIN
    byline: str = ""
    """Posts: who and when."""
    paragraphs: tuple[Line, ...] = ()
    items: tuple[Line, ...] = ()
    table: tuple[tuple[Line, ...], ...] = ()
    """Rows of cells, the first row being the head."""
    picture: PagePicture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of one page, and the claims it makes."""

    title: str
    notice: str = ""
    """Above everything else: what kind of copy this is."""
    lead: PagePicture | None = None
    rows: tuple[Row, ...] = ()
    sections: tuple[Section, ...] = ()
    pictures: tuple[PagePicture, ...] = ()
    photos: tuple[str, ...] = ()
    """Addresses of pictures of which nothing is said; no `PagePicture`: search does not know them."""
    related: tuple[Span, ...] = ()
    sources: tuple[Span, ...] = ()
    """Where the page says it has things from; some are gone."""
    pager: Line = ()
    """Where a long list goes on."""
    claims: tuple[Claim, ...] = ()
    author: str = ""

    @property
    def all_pictures(self) -> tuple[PagePicture, ...]:
        """The lead picture first."""
        lead = (self.lead,) if self.lead is not None else ()
        inside = tuple(part.picture for part in self.sections if part.picture is not None)
        return (*lead, *self.pictures, *inside)
