"""Answers as models write them, cut into what they claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.agent.claims import MAX_CLAIMS, plain_claim, split_claims

REASONED = """## Answer

**Ostrel**

### Reasoning
1. The emblem is that of the [Heron Guild](https://a.example/x_(y)). It was founded in 1902.
2. Its founder, Mira Dovane, was born in Ostrel. [1][2]

**Sources:**
- [Heron Guild](https://a.example)
- https://b.example/x

Confidence: high
"""
TABLE = """I compared both sleeves.

| Album | Guitarist |
|---|---|
| *Soul Brothers* | Skeeter Best [1] |
| Soul Meeting | Kenny Burrell |
"""


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("St. Ives", ["St. Ives"]),
        ("I Can't Stop Loving You", ["I Can't Stop Loving You"]),
        ("Let's Go Get Stoned", ["Let's Go Get Stoned"]),
        ("3.14", ["3.14"]),
        ("**Ostrel**.", ["**Ostrel**."]),
        ("7,650 dollars; Pablo Picasso", ["7,650 dollars", "Pablo Picasso"]),
        ("eight (four violins; two violas)", ["eight (four violins; two violas)"]),
        (
            "- Ostrel is the town\n* Garv is the founder\n",
            ["Ostrel is the town", "Garv is the founder"],
        ),
        ("Final answer: 28 May 1959.", ["28 May 1959."]),
        # A short answer before its reasons stands alone, before a quotation mark too.
        (
            'Eight. "Eleanor Rigby" employs an octet of studio musicians, comprising four violins and more.',
            [
                "Eight.",
                '"Eleanor Rigby" employs an octet of studio musicians, comprising four violins and more.',
            ],
        ),
        (
            "Alexa Ray. The drawing is the cover of a single that the two singers recorded together in 1986.",
            [
                "Alexa Ray.",
                "The drawing is the cover of a single that the two singers recorded together in 1986.",
            ],
        ),
        (
            "Yes. The drawing is the cover of a single that the two singers recorded together in the year 1986.",
            [
                "Yes. The drawing is the cover of a single that the two singers recorded together in the year 1986.",
            ],
        ),
        (
            "Sgt. Pepper is the record on which the singers stand together behind a drum, in the year 1967.",
            [
                "Sgt. Pepper is the record on which the singers stand together behind a drum, in the year 1967.",
            ],
        ),
        ("**Answer:** Skeeter Best", ["Skeeter Best"]),
        (
            "The answer is **Memphis** because the saxophonist is Hank Crawford [1][2]. Source: https://e.org/H_(x)",
            ["**Memphis**", "the saxophonist is Hank Crawford [1][2]."],
        ),
        (
            "Based on the page, the founder was born in Ostrel. I could not verify the date. She died in 1931.",
            ["the founder was born in Ostrel.", "She died in 1931."],
        ),
        (
            REASONED,
            [
                "**Ostrel**",
                "The emblem is that of the [Heron Guild](https://a.example/x_(y)).",
                "It was founded in 1902.",
                "Its founder, Mira Dovane, was born in Ostrel.",
            ],
        ),
        (TABLE, ["*Soul Brothers* | Skeeter Best [1]", "Soul Meeting | Kenny Burrell"]),
        (
            "Mr. T. S. Eliot lived in St. Louis, e.g. near No. 5. He moved to London in 1914; there he met a poet.",
            [
                "Mr. T. S. Eliot lived in St. Louis, e.g. near No. 5.",
                "He moved to London in 1914",
                "there he met a poet.",
            ],
        ),
        ("It was recorded in 1959 (source: the sleeve).", ["It was recorded in 1959"]),
        ("```\nprint(1)\n```\nIt prints 1.", ["It prints 1."]),
        ("创始人出生于奥斯特雷尔，后来搬到了别处。他死于一九三一年，葬在故乡。" * 2, 4),  # noqa: RUF001 - CJK
        ("Yes. He was born in Ostrel.", ["Yes. He was born in Ostrel."]),
    ],
)
def test_an_answer_is_cut_into_its_claims(answer: str, claims: list[str] | int) -> None:
    found = split_claims(answer)
    assert (len(found) if isinstance(claims, int) else found) == claims


@pytest.mark.parametrize(
    "answer",
    [
        "Unknown",
        "I could not find the answer.",
        "Unfortunately, I was unable to determine the founder of the guild from the pages.",
        "It is unclear which guild this is.",
        "The answer cannot be determined.",
        "No further information was found on the founder.",
        "Sources:\n[1] https://x.example\n[2] https://y.example",
        "Would you like me to look further?",
        "Here is what the pages say:",
        "None of the pages mentions the founder.",
    ],
)
def test_what_asserts_nothing_about_the_world_is_no_claim(answer: str) -> None:
    assert split_claims(answer) == []


@pytest.mark.parametrize(
    ("claim", "plain"),
    [
        (
            "**Hank Crawford** was born in [Memphis](https://e.org/M_(x)) [1, 2].",
            "Hank Crawford was born in Memphis.",
        ),
        (
            "*Soul Brothers* | `Skeeter Best` \u30101\u2020source\u3011",
            "Soul Brothers; Skeeter Best",
        ),
        ("It opened in 1889<sup>3</sup> (https://e.org/a)", "It opened in 1889"),
        ("snake_case and a_b stay, _this_ goes", "snake_case and a_b stay, this goes"),
        ("- 5 < 6", "- 5 < 6"),
    ],
)
def test_markup_and_the_models_own_marks_are_no_part_of_a_claim(claim: str, plain: str) -> None:
    assert plain_claim(claim) == plain


@given(st.text(alphabet=st.sampled_from("Ab1 .;|*[]()#-\n`_\u3002:?"), max_size=200))
def test_every_claim_stands_in_the_answer_in_order(answer: str) -> None:
    start = 0
    for claim in split_claims(answer):
        at = answer.find(claim, start)
        assert at >= 0
        assert claim.strip()
        start = at + len(claim)


def test_a_hostile_answer_is_read_in_linear_time() -> None:
    for piece in (
        "[",
        "(",
        "Source: ",
        "[a](",
        "**",
        "| ",
        "1. ",
        "the answer is ",
        "(source",
        "<a ",
    ):
        assert len(split_claims(piece * 20_000)) <= MAX_CLAIMS
