"""What the stages of VQA synthesis work with: the world, the pictures, the roles, pages read before."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.protocols import World
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.crop import cut_to_search
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.synth.roles.vqa import VqaRoles
from vision_deepresearch.synth.vqa_records import Hit, Photo

_KEPT_PAGES = 2048
_GOES_ON = frozenset({
    FailureKind.NOT_FOUND,
    FailureKind.BLOCKED,
    FailureKind.BAD_ARGS,
    FailureKind.BAD_REQUEST,
    FailureKind.TOO_LARGE,
    FailureKind.UPSTREAM,
})
"""Failures of one page: the question does without it. All else is for whoever runs the stage."""


class Identity(Record):
    """What decides what a stage makes besides its records: settings, who plays, which world."""

    settings: dict[str, JsonValue]
    role: str = ""
    world: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Of one run, in one process."""

    world: World
    media: FolderMediaStore
    roles: VqaRoles
    concurrency: int = 4
    """Records at a time."""
    pages: OrderedDict[str, Page] = field(default_factory=OrderedDict)
    """The latest read; see `read`."""

    def identity(self, settings: Record, *, role: str = "") -> Identity:
        """Of a stage that uses a role."""
        return Identity(
            settings=settings.model_dump(mode="json"),
            role=role,
            world=self.world.manifest().world_id,
        )

    def picture(self, photo: Photo) -> Picture:
        """A picture with a way to its bytes."""
        return self.media.picture(photo.image)

    async def search_crops(
        self, photo: Photo, boxes: Sequence[Box], *, limit: int
    ) -> list[tuple[Hit, ...]]:
        """What an image search gives for each box of a picture.

        Raises:
            BadImageError: the picture cannot be decoded.
            WorldError: the engine failed.
        """
        data = await asyncio.to_thread(self.media.load, photo.image)
        return await self._search_cuts(data, photo.image, boxes, limit=limit)

    async def search_crops_at(
        self, url: str, boxes: Sequence[Box], *, limit: int
    ) -> list[tuple[Hit, ...]]:
        """The same for a picture of a page, by its address.

        Raises:
            BadImageError: the picture cannot be decoded.
            WorldError: it cannot be had, or the engine failed.
        """
        asset = await self.world.asset(url)
        ref = asset.ref or await asyncio.to_thread(self.media.put, asset.data)
        return await self._search_cuts(asset.data, ref, boxes, limit=limit)

    async def _search_cuts(
        self, data: bytes, ref: ImageRef, boxes: Sequence[Box], *, limit: int
    ) -> list[tuple[Hit, ...]]:
        cuts = await asyncio.to_thread(cut_to_search, data, boxes)
        found: list[tuple[Hit, ...]] = []
        for cut, box in zip(cuts, boxes, strict=True):
            origin = CropOrigin(sha256=ref.sha256, box=box)
            hits = await self.world.search_image(cut, limit=limit, origin=origin)
            found.append(tuple(hit_of(hit) for hit in hits[:limit]))
        return found

    async def read(self, url: str) -> Page | None:
        """The first window of a page; None: this page cannot be had.

        Raises:
            WorldError: the outside failed in a way that concerns more than this page.
        """
        if url not in self.pages:
            try:
                page = await self.world.read(url)
            except WorldError as error:
                if error.kind in _GOES_ON:
                    return None
                raise
            self.pages[url] = page
            if len(self.pages) > _KEPT_PAGES:
                self.pages.popitem(last=False)
        return self.pages[url]


def hit_of(evidence: Evidence) -> Hit:
    """A hit as it is kept."""
    return Hit(
        url=evidence.url,
        title=evidence.title,
        label=evidence.label or "",
        score=evidence.score,
        image_url=evidence.image_url,
        caption=evidence.snippet,
    )
