"""Vectors in this process: faiss, all compared (flat), by a graph (HNSW) or by lists (IVF).

The folder holds vectors.faiss, ids.npy and, written last, manifest.json with the hash of both: a
folder without it, or with other bytes, is not opened. It is only read, so many may share it.
"""

import asyncio
import hashlib
import io
import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self, assert_never

import faiss
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from vision_deepresearch.core.errors import ConfigError, WorldError, boundary
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.index.seam import Added
from vision_deepresearch.worlds.index.vectors import (
    EXTRA,
    Metric,
    VectorHit,
    VectorManifest,
    Vectors,
    check_manifest,
    checked_rows,
    ranked,
)

_MANIFEST = "manifest.json"
_VECTORS = "vectors.faiss"
_IDS = "ids.npy"
_LINKS = 32
"""Neighbours of a vector in the graph; memory: 4 bytes for each, twice on its lowest floor."""
_EF_BUILD = 128
_EF_SEARCH = 128
"""Candidates kept while searching the graph, or as many as hits are wanted. Part of the file."""
FLAT_UP_TO = 20_000
"""Vectors that are all compared: 2 ms a query of 512 numbers."""
HNSW_UP_TO = 200_000
"""Beyond, a graph takes too long to link: about 1 ms a vector of 512 numbers."""
_LISTS_PER_ROOT = 4
_PROBED_PART = 32
_MIN_PROBES = 16
_TRAIN_PER_LIST = 64
_MIN_TRAIN_PER_LIST = 8
"""Fewer vectors make no lists worth the name."""
_CHUNK_BYTES = 1 << 20


class VectorMethod(StrEnum):
    """How the nearest are found."""

    FLAT = "flat"
    """Exact: every vector is compared."""
    HNSW = "hnsw"
    """Approximate, by a graph of neighbours: the fastest to ask, slow to build."""
    IVF = "ivf"
    """Approximate, by lists around centres, a few of which are looked through: quick to build."""


def method_for(count: int) -> VectorMethod:
    """What suits so many vectors."""
    if count <= FLAT_UP_TO:
        return VectorMethod.FLAT
    return VectorMethod.HNSW if count <= HNSW_UP_TO else VectorMethod.IVF


class _Stored(Record):
    """Content of manifest.json."""

    manifest: VectorManifest
    method: VectorMethod
    parameters: dict[str, int] = {}
    """Of the method; they are part of vectors.faiss and told here for people."""
    count: int
    sha256: dict[str, str]
    """By file name."""


class FaissVectors:
    """A `VectorIndex` in memory, kept in a folder."""

    def __init__(
        self,
        manifest: VectorManifest,
        *,
        method: VectorMethod,
        index: faiss.Index,
        ids: Sequence[int],
    ) -> None:
        faiss.omp_set_num_threads(1)  # several threads would link the graph by luck
        self._manifest = manifest
        self._method = method
        self._index = index
        self._ids = list(ids)
        self._known = set(ids)

    @classmethod
    def empty(
        cls,
        manifest: VectorManifest,
        *,
        method: VectorMethod = VectorMethod.FLAT,
        expected: int = FLAT_UP_TO,
    ) -> Self:
        """An index without vectors.

        Args:
            manifest: what they will be.
            method: how they are found. Lists (IVF) are laid by the first `add`, which therefore
                has to bring a fair sample: 64 vectors a list, or all there are.
            expected: how many there will be, about; decides the number of lists.
        """
        measure = faiss.METRIC_L2 if manifest.metric is Metric.L2 else faiss.METRIC_INNER_PRODUCT
        if method is VectorMethod.FLAT:
            index = faiss.IndexFlat(manifest.dimension, measure)
        elif method is VectorMethod.IVF:
            index = _ivf(manifest.dimension, measure, expected=expected)
        else:
            index = faiss.IndexHNSWFlat(manifest.dimension, _LINKS, measure)
            index.hnsw.efConstruction = _EF_BUILD
            index.hnsw.efSearch = _EF_SEARCH
        return cls(manifest, method=method, index=index, ids=())

    @classmethod
    def open(cls, folder: Path, *, expected: VectorManifest) -> Self:
        """Open what `save` wrote. Cost: its files are read twice, about 1 s per GB.

        Raises:
            ConfigError: no index, an unfinished or damaged one, or one of other vectors.
        """
        try:
            stored = _Stored.model_validate_json((folder / _MANIFEST).read_bytes())
        except (OSError, ValidationError) as reason:
            msg = f"expected a vector index in {folder}, found none that is whole: build it again"
            raise ConfigError(msg) from reason
        check_manifest(stored.manifest, expected=expected, where=str(folder))
        try:
            # Before faiss reads them: it trusts the numbers in a file.
            if {name: _sha256(folder / name) for name in (_VECTORS, _IDS)} != stored.sha256:
                raise _damaged(folder)
            index = faiss.read_index(str(folder / _VECTORS))
            ids: npt.NDArray[np.int64] = np.load(folder / _IDS)
        except (OSError, ValueError, RuntimeError) as reason:
            raise _damaged(folder) from reason
        return cls(stored.manifest, method=stored.method, index=index, ids=ids.tolist())

    def save(self, folder: Path) -> None:
        """Write it to a new folder, or over an older state of it.

        Raises:
            OSError: the disk cannot be written; the folder then holds no index.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MANIFEST).unlink(missing_ok=True)
        packed: npt.NDArray[np.uint8] = faiss.serialize_index(self._index)
        _write(folder / _VECTORS, packed.data)  # faiss's own writer hides the errno
        buffer = io.BytesIO()
        np.save(buffer, np.array(self._ids, np.int64))
        _write(folder / _IDS, buffer.getbuffer())
        stored = _Stored(
            manifest=self._manifest,
            method=self._method,
            parameters=self.parameters,
            count=len(self._ids),
            sha256={name: _sha256(folder / name) for name in (_VECTORS, _IDS)},
        )
        _write(folder / _MANIFEST, stored.model_dump_json(indent=1).encode())

    @property
    def manifest(self) -> VectorManifest:
        """What its vectors are."""
        return self._manifest

    @property
    def method(self) -> VectorMethod:
        """How the nearest are found."""
        return self._method

    @property
    def sample(self) -> int:
        """How many vectors the first `add` should bring where lists are laid; 0: any number."""
        if self._method is not VectorMethod.IVF or self._index.is_trained:
            return 0
        return _num_lists(self._index) * _TRAIN_PER_LIST

    @property
    def parameters(self) -> dict[str, int]:
        """Of the method: none for flat."""
        match self._method:
            case VectorMethod.FLAT:
                return {}
            case VectorMethod.HNSW:
                return {"links": _LINKS, "ef_build": _EF_BUILD, "ef_search": _EF_SEARCH}
            case VectorMethod.IVF:
                lists = faiss.extract_index_ivf(self._index)
                return {"lists": int(lists.nlist), "probes": int(lists.nprobe)}
            case _:
                assert_never(self._method)

    async def add(self, ids: Sequence[int], vectors_ND: Vectors) -> Added:
        """Add vectors; see `VectorIndex.add`. In memory until `save`."""
        rows_ND = self._checked(ids, vectors_ND)
        with boundary(WorldError, "adding vectors"):
            return await asyncio.to_thread(self._put, ids, rows_ND)

    def put(self, ids: Sequence[int], vectors_ND: Vectors) -> Added:
        """The same for those who are in a thread already.

        Raises:
            ConfigError: they do not fit the manifest, or are too few to lay lists; none was added.
        """
        return self._put(ids, self._checked(ids, vectors_ND))

    def _checked(self, ids: Sequence[int], vectors_ND: Vectors) -> Vectors:
        rows_ND = checked_rows(ids, vectors_ND, manifest=self._manifest)
        if len(rows_ND) and not self._index.is_trained:
            lists = _num_lists(self._index)
            least = lists * _MIN_TRAIN_PER_LIST if lists > 1 else 1
            if len(rows_ND) < least:
                msg = (
                    f"expected at least {least:,} vectors to lay {lists:,} lists with, "
                    f"got {len(rows_ND):,}: bring more at first, or take another method"
                )
                raise ConfigError(msg)
        return rows_ND

    def _put(self, ids: Sequence[int], rows_ND: Vectors) -> Added:
        fresh = [place for place, number in enumerate(ids) if number not in self._known]
        if fresh:
            fresh_ND = np.ascontiguousarray(rows_ND[fresh])
            if not self._index.is_trained:
                sample = self.sample
                step = max(1, len(fresh_ND) // sample)
                self._index.train(np.ascontiguousarray(fresh_ND[::step][:sample]))
            self._index.add(fresh_ND)
            self._ids += [ids[place] for place in fresh]
            self._known.update(ids[place] for place in fresh)
        return Added(num_added=len(fresh), num_known=len(ids) - len(fresh))

    async def search(self, vector_D: Vectors, limit: int) -> list[VectorHit]:
        """The nearest, best first; see `VectorIndex.search`."""
        row_1D = checked_rows((0,), vector_D[np.newaxis], manifest=self._manifest)
        with boundary(WorldError, "vector search"):
            return await asyncio.to_thread(self._nearest, row_1D, limit)

    def nearest(self, vector_D: Vectors, limit: int) -> list[VectorHit]:
        """The same for those who are in a thread already.

        Raises:
            ConfigError: the vector does not fit the manifest.
        """
        row_1D = checked_rows((0,), vector_D[np.newaxis], manifest=self._manifest)
        return self._nearest(row_1D, limit)

    def _nearest(self, row_1D: Vectors, limit: int) -> list[VectorHit]:
        wanted = min(limit + EXTRA, len(self._ids))
        if limit < 1 or wanted < 1:
            return []
        scores_1K, places_1K = self._index.search(row_1D, wanted)
        found = [
            (self._ids[int(place)], self._score(float(score)))
            for place, score in zip(places_1K[0], scores_1K[0], strict=True)
            if place >= 0  # the graph may give fewer than it was asked for
        ]
        return ranked(found, limit)

    def _score(self, measured: float) -> float:
        """Faiss gives squares of distances."""
        if self._manifest.metric is Metric.L2:
            return -float(np.sqrt(max(measured, 0.0)))
        return measured

    async def count(self) -> int:
        """How many there are."""
        return len(self._ids)


def _ivf(dimension: int, measure: int, *, expected: int) -> faiss.IndexIVFFlat:
    """Lists in proportion to the root of the number of vectors; a part of them is probed."""
    lists = round(_LISTS_PER_ROOT * math.sqrt(expected))
    lists = max(1, min(lists, expected // _TRAIN_PER_LIST))
    index = faiss.IndexIVFFlat(faiss.IndexFlat(dimension, measure), dimension, lists, measure)
    index.nprobe = min(lists, max(_MIN_PROBES, lists // _PROBED_PART))
    index.cp.min_points_per_centroid = _MIN_TRAIN_PER_LIST  # no warning below faiss's own 39
    return index


def _num_lists(index: faiss.Index) -> int:
    return int(faiss.extract_index_ivf(index).nlist)


def _write(path: Path, data: bytes | memoryview) -> None:
    """Write beside, then rename: readers of the old file keep it."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def _damaged(folder: Path) -> ConfigError:
    return ConfigError(f"the vector index in {folder} is damaged: build it again")
