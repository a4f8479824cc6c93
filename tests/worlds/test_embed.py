"""Worlds with vectors: hybrid search, and what refuses to open. The embedder is a tiny random CLIP."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.models.embedders.tiny_towers import save_tower
from tests.worlds.corpus.folders import write_manual
from vision_deepresearch.cli import world_commands
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.encode import to_png
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.wiring.config import make_config
from vision_deepresearch.wiring.embedders import open_embedder
from vision_deepresearch.wiring.worlds import (
    embed_folder,
    open_without_truth,
    open_world,
)
from vision_deepresearch.worlds.embed import embed_world
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.hybrid import HybridIndex
from vision_deepresearch.worlds.index.vectors import VectorManifest
from vision_deepresearch.worlds.index.vectors_faiss import (
    FaissVectors,
    VectorMethod,
)
from vision_deepresearch.worlds.index.visual import (
    MATCH_INLIERS,
    VisualIndex,
    label_for,
)


def unwatched(what: str, done: int, total: int) -> None:
    assert what
    assert done <= total


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a tiny random CLIP."""
    return f"transformers:{save_tower('clip', tmp_path_factory.mktemp('clip'))}"


@pytest.fixture(scope="module")
def world_folder(tiny_world: Path, clip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny world with vectors."""
    folder = tmp_path_factory.mktemp("worlds") / "tiny"
    shutil.copytree(tiny_world, folder)
    embed_folder(folder, embedder=clip, progress=unwatched)
    return folder


@pytest.fixture
def copied(world_folder: Path, tmp_path: Path) -> Path:
    """One that a test may harm."""
    return Path(shutil.copytree(world_folder, tmp_path / "copy"))


def as_picture(data: bytes) -> Picture:
    media = MemoryMediaStore()
    return media.picture(media.put(data))


def some_crops(world: GeneratedWorld) -> list[tuple[str, bytes]]:
    """A part of each third picture: 70 % of its sides."""
    box = Box(x0=0.15, y0=0.2, x1=0.85, y1=0.9)
    return [(key, cut(data, box)) for key, data in list(world.reference_pictures())[::3]]


def test_a_random_embedder_lowers_no_verified_hit(world_folder: Path, clip: str) -> None:
    visuals = VisualIndex.open(world_folder / "visual")
    embedder = open_embedder(clip)
    vectors = FaissVectors.empty(_manifest_of(world_folder), method=VectorMethod.FLAT)
    world = GeneratedWorld.open(world_folder, embedder="off")
    keys, pictures = zip(*world.reference_pictures(), strict=True)
    assert keys == visuals.ids
    vectors.put(range(len(keys)), np.array(embedder.encode(pictures), np.float32))
    hybrid = HybridIndex(visuals, vectors, embedder=embedder)
    num_alone = num_both = 0
    crops = some_crops(world)
    for key, crop in crops:
        alone, both = visuals.search(crop, 10), hybrid.search(crop, 10)
        verified = [hit for hit in alone if hit.inliers >= MATCH_INLIERS]
        matches = [hit for hit in both if hit.inliers >= MATCH_INLIERS]
        assert both[: len(matches)] == matches, "matches come first"
        assert [hit for hit in matches if hit in verified] == verified, "in the order they had"
        assert both == hybrid.search(crop, 10)
        assert len({hit.image_id for hit in both}) == len(both) == 10
        for hit in both:
            assert (label_for(hit.inliers) == "match") == (hit.inliers >= MATCH_INLIERS)
        num_alone += key in [hit.image_id for hit in alone[:3]]
        num_both += key in [hit.image_id for hit in both[:3]]
    assert num_alone >= 0.9 * len(crops)
    assert num_both >= num_alone - 1


def test_what_has_no_key_points_is_found_by_its_vector(world_folder: Path, clip: str) -> None:
    """A picture without a corner in it: votes say nothing, the nearest vectors come."""
    grey = to_png(Image.new("RGB", (200, 200), (90, 120, 90)))
    world = GeneratedWorld.open(world_folder, embedder=open_embedder(clip))
    embedder = open_embedder(clip)
    keys, pictures = zip(*world.reference_pictures(), strict=True)
    near = np.array(embedder.encode(pictures)) @ np.array(embedder.encode([grey])[0])
    expected = [keys[place] for place in np.argsort(-near)]
    hits = world._looks.find(as_picture(grey), 8)
    assert [hit.image_id for hit in hits] == expected[:8]
    assert all(label_for(hit.inliers) == "visually similar" for hit in hits)


async def test_a_crop_is_answered_with_pages_and_labels(world_folder: Path, clip: str) -> None:
    opened = open_world(world_folder, embedder=clip)
    assert opened.generated is not None
    key, crop = some_crops(opened.generated)[2]
    hits = await opened.world.search_image(as_picture(crop), limit=6)
    assert key in str(hits[0].image_url)
    assert hits[0].label == "match"
    again = await open_world(world_folder, embedder=clip).world.search_image(
        as_picture(crop), limit=6
    )
    assert again == hits


async def test_words_ask_captions_and_the_text_tower(world_folder: Path, clip: str) -> None:
    embedder = open_embedder(clip)
    world = GeneratedWorld.open(world_folder, embedder=embedder)
    told = GeneratedWorld.open(world_folder, embedder="off")
    title = next(one.title for one in told.pages.all_urls() if told.pages.pictures(one.url))
    by_caption = [one.image_url for one in await told.image_by_text(title, limit=50)]
    both = [one.image_url for one in await world.image_by_text(title, limit=50)]
    assert set(by_caption[:5]) <= set(both)
    before = both[: both.index(by_caption[0])]
    assert set(before) <= set(by_caption), "only what both found may pass the first caption"
    assert set(both) - set(by_caption), "and the text tower adds pictures of its own"
    only_near = await world.image_by_text("zzzz qqqq", limit=5)
    assert await told.image_by_text("zzzz qqqq", limit=5) == []
    assert len(only_near) == 5
    assert only_near == await world.image_by_text("zzzz qqqq", limit=5)


# ------------------------------------------------------------------------------------- refusals


def test_the_manifest_names_the_embedder_and_none_is_refused(
    world_folder: Path, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = _stored(world_folder).vector_index
    assert facts["embedder"] == open_embedder(clip).identity
    assert facts["name"].startswith("clip ")
    assert facts["method"] == "flat"
    monkeypatch.delenv("VDR_EMBEDDER", raising=False)
    with pytest.raises(ConfigError, match="VDR_EMBEDDER=NAME"):
        open_world(world_folder)
    monkeypatch.setenv("VDR_EMBEDDER", clip)
    assert open_world(world_folder).world.manifest().vector_index == facts
    assert open_without_truth(world_folder).manifest().vector_index == facts
    monkeypatch.setenv("VDR_EMBEDDER", "off")
    assert "local features alone" in open_world(world_folder).world.manifest().vector_index["state"]
    assert make_config({}, overrides=["embedder=off"]).embedder == "off"


def test_another_embedder_or_other_preparing_is_refused(
    world_folder: Path, clip: str, tmp_path: Path
) -> None:
    place = Path(clip.partition(":")[2])
    other = Path(shutil.copytree(place, tmp_path / "prepared otherwise"))
    settings = json.loads((other / "preprocessor_config.json").read_text())
    (other / "preprocessor_config.json").write_text(json.dumps({**settings, "resample": 2}))
    seed = save_tower("clip", tmp_path / "seed", seed=9)
    dino = save_tower("dinov2", tmp_path / "dino")
    for folder in (other, seed, dino):
        with pytest.raises(ConfigError, match="cannot be compared"):
            open_world(world_folder, embedder=f"transformers:{folder}")
    moved = Path(shutil.copytree(place, tmp_path / "moved"))
    open_world(world_folder, embedder=f"transformers:{moved}")


def test_a_world_without_vectors_takes_no_embedder(
    tiny_world: Path, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="vdr world embed"):
        open_world(tiny_world, embedder=clip)
    monkeypatch.setenv("VDR_EMBEDDER", "transformers:nowhere")
    open_world(tiny_world)  # the environment is for worlds that have vectors
    for name in ("magic:x", "transformers:", "clip"):
        with pytest.raises(ConfigError, match="unknown embedder"):
            open_embedder(name)


def test_damaged_or_foreign_vectors_are_refused(copied: Path, clip: str) -> None:
    vectors = copied / "vectors" / "vectors.faiss"
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[:-10])
    with pytest.raises(ConfigError, match="damaged"):
        open_world(copied, embedder=clip)
    open_world(copied, embedder="off")
    vectors.write_bytes(whole)
    manifest = _stored(copied)
    facts = {**manifest.vector_index, "of": "of others"}
    _store(copied, manifest.model_copy(update={"vector_index": facts}))
    with pytest.raises(ConfigError, match="other pictures"):
        open_world(copied, embedder=clip)


def test_embedding_again_replaces_and_two_runs_are_the_same_bytes(
    copied: Path, clip: str, tmp_path: Path
) -> None:
    first = {path.name: path.read_bytes() for path in (copied / "vectors").iterdir()}
    (copied / "vectors.new").mkdir()  # of a run that was killed
    embed_folder(copied, embedder=clip, progress=unwatched)
    assert {path.name: path.read_bytes() for path in (copied / "vectors").iterdir()} == first
    assert not (copied / "vectors.new").exists()
    siglip = f"transformers:{save_tower('siglip', tmp_path / 'siglip')}"
    world = GeneratedWorld.open(copied, embedder="off")
    facts = embed_world(world, open_embedder(siglip), method=VectorMethod.HNSW).vector_index
    assert (facts["method"], facts["dimension"], facts["links"]) == ("hnsw", "32", "32")
    open_world(copied, embedder=siglip)
    with pytest.raises(ConfigError, match="cannot be compared"):
        open_world(copied, embedder=clip)


def test_the_command_line_makes_shows_and_uses_vectors(
    tmp_path: Path, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "world")
    world_commands.import_source(
        write_manual(tmp_path / "manual"),
        Path(out),
        base_url=None,
        name=None,
        limit=None,
        embedder=clip,
        jobs=1,
        json_wanted=True,
    )
    capsys.readouterr()
    for embedder, state in ((None, False), (clip, False), ("off", True)):
        world_commands.info(out, embedder=embedder, json_wanted=True)
        facts = json.loads(capsys.readouterr().out)["vector_index"]
        assert ("state" in facts) is state
    lamp = tmp_path / "manual" / "img" / "lamp.png"
    world_commands.look(out, lamp, box=None, limit=3, embedder=clip, json_wanted=True)
    assert json.loads(capsys.readouterr().out)["hits"][0]["label"] == "match"
    world_commands.pictures(out, "an oil can", limit=3, embedder=clip, json_wanted=True)
    assert "can%20old" in json.loads(capsys.readouterr().out)["hits"][0]["image_url"]
    with pytest.raises(ConfigError, match="no embedder was named"):
        world_commands.look(out, lamp, box=None, limit=3, embedder=None, json_wanted=True)
    world_commands.search(out, "colza", limit=3, json_wanted=True)  # words alone need none


def _stored(folder: Path) -> WorldManifest:
    return WorldManifest.model_validate_json((folder / "manifest.json").read_bytes())


def _store(folder: Path, manifest: WorldManifest) -> None:
    (folder / "manifest.json").write_text(manifest.model_dump_json())


def _manifest_of(folder: Path) -> VectorManifest:
    facts = _stored(folder).vector_index
    return VectorManifest(dimension=int(facts["dimension"]), embedder=facts["embedder"])
