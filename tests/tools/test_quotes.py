"""Quotes: what is the page's own words is found again there, and nothing else is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.tools.passages import pick_passages
from vision_deepresearch.tools.quotes import check_evidence, find_in_windows, find_quotes

PAGE = """# Orvane Guild

| Type | Trade guild |
| --- | --- |
| Founded by | [Mara Vell](https://wiki.example/vell_(weaver) "Vell") |
| Cost | 12.5 \\| 13 crowns |

The **Orvane Guild** is a guild of clock\\_makers in [Ostrel](https://wiki.example/ostrel). It has 40
members[1], 5 % of them abroad. Its \u201cemblem\u201d \u2013 a heron \u2013 is old; it was\u00a0drawn at -5 degrees.

![A grey heron](https://wiki.example/heron.png)

- Clocks were sold to Brann\u00adock.

\u5854\u306e\u5efa\u7bc9\u5bb6\u306f\u7530\u4e2d\u3067\u3042\u308b\u3002\u5854\u306f\u9ad8\u3044\u3002
"""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Founded by | Mara Vell", "Founded by | [Mara Vell](https://wiki.example/vell_(weaver)"),
        ("Founded by: Mara Vell", "Founded by | [Mara Vell](https://wiki.example/vell_(weaver)"),
        ("The Orvane Guild is a guild", "The **Orvane Guild** is a guild"),
        ("guild of clock_makers in Ostrel.", "guild of clock\\_makers in [Ostrel]("),
        (
            "in [Ostrel](https://wiki.example/ostrel). It has",
            "in [Ostrel](https://wiki.example/ostrel). It has",
        ),
        ("It has 40   members, 5% of them", "It has 40\nmembers[1], 5 % of them"),
        ('its "emblem" - a heron - is old', "Its \u201cemblem\u201d \u2013 a heron \u2013 is old"),
        ("it was drawn at \u22125 degrees", "it was\u00a0drawn at -5 degrees."),
        ("12.5 / 13 crowns", "12.5 \\| 13 crowns"),
        ("A grey heron", "![A grey heron](https://wiki.example/heron.png)"),
        ("sold to Brannock", "sold to Brann\u00adock."),
        ("\u5efa\u7bc9\u5bb6\u306f\u7530\u4e2d", "\u5efa\u7bc9\u5bb6\u306f\u7530\u4e2d"),
        ("- Clocks were sold to ...", "Clocks were sold to"),
    ],
)
def test_words_of_the_page_are_found_whatever_their_dress(line: str, text: str) -> None:
    [quote] = find_quotes(line, PAGE, cursor="2")
    assert quote.text.startswith(text)
    assert PAGE[quote.start : quote.end] == quote.text
    assert quote.cursor == "2"


@pytest.mark.parametrize(
    "line",
    [
        "The Orvane Guild is the oldest guild of clockmakers",
        "12 crowns",
        "125 | 13 crowns",
        "drawn at 5 degrees",
        "It has 40 members, 5 $ of them",
        "It has 4 members",
        "Mara Vell ... members",
        "Clocks were sold to Brannock ... The Orvane Guild is a guild",
        "wiki.example",
        "\u7530\u4e2d\u306f\u5efa\u7bc9\u5bb6",
    ],
)
def test_other_words_are_not_found(line: str) -> None:
    checked = check_evidence(line, PAGE)
    assert not checked.quotes
    assert checked.lost == (line,)


def test_pieces_between_ellipses_are_found_in_their_order() -> None:
    too_short = "The Orvane Guild is ... 5 % of them [\u2026] is old"
    assert not find_quotes(too_short, PAGE)
    quotes = find_quotes("The Orvane Guild is ... 5 % of them [\u2026] a heron is old", PAGE)
    assert [quote.text for quote in quotes] == [
        "The **Orvane Guild** is",
        "5 % of them",
        "a heron \u2013 is old",
    ]


def test_an_invented_sentence_is_told_from_its_true_neighbour() -> None:
    evidence = (
        "Its emblem - a heron - is old. It was drawn by Ilse Brandt.\n\n---\nIt has 40 members"
    )
    checked = check_evidence(evidence, PAGE)
    assert checked.held == ("Its emblem - a heron - is old.", "It has 40 members")
    assert checked.lost == ("It was drawn by Ilse Brandt.",)
    assert [quote.text[:3] for quote in checked.quotes] == ["Its", "It "]


def test_a_repeated_passage_is_found_where_the_reading_has_come_to() -> None:
    page = "It was sold.\n\nThen the tower burned.\n\nIt was sold."
    first, second, third = find_quotes("It was sold\nThen the tower burned\nIt was sold", page)
    assert first.start < second.start < third.start


def test_a_line_stands_in_the_window_that_holds_it_whole() -> None:
    windows = [(None, "The mill stood for long. It closed in 1990."), ("1", "## Bridge")]
    windows.append(("2", "The bridge opened in 1960. It closed in 1990. The mill stood for long."))
    evidence = "The bridge opened in 1960. It closed in 1990.\nThe mill stood for long."
    quotes = find_in_windows(evidence, windows)
    assert [(quote.cursor, quote.text) for quote in quotes] == [
        ("2", "The bridge opened in 1960. It closed in 1990."),
        ("2", "The mill stood for long."),
    ]
    for quote in quotes:
        assert dict(windows)[quote.cursor][quote.start : quote.end] == quote.text
    torn = find_in_windows("It closed in 1990. The mill fell. The bridge opened in 1960.", windows)
    assert [quote.cursor for quote in torn] == [None, "2"], "sentences each at a place of its own"


@pytest.mark.parametrize("goal", ["who founded the guild", "cost", "heron", "clocks sold"])
def test_every_line_of_the_passage_picker_is_a_quote(goal: str) -> None:
    picked = "\n".join(pick_passages(PAGE, goal=goal, max_words=60))
    checked = check_evidence(picked, PAGE)
    assert checked.held
    assert not checked.lost


@given(st.text(alphabet="ab .|\n*[]()!1,-\u2026\u65e5_\\", max_size=200), st.data())
def test_a_quote_is_always_a_piece_of_the_page(page: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(min_value=0, max_value=len(page)))
    for quote in find_quotes(page[start : start + 40], page):
        assert page[quote.start : quote.end] == quote.text
        assert quote.text


def test_quotes_are_found_in_bounded_time_in_hostile_text() -> None:
    started = time.process_time()
    for piece in [
        "](" * 9000,
        "[" * 20_000,
        "a " * 10_000,
        "[1" * 9000,
        "..." * 6000,
        "\u65e5" * 20_000,
    ]:
        find_quotes(f"{piece} b", piece)
        find_quotes(f"{'a ' * 3000}b", piece)
    assert time.process_time() - started < 4
