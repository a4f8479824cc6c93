"""Deep tasks: a wall of pictured things, groups to be compared, and the winners compared again.

    each thing of a group -> its value -> the winner -> a person    (one branch per group)
    the persons -> their years -> the winner -> two more relations -> the answer

Every compared thing must be looked at and read about, so one question takes dozens of turns and
hundreds of engine requests.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Constraint
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.checks import answer_on_page, leaks
from vision_deepresearch.worlds.generated.composing import difficulty_of
from vision_deepresearch.worlds.generated.drafts import RULES, ProofBuilder, TaskDraft, gold_of
from vision_deepresearch.worlds.generated.entities import EntityType, SceneSpec
from vision_deepresearch.worlds.generated.frames import ask, is_wordable
from vision_deepresearch.worlds.generated.relations import PERSON, RELATIONS
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step

GROUP_SIZE = 7
"""Things compared in each group."""
NUM_BYSTANDERS = 3
"""Coats of arms that hang among them and play no part."""
_TAIL_HOPS = 2
_LAYOUTS = ("poster_wall", "museum")

_BRANCHES: tuple[tuple[EntityType, tuple[str, ...], tuple[str, ...]], ...] = (
    (EntityType.VESSEL, ("launched_on", "length"), ("christened_by",)),
    (EntityType.BUILDING, ("height", "completed_in"), ("designed_by",)),
    (EntityType.ARTWORK, ("created_in",), ("created_by",)),
    (EntityType.ORGANISATION, ("employees", "founded_in"), ("founded_by",)),
)
"""Type of the group, what may be compared, and the way from the winner to a person."""

_SUPERLATIVES = {
    "launched_on": ("launched earliest", "launched latest"),
    "length": ("that is shortest", "that is longest"),
    "height": ("that is least tall", "that is tallest"),
    "completed_in": ("completed earliest", "completed latest"),
    "created_in": ("made earliest", "made latest"),
    "employees": ("with the fewest employees", "with the most employees"),
    "founded_in": ("founded earliest", "founded latest"),
}
_INTROS = (
    "Everything on this wall counts, except the coats of arms.",
    "This wall carries ships, buildings, works of art and emblems of organisations.",
    "Leave the coats of arms on this wall aside and take the rest group by group.",
    "Four groups of things are mixed on this wall: ships, buildings, works of art, emblems.",
    "Sort what you see here: ships, buildings, works of art, emblems of organisations.",
    "A wall full of pictures, and a question that needs nearly all of them.",
)
_FIND = ("Find", "Find out who was", "Determine", "Identify")
_GROUP_NOUNS = {
    EntityType.VESSEL: "ship",
    EntityType.BUILDING: "building",
    EntityType.ARTWORK: "work of art",
    EntityType.ORGANISATION: "organisation",
}
_ORDERS = ("was born earliest", "was born latest")
_COUNTS = {2: "two", 3: "three", 4: "four"}
_JOINTS = (
    "Of these {count} people, take the one who {order}.",
    "Compare these {count} people and keep the one who {order}.",
    "Among these {count} people, find the one who {order}.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """One group, its winner, and the person the winner leads to."""

    values: tuple[Arrival, ...]
    """What is compared, one per thing, in the order of the group."""
    winner: Arrival
    way: tuple[Arrival, ...]
    largest_wins: bool

    @property
    def person(self) -> str:
        assert self.way[-1].entity is not None, "a branch ends at a person"
        return self.way[-1].entity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Final:
    """The persons compared, the winner, and the way from there to the answer."""

    years: tuple[Arrival, ...]
    winner: Arrival
    tail: tuple[Arrival, ...]
    largest_wins: bool


def draft_deep(
    routes: Routes,
    rng: random.Random,
    *,
    ref: str,
    scene_id: str,
    place: Callable[[SceneSpec], Mapping[str, Box]],
) -> TaskDraft | None:
    """One attempt at a deep task; None where chance led nowhere."""
    branches: list[_Branch] = []
    for type_, compared, way in _BRANCHES:
        branch = _branch(routes, rng, type_=type_, predicate=rng.choice(compared), way=way)
        if branch is None:
            return None
        branches.append(branch)
    final = _final(routes, rng, branches)
    if final is None:
        return None
    looked_at = [value.subject for branch in branches for value in branch.values]
    towns = [town.id for town in routes.graph.of_type(EntityType.SETTLEMENT)]
    members = looked_at + rng.sample(towns, k=min(NUM_BYSTANDERS, len(towns)))
    rng.shuffle(members)
    scene = SceneSpec(id=scene_id, layout=rng.choice(_LAYOUTS), entity_ids=tuple(members))
    builder = ProofBuilder(routes=routes)
    _prove(builder, branches, final=final, boxes=place(scene))
    question = _question(rng, branches, final=final)
    gold = gold_of(routes, last=final.tail[-1], entity_id=final.tail[-1].entity)
    constraints = _constraints(routes, branches, final=final)
    is_idle = any(constraint.candidates_without < 2 for constraint in constraints)
    if is_idle or not builder.has_pages() or leaks(question, builder=builder, gold=gold):
        return None
    pages = routes.pages
    first_pages = [*looked_at, *(branch.person for branch in branches)]
    if any(answer_on_page(gold, pages.document(pages.article(thing))) for thing in first_pages):
        return None
    return TaskDraft(
        ref=ref,
        question=question,
        gold=gold.model_copy(update={"entities": builder.entities()}),
        scene=scene,
        hops=tuple(builder.hops),
        constraints=constraints,
        entities=builder.entities(),
        strata={
            "hops": "deep",
            "shape": "wall",
            "anchor": "mixed",
            "answer": gold.type.value,
            "lookalike": "no",
            "demo": "no",
            "path": "mixed:" + ">".join(one.step.relation.name for one in final.tail),
            "frame": f"{routes.graph.spec.split}/wall",
            "candidates": "-".join(str(one.candidates_without) for one in constraints),
            "obfuscation": "0",
            "dated": "no",
            **difficulty_of(builder),
        },
    )


def _branch(
    routes: Routes,
    rng: random.Random,
    *,
    type_: EntityType,
    predicate: str,
    way: tuple[str, ...],
) -> _Branch | None:
    graph = routes.graph
    step = Step(relation=RELATIONS[type_, predicate])
    values = [
        value
        for thing in graph.sighted_of_type(type_)
        if routes.is_clear(thing.id) and not graph.lookalikes(thing.id)
        if (value := routes.take(step, start=thing.id)) is not None
    ]
    if len(values) < GROUP_SIZE:
        return None
    group = rng.sample(values, GROUP_SIZE)
    ordered = sorted(group, key=_order(routes))
    largest_wins = rng.random() < 0.5
    winner, second = (ordered[-1], ordered[-2]) if largest_wins else (ordered[0], ordered[1])
    if _order(routes)(winner) == _order(routes)(second):
        return None
    arrivals = routes.walk(_steps(type_, way), start=winner.subject)
    if arrivals is None:
        return None
    return _Branch(values=tuple(group), winner=winner, way=arrivals, largest_wins=largest_wins)


def _order(routes: Routes) -> Callable[[Arrival], int]:
    return lambda value: routes.graph.order_of(value.fact)


def _steps(start: EntityType, names: tuple[str, ...]) -> list[Step]:
    steps: list[Step] = []
    type_: EntityType | None = start
    for name in names:
        assert type_ is not None, "only the last step may lead to a literal"
        relation = RELATIONS[type_, name]
        steps.append(Step(relation=relation))
        type_ = relation.target
    return steps


def _final(routes: Routes, rng: random.Random, branches: list[_Branch]) -> _Final | None:
    persons = [branch.person for branch in branches]
    if len(set(persons)) < len(persons):
        return None
    step = Step(relation=RELATIONS[PERSON, "birth_year"])
    years = [routes.take(step, start=person) for person in persons]
    known = [year for year in years if year is not None]
    if len(known) < len(persons):
        return None
    ordered = sorted(known, key=_order(routes))
    largest_wins = rng.random() < 0.5
    winner, second = (ordered[-1], ordered[-2]) if largest_wins else (ordered[0], ordered[1])
    if _order(routes)(winner) == _order(routes)(second):
        return None
    tail = routes.wander(
        rng,
        start=winner.subject,
        num_steps=_TAIL_HOPS,
        may_take=lambda arrival, is_last: is_wordable(arrival, is_last=is_last),
    )
    if tail is None:
        return None
    return _Final(years=tuple(known), winner=winner, tail=tail, largest_wins=largest_wins)


def _prove(
    builder: ProofBuilder,
    branches: list[_Branch],
    *,
    final: _Final,
    boxes: Mapping[str, Box],
) -> None:
    looks = {
        value.subject: builder.look(value.subject, box=boxes[value.subject])
        for branch in branches
        for value in branch.values
    }
    over: list[str] = []
    for branch, year in zip(branches, final.years, strict=True):
        compared = tuple(
            builder.follow(value, subject=looks[value.subject]) for value in branch.values
        )
        rule = RULES[branch.winner.step.relation.range][branch.largest_wins]
        picked = builder.pick(compared, rule=rule, entity_id=branch.winner.subject)
        person = builder.follow_all(branch.way, subject=picked)
        over.append(builder.follow(year, subject=person))
    rule = RULES[final.winner.step.relation.range][final.largest_wins]
    picked = builder.pick(tuple(over), rule=rule, entity_id=final.winner.subject)
    builder.follow_all(final.tail, subject=picked)


def _constraints(
    routes: Routes, branches: list[_Branch], *, final: _Final
) -> tuple[Constraint, ...]:
    """Each comparison, with the number of things or answers it decides between."""
    found: list[Constraint] = []
    for branch in branches:
        steps = [arrival.step for arrival in branch.way]
        walks = (routes.walk(steps, start=value.subject) for value in branch.values)
        people = {walk[-1].text for walk in walks if walk is not None}
        relation = branch.winner.step.relation
        found.append(
            Constraint(
                text=_SUPERLATIVES[relation.name][branch.largest_wins],
                predicate=relation.name,
                value=RULES[relation.range][branch.largest_wins],
                candidates_without=len(people),
            )
        )
    steps = [arrival.step for arrival in final.tail]
    walks = (routes.walk(steps, start=year.subject) for year in final.years)
    found.append(
        Constraint(
            text=_ORDERS[final.largest_wins],
            predicate=final.winner.step.relation.name,
            value=RULES[final.winner.step.relation.range][final.largest_wins],
            candidates_without=len({walk[-1].text for walk in walks if walk is not None}),
        )
    )
    return tuple(found)


def _question(rng: random.Random, branches: list[_Branch], *, final: _Final) -> str:
    sentences = [rng.choice(_INTROS)]
    for branch in rng.sample(branches, len(branches)):
        relation = branch.winner.step.relation
        noun = _GROUP_NOUNS[relation.domain]
        person = f"the {noun} {_SUPERLATIVES[relation.name][branch.largest_wins]}"
        for arrival in branch.way:
            key = (arrival.step.relation.domain, arrival.step.relation.name, False)
            person = rng.choice(phrases.STEPS[key][0]).format(x=person)
        sentences.append(f"{rng.choice(_FIND)} {person}.")
    joint = rng.choice(_JOINTS)
    sentences.append(joint.format(count=_COUNTS[len(branches)], order=_ORDERS[final.largest_wins]))
    sentences.append(ask(final.tail, rng=rng, about="that person"))
    return " ".join(sentences)
