"""The roles of VQA synthesis played by models: who is asked what, and the roles that look at pictures.

`name`s hold the model and the hash of each prompt: another prompt is other work. Whatever a page, a
title or a picture says is shown as data; see `layout`. The roles around it are in the modules
`vqa_prompted_verifier`, `vqa_prompted_walks` and `vqa_prompted_validator`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.protocols import MediaStore, ModelClient, PageReader, TextSearch
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.crops import crop_of
from vision_deepresearch.synth.roles.folder_collector import FolderCollector
from vision_deepresearch.synth.roles.layout import Shown, Words
from vision_deepresearch.synth.roles.replies import Line, Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.vqa import SeedQuestion, Selection, Spot, VqaRoles
from vision_deepresearch.synth.roles.vqa_prompted_text import ListPlaces, PromptedTopics
from vision_deepresearch.synth.roles.vqa_prompted_validator import PromptedValidator
from vision_deepresearch.synth.roles.vqa_prompted_verifier import PromptedVerifier
from vision_deepresearch.synth.roles.vqa_prompted_walks import PromptedChooser, PromptedObfuscator
from vision_deepresearch.synth.vqa_records import Photo, Verified


def prompted_vqa_roles(
    model: ModelClient,
    judge_model: ModelClient,
    *,
    media: MediaStore,
    images: Path,
    licence: str = "",
    reader: PageReader | None = None,
) -> VqaRoles:
    """All roles, played by models.

    Args:
        model: sees pictures; proposes. Wrapped in a tape by who wants replies to be kept.
        judge_model: sees pictures; chooses, answers without evidence, objects. May be the same.
        media: where crops are put for the model to see.
        images: folder of the user's pictures.
        licence: of these pictures.
        reader: fetches the pictures of hits for the verifier; None: it compares by titles alone.

    Raises:
        ConfigError: no such folder.
    """
    return VqaRoles(
        collector=FolderCollector(images, licence=licence),
        selector=PromptedSelector(model),
        spotter=PromptedSpotter(model),
        verifier=PromptedVerifier(model, media=media, reader=reader),
        questioner=PromptedQuestioner(model, media=media),
        obfuscator=PromptedObfuscator(model),
        chooser=PromptedChooser(judge_model),
        validator=PromptedValidator(judge_model),
    )


def prompted_text_roles(
    model: ModelClient,
    judge_model: ModelClient,
    *,
    media: MediaStore,
    places: ListPlaces,
    search: TextSearch,
    licence: str = "",
) -> VqaRoles:
    """All roles for questions without a picture, played by models.

    Args:
        model: proposes.
        judge_model: chooses, answers without evidence, objects. May be the same.
        media: see `prompted_vqa_roles`; nothing is put there.
        places: where questions start.
        search: finds places that are given by words.
        licence: of the pages.
    """
    return VqaRoles(
        collector=None,
        selector=PromptedSelector(model),
        spotter=PromptedSpotter(model),
        verifier=PromptedVerifier(model, media=media),
        questioner=PromptedQuestioner(model, media=media),
        obfuscator=PromptedObfuscator(model, is_named=True),
        chooser=PromptedChooser(judge_model, is_named=True),
        validator=PromptedValidator(judge_model, is_named=True),
        topics=PromptedTopics(model, places=places, search=search, licence=licence),
    )


class _Criteria(Record):
    complex: bool
    realistic: bool
    several_entities: bool
    identifiable: bool
    no_screenshot_meme_or_chart: bool


class _Selected(Record):
    criteria: _Criteria
    reason: Line


class PromptedSelector:
    """Holds a picture against the written criteria; see `Selector`."""

    def __init__(self, model: ModelClient) -> None:
        self._asker = Asker(model, Slot.SELECT, max_tokens=512)

    @property
    def name(self) -> str:
        """For records."""
        return self._asker.name

    async def select(self, photo: Photo, picture: Picture, *, context: CallContext) -> Selection:
        """See `Selector`: kept where every criterion holds."""
        del photo

        def read(reply: _Selected, _: bool) -> Selection:  # noqa: FBT001 - see Asker.ask
            criteria = reply.criteria.model_dump()
            return Selection(
                is_kept=all(criteria.values()),
                criteria=criteria,
                reason="" if all(criteria.values()) else reply.reason,
            )

        return await self._asker.ask(
            [Shown("PICTURE", picture)], shape=_Selected, read=read, context=context
        )


_Thousandth = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class _Thing(Record):
    says: Name
    box: Annotated[tuple[_Thousandth, ...], Field(min_length=4, max_length=4)]

    def spot(self) -> Spot:
        """The thing as it is kept.

        Raises:
            UnfitReplyError: the corners are in another order, or it has no area.
        """
        x0, y0, x1, y1 = self.box
        if not (x0 < x1 and y0 < y1):
            msg = f"box {list(self.box)} of {self.says!r} is not [left, top, right, bottom]"
            raise UnfitReplyError(msg)
        return Spot(box=Box.from_thousandths(self.box), says=self.says)


class Spotted(Record):
    """What a spotter's reply holds."""

    things: tuple[_Thing, ...]


class PromptedSpotter:
    """Frames things; see `Spotter`."""

    def __init__(self, model: ModelClient) -> None:
        self._asker = Asker(model, Slot.SPOT)

    @property
    def name(self) -> str:
        """For records."""
        return self._asker.name

    async def spot(
        self, photo: Photo, picture: Picture, *, limit: int, context: CallContext
    ) -> tuple[Spot, ...]:
        """See `Spotter`. Of a last try that holds too many things, the first are taken."""
        del photo

        def read(reply: Spotted, is_last: bool) -> tuple[Spot, ...]:  # noqa: FBT001 - see Asker.ask
            if len(reply.things) > limit and not is_last:
                msg = f"{len(reply.things)} things, at most {limit} are asked for"
                raise UnfitReplyError(msg)
            return tuple(thing.spot() for thing in reply.things[:limit])

        return await self._asker.ask(
            [Shown("PICTURE", picture)],
            shape=Spotted,
            read=read,
            context=context,
            fill={"limit": str(limit)},
        )


class _Asked(Record):
    question: Line | None
    where: Name | None


class PromptedQuestioner:
    """Asks for a name by where the thing is; see `Questioner`. Never told the name itself."""

    def __init__(self, model: ModelClient, *, media: MediaStore) -> None:
        self._asker = Asker(model, Slot.ASK, max_tokens=512)
        self._media = media

    @property
    def name(self) -> str:
        """For records."""
        return self._asker.name

    async def ask(
        self, subject: Verified, picture: Picture, *, context: CallContext
    ) -> SeedQuestion | None:
        """See `Questioner`."""
        region = subject.region
        pieces = [
            Shown("PICTURE", picture),
            Shown("THING", await crop_of(picture, region.box, media=self._media)),
            Words("PLACES", _places(region.box, region.others)),
            Words("WHAT A FIRST LOOK SAID", region.says or "(nothing)"),
        ]

        def read(reply: _Asked, _: bool) -> SeedQuestion | None:  # noqa: FBT001 - see Asker.ask
            return _seed(reply, names=(subject.name, *subject.aliases))

        return await self._asker.ask(pieces, shape=_Asked, read=read, context=context)


def _places(box: Box, others: Sequence[Box]) -> str:
    told = [f"the thing: {list(box.thousandths())}"]
    told += [f"another thing: {list(other.thousandths())}" for other in others]
    return "\n".join(told)


def _seed(reply: _Asked, *, names: Sequence[str]) -> SeedQuestion | None:
    if reply.question is None and reply.where is None:
        return None
    if reply.question is None or reply.where is None:
        msg = "question and where are both given or both null"
        raise UnfitReplyError(msg)
    if not reply.question.endswith("?"):
        msg = "the question does not end with a question mark"
        raise UnfitReplyError(msg)
    if not stands_in(reply.where, reply.question):
        msg = f"the words {reply.where!r} do not stand in the question"
        raise UnfitReplyError(msg)
    if any(stands_in(name, reply.question) for name in names):
        msg = "the question names the thing itself"
        raise UnfitReplyError(msg)
    return SeedQuestion(question=reply.question, where=reply.where)
