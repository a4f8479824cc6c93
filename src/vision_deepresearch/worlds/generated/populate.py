"""Fills a generated world with things: their types, kinds, names and look-alikes.

Order matters only where a name must be free. The facts that hold between them: `settling`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.names import KINDS, Name, NameMaker
from vision_deepresearch.worlds.generated.settling import settle
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_SHARES = (
    (EntityType.PERSON, 0.33),
    (EntityType.SETTLEMENT, 0.10),
    (EntityType.ORGANISATION, 0.11),
    (EntityType.BUILDING, 0.08),
    (EntityType.ARTWORK, 0.07),
    (EntityType.VESSEL, 0.055),
    (EntityType.PRODUCT, 0.045),
    (EntityType.SPECIES, 0.035),
    (EntityType.BOOK, 0.045),
    (EntityType.VEHICLE, 0.04),
    (EntityType.EVENT, 0.035),
    (EntityType.RIVER, 0.03),
    (EntityType.AWARD, 0.025),
)
"""Persons are what most relations lead to; things with a picture make up 58 %."""

_HOMONYM_TYPES = (EntityType.PERSON, EntityType.SETTLEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All things of a world, in the order of their ids, and all facts, by subject."""

    entities: tuple[Entity, ...]
    facts: Mapping[str, tuple[Fact, ...]]


def populate(spec: WorldSpec) -> Population:
    """Make the things and facts of a world. Some 15,000 things a second."""
    entities = _make_entities(spec)
    return Population(entities=entities, facts=settle(spec, entities))


# ------------------------------------------------------------------------------------- entities


def _make_entities(spec: WorldSpec) -> tuple[Entity, ...]:
    rng = rng_for(spec.root, "entities", spec.num_entities)
    types = _deal_types(spec.num_entities, rng)
    names = NameMaker(rng_for(spec.root, "names", spec.num_entities), split=spec.split)
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
        case EntityType.RIVER:
            return names.river()
        case EntityType.ARTWORK:
            return names.artwork()
        case _:
            return names.of_kind(type_, kind)


def _with_lookalikes(
    entities: list[Entity], *, spec: WorldSpec, rng: random.Random
) -> tuple[Entity, ...]:
    """Give a share of the pictured things a look-alike of their own type and kind."""
    pictured = [index for index, entity in enumerate(entities) if entity.type.carries_picture]
    rng.shuffle(pictured)
    alike: dict[tuple[EntityType, str], list[int]] = {}
    for index in reversed(pictured):
        alike.setdefault((entities[index].type, entities[index].kind), []).append(index)
    wanted = round(spec.p_lookalike * len(pictured))
    paired: set[int] = set()
    for model in pictured:
        if len(paired) >= 2 * wanted:
            break
        waiting = alike[entities[model].type, entities[model].kind]
        while waiting and (waiting[-1] in paired or waiting[-1] == model):
            waiting.pop()
        if model in paired or not waiting:
            continue
        double = waiting.pop()
        entities[double] = replace(entities[double], lookalike_of=entities[model].id)
        paired |= {model, double}
    return tuple(entities)
