"""What lets a world grow: nothing depends on the number of processes or on who asks first."""

import random
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from typing_extensions import override

from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.cultures import CULTURES_OF
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.names import NameMaker
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.pictures import draw_pictures
from vision_deepresearch.worlds.generated.plan import PageKind, picture_url
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

_T = TypeVar("_T")
NUM_KNOWN = 45
PARTLY_KNOWN = WorldSpec(
    preset="test", seed=3, num_entities=150, num_tasks=3, num_pictures=NUM_KNOWN
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which image search knows 45 of some 90 pictures."""
    path = tmp_path_factory.mktemp("worlds") / "partly"
    build_world(PARTLY_KNOWN, path)
    return path


def test_the_pages_that_show_a_thing_are_found_without_writing_all_pages() -> None:
    graph = Graph.of(WorldSpec(preset="test", num_entities=500, num_tasks=1, p_outdated=0.5))
    pages = PageSet.of(graph)
    shown: dict[str, dict[str, str]] = {}
    for record in pages.all_urls():
        for picture in pages.pictures(record.url):
            shown.setdefault(picture.entity_id, {}).setdefault(record.url, picture.caption)
    assert len(shown) == len(graph.pictured())
    for thing, expected in shown.items():
        assert list(pages.pages_showing(thing)) == list(expected.items())


def test_several_processes_draw_what_one_draws(tmp_path: Path) -> None:
    spec = WorldSpec(preset="test", num_entities=350, num_tasks=1)
    things = Graph.of(spec).pictured()[:200]
    one, two = tmp_path / "one", tmp_path / "two"
    refs = [[d.ref for d in draw_pictures(spec, things, blobs=one, jobs=1)]]
    refs.append([d.ref for d in draw_pictures(spec, things, blobs=two, jobs=2)])
    assert refs[0] == refs[1]
    assert _content(one) == _content(two)
    assert len(_content(one)) == len(things)


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_questions_look_only_at_what_image_search_knows(folder: Path) -> None:
    world, truth = GeneratedWorld.open(folder), open_truth(folder)
    assert world.manifest().counts["pictures"] == NUM_KNOWN
    known = {world.pages.article(thing.id) for thing in world.pages.graph.known_by_sight()}
    proofs = [truth.proof(task.id) for task in world.tasks()]
    looked_at = {
        hop.pages[0]
        for proof in proofs
        if proof is not None
        for hop in proof.hops
        if hop.kind is HopKind.LOOK
    }
    assert len(looked_at) >= len(proofs) == PARTLY_KNOWN.num_tasks
    assert looked_at <= known


async def test_a_picture_that_was_never_kept_is_drawn_when_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    world = GeneratedWorld.open(folder)
    thing = world.pages.graph.pictured()[NUM_KNOWN + 1]
    (drawn,) = draw_pictures(PARTLY_KNOWN, [thing], blobs=tmp_path, jobs=1)
    asset = await world.asset(picture_url(thing.id))
    assert asset.ref == drawn.ref
    assert not (folder / "blobs" / drawn.ref.sha256[:2] / drawn.ref.sha256[2:]).exists()


def test_a_world_that_knows_fewer_pictures_is_another_world() -> None:
    whole = PARTLY_KNOWN.model_copy(update={"num_pictures": None})
    assert whole.world_id() != PARTLY_KNOWN.world_id()


def test_long_lists_come_in_parts_that_lead_to_each_other() -> None:
    spec = WorldSpec(preset="test", num_entities=34_000, num_tasks=1)
    pages = PageSet.of(Graph.of(spec))
    parts = [record for record in pages.all_urls() if "List_of_museums" in record.url]
    members = [member for part in parts for member in part.about]
    museums = [b.id for b in pages.graph.of_type(EntityType.BUILDING) if b.kind == "museum"]
    assert members == museums
    assert spec.list_limit is not None
    assert len(parts) == 1 + (len(museums) - 1) // spec.list_limit > 1
    for before, after in pairwise(parts):
        assert f'href="{after.url}"'.encode() in pages.render_html(before.url)
        assert f'href="{before.url}"'.encode() in pages.render_html(after.url)


def test_worlds_without_a_limit_have_no_list_that_would_exceed_it() -> None:
    at_the_edge = WorldSpec(preset="test", num_entities=11_000, num_tasks=1)
    beyond = at_the_edge.model_copy(update={"num_entities": 11_001})
    assert at_the_edge.list_limit is None
    assert beyond.list_limit is not None
    lists = [r for r in PageSet.of(Graph.of(at_the_edge)).all_urls() if r.kind is PageKind.LIST]
    assert len(lists) > 30
    assert max(len(record.about) for record in lists) <= beyond.list_limit


class _OneCulture(random.Random):
    """Draws as ever, but always the culture with the fewest roots."""

    @override
    def choice(self, seq: "SupportsLenAndGetItem[_T]") -> _T:
        return seq[2] if seq is CULTURES_OF["train"] else super().choice(seq)


def test_names_go_on_when_a_culture_has_used_up_its_roots() -> None:
    names = NameMaker(_OneCulture(7))
    found = [names.organisation("bank").canonical for _ in range(16_000)]
    assert len(set(found)) == len(found)
    assert sum(len(name) for name in found[-100:]) > sum(len(name) for name in found[:100])
