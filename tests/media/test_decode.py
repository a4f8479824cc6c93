"""Pictures from anywhere are decoded right or refused in words."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.bad_inputs import Row, a_chunk, a_png, encoded, rows
from tests.builders import a_picture
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.decode import MAX_BYTES, decode, sniff
from vision_deepresearch.media.store import clean

CODES = {
    "too_large": "may have at most 20,971,520 bytes",
    "pixels": "may have at most 40,000,000 pixels",
    "unreadable": ": (convert|save or download)",
    "any": ": (convert|save or download|scale it down)",
}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).image)


@pytest.mark.pitfall("P43")
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_format_is_known_by_the_bytes(fmt: str) -> None:
    decoded = decode(a_picture(fmt=fmt))
    assert decoded.format == fmt
    assert decoded.media_type == f"image/{fmt.lower()}"
    assert decoded.image.size == (96, 64)
    assert decoded.image.mode == "RGB"
    assert not decoded.is_animated


@pytest.mark.pitfall("P43")
@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty file"),
        (b"just words", "text file that begins 'just words'"),
        ("Stra\u00dfe".encode(), "text file"),
        (b"<html><body>", "web page"),
        (b"<!DOCTYPE html>", "web page"),
        (b"  <svg xmlns='x'/>", "SVG"),
        (b"<?xml version='1.0'?><svg/>", "XML"),
        (b"%PDF-1.4\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "EPS"),
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"8BPS\x00\x01" + bytes(20), "PSD"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "HEIC"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40), "JPEG 2000"),
        (b"\x00\x00\x00\x20ftypavif" + bytes(20), "an AVIF file"),
        (b"\x00\x00\x00\x20ftypqt  " + bytes(20), "a video"),
        (b"\x00\x00\x00\x20ftypwhat" + bytes(20), "ISO container"),
        (b"\xff\x0a" + bytes(20), "JPEG XL"),
        (b"\x00\x00\x01\x00\x01\x00" + bytes(20), "an icon"),
        (b"\x1f\x8b\x08" + bytes(20), "a gzip archive"),
        (b"BMW is a maker of cars", "text file that begins .BMW is"),
        (b"\x00\xffwhat is this" + bytes(20), "unknown bytes"),
        (b"\x89", "unknown bytes"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_what_is_no_picture_is_named_and_refused(data: bytes, named: str) -> None:
    with pytest.raises(BadImageError, match=named) as caught:
        decode(data)
    assert "must be JPEG, PNG, WEBP, GIF, BMP or TIFF, got " in str(caught.value)
    assert ": convert it to PNG or JPEG" in str(caught.value)


@pytest.mark.pitfall("P13")
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.97])
def test_a_truncated_picture_is_refused(fmt: str, kept: float) -> None:
    data = a_picture(fmt=fmt)
    with pytest.raises(BadImageError, match=f"a whole {fmt} file was expected.*download it again"):
        decode(data[: int(len(data) * kept) + 8])


@pytest.mark.pitfall("P13")
def test_a_png_without_its_last_chunk_is_refused() -> None:
    with pytest.raises(BadImageError, match="truncated or broken"):
        decode(a_picture()[:-12])


@pytest.mark.pitfall("P13")
def test_a_png_with_a_flipped_bit_is_refused() -> None:
    data = bytearray(a_picture())
    data[len(data) // 2] ^= 1
    with pytest.raises(BadImageError, match="truncated or broken"):
        decode(bytes(data))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_broken_bytes_are_refused_or_decoded_and_never_break_us(data: st.DataObject) -> None:
    fmt = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]))
    broken = bytearray(a_picture(width=12, height=9, fmt=fmt))
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadImageError):
        assert decode(bytes(broken)).image.mode == "RGB"


@given(st.binary(max_size=60))
@example(b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\x7f")
@example(b"GIF89a\xff\xff\xff\xff")
@example(b"II*\x00\x08\x00\x00\x00\xff\xff")
def test_no_bytes_behind_a_signature_break_us(tail: bytes) -> None:
    for magic in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00"):
        with pytest.raises(BadImageError):
            decode(magic + tail)


def test_too_many_bytes_are_refused_before_decoding() -> None:
    with pytest.raises(BadImageError, match=CODES["too_large"]):
        decode(b"\xff\xd8" + bytes(MAX_BYTES))


@pytest.mark.parametrize(
    ("width", "height"), [(50_000, 50_000), (7_000, 7_000), (16_385, 1), (1, 20_000)]
)
def test_too_many_pixels_are_refused_from_the_header(width: int, height: int) -> None:
    with pytest.raises(BadImageError, match=f"its header says {width:,} x {height:,}"):
        decode(a_png(width=width, height=height))


def test_a_text_chunk_that_explodes_is_refused() -> None:
    bomb = a_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 8_000_000, 9))
    data = a_picture()
    with pytest.raises(BadImageError):
        decode(data[:33] + bomb + data[33:])


def test_only_the_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (8, 8), (60 * index, 0, 0)) for index in range(4)]
    for fmt in ("GIF", "PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if fmt == "WEBP" else {}
        decoded = decode(
            encoded(frames[0], fmt, save_all=True, append_images=frames[1:], **options)
        )
        assert decoded.is_animated, fmt
        assert decoded.image.getpixel((0, 0)) == (0, 0, 0), fmt


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int) -> None:
    upright = Image.fromarray(np.arange(6 * 4 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    decoded = decode(encoded(stored, exif=exif))
    assert decoded.is_turned is (orientation > 1)
    assert decoded.image.size == (6, 4)
    assert decoded.image.tobytes() == upright.tobytes()


def test_broken_metadata_turns_nothing() -> None:
    data = encoded(Image.new("RGB", (6, 4)), "JPEG")
    segment = b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"
    broken = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    assert decode(broken).image.size == (6, 4)


@pytest.mark.pitfall("P16")
def test_transparency_is_laid_over_white() -> None:
    clear_red = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (pixels(encoded(clear_red)) == 255).all()
    half = pixels(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 128))))[0, 0]
    assert half.tolist() == [255, 127, 127]
    grey = Image.new("LA", (4, 4), (0, 0))
    assert (pixels(encoded(grey)) == 255).all()


@pytest.mark.pitfall("P16")
def test_palette_pictures_show_their_colours_and_their_clear_parts_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert pixels(encoded(image))[0, 0].tolist() == [10, 20, 30]
    assert pixels(encoded(image, transparency=1))[0, 0].tolist() == [255, 255, 255]
    assert pixels(encoded(image, "GIF", transparency=1))[0, 0].tolist() == [255, 255, 255]
    assert pixels(encoded(Image.new("RGB", (4, 4), (9, 8, 7)), transparency=(9, 8, 7))).min() == 255


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_sixteen_bit_greys_are_scaled_and_not_clipped(fmt: str) -> None:
    values = np.array([[0, 257 * 10, 257 * 128, 65535]], dtype=np.uint16)
    assert pixels(encoded(Image.fromarray(values), fmt))[0, :, 0].tolist() == [0, 10, 128, 255]


def test_float_greys_are_scaled() -> None:
    values = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    assert pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    values = np.array([[-100.0, 0.0, np.nan, 100.0]], dtype=np.float32)
    greys = pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist()
    assert greys == pytest.approx([0, 127.5, 127.5, 255], abs=0.5)


def test_print_colours_grey_and_black_and_white_become_rgb() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    assert pixels(encoded(cyan, "TIFF"))[0, 0].tolist() == [0, 255, 255]
    red, green, blue = pixels(encoded(cyan, "JPEG", quality=100))[4, 4].tolist()
    assert red < 5
    assert min(green, blue) > 250
    assert pixels(encoded(Image.new("L", (2, 2), 77)))[0, 0].tolist() == [77, 77, 77]
    assert pixels(encoded(Image.new("1", (2, 2), 1)))[0, 0].tolist() == [255, 255, 255]


def test_no_metadata_travels_with_the_pixels() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    decoded = decode(encoded(Image.new("RGB", (6, 4)), "JPEG", exif=exif, comment=b"SECRET"))
    assert decoded.image.info == {}
    assert not decoded.image.getexif()


def test_sniffing_knows_no_other_format() -> None:
    assert sniff(b"RIFF\x00\x00\x00\x00WAVE") is None
    assert sniff(b"") is None


@pytest.mark.pitfall("P43")
@pytest.mark.parametrize("row", rows("images"), ids=lambda row: row.id)
def test_the_tables_of_pictures_are_obeyed(row: Row) -> None:
    data = row.recipe.built()
    if row.verdict == "allow":
        assert list(decode(data).image.size) == row.expect["size"]
        assert str(row.expect.get("gone", "no words like these")).encode() not in clean(data).data
        return
    with pytest.raises(BadImageError, match=CODES[str(row.expect["code"])]):
        decode(data)
