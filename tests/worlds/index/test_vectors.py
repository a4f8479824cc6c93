"""What every vector index promises: faiss flat, faiss HNSW, Qdrant in memory and in a folder."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.worlds.index.vectors import (
    Metric,
    VectorIndex,
    VectorManifest,
    Vectors,
    embedder_identity,
)
from vision_deepresearch.worlds.index.vectors_faiss import (
    FLAT_UP_TO,
    HNSW_UP_TO,
    FaissVectors,
    VectorMethod,
    method_for,
)

qdrant = pytest.importorskip("vision_deepresearch.worlds.index.qdrant")

KINDS = ("flat", "hnsw", "ivf", "qdrant in memory", "qdrant in a folder")
EMBEDDER = embedder_identity(name="test", revision="1", preprocessing="none")
WIDTH = 16


def a_manifest(
    *, metric: Metric = Metric.COSINE, dimension: int = WIDTH, embedder: str = EMBEDDER
) -> VectorManifest:
    return VectorManifest(dimension=dimension, metric=metric, embedder=embedder)


def a_policy() -> CallPolicy:
    return CallPolicy(WorldError, rng=random.Random(0))


def some_vectors(count: int, *, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


@asynccontextmanager
async def an_index(kind: str, manifest: VectorManifest, folder: Path) -> AsyncIterator[VectorIndex]:
    if kind in {"flat", "hnsw", "ivf"}:
        yield FaissVectors.empty(manifest, method=VectorMethod(kind), expected=1)
        return
    async with qdrant.qdrant_here(folder if "folder" in kind else None) as client:
        yield await qdrant.QdrantVectors.create(
            client, collection="pictures", manifest=manifest, policy=a_policy()
        )


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("metric", list(Metric))
async def test_the_nearest_come_first_as_a_plain_count_has_it(
    kind: str, metric: Metric, tmp_path: Path
) -> None:
    vectors, queries = some_vectors(60), some_vectors(10, seed=1)
    ids = [7 * number + 1 for number in range(60)]
    async with an_index(kind, a_manifest(metric=metric), tmp_path) as index:
        assert (await index.add(ids, vectors)).num_added == 60
        assert await index.count() == 60
        for query in queries:
            if metric is Metric.L2:
                scores = -np.linalg.norm(vectors - query, axis=1)
            else:
                scores = vectors @ query
            if metric is Metric.COSINE:
                scores /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
            expected = np.argsort(-scores)[:10]
            found = await index.search(query, 10)
            assert [hit.id for hit in found] == [ids[place] for place in expected]
            assert [hit.score for hit in found] == pytest.approx(scores[expected], abs=1e-4)


async def test_equal_scores_come_by_id(kind: str, tmp_path: Path) -> None:
    ids = list(range(20))
    random.Random(3).shuffle(ids)
    vectors = np.repeat(some_vectors(1), 20, axis=0)
    async with an_index(kind, a_manifest(), tmp_path) as index:
        await index.add(ids, vectors)
        assert [hit.id for hit in await index.search(vectors[0], 5)] == [0, 1, 2, 3, 4]


async def test_what_has_an_id_stays_as_it_is(kind: str, tmp_path: Path) -> None:
    vectors = some_vectors(4)
    async with an_index(kind, a_manifest(), tmp_path) as index:
        await index.add([1, 2], vectors[:2])
        again = await index.add([2, 3], vectors[2:])
        assert (again.num_added, again.num_known) == (1, 1)
        assert await index.count() == 3
        assert (await index.search(vectors[1], 1))[0].id == 2


async def test_an_empty_index_and_an_empty_wish_give_nothing(kind: str, tmp_path: Path) -> None:
    query = some_vectors(1)[0]
    async with an_index(kind, a_manifest(), tmp_path) as index:
        assert await index.search(query, 5) == []
        assert (await index.add([], some_vectors(0))).num_added == 0
        await index.add([5], some_vectors(1))
        assert await index.search(query, 0) == []
        assert await index.search(query, -1) == []
        assert len(await index.search(query, 100)) == 1


@pytest.mark.parametrize(
    ("ids", "vectors", "told"),
    [
        ([1, 1], some_vectors(2), "distinct ids"),
        ([-1], some_vectors(1), "distinct ids"),
        ([1], some_vectors(2), "shape"),
        ([1], some_vectors(1)[:, :5], "shape"),
        ([1], some_vectors(1).astype(np.float64), "float32"),
        ([1], np.full((1, WIDTH), np.nan, np.float32), "finite"),
        ([1], np.zeros((1, WIDTH), np.float32), "direction"),
    ],
)
async def test_vectors_that_do_not_fit_are_refused_whole(
    kind: str, ids: list[int], vectors: Vectors, told: str, tmp_path: Path
) -> None:
    async with an_index(kind, a_manifest(), tmp_path) as index:
        with pytest.raises(ConfigError, match=told):
            await index.add(ids, vectors)
        assert await index.count() == 0


async def test_a_query_of_another_embedder_is_refused(kind: str, tmp_path: Path) -> None:
    async with an_index(kind, a_manifest(), tmp_path) as index:
        await index.add([1], some_vectors(1))
        with pytest.raises(ConfigError, match="use the embedder of the index"):
            await index.search(np.ones(WIDTH + 1, np.float32), 3)


async def test_searches_may_run_at_the_same_time(kind: str, tmp_path: Path) -> None:
    vectors = some_vectors(50)
    async with an_index(kind, a_manifest(), tmp_path) as index:
        await index.add(list(range(50)), vectors)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(index.search(one, 1)) for one in vectors]
        assert [task.result()[0].id for task in tasks] == list(range(50))


@pytest.mark.parametrize(
    "other",
    [
        a_manifest(metric=Metric.L2),
        a_manifest(dimension=WIDTH * 2),
        a_manifest(embedder=embedder_identity(name="test", revision="2", preprocessing="none")),
    ],
    ids=["metric", "dimension", "embedder"],
)
async def test_an_index_of_other_vectors_is_not_opened(
    other: VectorManifest, tmp_path: Path
) -> None:
    folder = tmp_path / "faiss"
    FaissVectors.empty(a_manifest()).save(folder)
    FaissVectors.open(folder, expected=a_manifest())
    with pytest.raises(ConfigError, match="use the embedder it was made with"):
        FaissVectors.open(folder, expected=other)
    async with qdrant.qdrant_here() as client:
        made = {"collection": "pictures", "policy": a_policy()}
        await qdrant.QdrantVectors.create(client, manifest=a_manifest(), **made)
        await qdrant.QdrantVectors.create(client, manifest=a_manifest(), **made)
        await qdrant.QdrantVectors.open(client, expected=a_manifest(), **made)
        with pytest.raises(ConfigError, match="use the embedder it was made with"):
            await qdrant.QdrantVectors.open(client, expected=other, **made)
        with pytest.raises(ConfigError, match="use the embedder it was made with"):
            await qdrant.QdrantVectors.create(client, manifest=other, **made)


# ---------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("method", list(VectorMethod))
async def test_a_saved_index_answers_the_same_and_goes_on(
    method: VectorMethod, tmp_path: Path
) -> None:
    vectors, query = some_vectors(200), some_vectors(1, seed=2)[0]
    index = FaissVectors.empty(a_manifest(), method=method, expected=200)
    await index.add(list(range(100)), vectors[:100])
    index.save(tmp_path / "kept")
    opened = FaissVectors.open(tmp_path / "kept", expected=a_manifest())
    assert opened.method is method
    assert await opened.search(query, 10) == await index.search(query, 10)
    added = await opened.add(list(range(200)), vectors)
    assert (added.num_added, added.num_known) == (100, 100)
    opened.save(tmp_path / "kept")
    again = FaissVectors.open(tmp_path / "kept", expected=a_manifest())
    assert await again.search(query, 10) == await opened.search(query, 10)


@pytest.mark.parametrize("method", [VectorMethod.HNSW, VectorMethod.IVF])
async def test_two_builds_are_the_same_bytes(method: VectorMethod, tmp_path: Path) -> None:
    for name in ("one", "two"):
        index = FaissVectors.empty(a_manifest(), method=method, expected=500)
        await index.add(list(range(500)), some_vectors(500))
        index.save(tmp_path / name)
    files = ["vectors.faiss", "ids.npy", "manifest.json"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(files)


@pytest.mark.parametrize(("method", "least"), [(VectorMethod.HNSW, 970), (VectorMethod.IVF, 800)])
def test_an_approximate_index_finds_nearly_all_that_a_full_count_finds(
    method: VectorMethod, least: int
) -> None:
    vectors, queries = some_vectors(5000), some_vectors(100, seed=1)
    exact = FaissVectors.empty(a_manifest())
    index = FaissVectors.empty(a_manifest(), method=method, expected=5000)
    for one in (exact, index):
        one.put(list(range(5000)), vectors)
    num_same = 0
    for query in queries:
        first, second = [{hit.id for hit in one.nearest(query, 10)} for one in (exact, index)]
        num_same += len(first & second)
    assert num_same >= least, "of 1,000; shapeless vectors are the worst case for lists"


async def test_lists_are_not_laid_from_a_handful() -> None:
    index = FaissVectors.empty(a_manifest(), method=VectorMethod.IVF, expected=10_000)
    with pytest.raises(ConfigError, match="bring more at first"):
        await index.add(list(range(50)), some_vectors(50))
    assert await index.count() == 0
    await index.add(list(range(3000)), some_vectors(3000))
    assert index.parameters == {"lists": 156, "probes": 16}
    assert await index.count() == 3000


def test_the_method_goes_by_size() -> None:
    sizes = (0, FLAT_UP_TO, FLAT_UP_TO + 1, HNSW_UP_TO, HNSW_UP_TO + 1)
    assert [method_for(size).value for size in sizes] == ["flat", "flat", "hnsw", "hnsw", "ivf"]


@pytest.mark.parametrize("harm", ["cut", "flipped", "other ids", "no manifest", "odd manifest"])
async def test_a_damaged_folder_is_not_opened(harm: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    index = FaissVectors.empty(a_manifest(), method=VectorMethod.HNSW)
    await index.add(list(range(50)), some_vectors(50))
    index.save(folder)
    vectors, ids, manifest = (
        folder / name for name in ("vectors.faiss", "ids.npy", "manifest.json")
    )
    match harm:
        case "cut":
            vectors.write_bytes(vectors.read_bytes()[:-100])
        case "flipped":
            data = bytearray(vectors.read_bytes())
            data[len(data) // 2] ^= 0xFF
            vectors.write_bytes(data)
        case "other ids":
            np.save(ids, np.arange(1, 51))
        case "no manifest":
            manifest.unlink()
        case _:
            content = json.loads(manifest.read_text())
            content["manifest"]["version"] = "0"
            manifest.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="build it again"):
        FaissVectors.open(folder, expected=a_manifest())


def test_the_identity_of_an_embedder_tells_all_that_decides_its_vectors() -> None:
    parts = {"name": "a", "revision": "b", "preprocessing": "c"}
    known = {embedder_identity(**parts)}
    for key in parts:
        known.add(embedder_identity(**{**parts, key: "x"}))
    assert len(known) == 4


async def test_a_folder_of_qdrant_is_found_again(tmp_path: Path) -> None:
    vectors = some_vectors(30)
    for expected in (0, 30):
        async with an_index("qdrant in a folder", a_manifest(), tmp_path) as index:
            assert await index.count() == expected
            await index.add(list(range(30)), vectors)
            assert (await index.search(vectors[9], 1))[0].id == 9
