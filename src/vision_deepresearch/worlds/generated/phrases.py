"""The language of questions: how anchors, relations and clauses are worded; `frames` has the rest."""

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import (
    ARTWORK,
    AWARD,
    BOOK,
    BUILDING,
    EVENT,
    ORGANISATION,
    PERSON,
    PRODUCT,
    RIVER,
    SETTLEMENT,
    SPECIES,
    VEHICLE,
    VESSEL,
)
from vision_deepresearch.worlds.generated.steps import STEPS as STEPS

NOUNS = {
    PERSON: "person",
    SETTLEMENT: "town",
    ORGANISATION: "organisation",
    BUILDING: "building",
    ARTWORK: "work of art",
    VESSEL: "ship",
    EVENT: "event",
    RIVER: "river",
    PRODUCT: "product",
    SPECIES: "species",
    BOOK: "book",
    VEHICLE: "vehicle",
    AWARD: "award",
}
"""What a thing is called once it was introduced: "that town"."""

VISIBLE = {
    SETTLEMENT: ("coat of arms", "coats of arms"),
    ORGANISATION: ("large emblem", "large emblems"),
    BUILDING: ("large building", "large buildings"),
    ARTWORK: ("large work of art", "large works of art"),
    VESSEL: ("large ship", "large ships"),
    PRODUCT: ("package", "packages"),
    SPECIES: ("specimen plate", "specimen plates"),
    BOOK: ("book cover", "book covers"),
    VEHICLE: ("large vehicle", "large vehicles"),
}
"""What one sees of it, one and several."""

ANCHORS = {
    SETTLEMENT: (
        "the town whose coat of arms is {where}",
        "the town that bears the coat of arms {where}",
        "the town behind the coat of arms {where}",
    ),
    ORGANISATION: (
        "the organisation whose large emblem is {where}",
        "the organisation behind the large emblem {where}",
        "the organisation that uses the large emblem {where}",
    ),
    BUILDING: (
        "the large building {where}",
        "the big building {where}",
        "the large building whose front is {where}",
    ),
    ARTWORK: (
        "the large work of art {where}",
        "the large artwork {where}",
        "the big work of art {where}",
    ),
    VESSEL: ("the large ship {where}", "the large ship shown {where}", "the big ship {where}"),
    PRODUCT: (
        "the product whose large package is {where}",
        "the product in the large package {where}",
        "the brand on the large package {where}",
    ),
    SPECIES: (
        "the species on the large specimen plate {where}",
        "the species drawn on the large specimen plate {where}",
        "the species whose large specimen plate is {where}",
    ),
    BOOK: (
        "the book whose large cover is {where}",
        "the book with the large cover {where}",
        "the large book {where}",
    ),
    VEHICLE: (
        "the large vehicle {where}",
        "the large vehicle shown {where}",
        "the big vehicle {where}",
    ),
}
"""Badges, small prints and far-away boats hang about as clutter: "large" sets them apart."""

CLAUSES = {
    (ORGANISATION, "headquartered_in"): "has its headquarters in {v}",
    (ORGANISATION, "founded_by"): "was founded by {v}",
    (ORGANISATION, "founded_in"): "was founded in {v}",
    (ORGANISATION, "led_by"): "is today headed by {v}",
    (ORGANISATION, "former_led_by"): "was formerly headed by {v}",
    (ORGANISATION, "parent_company"): "is owned by {v}",
    (ORGANISATION, "mascot"): "has as its mascot the {v}",
    (SETTLEMENT, "lies_on"): "lies on {v}",
    (SETTLEMENT, "chartered_in"): "received its charter in {v}",
    (SETTLEMENT, "region"): "belongs to the region of {v}",
    (SETTLEMENT, "mayor"): "is governed by {v}",
    (SETTLEMENT, "former_mayor"): "was formerly governed by {v}",
    (SETTLEMENT, "honorary_citizen"): "made {v} an honorary citizen",
    (SETTLEMENT, "heraldic_species"): "has as its heraldic species the {v}",
    (BUILDING, "stands_in"): "stands in {v}",
    (BUILDING, "designed_by"): "was designed by {v}",
    (BUILDING, "completed_in"): "was completed in {v}",
    (BUILDING, "commissioned_by"): "was commissioned by {v}",
    (BUILDING, "home_of"): "is let to {v}",
    (BUILDING, "former_home_of"): "was formerly let to {v}",
    (BUILDING, "restored_in"): "was restored in {v}",
    (ARTWORK, "created_by"): "was made by {v}",
    (ARTWORK, "held_by"): "is kept in {v}",
    (ARTWORK, "former_held_by"): "was formerly kept in {v}",
    (ARTWORK, "depicts"): "depicts {v}",
    (ARTWORK, "portrays"): "portrays {v}",
    (ARTWORK, "donated_by"): "was donated by {v}",
    (ARTWORK, "created_in"): "was made in {v}",
    (VESSEL, "built_by"): "was built by {v}",
    (VESSEL, "home_port"): "has its home port in {v}",
    (VESSEL, "former_home_port"): "formerly had its home port in {v}",
    (VESSEL, "christened_by"): "was christened by {v}",
    (VESSEL, "captain"): "is commanded by {v}",
    (VESSEL, "former_captain"): "was formerly commanded by {v}",
    (VESSEL, "owner"): "is owned by {v}",
    (VESSEL, "former_owner"): "was formerly owned by {v}",
    (PRODUCT, "made_by"): "is made by {v}",
    (PRODUCT, "introduced_in"): "was introduced in {v}",
    (PRODUCT, "invented_by"): "was invented by {v}",
    (PRODUCT, "produced_in"): "is produced in {v}",
    (PRODUCT, "flavoured_with"): "is flavoured with the {v}",
    (SPECIES, "described_by"): "was first described by {v}",
    (SPECIES, "described_in"): "was first described in {v}",
    (SPECIES, "found_near"): "is found near {v}",
    (SPECIES, "specimen_in"): "has its type specimen in {v}",
    (BOOK, "written_by"): "was written by {v}",
    (BOOK, "published_by"): "was published by {v}",
    (BOOK, "published_in"): "was published in {v}",
    (BOOK, "set_in"): "is set in {v}",
    (BOOK, "illustrated_by"): "was illustrated by {v}",
    (BOOK, "dedicated_to"): "is dedicated to {v}",
    (VEHICLE, "assembled_by"): "was assembled by {v}",
    (VEHICLE, "run_by"): "is today run by {v}",
    (VEHICLE, "former_run_by"): "was formerly run by {v}",
    (VEHICLE, "entered_service_in"): "entered service in {v}",
    (VEHICLE, "engineered_by"): "was engineered by {v}",
    (VEHICLE, "preserved_in"): "is exhibited in {v}",
}
"""What narrows a thing down, as a clause behind "that"."""

PARAPHRASES = {
    (SETTLEMENT, "lies_on"): "a town on {v}",
    (SETTLEMENT, "region"): "a town in the region of {v}",
    (SETTLEMENT, "mayor"): "a town governed by {v}",
    (PERSON, "born_in"): "somebody born in {v}",
    (PERSON, "died_in"): "somebody who died in {v}",
    (PERSON, "educated_at"): "a former pupil of {v}",
    (PERSON, "teacher"): "a pupil of {v}",
    (PERSON, "employer"): "somebody who works for {v}",
    (PERSON, "occupation"): "a person known as {v}",
    (ORGANISATION, "headquartered_in"): "an organisation based in {v}",
    (ORGANISATION, "founded_by"): "an organisation founded by {v}",
    (ORGANISATION, "parent_company"): "an organisation owned by {v}",
    (BUILDING, "stands_in"): "a building in {v}",
    (BUILDING, "designed_by"): "a building by {v}",
    (BUILDING, "commissioned_by"): "a building commissioned by {v}",
}
"""A neighbour of the thing, described instead of named; none for species, which the clauses name."""


def noun_with_article(type_: EntityType) -> str:
    """For example "an organisation"."""
    noun = NOUNS[type_]
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
