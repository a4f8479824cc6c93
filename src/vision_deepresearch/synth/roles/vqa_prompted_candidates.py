"""What is believed of the harder questions that a model proposes: what a page proves, word for word.

Each candidate names its page and quotes the sentence that proves it; both are looked up. What fails
costs that candidate; a reply without one that holds is asked for once more.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field, JsonValue

from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.synth.roles.layout import Piece, Words, page
from vision_deepresearch.synth.roles.replies import Line, Name, UnfitReplyError, stands_in
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Topic
from vision_deepresearch.tools.quotes import check_evidence

MAX_PAGES = 6
"""Shown at a time."""
PROPOSING = 0.7
"""Temperature: candidates are to differ."""
MAX_TOKENS = 4_096
"""Of a reply that holds several candidates."""
LEADS_ON = "Each answer must be a named thing that has a page of its own (answer_type name)."
MAY_END = "An answer may be a name, a date or a number."
_TYPES = {"number": AnswerType.NUMBER, "date": AnswerType.DATE}
"""All else is free text: the names of a real thing are no closed set."""


class Proof(Record):
    """A fact and where it is stated."""

    evidence: Annotated[int, Field(ge=1)]
    """Number of the page."""
    relation: Name
    quote: Line


class ChainReply(Proof):
    """One step more."""

    answer: Name
    aliases: Annotated[tuple[Name, ...], Field(max_length=6)]
    answer_type: Literal["name", "date", "number", "other"]
    question: Line


class Chains(Record):
    """The reply to `propose_chain`."""

    candidates: tuple[ChainReply, ...]


class ReplaceReply(Proof):
    """Words of the question that are said otherwise."""

    value: Name
    old: Name
    new: Line


class Replacements(Record):
    """The reply to `propose_replace` and `replace_named`."""

    candidates: tuple[ReplaceReply, ...]


ProofT = TypeVar("ProofT", bound=Proof)


def case_of(draft: Draft, shown: Sequence[Finding]) -> list[Piece]:
    """A question on its way, as proposers are shown it."""
    route = "\n".join(
        f"{hop.id}: {hop.kind.value} {hop.label or hop.predicate or ''} -> {hop.expected}"
        for hop in draft.hops
    )
    is_named = isinstance(draft.subject, Topic)
    pieces: list[Piece] = [
        Words("QUESTION", draft.question),
        Words("ANSWER SO FAR", draft.gold.answers[0]),
        Words("START" if is_named else "THING IN THE PICTURE", draft.hops[0].expected),
        Words("ROUTE", route),
        Words("WORDS TO KEEP", "\n".join(words_to_keep(draft)) or "(none)"),
    ]
    for number, finding in enumerate(shown, start=1):
        pieces += page(f"PAGE {number}", title=finding.title, text=finding.text)
    return pieces


def held(
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


def chained(
    one: ChainReply, draft: Draft, shown: Sequence[Finding], *, leads_on: bool
) -> Candidate:
    """The question with a step more at its end.

    Raises:
        UnfitReplyError: no page states the step, or the question loses or names what it must not.
    """
    source = source_of(one, shown, about=draft.gold.answers)
    if not stands_in(one.answer, one.quote):
        msg = f"the answer {one.answer!r} does not stand in the quoted sentence"
        raise UnfitReplyError(msg)
    if leads_on and one.answer_type != "name":
        msg = f"the answer {one.answer!r} is no named thing, and the question must lead on"
        raise UnfitReplyError(msg)
    refuse_known(one.answer, draft=draft, what="answer")
    # An alias that nothing states would make wrong answers right.
    aliases = tuple(alias for alias in one.aliases if stands_in(alias, source.text))
    check_question(one.question, names=(*hidden_names(draft), one.answer, *aliases))
    for words in words_to_keep(draft):
        if not stands_in(words, one.question):
            msg = f"the question has lost the words {words!r}, which say what is meant"
            raise UnfitReplyError(msg)
    hop = Hop(
        id=f"h{len(draft.hops) + 1}",
        kind=HopKind.FOLLOW,
        subject=draft.hops[-1].id,
        predicate=predicate_of(one),
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
        memo=memo_of(one),
    )


def predicate_of(one: Proof) -> str:
    """The relation as proofs write it, for example "designed_by"."""
    return "_".join(one.relation.casefold().split())


def memo_of(one: Proof) -> dict[str, JsonValue]:
    """What the chooser is told."""
    return {"quote": one.quote, "relation": one.relation}


def source_of(one: Proof, shown: Sequence[Finding], *, about: Sequence[str]) -> Finding:
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


def given_name(draft: Draft) -> str | None:
    """The thing that the question names and starts from; None: a picture shows it."""
    first = draft.hops[0]
    return first.expected if first.kind is HopKind.GIVEN else None


def words_to_keep(draft: Draft) -> tuple[str, ...]:
    """What a longer question must hold word for word: it says which thing is meant."""
    given = given_name(draft)
    return (*((given,) if given is not None else ()), *(one.text for one in draft.constraints))


def hidden_names(draft: Draft) -> tuple[str, ...]:
    """Names that the question may not hold."""
    subject, given = draft.subject, given_name(draft)
    if given == subject.name:
        # The thing is named on purpose; before the first step it is the answer too.
        answers = draft.gold.answers if len(draft.hops) > 1 else ()
        return (*draft.entities, *answers)
    return (subject.name, *subject.aliases, *draft.entities, *draft.gold.answers)


def refuse_known(name: str, *, draft: Draft, what: str) -> None:
    """A step must not lead to what stands on the route.

    Raises:
        UnfitReplyError: it does.
    """
    subject, given = draft.subject, given_name(draft)
    known = (subject.name, *subject.aliases, *draft.entities, *draft.gold.answers)
    for one in (*known, *((given,) if given is not None else ())):
        if stands_in(one, name) or stands_in(name, one):
            msg = f"the {what} {name!r} stands on the route already"
            raise UnfitReplyError(msg)


def check_question(question: str, *, names: Sequence[str]) -> None:
    """A question is one sentence that gives nothing away.

    Raises:
        UnfitReplyError: it is not, or does.
    """
    if not question.endswith("?"):
        msg = "the question does not end with a question mark"
        raise UnfitReplyError(msg)
    leaked = next((name for name in names if stands_in(name, question)), None)
    if leaked is not None:
        msg = f"the question names {leaked!r}"
        raise UnfitReplyError(msg)


def replaced_question(one: ReplaceReply, draft: Draft) -> str:
    """The question with some of its words said otherwise, and nothing else changed.

    Raises:
        UnfitReplyError: the words do not stand there once, or make no other question.
    """
    if draft.question.count(one.old) != 1:
        msg = f"the words {one.old!r} do not stand exactly once in the question"
        raise UnfitReplyError(msg)
    question = " ".join(draft.question.replace(one.old, one.new).split())
    if question == draft.question or not question.endswith("?"):
        msg = f"the words {one.new!r} make no new question that ends with a question mark"
        raise UnfitReplyError(msg)
    return question
