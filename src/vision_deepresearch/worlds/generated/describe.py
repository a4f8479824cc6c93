"""Replaces a name by a description that fits one thing of the world: walks on the graph, at random.

    the birthplace of Ada Brodny                     one relation, from a thing that is named
    the town that lies on the River Karn and         several conditions, each of them needed,
        received its charter in the 1420s            until no other thing is left

What a description names is replaced in its turn, two deep at most. Sets of things come from the
graph's index of values; values with many things are tried last, so no walk looks a world through.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.clauses import (
    Clause,
    Part,
    clauses_for,
    fulfils,
    may_fulfil,
)
from vision_deepresearch.worlds.generated.frames import named, noun_phrase, relative, replaced
from vision_deepresearch.worlds.generated.relations import RELATIONS, Relation
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step

MAX_DEPTH = 2
_MANY = 400
"""Values with more things than this are tried last, and never looked through."""
_MAX_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Words that fit one thing of the world."""

    text: str
    parts: tuple[Part, ...]
    start_id: str | None = None
    """Chains: the thing named at their start."""
    chain: tuple[Arrival, ...] = ()
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Describer:
    """Finds descriptions in one world."""

    routes: Routes
    rng: random.Random
    hidden: frozenset[str]
    """Ids of things that no description may name: those of the route."""

    def described(self, clause: Clause, *, depth: int = MAX_DEPTH) -> Clause | None:
        """A clause about the same value, which is described; None: it has no name, or none was found."""
        if clause.value_id is None or clause.shown not in clause.text:
            return None
        found = self.describe(clause.value_id, depth=depth)
        if found is None:
            return None
        return replace(
            clause,
            text=replaced(clause.text, clause.shown, found.text),
            parts=found.parts,
            start_id=found.start_id,
            chain=found.chain,
            depth=clause.depth + found.depth,
        )

    def chained(self, clause: Clause, *, depth: int = MAX_DEPTH) -> Clause | None:
        """The same by a chain of relations only, which can be followed one after the other."""
        if clause.value_id is None or clause.shown not in clause.text:
            return None
        found = self._by_chain(clause.value_id, depth=depth)
        if found is None:
            return None
        return replace(
            clause,
            text=replaced(clause.text, clause.shown, found.text),
            parts=found.parts,
            start_id=found.start_id,
            chain=found.chain,
            depth=clause.depth + found.depth,
        )

    def describe(self, thing: str, *, depth: int) -> Description | None:
        """A description of a thing; None: none was found that fits nothing else."""
        if self.rng.random() < 0.5:
            return self._by_chain(thing, depth=depth) or self._by_parts(thing, depth=depth)
        return self._by_parts(thing, depth=depth) or self._by_chain(thing, depth=depth)

    # --------------------------------------------------------------------------------- one relation

    def _by_chain(self, thing: str, *, depth: int) -> Description | None:
        for arrival in self._pointing_at(thing):
            start = arrival.subject
            inner = None
            if depth > 1 and self.rng.random() < 0.4:
                inner = self._by_chain(start, depth=depth - 1)
            about = inner.text if inner else named(self.routes.graph.entity(start))
            text = noun_phrase(arrival, rng=self.rng, about=about)
            if text is None:
                continue
            graph = self.routes.graph
            part = Part(
                text=text,
                predicate=f"^{arrival.step.relation.name}",
                value=graph.entity(start).name,
                about=graph.entity(thing).name,
                candidates_without=len(graph.of_type(graph.entity(thing).type)),
            )
            return Description(
                text=text,
                parts=(part, *(inner.parts if inner else ())),
                start_id=inner.start_id if inner else start,
                chain=(*(inner.chain if inner else ()), arrival),
                depth=1 + (inner.depth if inner else 0),
            )
        return None

    def _pointing_at(self, thing: str) -> Iterator[Arrival]:
        """Steps with one value that lead to a thing, from things that may be named, in any order."""
        graph = self.routes.graph
        found: list[tuple[Relation, str]] = []
        for relation in _leading_to(graph.entity(thing).type):
            subjects = graph.subjects(thing, relation.name)
            if 0 < len(subjects) <= _MANY:
                found.append((relation, self.rng.choice(subjects)))
        self.rng.shuffle(found)
        for relation, start in found:
            is_open = start not in self.hidden and start != thing and self.routes.is_clear(start)
            if not is_open or graph.entity(start).type is not relation.domain:
                continue
            arrival = self.routes.take(Step(relation=relation), start=start)
            if arrival is not None:
                yield arrival

    # ----------------------------------------------------------------------------- several conditions

    def _by_parts(self, thing: str, *, depth: int) -> Description | None:
        noun = phrases.NOUNS.get(self.routes.graph.entity(thing).type)
        usable = [clause for clause in clauses_for(self.routes, thing) if self._may_say(clause)]
        self.rng.shuffle(usable)
        usable.sort(key=self._is_wide)
        chosen: list[Clause] = []
        fitting: frozenset[str] | None = None
        for clause in usable:
            if any(clause.relation is other.relation for other in chosen):
                continue
            left = self._narrow(clause, fitting)
            if left is None or left == fitting:
                continue
            chosen.append(clause)
            fitting = left
            if fitting == {thing} or len(chosen) == _MAX_PARTS:
                break
        if noun is None or fitting != {thing}:
            return None
        without = [self._left_without(clause, chosen) for clause in chosen]
        if any(number < 2 for number in without):
            return None
        chosen = [self._deeper(clause, depth=depth) for clause in chosen]
        who = relative(self.routes.graph.entity(thing).type)
        text = f"the {noun} {who} {' and '.join(clause.text for clause in chosen)}"
        return Description(
            text=text,
            parts=tuple(self._parts(chosen, without=without, about=thing)),
            depth=1 + max(clause.depth for clause in chosen),
        )

    def _deeper(self, clause: Clause, *, depth: int) -> Clause:
        """Perhaps the same clause with its own name replaced."""
        if depth < 2 or self.rng.random() < 0.6:
            return clause
        return self.chained(clause, depth=depth - 1) or clause

    def _parts(
        self, chosen: Sequence[Clause], *, without: Sequence[int], about: str
    ) -> Iterator[Part]:
        for clause, number in zip(chosen, without, strict=True):
            yield Part(
                text=clause.text,
                predicate=clause.predicate,
                value=clause.value,
                about=self.routes.graph.entity(about).name,
                candidates_without=number,
            )
            yield from clause.parts

    def _may_say(self, clause: Clause) -> bool:
        """Whether a clause names nothing hidden, and no page gives its value to another thing."""
        if clause.second is not None:
            return False
        if clause.value_id is None:
            return True
        is_claimed = (clause.value_id, clause.relation.name) in self.routes.pages.disputed_backwards
        return clause.value_id not in self.hidden and not is_claimed

    def _is_wide(self, clause: Clause) -> int:
        """0 to 2, the greater the more things it fits; literals fit many."""
        if clause.value_id is None:
            return 1
        subjects = self.routes.graph.subjects(clause.value_id, clause.relation.name)
        return 2 if len(subjects) > _MANY else 0

    def _narrow(self, clause: Clause, fitting: frozenset[str] | None) -> frozenset[str] | None:
        """What is left once a clause holds too; None: too many things would have to be looked at."""
        if fitting is None:
            if clause.value_id is None and self._is_crowded(clause):
                return None
            fitting = frozenset(may_fulfil(self.routes, clause))
            if len(fitting) > _MANY:
                return None
        # What is unknown or disputed of a thing does not rule it out.
        return frozenset(thing for thing in fitting if self._may_fit(thing, clause))

    def _may_fit(self, thing: str, clause: Clause) -> bool:
        """Whether a clause may hold of a thing, or of another of its name that is taken for it."""
        graph = self.routes.graph
        namesakes = graph.named(graph.entity(thing).name) if graph.is_homonym(thing) else ()
        ids = (thing, *(one.id for one in namesakes))
        return any(fulfils(self.routes, one, clause) is not False for one in ids)

    def _is_crowded(self, clause: Clause) -> bool:
        return len(self.routes.graph.of_type(clause.relation.domain)) > _MANY

    def _left_without(self, clause: Clause, chosen: Sequence[Clause]) -> int:
        """Things known to fit all clauses but one, counted up to the limit of what is looked at.

        What is unknown of a thing does not make a clause needed: nothing says that it would fit.
        """
        others = [other for other in chosen if other is not clause]
        if not others:
            return len(self.routes.graph.of_type(clause.relation.domain))
        fitting: frozenset[str] | None = None
        for other in sorted(others, key=self._is_wide):
            left = self._narrow(other, fitting)
            if left is None:
                return _MANY  # so many are not counted: more than one for certain
            fitting = left
        return sum(
            all(fulfils(self.routes, thing, other) for other in others) for thing in fitting or ()
        )


def _leading_to(type_: object) -> tuple[Relation, ...]:
    return tuple(
        relation
        for relation in RELATIONS.values()
        if relation.target is type_
        and relation.functional
        and phrases.STEPS.get((relation.domain, relation.name, False), ((), ()))[0]
        and not relation.name.startswith("former_")
    )


def constraint_parts(parts: Collection[Part]) -> Iterator[Part]:
    """The parts of descriptions, each once."""
    yield from dict.fromkeys(parts)
