"""Visual index: copies and crops are found, strangers are not taken for matches."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.worlds.generated.draw import reference_picture
from vision_deepresearch.worlds.generated.entities import Entity, EntityType
from vision_deepresearch.worlds.generated.spec import spec_named
from vision_deepresearch.worlds.index.visual import VisualIndex, features, label_for

TYPES = tuple(kind for kind in EntityType if kind.carries_picture)


def _references() -> list[tuple[str, bytes]]:
    spec = spec_named("tiny", seed=5)
    things = [
        Entity(id=f"e{number:04d}", type=TYPES[number % len(TYPES)], name="x")
        for number in range(40)
    ]
    return [(thing.id, reference_picture(spec, thing)) for thing in things]


@pytest.fixture(scope="module")
def references() -> list[tuple[str, bytes]]:
    """Forty reference photographs, eight of each type."""
    return _references()


@pytest.fixture(scope="module")
def index(
    references: list[tuple[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> VisualIndex:
    """Their index, written and opened again."""
    folder = tmp_path_factory.mktemp("index")
    VisualIndex.build(folder / "visual", references)
    return VisualIndex.open(folder / "visual")


def _altered(data: bytes) -> bytes:
    """Cropped to 90 %, scaled to .7, saved as JPEG 45."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    part = picture[height // 20 : -height // 20, width // 20 : -width // 20]
    small = cv2.resize(part, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 45])[1].tobytes()


def test_an_altered_copy_finds_its_original_as_a_match(
    index: VisualIndex, references: list[tuple[str, bytes]]
) -> None:
    found = [(image_id, index.search(_altered(data), 3)[0]) for image_id, data in references]
    assert all(hit.image_id == image_id for image_id, hit in found)
    assert all(label_for(hit.inliers) == "match" for _, hit in found)


def test_noise_and_flat_pictures_match_nothing_but_the_list_is_filled(index: VisualIndex) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    flat = np.full((240, 320, 3), 128, np.uint8)
    for pixels in (noise, flat):
        hits = index.search(cv2.imencode(".png", pixels)[1].tobytes(), 30)
        assert len({hit.image_id for hit in hits}) == 30
        assert {label_for(hit.inliers) for hit in hits} == {"visually similar"}


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (500, 3), (17, 17)])
def test_tiny_and_thin_pictures_are_no_error(index: VisualIndex, size: tuple[int, int]) -> None:
    data = cv2.imencode(".png", np.zeros((*size, 3), np.uint8))[1].tobytes()
    assert len(index.search(data, 5)) == 5


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0torn"])
def test_bytes_that_are_no_picture_are_refused(index: VisualIndex, data: bytes) -> None:
    with pytest.raises(BadImageError):
        index.search(data, 5)


def test_two_builds_give_the_same_hits(
    index: VisualIndex, references: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    again = VisualIndex.build(tmp_path / "visual", references)
    for _, data in references[:6]:
        assert again.search(_altered(data), 20) == index.search(_altered(data), 20)


def test_rows_are_written_as_numpy_writes_them(
    references: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    VisualIndex.build(tmp_path / "v", references)
    for name in ("starts", "points", "codes"):
        path = tmp_path / "v" / f"{name}.npy"
        np.save(tmp_path / "again.npy", np.load(path))
        assert (tmp_path / "again.npy").read_bytes() == path.read_bytes()


def test_a_short_list_is_the_beginning_of_the_long_one(
    index: VisualIndex, references: list[tuple[str, bytes]]
) -> None:
    for _, data in references[:5]:
        everything = index.search(_altered(data), len(references))
        assert len(everything) == len(references)
        assert index.search(_altered(data), 25) == everything[:25]


def test_many_descriptors_are_searched_in_lists_and_still_found(
    references: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    doubled = [*references, *((f"again-{one}", data) for one, data in references)]
    built = VisualIndex.build(tmp_path / "visual", doubled)
    assert int(built.facts["descriptors"]) > 20_000
    opened = VisualIndex.open(tmp_path / "visual")
    for image_id, data in references[:8]:
        hits = opened.search(_altered(data), 4)
        assert hits == built.search(_altered(data), 4)
        assert {hits[0].image_id, hits[1].image_id} == {image_id, f"again-{image_id}"}


def test_an_empty_index_finds_nothing(references: list[tuple[str, bytes]], tmp_path: Path) -> None:
    built = VisualIndex.build(tmp_path / "visual", [])
    assert built.search(references[0][1], 5) == []
    assert VisualIndex.open(tmp_path / "visual").search(references[0][1], 5) == []


def test_every_reference_has_far_more_key_points_than_it_needs(
    references: list[tuple[str, bytes]],
) -> None:
    assert min(len(features(data).codes) for _, data in references) >= 200


def test_a_missing_foreign_or_torn_index_is_refused(
    references: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="build it again"):
        VisualIndex.open(tmp_path)
    folder = tmp_path / "visual"
    VisualIndex.build(folder, references[:2])
    (folder / "codes.npy").write_bytes(b"torn")
    with pytest.raises(ConfigError, match="damaged"):
        VisualIndex.open(folder)
    facts = folder / "facts.json"
    facts.write_text(facts.read_text().replace('"version": "1"', '"version": "7"'))
    with pytest.raises(ConfigError, match="version '7'"):
        VisualIndex.open(folder)
