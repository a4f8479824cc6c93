"""Questions without a picture by a model: what a page is about, and a named thing said by another.

The other roles are those of questions about pictures, told with `WITHOUT_PICTURE` what is different.
What is named must have a page that can be read: from there the answer may not be seen.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

from pydantic import Field

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.protocols import ModelClient, TextSearch
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.layout import page as page_pieces
from vision_deepresearch.synth.roles.replies import Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.vqa_prompted_candidates import (
    ReplaceReply,
    check_question,
    hidden_names,
    memo_of,
    predicate_of,
    refuse_known,
    replaced_question,
    source_of,
)
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Source, Topic

WITHOUT_PICTURE = "without_picture"
"""Prompt that is added to those written for questions about pictures."""
ListPlaces = Callable[[int], Iterable[str]]
"""The first so many places to begin at, always the same: addresses, or words to search for."""


class _Named(Record):
    name: Name | None
    aliases: Annotated[tuple[Name, ...], Field(max_length=6)]


class PromptedTopics:
    """Says what pages are about; see `TopicFinder`."""

    def __init__(
        self, model: ModelClient, *, places: ListPlaces, search: TextSearch, licence: str = ""
    ) -> None:
        """Read the prompt.

        Args:
            model: reads the page.
            places: where questions start.
            search: finds the page of a place that is given by words.
            licence: of all pages, as it is to stand in the data.
        """
        self._asker = Asker(model, Slot.TOPIC, max_tokens=512)
        self._places = places
        self._search = search
        self._licence = licence

    @property
    def name(self) -> str:
        """For records."""
        return f"{self._asker.name} {self._licence}".rstrip()

    def sources(self, limit: int) -> tuple[Source, ...]:
        """See `TopicFinder`: each place once, known by what it is."""
        places = dict.fromkeys(self._places(limit))
        return tuple(Source(id=_id_of(place), ref=place, licence=self._licence) for place in places)

    async def address(self, source: Source) -> str | None:
        """See `TopicFinder`: the address itself, or the first hit for the words."""
        if source.ref.startswith(("http://", "https://")):
            return source.ref
        hits = await self._search.search_text(source.ref, limit=1)
        return hits[0].url if hits else None

    async def find(self, source: Source, page: Page, *, context: CallContext) -> Topic | None:
        """See `TopicFinder`: named as its title names it."""

        def read(reply: _Named, _: bool) -> Topic | None:  # noqa: FBT001 - see Asker.ask
            if reply.name is None:
                return None
            if not stands_in(reply.name, page.title):
                msg = f"the name {reply.name!r} does not stand in the title of the page"
                raise UnfitReplyError(msg)
            return Topic(
                id=source.id,
                name=reply.name,
                # An alias that nothing states would make wrong answers right.
                aliases=tuple(one for one in reply.aliases if stands_in(one, page.markdown)),
                page=page.url,
                ref=source.ref,
                licence=source.licence,
            )

        pieces = page_pieces("PAGE", title=page.title, text=page.markdown)
        return await self._asker.ask(pieces, shape=_Named, read=read, context=context)


def renamed(one: ReplaceReply, draft: Draft, shown: Sequence[Finding]) -> Candidate:
    """The question with a step more before its start: what was named is said by another thing.

    Raises:
        UnfitReplyError: no page states the step, the other thing has no page, or a name is left.
    """
    start, *rest = draft.hops
    subject = draft.subject
    aliases = subject.aliases if start.expected == subject.name else start.aliases
    names = (start.expected, *aliases)
    source = source_of(one, shown, about=names)
    if not stands_in(one.value, f"{source.title}\n{one.quote}"):
        msg = f"neither the title of page {one.evidence} nor the quotation names {one.value!r}"
        raise UnfitReplyError(msg)
    refuse_known(one.value, draft=draft, what="value")
    if not stands_in(start.expected, one.old) or not stands_in(one.value, one.new):
        msg = f"old must hold {start.expected!r} and new must hold {one.value!r}"
        raise UnfitReplyError(msg)
    question = replaced_question(one, draft)
    check_question(question, names=(*names, *hidden_names(draft)))
    given = Hop(
        id=f"g{len(draft.rounds) + 1}",
        kind=HopKind.GIVEN,
        text=one.value,
        shown=one.value,
        expected=one.value,
        pages=(_page_of(one.value, source, shown),),
    )
    led_to = Hop(
        id=start.id,
        kind=HopKind.FOLLOW,
        subject=given.id,
        predicate=predicate_of(one),
        label=one.relation,
        pages=(source.url,),
        expected=start.expected,
        aliases=aliases,
    )
    strata = draft.strata
    return Candidate(
        question=question,
        gold=draft.gold,
        hops=(given, led_to, *rest),
        entities=(start.expected, *draft.entities),
        strata={
            **strata,
            "hops": str(draft.num_hops + 1),
            "shape": "walk",
            "path": " > ".join(filter(None, (one.relation, strata.get("path")))),
            "obfuscation": str(int(strata.get("obfuscation", "0")) + 1),
        },
        evidence=(source.url,),
        memo=memo_of(one),
    )


def _page_of(name: str, source: Finding, shown: Sequence[Finding]) -> str:
    """The page about a thing: one that was read, or that the source links to by its name.

    Raises:
        UnfitReplyError: none is known.
    """
    folded = name.casefold()
    for finding in shown:
        title = finding.title.casefold()
        if title == folded or title.startswith((f"{folded} - ", f"{folded} | ", f"{folded} (")):
            return finding.url
    for link in source.links:
        if link.text.strip().casefold() == folded:
            return link.url
    msg = f"{name!r} has no page of its own: no page is titled so, and page text does not link it"
    raise UnfitReplyError(msg)


def _id_of(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:20]
