"""Sentences that say what else a thing is called."""

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import ARTWORK, BOOK, PERSON, SPECIES, VESSEL

ALIASES = (
    "{S} is also known as {v}.",
    "{S} also goes by the name of {v}.",
    "{P} other name is {v}.",
    "{S} is called {v} for short.",
    "In everyday speech, {s} is {v}.",
    "Older texts speak of {v} and mean {s}.",
    "Some sources write {v} instead of {s}.",
    "{S} appears in some records as {v}.",
    "The name {v} refers to {s} too.",
    "{S} answers to a second name, {v}.",
    "Locals usually say {v} when they mean {s}.",
    "{S} is listed in directories under {v} as well.",
)
ALIASES_OF: dict[EntityType, tuple[str, ...]] = {
    PERSON: (
        "{S} usually signed as {v}.",
        "{S} was also known as {v}.",
        "Newspapers printed the name of {s} as {v}.",
        "{P} letters are signed {v}.",
        "In the files {s} appears as {v}.",
        "{S} appears in print as {v}.",
        "The doorplate of {s} read {v}.",
        "Colleagues referred to {s} as {v}.",
        "Catalogues abbreviate the name of {s} to {v}.",
        "{S} is indexed under {v}.",
    ),
    SPECIES: (
        "{P} learned name is {v}.",
        "{S} is known to science as {v}.",
        "In Latin, {s} is called {v}.",
        "Botanists and zoologists alike write {v} for {s}.",
        "The learned name of {s} is {v}.",
        "{S} bears the learned name {v}.",
        "Museum labels give {s} as {v}.",
        "{S} stands in the system of nature as {v}.",
        "Specialists prefer the name {v} to {s}.",
    ),
    VESSEL: (
        "{P} full style is {v}.",
        "{S} is entered in the lists as {v}.",
        "With her prefix, {s} is {v}.",
        "Radio operators call {s} by the style {v}.",
        "{S} is written {v} in full.",
        "The log book of {s} is headed {v}.",
        "{S} signs in at ports as {v}.",
        "Timetables print {s} as {v}.",
        "{S} also appears as {v}.",
    ),
    ARTWORK: (
        "{S} is often cited as {v}.",
        "Without its article, {s} is listed as {v}.",
        "{P} short title is {v}.",
        "Dealers speak of {s} simply as {v}.",
        "{S} is filed under {v}.",
        "Postcards call {s} {v}.",
        "{S} is also known as {v}.",
        "Indexes sort {s} as {v}.",
    ),
    BOOK: (
        "{S} is often cited as {v}.",
        "{P} short title is {v}.",
        "Library cards enter {s} as {v}.",
        "{S} is shelved under {v}.",
        "Readers shorten {s} to {v}.",
        "{S} is quoted in footnotes as {v}.",
        "The spine of {s} says {v}.",
        "{S} is also known as {v}.",
    ),
}
"""Where a type has ways of its own; the others share `ALIASES`."""
