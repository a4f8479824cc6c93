"""Clauses that narrow a thing down without naming it: its neighbour, described, a decade, a range."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vision_deepresearch.core.proof import agrees
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.frames import band_words, clause_for, put, shown_name
from vision_deepresearch.worlds.generated.grammar import article_before
from vision_deepresearch.worlds.generated.phrases import PARAPHRASES
from vision_deepresearch.worlds.generated.relations import RELATIONS, Range, Relation
from vision_deepresearch.worlds.generated.routes import Arrival, Routes

_WIDTHS = (0.6, 1.7)
"""Of a value: the least and the greatest number of the range it is said to lie in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One condition of a description, as it stands in the question."""

    text: str
    predicate: str
    """The relation's name, with "^" in front where the thing is the relation's value."""
    value: str
    about: str
    """Name of the thing described."""
    candidates_without: int
    """Things that the other parts of the description fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A condition on a thing: a relation, perhaps a second one on its value, and what it leads to."""

    text: str
    """As it stands in a question, behind "that"."""
    relation: Relation
    second: Relation | None = None
    value: str
    """A name, a word, a decade such as "1870s", or a range such as "40..60"."""
    shown: str = ""
    """How the text writes the value, if it stands there at all."""
    value_id: str | None = None
    """Entity id, where the value is a thing."""
    parts: tuple[Part, ...] = ()
    """Where the value is described instead of named: what says which thing it is."""
    start_id: str | None = None
    """Where the description is a chain of relations: the thing it starts from, which is named."""
    chain: tuple[Arrival, ...] = field(default=())
    depth: int = 0
    """How many names were replaced one inside the other."""

    @property
    def predicate(self) -> str:
        """For example "headquartered_in" or "headquartered_in/lies_on"."""
        return f"{self.relation.name}/{self.second.name}" if self.second else self.relation.name


def clauses_for(routes: Routes, entity_id: str) -> Iterator[Clause]:
    """Every clause that a thing fulfils, in a fixed order, neighbours named or put by one relation."""
    graph = routes.graph
    for relation in graph.relations(entity_id):
        template = clause_for(relation.domain, relation.name)
        fact = graph.fact(entity_id, relation.name)
        if fact is None or routes.is_disputed(fact):
            continue
        if relation.range is Range.NUMBER:
            yield from _ranges(fact, relation=relation)
        if template is None:
            continue
        if relation.range in {Range.YEAR, Range.DATE}:
            value = decade_of(fact)
            yield Clause(
                text=put(template, f"the {value}"),
                relation=relation,
                value=value,
                shown=f"the {value}",
            )
        elif fact.object is None and relation.range is Range.WORD:
            word = graph.write(fact)
            shown = f"{article_before(word)} {word}" if relation.name == "occupation" else word
            yield Clause(text=put(template, shown), relation=relation, value=word, shown=shown)
        elif fact.object is not None:
            yield from _through(routes, fact, relation=relation, template=template)


def kind_clause(routes: Routes, entity_id: str) -> Clause | None:
    """What a thing is, as a clause: "is a lighthouse"; None: nothing is said, or not by all."""
    relation = RELATIONS.get((routes.graph.entity(entity_id).type, "kind"))
    fact = routes.graph.fact(entity_id, "kind") if relation is not None else None
    if relation is None or fact is None or routes.is_disputed(fact):
        return None
    word = routes.graph.write(fact)
    text = f"is {article_before(word)} {word}"
    return Clause(text=text, relation=relation, value=word, shown=word)


def fulfils(routes: Routes, entity_id: str, clause: Clause) -> bool | None:
    """Whether a thing fulfils a clause; None: a value it needs is missing or disputed."""
    value = lead(routes, entity_id, relation=clause.relation)
    if value is None:
        return None
    if clause.second is not None:
        assert value.object is not None, "a second relation needs a thing to stand on"
        if not routes.is_clear(value.object):
            return None  # what is told of another of that name may be taken for its own
        value = lead(routes, value.object, relation=clause.second)
        if value is None:
            return None
    if clause.value_id is not None:
        return value.object == clause.value_id
    return agrees(routes.graph.write(value), clause.value)


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


def lead(routes: Routes, entity_id: str, *, relation: Relation) -> Fact | None:
    """The only undisputed fact of a thing under a relation, or None."""
    if routes.graph.entity(entity_id).type is not relation.domain:
        return None
    fact = routes.graph.fact(entity_id, relation.name)
    return None if fact is None or routes.is_disputed(fact) else fact


def _ranges(fact: Fact, *, relation: Relation) -> Iterator[Clause]:
    assert isinstance(fact.literal, int), "a number is kept as one"
    low, high = (_round(fact.literal * width) for width in _WIDTHS)
    text = band_words(relation.name, low=low, high=high)
    if text is not None and low <= fact.literal <= high:
        yield Clause(
            text=text, relation=relation, value=f"{low}..{high}", shown=f"{low:,} and {high:,}"
        )


def _round(number: float) -> int:
    """To one figure and a half: 1,204 becomes 1,000, 1,304 becomes 1,500."""
    step = 10 ** max(len(str(int(number))) - 1, 0)
    return round(2 * number / step) * step // 2 if step > 1 else round(number)


def _through(routes: Routes, fact: Fact, *, relation: Relation, template: str) -> Iterator[Clause]:
    """Clauses that describe the neighbour instead of naming it, and the one that names it."""
    graph = routes.graph
    neighbour = fact.object
    assert neighbour is not None, "called for facts that lead to a thing"
    if not routes.is_clear(neighbour):
        return
    shown = shown_name(graph.entity(neighbour).name)
    yield Clause(
        text=put(template, shown),
        relation=relation,
        value=graph.entity(neighbour).name,
        shown=shown,
        value_id=neighbour,
    )
    type_ = graph.entity(neighbour).type
    for (domain, name), words in PARAPHRASES.items():
        second = RELATIONS[domain, name]
        further = lead(routes, neighbour, relation=second) if domain is type_ else None
        if further is None:
            continue
        value = graph.write(further)
        if further.object is not None and not routes.is_clear(further.object):
            continue
        if second.range in {Range.YEAR, Range.DATE}:
            value = decade_of(further)
        shown = f"{article_before(value)} {value}" if name == "occupation" else shown_name(value)
        if value != graph.write(further):
            shown = f"the {value}"
        yield Clause(
            text=put(template, words.format(v=shown)),
            relation=relation,
            second=second,
            value=value,
            shown=shown,
            value_id=further.object,
            depth=1,
        )
