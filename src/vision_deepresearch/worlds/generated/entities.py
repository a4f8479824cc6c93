"""The things of a generated world, and where they stand in pictures.

Visual identity is carried by things that are planar or parametric, hence drawable and matchable.
"""

from dataclasses import dataclass
from enum import StrEnum


class EntityType(StrEnum):
    """What a thing is."""

    PERSON = "person"
    SETTLEMENT = "settlement"
    ORGANISATION = "organisation"
    BUILDING = "building"
    ARTWORK = "artwork"
    VESSEL = "vessel"
    EVENT = "event"
    RIVER = "river"
    PRODUCT = "product"
    """Packaged goods: a tin, a box, a bottle with its label."""
    SPECIES = "species"
    """An animal or a plant, on a specimen plate."""
    BOOK = "book"
    VEHICLE = "vehicle"
    """A locomotive, a tram, an airship: what has a livery and runs on a line."""
    AWARD = "award"

    @property
    def carries_picture(self) -> bool:
        """Whether things of this type have a distinctive emblem, facade, livery or surface."""
        return self in {
            EntityType.SETTLEMENT,  # coat of arms
            EntityType.ORGANISATION,  # emblem
            EntityType.BUILDING,  # facade
            EntityType.ARTWORK,  # poster or painting
            EntityType.VESSEL,  # livery and flag
            EntityType.PRODUCT,  # package
            EntityType.SPECIES,  # specimen plate
            EntityType.BOOK,  # cover
            EntityType.VEHICLE,  # livery
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One thing with its names."""

    id: str
    """Stable, for example "e0042"."""
    type: EntityType
    name: str
    aliases: tuple[str, ...] = ()
    lookalike_of: str | None = None
    """Id of the thing whose picture this one's nearly equals."""
    kind: str = ""
    """In a word or two, for example "shipyard"; "" for persons, towns and rivers."""
    pronoun: str = "It"
    """How a page refers to it at the head of a sentence."""
    popularity: float = 0.0
    """0..1: how often others refer to it and how many pages it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """A cluttered picture: which things are in it, and in which setting."""

    id: str
    layout: str
    """For example "market", "harbour", "poster_wall", "street"; drawn by `scenes`."""
    entity_ids: tuple[str, ...]
    """Things with pictures that stand in it; every one gets a box."""
