"""The seam of vector indexes: pictures or texts as vectors of one embedder, the nearest found.

Every index carries a manifest of what its vectors are; one of another embedder, size or measure is
not opened, for its answers would look right and mean nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.index.seam import Added

VECTOR_INDEX_VERSION = "1"
"""Raise it when manifest or files change: an index of another version is refused."""
EXTRA = 32
"""Hits fetched beyond the limit, so that equal scores at the cut are mostly seen."""
MAX_ID = 2**63 - 1
_SCORE_DIGITS = 5

Vectors = npt.NDArray[np.float32]


class Metric(StrEnum):
    """How near two vectors are; a larger score is always nearer."""

    COSINE = "cosine"
    DOT = "dot"
    L2 = "l2"
    """The score is minus the distance."""


class VectorManifest(Record):
    """What the vectors of an index are.

    Example: VectorManifest(dimension=768, metric=Metric.COSINE, embedder=embedder_identity(
    name="siglip2-base", revision="4f1c...", preprocessing="resize 224, bilinear"))
    """

    version: str = VECTOR_INDEX_VERSION
    dimension: int = Field(ge=1, le=65_536)
    metric: Metric = Metric.COSINE
    embedder: str = Field(min_length=1)
    """Identity of what makes the vectors: see `embedder_identity`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorHit:
    """One thing that was found."""

    id: int
    score: float
    """Larger is nearer, whatever the metric; rounded to 5 digits."""


class VectorIndex(Protocol):
    """Vectors by id. Searches may run concurrently; `add` is called by one, while nobody searches."""

    @property
    def manifest(self) -> VectorManifest:
        """What its vectors are."""
        ...

    async def add(self, ids: Sequence[int], vectors_ND: Vectors) -> Added:
        """Add vectors, one per id; what has an id already stays as it is and counts as known.

        Raises:
            ConfigError: they do not fit the manifest; nothing was added.
            WorldError: the index failed; adding the same again goes on.
        """
        ...

    async def search(self, vector_D: Vectors, limit: int) -> list[VectorHit]:
        """The nearest, best first; equal scores by id.

        Raises:
            ConfigError: the vector does not fit the manifest.
            WorldError: the index failed.
        """
        ...

    async def count(self) -> int:
        """How many there are.

        Raises:
            WorldError: the index failed.
        """
        ...


def embedder_identity(*, name: str, revision: str, preprocessing: str) -> str:
    """A short hash of all that decides what a vector means.

    Args:
        name: of the model.
        revision: of its weights, a commit or a hash of the file.
        preprocessing: how a picture or text becomes its input, in any stable words.
    """
    return hashlib.sha256(repr((name, revision, preprocessing)).encode()).hexdigest()[:16]


def check_manifest(found: VectorManifest, *, expected: VectorManifest, where: str) -> None:
    """Refuse an index whose vectors mean something else.

    Raises:
        ConfigError: names the first difference.
    """
    here, there = expected.model_dump(mode="json"), found.model_dump(mode="json")
    for key, value in there.items():
        if value != here[key]:
            msg = (
                f"expected vectors with {key} {here[key]!r} in {where}, it holds {value!r}: use "
                "the embedder it was made with, or build it again"
            )
            raise ConfigError(msg)


def checked_rows(ids: Sequence[int], vectors_ND: Vectors, *, manifest: VectorManifest) -> Vectors:
    """The vectors as an index keeps them: of length 1 for the cosine.

    Raises:
        ConfigError: shapes, ids or numbers that no index can keep.
    """
    if len(ids) != len(set(ids)) or any(not 0 <= one <= MAX_ID for one in ids):
        msg = f"expected distinct ids from 0 to 2^63 - 1, got {len(ids)} others: number them anew"
        raise ConfigError(msg)
    expected = (len(ids), manifest.dimension)
    if vectors_ND.shape != expected or vectors_ND.dtype != np.float32:
        msg = (
            f"expected float32 vectors of shape {expected}, got {vectors_ND.dtype} of shape "
            f"{vectors_ND.shape}: use the embedder of the index"
        )
        raise ConfigError(msg)
    if not np.isfinite(vectors_ND).all():
        msg = "expected finite numbers, got a vector with NaN or infinity: leave it out"
        raise ConfigError(msg)
    if manifest.metric is not Metric.COSINE:
        return np.ascontiguousarray(vectors_ND)
    lengths_N1 = np.linalg.norm(vectors_ND.astype(np.float64), axis=1, keepdims=True)
    if not lengths_N1.all():
        msg = "expected vectors with a direction, got one of zeros: leave it out"
        raise ConfigError(msg)
    return np.ascontiguousarray(vectors_ND / lengths_N1, np.float32)


def ranked(found: Iterable[tuple[int, float]], limit: int) -> list[VectorHit]:
    """The best of some (id, score) pairs; equal scores by id."""
    order = sorted((-round(score, _SCORE_DIGITS), number) for number, score in found)
    return [VectorHit(id=number, score=0.0 - score) for score, number in order[:limit]]
