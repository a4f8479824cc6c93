"""Routes through the graph that a question can follow, and the pages that state each step.

A step is used only where its value is one, no page contradicts it, and neither end shares its name
with another thing: then the route has one end on the graph and on the claims of the pages.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from vision_deepresearch.worlds.generated.claims import Claim, Stance
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.plan import PageKind
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range, Relation

_STATING = (PageKind.ENCYCLOPEDIA, PageKind.MIRROR, PageKind.CATALOGUE, PageKind.NEWS)
"""Kinds of pages that may prove a step, the most reliable first."""
SYMMETRIC = frozenset({"spouse", "twinned_with"})
"""Relations that hold both ways: what a page says of one end it says of the other."""
_P_LITERAL = 0.4
"""Of last steps that could lead to a thing or to a year or number, the share that takes the latter."""
_SHOWING = (PageKind.ENCYCLOPEDIA, PageKind.CATALOGUE, PageKind.MIRROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Follow one relation."""

    relation: Relation
    inverse: bool = False
    """Against its direction: from the value to what stands in the relation to it."""

    @property
    def label(self) -> str:
        """In words."""
        words = self.relation.inverse_label if self.inverse else self.relation.label
        return words or f"{self.relation.domain.value} {self.relation.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a step led."""

    step: Step
    subject: str
    """Entity id it started from."""
    entity: str | None
    """Entity id of the value; None for years, dates and numbers."""
    fact: Fact
    """The fact that was followed, in its own direction."""
    text: str
    """The value as canonical text."""
    one_of_several: bool = False
    """Backwards to one of the things that stand in the relation to the start."""


MayTake = Callable[[Arrival, bool], bool]
"""(step, whether it is the last) -> whether a route may take it."""


@dataclass(slots=True, kw_only=True)
class Routes:
    """Finds routes and their evidence in one world."""

    graph: Graph
    pages: PageSet
    _sighted: dict[str, None] = field(default_factory=dict)
    _num_facts: Counter[tuple[EntityType, str]] = field(default_factory=Counter)
    _claims: dict[str, list[tuple[str, frozenset[Claim]]]] = field(default_factory=dict)
    _starts: dict[tuple[str, str], bool] = field(default_factory=dict)

    def is_clear(self, entity_id: str) -> bool:
        """Whether its name alone says which thing is meant."""
        return not self.graph.is_homonym(entity_id)

    def is_sighted(self, entity_id: str) -> bool:
        """Whether image search knows the thing."""
        if not self._sighted:
            self._sighted.update(dict.fromkeys(e.id for e in self.graph.known_by_sight()))
        return entity_id in self._sighted

    def may_start(self, shape: str, thing: str, *, decide: Callable[[str], bool]) -> bool:
        """Whether questions of a shape can start at a thing; decided once for each."""
        key = (shape, thing)
        if key not in self._starts:
            self._starts[key] = decide(thing)
        return self._starts[key]

    def steps_from(self, entity_id: str) -> Iterator[Arrival]:
        """Every usable step from a thing, in a fixed order."""
        graph = self.graph
        for relation in graph.relations(entity_id):
            if relation.range is not Range.WORD:
                arrival = self.take(Step(relation=relation), start=entity_id)
                if arrival is not None:
                    yield arrival
        type_ = graph.entity(entity_id).type
        for relation in RELATIONS.values():
            if relation.inverse_label and relation.target is type_:
                arrival = self.take(Step(relation=relation, inverse=True), start=entity_id)
                if arrival is not None:
                    yield arrival

    def take(self, step: Step, *, start: str) -> Arrival | None:
        """Where a step from a thing leads; None where it is not usable."""
        graph, name = self.graph, step.relation.name
        if step.inverse:
            end = graph.inverse(start, name)
            if end is None or (start, name) in self.pages.disputed_backwards:
                return None
            fact = graph.fact(end, name)
        elif graph.entity(start).type is step.relation.domain and step.relation.functional:
            fact = graph.fact(start, name)
            end = fact.object if fact is not None else None
        else:
            return None
        if fact is None or self.is_disputed(fact):
            return None
        if end is not None and not self.is_clear(end):
            return None
        text = graph.entity(end).name if end is not None else graph.write(fact)
        return Arrival(step=step, subject=start, entity=end, fact=fact, text=text)

    def is_disputed(self, fact: Fact) -> bool:
        """Whether some page gives another value for it, or the same from the other end."""
        if fact.key in self.pages.disputed:
            return True
        # "X is married to Y" is a second spouse of Y, whoever else Y is said to be married to.
        return fact.predicate in SYMMETRIC and fact.key in self.pages.disputed_backwards

    def walk(self, steps: Sequence[Step], *, start: str) -> tuple[Arrival, ...] | None:
        """Take the steps one after the other; None where one is not usable."""
        arrivals: list[Arrival] = []
        here: str | None = start
        for step in steps:
            arrival = self.take(step, start=here) if here is not None else None
            if arrival is None:
                return None
            arrivals.append(arrival)
            here = arrival.entity
        return tuple(arrivals)

    def works_of(self, step: Step, *, start: str) -> tuple[Arrival, ...]:
        """The things that stand in a relation to one, where pages leave no doubt about any of them.

        Empty where one of them shares its name, or some page adds or denies one.
        """
        graph, name = self.graph, step.relation.name
        if (start, name) in self.pages.disputed_backwards:
            return ()
        found: list[Arrival] = []
        for thing in graph.subjects(start, name):
            if graph.entity(thing).type is not step.relation.domain:
                continue
            facts = graph.facts_of(thing, name)
            if len(facts) != 1 or self.is_disputed(facts[0]) or not self.is_clear(thing):
                return ()
            found.append(
                Arrival(
                    step=step,
                    subject=start,
                    entity=thing,
                    fact=facts[0],
                    text=graph.entity(thing).name,
                    one_of_several=True,
                )
            )
        return tuple(found)

    def wander(
        self,
        rng: random.Random,
        *,
        start: str,
        num_steps: int,
        seen: Collection[str] = (),
        may_take: MayTake | None = None,
        ends_in_thing: bool = False,
        may_end: Callable[[str], bool] | None = None,
    ) -> tuple[Arrival, ...] | None:
        """A random route of so many steps that visits no thing twice; None: it ran dry.

        Rare relations are drawn more often than there are facts of them: else persons' towns and
        years would crowd out the rest.

        Args:
            rng: decides.
            start: thing to start from.
            num_steps: how many.
            seen: things not to be visited.
            may_take: whether a step may be used where it stands, told whether it is the last.
            ends_in_thing: the last step too must lead to a thing.
            may_end: whether a route that ends in a thing may end in this one.
        """
        been = {start, *seen}
        here = start
        arrivals: list[Arrival] = []
        for number in range(num_steps):
            is_last = number == num_steps - 1
            choices = [
                arrival
                for arrival in self.steps_from(here)
                if arrival.entity not in been
                and ((is_last and not ends_in_thing) or arrival.entity is not None)
                and (may_take is None or may_take(arrival, is_last and not ends_in_thing))
            ]
            if is_last and may_end is not None:
                choices = [a for a in choices if a.entity is not None and may_end(a.entity)]
            if not choices:
                return None
            # First the kind of value, then the relation.
            kinds = sorted({arrival.entity is None for arrival in choices})
            wants_literal = kinds[0] if len(kinds) == 1 else rng.random() < _P_LITERAL
            alike = [a for a in choices if (a.entity is None) is wants_literal]
            (chosen,) = rng.choices(alike, weights=[self._rarity(a.step) for a in alike])
            arrivals.append(chosen)
            if chosen.entity is not None:
                been.add(chosen.entity)
                here = chosen.entity
        return tuple(arrivals)

    def _rarity(self, step: Step) -> float:
        """The fewer facts of a relation there are, the greater."""
        if not self._num_facts:
            self._num_facts.update(
                (self.graph.entity(fact.subject).type, fact.predicate)
                for entity_id in self.graph.entities
                for fact in self.graph.facts(entity_id)
            )
        relation = step.relation
        return 1 / math.sqrt(max(1, self._num_facts[relation.domain, relation.name]))

    def pages_stating(self, arrival: Arrival) -> tuple[str, ...]:
        """Pages about the start of a step that state its value truly, the best first.

        For one of several: pages about that one, which state the relation in its own direction.
        """
        if arrival.one_of_several:
            assert arrival.entity is not None, "one of several things is a thing"
            forth = Step(relation=arrival.step.relation)
            own = replace(arrival, step=forth, subject=arrival.entity, one_of_several=False)
            titled = self.pages_named(arrival.entity)
            return tuple(url for url in self.pages_stating(own) if url in titled)
        inverse = arrival.step.inverse
        return tuple(
            url
            for url, claims in self._claims_about(arrival.subject)
            if any(
                claim.subject == arrival.subject
                and claim.predicate == arrival.step.relation.name
                and claim.inverse == inverse
                and claim.stance is Stance.TRUE
                for claim in claims
            )
        )

    def pages_showing(self, entity_id: str) -> tuple[str, ...]:
        """Pages titled with the name of a pictured thing that show its picture."""
        return tuple(
            record.url
            for kind in _SHOWING
            for record in self.pages.pages_about(entity_id)
            if record.kind is kind
        )

    def pages_named(self, entity_id: str) -> frozenset[str]:
        """Pages about a thing whose title is its name."""
        return frozenset(
            record.url for record in self.pages.pages_about(entity_id) if record.kind in _SHOWING
        )

    def claims_about(self, entity_id: str) -> Iterator[Claim]:
        """What the pages that may prove a step say, of whatever."""
        for _, claims in self._claims_about(entity_id):
            yield from claims

    def _claims_about(self, entity_id: str) -> list[tuple[str, frozenset[Claim]]]:
        if entity_id not in self._claims:
            self._claims[entity_id] = [
                (record.url, frozenset(self.pages.claims(record.url)))
                for kind in _STATING
                for record in self.pages.pages_about(entity_id)
                if record.kind is kind
            ]
        return self._claims[entity_id]

    def names(self, entity: Entity) -> tuple[str, ...]:
        """The name, then those aliases that no other thing has."""
        aliases = (alias for alias in entity.aliases if len(self.graph.named(alias)) == 1)
        return (entity.name, *aliases)
