"""The knowledge graph of a generated world: everything that is true in it.

Pages state parts of it, pictures show its things, tasks ask for it. Read-only once made.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property

from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact, write_literal
from vision_deepresearch.worlds.generated.populate import populate
from vision_deepresearch.worlds.generated.relations import BY_DOMAIN, RELATIONS, Range, Relation
from vision_deepresearch.worlds.generated.spec import WorldSpec


class Graph:
    """All things and facts of one world."""

    def __init__(
        self,
        spec: WorldSpec,
        *,
        entities: tuple[Entity, ...],
        facts: Mapping[str, tuple[Fact, ...]],
    ) -> None:
        self.spec = spec
        self.entities: dict[str, Entity] = {entity.id: entity for entity in entities}
        """By id, in the order of ids."""
        self._facts = facts
        self._inverse: dict[tuple[str, str], list[str]] = {}
        self._besides: dict[EntityType, tuple[Entity, ...]] = {}
        for subject, subject_facts in facts.items():
            for fact in subject_facts:
                if fact.object is not None:
                    self._inverse.setdefault((fact.object, fact.predicate), []).append(subject)

    @classmethod
    def of(cls, spec: WorldSpec) -> "Graph":
        """Make the graph of a world: the same spec gives the same graph, anywhere."""
        population = populate(spec)
        return cls(spec, entities=population.entities, facts=population.facts)

    def entity(self, entity_id: str) -> Entity:
        """The thing of that id.

        Raises:
            KeyError: no such thing.
        """
        return self.entities[entity_id]

    def relation(self, subject: str, predicate: str) -> Relation:
        """The relation as it is defined for things of the subject's type.

        Raises:
            KeyError: things of that type have no such predicate.
        """
        return RELATIONS[self.entities[subject].type, predicate]

    def relations(self, subject: str) -> tuple[Relation, ...]:
        """All relations that things of its type can have."""
        return BY_DOMAIN[self.entities[subject].type]

    def facts(self, subject: str) -> tuple[Fact, ...]:
        """Everything said of a thing, in a fixed order."""
        return self._facts[subject]

    def facts_of(self, subject: str, predicate: str) -> tuple[Fact, ...]:
        """What is said of a thing under one predicate."""
        # A dozen facts are looked through faster than all of a world's are indexed.
        facts = self._facts.get(subject, ())
        return tuple(fact for fact in facts if fact.predicate == predicate)

    def fact(self, subject: str, predicate: str) -> Fact | None:
        """The only fact of that predicate; None when there is none or there are several."""
        found: Fact | None = None
        for fact in self._facts.get(subject, ()):
            if fact.predicate == predicate:
                if found is not None:
                    return None
                found = fact
        return found

    def write(self, fact: Fact, *, style: int = 0) -> str:
        """The fact's value as text: a canonical name, or a literal in a style."""
        if fact.object is not None:
            return self.entities[fact.object].name
        assert fact.literal is not None, f"a fact without value: {fact!r}"
        relation = self.relation(fact.subject, fact.predicate)
        return write_literal(fact.literal, relation=relation, style=style)

    def write_claim(self, fact: Fact, *, style: int = 0) -> str:
        """The value as a `Claim` of a page that writes it in that style: numbers canonically."""
        relation = self.relation(fact.subject, fact.predicate)
        return self.write(fact, style=0 if relation.range is Range.NUMBER else style)

    def value(self, subject: str, predicate: str) -> str | None:
        """The only value as canonical text, or None."""
        fact = self.fact(subject, predicate)
        return None if fact is None else self.write(fact)

    def subjects(self, object_id: str, predicate: str) -> tuple[str, ...]:
        """Ids of what stands in the relation *to* a thing, in order of ids."""
        return tuple(self._inverse.get((object_id, predicate), ()))

    def inverse(self, object_id: str, predicate: str) -> str | None:
        """The only thing that stands in the relation to this one, or None."""
        subjects = self.subjects(object_id, predicate)
        return subjects[0] if len(subjects) == 1 else None

    def of_type(self, type_: EntityType) -> tuple[Entity, ...]:
        """All things of a type, in order of ids."""
        return self._by_type[type_]

    def place_in_type(self, entity_id: str) -> int:
        """Where a thing stands among all of its type, from 0."""
        return self._places[entity_id]

    def pictured(self) -> tuple[Entity, ...]:
        """All things that have a reference picture, in order of ids."""
        return self._pictured

    def known_by_sight(self) -> tuple[Entity, ...]:
        """Those of them that image search knows, in order of ids."""
        return self._pictured[: self.spec.num_pictures]

    def sighted_of_type(self, type_: EntityType) -> tuple[Entity, ...]:
        """All things of a type that image search knows, in order of ids."""
        return self._sighted_by_type[type_]

    def pictured_besides(self, type_: EntityType) -> tuple[Entity, ...]:
        """All things of other types that have a reference picture, in order of ids."""
        if type_ not in self._besides:
            self._besides[type_] = tuple(one for one in self._pictured if one.type is not type_)
        return self._besides[type_]

    def named(self, name: str) -> tuple[Entity, ...]:
        """All things with that canonical name or alias, whatever its case."""
        return tuple(self._by_name.get(name.casefold(), ()))

    def is_homonym(self, entity_id: str) -> bool:
        """Whether another thing goes by its canonical name."""
        return len(self.named(self.entities[entity_id].name)) > 1

    def lookalikes(self, entity_id: str) -> tuple[str, ...]:
        """Ids of things whose picture is nearly this one's, either way round."""
        model = self.entities[entity_id].lookalike_of
        doubles = self._doubles.get(entity_id, ())
        return (*doubles, model) if model is not None else tuple(doubles)

    def title(self, entity_id: str) -> str:
        """The name, with a word in parentheses where it alone would not do."""
        return self._titles[entity_id]

    def slug(self, entity_id: str) -> str:
        """A path segment of ASCII letters, digits and underscores, unique in the world."""
        return self._slugs[entity_id]

    def describe(self, entity_id: str) -> str:
        """What it is in a word or two, for example "shipyard" or "painter"."""
        entity = self.entities[entity_id]
        if entity.type is EntityType.PERSON:
            return self.value(entity_id, "occupation") or "person"
        return entity.kind or ("town" if entity.type is EntityType.SETTLEMENT else "river")

    def order_of(self, fact: Fact) -> int:
        """A number by which values of one predicate compare.

        Raises:
            ValueError: values of this predicate have no order.
        """
        if isinstance(fact.literal, int):
            return fact.literal
        relation = self.relation(fact.subject, fact.predicate)
        if relation.range is Range.DATE and fact.literal is not None:
            return int(fact.literal.replace("-", ""))
        msg = f"values of {fact.predicate!r} have no order: compare years, dates or numbers"
        raise ValueError(msg)

    @cached_property
    def _by_type(self) -> dict[EntityType, tuple[Entity, ...]]:
        everything = self.entities.values()
        return {
            type_: tuple(entity for entity in everything if entity.type is type_)
            for type_ in EntityType
        }

    @cached_property
    def _places(self) -> dict[str, int]:
        return {
            entity.id: place
            for alike in self._by_type.values()
            for place, entity in enumerate(alike)
        }

    @cached_property
    def _pictured(self) -> tuple[Entity, ...]:
        return tuple(entity for entity in self.entities.values() if entity.type.carries_picture)

    @cached_property
    def _sighted_by_type(self) -> dict[EntityType, tuple[Entity, ...]]:
        if self.spec.num_pictures is None:
            return self._by_type
        known = self.known_by_sight()
        return {type_: tuple(one for one in known if one.type is type_) for type_ in EntityType}

    @cached_property
    def _by_name(self) -> dict[str, list[Entity]]:
        names: dict[str, list[Entity]] = {}
        for entity in self.entities.values():
            for name in dict.fromkeys(n.casefold() for n in (entity.name, *entity.aliases)):
                names.setdefault(name, []).append(entity)
        return names

    @cached_property
    def _doubles(self) -> dict[str, list[str]]:
        doubles: dict[str, list[str]] = {}
        for entity in self.entities.values():
            if entity.lookalike_of is not None:
                doubles.setdefault(entity.lookalike_of, []).append(entity.id)
        return doubles

    @cached_property
    def _titles(self) -> dict[str, str]:
        titles: dict[str, str] = {}
        taken: set[str] = set()
        for entity in self.entities.values():
            title = entity.name
            if self.is_homonym(entity.id):
                title = f"{entity.name} ({self._tell_apart(entity)})"
            if title in taken:
                title = f"{title[:-1]}, no. {len(taken)})" if title.endswith(")") else title
            taken.add(title)
            titles[entity.id] = title
        return titles

    def _tell_apart(self, entity: Entity) -> str:
        word = self.describe(entity.id)
        year = self.value(entity.id, "birth_year") or self.value(entity.id, "chartered_in")
        region = self.value(entity.id, "region")
        where = f"{word} in {region}" if region else word
        return f"{where}, {year}" if year else where

    @cached_property
    def _slugs(self) -> dict[str, str]:
        slugs: dict[str, str] = {}
        taken: set[str] = set()
        for entity_id in self.entities:
            slug = _slugify(self.title(entity_id))
            if slug.casefold() in taken:
                slug = f"{slug}_{entity_id}"
            taken.add(slug.casefold())
            slugs[entity_id] = slug
        return slugs


def _slugify(title: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", ascii_text).strip("_")
