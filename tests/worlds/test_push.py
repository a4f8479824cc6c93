"""A whole world brought to a search server, and searched there like here."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import write_manual
from tests.worlds.index.opensearch_double import Fault, OpenSearchDouble
from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.protocols import World
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.opensearch import reading
from vision_deepresearch.worlds.index.opensearch_wire import OpenSearchPlace
from vision_deepresearch.worlds.index.text import TextIndex
from vision_deepresearch.worlds.push import IndexedWorld, SearchedElsewhere, push_world


def a_policy(*, max_attempts: int = 3) -> CallPolicy:
    async def hardly_sleep(_: float) -> None:
        await asyncio.sleep(0)

    settings = CallSettings(max_attempts=max_attempts)
    return CallPolicy(WorldError, rng=random.Random(0), settings=settings, sleep=hardly_sleep)


@pytest.fixture
def server() -> Iterator[OpenSearchDouble]:
    with OpenSearchDouble() as one:
        yield one
    assert not one.surprises


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CorpusWorld]:
    root = write_manual(tmp_path_factory.mktemp("source") / "manual")
    out = tmp_path_factory.mktemp("out") / "world"
    import_source(FolderSource(root), out, base_url="https://manual.example/")
    opened = CorpusWorld.open(out)
    yield opened
    opened.close()


def place_on(server: OpenSearchDouble) -> OpenSearchPlace:
    return OpenSearchPlace(url=server.url, index="mine", bulk_docs=50)


@asynccontextmanager
async def elsewhere(world: IndexedWorld, server: OpenSearchDouble) -> AsyncIterator[World]:
    """The world, its pages found by the server."""
    async with reading(
        place_on(server),
        terms=world.texts,
        policy=a_policy(),
        world_id=world.manifest().world_id,
        content=world.texts.facts["content"],
    ) as store:
        yield SearchedElsewhere(world, store=store)


def but_for_scores(found: list[Evidence]) -> list[Evidence]:
    return [one.model_copy(update={"score": None}) for one in found]


async def test_a_generated_world_is_found_elsewhere_as_it_is_here(
    tiny_world: Path, server: OpenSearchDouble
) -> None:
    world = GeneratedWorld.open(tiny_world)
    told: list[tuple[str, int, int]] = []
    pushed = await push_world(
        world,
        place_on(server),
        policy=a_policy(),
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    num_pages = world.manifest().counts["pages"]
    assert pushed.is_complete
    assert (pushed.added.num_added, pushed.stats.num_pages) == (num_pages, num_pages)
    assert told[0] == ("pages sent", 0, num_pages)
    assert told[-1] == ("pages sent", num_pages, num_pages)
    async with elsewhere(world, server) as there:
        for task in world.tasks(10):
            here = await world.search_text(task.question, limit=10)
            assert len(here) == 10
            found = await there.search_text(task.question, limit=10)
            assert but_for_scores(found) == but_for_scores(here)
        url = world.pages.all_urls()[0].url
        assert await there.read(url) == await world.read(url)
        assert there.manifest() == world.manifest()


def test_a_world_tells_the_texts_its_own_index_was_made_of(
    tiny_world: Path, manual: CorpusWorld, tmp_path: Path
) -> None:
    worlds: tuple[IndexedWorld, ...] = (GeneratedWorld.open(tiny_world), manual)
    for number, world in enumerate(worlds):
        again = TextIndex.build(
            tmp_path / str(number), world.text_docs(), layout=world.texts.layout
        )
        assert again.facts == world.texts.facts


async def test_a_corpus_is_found_elsewhere_by_its_other_names_too(
    manual: CorpusWorld, server: OpenSearchDouble
) -> None:
    assert (await push_world(manual, place_on(server), policy=a_policy())).is_complete
    async with elsewhere(manual, server) as there:
        for query in ("lamps", "whale oil", "keepers wardens", "no such thing at all"):
            here = await manual.search_text(query, limit=5)
            assert but_for_scores(await there.search_text(query, limit=5)) == but_for_scores(here)


async def test_a_push_that_was_stopped_goes_on_and_is_searched_only_when_whole(
    manual: CorpusWorld, server: OpenSearchDouble
) -> None:
    place = place_on(server).model_copy(update={"bulk_docs": 2})
    server.faults = [Fault(path="/_bulk", status=503, is_done=True)]
    with pytest.raises(WorldError, match="503"):
        await push_world(manual, place, policy=a_policy(max_attempts=1))
    with pytest.raises(ConfigError, match="was not filled to the end"):
        async with elsewhere(manual, server):
            pass
    again = await push_world(manual, place, policy=a_policy())
    assert again.is_complete
    assert again.added.num_known > 0
    num_requests = len(server.bulk_sizes())
    third = await push_world(manual, place, policy=a_policy())
    assert third.is_complete
    assert third.stats == again.stats
    assert len(server.bulk_sizes()) == num_requests


async def test_an_index_that_lacks_a_page_is_never_searched(
    manual: CorpusWorld, server: OpenSearchDouble
) -> None:
    first = next(manual.text_docs()).id
    server.poisoned = frozenset({str(first)})
    pushed = await push_world(manual, place_on(server), policy=a_policy())
    assert not pushed.is_complete
    assert [one.id for one in pushed.added.refused] == [first]
    with pytest.raises(ConfigError, match="was not filled to the end"):
        async with elsewhere(manual, server):
            pass
    server.poisoned = frozenset()
    assert (await push_world(manual, place_on(server), policy=a_policy())).is_complete


async def test_a_world_folder_is_only_read(
    manual: CorpusWorld, tiny_world: Path, server: OpenSearchDouble
) -> None:
    generated = GeneratedWorld.open(tiny_world)
    for number, world in enumerate((manual, generated)):
        before = _state(world.folder)
        place = place_on(server).model_copy(update={"index": f"w{number}"})
        assert (await push_world(world, place, policy=a_policy())).is_complete
        found = await world.search_text("lamp harbour", limit=5)
        await world.read(found[0].url)
        assert _state(world.folder) == before


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_one_index_holds_one_world(
    manual: CorpusWorld, tiny_world: Path, server: OpenSearchDouble
) -> None:
    await push_world(manual, place_on(server), policy=a_policy())
    with pytest.raises(ConfigError, match=r"name another index|into a new index"):
        await push_world(GeneratedWorld.open(tiny_world), place_on(server), policy=a_policy())
