"""Reads a page for a goal: by a model, or by picking passages where none is configured.

The input of every step is named by what it is - page, reply, notes - so that a fallback always
reads the page and never a reply that failed. Evidence is the page's own words: each line is looked
up in the page, and what stands nowhere in it becomes part of the summary, under a label that says
so. Nothing is dropped for it: a paraphrase is as good as any other sentence of a summary.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vision_deepresearch.core.content import Image, Message, Part, Picture, Role, trusted, untrusted
from vision_deepresearch.core.context import CallContext, Deadline, SpendKind
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.protocols import ModelClient, Sampling, Summary, SummaryRequest
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.tools.failures import words_for
from vision_deepresearch.tools.passages import count_words, cut_words, pick_passages
from vision_deepresearch.tools.quotes import check_evidence
from vision_deepresearch.tools.replies import PageNotes, read_notes

NO_SUMMARISER = "no summariser configured: evidence is an extract"
SHORTENED = "the page was read without pictures and by its passages about the goal: too large"
NOT_FOUND_LABEL = "Not found word for word on the page: "
_PROMPTS = Path(__file__).parent / "prompts"
_SAMPLING = Sampling(temperature=0.0, max_tokens=1024)
_EVIDENCE_FRAC = 0.75
"""Share of the word budget that evidence may take when both together are too long."""
_KEPT_S, _KEPT_FRAC = 10.0, 0.1
"""Of the time that is left, so much is kept for the extract and for laying out the result."""
_SHORT_PAGE_WORDS = 1_500
"""Of a page that is asked about again because the request was too large (about 2,000 tokens)."""


class PassagePicker:
    """Gives the passages that speak about the goal, word for word, marked as an extract."""

    def __init__(self, *, note: str = NO_SUMMARISER) -> None:
        self._note = note

    @property
    def name(self) -> str:
        """For records."""
        return "passages"

    @property
    def sees_pictures(self) -> bool:
        """It reads text only."""
        return False

    async def summarise(self, request: SummaryRequest, *, context: CallContext) -> Summary:
        """Pick passages; never fails and spends nothing."""
        del context
        return extract(request, note=self._note)


class LlmSummariser:
    """Lets a model read the page; falls back to an extract when it cannot be used."""

    def __init__(self, model: ModelClient, *, sees_pictures: bool = True) -> None:
        """Read the prompts.

        Args:
            model: any client; its replies are expected to hold one JSON object.
            sees_pictures: whether pictures are fetched for it and sent to it; False for a model
                that takes text only.
        """
        self._model = model
        self._sees_pictures = sees_pictures
        self._instructions = (_PROMPTS / "summarise.md").read_text(encoding="utf-8").strip()
        self._again = (_PROMPTS / "summarise_again.md").read_text(encoding="utf-8").strip()
        prompts = f"{self._instructions}\0{self._again}"
        self._version = hashlib.sha256(prompts.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """For records: the model that reads and the hash of its prompts, `llm:name+1a2b3c4d`."""
        return f"llm:{self._model.name}+{self._version}"

    @property
    def sees_pictures(self) -> bool:
        """Whether pictures should be fetched for it."""
        return self._sees_pictures

    async def summarise(self, request: SummaryRequest, *, context: CallContext) -> Summary:
        """Ask the model, then pick passages of the page if that brought nothing.

        A reply that cannot be read is asked for once more; so is a request that was too large,
        without pictures and with the passages about the goal instead of the page.
        """
        context = _with_time_left(context)
        note = ""
        try:
            async with asyncio.timeout(context.deadline.remaining_s if context.deadline else None):
                try:
                    notes = await self._read(request, context=context)
                except BoundaryError as error:
                    if error.kind is not FailureKind.TOO_LARGE:
                        raise
                    notes = await self._read(_shortened(request), context=context)
                    note = SHORTENED
        except (BoundaryError, TimeoutError) as error:
            kind = FailureKind.TIMEOUT
            if isinstance(error, BoundaryError):
                kind = error.kind
                context.outage.note(error)
            return extract(request, note=f"the summariser failed ({words_for(kind)}): extract")
        if notes is None:
            return extract(request, note="the summariser's reply could not be read: extract")
        return _checked(notes, request=request, note=note)

    async def _read(self, request: SummaryRequest, *, context: CallContext) -> PageNotes | None:
        """The model's notes, asked for twice at most; None: neither reply could be read."""
        conversation = self._ask(request)
        notes = await self._notes(conversation, context=context)
        if notes is None:
            again = Message(role=Role.USER, parts=(trusted(self._again),))
            notes = await self._notes([*conversation, again], context=context)
        return notes

    async def _notes(
        self, conversation: Sequence[Message], *, context: CallContext
    ) -> PageNotes | None:
        context.budget.reserve(SpendKind.SUMMARY)
        completion = await self._model.complete(
            conversation, tools=(), sampling=_SAMPLING, context=context
        )
        context.budget.add_cost(completion.usage.cost_usd)
        return read_notes(completion.text)

    def _ask(self, request: SummaryRequest) -> list[Message]:
        page = request.page
        instructions = self._instructions.replace("{max_words}", str(request.max_words))
        parts: list[Part] = [trusted("Goal:\n"), untrusted(neutralise(request.goal))]
        parts += [trusted("\n\nPage title:\n"), untrusted(neutralise(page.title))]
        parts += [trusted("\n\nPage address:\n"), untrusted(neutralise(page.final_url))]
        parts += [trusted("\n\nPage text:\n"), untrusted(neutralise(page.markdown))]
        parts += [trusted("\n\nEnd of the page.")]
        if self._sees_pictures:
            searched = (request.query_image,) if request.query_image else ()
            parts += _pictures("The picture that was searched:", searched)
            parts += _pictures("Pictures the search engine matched:", request.previews)
            parts += _pictures("Pictures of the page:", request.page_images)
        return [
            Message(role=Role.SYSTEM, parts=(trusted(instructions),)),
            Message(role=Role.USER, parts=tuple(parts)),
        ]


def _with_time_left(context: CallContext) -> CallContext:
    """The same caller, whose time ends a little earlier.

    A slow model must not take the page, and all pages read beside it, down with the tool call.
    """
    if context.deadline is None:
        return context
    remaining_s = context.deadline.remaining_s
    kept_s = min(_KEPT_S, _KEPT_FRAC * remaining_s)
    return context.until(Deadline.after(remaining_s - kept_s, clock=context.deadline.clock))


def extract(request: SummaryRequest, *, note: str) -> Summary:
    """The page's passages about the goal instead of a written summary."""
    passages = pick_passages(
        request.page.markdown,
        goal=request.goal,
        title=request.page.title,
        max_words=request.max_words,
    )
    return Summary(
        evidence="\n".join(passages),
        summary="",
        degraded=True,
        note=note,
    )


def _pictures(label: str, pictures: Sequence[Picture]) -> list[Part]:
    if not pictures:
        return []
    return [trusted(f"\n\n{label}\n"), *(Image(ref=picture.ref) for picture in pictures)]


def _shortened(request: SummaryRequest) -> SummaryRequest:
    """The same question with less to read: no pictures, the passages about the goal."""
    page = request.page
    if count_words(page.markdown) > _SHORT_PAGE_WORDS:
        passages = pick_passages(
            page.markdown, goal=request.goal, title=page.title, max_words=_SHORT_PAGE_WORDS
        )
        page = page.model_copy(update={"markdown": "\n\n".join(passages)})
    return replace(request, page=page, query_image=None, previews=(), page_images=())


def _checked(notes: PageNotes, *, request: SummaryRequest, note: str) -> Summary:
    """Keep as evidence what stands in the page; tell the rest under a label, as summary."""
    checked = check_evidence(notes.evidence, request.page.markdown)
    if not checked.lost:
        return _capped(notes, max_words=request.max_words, note=note)
    told = (notes.summary, NOT_FOUND_LABEL + " / ".join(checked.lost))
    kept = PageNotes(evidence="\n".join(checked.held), summary="\n".join(filter(None, told)))
    num_all = len(checked.held) + len(checked.lost)
    moved = f"{len(checked.lost)} of {num_all} evidence lines are not the page's words"
    moved += ": they stand under Summary"
    return _capped(kept, max_words=request.max_words, note="; ".join(filter(None, (note, moved))))


def _capped(notes: PageNotes, *, max_words: int, note: str) -> Summary:
    """Keep evidence and summary within the budget; the summary gets what evidence leaves."""
    if count_words(notes.evidence) + count_words(notes.summary) <= max_words:
        return Summary(evidence=notes.evidence, summary=notes.summary, note=note)
    least = max_words - count_words(notes.summary)
    room = max(int(max_words * _EVIDENCE_FRAC), least)
    evidence = cut_words(notes.evidence, max_words=room)
    left = max(max_words - min(count_words(evidence), room), 1)
    summary = cut_words(notes.summary, max_words=left)
    return Summary(evidence=evidence, summary=summary, note=note)
