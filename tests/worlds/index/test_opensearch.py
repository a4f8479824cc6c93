"""What every text index promises, asked of the embedded one and of one behind OpenSearch's API.

The second is asked in three forms: one shard, three shards, and as Elasticsearch. The server is a
double on loopback that really scores; a real one was not run.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.worlds.generated.worlds_for_tests import some_pages
from tests.worlds.index.opensearch_double import OpenSearchDouble
from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.worlds.generated.world import plain_text
from vision_deepresearch.worlds.index.opensearch import (
    MAX_LIMIT,
    OpenSearchTexts,
    filling,
    reading,
)
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace
from vision_deepresearch.worlds.index.seam import BesideUs
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex, TextLayout

DOCS = (
    TextDoc(id=0, title="Osterholm", text="A town on a river. Its lighthouse was built in 1871."),
    TextDoc(id=1, title="Lighthouse of Varn", text="Stands on a cape. Painted red and white."),
    TextDoc(id=2, title="東京タワー", text="東京タワーは1958年に開業した電波塔である。"),
    TextDoc(id=3, title="京都駅", text="京都駅は京都市にある。"),
    TextDoc(id=4, title="Café Naïve", text="The painter's café, O'Neil's favourite."),
    TextDoc(
        id=5,
        title="Maria Velten",
        text="A printer from Osterholm.",
        headings="Life and works",
        names=("M. Velten", "The Printer of Osterholm"),
    ),
    TextDoc(id=6, title="", text=""),
)
KINDS = ("embedded", "one shard", "three shards", "elasticsearch")


def a_policy() -> CallPolicy:
    async def hardly_sleep(_: float) -> None:
        await asyncio.sleep(0)

    return CallPolicy(WorldError, rng=random.Random(0), sleep=hardly_sleep)


def words_of(folder: Path, docs: Iterable[TextDoc] = DOCS) -> TextIndex:
    return TextIndex.build(folder / "text", docs)


def place_on(server: OpenSearchDouble, *, shards: int = 1) -> OpenSearchPlace:
    return OpenSearchPlace(url=server.url, index="mine", shards=shards, bulk_docs=200)


@asynccontextmanager
async def filled(
    server: OpenSearchDouble, texts: TextIndex, docs: Iterable[TextDoc], *, shards: int = 1
) -> AsyncIterator[OpenSearchTexts]:
    """An index on the double, filled, complete and opened for reading."""
    place, world = place_on(server, shards=shards), {"world_id": "w1", "content": "c1"}
    async with filling(place, terms=texts, policy=a_policy(), **world) as store:
        added = await store.add(docs)
        assert not added.refused
        await store.refresh()
        await store.seal()
    async with reading(place, terms=texts, policy=a_policy(), **world) as store:
        yield store
    assert not server.surprises


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TextIndex:
    """The embedded index of the seven pages."""
    return words_of(tmp_path_factory.mktemp("seven"))


@pytest.fixture(params=KINDS)
async def store(
    request: pytest.FixtureRequest, texts: TextIndex
) -> AsyncIterator[BesideUs | OpenSearchTexts]:
    """Seven pages behind each kind of index."""
    if request.param == "embedded":
        yield BesideUs(texts)
        return
    distribution = None if request.param == "elasticsearch" else "opensearch"
    shards = 3 if request.param == "three shards" else 1
    with OpenSearchDouble(distribution=distribution) as server:
        async with filled(server, texts, DOCS, shards=shards) as opened:
            yield opened


async def _ids(store: BesideUs | OpenSearchTexts, query: str, limit: int = 10) -> list[int]:
    return [hit.id for hit in await store.search(query, limit)]


# --------------------------------------------------------------------------------- the contract


async def test_a_title_match_comes_before_a_mention(store: BesideUs | OpenSearchTexts) -> None:
    assert await _ids(store, "lighthouse") == [1, 0]


async def test_words_are_folded_stemmed_and_cut_alike(store: BesideUs | OpenSearchTexts) -> None:
    assert await _ids(store, "cafe naive painting") == [4, 1]
    assert await _ids(store, "oneils") == [4]
    assert await _ids(store, "東京タワー 開業") == [2]
    assert await _ids(store, "京都") == [3]


async def test_a_page_is_found_once_by_any_of_its_names(
    store: BesideUs | OpenSearchTexts,
) -> None:
    found = await _ids(store, "printer of Osterholm")
    assert found[0] == 5
    assert found.count(5) == 1
    assert await _ids(store, "M. Velten") == [5]


@pytest.mark.parametrize(
    "query",
    ['title:lighthouse AND (NOT "red^2', "* ? /lighthouse/ +-lighthouse", "\ud800lighthouse"],
)
async def test_signs_of_query_languages_mean_nothing(
    store: BesideUs | OpenSearchTexts, query: str
) -> None:
    assert 1 in await _ids(store, query)


@pytest.mark.parametrize("query", ["", '"()^~:', "the of and", "\x00", "\ud800", "unheardof"])
async def test_words_that_stand_nowhere_find_nothing(
    store: BesideUs | OpenSearchTexts, query: str
) -> None:
    assert await _ids(store, query) == []


@pytest.mark.parametrize("limit", [-1, 0, 1])
async def test_no_more_hits_come_than_were_asked_for(
    store: BesideUs | OpenSearchTexts, limit: int
) -> None:
    assert len(await _ids(store, "lighthouse", limit)) == max(limit, 0)


async def test_a_pasted_page_is_a_query(store: BesideUs | OpenSearchTexts) -> None:
    page = "lighthouse " + " ".join(f"word{k}" for k in range(20_000))
    assert len(page) > 100_000
    assert set(await _ids(store, page)) == {0, 1}


@pytest.mark.parametrize("shards", [1, 3])
async def test_equal_scores_come_by_id_however_many_there_are(tmp_path: Path, shards: int) -> None:
    docs = [TextDoc(id=number, title=f"page {number}", text="same words") for number in range(300)]
    random.Random(1).shuffle(docs)
    texts = words_of(tmp_path, docs)
    with OpenSearchDouble() as server:
        async with filled(server, texts, docs, shards=shards) as store:
            for limit in (1, 10, 250, 300, 1000):
                expected = list(range(min(limit, 300)))
                assert await _ids(store, "same words", limit) == expected
                assert await _ids(BesideUs(texts), "same words", limit) == expected


async def test_a_page_with_many_names_leaves_room_for_others(tmp_path: Path) -> None:
    names = tuple(f"Lighthouse {number}" for number in range(200))
    docs = (replace(DOCS[1], names=names), *DOCS[:1], *DOCS[2:])
    texts = words_of(tmp_path, docs)
    with OpenSearchDouble() as server:
        async with filled(server, texts, docs) as store:
            assert await _ids(store, "lighthouse", 2) == [1, 0]
            bodies = [one.body for one in server.requests if one.path.endswith("/_search")]
            offsets = [json.loads(body)["from"] for body in bodies]
            assert offsets == [0, 34, 34 + 102]


async def test_more_hits_than_the_server_looks_for_are_a_typed_error(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    with OpenSearchDouble() as server:
        async with filled(server, texts, DOCS) as store:
            assert await _ids(store, "lighthouse", MAX_LIMIT) == [1, 0]
            with pytest.raises(WorldError, match="ask for fewer") as caught:
                await store.search("lighthouse", MAX_LIMIT + 1)
            assert caught.value.kind is FailureKind.BAD_ARGS


# ----------------------------------------------------------------------------------- agreement


@pytest.mark.parametrize("layout", list(TextLayout))
@pytest.mark.parametrize("shards", [1, 3])
async def test_both_rank_a_generated_web_alike(
    tmp_path: Path, layout: TextLayout, shards: int
) -> None:
    """Names and eight-word fragments over some 550 pages. Measured: 80 of 80 the same ten in order."""
    pages = some_pages()
    docs = [
        TextDoc(id=number, title=record.title, text=plain_text(pages.document(record.url)))
        for number, record in enumerate(pages.all_urls())
    ]
    rng = random.Random(5)
    queries = [rng.choice(docs).title for _ in range(40)]
    for _ in range(40):
        words = rng.choice(docs).text.split()
        start = rng.randrange(max(1, len(words) - 8))
        queries.append(" ".join(words[start : start + 8]))
    texts = TextIndex.build(tmp_path / "text", docs, layout=layout)
    overlaps: list[float] = []
    num_same = 0
    with OpenSearchDouble() as server:
        async with filled(server, texts, docs, shards=shards) as store:
            for query in queries:
                here = [hit.id for hit in texts.search(query, 10)]
                there = await _ids(store, query)
                overlaps.append(len(set(here) & set(there)) / max(1, len(here)))
                num_same += here == there
    assert sum(overlaps) == len(queries)
    assert num_same == len(queries)


# --------------------------------------------------------------------------- whose index it is


async def test_an_index_tells_what_is_in_it(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    with OpenSearchDouble() as server:
        async with filled(server, texts, DOCS) as store:
            stats = await store.stats()
    assert (stats.num_pages, stats.num_names) == (7, 2)
    assert stats.engine == "opensearch 3.1.0"


async def test_what_was_added_is_found_after_a_refresh(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    with OpenSearchDouble() as server:
        async with filling(
            place_on(server), terms=texts, policy=a_policy(), world_id="w1", content="c1"
        ) as store:
            await store.add(DOCS)
            assert await _ids(store, "lighthouse") == []
            await store.refresh()
            assert await _ids(store, "lighthouse") == [1, 0]


async def test_an_index_that_was_not_filled_to_the_end_is_not_opened(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    world = {"world_id": "w1", "content": "c1"}
    with OpenSearchDouble() as server:
        place = place_on(server)
        with pytest.raises(ConfigError, match=r"it is not there: fill it with `vdr world push"):
            async with reading(place, terms=texts, policy=a_policy(), **world):
                pass
        async with filling(place, terms=texts, policy=a_policy(), **world) as store:
            await store.add(DOCS)
        with pytest.raises(ConfigError, match="was not filled to the end"):
            async with reading(place, terms=texts, policy=a_policy(), **world):
                pass


async def test_an_index_of_another_world_or_of_other_words_is_not_opened(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    other = TextIndex.build(tmp_path / "other", DOCS, layout=TextLayout.DOCUMENTS)
    with OpenSearchDouble() as server:
        async with filled(server, texts, DOCS):
            pass
        for terms, world_id, content in (
            (texts, "w2", "c1"),
            (texts, "w1", "c2"),
            (other, "w1", "c1"),
        ):
            for opening in (reading, filling):
                with pytest.raises(ConfigError, match=r"name another index|into a new index"):
                    async with opening(
                        place_on(server),
                        terms=terms,
                        policy=a_policy(),
                        world_id=world_id,
                        content=content,
                    ):
                        pass


async def test_an_index_somebody_else_made_is_not_touched(tmp_path: Path) -> None:
    texts = words_of(tmp_path)
    with OpenSearchDouble() as server:
        async with filled(server, texts, DOCS):
            pass
        server.indexes["mine"].mappings["_meta"] = {"owner": "somebody"}
        with pytest.raises(ConfigError, match="name another index"):
            async with filling(
                place_on(server), terms=texts, policy=a_policy(), world_id="w1", content="c1"
            ):
                pass
