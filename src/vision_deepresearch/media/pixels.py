"""A picture from outside as bare pixels: what may cross from a process that decodes to ours.

Nothing of the sender's file crosses. What comes back is a size and so many bytes, checked against
each other here, and encoded anew: no later reader meets a byte of the sender's.
"""

import importlib
import json
import struct
from collections.abc import Mapping
from typing import Literal

from PIL import Image
from pydantic import Field

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.decode import MAX_PIXELS, MAX_SIDE_PX, decode
from vision_deepresearch.media.encode import to_png

JOB = "vision_deepresearch.media.pixels:pixels_of"
"""Where a parsing process finds the function."""
_LENGTH = struct.Struct(">I")
_MAX_HEAD_BYTES = 4096
_LOADED_LATE = (
    "copy", "mmap", "tempfile", "PIL.ImageCms", "PIL.ImageColor", "PIL.ImageFilter",
    "PIL.ImagePalette", "PIL.ImageSequence",
)  # fmt: skip
"""By functions of Pillow."""


class _Head(Record):
    """What stands before the pixels."""

    refusal: str = ""
    """Why there are none; "" if there are."""
    mode: Literal["RGB"] = "RGB"
    width: int = Field(default=0, ge=0, le=MAX_SIDE_PX)
    height: int = Field(default=0, ge=0, le=MAX_SIDE_PX)


def warm() -> None:
    """Do once what needs files: loads the decoders and what they load when they are used."""
    Image.init()
    for name in _LOADED_LATE:
        importlib.import_module(name)
    decode(to_png(Image.new("RGB", (8, 8))))


def pixels_of(data: bytes, about: Mapping[str, object]) -> bytes:  # noqa: ARG001 - a job's signature
    """The pixels of a picture, upright and RGB, or why there are none. Runs in a child."""
    try:
        image = decode(data).image
    except BadImageError as reason:
        return _framed(_Head(refusal=str(reason)[:1000]), b"")
    head = _Head(width=image.width, height=image.height)
    return _framed(head, image.tobytes())


def png_of_pixels(framed: bytes) -> bytes:
    """A PNG made here of what `pixels_of` gave; believes nothing but its size, and checks that.

    Raises:
        BadImageError: the picture was refused, or this is no answer to the question.
    """
    try:
        (length,) = _LENGTH.unpack_from(framed)
        if length > _MAX_HEAD_BYTES:
            raise ValueError
        head = _Head.model_validate_json(framed[_LENGTH.size : _LENGTH.size + length])
    except (ValueError, struct.error):
        raise BadImageError(_NO_ANSWER) from None
    if head.refusal:
        raise BadImageError(head.refusal)
    pixels = memoryview(framed)[_LENGTH.size + length :]
    num_pixels = head.width * head.height
    if not 0 < num_pixels <= MAX_PIXELS or len(pixels) != 3 * num_pixels:
        raise BadImageError(_NO_ANSWER)
    return to_png(Image.frombytes("RGB", (head.width, head.height), pixels))


_NO_ANSWER = "a picture was expected from the decoder, got something else: choose another picture"


def _framed(head: _Head, pixels: bytes) -> bytes:
    told = json.dumps(head.model_dump()).encode()
    return _LENGTH.pack(len(told)) + told + pixels
