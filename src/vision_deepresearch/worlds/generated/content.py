"""Writes the content of one page from the graph and the page's plan.

Every sentence that states a fact comes from `grammar`, so that what a page claims is known. All
choices are drawn from the page's own generator: any page can be written alone.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.worlds.generated.claims import Claim, Stance
from vision_deepresearch.worlds.generated.document import (
    Document,
    Line,
    PagePicture,
    Row,
    Section,
    Span,
)
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.grammar import (
    INVERSE_REALISATIONS,
    POSSESSIVES,
    article_before,
    can_use_pronoun,
    realisations_of,
)
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.plan import (
    PageKind,
    PageRecord,
    encyclopedia_url,
    list_url,
    picture_url,
)
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range
from vision_deepresearch.worlds.generated.spec import rng_for


def write_content(graph: Graph, record: PageRecord) -> Document:
    """The content of a planned page."""
    writer = _Writer(
        graph=graph, record=record, rng=rng_for(graph.spec.root, "content", record.url)
    )
    writers: dict[PageKind, Callable[[_Writer], Document]] = {
        PageKind.ENCYCLOPEDIA: _article,
        PageKind.MIRROR: _mirror,
        PageKind.CATALOGUE: _catalogue,
        PageKind.NEWS: _news,
        PageKind.FORUM: _thread,
        PageKind.GALLERY: _album,
        PageKind.LIST: _list,
        PageKind.DISAMBIGUATION: _disambiguation,
    }
    return writers[record.kind](writer)


@dataclass(slots=True, kw_only=True)
class _Writer:
    """One page in the making."""

    graph: Graph
    record: PageRecord
    rng: random.Random
    claims: dict[Claim, None] = field(default_factory=dict)
    """Each once, in the order of first mention."""

    @property
    def subject(self) -> str:
        return self.record.about[0]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The subject's facts as this page has them: some may be wrong here."""
        wrong = {fact.predicate: fact for fact, _ in self.record.wrong}
        return tuple(wrong.get(fact.predicate, fact) for fact in self.graph.facts(self.subject))

    def stance(self, fact: Fact) -> Stance:
        return next((stance for wrong, stance in self.record.wrong if wrong == fact), Stance.TRUE)

    def link(self, entity_id: str) -> Span:
        return Span(self.graph.entity(entity_id).name, encyclopedia_url(self.graph, entity_id))

    def value(self, fact: Fact, *, style: int = 0) -> Span:
        """The value with its link, and the claim noted."""
        if fact.object is not None:
            span = self.link(fact.object)
        else:
            span = Span(self.graph.write(fact, style=style))
        self._note(fact.subject, fact.predicate, span.text, stance=self.stance(fact))
        return span

    def inverse_value(self, predicate: str, *, of: str, thing: str) -> Span:
        """A thing that stands in the relation to `of`, and the claim noted."""
        span = self.link(thing)
        self._note(of, predicate, span.text, inverse=True)
        return span

    def _note(
        self,
        subject: str,
        predicate: str,
        value: str,
        *,
        inverse: bool = False,
        stance: Stance = Stance.TRUE,
    ) -> None:
        claim = Claim(
            subject=subject, predicate=predicate, inverse=inverse, value=value, stance=stance
        )
        self.claims.setdefault(claim)

    # ------------------------------------------------------------------------------- sentences

    def sentence(self, fact: Fact, *, pronoun: bool) -> Line:
        """One realisation of a fact."""
        domain = self.graph.entity(fact.subject).type
        choices = realisations_of(domain, fact.predicate)
        style = self.rng.randrange(3) if self._range(fact) is Range.DATE else 0
        value = self.value(fact, style=style)
        return self._realise(choices, subject=fact.subject, value=value, pronoun=pronoun)

    def inverse_sentence(self, predicate: str, *, of: str, thing: str, pronoun: bool) -> Line:
        """One realisation of what stands in a relation to a thing."""
        value = self.inverse_value(predicate, of=of, thing=thing)
        choices = INVERSE_REALISATIONS[predicate]
        return self._realise(choices, subject=of, value=value, pronoun=pronoun)

    def _range(self, fact: Fact) -> Range:
        return self.graph.relation(fact.subject, fact.predicate).range

    def _realise(self, choices: Sequence[str], *, subject: str, value: Span, pronoun: bool) -> Line:
        if pronoun:
            choices = [choice for choice in choices if can_use_pronoun(choice)]
        entity = self.graph.entity(subject)
        text = self.rng.choice(choices).replace("{a}", article_before(value.text))
        head = entity.pronoun if pronoun else entity.name
        possessive = POSSESSIVES[entity.pronoun] if pronoun else f"{entity.name}'s"
        text = text.replace("{S}", head).replace("{P}", possessive).replace("{s}", entity.name)
        before, _, after = text.partition("{v}")
        return tuple(span for span in (Span(before), value, Span(after)) if span.text)

    def paragraph(self, sentences: Iterable[Line]) -> Line:
        """Sentences in a row."""
        spans: list[Span] = []
        for sentence in sentences:
            if spans:
                spans.append(Span(" "))
            spans.extend(sentence)
        return tuple(spans)

    def paragraphs(self, facts: Sequence[Fact], *, num_sentences: int = 3) -> Iterator[Line]:
        """Facts told in paragraphs; the first sentence of each names the subject."""
        for start in range(0, len(facts), num_sentences):
            yield self.paragraph(
                self.sentence(fact, pronoun=position > 0 and self.rng.random() < 0.6)
                for position, fact in enumerate(facts[start : start + num_sentences])
            )

    # ----------------------------------------------------------------------------- furniture

    def rows(self, facts: Sequence[Fact]) -> Iterator[Row]:
        """Infobox rows; several values of one predicate share a row."""
        for predicate in dict.fromkeys(fact.predicate for fact in facts):
            relation = self.graph.relation(self.subject, predicate)
            cell: list[Span] = []
            for fact in facts:
                if fact.predicate == predicate:
                    cell += [Span(", ")] if cell else []
                    cell.append(self.value(fact))
            yield Row(label=relation.infobox, cell=tuple(cell))

    def inverses(self) -> Iterator[tuple[str, str]]:
        """Predicates in which exactly one thing stands to the subject, and that thing."""
        type_ = self.graph.entity(self.subject).type
        for relation in RELATIONS.values():
            if relation.inverse_infobox and relation.target is type_:
                thing = self.graph.inverse(self.subject, relation.name)
                if thing is not None:
                    yield relation.name, thing

    def inverse_rows(self) -> Iterator[Row]:
        """Infobox rows read from the value's side."""
        for predicate, thing in self.inverses():
            relation = RELATIONS[self.graph.entity(thing).type, predicate]
            value = self.inverse_value(predicate, of=self.subject, thing=thing)
            yield Row(label=relation.inverse_infobox, cell=(value,))

    def picture(self, entity_id: str, *, caption: str | None = None) -> PagePicture:
        return PagePicture(
            image_url=picture_url(entity_id),
            entity_id=entity_id,
            caption=self.graph.entity(entity_id).name if caption is None else caption,
        )

    def lead_picture(self) -> PagePicture | None:
        entity = self.graph.entity(self.subject)
        return self.picture(self.subject) if entity.type.carries_picture else None

    def related(self) -> tuple[Span, ...]:
        """Links to neighbours on the graph, both ways, a dozen at most."""
        ids = [fact.object for fact in self.graph.facts(self.subject) if fact.object is not None]
        return tuple(self.link(entity_id) for entity_id in dict.fromkeys(ids))[:12]

    def document(
        self,
        *,
        title: str | None = None,
        lead: PagePicture | None = None,
        rows: Iterable[Row] = (),
        sections: Iterable[Section] = (),
        pictures: Iterable[PagePicture] = (),
        related: tuple[Span, ...] = (),
        author: str = "",
    ) -> Document:
        """Collect everything; the claims noted on the way come along."""
        rows, sections = tuple(rows), tuple(sections)
        return Document(
            title=self.record.title if title is None else title,
            lead=lead,
            rows=rows,
            sections=sections,
            pictures=tuple(pictures),
            related=related,
            claims=tuple(self.claims),
            author=author,
        )


# ------------------------------------------------------------------------------------ page kinds


def _article(writer: _Writer) -> Document:
    entity = writer.graph.entity(writer.subject)
    facts = writer.facts
    rows = [*writer.rows(facts), *writer.inverse_rows()]
    lead_facts = [
        fact
        for fact in facts
        if writer.graph.relation(entity.id, fact.predicate).range is Range.WORD
    ]
    body = [fact for fact in facts if fact not in lead_facts]
    writer.rng.shuffle(body)
    opening = [writer.sentence(fact, pronoun=False) for fact in lead_facts[:1]]
    if entity.aliases:
        opening.append((Span(f"{entity.pronoun} is also known as {entity.aliases[0]}."),))
    backward = [
        writer.inverse_sentence(predicate, of=entity.id, thing=thing, pronoun=position > 0)
        for position, (predicate, thing) in enumerate(writer.inverses())
    ]
    sections = [Section(paragraphs=(writer.paragraph(opening),) if opening else ())]
    half = (len(body) + 1) // 2
    headings = _HEADINGS[entity.type]
    for heading, part in ((headings[0], body[:half]), (headings[1], body[half:])):
        if part:
            sections.append(Section(heading=heading, paragraphs=tuple(writer.paragraphs(part))))
    if backward:
        sections.append(Section(heading="Achievements", paragraphs=(writer.paragraph(backward),)))
    sections.extend(_works(writer))
    sections.extend(_comparison(writer))
    return writer.document(
        lead=writer.lead_picture(), rows=rows, sections=sections, related=writer.related()
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
}

_LISTED_BACKWARDS = {
    EntityType.PERSON: (
        ("founded_by", "Foundations"),
        ("designed_by", "Buildings"),
        ("created_by", "Works"),
        ("christened_by", "Ships"),
    ),
    EntityType.SETTLEMENT: (("headquartered_in", "Local companies"), ("stands_in", "Sights")),
    EntityType.BUILDING: (("held_by", "Collection"),),
    EntityType.ORGANISATION: (("built_by", "Ships built"),),
    EntityType.RIVER: (("lies_on", "Towns on its banks"),),
}


def _works(writer: _Writer) -> Iterator[Section]:
    """Lists of what refers to the subject, where there are several such things."""
    type_ = writer.graph.entity(writer.subject).type
    for predicate, heading in _LISTED_BACKWARDS.get(type_, ()):
        things = writer.graph.subjects(writer.subject, predicate)
        if len(things) > 1:
            yield Section(
                heading=heading, items=tuple((writer.link(thing),) for thing in things[:12])
            )


def _comparison(writer: _Writer) -> Iterator[Section]:
    """Facts about another thing of the kind: a reader must tell whose value it is."""
    others = writer.graph.of_type(writer.graph.entity(writer.subject).type)
    other = writer.rng.choice(others)
    facts = writer.graph.facts(other.id)
    if other.id == writer.subject or writer.graph.is_homonym(other.id) or len(facts) < 2:
        return
    told = [writer.sentence(fact, pronoun=False) for fact in writer.rng.sample(facts, k=2)]
    opener = (Span(writer.rng.choice(_COMPARISONS)),)
    yield Section(heading="For comparison", paragraphs=(writer.paragraph([opener, *told]),))


_COMPARISONS = (
    "The two are sometimes mentioned in one breath, wrongly.",
    "A very different case deserves a word here.",
    "Handbooks like to set another example beside it.",
    "For contrast, another entry of the same chapter.",
)


def _mirror(writer: _Writer) -> Document:
    facts = list(writer.facts)
    rows = list(writer.rows(facts))
    writer.rng.shuffle(facts)
    name = writer.graph.entity(writer.subject).name
    sections = [
        Section(
            heading=f"Quick facts about {name}",
            items=tuple(writer.sentence(fact, pronoun=False) for fact in facts[:5]),
        )
    ]
    return writer.document(lead=writer.lead_picture(), rows=rows, sections=sections)


def _catalogue(writer: _Writer) -> Document:
    facts = list(writer.facts)
    kept = [
        fact
        for fact in facts
        if writer.rng.random() < 0.6 or writer.stance(fact) is not Stance.TRUE
    ]
    rows = list(writer.rows(kept))
    note = "The picture was taken for the catalogue; prints can be ordered at the desk."
    sections = [Section(heading="Notes", paragraphs=((Span(note),),))]
    return writer.document(
        lead=writer.lead_picture(),
        rows=rows,
        sections=sections,
        related=writer.related()[:3],
    )


_INTROS = (
    "Readers keep asking us, so here is what our notes say.",
    "Our reporter spent a rainy afternoon in the reading room.",
    "The council published its list this week, and one entry caught the eye.",
    "It takes a patient walker to notice such things.",
    "The exhibition closes on Sunday, and the queue was long.",
)


def _news(writer: _Writer) -> Document:
    rng = writer.rng
    facts = list(writer.facts)
    rng.shuffle(facts)
    wrong = [fact for fact in facts if writer.stance(fact) is not Stance.TRUE]
    own = [*wrong, *(fact for fact in facts if fact not in wrong)][:3]
    neighbours = [fact.object for fact in own if fact.object is not None]
    aside = [
        rng.choice(writer.graph.facts(neighbour))
        for neighbour in neighbours
        if writer.graph.facts(neighbour)
    ]
    intro: Line = (Span(rng.choice(_INTROS)),)
    told = [writer.sentence(fact, pronoun=False) for fact in own]
    around = [writer.sentence(fact, pronoun=False) for fact in aside[:2]]
    paragraphs = [writer.paragraph([intro, *told])]
    if around:
        paragraphs.append(writer.paragraph(around))
    pictures = [
        writer.picture(
            neighbour, caption=f"{writer.graph.entity(neighbour).name} (archive picture)"
        )
        for neighbour in neighbours
        if writer.graph.entity(neighbour).type.carries_picture and rng.random() < 0.3
    ]
    return writer.document(
        lead=writer.lead_picture() if rng.random() < 0.5 else None,
        sections=[Section(paragraphs=tuple(paragraphs))],
        pictures=pictures[:1],
        related=writer.related()[:4],
        author=rng.choice(_AUTHORS),
    )


_AUTHORS = ("the local desk", "our correspondent", "the weekend team", "the archive desk")
_QUESTIONS = (
    "I am preparing a quiz and want to be sure of my facts.",
    "Found a mention in an old notebook, does anyone have more?",
    "My grandmother told me a story, but what is actually known?",
)


def _thread(writer: _Writer) -> Document:
    rng = writer.rng
    facts = list(writer.facts)
    rng.shuffle(facts)
    wrong = [fact for fact in facts if writer.stance(fact) is not Stance.TRUE]
    told = [*wrong, *(fact for fact in facts if fact not in wrong)][:2]
    posts: list[Line] = [(Span(rng.choice(_QUESTIONS)),)]
    for fact in told:
        is_true = writer.stance(fact) is Stance.TRUE
        opener = "From the printed guide:" if is_true else "Somebody at the market swears:"
        posts.append(writer.paragraph([(Span(opener),), writer.sentence(fact, pronoun=False)]))
    posts.append((Span("Thanks, I will look it up."),))
    return writer.document(sections=[Section(heading="Posts", items=tuple(posts))])


_VAGUE_CAPTIONS = (
    "no idea what this is, lovely colours",
    "another one from the same trip",
    "seen on a wall",
    "untitled",
)


def _album(writer: _Writer) -> Document:
    pictures: list[PagePicture] = []
    for entity_id in writer.record.about:
        doubles = writer.graph.lookalikes(entity_id)
        draw = writer.rng.random()
        if doubles and draw < 0.5:
            # A false caption: the album takes it for the thing it resembles.
            caption = writer.graph.entity(doubles[0]).name
        elif draw < 0.35:
            caption = writer.rng.choice(_VAGUE_CAPTIONS)
        else:
            caption = writer.graph.entity(entity_id).name
        pictures.append(
            PagePicture(
                image_url=picture_url(entity_id),
                entity_id=entity_id,
                caption=caption,
            )
        )
    return writer.document(pictures=pictures)


_LISTED_PREDICATES = {
    EntityType.ORGANISATION: "headquartered_in",
    EntityType.BUILDING: "stands_in",
    EntityType.ARTWORK: "created_in",
    EntityType.VESSEL: "home_port",
    EntityType.EVENT: "takes_place_in",
    EntityType.SETTLEMENT: "lies_on",
}


def _list(writer: _Writer) -> Document:
    members = writer.record.about
    predicate = _LISTED_PREDICATES[writer.graph.entity(members[0]).type]
    relation = writer.graph.relation(members[0], predicate)
    table: list[tuple[Line, ...]] = [((Span("Name"),), (Span(relation.infobox),))]
    for member in members:
        fact = writer.graph.fact(member, predicate)
        cell: Line = (writer.value(fact),) if fact is not None else (Span("unknown"),)
        table.append(((writer.link(member),), cell))
    intro = (Span(f"This is a list of {writer.record.topic} with an article of their own."),)
    paragraphs = (intro, *_neighbouring_parts(writer.record))
    return writer.document(sections=[Section(paragraphs=paragraphs, table=tuple(table))])


def _neighbouring_parts(record: PageRecord) -> Iterator[Line]:
    """Where a long list goes on."""
    if record.num_parts < 2:
        return
    spans = [Span(f"Part {record.part + 1} of {record.num_parts}.")]
    for part, words in ((record.part - 1, "Previous part"), (record.part + 1, "Next part")):
        if 0 <= part < record.num_parts:
            spans += [Span(" "), Span(words, list_url(record.topic, part=part))]
    yield tuple(spans)


def _disambiguation(writer: _Writer) -> Document:
    name = writer.graph.entity(writer.subject).name
    items = tuple(
        (
            Span(writer.graph.title(member), encyclopedia_url(writer.graph, member)),
            Span(f", {article_before(writer.graph.describe(member))} "),
            Span(writer.graph.describe(member)),
        )
        for member in writer.record.about
    )
    intro = (Span(f"{name} may refer to:"),)
    return writer.document(sections=[Section(paragraphs=(intro,), items=items)])
