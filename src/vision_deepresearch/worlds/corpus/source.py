"""What an importer reads: one stream of entries, the same from every kind of source.

A source lists its entries in a stable order, so that an import that was killed goes on behind the
last entry it committed, and gives the bytes of a picture by its path. Paths are plain text with
`/`, never percent-encoded, relative to the root of the source: `A/Ray_Charles.html`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from vision_deepresearch.core.record import Record


class Markup(StrEnum):
    """How the body of a page is written."""

    HTML = "html"
    MARKDOWN = "markdown"
    PDF = "pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """A page."""

    index: int
    path: str
    title: str
    """As the source lists it; "" where only the page itself says."""
    body: bytes
    markup: Markup = Markup.HTML
    charset: str | None = None
    """As HTTP said when the page was fetched."""
    pictures: tuple["Enclosed", ...] = ()
    """Pictures that come with the page and have no entry of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """A picture that comes with its page."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureEntry:
    """A picture; its bytes are asked for with `read_picture` once a page shows it."""

    index: int
    path: str
    media_type: str
    """As the source says; not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasEntry:
    """Another address (and name) of something: a redirect."""

    index: int
    path: str
    title: str
    target: str
    """Path it leads to, chains followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEntry:
    """Something that no reader reads: metadata, styles, scripts, sound. Counted, not kept."""

    index: int
    path: str
    what: str
    """Class it is counted under, for example "metadata" or "other"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """An entry that cannot be read: skipped, and listed with its reason."""

    index: int
    path: str
    reason: str


Entry: TypeAlias = PageEntry | PictureEntry | AliasEntry | OtherEntry | BadEntry


class SourceAbout(Record):
    """What a source says of itself; kept in the manifest."""

    kind: str
    """zim, folder, warc or table."""
    title: str
    identity: str
    """Changes when the content does (a file's UUID, a hash over names, sizes and times): an import
    goes on only with the same source."""
    language: str = ""
    date: str = ""
    """ISO date the source states; never today's."""
    licences: tuple[str, ...] = ()
    has_web_urls: bool = False
    """The pages keep their addresses of the web: paths begin with the host."""
    main_path: str | None = None
    """The page to begin with, if the source names one. It is an index, no article."""
    facts: dict[str, str] = {}
    """Anything else worth keeping: creator, publisher, scheme of names."""


class Source(Protocol):
    """Something that can be imported. Opened and used in one thread; close it at the end."""

    def about(self) -> SourceAbout:
        """What this is."""
        ...

    @property
    def num_entries(self) -> int:
        """Entries of every class, for progress."""
        ...

    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        """Entries from index `start` on, in a stable order; `Entry.index` counts up by one.

        Never raises for a single entry: what cannot be read is a `BadEntry`.
        """
        ...

    def read_picture(self, path: str) -> bytes:
        """The bytes of a picture.

        Raises:
            KeyError: nothing there, or it cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
