"""Wordings for things that are named in a word or two: "In which year did that event begin?".

Behind a long description the verb would hang in the air, so `steps` alone serves there.
"""

from collections.abc import Mapping

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

MAX_WORDS = 4
"""Of what is asked about: "that work of art" is short."""

SHORT_PHRASES: Mapping[tuple[EntityType, str, bool], str] = {
    (ORGANISATION, "headquartered_in", False): "the town where {x} has its headquarters",
    (PERSON, "born_in", False): "the town where {x} was born",
    (PERSON, "died_in", False): "the town where {x} died",
    (PERSON, "educated_at", False): "the institution at which {x} was educated",
    (PERSON, "employer", False): "the organisation for which {x} now works",
    (BUILDING, "stands_in", False): "the town where {x} stands",
    (ARTWORK, "held_by", False): "the building in which {x} is kept",
    (ARTWORK, "former_held_by", False): "the building in which {x} was kept in {year}",
    (VESSEL, "home_port", False): "the town in which {x} is registered",
    (SETTLEMENT, "lies_on", False): "the river on which {x} lies",
    (SETTLEMENT, "former_mayor", False): "the person who was mayor of {x} in {year}",
    (EVENT, "takes_place_in", False): "the town where {x} takes place",
    (RIVER, "flows_into", False): "the river into which {x} flows",
    (RIVER, "rises_near", False): "the town near which {x} rises",
    (PRODUCT, "produced_in", False): "the town where {x} is made",
    (SPECIES, "found_near", False): "the town near which {x} is found",
    (SPECIES, "specimen_in", False): "the building in which the type specimen of {x} is kept",
    (BOOK, "set_in", False): "the town in which {x} is set",
    (BOOK, "dedicated_to", False): "the person to whom {x} is dedicated",
    (VEHICLE, "preserved_in", False): "the building in which {x} is exhibited",
    (AWARD, "presented_in", False): "the building in which {x} is presented",
}
SHORT_QUESTIONS: Mapping[tuple[EntityType, str, bool], str] = {
    (ORGANISATION, "founded_in", False): "In which year was {x} founded?",
    (ORGANISATION, "headquartered_in", False): "In which town does {x} have its headquarters?",
    (ORGANISATION, "former_led_by", False): "Who was director of {x} in {year}?",
    (ORGANISATION, "employees", False): "How many employees does {x} have?",
    (PERSON, "born_in", False): "In which town was {x} born?",
    (PERSON, "birth_year", False): "In which year was {x} born?",
    (PERSON, "death_year", False): "In which year did {x} die?",
    (PERSON, "educated_at", False): "Where was {x} educated?",
    (PERSON, "died_in", False): "In which town did {x} die?",
    (PERSON, "employer", False): "For which organisation does {x} now work?",
    (PERSON, "former_employer", False): "For which organisation did {x} work in {year}?",
    (BUILDING, "stands_in", False): "In which town does {x} stand?",
    (BUILDING, "completed_in", False): "In which year was {x} completed?",
    (BUILDING, "floors", False): "How many floors does {x} have?",
    (BUILDING, "restored_in", False): "In which year was {x} restored?",
    (ARTWORK, "created_in", False): "In which year was {x} made?",
    (ARTWORK, "held_by", False): "In which building is {x} kept?",
    (ARTWORK, "former_held_by", False): "In which building was {x} kept in {year}?",
    (VESSEL, "launched_on", False): "On which day was {x} launched?",
    (VESSEL, "home_port", False): "In which town is {x} registered?",
    (VESSEL, "former_owner", False): "Which organisation owned {x} in {year}?",
    (VESSEL, "former_captain", False): "Who commanded {x} in {year}?",
    (SETTLEMENT, "lies_on", False): "On which river does {x} lie?",
    (SETTLEMENT, "population", False): "How many inhabitants does {x} have?",
    (SETTLEMENT, "chartered_in", False): "In which year did {x} receive its charter?",
    (SETTLEMENT, "former_mayor", False): "Who was mayor of {x} in {year}?",
    (EVENT, "takes_place_in", False): "In which town does {x} take place?",
    (EVENT, "first_held_in", False): "In which year did {x} begin?",
    (EVENT, "former_sponsor", False): "Which organisation sponsored {x} in {year}?",
    (RIVER, "flows_into", False): "Into which river does {x} flow?",
    (RIVER, "rises_near", False): "Near which town does {x} rise?",
    (PRODUCT, "introduced_in", False): "In which year was {x} introduced?",
    (PRODUCT, "produced_in", False): "In which town is {x} made?",
    (SPECIES, "described_in", False): "In which year was {x} first described?",
    (SPECIES, "found_near", False): "Near which town is {x} found?",
    (SPECIES, "specimen_in", False): "In which building is the type specimen of {x} kept?",
    (BOOK, "published_in", False): "In which year was {x} published?",
    (BOOK, "pages", False): "How many pages does {x} have?",
    (BOOK, "set_in", False): "In which town is {x} set?",
    (BOOK, "dedicated_to", False): "To whom is {x} dedicated?",
    (VEHICLE, "entered_service_in", False): "In which year did {x} enter service?",
    (VEHICLE, "former_run_by", False): "Which organisation ran {x} in {year}?",
    (VEHICLE, "preserved_in", False): "In which building is {x} exhibited?",
    (AWARD, "first_given_in", False): "In which year was {x} first given?",
    (AWARD, "presented_in", False): "In which building is {x} presented?",
}
"""By the relation's domain, name and direction."""
