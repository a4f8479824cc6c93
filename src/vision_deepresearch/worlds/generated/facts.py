"""One statement about one thing, and how its value is written."""

from dataclasses import dataclass
from datetime import date

from vision_deepresearch.worlds.generated.relations import Range, Relation

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """`subject` stands in `predicate` to an entity, or has a literal value."""

    subject: str
    """Entity id."""
    predicate: str
    object: str | None = None
    """Entity id."""
    literal: int | str | None = None
    """A year or number as int; a date as ISO text; a word."""
    since: int | None = None
    """First year in which it held; None: always, or nobody says."""
    until: int | None = None
    """Last year in which it held; None: it still does."""

    @property
    def key(self) -> tuple[str, str]:
        """What is asked for: subject and predicate."""
        return (self.subject, self.predicate)


def write_literal(literal: int | str, *, relation: Relation, style: int = 0) -> str:
    """The value as a page may write it.

    Args:
        literal: of a `Fact`.
        relation: decides between years, dates, numbers with unit and words.
        style: 0 is canonical; dates: 1 "May 4, 1871", 2 ISO; numbers: 1 without unit.
    """
    if relation.range is Range.DATE:
        day = date.fromisoformat(str(literal))
        month = _MONTHS[day.month - 1]
        return (
            f"{day.day} {month} {day.year}",
            f"{month} {day.day}, {day.year}",
            day.isoformat(),
        )[style % 3]
    if relation.range is Range.NUMBER:
        number = f"{literal:,}"
        return f"{number} {relation.unit}" if relation.unit and style != 1 else number
    return str(literal)
