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
    layouts_for,
)
from vision_deepresearch.worlds.generated.describe import Describer
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.frames import (
    FrameKind,
    clause_for,
    lead_in,
    put,
    type_reached,
)
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
_NUM_WAYS = 3
"""Ways on from what two things have in common, tried before another pair is."""
_P_TOLD_FIRST = 0.8
"""Of chains before the choice, the share told in a sentence of its own."""
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


def may_join(compose: Composer, anchor: str) -> bool:
    """Whether a chain to one of several things can start here; longer ones can from anywhere."""
    return compose.num_hops > 1 or _has_works(compose.routes, anchor)


def by_join(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain through one of several things."""
    rng = compose.rng
    begun = _begin(compose, anchor)
    if begun is None:
        return compose.reject(Reject.NO_ROUTE)
    prefix, step, works = begun
    seen = {anchor, *(one.entity for one in prefix if one.entity is not None)}
    others = _works_of_others(compose, anchor, prefix=[one.step for one in prefix], step=step)
    if not others:
        return compose.reject(Reject.NO_RIVALS)
    choice = None
    # The one that a question singles out already stays so.
    winners = [work for work in works if _thing(work) in compose.trails] or works
    for winner in rng.sample(winners, len(winners)):
        choice = _choose(
            compose, works, winner=winner, seen=seen, before=len(prefix), others=others
        )
        if choice is not None:
            break
    if choice is None:
        return compose.reject(Reject.NO_CLAUSE)
    rivals = [
        other
        for other, theirs in others.items()
        if _ends(compose, theirs, choice) - {choice.answer}
    ][:3]
    if not rivals:
        return compose.reject(Reject.NO_RIVALS)
    now = compose.situate([anchor, *rivals], fits=lambda now: now.tells(anchor))
    if now is None:
        return None
    return _join_draft(
        compose,
        now,
        anchor=anchor,
        prefix=prefix,
        choice=choice,
        position=rng.choice(now.positions(anchor)),
    )


def _begin(
    compose: Composer, anchor: str
) -> tuple[tuple[Arrival, ...], Step, tuple[Arrival, ...]] | None:
    """A chain to a thing that several stand in a relation to, that relation, and those things."""
    lengths = compose.rng.sample(range(compose.num_hops), compose.num_hops)
    if compose.given is not None:
        lengths = [len(compose.trails.get(anchor, ()))]
    for before in lengths:
        prefix: tuple[Arrival, ...] | None = ()
        if before:
            prefix = compose.wander(
                anchor,
                num_steps=before,
                ends_in_thing=True,
                may_end=lambda thing: _has_works(compose.routes, thing),
            )
        if prefix is None:
            continue
        seen = {anchor, *(one.entity for one in prefix if one.entity is not None)}
        here = prefix[-1].entity if prefix else anchor
        assert here is not None, "such a route ends in a thing"
        joined = _works(compose, here, seen=seen)
        if joined is not None:
            return prefix, *joined
    return None


def _has_works(routes: Routes, thing: str) -> bool:
    return routes.may_start("join", thing, decide=lambda here: any(_fans(routes, here)))


def _fans(routes: Routes, here: str) -> Iterator[tuple[Step, tuple[Arrival, ...]]]:
    """Relations in which a few things stand to one, each with those things."""
    for relation in _backwards(routes, here):
        if _FEWEST <= len(routes.graph.subjects(here, relation.name)) <= _MOST:
            step = Step(relation=relation, inverse=True)
            works = routes.works_of(step, start=here)
            if _FEWEST <= len(works) <= _MOST:
                yield step, works


def _works(
    compose: Composer, here: str, *, seen: set[str]
) -> tuple[Step, tuple[Arrival, ...]] | None:
    """A relation in which several things stand to one, and those things."""
    found = [
        (step, works)
        for step, works in _fans(compose.routes, here)
        if not any(work.entity in seen for work in works)
    ]
    kept = [one for one in found if any(_thing(work) in compose.trails for work in one[1])]
    found = kept or found
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
    # What several things are linked to is told first: "First find the owner of ... .".
    is_apart = not prefix or type_reached(prefix[-1]) is not choice.winner.step.relation.domain
    told, source = lead_in(
        prefix,
        rng=rng,
        about=about,
        leads=compose.leads() if is_apart else (),
        ends_short=rng.random() < _P_TOLD_FIRST,
    )
    relation = choice.winner.step.relation
    link = clause_for(relation.domain, relation.name)
    assert link is not None, "relations with words are chosen"
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
    asked = frame.text.format(
        noun=noun,
        noun_a=phrases.noun_with_article(relation.domain),
        link=put(link, source),
        where=clause.text,
        ask_that=question_end(compose, choice.suffix, noun=noun),
    )
    question = " ".join([*told, asked])
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


def may_meet(compose: Composer, anchor: str) -> bool:
    """Whether something is linked to this thing and to one of another type, and both are needed."""
    return compose.routes.may_start(
        "two", anchor, decide=lambda one: any(_pairs(compose.routes, one))
    )


def meeting(compose: Composer, anchor: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Things to be seen beside one for `by_two` to have something to ask: of its type, of another."""
    pair = compose.rng.choice(list(_pairs(compose.routes, anchor)))
    return pair.rivals, (pair.other, *pair.other_rivals)


def by_two(compose: Composer, anchor: str) -> TaskDraft | None:
    """A chain from what two things of the picture have in common."""
    found = None
    pairs = [pair for pair in _pairs(compose.routes, anchor) if compose.may_show(pair.other)]
    kept = [pair for pair in pairs if _thing(pair.link) in compose.trails]
    pairs = kept or pairs
    for pair in compose.rng.sample(pairs, len(pairs)):
        found = _pair_and_suffix(compose, anchor, pair)
        if found is not None:
            break
    if found is None:
        return compose.reject(Reject.NO_ROUTE)
    pair, suffix = found
    now = compose.situate(
        [anchor, *pair.rivals],
        besides=[pair.other, *pair.other_rivals],
        fits=lambda now: now.tells(anchor) and now.tells(pair.other),
    )
    if now is None:
        return None
    places = now.positions(anchor), now.positions(pair.other)
    return _two_draft(
        compose,
        now,
        anchor=anchor,
        pair=pair,
        suffix=suffix,
        positions=(compose.rng.choice(places[0]), compose.rng.choice(places[1])),
    )


def _pair_and_suffix(
    compose: Composer, anchor: str, pair: _Pair
) -> tuple[_Pair, tuple[Arrival, ...]] | None:
    """A way on for which both places of the picture matter; None: chance found none."""
    hidden = {anchor, pair.other, *pair.rivals, *pair.other_rivals}
    if compose.given is not None:
        hidden |= set(compose.given.boxes)
    for _ in range(_NUM_WAYS):
        suffix = compose.wander(_thing(pair.link), num_steps=compose.num_hops - 1, seen=hidden)
        if suffix is None:
            return None
        counts = _open_answers(compose, sorted(hidden), anchor=anchor, pair=pair, suffix=suffix)
        if min(counts) > 1:
            return pair, suffix
    return None


def _pairs(routes: Routes, anchor: str) -> Iterator[_Pair]:
    """All of them, in a fixed order."""
    graph = routes.graph
    for relation in _backwards(routes, anchor):
        if not 1 < len(graph.subjects(anchor, relation.name)) <= _MOST:
            continue
        works = routes.works_of(Step(relation=relation, inverse=True), start=anchor)
        for link in works:
            for second in graph.relations(_thing(link)):
                pair = _meet(routes, anchor, link=link, works=works, second=second)
                if pair is not None:
                    yield pair


def _meet(
    routes: Routes,
    anchor: str,
    *,
    link: Arrival,
    works: tuple[Arrival, ...],
    second: Relation,
) -> _Pair | None:
    """The second thing by a second relation, if both are needed."""
    graph, relation = routes.graph, link.step.relation
    type_, target = graph.entity(anchor).type, second.target
    if not second.functional or target is None or target not in LAYOUTS_FOR:
        return None
    if target is type_ or second.name == relation.name or not layouts_for([type_, target]):
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
    things = [thing for thing in now.scene.entity_ids if thing in now.boxes]
    counts = _open_answers(compose, things, anchor=anchor, pair=pair, suffix=suffix)
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


def _open_answers(
    compose: Composer,
    things: Sequence[str],
    *,
    anchor: str,
    pair: _Pair,
    suffix: tuple[Arrival, ...],
) -> tuple[int, int]:
    """Answers if the first, or the second thing, were any of those in the picture."""
    counts: list[int] = []
    for first, second in ((None, pair.other), (anchor, None)):
        meant = _linked_to(compose.routes, things, first=first, second=second, pair=pair)
        counts.append(len(compose.answers(meant, steps=[one.step for one in suffix])))
    return counts[0], counts[1]


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
