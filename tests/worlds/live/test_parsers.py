"""Whatever a provider sends, its parser gives hits or says that it is no answer; it never raises."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.live.catalog import API_READERS, PICTURES, TEXT
from vision_deepresearch.worlds.live.chains import merge
from vision_deepresearch.worlds.live.found import page_hit, ranked
from vision_deepresearch.worlds.live.looks import read_looks
from vision_deepresearch.worlds.live.tolerant import day_at, is_web_url, text_at
from vision_deepresearch.worlds.live.words import read_answer

KEYS = st.sampled_from([
    "organic", "results", "web", "search_result", "responses", "webDetection", "visual_matches",
    "exact_matches", "pagesWithMatchingImages", "visuallySimilarImages", "bestGuessLabels",
    "webEntities", "fullMatchingImages", "partialMatchingImages", "title", "link", "url", "snippet",
    "content", "text", "description", "date", "page_age", "publishedDate", "score", "image",
    "imageUrl", "thumbnail", "pageTitle", "label", "data", "links", "images", "error", "code",
    "message", "publishedTime", "name",
    "reader_result", "warning", "errors", "meta", "tag", "image_url",
])  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["https://a.org/x", "http://[::1", "javascript:x", "\ud800", "2023-11-03"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(ANYTHING, st.sampled_from([200, 400, 401, 422, 429, 500]))
def test_no_answer_breaks_a_parser(answer: JsonValue, status: int) -> None:
    fields = answer if isinstance(answer, dict) else {}
    for words in TEXT.values():
        hits = read_answer(words, answer, query="x")
        check(hits)
        if words.name_failure is not None:
            words.name_failure(status, fields)
    for looks in PICTURES.values():
        check(read_looks(looks, answer))
        if looks.name_failure is not None:
            looks.name_failure(status, fields)
    for reader in API_READERS.values():
        if reader.name_failure is not None:
            reader.name_failure(status, fields)
        page = reader.parse(answer, "https://a.org/")
        if page is not None:
            page.page.window(None, url="https://a.org/").model_dump_json()


def check(hits: list[Evidence] | None) -> None:
    for hit in ranked(hits or [], limit=20):
        json.loads(hit.model_dump_json())  # what is recorded must be writable
        assert is_web_url(hit.url)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_texts_are_one_line_and_cut(text: str) -> None:
    found = text_at({"a": text}, "a", most=40)
    assert len(found) <= 40
    assert "\n" not in found


def test_days_are_read_as_services_write_them() -> None:
    cases = {
        "Nov 3, 2023": "2023-11-03",
        "2023-11-03T10:00:00Z": "2023-11-03",
        "3 November 2023": "2023-11-03",
        "2 weeks ago": None,
        "2023": None,
        "": None,
    }
    assert {text: day_at({"d": text}, "d") for text in cases} == cases


URLS = st.lists(
    st.sampled_from([f"https://{host}.org/{page}" for host in "abc" for page in "xyz"]), unique=True
)


@given(st.lists(URLS, min_size=1, max_size=4), st.integers(1, 10))
def test_merging_keeps_every_page_once_and_what_all_name_first(
    lists: list[list[str]], limit: int
) -> None:
    hits = [[page_hit(url, title=url, snippet="", query="q") for url in urls] for urls in lists]
    merged = merge(hits, limit=limit)
    urls = [hit.url for hit in merged]
    everything = {url for listed in lists for url in listed}
    assert len(urls) == len(set(urls)) == min(limit, len(everything))
    scores = [hit.score or 0.0 for hit in merged]
    assert scores == sorted(scores, reverse=True)
    assert [hit.rank for hit in merged] == list(range(len(merged)))
    tops = {listed[0] for listed in lists if listed}
    if len(tops) == 1 and all(lists):
        assert urls[0] == tops.pop()


def test_one_page_under_two_spellings_is_one() -> None:
    first = page_hit("https://www.a.org/x/", title="A", snippet="", query="q")
    second = page_hit("http://a.org/x", title="A", snippet="words", query="q")
    (only,) = merge([[first], [second]], limit=5)
    assert (only.url, only.snippet) == (first.url, "words")
