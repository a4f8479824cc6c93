"""Tries finished questions and looks for their faults, by a model; see `Validator`."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.layout import Piece, Shown, Words, page
from vision_deepresearch.synth.roles.replies import Line, Name
from vision_deepresearch.synth.roles.vqa import Exam, Objection
from vision_deepresearch.synth.roles.vqa_prompted_text import WITHOUT_PICTURE
from vision_deepresearch.synth.vqa_records import Draft, Finding

_MAX_PAGES = 8
_ANSWERING = 0.7
"""Temperature: samples are to differ."""


class _Answered(Record):
    answer: Name | None


class _ObjectionReply(Record):
    reason: Literal["shortcut", "not_unique", "not_multi_hop", "unnatural"]
    detail: Line


class _Objections(Record):
    objections: Annotated[tuple[_ObjectionReply, ...], Field(max_length=5)]


class PromptedValidator:
    """A respondent who is shown the question alone, and a critic who is shown its proof."""

    def __init__(self, model: ModelClient, *, is_named: bool = False) -> None:
        """Read the prompts; `is_named`: of questions without a picture."""
        addition = WITHOUT_PICTURE if is_named else None
        self._blind = Asker(model, Slot.ANSWER_BLIND, temperature=_ANSWERING, max_tokens=512)
        self._reading = Asker(model, Slot.ANSWER_FROM_PAGES, temperature=_ANSWERING, max_tokens=512)
        self._critic = Asker(model, Slot.OBJECT, addition=addition)

    @property
    def name(self) -> str:
        """For records."""
        return " ".join(asker.name for asker in (self._blind, self._reading, self._critic))

    async def answer(self, exam: Exam, *, context: CallContext) -> str | None:
        """See `Validator`."""
        pieces: list[Piece] = [] if exam.picture is None else [Shown("PICTURE", exam.picture)]
        pieces.append(Words("QUESTION", exam.draft.question))
        for number, finding in enumerate(exam.findings[:_MAX_PAGES], start=1):
            pieces += page(f"PAGE {number}", title=finding.title, text=finding.text)
        asker = self._reading if exam.findings else self._blind

        def read(reply: _Answered, _: bool) -> str | None:  # noqa: FBT001 - see Asker.ask
            return reply.answer

        return await asker.ask(
            pieces, shape=_Answered, read=read, context=context, seed=exam.sample
        )

    async def objections(
        self, draft: Draft, findings: Sequence[Finding], *, context: CallContext
    ) -> tuple[Objection, ...]:
        """See `Validator`."""
        route = "\n".join(
            f"{hop.id}: {hop.kind.value} {hop.label} -> {hop.expected} ({', '.join(hop.pages[:1])})"
            for hop in draft.hops
        )
        pieces: list[Piece] = [
            Words("QUESTION", draft.question),
            Words("ANSWER", draft.gold.answers[0]),
            Words("ROUTE", route),
        ]
        for number, finding in enumerate(findings[:_MAX_PAGES], start=1):
            pieces += page(f"PAGE {number}", title=finding.title, text=finding.text)

        def read(reply: _Objections, _: bool) -> tuple[Objection, ...]:  # noqa: FBT001 - see Asker.ask
            return tuple(
                Objection(reason=one.reason, detail=one.detail) for one in reply.objections
            )

        return await self._critic.ask(pieces, shape=_Objections, read=read, context=context)
