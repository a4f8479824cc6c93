"""Why a generated task has one answer and how to reach it: machine-checkable, never shown to a model.

A proof is a small plan. Each hop yields one value, named by its id; later hops use it as subject:

    look   a region of a picture  -> the name of the thing shown there
    follow subject + predicate    -> the value a page states for it
    pick   several values + rule  -> the subject whose value is earliest, largest...

The last hop yields the answer. Example: look(box) = emblem's owner -> follow(founded_by) = person
-> follow(born_in) = town.
"""

from enum import StrEnum

from pydantic import Field

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.record import Record


class HopKind(StrEnum):
    """What a hop does."""

    LOOK = "look"
    FOLLOW = "follow"
    PICK = "pick"


class Hop(Record):
    """One step of a proof."""

    id: str
    """Unique within the proof, for example "h2"."""
    kind: HopKind
    subject: str | None = None
    """`follow`: id of the hop whose value is the subject."""
    predicate: str | None = None
    """`follow`: the relation or attribute, as the truth source names it."""
    label: str = ""
    """`follow`: the predicate in words, for queries and goals, for example "founded by"."""
    inverse: bool = False
    """`follow`: the value is what stands in this relation *to* the subject."""
    image: int = 0
    """`look`: position in `Task.images`."""
    box: Box | None = None
    """`look`: where the thing is."""
    over: tuple[str, ...] = ()
    """`pick`: ids of the `follow` hops that are compared."""
    rule: str | None = None
    """`pick`: "earliest", "latest", "smallest" or "largest"."""
    pages: tuple[str, ...] = ()
    """Urls of pages that state the value, the most reliable first."""
    expected: str
    """The true value, for validation only: no acting model may read it."""
    aliases: tuple[str, ...] = ()


class Constraint(Record):
    """A clause of the question that narrows the candidates."""

    text: str
    """As it stands in the question."""
    predicate: str
    value: str
    candidates_without: int = Field(ge=0)
    """How many answers fit when this clause is dropped: more than 1, or the clause is idle."""


class Proof(Record):
    """The route of one task."""

    task_id: str
    hops: tuple[Hop, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    entities: tuple[str, ...] = ()
    """Names along the route, in order: gold for Entity Recall."""

    @property
    def num_hops(self) -> int:
        """Relations followed after the picture was recognised (hops of the question)."""
        return sum(hop.kind is HopKind.FOLLOW for hop in self.hops)

    @property
    def pages(self) -> tuple[str, ...]:
        """All pages of the route, in order, once each."""
        return tuple(dict.fromkeys(url for hop in self.hops for url in hop.pages))

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes of the route, in order."""
        return tuple(hop.box for hop in self.hops if hop.box is not None)
