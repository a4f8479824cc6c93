"""What stands on a page before it is dressed as HTML: spans, rows, sections, pictures."""

from dataclasses import dataclass

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
class Section:
    """A heading with paragraphs and a list."""

    heading: str = ""
    paragraphs: tuple[Line, ...] = ()
    items: tuple[Line, ...] = ()
    table: tuple[tuple[Line, ...], ...] = ()
    """Rows of cells, the first row being the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A picture on a page."""

    image_url: str
    entity_id: str
    caption: str
    """May be vague, or the name of another thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of one page, and the claims it makes."""

    title: str
    lead: PagePicture | None = None
    rows: tuple[Row, ...] = ()
    sections: tuple[Section, ...] = ()
    pictures: tuple[PagePicture, ...] = ()
    related: tuple[Span, ...] = ()
    claims: tuple[Claim, ...] = ()
    author: str = ""

    @property
    def all_pictures(self) -> tuple[PagePicture, ...]:
        """The lead picture first."""
        return (self.lead, *self.pictures) if self.lead is not None else self.pictures
