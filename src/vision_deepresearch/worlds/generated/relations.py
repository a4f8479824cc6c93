"""The table of predicates: what can be said about which things, and what it is called in words."""

from dataclasses import dataclass
from enum import StrEnum

from vision_deepresearch.worlds.generated.entities import EntityType

PERSON, SETTLEMENT, ORGANISATION = (
    EntityType.PERSON,
    EntityType.SETTLEMENT,
    EntityType.ORGANISATION,
)
BUILDING, ARTWORK, VESSEL = EntityType.BUILDING, EntityType.ARTWORK, EntityType.VESSEL
EVENT, RIVER = EntityType.EVENT, EntityType.RIVER


class Range(StrEnum):
    """What kind of value a predicate has."""

    ENTITY = "entity"
    YEAR = "year"
    DATE = "date"
    NUMBER = "number"
    WORD = "word"
    """One of a few words, for example an occupation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One predicate."""

    name: str
    domain: EntityType
    range: Range
    target: EntityType | None = None
    """`Range.ENTITY`: the type of the value."""
    unit: str = ""
    """`Range.NUMBER`: the unit it is stated in; "" for a plain count."""
    functional: bool = True
    """Whether a subject has at most one value."""
    label: str
    """In words, for queries and goals."""
    infobox: str
    """Head of its row in an infobox."""
    inverse_label: str = ""
    """In words, read from the value to the subject; "" where pages do not state it."""
    inverse_infobox: str = ""
    order_words: tuple[str, str] | None = None
    """How the smallest and the largest value are asked for: ("founded earliest", "founded most
    recently"); None: not compared."""
    changes: bool = False
    """Whether the value changes with time, so that an old page may state an older one."""


def _relation(
    domain: EntityType,
    name: str,
    values: Range | EntityType,
    labels: tuple[str, str],
    *,
    inverse: tuple[str, str] = ("", ""),
    unit: str = "",
    order: tuple[str, str] | None = None,
    functional: bool = True,
    changes: bool = False,
) -> Relation:
    return Relation(
        name=name,
        domain=domain,
        range=values if isinstance(values, Range) else Range.ENTITY,
        target=values if isinstance(values, EntityType) else None,
        unit=unit,
        functional=functional,
        label=labels[0],
        infobox=labels[1],
        inverse_label=inverse[0],
        inverse_infobox=inverse[1],
        order_words=order,
        changes=changes,
    )


_TABLE = (
    # --- organisations
    _relation(ORGANISATION, "kind", Range.WORD, ("kind", "Type")),
    _relation(
        ORGANISATION,
        "founded_by",
        PERSON,
        ("founded by", "Founded by"),
        inverse=("founder of", "Founder of"),
    ),
    _relation(
        ORGANISATION,
        "founded_in",
        Range.YEAR,
        ("founded in the year", "Founded"),
        order=("was founded earlier", "was founded later"),
    ),
    _relation(ORGANISATION, "headquartered_in", SETTLEMENT, ("headquartered in", "Headquarters")),
    _relation(
        ORGANISATION,
        "employees",
        Range.NUMBER,
        ("number of employees", "Employees"),
        order=("has fewer employees", "has more employees"),
        changes=True,
    ),
    _relation(
        ORGANISATION,
        "led_by",
        PERSON,
        ("headed today by", "Director"),
        inverse=("director of", "Director of"),
        changes=True,
    ),
    # --- persons
    _relation(PERSON, "occupation", Range.WORD, ("occupation", "Occupation")),
    _relation(PERSON, "born_in", SETTLEMENT, ("born in the town", "Place of birth")),
    _relation(
        PERSON,
        "birth_year",
        Range.YEAR,
        ("year of birth", "Born"),
        order=("was born earlier", "was born later"),
    ),
    _relation(
        PERSON,
        "death_year",
        Range.YEAR,
        ("year of death", "Died"),
        order=("died earlier", "died later"),
    ),
    _relation(PERSON, "educated_at", ORGANISATION, ("educated at", "Alma mater")),
    _relation(PERSON, "spouse", PERSON, ("married to", "Spouse")),
    # --- buildings
    _relation(BUILDING, "kind", Range.WORD, ("kind", "Type")),
    _relation(
        BUILDING,
        "designed_by",
        PERSON,
        ("designed by the architect", "Architect"),
        inverse=("architect of", "Architect of"),
    ),
    _relation(BUILDING, "stands_in", SETTLEMENT, ("stands in the town", "Location")),
    _relation(
        BUILDING,
        "completed_in",
        Range.YEAR,
        ("completed in the year", "Completed"),
        order=("was completed earlier", "was completed later"),
    ),
    _relation(
        BUILDING,
        "height",
        Range.NUMBER,
        ("height in metres", "Height"),
        unit="m",
        order=("is less tall", "is taller"),
    ),
    _relation(BUILDING, "commissioned_by", ORGANISATION, ("commissioned by", "Commissioned by")),
    # --- artworks
    _relation(ARTWORK, "kind", Range.WORD, ("kind", "Medium")),
    _relation(
        ARTWORK,
        "created_by",
        PERSON,
        ("created by the artist", "Artist"),
        inverse=("creator of the artwork", "Creator of"),
    ),
    _relation(
        ARTWORK,
        "created_in",
        Range.YEAR,
        ("created in the year", "Year"),
        order=("was made earlier", "was made later"),
    ),
    _relation(ARTWORK, "held_by", BUILDING, ("kept in the building", "Kept in"), changes=True),
    _relation(ARTWORK, "depicts", SETTLEMENT, ("shows the town", "Depicts")),
    # --- vessels
    _relation(VESSEL, "kind", Range.WORD, ("kind", "Class")),
    _relation(VESSEL, "built_by", ORGANISATION, ("built by the yard", "Builder")),
    _relation(
        VESSEL,
        "launched_on",
        Range.DATE,
        ("launched on the date", "Launched"),
        order=("was launched earlier", "was launched later"),
    ),
    _relation(VESSEL, "home_port", SETTLEMENT, ("home port", "Home port"), changes=True),
    _relation(
        VESSEL,
        "christened_by",
        PERSON,
        ("christened by", "Christened by"),
        inverse=("godparent of the ship", "Godparent of"),
    ),
    _relation(
        VESSEL,
        "length",
        Range.NUMBER,
        ("length in metres", "Length"),
        unit="m",
        order=("is shorter", "is longer"),
    ),
    # --- settlements
    _relation(SETTLEMENT, "region", Range.WORD, ("region", "Region")),
    _relation(SETTLEMENT, "lies_on", RIVER, ("lies on the river", "River")),
    _relation(
        SETTLEMENT,
        "population",
        Range.NUMBER,
        ("population", "Population"),
        order=("has fewer inhabitants", "has more inhabitants"),
        changes=True,
    ),
    _relation(
        SETTLEMENT,
        "mayor",
        PERSON,
        ("mayor", "Mayor"),
        inverse=("mayor of the town", "Mayor of"),
        changes=True,
    ),
    _relation(
        SETTLEMENT,
        "chartered_in",
        Range.YEAR,
        ("town charter in the year", "Town charter"),
        order=("received its charter earlier", "received its charter later"),
    ),
    _relation(
        SETTLEMENT, "twinned_with", SETTLEMENT, ("twinned with", "Twin towns"), functional=False
    ),
    # --- events
    _relation(EVENT, "kind", Range.WORD, ("kind", "Type")),
    _relation(EVENT, "takes_place_in", SETTLEMENT, ("takes place in", "Venue")),
    _relation(EVENT, "first_held_in", Range.YEAR, ("first held in the year", "First held")),
    _relation(
        EVENT,
        "initiated_by",
        PERSON,
        ("started by", "Initiator"),
        inverse=("initiator of the event", "Initiator of"),
    ),
    _relation(EVENT, "sponsor", ORGANISATION, ("sponsored by", "Sponsor"), changes=True),
    # --- rivers
    _relation(
        RIVER,
        "river_length",
        Range.NUMBER,
        ("length in kilometres", "Length"),
        unit="km",
        order=("is shorter", "is longer"),
    ),
    _relation(RIVER, "flows_into", RIVER, ("flows into", "Flows into")),
)

RELATIONS: dict[tuple[EntityType, str], Relation] = {
    (relation.domain, relation.name): relation for relation in _TABLE
}
"""By domain and name: only `kind` stands in several domains."""

BY_DOMAIN: dict[EntityType, tuple[Relation, ...]] = {
    domain: tuple(relation for relation in _TABLE if relation.domain is domain)
    for domain in EntityType
}


def relations_named(name: str) -> tuple[Relation, ...]:
    """All relations of that name, in table order."""
    return tuple(relation for relation in _TABLE if relation.name == name)
