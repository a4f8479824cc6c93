"""The language of questions: how anchors, relations, clauses and whole questions are worded."""

import random
from collections.abc import Sequence

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
from vision_deepresearch.worlds.generated.routes import Arrival
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

CHAIN_FRAMES = (
    "{ask_anchor}",
    "Find {anchor}. {ask_that}",
    "Start from {anchor}. {ask_that}",
    "I photographed this scene and my eye was caught by {anchor}. {ask_that}",
    "My question is about {anchor}. {ask_that}",
    "In this scene one can make out {anchor}. {ask_that}",
    "Please identify {anchor} first. {ask_that}",
    "Look at the picture and pick out {anchor}. {ask_that}",
)
"""Whole questions about one thing: `{ask_anchor}` nests everything in one sentence."""

CONSTRAINT_FRAMES = (
    "Several {plural} can be seen here. One of them belongs to {noun_a} that {clause}. {ask_that}",
    "Of the {plural} in this picture, only one is that of {noun_a} that {clause}. {ask_that}",
    "Among the {plural} in this scene, find the one of {noun_a} that {clause}. {ask_that}",
    "Only one of the {plural} shown here stands for {noun_a} that {clause}. {ask_that}",
    "Look for the one among the {plural} whose {noun} {clause}. {ask_that}",
    "There are a few {plural} in this picture; I mean the one whose {noun} {clause}. {ask_that}",
)
"""For emblems and coats of arms, which stand for something else."""

PLAIN_CONSTRAINT_FRAMES = (
    "Several {plural} can be seen here. One of them {clause}. {ask_that}",
    "Of the {plural} in this picture, only one {clause}. {ask_that}",
    "Among the {plural} in this scene, find the one that {clause}. {ask_that}",
    "Only one of the {plural} shown here {clause}. {ask_that}",
    "Look for the one among the {plural} that {clause}. {ask_that}",
    "There are a few {plural} in this picture; I mean the one that {clause}. {ask_that}",
)
"""For things that are seen themselves."""

COMPARE_FRAMES = (
    "Compare {first} with {second} and take the one that {order}. {ask_that}",
    "Two things interest me: {first}, and {second}. Find out which {order}. {ask_that}",
    "Which {order}: {first}, or {second}? Go on with that one. {ask_that}",
    "Identify {first} as well as {second}. Keep the one that {order}. {ask_that}",
    "Take {first} and {second}. Only the one that {order} matters now. {ask_that}",
    "Between {first} and {second}, choose the one that {order}. {ask_that}",
)

NAME_IT = (
    "What is its name?",
    "What is it called?",
    "Give its name.",
    "Under which name is it known?",
    "Tell me its name.",
    "I need its name.",
)
"""The question where the compared thing itself is the answer."""


def noun_with_article(type_: EntityType) -> str:
    """For example "an organisation"."""
    noun = NOUNS[type_]
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def ask(arrivals: Sequence[Arrival], *, rng: random.Random, about: str) -> str:
    """The question for a chain of relations from a thing described as `about`.

    Where a wording names a year, it is one strictly within the time in which the fact held.
    """
    phrase = about
    for arrival in arrivals[:-1]:
        phrase = _fill(rng, rng.choice(_wordings(arrival)[0]), arrival=arrival, about=phrase)
    return _fill(rng, rng.choice(_wordings(arrivals[-1])[1]), arrival=arrivals[-1], about=phrase)


def _wordings(arrival: Arrival) -> tuple[tuple[str, ...], tuple[str, ...]]:
    relation = arrival.step.relation
    return STEPS[relation.domain, relation.name, arrival.step.inverse]


def _fill(rng: random.Random, wording: str, *, arrival: Arrival, about: str) -> str:
    since, until = arrival.fact.since, arrival.fact.until
    if since is None or until is None:
        return wording.format(x=about)
    return wording.format(x=about, year=rng.randint(since + 1, until - 1))
