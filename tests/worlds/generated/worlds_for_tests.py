"""Small generated worlds for tests, and a way to place things without drawing them."""

from collections.abc import Mapping
from functools import cache

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.entities import SceneSpec
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for
from vision_deepresearch.worlds.generated.tasks import make_tasks

SPEC = WorldSpec(preset="test", seed=7, num_entities=300, num_tasks=90)


@cache
def a_graph() -> Graph:
    return Graph.of(SPEC)


@cache
def some_pages() -> PageSet:
    return PageSet.of(a_graph())


@cache
def some_drafts() -> tuple[TaskDraft, ...]:
    """Ninety ordinary drafts."""
    return tuple(make_tasks(SPEC, a_graph(), some_pages(), limit=90, place=place_on_grid))


def place_on_grid(scene: SceneSpec) -> Mapping[str, Box]:
    """Two rows, every thing in its own cell, a little off its middle."""
    rng = rng_for(SPEC.root, "grid", scene.id)
    columns = -(-len(scene.entity_ids) // 2)
    boxes: dict[str, Box] = {}
    for number, entity_id in enumerate(scene.entity_ids):
        row, column = divmod(number, columns)
        x = (column + 0.1 + 0.1 * rng.random()) / columns
        y = 0.5 * row + 0.05 + 0.05 * rng.random()
        boxes[entity_id] = Box.clipped(x, y, x + 0.7 / columns, y + 0.35)
    return boxes
