"""What each page says, right or wrong: evidence is graded and questions are proved against this."""

from dataclasses import dataclass, replace
from enum import StrEnum

from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.relations import FORMER, Range
from vision_deepresearch.worlds.generated.spec import rng_for


class Stance(StrEnum):
    """How a statement relates to the truth."""

    TRUE = "true"
    OUTDATED = "outdated"
    """It was so once."""
    RUMOUR = "rumour"
    """Somebody says so; it is wrong."""
    CONTRADICTORY = "contradictory"
    """Stated like any other fact, and wrong: only other sources tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement of one page."""

    subject: str
    """Entity id."""
    predicate: str
    inverse: bool = False
    """Whether the value is what stands in this relation *to* the subject."""
    value: str
    """As written on the page; a number in its canonical form."""
    stance: Stance = Stance.TRUE

    @property
    def key(self) -> tuple[str, str]:
        """What it is about: subject and predicate."""
        return (self.subject, self.predicate)


def had_happened(graph: Graph, fact: Fact, *, published: str | None) -> bool:
    """Whether a page of that day could know a fact: it tells of nothing later.

    Args:
        graph: knows which facts are years and dates.
        fact: as the page would state it.
        published: ISO date of the page; None: it has none, and tells what is so today.
    """
    if published is None:
        return True
    years = [fact.since, fact.until, year_of(graph, fact), first_year(graph, fact.subject)]
    if fact.object is not None:
        years.append(first_year(graph, fact.object))
    return all(year is None or year <= int(published[:4]) for year in years)


def first_year(graph: Graph, entity_id: str) -> int | None:
    """The year in which a thing began, the earliest that a fact of its own states; None: none does."""
    years = (year_of(graph, fact) for fact in graph.facts(entity_id))
    return min((year for year in years if year is not None), default=None)


def year_of(graph: Graph, fact: Fact) -> int | None:
    """The year that a fact states; None: it states none."""
    match graph.relation(fact.subject, fact.predicate).range:
        case Range.YEAR if isinstance(fact.literal, int):
            return fact.literal
        case Range.DATE if isinstance(fact.literal, str):
            return int(fact.literal[:4])
        case _:
            return None


def twisted(graph: Graph, fact: Fact, *, key: str) -> Fact:
    """The fact with another, wrong value of the same kind; the same key gives the same value."""
    rng = rng_for(graph.spec.root, "twist", (key, fact.subject, fact.predicate))
    relation = graph.relation(fact.subject, fact.predicate)
    if fact.object is not None:
        alike = graph.of_type(graph.entity(fact.object).type)
        # Places that may not be drawn are left out, not searched for: the true value's, and the
        # subject's own, since no river flows into itself.
        barred = {graph.place_in_type(fact.object)}
        if graph.entity(fact.subject).type is graph.entity(fact.object).type:
            barred.add(graph.place_in_type(fact.subject))
        if len(alike) <= len(barred):
            return fact
        drawn = rng.choice(range(len(alike) - len(barred)))
        for place in sorted(barred):
            drawn += drawn >= place
        return replace(fact, object=alike[drawn].id)
    if isinstance(fact.literal, int):
        shift = rng.choice((-1, 1)) * rng.randint(3, 19)
        value = fact.literal + shift
        if relation.range is Range.NUMBER:
            value = max(3, round(fact.literal * rng.choice((0.72, 0.81, 0.9, 1.13, 1.24))) + 1)
        return replace(fact, literal=value)
    return fact


def older_value(graph: Graph, fact: Fact, *, key: str) -> Fact:
    """The fact as it was before: the former value where there is one, else a twisted one."""
    former = graph.fact(fact.subject, f"{FORMER}{fact.predicate}")
    if former is None:
        return twisted(graph, fact, key=key)
    return replace(former, predicate=fact.predicate, until=None)
