"""One page in the making: facts as this page has them, told in sentences, rows and pictures.

Every claim is noted the moment its value is written, so what a page claims is known.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from vision_deepresearch.worlds.generated.claims import Claim, Stance, had_happened
from vision_deepresearch.worlds.generated.document import (
    Document,
    Line,
    PagePicture,
    Row,
    Section,
    Span,
)
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import (
    NUM_STYLES,
    Fact,
    write_literal,
    write_period,
)
from vision_deepresearch.worlds.generated.furniture import BRIDGES, say
from vision_deepresearch.worlds.generated.grammar import (
    alias_realisations_of,
    fill,
    realisations_of,
    usable,
)
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.plan import PageRecord, encyclopedia_url, picture_url
from vision_deepresearch.worlds.generated.relations import FORMER, RELATIONS, Range, Relation
from vision_deepresearch.worlds.generated.sites import DEAD_HOSTS, PageKind, site_of
from vision_deepresearch.worlds.generated.themes import Theme, theme_of

_P_BRIDGE = 0.3
"""How often a paragraph opens with a sentence that leads over to its theme."""
_P_PRONOUN = 0.7
_P_ALIAS = 0.5
_P_DEAD_SOURCE = 0.25


@dataclass(slots=True, kw_only=True)
class Writer:
    """One page in the making."""

    graph: Graph
    record: PageRecord
    rng: random.Random
    claims: dict[Claim, None] = field(default_factory=dict)
    """Each once, in the order of first mention."""

    @property
    def subject(self) -> str:
        """Id of the thing the page is about first of all."""
        return self.record.about[0]

    @property
    def name(self) -> str:
        """Its name."""
        return self.graph.entity(self.subject).name

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The subject's facts as this page has them: some may be wrong here.

        A page that has a former value as today's knows nothing of its being former.
        """
        told = self.graph.facts(self.subject)
        if not self.record.wrong:
            return self.known(told)
        wrong = {fact.predicate: fact for fact, _ in self.record.wrong}
        later = {f"{FORMER}{fact.predicate}" for fact, _ in self.record.wrong}
        return self.known(
            wrong.get(fact.predicate, fact) for fact in told if fact.predicate not in later
        )

    def known(self, facts: Iterable[Fact]) -> tuple[Fact, ...]:
        """Those of them that the page can know: what happened after its day is left out."""
        published = self.record.published
        return tuple(fact for fact in facts if had_happened(self.graph, fact, published=published))

    @property
    def wrong_facts(self) -> list[Fact]:
        """Those of them that this page gets wrong, in order."""
        return [fact for fact in self.facts if self.stance(fact) is not Stance.TRUE]

    def some_facts(self, limit: int) -> list[Fact]:
        """What is wrong here first, then others in an order of the page's own."""
        others = [fact for fact in self.facts if self.stance(fact) is Stance.TRUE]
        self.rng.shuffle(others)
        return [*self.wrong_facts, *others][:limit]

    def stance(self, fact: Fact) -> Stance:
        """How this page's version of a fact relates to the truth."""
        for wrong, stance in self.record.wrong:
            if wrong == fact:
                return stance
        return Stance.TRUE

    def relation(self, fact: Fact) -> Relation:
        """The relation that a fact is of."""
        return self.graph.relation(fact.subject, fact.predicate)

    def theme(self, fact: Fact) -> Theme:
        """What it is about, in the rough."""
        return theme_of(self.relation(fact))

    def link(self, entity_id: str) -> Span:
        """A thing's name with the address of its article."""
        return Span(self.graph.entity(entity_id).name, encyclopedia_url(self.graph, entity_id))

    def value(self, fact: Fact, *, style: int = 0) -> Line:
        """The value with its link, and the claim noted."""
        text = self.graph.write(fact, style=style)
        claimed = self.graph.write_claim(fact, style=style)
        self._note(fact.subject, fact.predicate, claimed, stance=self.stance(fact))
        return (Span(text) if fact.object is None else self.link(fact.object),)

    def inverse_value(self, predicate: str, *, of: str, thing: str) -> Line:
        """A thing that stands in the relation to `of`, and the claim noted."""
        span = self.link(thing)
        self._note(of, predicate, span.text, inverse=True)
        return (span,)

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

    def sentence(self, fact: Fact, *, pronoun: bool, name: str = "") -> Line:
        """One realisation of a fact, in which its subject may go by another name than its own."""
        domain = self.graph.entity(fact.subject).type
        style = self.rng.randrange(NUM_STYLES.get(self.relation(fact).range, 1))
        value = self.value(fact, style=style)
        choices = realisations_of(domain, fact.predicate)
        return self._realise(
            choices, subject=fact.subject, value=value, pronoun=pronoun, name=name, fact=fact
        )

    def inverse_sentence(self, predicate: str, *, of: str, thing: str, pronoun: bool) -> Line:
        """One realisation of what stands in a relation to a thing."""
        value = self.inverse_value(predicate, of=of, thing=thing)
        domain = self.graph.entity(thing).type
        choices = realisations_of(domain, predicate, inverse=True)
        return self._realise(choices, subject=of, value=value, pronoun=pronoun)

    def alias_sentence(self, *, pronoun: bool) -> Line:
        """One way of saying what else the subject is called."""
        entity = self.graph.entity(self.subject)
        choices = alias_realisations_of(entity.type)
        value = (Span(self.rng.choice(entity.aliases)),)
        return self._realise(choices, subject=self.subject, value=value, pronoun=pronoun)

    def _realise(
        self,
        choices: Sequence[str],
        *,
        subject: str,
        value: Line,
        pronoun: bool,
        name: str = "",
        fact: Fact | None = None,
    ) -> Line:
        entity = self.graph.entity(subject)
        # A relation none of whose sentences takes a pronoun is told by name.
        fitting = usable(choices, subject=entity, pronoun=pronoun)
        pronoun = pronoun and bool(fitting)
        text = fill(
            self.rng.choice(fitting or choices),
            subject=entity,
            value=value[0].text,
            pronoun=pronoun,
            name=name,
            fact=fact,
        )
        before, _, after = text.partition("{v}")
        return tuple(span for span in (Span(before), *value, Span(after)) if span.text)

    def told(self, facts: Sequence[Fact], *, may_use_pronoun: bool = True) -> Line:
        """Facts in a row as one paragraph, the first with the subject's name."""
        return paragraph(
            self.sentence(
                fact,
                pronoun=may_use_pronoun and position > 0 and self.rng.random() < _P_PRONOUN,
            )
            for position, fact in enumerate(facts)
        )

    def named(self, facts: Iterable[Fact]) -> list[Line]:
        """Sentences that all name their subject, now and then by its other name.

        For pages whose title is more than a name: there a pronoun says nothing to a reader who
        looks for the subject.
        """
        told: list[Line] = []
        for fact in facts:
            entity = self.graph.entity(fact.subject)
            name = ""
            if told and entity.aliases and self.rng.random() < _P_ALIAS:
                alias = entity.aliases[0]
                name = alias if len(self.graph.named(alias)) == 1 else ""
            told.append(self.sentence(fact, pronoun=False, name=name))
        return told

    def paragraphs(self, facts: Sequence[Fact], *, may_use_pronoun: bool = True) -> Iterator[Line]:
        """Facts told in paragraphs of two to four, some led over to by a sentence of furniture."""
        position = 0
        while position < len(facts):
            size = self.rng.choice((2, 3, 3, 4))
            part = facts[position : position + size]
            position += size
            text = self.told(part, may_use_pronoun=may_use_pronoun)
            if self.rng.random() < _P_BRIDGE:
                bridge = say(self.rng, BRIDGES[self.theme(part[0])])
                text = (Span(f"{bridge} "), *text)
            yield text

    # ----------------------------------------------------------------------------- furniture

    def rows(self, facts: Sequence[Fact]) -> Iterator[Row]:
        """Infobox rows; several values of one predicate share a row."""
        by_predicate: dict[str, list[Fact]] = {}
        for fact in facts:
            by_predicate.setdefault(fact.predicate, []).append(fact)
        for alike in by_predicate.values():
            cell: list[Span] = []
            for fact in alike:
                cell += [Span(", ")] if cell else []
                cell += self.value(fact)
                if period := write_period(fact):
                    cell.append(Span(period))
            yield Row(label=self.relation(alike[0]).infobox, cell=tuple(cell))

    def inverses(self) -> Iterator[tuple[str, str]]:
        """Predicates in which exactly one thing stands to the subject, and that thing."""
        for relation in pointing_at(self.graph.entity(self.subject).type):
            if relation.inverse_infobox:
                thing = self.graph.inverse(self.subject, relation.name)
                fact = self.graph.fact(thing, relation.name) if thing is not None else None
                if thing is not None and fact is not None and self.known((fact,)):
                    yield relation.name, thing

    def inverse_rows(self) -> Iterator[Row]:
        """Infobox rows read from the value's side."""
        for predicate, thing in self.inverses():
            relation = RELATIONS[self.graph.entity(thing).type, predicate]
            value = self.inverse_value(predicate, of=self.subject, thing=thing)
            yield Row(label=relation.inverse_infobox, cell=value)

    def picture(self, entity_id: str, *, caption: str | None = None) -> PagePicture:
        """A thing's reference picture, by default with its name below."""
        return PagePicture(
            image_url=picture_url(entity_id, split=self.graph.spec.site_split),
            entity_id=entity_id,
            caption=self.graph.entity(entity_id).name if caption is None else caption,
        )

    def lead_picture(self) -> PagePicture | None:
        """The subject's, where it has one."""
        entity = self.graph.entity(self.subject)
        return self.picture(self.subject) if entity.type.carries_picture else None

    def related(self) -> tuple[Span, ...]:
        """Links to neighbours on the graph, a dozen at most."""
        ids = [fact.object for fact in self.graph.facts(self.subject) if fact.object is not None]
        return tuple(self.link(entity_id) for entity_id in dict.fromkeys(ids))[:12]

    def sources(self) -> tuple[Span, ...]:
        """Where a careless page says it has things from: the article, or a site that is gone."""
        split = self.graph.spec.site_split
        home = site_of(PageKind.ENCYCLOPEDIA, split).name
        found = [Span(home, encyclopedia_url(self.graph, self.subject))]
        if self.rng.random() < _P_DEAD_SOURCE:
            host = self.rng.choice(DEAD_HOSTS)
            number = self.rng.randrange(10_000)
            found.append(Span(host, f"https://{host}/{number:04d}.html"))
        return tuple(found)

    def document(
        self,
        *,
        notice: str = "",
        lead: PagePicture | None = None,
        rows: Iterable[Row] = (),
        sections: Iterable[Section] = (),
        pictures: Iterable[PagePicture] = (),
        photos: tuple[str, ...] = (),
        related: tuple[Span, ...] = (),
        sources: tuple[Span, ...] = (),
        pager: Line = (),
        author: str = "",
    ) -> Document:
        """Collect everything; the claims noted on the way come along."""
        rows, sections = tuple(rows), tuple(sections)
        return Document(
            title=self.record.title,
            notice=notice,
            lead=lead,
            rows=rows,
            sections=sections,
            pictures=tuple(pictures),
            photos=photos,
            related=related,
            sources=sources,
            pager=pager,
            claims=tuple(self.claims),
            author=author,
        )


def paragraph(sentences: Iterable[Line]) -> Line:
    """Sentences in a row."""
    spans: list[Span] = []
    for sentence in sentences:
        if spans:
            spans.append(Span(" "))
        spans.extend(sentence)
    return tuple(spans)


def day_in_words(day: str | None) -> str:
    """An ISO date as pages print it; "" for none."""
    return "" if day is None else write_literal(day, relation=_A_DATE)


_A_DATE = next(relation for relation in RELATIONS.values() if relation.range is Range.DATE)


@cache
def pointing_at(type_: EntityType) -> tuple[Relation, ...]:
    """Relations whose values are things of a type, in table order."""
    return tuple(relation for relation in RELATIONS.values() if relation.target is type_)
