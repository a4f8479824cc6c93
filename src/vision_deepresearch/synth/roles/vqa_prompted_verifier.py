"""Compares crops with what an image search gave for them, by a model; see `Verifier`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BadImageError, FailureKind, WorldError
from vision_deepresearch.core.protocols import MediaStore, ModelClient, PageReader
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.crop import thumbnail
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.crops import crop_of
from vision_deepresearch.synth.roles.layout import Piece, Shown, Words
from vision_deepresearch.synth.roles.replies import Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.vqa import Recognition
from vision_deepresearch.synth.vqa_records import CutRegion, Hit, View

_MAX_PICTURES = 8
"""Of hits, in one request."""
_PER_VIEW = 3
_HIT_PX = 384
_MAX_ALIASES = 8
_STOPS = frozenset({FailureKind.AUTH, FailureKind.BUDGET, FailureKind.TAPE_MISS})
"""Failures that are not this picture's: whoever runs the stage decides."""


class _ViewReply(Record):
    shows_same: tuple[Annotated[int, Field(ge=1)], ...]
    name: Name | None


class _Recognised(Record):
    views: tuple[_ViewReply, ...]
    aliases: Annotated[tuple[Name, ...], Field(max_length=_MAX_ALIASES)]


class PromptedVerifier:
    """Believes a name only where a title of an agreeing hit has it."""

    def __init__(
        self, model: ModelClient, *, media: MediaStore, reader: PageReader | None = None
    ) -> None:
        """Read the prompt; see `prompted_vqa_roles`."""
        self._asker = Asker(model, Slot.RECOGNISE)
        self._media = media
        self._reader = reader

    @property
    def name(self) -> str:
        """For records."""
        return f"{self._asker.name}+{'pictures' if self._reader else 'titles'}"

    async def recognise(
        self, region: CutRegion, views: Sequence[View], picture: Picture, *, context: CallContext
    ) -> Recognition:
        """See `Verifier`. In a last try, a view whose name no title has is taken as unsure."""
        pictures = await self._pictures_of(views)
        pieces: list[Piece] = [
            Shown("WHOLE PICTURE", picture),
            Words("WHAT A FIRST LOOK SAID", region.says or "(nothing)"),
        ]
        shown: set[str] = set()
        for number, view in enumerate(views, start=1):
            crop = await crop_of(picture, view.crop.box, media=self._media)
            pieces.append(Shown(f"CROP {number}", crop))
            for rank, hit in enumerate(view.hits, start=1):
                url = hit.image_url or ""
                pieces.append(Words(f"HIT {rank} OF CROP {number}", _words_of(hit)))
                if url in pictures and url not in shown:
                    shown.add(url)
                    pieces.append(Shown(f"PICTURE OF HIT {rank} OF CROP {number}", pictures[url]))

        def read(reply: _Recognised, is_last: bool) -> Recognition:  # noqa: FBT001 - see Asker.ask
            return _recognition(reply, views, is_last=is_last)

        return await self._asker.ask(pieces, shape=_Recognised, read=read, context=context)

    async def _pictures_of(self, views: Sequence[View]) -> dict[str, Picture]:
        """The hits' own pictures by url. One that cannot be had is one less to compare."""
        if self._reader is None:
            return {}
        urls = dict.fromkeys(
            hit.image_url for view in views for hit in view.hits[:_PER_VIEW] if hit.image_url
        )
        found: dict[str, Picture] = {}
        for url in list(urls)[:_MAX_PICTURES]:
            try:
                asset = await self._reader.asset(url)
                found[url] = await asyncio.to_thread(self._kept, asset.data)
            except BadImageError:
                continue
            except WorldError as error:
                if error.kind.is_retryable or error.kind in _STOPS:
                    raise
        return found

    def _kept(self, data: bytes) -> Picture:
        return self._media.picture(self._media.put(thumbnail(data, max_side_px=_HIT_PX)))


def _words_of(hit: Hit) -> str:
    told = [f"title: {hit.title}", f"site: {hit.domain}"]
    if hit.label:
        told.append(f"the engine says: {hit.label}")
    if hit.caption:
        told.append(f"caption: {hit.caption[:400]}")
    return "\n".join(told)


def _recognition(reply: _Recognised, views: Sequence[View], *, is_last: bool) -> Recognition:
    if len(reply.views) != len(views):
        msg = f"{len(reply.views)} entries in views, one for each of the {len(views)} crops needed"
        raise UnfitReplyError(msg)
    names: list[str | None] = []
    urls: list[tuple[str, ...]] = []
    for number, (said, view) in enumerate(zip(reply.views, views, strict=True), start=1):
        try:
            name, agreeing = _checked(said, view, number=number)
        except UnfitReplyError:
            if not is_last:
                raise
            name, agreeing = None, ()
        names.append(name)
        urls.append(tuple(hit.url for hit in agreeing))
    agreed = {url for found in urls for url in found}
    told = [hit for view in views for hit in view.hits if hit.url in agreed]
    known = [
        alias
        for alias in dict.fromkeys(reply.aliases)
        if any(stands_in(alias, f"{hit.title}\n{hit.caption}") for hit in told)
    ]
    return Recognition(names=tuple(names), urls=tuple(urls), aliases=tuple(known))


def _checked(said: _ViewReply, view: View, *, number: int) -> tuple[str | None, list[Hit]]:
    if said.name is None:
        return None, []
    if not said.shows_same:
        msg = f"crop {number} has a name and no hit that shows the same: one of both is wrong"
        raise UnfitReplyError(msg)
    if max(said.shows_same) > len(view.hits):
        msg = f"crop {number} has {len(view.hits)} hits, got number {max(said.shows_same)}"
        raise UnfitReplyError(msg)
    agreeing = [view.hits[rank - 1] for rank in sorted(set(said.shows_same))]
    if not any(stands_in(said.name, hit.title) for hit in agreeing):
        msg = f"the name {said.name!r} of crop {number} stands in no title of the hits it names"
        raise UnfitReplyError(msg)
    return said.name, agreeing
