"""Photographs, and whatever a camera or a program makes of them, arrive unharmed.

The reference is Pillow alone: turned upright, transparency over white, RGB. Without the shared
photographs the same checks run on a drawn picture.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import cut_all, thumbnail
from vision_deepresearch.media.decode import decode
from vision_deepresearch.media.preview import preview
from vision_deepresearch.media.store import FolderMediaStore, MemoryMediaStore

FOLDER = Path(__file__).resolve().parents[2] / "../shared/data/photos"
NAMES = (
    *("astronaut.png", "chelsea.png", "coffee.png", "coins.png"),
    *("grace_hopper.jpg", "hubble_deep_field.jpg", "rocket.jpg"),
)
SOURCES = ("drawn", *NAMES)
BOXES = (
    Box.full(),
    Box(x0=0.0, y0=0.0, x1=0.5, y1=0.5),
    Box(x0=0.31, y0=0.27, x1=0.93, y1=0.99),
    Box(x0=0.999, y0=0.999, x1=1.0, y1=1.0),
    Box(x0=0.0, y0=0.4, x1=1.0, y1=0.401),
)
SCALES = (0.5, 1.0, 2.5)


@cache
def source(name: str) -> bytes:
    """The bytes of a photograph; of "drawn", a PNG of a gradient with noise."""
    if name != "drawn":
        path = FOLDER / name
        if not path.exists():
            pytest.skip(f"the shared photograph {name} is not here")
        return path.read_bytes()
    rows_H1, columns_1W = np.mgrid[0:221, 0:301]
    noise_HW = np.random.default_rng(7).integers(0, 40, (221, 301))
    channels = (rows_H1 * 0.9 + noise_HW, columns_1W * 0.7 + noise_HW, 255 - columns_1W * 0.7)
    drawn = np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(drawn))


def encoded(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, fmt, **options)
    return output.getvalue()


def by_pillow(data: bytes) -> Image.Image:
    """The picture as Pillow alone reads it."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


def distance(one: Image.Image, two: Image.Image) -> int:
    """The largest difference of any channel of any pixel; sizes must agree."""
    assert one.size == two.size
    return int(np.abs(np.asarray(one, dtype=int) - np.asarray(two, dtype=int)).max())


def stored(data: bytes) -> Image.Image:
    """What the store gives back, read by Pillow as a model's side would."""
    store = MemoryMediaStore()
    ref = store.put(data)
    image = Image.open(io.BytesIO(store.load(ref)))
    assert (ref.width, ref.height) == image.size
    assert not image.getexif()
    assert "icc_profile" not in image.info
    return image.convert("RGB")


# ------------------------------------------------------------------------------------ photographs


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("name", SOURCES)
def test_a_photograph_keeps_every_pixel_in_the_store(name: str, tmp_path: Path) -> None:
    data = source(name)
    store = FolderMediaStore(tmp_path)
    ref = store.put(data)
    kept = store.load(ref)
    assert distance(decode(kept).image, by_pillow(data)) == 0
    assert store.put(kept) == ref
    assert store.put(encoded(by_pillow(data))) == ref
    is_photo = name.endswith(".jpg")
    assert ref.media_type == ("image/jpeg" if is_photo else "image/png")
    assert is_photo <= (len(kept) < len(data)), "a JPEG is cleaned, never encoded again"


@pytest.mark.pitfall("P20")
@pytest.mark.parametrize("name", SOURCES)
def test_a_crop_of_a_photograph_is_exactly_its_region(name: str) -> None:
    store = MemoryMediaStore()
    ref = store.put(source(name))
    whole = by_pillow(source(name))
    boxes = [box.scaled(scale) for box in BOXES for scale in SCALES]
    for box, crop in zip(boxes, cut_all(store.load(ref), boxes, min_side_px=1), strict=True):
        edges = box.x0 * whole.width, box.y0 * whole.height, box.x1 * whole.width
        left, top, right = (
            int(edges[0] + 1e-9),
            int(edges[1] + 1e-9),
            -int(-(edges[2] - 1e-9) // 1),
        )
        bottom = -int(-(box.y1 * whole.height - 1e-9) // 1)
        region = whole.crop((left, top, right, bottom))
        if max(region.size) < 512:
            doubled = region.width * 2, region.height * 2
            region = region.resize(doubled, Image.Resampling.LANCZOS)
        assert distance(decode(crop).image, region) == 0, box


@pytest.mark.parametrize("name", SOURCES)
def test_small_copies_of_a_photograph_look_like_it(name: str) -> None:
    data = source(name)
    whole = by_pillow(data)
    small = decode(thumbnail(data, max_side_px=160)).image
    light = decode(preview(data, max_side_px=160)).image
    assert max(small.size) == max(light.size) == 160
    expected = whole.resize(small.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(small, dtype=int) - np.asarray(expected)).mean() < 2
    assert np.abs(np.asarray(light, dtype=int) - np.asarray(expected)).mean() < 6


# --------------------------------------------------------------------------------------- variants


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Another file of the same picture, and how it should look."""

    data: bytes
    looks: Image.Image
    off_by: int = 0
    """Largest difference of a channel that the format itself brings."""


_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _faded(picture: Image.Image) -> Image.Image:
    """RGBA: clear at the left, solid at the right."""
    ramp = np.linspace(0, 255, picture.width).astype(np.uint8)
    layer = picture.convert("RGBA")
    layer.putalpha(Image.fromarray(np.tile(ramp, (picture.height, 1))))
    return layer


def _over_white(layer: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer.convert("RGBA")).convert("RGB")


def _cmyk_jpeg(picture: Image.Image) -> Variant:
    data = encoded(picture.convert("CMYK"), "JPEG", quality=95)
    return Variant(data=data, looks=picture, off_by=40)


def _deep_grey(picture: Image.Image) -> Variant:
    grey = picture.convert("L")
    values_HW = np.asarray(grey).astype(np.uint16) * 257
    return Variant(data=encoded(Image.fromarray(values_HW)), looks=grey.convert("RGB"))


def _deep_grey_big_endian(picture: Image.Image) -> Variant:
    grey = picture.convert("L")
    values_HW = (np.asarray(grey).astype(np.uint16) * 257).astype(">u2")
    image = Image.frombytes("I;16B", grey.size, values_HW.tobytes())
    return Variant(data=encoded(image, "TIFF"), looks=grey.convert("RGB"))


def _palette(picture: Image.Image) -> Variant:
    image = picture.quantize(64)
    return Variant(data=encoded(image), looks=image.convert("RGB"))


def _palette_with_a_clear_colour(picture: Image.Image) -> Variant:
    image = picture.quantize(64)
    looks_HWC = np.asarray(image.convert("RGB")).copy()
    looks_HWC[np.asarray(image) == 5] = 255
    return Variant(data=encoded(image, transparency=5), looks=Image.fromarray(looks_HWC))


def _rgba(picture: Image.Image) -> Variant:
    return Variant(data=encoded(_faded(picture)), looks=_over_white(_faded(picture)))


def _la(picture: Image.Image) -> Variant:
    layer = _faded(picture).convert("LA")
    return Variant(data=encoded(layer), looks=_over_white(layer))


def _one_bit(picture: Image.Image) -> Variant:
    image = picture.convert("1")
    return Variant(data=encoded(image), looks=image.convert("RGB"))


def _progressive(picture: Image.Image) -> Variant:
    data = encoded(picture, "JPEG", progressive=True, quality=95, subsampling=0)
    return Variant(data=data, looks=by_pillow(data))


def _webp(picture: Image.Image) -> Variant:
    return Variant(data=encoded(picture, "WEBP", lossless=True), looks=picture)


def _animated_webp(picture: Image.Image) -> Variant:
    others = [ImageOps.invert(picture)]
    data = encoded(picture, "WEBP", lossless=True, save_all=True, append_images=others)
    return Variant(data=data, looks=picture)


def _animated_gif(picture: Image.Image) -> Variant:
    first = picture.quantize(128)
    others = [ImageOps.invert(picture).quantize(128)]
    data = encoded(first, "GIF", save_all=True, append_images=others)
    return Variant(data=data, looks=first.convert("RGB"))


def _bmp(picture: Image.Image) -> Variant:
    return Variant(data=encoded(picture, "BMP"), looks=picture)


def _scan(picture: Image.Image) -> Variant:
    """A TIFF of two pages: the first counts."""
    others = [ImageOps.invert(picture)]
    data = encoded(picture, "TIFF", save_all=True, append_images=others, compression="tiff_lzw")
    return Variant(data=data, looks=picture)


def _wide_gamut(picture: Image.Image) -> Variant:
    """A profile is dropped, the numbers stay."""
    return Variant(data=encoded(picture, icc_profile=b"\0\0\1\0adsp" + bytes(200)), looks=picture)


def _stereo(picture: Image.Image) -> Variant:
    """MPO: a JPEG with further pictures behind it, as phones write; the first counts."""
    others = [ImageOps.invert(picture)]
    data = encoded(picture, "MPO", quality=95, save_all=True, append_images=others)
    return Variant(data=data, looks=Image.open(io.BytesIO(data)).convert("RGB"))


def _cut_to(width: int, height: int) -> Callable[[Image.Image], Variant]:
    def make(picture: Image.Image) -> Variant:
        part = picture.resize((width, height))
        return Variant(data=encoded(part), looks=part)

    return make


VARIANTS: dict[str, Callable[[Image.Image], Variant]] = {
    "CMYK JPEG": _cmyk_jpeg,
    "16-bit grey PNG": _deep_grey,
    "16-bit grey TIFF, big-endian": _deep_grey_big_endian,
    "palette": _palette,
    "palette with a clear colour": _palette_with_a_clear_colour,
    "RGBA": _rgba,
    "grey with alpha": _la,
    "1 bit": _one_bit,
    "progressive JPEG": _progressive,
    "WebP": _webp,
    "animated WebP": _animated_webp,
    "animated GIF": _animated_gif,
    "BMP": _bmp,
    "TIFF of two pages": _scan,
    "wide-gamut profile": _wide_gamut,
    "MPO": _stereo,
    "longest side allowed": _cut_to(16_384, 3),
    "1 pixel wide": _cut_to(1, 900),
    "1 pixel high": _cut_to(900, 1),
    "8 x 8": _cut_to(8, 8),
}


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("make", VARIANTS.values(), ids=list(VARIANTS))
@pytest.mark.parametrize("name", ["drawn", "astronaut.png", "coins.png"])
def test_a_variant_is_stored_as_it_looks(name: str, make: Callable[[Image.Image], Variant]) -> None:
    variant = make(by_pillow(source(name)))
    assert distance(stored(variant.data), variant.looks) <= variant.off_by


@pytest.mark.pitfall("P20")
@pytest.mark.parametrize("make", VARIANTS.values(), ids=list(VARIANTS))
def test_a_variant_can_be_cropped(make: Callable[[Image.Image], Variant]) -> None:
    store = MemoryMediaStore()
    kept = store.load(store.put(make(by_pillow(source("drawn"))).data))
    whole = decode(kept).image
    full, corner = cut_all(kept, [Box.full(), Box(x0=0.9, y0=0.9, x1=1.0, y1=1.0)])
    enlarged = 1 if max(whole.size) >= 512 else 2
    assert decode(full).image.size == (whole.width * enlarged, whole.height * enlarged)
    assert min(decode(corner).image.size) >= 1


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "TIFF", "JPEG"])
@pytest.mark.parametrize("name", ["drawn", "grace_hopper.jpg"])
def test_all_eight_orientations_are_turned_upright(name: str, fmt: str) -> None:
    upright = by_pillow(source(name))
    upright.thumbnail((200, 200))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        lying = upright.transpose(_UNDO[orientation]) if orientation > 1 else upright
        options = {"lossless": True} if fmt == "WEBP" else {}
        data = encoded(lying, fmt, exif=exif, **options)
        shown = stored(data)
        assert distance(shown, by_pillow(data)) == 0, orientation
        error = np.abs(np.asarray(shown, dtype=int) - np.asarray(upright, dtype=int)).mean()
        assert error < (5 if fmt == "JPEG" else 0.1), orientation


def test_a_camera_raw_file_is_not_taken_for_its_preview() -> None:
    small = by_pillow(source("drawn")).resize((16, 12))
    reduced, version = {0x00FE: 1}, {0xC612: b"\1\4\0\0"}
    for tags in (reduced, version):
        with pytest.raises(ValueError, match=r"camera raw file.*16 x 12.*export it as JPEG or PNG"):
            decode(encoded(small, "TIFF", tiffinfo=tags))
    assert decode(encoded(small, "TIFF", tiffinfo={0x00FE: 2})).image.size == (16, 12)
