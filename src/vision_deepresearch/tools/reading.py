"""Reads a page for a goal: fetch, bring its pictures, summarise - three steps, named apart.

What fails is a typed part of the result; a page never fails its whole call.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BoundaryError, FailureKind, WorldError, boundary
from vision_deepresearch.core.observation import Quote
from vision_deepresearch.core.page import Page, PageImage
from vision_deepresearch.core.protocols import Summariser, Summary, SummaryRequest, World
from vision_deepresearch.tools.failures import words_of
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.pictures import PictureFetcher
from vision_deepresearch.tools.quotes import find_in_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A page to be read, and what for."""

    url: str
    goal: str
    cursor: str | None = None
    query_image: Picture | None = None
    """The crop that led here."""
    previews: tuple[Picture, ...] = ()
    """Pictures the search engine matched."""
    num_pictures: int = 0
    """Pictures of the page to bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A picture of a page that could be opened."""

    image: PageImage
    ref: ImageRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of a page."""

    cursor: str | None
    """By which it is read; None: the first."""
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRead:
    """A page and what it says about the goal."""

    page: Page
    """All windows that were read, as one."""
    windows: tuple[Window, ...]
    summary: Summary
    pictures: tuple[PagePicture, ...] = ()
    num_missing: int = 0
    """Pictures that were wanted and could not be opened."""

    def quotes(self) -> tuple[Quote, ...]:
        """Where the lines of the summary's evidence stand, each within its own window."""
        return find_in_windows(
            self.summary.evidence, [(window.cursor, window.markdown) for window in self.windows]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed:
    """A page that could not be read or summarised."""

    kind: FailureKind
    words: str


class PageReading:
    """Reads pages of one world with one summariser."""

    def __init__(
        self,
        *,
        world: World,
        summariser: Summariser,
        pictures: PictureFetcher,
        limits: ToolLimits,
    ) -> None:
        self._world = world
        self._summariser = summariser
        self._pictures = pictures
        self._limits = limits

    @property
    def sees_pictures(self) -> bool:
        """Whether pictures should be brought for the summariser."""
        return self._summariser.sees_pictures

    async def read_all(
        self, wanted: Iterable[Wanted], *, context: CallContext, gate: asyncio.Semaphore
    ) -> list[PageRead | PageFailed]:
        """Read pages at the same time; results in the order asked."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._read(page, context=context, gate=gate)) for page in wanted
            ]
        return [task.result() for task in tasks]

    async def _read(
        self, wanted: Wanted, *, context: CallContext, gate: asyncio.Semaphore
    ) -> PageRead | PageFailed:
        try:
            async with gate:
                page, windows = await self._windows(wanted)
            tried = page.images[: wanted.num_pictures]
            refs = await self._pictures.fetch_all((image.src for image in tried), gate=gate)
            shown = tuple(
                PagePicture(image=image, ref=refs[image.src])
                for image in tried
                if image.src in refs
            )
            async with gate:
                summary = await self._summariser.summarise(
                    self._request(wanted, page=page, shown=shown), context=context
                )
        except BoundaryError as error:
            return PageFailed(kind=error.kind, words=words_of(error))
        return PageRead(
            page=page,
            windows=windows,
            summary=summary,
            pictures=shown,
            num_missing=len(tried) - len(shown),
        )

    async def _windows(self, wanted: Wanted) -> tuple[Page, tuple[Window, ...]]:
        """The page from the window asked for on, as far as one reading goes.

        A goal may be met deep in a long page.
        """
        with boundary(WorldError, "reading a page"):
            page = await self._world.read(wanted.url, cursor=wanted.cursor)
        read = [page]
        windows = [Window(cursor=wanted.cursor, markdown=page.markdown)]
        size = len(page.markdown)
        # An empty window leads no further, whatever its cursor says.
        while (
            page.cursor is not None
            and page.markdown
            and size + len(page.markdown) <= self._limits.page_chars
        ):
            cursor = page.cursor
            try:
                with boundary(WorldError, "reading a page"):
                    page = await self._world.read(wanted.url, cursor=cursor)
            except BoundaryError:
                break  # what was read is good; the rest is there to be asked for
            read.append(page)
            windows.append(Window(cursor=cursor, markdown=page.markdown))
            size += len(page.markdown)
        return _joined(read), tuple(windows)

    def _request(
        self, wanted: Wanted, *, page: Page, shown: tuple[PagePicture, ...]
    ) -> SummaryRequest:
        is_seen = self._summariser.sees_pictures
        given = shown[: self._limits.summary_pictures] if is_seen else ()
        return SummaryRequest(
            goal=wanted.goal,
            page=page,
            query_image=wanted.query_image if is_seen else None,
            previews=wanted.previews if is_seen else (),
            page_images=tuple(self._pictures.picture(picture.ref) for picture in given),
            max_words=self._limits.summary_words,
        )


def _joined(read: Sequence[Page]) -> Page:
    """Consecutive windows of a page as one."""
    first, last = read[0], read[-1]
    return first.model_copy(
        update={
            "markdown": "\n\n".join(page.markdown for page in read),
            "images": tuple(dict.fromkeys(image for page in read for image in page.images)),
            "links": tuple(dict.fromkeys(link for page in read for link in page.links)),
            "cursor": last.cursor,
            "truncated": last.truncated,
        }
    )
