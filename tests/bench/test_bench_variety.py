"""`vdr bench variety`: what is blanked in a sentence, and the object on a small world."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from vision_deepresearch.bench.skeletons import sentences_of, skeletons
from vision_deepresearch.bench.variety import bench_variety
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.pages import read_whole

COMMON = ["the it in on was is of and a by born founded museum was it the in"]
"""Makes the small words common ones."""


def skeleton(sentence: str) -> str:
    *_, (_, found) = skeletons([sentence, *COMMON, sentence])
    return found


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("It was founded by [Ana Rivo](https://a.example/x) in 1874.", "it was founded by _ in _ ."),
        ("Radiant Heron was founded in Isamuz.", "_ was founded in _ ."),
        ("The Museum of the River was founded on 12 May 1874.", "the _ was founded on _ ."),
        ("In Isamuz, it was founded by A. Rivo, Bela Sand and Ceto van der Mool.",
         "in _ , it was founded by _ ."),
        ("It was born in 1938-06-29.", "it was born in _ ."),
        ("May was born in the museum.", "_ was born in the museum ."),
        ("Vaunmialenne's museum is [here](https://a.example/?a=b_c).", "_ museum is _ ."),
    ],
)  # fmt: skip
def test_what_is_particular_is_blanked_and_nothing_else(sentence: str, left: str) -> None:
    assert skeleton(sentence) == left


WORDS = st.text("abcdefghij", min_size=2, max_size=8).map(lambda word: word.capitalize() + "ux")
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)


@given(one=NAMES, other=NAMES, year=st.integers(1000, 2000))
def test_names_and_years_make_no_difference(one: str, other: str, year: int) -> None:
    sentence = f"{one} was founded in {year} by {other}."
    assert skeleton(sentence) == "_ was founded in _ by _ ."


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_gets_a_skeleton_without_digits(lines: list[str]) -> None:
    for _, found in skeletons(lines):
        assert not any(letter.isdecimal() for letter in found)


def test_bare_links_headings_tables_and_pictures_are_no_sentences() -> None:
    html = b"""<html><head><title>T</title></head><body><main><h1>The head of a page</h1>
    <p>It was founded in <a href="/a">Orsk</a>. It is old.</p>
    <ul><li><a href="/b">Bela</a></li><li>Nobody says that it was born in the museum.</li></ul>
    <table><tr><th>Founded in the</th><td>year of the lion</td></tr></table>
    <img src="/a.jpg" alt="a picture of it"></main></body></html>"""
    page = read_whole(html, url="https://a.example/")
    found = [shape for _, shape in skeletons(sentences_of(page, url="https://a.example/"))]
    assert found == [
        "it was founded in _ .",
        "it is old .",
        "_ says that it was born in the museum .",
    ]


def test_the_object_counts_every_task_and_every_sentence() -> None:
    result = bench_variety(num_tasks=60, num_pages=300, seed=3)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    figures, settings = result["figures"], result["settings"]
    assert isinstance(figures, dict)
    assert isinstance(settings, dict)
    sentences = settings["sentences"]
    assert isinstance(sentences, int)
    assert sentences > 300
    for name in ("path_and_frame", "path", "frame", "anchor", "answer", "hops"):
        assert 1 / 60 <= most(figures, name) <= 1
    assert most(figures, "hops") == pytest.approx(1 / 3, abs=1e-3)
    assert most(figures, "path_and_frame") <= min(most(figures, "path"), most(figures, "frame"))
    holds = figures["holds"]
    assert isinstance(holds, dict)
    is_rare = holds["no sentence skeleton > 2 % of sentences"]
    assert is_rare is (most(figures, "sentence") <= 0.02)


def most(figures: dict[str, JsonValue], name: str) -> float:
    table = figures[name]
    assert isinstance(table, dict)
    share = table["max_frac"]
    assert isinstance(share, float)
    return share


def test_too_small_a_world_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 150 pages"):
        bench_variety(num_pages=20)
