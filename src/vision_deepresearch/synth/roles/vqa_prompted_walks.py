"""Makes questions harder by what pages say, by a model; and picks one of several candidates.

A question keeps the words that say which thing is meant, and names nothing on its way. What is
believed of a candidate: `vqa_prompted_candidates`.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.proof import Constraint, Hop, HopKind
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.layout import Shown, Words
from vision_deepresearch.synth.roles.replies import Line, Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.vqa import Choice
from vision_deepresearch.synth.roles.vqa_prompted_candidates import (
    LEADS_ON,
    MAX_PAGES,
    MAX_TOKENS,
    MAY_END,
    PROPOSING,
    Chains,
    Replacements,
    ReplaceReply,
    case_of,
    chained,
    check_question,
    held,
    hidden_names,
    memo_of,
    predicate_of,
    replaced_question,
    source_of,
)
from vision_deepresearch.synth.roles.vqa_prompted_text import WITHOUT_PICTURE, renamed
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Verified

_MAX_QUERIES = 4


class Queries(Record):
    """The reply to the prompts for keywords."""

    queries: Annotated[tuple[Name, ...], Field(min_length=1, max_length=_MAX_QUERIES)]


class PromptedObfuscator:
    """Chains and replaces; see `Obfuscator`."""

    def __init__(self, model: ModelClient, *, is_named: bool = False) -> None:
        """Read the prompts.

        Args:
            model: proposes.
            is_named: of questions without a picture, which name the thing that they start from; a
                thing is then replaced by one that leads to it, found by the words for a chain.
        """
        replacing = Slot.KEYWORDS_CHAIN if is_named else Slot.KEYWORDS_REPLACE
        self._keywords = {
            Move.CHAIN: Asker(model, Slot.KEYWORDS_CHAIN, max_tokens=512),
            Move.REPLACE: Asker(model, replacing, max_tokens=512),
        }
        self._chain = Asker(
            model,
            Slot.CHAIN,
            temperature=PROPOSING,
            max_tokens=MAX_TOKENS,
            addition=WITHOUT_PICTURE if is_named else None,
        )
        self._replace = Asker(
            model,
            Slot.REPLACE_NAMED if is_named else Slot.REPLACE,
            temperature=PROPOSING,
            max_tokens=MAX_TOKENS,
        )
        self._replaced = renamed if is_named else _replaced

    @property
    def name(self) -> str:
        """For records."""
        askers = (*self._keywords.values(), self._chain, self._replace)
        return " ".join(asker.name for asker in askers)

    async def keywords(self, draft: Draft, *, move: Move, context: CallContext) -> tuple[str, ...]:
        """See `Obfuscator`."""
        about = draft.gold.answers[0] if move is Move.CHAIN else draft.hops[0].expected
        pieces = [Words("QUESTION", draft.question), Words("THING", about)]

        def read(reply: Queries, _: bool) -> tuple[str, ...]:  # noqa: FBT001 - see Asker.ask
            return tuple(dict.fromkeys(reply.queries))

        return await self._keywords[move].ask(pieces, shape=Queries, read=read, context=context)

    async def propose(
        self,
        draft: Draft,
        findings: Sequence[Finding],
        picture: Picture | None,
        *,
        move: Move,
        then: Sequence[Move],
        count: int,
        context: CallContext,
    ) -> tuple[Candidate, ...]:
        """See `Obfuscator`."""
        shown = findings[:MAX_PAGES]
        if not shown or (move is Move.REPLACE and len(draft.hops) < 2):
            return ()
        fill = {"count": str(count), "must": LEADS_ON if Move.CHAIN in then else MAY_END}
        looked_at = [Shown("PICTURE", picture)] if picture is not None else []
        pieces = [*looked_at, *case_of(draft, shown)]
        if move is Move.CHAIN:
            leads_on = Move.CHAIN in then

            def chain(reply: Chains, is_last: bool) -> tuple[Candidate, ...]:  # noqa: FBT001 - see Asker.ask
                return held(
                    reply.candidates,
                    lambda one: chained(one, draft, shown, leads_on=leads_on),
                    count=count,
                    num_pages=len(shown),
                    is_last=is_last,
                )

            return await self._chain.ask(
                pieces, shape=Chains, read=chain, context=context, fill=fill
            )

        def replace(reply: Replacements, is_last: bool) -> tuple[Candidate, ...]:  # noqa: FBT001 - see Asker.ask
            return held(
                reply.candidates,
                lambda one: self._replaced(one, draft, shown),
                count=count,
                num_pages=len(shown),
                is_last=is_last,
            )

        return await self._replace.ask(
            pieces, shape=Replacements, read=replace, context=context, fill={"count": str(count)}
        )


def _replaced(one: ReplaceReply, draft: Draft, shown: Sequence[Finding]) -> Candidate:
    subject = draft.subject
    assert isinstance(subject, Verified), "asked about pictures"
    source = source_of(one, shown, about=(subject.name, *subject.aliases))
    if not stands_in(one.value, one.quote):
        msg = f"the value {one.value!r} does not stand in the quoted sentence"
        raise UnfitReplyError(msg)
    question = replaced_question(one, draft)
    kept = tuple(con for con in draft.constraints if stands_in(con.text, question))
    check_question(question, names=hidden_names(draft))
    look, *rest = draft.hops
    hop = Hop(
        id=f"c{len(draft.rounds) + 1}",
        kind=HopKind.FOLLOW,
        subject=look.id,
        predicate=predicate_of(one),
        label=one.relation,
        pages=(source.url,),
        expected=one.value,
    )
    narrowed = Constraint(
        text=one.new,
        predicate=one.relation,
        value=one.value,
        # Any other thing of the picture may be meant where the words are dropped.
        candidates_without=1 + len(subject.region.others),
    )
    return Candidate(
        question=question,
        gold=draft.gold,
        hops=(look, hop, *rest),
        constraints=(*kept, narrowed),
        entities=draft.entities,
        strata={**draft.strata, "shape": "replace"},
        evidence=(source.url,),
        memo=memo_of(one),
    )


class _Chosen(Record):
    index: Annotated[int, Field(ge=1)] | None
    reason: Line


class PromptedChooser:
    """Picks one candidate or none; see `Chooser`."""

    def __init__(self, model: ModelClient, *, is_named: bool = False) -> None:
        """Read the prompt; `is_named`: see `PromptedObfuscator`."""
        addition = WITHOUT_PICTURE if is_named else None
        self._asker = Asker(model, Slot.CHOOSE, max_tokens=512, addition=addition)

    @property
    def name(self) -> str:
        """For records."""
        return self._asker.name

    async def choose(
        self, draft: Draft, candidates: Sequence[Candidate], *, move: Move, context: CallContext
    ) -> Choice:
        """See `Chooser`."""
        pieces = [Words("QUESTION AS IT STANDS", draft.question), Words("MOVE", move.value)]
        for number, one in enumerate(candidates, start=1):
            told = f"question: {one.question}\nanswer: {one.gold.answers[0]}"
            told += f"\nproved by: {one.memo.get('quote', '(not quoted)')}"
            pieces.append(Words(f"CANDIDATE {number}", told))

        def read(reply: _Chosen, _: bool) -> Choice:  # noqa: FBT001 - see Asker.ask
            if reply.index is None:
                return Choice(index=None, reason=reply.reason)
            if reply.index > len(candidates):
                msg = f"there are {len(candidates)} candidates, got number {reply.index}"
                raise UnfitReplyError(msg)
            return Choice(index=reply.index - 1, reason=reply.reason)

        return await self._asker.ask(pieces, shape=_Chosen, read=read, context=context)
