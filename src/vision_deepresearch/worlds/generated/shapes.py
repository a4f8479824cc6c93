"""Questions about one thing of a scene: by its place, by a clause, by a comparison."""

from collections.abc import Sequence

from vision_deepresearch.core.proof import Constraint
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.clauses import (
    Clause,
    clauses_for,
    fulfils,
    may_fulfil,
)
from vision_deepresearch.worlds.generated.composing import (
    Composer,
    Outcome,
    Situation,
    constraints_of,
    names_in,
)
from vision_deepresearch.worlds.generated.describe import Describer
from vision_deepresearch.worlds.generated.drafts import RULES, ProofBuilder, TaskDraft
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.frames import FrameKind, ask
from vision_deepresearch.worlds.generated.funnel import Reject
from vision_deepresearch.worlds.generated.positions import Position
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step

_NUM_COMPARED = 8
"""Things among which rivals for a comparison are looked for."""
_STANDS_FOR = frozenset({
    EntityType.SETTLEMENT,
    EntityType.ORGANISATION,
    EntityType.PRODUCT,
    EntityType.SPECIES,
    EntityType.BOOK,
})
"""Types of which one sees a sign, a plate, a package or a cover, not the thing."""
_MAX_LOOKED_THROUGH = 2000
"""Things that may fulfil a clause, looked at to see whether the picture is needed."""


def place_constraint(text: str, position: Position, *, candidates: int) -> Constraint:
    """The condition that a thing stands at a place of the picture."""
    return Constraint(
        text=text, predicate="position", value=position.key, candidates_without=candidates
    )


# ---------------------------------------------------------------------------------------- place


def by_position(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain of relations from the thing that stands at a place."""
    rng, graph = compose.rng, compose.routes.graph
    arrivals = compose.wander(anchor, num_steps=compose.num_hops)
    if arrivals is None:
        return compose.reject(Reject.NO_ROUTE)
    steps = [arrival.step for arrival in arrivals]
    rivals = compose.rivals_with(anchor, steps=steps, answer=arrivals[-1].text, wanted=2)
    if not rivals:
        return compose.reject(Reject.NO_RIVALS)
    now = compose.situate([anchor, *rivals], fits=lambda now: now.tells(anchor))
    if now is None:
        return None
    position = rng.choice(now.positions(anchor))
    where = rng.choice(position.phrases)
    builder = ProofBuilder(routes=compose.routes)
    builder.follow_all(arrivals, subject=builder.look(anchor, box=now.boxes[anchor]))
    answers = compose.answers(now.rivals, steps=steps)
    type_ = graph.entity(anchor).type
    phrase = rng.choice(phrases.ANCHORS[type_]).format(where=where)
    frame = compose.frame(FrameKind.CHAIN)
    question = frame.text.format(
        anchor=phrase,
        ask_anchor=ask(arrivals, rng=rng, about=phrase, leads=compose.leads()),
        ask_that=question_end(compose, arrivals, noun=phrases.NOUNS[type_]),
    )
    return compose.finish(
        now,
        Outcome(
            question=question,
            frame=frame,
            builder=builder,
            constraints=(place_constraint(where, position, candidates=len(answers)),),
            arrivals=arrivals,
            anchors=(anchor,),
            shape="position",
            candidates=(len(answers),),
        ),
    )


# --------------------------------------------------------------------------------------- clause


def by_clause(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain of relations from the thing that fulfils a clause."""
    return _by_clause(compose, anchor, describes=False)


def by_description(compose: Composer, anchor: str) -> TaskDraft | None:
    """The same, and what the clause would name is described."""
    return _by_clause(compose, anchor, describes=True)


def _by_clause(compose: Composer, anchor: str, *, describes: bool) -> TaskDraft | None:
    routes = compose.routes
    arrivals = compose.wander(anchor, num_steps=compose.num_hops)
    if arrivals is None:
        return compose.reject(Reject.NO_ROUTE)
    steps = [arrival.step for arrival in arrivals]
    hidden = frozenset({anchor, *(one.entity for one in arrivals if one.entity is not None)})
    clause = _chosen_clause(compose, anchor, steps=steps, hidden=hidden, describes=describes)
    if clause is None:
        return compose.reject(Reject.NO_CLAUSE)
    rivals = [
        rival
        for rival in compose.rivals_with(anchor, steps=steps, answer=arrivals[-1].text, wanted=6)
        if fulfils(routes, rival, clause) is False and rival not in names_in(clause)
    ][:3]
    if len(rivals) < 2:
        return compose.reject(Reject.NO_RIVALS)
    now = compose.situate([anchor, *rivals], fits=lambda now: now.is_big_enough(anchor))
    if now is None:
        return None
    # A thing whose value for the clause is unknown or disputed would leave room for doubt.
    verdicts = {rival: fulfils(routes, rival, clause) for rival in now.rivals}
    if any(verdict is not (rival == anchor) for rival, verdict in verdicts.items()):
        return compose.reject(Reject.NOT_UNIQUE)
    builder = ProofBuilder(routes=routes)
    builder.follow_all(arrivals, subject=builder.look(anchor, box=now.boxes[anchor]))
    answers = compose.answers(now.rivals, steps=steps)
    constraint = Constraint(
        text=clause.text,
        predicate=clause.predicate,
        value=clause.value,
        candidates_without=len(answers),
    )
    type_ = routes.graph.entity(anchor).type
    frame = compose.frame(FrameKind.EMBLEM if type_ in _STANDS_FOR else FrameKind.CLAUSE)
    noun = phrases.NOUNS[type_]
    question = frame.text.format(
        plural=phrases.VISIBLE[type_][1],
        noun=noun,
        noun_a=phrases.noun_with_article(type_),
        clause=clause.text,
        ask_that=question_end(compose, arrivals, noun=noun),
    )
    return compose.finish(
        now,
        Outcome(
            question=question,
            frame=frame,
            builder=builder,
            constraints=(constraint, *constraints_of(clause.parts)),
            arrivals=arrivals,
            anchors=(anchor,),
            shape="replace" if describes else "clause",
            candidates=(len(answers), *(part.candidates_without for part in clause.parts)),
            obfuscation=clause.depth,
        ),
    )


def _chosen_clause(
    compose: Composer,
    anchor: str,
    *,
    steps: Sequence[Step],
    hidden: frozenset[str],
    describes: bool,
) -> Clause | None:
    """A clause that names nothing of the route and leaves several answers without the picture."""
    routes, rng = compose.routes, compose.rng
    clauses = [
        clause
        for clause in clauses_for(routes, anchor)
        if clause.value_id not in hidden and clause.relation is not steps[0].relation
    ]
    rng.shuffle(clauses)
    clause = next((c for c in clauses if _is_ambiguous_in_world(routes, c, steps)), None)
    if clause is None or not describes:
        return clause
    describer = Describer(routes=routes, rng=rng, hidden=hidden)
    for one in clauses:
        if one.second is None and _is_ambiguous_in_world(routes, one, steps):
            described = describer.described(one)
            if described is not None:
                return described
    return None


def _is_ambiguous_in_world(routes: Routes, clause: Clause, steps: Sequence[Step]) -> bool:
    """Whether without the picture the clause leaves several answers open."""
    answers: set[str] = set()
    for number, thing in enumerate(may_fulfil(routes, clause)):
        if number > _MAX_LOOKED_THROUGH:
            return False
        if fulfils(routes, thing, clause):
            arrivals = routes.walk(steps, start=thing)
            if arrivals:
                answers.add(arrivals[-1].text)
            if len(answers) > 1:
                return True
    return False


# ----------------------------------------------------------------------------------- comparison


def by_comparison(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain of relations from the one of two things whose value is greater, or smaller."""
    routes, rng = compose.routes, compose.rng
    graph = routes.graph
    # One relation may be the comparison itself, the answer being the winner's name.
    num_steps = rng.choice((0, 1)) if compose.num_hops == 1 else compose.num_hops
    arrivals = compose.wander(anchor, num_steps=num_steps)
    if arrivals is None:
        return compose.reject(Reject.NO_ROUTE)
    taken = [arrival.step.relation for arrival in arrivals]
    comparable = [
        arrival
        for arrival in routes.steps_from(anchor)
        if not arrival.step.inverse and arrival.step.relation.order_words is not None
        if arrival.step.relation not in taken
    ]
    if not comparable:
        return compose.reject(Reject.NO_ROUTE)
    steps = [arrival.step for arrival in arrivals]
    answer = arrivals[-1].text if arrivals else graph.entity(anchor).name
    others = compose.rivals_with(anchor, steps=steps, answer=answer, wanted=_NUM_COMPARED)
    for mine in rng.sample(comparable, len(comparable)):
        rivals = _on_both_sides(routes, mine, others)
        if rivals:
            break
    else:
        return compose.reject(Reject.NO_RIVALS)
    loser = rivals[0]
    theirs = routes.take(mine.step, start=loser)
    assert theirs is not None, "rivals have a value to be compared"
    now = compose.situate(
        [anchor, *rivals], fits=lambda now: now.tells(anchor) and now.tells(loser)
    )
    if now is None:
        return None
    places = now.positions(anchor), now.positions(loser)
    return _comparison_draft(
        compose,
        now,
        mine=mine,
        theirs=theirs,
        positions=(rng.choice(places[0]), rng.choice(places[1])),
        arrivals=arrivals,
    )


def _on_both_sides(routes: Routes, mine: Arrival, others: Sequence[str]) -> list[str]:
    """Three rivals, the one to be compared first: not all win against the anchor, nor all lose.

    Else it would not matter which of them the second place of the question means.
    """
    order = routes.graph.order_of
    found: dict[bool, list[str]] = {False: [], True: []}
    for other in others:
        theirs = routes.take(mine.step, start=other)
        if theirs is not None and _differs(mine, order(mine.fact) - order(theirs.fact)):
            found[order(theirs.fact) > order(mine.fact)].append(other)
    if not all(found.values()):
        return []
    differing = [other for other in others if other in found[False] or other in found[True]]
    loser = differing[0]
    against = found[loser not in found[True]][0]
    rest = [other for other in differing if other not in {loser, against}]
    return [loser, against, *rest[:1]]


def _differs(mine: Arrival, gap: int) -> bool:
    return abs(gap) >= (2 if mine.step.relation.unit == "" else 1)


def _comparison_draft(
    compose: Composer,
    now: Situation,
    *,
    mine: Arrival,
    theirs: Arrival,
    positions: tuple[Position, Position],
    arrivals: tuple[Arrival, ...],
) -> TaskDraft | None:
    routes, rng = compose.routes, compose.rng
    graph, relation = routes.graph, mine.step.relation
    assert relation.order_words is not None, "only ordered relations are compared"
    wins_by_more = graph.order_of(mine.fact) > graph.order_of(theirs.fact)
    order, rule = relation.order_words[wins_by_more], RULES[relation.range][wins_by_more]
    builder = ProofBuilder(routes=routes)
    looks = [builder.look(one.subject, box=now.boxes[one.subject]) for one in (mine, theirs)]
    over = tuple(
        builder.follow(one, subject=look) for look, one in zip(looks, (mine, theirs), strict=True)
    )
    builder.follow_all(arrivals, subject=builder.pick(over, rule=rule, entity_id=mine.subject))
    steps = [arrival.step for arrival in arrivals]
    wheres = [rng.choice(position.phrases) for position in positions]
    ends = compose.answers((mine.subject, theirs.subject), steps=steps)
    places = [
        place_constraint(
            where,
            position,
            candidates=len(
                _answers_against(compose, now, fixed=fixed, steps=steps, prefers_more=wins_by_more)
            ),
        )
        for where, position, fixed in zip(wheres, positions, (theirs, mine), strict=True)
    ]
    ordering = Constraint(
        text=order, predicate=relation.name, value=rule, candidates_without=len(ends)
    )
    type_ = graph.entity(mine.subject).type
    words = rng.choice(
        phrases.ANCHORS[type_]
    )  # the same for both: "ship", "vessel" are no two sorts
    named = [words.format(where=where) for where in wheres]
    frame = compose.frame(FrameKind.COMPARE)
    first, second = named if rng.random() < 0.5 else named[::-1]
    question = frame.text.format(
        first=first,
        second=second,
        order=order,
        ask_that=question_end(compose, arrivals, noun=phrases.NOUNS[type_]),
    )
    return compose.finish(
        now,
        Outcome(
            question=question,
            frame=frame,
            builder=builder,
            constraints=(ordering, *places),
            arrivals=arrivals,
            other_arrivals=(mine, theirs),
            anchors=(mine.subject, theirs.subject),
            shape="compare",
            path=f"[{relation.name}]",
            candidates=(len(ends), *(place.candidates_without for place in places)),
        ),
    )


def question_end(compose: Composer, arrivals: Sequence[Arrival], *, noun: str) -> str:
    """The question about what was singled out; its name where no relation follows."""
    if arrivals:
        return ask(arrivals, rng=compose.rng, about=f"that {noun}", leads=compose.leads())
    return compose.name_it()


def _answers_against(
    compose: Composer,
    now: Situation,
    *,
    fixed: Arrival,
    steps: Sequence[Step],
    prefers_more: bool,
) -> set[str | None]:
    """Answers when one of the compared things may be any rival."""
    order = compose.routes.graph.order_of
    answers: set[str | None] = set()
    for rival in now.rivals:
        if rival == fixed.subject:
            continue
        theirs = compose.routes.take(fixed.step, start=rival)
        if theirs is None:
            continue
        rival_wins = (order(theirs.fact) > order(fixed.fact)) is prefers_more
        answers.add(compose.end(rival if rival_wins else fixed.subject, steps=steps))
    return answers - {None}
