"""Search in ten scripts: known pages are found, snippets show what was asked, forms are folded."""

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import page
from tests.worlds.corpus.scripts import PAGES
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.index.segment import presegmented

QUERIES = [
    (f"{lang}{number}", query)
    for lang, pages in PAGES.items()
    for number, (_, _, query) in enumerate(pages)
]
BASE = "https://scripts.example/"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CorpusWorld]:
    """A page for each text, its name in the address: ja0.html ..."""
    root: Path = tmp_path_factory.mktemp("ten") / "scripts"
    root.mkdir()
    for lang, pages in PAGES.items():
        for number, (title, text, _) in enumerate(pages):
            body = page(escape(title), f"<p>{escape(text)}</p>").replace("lang=en", f"lang={lang}")
            (root / f"{lang}{number}.html").write_text(body, encoding="utf-8")
    import_source(FolderSource(root), root.parent / "world")
    opened = CorpusWorld.open(root.parent / "world")
    yield opened
    opened.close()


def found(world: CorpusWorld, query: str, limit: int = 3) -> list[str]:
    hits = world._search(query, limit)
    return [hit.url.removeprefix(BASE).removesuffix(".html") for hit in hits]


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_a_known_page_is_among_the_first_three(world: CorpusWorld, name: str, query: str) -> None:
    assert name in found(world, query)


def test_most_known_pages_come_first(world: CorpusWorld) -> None:
    first = [found(world, query, 1) == [name] for name, query in QUERIES]
    assert sum(first) >= 38


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("カフェ", "ja2"),
        ("ｶﾌｪ", "ja2"),  # half width
        ("ＣＯＬＺＡ　ＯＩＬ", "la0"),  # full width
        ("cafe\u0301", "la1"),  # a letter and its accent apart
        ("ﷲ ﻗﻠﻢ ﻣﻦ ﺍﻟﻘﺼﺐ", "ar2"),  # presentation forms
        ("ΦΆΡΟΣ ΛΕΥΚΉ ΠΈΤΡΑ", "el0"),  # capitals, another final sigma
        ("МАЯК", "ru0"),
        ("Đèn biển 1882", "la3"),
        ("lamp ランプ", "ja0"),  # scripts together
        ("1882 đảo 灯台 маяк", "la3"),
    ],
)
def test_other_forms_of_the_same_letters_find_the_page(
    world: CorpusWorld, query: str, name: str
) -> None:
    assert name in found(world, query)


def test_a_query_in_ten_scripts_finds_a_page_of_each(world: CorpusWorld) -> None:
    query = " ".join(pages[0][2] for pages in PAGES.values())
    assert {f"{lang}0" for lang in PAGES} <= set(found(world, query, 20))


@pytest.mark.parametrize("query", ["", " ", "。、！？", "\u200b", "\x00", "\ud800", "🙂", "§§§"])
def test_a_query_without_words_finds_nothing(world: CorpusWorld, query: str) -> None:
    assert found(world, query) == []


def test_a_query_of_100_kb_is_answered_in_bounded_time(world: CorpusWorld) -> None:
    for query in ("colza oil wick " * 7_000, "灯台のランプ" * 6_000, "x" * 100_000, "a " * 50_000):
        started = time.process_time()
        found(world, query)
        assert time.process_time() - started < 2
    assert found(world, "colza oil wick " * 7_000)[0] == "la0"
    assert found(world, "灯台のランプ" * 6_000)[0] == "ja0"


def test_vowel_points_and_joined_signs_keep_words_whole() -> None:
    assert presegmented("שָׁלוֹם עוֹלָם") == "שלום עולם"
    assert presegmented("كَتَبَ الكـــتاب") == "كتب الكتاب"
    assert presegmented("दीपस्तंभ, चाय।") == "दीपस्तंभ चाय"


LONG = {
    "hi": ("यह नगर नदी के किनारे है। " * 200, "चाय में इलायची डाली जाती है।", "इलायची डाली"),
    "ja": ("港の町は静かである。" * 200, "明治の灯台は油のランプで船を導いた。", "油のランプ"),
    "zh": ("这个城市在河边。" * 200, "蓝色的花纹来自钴料。", "蓝色的花纹"),
    "th": ("เมืองนี้อยู่ริมแม่น้ำ" * 150, "ตัวไหมกินใบหม่อน", "ใบหม่อน"),
    "ko": ("이 도시는 강가에 있다. " * 200, "온돌은 방바닥을 데운다.", "방바닥을 데운다"),
    "ru": ("Город стоит у реки. " * 200, "Воду кипятили на шишках.", "кипятили на шишках"),
}


@pytest.mark.parametrize("lang", sorted(LONG))
@pytest.mark.parametrize("times", [1, 12])
def test_a_snippet_shows_what_was_asked_for(world: CorpusWorld, lang: str, times: int) -> None:
    filler, told, query = LONG[lang]
    snippet = world.texts.snippet(filler * times + told + filler * times, query)
    assert query in snippet
    assert len(snippet) <= 320
    assert snippet.startswith("... ")
    assert snippet.endswith(" ...")


@pytest.mark.parametrize("lang", ["ja", "zh", "th"])
def test_a_text_without_spaces_is_cut_to_a_snippet(world: CorpusWorld, lang: str) -> None:
    snippet = world.texts.snippet(LONG[lang][0], "nothing")
    assert 100 < len(snippet) <= 320
