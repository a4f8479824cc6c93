"""Answers are found in replies and compared in their plain form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.answers import (
    extract_answer,
    is_list_or_hedge,
    names_equal,
    normalise_answer,
)
from vision_deepresearch.core.trajectory import Extraction

PLAIN_FORMS = [
    ("Ostrava", "ostrava"),
    ("  Ostrava\n", "ostrava"),
    ("**Ostrava**.", "ostrava"),
    ("Ostrava.", "ostrava"),
    ('"Ostrava"', "ostrava"),
    ("_Ostrava_", "ostrava"),
    ("(Ostrava)", "ostrava"),
    ("OSTRAVA!", "ostrava"),
    ("\uff2f\uff53\uff54\uff52\uff41\uff56\uff41", "ostrava"),
    ("New   York\tCity", "new york city"),
    ("Stra\u00dfe", "strasse"),
    ("O\u2019Brien", "o'brien"),
    ("1914\u20131918", "1914-1918"),
    ("\u300c\u6771\u4eac\u300d", "\u6771\u4eac"),
    ("\u6771\u4eac\u3002", "\u6771\u4eac"),
    ("\u300a\u7ea2\u697c\u68a6\u300b", "\u7ea2\u697c\u68a6"),
    ("\u6771\u4eac\u30bf\u30ef\u30fc", "\u6771\u4eac\u30bf\u30ef\u30fc"),
    ("\uff8a\uff9f\uff98", "\u30d1\u30ea"),
    ("\uc11c\uc6b8\u7279\u5225\u5e02\uff01", "\uc11c\uc6b8\u7279\u5225\u5e02"),
    ("\u1109\u1165\u110b\u116e\u11af", "\uc11c\uc6b8"),
    ("A\uff0cB", "a,b"),
    ("1.75", "1.75"),
    ("175", "175"),
    ("2024-09-29", "2024-09-29"),
    ("-5", "-5"),
    ("\u22125", "-5"),
    (".5", ".5"),
    ("- Ostrava", "ostrava"),
    ("50%", "50%"),
    ("C#", "c#"),
    ("C++", "c++"),
    ("U.S.", "u.s"),
    ("R&D", "r&d"),
    ("A", "a"),
    ("the A", "the a"),
    ("cafe\u0301", "caf\u00e9"),
    ("Ost\u00adrava\u200b", "ostrava"),
    ("?", "?"),
    ("...", "..."),
    ("\u3002", "\u3002"),
    ("", ""),
    ("  ", ""),
]

DIFFERENT = [
    ("No", "Norway"),
    ("12", "2012"),
    ("1.75", "175"),
    ("-5", "5"),
    (".5", "5"),
    ("50%", "50"),
    ("C", "C#"),
    ("?", "!"),
    ("?", "A"),
    ("A", ""),
    ("A", "An"),
    ("\u6771\u4eac", "\u6771\u4eac\u90fd"),
    ("\u5927", "\u592a"),
    ("2024-09-29", "20240929"),
    ("the", ""),
    ("resume", "r\u00e9sum\u00e9"),
]

REPLIES = [
    ("<think>hm</think><answer>Ostrava</answer>", "Ostrava", Extraction.TAG),
    ("<answer>a</answer> then <answer> b </answer>", "b", Extraction.TAG),
    ("<ANSWER>x</ANSWER>", "x", Extraction.TAG),
    ("<answer lang='en'>x</answer>", "x", Extraction.TAG),
    ("<answer>cut at the stop", "cut at the stop", Extraction.TAG),
    ("<answer></answer>", "", Extraction.TAG),
    ("<answer>multi\nline</answer>", "multi\nline", Extraction.TAG),
    ("<think><answer>no</answer></think>yes", "yes", Extraction.VERBATIM),
    ("<think><answer>no</answer></think><answer>yes</answer>", "yes", Extraction.TAG),
    ("thought</think> yes", "yes", Extraction.VERBATIM),
    ("<think>never closed <answer>x</answer>", "", Extraction.VERBATIM),
    ("<think>a</think>b<think>c</think>d", "bd", Extraction.VERBATIM),
    ("so \\boxed{Paris}.", "Paris", Extraction.BOXED),
    ("\\boxed{a} \\boxed {\\text{b} {c}}", "b {c}", Extraction.BOXED),
    ("\\boxed{never closed", "\\boxed{never closed", Extraction.VERBATIM),
    ("\\boxed{a} <answer>b</answer>", "b", Extraction.TAG),
    ("  plain words ", "plain words", Extraction.VERBATIM),
    ("", "", Extraction.VERBATIM),
]

LISTS_AND_HEDGES = [
    "Ostrava or Brno",
    "either Ostrava or Brno",
    "Ostrava; Brno",
    "Ostrava, Brno, Prague",
    "Ostrava, Brno and Prague",
    "Ostrava / Brno",
    "1. Ostrava\n2. Brno",
    "Ostrava\nBrno",
    "maybe Ostrava",
    "It is probably Ostrava",
    "Ostrava, but I am not sure",
    "I think Ostrava",
    "could be Ostrava",
    "unknown",
    "I could not find it",
    "cannot be determined",
    "I don't know",
    "\u6771\u4eac\u3001\u5927\u962a",
    "\u6771\u4eac\u307e\u305f\u306f\u5927\u962a",
    "\u53ef\u80fd\u662f\u6771\u4eac",
    ", ".join(f"Town {number}" for number in range(20)),
]

ONE_ANSWERS = [
    "Ostrava",
    "Bosnia and Herzegovina",
    "Washington, D.C.",
    "1,234,567",
    "14 March 1874",
    "March 14, 1874",
    "Oregon",
    "\u6771\u4eac\u90fd",
    "km/h",
    "",
]


@pytest.mark.parametrize(("text", "plain"), PLAIN_FORMS, ids=ascii)
def test_the_plain_form_drops_edges_and_nothing_inside(text: str, plain: str) -> None:
    assert normalise_answer(text) == plain


@given(st.text(max_size=30))
def test_the_plain_form_of_a_plain_form_is_itself(text: str) -> None:
    once = normalise_answer(text)
    assert normalise_answer(once) == once


@pytest.mark.pitfall("P53")
@pytest.mark.parametrize(("first", "second"), DIFFERENT, ids=ascii)
def test_no_answer_equals_one_that_merely_contains_it(first: str, second: str) -> None:
    assert not names_equal(first, second)
    assert not names_equal(second, first)


def test_a_leading_article_does_not_make_another_name() -> None:
    assert names_equal("The Eiffel Tower", "eiffel tower.")
    assert not names_equal("The The", "The")


@pytest.mark.parametrize(("reply", "answer", "extraction"), REPLIES, ids=ascii)
def test_the_answer_is_found_in_the_reply(reply: str, answer: str, extraction: Extraction) -> None:
    found = extract_answer(reply)
    assert (found.answer, found.extraction) == (answer, extraction)


@pytest.mark.parametrize(
    "unit", ["<think>", "<think ", "<answer>", "<answer ", "\\boxed{", "{", "</think>"]
)
def test_extraction_of_a_hostile_reply_costs_linear_time(unit: str) -> None:
    started = time.process_time()
    extract_answer(unit * 20_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("text", LISTS_AND_HEDGES, ids=ascii)
def test_several_candidates_and_hedges_are_told(text: str) -> None:
    assert is_list_or_hedge(text)


@pytest.mark.parametrize("text", ONE_ANSWERS, ids=ascii)
def test_one_answer_is_no_list(text: str) -> None:
    assert not is_list_or_hedge(text)
