"""A picture as the patches that a Qwen3-VL sees, and how many tokens it takes.

One budget of pixels holds for rollout, SFT and RL: it comes from here alone (P16). The size in
tokens follows from width and height, without a look at the pixels.
Shapes: P = patch; a patch is 2 frames x 3 colours x 16 x 16 pixels = 1536 numbers.
Source: the PIL image processor of transformers; torchvision is never imported.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    Qwen2VLImageProcessorPil,
    smart_resize,
)

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.media.decode import MAX_STORED_BYTES, decode
from vision_deepresearch.models.codec.budget import PictureBudget
from vision_deepresearch.models.codec.positions import MERGE, Grid

SETTINGS_FILES = ("preprocessor_config.json", "processor_config.json")
"""Where a checkpoint says how its pictures are cut; one of them is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchedPicture:
    """What the vision tower takes."""

    pixel_values: npt.NDArray[np.float32]
    """(P, 1536)."""
    grid: Grid


class PictureProcessor:
    """Cuts pictures. May be used from several threads."""

    def __init__(self, processor: Qwen2VLImageProcessorPil, *, cache_bytes: int = 1 << 28) -> None:
        """Wrap a processor.

        Args:
            processor: with its budget set.
            cache_bytes: of patches kept, so that siblings and later turns do not cut again.

        Raises:
            ConfigError: it merges other than 2 x 2 patches.
        """
        if processor.merge_size != MERGE:
            msg = (
                f"pictures whose {MERGE} x {MERGE} patches become a token were expected, got "
                f"merge_size {processor.merge_size}: use a Qwen3-VL checkpoint"
            )
            raise ConfigError(msg)
        self._processor = processor
        self._side_px = processor.patch_size * processor.merge_size
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, PatchedPicture] = OrderedDict()
        self._held_bytes = 0
        self._lock = Lock()

    @classmethod
    def of_folder(cls, folder: Path, *, budget: PictureBudget | None = None) -> Self:
        """The processor of a checkpoint.

        Args:
            folder: of the checkpoint.
            budget: in place of the checkpoint's own; None: as the checkpoint says.

        Raises:
            ConfigError: the folder does not say how its pictures are cut.
        """
        if not any((folder / name).is_file() for name in SETTINGS_FILES):
            msg = (
                f"{folder} needs one of {', '.join(SETTINGS_FILES)}, found none: copy it from the "
                "checkpoint this one was made of"
            )
            raise ConfigError(msg)
        processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
        if budget is not None:
            pixels_per_token = (processor.patch_size * processor.merge_size) ** 2
            processor.size = {
                "shortest_edge": budget.min_tokens * pixels_per_token,
                "longest_edge": budget.max_tokens * pixels_per_token,
            }
        return cls(processor)

    @property
    def budget_px(self) -> tuple[int, int]:
        """Least and most pixels of a picture as it is seen; part of a run's provenance."""
        return self._processor.size["shortest_edge"], self._processor.size["longest_edge"]

    def grid(self, *, width: int, height: int) -> Grid:
        """How a picture of this size in pixels will be cut.

        Raises:
            BadImageError: it is more than 200 times as long as wide.
        """
        least, most = self.budget_px
        try:
            rows_px, columns_px = smart_resize(
                height, width, factor=self._side_px, min_pixels=least, max_pixels=most
            )
        except ValueError as error:
            msg = f"a picture at most 200 times as long as wide was expected, got {width}x{height}"
            raise BadImageError(msg) from error
        patch = self._processor.patch_size
        return Grid(1, rows_px // patch, columns_px // patch)

    def num_tokens(self, ref: ImageRef) -> int:
        """Placeholder ids of a picture; errors of `grid`."""
        return self.grid(width=ref.width, height=ref.height).num_tokens()

    def cut(self, ref: ImageRef, load: Callable[[ImageRef], bytes]) -> PatchedPicture:
        """Cut a stored picture, or give what was cut before.

        Args:
            ref: which.
            load: gives its bytes, for example `MediaStore.load`.

        Raises:
            BadImageError: no picture, or not the size its reference says.

        Cost: about 20 ms per megapixel; call it in a thread from async code.
        """
        with self._lock:
            if (known := self._cached.get(ref.sha256)) is not None:
                self._cached.move_to_end(ref.sha256)
                return known
        image = decode(load(ref), max_bytes=MAX_STORED_BYTES).image
        if image.size != (ref.width, ref.height):
            msg = (
                f"picture {ref.sha256[:12]} of {ref.width}x{ref.height} was expected, got "
                f"{image.width}x{image.height}: put the original in again"
            )
            raise BadImageError(msg)
        made = self._processor(images=[image], return_tensors="np")
        frames, rows, columns = (int(one) for one in made["image_grid_thw"][0])
        cut = PatchedPicture(
            pixel_values=np.asarray(made["pixel_values"], dtype=np.float32),
            grid=Grid(frames, rows, columns),
        )
        assert cut.grid == self.grid(width=ref.width, height=ref.height)
        self._keep(ref.sha256, cut)
        return cut

    def _keep(self, address: str, cut: PatchedPicture) -> None:
        with self._lock:
            if address in self._cached:
                return
            self._cached[address] = cut
            self._held_bytes += cut.pixel_values.nbytes
            while self._held_bytes > self._cache_bytes and len(self._cached) > 1:
                _, old = self._cached.popitem(last=False)
                self._held_bytes -= old.pixel_values.nbytes
