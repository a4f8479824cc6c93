"""A small world, built once: searched, looked at, read; wrong folders are refused."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind, WorldError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.spec import SPLITS, WorldSpec, spec_named
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth

SMALLEST = WorldSpec(preset="test", num_entities=80, num_tasks=3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world with five tasks."""
    path = tmp_path_factory.mktemp("worlds") / "tiny"
    build_world(spec_named("tiny").model_copy(update={"num_tasks": 5}), path)
    return path


@pytest.fixture(scope="session")
def world(folder: Path) -> GeneratedWorld:
    """That world, opened."""
    return GeneratedWorld.open(folder)


def _picture(data: bytes) -> Picture:
    media = MemoryMediaStore()
    return media.picture(media.put(data))


async def test_a_crop_around_the_thing_finds_its_article_and_the_label_says_match(
    world: GeneratedWorld, folder: Path
) -> None:
    truth = open_truth(folder)
    looks = 0
    for task in world.tasks():
        proof = truth.proof(task.id)
        assert proof is not None
        scene = world.task_pictures(task)[0]
        for hop in proof.hops:
            if hop.kind is HopKind.LOOK and hop.box is not None:
                found = await world.search_image(_picture(cut(scene, hop.box)), limit=6)
                again = await world.search_image(_picture(cut(scene, hop.box.scaled(1.5))), limit=6)
                assert hop.pages[0] in {item.url for item in (*found, *again)}
                assert [item.rank for item in found] == list(range(6))
                assert all(item.image_url and item.label and item.world_id for item in found)
                looks += 1
    assert looks >= 5


async def test_the_list_of_hits_is_filled_with_junk_that_says_so(world: GeneratedWorld) -> None:
    task = world.tasks(1)[0]
    found = await world.search_image(_picture(world.task_pictures(task)[0]), limit=10)
    assert len(found) == 10
    assert "visually similar" in {item.label for item in found}
    assert await world.search_image(_picture(world.task_pictures(task)[0]), limit=0) == []


@pytest.mark.pitfall("P31")
async def test_hits_are_kept_by_content_so_two_pictures_never_share_them(
    world: GeneratedWorld,
) -> None:
    for url, data in _references(world)[:4]:
        found = await world.search_image(_picture(data), limit=3)
        assert found[0].image_url == url
        assert await world.search_image(_picture(data), limit=3) == found
        longer = await world.search_image(_picture(data), limit=30)
        assert len(longer) == 30
        assert longer[:3] == found


def _references(world: GeneratedWorld) -> list[tuple[str, bytes]]:
    """Address and bytes of every reference picture, read without the world's methods."""
    pictures = json.loads((world.folder / "pictures.json").read_text())
    return [
        (
            f"https://img.orbipedia.example/{owner}.jpg",
            (world.folder / "blobs" / ref["sha256"][:2] / ref["sha256"][2:]).read_bytes(),
        )
        for owner, ref in sorted(pictures.items())
    ]


async def test_text_search_finds_an_article_by_its_title(world: GeneratedWorld) -> None:
    page = await world.read((await world.search_text("town river region", limit=1))[0].url)
    title = page.markdown.splitlines()[0].removeprefix("# ")
    found = await world.search_text(title, limit=5)
    assert page.final_url in {item.url for item in found}
    assert [item.rank for item in found] == list(range(len(found)))
    assert all(item.snippet and len(item.snippet) <= 300 for item in found)


async def test_a_page_is_read_with_its_pictures_and_links(world: GeneratedWorld) -> None:
    hit = (await world.search_image(_picture(_references(world)[0][1]), limit=1))[0]
    page = await world.read(hit.url + "#history")
    assert page.final_url == hit.url
    assert page.doc_id == hit.doc_id
    assert page.world_id == hit.world_id
    assert hit.image_url in {image.src for image in page.images}
    assert page.links
    asset = await world.asset(page.images[0].src)
    assert asset.ref is not None
    assert MemoryMediaStore().put(asset.data) == asset.ref


@pytest.mark.parametrize(
    "url",
    [
        "https://www.orbipedia.example/wiki/No_such_page",
        "https://elsewhere.example/",
        "file:///etc/passwd",
        "/etc/passwd",
        "../manifest.json",
        "",
        "\x00",
    ],
)
async def test_what_is_not_in_this_world_is_not_found(world: GeneratedWorld, url: str) -> None:
    for read in (world.read, world.asset):
        with pytest.raises(WorldError) as raised:
            await read(url)
        assert raised.value.kind is FailureKind.NOT_FOUND


async def test_a_picture_is_no_page_and_a_page_no_picture(world: GeneratedWorld) -> None:
    with pytest.raises(WorldError, match="a picture, no page"):
        await world.read(_references(world)[0][0])
    hit = (await world.search_text("town", limit=1))[0]
    with pytest.raises(WorldError) as raised:
        await world.asset(hit.url)
    assert raised.value.kind is FailureKind.NOT_FOUND


async def test_a_wrong_window_is_the_callers_fault(world: GeneratedWorld) -> None:
    hit = (await world.search_text("town", limit=1))[0]
    with pytest.raises(BoundaryError) as raised:
        await world.read(hit.url, cursor="999")
    assert raised.value.kind is FailureKind.BAD_ARGS


async def test_bytes_that_are_no_picture_are_a_typed_failure(world: GeneratedWorld) -> None:
    ref = MemoryMediaStore().put(_references(world)[0][1])
    broken = Picture(ref=ref.model_copy(update={"sha256": "0" * 64}), load=lambda: b"no picture")
    with pytest.raises(WorldError) as raised:
        await world.search_image(broken, limit=3)
    assert raised.value.kind is FailureKind.BAD_IMAGE


async def test_many_searches_at_once_agree_with_one(world: GeneratedWorld) -> None:
    data = _references(world)[0][1]
    alone = await world.search_image(_picture(data), limit=5)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(world.search_image(_picture(data), limit=5)) for _ in range(12)]
    assert all(task.result() == alone for task in tasks)


def test_the_world_is_a_world(world: GeneratedWorld) -> None:
    seam: World = world
    assert seam.manifest().kind == "generated"
    assert seam.manifest().counts["tasks"] == 5
    assert len(world.tasks(2)) == 2


def test_no_gold_and_no_route_stand_in_what_search_can_reach(folder: Path) -> None:
    assert (folder / "truth" / "proofs.jsonl").is_file()
    with_truth = [path.name for path in folder.rglob("*") if path.name == "proofs.jsonl"]
    assert with_truth == ["proofs.jsonl"]
    for task in GeneratedWorld.open(folder).tasks():
        assert task.images[0].media_type == "image/jpeg"
        assert task.strata["whole_image"] in {"hit", "miss"}
        assert "proof" not in task.model_dump_json()


def test_two_builds_are_the_same_world(tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_world(SMALLEST, tmp_path / name)
    for name in ("manifest.json", "tasks.jsonl", "truth/proofs.jsonl", "pictures.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    blobs = [
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name / "blobs").rglob("*"))
        for name in ("a", "b")
    ]
    assert blobs[0] == blobs[1]


def test_progress_is_told_and_a_half_built_folder_is_built_again(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    (folder / "text").mkdir(parents=True)
    (folder / "text" / "torn").write_text("half")
    with pytest.raises(ConfigError, match=r"manifest\.json"):
        GeneratedWorld.open(folder)
    told: list[tuple[str, int, int]] = []
    build_world(
        SMALLEST, folder, progress=lambda what, done, total: told.append((what, done, total))
    )
    assert GeneratedWorld.open(folder).manifest().counts["tasks"] == 3
    assert not (folder / "text" / "torn").exists()
    assert {what for what, _, _ in told} == {"pages", "pictures", "tasks"}
    assert all(done <= total for _, done, total in told)
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"letters\.txt"):
        build_world(SMALLEST, tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "format 99"),
        ({"kind": "corpus"}, "corpus world"),
        ({"world_id": "0" * 16}, "another version of the generator"),
        ({"spec": {"preset": "tiny"}}, "does not fit this program"),
    ],
)
def test_a_world_of_another_version_is_refused_with_a_remedy(
    folder: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    other = tmp_path / "world"
    other.mkdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, **change}))
    for opener in (GeneratedWorld.open, open_truth):
        with pytest.raises(ConfigError, match=message) as raised:
            opener(other)
        assert "build it again" in str(raised.value)


def test_what_is_no_world_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="expected a world folder"):
        GeneratedWorld.open(tmp_path / "missing")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="no manifest of a world"):
        GeneratedWorld.open(tmp_path)
    torn = tmp_path / "torn"
    shutil.copytree(folder, torn)
    (torn / "pictures.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        GeneratedWorld.open(torn)


def test_the_manifest_is_a_record(folder: Path) -> None:
    manifest = WorldManifest.model_validate_json((folder / "manifest.json").read_bytes())
    assert manifest.text_index["segments"] == "1"
    assert int(manifest.visual_index["descriptors"]) > 5_000


def test_a_name_says_which_split_and_no_two_splits_are_alike() -> None:
    specs = [spec_named("tiny", seed=3, split=split) for split in SPLITS]
    assert [spec.name for spec in specs] == [
        "generated:tiny@3",
        "generated:tiny/validation@3",
        "generated:tiny/test@3",
    ]
    assert len({spec.root for spec in specs}) == len({spec.world_id() for spec in specs}) == 3
    graphs = [Graph.of(spec) for spec in specs]
    names = [{entity.name for entity in graph.entities.values()} for graph in graphs]
    assert len(names[0] & names[1] & names[2]) == 0
    with pytest.raises(ConfigError, match="train, validation, test"):
        spec_named("tiny", split="dev")


def test_the_manifest_tells_what_became_of_every_attempt(world: GeneratedWorld) -> None:
    counts = world.manifest().counts
    rejected = sum(n for name, n in counts.items() if name.startswith("rejected_"))
    assert counts["task_attempts"] == counts["tasks"] + rejected
    assert rejected > 0


def test_the_whole_picture_filter_refuses_what_the_whole_picture_finds(tmp_path: Path) -> None:
    spec = spec_named("tiny").model_copy(update={"num_tasks": 6, "whole_image_filter": True})
    build_world(spec, tmp_path / "strict")
    strict = GeneratedWorld.open(tmp_path / "strict")
    assert {task.strata["whole_image"] for task in strict.tasks()} == {"miss"}
    for task in strict.tasks():
        assert task.strata["scale"] in {"1", "1.5"}
        assert 0 < int(task.strata["visible"]) <= 100
