"""Whole questions: the sentences that anchors, clauses and chains of relations are put into.

Each split has frames of its own, so that a model trained on one never met the sentences of
another. A frame has an id, which a task keeps among its strata.

    {anchor} {first} {second}   a thing of the picture, by its place
    {plural} {noun} {noun_a}    what is seen, what it stands for: "emblems", "an organisation"
    {clause} {order} {where}    what only one thing fulfils, behind "that"
    {link}                      what several things fulfil: "was designed by the founder of ..."
    {that}                      "who" for people, else "that"
    {ask_anchor} {ask_that}     the question proper, about the anchor or "that town"
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.routes import Arrival


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
    NAME = "name"
    """The end of a question whose answer is the thing itself."""


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
            "Please identify {anchor} first. {ask_that}",
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
                "Several {plural} can be seen here. One of them belongs to {noun_a} that {clause}. "
                "{ask_that}"
            ),
            (
                "Of the {plural} in this picture, only one is that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
            "Among the {plural} in this scene, find the one of {noun_a} that {clause}. {ask_that}",
            "Only one of the {plural} shown here stands for {noun_a} that {clause}. {ask_that}",
            "Look for the one among the {plural} whose {noun} {clause}. {ask_that}",
            (
                "There are a few {plural} in this picture; I mean the one whose {noun} {clause}. "
                "{ask_that}"
            ),
            "Not all {plural} here are alike: one stands for {noun_a} that {clause}. {ask_that}",
            "Work out which of the {plural} belongs to {noun_a} that {clause}. {ask_that}",
            (
                "The {plural} in this scene have different owners. One is {noun_a} that {clause}. "
                "{ask_that}"
            ),
            "Go through the {plural} until you meet {noun_a} that {clause}. {ask_that}",
            "One of the {plural} in view is used by {noun_a} that {clause}. {ask_that}",
            "Check every one of the {plural}; just one is of {noun_a} that {clause}. {ask_that}",
        ),
        FrameKind.CLAUSE: (
            "Several {plural} can be seen here. One of them {clause}. {ask_that}",
            "Of the {plural} in this picture, only one {clause}. {ask_that}",
            "Among the {plural} in this scene, find the one that {clause}. {ask_that}",
            "Only one of the {plural} shown here {clause}. {ask_that}",
            "Look for the one among the {plural} that {clause}. {ask_that}",
            "There are a few {plural} in this picture; I mean the one that {clause}. {ask_that}",
            "Not all {plural} here are alike: one {clause}. {ask_that}",
            "Work out which of the {plural} {clause}. {ask_that}",
            "The {plural} in this scene have different stories. One {clause}. {ask_that}",
            "Go through the {plural} until you meet the one that {clause}. {ask_that}",
            "One of the {plural} in view {clause}. {ask_that}",
            "Check every one of the {plural}; just one {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Compare {first} with {second} and take the one that {order}. {ask_that}",
            "Two things interest me: {first}, and {second}. Find out which {order}. {ask_that}",
            "Which {order}: {first}, or {second}? Go on with that one. {ask_that}",
            "Identify {first} as well as {second}. Keep the one that {order}. {ask_that}",
            "Take {first} and {second}. Only the one that {order} matters now. {ask_that}",
            "Between {first} and {second}, choose the one that {order}. {ask_that}",
            "Here are {first} and {second}. One of the two {order}; stay with it. {ask_that}",
            "Set {first} against {second}. The winner is the one that {order}. {ask_that}",
            "Look up {first}, then {second}, and see which {order}. {ask_that}",
            "I want to follow up either {first} or {second}, whichever {order}. {ask_that}",
            "Both {first} and {second} may matter, but only one {order}. {ask_that}",
            "Decide between {first} and {second}: which {order}? {ask_that}",
        ),
        FrameKind.JOIN: (
            "More than one {noun} {link}. Take the one that {where}. {ask_that}",
            "Find {noun_a} that {link} and that {where}. {ask_that}",
            "I look for {noun_a}: it {link}, and it {where}. {ask_that}",
            "There are several cases in which {noun_a} {link}. Just one {where}. {ask_that}",
            "Not every {noun} that {link} is meant, but the one that {where}. {ask_that}",
            "Think of {noun_a} that {link}. There are a few; mine {where}. {ask_that}",
            "Which {noun} that {link} also {where}? Stay with that one. {ask_that}",
            (
                "Of everything that fits the words '{noun_a} that {link}', keep what {where}. "
                "{ask_that}"
            ),
            "Draw up a list: each {noun} that {link}. A single entry {where}. {ask_that}",
            "Pick out the {noun} that {link} and, unlike the others, {where}. {ask_that}",
            "Someone told me of {noun_a} that {link} and {where}. {ask_that}",
            "The {noun} I have in mind {link}, and of those it is the one that {where}. {ask_that}",
        ),
        FrameKind.TWO: (
            "Find the {noun} that {link} and that {where}. {ask_that}",
            "Two things in this picture lead to one {noun}: it {link}, and it {where}. {ask_that}",
            "Which {noun} both {link} and {where}? Go on from there. {ask_that}",
            "There is just one {noun} that {link} and also {where}. {ask_that}",
            "Bring two hints together. The {noun} {link}. It also {where}. {ask_that}",
            (
                "Use the picture twice: the {noun} that {link} must be the one that {where}. "
                "{ask_that}"
            ),
            "My {noun} {link}. That leaves several, but only one {where}. {ask_that}",
            "A {noun} hides behind two things shown here: it {link}, it {where}. {ask_that}",
            (
                "Look for what two things here have in common: a {noun} that {link} and {where}. "
                "{ask_that}"
            ),
            "I am after the {noun} that {where} and that {link}. {ask_that}",
            "Both hints are in the picture: the {noun} {link} and {where}. {ask_that}",
            "The {noun} in question {where}; besides, it {link}. {ask_that}",
        ),
        FrameKind.NAME: (
            "What is its name?",
            "What is it called?",
            "Give its name.",
            "Under which name is it known?",
            "Tell me its name.",
            "I need its name.",
        ),
    },
    "validation": {
        FrameKind.CHAIN: (
            "Something about {anchor} puzzles me. {ask_that}",
            "Let us talk about {anchor}. {ask_that}",
            "First work out what this is: {anchor}. {ask_that}",
            "The starting point lies in the picture: {anchor}. {ask_that}",
            "Ignore the rest and study {anchor}. {ask_that}",
            "Can you tell what is shown here as {anchor}? {ask_that}",
        ),
        FrameKind.EMBLEM: (
            (
                "The picture holds more than one of these {plural}; the right one is of {noun_a} that "
                "{clause}. {ask_that}"
            ),
            "Whose are the {plural} here? One is of {noun_a} that {clause}. {ask_that}",
            "Single out, from the {plural}, that of {noun_a} that {clause}. {ask_that}",
            "With so many {plural} about, only that of {noun_a} that {clause} counts. {ask_that}",
            "Consider the {plural}: behind one of them is {noun_a} that {clause}. {ask_that}",
        ),
        FrameKind.CLAUSE: (
            "The picture holds more than one of these {plural}; the right one {clause}. {ask_that}",
            "What do we know of the {plural} here? One {clause}. {ask_that}",
            "Single out, from the {plural}, the one that {clause}. {ask_that}",
            "With so many {plural} about, only the one that {clause} counts. {ask_that}",
            "Consider the {plural}: exactly one {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Weigh {first} against {second}; what {order} is what we want. {ask_that}",
            "On one hand there is {first}, on the other {second}. Prefer what {order}. {ask_that}",
            "Of these two, {first} and {second}, one {order}. {ask_that}",
            "Let {first} compete with {second}: what {order} wins. {ask_that}",
            "Determine whether {first} or {second} {order}, and use it from here on. {ask_that}",
        ),
        FrameKind.JOIN: (
            "Consider each {noun} that {link}; the right one {where}. {ask_that}",
            "Only {noun_a} that {link} will do, and of those the one that {where}. {ask_that}",
            "Some {noun} or other {link}, in fact several do; choose what {where}. {ask_that}",
            "If {noun_a} {link} and moreover {where}, it is the one. {ask_that}",
            "What is wanted {where}, and it is {noun_a} that {link}. {ask_that}",
        ),
        FrameKind.TWO: (
            "The same {noun} {link} and {where}. {ask_that}",
            "From two sides one gets to a {noun}: it {link}; it {where}. {ask_that}",
            "Where two hints meet: a {noun} that {where}, and that {link}. {ask_that}",
            "Name to yourself the {noun} that {link}, provided that it {where}. {ask_that}",
            "Only one {noun} satisfies both: it {where}, and it {link}. {ask_that}",
        ),
        FrameKind.NAME: (
            "State its name.",
            "How is it named?",
            "By what name does it go?",
            "Its name, please.",
            "Which name does it bear?",
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
            "You see some {plural}. The one to use represents {noun_a} that {clause}. {ask_that}",
            "Which of the {plural} goes with {noun_a} that {clause}? Use it. {ask_that}",
            "Let the {plural} be your guide: one represents {noun_a} that {clause}. {ask_that}",
            (
                "By research one can tell which of the {plural} is that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
            (
                "I care for one of the {plural} alone, namely that of {noun_a} that {clause}. "
                "{ask_that}"
            ),
        ),
        FrameKind.CLAUSE: (
            "You see some {plural}. The one to use {clause}. {ask_that}",
            "Which of the {plural} {clause}? Use it. {ask_that}",
            "Let the {plural} be your guide: one {clause}. {ask_that}",
            "By research one can tell which of the {plural} {clause}. {ask_that}",
            "I care for one of the {plural} alone, namely the one that {clause}. {ask_that}",
        ),
        FrameKind.COMPARE: (
            "Put {first} beside {second}. Continue with whichever {order}. {ask_that}",
            "Whichever {order}, be it {first} or {second}, is the subject. {ask_that}",
            "Pair up {first} and {second}; the one that {order} is asked about. {ask_that}",
            "Read up on {first} and on {second}, and retain the one that {order}. {ask_that}",
            "Suppose you had to say which {order}, {first} or {second}. {ask_that}",
        ),
        FrameKind.JOIN: (
            "Each {noun} that {link} is a candidate; the right candidate {where}. {ask_that}",
            "I mean {noun_a} that {link} and {where}. {ask_that}",
            "Narrow it down: {noun_a}, it {link}, and finally it {where}. {ask_that}",
            "Which {noun} that {link} {where} as well? {ask_that}",
            (
                "Search for each {noun} that {link}, then drop all but the one that {where}. "
                "{ask_that}"
            ),
        ),
        FrameKind.TWO: (
            "What is needed is a {noun}. It {link}. It {where}. {ask_that}",
            "Cross two clues about one {noun}: it {where}, and it {link}. {ask_that}",
            "Two things shown here share a {noun}, which {link} and {where}. {ask_that}",
            "Only when it {link} and {where} is it the {noun} that is meant. {ask_that}",
            "Both lead to a {noun} that {link}, and that {where}. {ask_that}",
        ),
        FrameKind.NAME: (
            "How does one call it?",
            "Write down its name.",
            "What name was it given?",
            "The question is its name.",
            "Say what it is called.",
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
    (EntityType.PERSON, "born_in"): "was born in {v}",
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

_BANDS = {
    "population": "has between {low} and {high} inhabitants",
    "employees": "has between {low} and {high} employees",
    "height": "is between {low} and {high} metres high",
    "length": "is between {low} and {high} metres long",
    "river_length": "is between {low} and {high} kilometres long",
}


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
    """A clause with its hole filled; an article stands once: "has the {v}" and "the species"."""
    if words.startswith("the "):
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


def noun_phrase(arrival: Arrival, *, rng: random.Random, about: str) -> str | None:
    """What a step leads to, as part of a longer phrase; None: it cannot be put so."""
    nouns = wordings(arrival)[0]
    if not nouns:
        return None
    return _fill(rng.choice(nouns), arrival, rng=rng, about=about)


def ask(arrivals: Sequence[Arrival], *, rng: random.Random, about: str) -> str:
    """The question for a chain of relations from a thing described as `about`."""
    phrase = about
    for arrival in arrivals[:-1]:
        phrase = _fill(rng.choice(wordings(arrival)[0]), arrival, rng=rng, about=phrase)
    last = arrivals[-1]
    return _fill(rng.choice(wordings(last)[1]), last, rng=rng, about=phrase)


def wordings(arrival: Arrival) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How a step is put: inside a longer phrase, and as the question."""
    relation = arrival.step.relation
    return phrases.STEPS.get((relation.domain, relation.name, arrival.step.inverse), ((), ()))


def is_wordable(arrival: Arrival, *, is_last: bool) -> bool:
    """Whether a step can be put into words where it stands."""
    return bool(wordings(arrival)[1 if is_last else 0])


def _fill(wording: str, arrival: Arrival, *, rng: random.Random, about: str) -> str:
    if "{year}" not in wording:
        return wording.format(x=about)
    return wording.format(x=about, year=_year_within(arrival, rng))


def _year_within(arrival: Arrival, rng: random.Random) -> int:
    """A year in which the fact held, neither its first nor its last where there is a choice."""
    since, until = arrival.fact.since, arrival.fact.until
    assert since is not None, "only what has ended is dated in a question"
    assert until is not None, "only what has ended is dated in a question"
    return rng.randint(since + 1, until - 1) if until - since >= 2 else since
