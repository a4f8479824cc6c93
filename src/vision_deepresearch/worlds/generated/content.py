"""Writes the content of one page from the graph and the page's plan.

Every sentence that states a fact comes from `grammar`, so that what a page claims is known. All
choices are drawn from the page's own generator: any page can be written alone. Nothing here knows
a predicate by name: facts are told by what their values are.
"""

from collections.abc import Callable, Iterator, Sequence

from vision_deepresearch.worlds.generated import furniture, indexes
from vision_deepresearch.worlds.generated.article_photos import photo_of
from vision_deepresearch.worlds.generated.claims import Stance
from vision_deepresearch.worlds.generated.document import Document, Line, Section, SectionKind, Span
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.furniture import say
from vision_deepresearch.worlds.generated.grammar import realisations_of
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.plan import PageRecord, plural
from vision_deepresearch.worlds.generated.relations import Relation
from vision_deepresearch.worlds.generated.sites import PageKind
from vision_deepresearch.worlds.generated.spec import rng_for
from vision_deepresearch.worlds.generated.themes import Theme
from vision_deepresearch.worlds.generated.writer import Writer, day_in_words, paragraph, pointing_at


def write_content(graph: Graph, record: PageRecord) -> Document:
    """The content of a planned page."""
    writer = Writer(graph=graph, record=record, rng=rng_for(graph.spec.root, "content", record.url))
    return _WRITERS[record.kind](writer)


# ---------------------------------------------------------------------------------------- articles


def _article(writer: Writer) -> Document:
    rows = [*writer.rows(writer.facts), *writer.inverse_rows()]
    photo = photo_of(writer.graph, writer.subject)
    return writer.document(
        lead=writer.lead_picture(),
        rows=rows,
        sections=_chapters(writer),
        photos=(photo.url,) if photo is not None else (),
        related=writer.related(),
    )


def _chapters(writer: Writer) -> Iterator[Section]:
    """The text of an article: a lead, then chapters in one of several arrangements."""
    rng = writer.rng
    facts = sorted(writer.facts, key=lambda fact: _ORDER[writer.theme(fact)])
    words = [fact for fact in facts if writer.theme(fact) is Theme.KIND][:_MAX_WORDS]
    others = [fact for fact in facts if fact not in words]
    first = others[: rng.randrange(3)] if words else others[:2]
    yield Section(paragraphs=(_lead(writer, [*words, *first]),))
    rest = [fact for fact in others if fact not in first]
    yield from rng.choice(_ARRANGEMENTS)(writer, rest)
    yield from _backwards(writer)
    yield from _works(writer)
    yield from _comparison(writer)


_P_ALIAS_PRONOUN = 0.3
_MAX_WORDS = 2
"""Words of what a thing is that an article opens with."""
_ORDER = {theme: place for place, theme in enumerate(Theme)}


def _lead(writer: Writer, facts: Sequence[Fact]) -> Line:
    entity = writer.graph.entity(writer.subject)
    spans = list(writer.told(facts))
    if entity.aliases:
        pronoun = bool(facts) and writer.rng.random() < _P_ALIAS_PRONOUN
        spans += [Span(" "), *writer.alias_sentence(pronoun=pronoun)]
    return tuple(spans)


def _by_theme(writer: Writer, facts: list[Fact]) -> Iterator[Section]:
    """A chapter for each theme; one that has a single fact to tell is joined with the next."""
    held: list[Fact] = []
    for theme in Theme:
        held += [fact for fact in facts if writer.theme(fact) is theme]
        if len(held) > 1:
            yield _chapter(writer, _heading_of(writer, held), held)
            held = []
    if held:
        yield _chapter(writer, _heading_of(writer, held), held)


def _heading_of(writer: Writer, facts: Sequence[Fact]) -> str:
    themes = {writer.theme(fact) for fact in facts}
    choices = furniture.MIXED_HEADINGS
    if len(themes) == 1:
        choices = furniture.HEADINGS[writer.theme(facts[0])]
    return writer.rng.choice(choices)


def _in_halves(writer: Writer, facts: list[Fact]) -> Iterator[Section]:
    """Two chapters under the headings of the type."""
    headings = _HEADINGS.get(writer.graph.entity(writer.subject).type, ("Overview", "Details"))
    half = (len(facts) + 1) // 2
    for heading, part in zip(headings, (facts[:half], facts[half:]), strict=True):
        if part:
            yield _chapter(writer, heading, part)


def _then_and_now(writer: Writer, facts: list[Fact]) -> Iterator[Section]:
    """What was before what is."""
    then = [fact for fact in facts if writer.theme(fact) in {Theme.TIME, Theme.PEOPLE, Theme.PAST}]
    now = [fact for fact in facts if fact not in then]
    for heading, part in (
        (writer.rng.choice(("History", "Background", "Origins")), then),
        (writer.rng.choice(("Today", "Present day", "Description")), now),
    ):
        if part:
            yield _chapter(writer, heading, part)


def _without_headings(writer: Writer, facts: list[Fact]) -> Iterator[Section]:
    """A short article, a few paragraphs on end."""
    if facts:
        yield Section(paragraphs=tuple(writer.paragraphs(facts)))


def _with_notes(writer: Writer, facts: list[Fact]) -> Iterator[Section]:
    """A paragraph, then the rest as a list of notes."""
    half = (len(facts) + 1) // 2
    if facts[:half]:
        yield Section(paragraphs=tuple(writer.paragraphs(facts[:half])))
    if facts[half:]:
        heading = writer.rng.choice(("Notes", "Key points", "In short", "Details"))
        items = tuple(writer.sentence(fact, pronoun=False) for fact in facts[half:])
        yield Section(heading=heading, items=items)


def _chapter(writer: Writer, heading: str, facts: Sequence[Fact]) -> Section:
    return Section(heading=heading, paragraphs=tuple(writer.paragraphs(facts)))


_ARRANGEMENTS: tuple[Callable[[Writer, list[Fact]], Iterator[Section]], ...] = (
    _by_theme,
    _by_theme,
    _in_halves,
    _then_and_now,
    _without_headings,
    _with_notes,
)
_HEADINGS = {
    EntityType.PERSON: ("Life", "Work and family"),
    EntityType.SETTLEMENT: ("Location", "Town life"),
    EntityType.ORGANISATION: ("History", "Present day"),
    EntityType.BUILDING: ("Building", "History"),
    EntityType.ARTWORK: ("Description", "Provenance"),
    EntityType.VESSEL: ("Construction", "Service"),
    EntityType.EVENT: ("Programme", "History"),
    EntityType.RIVER: ("Course", "Character"),
    EntityType.PRODUCT: ("Origin", "Trade"),
    EntityType.SPECIES: ("Discovery", "Habitat"),
    EntityType.BOOK: ("Publication", "Contents"),
    EntityType.VEHICLE: ("Construction", "Operation"),
}


def _backwards(writer: Writer) -> Iterator[Section]:
    """What stands in a relation to the subject, in sentences."""
    domains = {relation.name: relation.domain for relation in _towards(writer)}
    told = [
        (predicate, thing)
        for predicate, thing in writer.inverses()
        if realisations_of(domains[predicate], predicate, inverse=True)
    ]
    if told:
        sentences = [
            writer.inverse_sentence(predicate, of=writer.subject, thing=thing, pronoun=position > 0)
            for position, (predicate, thing) in enumerate(told)
        ]
        heading = writer.rng.choice(("Achievements", "Influence", "Further ties", "In other roles"))
        yield Section(heading=heading, paragraphs=(paragraph(sentences),))


def _towards(writer: Writer) -> tuple[Relation, ...]:
    return pointing_at(writer.graph.entity(writer.subject).type)


_WORKS = {
    "founded_by": "Foundations",
    "designed_by": "Buildings",
    "created_by": "Works",
    "christened_by": "Ships",
    "headquartered_in": "Local companies",
    "stands_in": "Sights",
    "held_by": "Collection",
    "built_by": "Ships built",
    "lies_on": "Towns on its banks",
}
"""Headings of lists read backwards; others are named by the type of what they list."""
_MAX_WORKS = 3
_MAX_WORKS_LISTED = 12


def _works(writer: Writer) -> Iterator[Section]:
    """Lists of what refers to the subject, where there are several such things."""
    num_lists = 0
    for relation in _towards(writer):
        things = [
            thing
            for thing in writer.graph.subjects(writer.subject, relation.name)
            if writer.known(writer.graph.facts_of(thing, relation.name))
        ]
        if len(things) < 2 or relation.name.startswith("former_"):
            continue
        default = f"{plural(relation.domain.value).capitalize()} ({relation.infobox.lower()})"
        yield Section(
            heading=_WORKS.get(relation.name, default),
            items=tuple((writer.link(thing),) for thing in things[:_MAX_WORKS_LISTED]),
        )
        num_lists += 1
        if num_lists == _MAX_WORKS:
            return


_P_COMPARISON = 0.3
"""Of articles, the share that speak of another thing too."""


def _comparison(writer: Writer) -> Iterator[Section]:
    """Facts about another thing of the kind: a reader must tell whose value it is."""
    rng, graph = writer.rng, writer.graph
    if rng.random() > _P_COMPARISON:
        return
    others = graph.of_type(graph.entity(writer.subject).type)
    other = rng.choice(others)
    facts = writer.known(graph.facts(other.id))
    if other.id == writer.subject or graph.is_homonym(other.id) or len(facts) < 2:
        return
    picked = rng.sample(facts, k=min(len(facts), rng.choice((1, 2, 2, 3))))
    opener = (Span(say(rng, furniture.COMPARISONS)),)
    text = paragraph([opener, writer.told(picked, may_use_pronoun=False)])
    form = rng.randrange(3)
    if form == 0:
        yield Section(heading=rng.choice(furniture.COMPARISON_HEADINGS), paragraphs=(text,))
    elif form == 1:
        yield Section(
            heading=rng.choice(furniture.COMPARISON_HEADINGS),
            kind=SectionKind.ASIDE,
            paragraphs=(text,),
        )
    else:
        yield Section(paragraphs=(text,))


# ------------------------------------------------------------------------------------- near-copies


def _archived(writer: Writer) -> Document:
    """The article with the values of then."""
    notice = say(writer.rng, furniture.ARCHIVE_NOTICES)
    return writer.document(
        notice=notice.replace("{day}", day_in_words(writer.record.published)),
        lead=writer.lead_picture(),
        rows=writer.rows(writer.facts),
        sections=_chapters(writer),
    )


def _mirror(writer: Writer) -> Document:
    """A near-copy: all rows, and the sentences either as a list or told anew."""
    facts = list(writer.facts)
    rows = list(writer.rows(facts))
    writer.rng.shuffle(facts)
    heading = writer.rng.choice(furniture.MIRROR_HEADINGS).replace("{name}", writer.name)
    if writer.rng.random() < 0.5:
        items = tuple(writer.sentence(fact, pronoun=False) for fact in facts[:5])
        sections = [Section(heading=heading, items=items)]
    else:
        sections = [Section(heading=heading, paragraphs=tuple(writer.paragraphs(facts)))]
    return writer.document(
        lead=writer.lead_picture(), rows=rows, sections=sections, sources=writer.sources()
    )


# ------------------------------------------------------------------------------- shops and objects


def _catalogue(writer: Writer) -> Document:
    rng = writer.rng
    kept = _kept(writer, 0.6)
    rows = list(writer.rows(kept))
    sections = [
        Section(heading="Notes", paragraphs=((Span(say(rng, furniture.CATALOGUE_NOTES)),),))
    ]
    if kept and rng.random() < 0.5:
        told = tuple(writer.paragraphs(rng.sample(kept, k=min(2, len(kept)))))
        heading = rng.choice(("Description", "Entry", "Lot essay"))
        sections.insert(0, Section(heading=heading, paragraphs=told))
    return writer.document(
        lead=writer.lead_picture(), rows=rows, sections=sections, related=writer.related()[:3]
    )


def _shop(writer: Writer) -> Document:
    rng = writer.rng
    kept = _kept(writer, 0.4)
    price = f"{rng.randrange(8, 90)}.{rng.choice(('00', '50', '90'))}"
    note = f"{say(rng, furniture.SHOP_NOTES)} {price} in the shop."
    sections = [Section(paragraphs=((Span(note),),))]
    if kept:
        told = tuple(writer.paragraphs(rng.sample(kept, k=min(3, len(kept)))))
        sections.append(Section(heading=rng.choice(furniture.SHOP_HEADINGS), paragraphs=told))
    return writer.document(
        lead=writer.lead_picture(),
        rows=writer.rows(kept),
        sections=sections,
        related=writer.related()[:4],
    )


def _kept(writer: Writer, share: float) -> list[Fact]:
    """About so many of the facts; what is wrong here always."""
    return [
        fact
        for fact in writer.facts
        if writer.rng.random() < share or writer.stance(fact) is not Stance.TRUE
    ]


# ------------------------------------------------------------------------- newspapers and magazines


def _news(writer: Writer) -> Document:
    rng = writer.rng
    own = writer.some_facts(rng.choice((2, 3, 3, 4)))
    intro: Line = (Span(say(rng, furniture.NEWS_INTROS)),)
    cut = rng.randint(1, max(1, len(own)))
    paragraphs = [paragraph([intro, *writer.named(own[:cut])])]
    if own[cut:]:
        paragraphs.append(paragraph(writer.named(own[cut:])))
    sections = [Section(paragraphs=tuple(paragraphs))]
    around = _around(writer, own)
    if around:
        form = rng.choice((SectionKind.PLAIN, SectionKind.ASIDE))
        heading = rng.choice(furniture.ASIDE_HEADINGS)
        sections.append(Section(heading=heading, kind=form, paragraphs=(paragraph(around),)))
    if rng.random() < 0.4:
        sections.append(Section(paragraphs=((Span(say(rng, furniture.NEWS_CLOSINGS)),),)))
    neighbours = [fact.object for fact in own if fact.object is not None]
    pictures = [
        writer.picture(neighbour)
        for neighbour in neighbours
        if writer.graph.entity(neighbour).type.carries_picture and rng.random() < 0.3
    ]
    return writer.document(
        lead=writer.lead_picture() if rng.random() < 0.5 else None,
        sections=sections,
        pictures=pictures[:1],
        related=writer.related()[:4],
        author=say(rng, furniture.AUTHORS),
    )


def _around(writer: Writer, told: Sequence[Fact], *, limit: int = 2) -> list[Line]:
    """A fact each about so many things that were named; all of it must stand on the page."""
    neighbours = [fact.object for fact in told if fact.object is not None]
    known = (writer.known(writer.graph.facts(neighbour)) for neighbour in neighbours)
    return writer.named([writer.rng.choice(facts) for facts in known if facts][:limit])


def _profile(writer: Writer) -> Document:
    """A portrait: the magazine asks, the files answer."""
    rng = writer.rng
    facts = _kept(writer, 0.75)
    sections = [Section(paragraphs=((Span(say(rng, furniture.PROFILE_INTROS)),),))]
    themes = [theme for theme in Theme if any(writer.theme(fact) is theme for fact in facts)]
    rng.shuffle(themes)
    for theme in themes:
        answer = writer.named([fact for fact in facts if writer.theme(fact) is theme])
        sections.append(
            Section(
                heading=rng.choice(furniture.PROFILE_QUESTIONS[theme]),
                kind=SectionKind.ANSWER,
                paragraphs=(paragraph(answer),),
            )
        )
    return writer.document(
        lead=writer.lead_picture() if rng.random() < 0.7 else None,
        sections=sections,
        related=writer.related()[:4],
        author=say(rng, furniture.AUTHORS),
    )


# ------------------------------------------------------------------------------- blogs and forums


def _blog(writer: Writer) -> Document:
    rng = writer.rng
    own = writer.some_facts(rng.choice((2, 3, 3, 4)))
    paragraphs: list[Line] = [(Span(say(rng, furniture.BLOG_OPENERS)),)]
    for start in range(0, len(own), 2):
        part = own[start : start + 2]
        is_rumour = any(writer.stance(fact) is Stance.RUMOUR for fact in part)
        words = furniture.BLOG_RUMOURS if is_rumour else furniture.BLOG_TURNS
        paragraphs.append(paragraph([(Span(say(rng, words)),), *writer.named(part)]))
    if rng.random() < 0.5:
        paragraphs += _around(writer, own, limit=1)
    paragraphs.append((Span(say(rng, furniture.BLOG_CLOSINGS)),))
    return writer.document(
        lead=writer.lead_picture() if rng.random() < 0.6 else None,
        sections=[Section(paragraphs=tuple(paragraphs))],
        sources=writer.sources() if rng.random() < 0.5 else (),
    )


def _thread(writer: Writer) -> Document:
    rng = writer.rng
    posts: list[Line] = [(Span(say(rng, furniture.QUESTIONS)),)]
    for fact in writer.some_facts(rng.choice((1, 2, 2, 3))):
        is_true = writer.stance(fact) is Stance.TRUE
        opener = say(rng, furniture.SOURCED if is_true else furniture.HEARSAY)
        posts.append(paragraph([(Span(opener),), writer.sentence(fact, pronoun=False)]))
        if rng.random() < 0.3:
            posts.append((Span(say(rng, furniture.CHATTER)),))
    posts.append((Span(say(rng, furniture.THANKS)),))
    asker = say(rng, furniture.HANDLES)
    names = [asker, *(say(rng, furniture.HANDLES) for _ in posts[2:]), asker]
    return writer.document(
        sections=[
            Section(
                kind=SectionKind.POST,
                byline=f"{name}, post {number} of {len(posts)}",
                paragraphs=(post,),
            )
            for number, (name, post) in enumerate(zip(names, posts, strict=True), start=1)
        ]
    )


_WRITERS: dict[PageKind, Callable[[Writer], Document]] = {
    PageKind.ENCYCLOPEDIA: _article,
    PageKind.ARCHIVE: _archived,
    PageKind.MIRROR: _mirror,
    PageKind.CATALOGUE: _catalogue,
    PageKind.SHOP: _shop,
    PageKind.NEWS: _news,
    PageKind.PROFILE: _profile,
    PageKind.BLOG: _blog,
    PageKind.FORUM: _thread,
    PageKind.LISTICLE: indexes.listicle,
    PageKind.TIMELINE: indexes.timeline,
    PageKind.GALLERY: indexes.album,
    PageKind.STOCK: indexes.photo,
    PageKind.LIST: indexes.table_of_things,
    PageKind.CATEGORY: indexes.category,
    PageKind.DISAMBIGUATION: indexes.disambiguation,
}
