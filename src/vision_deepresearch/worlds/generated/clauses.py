"""Clauses that narrow a thing down without naming it: its neighbour, described, or a decade."""

from collections.abc import Iterator
from dataclasses import dataclass

from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.grammar import article_before
from vision_deepresearch.worlds.generated.phrases import CLAUSES, PARAPHRASES
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range, Relation
from vision_deepresearch.worlds.generated.routes import Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A condition on a thing: a relation, perhaps a second one on its value, and what it leads to."""

    text: str
    """As it stands in a question, behind "that"."""
    relation: Relation
    second: Relation | None = None
    value: str
    """A name, a word, or a decade such as "1870s"."""
    value_id: str | None = None
    """Entity id, where the value is a thing."""

    @property
    def predicate(self) -> str:
        """For example "headquartered_in" or "headquartered_in/lies_on"."""
        return f"{self.relation.name}/{self.second.name}" if self.second else self.relation.name


def clauses_for(routes: Routes, entity_id: str) -> Iterator[Clause]:
    """Every clause that a thing fulfils, in a fixed order."""
    graph = routes.graph
    for relation in graph.relations(entity_id):
        template = CLAUSES.get((relation.domain, relation.name))
        fact = graph.fact(entity_id, relation.name)
        if template is None or fact is None or routes.is_disputed(fact):
            continue
        if relation.range is Range.YEAR:
            value = decade_of(fact)
            yield Clause(text=template.format(v=f"the {value}"), relation=relation, value=value)
        elif fact.object is None:
            yield Clause(
                text=template.format(v=graph.write(fact)),
                relation=relation,
                value=graph.write(fact),
            )
        else:
            yield from _through(routes, fact, relation=relation, template=template)


def fulfils(routes: Routes, entity_id: str, clause: Clause) -> bool | None:
    """Whether a thing fulfils a clause; None: a value it needs is missing or disputed."""
    value = _lead(routes, entity_id, relation=clause.relation)
    if value is None:
        return None
    if clause.relation.range is Range.YEAR:
        return decade_of(value) == clause.value
    if clause.second is not None:
        assert value.object is not None, "a second relation needs a thing to stand on"
        value = _lead(routes, value.object, relation=clause.second)
        if value is None:
            return None
    return routes.graph.write(value) == clause.value


def may_fulfil(routes: Routes, clause: Clause) -> Iterator[str]:
    """Ids of the things that can fulfil a clause: those linked to its value, else all of the type.

    A name that leads to one thing only is followed backwards: large worlds are not looked through.
    """
    graph, relation = routes.graph, clause.relation
    if clause.value_id is None:
        yield from (thing.id for thing in graph.of_type(relation.domain))
        return
    ends = (clause.value_id,)
    if clause.second is not None:
        ends = graph.subjects(clause.value_id, clause.second.name)
    for end in ends:
        for thing in graph.subjects(end, relation.name):
            if graph.entity(thing).type is relation.domain:
                yield thing


def decade_of(fact: Fact) -> str:
    """For example "1870s"."""
    return f"{str(fact.literal)[:3]}0s"


def _through(routes: Routes, fact: Fact, *, relation: Relation, template: str) -> Iterator[Clause]:
    """Clauses that describe the neighbour instead of naming it, and the one that names it."""
    graph = routes.graph
    neighbour = fact.object
    assert neighbour is not None, "called for facts that lead to a thing"
    if not routes.is_clear(neighbour):
        return
    yield Clause(
        text=template.format(v=_shown(graph.entity(neighbour).name)),
        relation=relation,
        value=graph.entity(neighbour).name,
        value_id=neighbour,
    )
    type_ = graph.entity(neighbour).type
    for (domain, name), words in PARAPHRASES.items():
        second = RELATIONS[domain, name]
        further = _lead(routes, neighbour, relation=second) if domain is type_ else None
        if further is None:
            continue
        value = graph.write(further)
        if further.object is not None and not routes.is_clear(further.object):
            continue
        shown = f"{article_before(value)} {value}" if name == "occupation" else value
        described = words.format(v=_shown(shown))
        yield Clause(
            text=template.format(v=described),
            relation=relation,
            second=second,
            value=value,
            value_id=further.object,
        )


def _lead(routes: Routes, entity_id: str, *, relation: Relation) -> Fact | None:
    if routes.graph.entity(entity_id).type is not relation.domain:
        return None
    fact = routes.graph.fact(entity_id, relation.name)
    return None if fact is None or routes.is_disputed(fact) else fact


def _shown(name: str) -> str:
    return f"the {name}" if name.startswith("River ") else name
