"""The language of questions: how anchors, relations, clauses and whole questions are worded."""

import random
from collections.abc import Sequence

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import (
    ARTWORK,
    BUILDING,
    EVENT,
    ORGANISATION,
    PERSON,
    RIVER,
    SETTLEMENT,
    VESSEL,
)
from vision_deepresearch.worlds.generated.routes import Arrival

NOUNS = {
    PERSON: "person",
    SETTLEMENT: "town",
    ORGANISATION: "organisation",
    BUILDING: "building",
    ARTWORK: "work of art",
    VESSEL: "ship",
    EVENT: "event",
    RIVER: "river",
}
"""What a thing is called once it was introduced: "that town"."""

VISIBLE = {
    SETTLEMENT: ("coat of arms", "coats of arms"),
    ORGANISATION: ("emblem", "emblems"),
    BUILDING: ("building", "buildings"),
    ARTWORK: ("work of art", "works of art"),
    VESSEL: ("ship", "ships"),
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
}
"""Badges, small prints and far-away boats hang about as clutter: "large" sets them apart."""

STEPS: dict[tuple[EntityType, str, bool], tuple[tuple[str, ...], tuple[str, ...]]] = {
    (ORGANISATION, "founded_by", False): (
        ("the founder of {x}", "the person who founded {x}"),
        ("Who founded {x}?", "Who was the founder of {x}?"),
    ),
    (ORGANISATION, "founded_in", False): (
        (),
        ("Which year saw the foundation of {x}?", "What is the founding year of {x}?"),
    ),
    (ORGANISATION, "headquartered_in", False): (
        ("the town that houses the headquarters of {x}", "the home town of {x}"),
        ("Which town houses the headquarters of {x}?", "Which town is the seat of {x}?"),
    ),
    (ORGANISATION, "employees", False): (
        (),
        ("How many people work for {x}?", "What is the number of employees of {x}?"),
    ),
    (ORGANISATION, "led_by", False): (
        ("the present director of {x}", "the person who today heads {x}"),
        ("Who is at present the head of {x}?", "Who is the director of {x}?"),
    ),
    (PERSON, "born_in", False): (
        ("the birthplace of {x}", "the town that saw the birth of {x}"),
        ("What is the birthplace of {x}?", "Which town is the birthplace of {x}?"),
    ),
    (PERSON, "birth_year", False): (
        (),
        ("Which year saw the birth of {x}?", "What is the year of birth of {x}?"),
    ),
    (PERSON, "death_year", False): (
        (),
        ("Which year saw the death of {x}?", "What is the year of death of {x}?"),
    ),
    (PERSON, "educated_at", False): (
        ("the school attended by {x}", "the institution that educated {x}"),
        ("Which institution educated {x}?", "What is the alma mater of {x}?"),
    ),
    (PERSON, "spouse", False): (
        ("the spouse of {x}", "the person married to {x}"),
        ("Who was married to {x}?", "Who was the spouse of {x}?"),
    ),
    (BUILDING, "designed_by", False): (
        ("the architect of {x}", "the person who designed {x}"),
        ("Who designed {x}?", "Who was the architect of {x}?"),
    ),
    (BUILDING, "stands_in", False): (
        ("the town that is home to {x}", "the town that surrounds {x}"),
        ("Which town is home to {x}?", "Which town is the location of {x}?"),
    ),
    (BUILDING, "completed_in", False): (
        (),
        ("Which year saw the completion of {x}?", "What is the year of completion of {x}?"),
    ),
    (BUILDING, "height", False): (
        (),
        ("How many metres high is {x}?", "What is the height in metres of {x}?"),
    ),
    (BUILDING, "commissioned_by", False): (
        ("the organisation that commissioned {x}", "the organisation that paid for {x}"),
        ("Which organisation commissioned {x}?", "Which organisation paid for {x}?"),
    ),
    (ARTWORK, "created_by", False): (
        ("the artist who made {x}", "the creator of {x}"),
        ("Who made {x}?", "Which artist created {x}?"),
    ),
    (ARTWORK, "created_in", False): (
        (),
        ("Which year saw the creation of {x}?", "What is the year of origin of {x}?"),
    ),
    (ARTWORK, "held_by", False): (
        ("the building that houses {x}", "the building that holds {x}"),
        ("Which building houses {x}?", "Which building holds {x}?"),
    ),
    (ARTWORK, "depicts", False): (
        ("the town depicted in {x}", "the town that is the subject of {x}"),
        ("Which town is depicted in {x}?", "What town is the subject of {x}?"),
    ),
    (VESSEL, "built_by", False): (
        ("the yard that built {x}", "the builder of {x}"),
        ("Which yard built {x}?", "Who was the builder of {x}?"),
    ),
    (VESSEL, "launched_on", False): (
        (),
        ("What is the date of the launch of {x}?", "What is the exact launch date of {x}?"),
    ),
    (VESSEL, "home_port", False): (
        ("the home port of {x}", "the port of registry of {x}"),
        ("What is the home port of {x}?", "Which town is the port of registry of {x}?"),
    ),
    (VESSEL, "christened_by", False): (
        ("the person who christened {x}", "the godparent of {x}"),
        ("Who christened {x}?", "Who was the godparent of {x}?"),
    ),
    (VESSEL, "length", False): (
        (),
        ("How many metres long is {x}?", "What is the length in metres of {x}?"),
    ),
    (SETTLEMENT, "lies_on", False): (
        ("the river that flows through {x}", "the river that runs past {x}"),
        ("Which river runs past {x}?", "Which river flows through {x}?"),
    ),
    (SETTLEMENT, "population", False): (
        (),
        ("How many people live in {x}?", "What is the population of {x}?"),
    ),
    (SETTLEMENT, "mayor", False): (
        ("the mayor of {x}", "the person who is mayor of {x}"),
        ("Who is the mayor of {x}?", "Which mayor governs {x}?"),
    ),
    (SETTLEMENT, "chartered_in", False): (
        (),
        (
            "In which year was a charter granted to {x}?",
            "Which year is on the charter of {x}?",
        ),
    ),
    (EVENT, "takes_place_in", False): (
        ("the town that hosts {x}", "the venue of {x}"),
        ("Which town is the venue of {x}?", "Which town hosts {x}?"),
    ),
    (EVENT, "first_held_in", False): (
        (),
        (
            "What is the year of the first edition of {x}?",
            "Which year saw the first edition of {x}?",
        ),
    ),
    (EVENT, "initiated_by", False): (
        ("the person who started {x}", "the initiator of {x}"),
        ("Who started {x}?", "Who was the initiator of {x}?"),
    ),
    (EVENT, "sponsor", False): (
        ("the sponsor of {x}", "the organisation that sponsors {x}"),
        ("Which organisation sponsors {x}?", "Who is the sponsor of {x}?"),
    ),
    (RIVER, "river_length", False): (
        (),
        ("How many kilometres long is {x}?", "What is the length in kilometres of {x}?"),
    ),
    (RIVER, "flows_into", False): (
        ("the river that receives {x}", "the river that takes up {x}"),
        (
            "What is the name of the river that takes up {x}?",
            "Which river takes up the waters of {x}?",
        ),
    ),
    (ORGANISATION, "founded_by", True): (
        ("the organisation founded by {x}",),
        (
            "Which organisation was founded by {x}?",
            "What organisation owes its foundation to {x}?",
        ),
    ),
    (ORGANISATION, "led_by", True): (
        ("the organisation now directed by {x}",),
        ("Which organisation is headed by {x}?", "Which organisation is now directed by {x}?"),
    ),
    (BUILDING, "designed_by", True): (
        ("the building designed by {x}",),
        ("Which building was designed by {x}?", "Which building is the work of {x}?"),
    ),
    (ARTWORK, "created_by", True): (
        ("the work of art made by {x}",),
        ("Which work of art was made by {x}?", "What work of art is by {x}?"),
    ),
    (VESSEL, "christened_by", True): (
        ("the ship christened by {x}",),
        ("Which ship was christened by {x}?", "What ship was named by {x}?"),
    ),
    (SETTLEMENT, "mayor", True): (
        ("the town governed by {x}",),
        ("Which town is governed by {x}?", "What is the name of the town governed by {x}?"),
    ),
    (EVENT, "initiated_by", True): (
        ("the event started by {x}",),
        ("Which event was started by {x}?", "What event goes back to {x}?"),
    ),
}
"""By the relation's domain, name and direction: as part of a longer phrase, and as the question.

The thing described comes last in each, so that a chain of them never leaves a verb dangling behind
a long description.
"""

CLAUSES = {
    (ORGANISATION, "headquartered_in"): "has its headquarters in {v}",
    (ORGANISATION, "founded_by"): "was founded by {v}",
    (ORGANISATION, "founded_in"): "was founded in {v}",
    (SETTLEMENT, "lies_on"): "lies on {v}",
    (SETTLEMENT, "chartered_in"): "received its charter in {v}",
    (SETTLEMENT, "region"): "belongs to the region of {v}",
    (BUILDING, "stands_in"): "stands in {v}",
    (BUILDING, "designed_by"): "was designed by {v}",
    (BUILDING, "completed_in"): "was completed in {v}",
    (BUILDING, "commissioned_by"): "was commissioned by {v}",
    (ARTWORK, "created_by"): "was made by {v}",
    (ARTWORK, "held_by"): "is kept in {v}",
    (ARTWORK, "depicts"): "depicts {v}",
    (ARTWORK, "created_in"): "was made in {v}",
    (VESSEL, "built_by"): "was built by {v}",
    (VESSEL, "home_port"): "has its home port in {v}",
    (VESSEL, "christened_by"): "was christened by {v}",
}
"""What narrows a thing down, as a clause behind "that"."""

PARAPHRASES = {
    (SETTLEMENT, "lies_on"): "a town on {v}",
    (SETTLEMENT, "region"): "a town in the region of {v}",
    (PERSON, "born_in"): "somebody born in {v}",
    (PERSON, "educated_at"): "a former pupil of {v}",
    (PERSON, "occupation"): "a person known as {v}",
    (ORGANISATION, "headquartered_in"): "an organisation based in {v}",
    (BUILDING, "stands_in"): "a building in {v}",
    (BUILDING, "designed_by"): "a building by {v}",
}
"""A neighbour of the thing, described instead of named."""

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
    """The question for a chain of relations from a thing described as `about`."""
    phrase = about
    for arrival in arrivals[:-1]:
        phrase = rng.choice(_wordings(arrival)[0]).format(x=phrase)
    return rng.choice(_wordings(arrivals[-1])[1]).format(x=phrase)


def _wordings(arrival: Arrival) -> tuple[tuple[str, ...], tuple[str, ...]]:
    relation = arrival.step.relation
    return STEPS[relation.domain, relation.name, arrival.step.inverse]
