"""Image search by local features and by vectors of an embedder together.

Both give candidates; local features verify the best of both. Verified matches come first, most key
points first; the rest is ordered by reciprocal ranks of votes, of vectors and of key points that
agree at least possibly. So a poor embedder lowers no match, and a good one brings what local
features cannot know: the same face or animal from elsewhere.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Embedder, WordEmbedder
from vision_deepresearch.worlds.index.fusion import reciprocal_ranks
from vision_deepresearch.worlds.index.vectors import VectorManifest, Vectors
from vision_deepresearch.worlds.index.vectors_faiss import (
    FaissVectors,
    VectorMethod,
    method_for,
)
from vision_deepresearch.worlds.index.visual import (
    MATCH_INLIERS,
    POSSIBLE_INLIERS,
    VisualHit,
    VisualIndex,
    features,
)

EmbedderChoice = Embedder | Literal["off"] | None
"""What a world is opened with: an embedder; "off": local features alone; None: nothing was said."""
VECTORS = "vectors"
"""The folder of vectors in a world folder."""
STATE = "state"
"""Of the vectors of an opened world, in the manifest that is shown; nothing is stored there."""
_DEPTH = 50
"""Candidates of each kind that are fused, or as many as hits are wanted."""
_VERIFY_NEAR = 10
"""Nearest vectors that are verified besides what votes found: about 20 ms."""
_ENCODE = 64
"""Pictures given to the embedder at a time while building."""
_PUT = 4096
_HOW = (
    "name it with --embedder NAME, --set embedder=NAME or VDR_EMBEDDER=NAME (NAME being "
    "transformers:PATH or onnx:PATH), or say off to search by local features alone"
)


class HybridIndex:
    """Local features and vectors of the same pictures. Safe to search from several threads."""

    def __init__(self, visuals: VisualIndex, vectors: FaissVectors, *, embedder: Embedder) -> None:
        self._visuals = visuals
        self._vectors = vectors
        self._embedder = embedder
        self._ids = visuals.ids

    @property
    def facts(self) -> dict[str, str]:
        """Of the local features, for the manifest."""
        return self._visuals.facts

    def search(self, data: bytes, limit: int) -> list[VisualHit]:
        """Find pictures that show what an encoded picture shows, best first; see the module.

        Raises:
            BadImageError: the bytes cannot be decoded.
        """
        if limit < 1 or not self._ids:
            return []
        depth = max(limit, _DEPTH)
        query = features(data)
        voted = self._visuals.candidates(query, depth)
        near = self._near(self._embedder.encode([data])[0], depth)
        inliers = {hit.image_id: hit.inliers for hit in voted}
        unseen = [place for place in near[:_VERIFY_NEAR] if not inliers.get(self._ids[place])]
        inliers |= self._visuals.inliers_of(query, unseen)
        agreed = sorted(
            (one for one, count in inliers.items() if count >= POSSIBLE_INLIERS),
            key=lambda one: -inliers[one],
        )
        scores = reciprocal_ranks([
            agreed,
            [hit.image_id for hit in voted],
            [self._ids[place] for place in near],
        ])
        order = sorted(scores, key=lambda one: (-_as_match(inliers.get(one, 0)), -scores[one]))
        return [VisualHit(image_id=one, inliers=inliers.get(one, 0)) for one in order[:limit]]

    def near_words(self, query: str, limit: int) -> list[str]:
        """Pictures near some words, best first; none where the embedder has no text tower."""
        if limit < 1 or not self._ids or not isinstance(self._embedder, WordEmbedder):
            return []
        vector = self._embedder.encode_words([query])[0]
        return [self._ids[place] for place in self._near(vector, limit)]

    def _near(self, vector: Sequence[float], limit: int) -> list[int]:
        row_D = np.array(vector, np.float32)
        return [hit.id for hit in self._vectors.nearest(row_D, limit)]


def _as_match(inliers: int) -> int:
    """Below a match the number of key points says too little to order by."""
    return inliers if inliers >= MATCH_INLIERS else 0


def build_vectors(
    folder: Path,
    pictures: Iterable[tuple[str, bytes]],
    *,
    ids: Sequence[str],
    embedder: Embedder,
    method: VectorMethod | None = None,
) -> dict[str, str]:
    """Embed the pictures of a visual index into a folder of vectors.

    Args:
        folder: new or empty.
        pictures: (id, encoded picture) in the order of `ids`.
        ids: of the visual index.
        embedder: makes the vectors.
        method: how they are found; None: by their number.

    Returns:
        What the world's manifest tells.

    Raises:
        ConfigError: the pictures are not those of the visual index, or have no vectors.

    Memory: the vectors, and 64 encoded pictures.
    """
    manifest = _manifest_of(embedder)
    method = method or method_for(len(ids))
    vectors = FaissVectors.empty(manifest, method=method, expected=len(ids))
    waiting: list[Vectors] = []
    num_put = num_waiting = 0

    def put() -> None:
        nonlocal num_put, num_waiting
        if waiting:
            rows_ND = np.concatenate(waiting)
            vectors.put(range(num_put, num_put + len(rows_ND)), rows_ND)
            num_put, num_waiting = num_put + len(rows_ND), 0
            waiting.clear()

    source = iter(pictures)
    while batch := list(islice(source, _ENCODE)):
        start = num_put + num_waiting
        if [key for key, _ in batch] != list(ids[start : start + len(batch)]):
            msg = f"expected the pictures of the visual index in their order, got others at {start}"
            raise ConfigError(msg)
        waiting.append(np.array(embedder.encode([data for _, data in batch]), np.float32))
        num_waiting += len(batch)
        if num_waiting >= max(_PUT, vectors.sample):
            put()
    put()
    if num_put != len(ids):
        msg = f"expected {len(ids):,} pictures, as in the visual index, got {num_put:,}"
        raise ConfigError(msg)
    vectors.save(folder)
    facts = {
        "embedder": embedder.identity,
        "name": embedder.name,
        "dimension": str(manifest.dimension),
        "metric": manifest.metric.value,
        "method": vectors.method.value,
        "pictures": str(num_put),
        "of": _hash_of(ids),
    }
    return facts | {key: str(value) for key, value in vectors.parameters.items()}


def open_looks(
    folder: Path,
    *,
    facts: dict[str, str],
    visuals: VisualIndex,
    embedder: EmbedderChoice,
) -> VisualIndex | HybridIndex:
    """What image search of a world asks.

    Args:
        folder: of the world.
        facts: the manifest's `vector_index`.
        visuals: its local features.
        embedder: what the world is opened with.

    Raises:
        ConfigError: the world wants another embedder, or one where none was named, or has no
            vectors although one was named, or they are damaged or of other pictures.
    """
    if not facts:
        if embedder is None or embedder == "off":
            return visuals
        msg = (
            f"expected a world with vectors in {str(folder)!r}, it has none: make them with "
            "`vdr world embed FOLDER --embedder NAME`, or open it without an embedder"
        )
        raise ConfigError(msg)
    made_by = f"{facts.get('name')!r} (identity {facts.get('embedder')})"
    if embedder is None:
        msg = (
            f"the pictures of the world in {str(folder)!r} were embedded by {made_by}, and no "
            f"embedder was named: {_HOW}"
        )
        raise ConfigError(msg)
    if embedder == "off":
        return visuals
    if embedder.identity != facts.get("embedder"):
        msg = (
            f"the pictures of the world in {str(folder)!r} were embedded by {made_by}, not by "
            f"{embedder.name!r} (identity {embedder.identity}): other weights or other settings of "
            "the image processor make vectors that cannot be compared; use the same files, embed "
            "again with `vdr world embed`, or say off"
        )
        raise ConfigError(msg)
    if facts.get("of") != _hash_of(visuals.ids):
        msg = (
            f"the vectors in {str(folder)!r} are of other pictures than its visual index: embed "
            "again with `vdr world embed`"
        )
        raise ConfigError(msg)
    vectors = FaissVectors.open(folder / VECTORS, expected=_manifest_of(embedder))
    return HybridIndex(visuals, vectors, embedder=embedder)


def told_facts(facts: dict[str, str], *, embedder: EmbedderChoice) -> dict[str, str]:
    """The manifest's `vector_index` as it is shown: says so where the vectors are not used."""
    if facts and embedder == "off":
        return {**facts, STATE: "off: local features alone"}
    return facts


def _manifest_of(embedder: Embedder) -> VectorManifest:
    return VectorManifest(dimension=embedder.dimension, embedder=embedder.identity)


def _hash_of(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
