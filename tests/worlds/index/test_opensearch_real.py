"""The same promises asked of real servers, where one runs on this machine.

    docker compose -f docs/past-one-machine.yaml up -d opensearch qdrant
    pytest -m network tests/worlds/index/test_opensearch_real.py

Skipped where nothing listens; never part of the default run. What is made is deleted again.
"""

import random
import socket
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.worlds.generated.worlds_for_tests import some_pages
from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.worlds.generated.world import plain_text
from vision_deepresearch.worlds.index.opensearch import filling, reading
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace, OpenSearchWire
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex
from vision_deepresearch.worlds.index.vectors import VectorManifest

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(300)]
SEARCH_PORT, VECTOR_PORT = 9200, 6333


def _need(port: int) -> None:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)):
            pytest.skip(f"nothing listens on 127.0.0.1:{port}")


def a_policy() -> CallPolicy:
    return CallPolicy(WorldError, rng=random.Random(0))


@pytest.mark.parametrize("shards", [1, 3])
async def test_a_real_search_server_ranks_like_the_embedded_index(
    tmp_path: Path, shards: int
) -> None:
    _need(SEARCH_PORT)
    pages = some_pages()
    docs = [
        TextDoc(id=number, title=record.title, text=plain_text(pages.document(record.url)))
        for number, record in enumerate(pages.all_urls())
    ]
    texts = TextIndex.build(tmp_path / "text", docs)
    rng = random.Random(5)
    queries = [rng.choice(docs).title for _ in range(40)]
    place = OpenSearchPlace(
        url=f"http://127.0.0.1:{SEARCH_PORT}", index=f"vdr-check-{uuid.uuid4().hex}", shards=shards
    )
    policy, world = a_policy(), {"world_id": "w", "content": "c"}
    try:
        async with filling(place, terms=texts, policy=policy, **world) as store:
            assert (await store.add(docs)).num_added == len(docs)
            assert (await store.add(docs[:9])).num_known == 9
            with pytest.raises(ConfigError, match="was not filled to the end"):
                async with reading(place, terms=texts, policy=policy, **world):
                    pass
            await store.refresh()
            assert (await store.stats()).num_pages == len(docs)
            await store.seal()
        async with reading(place, terms=texts, policy=policy, **world) as store:
            num_same = 0
            for query in queries:
                there = [hit.id for hit in await store.search(query, 10)]
                num_same += len({hit.id for hit in texts.search(query, 10)} & set(there))
                assert len(there) == len(set(there))
            with pytest.raises(WorldError):
                await store.add(docs[:1])
    finally:
        async with OpenSearchWire(place, policy=policy) as wire:
            await wire.ask("DELETE", f"/{place.index}", what="deleting the index of the test")
    assert num_same >= 0.95 * 10 * len(queries)


async def test_a_real_qdrant_finds_what_was_added() -> None:
    _need(VECTOR_PORT)
    qdrant = pytest.importorskip("vision_deepresearch.worlds.index.qdrant")
    vectors = np.random.default_rng(0).normal(size=(500, 32)).astype(np.float32)
    name, manifest = f"vdr-check-{uuid.uuid4().hex}", VectorManifest(dimension=32, embedder="test")
    async with qdrant.qdrant_at(f"http://127.0.0.1:{VECTOR_PORT}") as client:
        made = {"collection": name, "policy": a_policy()}
        try:
            index = await qdrant.QdrantVectors.create(client, manifest=manifest, **made)
            assert (await index.add(list(range(500)), vectors)).num_added == 500
            assert (await index.add([1, 2], vectors[1:3])).num_known == 2
            again = await qdrant.QdrantVectors.open(client, expected=manifest, **made)
            for number in range(0, 500, 50):
                assert (await again.search(vectors[number], 1))[0].id == number
            other = manifest.model_copy(update={"embedder": "another"})
            with pytest.raises(ConfigError):
                await qdrant.QdrantVectors.open(client, expected=other, **made)
        finally:
            await client.delete_collection(name)
