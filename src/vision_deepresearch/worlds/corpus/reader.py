"""What is done to one page or one picture of a source, in this process or in a worker.

A pure function of its task and of the settings, so that it does not matter who does it: pictures
go to the folder of blobs, by content, and everything else comes back as rows to be written.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never

from lxml import etree

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.corpus.database import PageRow
from vision_deepresearch.worlds.corpus.extract import extract_page
from vision_deepresearch.worlds.corpus.source import PageEntry
from vision_deepresearch.worlds.corpus.urls import Addresses
from vision_deepresearch.worlds.references import MIN_PICTURE_PX

_ICON_NAME = re.compile(
    r"(?:^|/)(?:fileicon-|icon[-_.]|favicon|spacer|pixel|blank\.|bullet\.)[^/]*$", re.I
)
_SKIN_FOLDERS = re.compile(r"(?:^|/)(?:_static|-/s|I/s|-/j|skins?|icons|stylesheet-images)/", re.I)
_UNREADABLE = (
    ValueError,
    LookupError,
    SyntaxError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    etree.LxmlError,
)
"""What a parser may raise on a page that no reader can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureTask:
    """A picture to be kept."""

    path: str
    data: bytes


Task: TypeAlias = PageEntry | PictureTask


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """A picture: kept, or why not."""

    path: str
    ref: ImageRef | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPage:
    """A page: its row and the pictures that came with it, or why it cannot be read."""

    row: PageRow | None = None
    pictures: tuple[LookedAt, ...] = ()
    reason: str = ""


Answer: TypeAlias = LookedAt | ReadPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads with the settings of one import. Plain values: it is sent to workers."""

    blobs: Path
    base_url: str
    language: str

    def read(self, task: Task) -> Answer:
        """Do one task."""
        match task:
            case PageEntry():
                return self.read_page(task)
            case PictureTask():
                return self.look_at(task.path, task.data)
            case _:
                assert_never(task)

    def read_page(self, entry: PageEntry) -> ReadPage:
        """A page as a row; the pictures that came with it are kept."""
        try:
            page = extract_page(entry, addresses=Addresses(self.base_url), language=self.language)
        except _UNREADABLE as reason:
            told = str(reason) or type(reason).__name__
            return ReadPage(reason=f"cannot be parsed: {told}"[:300])
        kept = tuple(self.look_at(one.path, one.data) for one in page.enclosed)
        return ReadPage(row=page.row, pictures=kept)

    def look_at(self, path: str, data: bytes) -> LookedAt:
        """Keep a picture, or say why not."""
        try:
            ref = FolderMediaStore(self.blobs).put(data)
        except BadImageError as reason:
            return LookedAt(path=path, reason=f"damaged: {reason}")
        if min(ref.width, ref.height) < MIN_PICTURE_PX:
            return LookedAt(path=path, reason=f"smaller than {MIN_PICTURE_PX} px")
        return LookedAt(path=path, ref=ref)


def reason_by_name(path: str) -> str | None:
    """Why a picture is not even opened, by its name; None: open it."""
    if path.lower().endswith((".svg", ".svgz")):
        return "a drawing (SVG): not indexed"
    if _ICON_NAME.search(path):
        return "an icon by its name"
    return "of the skin" if _SKIN_FOLDERS.search(path) else None
