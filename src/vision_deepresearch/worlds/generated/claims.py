"""What each page says, right or wrong: evidence is graded and questions are proved against this."""

from dataclasses import dataclass
from enum import StrEnum

from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.relations import Range
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
    """As written on the page."""
    stance: Stance = Stance.TRUE

    @property
    def key(self) -> tuple[str, str]:
        """What it is about: subject and predicate."""
        return (self.subject, self.predicate)


def twisted(graph: Graph, fact: Fact, *, key: str) -> Fact:
    """The fact with another, wrong value of the same kind; the same key gives the same value."""
    rng = rng_for(graph.spec.root, "twist", (key, fact.subject, fact.predicate))
    relation = graph.relation(fact.subject, fact.predicate)
    if fact.object is not None:
        alike = graph.of_type(graph.entity(fact.object).type)
        if len(alike) < 2:
            return fact
        drawn = rng.choice(range(len(alike) - 1))  # its own place is left out, not searched for
        other = alike[drawn + (drawn >= graph.place_in_type(fact.object))]
        return Fact(subject=fact.subject, predicate=fact.predicate, object=other.id)
    if isinstance(fact.literal, int):
        shift = rng.choice((-1, 1)) * rng.randint(3, 19)
        value = fact.literal + shift
        if relation.range is Range.NUMBER:
            value = max(3, round(fact.literal * rng.choice((0.72, 0.81, 0.9, 1.13, 1.24))) + 1)
        return Fact(subject=fact.subject, predicate=fact.predicate, literal=value)
    return fact
