"""Text of strangers is made visible, and only plain public addresses become links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.serve.viewer_text import (
    MAX_TEXT,
    dollars,
    readable,
    safe_href,
    seconds,
    short,
    visible,
)


@given(st.text(alphabet=st.characters(codec=None)))
def test_whatever_is_shown_can_be_written_and_holds_nothing_that_hides(text: str) -> None:
    shown = visible(text)

    shown.encode("utf-8")
    hidden = [
        char
        for char in shown
        if char not in "\t\n"
        and (ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u200b\ufeff")
    ]
    assert not hidden


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "Zs"))))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_terminal_and_bidi_tricks_are_named() -> None:
    assert visible("\x1b[31mred\x07") == "\u241b[31mred\u2407"
    assert visible("abc\u202egpj.exe") == "abc\u27e8U+202E\u27e9gpj.exe"
    assert visible("half \ud83d") == "half \u27e8U+D83D\u27e9"


def test_emoji_and_joined_scripts_survive() -> None:
    text = "👩\u200d🔬 क्\u200dष می\u200cروم"
    assert visible(text) == text


def test_a_text_beyond_the_limit_says_how_much_is_missing() -> None:
    assert visible("x" * (MAX_TEXT + 12)).endswith("[... 12 more characters]")


@pytest.mark.parametrize(
    "url",
    [
        "https://en.wikipedia.org/wiki/Guild",
        "http://museum.org.uk:8080/a?b=c&d=%20e#f",
        "https://例え.jp/頁",
    ],
)
def test_a_public_address_can_be_clicked(url: str) -> None:
    assert safe_href(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.org/x",
        "/etc/passwd",
        "",
        "https://",
        "https://page.example/x",
        "https://page.example./x",
        "http://localhost/x",
        "http://printer/x",
        "http://127.0.0.1/x",
        "http://2130706433/",
        "http://[::1]/x",
        "http://[::1/x",
        "https://good.org@evil.org/",
        "https://evil.org/\u202egpj",
        'https://evil.org/"onmouseover=alert(1)',
        "https://evil.org/ onclick=x",
        "https://evil.org\\@good.org",
        "https://evil.org/" + "a" * 3000,
    ],
)
def test_every_other_address_stays_text(url: str) -> None:
    assert safe_href(url) is None


def test_long_text_is_cut_at_a_word() -> None:
    assert short("one two three", 10) == "one two\u2026"
    assert short("x" * 20, 10) == "x" * 9 + "\u2026"
    assert short("a\n b", 10) == "a b"


def test_arguments_read_like_text() -> None:
    assert readable("plain") == "plain"
    assert readable(["first query", "second"]) == "first query\nsecond"
    assert readable([[1, 2], [3, 4]]) == "[1, 2]\n[3, 4]"
    assert readable({"a": 1}) == '{"a": 1}'


def test_figures_are_for_people() -> None:
    assert [seconds(value) for value in (0.0, 0.0421, 1.25, 59.94, 59.96, 200.4)] == [
        "0 ms",
        "42 ms",
        "1.2 s",
        "59.9 s",
        "1 min 00 s",
        "3 min 20 s",
    ]
    assert [dollars(value) for value in (0.0, 0.00421, 1.255)] == ["$0", "$0.0042", "$1.25"]
