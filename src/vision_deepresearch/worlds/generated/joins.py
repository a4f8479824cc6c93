"""Questions that choose among several things linked to what the picture shows.

    anchor -> its founder -> the buildings that he designed -> the one completed in the 1890s -> ...
    the organisation at the left, the town at the right -> the building commissioned by the one that
        stands in the other -> ...

The things chosen between are few, each has a page of its own, and what decides is stated of all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vision_deepresearch.core.proof import Constraint
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.clauses import (
    Clause,
    clauses_for,
    fulfils,
    kind_clause,
)
from vision_deepresearch.worlds.generated.composing import (
    Composer,
    Outcome,
    Situation,
    constraints_of,
)
from vision_deepresearch.worlds.generated.describe import Describer
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.frames import FrameKind, clause_for, put
from vision_deepresearch.worlds.generated.funnel import Reject
from vision_deepresearch.worlds.generated.positions import Position
from vision_deepresearch.worlds.generated.relations import RELATIONS, Relation
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
from vision_deepresearch.worlds.generated.scenes import LAYOUTS_FOR
from vision_deepresearch.worlds.generated.shapes import place_constraint, question_end

_FEWEST, _MOST = 2, 5
"""Things chosen between."""
_MANY = 60
"""Things linked to an anchor of two, at the most: each would be a candidate to its reader."""
_P_DESCRIBED = 0.5
"""Of conditions that name a thing, the share whose name is replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Several things linked to one, and what singles one of them out."""

    works: tuple[Arrival, ...]
    winner: Arrival
    clause: Clause
    suffix: tuple[Arrival, ...]
    """From the winner to the answer."""
    answer: str


def by_join(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain through one of several things."""
    rng = compose.rng
    before = rng.randrange(compose.num_hops)
    prefix: tuple[Arrival, ...] | None = ()
    if before:
        prefix = compose.wander(anchor, num_steps=before, ends_in_thing=True)
    if prefix is None:
        return compose.reject(Reject.NO_ROUTE)
    here = prefix[-1].entity if prefix else anchor
    assert here is not None, "such a route ends in a thing"
    seen = {anchor, *(one.entity for one in prefix if one.entity is not None)}
    joined = _works(compose, here, seen=seen)
    if joined is None:
        return compose.reject(Reject.NO_ROUTE)
    step, works = joined
    others = _works_of_others(compose, anchor, prefix=[one.step for one in prefix], step=step)
    if not others:
        return compose.reject(Reject.NO_RIVALS)
    choice = None
    for winner in rng.sample(works, len(works)):
        choice = _choose(compose, works, winner=winner, seen=seen, before=before, others=others)
        if choice is not None:
            break
    if choice is None:
        return compose.reject(Reject.NO_CLAUSE)
    rivals = [
        other
        for other, theirs in others.items()
        if _ends(compose, theirs, choice) - {choice.answer}
    ][:3]
    now = compose.situate([anchor, *rivals]) if rivals else None
    if now is None:
        return compose.reject(Reject.NO_RIVALS)
    positions = now.positions(anchor)
    if not positions or not now.is_big_enough(anchor):
        return compose.reject(Reject.NO_PLACE)
    return _join_draft(
        compose,
        now,
        anchor=anchor,
        prefix=prefix,
        choice=choice,
        position=rng.choice(positions),
    )


def _works(
    compose: Composer, here: str, *, seen: set[str]
) -> tuple[Step, tuple[Arrival, ...]] | None:
    """A relation in which several things stand to one, and those things."""
    found: list[tuple[Step, tuple[Arrival, ...]]] = []
    for relation in _backwards(compose.routes, here):
        num = len(compose.routes.graph.subjects(here, relation.name))
        if not _FEWEST <= num <= _MOST:
            continue
        step = Step(relation=relation, inverse=True)
        works = compose.routes.works_of(step, start=here)
        is_new = not any(work.entity in seen for work in works)
        if _FEWEST <= len(works) <= _MOST and is_new:
            found.append((step, works))
    return compose.rng.choice(found) if found else None


def _backwards(routes: Routes, thing: str) -> Iterator[Relation]:
    """Relations that lead to a thing of this type and can be told of what they start from."""
    type_ = routes.graph.entity(thing).type
    for relation in RELATIONS.values():
        is_open = relation.target is type_ and relation.functional
        is_person = relation.domain is EntityType.PERSON  # no words for "it"
        is_former = relation.name.startswith("former_")
        if (
            is_open
            and not is_person
            and not is_former
            and clause_for(relation.domain, relation.name)
        ):
            yield relation


def _works_of_others(
    compose: Composer, anchor: str, *, prefix: Sequence[Step], step: Step
) -> dict[str, tuple[Arrival, ...]]:
    """What stands in the same relation to where other things of the anchor's type lead."""
    found: dict[str, tuple[Arrival, ...]] = {}
    for other in compose.things_like(anchor):
        arrivals = compose.routes.walk(prefix, start=other)
        there = (arrivals[-1].entity if arrivals else other) if arrivals is not None else None
        if there is not None:
            theirs = compose.routes.works_of(step, start=there)
            if theirs:
                found[other] = theirs
    return found


def _choose(
    compose: Composer,
    works: Sequence[Arrival],
    *,
    winner: Arrival,
    seen: set[str],
    before: int,
    others: dict[str, tuple[Arrival, ...]],
) -> _Choice | None:
    """A condition that only the winner fulfils, and the way on from there."""
    routes, rng = compose.routes, compose.rng
    thing = _thing(winner)
    hidden = seen | {_thing(work) for work in works}
    suffix = compose.wander(thing, num_steps=compose.num_hops - before - 1, seen=hidden)
    if suffix is None:
        return None
    hidden |= {one.entity for one in suffix if one.entity is not None}
    answer = suffix[-1].text if suffix else winner.text
    kind = kind_clause(routes, thing)
    clauses = [*clauses_for(routes, thing), *([kind] if kind is not None else [])]
    rng.shuffle(clauses)
    taken = {winner.step.relation, *(one.step.relation for one in suffix[:1])}
    describer = Describer(routes=routes, rng=rng, hidden=frozenset(hidden))
    for clause in clauses:
        if clause.relation in taken or clause.value_id in hidden:
            continue
        verdicts = [fulfils(routes, _thing(work), clause) for work in works]
        if any(v is not (w is winner) for v, w in zip(verdicts, works, strict=True)):
            continue
        if any(_steps_of(compose, _thing(work), clause) is None for work in works):
            continue
        choice = _Choice(
            works=tuple(works), winner=winner, clause=clause, suffix=suffix, answer=answer
        )
        if not any(_ends(compose, theirs, choice) - {answer} for theirs in others.values()):
            continue
        if clause.second is None and rng.random() < _P_DESCRIBED:
            described = describer.chained(clause)
            if described is not None:
                return _Choice(
                    works=choice.works,
                    winner=winner,
                    clause=described,
                    suffix=suffix,
                    answer=answer,
                )
        return choice
    return None


def _thing(work: Arrival) -> str:
    assert work.entity is not None, "what stands in a relation is a thing"
    return work.entity


def _steps_of(compose: Composer, thing: str, clause: Clause) -> tuple[Arrival, ...] | None:
    """The steps that read what a clause speaks of; None: one of them is not usable."""
    steps = [Step(relation=clause.relation)]
    if clause.second is not None:
        steps.append(Step(relation=clause.second))
    return compose.routes.walk(steps, start=thing)


def _ends(compose: Composer, works: Iterable[Arrival], choice: _Choice) -> set[str]:
    """Answers by way of those works that fulfil the condition."""
    fitting = (
        _thing(work) for work in works if fulfils(compose.routes, _thing(work), choice.clause)
    )
    return compose.answers(fitting, steps=[one.step for one in choice.suffix])


def _join_draft(
    compose: Composer,
    now: Situation,
    *,
    anchor: str,
    prefix: tuple[Arrival, ...],
    choice: _Choice,
    position: Position,
) -> TaskDraft | None:
    routes, rng = compose.routes, compose.rng
    graph, clause = routes.graph, choice.clause
    where = rng.choice(position.phrases)
    type_ = graph.entity(anchor).type
    about = rng.choice(phrases.ANCHORS[type_]).format(where=where)
    source = compose.nested(prefix, about=about)
    relation = choice.winner.step.relation
    link = clause_for(relation.domain, relation.name)
    if source is None or link is None:
        return compose.reject(Reject.NO_ROUTE)
    steps_of = [_steps_of(compose, _thing(work), clause) for work in choice.works]
    known = [steps for steps in steps_of if steps is not None]
    assert len(known) == len(steps_of), "a condition is chosen that can be read of all"
    builder = ProofBuilder(routes=routes)
    start = builder.follow_all(prefix, subject=builder.look(anchor, box=now.boxes[anchor]))
    among = tuple(builder.follow(work, subject=start) for work in choice.works)
    over = tuple(
        builder.follow_all(steps, subject=work, is_secret=False)
        for work, steps in zip(among, known, strict=True)
    )
    like = _wanted(builder, clause)
    picked = builder.pick_matching(over, among=among, like=like, entity_id=_thing(choice.winner))
    builder.follow_all(choice.suffix, subject=picked)
    steps = [one.step for one in prefix]
    with_place = _answers_by_way(compose, now.rivals, prefix=steps, choice=choice)
    with_clause = compose.answers(
        map(_thing, choice.works), steps=[one.step for one in choice.suffix]
    )
    noun = phrases.NOUNS[relation.domain]
    frame = compose.frame(FrameKind.JOIN)
    question = frame.text.format(
        noun=noun,
        noun_a=phrases.noun_with_article(relation.domain),
        link=put(link, source),
        where=clause.text,
        ask_that=question_end(compose, choice.suffix, noun=noun),
    )
    condition = Constraint(
        text=clause.text,
        predicate=clause.predicate,
        value=clause.value,
        candidates_without=len(with_clause),
        about=choice.winner.text,
    )
    return compose.finish(
        now,
        Outcome(
            question=question,
            frame=frame,
            builder=builder,
            constraints=(
                place_constraint(where, position, candidates=len(with_place)),
                condition,
                *constraints_of(clause.parts),
            ),
            arrivals=(*prefix, choice.winner, *choice.suffix),
            other_arrivals=(*choice.works, *(one for steps in known for one in steps)),
            anchors=(anchor,),
            shape="join",
            path=f"[{clause.predicate}]",
            candidates=(len(with_place), len(choice.works)),
            obfuscation=clause.depth,
        ),
    )


def _wanted(builder: ProofBuilder, clause: Clause) -> str:
    """The hop whose value decides: words of the question, or where its description leads."""
    if clause.start_id is None:
        return builder.given(clause.value, shown=clause.shown)
    return builder.follow_all(clause.chain, subject=builder.given_thing(clause.start_id))


def _answers_by_way(
    compose: Composer, things: Iterable[str], *, prefix: Sequence[Step], choice: _Choice
) -> set[str]:
    """Answers if the anchor were any of these things."""
    ends: set[str] = set()
    for thing in things:
        arrivals = compose.routes.walk(prefix, start=thing)
        there = (arrivals[-1].entity if arrivals else thing) if arrivals is not None else None
        if there is not None:
            works = compose.routes.works_of(choice.winner.step, start=there)
            ends |= _ends(compose, works, choice)
    return ends


# ---------------------------------------------------------------------------------- two anchors


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """What is linked to two things of the picture."""

    link: Arrival
    """From the first thing to what is meant."""
    works: tuple[Arrival, ...]
    """All that stands so to the first thing, what is meant included."""
    second: Relation
    other: str
    """The second thing."""
    rivals: tuple[str, ...]
    """Of the first thing."""
    other_rivals: tuple[str, ...]
    """Of the second."""


def by_two(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain from what two things of the picture have in common."""
    pair = _pair(compose, anchor)
    if pair is None:
        return compose.reject(Reject.NO_ROUTE)
    meant = _thing(pair.link)
    hidden = {anchor, pair.other, *pair.rivals, *pair.other_rivals}
    suffix = compose.wander(meant, num_steps=compose.num_hops - 1, seen=hidden)
    if suffix is None:
        return compose.reject(Reject.NO_ROUTE)
    now = compose.situate([anchor, *pair.rivals], besides=[pair.other, *pair.other_rivals])
    if now is None:
        return compose.reject(Reject.NO_RIVALS)
    places = now.positions(anchor), now.positions(pair.other)
    is_big_enough = now.is_big_enough(anchor) and now.is_big_enough(pair.other)
    if not all(places) or not is_big_enough:
        return compose.reject(Reject.NO_PLACE)
    return _two_draft(
        compose,
        now,
        anchor=anchor,
        pair=pair,
        suffix=suffix,
        positions=(compose.rng.choice(places[0]), compose.rng.choice(places[1])),
    )


def _pair(compose: Composer, anchor: str) -> _Pair | None:
    routes, rng = compose.routes, compose.rng
    graph = routes.graph
    relations = list(_backwards(routes, anchor))
    rng.shuffle(relations)
    for relation in relations:
        if not 1 < len(graph.subjects(anchor, relation.name)) <= _MOST:
            continue
        works = routes.works_of(Step(relation=relation, inverse=True), start=anchor)
        for link in rng.sample(works, len(works)):
            for second in graph.relations(_thing(link)):
                pair = _meet(compose, anchor, link=link, works=works, second=second)
                if pair is not None:
                    return pair
    return None


def _meet(
    compose: Composer,
    anchor: str,
    *,
    link: Arrival,
    works: tuple[Arrival, ...],
    second: Relation,
) -> _Pair | None:
    """The second thing by a second relation, if both are needed."""
    routes, relation = compose.routes, link.step.relation
    graph = routes.graph
    is_usable = second.functional and second.target is not None and second.target in LAYOUTS_FOR
    if not is_usable or second.target is graph.entity(anchor).type or second.name == relation.name:
        return None
    if second.name.startswith("former_") or clause_for(second.domain, second.name) is None:
        return None
    ends = {_thing(work): routes.take(Step(relation=second), start=_thing(work)) for work in works}
    mine = ends[_thing(link)]
    if mine is None or mine.entity is None or not _may_stand(routes, mine.entity):
        return None
    other = mine.entity
    if any(
        end is None or (work != _thing(link) and end.entity == other) for work, end in ends.items()
    ):
        return None
    other_rivals = [
        end.entity
        for end in ends.values()
        if end is not None and end.entity not in {None, other} and end.entity is not None
        if _may_stand(routes, end.entity)
    ]
    if len(graph.subjects(other, second.name)) > _MANY:
        return None
    rivals: list[str] = []
    for thing in routes.works_of(Step(relation=second, inverse=True), start=other):
        theirs = routes.take(Step(relation=relation), start=_thing(thing))
        rival = theirs.entity if theirs is not None else None
        if rival is not None and rival != anchor and _may_stand(routes, rival):
            rivals.append(rival)
    if not rivals or not other_rivals:
        return None
    return _Pair(
        link=link,
        works=works,
        second=second,
        other=other,
        rivals=tuple(dict.fromkeys(rivals))[:2],
        other_rivals=tuple(dict.fromkeys(other_rivals))[:2],
    )


def _may_stand(routes: Routes, thing: str) -> bool:
    """Whether a thing can be seen and told by its name and look."""
    graph = routes.graph
    return routes.is_sighted(thing) and routes.is_clear(thing) and not graph.lookalikes(thing)


def _two_draft(
    compose: Composer,
    now: Situation,
    *,
    anchor: str,
    pair: _Pair,
    suffix: tuple[Arrival, ...],
    positions: tuple[Position, Position],
) -> TaskDraft | None:
    routes, rng = compose.routes, compose.rng
    graph, relation = routes.graph, pair.link.step.relation
    builder = ProofBuilder(routes=routes)
    look = builder.look(anchor, box=now.boxes[anchor])
    other = builder.look(pair.other, box=now.boxes[pair.other])
    among = tuple(builder.follow(work, subject=look) for work in pair.works)
    seconds: list[Arrival] = []
    for work in pair.works:
        end = routes.take(Step(relation=pair.second), start=_thing(work))
        assert end is not None, "a pair is chosen that can be read of all"
        seconds.append(end)
    over = tuple(
        builder.follow(end, subject=work, is_secret=False)
        for work, end in zip(among, seconds, strict=True)
    )
    picked = builder.pick_matching(over, among=among, like=other, entity_id=_thing(pair.link))
    builder.follow_all(suffix, subject=picked)
    steps = [one.step for one in suffix]
    things = [thing for thing in now.scene.entity_ids if thing in now.boxes]
    counts: list[int] = []
    for first, second in ((None, pair.other), (anchor, None)):
        meant = _linked_to(routes, things, first=first, second=second, pair=pair)
        counts.append(len(compose.answers(meant, steps=steps)))
    wheres = [rng.choice(position.phrases) for position in positions]
    named = [
        rng.choice(phrases.ANCHORS[graph.entity(thing).type]).format(where=where)
        for thing, where in zip((anchor, pair.other), wheres, strict=True)
    ]
    clauses = (
        clause_for(relation.domain, relation.name),
        clause_for(pair.second.domain, pair.second.name),
    )
    assert clauses[0] is not None, "relations with words are chosen"
    assert clauses[1] is not None, "relations with words are chosen"
    noun = phrases.NOUNS[relation.domain]
    frame = compose.frame(FrameKind.TWO)
    question = frame.text.format(
        noun=noun,
        noun_a=phrases.noun_with_article(relation.domain),
        link=put(clauses[0], named[0]),
        where=put(clauses[1], named[1]),
        ask_that=question_end(compose, suffix, noun=noun),
    )
    return compose.finish(
        now,
        Outcome(
            question=question,
            frame=frame,
            builder=builder,
            constraints=tuple(
                place_constraint(where, position, candidates=count)
                for where, position, count in zip(wheres, positions, counts, strict=True)
            ),
            arrivals=(pair.link, *suffix),
            other_arrivals=(*pair.works, *seconds),
            anchors=(anchor, pair.other),
            shape="two",
            path=f"[{pair.second.name}]",
            candidates=(*counts, len(pair.works)),
        ),
    )


def _linked_to(
    routes: Routes,
    things: Sequence[str],
    *,
    first: str | None,
    second: str | None,
    pair: _Pair,
) -> Iterator[str]:
    """What is linked to a first and a second thing; None: to any thing of the picture."""
    graph = routes.graph
    relation = pair.link.step.relation
    for start in [first] if first is not None else things:
        if graph.entity(start).type is not relation.target:
            continue
        for thing in graph.subjects(start, relation.name):
            if graph.entity(thing).type is not relation.domain:
                continue
            fact = graph.fact(thing, pair.second.name)
            if fact is not None and fact.object in ([second] if second is not None else things):
                yield thing
