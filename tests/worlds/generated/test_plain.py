"""Plain tasks: one thing by its place, one relation or two, and a caption that tells no name."""

import re

import pytest

from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.generated.tasks import make_tasks

_NUM_TASKS = 24


def _drafts(split: str) -> tuple[Graph, list[TaskDraft]]:
    spec = spec_named("toy", seed=5, split=split)
    graph = Graph.of(spec)
    found = make_tasks(
        spec,
        graph,
        PageSet.of(graph),
        limit=_NUM_TASKS,
        place=lambda scene: place_scene(spec, scene, graph.entities),
    )
    return graph, list(found)


@pytest.fixture(scope="module", params=["train", "test"])
def made(request: pytest.FixtureRequest) -> tuple[Graph, list[TaskDraft]]:
    return _drafts(request.param)


def test_plain_tasks_are_short_and_alike_in_all_splits(
    made: tuple[Graph, list[TaskDraft]],
) -> None:
    _, drafts = made
    assert {draft.strata["shape"] for draft in drafts} == {"position"}
    assert {draft.strata["hops"] for draft in drafts} == {"1", "2"}
    assert {draft.strata["frame"] for draft in drafts} == {"plain"}
    assert len({draft.strata["path"] for draft in drafts}) > _NUM_TASKS / 2
    assert all(draft.question.startswith("Find ") for draft in drafts)


def test_a_caption_has_the_box_that_is_asked_about_and_no_name(
    made: tuple[Graph, list[TaskDraft]],
) -> None:
    graph, drafts = made
    names = [entity.name for entity in graph.entities.values()]
    for draft in drafts:
        assert draft.caption is not None
        look = next(hop for hop in draft.hops if hop.kind is HopKind.LOOK)
        assert look.box is not None
        corners = ", ".join(str(int(corner)) for corner in look.box.thousandths())
        [line] = [one for one in draft.caption.splitlines() if one.endswith(f"[{corners}]")]
        assert len(line.split("; ")) > 2, "the place that the question goes by stands there"
        assert draft.caption.count("[") == len(draft.scene.entity_ids)
        assert not [name for name in names if re.search(rf"\b{re.escape(name)}\b", draft.caption)]


def test_the_caption_comes_with_the_task(made: tuple[Graph, list[TaskDraft]]) -> None:
    _, drafts = made
    task = drafts[0].task(images=(), world_id="w")
    assert task.extra == {"caption": drafts[0].caption}
