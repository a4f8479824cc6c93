"""Questions without a picture by walks on a generated world's graph: from a thing that is named.

    chain     the walk goes on at its end: another relation of what the answer was
    replace   it begins earlier: the thing named is said by another one that leads to it alone

So "Who founded the Kvarn Mill?" becomes "Which town is the birthplace of the person who founded the
mill that ...". Each new step must be stated by a page that was read in the round, have one value on
the graph and on all pages, and words.
"""

import random
from collections.abc import Iterator, Sequence

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.page import Page
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.vqa_truth_walks import StepMemo, memo_of
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Source, Topic
from vision_deepresearch.worlds.generated.checks import (
    answer_on_page,
    has_idle_hop,
    is_unique,
    leaks,
)
from vision_deepresearch.worlds.generated.composing import difficulty_of
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, gold_of
from vision_deepresearch.worlds.generated.frames import (
    FrameKind,
    ask,
    frames_of,
    is_wordable,
    named,
)
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
from vision_deepresearch.worlds.generated.spec import rng_for

_LICENCE = "CC0-1.0"
_NUM_TRIES = 12
"""Draws for the candidates of a round, at the most."""
_MANY = 400
"""Things that lead to one, from which on none of them is looked at."""


class _Memo(Record):
    """What is known of a question between two rounds."""

    start: str
    """Entity id of what is named."""
    steps: tuple[StepMemo, ...] = ()
    num_replaced: int = 0


class TruthTopics:
    """Things of a generated world whose names are theirs alone, drawn by chance. A `TopicFinder`."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    @property
    def name(self) -> str:
        """For records."""
        return "truth@1"

    def sources(self, limit: int) -> tuple[Source, ...]:
        """See `TopicFinder`."""
        graph = self._routes.graph
        clear = [thing for thing in sorted(graph.entities) if self._routes.is_clear(thing)]
        rng_for(graph.spec.root, "topics", 0).shuffle(clear)
        return tuple(
            Source(id=f"t{number:05d}", ref=thing, licence=_LICENCE)
            for number, thing in enumerate(clear[:limit])
        )

    async def address(self, source: Source) -> str:
        """See `TopicFinder`."""
        return self._routes.pages.article(source.ref)

    async def find(self, source: Source, page: Page, *, context: CallContext) -> Topic | None:
        """See `TopicFinder`."""
        del context
        names = self._routes.names(self._routes.graph.entity(source.ref))
        return Topic(
            id=source.id,
            name=names[0],
            aliases=names[1:],
            page=page.url,
            ref=source.ref,
            licence=source.licence,
        )


class TruthTextObfuscator:
    """Makes walks longer at either end; an `Obfuscator` of questions that begin at a `Topic`."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    @property
    def name(self) -> str:
        """For records."""
        return "truth-text@1"

    async def keywords(self, draft: Draft, *, move: Move, context: CallContext) -> tuple[str, ...]:
        """See `Obfuscator`: the answer's name, or that of the thing that is to be replaced."""
        del context
        return (draft.gold.answers[0] if move is Move.CHAIN else draft.hops[0].expected,)

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
        del picture, context
        read = frozenset(finding.url for finding in findings)
        found: dict[str, Candidate] = {}
        for candidate in self._candidates(draft, read, move=move, leads_on=Move.CHAIN in then):
            found.setdefault(candidate.question, candidate)
            if len(found) == count:
                break
        return tuple(found.values())

    def _candidates(
        self, draft: Draft, read: frozenset[str], *, move: Move, leads_on: bool
    ) -> Iterator[Candidate]:
        assert isinstance(draft.subject, Topic), "asked about things with pages"
        memo = _Memo.model_validate(draft.memo) if draft.memo else _Memo(start=draft.subject.ref)
        steps = [one.step() for one in memo.steps]
        route = self._routes.walk(steps, start=memo.start)
        assert route is not None, "a walk that was taken once can be taken again"
        root = self._routes.graph.spec.root
        for number in range(_NUM_TRIES):
            rng = rng_for(root, "text-round", (draft.id, len(draft.rounds), number))
            if move is Move.CHAIN:
                longer = self._longer(rng, memo.start, route, read=read, leads_on=leads_on)
            else:
                longer = self._earlier(rng, memo.start, route, read=read)
            if longer is None:
                continue
            is_earlier = move is Move.REPLACE
            made = self._candidate(
                longer, rng=rng, read=read, num_replaced=memo.num_replaced + is_earlier
            )
            if made is not None:
                yield made

    def _longer(
        self,
        rng: random.Random,
        start: str,
        route: tuple[Arrival, ...],
        *,
        read: frozenset[str],
        leads_on: bool,
    ) -> tuple[Arrival, ...] | None:
        """The walk with a step more at its end."""
        end = route[-1].entity if route else start
        if end is None or (route and not is_wordable(route[-1], is_last=False)):
            return None

        def may_take(arrival: Arrival, is_last: bool) -> bool:  # noqa: FBT001 - a `MayTake`
            del is_last
            if not read & set(self._routes.pages_stating(arrival)):
                return False
            says_both = is_wordable(arrival, is_last=False) or not leads_on
            return says_both and is_wordable(arrival, is_last=True)

        more = self._routes.wander(
            rng,
            start=end,
            num_steps=1,
            seen=_visited(start, route),
            may_take=may_take,
            ends_in_thing=leads_on,
        )
        return None if more is None else (*route, *more)

    def _earlier(
        self,
        rng: random.Random,
        start: str,
        route: tuple[Arrival, ...],
        *,
        read: frozenset[str],
    ) -> tuple[Arrival, ...] | None:
        """The walk with a step more before its start."""
        been = _visited(start, route)
        leading = [
            arrival
            for arrival in self._leading_to(start, rng=rng)
            if arrival.subject not in been
            and is_wordable(arrival, is_last=False)
            and read & set(self._routes.pages_stating(arrival))
        ]
        return (rng.choice(leading), *route) if leading else None

    def _leading_to(self, thing: str, *, rng: random.Random) -> Iterator[Arrival]:
        """Steps with one value, from things whose names are theirs alone, that lead to a thing."""
        graph = self._routes.graph
        type_ = graph.entity(thing).type
        for relation in RELATIONS.values():
            if relation.target is type_ and relation.functional:
                starts = graph.subjects(thing, relation.name)
                if 0 < len(starts) <= _MANY:
                    yield from self._taken(Step(relation=relation), rng.choice(starts), thing)
            if relation.inverse_label and relation.domain is type_:
                fact = graph.fact(thing, relation.name)
                if fact is not None and fact.object is not None:
                    yield from self._taken(
                        Step(relation=relation, inverse=True), fact.object, thing
                    )

    def _taken(self, step: Step, start: str, end: str) -> Iterator[Arrival]:
        if self._routes.is_clear(start):
            arrival = self._routes.take(step, start=start)
            if arrival is not None and arrival.entity == end:
                yield arrival

    def _candidate(
        self,
        route: tuple[Arrival, ...],
        *,
        rng: random.Random,
        read: frozenset[str],
        num_replaced: int,
    ) -> Candidate | None:
        """The question for a walk; None: it has a second answer, a leak or a way round."""
        routes, graph = self._routes, self._routes.graph
        start, last = graph.entity(route[0].subject), route[-1]
        builder = ProofBuilder(routes=routes)
        builder.follow_all(route, subject=builder.given_thing(start.id))
        gold = gold_of(routes, last=last, entity_id=last.entity)
        leads = frames_of(graph.spec.split, FrameKind.LEAD)
        question = ask(route, rng=rng, about=named(start), leads=leads)
        question = question[0].upper() + question[1:]
        article = routes.pages.article(start.id)
        if (
            not builder.has_pages()
            or leaks(question, builder=builder, gold=gold)
            or not is_unique(routes, route)
            or has_idle_hop(routes, route, answer=last.text)
            or (len(route) > 1 and answer_on_page(gold, routes.pages.document(article)))
        ):
            return None
        relations = [f"{'^' if one.step.inverse else ''}{one.step.relation.name}" for one in route]
        first, *rest = builder.hops
        hops = (first.model_copy(update={"pages": (article,)}), *rest)
        entities = (start.name, *builder.entities())
        memo = _Memo(
            start=start.id,
            steps=tuple(memo_of(one.step) for one in route),
            num_replaced=num_replaced,
        )
        return Candidate(
            question=question,
            gold=gold.model_copy(update={"entities": entities}),
            hops=hops,
            entities=builder.entities(),
            strata={
                "hops": str(len(route)),
                "shape": "walk",
                "anchor": start.type.value,
                "answer": gold.type.value,
                "path": f"{start.type.value}:{'>'.join(relations)}",
                "obfuscation": str(num_replaced),
                **difficulty_of(builder),
            },
            evidence=tuple(dict.fromkeys(url for hop in rest for url in hop.pages if url in read)),
            memo=memo.model_dump(mode="json"),
        )


def _visited(start: str, route: Sequence[Arrival]) -> frozenset[str]:
    return frozenset({start, *(one.entity for one in route if one.entity is not None)})
