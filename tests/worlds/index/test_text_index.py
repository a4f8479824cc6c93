"""Text index: words of any script, hostile queries, an order that does not depend on luck."""

import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.index.segment import pieces, presegmented
from vision_deepresearch.worlds.index.text import MAX_QUERY_TERMS, TextDoc, TextIndex, TextLayout

DOCS = (
    TextDoc(id=0, title="Osterholm", text="A town on a river. Its lighthouse was built in 1871."),
    TextDoc(id=1, title="Lighthouse of Varn", text="Stands on a cape. Painted red and white."),
    TextDoc(id=2, title="東京タワー", text="東京タワーは1958年に開業した電波塔である。"),
    TextDoc(id=3, title="京都駅", text="京都駅は京都市にある。"),
    TextDoc(id=4, title="Café Naïve", text="The painter's café, O'Neil's favourite."),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> TextIndex:
    """Five pages, two of them Japanese."""
    folder = tmp_path_factory.mktemp("index")
    TextIndex.build(folder / "text", DOCS)
    return TextIndex.open(folder / "text")


def _ids(index: TextIndex, query: str, limit: int = 10) -> list[int]:
    return [hit.id for hit in index.search(query, limit)]


def test_a_title_match_comes_before_a_mention(index: TextIndex) -> None:
    assert _ids(index, "lighthouse") == [1, 0]


def test_words_are_folded_and_stemmed(index: TextIndex) -> None:
    assert _ids(index, "cafe naive painting") == [4, 1]
    assert _ids(index, "oneils") == [4]


def test_a_japanese_query_finds_its_page_and_not_one_that_shares_a_character(
    index: TextIndex,
) -> None:
    assert _ids(index, "東京タワー 開業") == [2]
    assert _ids(index, "京都") == [3]


def test_full_width_digits_are_plain_digits(index: TextIndex) -> None:
    assert _ids(index, "１９５８") == [2]  # noqa: RUF001 - full-width on purpose


@pytest.mark.parametrize(
    "query",
    [
        'title:lighthouse AND (NOT "red^2',
        "lighthouse~~ ^^ [[ TO ]] \\",
        "* ? /lighthouse/ +-lighthouse",
        "\ud800lighthouse\x00",
    ],
)
def test_signs_of_query_languages_mean_nothing(index: TextIndex, query: str) -> None:
    assert 1 in _ids(index, query)


@pytest.mark.parametrize("query", ["", "   ", '"()^~:', "the of and", "\x00", "\ud800"])
def test_a_query_without_words_finds_nothing(index: TextIndex, query: str) -> None:
    assert _ids(index, query) == []


def test_a_pasted_page_is_cut_to_a_query(index: TextIndex) -> None:
    assert len(index.terms(" ".join(f"word{k}" for k in range(5000)))) <= MAX_QUERY_TERMS


@given(st.text(max_size=200))
def test_any_text_is_a_query(text: str) -> None:
    cleaned = presegmented(text)
    assert cleaned == " ".join(cleaned.split())
    assert all(piece.start < piece.end for piece in pieces(text))


def test_equal_scores_stand_in_order_of_ids_whatever_the_limit(tmp_path: Path) -> None:
    docs = [TextDoc(id=number, title=f"page {number}", text="same words") for number in range(300)]
    index = TextIndex.build(tmp_path / "text", reversed(docs))
    for limit in (1, 5, 40, 299, 500):
        assert _ids(index, "same words", limit) == list(range(min(limit, 300)))


def test_two_builds_rank_alike_and_have_one_segment(tmp_path: Path) -> None:
    words = [f"w{k * k % 97}" for k in range(4000)]
    docs = [
        TextDoc(id=number, title=words[number], text=" ".join(words[number * 9 : number * 9 + 40]))
        for number in range(400)
    ]
    first = TextIndex.build(tmp_path / "a", docs)
    second = TextIndex.build(tmp_path / "b", docs)
    assert first.facts == second.facts
    assert first.facts["segments"] == "1"
    for word in words[:30]:
        assert first.search(f"{word} w5", 20) == second.search(f"{word} w5", 20)


def test_searches_from_several_threads_agree(index: TextIndex) -> None:
    results: list[list[int]] = []

    def work() -> None:
        for _ in range(50):
            results.append(_ids(index, "lighthouse 東京タワー"))
            index.snippet(DOCS[0].text, "lighthouse")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200
    assert all(result == results[0] for result in results)


def test_a_snippet_shows_the_densest_place(index: TextIndex) -> None:
    filler = "Nothing of interest happens here at all, day after day. "
    needle = "The keeper of the red lighthouse was called Marna Velk."
    text = filler * 12 + "A lighthouse. " + filler * 12 + needle + " " + filler * 12
    snippet = index.snippet(text, "Who kept the red lighthouse?")
    assert "keeper of the red lighthouse" in snippet
    assert 160 <= len(snippet) <= 300
    assert snippet.startswith("... ")
    assert snippet.endswith(" ...")


def test_a_short_page_is_its_own_snippet(index: TextIndex) -> None:
    assert index.snippet("Painted\nred.", "blue") == "Painted red."


@given(
    text=st.text(alphabet="ab 京都タ. ", max_size=900),
    query=st.text(alphabet="ab京都タ ", max_size=9),
)
def test_snippets_have_a_bounded_length(index: TextIndex, text: str, query: str) -> None:
    assert len(index.snippet(text, query)) <= 300


def test_a_missing_or_foreign_index_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="build it again"):
        TextIndex.open(tmp_path / "nothing")
    TextIndex.build(tmp_path / "text", DOCS)
    facts = tmp_path / "text" / "facts.json"
    facts.write_text(facts.read_text().replace('"version": "2"', '"version": "0"'))
    with pytest.raises(ConfigError, match="version '0'"):
        TextIndex.open(tmp_path / "text")


@given(st.text())
def test_the_fast_way_to_words_is_the_exact_one(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text)
    assert presegmented(text).split() == [piece.text for piece in pieces(plain)]


@given(st.text(alphabet="ab'\u2019\u0301_-\u00e9 1"))
def test_apostrophes_and_combining_marks_cut_the_same_words(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text)
    assert presegmented(text).split() == [piece.text for piece in pieces(plain)]


def test_other_names_lead_to_a_page_like_its_title(tmp_path: Path) -> None:
    docs = [
        TextDoc(id=1, title="Osterholm", text="A town.", names=("Easter Isle", "The old port")),
        TextDoc(id=2, title="Varn", text="From the old port of Osterholm, easter week. " * 9),
    ]
    index = TextIndex.build(tmp_path / "text", docs)
    assert _ids(index, "easter isle") == [1, 2]
    assert _ids(index, "old port", limit=1) == [1]
    assert _ids(index, "osterholm") == [1, 2], "a page found by several of its documents comes once"
    assert index.facts["documents"] == "2"
    assert index.facts["names"] == "2"


def test_a_layout_is_kept_and_an_unknown_one_refused(tmp_path: Path) -> None:
    docs = [
        TextDoc(id=1, title="Locks", text="A lock is released.", headings="Releasing a lock"),
        TextDoc(id=2, title="Chat", text="How do I do what you do? How would you do it?"),
    ]
    plain = TextIndex.build(tmp_path / "plain", docs)
    assert "layout" not in plain.facts
    TextIndex.build(tmp_path / "docs", docs, layout=TextLayout.DOCUMENTS)
    index = TextIndex.open(tmp_path / "docs")
    assert _ids(index, "How do I release what you lock?") == [1]
    assert _ids(index, "how do you do") == [2], "words that only ask count where nothing else is"
    facts = tmp_path / "docs/facts.json"
    facts.write_text(facts.read_text().replace('": "documents"', '": "other"'))
    with pytest.raises(ConfigError, match="build it again"):
        TextIndex.open(tmp_path / "docs")


@pytest.mark.parametrize("query", ["trimmed lamps of Varn", "東京タワー", "O'Neil's cafés"])
def test_a_long_text_gives_the_stretch_a_short_one_gives(index: TextIndex, query: str) -> None:
    told = "O'Neil's café in Varn: lamps were trimmed there, says 東京タワー. "
    filling = "Nothing of that kind stands here, only words about the sea and ships. " * 4
    short, long = filling + told + filling, filling * 60 + told + filling * 60
    assert len(short) < 8000 < len(long)
    assert index.snippet(long, query) == index.snippet(short, query)
    assert index.snippet("word " * 4000, query).startswith("word word")
