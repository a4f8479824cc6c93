"""The pages of a generated web: listed, written on demand, dressed as HTML.

Any page can be made alone, in any order, in any process. Hosts are reserved names (RFC 2606).
"""

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vision_deepresearch.worlds.generated.claims import Claim, Stance
from vision_deepresearch.worlds.generated.content import write_content
from vision_deepresearch.worlds.generated.document import Document, PagePicture
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.plan import (
    PageKind,
    PageRecord,
    encyclopedia_url,
    plan_pages,
)

_TEMPLATES = {
    PageKind.ENCYCLOPEDIA: "encyclopedia.html.jinja",
    PageKind.LIST: "encyclopedia.html.jinja",
    PageKind.DISAMBIGUATION: "encyclopedia.html.jinja",
    PageKind.CATALOGUE: "catalogue.html.jinja",
    PageKind.NEWS: "news.html.jinja",
    PageKind.FORUM: "forum.html.jinja",
    PageKind.GALLERY: "gallery.html.jinja",
    PageKind.MIRROR: "mirror.html.jinja",
}


class PageSet:
    """All pages of one world."""

    def __init__(self, graph: Graph, *, records: Sequence[PageRecord]) -> None:
        self.graph = graph
        self._records = {record.url: record for record in records}

    @classmethod
    def of(cls, graph: Graph) -> "PageSet":
        """Plan the pages of a graph; none is written yet."""
        return cls(graph, records=tuple(plan_pages(graph)))

    def all_urls(self) -> tuple[PageRecord, ...]:
        """Every page, in a fixed order."""
        return tuple(self._records.values())

    def record(self, url: str) -> PageRecord:
        """What is known of a page.

        Raises:
            KeyError: there is no such page.
        """
        return self._records[url]

    def document(self, url: str) -> Document:
        """The content of a page.

        Raises:
            KeyError: there is no such page.
        """
        return write_content(self.graph, self._records[url])

    def render_html(self, url: str) -> bytes:
        """The page as its site serves it, UTF-8; below a millisecond.

        Raises:
            KeyError: there is no such page.
        """
        record = self._records[url]
        template = _environment().get_template(_TEMPLATES[record.kind])
        document = write_content(self.graph, record)
        return template.render(page=document, record=record).encode()

    def claims(self, url: str) -> tuple[Claim, ...]:
        """What a page states.

        Raises:
            KeyError: there is no such page.
        """
        return self.document(url).claims

    def pictures(self, url: str) -> tuple[PagePicture, ...]:
        """The pictures on a page: address, what they truly show, caption.

        Raises:
            KeyError: there is no such page.
        """
        return self.document(url).all_pictures

    def pages_about(self, entity_id: str) -> tuple[PageRecord, ...]:
        """Pages about a thing, its encyclopedia article first."""
        return tuple(self._about.get(entity_id, ()))

    def article(self, entity_id: str) -> str:
        """Address of the encyclopedia article about a thing."""
        return encyclopedia_url(self.graph, entity_id)

    @cached_property
    def disputed(self) -> frozenset[tuple[str, str]]:
        """(subject, predicate) of which some page states another value than the truth."""
        return frozenset(
            fact.key
            for record in self._records.values()
            for fact, stance in record.wrong
            if stance is not Stance.TRUE
        )

    @cached_property
    def disputed_backwards(self) -> frozenset[tuple[str, str]]:
        """(value, predicate) where some page wrongly says that another thing has this value."""
        return frozenset(
            (fact.object, fact.predicate)
            for record in self._records.values()
            for fact, _ in record.wrong
            if fact.object is not None
        )

    @cached_property
    def _about(self) -> dict[str, list[PageRecord]]:
        about: dict[str, list[PageRecord]] = {}
        for record in self._records.values():
            for entity_id in record.about:
                about.setdefault(entity_id, []).append(record)
        return about


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
