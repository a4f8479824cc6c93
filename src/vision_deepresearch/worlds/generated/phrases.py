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
    ORGANISATION: ("emblem", "emblems"),
    BUILDING: ("building", "buildings"),
    ARTWORK: ("work of art", "works of art"),
    VESSEL: ("ship", "ships"),
    PRODUCT: ("package", "packages"),
    SPECIES: ("specimen plate", "specimen plates"),
    BOOK: ("book cover", "book covers"),
    VEHICLE: ("vehicle", "vehicles"),
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
        "the building {where}",
        "the building shown {where}",
        "the building whose front is {where}",
    ),
    ARTWORK: (
        "the large work of art {where}",
        "the large artwork {where}",
        "the big piece of art {where}",
    ),
    VESSEL: ("the large ship {where}", "the large vessel {where}", "the big ship {where}"),
    PRODUCT: (
        "the product whose package is {where}",
        "the product in the large package {where}",
        "the brand on the large package {where}",
    ),
    SPECIES: (
        "the species on the large specimen plate {where}",
        "the species drawn on the large plate {where}",
        "the species whose specimen plate is {where}",
    ),
    BOOK: (
        "the book whose cover is {where}",
        "the book with the large cover {where}",
        "the large book {where}",
    ),
    VEHICLE: (
        "the large vehicle {where}",
        "the vehicle shown {where}",
        "the big vehicle {where}",
    ),
}
"""Badges, small prints and far-away boats hang about as clutter: "large" sets them apart."""

CLAUSES = {
    (ORGANISATION, "headquartered_in"): "has its headquarters in {v}",
    (ORGANISATION, "founded_by"): "was founded by {v}",
    (ORGANISATION, "founded_in"): "was founded in {v}",
    (ORGANISATION, "led_by"): "is headed today by {v}",
    (ORGANISATION, "former_led_by"): "was headed before by {v}",
    (ORGANISATION, "parent_company"): "is owned by {v}",
    (ORGANISATION, "mascot"): "has the {v} for a mascot",
    (SETTLEMENT, "lies_on"): "lies on {v}",
    (SETTLEMENT, "chartered_in"): "received its charter in {v}",
    (SETTLEMENT, "region"): "belongs to the region of {v}",
    (SETTLEMENT, "mayor"): "is governed by {v}",
    (SETTLEMENT, "former_mayor"): "was governed before by {v}",
    (SETTLEMENT, "honorary_citizen"): "made an honorary citizen of {v}",
    (SETTLEMENT, "heraldic_species"): "has the {v} as its heraldic species",
    (BUILDING, "stands_in"): "stands in {v}",
    (BUILDING, "designed_by"): "was designed by {v}",
    (BUILDING, "completed_in"): "was completed in {v}",
    (BUILDING, "commissioned_by"): "was commissioned by {v}",
    (BUILDING, "home_of"): "is let to {v}",
    (BUILDING, "former_home_of"): "was let before to {v}",
    (BUILDING, "restored_in"): "was restored in {v}",
    (ARTWORK, "created_by"): "was made by {v}",
    (ARTWORK, "held_by"): "is kept in {v}",
    (ARTWORK, "former_held_by"): "was kept before in {v}",
    (ARTWORK, "depicts"): "depicts {v}",
    (ARTWORK, "portrays"): "portrays {v}",
    (ARTWORK, "donated_by"): "was donated by {v}",
    (ARTWORK, "created_in"): "was made in {v}",
    (VESSEL, "built_by"): "was built by {v}",
    (VESSEL, "home_port"): "has its home port in {v}",
    (VESSEL, "former_home_port"): "had its home port before in {v}",
    (VESSEL, "christened_by"): "was christened by {v}",
    (VESSEL, "captain"): "is commanded by {v}",
    (VESSEL, "former_captain"): "was commanded before by {v}",
    (VESSEL, "owner"): "is owned by {v}",
    (VESSEL, "former_owner"): "was owned before by {v}",
    (PRODUCT, "made_by"): "is made by {v}",
    (PRODUCT, "introduced_in"): "was introduced in {v}",
    (PRODUCT, "invented_by"): "was invented by {v}",
    (PRODUCT, "produced_in"): "is produced in {v}",
    (PRODUCT, "flavoured_with"): "takes its note from the {v}",
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
    (VEHICLE, "run_by"): "is run today by {v}",
    (VEHICLE, "former_run_by"): "was run before by {v}",
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
    (BUILDING, "commissioned_by"): "a building paid for by {v}",
}
"""A neighbour of the thing, described instead of named; none for species, which the clauses name."""


def noun_with_article(type_: EntityType) -> str:
    """For example "an organisation"."""
    noun = NOUNS[type_]
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
