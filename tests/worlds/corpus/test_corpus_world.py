"""A corpus world as the tools see it: searched, looked at, read, and damaged."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import page, picture, write_manual
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld

BASE = "https://manual.example/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manual and thirty pages that show one picture, imported; the source is gone."""
    root = write_manual(tmp_path_factory.mktemp("source") / "manual")
    (root / "crowd").mkdir()
    (root / "img/buoy.png").write_bytes(picture(8))
    for number in range(8):
        text = page(f"Buoy {number}", "<img src='../img/buoy.png' alt='a buoy'><p>At sea.</p>")
        (root / f"crowd/b{number}.html").write_text(text)
    long = "".join(f"<h2>Part {k}</h2><p>{'Long words follow. ' * 40}</p>" for k in range(30))
    (root / "long.html").write_text(page("Long", long))
    out = tmp_path_factory.mktemp("out") / "world"
    import_source(FolderSource(root), out, base_url=BASE)
    shutil.rmtree(root)
    return out


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[CorpusWorld]:
    opened = CorpusWorld.open(folder)
    yield opened
    opened.close()


def looked(data: bytes) -> Picture:
    media = MemoryMediaStore()
    return media.picture(media.put(data))


async def test_it_is_a_world_of_its_own_folder(world: CorpusWorld, folder: Path) -> None:
    seen: World = world
    manifest = seen.manifest()
    assert manifest.kind == "corpus"
    assert manifest.counts["pages"] == 15
    assert world.folder == folder


async def test_words_find_pages_with_the_stretch_that_says_it(world: CorpusWorld) -> None:
    hits = await world.search_text("what did colza replace?", limit=5)
    assert [hit.title for hit in hits] == ["Oil", "Lamps"]
    assert "Colza oil replaced whale oil" in hits[0].snippet
    assert hits[0].url == f"{BASE}guide/oil.html"
    assert hits[0].world_id == world.manifest().world_id
    assert [hit.rank for hit in hits] == [0, 1]
    assert await world.search_text("zzzz", limit=5) == []
    assert await world.search_text("oil", limit=0) == []


async def test_the_page_whose_infobox_holds_a_picture_comes_first(world: CorpusWorld) -> None:
    hits = await world.search_image(looked(picture(1)), limit=10)
    assert [(hit.title, hit.label) for hit in hits[:2]] == [("Lamps", "match"), ("Oil", "match")]
    assert hits[0].snippet == "The harbour lamp of 1871"
    assert hits[1].snippet == "A lamp beside a can"
    assert hits[0].image_url == f"{BASE}img/lamp.png"


async def test_a_picture_on_many_pages_leaves_room_for_others(world: CorpusWorld) -> None:
    hits = await world.search_image(looked(picture(8)), limit=10)
    assert [hit.title for hit in hits[:2]] == ["Buoy 0", "Buoy 1"]
    assert sum(hit.title.startswith("Buoy") for hit in hits) == 2
    assert {"Lamps", "Oil"} <= {hit.title for hit in hits}
    assert len(await world.search_image(looked(picture(8)), limit=1)) == 1


async def test_a_page_is_read_with_what_a_reader_sees(world: CorpusWorld) -> None:
    seen = await world.read(f"{BASE}guide/lamps.html")
    assert seen.title == "Lamps"
    assert seen.lang == "en"
    assert "| Oil | colza |" in seen.markdown
    assert [(one.src, one.caption) for one in seen.images] == [
        (f"{BASE}img/lamp.png", "The harbour lamp of 1871")
    ]
    assert f"{BASE}guide/oil.html#use" in {link.url for link in seen.links}
    notes = await world.read(f"{BASE}notes/keepers.md")
    assert (notes.title, notes.published) == ("Keepers & wardens", "2019-05-04")
    assert "| Ada Holm | 1871-1890 |" in notes.markdown
    assert f"({BASE}notes/other.md)" in notes.markdown


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("guide/old.html", "guide/lamps.html"),
        ("guide/oil.html#use", "guide/oil.html"),
        ("guide/oil.html?print=1", "guide/oil.html"),
        ("", "index.html"),
        ("guide%2Foil.html", "guide/oil.html"),
    ],
)
async def test_other_spellings_lead_to_the_page(world: CorpusWorld, asked: str, path: str) -> None:
    found = await world.read(BASE + asked)
    assert found.final_url == BASE + path
    assert found.url == BASE + asked


async def test_windows_hold_the_whole_page(world: CorpusWorld) -> None:
    seen, cursor = "", None
    for _ in range(20):
        window = await world.read(f"{BASE}long.html", cursor=cursor)
        seen += window.markdown
        cursor = window.cursor
        if cursor is None:
            break
    assert seen.count("## Part") == 30
    with pytest.raises(WorldError) as caught:
        await world.read(f"{BASE}long.html", cursor="99")
    assert caught.value.kind is FailureKind.BAD_ARGS


@pytest.mark.parametrize(
    "url", ["", "x", f"{BASE}none.html", "https://elsewhere.example/guide/oil.html", "file:///etc"]
)
async def test_what_is_not_there_is_not_found(world: CorpusWorld, url: str) -> None:
    for ask in (world.read, world.asset):
        with pytest.raises(WorldError) as caught:
            await ask(url)
        assert caught.value.kind is FailureKind.NOT_FOUND


async def test_pictures_are_served_and_are_no_pages(world: CorpusWorld) -> None:
    url = f"{BASE}img/can%20old.jpg"
    asset = await world.asset(url)
    assert asset.ref is not None
    assert (asset.ref.width, asset.ref.height) == (160, 120)
    assert asset.data.startswith(b"\xff\xd8")
    with pytest.raises(WorldError, match="a picture, no page"):
        await world.read(url)


async def test_many_callers_at_once_get_what_one_gets(world: CorpusWorld) -> None:
    shot = looked(picture(2))
    alone = (
        await world.search_text("oil lamp", limit=5),
        await world.search_image(shot, limit=5),
        await world.read(f"{BASE}guide/oil.html"),
    )
    async with asyncio.TaskGroup() as group:
        words = [group.create_task(world.search_text("oil lamp", limit=5)) for _ in range(60)]
        looks = [group.create_task(world.search_image(shot, limit=5)) for _ in range(20)]
        reads = [group.create_task(world.read(f"{BASE}guide/oil.html")) for _ in range(60)]
    assert all(task.result() == alone[0] for task in words)
    assert all(task.result() == alone[1] for task in looks)
    assert all(task.result() == alone[2] for task in reads)


async def test_a_picture_that_cannot_be_decoded_is_bad_image(world: CorpusWorld) -> None:
    torn = Picture(ref=looked(picture(1)).ref.model_copy(update={"sha256": "0" * 64}), load=bytes)
    with pytest.raises(WorldError) as caught:
        await world.search_image(torn, limit=3)
    assert caught.value.kind is FailureKind.BAD_IMAGE


def damaged(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_damaged_or_foreign_folder_is_refused_with_a_way_out(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="vdr world import"):
        CorpusWorld.open(tmp_path)
    for number, name in enumerate(("world.db", "text/facts.json", "visual/codes.npy")):
        copy = damaged(folder, tmp_path / str(number))
        (copy / name).write_bytes(b"nonsense")
        with pytest.raises(ConfigError, match="again"):
            CorpusWorld.open(copy)
    changes: tuple[dict[str, object], ...] = (
        {"kind": "generated"},
        {"format_version": 99},
        {"spec": {"name": "x"}},
    )
    for number, change in enumerate(changes):
        copy = damaged(folder, tmp_path / f"manifest{number}")
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(ConfigError, match=r"import (it )?again"):
            CorpusWorld.open(copy)
    copy = damaged(folder, tmp_path / "swapped")
    other = import_source(
        FolderSource(write_manual(tmp_path / "manual")), tmp_path / "other", base_url=BASE
    )
    assert other.counts["pages"] == 6
    shutil.rmtree(copy / "text")
    shutil.copytree(tmp_path / "other/text", copy / "text")
    with pytest.raises(ConfigError, match="not those of its"):
        CorpusWorld.open(copy)


async def test_a_damaged_row_or_blob_is_a_typed_failure(folder: Path, tmp_path: Path) -> None:
    copy = damaged(folder, tmp_path)
    with closing(sqlite3.connect(copy / "world.db")) as database:
        database.execute("UPDATE page SET body = x'00' WHERE path = 'guide/oil.html'")
        database.commit()
    for blob in (copy / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    world = CorpusWorld.open(copy)
    with pytest.raises(WorldError) as caught:
        await world.read(f"{BASE}guide/oil.html")
    assert caught.value.kind is FailureKind.UPSTREAM
    with pytest.raises(WorldError) as caught:
        await world.asset(f"{BASE}img/lamp.png")
    assert caught.value.kind is FailureKind.UPSTREAM
    world.close()


async def test_a_world_that_cannot_be_written_is_read(folder: Path, tmp_path: Path) -> None:
    copy = damaged(folder, tmp_path)
    for path in copy.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    world = CorpusWorld.open(copy)
    assert (await world.read(BASE)).title == "Manual"
    world.close()
    assert not list(copy.glob("world.db-*")), "nothing is left beside the database"
