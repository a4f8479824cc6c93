"""Fills a generated world: its things with their names, and the facts that hold between them.

Order matters only where a name must be free; each entity's facts come from its own generator.
Time is coherent: founders are grown up, designers alive, old pupils younger than their school.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate, islice

from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.names import KINDS, Name, NameMaker
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_SHARES = (
    (EntityType.PERSON, 0.34),
    (EntityType.SETTLEMENT, 0.14),
    (EntityType.ORGANISATION, 0.16),
    (EntityType.BUILDING, 0.12),
    (EntityType.ARTWORK, 0.10),
    (EntityType.VESSEL, 0.07),
    (EntityType.EVENT, 0.04),
    (EntityType.RIVER, 0.03),
)
"""Source: the measured prototype; its emblems belong to organisations here."""

_HOMONYM_TYPES = (EntityType.PERSON, EntityType.SETTLEMENT)

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
)
_FOUNDERS = ("engineer", "merchant", "printer", "physician", "composer", "botanist", "navigator")
_SCHOOLS = ("academy", "conservatory", "institute")
_REGION_COUNT = 7
_LAST_YEAR = 2015
"""Nothing dated happens later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All things of a world, in the order of their ids, and all facts, by subject."""

    entities: tuple[Entity, ...]
    facts: Mapping[str, tuple[Fact, ...]]


def populate(spec: WorldSpec) -> Population:
    """Make the things and facts of a world. About 20,000 things a second."""
    entities = _make_entities(spec)
    return Population(entities=entities, facts=_Settling(spec, entities).run())


# ------------------------------------------------------------------------------------- entities


def _make_entities(spec: WorldSpec) -> tuple[Entity, ...]:
    rng = rng_for(spec.root, "entities", spec.num_entities)
    types = _deal_types(spec.num_entities, rng)
    names = NameMaker(rng_for(spec.root, "names", spec.num_entities))
    ranks = list(range(len(types)))
    rng.shuffle(ranks)
    entities: list[Entity] = []
    by_type: dict[EntityType, list[int]] = {type_: [] for type_ in EntityType}
    for index, type_ in enumerate(types):
        is_woman = rng.random() < 0.5
        pronoun = ("She" if is_woman else "He") if type_ is EntityType.PERSON else "It"
        kind = rng.choice(KINDS[type_]) if type_ in KINDS else ""
        earlier = by_type[type_]
        if type_ in _HOMONYM_TYPES and earlier and rng.random() < _homonym_rate(spec):
            name = Name(canonical=entities[rng.choice(earlier)].name)
        else:
            name = _name(names, type_, kind=kind, is_woman=is_woman)
        entities.append(
            Entity(
                id=f"e{index:04d}",
                type=type_,
                name=name.canonical,
                aliases=name.aliases,
                kind=kind,
                pronoun=pronoun,
                popularity=1.0 / (1 + ranks[index]),
            )
        )
        by_type[type_].append(index)
    return _with_lookalikes(entities, spec=spec, rng=rng)


def _homonym_rate(spec: WorldSpec) -> float:
    """Share among the types that have homonyms, so that `p_homonym` holds for the world."""
    return spec.p_homonym / sum(share for type_, share in _SHARES if type_ in _HOMONYM_TYPES)


def _deal_types(num_entities: int, rng: random.Random) -> list[EntityType]:
    counts = [max(1, round(share * num_entities)) for _, share in _SHARES]
    counts[0] += num_entities - sum(counts)
    types = [
        type_
        for (type_, _), count in zip(_SHARES, counts, strict=True)
        for _ in range(max(count, 0))
    ][:num_entities]
    rng.shuffle(types)
    return types


def _name(names: NameMaker, type_: EntityType, *, kind: str, is_woman: bool) -> Name:
    match type_:
        case EntityType.PERSON:
            return names.person(is_woman=is_woman)
        case EntityType.SETTLEMENT:
            return names.settlement()
        case EntityType.ORGANISATION:
            return names.organisation(kind)
        case EntityType.BUILDING:
            return names.building(kind)
        case EntityType.ARTWORK:
            return names.artwork()
        case EntityType.VESSEL:
            return names.vessel()
        case EntityType.EVENT:
            return names.event(kind)
        case EntityType.RIVER:
            return names.river()
        case (
            EntityType.PRODUCT
            | EntityType.SPECIES
            | EntityType.BOOK
            | EntityType.VEHICLE
            | EntityType.AWARD
        ):
            return names.artwork()


def _with_lookalikes(
    entities: list[Entity], *, spec: WorldSpec, rng: random.Random
) -> tuple[Entity, ...]:
    """Give a share of the pictured things a look-alike of their own type."""
    pictured = [index for index, entity in enumerate(entities) if entity.type.carries_picture]
    rng.shuffle(pictured)
    paired: set[int] = set()
    wanted = round(spec.p_lookalike * len(pictured))
    for position, model in enumerate(pictured):
        if len(paired) >= 2 * wanted:
            break
        double = next(
            (
                other
                for other in map(pictured.__getitem__, range(position + 1, len(pictured)))
                if other not in paired and entities[other].type is entities[model].type
            ),
            None,
        )
        if model in paired or double is None:
            continue
        entities[double] = replace(entities[double], lookalike_of=entities[model].id)
        paired |= {model, double}
    return tuple(entities)


# ---------------------------------------------------------------------------------------- facts


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
        return rng.choices(self.ids, cum_weights=self.weights)[0] if self.ids else None


@dataclass(slots=True)
class _Settling:
    """The state while facts are laid down, type after type."""

    spec: WorldSpec
    entities: tuple[Entity, ...]
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    pools: dict[str, _Pool] = field(default_factory=dict)
    births: dict[str, int] = field(default_factory=dict)
    deaths: dict[str, int] = field(default_factory=dict)
    founded: dict[str, int] = field(default_factory=dict)
    regions: tuple[str, ...] = ()

    def run(self) -> dict[str, tuple[Fact, ...]]:
        """Lay down everything; types that others refer to come first."""
        self.facts = {entity.id: [] for entity in self.entities}
        maker = NameMaker(rng_for(self.spec.root, "regions", 0))
        names = {entity.name for entity in self.entities}
        drawn = (maker.region() for _ in range(4 * _REGION_COUNT))
        self.regions = tuple(islice((name for name in drawn if name not in names), _REGION_COUNT))
        for type_ in EntityType:
            self._pool(type_.value, self._all(type_))
        self._live_persons()
        for type_, settle in (
            (EntityType.RIVER, self._river),
            (EntityType.SETTLEMENT, self._settlement),
            (EntityType.ORGANISATION, self._organisation),
            (EntityType.PERSON, self._person),
            (EntityType.BUILDING, self._building),
            (EntityType.ARTWORK, self._artwork),
            (EntityType.VESSEL, self._vessel),
            (EntityType.EVENT, self._event),
        ):
            for entity in self._all(type_):
                settle(entity, rng_for(self.spec.root, "facts", entity.id))
            if type_ is EntityType.ORGANISATION:
                self._pool_organisations()
        return {subject: tuple(facts) for subject, facts in self.facts.items()}

    def _all(self, type_: EntityType) -> list[Entity]:
        return [entity for entity in self.entities if entity.type is type_]

    def _pool(self, role: str, entities: Sequence[Entity]) -> None:
        self.pools[role] = _Pool.of(entities)

    def _say(self, subject: str, predicate: str, value: int | str) -> None:
        self.facts[subject].append(Fact(subject=subject, predicate=predicate, literal=value))

    def _link(self, subject: str, predicate: str, value: str | None) -> None:
        if value is not None and value != subject:
            self.facts[subject].append(Fact(subject=subject, predicate=predicate, object=value))

    def _draw(self, role: str, rng: random.Random) -> str | None:
        return self.pools[role].draw(rng)

    # ---- persons: lives first, because everything else is dated by them

    def _live_persons(self) -> None:
        persons = self._all(EntityType.PERSON)
        occupations: dict[str, list[Entity]] = {name: [] for name, _ in _OCCUPATIONS}
        names, weights = zip(*_OCCUPATIONS, strict=True)
        for person in persons:
            rng = rng_for(self.spec.root, "life", person.id)
            occupation = rng.choices(names, weights=weights)[0]
            occupations[occupation].append(person)
            birth = rng.randint(1800, 1975)
            self.births[person.id] = birth
            death = birth + rng.randint(56, 93)
            if death <= _LAST_YEAR:
                self.deaths[person.id] = death
            self._say(person.id, "occupation", occupation)
            self._say(person.id, "birth_year", birth)
        for occupation, holders in occupations.items():
            self._pool(occupation, holders or persons)
        founders = [person for name in _FOUNDERS for person in occupations[name]]
        self._pool("founder", founders or persons)
        living = [p for p in persons if p.id not in self.deaths and self.births[p.id] >= 1935]
        self._pool("living", living)
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
        self._link(person.id, "born_in", self._draw("settlement", rng))
        if person.id in self.deaths:
            self._say(person.id, "death_year", self.deaths[person.id])
        school = self._draw("school", rng)
        if school is not None and self.founded[school] <= self.births[person.id] + 18:
            self._link(person.id, "educated_at", school)

    # ---- the other types

    def _river(self, river: Entity, rng: random.Random) -> None:
        self._say(river.id, "river_length", rng.randint(24, 940))
        if rng.random() < 0.75:
            mouth = self._draw("river", rng)
            # Only towards smaller ids: rivers form no ring.
            self._link(river.id, "flows_into", mouth if mouth and mouth < river.id else None)

    def _settlement(self, town: Entity, rng: random.Random) -> None:
        self._say(town.id, "region", rng.choice(self.regions))
        self._link(town.id, "lies_on", self._draw("river", rng))
        self._say(town.id, "population", round(10 ** rng.uniform(3.2, 5.8)))
        self._link(town.id, "mayor", self._draw("living", rng) if rng.random() < 0.85 else None)
        self._say(town.id, "chartered_in", rng.randint(1080, 1740))
        twins = [self._draw("settlement", rng) for _ in range(rng.choice((0, 1, 1, 2)))]
        for twin in dict.fromkeys(twins):
            self._link(town.id, "twinned_with", twin)

    def _organisation(self, organisation: Entity, rng: random.Random) -> None:
        founder = self._draw("founder", rng)
        year = rng.randint(1830, 1990)
        if founder is not None:
            year = self._year_of_work(founder, rng)
        self.founded[organisation.id] = year
        self._say(organisation.id, "kind", organisation.kind)
        self._link(organisation.id, "founded_by", founder)
        self._say(organisation.id, "founded_in", year)
        self._link(organisation.id, "headquartered_in", self._draw("settlement", rng))
        self._say(organisation.id, "employees", rng.randint(14, 9800))
        self._link(
            organisation.id, "led_by", self._draw("living", rng) if rng.random() < 0.6 else None
        )

    def _pool_organisations(self) -> None:
        organisations = self._all(EntityType.ORGANISATION)
        by_kind = {
            kind: [entity for entity in organisations if entity.kind == kind]
            for kind in KINDS[EntityType.ORGANISATION]
        }
        self._pool("shipyard", by_kind["shipyard"] or organisations)
        self._pool("school", [entity for kind in _SCHOOLS for entity in by_kind[kind]])

    def _building(self, building: Entity, rng: random.Random) -> None:
        architect = self._draw("architect", rng)
        year = self._year_of_work(architect, rng) if architect else rng.randint(1830, 2000)
        self._say(building.id, "kind", building.kind)
        self._link(building.id, "designed_by", architect)
        self._link(building.id, "stands_in", self._draw("settlement", rng))
        self._say(building.id, "completed_in", year)
        self._say(building.id, "height", rng.randint(11, 148))
        patron = self._draw("organisation", rng)
        if patron is not None and self.founded[patron] < year:
            self._link(building.id, "commissioned_by", patron)

    def _artwork(self, artwork: Entity, rng: random.Random) -> None:
        artist = self._draw("painter", rng)
        self._say(artwork.id, "kind", artwork.kind)
        self._link(artwork.id, "created_by", artist)
        year = self._year_of_work(artist, rng) if artist else rng.randint(1830, 2000)
        self._say(artwork.id, "created_in", year)
        self._link(artwork.id, "held_by", self._draw("building", rng))
        self._link(artwork.id, "depicts", self._draw("settlement", rng))

    def _vessel(self, vessel: Entity, rng: random.Random) -> None:
        yard = self._draw("shipyard", rng)
        first = self.founded[yard] + 2 if yard else 1850
        launch = date(min(first + rng.randint(0, 70), _LAST_YEAR), 1, 1)
        launch += timedelta(days=rng.randrange(365))
        self._say(vessel.id, "kind", vessel.kind)
        self._link(vessel.id, "built_by", yard)
        self._say(vessel.id, "launched_on", launch.isoformat())
        self._link(vessel.id, "home_port", self._draw("settlement", rng))
        self._link(vessel.id, "christened_by", self._alive_in(launch.year, rng))
        self._say(vessel.id, "length", rng.randint(18, 212))

    def _event(self, event: Entity, rng: random.Random) -> None:
        initiator = self._draw("person", rng)
        self._say(event.id, "kind", event.kind)
        self._link(event.id, "takes_place_in", self._draw("settlement", rng))
        year = self._year_of_work(initiator, rng) if initiator else rng.randint(1850, 2000)
        self._say(event.id, "first_held_in", year)
        self._link(event.id, "initiated_by", initiator)
        sponsor = self._draw("organisation", rng)
        if sponsor is not None and self.founded[sponsor] < year:
            self._link(event.id, "sponsor", sponsor)

    def _year_of_work(self, person: str, rng: random.Random) -> int:
        """A year in which that person was 24 to 55."""
        return min(self.births[person] + rng.randint(24, 55), _LAST_YEAR)

    def _alive_in(self, year: int, rng: random.Random) -> str | None:
        """Somebody at least 18 and not dead in that year; a few draws, else nobody."""
        for _ in range(12):
            person = self._draw("person", rng)
            if person is None:
                return None
            if self.births[person] + 18 <= year <= self.deaths.get(person, _LAST_YEAR):
                return person
        return None
