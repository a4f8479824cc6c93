"""What facts are about, in the rough: articles tell them together, questions in portraits ask so."""

from enum import StrEnum

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import Range, Relation


class Theme(StrEnum):
    """A chapter of an article, in the order in which articles tell them."""

    KIND = "kind"
    TIME = "time"
    PEOPLE = "people"
    PLACE = "place"
    TIES = "ties"
    """To organisations, buildings and other things that are no persons and no places."""
    FIGURES = "figures"
    PAST = "past"
    """What held once."""


_PLACES = frozenset({EntityType.SETTLEMENT, EntityType.RIVER})


def theme_of(relation: Relation) -> Theme:
    """The chapter in which a relation is told; follows from what its values are."""
    if relation.name.startswith("former_"):
        return Theme.PAST
    match relation.range:
        case Range.WORD:
            return Theme.KIND
        case Range.YEAR | Range.DATE:
            return Theme.TIME
        case Range.NUMBER:
            return Theme.FIGURES
        case Range.ENTITY if relation.target is EntityType.PERSON:
            return Theme.PEOPLE
        case Range.ENTITY if relation.target in _PLACES:
            return Theme.PLACE
        case _:
            return Theme.TIES
