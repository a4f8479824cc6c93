"""One number per claim, behind its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.agent.claims import split_claims
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Quote
from vision_deepresearch.core.trajectory import Support, SupportKind, SupportSource, Totals
from vision_deepresearch.serve.citations import (
    cite,
    corners,
    has_own_marks,
    is_doubtful,
    place_in_page,
    whose_words,
)
from vision_deepresearch.serve.viewer_text import price


def told(answer: str, claims: list[str]) -> str:
    return "".join(
        piece.text + "".join(f"^{number}" for number in piece.numbers)
        for piece in cite(answer, claims)
    )


@pytest.mark.parametrize(
    ("answer", "claims", "expected"),
    [
        ("Ostrel", ["Ostrel"], "Ostrel^1"),
        ("a town. A town.", ["a town.", "A town."], "a town.^1 A town.^2"),
        ("It is so. It is so.", ["It is so.", "It is so."], "It is so.^1 It is so.^2"),
        ("Ostrel [1][2]. Garv [3, 4].", ["Ostrel", "Garv"], "Ostrel^1. Garv^2."),
        ("born in Ostrel", ["Born in OSTREL"], "born in Ostrel^1"),
        ("Ostrel", ["not said", "Ostrel"], "Ostrel^1^2"),
        ("Ostrel", [], "Ostrel"),
    ],
)
def test_a_number_stands_behind_its_claim(answer: str, claims: list[str], expected: str) -> None:
    assert told(answer, claims) == expected


def test_the_models_own_marks_are_noticed() -> None:
    assert has_own_marks("Ostrel [1].")
    assert not has_own_marks("Ostrel [sic], see [here](https://a.example).")


@given(st.text(alphabet="Ab .\n[1];*", max_size=120))
def test_every_claim_is_cited_once_and_no_word_is_lost(answer: str) -> None:
    claims = split_claims(answer)
    pieces = cite(answer, claims)
    assert sorted(n for piece in pieces for n in piece.numbers) == list(range(1, len(claims) + 1))
    assert [char for piece in pieces for char in piece.text if char.isalpha()] == [
        char for char in answer if char.isalpha()
    ]


def test_whose_words_they_are_is_said() -> None:
    for source in SupportSource:
        support = Support(claim="x", kind=SupportKind.PASSAGE, source=source)
        assert whose_words(support)
        assert is_doubtful(support) is (source in {SupportSource.SUMMARY, SupportSource.SNIPPET})
    assert "model's summary" in whose_words(
        Support(claim="x", kind=SupportKind.PASSAGE, source=SupportSource.SUMMARY)
    )


def test_places_are_named() -> None:
    assert place_in_page(Quote(text="x", start=1200, end=1300, cursor="2")) == (
        "characters 1,200 to 1,300 of the window at cursor 2"
    )
    box = Box(x0=0.08, y0=0.16, x1=0.3, y1=0.5)
    support = Support(claim="x", kind=SupportKind.PICTURE, handle="img_1", box=box)
    assert corners(support) == "img_1 [80, 160, 300, 500]"


def test_a_price_that_is_not_known_is_never_nothing() -> None:
    assert price(Totals()) == "$0"
    assert price(Totals(has_unknown_cost=True)) == "price unknown"
    assert price(Totals(has_unknown_cost=True, cost_usd=0.01)) == (
        "$0.0100 and calls of unknown price"
    )
