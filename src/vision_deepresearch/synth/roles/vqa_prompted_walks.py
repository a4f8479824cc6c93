"""Makes questions harder by what pages say, by a model; and picks one of several candidates.

Nothing is believed: each candidate names its page and quotes the sentence that proves it, and both
are looked up. A question keeps the words that say which thing is meant, and names nothing on its
way. What fails costs that candidate; a reply without one that holds is asked for once more.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.proof import Constraint, Hop, HopKind
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.synth.roles.asking import Asker, Slot
from vision_deepresearch.synth.roles.layout import Piece, Shown, Words, page
from vision_deepresearch.synth.roles.replies import Line, Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.roles.vqa import Choice
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Verified
from vision_deepresearch.tools.quotes import check_evidence

_MAX_QUERIES = 4
_MAX_PAGES = 6
"""Pages shown at a time."""
_TYPES = {"number": AnswerType.NUMBER, "date": AnswerType.DATE}
"""All else is free text: the names of a real thing are no closed set."""
_PROPOSING = 0.7
"""Temperature: candidates are to differ."""


class _Queries(Record):
    queries: Annotated[tuple[Name, ...], Field(min_length=1, max_length=_MAX_QUERIES)]


class _Proof(Record):
    evidence: Annotated[int, Field(ge=1)]
    """Number of the page."""
    relation: Name
    quote: Line


class _ChainReply(_Proof):
    answer: Name
    aliases: Annotated[tuple[Name, ...], Field(max_length=6)]
    answer_type: Literal["name", "date", "number", "other"]
    question: Line


class _ReplaceReply(_Proof):
    value: Name
    old: Name
    new: Line


class _Chains(Record):
    candidates: tuple[_ChainReply, ...]


class _Replacements(Record):
    candidates: tuple[_ReplaceReply, ...]


ProofT = TypeVar("ProofT", bound=_Proof)


class PromptedObfuscator:
    """Chains and replaces; see `Obfuscator`."""

    def __init__(self, model: ModelClient) -> None:
        """Read the prompts."""
        self._keywords = {
            Move.CHAIN: Asker(model, Slot.KEYWORDS_CHAIN, max_tokens=512),
            Move.REPLACE: Asker(model, Slot.KEYWORDS_REPLACE, max_tokens=512),
        }
        self._chain = Asker(model, Slot.CHAIN, temperature=_PROPOSING, max_tokens=4_096)
        self._replace = Asker(model, Slot.REPLACE, temperature=_PROPOSING, max_tokens=4_096)

    @property
    def name(self) -> str:
        """For records."""
        askers = (*self._keywords.values(), self._chain, self._replace)
        return " ".join(asker.name for asker in askers)

    async def keywords(self, draft: Draft, *, move: Move, context: CallContext) -> tuple[str, ...]:
        """See `Obfuscator`."""
        about = draft.gold.answers[0] if move is Move.CHAIN else draft.subject.name
        pieces = [Words("QUESTION", draft.question), Words("THING", about)]

        def read(reply: _Queries, _: bool) -> tuple[str, ...]:  # noqa: FBT001 - see Asker.ask
            return tuple(dict.fromkeys(reply.queries))

        return await self._keywords[move].ask(pieces, shape=_Queries, read=read, context=context)

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
        """See `Obfuscator`; of questions about pictures."""
        assert picture is not None, "wiring lets models ask about pictures only"
        shown = findings[:_MAX_PAGES]
        if not shown or (move is Move.REPLACE and len(draft.hops) < 2):
            return ()
        fill = {"count": str(count), "must": _LEADS_ON if Move.CHAIN in then else _MAY_END}
        pieces = [Shown("PICTURE", picture), *_case(draft, shown)]
        if move is Move.CHAIN:
            leads_on = Move.CHAIN in then

            def chain(reply: _Chains, is_last: bool) -> tuple[Candidate, ...]:  # noqa: FBT001 - see Asker.ask
                return _held(
                    reply.candidates,
                    lambda one: _chained(one, draft, shown, leads_on=leads_on),
                    count=count,
                    num_pages=len(shown),
                    is_last=is_last,
                )

            return await self._chain.ask(
                pieces, shape=_Chains, read=chain, context=context, fill=fill
            )

        def replace(reply: _Replacements, is_last: bool) -> tuple[Candidate, ...]:  # noqa: FBT001 - see Asker.ask
            return _held(
                reply.candidates,
                lambda one: _replaced(one, draft, shown),
                count=count,
                num_pages=len(shown),
                is_last=is_last,
            )

        return await self._replace.ask(
            pieces, shape=_Replacements, read=replace, context=context, fill={"count": str(count)}
        )


_LEADS_ON = "Each answer must be a named thing that has a page of its own (answer_type name)."
_MAY_END = "An answer may be a name, a date or a number."


def _case(draft: Draft, shown: Sequence[Finding]) -> list[Piece]:
    route = "\n".join(
        f"{hop.id}: {hop.kind.value} {hop.label or hop.predicate or ''} -> {hop.expected}"
        for hop in draft.hops
    )
    pieces: list[Piece] = [
        Words("QUESTION", draft.question),
        Words("ANSWER SO FAR", draft.gold.answers[0]),
        Words("THING IN THE PICTURE", draft.subject.name),
        Words("ROUTE", route),
        Words("WORDS TO KEEP", "\n".join(one.text for one in draft.constraints) or "(none)"),
    ]
    for number, finding in enumerate(shown, start=1):
        pieces += page(f"PAGE {number}", title=finding.title, text=finding.text)
    return pieces


def _held(
    replies: Sequence[ProofT],
    make: Callable[[ProofT], Candidate],
    *,
    count: int,
    num_pages: int,
    is_last: bool,
) -> tuple[Candidate, ...]:
    """The candidates that hold, each from a page of its own where there are enough.

    Raises:
        UnfitReplyError: some were proposed and none holds, or in a first try one does not.
    """
    found: dict[str, Candidate] = {}
    used: set[int] = set()
    faults: list[str] = []
    for number, reply in enumerate(replies, start=1):
        try:
            if reply.evidence in used and num_pages >= count:
                msg = f"page {reply.evidence} is used already, take each from a page of its own"
                raise UnfitReplyError(msg)
            made = make(reply)
        except UnfitReplyError as unfit:
            faults.append(f"candidate {number}: {unfit}")
            continue
        used.add(reply.evidence)
        found.setdefault(made.question, made)
    if faults and (not is_last or not found):
        raise UnfitReplyError("; ".join(faults[:4]))
    return tuple(found.values())[:count]


def _chained(
    one: _ChainReply, draft: Draft, shown: Sequence[Finding], *, leads_on: bool
) -> Candidate:
    source = _source(one, shown, about=draft.gold.answers)
    if not stands_in(one.answer, one.quote):
        msg = f"the answer {one.answer!r} does not stand in the quoted sentence"
        raise UnfitReplyError(msg)
    if leads_on and one.answer_type != "name":
        msg = f"the answer {one.answer!r} is no named thing, and the question must lead on"
        raise UnfitReplyError(msg)
    known = _known(draft)
    if any(stands_in(name, one.answer) or stands_in(one.answer, name) for name in known):
        msg = f"the answer {one.answer!r} stands on the route already"
        raise UnfitReplyError(msg)
    # An alias that nothing states would make wrong answers right.
    aliases = tuple(alias for alias in one.aliases if stands_in(alias, source.text))
    _check_question(one.question, names=(*known, one.answer, *aliases), draft=draft)
    hop = Hop(
        id=f"h{len(draft.hops) + 1}",
        kind=HopKind.FOLLOW,
        subject=draft.hops[-1].id,
        predicate="_".join(one.relation.casefold().split()),
        label=one.relation,
        pages=(source.url,),
        expected=one.answer,
        aliases=aliases,
    )
    type_ = _TYPES.get(one.answer_type, AnswerType.FREE_TEXT)
    entities = (*draft.entities, *((one.answer,) if one.answer_type == "name" else ()))
    return Candidate(
        question=one.question,
        gold=Gold(answers=(one.answer, *aliases), type=type_),
        hops=(*draft.hops, hop),
        constraints=draft.constraints,
        entities=entities,
        strata={
            **draft.strata,
            "hops": str(draft.num_hops + 1),
            "shape": "walk",
            "path": " > ".join(filter(None, (draft.strata.get("path"), one.relation))),
        },
        evidence=(source.url,),
        memo={"quote": one.quote, "relation": one.relation},
    )


def _replaced(one: _ReplaceReply, draft: Draft, shown: Sequence[Finding]) -> Candidate:
    subject = draft.subject
    assert isinstance(subject, Verified), "wiring lets models ask about pictures only"
    source = _source(one, shown, about=(subject.name, *subject.aliases))
    if not stands_in(one.value, one.quote):
        msg = f"the value {one.value!r} does not stand in the quoted sentence"
        raise UnfitReplyError(msg)
    if draft.question.count(one.old) != 1:
        msg = f"the words {one.old!r} do not stand exactly once in the question"
        raise UnfitReplyError(msg)
    question = " ".join(draft.question.replace(one.old, one.new).split())
    if question == draft.question or not question.endswith("?"):
        msg = f"the words {one.new!r} make no new question that ends with a question mark"
        raise UnfitReplyError(msg)
    kept = tuple(con for con in draft.constraints if stands_in(con.text, question))
    leaked = next((name for name in _known(draft) if stands_in(name, question)), None)
    if leaked is not None:
        msg = f"the question names {leaked!r}"
        raise UnfitReplyError(msg)
    look, *rest = draft.hops
    hop = Hop(
        id=f"c{len(draft.rounds) + 1}",
        kind=HopKind.FOLLOW,
        subject=look.id,
        predicate="_".join(one.relation.casefold().split()),
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
        memo={"quote": one.quote, "relation": one.relation},
    )


def _source(one: _Proof, shown: Sequence[Finding], *, about: Sequence[str]) -> Finding:
    """The page that a candidate is made from, once its quotation is found there.

    Raises:
        UnfitReplyError: no such page, no such sentence, or a page about something else.
    """
    if one.evidence > len(shown):
        msg = f"there are {len(shown)} pages, got number {one.evidence}"
        raise UnfitReplyError(msg)
    source = shown[one.evidence - 1]
    checked = check_evidence(one.quote, neutralise(source.text))
    if checked.lost or not checked.held:
        msg = f"the quotation is not in page {one.evidence}, word for word"
        raise UnfitReplyError(msg)
    if not any(stands_in(name, f"{source.title}\n{one.quote}") for name in about):
        msg = f"neither the title of page {one.evidence} nor the quotation names {about[0]!r}"
        raise UnfitReplyError(msg)
    return source


def _known(draft: Draft) -> tuple[str, ...]:
    """Names that no question may hold."""
    subject = draft.subject
    return (subject.name, *subject.aliases, *draft.entities, *draft.gold.answers)


def _check_question(question: str, *, names: Sequence[str], draft: Draft) -> None:
    if not question.endswith("?"):
        msg = "the question does not end with a question mark"
        raise UnfitReplyError(msg)
    leaked = next((name for name in names if stands_in(name, question)), None)
    if leaked is not None:
        msg = f"the question names {leaked!r}"
        raise UnfitReplyError(msg)
    for one in draft.constraints:
        if not stands_in(one.text, question):
            msg = f"the question has lost the words {one.text!r}, which say what is meant"
            raise UnfitReplyError(msg)


class _Chosen(Record):
    index: Annotated[int, Field(ge=1)] | None
    reason: Line


class PromptedChooser:
    """Picks one candidate or none; see `Chooser`."""

    def __init__(self, model: ModelClient) -> None:
        self._asker = Asker(model, Slot.CHOOSE, max_tokens=512)

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
