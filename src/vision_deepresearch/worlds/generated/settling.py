"""Lays down the facts of a generated world, type after type; each thing from its own generator.

Time is coherent: who founds, designs or writes is grown up and alive, old pupils are younger than
their school, and the holder before the present one left when the present one came.
"""

import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate, islice

from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.names import NameMaker
from vision_deepresearch.worlds.generated.relations import FORMER
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_OCCUPATIONS = (
    ("architect", 4),
    ("painter", 4),
    ("engineer", 4),
    ("merchant", 3),
    ("politician", 3),
    ("composer", 1),
    ("botanist", 1),
    ("physician", 2),
    ("navigator", 1),
    ("printer", 2),
    ("astronomer", 1),
    ("actor", 1),
    ("writer", 4),
    ("zoologist", 2),
    ("chemist", 2),
    ("illustrator", 1),
    ("sea captain", 2),
    ("athlete", 1),
    ("photographer", 1),
    ("cook", 1),
)
_ROLES = {
    "founder": (
        "engineer",
        "merchant",
        "printer",
        "physician",
        "composer",
        "botanist",
        "navigator",
        "chemist",
    ),
    "naturalist": ("zoologist", "physician"),
    "inventor": ("chemist", "merchant", "cook", "physician"),
    "draughtsman": ("illustrator", "painter", "printer"),
    "seafarer": ("sea captain", "navigator"),
}
"""Occupations from which a role is filled."""
_ORGANISATION_ROLES = {
    "shipyard": ("shipyard",),
    "school": ("academy", "conservatory", "institute"),
    "maker": ("manufactory", "trading house", "brewery"),
    "publisher": ("publishing house",),
    "works": ("locomotive works",),
    "operator": ("railway company",),
    "shipowner": ("trading house", "railway company", "institute"),
    "giver": ("learned society", "academy", "institute", "bank"),
}
_BUILDING_ROLES = {
    "collection": ("museum", "gallery", "library"),
    "stage": ("theatre", "town hall", "palace", "library"),
}
_REGION_COUNT = 7
_LAST_YEAR = 2015
"""Nothing dated happens later."""
_FIRST_OFFICE = 1978
"""No present holder of an office has held it longer."""
_P_FORMER = 0.7
_MAX_DRAWS = 10
_SIZES = {
    "bird": (85, 980),
    "butterfly": (18, 140),
    "fish": (40, 900),
    "flower": (9, 180),
    "beetle": (6, 95),
}
"""From and to, in millimetres, by the kind of species."""


def settle(spec: WorldSpec, entities: tuple[Entity, ...]) -> Mapping[str, tuple[Fact, ...]]:
    """All facts of a world, by the id of their subject."""
    return _Settling(spec, entities).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """Candidates for a role, the popular ones drawn more often."""

    ids: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, entities: Sequence[Entity]) -> "_Pool":
        """Weights grow with popularity, but slowly: everybody has a chance."""
        return cls(
            ids=tuple(entity.id for entity in entities),
            weights=tuple(accumulate(entity.popularity**0.25 for entity in entities)),
        )

    def draw(self, rng: random.Random) -> str | None:
        """One of them, or None when nobody has the role."""
        if not self.ids:
            return None
        weights = self.weights
        return self.ids[bisect(weights, rng.random() * weights[-1], 0, len(weights) - 1)]


@dataclass(slots=True)
class _Settling:
    """The state while facts are laid down, type after type."""

    spec: WorldSpec
    entities: tuple[Entity, ...]
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    pools: dict[str, _Pool] = field(default_factory=dict)
    births: dict[str, int] = field(default_factory=dict)
    deaths: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    """Year in which an organisation, a building, an award came to be."""
    trades: dict[str, str] = field(default_factory=dict)
    """Occupations of persons."""
    by_type: dict[EntityType, list[Entity]] = field(default_factory=dict)
    regions: tuple[str, ...] = ()

    def run(self) -> dict[str, tuple[Fact, ...]]:
        """Lay down everything; types that others refer to come first."""
        self.facts = {entity.id: [] for entity in self.entities}
        self.by_type = {type_: [] for type_ in EntityType}
        for entity in self.entities:
            self.by_type[entity.type].append(entity)
        maker = NameMaker(rng_for(self.spec.root, "regions", 0), split=self.spec.split)
        names = {entity.name for entity in self.entities}
        drawn = (maker.region() for _ in range(4 * _REGION_COUNT))
        self.regions = tuple(islice((name for name in drawn if name not in names), _REGION_COUNT))
        for type_, things in self.by_type.items():
            self._pool(type_.value, things)
        for role in ("flower", "fish"):
            fitting = [one for one in self.by_type[EntityType.SPECIES] if one.kind == role]
            self._pool(role, fitting)
        self._live_persons()
        for type_, settle_one in (
            (EntityType.RIVER, self._river),
            (EntityType.ORGANISATION, self._organisation),
            (EntityType.SETTLEMENT, self._settlement),
            (EntityType.PERSON, self._person),
            (EntityType.BUILDING, self._building),
            (EntityType.AWARD, self._award),
            (EntityType.ARTWORK, self._artwork),
            (EntityType.VESSEL, self._vessel),
            (EntityType.EVENT, self._event),
            (EntityType.PRODUCT, self._product),
            (EntityType.SPECIES, self._species),
            (EntityType.BOOK, self._book),
            (EntityType.VEHICLE, self._vehicle),
        ):
            for entity in self.by_type[type_]:
                rng = rng_for(self.spec.root, "facts", entity.id)
                if entity.kind:
                    self._say(entity.id, "kind", entity.kind)
                settle_one(entity, rng)
            if type_ is EntityType.ORGANISATION:
                self._pool_kinds(_ORGANISATION_ROLES, type_)
            if type_ is EntityType.BUILDING:
                self._pool_kinds(_BUILDING_ROLES, type_)
        return {subject: tuple(facts) for subject, facts in self.facts.items()}

    def _pool(self, role: str, entities: Sequence[Entity]) -> None:
        self.pools[role] = _Pool.of(entities)

    def _pool_kinds(self, roles: Mapping[str, tuple[str, ...]], type_: EntityType) -> None:
        """One pool for each role; all things of the type where none is of the right kind."""
        things = self.by_type[type_]
        for role, kinds in roles.items():
            fitting = [entity for entity in things if entity.kind in kinds]
            self._pool(role, fitting or ([] if role == "school" else things))

    def _say(self, subject: str, predicate: str, value: int | str) -> None:
        self.facts[subject].append(Fact(subject=subject, predicate=predicate, literal=value))

    def _link(self, subject: str, predicate: str, value: str | None) -> None:
        if value is not None and value != subject:
            self.facts[subject].append(Fact(subject=subject, predicate=predicate, object=value))

    def _draw(self, role: str, rng: random.Random) -> str | None:
        return self.pools[role].draw(rng)

    # ---- time

    def _begin(self, thing: str) -> int:
        """First year in which it can hold an office or serve as a place; 0: always."""
        if thing in self.births:
            return self.births[thing] + 24
        return self.made.get(thing, 0)

    def _change(
        self,
        subject: str,
        predicate: str,
        current: str | None,
        rng: random.Random,
        *,
        earliest: int,
        role: str,
    ) -> None:
        """Lay down the present value, since when it holds, and perhaps the one before it.

        Args:
            subject: whose office, home or owner it is.
            predicate: a relation that changes.
            current: the present value; None: nothing is said.
            rng: of the subject.
            earliest: first year in which the subject had such a thing.
            role: pool from which the value before is drawn.
        """
        if current is None or current == subject:
            return
        is_person = current in self.births
        low = max(earliest, self._begin(current), _FIRST_OFFICE if is_person else 0)
        if low > _LAST_YEAR:
            return
        if not is_person and low < 1950:
            low = min(low + _between(rng, 0, 110), _LAST_YEAR - 1)
        since = _between(rng, low, _LAST_YEAR)
        former = rng.random() < _P_FORMER
        self.facts[subject].append(
            Fact(subject=subject, predicate=predicate, object=current, since=since)
        )
        start = since - _between(rng, 3, 16)
        if not former or start < earliest:
            return
        for _ in range(_MAX_DRAWS):
            other = self._draw(role, rng)
            if other is None:
                return
            if other in {current, subject} or self._begin(other) > start:
                continue
            if self.deaths.get(other, since) < since or (is_person and start > self._oldest(other)):
                continue
            self.facts[subject].append(
                Fact(
                    subject=subject,
                    predicate=f"{FORMER}{predicate}",
                    object=other,
                    since=start,
                    until=since,
                )
            )
            return

    def _oldest(self, person: str) -> int:
        """Nobody takes an office after seventy."""
        return self.births[person] + 70

    def _year_of_work(self, person: str, rng: random.Random) -> int:
        """A year in which that person was 24 to 55."""
        return min(self.births[person] + _between(rng, 24, 55), _LAST_YEAR)

    def _alive_in(self, year: int, rng: random.Random, *, role: str = "person") -> str | None:
        """Somebody at least 18 and not dead in that year; a few draws, else nobody."""
        for _ in range(_MAX_DRAWS + 2):
            person = self._draw(role, rng)
            if person is None:
                return None
            if self.births[person] + 18 <= year <= self.deaths.get(person, _LAST_YEAR):
                return person
        return None

    def _existing_in(self, year: int, rng: random.Random, *, role: str) -> str | None:
        """An organisation or a building that was there in that year; a few draws, else none."""
        for _ in range(4):
            thing = self._draw(role, rng)
            if thing is None:
                return None
            if self.made[thing] < year:
                return thing
        return None

    # ---- persons: lives first, because everything else is dated by them

    def _live_persons(self) -> None:
        persons = self.by_type[EntityType.PERSON]
        occupations: dict[str, list[Entity]] = {name: [] for name, _ in _OCCUPATIONS}
        names, weights = zip(*_OCCUPATIONS, strict=True)
        for person in persons:
            rng = rng_for(self.spec.root, "life", person.id)
            occupation = rng.choices(names, weights=weights)[0]
            occupations[occupation].append(person)
            self.trades[person.id] = occupation
            birth = _between(rng, 1800, 1975)
            self.births[person.id] = birth
            death = birth + _between(rng, 56, 93)
            if death <= _LAST_YEAR:
                self.deaths[person.id] = death
            self._say(person.id, "occupation", occupation)
            self._say(person.id, "birth_year", birth)
        for occupation, holders in occupations.items():
            self._pool(occupation, holders or persons)
        for role, trades in _ROLES.items():
            fitting = [person for name in trades for person in occupations[name]]
            self._pool(role, fitting or persons)
        living = [p for p in persons if p.id not in self.deaths and self.births[p.id] >= 1935]
        self._pool("living", living)
        recent = [p for p in persons if self.births[p.id] >= 1905]
        self._pool("recent", recent)
        at_sea = _ROLES["seafarer"]
        sailing = [person for person in living if self.trades[person.id] in at_sea]
        self._pool("living seafarer", sailing or living)
        sailed = [person for person in recent if self.trades[person.id] in at_sea]
        self._pool("recent seafarer", sailed or recent)
        self._marry(persons)

    def _marry(self, persons: Sequence[Entity]) -> None:
        """Couples born within twelve years; marriage is mutual."""
        rng = rng_for(self.spec.root, "marriages", 0)
        single: list[Entity] = []
        for person in sorted(persons, key=lambda p: (self.births[p.id], p.id)):
            if rng.random() > 0.6:
                continue
            partner = next(
                (
                    other
                    for other in single
                    if other.pronoun != person.pronoun
                    and self.births[person.id] - self.births[other.id] <= 12
                ),
                None,
            )
            if partner is None:
                single = [*single[-6:], person]
                continue
            single.remove(partner)
            self._link(person.id, "spouse", partner.id)
            self._link(partner.id, "spouse", person.id)

    def _person(self, person: Entity, rng: random.Random) -> None:
        birth, death = self.births[person.id], self.deaths.get(person.id)
        self._link(person.id, "born_in", self._draw("settlement", rng))
        if death is not None:
            self._say(person.id, "death_year", death)
            if rng.random() < 0.7:
                self._link(person.id, "died_in", self._draw("settlement", rng))
        school = self._draw("school", rng)
        if school is not None and self.made[school] <= birth + 18:
            self._link(person.id, "educated_at", school)
        if rng.random() < 0.5:
            self._link(person.id, "teacher", self._teacher_of(person.id, rng))
        if death is None and birth >= 1948 and rng.random() < 0.7:
            employer = self._draw("organisation", rng)
            self._change(
                person.id, "employer", employer, rng, earliest=birth + 22, role="organisation"
            )

    def _teacher_of(self, pupil: str, rng: random.Random) -> str | None:
        """Somebody of the same trade, 12 to 45 years older, alive when the pupil was 16."""
        birth = self.births[pupil]
        for _ in range(6):
            teacher = self._draw(self.trades[pupil], rng)
            if teacher is None or teacher == pupil:
                continue
            is_older = 12 <= birth - self.births[teacher] <= 45
            if is_older and self.deaths.get(teacher, _LAST_YEAR) >= birth + 16:
                return teacher
        return None

    # ---- the other types

    def _river(self, river: Entity, rng: random.Random) -> None:
        self._say(river.id, "river_length", _between(rng, 24, 940))
        if rng.random() < 0.85:
            # Only towards smaller ids: rivers form no ring.
            drawn = (self._draw("river", rng) for _ in range(3))
            mouth = next((other for other in drawn if other and other < river.id), None)
            self._link(river.id, "flows_into", mouth)
        self._link(river.id, "rises_near", self._draw("settlement", rng))
        self._say(river.id, "bridges", _between(rng, 3, 88))

    def _settlement(self, town: Entity, rng: random.Random) -> None:
        self._say(town.id, "region", rng.choice(self.regions))
        self._link(town.id, "lies_on", self._draw("river", rng))
        self._say(town.id, "population", round(10 ** rng.uniform(3.2, 5.8)))
        mayor = self._draw("living", rng) if rng.random() < 0.85 else None
        chartered = _between(rng, 1080, 1740)
        self._change(town.id, "mayor", mayor, rng, earliest=chartered, role="recent")
        self._say(town.id, "chartered_in", chartered)
        twins = [self._draw("settlement", rng) for _ in range(rng.choice((0, 1, 1, 2)))]
        for twin in dict.fromkeys(twins):
            self._link(town.id, "twinned_with", twin)
        self._say(town.id, "elevation", _between(rng, 3, 1490))
        if rng.random() < 0.45:
            self._link(town.id, "honorary_citizen", self._draw("person", rng))
        if rng.random() < 0.6:
            self._link(town.id, "heraldic_species", self._draw("species", rng))

    def _organisation(self, organisation: Entity, rng: random.Random) -> None:
        founder = self._draw("founder", rng)
        year = _between(rng, 1830, 1990)
        if founder is not None:
            year = self._year_of_work(founder, rng)
        self.made[organisation.id] = year
        self._link(organisation.id, "founded_by", founder)
        self._say(organisation.id, "founded_in", year)
        self._link(organisation.id, "headquartered_in", self._draw("settlement", rng))
        self._say(organisation.id, "employees", _between(rng, 14, 9800))
        if rng.random() < 0.6:
            head = self._draw("living", rng)
            self._change(organisation.id, "led_by", head, rng, earliest=year, role="recent")
        if rng.random() < 0.35:
            parent = self._draw("organisation", rng)
            # Only towards smaller ids: nobody owns its owner.
            is_above = parent is not None and parent < organisation.id
            self._link(organisation.id, "parent_company", parent if is_above else None)
        if rng.random() < 0.45:
            self._link(organisation.id, "mascot", self._draw("species", rng))

    def _building(self, building: Entity, rng: random.Random) -> None:
        architect = self._draw("architect", rng)
        year = self._year_of_work(architect, rng) if architect else _between(rng, 1830, 2000)
        self.made[building.id] = year
        self._link(building.id, "designed_by", architect)
        self._link(building.id, "stands_in", self._draw("settlement", rng))
        self._say(building.id, "completed_in", year)
        self._say(building.id, "height", _between(rng, 11, 148))
        self._link(
            building.id, "commissioned_by", self._existing_in(year, rng, role="organisation")
        )
        self._say(building.id, "floors", _between(rng, 3, 28))
        if rng.random() < 0.5:
            tenant = self._draw("organisation", rng)
            self._change(building.id, "home_of", tenant, rng, earliest=year, role="organisation")
        if year < 1985 and rng.random() < 0.6:
            self._say(building.id, "restored_in", _between(rng, year + 12, _LAST_YEAR))

    def _artwork(self, artwork: Entity, rng: random.Random) -> None:
        artist = self._draw("painter", rng)
        self._link(artwork.id, "created_by", artist)
        year = self._year_of_work(artist, rng) if artist else _between(rng, 1830, 2000)
        self._say(artwork.id, "created_in", year)
        holder = self._draw("building", rng)
        self._change(artwork.id, "held_by", holder, rng, earliest=year, role="building")
        sitter = self._alive_in(year, rng) if rng.random() < 0.3 else None
        if sitter is not None:
            self._link(artwork.id, "portrays", sitter)
        else:
            self._link(artwork.id, "depicts", self._draw("settlement", rng))
        self._say(artwork.id, "width", _between(rng, 24, 460))
        if rng.random() < 0.45:
            self._link(artwork.id, "donated_by", self._alive_in(min(year + 5, _LAST_YEAR), rng))

    def _vessel(self, vessel: Entity, rng: random.Random) -> None:
        yard = self._draw("shipyard", rng)
        first = self.made[yard] + 2 if yard else 1850
        launch = date(min(first + _between(rng, 0, 70), _LAST_YEAR), 1, 1)
        launch += timedelta(days=rng.randrange(365))
        year = launch.year
        self._link(vessel.id, "built_by", yard)
        self._say(vessel.id, "launched_on", launch.isoformat())
        port = self._draw("settlement", rng)
        self._change(vessel.id, "home_port", port, rng, earliest=year, role="settlement")
        self._link(vessel.id, "christened_by", self._alive_in(year, rng))
        self._say(vessel.id, "length", _between(rng, 18, 212))
        if rng.random() < 0.7:
            captain = self._draw("living seafarer", rng)
            role = "recent seafarer"
            self._change(vessel.id, "captain", captain, rng, earliest=year, role=role)
        owner = self._draw("shipowner", rng)
        self._change(vessel.id, "owner", owner, rng, earliest=year, role="organisation")
        self._say(vessel.id, "tonnage", _between(rng, 45, 38000))

    def _event(self, event: Entity, rng: random.Random) -> None:
        initiator = self._draw("person", rng)
        self._link(event.id, "takes_place_in", self._draw("settlement", rng))
        year = self._year_of_work(initiator, rng) if initiator else _between(rng, 1850, 2000)
        self._say(event.id, "first_held_in", year)
        self._link(event.id, "initiated_by", initiator)
        sponsor = self._draw("organisation", rng)
        self._change(event.id, "sponsor", sponsor, rng, earliest=year, role="organisation")
        if rng.random() < 0.8:
            holder = self._draw("living", rng)
            self._change(event.id, "last_winner", holder, rng, earliest=year, role="recent")
        if rng.random() < 0.6:
            self._link(event.id, "prize", self._draw("award", rng))

    def _product(self, product: Entity, rng: random.Random) -> None:
        maker = self._draw("maker", rng)
        first = self.made[maker] + 1 if maker else 1850
        year = min(first + _between(rng, 0, 60), _LAST_YEAR)
        self._link(product.id, "made_by", maker)
        self._say(product.id, "introduced_in", year)
        self._link(product.id, "invented_by", self._alive_in(year, rng, role="inventor"))
        self._link(product.id, "produced_in", self._draw("settlement", rng))
        if rng.random() < 0.8:
            role = "fish" if product.kind == "brand of tinned fish" else "flower"
            self._link(product.id, "flavoured_with", self._draw(role, rng))

    def _species(self, species: Entity, rng: random.Random) -> None:
        finder = self._draw("botanist" if species.kind == "flower" else "naturalist", rng)
        year = self._year_of_work(finder, rng) if finder else _between(rng, 1830, 1990)
        self._link(species.id, "described_by", finder)
        self._say(species.id, "described_in", year)
        self._link(species.id, "found_near", self._draw("settlement", rng))
        self._link(species.id, "specimen_in", self._draw("collection", rng))
        low, high = _SIZES[species.kind]
        self._say(species.id, "size", _between(rng, low, high))

    def _book(self, book: Entity, rng: random.Random) -> None:
        writer = self._draw("writer", rng)
        year = self._year_of_work(writer, rng) if writer else _between(rng, 1850, 2000)
        self._link(book.id, "written_by", writer)
        self._link(book.id, "published_by", self._existing_in(year, rng, role="publisher"))
        self._say(book.id, "published_in", year)
        self._say(book.id, "pages", _between(rng, 48, 912))
        self._link(book.id, "set_in", self._draw("settlement", rng))
        artist = self._alive_in(year, rng, role="draughtsman") if rng.random() < 0.7 else None
        self._link(book.id, "illustrated_by", artist if artist != writer else None)
        friend = self._alive_in(year, rng) if rng.random() < 0.6 else None
        self._link(book.id, "dedicated_to", friend if friend != writer else None)

    def _vehicle(self, vehicle: Entity, rng: random.Random) -> None:
        works = self._draw("works", rng)
        first = self.made[works] + 1 if works else 1860
        year = min(first + _between(rng, 0, 55), _LAST_YEAR)
        self._link(vehicle.id, "assembled_by", works)
        operator = self._draw("operator", rng)
        self._change(vehicle.id, "run_by", operator, rng, earliest=year, role="operator")
        self._say(vehicle.id, "entered_service_in", year)
        self._link(vehicle.id, "engineered_by", self._alive_in(year, rng, role="engineer"))
        self._say(vehicle.id, "top_speed", _between(rng, 24, 148))
        if rng.random() < 0.6:
            self._link(vehicle.id, "preserved_in", self._draw("building", rng))

    def _award(self, award: Entity, rng: random.Random) -> None:
        donor = self._draw("person", rng)
        year = self._year_of_work(donor, rng) if donor else _between(rng, 1850, 1990)
        self._link(award.id, "given_by", self._existing_in(year, rng, role="giver"))
        self._link(award.id, "endowed_by", donor)
        self._say(award.id, "first_given_in", year)
        laureate = self._draw("living", rng)
        self._change(award.id, "laureate", laureate, rng, earliest=year, role="recent")
        self._link(award.id, "presented_in", self._draw("stage", rng))


def _between(rng: random.Random, low: int, high: int) -> int:
    """A whole number from `low` to `high`; half the cost of `randint`."""
    return low + int(rng.random() * (high - low + 1))
