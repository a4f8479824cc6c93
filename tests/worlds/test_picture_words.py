"""Pictures by words: what pages show around them, and nothing else."""

import html
import json
import random
import re
import shutil
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import page, picture
from vision_deepresearch.cli import world_commands
from vision_deepresearch.core.errors import ConfigError, WorldError
from vision_deepresearch.core.observation import EvidenceKind
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.database import CorpusDatabase
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.world import DATABASE, CorpusWorld
from vision_deepresearch.worlds.corpus.zim import ZimSource
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.picture_words import page_and_place
from vision_deepresearch.worlds.server.by_words import find_pictures

REAL = (
    Path(__file__).resolve().parents[2]
    / "../shared/data/worlds/wikipedia_en_ray_charles_2015-06.zim"
)
SCRIPTS = ("дом", "塔の絵", "برج", "विमान", "הר", "หอคอย", "πύργος", "탑", "башня", "\U0001f5fc")
NATURAL = {
    "statue of a lonely woman in Liverpool": "EleanorRigbyStatue.jpg",
    "president Nixon shaking hands with a singer": "oval_office",
    "frog puppet singing": "KermitBeinGreen.jpg",
    "car chase in a shopping mall": "Blues_Brothers_car_chase.JPG",
    "plaque on top of a mountain": "Americathebeautiful.jpg",
    "star on the Hollywood Walk of Fame": "star_on_HWF",
    "gravestone in a churchyard": "Rigby.jpg",
    "skyscraper with a sculpture by Picasso in Chicago": "Daley_Plaza",
    "map of countries with their own version of The Nanny": "Nanny_adaptations",
    "singer with Ronald and Nancy Reagan": "Nancy_Reagan",
    "sid feller in the studio": "Sid_Feller",
    "cover of the album Genius Loves Company": "Genius_loves_company.jpg",
}
"""What a person might ask, words that the caption has only in part."""


async def test_a_caption_finds_its_picture_and_the_page_shows_it(tiny_world: Path) -> None:
    world = GeneratedWorld.open(tiny_world)
    captions = [
        (record.url, shown)
        for record in world.pages.all_urls()
        for shown in world.pages.document(record.url).all_pictures
    ]
    rng = random.Random(5)
    num_first = 0
    some = rng.sample(captions, 60)
    for url, shown in some:
        hits = await world.image_by_text(
            f"{shown.caption} {world.pages.record(url).title}", limit=5
        )
        num_first += shown.image_url in [hit.image_url for hit in hits[:3]]
        assert [hit.rank for hit in hits] == list(range(len(hits)))
        assert len({hit.image_url for hit in hits}) == len(hits), "each picture once"
        for hit in hits[:2]:
            told = html.unescape(world.pages.render_html(hit.url).decode())
            assert hit.snippet in told, "as the page itself shows it"
            assert str(hit.image_url) in told
            assert hit.kind is EvidenceKind.IMAGE_HIT
            assert hit.label is None
            assert (await world.asset(str(hit.image_url))).data
    assert num_first >= 57, f"{num_first} of {len(some)} at rank <= 3"


async def test_two_openings_answer_alike_whatever_is_asked(tiny_world: Path) -> None:
    one, two = GeneratedWorld.open(tiny_world), GeneratedWorld.open(tiny_world)
    titles = [record.title for record in one.pages.all_urls()[::9]]
    for query in (*titles[:20], *SCRIPTS, '"a: (b AND', "tower " * 20_000):
        found = await one.image_by_text(query, limit=10)
        assert found == await two.image_by_text(query, limit=10)
        assert found[:3] == await one.image_by_text(query, limit=3)
    assert await one.image_by_text(" ", limit=5) == []
    assert await one.image_by_text(titles[0], limit=0) == []
    assert await one.image_by_text(titles[0], limit=-1) == []
    assert len(await one.image_by_text("the museum of the town", limit=10_000)) <= 50


async def test_the_server_asks_the_index_of_captions(tiny_world: Path) -> None:
    world = GeneratedWorld.open(tiny_world)
    record = next(one for one in world.pages.all_urls() if world.pages.pictures(one.url))
    expected = [hit.image_url for hit in await world.image_by_text(record.title, limit=5)]
    assert [one.image_url for one in await find_pictures(world, record.title, limit=5)] == expected


async def test_a_world_made_before_is_searched_by_its_pages(
    tiny_world: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "before"
    shutil.copytree(tiny_world, folder)
    shutil.rmtree(folder / "captions")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["caption_index"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    world = GeneratedWorld.open(folder)
    assert not world.has_captions
    with pytest.raises(WorldError, match="build or import it again"):
        await world.image_by_text("museum", limit=3)
    title = next(one.title for one in world.pages.all_urls() if world.pages.pictures(one.url))
    assert await find_pictures(world, title, limit=3)
    with pytest.raises(ConfigError, match="build or import it again"):
        world_commands.pictures(str(folder), "x", limit=3, embedder=None, json_wanted=True)


async def test_alternative_text_titles_and_beginnings_count_too(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for number, name in enumerate(("one.png", "two.png", "three.png")):
        (folder / name).write_bytes(picture(number))
    figure = "<figure><img src='two.png'><figcaption>{}</figcaption></figure>"
    harbours = "<p>Ships of the north.</p><img src='one.png' alt='a red lighthouse at dusk'>"
    quarry = "<p>Workers cut stone here.</p><img src='three.png'>"
    for name, title, body in (
        ("a.html", "Harbours", harbours + figure.format("Old crane, 1912")),
        ("b.html", "Marble quarry", quarry + figure.format("A crane again")),
    ):
        (folder / name).write_text(page(title, body))
    import_source(FolderSource(folder), tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    for query, path in (
        ("red lighthouse", "one.png"),
        ("crane 1912", "two.png"),
        ("marble quarry", "three.png"),
        ("workers cutting stone", "three.png"),
    ):
        hits = await world.image_by_text(query, limit=5)
        assert str(hits[0].image_url).endswith(path), query
    hits = await world.image_by_text("crane", limit=5)
    assert len([hit for hit in hits if str(hit.image_url).endswith("two.png")]) == 1
    assert await world.image_by_text("zeppelin", limit=5) == []
    world.close()


@pytest.mark.skipif(not REAL.exists(), reason="the shared ZIM is not here")
async def test_known_pictures_of_a_real_encyclopedia_are_found_by_their_words(
    tmp_path: Path,
) -> None:
    """Measured: 50 of 51 captions, and 50 of 51 of four words of each, at rank <= 3."""
    import_source(ZimSource(REAL), tmp_path / "world")
    world = CorpusWorld.open(tmp_path / "world")
    database = CorpusDatabase.open(tmp_path / "world" / DATABASE)
    rng = random.Random(1)
    num_found = num_asked = 0
    for doc in database.captions():
        shown = database.shown_at(*page_and_place(doc.id))
        assert shown is not None
        caption = shown[1].caption or shown[1].alt
        if not caption:
            continue
        words = re.findall(r"\w[\w'-]*", caption)
        for query in (caption, " ".join(rng.sample(words, min(len(words), 4)))):
            hits = await world.image_by_text(query, limit=3)
            assets = [await world.asset(str(hit.image_url)) for hit in hits]
            num_found += shown[0] in [one.ref.sha256 for one in assets if one.ref is not None]
            num_asked += 1
    assert num_found >= 0.95 * num_asked, f"{num_found} of {num_asked} at rank <= 3"
    found = {
        query: [str(hit.image_url) for hit in await world.image_by_text(query, limit=3)]
        for query in NATURAL
    }
    missed = [query for query, part in NATURAL.items() if not any(part in u for u in found[query])]
    assert len(missed) <= 2, f"of {len(NATURAL)} questions of a person: {missed}"
    database.close()
    world.close()
