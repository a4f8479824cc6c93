"""The pictures of one trajectory under opaque names: img_1, img_2...

A handle is matched exactly (no trimming, no folding) and looked up here; it is never a path or a
url, so nothing a model or a page writes can name a file.
"""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.record import Record

_HANDLE = re.compile(r"img_[0-9]{1,4}", re.ASCII)
MAX_PICTURES = 9999
"""Handles have at most four digits."""


class Origin(Record):
    """Where a picture of the bank comes from."""

    kind: Literal["given", "crop", "fetched", "made"]
    """`made`: a program of the model drew it."""
    handle: str | None = None
    """`crop`: the picture it was cut from."""
    box: Box | None = None
    """`crop`: what was cut out."""
    quarters: int = Field(default=0, ge=0, le=3)
    """`crop`: by how many quarters what was cut out was turned clockwise."""
    url: str | None = None
    """`fetched`: where it stands on the web."""


class BankEntry(Record):
    """One picture under its handle."""

    handle: str
    ref: ImageRef
    origin: Origin


class CropOrigin(Record):
    """Which picture and box a query picture was cut from; only worlds with truth use it."""

    sha256: str
    box: Box


class ImageBank:
    """Hands out handles and finds pictures by them. Mutable; one per trajectory.

    The same content with the same origin keeps its first handle. Calls that run at the same time
    get a branch each, so that handles never depend on which of them is quicker.
    """

    def __init__(self) -> None:
        self._entries: dict[str, BankEntry] = {}
        self._known: dict[tuple[str, Origin], str] = {}
        self._next = 1
        self._step = 1

    def add(self, ref: ImageRef, origin: Origin) -> str:
        """Put a picture in and return its handle.

        Raises:
            BoundaryError: the bank is full (bad_request).
        """
        key = (ref.sha256, origin)
        if key in self._known:
            return self._known[key]
        if self._next > MAX_PICTURES:
            raise BoundaryError(
                FailureKind.BAD_REQUEST, f"the image bank is full ({MAX_PICTURES} pictures)"
            )
        handle = f"img_{self._next}"
        self._next += self._step
        self._entries[handle] = BankEntry(handle=handle, ref=ref, origin=origin)
        self._known[key] = handle
        return handle

    def branches(self, count: int) -> tuple["ImageBank", ...]:
        """A bank for each of `count` calls that run at the same time; `join` brings them home.

        Each knows the pictures that are here now, and numbers its own without looking at the
        others: of two branches of a bank with three pictures the first hands out img_4, img_6...,
        the second img_5, img_7... A replay, in which all calls are quick, hands out the same.
        """
        branches = []
        for place in range(count):
            branch = ImageBank()
            branch._entries = dict(self._entries)
            branch._known = dict(self._known)
            branch._next = self._next + place
            branch._step = count
            branches.append(branch)
        return tuple(branches)

    def join(self, branches: Sequence["ImageBank"]) -> None:
        """Take in what was put into the branches, in the order of the handles."""
        fresh = [
            entry
            for branch in branches
            for entry in branch.entries
            if entry.handle not in self._entries
        ]
        for entry in sorted(fresh, key=_number):
            self._entries[entry.handle] = entry
            self._known.setdefault((entry.ref.sha256, entry.origin), entry.handle)
            self._next = _number(entry) + 1

    def get(self, handle: object) -> BankEntry:
        """Find a picture by its exact handle.

        Raises:
            BoundaryError: no such handle (bad_args); the message lists the known ones.
        """
        if isinstance(handle, str) and _HANDLE.fullmatch(handle) and handle in self._entries:
            return self._entries[handle]
        known = list(self._entries)
        shown = ", ".join(known[:12]) + (f" ... {known[-1]}" if len(known) > 12 else "")
        raise BoundaryError(
            FailureKind.BAD_ARGS, f"unknown image_id {str(handle)[:80]!r}: known are {shown}"
        )

    @property
    def entries(self) -> tuple[BankEntry, ...]:
        """All pictures in the order they came."""
        return tuple(self._entries.values())

    def crop_origin(self, entry: BankEntry, box: Box) -> CropOrigin:
        """Origin of a crop with respect to the given picture it descends from.

        A crop of a crop is expressed in the outermost picture's fractions, and turned back.
        """
        while entry.origin.kind == "crop" and entry.origin.handle and entry.origin.box:
            outer = entry.origin.box
            box = box.turned(-entry.origin.quarters)
            box = Box.clipped(
                outer.x0 + box.x0 * outer.width,
                outer.y0 + box.y0 * outer.height,
                outer.x0 + box.x1 * outer.width,
                outer.y0 + box.y1 * outer.height,
            )
            entry = self._entries[entry.origin.handle]
        return CropOrigin(sha256=entry.ref.sha256, box=box)


def _number(entry: BankEntry) -> int:
    return int(entry.handle.removeprefix("img_"))
