"""Looks at a question's picture through the world's image search, and finds where things stand.

What is searched: crops around claimed boxes, windows laid over the whole picture, the picture
itself. Where a found thing stands is measured here, by fitting its reference picture (an asset of
the world) into the scene.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.protocols import World
from vision_deepresearch.evals.checker.crawl import Library, in_order, patiently
from vision_deepresearch.evals.checker.facts import FactTable, about
from vision_deepresearch.media.crop import cut_all
from vision_deepresearch.media.decode import decode

SCALES = (1.0, 1.5, 1.25, 0.75)
"""Factors about a box's centre that are tried, in this order."""
FIRST_THINGS = 3
"""A crop finds a thing that is among so many first ones."""
_LIMIT = 20
_MATCH = "match"
"""The engine's word for a hit that is no stranger."""
_LIKELY = (_MATCH, "possible", None)
"""An engine without such words is believed."""
_NEAR = 1.25
"""The middle of a thing lies in its box, or little outside where it is partly hidden."""
_GRIDS: tuple[tuple[int, int, float], ...] = (
    (4, 3, 0.4),
    (5, 4, 0.5),
    (6, 5, 0.6),
    (7, 5, 0.3),
    (10, 8, 0.5),
)
"""Columns, rows, overlap of the windows; finer ones only where coarser ones were not enough."""
_SCENE_FEATURES = 4000
_REFERENCE_FEATURES = 600
_RATIO = 0.8
_MIN_INLIERS = 12
_REPROJECTION_PX = 6.0
_KEPT_REFERENCES = 4_000
"""22 kB each."""
_AS_IT_IS = 1
"""Windows are looked at in their own size: searches shrink them anyway, and they are many."""

_Grey = npt.NDArray[np.uint8]


NUM_GRIDS = len(_GRIDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture that a look found, and the thing it stands for."""

    thing: str | None
    """Address of the thing's page; None: the pages with the picture are about nothing known."""
    urls: tuple[str, ...]
    image_url: str
    is_match: bool
    is_likely: bool
    """A match, or possibly one."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """A thing that stands in the picture."""

    image_url: str
    windows: list[Box] = field(default_factory=list)
    """Windows that show it better than any other thing."""

    @property
    def is_sure(self) -> bool:
        """Whether it is surely there: a look-alike of something else is never first."""
        return bool(self.windows)


class References:
    """Key points of a world's reference pictures, found once for all scenes."""

    def __init__(self) -> None:
        self._points: OrderedDict[str, _Points | None] = OrderedDict()

    async def points(self, world: World, image_url: str) -> "_Points | None":
        """Of one picture; None: it cannot be had."""
        if image_url not in self._points:
            try:
                asset = await patiently(lambda: world.asset(image_url))
            except WorldError:
                self._points[image_url] = None
            else:
                self._points[image_url] = _points(_grey(asset.data), _REFERENCE_FEATURES)
            while len(self._points) > _KEPT_REFERENCES:
                self._points.popitem(last=False)
        return self._points[image_url]


@dataclass(slots=True, kw_only=True)
class Sight:
    """One picture under the eyes of one world."""

    world: World
    library: Library
    facts: FactTable
    picture: Picture
    references: References = field(default_factory=References)
    """Shared by sights of one world."""
    _looks: dict[Box, list[Found]] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _num_grids: int = 0
    _places: dict[str, Box | None] = field(default_factory=dict)
    _points: "_Points | None" = None

    async def look(self, box: Box) -> list[Found]:
        """What a crop finds, best first.

        Raises:
            WorldError: the engine failed for good.
        """
        if box not in self._looks:
            if box == Box.full():
                self._looks[box] = await self._search(box, self.picture)
            else:
                [self._looks[box]] = await self._look_all([box])
        return self._looks[box]

    async def finds(self, thing: str, box: Box) -> float | None:
        """The first scale at which a crop around a box finds a thing; None: at none.

        A first place is a find. A second or third may be chance, or a look-alike that stands there
        in truth: it counts where the thing's reference picture fits into the scene at the box.
        """
        for scale in SCALES:
            found = await self.look(box.scaled(scale))
            for rank, one in enumerate(found[:FIRST_THINGS]):
                if one.thing == thing and (
                    (rank == 0 and one.is_likely) or await self._is_at(one.image_url, box)
                ):
                    return scale
        return None

    async def _is_at(self, image_url: str, box: Box) -> bool:
        place = await self.place(image_url)
        return place is not None and _has_middle_of(place, box.scaled(_NEAR))

    async def things(self, *, grids: int) -> dict[str, Seen]:
        """What windows over the picture show, by thing.

        Args:
            grids: how many grids of windows to use, 1 to 5; what is known already is kept.

        Cost: 12, 32, 62, 97 or 177 searches in all.
        """
        while self._num_grids < min(grids, len(_GRIDS)):
            windows = list(_windows(*_GRIDS[self._num_grids]))
            self._num_grids += 1
            looks = await self._look_all(windows, enlarge_to_px=_AS_IT_IS)
            for window, found in zip(windows, looks, strict=True):
                self._note(found, window=window)
        return dict(self._seen)

    def _note(self, found: Iterable[Found], *, window: Box) -> None:
        for rank, one in enumerate(found):
            if one.is_match and one.thing is not None:
                known = self._seen.setdefault(one.thing, Seen(image_url=one.image_url))
                known.windows += [window] if rank == 0 else []

    async def _look_all(
        self, boxes: list[Box], *, enlarge_to_px: int | None = None
    ) -> list[list[Found]]:
        crops = await asyncio.to_thread(
            cut_all, self.picture.load(), boxes, enlarge_to_px=enlarge_to_px
        )
        return await in_order([
            lambda box=box, crop=crop: self._search(box, picture_of(crop))
            for box, crop in zip(boxes, crops, strict=True)
        ])

    async def _search(self, box: Box, picture: Picture) -> list[Found]:
        origin = CropOrigin(sha256=self.picture.ref.sha256, box=box)
        hits = await patiently(
            lambda: self.world.search_image(picture, limit=_LIMIT, origin=origin)
        )
        return list(self._grouped(hits))

    def _grouped(self, hits: Iterable[Evidence]) -> Iterator[Found]:
        """Hits of one picture are one find."""
        groups: dict[str, list[Evidence]] = {}
        for hit in hits:
            groups.setdefault(hit.image_url or hit.url, []).append(hit)
        for image_url, group in groups.items():
            yield Found(
                thing=self._thing([hit.url for hit in group]),
                urls=tuple(hit.url for hit in group),
                image_url=image_url,
                is_match=any(hit.label == _MATCH for hit in group),
                is_likely=any(hit.label in _LIKELY for hit in group),
            )

    def _thing(self, urls: list[str]) -> str | None:
        for url in urls:
            if url in self.facts.names:
                return url
        for url in urls:
            page = self.library.page(url)
            things = about(page, self.facts) if page is not None else ()
            if len(things) == 1:
                return things[0]
        return None

    # ---------------------------------------------------------------------------------- places

    async def place_within(self, image_url: str, windows: Sequence[Box]) -> Box | None:
        """Where a thing stands, if that is inside one of these windows; None: not known.

        A picture may be fitted to a wrong spot; a window that shows the thing says so.
        """
        place = await self.place(image_url)
        if place is not None and any(_has_middle_of(place, window) for window in windows):
            return place
        return None

    async def place(self, image_url: str) -> Box | None:
        """Where the thing of a reference picture stands in the scene; None: it does not fit in."""
        if image_url not in self._places:
            reference = await self.references.points(self.world, image_url)
            if self._points is None:
                self._points = _points(_grey(self.picture.load()), _SCENE_FEATURES)
            self._places[image_url] = _fit(reference, self._points) if reference else None
        return self._places[image_url]


def picture_of(data: bytes) -> Picture:
    """Bytes of a picture in the form the seams take.

    Raises:
        BadImageError: no picture we accept.
    """
    decoded = decode(data)
    width, height = decoded.image.size
    digest = hashlib.sha256(data).hexdigest()
    ref = ImageRef(sha256=digest, width=width, height=height, media_type=decoded.media_type)
    return Picture(ref=ref, load=lambda: data)


@dataclass(frozen=True)
class _Points:
    """Key points of a picture. Shapes: points (N, 2) in pixels, codes (N, 32) in bytes."""

    points: npt.NDArray[np.float32]
    codes: _Grey
    width: int
    height: int

    @cached_property
    def nearest(self) -> faiss.IndexBinary:
        """Finds the nearest codes by looking at all."""
        index = faiss.IndexBinaryFlat(8 * self.codes.shape[1])
        index.add(np.ascontiguousarray(self.codes))
        return index


def _windows(columns: int, rows: int, overlap: float) -> Iterator[Box]:
    width, height = (1 + overlap) / columns, (1 + overlap) / rows
    for row in range(rows):
        for column in range(columns):
            x = column * (1 - width) / (columns - 1)
            y = row * (1 - height) / (rows - 1)
            yield Box.clipped(x, y, x + width, y + height)


def _has_middle_of(place: Box, box: Box) -> bool:
    x, y = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def _grey(data: bytes) -> _Grey | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if image is None else np.asarray(image, np.uint8)


def _points(grey: _Grey | None, count: int) -> _Points:
    if grey is None:
        return _Points(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8), 1, 1)
    keys, codes = cv2.ORB.create(nfeatures=count, fastThreshold=8).detectAndCompute(grey, None)
    if codes is None or not len(keys):
        keys, codes = (), np.zeros((0, 32), np.uint8)
    at = np.asarray([key.pt for key in keys], np.float32).reshape(-1, 2)
    return _Points(at, np.asarray(codes, np.uint8), grey.shape[1], grey.shape[0])


def _fit(mine: _Points, scene: _Points) -> Box | None:
    """The reference picture's outline in the scene, as a box."""
    if len(mine.points) < _MIN_INLIERS or len(scene.points) < _MIN_INLIERS:
        return None
    distances, rows = scene.nearest.search(mine.codes, 2)
    good = np.flatnonzero(distances[:, 0] < _RATIO * distances[:, 1])
    if len(good) < _MIN_INLIERS:
        return None
    source, target = mine.points[good], scene.points[rows[good, 0]]
    _, inside = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=1000)
    if inside is None or int(inside.sum()) < _MIN_INLIERS:
        return None
    # The matched points themselves: an outline pushed through a shaky homography flies away.
    matched = target[inside.ravel().astype(bool)]
    (x0, y0), (x1, y1) = matched.min(axis=0), matched.max(axis=0)
    if x1 <= x0 or y1 <= y0:
        return None
    return Box.clipped(
        float(x0) / scene.width,
        float(y0) / scene.height,
        float(x1) / scene.width,
        float(y1) / scene.height,
    )
