"""How a local model is loaded and sampled: the `[local]` table of a run. Knows no torch."""

from typing import Literal

from pydantic import Field

from vision_deepresearch.core.record import Record
from vision_deepresearch.models.codec.budget import PictureBudget


class LocalSettings(Record):
    """Settings of models named `local:PATH`."""

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the weights; `auto`: bfloat16 on a GPU, float32 on a CPU."""
    device: str = "auto"
    """As torch names it; `auto`: the first GPU, else the CPU."""
    max_rows: int = Field(default=64, ge=1, le=4096)
    """Trajectories sampled at a time; further ones queue."""
    cache_gb: float = Field(default=2.0, ge=0)
    """Keys and values kept between turns; the longest unused go first and are made again."""
    pictures: PictureBudget | None = None
    """What a picture may take; None: as the checkpoint says. It must be the same in training."""
