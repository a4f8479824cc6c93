"""Reverse image search without weights: local features vote, a plane is fitted to the best.

Finds copies, crops and planar things (emblems, facades, posters) in clutter; it does not know the
same face or animal from elsewhere. Measured on 1k-5k generated pictures: a tight crop finds its
thing among the first three in ~.87, a whole scene of five things only in ~.17 of cases.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from vision_deepresearch.core.errors import BadImageError, ConfigError

VISUAL_INDEX_VERSION = "1"
"""Raise it when extractor or voting change: an index of another version is refused."""
_SIDE = 360
"""Longest side after resizing, pixels."""
_BLIND_BORDER = 31
"""Pixels at the edge that the extractor ignores; thinner pictures have no key points."""
_PAD = 16
"""Mirrored border: gives back half of the blind border, where a tight crop has much."""
_NUM_FEATURES = 400
_DESCRIPTOR_BYTES = 32
_FLAT_BELOW = 20_000
"""Descriptors up to which every one is compared."""
_MIN_LISTS = 64
_PER_LIST = 500
_LISTS_IN_PROPORTION = 5_000
"""Up to here lists grow with the descriptors, beyond with their root: each descriptor that is added
is compared with every list, which would take hours for 100,000 pictures."""
_TRAIN_ROWS = 60_000
_TRAIN_ROUNDS = 6
_ADD_ROWS = 200_000
_PROBES = 8
_NEIGHBOURS = 8
_MAX_DISTANCE = 64
_VOTE_WIDTH = 40.0
_VOTE_PRIOR = 30.0
_VERIFY = 20
_RATIO = 0.8
_MIN_MATCHES = 6
_REPROJECTION_PX = 6.0
_MAX_ROUNDS = 400
MATCH_INLIERS = 20
"""From here a hit is called a match; strangers reach 14-18 once in a hundred, 22 at most."""
POSSIBLE_INLIERS = 10

Pixels = npt.NDArray[np.uint8]
_EMPTY_POINTS = np.zeros((0, 2), np.float32)
_EMPTY_CODES = np.zeros((0, _DESCRIPTOR_BYTES), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualHit:
    """One picture that was found."""

    image_id: str
    inliers: int
    """Key points that agree with one plane; 0: not verified, only voted for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Key points of one picture, at the size it was resized to."""

    points: npt.NDArray[np.float32]
    """(k, 2) x and y, pixels."""
    codes: Pixels
    """(k, 32) binary descriptors."""


def label_for(inliers: int) -> str:
    """The engine's word for a score."""
    if inliers >= MATCH_INLIERS:
        return "match"
    return "possible" if inliers >= POSSIBLE_INLIERS else "visually similar"


def features(data: bytes) -> Features:
    """Extract the key points of an encoded picture. Cost: about 4 ms.

    Raises:
        BadImageError: the bytes cannot be decoded.
    """
    raw = np.frombuffer(data, np.uint8)
    grey = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE) if raw.size else None
    if grey is None:
        msg = f"expected an encoded picture, got {len(data)} bytes that are none"
        raise BadImageError(msg)
    return features_of_pixels(np.asarray(grey, np.uint8))


def features_of_pixels(grey: Pixels) -> Features:
    """Extract the key points of a grey picture (h, w)."""
    height, width = grey.shape
    factor = _SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(grey, size, interpolation=method)
    pad = min(_PAD, min(size) - 1)
    if min(size) + 2 * pad <= 2 * _BLIND_BORDER:
        return Features(points=_EMPTY_POINTS, codes=_EMPTY_CODES)
    padded = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    extractor = cv2.ORB.create(
        nfeatures=_NUM_FEATURES, scaleFactor=1.3, nlevels=7, fastThreshold=10
    )
    found, codes = extractor.detectAndCompute(padded, None)
    if not found or codes is None:
        return Features(points=_EMPTY_POINTS, codes=_EMPTY_CODES)
    points = np.array([point.pt for point in found], np.float32)
    return Features(points=points, codes=np.asarray(codes, np.uint8))


class VisualIndex:
    """A read-only index of reference pictures. Safe to search from several threads."""

    def __init__(
        self,
        *,
        ids: tuple[str, ...],
        starts: npt.NDArray[np.int64],
        points: npt.NDArray[np.float32],
        codes: Pixels,
        neighbours: faiss.IndexBinary,
        facts: dict[str, str],
    ) -> None:
        cv2.setNumThreads(1)
        faiss.omp_set_num_threads(1)
        self._ids = ids
        self._starts = starts
        self._points = points
        self._codes = codes
        self._neighbours = neighbours
        self._facts = facts
        counts = np.diff(starts)
        self._owners = np.repeat(np.arange(len(ids), dtype=np.int32), counts)
        self._weights = 1.0 / np.sqrt(counts + _VOTE_PRIOR)

    @classmethod
    def build(cls, folder: Path, pictures: Iterable[tuple[str, bytes]]) -> "VisualIndex":
        """Index (id, encoded picture) pairs into an empty folder. About 10 ms per picture.

        Raises:
            BadImageError: a picture cannot be decoded.
        """
        cv2.setNumThreads(1)
        return cls.build_from_features(
            folder, ((image_id, features(data)) for image_id, data in pictures)
        )

    @classmethod
    def build_from_features(
        cls, folder: Path, pictures: Iterable[tuple[str, Features]]
    ) -> "VisualIndex":
        """Index pictures whose key points are known, (id, features), into an empty folder.

        Descriptors go to disk as they come. Memory: 80 bytes a descriptor at the end, 30 kB a
        picture. Cost: about 2 ms a picture.
        """
        folder.mkdir(parents=True, exist_ok=True)
        faiss.omp_set_num_threads(1)
        ids: list[str] = []
        ends = [0]
        with (
            _Rows(folder / "points.npy", like=_EMPTY_POINTS) as points_file,
            _Rows(folder / "codes.npy", like=_EMPTY_CODES) as codes_file,
        ):
            for image_id, one in pictures:
                ids.append(image_id)
                ends.append(ends[-1] + len(one.points))
                points_file.append(one.points)
                codes_file.append(one.codes)
        starts = np.array(ends, np.int64)
        with _Rows(folder / "starts.npy", like=starts[:0]) as starts_file:
            starts_file.append(starts)
        points = np.load(folder / "points.npy", mmap_mode="r")
        codes = np.load(folder / "codes.npy", mmap_mode="r")
        neighbours = _make_neighbours(codes)
        packed: Pixels = faiss.serialize_index_binary(neighbours)
        (folder / "neighbours.faiss").write_bytes(packed.data)  # faiss's writer hides the errno
        facts = {
            "extractor": "orb",
            "version": VISUAL_INDEX_VERSION,
            "library": f"opencv {cv2.__version__}",
            "pictures": str(len(ids)),
            "descriptors": str(len(codes)),
        }
        content = {"facts": facts, "ids": ids}
        (folder / "facts.json").write_text(json.dumps(content), encoding="utf-8")
        return cls(
            ids=tuple(ids),
            starts=starts,
            points=points,
            codes=codes,
            neighbours=neighbours,
            facts=facts,
        )

    @classmethod
    def open(cls, folder: Path) -> "VisualIndex":
        """Open what `build` wrote; descriptors stay on disk, mapped.

        Raises:
            ConfigError: no index, or one of another version.
        """
        try:
            content = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
            facts, ids = content["facts"], tuple(content["ids"])
            version = facts["version"]
        except (OSError, ValueError, KeyError, TypeError) as reason:
            msg = f"expected a visual index in {folder}, found none readable: build it again"
            raise ConfigError(msg) from reason
        if version != VISUAL_INDEX_VERSION:
            msg = (
                f"the visual index in {folder} has version {version!r}, this program reads "
                f"{VISUAL_INDEX_VERSION!r}: build it again"
            )
            raise ConfigError(msg)
        try:
            return cls(
                ids=ids,
                starts=np.load(folder / "starts.npy"),
                points=np.load(folder / "points.npy", mmap_mode="r"),
                codes=np.load(folder / "codes.npy", mmap_mode="r"),
                neighbours=faiss.read_index_binary(str(folder / "neighbours.faiss")),
                facts=facts,
            )
        except (OSError, ValueError, RuntimeError) as reason:
            msg = f"the visual index in {folder} is damaged: build it again"
            raise ConfigError(msg) from reason

    @property
    def facts(self) -> dict[str, str]:
        """Extractor, library and counts, for the manifest."""
        return dict(self._facts)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all pictures, in the order in which they were indexed."""
        return self._ids

    def inliers_of(self, query: Features, places: Iterable[int]) -> dict[str, int]:
        """Verify pictures that something else found: key points on one plane, by picture id.

        Args:
            query: of what is searched with.
            places: of pictures in `ids`.

        Cost: about 2 ms each.
        """
        return {self._ids[place]: self._verify(query, place) for place in places}

    def search(self, data: bytes, limit: int) -> list[VisualHit]:
        """Find reference pictures that show what an encoded picture shows, best first.

        The list is always filled to `limit` with whatever resembles the query, as real engines do:
        the label tells matches from junk.

        Raises:
            BadImageError: the bytes cannot be decoded.
        """
        return self.search_features(features(data), limit)

    def search_features(self, query: Features, limit: int) -> list[VisualHit]:
        """Find reference pictures by key points that were already extracted."""
        return [hit for hit, _ in self._ranked(query, limit)]

    def candidates(self, query: Features, limit: int) -> list[VisualHit]:
        """The same without filling up: pictures for which at least one key point votes."""
        return [hit for hit, votes in self._ranked(query, limit) if votes > 0]

    def _ranked(self, query: Features, limit: int) -> list[tuple[VisualHit, float]]:
        """Hits with their votes, best first."""
        if limit < 1 or not self._ids:
            return []
        votes = self._vote(query)
        order = _first(votes, max(limit, _VERIFY))
        inliers = {int(one): self._verify(query, int(one)) for one in order[:_VERIFY]}
        ranked = sorted(
            (int(one) for one in order[: max(limit, _VERIFY)]),
            key=lambda one: (-inliers.get(one, 0), -votes[one], one),
        )
        return [
            (VisualHit(image_id=self._ids[one], inliers=inliers.get(one, 0)), float(votes[one]))
            for one in ranked[:limit]
        ]

    def _vote(self, query: Features) -> npt.NDArray[np.float64]:
        """One score per picture: near descriptors vote for their owners."""
        scores = np.zeros(len(self._ids))
        if len(query.codes) == 0 or len(self._codes) == 0:
            return scores
        wanted = min(_NEIGHBOURS, len(self._codes))
        distances, rows = self._neighbours.search(np.ascontiguousarray(query.codes), wanted)
        near = (rows >= 0) & (distances < _MAX_DISTANCE)
        strength = np.exp(-((distances[near] / _VOTE_WIDTH) ** 2))
        np.add.at(scores, self._owners[rows[near]], strength)
        return np.round(scores * self._weights, 9)

    def _verify(self, query: Features, owner: int) -> int:
        """Key points that agree with one homography from the query to a reference picture."""
        first, last = int(self._starts[owner]), int(self._starts[owner + 1])
        if len(query.codes) < _MIN_MATCHES or last - first < 2:
            return 0
        exact = faiss.IndexBinaryFlat(_DESCRIPTOR_BYTES * 8)
        exact.add(np.ascontiguousarray(self._codes[first:last]))
        distances, rows = exact.search(query.codes, 2)
        kept = np.flatnonzero(distances[:, 0] < _RATIO * distances[:, 1])
        if len(kept) < _MIN_MATCHES:
            return 0
        source = query.points[kept]
        target = np.asarray(self._points[first:last])[rows[kept, 0]]
        plane, mask = cv2.findHomography(
            source, target, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=_MAX_ROUNDS
        )
        return 0 if plane is None or mask is None else int(np.count_nonzero(mask))


def _first(votes: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.intp]:
    """The pictures with the most votes, the most first, equal ones by their place."""
    if count >= len(votes):
        return np.argsort(-votes, kind="stable")
    least = np.partition(votes, len(votes) - count)[len(votes) - count]
    some = np.flatnonzero(votes >= least)
    return some[np.argsort(-votes[some], kind="stable")][:count]


class _Rows:
    """An array on disk that grows by rows: the file that `numpy.save` would write of all of them.

    Plain writes, because numpy's own hide the errno of a full disk.
    """

    def __init__(self, path: Path, *, like: npt.NDArray[np.generic]) -> None:
        self._like = like
        self._num_rows = 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: npt.NDArray[np.generic]) -> None:
        """Write rows of the type and width given at first."""
        assert rows.dtype == self._like.dtype, f"{rows.dtype} among rows of {self._like.dtype}"
        self._file.write(np.ascontiguousarray(rows).data)
        self._num_rows += len(rows)

    def _write_header(self) -> None:
        # numpy pads its header for this: a larger first dimension takes the same room.
        about = np.lib.format.header_data_from_array_1_0(self._like)
        about["shape"] = (self._num_rows, *self._like.shape[1:])
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(self._file, about)

    def __enter__(self) -> "_Rows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._write_header()
        finally:
            self._file.close()


def _make_neighbours(codes: Pixels) -> faiss.IndexBinary:
    bits = _DESCRIPTOR_BYTES * 8
    if len(codes) <= _FLAT_BELOW:
        flat = faiss.IndexBinaryFlat(bits)
        if len(codes):
            flat.add(np.ascontiguousarray(codes))
        return flat
    lists = _num_lists(len(codes))
    quantizer = faiss.IndexBinaryFlat(bits)
    index = faiss.IndexBinaryIVF(quantizer, bits, lists)
    index.cp.niter = _TRAIN_ROUNDS
    index.cp.min_points_per_centroid = 1  # few per list are enough here, no warning
    index.nprobe = _PROBES
    step = max(1, len(codes) // _TRAIN_ROWS)
    index.train(np.ascontiguousarray(codes[::step][:_TRAIN_ROWS]))
    for start in range(0, len(codes), _ADD_ROWS):
        index.add(np.ascontiguousarray(codes[start : start + _ADD_ROWS]))
    return index


def _num_lists(num_codes: int) -> int:
    lists = max(_MIN_LISTS, math.ceil(num_codes / _PER_LIST))
    if lists <= _LISTS_IN_PROPORTION:
        return lists
    return round(math.sqrt(_LISTS_IN_PROPORTION * lists))
