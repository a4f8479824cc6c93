"""Stored pictures are found by their pixels and hold nothing else."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_picture, an_image_ref
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.protocols import MediaStore
from vision_deepresearch.media.crop import MAX_CUT_PIXELS, cut
from vision_deepresearch.media.decode import MAX_BYTES, decode
from vision_deepresearch.media.encode import strip_jpeg, strip_png
from vision_deepresearch.media.given import load_given
from vision_deepresearch.media.store import FolderMediaStore, MemoryMediaStore

STORES: list[Callable[[Path], MediaStore]] = [FolderMediaStore, lambda _: MemoryMediaStore()]


def a_photo(*, orientation: int = 1, **options: bool | int) -> bytes:
    """A JPEG with camera name, position, comment, preview and trailing bytes: all say SECRET."""
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "SECRET-GPS"
    output = io.BytesIO()
    Image.fromarray(pixels).save(
        output, "JPEG", exif=exif, comment=b"SECRET-COMMENT", icc_profile=b"SECRET" * 30, **options
    )
    return output.getvalue() + b"SECRET-TAIL"


def a_noted_png(**options: object) -> bytes:
    """A PNG with text and position that say SECRET."""
    from_camera = Image.Exif()
    from_camera[0x010F] = "SECRET-CAMERA"
    output = io.BytesIO()
    image = Image.open(io.BytesIO(a_picture()))
    image.save(output, "PNG", exif=from_camera, icc_profile=b"SECRET" * 30, **options)
    return output.getvalue() + b"SECRET-TAIL"


@pytest.mark.parametrize("make", STORES, ids=["folder", "memory"])
def test_a_picture_comes_back_as_it_was_put(
    make: Callable[[Path], MediaStore], tmp_path: Path
) -> None:
    store = make(tmp_path)
    ref = store.put(a_picture(width=30, height=20))
    assert (ref.width, ref.height, ref.media_type) == (30, 20, "image/png")
    stored, source = decode(store.load(ref)), decode(a_picture(width=30, height=20))
    assert stored.image.tobytes() == source.image.tobytes()
    assert store.picture(ref).load() == store.load(ref)
    assert store.picture(ref).ref == ref


@pytest.mark.pitfall("P31")
@pytest.mark.parametrize("make", STORES, ids=["folder", "memory"])
def test_the_address_is_the_pixels_and_not_the_file(
    make: Callable[[Path], MediaStore], tmp_path: Path
) -> None:
    store = make(tmp_path)
    files = [a_picture(fmt=fmt) for fmt in ("PNG", "BMP", "TIFF")] + [a_noted_png(), a_noted_png()]
    refs = {store.put(data) for data in files}
    assert len(refs) == 1
    assert store.put(a_picture(seed=1)) not in refs
    wide, high = Image.new("RGB", (6, 2)), Image.new("RGB", (2, 6))
    outputs = [io.BytesIO(), io.BytesIO()]
    wide.save(outputs[0], "PNG")
    high.save(outputs[1], "PNG")
    assert len({store.put(output.getvalue()).sha256 for output in outputs}) == 2


@pytest.mark.pitfall("P31")
def test_equal_names_and_boxes_of_two_pictures_are_two_crops() -> None:
    store = MemoryMediaStore()
    given = [store.put(a_picture(seed=seed)) for seed in (0, 1)]
    box = Box(x0=0.1, y0=0.1, x1=0.6, y1=0.7)
    crops = {store.put(cut(store.load(ref), box)).sha256 for ref in given}
    assert len(crops) == 2


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize(
    ("mode", "fmt"),
    [
        *(("RGBA", "PNG"), ("P", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("P", "GIF")),
        *(("CMYK", "TIFF"), ("CMYK", "JPEG"), ("RGBA", "WEBP")),
    ],
)
def test_what_is_stored_reads_as_plain_rgb_everywhere(mode: str, fmt: str) -> None:
    output = io.BytesIO()
    Image.open(io.BytesIO(a_picture())).convert(mode).save(output, fmt)
    store = MemoryMediaStore()
    stored = store.load(store.put(output.getvalue()))
    opened = Image.open(io.BytesIO(stored))
    assert opened.mode == "RGB"
    assert opened.info == {}
    assert opened.tobytes() == decode(output.getvalue()).image.tobytes()


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_no_metadata_survives_in_a_photo_and_its_pixels_stay_exact(orientation: int) -> None:
    data = a_photo(orientation=orientation)
    assert data.count(b"SECRET") > 4
    store = MemoryMediaStore()
    ref = store.put(data)
    stored = store.load(ref)
    assert b"SECRET" not in stored
    assert b"Exif" not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()
    assert decode(stored).image.tobytes() == decode(data).image.tobytes()
    assert ref.media_type == ("image/jpeg" if orientation == 1 else "image/png")
    assert (ref.width, ref.height) == ((64, 48) if orientation in {1, 3} else (48, 64))
    assert store.put(stored) == ref


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"quality": 20}])
def test_a_photo_is_cleaned_without_being_encoded_again(options: dict[str, int]) -> None:
    data = a_photo(**options)
    stripped = strip_jpeg(data)
    assert stripped is not None
    assert b"SECRET" not in stripped
    assert decode(stripped).image.tobytes() == decode(data).image.tobytes()
    assert strip_jpeg(stripped) == stripped
    store = MemoryMediaStore()
    assert store.load(store.put(data)) == stripped


def test_a_png_is_cleaned_without_being_encoded_again() -> None:
    data = a_noted_png()
    stripped = strip_png(data)
    assert stripped is not None
    assert b"SECRET" in data
    assert b"SECRET" not in stripped
    assert decode(stripped).image.tobytes() == decode(data).image.tobytes()
    assert strip_png(stripped) == stripped


def test_a_transparent_colour_is_not_lost_with_the_metadata() -> None:
    output = io.BytesIO()
    Image.new("RGB", (4, 4), (9, 8, 7)).save(output, "PNG", transparency=(9, 8, 7))
    store = MemoryMediaStore()
    opened = Image.open(io.BytesIO(store.load(store.put(output.getvalue()))))
    assert opened.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("cut_at", [2, 3, 20, 200, 700])
def test_a_photo_that_cannot_be_followed_is_not_cleaned(cut_at: int) -> None:
    assert strip_jpeg(a_photo()[:cut_at]) is None
    assert strip_png(a_picture()[: min(cut_at, 100)]) is None


@pytest.mark.pitfall("P13")
@pytest.mark.parametrize("make", STORES, ids=["folder", "memory"])
def test_a_broken_picture_is_refused_and_leaves_nothing(
    make: Callable[[Path], MediaStore], tmp_path: Path
) -> None:
    with pytest.raises(BadImageError):
        make(tmp_path).put(a_picture()[:-40])
    assert list(tmp_path.rglob("*")) == []


def test_a_large_turned_photo_and_its_cut_can_be_put_again() -> None:
    output = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (2800, 2600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(output, "JPEG", exif=exif, quality=75)
    store = MemoryMediaStore()
    ref = store.put(output.getvalue())
    stored = store.load(ref)
    assert len(stored) > MAX_BYTES
    assert store.put(stored) == ref
    crop = store.put(cut(stored, Box.full()))
    assert MAX_CUT_PIXELS * 0.99 < crop.width * crop.height <= MAX_CUT_PIXELS
    with pytest.raises(BadImageError, match="at most 20,971,520 bytes"):
        store.put(stored + b"x")


@pytest.mark.parametrize("make", STORES, ids=["folder", "memory"])
def test_a_picture_that_was_never_put_is_missed_in_words(
    make: Callable[[Path], MediaStore], tmp_path: Path
) -> None:
    with pytest.raises(KeyError, match=f"{'a' * 64}.*put its bytes first"):
        make(tmp_path).load(an_image_ref())


def test_pictures_lie_under_their_hash_and_outlive_the_process(tmp_path: Path) -> None:
    ref = FolderMediaStore(tmp_path).put(a_picture())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / ref.sha256[:2] / ref.sha256[2:]]
    assert FolderMediaStore(tmp_path).load(ref) == files[0].read_bytes()


def test_a_reference_stays_true_when_the_same_pixels_come_in_another_file(tmp_path: Path) -> None:
    store = FolderMediaStore(tmp_path)
    photo = store.put(a_photo())
    output = io.BytesIO()
    decode(a_photo()).image.save(output, "PNG")
    again = store.put(output.getvalue())
    assert again == photo
    assert again.media_type == "image/jpeg"
    assert store.load(again)[:2] == b"\xff\xd8"


@pytest.mark.pitfall("P31")
@pytest.mark.parametrize("damage", [b"", b"torn"])
def test_a_damaged_file_is_told_and_mended_by_putting_again(tmp_path: Path, damage: bytes) -> None:
    store = FolderMediaStore(tmp_path)
    ref = store.put(a_picture())
    path = tmp_path / ref.sha256[:2] / ref.sha256[2:]
    path.write_bytes(damage)
    with pytest.raises(KeyError, match="delete the file and run again"):
        store.load(ref)
    with path.open("rb") as reader:
        assert store.put(a_picture()) == ref
        assert reader.read() == damage  # a whole new file took its place; nobody saw half of it
    assert decode(store.load(ref)).image.size == (96, 64)


@pytest.mark.pitfall("P31")
def test_fifty_writers_of_the_same_pictures_leave_valid_files(tmp_path: Path) -> None:
    files = [a_picture(seed=seed, fmt=fmt) for seed in range(3) for fmt in ("PNG", "BMP")]
    with ThreadPoolExecutor(max_workers=50) as pool:
        refs = list(pool.map(FolderMediaStore(tmp_path).put, files * 25))
    assert len(set(refs)) == 3
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(stored) == 3
    for ref in set(refs):
        assert FolderMediaStore(tmp_path).put(FolderMediaStore(tmp_path).load(ref)) == ref


def test_a_given_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(a_photo())
    assert load_given(path) == a_photo()


def test_a_given_path_that_is_no_picture_file_is_explained(tmp_path: Path) -> None:
    empty, huge = tmp_path / "empty.png", tmp_path / "huge.png"
    empty.touch()
    with huge.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    cases = {
        tmp_path / "missing.png": "does not exist: check the path",
        tmp_path: "which is a folder: name a file in it",
        empty: "0 bytes.*: save or download it again",
        huge: "of 22,020,096 bytes, at most 20,971,520 are allowed: scale it down",
        tmp_path / ("x" * 300): "cannot be read",
        tmp_path / "a\0b": "no file name|does not exist",
    }
    for path, message in cases.items():
        with pytest.raises(ConfigError, match=message) as caught:
            load_given(path)
        assert f"a picture file was expected, got {str(path)!r}" in str(caught.value)


def test_a_text_file_named_as_a_photo_is_told_as_text(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("dear diary")
    with pytest.raises(BadImageError, match="got a text file that begins 'dear diary'"):
        MemoryMediaStore().put(load_given(path))
