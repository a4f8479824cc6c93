"""Every benchmark's true layout becomes tasks: texts, golds, choices, levels, pictures, protection."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.evals.benchmarks.small_sets import (
    CANARY,
    SECRET_ANSWER,
    SECRET_QUESTION,
    WRITERS,
    picture,
    write_lines,
    written,
)
from tests.worlds.fetch.site import LoopbackDoor, a_site, replying
from vision_deepresearch.core.task import AnswerType, Task
from vision_deepresearch.evals.benchmarks.catalog import SOURCES
from vision_deepresearch.evals.benchmarks.draft import BenchmarkError
from vision_deepresearch.evals.benchmarks.reading import SetRead, read_set, tables_of
from vision_deepresearch.evals.grading import set_of
from vision_deepresearch.media.store import MemoryMediaStore, clean
from vision_deepresearch.wiring.benchmark_pictures import fetch_pictures
from vision_deepresearch.wiring.benchmarks import find_set

_PLACES = [one / "shared" / "data" / "benchmarks" for one in Path(__file__).resolve().parents]
SHARED = next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def read(
    name: str,
    path: Path,
    *,
    subset: str = "",
    media: MemoryMediaStore | None = None,
    limit: int | None = None,
) -> SetRead:
    source = SOURCES[name]
    media = media or MemoryMediaStore()
    tables = tables_of(source, path, subset=subset)
    return read_set(source, tables, put=media.put, root=path, subset=subset, limit=limit)


def tasks_of(name: str, tmp_path: Path, *, subset: str = "") -> dict[str, Task]:
    found = read(name, written(name, tmp_path / name), subset=subset)
    assert [one for one in found.rejects if one.reason != "missing_image"] == []
    return {task.ref: task for task in found.tasks}


def test_every_source_has_an_invented_copy() -> None:
    assert set(SOURCES) == {*WRITERS, "generated"}


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_tasks_come_back_equal_from_json_and_their_pictures_from_the_store(
    name: str, tmp_path: Path
) -> None:
    media = MemoryMediaStore()
    found = read(name, written(name, tmp_path / name), media=media)
    tasks = found.tasks
    assert tasks
    assert len({task.id for task in tasks}) == len({task.ref for task in tasks}) == len(tasks)
    for task in tasks:
        assert Task.model_validate_json(task.model_dump_json()) == task
        assert task.kind == "benchmark"
        assert task.gold is not None
        assert set_of(task).startswith(f"{name}/")
        for ref in task.images:
            assert clean(media.load(ref)).ref == ref
            assert task.cluster
    assert found.num_pictures == sum(len(task.images) for task in tasks)
    assert read(name, tmp_path / name).tasks == tasks, "the same files give the same tasks"


@pytest.mark.parametrize(
    ("name", "subset", "wanted"),
    [
        ("vdr-bench", "", {"full": 2}),
        ("vdr-bench", "testmini", {"testmini": 2}),
        ("fvqa", "", {"test": 2}),
        ("mmsearch-plus", "", {"single": 1, "several": 1}),
        ("mmsearch-plus", "single", {"single": 1}),
        ("mmsearch", "", {"image": 1, "text": 1}),
        ("mmsearch", "image", {"image": 1}),
        ("livevqa", "open", {"open": 4}),
        ("bc-vl", "", {"level1": 2, "level2": 2}),
        ("bc-vl", "level2", {"level2": 2}),
        ("official", "bc-vl", {"bc-vl-level1": 3, "bc-vl-level2": 3}),
        ("webwatcher", "hle", {"hle": 1}),
    ],
)
def test_subsets_give_their_part(
    name: str, subset: str, wanted: Mapping[str, int], tmp_path: Path
) -> None:
    found = read(name, written(name, tmp_path / name), subset=subset)
    assert found.by_config == wanted


def test_a_limit_is_of_each_part_and_other_parts_need_no_pictures(tmp_path: Path) -> None:
    pack = written("official", tmp_path / "pack")
    first = read("official", pack, limit=1)
    assert set(first.by_config.values()) == {1}
    assert len(first.by_config) == 8
    folder = written("bc-vl", tmp_path / "bc-vl")
    for path in (folder / "images" / "level2").iterdir():
        path.unlink()
    assert read("bc-vl", folder, subset="level1").rejects == []
    assert len(tables_of(SOURCES["official"], pack, subset="bc-vl")) == 2
    assert len(tables_of(SOURCES["official"], pack, subset="paper")) == 7


def test_vdr_bench_takes_the_category_from_the_id(tmp_path: Path) -> None:
    task = tasks_of("vdr-bench", tmp_path)["vdr-bench/full/vdr_Sports_0000"]
    assert task.strata == {"category": "Sports", "answer": "text", "has_image": "yes"}
    assert task.gold is not None
    assert task.gold.answers == ("Col du Pin 0",)
    assert task.gold.entities is None, "unknown, which is not empty"


def test_fvqa_keeps_aliases_and_drops_the_placeholder(tmp_path: Path) -> None:
    task = tasks_of("fvqa", tmp_path)["fvqa/test/fvqa_test_1"]
    assert task.question == "Which country is this lighthouse in?"
    assert task.gold is not None
    assert task.gold.answers == ("Norway", "NOR", "Norge")
    assert task.strata["category"] == "search_required"


def test_mmsearch_plus_is_opened_and_protected(tmp_path: Path) -> None:
    tasks = tasks_of("mmsearch-plus", tmp_path)
    one, three = tasks["mmsearch-plus/single/0"], tasks["mmsearch-plus/several/1"]
    assert one.question == f"{SECRET_QUESTION} No. 0"
    assert one.gold is not None
    assert one.gold.answers == (SECRET_ANSWER, "Kelp Hall")
    assert one.protected
    assert one.strata["difficulty"] == "easy"
    assert [ref.sha256 for ref in three.images] == [
        clean(picture(number)).ref.sha256 for number in (11, 12, 13)
    ]


def test_mmsearch_has_aliases_date_and_tasks_without_a_picture(tmp_path: Path) -> None:
    tasks = tasks_of("mmsearch", tmp_path)
    task = tasks["mmsearch/image/news_1"]
    assert task.gold is not None
    assert task.gold.answers == ("2024-09-02", "September 2, 2024")
    assert task.as_of == "2024-08-01"
    assert task.extra["requery"] == "Fjord Expo opening date"
    assert tasks["mmsearch/text/news_2"].strata["has_image"] == "no"


@pytest.mark.pitfall("P85")
def test_livevqa_is_a_choice_or_open_and_both_levels_are_one_cluster(tmp_path: Path) -> None:
    chosen = tasks_of("livevqa", tmp_path / "a")
    opened = tasks_of("livevqa", tmp_path / "b", subset="open")
    task = chosen["livevqa/choices/news-0_x-1"]
    assert task.gold is not None
    assert task.gold.type is AnswerType.CHOICE
    assert task.gold.choices == ("Kite Fair", "Boat Fair", "Tin Fair")
    assert task.gold.choice_label == "B"
    assert task.gold.answers == ("Boat Fair", "the boat fair")
    assert task.cluster == chosen["livevqa/choices/news-0_x-2"].cluster
    assert task.cluster != chosen["livevqa/choices/video-0_x-1"].cluster
    other = opened["livevqa/open/news-0_x-1"].gold
    assert other is not None
    assert (other.type, other.choices, other.choice_label) == (AnswerType.FREE_TEXT, (), None)
    assert other.answers == task.gold.answers


def test_bc_vl_levels_are_sets_and_golds_keep_their_form(tmp_path: Path) -> None:
    tasks = tasks_of("bc-vl", tmp_path)
    first, second = tasks["bc-vl/level1/level1_1"], tasks["bc-vl/level2/level2_1"]
    assert first.strata == {"domain": "Other", "level": "1", "answer": "number", "has_image": "yes"}
    assert second.strata["answer"] == "yes_no"
    assert second.gold is not None
    assert second.gold.answers == ("Yes.",)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample of real records is not here")
def test_the_real_records_of_bc_vl_are_read(tmp_path: Path) -> None:
    sample = SHARED / "bc_vl_sample.jsonl"
    for level in (1, 2):
        for number in range(1, 11):
            path = tmp_path / "images" / f"level{level}" / f"level{level}_{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(number + 100 * level))
    source = SOURCES["bc-vl"]
    found = read_set(source, (sample,), put=MemoryMediaStore().put, root=sample, images=tmp_path)
    assert found.rejects == []
    assert found.by_config == {"level1": 10, "level2": 10}
    golds = [task.gold.answers[0] for task in found.tasks if task.gold]
    assert all(gold.endswith(".") for gold in golds[10:])
    assert "Yes" in golds


def test_the_pack_gives_pristine_questions_captions_and_choices(tmp_path: Path) -> None:
    tasks = tasks_of("official", tmp_path)
    mill = tasks["official/fvqa/1"]
    assert mill.question == "Which mill is shown in img_1, fvqa_300 1?"
    assert str(mill.extra["question_as_shipped"]).startswith("image_id: a.png")
    assert mill.extra["caption"] == "a mill by a river"
    assert "image_packed" not in mill.extra, "the pictures are in the store"
    assert mill.gold is not None
    assert mill.gold.answers == ("Elm Mill", "the elm mill")
    listed = tasks["official/fvqa/2"].gold
    assert listed is not None
    assert listed.answers == ("Elm Mill", "elm")
    live = tasks["official/livevqa/0"]
    assert live.gold is not None
    assert live.gold.choices == ("Oak Mill", "Elm Mill")
    assert live.gold.choice_label == "B"
    assert "Choices" not in live.question
    assert tasks["official/vdr-bench/0"].question == "Which mill is shown, 0?"
    assert "official/simplevqa/1000" in tasks
    protected = {ref for ref, task in tasks.items() if task.protected}
    assert protected == {f"official/mmsearch-plus/{number}" for number in range(3)}


def test_webwatcher_finds_pictures_by_address_and_nested_golds(tmp_path: Path) -> None:
    tasks = tasks_of("webwatcher", tmp_path)
    task = tasks["webwatcher/livevqa/1"]
    assert task.question == "Which hall is shown?"
    assert task.gold is not None
    assert task.gold.answers == ("South Hall", "South")
    hle = tasks["webwatcher/hle/0"].gold
    assert hle is not None
    assert hle.answers == ("reef knot",)
    assert tasks["webwatcher/hle/0"].extra["rationale"] == "r"


def test_infoseek_finds_pictures_by_id_and_leaves_ranges_out(tmp_path: Path) -> None:
    task = tasks_of("infoseek", tmp_path)["infoseek/val_unseen_entity/infoseek_val_0"]
    assert task.gold is not None
    assert task.gold.answers == ("1889", "the year 1889")


def test_protected_sets_keep_checklists_documents_and_canaries(tmp_path: Path) -> None:
    film = tasks_of("mm-browsecomp", tmp_path)["mm-browsecomp/all/1"]
    assert film.question == SECRET_QUESTION
    assert film.gold is not None
    assert film.gold.checklist == ("identify the clip", "count frames")
    assert (film.protected, film.canary) == (True, CANARY)
    plus = tasks_of("browsecomp-plus", tmp_path)["browsecomp-plus/test/769"].gold
    assert plus is not None
    assert (plus.answers, plus.evidence_docids) == ((SECRET_ANSWER,), ("5412",))
    third = tasks_of("browsecomp-v3", tmp_path)["browsecomp-v3/train/s1"]
    assert third.question == SECRET_QUESTION
    assert len(third.images) == 1
    text = tasks_of("browsecomp", tmp_path)["browsecomp/test/1"]
    assert text.question == f"{SECRET_QUESTION} 1"
    assert text.strata == {"problem_topic": "Music", "has_image": "no"}
    for task in (film, third, text):
        assert SECRET_ANSWER not in "".join((*task.strata.values(), task.ref))


@pytest.mark.pitfall("P90")
def test_ids_of_all_sets_are_different_and_equal_pictures_are_one_cluster(tmp_path: Path) -> None:
    tasks = [task for name in WRITERS for task in read(name, written(name, tmp_path / name)).tasks]
    assert len(tasks) > 40
    assert len({task.id for task in tasks}) == len(tasks)
    assert len({task.ref for task in tasks}) == len(tasks)
    alone = [task for task in tasks if len(task.images) == 1 and "livevqa/" not in task.ref]
    by_picture: dict[str, set[str | None]] = {}
    for task in alone:
        by_picture.setdefault(task.images[0].sha256, set()).add(task.cluster)
    assert any(len(clusters) == 1 for clusters in by_picture.values())
    assert all(len(clusters) == 1 for clusters in by_picture.values()), "also across sets"


async def test_pictures_named_by_address_are_fetched_once_and_found(tmp_path: Path) -> None:
    folder = written("webwatcher", tmp_path / "set")
    (folder / "pictures" / "hall.jpeg").unlink()
    shown = picture(5)
    async with a_site(replying(shown, Content_Type="image/jpeg")) as site:
        door = LoopbackDoor(site)
        for name in ("livevqa", "hle"):
            table = folder / f"{name}.jsonl"
            row = json.loads(table.read_text())
            table.write_text(json.dumps({**row, "file_path": door.url(f"/{name}/a.png?sign=1")}))
        wanted = find_set(f"webwatcher={folder}")
        fetched = await fetch_pictures(wanted, tmp_path / "got", fetcher=door.fetcher())
        assert (fetched.fetched, fetched.there, fetched.failed) == (2, 0, ())
        again = await fetch_pictures(wanted, tmp_path / "got", fetcher=door.fetcher())
        assert (again.fetched, again.there) == (0, 2)
    found = find_set(f"webwatcher={folder}", images=tmp_path / "got").read(
        put=MemoryMediaStore().put
    )
    assert found.rejects == []
    assert {task.images[0] for task in found.tasks} == {clean(shown).ref}


async def test_an_address_within_is_not_fetched_and_a_page_is_no_picture(tmp_path: Path) -> None:
    folder = written("webwatcher", tmp_path / "set")
    row = json.loads((folder / "hle.jsonl").read_text())
    write_lines(folder / "hle.jsonl", [{**row, "file_path": "http://127.0.0.1:9/a.png"}])
    inside = await fetch_pictures(find_set(f"webwatcher={folder}:hle"), tmp_path / "got")
    assert "blocked" in inside.failed[0]
    async with a_site(replying(b"<p>no picture")) as site:
        door = LoopbackDoor(site)
        write_lines(folder / "hle.jsonl", [{**row, "file_path": door.url("/a.png")}])
        wanted = find_set(f"webwatcher={folder}:hle")
        page = await fetch_pictures(wanted, tmp_path / "got", fetcher=door.fetcher())
    assert "no picture" in page.failed[0]
    assert list((tmp_path / "got").iterdir()) == []
    with pytest.raises(BenchmarkError, match="leave --fetch out"):
        await fetch_pictures(find_set(f"fvqa={written('fvqa', tmp_path / 'f')}"), tmp_path / "got")
