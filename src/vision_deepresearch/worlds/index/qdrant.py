"""Vectors on a Qdrant server, or in its client's own local mode (a folder, or memory).

Importing this module needs the extra `qdrant`. A collection carries its manifest as metadata; one
without it, or with another, is not opened. Points are only ever inserted: what has an id already
stays.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, TypeVar

import httpx
import numpy as np
from pydantic import SecretStr, ValidationError
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from vision_deepresearch.calls.policy import CallPolicy
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError, boundary
from vision_deepresearch.worlds.index.seam import Added, check_server
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

_T = TypeVar("_T")

_NOTE = "vdr"
_NUMBERS_PER_REQUEST = 200_000
"""About 2 MB of JSON."""
_EF_SEARCH = 128
"""Candidates kept while searching the server's graph."""
_TIMEOUT_S = 120
"""Above the attempt limit of the policy, which is the one that counts."""
_MEASURES = {
    Metric.COSINE: models.Distance.COSINE,
    Metric.DOT: models.Distance.DOT,
    Metric.L2: models.Distance.EUCLID,
}
_KINDS = {
    401: FailureKind.AUTH,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.TIMEOUT,
}


@asynccontextmanager
async def qdrant_at(url: str, *, key: SecretStr | None = None) -> AsyncIterator[AsyncQdrantClient]:
    """A client of a server, `http(s)://host:6333`.

    Raises:
        ConfigError: no such address, or a key would travel in the open.
    """
    try:
        check_server(url, has_secret=key is not None)
    except ValueError as reason:
        raise ConfigError(str(reason)) from reason
    client = AsyncQdrantClient(
        url=url,
        headers=None if key is None else {"api-key": key.get_secret_value()},
        timeout=_TIMEOUT_S,
        check_compatibility=False,  # it would ask the server before anybody waits for it
        trust_env=False,
        follow_redirects=False,
    )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def qdrant_here(folder: Path | None = None) -> AsyncIterator[AsyncQdrantClient]:
    """Qdrant without a server, in a folder or in memory: exact, for one process and small sets."""
    client = (
        AsyncQdrantClient(":memory:") if folder is None else AsyncQdrantClient(path=str(folder))
    )
    try:
        yield client
    finally:
        await client.close()


class QdrantVectors:
    """A `VectorIndex` in one collection."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        *,
        collection: str,
        manifest: VectorManifest,
        policy: CallPolicy,
    ) -> None:
        self._client = client
        self._collection = collection
        self._manifest = manifest
        self._policy = policy

    @classmethod
    async def open(
        cls,
        client: AsyncQdrantClient,
        *,
        collection: str,
        expected: VectorManifest,
        policy: CallPolicy,
    ) -> Self:
        """Take a collection that is there.

        Raises:
            ConfigError: none, or one of other vectors.
            WorldError: the server failed.
        """
        opened = cls(client, collection=collection, manifest=expected, policy=policy)
        if not await opened._check():
            msg = (
                f"expected the collection {collection!r}, the server has none of the name: make "
                "it first, or name another one"
            )
            raise ConfigError(msg)
        return opened

    @classmethod
    async def create(
        cls,
        client: AsyncQdrantClient,
        *,
        collection: str,
        manifest: VectorManifest,
        policy: CallPolicy,
    ) -> Self:
        """Make a collection; one of the same manifest that is there is taken as it is.

        Raises:
            ConfigError: it is there with other vectors.
            WorldError: the server failed.
        """
        made = cls(client, collection=collection, manifest=manifest, policy=policy)
        if await made._check():
            return made
        try:
            await made._call(
                "making the collection",
                lambda: client.create_collection(
                    collection,
                    vectors_config=models.VectorParams(
                        size=manifest.dimension, distance=_MEASURES[manifest.metric]
                    ),
                    metadata={_NOTE: manifest.model_dump(mode="json")},
                ),
            )
        except WorldError:
            # Somebody was faster, or an answer was lost on the way: then it is there now.
            if not await made._check():
                raise
        else:
            await made._check()  # a server that keeps no metadata is refused before it is filled
        return made

    @property
    def manifest(self) -> VectorManifest:
        """What its vectors are."""
        return self._manifest

    async def add(self, ids: Sequence[int], vectors_ND: Vectors) -> Added:
        """Add vectors in bounded requests; see `VectorIndex.add`."""
        rows_ND = await asyncio.to_thread(checked_rows, ids, vectors_ND, manifest=self._manifest)
        step = max(1, _NUMBERS_PER_REQUEST // self._manifest.dimension)
        total = Added()
        for start in range(0, len(ids), step):
            total += await self._add_some(ids[start : start + step], rows_ND[start : start + step])
        return total

    async def _add_some(self, ids: Sequence[int], rows_ND: Vectors) -> Added:
        known = {
            point.id
            for point in await self._call(
                "asking for vectors",
                lambda: self._client.retrieve(
                    self._collection, ids=list(ids), with_payload=False, with_vectors=False
                ),
            )
        }
        fresh = [place for place, number in enumerate(ids) if number not in known]
        if fresh:
            batch = models.Batch(
                ids=[ids[place] for place in fresh], vectors=rows_ND[fresh].tolist()
            )
            await self._call(
                "adding vectors",
                lambda: self._client.upsert(
                    self._collection,
                    points=batch,
                    wait=True,
                    update_mode=models.UpdateMode.INSERT_ONLY,
                ),
            )
        return Added(num_added=len(fresh), num_known=len(ids) - len(fresh))

    async def search(self, vector_D: Vectors, limit: int) -> list[VectorHit]:
        """The nearest, best first; see `VectorIndex.search`."""
        row_D = checked_rows((0,), vector_D[np.newaxis], manifest=self._manifest)[0].tolist()
        if limit < 1:
            return []
        found = await self._call(
            "vector search",
            lambda: self._client.query_points(
                self._collection,
                query=row_D,
                limit=limit + EXTRA,
                with_payload=False,
                search_params=models.SearchParams(hnsw_ef=max(_EF_SEARCH, limit + EXTRA)),
            ),
        )
        sign = -1.0 if self._manifest.metric is Metric.L2 else 1.0
        return ranked(((_number(point.id), sign * point.score) for point in found.points), limit)

    async def count(self) -> int:
        """How many there are."""
        found = await self._call(
            "counting vectors", lambda: self._client.count(self._collection, exact=True)
        )
        return found.count

    async def _check(self) -> bool:
        """Whether the collection is there; one that is must be of this manifest.

        Raises:
            ConfigError: it is of another.
        """
        name = self._collection
        if not await self._call(
            "opening the collection", lambda: self._client.collection_exists(name)
        ):
            return False
        found = await self._call(
            "opening the collection", lambda: self._client.get_collection(name)
        )
        try:
            manifest = VectorManifest.model_validate((found.config.metadata or {}).get(_NOTE))
        except ValidationError as reason:
            msg = (
                f"expected a collection that was made here, {name!r} has no manifest: name "
                "another collection (a server that keeps no metadata is too old: take Qdrant 1.20)"
            )
            raise ConfigError(msg) from reason
        check_manifest(manifest, expected=self._manifest, where=f"the collection {name!r}")
        return True

    async def _call(self, what: str, work: Callable[[], Awaitable[_T]]) -> _T:
        async def attempt() -> _T:
            with boundary(WorldError, what):
                try:
                    return await work()
                except (
                    ResourceExhaustedResponse,
                    ResponseHandlingException,
                    UnexpectedResponse,
                ) as reason:
                    raise _failure(reason, what) from None  # its text quotes the server's body

        return await self._policy.call(attempt, what=what)


def _number(found: models.ExtendedPointId) -> int:
    if not isinstance(found, int):
        msg = "vector search failed: the collection holds points that were not added here"
        raise WorldError(FailureKind.UPSTREAM, msg)
    return found


def _failure(
    reason: ResourceExhaustedResponse | ResponseHandlingException | UnexpectedResponse, what: str
) -> WorldError:
    match reason:
        case ResourceExhaustedResponse():
            msg = f"{what} failed: the vector server answered 429"
            return WorldError(
                FailureKind.RATE_LIMITED, msg, retry_after_s=float(reason.retry_after_s)
            )
        case UnexpectedResponse():
            status = reason.status_code or 0
            other = FailureKind.BAD_REQUEST if 400 <= status < 500 else FailureKind.UPSTREAM
            msg = f"{what} failed: the vector server answered {status}"
            return WorldError(_KINDS.get(status, other), msg)
        case ResponseHandlingException():
            source = reason.source
            if isinstance(source, httpx.TimeoutException):
                return WorldError(FailureKind.TIMEOUT, f"{what} took too long")
            name = type(source).__name__
            msg = f"{what} failed: no usable answer from the vector server ({name})"
            return WorldError(FailureKind.UPSTREAM, msg)
