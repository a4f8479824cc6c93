"""Pictures to the numbers a vision tower reads, as its preprocessor_config.json says.

Our own, with Pillow and numpy alone: transformers' processors for DINOv3 need torchvision, and
what an upgrade changes there would change vectors in silence. Tests hold it to transformers' own.

Shapes: B = pictures, C = 3 channels, H, W = pixels, P = patches (padded), D = numbers of a patch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.decode import MAX_STORED_BYTES, decode, one_large_at_a_time
from vision_deepresearch.media.encode import to_png

CONFIG = "preprocessor_config.json"
_NESTED_CONFIG = "processor_config.json"
_MAX_SIDE_PX = 4096
_SEARCH_EPS = 1e-5
"""Precision of the search for a size, as in transformers: other values give other sizes."""

Floats = npt.NDArray[np.float32]


class _Size(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    height: int | None = Field(default=None, ge=1, le=_MAX_SIDE_PX)
    width: int | None = Field(default=None, ge=1, le=_MAX_SIDE_PX)
    shortest_edge: int | None = Field(default=None, ge=1, le=_MAX_SIDE_PX)


class _Settings(BaseModel):
    """What of the file is used; it holds more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    image_processor_type: str = ""
    do_resize: bool | None = True
    size: _Size | int | None = None
    resample: int = Field(default=3, ge=0, le=5)
    do_center_crop: bool | None = None
    crop_size: _Size | int | None = None
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: tuple[float, float, float] | None = None
    image_std: tuple[float, float, float] | None = None
    patch_size: int = Field(default=16, ge=1, le=256)
    max_num_patches: int = Field(default=256, ge=1, le=16_384)


class _Nested(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    image_processor: _Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPatches:
    """Pictures cut into patches, each at a size of its own shape."""

    values: Floats
    """Shape (B, P, D)."""
    mask: npt.NDArray[np.int64]
    """Shape (B, P); 1 where there is a patch."""
    shapes: npt.NDArray[np.int64]
    """Shape (B, 2); rows and columns of patches."""


class Preparing:
    """How pictures are prepared for one model. Pure; may be used by several threads."""

    def __init__(self, settings: _Settings, *, where: str) -> None:
        self._settings = settings
        self._where = where
        self._has_patches = settings.image_processor_type.startswith("Siglip2")
        # Float pixels are resized there, which rounds once less.
        self._is_float_first = settings.image_processor_type.startswith("DINOv3")
        if not self._has_patches:
            self._check_size()
        if settings.do_normalize and (settings.image_mean is None or settings.image_std is None):
            msg = f"expected image_mean and image_std in {where!r}: they differ between families"
            raise ConfigError(msg)

    @classmethod
    def read(cls, *folders: Path) -> "Preparing":
        """Read the settings from the first of the folders that has them.

        Raises:
            ConfigError: none has, or they cannot be followed.
        """
        for folder in folders:
            try:
                if (folder / CONFIG).is_file():
                    data = (folder / CONFIG).read_bytes()
                    return cls(_Settings.model_validate_json(data), where=str(folder / CONFIG))
                if (folder / _NESTED_CONFIG).is_file():
                    data = (folder / _NESTED_CONFIG).read_bytes()
                    nested = _Nested.model_validate_json(data)
                    return cls(nested.image_processor, where=str(folder / _NESTED_CONFIG))
            except (OSError, ValidationError) as reason:
                msg = f"expected settings of an image processor in {str(folder)!r}: {reason}"
                raise ConfigError(msg) from reason
        places = " or ".join(repr(str(folder)) for folder in folders)
        msg = (
            f"expected {CONFIG} in {places}, found none: copy the one that the model was published "
            "with, for it says how pictures must be resized and scaled"
        )
        raise ConfigError(msg)

    @property
    def has_patches(self) -> bool:
        """Whether the tower reads patches of any shape (SigLIP2 NaFlex) instead of squares."""
        return self._has_patches

    def squares(self, pictures: Sequence[bytes]) -> Floats:
        """Encoded pictures as pixels, BCHW.

        Raises:
            BadImageError: bytes that are no picture.
        """
        return np.stack([self._square(one) for one in pictures])

    def patches(self, pictures: Sequence[bytes]) -> PreparedPatches:
        """Encoded pictures as padded patches.

        Raises:
            BadImageError: bytes that are no picture.
        """
        edge, most = self._settings.patch_size, self._settings.max_num_patches
        values_BPD = np.zeros((len(pictures), most, 3 * edge * edge), np.float32)
        mask_BP = np.zeros((len(pictures), most), np.int64)
        shapes_B2 = np.zeros((len(pictures), 2), np.int64)
        for place, data in enumerate(pictures):
            image = _pixels(data)
            if self._settings.do_resize:
                height, width = _patched_size(image.height, image.width, edge=edge, most=most)
                image = image.resize((width, height), self._settings.resample)
            rows, columns = image.height // edge, image.width // edge
            pixels_CHW = self._scaled(np.asarray(image, np.uint8).transpose(2, 0, 1))
            pixels_CHW = pixels_CHW[:, : rows * edge, : columns * edge]
            cut = pixels_CHW.reshape(3, rows, edge, columns, edge).transpose(1, 3, 2, 4, 0)
            count = min(rows * columns, most)
            values_BPD[place, :count] = cut.reshape(rows * columns, -1)[:count]
            mask_BP[place, :count] = 1
            shapes_B2[place] = (rows, columns)
        return PreparedPatches(values=values_BPD, mask=mask_BP, shapes=shapes_B2)

    def _square(self, data: bytes) -> Floats:
        """One picture as CHW: resized, cropped at the centre, scaled."""
        image = _pixels(data)
        size = self._resized_to(image)
        if self._is_float_first:
            scaled_CHW = self._rescaled(np.asarray(image, np.uint8).transpose(2, 0, 1))
            planes = [Image.fromarray(plane) for plane in scaled_CHW]
            resized = [np.asarray(one.resize(size, self._settings.resample)) for one in planes]
            return self._normalised(self._cropped(np.stack(resized).astype(np.float32)))
        if size != image.size:
            image = image.resize(size, self._settings.resample)
        return self._scaled(self._cropped(np.asarray(image, np.uint8).transpose(2, 0, 1)))

    def _resized_to(self, image: Image.Image) -> tuple[int, int]:
        """Width and height."""
        settings = self._settings
        if not settings.do_resize:
            return image.size
        height, width, shortest = self._sides(settings.size)
        if height is not None and width is not None:
            return width, height
        assert shortest is not None, "checked when the settings were read"
        short, long = sorted(image.size)
        longest = min(int(shortest * long / short), _MAX_SIDE_PX)
        return (shortest, longest) if image.width <= image.height else (longest, shortest)

    def _sides(self, size: _Size | int | None) -> tuple[int | None, int | None, int | None]:
        """Height, width, shortest edge: older files hold one number, whose meaning is the type's."""
        if isinstance(size, int):
            is_edge = self._settings.image_processor_type.startswith(("CLIP", "Bit"))
            return (None, None, size) if is_edge else (size, size, None)
        if size is None:
            return None, None, None
        return size.height, size.width, size.shortest_edge

    def _check_size(self) -> None:
        height, width, shortest = self._sides(self._settings.size)
        if self._settings.do_resize and shortest is None and (height is None or width is None):
            msg = (
                f"expected a size with height and width or shortest_edge in {self._where!r}, got "
                f"{self._settings.size!r}"
            )
            raise ConfigError(msg)
        is_cropped = self._settings.do_center_crop
        if (not self._settings.do_resize or shortest is not None) and not (
            is_cropped and self._crop() is not None
        ):
            msg = (
                f"expected settings in {self._where!r} that give every picture the same size: "
                "the tower reads them in batches"
            )
            raise ConfigError(msg)

    def _crop(self) -> tuple[int, int] | None:
        """Height and width."""
        size = self._settings.crop_size
        if isinstance(size, int):
            return size, size
        if size is None or size.height is None or size.width is None:
            return None
        return size.height, size.width

    def _cropped(self, pixels_CHW: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The middle, with black around where the picture is smaller."""
        crop = self._crop() if self._settings.do_center_crop else None
        if crop is None:
            return pixels_CHW
        height, width = crop
        rows, columns = pixels_CHW.shape[1:]
        top, left = (rows - height) // 2, (columns - width) // 2
        if top >= 0 and left >= 0:
            return pixels_CHW[:, top : top + height, left : left + width]
        paper = np.zeros((3, max(height, rows), max(width, columns)), pixels_CHW.dtype)
        above, before = -(-(paper.shape[1] - rows) // 2), -(-(paper.shape[2] - columns) // 2)
        paper[:, above : above + rows, before : before + columns] = pixels_CHW
        top, left = max(0, top + above), max(0, left + before)
        return paper[:, top : top + height, left : left + width]

    def _scaled(self, pixels_CHW: npt.NDArray[np.generic]) -> Floats:
        return self._normalised(self._rescaled(pixels_CHW))

    def _rescaled(self, pixels_CHW: npt.NDArray[np.generic]) -> Floats:
        wide = pixels_CHW.astype(np.float64)
        if self._settings.do_rescale:
            wide *= self._settings.rescale_factor
        return wide.astype(np.float32)

    def _normalised(self, pixels_CHW: npt.NDArray[np.generic]) -> Floats:
        values = pixels_CHW.astype(np.float32)
        if not self._settings.do_normalize:
            return values
        assert self._settings.image_mean is not None, "checked when the settings were read"
        mean = np.array(self._settings.image_mean, np.float32)[:, np.newaxis, np.newaxis]
        std = np.array(self._settings.image_std, np.float32)[:, np.newaxis, np.newaxis]
        return ((values - mean) / std).astype(np.float32)


def grey_card() -> bytes:
    """A small picture, to learn from one call how long a model's vectors are."""
    return to_png(Image.new("RGB", (32, 32), (128, 128, 128)))


def unit_rows(rows_BD: npt.NDArray[np.floating]) -> list[list[float]]:
    """Rows brought to length 1, as float32 numbers; a row of zeros or with NaN stays as it is."""
    wide_BD = rows_BD.astype(np.float64)
    lengths_B1 = np.linalg.norm(wide_BD, axis=1, keepdims=True)
    lengths_B1[lengths_B1 == 0] = 1.0
    rows: list[list[float]] = (wide_BD / lengths_B1).astype(np.float32).tolist()
    return rows


def _pixels(data: bytes) -> Image.Image:
    """Upright RGB, whatever the bytes were."""
    with one_large_at_a_time(data):
        return decode(data, max_bytes=MAX_STORED_BYTES).image


def _patched_size(height: int, width: int, *, edge: int, most: int) -> tuple[int, int]:
    """The largest size of about the same shape with at most so many patches.

    Source: transformers, Siglip2ImageProcessor.
    """

    def scaled(scale: float, size: int) -> int:
        return int(max(edge, math.ceil(size * scale / edge) * edge))

    low, high = _SEARCH_EPS / 10, 100.0
    while high - low >= _SEARCH_EPS:
        scale = (low + high) / 2
        if scaled(scale, height) / edge * (scaled(scale, width) / edge) <= most:
            low = scale
        else:
            high = scale
    return scaled(low, height), scaled(low, width)
