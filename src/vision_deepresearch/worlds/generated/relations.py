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
PRODUCT, SPECIES, BOOK = EntityType.PRODUCT, EntityType.SPECIES, EntityType.BOOK
VEHICLE, AWARD = EntityType.VEHICLE, EntityType.AWARD

FORMER = "former_"
"""Head of the name of a relation to what held before the present value."""


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

    @property
    def former_of(self) -> str | None:
        """The relation whose value before the present one this is; None: it is of today."""
        return self.name.removeprefix(FORMER) if self.name.startswith(FORMER) else None


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


_BASE_TABLE = (
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
    _relation(
        ORGANISATION,
        "parent_company",
        ORGANISATION,
        ("owned by the parent organisation", "Parent organisation"),
    ),
    _relation(ORGANISATION, "mascot", SPECIES, ("mascot of the emblem", "Mascot")),
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
    _relation(PERSON, "died_in", SETTLEMENT, ("died in the town", "Place of death")),
    _relation(PERSON, "teacher", PERSON, ("taught by the teacher", "Teacher")),
    _relation(
        PERSON, "employer", ORGANISATION, ("works for the employer", "Employer"), changes=True
    ),
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
    _relation(
        BUILDING,
        "floors",
        Range.NUMBER,
        ("number of floors", "Floors"),
        order=("has fewer floors", "has more floors"),
    ),
    _relation(
        BUILDING,
        "home_of",
        ORGANISATION,
        ("houses the organisation", "Tenant"),
        changes=True,
    ),
    _relation(
        BUILDING,
        "restored_in",
        Range.YEAR,
        ("restored in the year", "Restored"),
        order=("was restored earlier", "was restored later"),
    ),
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
    _relation(ARTWORK, "portrays", PERSON, ("portrait of the person", "Sitter")),
    _relation(
        ARTWORK,
        "donated_by",
        PERSON,
        ("donated by", "Donor"),
        inverse=("donor of the artwork", "Donor of"),
    ),
    _relation(
        ARTWORK,
        "width",
        Range.NUMBER,
        ("width in centimetres", "Width"),
        unit="cm",
        order=("is narrower", "is wider"),
    ),
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
    _relation(
        VESSEL,
        "captain",
        PERSON,
        ("captain today", "Captain"),
        inverse=("captain of the ship", "Captain of"),
        changes=True,
    ),
    _relation(VESSEL, "owner", ORGANISATION, ("owned today by", "Owner"), changes=True),
    _relation(
        VESSEL,
        "tonnage",
        Range.NUMBER,
        ("tonnage in tonnes", "Tonnage"),
        unit="t",
        order=("has a smaller tonnage", "has a larger tonnage"),
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
    _relation(
        SETTLEMENT,
        "elevation",
        Range.NUMBER,
        ("elevation above the sea in metres", "Elevation"),
        unit="m",
        order=("lies lower", "lies higher"),
    ),
    _relation(
        SETTLEMENT,
        "honorary_citizen",
        PERSON,
        ("honorary citizen", "Honorary citizen"),
        inverse=("honorary citizen of the town", "Honorary citizen of"),
    ),
    _relation(
        SETTLEMENT,
        "heraldic_species",
        SPECIES,
        ("species on the coat of arms", "Heraldic species"),
    ),
    # --- events
    _relation(EVENT, "kind", Range.WORD, ("kind", "Type")),
    _relation(EVENT, "takes_place_in", SETTLEMENT, ("takes place in", "Venue")),
    _relation(
        EVENT,
        "first_held_in",
        Range.YEAR,
        ("first held in the year", "First held"),
        order=("was first held earlier", "was first held later"),
    ),
    _relation(
        EVENT,
        "initiated_by",
        PERSON,
        ("started by", "Initiator"),
        inverse=("initiator of the event", "Initiator of"),
    ),
    _relation(EVENT, "sponsor", ORGANISATION, ("sponsored by", "Sponsor"), changes=True),
    _relation(
        EVENT,
        "last_winner",
        PERSON,
        ("present title holder", "Title holder"),
        inverse=("title holder of the event", "Title holder of"),
        changes=True,
    ),
    _relation(EVENT, "prize", AWARD, ("prize awarded at the event", "Prize")),
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
    _relation(RIVER, "rises_near", SETTLEMENT, ("rises near the town", "Source near")),
    _relation(
        RIVER,
        "bridges",
        Range.NUMBER,
        ("number of bridges", "Bridges"),
        order=("has fewer bridges", "has more bridges"),
    ),
    # --- products
    _relation(PRODUCT, "kind", Range.WORD, ("kind", "Type")),
    _relation(PRODUCT, "made_by", ORGANISATION, ("made by the company", "Manufacturer")),
    _relation(
        PRODUCT,
        "introduced_in",
        Range.YEAR,
        ("introduced in the year", "Introduced"),
        order=("was introduced earlier", "was introduced later"),
    ),
    _relation(
        PRODUCT,
        "invented_by",
        PERSON,
        ("recipe invented by", "Inventor"),
        inverse=("inventor of the product", "Inventor of"),
    ),
    _relation(PRODUCT, "produced_in", SETTLEMENT, ("produced in the town", "Place of production")),
    _relation(PRODUCT, "flavoured_with", SPECIES, ("flavoured or scented with", "Key ingredient")),
    # --- species
    _relation(SPECIES, "kind", Range.WORD, ("kind", "Group")),
    _relation(
        SPECIES,
        "described_by",
        PERSON,
        ("first described by", "Described by"),
        inverse=("first describer of the species", "Describer of"),
    ),
    _relation(
        SPECIES,
        "described_in",
        Range.YEAR,
        ("first described in the year", "Described"),
        order=("was described earlier", "was described later"),
    ),
    _relation(SPECIES, "found_near", SETTLEMENT, ("found near the town", "Found near")),
    _relation(SPECIES, "specimen_in", BUILDING, ("type specimen kept in", "Type specimen")),
    _relation(
        SPECIES,
        "size",
        Range.NUMBER,
        ("size in millimetres", "Size"),
        unit="mm",
        order=("is smaller", "is larger"),
    ),
    # --- books
    _relation(BOOK, "kind", Range.WORD, ("kind", "Genre")),
    _relation(
        BOOK,
        "written_by",
        PERSON,
        ("written by the author", "Author"),
        inverse=("author of the book", "Author of"),
    ),
    _relation(BOOK, "published_by", ORGANISATION, ("published by", "Publisher")),
    _relation(
        BOOK,
        "published_in",
        Range.YEAR,
        ("published in the year", "Published"),
        order=("was published earlier", "was published later"),
    ),
    _relation(
        BOOK,
        "pages",
        Range.NUMBER,
        ("number of pages", "Pages"),
        order=("has fewer pages", "has more pages"),
    ),
    _relation(BOOK, "set_in", SETTLEMENT, ("about the town", "Setting")),
    _relation(
        BOOK,
        "illustrated_by",
        PERSON,
        ("illustrated by", "Illustrator"),
        inverse=("illustrator of the book", "Illustrator of"),
    ),
    _relation(BOOK, "dedicated_to", PERSON, ("dedicated to", "Dedicated to")),
    # --- vehicles
    _relation(VEHICLE, "kind", Range.WORD, ("kind", "Type")),
    _relation(VEHICLE, "assembled_by", ORGANISATION, ("assembled by the works", "Assembled by")),
    _relation(VEHICLE, "run_by", ORGANISATION, ("run today by", "Operator"), changes=True),
    _relation(
        VEHICLE,
        "entered_service_in",
        Range.YEAR,
        ("entered service in the year", "Entered service"),
        order=("entered service earlier", "entered service later"),
    ),
    _relation(
        VEHICLE,
        "engineered_by",
        PERSON,
        ("engineered by", "Engineer"),
        inverse=("engineer of the vehicle", "Engineer of"),
    ),
    _relation(
        VEHICLE,
        "top_speed",
        Range.NUMBER,
        ("top speed in kilometres an hour", "Top speed"),
        unit="km/h",
        order=("is slower", "is faster"),
    ),
    _relation(VEHICLE, "preserved_in", BUILDING, ("exhibited in the building", "Exhibited in")),
    # --- awards
    _relation(AWARD, "kind", Range.WORD, ("kind", "Type")),
    _relation(AWARD, "given_by", ORGANISATION, ("given by the organisation", "Given by")),
    _relation(
        AWARD,
        "endowed_by",
        PERSON,
        ("endowed by", "Endowed by"),
        inverse=("donor of the award", "Benefactor of"),
    ),
    _relation(
        AWARD,
        "first_given_in",
        Range.YEAR,
        ("first given in the year", "First given"),
        order=("was first given earlier", "was first given later"),
    ),
    _relation(
        AWARD,
        "laureate",
        PERSON,
        ("present laureate", "Laureate"),
        inverse=("laureate of the award", "Laureate of"),
        changes=True,
    ),
    _relation(AWARD, "presented_in", BUILDING, ("presented in the building", "Presented in")),
)

_FORMER_TABLE = tuple(
    Relation(
        name=f"{FORMER}{relation.name}",
        domain=relation.domain,
        range=Range.ENTITY,
        target=relation.target,
        label=f"former {relation.infobox.lower()}, before the present one",
        infobox=f"{'Formerly' if relation.infobox.endswith(' in') else 'Former'} "
        f"{relation.infobox[0].lower()}{relation.infobox[1:]}",
    )
    for relation in _BASE_TABLE
    if relation.changes and relation.range is Range.ENTITY
)
"""What held before: one thing at most, from `Fact.since` to `Fact.until`."""

_TABLE = _BASE_TABLE + _FORMER_TABLE

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
