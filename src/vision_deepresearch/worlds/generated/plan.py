"""Which pages a generated web has: their addresses, kinds and subjects, before any is written.

Planning is cheap and in order, linear in time and memory; writing a page (`content`) needs its
plan only, so that any page can be made alone. What a page gets wrong is planned too.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b

from vision_deepresearch.worlds.generated.claims import (
    Stance,
    first_year,
    older_value,
    twisted,
    year_of,
)
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.furniture import (
    ALBUM_TITLES,
    HEADLINES,
    LISTICLE_TITLES,
    PHOTO_TITLES,
    POST_TITLES,
    PROFILE_TITLES,
    THREADS,
    TIMELINE_TITLES,
    say,
)
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.names import KINDS
from vision_deepresearch.worlds.generated.sites import (
    USUAL_P_OUTDATED,
    PageKind,
    Split,
    address_of,
    pictures_address,
    site_of,
)
from vision_deepresearch.worlds.generated.spec import rng_for

_ALBUM_SIZE = 6
_LAST_DAY = date(2025, 11, 30)
_INDEX_SIZE = 240
"""Links of a page of an index: all parts of a long one stay below 5 ms."""
_LISTICLE_SHARE = 45
"""One listicle for so many things of a kind."""
_MAX_EVENTS = 24
_MIN_EVENTS = 6
"""Entries of a page about a decade."""

Wrong = tuple[tuple[Fact, Stance], ...]


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
    """Pages about several things: what they have in common."""
    part: int = 0
    """Lists: which part this is, from 0."""
    num_parts: int = 1
    wrong: Wrong = ()
    """What it gets wrong, and how."""


def picture_url(entity_id: str, *, split: Split = "train") -> str:
    """Where the reference picture of a thing lies."""
    return f"{_PICTURES[split]}{entity_id}.jpg"


def pictured_at(url: str) -> str | None:
    """The id of the thing whose picture would lie there; None: no address of a picture."""
    for address in _PICTURES.values():
        if url.startswith(address) and url.endswith(".jpg"):
            return url.removeprefix(address).removesuffix(".jpg")
    return None


_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_PICTURES: dict[Split, str] = {split: pictures_address(split) for split in _SPLITS}
_ARTICLES: dict[Split, str] = {split: address_of(PageKind.ENCYCLOPEDIA, split) for split in _SPLITS}


def encyclopedia_url(graph: Graph, entity_id: str) -> str:
    """The article about a thing."""
    return _ARTICLES[graph.spec.site_split] + graph.slug(entity_id)


def part_url(title: str, *, kind: PageKind, part: int, split: Split = "train") -> str:
    """Where a part of a list or index lies.

    Args:
        title: of its first part.
        kind: list or category.
        part: from 0.
        split: of the world.
    """
    name = title.replace(": ", "_").replace(" ", "_")
    return address_of(kind, split) + (name if part == 0 else f"{name}_part_{part + 1}")


def list_title(topic: str) -> str:
    """Title of the first part of a list."""
    return f"List of {topic}"


def category_title(topic: str) -> str:
    """Title of the first part of an index."""
    return f"Category: {topic}"


def plan_pages(graph: Graph) -> Iterator[PageRecord]:
    """All pages of the world, in a fixed order: about 1.8 for each thing."""
    planner = _Planner(graph)
    for entity in graph.entities.values():
        yield planner.record(
            encyclopedia_url(graph, entity.id),
            PageKind.ENCYCLOPEDIA,
            title=graph.title(entity.id),
            about=(entity.id,),
        )
    yield from planner.disambiguations()
    yield from planner.lists()
    yield from planner.categories()
    for number, entity in enumerate(graph.entities.values()):
        yield from planner.secondary(entity, number=number)
    yield from planner.albums()
    yield from planner.listicles()
    yield from planner.timelines()


def plural(noun: str) -> str:
    """More than one of it: "brand of tea" gives "brands of tea"."""
    head, of, tail = noun.partition(" of ")
    if of:
        return f"{plural(head)} of {tail}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith("man"):
        return f"{noun[:-3]}men"
    if noun.endswith(("fish", "species")):
        return noun
    return f"{noun}es" if noun.endswith(("s", "ch", "sh")) else f"{noun}s"


def _dice(root: str, kind: str, key: str) -> tuple[float, ...]:
    """Sixteen numbers in 0..1 for one object, at a fifth of the cost of a generator."""
    digest = blake2b(f"{root}/{kind}/{key}".encode()).digest()
    return tuple(drawn / 2**32 for drawn in struct.unpack(">16I", digest))


@dataclass(frozen=True, slots=True)
class _Sort:
    """One kind of secondary page and how often a thing has it."""

    kind: PageKind
    share: float
    titles: tuple[tuple[str, ...], ...] = ()
    """Grammar of its titles; (): the thing's name with the site's suffix."""
    is_dated: bool = False
    max_age_days: int = 9000
    stance: Stance = Stance.OUTDATED
    """How it relates to the truth where it is wrong."""
    types: frozenset[EntityType] = frozenset(EntityType)
    """Which things have such pages."""


_PICTURED = frozenset(type_ for type_ in EntityType if type_.carries_picture)
_SECONDARY = (
    _Sort(PageKind.CATALOGUE, 0.34, types=_PICTURED),
    _Sort(PageKind.NEWS, 0.2, titles=HEADLINES, is_dated=True),
    _Sort(
        PageKind.FORUM,
        0.06,
        titles=THREADS,
        is_dated=True,
        max_age_days=4000,
        stance=Stance.RUMOUR,
    ),
    _Sort(PageKind.MIRROR, 0.08, stance=Stance.CONTRADICTORY),
    _Sort(
        PageKind.BLOG,
        0.07,
        titles=POST_TITLES,
        is_dated=True,
        max_age_days=5000,
        stance=Stance.RUMOUR,
    ),
    _Sort(PageKind.SHOP, 0.06, types=_PICTURED),
    _Sort(
        PageKind.PROFILE,
        0.08,
        titles=PROFILE_TITLES,
        is_dated=True,
        types=frozenset({EntityType.PERSON, EntityType.ORGANISATION}),
    ),
    _Sort(PageKind.ARCHIVE, 0.03, is_dated=True),
)


class _Planner:
    """Plans the pages of one world."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._split: Split = graph.spec.site_split
        self._root = graph.spec.root
        self._sites = {kind: site_of(kind, self._split) for kind in PageKind}
        self._p_wrong = {
            kind: (1 - site.reliability) * graph.spec.p_outdated / USUAL_P_OUTDATED
            for kind, site in self._sites.items()
        }

    def record(
        self,
        url: str,
        kind: PageKind,
        *,
        title: str,
        about: tuple[str, ...],
        published: str | None = None,
        topic: str = "",
        part: int = 0,
        num_parts: int = 1,
        wrong: Wrong = (),
    ) -> PageRecord:
        return PageRecord(
            url=url,
            site=self._sites[kind].name,
            kind=kind,
            title=title,
            about=about,
            published=published,
            topic=topic,
            part=part,
            num_parts=num_parts,
            wrong=wrong,
        )

    def _address(self, kind: PageKind) -> str:
        return address_of(kind, self._split)

    # ------------------------------------------------------------------------------- indexes

    def disambiguations(self) -> Iterator[PageRecord]:
        graph = self._graph
        seen: set[str] = set()
        for entity in graph.entities.values():
            if not graph.is_homonym(entity.id) or entity.name in seen:
                continue
            seen.add(entity.name)
            slug = graph.slug(entity.id).split(f"_{graph.describe(entity.id)}")[0]
            yield self.record(
                f"{self._address(PageKind.DISAMBIGUATION)}{slug}_disambiguation_{entity.id}",
                PageKind.DISAMBIGUATION,
                title=f"{entity.name} (disambiguation)",
                about=tuple(other.id for other in graph.named(entity.name)),
            )

    def lists(self) -> Iterator[PageRecord]:
        graph = self._graph
        limit = graph.spec.list_limit
        for kind, members in self._by_kind().items():
            yield from self._parts(
                PageKind.LIST, list_title(plural(kind)), members, topic=plural(kind), limit=limit
            )
        towns: dict[str, list[str]] = {}
        for town in graph.of_type(EntityType.SETTLEMENT):
            towns.setdefault(graph.value(town.id, "region") or "", []).append(town.id)
        for region, members in sorted(towns.items()):
            topic = f"towns in {region}"
            yield from self._parts(
                PageKind.LIST, list_title(topic), members, topic=topic, limit=limit
            )

    def _by_kind(self) -> dict[str, list[str]]:
        """Things by their kind, kinds in the order of the table of names."""
        grouped: dict[str, list[str]] = {kind: [] for kinds in KINDS.values() for kind in kinds}
        for entity in self._graph.entities.values():
            if entity.kind:
                grouped.setdefault(entity.kind, []).append(entity.id)
        return grouped

    def categories(self) -> Iterator[PageRecord]:
        graph = self._graph
        for type_ in EntityType:
            members = sorted(graph.of_type(type_), key=lambda one: (one.name.casefold(), one.id))
            topic = plural("town" if type_ is EntityType.SETTLEMENT else type_.value)
            ids = [entity.id for entity in members]
            title = category_title(topic)
            yield from self._parts(PageKind.CATEGORY, title, ids, topic=topic, limit=_INDEX_SIZE)

    def _parts(
        self,
        kind: PageKind,
        title: str,
        members: Sequence[str],
        *,
        topic: str,
        limit: int | None,
    ) -> Iterator[PageRecord]:
        if len(members) < 2:
            return
        size = limit or len(members)
        num_parts = -(-len(members) // size)
        for part in range(num_parts):
            yield self.record(
                part_url(title, kind=kind, part=part, split=self._split),
                kind,
                title=title if part == 0 else f"{title}, part {part + 1}",
                about=tuple(members[part * size : (part + 1) * size]),
                topic=topic,
                part=part,
                num_parts=num_parts,
            )

    # ---------------------------------------------------------------------- pages about a thing

    def secondary(self, entity: Entity, *, number: int) -> Iterator[PageRecord]:
        """What other sites have about a thing."""
        drawn = _dice(self._root, "secondary", entity.id)
        for place, sort in enumerate(_SECONDARY):
            if drawn[place] < sort.share and entity.type in sort.types:
                page = self._page_of(entity, sort, number=number, luck=drawn[-1 - place])
                if page is not None:
                    yield page

    def _page_of(
        self, entity: Entity, sort: _Sort, *, number: int, luck: float
    ) -> PageRecord | None:
        graph, kind = self._graph, sort.kind
        rng = rng_for(self._root, kind.value, entity.id)
        published = None
        if sort.is_dated:
            begun = first_year(graph, entity.id)
            age = sort.max_age_days
            if begun is not None:  # a page is not older than what it is about
                age = min(age, max(1, (_LAST_DAY - date(begun, 12, 31)).days))
            published = (_LAST_DAY - timedelta(days=rng.randrange(age))).isoformat()
        wrong = self._errors(entity.id, sort, luck=luck)
        if kind is PageKind.ARCHIVE and not wrong:
            return None  # nothing changed: there is no use in the copy
        title, path = graph.title(entity.id), graph.slug(entity.id)
        if sort.titles:
            title = say(rng, sort.titles).replace("{name}", entity.name)
            path = f"{(published or '')[:7].replace('-', '/')}/{path.lower()}-{number}"
        elif kind is not PageKind.ARCHIVE:
            suffix = self._sites[kind].suffix
            title = f"{entity.name}{suffix.replace('{number}', f'{number:05d}')}"
            path = f"{number:05d}" if "{number}" in suffix else path
        else:
            path = f"{(published or '').replace('-', '')}/{path}"
        return self.record(
            self._address(kind) + path,
            kind,
            title=title,
            about=(entity.id,),
            published=published,
            wrong=wrong,
        )

    def _errors(self, subject: str, sort: _Sort, *, luck: float) -> Wrong:
        """What a page about a thing gets wrong: one fact, on archived copies all that changed."""
        if luck >= self._p_wrong[sort.kind]:
            return ()
        graph, page = self._graph, sort.kind.value
        facts = graph.facts(subject)
        if sort.stance is Stance.OUTDATED:
            facts = tuple(fact for fact in facts if graph.relation(subject, fact.predicate).changes)
        if not facts:
            return ()
        if sort.kind is not PageKind.ARCHIVE:
            facts = (rng_for(self._root, "error", (subject, page)).choice(facts),)
        twists = ((fact, self._twist(fact, sort)) for fact in facts)
        return tuple((twist, sort.stance) for fact, twist in twists if twist != fact)

    def _twist(self, fact: Fact, sort: _Sort) -> Fact:
        """The fact as the page has it: what it was before, where the world knows that."""
        twist = older_value if sort.stance is Stance.OUTDATED else twisted
        return twist(self._graph, fact, key=sort.kind.value)

    # ------------------------------------------------------------------ pages about several things

    def albums(self) -> Iterator[PageRecord]:
        """Albums of a few pictures each; look-alikes end up beside what they resemble."""
        graph = self._graph
        pictured = [entity.id for entity in graph.pictured()]
        rng_for(self._root, "albums", 0).shuffle(pictured)
        ordered: dict[str, None] = {}
        for entity_id in pictured:
            for member in (entity_id, *graph.lookalikes(entity_id)):
                ordered.setdefault(member)
        members: Sequence[str] = tuple(ordered)
        for start in range(0, len(members), _ALBUM_SIZE):
            number = start // _ALBUM_SIZE
            rng = rng_for(self._root, "album title", number)
            yield self.record(
                f"{self._address(PageKind.GALLERY)}{number:04d}",
                PageKind.GALLERY,
                title=f"Album {number:04d}: {say(rng, ALBUM_TITLES)}",
                about=tuple(members[start : start + _ALBUM_SIZE]),
            )
            if rng.random() < 0.25:
                yield self.record(
                    f"{self._address(PageKind.STOCK)}{number:05d}",
                    PageKind.STOCK,
                    title=f"Photo {number:05d}: {say(rng, PHOTO_TITLES)}",
                    about=(members[rng.randrange(start, min(start + 6, len(members)))],),
                )

    def listicles(self) -> Iterator[PageRecord]:
        for kind, members in self._by_kind().items():
            for number in range(-(-len(members) // _LISTICLE_SHARE)):
                rng = rng_for(self._root, "listicle", (kind, number))
                size = rng.randint(4, 9)
                if len(members) < size:
                    continue
                day = _LAST_DAY - timedelta(days=rng.randrange(3000))
                title = say(rng, LISTICLE_TITLES).replace("{kinds}", plural(kind))
                title = title.replace("{Number}", _NUMBERS[size])
                slug = f"{plural(kind)}-{number}".replace(" ", "-")
                yield self.record(
                    f"{self._address(PageKind.LISTICLE)}{slug}",
                    PageKind.LISTICLE,
                    title=title,
                    about=tuple(rng.sample(members, k=size)),
                    published=day.isoformat(),
                    topic=plural(kind),
                )

    def timelines(self) -> Iterator[PageRecord]:
        """Decades in which several things began or ended."""
        graph = self._graph
        decades: dict[int, list[str]] = {}
        for entity in graph.entities.values():
            for fact in graph.facts(entity.id):
                year = year_of(graph, fact)
                if year is not None:
                    met = decades.setdefault(year // 10, [])
                    if len(met) < 2 * _MAX_EVENTS:
                        met.append(entity.id)
        for decade, met in sorted(decades.items()):
            about = tuple(dict.fromkeys(met))[:_MAX_EVENTS]
            rng = rng_for(self._root, "timeline", decade)
            if len(about) < _MIN_EVENTS or rng.random() < 0.5:
                continue
            topic = f"{decade}0s"
            yield self.record(
                f"{self._address(PageKind.TIMELINE)}{topic}",
                PageKind.TIMELINE,
                title=say(rng, TIMELINE_TITLES).replace("{decade}", topic),
                about=about,
                published=(_LAST_DAY - timedelta(days=rng.randrange(3000))).isoformat(),
                topic=topic,
            )


_NUMBERS = {
    4: "Four",
    5: "Five",
    6: "Six",
    7: "Seven",
    8: "Eight",
    9: "Nine",
}
