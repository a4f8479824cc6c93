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


_SMALL = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
"""Numbers that pages may write in words."""
UNIT_WORDS = {
    "m": "metres",
    "km": "kilometres",
    "cm": "centimetres",
    "mm": "millimetres",
    "t": "tonnes",
    "km/h": "kilometres an hour",
}
NUM_STYLES = {Range.DATE: 3, Range.NUMBER: 3}
"""In how many ways prose writes values of a range; one where none is named."""


def write_literal(literal: int | str, *, relation: Relation, style: int = 0) -> str:
    """The value as a page may write it; every style can be read back exactly.

    Args:
        literal: of a `Fact`.
        relation: decides between years, dates, numbers with unit and words.
        style: 0 is canonical; dates: 1 "May 4, 1871", 2 ISO; numbers: 1 unit in full
            ("4,300 metres"), 2 also small numbers in words ("nine metres").
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
        is_small = style % 3 == 2 and isinstance(literal, int) and literal < len(_SMALL)
        number = _SMALL[int(literal)] if is_small else f"{literal:,}"
        unit = UNIT_WORDS.get(relation.unit, "") if style % 3 else relation.unit
        return f"{number} {unit}" if unit else number
    return str(literal)


def read_number(text: str, *, relation: Relation) -> str:
    """A number as some style writes it, written canonically; other text as it is."""
    number, _, _ = text.partition(" ")
    if number.lower() in _SMALL:
        return write_literal(_SMALL.index(number.lower()), relation=relation)
    digits = number.replace(",", "")
    return write_literal(int(digits), relation=relation) if digits.isdecimal() else text


def write_period(fact: Fact) -> str:
    """When it held, as it follows a value in a table: " (1988-1996)", " (since 1996)" or ""."""
    if fact.until is not None and fact.since is not None:
        return f" ({fact.since}-{fact.until})"
    return f" (since {fact.since})" if fact.since is not None else ""
