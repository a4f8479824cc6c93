"""The pages of a generated web: listed, written on demand, dressed as HTML.

Any page can be made alone, in any order, in any process. Hosts are reserved names (RFC 2606).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from vision_deepresearch.worlds.generated.claims import Claim, Stance
from vision_deepresearch.worlds.generated.content import write_content
from vision_deepresearch.worlds.generated.document import Document, PagePicture
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.markup import cells, each, line, pairs
from vision_deepresearch.worlds.generated.plan import PageRecord, encyclopedia_url, plan_pages
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.sites import PageKind, Role, Site, Split, site_of
from vision_deepresearch.worlds.generated.writer import day_in_words

_PREDICATES = tuple(dict.fromkeys(relation.name for relation in RELATIONS.values()))


class PageSet:
    """All pages of one world."""

    def __init__(self, graph: Graph, *, records: Sequence[PageRecord]) -> None:
        self.graph = graph
        self._records = {record.url: record for record in records}
        self._all = tuple(self._records.values())
        self._last: tuple[str, Document] | None = None

    @classmethod
    def of(cls, graph: Graph) -> "PageSet":
        """Plan the pages of a graph; none is written yet."""
        return cls(graph, records=tuple(plan_pages(graph)))

    def all_urls(self) -> tuple[PageRecord, ...]:
        """Every page, in a fixed order."""
        return self._all

    def record(self, url: str) -> PageRecord:
        """What is known of a page.

        Raises:
            KeyError: there is no such page.
        """
        return self._records[url]

    def document(self, url: str) -> Document:
        """The content of a page; the last one is kept, as HTML and text are made one by one.

        Raises:
            KeyError: there is no such page.
        """
        last = self._last
        if last is None or last[0] != url:
            last = self._last = (url, write_content(self.graph, self._records[url]))
        return last[1]

    def render_html(self, url: str) -> bytes:
        """The page as its site serves it, UTF-8; below a millisecond.

        Raises:
            KeyError: there is no such page.
        """
        record = self._records[url]
        return render(self.document(url), record, split=self.graph.spec.site_split).encode()

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

    def pages_showing(self, entity_id: str) -> Iterator[tuple[str, str]]:
        """Address and caption of every page that shows a thing's picture, in page order.

        Cost: each candidate is written when its turn comes, below a millisecond; a handful of
        pages about the thing, and the news about its neighbours.
        """
        for number in sorted(self._may_show(entity_id)):
            url = self._all[number].url
            for picture in self.pictures(url):
                if picture.entity_id == entity_id:
                    yield url, picture.caption
                    break

    def number(self, url: str) -> int | None:
        """Its place in `all_urls`; None: there is no such page."""
        return self._numbers.get(url)

    def _may_show(self, entity_id: str) -> set[int]:
        """Numbers of the pages that have a reason to show a thing: it is what they tell of."""
        neighbours = {
            subject
            for predicate in _PREDICATES
            for subject in self.graph.subjects(entity_id, predicate)
        }
        told = [record for record in self.pages_about(entity_id) if not record.kind.is_index]
        told += [
            record
            for subject in neighbours
            for record in self.pages_about(subject)
            if record.kind is PageKind.NEWS  # they show what they mention in passing
        ]
        return {self._numbers[record.url] for record in told} | self._mistaken.get(entity_id, set())

    @cached_property
    def _mistaken(self) -> dict[str, set[int]]:
        """By thing: numbers of the pages that wrongly name it as a value."""
        numbers: dict[str, set[int]] = {}
        for number, record in enumerate(self._all):
            for fact, _ in record.wrong:
                if fact.object is not None:
                    numbers.setdefault(fact.object, set()).add(number)
        return numbers

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {url: number for number, url in enumerate(self._records)}

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


def render(document: Document, record: PageRecord, *, split: Split) -> str:
    """A page's content as HTML in the dress of its site."""
    frame = _frame(record.kind, split)
    return frame.template.render(
        page=document,
        record=record,
        day=day_in_words(record.published),
        site=frame.site,
        shell=frame.shell,
        css=frame.css,
        menu=frame.menu,
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all pages of a kind share."""

    site: Site
    template: Template
    shell: Template
    css: Markup
    menu: tuple[str, ...]


@cache
def _frame(kind: PageKind, split: Split) -> _Frame:
    site = site_of(kind, split)
    environment = _environment()
    return _Frame(
        site=site,
        template=environment.get_template(f"{site.role.value}.html.jinja"),
        shell=environment.get_template(f"shells/{site.look.shell}.html.jinja"),
        css=Markup(_css(site)),  # noqa: S704 - our own files
        menu=_MENUS[site.role],
    )


def _css(site: Site) -> str:
    """The site's colours and fonts, what all sites share, what its split adds for its role."""
    look = site.look
    colours = (
        f":root{{--ink:{look.ink};--paper:{look.paper};--accent:{look.accent};--tint:{look.tint};"
        f"--font:{look.font};--heading:{look.heading_font}}}"
    )
    base, shell = (_css_lines(name) for name in ("base", look.shell))
    roles = tuple(f".{role.value}" for role in Role)
    own = f".{site.role.value}"
    kept = [line for line in shell if not line.startswith(roles) or line.startswith(own)]
    return "\n".join([colours, *base, *kept])


@cache
def _css_lines(name: str) -> tuple[str, ...]:
    path = _FOLDER / "css" / f"{name}.css"
    return tuple(path.read_text(encoding="utf-8").splitlines())


_FOLDER = Path(__file__).parent / "templates"
_MENUS = {
    Role.ENCYCLOPEDIA: ("Main page", "Random article", "Help", "Donate"),
    Role.COLLECTION: ("Highlights", "All objects", "Visit", "Basket (0)"),
    Role.NEWSPAPER: ("Front page", "Town and country", "Sport", "Tide tables", "Letters"),
    Role.FORUM: ("Boards", "Rules", "Log in", "Register"),
    Role.PHOTOS: ("Explore", "Upload", "Licences"),
    Role.MILL: ("Trending", "Quizzes", "Celebrities", "Top ten"),
    Role.MAGAZINE: ("This issue", "Lists", "People", "Subscribe"),
    Role.BLOG: ("Home", "About me", "Older posts"),
    Role.SHOP: ("New in", "Prints", "Gifts", "Basket (0)"),
    Role.ARCHIVE: ("About", "Calendar", "Save a page"),
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # Not by its attribute: the type checker takes the table to hold Jinja's own filters only.
    vars(environment)["filters"].update(line=line, each=each, pairs=pairs, cells=cells)
    return environment
