"""Makes questions harder by walks on the graph of a generated world, worded by its grammar.

A move is one step of a walk: `chain` goes on from where the question ends, to what a page states
that was found in this round; `replace` says by a condition, a comparison or a description which
thing is meant, in place of where it stands. What was asked so far is kept as trails: the next
round's question begins with the same steps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pydantic import Field

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.roles.vqa_truth_scenes import TruthScenes
from vision_deepresearch.synth.vqa_records import Candidate, Draft, Finding, Move, Verified
from vision_deepresearch.worlds.generated.composing import Composer, Situation
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.joins import by_join, by_two, may_join, may_meet
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.routes import Arrival, Step
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.shapes import (
    by_clause,
    by_comparison,
    by_description,
    by_position,
)
from vision_deepresearch.worlds.generated.spec import rng_for

_Make = Callable[[Composer, str], TaskDraft | None]
_SHAPES: Mapping[str, _Make] = {
    "position": by_position,
    "clause": by_clause,
    "replace": by_description,
    "compare": by_comparison,
    "join": by_join,
    "two": by_two,
}
_CHAINED: Mapping[str, tuple[str, ...]] = {
    "": ("position", "two", "join", "position"),
    "position": ("position", "join", "position"),
}
"""Ways on from a question of a shape; another shape stays what it is."""
_REPLACED: Mapping[str, tuple[str, ...]] = {
    "position": ("replace", "compare", "clause"),
    "clause": ("replace",),
    "compare": ("replace",),
}
"""Ways of saying otherwise what a question of a shape names by its place, or names at all."""
_NUM_TRIES = {Move.CHAIN: 9, Move.REPLACE: 24}
"""Draws for the candidates of a round, at the most: few words say a thing and no other."""


class StepMemo(Record):
    """A step of a walk by what defines it."""

    domain: EntityType
    relation: str
    inverse: bool = False

    def step(self) -> Step:
        """The step itself."""
        return Step(relation=RELATIONS[self.domain, self.relation], inverse=self.inverse)


def memo_of(step: Step) -> StepMemo:
    """What defines a step."""
    relation = step.relation
    return StepMemo(domain=relation.domain, relation=relation.name, inverse=step.inverse)


class _Memo(Record):
    """What is known of a question between two rounds."""

    shape: str = ""
    """Empty: the seed question."""
    trails: dict[str, tuple[StepMemo, ...]] = {}
    end: str | None = None
    """Entity id of the answer; None: it is a number or a date, and leads nowhere."""
    num_hops: int = Field(default=0, ge=0)


class TruthObfuscator:
    """Knows where every link leads; see `Obfuscator`."""

    def __init__(self, scenes: TruthScenes, *, name: str) -> None:
        self._scenes = scenes
        self._name = name

    @property
    def name(self) -> str:
        """For records."""
        return self._name

    async def keywords(self, draft: Draft, *, move: Move, context: CallContext) -> tuple[str, ...]:
        """See `Obfuscator`: the answer's name, or that of the thing that is to be replaced."""
        del context
        return (draft.gold.answers[0] if move is Move.CHAIN else draft.subject.name,)

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
        found: dict[str, Candidate] = {}
        for made in self._drafts(draft, findings, move=move, leads_on=Move.CHAIN in then):
            found.setdefault(made.question, made)
            if len(found) == count:
                break
        return tuple(found.values())

    def _drafts(
        self, draft: Draft, findings: Sequence[Finding], *, move: Move, leads_on: bool
    ) -> Iterator[Candidate]:
        subject = draft.subject
        assert isinstance(subject, Verified), "asked about things in pictures"
        ref, box = subject.region.photo.ref, subject.region.box
        anchor = self._scenes.thing_at(ref, box)
        memo = _Memo.model_validate(draft.memo) if draft.memo else _Memo(end=anchor)
        if anchor is None or not findings or (move is Move.CHAIN and memo.end is None):
            return
        routes, read = self._scenes.routes, frozenset(finding.url for finding in findings)
        shapes = _CHAINED.get(memo.shape, (memo.shape,))
        now = self._scenes.situation(ref, anchor)
        if move is Move.REPLACE:
            is_read = bool(read & set(routes.pages_showing(anchor)))
            if memo.shape not in _REPLACED or not is_read or self.misleads(now, anchor):
                return
            shapes = _REPLACED[memo.shape]
        for number in range(_NUM_TRIES[move]):
            shape = shapes[number % len(shapes)]
            compose = Composer(
                routes=routes,
                rng=rng_for(self._scenes.root, "round", (draft.id, len(draft.rounds), number)),
                ref=draft.id,
                scene_id=ref,
                place=lambda scene: place_scene(routes.graph.spec, scene, routes.graph.entities),
                num_hops=memo.num_hops + (move is Move.CHAIN),
                given=now,
                trails={
                    start: tuple(one.step() for one in steps)
                    for start, steps in memo.trails.items()
                },
                may_add=lambda arrival: bool(read & set(routes.pages_stating(arrival))),
                leads_on=leads_on,
            )
            if not _may_start(compose, shape, anchor):
                continue
            made = _SHAPES[shape](compose, anchor)
            if made is None or _is_loose(made):
                continue
            if not (leads_on and _end(made) is None):
                yield _candidate(made, anchor=anchor, read=read)

    def misleads(self, now: Situation, anchor: str) -> bool:
        """Whether something beside a thing has a look-alike elsewhere.

        It may be taken for that one, of which a condition may hold too.
        """
        graph = self._scenes.routes.graph
        return any(graph.lookalikes(one) for one in now.rivals if one != anchor)


def _is_loose(made: TaskDraft) -> bool:
    """Whether a description goes by what somebody is: a painter who illustrated a book is an illustrator too."""
    return any(one.predicate == "occupation" and one.about for one in made.constraints)


def _may_start(compose: Composer, shape: str, anchor: str) -> bool:
    if shape == "two":
        return may_meet(compose, anchor)
    return shape != "join" or may_join(compose, anchor)


def _end(made: TaskDraft) -> str | None:
    return made.route[-1].entity if made.route else None


def _candidate(made: TaskDraft, *, anchor: str, read: frozenset[str]) -> Candidate:
    memo = _Memo(
        shape=made.strata["shape"],
        trails=_trails(made.route, anchor=anchor),
        end=_end(made),
        num_hops=int(made.strata["hops"]),
    )
    pages = dict.fromkeys(url for hop in made.hops for url in hop.pages if url in read)
    return Candidate(
        question=made.question,
        gold=made.gold,
        hops=made.hops,
        constraints=made.constraints,
        entities=made.entities,
        strata=made.strata,
        evidence=tuple(pages),
        memo=memo.model_dump(mode="json"),
    )


def _trails(route: Sequence[Arrival], *, anchor: str) -> dict[str, tuple[StepMemo, ...]]:
    """The steps by where they start; one of several things starts anew."""
    trails: dict[str, tuple[StepMemo, ...]] = {anchor: ()}
    start = anchor
    for arrival in route:
        if arrival.one_of_several:
            assert arrival.entity is not None, "one of several things is a thing"
            start = arrival.entity
            trails[start] = ()
            continue
        trails[start] = (*trails[start], memo_of(arrival.step))
    return trails
