"""Every sentence that states a fact is read back, to the same value, as that relation alone."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.generated.worlds_for_tests import a_graph, some_pages
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.facts import (
    NUM_STYLES,
    Fact,
    read_number,
    write_literal,
)
from vision_deepresearch.worlds.generated.frames import FRAMES, MORE_CLAUSES
from vision_deepresearch.worlds.generated.grammar import (
    INVERSE_REALISATIONS,
    REALISATIONS,
    alias_realisations_of,
    can_use_pronoun,
    fill,
    realisations_of,
)
from vision_deepresearch.worlds.generated.phrases import (
    ANCHORS,
    CLAUSES,
    NOUNS,
    PARAPHRASES,
    STEPS,
    VISIBLE,
)
from vision_deepresearch.worlds.generated.reading import Question, read_statement
from vision_deepresearch.worlds.generated.relations import (
    BY_DOMAIN,
    FORMER,
    RELATIONS,
    Range,
    Relation,
)
from vision_deepresearch.worlds.generated.short_steps import SHORT_PHRASES, SHORT_QUESTIONS

FREQUENT = 12
"""Realisations of what nearly every article says."""


@dataclass(frozen=True)
class Stated:
    """A sentence, and what it states."""

    text: str
    subject: Entity
    relation: Relation
    inverse: bool
    value: str


def a_value(relation: Relation, *, inverse: bool, number: int) -> str:
    """A value as the graph would have it."""
    graph = a_graph()
    if inverse or relation.target is not None:
        things = graph.of_type(relation.domain if inverse else relation.target or relation.domain)
        return things[(number + 3) % len(things)].name
    match relation.range:
        case Range.YEAR:
            return str(1831 + number)
        case Range.DATE:
            return f"{1 + number % 27} May {1870 + number}"
        case Range.NUMBER:
            literal = (3, 12, 214, 9800, 38_000)[number % 5]
            return write_literal(literal, relation=relation, style=number % 3)
        case _ if relation.name == "region":
            return "Quelmark"
        case _ if relation.name == "kind":
            return a_graph().of_type(relation.domain)[number % 5].kind
        case _:
            return ("sea captain", "engineer", "actor")[number % 3]


def statements(domain: EntityType) -> Iterator[Stated]:
    """Every realisation about things of a type, by name and by pronoun."""
    graph = a_graph()
    told = [(relation, False) for relation in BY_DOMAIN[domain]]
    told += [(r, True) for r in RELATIONS.values() if r.inverse_label and r.target is domain]
    things = graph.of_type(domain)
    for relation, inverse in told:
        sentences = realisations_of(relation.domain, relation.name, inverse=inverse)
        for number, sentence in enumerate(sentences):
            subject = things[number % len(things)]
            value = a_value(relation, inverse=inverse, number=number)
            fact = Fact(subject=subject.id, predicate=relation.name, since=1988, until=1996)
            for pronoun in (False, True)[: 1 + can_use_pronoun(sentence)]:
                text = fill(sentence, subject=subject, value=value, pronoun=pronoun, fact=fact)
                written = text.replace("{v}", value)
                assert not re.search(r"[{}]", written), sentence
                yield Stated(written, subject, relation, inverse, value)


def read(stated: Stated, *, relation: Relation, inverse: bool) -> str | None:
    question = Question(
        names=(stated.subject.name, *stated.subject.aliases),
        slug="",
        domain=relation.domain,
        predicate=relation.name,
        inverse=inverse,
    )
    return read_statement(f"# {stated.subject.name}\nSomebody noted it. {stated.text}", question)


@pytest.mark.parametrize("domain", list(EntityType))
def test_every_sentence_is_read_as_its_relation_and_as_no_other(domain: EntityType) -> None:
    told = [(relation, False) for relation in BY_DOMAIN[domain]]
    told += [(r, True) for r in RELATIONS.values() if r.inverse_label and r.target is domain]
    for stated in statements(domain):
        expected = stated.value
        if stated.relation.range is Range.NUMBER:
            expected = read_number(expected, relation=stated.relation)
        got = read(stated, relation=stated.relation, inverse=stated.inverse)
        assert got == expected, (stated.text, stated.relation.name)
        for other, inverse in told:
            if (other, inverse) != (stated.relation, stated.inverse):
                value = read(stated, relation=other, inverse=inverse)
                assert value is None, (stated.text, other.name, value)


@pytest.mark.parametrize("domain", list(EntityType))
def test_a_sentence_about_other_names_states_no_fact(domain: EntityType) -> None:
    subject = a_graph().of_type(domain)[0]
    for sentence in alias_realisations_of(domain):
        text = fill(sentence, subject=subject, value="Quelmar").replace("{v}", "Quelmar")
        for relation in BY_DOMAIN[domain]:
            stated = Stated(text, subject, relation, False, "")
            assert read(stated, relation=relation, inverse=False) is None, (text, relation.name)


def test_every_relation_can_be_said_in_eight_ways_and_a_kind_in_twelve() -> None:
    assert set(REALISATIONS) == set(RELATIONS)
    assert set(INVERSE_REALISATIONS) == {r.name for r in RELATIONS.values() if r.inverse_label}
    for (_, name), realisations in REALISATIONS.items():
        least = FREQUENT if name in {"kind", "occupation", "region"} else 8
        assert len(set(realisations)) >= least, name
    for name, realisations in INVERSE_REALISATIONS.items():
        assert len(set(realisations)) >= 8, name
    for type_ in EntityType:
        assert len(set(alias_realisations_of(type_))) >= 8, type_
    for realisations in (*REALISATIONS.values(), *INVERSE_REALISATIONS.values()):
        assert sum(can_use_pronoun(one) for one in realisations) >= 2
        assert all(one.count("{v}") == 1 and one.endswith(".") for one in realisations)


def test_kinds_are_said_in_other_words_for_each_type() -> None:
    kinds = {
        domain: set(REALISATIONS[domain, "kind"]) for domain, name in REALISATIONS if name == "kind"
    }
    shared = [
        one & other
        for first, one in kinds.items()
        for second, other in kinds.items()
        if first < second
    ]
    assert max(len(words) for words in shared) <= 3


def test_no_sentence_begins_with_a_number_or_says_what_held_before_without_its_years() -> None:
    for (domain, name), realisations in REALISATIONS.items():
        relation = RELATIONS[domain, name]
        for one in realisations:
            assert relation.target is not None or not one.startswith("{v}"), one
            has_years = "{y}" in one and "{z}" in one
            assert has_years == (relation.former_of is not None), one
    for domain, name in REALISATIONS:
        if name.startswith(FORMER):
            assert RELATIONS[domain, name.removeprefix(FORMER)].changes


@given(
    number=st.integers(min_value=2, max_value=10**6),
    relation=st.sampled_from([r for r in RELATIONS.values() if r.range is Range.NUMBER]),
    style=st.integers(min_value=0, max_value=2),
)
def test_a_number_is_read_exactly_in_every_style(
    number: int, relation: Relation, style: int
) -> None:
    assert style < NUM_STYLES[Range.NUMBER]
    written = write_literal(number, relation=relation, style=style)
    assert read_number(written, relation=relation) == write_literal(number, relation=relation)


def test_questions_have_words_for_every_relation_and_type() -> None:
    forward = {
        (r.domain, r.name, False)
        for r in RELATIONS.values()
        if r.functional and r.range is not Range.WORD
    }
    backward = {(r.domain, r.name, True) for r in RELATIONS.values() if r.inverse_label}
    assert set(STEPS) == forward | backward
    for (domain, name, inverse), (phrases, questions) in STEPS.items():
        relation = RELATIONS[domain, name]
        assert len(set(questions)) >= 3, name
        leads_on = inverse or relation.target is not None
        assert len(set(phrases)) >= 3 if leads_on else not phrases, name
        assert all(one.count("{x}") == 1 for one in (*phrases, *questions))
        assert all(one.endswith("{x}?") for one in questions)
        assert all(one.endswith("{x}") for one in phrases)
        dated = ["{year}" in one for one in (*phrases, *questions)]
        assert any(dated) == (relation.former_of is not None and not inverse)
        assert not all(dated)
    assert set(NOUNS) == set(EntityType)
    pictured = {type_ for type_ in EntityType if type_.carries_picture}
    assert set(VISIBLE) == set(ANCHORS) == pictured
    assert set(CLAUSES) | set(PARAPHRASES) <= set(RELATIONS)
    assert {domain for domain, _ in CLAUSES} == pictured


def skeletons_of(url: str) -> Iterator[str]:
    """The sentences of a page that name a thing, with names and figures taken out."""
    graph, document = a_graph(), some_pages().document(url)
    about = [graph.entity(entity_id) for entity_id in some_pages().record(url).about]
    names = {name for entity in about for name in (entity.name, *entity.aliases)}
    lines = [line for part in document.sections for line in (*part.paragraphs, *part.items)]
    names |= {span.text for line in lines for span in line if span.href is not None}
    for line in lines:
        text = "".join(span.text for span in line)
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "_")
        for sentence in re.split(r"(?<=[.?!:]) +", re.sub(r"\d[\d,-]*", "#", text)):
            if re.search(r"[_#]", sentence) and sentence.strip("_#"):
                yield sentence


def test_no_sentence_skeleton_makes_up_two_in_a_hundred() -> None:
    counts = Counter(
        skeleton for record in some_pages().all_urls() for skeleton in skeletons_of(record.url)
    )
    skeleton, times = counts.most_common(1)[0]
    assert counts.total() > 2000
    assert times / counts.total() < 0.02, skeleton


def test_a_predicate_is_of_one_type_but_for_kind() -> None:
    names = Counter(relation.name for relation in RELATIONS.values())
    assert [name for name, times in names.items() if times > 1] == ["kind"]
    for domain in EntityType:
        rows = [relation.infobox for relation in BY_DOMAIN[domain]]
        rows += [r.inverse_infobox for r in RELATIONS.values() if r.target is domain]
        told = [row for row in rows if row]
        assert len(told) == len(set(told)), domain


def asked_texts() -> Iterator[str]:
    """Every wording of questions, phrases, clauses and frames."""
    for phrases, questions in STEPS.values():
        yield from (*phrases, *questions)
    for table in (SHORT_PHRASES, SHORT_QUESTIONS, CLAUSES, MORE_CLAUSES, PARAPHRASES):
        yield from table.values()
    for templates in ANCHORS.values():
        yield from templates
    for frames in FRAMES.values():
        yield from (frame.text for frame in frames)


INVERTED = re.compile(
    r"^(?:In|At|On|To|Near|Into) (?:which|what) \w+ (?!(?:was|were|is|did|does|do|can)\b)\w+.* \{x\}"
    r"|^(?:In|At|On|To|Near|Into) (?:which|what) \w+ (?:is|was) \w*(?:ed|set|held|found|kept) \{x\}"
    r"|^How (?:\w+ ){1,4}(?:has|lies|grows|measures|runs) \{x\}"
)
"""A verb straight before its subject, with no help: "In which year began that event?"."""


def test_no_question_turns_verb_and_subject_round() -> None:
    assert INVERTED.search("In which year began {x}?")
    assert INVERTED.search("In which town is held {x}?")
    assert INVERTED.search("How many pages has {x}?")
    assert not INVERTED.search("In which year was {x} built?")
    for text in asked_texts():
        assert not INVERTED.search(text), text
        assert not re.search(r"\byear (?:saw|gave|falls)\b|\bliving mascot\b|\bfreedom\b", text)


def test_a_stands_before_consonants_and_an_before_vowels() -> None:
    for text in asked_texts():
        assert not re.search(r"\b[Aa] (?=[aeio]|\{noun\})", text), text
        assert not re.search(r"\b[Aa]n (?![aeiou]|hono|hour)", text), text


def test_short_wordings_are_of_relations_that_have_long_ones() -> None:
    for key, text in SHORT_PHRASES.items():
        assert STEPS[key][0], key
        assert text.count("{x}") == 1
    for key, text in SHORT_QUESTIONS.items():
        assert text.count("{x}") == 1
        assert text.endswith("?")
        assert "{year}" not in text or key[1].startswith(FORMER), key
