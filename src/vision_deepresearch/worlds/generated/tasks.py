"""Questions about scenes, each with one answer and the proof of it.

Shapes, dealt out by the number of a task:

    position   a thing by its place in the picture, then a chain of relations
    clause     a thing by what only it fulfils there, then a chain
    replace    the same, and the name in the clause is replaced by a description
    compare    two things compared, and the winner followed
    join       a chain to a thing that several others are linked to, one of which fulfils a clause
    two        what is linked to two things of the picture at once, then a chain

A task is a pure function of (world, its number): any of them can be made alone. Its strata hold,
besides `anchor` (type), `answer`, `demo`, `path` and `frame`, the difficulty vector:

    hops         relations from the picture to the answer: "1" to "4"
    shape        see above
    candidates   answers or things left open at each choice: "3", "4-2-5"
    pages sites  that must be read, and the sites they are on
    calls        the least tool calls: one for all crops, a search and a visit for each page
    obfuscation  names replaced by descriptions one inside the other: "0" to "3"
    dated        whether a relation of a former time is asked for: "yes" or "no"
    lookalike    whether the thing has a double: "yes" or "no"
    scale        the tightest crop that finds each thing: "1" or "1.5" (after drawing)
    visible      per cent of the most hidden thing that is seen (after drawing)
    hidden       "partly" where less than 95 per cent of it is seen, else "no" (after drawing)
    whole_image  whether the uncropped picture finds all of its things: "hit" or "miss"
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from vision_deepresearch.worlds.generated.checks import Reachable, is_reachable
from vision_deepresearch.worlds.generated.composing import Composer, Place
from vision_deepresearch.worlds.generated.deep import draft_deep
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.funnel import Funnel, Reject
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.joins import by_join, by_two, may_join, may_meet
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.routes import Routes
from vision_deepresearch.worlds.generated.scene_words import caption_of
from vision_deepresearch.worlds.generated.scenes import LAYOUTS_FOR
from vision_deepresearch.worlds.generated.shapes import (
    by_clause,
    by_comparison,
    by_description,
    by_position,
)
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_MAX_ATTEMPTS = 600
_PATIENCE = 100
"""Attempts at the shape and anchor that are a task's turn, before others will do."""
_Make = Callable[[Composer, str], TaskDraft | None]
_SHAPES: tuple[_Make, ...] = (
    by_position,
    by_comparison,
    by_join,
    by_clause,
    by_description,
    by_position,
    by_join,
    by_two,
    by_clause,
    by_comparison,
    by_description,
    by_position,
    by_join,
)
"""By task number, in turn. Thirteen, so that each shape meets each number of hops and anchor."""
_MAY_START: dict[_Make, Callable[[Composer, str], bool]] = {by_join: may_join, by_two: may_meet}
"""Shapes that few things can start."""
_ANCHOR_TYPES = tuple(LAYOUTS_FOR)
_NUM_DRAWN = 40
"""Things of a type looked at, at the most, for one that a question can start from."""
_P_FOUR_HOPS = 0.3
"""Of the long third of questions."""
_P_LOOKALIKE_ANCHOR = 0.3
"""Of the anchors that have a look-alike, the share that is used: they are hard on purpose."""
_MIN_ALIKE = 4
"""Things of a type, at the least, for one of them to be asked about."""


def make_tasks(
    spec: WorldSpec,
    graph: Graph,
    pages: PageSet,
    *,
    limit: int,
    place: Place,
    reachable: Reachable | None = None,
    accept: Callable[[TaskDraft], bool] | None = None,
    funnel: Funnel | None = None,
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
            anew under the same number, so that the shares of hops and shapes stay. It counts
            its own rejects.
        funnel: counts attempts by what became of them.

    Raises:
        ValueError: the world is too small for a task of the wanted kind.

    Cost: see docs/generated-worlds.md; `place` and `reachable` come on top.
    """
    counted = funnel if funnel is not None else Funnel()
    routes = Routes(graph=graph, pages=pages)
    maker = _MAKERS[spec.depth]
    for number in range(limit):
        for attempt in range(_MAX_ATTEMPTS):
            rng = rng_for(spec.root, "task", (number, attempt))
            draft = maker(routes, rng, number=number, attempt=attempt, place=place, funnel=counted)
            if draft is None:
                continue
            if reachable is not None and not is_reachable(draft.hops, reachable=reachable):
                counted.reject(Reject.NOT_REACHABLE)
                continue
            if accept is None or accept(draft):
                counted.num_accepted += 1
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
    split = "" if spec.split == "train" else f"/{spec.split}"
    return f"generated:{spec.preset}{split}/{spec.seed}/{number}"


def _draft_deep(
    routes: Routes,
    rng: random.Random,
    *,
    number: int,
    attempt: int,
    place: Place,
    funnel: Funnel,
) -> TaskDraft | None:
    scene_id = f"s{number:04d}-{attempt:03d}"
    draft = draft_deep(routes, rng, ref=_ref(routes, number), scene_id=scene_id, place=place)
    if draft is None:
        funnel.reject(Reject.NO_ROUTE)
    return draft


def _draft_plain(
    routes: Routes,
    rng: random.Random,
    *,
    number: int,
    attempt: int,
    place: Place,
    funnel: Funnel,
) -> TaskDraft | None:
    compose = Composer(
        routes=routes,
        rng=rng,
        ref=_ref(routes, number),
        scene_id=f"s{number:04d}-{attempt:03d}",
        place=place,
        num_hops=1 + number % 2,
        funnel=funnel,
    )
    anchor = _choose_anchor(compose, by_position, turn=number // 2 if attempt < _PATIENCE else None)
    if anchor is None:
        return compose.reject(Reject.NO_ANCHOR)
    draft = by_position(compose, anchor)
    if draft is None:
        return None
    return replace(draft, caption=caption_of(routes.graph, place(draft.scene)))


def _draft_ordinary(
    routes: Routes,
    rng: random.Random,
    *,
    number: int,
    attempt: int,
    place: Place,
    funnel: Funnel,
) -> TaskDraft | None:
    is_patient = attempt < _PATIENCE
    # Hops, shapes and anchors turn at paces without a common divisor.
    num_hops = 1 + number % 3
    if num_hops == 3 and rng.random() < _P_FOUR_HOPS:
        num_hops = 4
    make = _SHAPES[number % len(_SHAPES)] if is_patient else rng.choice(_SHAPES)
    compose = Composer(
        routes=routes,
        rng=rng,
        ref=_ref(routes, number),
        scene_id=f"s{number:04d}-{attempt:03d}",
        place=place,
        num_hops=num_hops,
        funnel=funnel,
    )
    anchor = _choose_anchor(compose, make, turn=(number // 3) if is_patient else None)
    if anchor is None:
        return compose.reject(Reject.NO_ANCHOR)
    return make(compose, anchor)


_MAKERS = {"plain": _draft_plain, "ordinary": _draft_ordinary, "deep": _draft_deep}


def _choose_anchor(compose: Composer, make: _Make, *, turn: int | None) -> str | None:
    """A thing that a question of the shape can start from, of the type whose turn it is.

    Where none of that type can, of another by chance.
    """
    graph, rng = compose.routes.graph, compose.rng
    types = [t for t in _ANCHOR_TYPES if len(graph.sighted_of_type(t)) >= _MIN_ALIKE]
    first = types[turn % len(types)] if turn is not None and types else None
    for type_ in sorted(rng.sample(types, len(types)), key=lambda one: one is not first):
        things = graph.sighted_of_type(type_)
        for thing in rng.sample(things, min(len(things), _NUM_DRAWN)):
            if _is_fit(compose, make, thing.id):
                return thing.id
    return None


def _is_fit(compose: Composer, make: _Make, thing: str) -> bool:
    if not compose.routes.is_clear(thing):
        return False
    if compose.routes.graph.lookalikes(thing) and compose.rng.random() > _P_LOOKALIKE_ANCHOR:
        return False
    may_start = _MAY_START.get(make)
    return may_start is None or may_start(compose, thing)
