"""`vdr bench world`: its object, on the smallest world that can be measured."""

import pytest
from pydantic import JsonValue

from vision_deepresearch.bench import world as bench
from vision_deepresearch.bench.world import Sizes, bench_world
from vision_deepresearch.bench.world_queries import drawn_scenes, known_items
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.world import plain_text

SPEC = WorldSpec(preset="test", seed=5, num_entities=200, num_tasks=1, num_pictures=40)
FIGURES = {
    "pages_per_s",
    "reference_images_per_s",
    "questions_per_s",
    "acceptance",
    "text_p50_ms",
    "text_hit10",
    "visual_tight_r3",
    "visual_loose_r3",
    "visual_full_r10",
    "visual_query_ms",
    "disk_mb",
    "peak_mb",
    "open_s",
    "list_page_p99_ms",
    "reference_images_per_s_wall",
}
"""The names that the design gives, and those of the targets."""


@pytest.fixture(scope="module")
def pages() -> PageSet:
    """A small web."""
    return PageSet.of(Graph.of(SPEC))


def test_the_object_has_every_figure_and_the_indexes_find_things(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = Sizes(pages=400, pictures=40, questions=12, queries=60)
    monkeypatch.setattr(bench, "QUICK", few)
    result = bench_world(quick=True, seed=5)
    assert set(result) == {"name", "settings", "figures", "baseline", "ratios"}
    settings, figures = result["settings"], result["figures"]
    assert isinstance(settings, dict)
    assert isinstance(figures, dict)
    assert settings["pictures"] == few.pictures
    assert set(figures) >= FIGURES
    # Guards against quadratic work, far from the targets: not a measurement.
    assert _number(figures, "pages_per_s") > 100
    assert _number(figures, "text_hit10") > 0.8
    assert _number(figures, "visual_tight_r3") > 0.85
    assert 0 < _number(figures, "acceptance") < 1
    funnel = figures["question_funnel"]
    assert isinstance(funnel, dict)
    steps = [_number(funnel, name) for name in funnel]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == few.questions
    holds = figures["holds"]
    assert isinstance(holds, dict)
    assert holds[">= 2,000 queries per figure"] is False
    assert "text hit@10 >= .78" not in holds, "a target of 200,000 pages"
    ratios = result["ratios"]
    assert isinstance(ratios, dict)
    assert set(ratios) == {"bare_tantivy", "text_scan", "visual_scan"}


def _number(figures: dict[str, JsonValue], name: str) -> float:
    value = figures[name]
    assert isinstance(value, int | float)
    return value


def test_a_known_item_is_a_query_whose_words_stand_on_its_page(pages: PageSet) -> None:
    items = known_items(pages, count=200)
    assert items == known_items(pages, count=200)
    shares = {kind: sum(item.kind == kind for item in items) / 200 for kind in ("name", "question")}
    assert shares["name"] == pytest.approx(0.4, abs=0.1)
    assert shares["question"] == pytest.approx(0.3, abs=0.1)
    for item in items:
        record = pages.all_urls()[item.page]
        words = f"{record.title} {plain_text(pages.document(record.url))}".split()
        if item.kind == "fragment":
            assert len(item.query.split()) == 8
            assert set(item.query.split()) <= set(words)
        elif item.kind == "name":
            assert item.query in " ".join(words)


def test_scenes_show_only_what_image_search_knows(pages: PageSet) -> None:
    known = {thing.id for thing in pages.graph.known_by_sight()}
    scenes = list(drawn_scenes(pages, count=2))
    assert [len(scene.boxes) for scene in scenes] == [5, 5]
    for scene in scenes:
        assert set(scene.boxes) <= known
        box = next(iter(scene.boxes.values()))
        height, width = scene.part(box).shape
        assert width == pytest.approx(box.width * scene.grey.shape[1], abs=2)
        assert height == pytest.approx(box.height * scene.grey.shape[0], abs=2)


@pytest.mark.parametrize(("pages_wanted", "pictures"), [(10, 100), (500, 3)])
def test_too_small_a_world_is_refused(pages_wanted: int, pictures: int) -> None:
    with pytest.raises(ConfigError, match="expected at least 150 pages and 20 pictures"):
        bench_world(pages=pages_wanted, pictures=pictures)
