"""Questions about scenes, each with one answer and the proof of it.

Three shapes: a thing picked out by its place in the picture; one picked out by a clause that only
it fulfils there; two things compared, and the winner followed. Then one to three relations.
A task is a pure function of (world, its number): any of them can be made alone.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Constraint
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.checks import (
    Reachable,
    answer_on_page,
    is_reachable,
    leaks,
)
from vision_deepresearch.worlds.generated.clauses import Clause, clauses_for, fulfils, may_fulfil
from vision_deepresearch.worlds.generated.deep import draft_deep
from vision_deepresearch.worlds.generated.drafts import RULES, ProofBuilder, TaskDraft, gold_of
from vision_deepresearch.worlds.generated.entities import EntityType, SceneSpec
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.positions import Position, positions_of
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

Place = Callable[[SceneSpec], Mapping[str, Box]]
"""Where each thing of a scene will stand, by its id."""

MAX_HOPS = 3
_MAX_ATTEMPTS = 600
_SHAPES = ("position", "compare", "clause", "position", "clause", "position", "compare")
"""By task number, in turn. Seven, so that each shape meets each number of hops."""
_P_LOOKALIKE_ANCHOR = 0.3
"""Of the anchors that have a look-alike, the share that is used: they are hard on purpose."""
_P_LOOKALIKE_BESIDE = 0.5
"""Such an anchor has its look-alike beside it in the picture."""
_MIN_SIDE = 0.05
"""Fractions; smaller things are no fair anchors."""

_LAYOUTS = {
    EntityType.VESSEL: ("harbour", "harbour", "poster_wall"),
    EntityType.ARTWORK: ("museum", "poster_wall", "market"),
    EntityType.BUILDING: ("street", "street", "museum"),
    EntityType.ORGANISATION: ("street", "market", "poster_wall", "harbour"),
    EntityType.SETTLEMENT: ("market", "street", "museum", "poster_wall"),
}
_ANCHOR_TYPES = tuple(_LAYOUTS)


def make_tasks(
    spec: WorldSpec,
    graph: Graph,
    pages: PageSet,
    *,
    limit: int,
    place: Place,
    reachable: Reachable | None = None,
    accept: Callable[[TaskDraft], bool] | None = None,
) -> Iterator[TaskDraft]:
    """Make the tasks of a world, in order of their numbers.

    Args:
        spec: of the world; `depth` decides between ordinary and deep tasks.
        graph: its truth.
        pages: its pages.
        limit: how many.
        place: where things will stand in a scene; must be what is drawn later.
        reachable: check on the real text index, when there is one.
        accept: any further check, for example on the drawn picture; a refused draft is made
            anew under the same number, so that the shares of hops and shapes stay.

    Raises:
        ValueError: the world is too small for a task of the wanted kind.

    Cost: some 200 tasks a second besides `place` and `reachable`.
    """
    routes = Routes(graph=graph, pages=pages)
    maker = _draft_ordinary if spec.depth == "ordinary" else _draft_deep
    for number in range(limit):
        for attempt in range(_MAX_ATTEMPTS):
            rng = rng_for(spec.root, "task", (number, attempt))
            draft = maker(routes, rng, number=number, attempt=attempt, place=place)
            if draft is None:
                continue
            if reachable is not None and not is_reachable(draft.hops, reachable=reachable):
                continue
            if accept is None or accept(draft):
                yield draft
                break
        else:
            msg = (
                f"no task number {number} after {_MAX_ATTEMPTS} attempts in a world of "
                f"{len(graph.entities)} things: raise num_entities"
            )
            raise ValueError(msg)


def _ref(routes: Routes, number: int) -> str:
    spec = routes.graph.spec
    return f"generated:{spec.preset}/{spec.seed}/{number}"


def _draft_deep(
    routes: Routes, rng: random.Random, *, number: int, attempt: int, place: Place
) -> TaskDraft | None:
    scene_id = f"s{number:04d}-{attempt:03d}"
    return draft_deep(routes, rng, ref=_ref(routes, number), scene_id=scene_id, place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """A scene under consideration and what is asked of it."""

    routes: Routes
    rng: random.Random
    ref: str
    scene: SceneSpec
    boxes: Mapping[str, Box]
    rivals: tuple[str, ...]
    """Things of the anchor's type in the scene, the anchors included."""

    def positions(self, entity_id: str) -> list[Position]:
        return positions_of(entity_id, boxes=self.boxes)

    def is_big_enough(self, entity_id: str) -> bool:
        box = self.boxes[entity_id]
        return min(box.width, box.height) >= _MIN_SIDE


def _draft_ordinary(
    routes: Routes, rng: random.Random, *, number: int, attempt: int, place: Place
) -> TaskDraft | None:
    num_hops = 1 + number % MAX_HOPS
    is_patient = attempt < _MAX_ATTEMPTS // 2
    shape = _SHAPES[number % len(_SHAPES)] if is_patient else rng.choice(_SHAPES)
    anchor = _choose_anchor(routes, rng)
    if anchor is None:
        return None
    ref, scene_id = _ref(routes, number), f"s{number:04d}-{attempt:03d}"
    compose = _Composer(
        routes=routes, rng=rng, ref=ref, scene_id=scene_id, place=place, num_hops=num_hops
    )
    match shape:
        case "position":
            return _by_position(compose, anchor)
        case "clause":
            return _by_clause(compose, anchor)
        case _:
            return _by_comparison(compose, anchor)


def _choose_anchor(routes: Routes, rng: random.Random) -> str | None:
    graph = routes.graph
    things = graph.sighted_of_type(rng.choice(_ANCHOR_TYPES))
    if len(things) < 4:
        return None
    anchor = rng.choice(things).id
    if not routes.is_clear(anchor):
        return None
    if graph.lookalikes(anchor) and rng.random() > _P_LOOKALIKE_ANCHOR:
        return None
    return anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Composer:
    """Puts scenes together and finishes drafts."""

    routes: Routes
    rng: random.Random
    ref: str
    scene_id: str
    place: Place
    num_hops: int

    def situate(self, rivals: Sequence[str]) -> _Situation:
        """A scene of the rivals, other things, and perhaps a look-alike."""
        graph, rng = self.routes.graph, self.rng
        members = list(rivals)
        for double in graph.lookalikes(rivals[0]):
            if double not in members and rng.random() < _P_LOOKALIKE_BESIDE:
                members.append(double)
        type_ = graph.entity(rivals[0]).type
        size = max(len(members), rng.randint(4, 7))
        others = graph.pictured_besides(type_)
        while len(members) < size:
            other = rng.choice(others).id
            if other not in members and not set(graph.lookalikes(other)) & set(members):
                members.append(other)
        rng.shuffle(members)
        scene = SceneSpec(
            id=self.scene_id, layout=rng.choice(_LAYOUTS[type_]), entity_ids=tuple(members)
        )
        same = tuple(member for member in members if graph.entity(member).type is type_)
        return _Situation(
            routes=self.routes,
            rng=rng,
            ref=self.ref,
            scene=scene,
            boxes=self.place(scene),
            rivals=same,
        )

    def rivals_with(
        self, anchor: str, *, steps: Sequence[Step], answer: str, wanted: int
    ) -> list[str]:
        """Other things of the anchor's type for which the same steps lead elsewhere."""
        graph = self.routes.graph
        things = graph.sighted_of_type(graph.entity(anchor).type)
        found: list[str] = []
        for other in self.rng.sample(things, k=min(len(things), 24)):
            if other.id == anchor or not self.routes.is_clear(other.id):
                continue
            if graph.lookalikes(other.id):
                continue
            arrivals = self.routes.walk(steps, start=other.id)
            if arrivals is not None and (not arrivals or arrivals[-1].text != answer):
                found.append(other.id)
                if len(found) == wanted:
                    break
        return found


# ---------------------------------------------------------------------------------------- shapes


def _by_position(compose: _Composer, anchor: str) -> TaskDraft | None:
    arrivals = compose.routes.wander(compose.rng, start=anchor, num_steps=compose.num_hops)
    if arrivals is None:
        return None
    steps = [arrival.step for arrival in arrivals]
    rivals = compose.rivals_with(anchor, steps=steps, answer=arrivals[-1].text, wanted=2)
    if not rivals:
        return None
    now = compose.situate([anchor, *rivals])
    positions = now.positions(anchor)
    if not positions or not now.is_big_enough(anchor):
        return None
    position = now.rng.choice(positions)
    where = now.rng.choice(position.phrases)
    builder = ProofBuilder(routes=now.routes)
    builder.follow_all(arrivals, subject=builder.look(anchor, box=now.boxes[anchor]))
    answers = _answers(now, steps=steps)
    constraint = Constraint(
        text=where, predicate="position", value=position.key, candidates_without=len(answers)
    )
    type_ = now.routes.graph.entity(anchor).type
    phrase = now.rng.choice(phrases.ANCHORS[type_]).format(where=where)
    frame = now.rng.choice(phrases.CHAIN_FRAMES)
    question = frame.format(
        anchor=phrase,
        ask_anchor=phrases.ask(arrivals, rng=now.rng, about=phrase),
        ask_that=phrases.ask(arrivals, rng=now.rng, about=f"that {phrases.NOUNS[type_]}"),
    )
    return _finish(
        now,
        builder=builder,
        question=question,
        constraints=(constraint,),
        arrivals=arrivals,
        anchors=(anchor,),
        shape="position",
        num_hops=compose.num_hops,
    )


def _by_clause(compose: _Composer, anchor: str) -> TaskDraft | None:
    routes, rng = compose.routes, compose.rng
    arrivals = routes.wander(rng, start=anchor, num_steps=compose.num_hops)
    if arrivals is None:
        return None
    steps = [arrival.step for arrival in arrivals]
    route_ids = {anchor, *(arrival.entity for arrival in arrivals)}
    clauses = [
        clause
        for clause in clauses_for(routes, anchor)
        if clause.value_id not in route_ids and clause.relation is not steps[0].relation
    ]
    rng.shuffle(clauses)
    clause = next((c for c in clauses if _is_ambiguous_in_world(routes, c, steps)), None)
    if clause is None:
        return None
    rivals = [
        rival
        for rival in compose.rivals_with(anchor, steps=steps, answer=arrivals[-1].text, wanted=5)
        if fulfils(routes, rival, clause) is False
    ][:3]
    if len(rivals) < 2:
        return None
    now = compose.situate([anchor, *rivals])
    # A thing whose value for the clause is unknown or disputed would leave room for doubt.
    verdicts = {rival: fulfils(routes, rival, clause) for rival in now.rivals}
    if any(verdict is not (rival == anchor) for rival, verdict in verdicts.items()):
        return None
    if not now.is_big_enough(anchor):
        return None
    builder = ProofBuilder(routes=routes)
    builder.follow_all(arrivals, subject=builder.look(anchor, box=now.boxes[anchor]))
    constraint = Constraint(
        text=clause.text,
        predicate=clause.predicate,
        value=clause.value,
        candidates_without=len(_answers(now, steps=steps)),
    )
    return _finish(
        now,
        builder=builder,
        question=_clause_question(now, clause=clause, arrivals=arrivals, anchor=anchor),
        constraints=(constraint,),
        arrivals=arrivals,
        anchors=(anchor,),
        shape="clause",
        num_hops=compose.num_hops,
    )


def _clause_question(
    now: _Situation, *, clause: Clause, arrivals: Sequence[Arrival], anchor: str
) -> str:
    type_ = now.routes.graph.entity(anchor).type
    stands_for = type_ in {EntityType.SETTLEMENT, EntityType.ORGANISATION}
    frames = phrases.CONSTRAINT_FRAMES if stands_for else phrases.PLAIN_CONSTRAINT_FRAMES
    noun = phrases.NOUNS[type_]
    return now.rng.choice(frames).format(
        plural=phrases.VISIBLE[type_][1],
        noun=noun,
        noun_a=phrases.noun_with_article(type_),
        clause=clause.text,
        ask_that=phrases.ask(arrivals, rng=now.rng, about=f"that {noun}"),
    )


def _is_ambiguous_in_world(routes: Routes, clause: Clause, steps: Sequence[Step]) -> bool:
    """Whether without the picture the clause leaves several answers open."""
    answers: set[str] = set()
    for thing in may_fulfil(routes, clause):
        if fulfils(routes, thing, clause):
            arrivals = routes.walk(steps, start=thing)
            if arrivals:
                answers.add(arrivals[-1].text)
            if len(answers) > 1:
                return True
    return False


def _by_comparison(compose: _Composer, anchor: str) -> TaskDraft | None:
    routes, rng = compose.routes, compose.rng
    graph = routes.graph
    comparable = [
        arrival
        for arrival in routes.steps_from(anchor)
        if not arrival.step.inverse and arrival.step.relation.order_words is not None
    ]
    # One relation may be the comparison itself, the answer being the winner's name.
    num_steps = rng.choice((0, 1)) if compose.num_hops == 1 else compose.num_hops
    arrivals = routes.wander(rng, start=anchor, num_steps=num_steps)
    if not comparable or arrivals is None:
        return None
    mine = rng.choice(comparable)
    relation = mine.step.relation
    if any(arrival.step.relation is relation for arrival in arrivals):
        return None
    steps = [arrival.step for arrival in arrivals]
    answer = arrivals[-1].text if arrivals else graph.entity(anchor).name
    rivals = [
        rival
        for rival in compose.rivals_with(anchor, steps=steps, answer=answer, wanted=6)
        if _differs(routes, mine, rival)
    ][:2]
    if not rivals:
        return None
    now = compose.situate([anchor, *rivals])
    loser = rivals[0]
    theirs = routes.take(mine.step, start=loser)
    if theirs is None or not (now.is_big_enough(anchor) and now.is_big_enough(loser)):
        return None
    places = now.positions(anchor), now.positions(loser)
    if not all(places):
        return None
    chosen = tuple(rng.choice(options) for options in places)
    return _comparison_draft(
        now,
        mine=mine,
        theirs=theirs,
        positions=(chosen[0], chosen[1]),
        arrivals=arrivals,
        num_hops=compose.num_hops,
    )


def _differs(routes: Routes, mine: Arrival, rival: str) -> bool:
    theirs = routes.take(mine.step, start=rival)
    if theirs is None:
        return False
    order = routes.graph.order_of
    gap = abs(order(mine.fact) - order(theirs.fact))
    return gap >= 2 if mine.step.relation.unit == "" else gap >= 1


def _comparison_draft(
    now: _Situation,
    *,
    mine: Arrival,
    theirs: Arrival,
    positions: tuple[Position, Position],
    arrivals: tuple[Arrival, ...],
    num_hops: int,
) -> TaskDraft | None:
    routes, rng = now.routes, now.rng
    graph, relation = routes.graph, mine.step.relation
    assert relation.order_words is not None, "only ordered relations are compared"
    wins_by_more = graph.order_of(mine.fact) > graph.order_of(theirs.fact)
    order = relation.order_words[wins_by_more]
    builder = ProofBuilder(routes=routes)
    over: list[str] = []
    looks = [builder.look(one.subject, box=now.boxes[one.subject]) for one in (mine, theirs)]
    for look, one in zip(looks, (mine, theirs), strict=True):
        over.append(builder.follow(one, subject=look))
    rule = RULES[relation.range][wins_by_more]
    winner = builder.pick(tuple(over), rule=rule, entity_id=mine.subject)
    builder.follow_all(arrivals, subject=winner)
    wheres = [rng.choice(position.phrases) for position in positions]
    steps = [arrival.step for arrival in arrivals]
    constraints = [
        Constraint(
            text=order,
            predicate=relation.name,
            value=rule,
            candidates_without=len({_end(now, one.subject, steps=steps) for one in (mine, theirs)}),
        )
    ]
    for where, position, fixed in zip(wheres, positions, (theirs, mine), strict=True):
        answers = _answers_against(now, fixed=fixed, steps=steps, prefers_more=wins_by_more)
        constraints.append(
            Constraint(
                text=where,
                predicate="position",
                value=position.key,
                candidates_without=len(answers),
            )
        )
    type_ = graph.entity(mine.subject).type
    named = [rng.choice(phrases.ANCHORS[type_]).format(where=where) for where in wheres]
    that = f"that {phrases.NOUNS[type_]}"
    question_end = (
        phrases.ask(arrivals, rng=rng, about=that) if arrivals else rng.choice(phrases.NAME_IT)
    )
    first, second = named if rng.random() < 0.5 else named[::-1]
    question = rng.choice(phrases.COMPARE_FRAMES).format(
        first=first, second=second, order=order, ask_that=question_end
    )
    return _finish(
        now,
        builder=builder,
        question=question,
        constraints=tuple(constraints),
        arrivals=arrivals,
        anchors=(mine.subject, theirs.subject),
        shape="compare",
        num_hops=num_hops,
    )


# ---------------------------------------------------------------------------------------- shared


def _end(now: _Situation, start: str, *, steps: Sequence[Step]) -> str | None:
    """What the steps lead to from a thing; the thing itself where there are none."""
    if not steps:
        return now.routes.graph.entity(start).name
    arrivals = now.routes.walk(steps, start=start)
    return arrivals[-1].text if arrivals else None


def _answers(now: _Situation, *, steps: Sequence[Step]) -> set[str]:
    """Answers that the steps give for any rival in the scene."""
    ends = (_end(now, rival, steps=steps) for rival in now.rivals)
    return {end for end in ends if end is not None}


def _answers_against(
    now: _Situation, *, fixed: Arrival, steps: Sequence[Step], prefers_more: bool
) -> set[str | None]:
    """Answers when one of the compared things may be any rival."""
    order = now.routes.graph.order_of
    answers: set[str | None] = set()
    for rival in now.rivals:
        if rival == fixed.subject:
            continue
        theirs = now.routes.take(fixed.step, start=rival)
        if theirs is None:
            continue
        rival_wins = (order(theirs.fact) > order(fixed.fact)) is prefers_more
        answers.add(_end(now, rival if rival_wins else fixed.subject, steps=steps))
    return answers - {None}


def _finish(
    now: _Situation,
    *,
    builder: ProofBuilder,
    question: str,
    constraints: tuple[Constraint, ...],
    arrivals: tuple[Arrival, ...],
    anchors: tuple[str, ...],
    shape: str,
    num_hops: int,
) -> TaskDraft | None:
    """The draft, if it passes every check."""
    graph, pages = now.routes.graph, now.routes.pages
    last = arrivals[-1] if arrivals else None
    gold = gold_of(now.routes, last=last, entity_id=last.entity if last else anchors[0])
    if any(constraint.candidates_without < 2 for constraint in constraints):
        return None
    if not builder.has_pages() or leaks(question, builder=builder, gold=gold):
        return None
    if num_hops > 1 and any(
        answer_on_page(gold, pages.document(pages.article(anchor))) for anchor in anchors
    ):
        return None
    has_double = any(graph.lookalikes(anchor) for anchor in anchors)
    is_demo = len(anchors) > 1 and num_hops > 1 and not has_double
    return TaskDraft(
        ref=now.ref,
        question=question[0].upper() + question[1:],
        gold=gold.model_copy(update={"entities": builder.entities()}),
        scene=now.scene,
        hops=tuple(builder.hops),
        constraints=constraints,
        entities=builder.entities(),
        strata={
            "hops": str(num_hops),
            "shape": shape,
            "anchor": graph.entity(anchors[0]).type.value,
            "answer": gold.type.value,
            "lookalike": "yes" if has_double else "no",
            "demo": "yes" if is_demo else "no",
        },
    )
