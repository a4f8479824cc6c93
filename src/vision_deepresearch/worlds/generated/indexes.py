"""Pages about several things: tables, indexes from A to Z, listicles, decades, albums."""

from collections.abc import Sequence
from itertools import groupby

from vision_deepresearch.worlds.generated import furniture
from vision_deepresearch.worlds.generated.claims import year_of
from vision_deepresearch.worlds.generated.document import (
    Document,
    Line,
    PagePicture,
    Section,
    SectionKind,
    Span,
)
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.furniture import say
from vision_deepresearch.worlds.generated.grammar import article_before
from vision_deepresearch.worlds.generated.plan import (
    category_title,
    encyclopedia_url,
    list_title,
    part_url,
)
from vision_deepresearch.worlds.generated.relations import BY_DOMAIN, Range, Relation
from vision_deepresearch.worlds.generated.writer import Writer, paragraph

_P_FALSE_CAPTION = 0.5
"""Of a thing that has a look-alike: named as what it resembles."""
_P_VAGUE_CAPTION = 0.35
_WIDE_TABLE = 60
"""Lists up to this long have one more column."""


def album(writer: Writer) -> Document:
    """Pictures with captions, some of which name the wrong thing."""
    return writer.document(pictures=[_captioned(writer, one) for one in writer.record.about])


def photo(writer: Writer) -> Document:
    """One picture for sale."""
    picture = _captioned(writer, writer.subject)
    note = Section(paragraphs=((Span(say(writer.rng, furniture.STOCK_NOTES)),),))
    return writer.document(lead=picture, sections=[note])


def _captioned(writer: Writer, entity_id: str) -> PagePicture:
    doubles = writer.graph.lookalikes(entity_id)
    draw = writer.rng.random()
    if doubles and draw < _P_FALSE_CAPTION:
        return writer.picture(entity_id, caption=writer.graph.entity(doubles[0]).name)
    if draw < _P_VAGUE_CAPTION:
        return writer.picture(entity_id, caption=say(writer.rng, furniture.VAGUE_CAPTIONS))
    return writer.picture(entity_id)


def listicle(writer: Writer) -> Document:
    """Several things of a kind with a fact or two each."""
    rng, graph = writer.rng, writer.graph
    intro = say(rng, furniture.LISTICLE_INTROS).replace("{kinds}", writer.record.topic)
    sections = [Section(paragraphs=((Span(intro),),))]
    for number, member in enumerate(writer.record.about, start=1):
        entity = graph.entity(member)
        facts = writer.known(graph.facts(member))
        facts = tuple(f for f in facts if writer.relation(f).range is not Range.WORD)
        told = rng.sample(facts, k=min(len(facts), rng.choice((1, 1, 2))))
        lines: list[Line] = [writer.sentence(fact, pronoun=False) for fact in told]
        if rng.random() < 0.6:
            lines.append((Span(say(rng, furniture.LISTICLE_NOTES)),))
        shows = entity.type.carries_picture and rng.random() < 0.5
        sections.append(
            Section(
                heading=f"{number}. {entity.name}",
                kind=SectionKind.ENTRY,
                paragraphs=(paragraph(lines),) if lines else (),
                picture=writer.picture(member) if shows else None,
            )
        )
    return writer.document(sections=sections, author=say(rng, furniture.AUTHORS))


def timeline(writer: Writer) -> Document:
    """What began, ended or was made in the years of a decade, year by year."""
    graph, decade = writer.graph, int(writer.record.topic[:-2])
    dated: list[tuple[int, Fact]] = []
    for member in writer.record.about:
        for fact in writer.known(graph.facts(member)):
            year = year_of(graph, fact)
            if year is not None and year // 10 == decade:
                dated.append((year, fact))
    dated.sort(key=lambda entry: entry[0])
    sections = [Section(paragraphs=((Span(say(writer.rng, furniture.TIMELINE_INTROS)),),))]
    for year, entries in groupby(dated, key=lambda entry: entry[0]):
        items = tuple(writer.sentence(fact, pronoun=False) for _, fact in entries)
        sections.append(Section(heading=str(year), items=items))
    return writer.document(sections=sections, author=say(writer.rng, furniture.AUTHORS))


# ---------------------------------------------------------------------------------------- indexes


def table_of_things(writer: Writer) -> Document:
    """A list of things of a kind with a column or two of facts."""
    members = writer.record.about
    type_ = writer.graph.entity(members[0]).type
    columns = _columns(type_)[: 2 if writer.record.num_parts * len(members) <= _WIDE_TABLE else 1]
    table: list[tuple[Line, ...]] = [
        ((Span("Name"),), *((Span(relation.infobox),) for relation in columns))
    ]
    table += [
        ((writer.link(member),), *(_cell(writer, member, one) for one in columns))
        for member in members
    ]
    intro = say(writer.rng, furniture.LIST_INTROS).replace("{topic}", writer.record.topic)
    return writer.document(
        sections=[Section(paragraphs=((Span(intro),),), table=tuple(table))],
        pager=_pager(writer, list_title(writer.record.topic)),
    )


def _cell(writer: Writer, member: str, relation: Relation) -> Line:
    fact = writer.graph.fact(member, relation.name)
    return writer.value(fact) if fact is not None else (Span("unknown"),)


def _columns(type_: EntityType) -> list[Relation]:
    """What a table says of things of a type: where they are before all else, then a year."""
    sure = [one for one in BY_DOMAIN[type_] if one.functional and one.range is not Range.WORD]
    sure = [one for one in sure if not one.name.startswith("former_")]
    return sorted(sure, key=_usefulness)


def _usefulness(relation: Relation) -> int:
    if relation.target in {EntityType.SETTLEMENT, EntityType.RIVER}:
        return 0
    return {Range.YEAR: 1, Range.DATE: 1, Range.ENTITY: 2}.get(relation.range, 3)


def category(writer: Writer) -> Document:
    """Links under the letters of the alphabet."""
    topic = writer.record.topic
    intro = say(writer.rng, furniture.CATEGORY_INTROS).replace("{topic}", topic)
    sections = [Section(paragraphs=((Span(intro),),))]
    names = [(writer.graph.title(one), one) for one in writer.record.about]
    for letter, group in groupby(names, key=lambda named: named[0][:1].upper()):
        items = tuple((Span(name, encyclopedia_url(writer.graph, one)),) for name, one in group)
        sections.append(Section(heading=letter, items=items))
    return writer.document(sections=sections, pager=_pager(writer, category_title(topic)))


def _pager(writer: Writer, title: str) -> Line:
    """Where a list or an index goes on."""
    record = writer.record
    if record.num_parts < 2:
        return ()
    spans = [Span(f"Part {record.part + 1} of {record.num_parts}.")]
    for part, words in ((record.part - 1, "Previous part"), (record.part + 1, "Next part")):
        if 0 <= part < record.num_parts:
            url = part_url(title, kind=record.kind, part=part, split=writer.graph.spec.site_split)
            spans += [Span(" "), Span(words, url)]
    return tuple(spans)


def disambiguation(writer: Writer) -> Document:
    """Things that share a name."""
    graph = writer.graph
    items = tuple(_meaning(writer, member) for member in _distinct(writer.record.about))
    intro = writer.rng.choice(furniture.DISAMBIGUATION_INTROS)
    name = graph.entity(writer.subject).name
    lines = ((Span(intro.replace("{name}", name)),),)
    return writer.document(sections=[Section(paragraphs=lines, items=items)])


def _meaning(writer: Writer, member: str) -> Line:
    words = writer.graph.describe(member)
    title = writer.graph.title(member)
    link = Span(title, encyclopedia_url(writer.graph, member))
    return (link, Span(f", {article_before(words)} "), Span(words))


def _distinct(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
