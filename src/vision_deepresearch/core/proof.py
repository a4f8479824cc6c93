"""Why a generated task has one answer and how to reach it: machine-checkable, never shown to a model.

A proof is a small plan. Each hop yields one value, named by its id; later hops use it as subject:

    look   a region of a picture  -> the name of the thing shown there; the picture is one of the
                                     question's, or stands on a page about the subject's value
    given  words of the question  -> those words
    follow subject + predicate    -> the value a page states for it
    pick   several values + rule  -> the subject whose value is earliest, largest, or as wanted

The last hop yields the answer. Example: look(box) = emblem's owner -> follow(founded_by) = person
-> follow(born_in) = town. A `follow` that is `one_of_several` yields one of the things that stand
in a relation to its subject; there is such a hop for each of them, and a `pick` chooses.
"""

import re
from enum import StrEnum
from typing import ClassVar

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.record import Record


class HopKind(StrEnum):
    """What a hop does."""

    LOOK = "look"
    GIVEN = "given"
    FOLLOW = "follow"
    PICK = "pick"


MATCHING = "matching"
"""The rule of a `pick` that chooses what agrees with values wanted."""


class PagePhoto(Record):
    """A picture that stands on a page."""

    page: str
    """Url of the page."""
    url: str
    """Of the picture, as the page has it."""


class Hop(Record):
    """One step of a proof."""

    LATER_FIELDS: ClassVar[frozenset[str]] = frozenset({"photo"})

    id: str
    """Unique within the proof, for example "h2"."""
    kind: HopKind
    subject: str | None = None
    """`follow`: id of the hop whose value is the subject. `look` at a `photo`: of the hop whose
    value the page is about."""
    predicate: str | None = None
    """`follow`: the relation or attribute, as the truth source names it."""
    label: str = ""
    """`follow`: the predicate in words, for queries and goals, for example "founded by"."""
    inverse: bool = False
    """`follow`: the value is what stands in this relation *to* the subject."""
    one_of_several: bool = False
    """`follow`, inverse: several things stand in the relation to the subject; the value is the one
    that the first page is about."""
    image: int = 0
    """`look`: position in `Task.images`, unless it looks at a `photo`."""
    photo: PagePhoto | None = None
    """`look`: the picture looked at, where it is none of the question's."""
    box: Box | None = None
    """`look`: where the thing is."""
    over: tuple[str, ...] = ()
    """`pick`: ids of the `follow` hops that are compared."""
    rule: str | None = None
    """`pick`: "earliest", "latest", "smallest", "largest" or "matching"."""
    among: tuple[str, ...] = ()
    """`pick`, matching: ids of the hops chosen between, in the order of `over`; empty: the subjects
    of what is compared."""
    like: str | None = None
    """`pick`, matching: id of the hop whose value is wanted."""
    text: str | None = None
    """`given`: a name, a word, a decade ("1870s") or a range ("40..60"); see `Hop.shown`."""
    shown: str = ""
    """`given`: how the question writes it, where it does not write `text` itself."""
    pages: tuple[str, ...] = ()
    """Urls of pages that state the value, the most reliable first."""
    expected: str
    """The true value, for validation only: no acting model may read it."""
    aliases: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _without_no_photo(self, write: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        """Proofs without such looks are written as they were before there were any."""
        written: dict[str, JsonValue] = write(self)
        if self.photo is None:
            written.pop("photo", None)
        return written


class Constraint(Record):
    """A clause of the question that narrows the candidates."""

    text: str
    """As it stands in the question."""
    predicate: str
    value: str
    candidates_without: int = Field(ge=0)
    """How many answers fit when this clause is dropped: more than 1, or the clause is idle."""
    about: str | None = None
    """Name of the thing it narrows down, where that is not seen in the picture; then
    `candidates_without` counts things."""


class Proof(Record):
    """The route of one task."""

    task_id: str
    hops: tuple[Hop, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    entities: tuple[str, ...] = ()
    """Names along the route, in order: gold for Entity Recall."""

    @property
    def num_hops(self) -> int:
        """Relations followed after the picture was recognised (hops of the question).

        Each picture of a page that is looked at on the way is one too.
        """
        return sum(hop.kind is HopKind.FOLLOW or hop.photo is not None for hop in self.hops)

    @property
    def pages(self) -> tuple[str, ...]:
        """All pages of the route, in order, once each."""
        found: dict[str, None] = {}
        for hop in self.hops:
            shown_on = (hop.photo.page,) if hop.photo is not None else ()
            found |= dict.fromkeys((*shown_on, *hop.pages))
        return tuple(found)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Boxes of the route in the question's pictures, in order."""
        return tuple(hop.box for hop in self.hops if hop.box is not None and hop.photo is None)

    @property
    def photos(self) -> tuple[Hop, ...]:
        """Looks at pictures of pages, in order."""
        return tuple(hop for hop in self.hops if hop.photo is not None)


_DECADE = re.compile(r"(\d{3})0s")
_BAND = re.compile(r"(\d+)\.\.(\d+)")
_YEAR = re.compile(r"\b(\d{4})\b")
_FIGURE = re.compile(r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+|\d+")


def agrees(value: str, wanted: str) -> bool:
    """Whether a value as read is the one wanted: the same words, in that decade, in that range.

    >>> agrees("12 May 1874", "1870s"), agrees("1,204 m", "1000..1500"), agrees("Kvarn", "Tolm")
    (True, True, False)
    """
    if decade := _DECADE.fullmatch(wanted):
        return bool((year := _YEAR.search(value)) and year.group(1)[:3] == decade.group(1))
    if band := _BAND.fullmatch(wanted):
        figure = _FIGURE.search(value)
        number = int(re.sub(r"\D", "", figure.group())) if figure else -1
        return int(band.group(1)) <= number <= int(band.group(2))
    return _plain(value) == _plain(wanted)


def _plain(text: str) -> str:
    words = " ".join(text.split()).casefold()
    return words.removeprefix("the ")
