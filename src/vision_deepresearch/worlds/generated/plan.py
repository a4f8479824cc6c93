"""Which pages a generated web has: their addresses, kinds and subjects, before any is written.

Planning is cheap and in order; writing a page (`content`) needs its plan only, so that any page
can be made alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from vision_deepresearch.worlds.generated.claims import Stance, twisted
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.names import KINDS
from vision_deepresearch.worlds.generated.spec import rng_for

ENCYCLOPEDIA = "https://www.orbipedia.example/wiki/"
CATALOGUE = "https://catalogue.meridian-collections.example/item/"
NEWS = "https://www.tidewater-courier.example/"
FORUM = "https://boards.lanternclub.example/t/"
GALLERY = "https://picstack.example/album/"
MIRROR = "https://factnest.example/a/"
PICTURES = "https://img.orbipedia.example/"

_ALBUM_SIZE = 6
_LAST_DAY = date(2025, 11, 30)


class PageKind(StrEnum):
    """What a page is."""

    ENCYCLOPEDIA = "encyclopedia"
    CATALOGUE = "catalogue"
    NEWS = "news"
    FORUM = "forum"
    GALLERY = "gallery"
    MIRROR = "mirror"
    """A near-copy of an encyclopedia article."""
    LIST = "list"
    DISAMBIGUATION = "disambiguation"

    @property
    def site(self) -> str:
        """The name of the site it stands on."""
        return _SITES[self]

    @property
    def is_index(self) -> bool:
        """Whether it only lists other pages, without a picture."""
        return self in {PageKind.LIST, PageKind.DISAMBIGUATION}


_SITES = {
    PageKind.ENCYCLOPEDIA: "Orbipedia",
    PageKind.LIST: "Orbipedia",
    PageKind.DISAMBIGUATION: "Orbipedia",
    PageKind.CATALOGUE: "Meridian Collections",
    PageKind.NEWS: "Tidewater Courier",
    PageKind.FORUM: "Lantern Club Boards",
    PageKind.GALLERY: "Picstack",
    PageKind.MIRROR: "FactNest",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """A page that exists."""

    url: str
    site: str
    kind: PageKind
    title: str
    about: tuple[str, ...]
    """Ids of the things it is about, the main one first."""
    published: str | None = None
    """ISO date, where the page shows one."""
    topic: str = ""
    """Lists: what they list."""
    part: int = 0
    """Lists: which part this is, from 0."""
    num_parts: int = 1
    wrong: tuple[tuple[Fact, Stance], ...] = ()
    """What it gets wrong, and how."""


def picture_url(entity_id: str) -> str:
    """Where the reference picture of a thing lies."""
    return f"{PICTURES}{entity_id}.jpg"


def pictured_at(url: str) -> str | None:
    """The id of the thing whose picture would lie there; None: no address of a picture."""
    if not (url.startswith(PICTURES) and url.endswith(".jpg")):
        return None
    return url.removeprefix(PICTURES).removesuffix(".jpg")


def encyclopedia_url(graph: Graph, entity_id: str) -> str:
    """The article about a thing."""
    return ENCYCLOPEDIA + graph.slug(entity_id)


def list_url(topic: str, *, part: int) -> str:
    """Where a part of a list lies."""
    name = f"List of {topic}".replace(" ", "_")
    return ENCYCLOPEDIA + (name if part == 0 else f"{name}_part_{part + 1}")


def plan_pages(graph: Graph) -> Iterator[PageRecord]:
    """All pages of the world, in a fixed order: about 1.8 for each thing."""
    for entity in graph.entities.values():
        yield _record(
            encyclopedia_url(graph, entity.id),
            PageKind.ENCYCLOPEDIA,
            title=graph.title(entity.id),
            about=(entity.id,),
        )
    yield from _disambiguations(graph)
    yield from _lists(graph)
    for number, entity in enumerate(graph.entities.values()):
        yield from _secondary(graph, entity, number=number)
    yield from _albums(graph)


def _record(
    url: str,
    kind: PageKind,
    *,
    title: str,
    about: tuple[str, ...],
    published: str | None = None,
    topic: str = "",
    part: int = 0,
    num_parts: int = 1,
    wrong: tuple[tuple[Fact, Stance], ...] = (),
) -> PageRecord:
    return PageRecord(
        url=url,
        site=kind.site,
        kind=kind,
        title=title,
        about=about,
        published=published,
        topic=topic,
        part=part,
        num_parts=num_parts,
        wrong=wrong,
    )


def _disambiguations(graph: Graph) -> Iterator[PageRecord]:
    seen: set[str] = set()
    for entity in graph.entities.values():
        if not graph.is_homonym(entity.id) or entity.name in seen:
            continue
        seen.add(entity.name)
        slug = graph.slug(entity.id).split(f"_{graph.describe(entity.id)}")[0]
        yield _record(
            f"{ENCYCLOPEDIA}{slug}_disambiguation_{entity.id}",
            PageKind.DISAMBIGUATION,
            title=f"{entity.name} (disambiguation)",
            about=tuple(other.id for other in graph.named(entity.name)),
        )


def _lists(graph: Graph) -> Iterator[PageRecord]:
    for type_, kinds in KINDS.items():
        for kind in kinds:
            members = tuple(entity.id for entity in graph.of_type(type_) if entity.kind == kind)
            yield from _list_pages(members, topic=kind, limit=graph.spec.list_limit)
    towns: dict[str, list[str]] = {}
    for town in graph.of_type(EntityType.SETTLEMENT):
        towns.setdefault(graph.value(town.id, "region") or "", []).append(town.id)
    for region, members in sorted(towns.items()):
        topic = f"town in {region}"
        yield from _list_pages(tuple(members), topic=topic, limit=graph.spec.list_limit)


def _list_pages(members: tuple[str, ...], *, topic: str, limit: int | None) -> Iterator[PageRecord]:
    if len(members) < 2:
        return
    head, _, tail = topic.partition(" in ")
    plural = f"{_plural(head)} in {tail}" if tail else _plural(head)
    title = f"List of {plural}"
    size = limit or len(members)
    num_parts = -(-len(members) // size)
    for part in range(num_parts):
        name = title if part == 0 else f"{title}, part {part + 1}"
        yield _record(
            list_url(plural, part=part),
            PageKind.LIST,
            title=name,
            about=members[part * size : (part + 1) * size],
            topic=plural,
            part=part,
            num_parts=num_parts,
        )


def _plural(noun: str) -> str:
    if noun.endswith(("y",)) and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "ch", "sh")) else f"{noun}s"


def _secondary(graph: Graph, entity: Entity, *, number: int) -> Iterator[PageRecord]:
    rng = rng_for(graph.spec.root, "secondary", entity.id)
    about = (entity.id,)
    name = entity.name
    if entity.type.carries_picture and rng.random() < 0.45:
        yield _record(
            f"{CATALOGUE}{number:05d}",
            PageKind.CATALOGUE,
            title=f"{name}: item {number:05d}",
            about=about,
            wrong=_outdated(graph, entity.id, page="catalogue"),
        )
    if rng.random() < 0.24:
        day = _LAST_DAY - timedelta(days=rng.randrange(9000))
        headline = rng.choice(_HEADLINES).format(name=name)
        slug = f"{day:%Y/%m}/{graph.slug(entity.id).lower()}-{number}"
        yield _record(
            NEWS + slug,
            PageKind.NEWS,
            title=headline,
            about=about,
            published=day.isoformat(),
            wrong=_outdated(graph, entity.id, page="news"),
        )
    if rng.random() < 0.07:
        day = _LAST_DAY - timedelta(days=rng.randrange(4000))
        yield _record(
            f"{FORUM}{number:05d}",
            PageKind.FORUM,
            title=rng.choice(_THREADS).format(name=name),
            about=about,
            published=day.isoformat(),
            wrong=_rumours(graph, entity.id),
        )
    if rng.random() < 0.09:
        yield _record(
            MIRROR + graph.slug(entity.id),
            PageKind.MIRROR,
            title=f"{name} facts",
            about=about,
            wrong=_outdated(graph, entity.id, page="mirror"),
        )


_HEADLINES = (
    "A closer look at {name}",
    "What visitors say about {name}",
    "{name} in the spotlight again",
    "Letters to the editor: {name}",
    "From the archive: {name}",
    "Open questions about {name}",
)
_THREADS = (
    "Anyone know more about {name}?",
    "{name}, looking for sources",
    "Quiz night: {name}",
)


def _outdated(graph: Graph, subject: str, *, page: str) -> tuple[tuple[Fact, Stance], ...]:
    """With the probability of the spec, one changing fact as it was before."""
    rng = rng_for(graph.spec.root, "outdated", (subject, page))
    changing = [
        fact for fact in graph.facts(subject) if graph.relation(subject, fact.predicate).changes
    ]
    if rng.random() >= graph.spec.p_outdated or not changing:
        return ()
    fact = rng.choice(changing)
    return _wrong(fact, twisted(graph, fact, key=page), stance=Stance.OUTDATED)


def _rumours(graph: Graph, subject: str) -> tuple[tuple[Fact, Stance], ...]:
    rng = rng_for(graph.spec.root, "rumours", subject)
    facts = graph.facts(subject)
    if not facts or rng.random() < 0.5:
        return ()
    fact = rng.choice(facts)
    return _wrong(fact, twisted(graph, fact, key="forum"), stance=Stance.RUMOUR)


def _wrong(fact: Fact, twist: Fact, *, stance: Stance) -> tuple[tuple[Fact, Stance], ...]:
    return () if twist == fact else ((twist, stance),)


def _albums(graph: Graph) -> Iterator[PageRecord]:
    """Albums of a few pictures each; look-alikes end up beside what they resemble."""
    pictured = [entity.id for entity in graph.pictured()]
    rng_for(graph.spec.root, "albums", 0).shuffle(pictured)
    ordered: dict[str, None] = {}
    for entity_id in pictured:
        for member in (entity_id, *graph.lookalikes(entity_id)):
            ordered.setdefault(member)
    members: Sequence[str] = tuple(ordered)
    for start in range(0, len(members), _ALBUM_SIZE):
        number = start // _ALBUM_SIZE
        yield _record(
            f"{GALLERY}{number:04d}",
            PageKind.GALLERY,
            title=f"Album {number:04d}: {_ALBUM_TITLES[number % len(_ALBUM_TITLES)]}",
            about=tuple(members[start : start + _ALBUM_SIZE]),
        )


_ALBUM_TITLES = (
    "signs and surfaces",
    "a walk along the quay",
    "emblems I have met",
    "walls, hulls and posters",
    "holiday finds",
    "colours of the coast",
)
