"""Makes questions harder by walks on the graph of a generated world, worded by its grammar.

A move is one step of a walk: `chain` goes on from where the question ends, to what a page states
that was found in this round; `replace` says by a condition, a comparison or a description which
thing is meant, in place of where it stands; `look` goes on to a thing in the photo of an article that
was found in this round. What was asked so far is kept as trails, or as legs from photo to photo: the
next round's question begins with the same steps.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
from vision_deepresearch.worlds.generated.photo_legs import SHAPE, Leg, by_photos, seen_next
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
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
_LOOKED_FROM = frozenset({"", "position"})
"""Shapes from which a question goes on to a photo: one thing by its place, and one chain."""
_REPLACED: Mapping[str, tuple[str, ...]] = {
    "position": ("replace", "compare", "clause"),
    "clause": ("replace",),
    "compare": ("replace",),
}
"""Ways of saying otherwise what a question of a shape names by its place, or names at all."""
_NUM_TRIES = {Move.CHAIN: 9, Move.REPLACE: 24, Move.LOOK: 24}
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


class _LegMemo(Record):
    """A thing that is seen, and the steps from there."""

    thing: str
    """Entity id."""
    steps: tuple[StepMemo, ...] = ()

    def leg(self) -> Leg:
        """The leg itself."""
        return Leg(thing=self.thing, steps=tuple(one.step() for one in self.steps))


class _Memo(Record):
    """What is known of a question between two rounds."""

    shape: str = ""
    """Empty: the seed question."""
    trails: dict[str, tuple[StepMemo, ...]] = {}
    legs: tuple[_LegMemo, ...] = ()
    """Of the shape `photo`, in place of trails."""
    end: str | None = None
    """Entity id of the answer; None: it is a number or a date, and leads nowhere."""
    num_hops: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PhotoWalk:
    """One round of a question that leads through photos on articles."""

    routes: Routes
    read: frozenset[str]
    """Pages read in this round."""
    now: Situation
    """The question's picture."""
    at: str
    """The round, for what is drawn."""
    leads_on: bool

    def candidates(self, memo: _Memo, *, anchor: str, move: Move) -> Iterator[Candidate]:
        """Harder questions: by a look at the photo of the article on the answer, or by a step."""
        done = [one.leg() for one in memo.legs]
        if not done and memo.shape in _LOOKED_FROM:
            done = [Leg(thing=anchor, steps=tuple(o.step() for o in memo.trails.get(anchor, ())))]
        if not done or memo.end is None:
            return
        for number in range(_NUM_TRIES[move]):
            rng = rng_for(self.routes.graph.spec.root, "look", (self.at, number))
            legs = self._looked(done, memo.end, rng) if move is Move.LOOK else self._led(done, rng)
            if legs is None:
                continue
            made = by_photos(self._composer(rng, legs), legs)
            if made is None or (self.leads_on and _photo_end(self.routes, legs) is None):
                continue
            yield _candidate(
                made, _memo_of(made, end=_photo_end(self.routes, legs), legs=legs), read=self.read
            )

    def _looked(self, done: Sequence[Leg], end: str, rng: random.Random) -> list[Leg] | None:
        """Another leg, which begins in the photo of an article that was read."""
        been = {leg.thing for leg in done}
        seen = [one for one in seen_next(self.routes, end) if one not in been]
        if not seen or self.routes.pages.article(end) not in self.read:
            return None
        return [*done, Leg(thing=rng.choice(seen))]

    def _led(self, done: Sequence[Leg], rng: random.Random) -> list[Leg] | None:
        """One more step of the last leg, which a page says that was read."""
        last = done[-1]
        begun = self.routes.walk(last.steps, start=last.thing)
        here = last.thing if not begun else begun[-1].entity
        if begun is None or here is None:
            return None
        more = self.routes.wander(
            rng,
            start=here,
            num_steps=1,
            seen={leg.thing for leg in done},
            may_take=lambda arrival, _: bool(self.read & {*self.routes.pages_stating(arrival)}),
            ends_in_thing=self.leads_on,
        )
        if more is None:
            return None
        return [*done[:-1], Leg(thing=last.thing, steps=(*last.steps, more[0].step))]

    def _composer(self, rng: random.Random, legs: Sequence[Leg]) -> Composer:
        return Composer(
            routes=self.routes,
            rng=rng,
            ref=self.at,
            scene_id=self.now.scene.id,
            place=lambda _: self.now.boxes,
            num_hops=sum(len(leg.steps) for leg in legs) + len(legs) - 1,
            given=self.now,
            leads_on=self.leads_on,
        )


def _photo_end(routes: Routes, legs: Sequence[Leg]) -> str | None:
    """The thing that the last leg leads to; None: a number or a date."""
    arrivals = routes.walk(legs[-1].steps, start=legs[-1].thing)
    assert arrivals is not None, "a question was made of it"
    return arrivals[-1].entity if arrivals else legs[-1].thing


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
        return (draft.subject.name if move is Move.REPLACE else draft.gold.answers[0],)

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
        for made in self._drafts(draft, findings, move=move, then=then):
            found.setdefault(made.question, made)
            if len(found) == count:
                break
        return tuple(found.values())

    def _drafts(
        self, draft: Draft, findings: Sequence[Finding], *, move: Move, then: Sequence[Move]
    ) -> Iterator[Candidate]:
        subject = draft.subject
        assert isinstance(subject, Verified), "asked about things in pictures"
        ref, box = subject.region.photo.ref, subject.region.box
        anchor = self._scenes.thing_at(ref, box)
        memo = _Memo.model_validate(draft.memo) if draft.memo else _Memo(end=anchor)
        if anchor is None or not findings or (move is not Move.REPLACE and memo.end is None):
            return
        routes, read = self._scenes.routes, frozenset(finding.url for finding in findings)
        leads_on = bool({Move.CHAIN, Move.LOOK} & {*then})
        shapes = _CHAINED.get(memo.shape, (memo.shape,))
        if Move.LOOK in then:
            shapes = tuple(one for one in shapes if one in _LOOKED_FROM)
        now = self._scenes.situation(ref, anchor)
        if move is Move.LOOK or (move is Move.CHAIN and memo.shape == SHAPE):
            at = f"{draft.id}/{len(draft.rounds)}"
            walk = _PhotoWalk(routes=routes, read=read, now=now, at=at, leads_on=leads_on)
            yield from walk.candidates(memo, anchor=anchor, move=move)
            return
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
                trails = _trails(made.route, anchor=anchor)
                yield _candidate(made, _memo_of(made, end=_end(made), trails=trails), read=read)

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


def _memo_of(
    made: TaskDraft,
    *,
    end: str | None,
    trails: Mapping[str, tuple[StepMemo, ...]] | None = None,
    legs: Sequence[Leg] = (),
) -> _Memo:
    return _Memo(
        shape=made.strata["shape"],
        trails=dict(trails or {}),
        legs=tuple(_LegMemo(thing=leg.thing, steps=tuple(map(memo_of, leg.steps))) for leg in legs),
        end=end,
        num_hops=int(made.strata["hops"]),
    )


def _candidate(made: TaskDraft, memo: _Memo, *, read: frozenset[str]) -> Candidate:
    told = [*(url for hop in made.hops for url in hop.pages)]
    told += [hop.photo.page for hop in made.hops if hop.photo is not None]
    pages = dict.fromkeys(url for url in told if url in read)
    return Candidate(
        question=made.question,
        gold=made.gold,
        hops=made.hops,
        constraints=made.constraints,
        entities=made.entities,
        strata=made.strata,
        evidence=tuple(pages),
        memo=memo.model_dump(mode="json", exclude=None if memo.legs else {"legs"}),
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
