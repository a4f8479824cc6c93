"""Whole questions: the sentences that anchors, clauses and chains of relations are put into.

Each split has frames of its own, so that a model trained on one never met the sentences of
another. A frame has an id, which a task keeps among its strata.

    {anchor} {first} {second}   a thing of the picture, by its place
    {plural} {noun} {noun_a}    what is seen, what it stands for: "emblems", "an organisation"
    {clause} {order} {where}    what only one thing fulfils, behind "that"
    {link}                      what several things fulfil: "was designed by the founder of ..."
    {x}                         what the first steps of a chain lead to
    {ask_anchor} {ask_that}     the question proper, about the anchor or "that town"
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.routes import Arrival
from vision_deepresearch.worlds.generated.short_steps import (
    MAX_WORDS,
    SHORT_PHRASES,
    SHORT_QUESTIONS,
)

_DEEP = 2
"""Relations one inside the other, from which on a sentence ends."""
_P_EARLY = 0.25
"""Of shorter phrases, the share that has a sentence of its own all the same."""
_P_SHORT = 0.6


class FrameKind(StrEnum):
    """What a frame is for."""

    CHAIN = "chain"
    """One thing of the picture, by its place."""
    CLAUSE = "clause"
    """One thing among several, by a clause: things that are seen themselves."""
    EMBLEM = "emblem"
    """The same for emblems and coats of arms, which stand for something else."""
    COMPARE = "compare"
    JOIN = "join"
    """Several things linked to what the picture shows, one of which fulfils a clause."""
    TWO = "two"
    """A thing linked to two things of the picture."""
    LEAD = "lead"
    """A sentence of its own for the first steps of a long chain."""
    NAME = "name"
    """The end of a question whose answer is the thing itself."""
    PHOTO = "photo"
    """A sentence for the photo on the article about what a chain leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The sentences of one whole question, with holes."""

    id: str
    """For example "train/chain/3"."""
    text: str


_TEXTS: dict[str, dict[FrameKind, tuple[str, ...]]] = {
    "train": {
        FrameKind.CHAIN: (
            "{ask_anchor}",
            "Find {anchor}. {ask_that}",
            "Start from {anchor}. {ask_that}",
            "I photographed this scene and my eye was caught by {anchor}. {ask_that}",
            "My question is about {anchor}. {ask_that}",
            "In this scene one can make out {anchor}. {ask_that}",
            "Please identify {anchor}. {ask_that}",
            "Look at the picture and pick out {anchor}. {ask_that}",
            "A friend sent me this picture and pointed at {anchor}. {ask_that}",
            "Of all that is to be seen here, only {anchor} interests me. {ask_that}",
            "Take {anchor} as your starting point. {ask_that}",
            "Everything hangs on {anchor}. {ask_that}",
            "The picture shows many things; go by {anchor}. {ask_that}",
            "You will need to recognise {anchor}. {ask_that}",
        ),
        FrameKind.EMBLEM: (
            (
                "Several {plural} can be seen here. Only one of them belongs to {noun_a} that "
                "{clause}. {ask_that}"
            ),
            (
                "Of the {plural} in this picture, only one is that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
            "Among the {plural} in this scene, find the one of {noun_a} that {clause}. {ask_that}",
            "Only one of the {plural} shown here belongs to {noun_a} that {clause}. {ask_that}",
            "Look for the one among the {plural} whose {noun} {clause}. {ask_that}",
            (
                "There are a few {plural} in this picture; I mean the one whose {noun} {clause}. "
                "{ask_that}"
            ),
            (
                "Look closely at the {plural}: exactly one belongs to {noun_a} that {clause}. "
                "{ask_that}"
            ),
            "Work out which of the {plural} belongs to {noun_a} that {clause}. {ask_that}",
            (
                "Compare the {plural} in this scene. Exactly one is that of {noun_a} that "
                "{clause}. {ask_that}"
            ),
            "Go through the {plural} until you come to that of {noun_a} that {clause}. {ask_that}",
            "One of the {plural} in view is that of {noun_a} that {clause}. {ask_that}",
            "Check the {plural} one by one; just one is that of {noun_a} that {clause}. {ask_that}",
        ),
        FrameKind.CLAUSE: (
            "Several {plural} can be seen here. Only one of them {clause}. {ask_that}",
            "Of the {plural} in this picture, only one {clause}. {ask_that}",
            "Among the {plural} in this scene, find the one that {clause}. {ask_that}",
            "Only one of the {plural} shown here {clause}. {ask_that}",
            "Look for the one among the {plural} that {clause}. {ask_that}",
            "There are a few {plural} in this picture; I mean the one that {clause}. {ask_that}",
            "Look closely at the {plural}: exactly one {clause}. {ask_that}",
            "Work out which of the {plural} {clause}. {ask_that}",
            "Compare the {plural} in this scene. Exactly one {clause}. {ask_that}",
            "Go through the {plural} until you come to the one that {clause}. {ask_that}",
            "One of the {plural} in view {clause}. {ask_that}",
            "Check the {plural} one by one; just one {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Compare {first} with {second} and take the one that {order}. {ask_that}",
            "Two things interest me: {first}, and {second}. Find out which {order}. {ask_that}",
            "Work out which {order}: {first} or {second}. {ask_that}",
            "Identify {first} as well as {second}. Keep the one that {order}. {ask_that}",
            "Take {first} and {second}. Only the one that {order} matters now. {ask_that}",
            "Between {first} and {second}, choose the one that {order}. {ask_that}",
            "You can see {first} and {second}. Use the one that {order}. {ask_that}",
            "Set {first} against {second}. The winner is the one that {order}. {ask_that}",
            "Look up {first}, then {second}, and see which {order}. {ask_that}",
            "I want to follow up either {first} or {second}, whichever {order}. {ask_that}",
            "Of {first} and {second}, only the one that {order} counts. {ask_that}",
            "Decide between {first} and {second}: which {order}? {ask_that}",
        ),
        FrameKind.JOIN: (
            "More than one {noun} {link}. Take the one that {where}. {ask_that}",
            "Find the {noun} that {link} and that {where}. {ask_that}",
            "I am looking for {noun_a}: it {link}, and it {where}. {ask_that}",
            "There is more than one {noun} that {link}. Just one of them {where}. {ask_that}",
            "Not every {noun} that {link} is meant, only the one that {where}. {ask_that}",
            "Think of {noun_a} that {link}. There is more than one; mine {where}. {ask_that}",
            "Which {noun} that {link} also {where}? {ask_that}",
            "Take every {noun} that {link} and keep the one that {where}. {ask_that}",
            "Draw up a list: each {noun} that {link}. Exactly one of them {where}. {ask_that}",
            (
                "Pick out the {noun} that {link} and, unlike any other such {noun}, {where}. "
                "{ask_that}"
            ),
            "Someone told me of {noun_a} that {link} and that {where}. {ask_that}",
            "The {noun} I have in mind {link}, and it also {where}. {ask_that}",
        ),
        FrameKind.TWO: (
            "Find the {noun} that {link} and that {where}. {ask_that}",
            "Two things in this picture lead to one {noun}: it {link}, and it {where}. {ask_that}",
            "Which {noun} both {link} and {where}? {ask_that}",
            "There is just one {noun} that {link} and also {where}. {ask_that}",
            "Bring two hints together. The {noun} {link}. It also {where}. {ask_that}",
            "Use the picture twice: look for the {noun} that {link} and that {where}. {ask_that}",
            "More than one {noun} {link}, but only one of them {where}. {ask_that}",
            "Behind two things shown here hides {noun_a}: it {link}, and it {where}. {ask_that}",
            (
                "Look for what two things here have in common: {noun_a} that {link} and {where}. "
                "{ask_that}"
            ),
            "I am after the {noun} that {where} and that {link}. {ask_that}",
            "Both hints are in the picture: the {noun} {link} and {where}. {ask_that}",
            "The {noun} in question {where}; besides, it {link}. {ask_that}",
        ),
        FrameKind.LEAD: (
            "Find {x}.",
            "Identify {x}.",
            "Look for {x}.",
            "Look up {x}.",
            "Trace {x}.",
            "Pin down {x}.",
            "Search for {x}.",
            "Find out about {x}.",
            "Seek out {x}.",
            "Try to find {x}.",
            "You will need {x}.",
            "Discover {x}.",
        ),
        FrameKind.NAME: (
            "What is its name?",
            "What is it called?",
            "Give its name.",
            "Under which name is it known?",
            "Tell me its name.",
            "Please name it.",
        ),
        FrameKind.PHOTO: (
            "The encyclopedia's article about {x} shows a photo without a caption; go by {seen}.",
            (
                "Open the encyclopedia's article about {x} and find, in the photo that has no "
                "caption, {seen}."
            ),
            (
                "In the encyclopedia, the article about {x} has a photo of which nothing is "
                "said. Go on, in that photo, from {seen}."
            ),
            "The encyclopedia's page about {x} carries an unlabelled photo, which shows {seen}.",
            (
                "On the encyclopedia's page about {x} there is a photo without any caption. "
                "Recognise {seen}."
            ),
            "Look at the captionless photo in the encyclopedia's article about {x}: I mean {seen}.",
            (
                "A photo without a caption stands in the encyclopedia's article about {x}. "
                "Pick out {seen}."
            ),
            "See the uncaptioned photo in the encyclopedia's article about {x}, and in it {seen}.",
            (
                "No caption explains the photo in the encyclopedia's article about {x}; it "
                "shows {seen}."
            ),
            "The photo on the encyclopedia's page about {x} has no caption, yet it shows {seen}.",
            (
                "Take the photo without a caption in the encyclopedia's article about {x}. "
                "There, find {seen}."
            ),
            (
                "What to look for next is {seen}, in the photo without a caption of the "
                "encyclopedia's article about {x}."
            ),
        ),
    },
    "validation": {
        FrameKind.CHAIN: (
            "Something about {anchor} puzzles me. {ask_that}",
            "Let us talk about {anchor}. {ask_that}",
            "Try to identify {anchor}. {ask_that}",
            "The starting point lies in the picture: {anchor}. {ask_that}",
            "Ignore the rest and study {anchor}. {ask_that}",
            "Do you recognise {anchor}? {ask_that}",
        ),
        FrameKind.EMBLEM: (
            (
                "More than one of the {plural} might be meant, but only one is that of {noun_a} "
                "that {clause}. {ask_that}"
            ),
            "Whose are the {plural} here? One is that of {noun_a} that {clause}. {ask_that}",
            "Single out, from the {plural}, that of {noun_a} that {clause}. {ask_that}",
            "With so many {plural} about, only that of {noun_a} that {clause} counts. {ask_that}",
            "Consider the {plural}: exactly one is that of {noun_a} that {clause}. {ask_that}",
        ),
        FrameKind.CLAUSE: (
            "More than one of the {plural} might be meant, but only one {clause}. {ask_that}",
            "What do we know of the {plural} here? Only one {clause}. {ask_that}",
            "Single out, from the {plural}, the one that {clause}. {ask_that}",
            "With so many {plural} about, only the one that {clause} counts. {ask_that}",
            "Consider the {plural}: exactly one {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Weigh {first} against {second}; we want the one that {order}. {ask_that}",
            (
                "On one hand there is {first}, on the other {second}. Prefer the one that {order}. "
                "{ask_that}"
            ),
            "Of these two, {first} and {second}, keep the one that {order}. {ask_that}",
            "Let {first} compete with {second}: the one that {order} wins. {ask_that}",
            "Determine whether {first} or {second} {order}, and use it from here on. {ask_that}",
        ),
        FrameKind.JOIN: (
            "Consider each {noun} that {link}; the right one {where}. {ask_that}",
            "Only {noun_a} that {link} will do, and it must be the one that {where}. {ask_that}",
            "Suppose you list each {noun} that {link}; choose the one that {where}. {ask_that}",
            "If {noun_a} {link} and moreover {where}, it is the one I mean. {ask_that}",
            "Wanted: {noun_a} that {link} and also {where}. {ask_that}",
        ),
        FrameKind.TWO: (
            "One and the same {noun} {link} and {where}. {ask_that}",
            "Two clues lead to {noun_a}: it {link}, and it {where}. {ask_that}",
            "Two hints meet in {noun_a} that {where} and that {link}. {ask_that}",
            "Search for the {noun} that {link}, provided that it {where}. {ask_that}",
            "Only one {noun} satisfies both: it {where}, and it {link}. {ask_that}",
        ),
        FrameKind.LEAD: (
            "Go to {x}.",
            "Track down {x}.",
            "Make out {x}.",
            "You should find {x}.",
            "Get to {x}.",
        ),
        FrameKind.NAME: (
            "State its name.",
            "What name does it have?",
            "By what name does it go?",
            "Its name, please.",
            "Which name does it bear?",
        ),
        FrameKind.PHOTO: (
            (
                "Turn to the photo with no words below it in the encyclopedia's entry for {x}, "
                "to {seen}."
            ),
            (
                "The encyclopedia's entry for {x} holds a nameless photo; what matters there "
                "is {seen}."
            ),
            (
                "Read nothing, but look: the entry for {x} in the encyclopedia has a bare "
                "photo with {seen}."
            ),
            "In the photo that the encyclopedia's entry for {x} leaves unexplained, note {seen}.",
            "Let the wordless photo in the encyclopedia's entry for {x} lead you on, by {seen}.",
        ),
    },
    "test": {
        FrameKind.CHAIN: (
            "Here is what I want to know about {anchor}. {ask_that}",
            "Somewhere in this view is {anchor}. {ask_that}",
            "Concentrate on {anchor}. {ask_that}",
            "Walking past, I noticed {anchor}. {ask_that}",
            "Begin with {anchor}, and leave all else aside. {ask_that}",
            "What follows concerns {anchor}. {ask_that}",
        ),
        FrameKind.EMBLEM: (
            "You see some {plural}. The one to use is that of {noun_a} that {clause}. {ask_that}",
            "Which of the {plural} goes with {noun_a} that {clause}? Use it. {ask_that}",
            "Let the {plural} be your guide: one belongs to {noun_a} that {clause}. {ask_that}",
            (
                "By research one can tell which of the {plural} is that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
            (
                "Only one of the {plural} interests me, namely that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
        ),
        FrameKind.CLAUSE: (
            "You see some {plural}. The one to use {clause}. {ask_that}",
            "Which of the {plural} {clause}? Use it. {ask_that}",
            "Let the {plural} be your guide: one {clause}. {ask_that}",
            "By research one can tell which of the {plural} {clause}. {ask_that}",
            "Only one of the {plural} interests me, namely the one that {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Put {first} beside {second}. Continue with whichever {order}. {ask_that}",
            "The subject is whichever {order}, be it {first} or {second}. {ask_that}",
            "Pair up {first} and {second}; I am asking about the one that {order}. {ask_that}",
            "Read up on {first} and on {second}, and retain the one that {order}. {ask_that}",
            "Find out, of {first} and {second}, which one {order}. {ask_that}",
        ),
        FrameKind.JOIN: (
            "Each {noun} that {link} is a candidate; the right candidate {where}. {ask_that}",
            "I mean the {noun} that {link} and {where}. {ask_that}",
            "Narrow it down: {noun_a} that {link}, and then the one that {where}. {ask_that}",
            "Which {noun} that {link} is the one that {where}? {ask_that}",
            (
                "Search for each {noun} that {link}, then drop all but the one that {where}. "
                "{ask_that}"
            ),
        ),
        FrameKind.TWO: (
            "What is needed is {noun_a}. It {link}, and it {where}. {ask_that}",
            "Combine two clues about one {noun}: it {where}, and it {link}. {ask_that}",
            "Two things shown here share {noun_a}, which {link} and {where}. {ask_that}",
            "The {noun} that is meant {link}; moreover, it {where}. {ask_that}",
            "Two things shown here point to {noun_a} that {link} and that {where}. {ask_that}",
        ),
        FrameKind.LEAD: (
            "Determine {x}.",
            "Locate {x}.",
            "Establish {x}.",
            "Work out {x}.",
            "Set out to find {x}.",
        ),
        FrameKind.NAME: (
            "By what name do people know it?",
            "Write down its name.",
            "What name was it given?",
            "I would like to know its name.",
            "Say what it is called.",
        ),
        FrameKind.PHOTO: (
            (
                "What the encyclopedia writes on {x} comes with a photo it does not explain: "
                "note {seen} there."
            ),
            (
                "Beside its text on {x} the encyclopedia prints a photo without comment; "
                "choose {seen}."
            ),
            "A mute photo illustrates the encyclopedia's text on {x}. Single out {seen}.",
            (
                "The encyclopedia illustrates its text on {x} by a photo it says nothing of; "
                "use {seen}."
            ),
            "A picture in the encyclopedia's text on {x} has no legend: work with {seen} in it.",
        ),
    },
}

FRAMES: Mapping[tuple[str, FrameKind], tuple[Frame, ...]] = {
    (split, kind): tuple(
        Frame(id=f"{split}/{kind.value}/{number}", text=text) for number, text in enumerate(texts)
    )
    for split, by_kind in _TEXTS.items()
    for kind, texts in by_kind.items()
}
"""By split and kind."""

MORE_CLAUSES: Mapping[tuple[EntityType, str], str] = {
    (EntityType.PERSON, "born_in"): "was a native of {v}",
    (EntityType.PERSON, "educated_at"): "was educated at {v}",
    (EntityType.PERSON, "birth_year"): "was born in {v}",
    (EntityType.PERSON, "death_year"): "died in {v}",
    (EntityType.PERSON, "occupation"): "was {v}",
    (EntityType.EVENT, "takes_place_in"): "takes place in {v}",
    (EntityType.EVENT, "initiated_by"): "was started by {v}",
    (EntityType.EVENT, "sponsor"): "is sponsored by {v}",
    (EntityType.EVENT, "first_held_in"): "was first held in {v}",
    (EntityType.RIVER, "flows_into"): "flows into {v}",
    (EntityType.ORGANISATION, "led_by"): "is today headed by {v}",
    (EntityType.SETTLEMENT, "mayor"): "is governed by {v}",
}
"""Clauses for things that are told apart on a route, not in the picture."""

_WITH_NOUN = frozenset({
    EntityType.ARTWORK,
    EntityType.BOOK,
    EntityType.PRODUCT,
    EntityType.SPECIES,
    EntityType.VEHICLE,
    EntityType.VESSEL,
})
_BANDS = {
    "population": "has between {low} and {high} inhabitants",
    "employees": "has between {low} and {high} employees",
    "height": "is between {low} and {high} metres high",
    "length": "is between {low} and {high} metres long",
    "river_length": "is between {low} and {high} kilometres long",
}


PLAIN = Frame(id="plain", text="Find {anchor}. {ask_that}")
"""The one frame of worlds with plain questions: all splits have it."""


def frames_of(split: str, kind: FrameKind) -> tuple[Frame, ...]:
    """The frames of a split for one kind of question."""
    return FRAMES[split, kind]


def clause_for(type_: EntityType, predicate: str) -> str | None:
    """The clause with a hole `{v}` that says a relation of a thing; None: there is none."""
    key = (type_, predicate)
    return phrases.CLAUSES.get(key) or MORE_CLAUSES.get(key)


def band_words(predicate: str, *, low: int, high: int) -> str | None:
    """The clause that says that a number lies between two; None: the relation has no such words."""
    words = _BANDS.get(predicate)
    return words.format(low=f"{low:,}", high=f"{high:,}") if words else None


def put(template: str, words: str) -> str:
    """A clause with its hole filled; an article stands once: "has the {v}" and "that species"."""
    if words.startswith(("the ", "that ")):
        template = template.replace("the {v}", "{v}")
    return template.format(v=words)


def replaced(text: str, name: str, words: str) -> str:
    """A clause with a name replaced by a description; an article stands once."""
    if words.startswith("the "):
        text = text.replace(f"the {name}", name)
    return text.replace(name, words)


def with_article(words: str) -> str:
    """For example "an organisation"."""
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"


def relative(type_: EntityType) -> str:
    """The pronoun of a clause about a thing of that type."""
    return "who" if type_ is EntityType.PERSON else "that"


def shown_name(name: str) -> str:
    """A name as it stands in the middle of a sentence."""
    return f"the {name}" if name.startswith("River ") else name


def named(entity: Entity) -> str:
    """A thing by its name, with a noun before it where the name does not say what it is."""
    noun = f"the {phrases.NOUNS[entity.type]} " if entity.type in _WITH_NOUN else ""
    return f"{noun}{shown_name(entity.name)}"


def noun_phrase(arrival: Arrival, *, rng: random.Random, about: str) -> str | None:
    """What a step leads to, as part of a longer phrase; None: it cannot be put so."""
    nouns = wordings(arrival)[0]
    if not nouns:
        return None
    return _fill(_worded(nouns, SHORT_PHRASES, arrival, rng=rng, about=about), arrival, rng, about)


def ask(
    arrivals: Sequence[Arrival],
    *,
    rng: random.Random,
    about: str,
    leads: Sequence[Frame] = (),
) -> str:
    """The question for a chain of relations from a thing described as `about`.

    With `leads` to choose from, a long chain is told in several sentences.
    """
    steps, about = lead_in(arrivals[:-1], rng=rng, about=about, leads=leads)
    last = arrivals[-1]
    question = _worded(wordings(last)[1], SHORT_QUESTIONS, last, rng=rng, about=about)
    return " ".join([*steps, _fill(question, last, rng, about)])


def lead_in(
    arrivals: Sequence[Arrival],
    *,
    rng: random.Random,
    about: str,
    leads: Sequence[Frame],
    ends_short: bool = False,
) -> tuple[list[str], str]:
    """Sentences for the steps before the last, and the words for what they lead to.

    A sentence ends where its phrase grows long, if what is reached then has a noun that nothing
    before it had: "that person" must be one person.

    Args:
        arrivals: the steps, all of which lead to a thing.
        rng: draws the wordings.
        about: what they start from.
        leads: frames of the sentences; none: everything is one phrase.
        ends_short: whether the last step too is to be a noun to come back to.
    """
    told: list[str] = []
    nouns = {noun for noun in phrases.NOUNS.values() if re.search(rf"\b{noun}\b", about)}
    depth = 0 if _is_short(about) else 1
    for number, arrival in enumerate(arrivals):
        longer = noun_phrase(arrival, rng=rng, about=about)
        assert longer is not None, "steps with words are chosen"
        about, depth = longer, depth + 1
        noun = phrases.NOUNS[type_reached(arrival)]
        is_long = depth >= _DEEP or rng.random() < _P_EARLY
        must_end = ends_short and number == len(arrivals) - 1
        if leads and noun not in nouns and (is_long or must_end):
            told.append(rng.choice(leads).text.format(x=about))
            about, depth = f"that {noun}", 0
        nouns.add(noun)
    return told, about


def type_reached(arrival: Arrival) -> EntityType:
    """The type of the thing that a step leads to."""
    relation = arrival.step.relation
    reached = relation.domain if arrival.step.inverse else relation.target
    assert reached is not None, "a step inside a chain leads to a thing"
    return reached


def wordings(arrival: Arrival) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How a step is put: inside a longer phrase, and as the question."""
    return phrases.STEPS.get(_key(arrival), ((), ()))


def is_wordable(arrival: Arrival, *, is_last: bool) -> bool:
    """Whether a step can be put into words where it stands."""
    return bool(wordings(arrival)[1 if is_last else 0])


def _key(arrival: Arrival) -> tuple[EntityType, str, bool]:
    relation = arrival.step.relation
    return relation.domain, relation.name, arrival.step.inverse


def _is_short(about: str) -> bool:
    return len(about.split()) <= MAX_WORDS


def _worded(
    wordings: tuple[str, ...],
    short: Mapping[tuple[EntityType, str, bool], str],
    arrival: Arrival,
    *,
    rng: random.Random,
    about: str,
) -> str:
    """One wording; of a thing named in a few words, half of the time the one with its verb last."""
    brief = short.get(_key(arrival))
    if brief is not None and _is_short(about) and rng.random() < _P_SHORT:
        return brief
    return rng.choice(wordings)


def _fill(wording: str, arrival: Arrival, rng: random.Random, about: str) -> str:
    if "{year}" not in wording:
        return wording.format(x=about)
    return wording.format(x=about, year=_year_within(arrival, rng))


def _year_within(arrival: Arrival, rng: random.Random) -> int:
    """A year in which the fact held, neither its first nor its last where there is a choice."""
    since, until = arrival.fact.since, arrival.fact.until
    assert since is not None, "only what has ended is dated in a question"
    assert until is not None, "only what has ended is dated in a question"
    return rng.randint(since + 1, until - 1) if until - since >= 2 else since
