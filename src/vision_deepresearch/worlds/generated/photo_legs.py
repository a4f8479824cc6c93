"""Questions whose route leads through photos on articles: a look, steps, another look, steps.

A leg begins at a thing that is seen and takes steps to what the next article is about; the photo on
that article shows where the next leg begins. No words lead from one leg to the next.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.task import Gold
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.article_photos import ArticlePhoto, photo_of, place_photo
from vision_deepresearch.worlds.generated.checks import answer_on_page
from vision_deepresearch.worlds.generated.composing import (
    Composer,
    Outcome,
    Situation,
    names_of,
)
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft, gold_of
from vision_deepresearch.worlds.generated.frames import (
    Frame,
    FrameKind,
    frames_of,
    is_wordable,
    lead_in,
)
from vision_deepresearch.worlds.generated.funnel import Reject
from vision_deepresearch.worlds.generated.positions import Position
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
from vision_deepresearch.worlds.generated.shapes import place_constraint, question_end

SHAPE = "photo"
"""What the strata call such questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A thing that is seen, and the steps from there."""

    thing: str
    """Entity id."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A leg with all that a question says of it."""

    leg: Leg
    now: Situation
    """The picture it begins in."""
    photo: ArticlePhoto | None
    """That picture; None: it is the question's."""
    position: Position
    where: str
    """Its place, in words."""
    arrivals: tuple[Arrival, ...]


def sight_of(routes: Routes, owner: str) -> tuple[ArticlePhoto, Situation] | None:
    """The photo on a thing's article, with what is of its type as rivals; None: it has none."""
    graph = routes.graph
    photo = photo_of(graph, owner)
    if photo is None:
        return None
    same = [one for one in photo.scene.entity_ids if graph.entity(one).type is photo.type]
    boxes = place_photo(graph, photo)
    return photo, Situation(scene=photo.scene, boxes=boxes, rivals=tuple(same))


def seen_next(routes: Routes, owner: str) -> tuple[str, ...]:
    """Things in the photo on an article that words tell from all else that it shows."""
    sight = sight_of(routes, owner)
    return tuple(one for one in sight[1].rivals if sight[1].tells(one)) if sight is not None else ()


def by_photos(compose: Composer, legs: Sequence[Leg]) -> TaskDraft | None:
    """The question that these legs give; the first begins in the given scene.

    `compose.num_hops` counts all steps, and each photo as one.
    """
    routes, now = compose.routes, compose.given
    assert now is not None, "such questions are asked about pictures that are there"
    stages = _stages(compose, now, legs)
    if stages is None:
        return compose.reject(Reject.NO_ROUTE)
    last = stages[-1].arrivals[-1] if stages[-1].arrivals else None
    answer = last.text if last is not None else routes.graph.entity(legs[-1].thing).name
    gold = gold_of(routes, last=last, entity_id=last.entity if last is not None else legs[-1].thing)
    if _tells(routes, stages[1:], gold) or _is_idle(routes, stages, answer=answer):
        return compose.reject(Reject.SHORTCUT)
    frame = compose.rng.choice([
        one for one in frames_of(routes.graph.spec.split, FrameKind.CHAIN) if "{anchor}" in one.text
    ])
    constraints = tuple(
        place_constraint(
            stage.where,
            stage.position,
            candidates=len({
                end
                for rival in stage.now.rivals
                if (end := _end(routes, rival, stages[number:])) is not None
            }),
        )
        for number, stage in enumerate(stages)
    )
    return compose.finish(
        now,
        Outcome(
            question=_question(compose, frame, stages),
            frame=frame,
            builder=_proof(routes, stages),
            constraints=constraints,
            anchors=(legs[0].thing,),
            arrivals=stages[-1].arrivals,
            other_arrivals=tuple(one for stage in stages[:-1] for one in stage.arrivals),
            shape=SHAPE,
            path="".join(map(_path, stages[:-1])),
            candidates=tuple(one.candidates_without for one in constraints),
            named=legs[-1].thing,
        ),
    )


def _stages(compose: Composer, now: Situation, legs: Sequence[Leg]) -> list[_Stage] | None:
    """The legs walked; None: one of them leads nowhere, or cannot be put into words."""
    routes = compose.routes
    stages: list[_Stage] = []
    photo: ArticlePhoto | None = None
    for number, leg in enumerate(legs):
        is_last = number == len(legs) - 1
        arrivals = routes.walk(leg.steps, start=leg.thing)
        if arrivals is None or not now.tells(leg.thing):
            return None
        ends = [is_last and one is arrivals[-1] for one in arrivals]
        if not all(is_wordable(one, is_last=end) for one, end in zip(arrivals, ends, strict=True)):
            return None
        position = compose.rng.choice(now.positions(leg.thing))
        where = compose.rng.choice(position.phrases)
        if photo is not None:
            where = where.replace("the picture", "that photo")
        stages.append(
            _Stage(leg=leg, now=now, photo=photo, position=position, where=where, arrivals=arrivals)
        )
        if is_last:
            break
        end = _reached(leg.thing, arrivals)
        sight = sight_of(routes, end) if end is not None else None
        if sight is None or legs[number + 1].thing not in sight[1].rivals:
            return None
        photo, now = sight
    return stages


def _reached(start: str, arrivals: Sequence[Arrival]) -> str | None:
    """The thing that steps lead to; None: no thing."""
    return arrivals[-1].entity if arrivals else start


def _end(routes: Routes, thing: str, stages: Sequence[_Stage]) -> str | None:
    """The answer, if another thing were meant where the first of the stages begins."""
    here: str | None = thing
    for number, stage in enumerate(stages):
        if number:
            here = _at_place(routes, here, stage) if here is not None else None
        if here is None:
            return None
        arrivals = routes.walk(stage.leg.steps, start=here)
        if arrivals is None:
            return None
        if stage is stages[-1]:
            return arrivals[-1].text if arrivals else routes.graph.entity(here).name
        here = _reached(here, arrivals)
    return None


def _at_place(routes: Routes, owner: str, like: _Stage) -> str | None:
    """What the photo on another article shows at the place where the stage's thing is in its own."""
    sight = sight_of(routes, owner)
    type_ = routes.graph.entity(like.leg.thing).type
    if sight is None or sight[0].type is not type_:
        return None
    fitting = (one for one in sight[1].rivals if like.position in sight[1].positions(one))
    return next(fitting, None)


def _tells(routes: Routes, stages: Sequence[_Stage], gold: Gold) -> bool:
    """Whether an article says in words what its photo shows, or the answer."""
    for stage in stages:
        assert stage.photo is not None, "all stages but the first begin in a photo"
        page = routes.pages.document(routes.pages.article(stage.photo.owner))
        shown = Gold(answers=routes.names(routes.graph.entity(stage.leg.thing)))
        if answer_on_page(shown, page) or answer_on_page(gold, page):
            return True
    return False


def _is_idle(routes: Routes, stages: Sequence[_Stage], *, answer: str) -> bool:
    """Whether the answer is the same without some steps, or without a photo."""
    for number, stage in enumerate(stages[:-1]):
        steps = stage.leg.steps
        for kept in range(len(steps)):
            shorter = _Stage(
                leg=Leg(thing=stage.leg.thing, steps=steps[:kept]),
                now=stage.now,
                photo=stage.photo,
                position=stage.position,
                where=stage.where,
                arrivals=stage.arrivals[:kept],
            )
            if _end(routes, stage.leg.thing, [shorter, *stages[number + 1 :]]) == answer:
                return True
        end = _reached(stage.leg.thing, stage.arrivals)
        if end is not None and _end(routes, end, stages[number + 1 :]) == answer:
            return True
    return False


def _proof(routes: Routes, stages: Sequence[_Stage]) -> ProofBuilder:
    builder = ProofBuilder(routes=routes)
    here = ""
    for stage in stages:
        box = stage.now.boxes[stage.leg.thing]
        if stage.photo is None:
            here = builder.look(stage.leg.thing, box=box)
        else:
            here = builder.look_at_photo(stage.leg.thing, box=box, photo=stage.photo, subject=here)
        here = builder.follow_all(stage.arrivals, subject=here)
    return builder


def _question(compose: Composer, frame: Frame, stages: Sequence[_Stage]) -> str:
    rng, graph = compose.rng, compose.routes.graph
    types = [graph.entity(stage.leg.thing).type for stage in stages]
    seen = [
        rng.choice(phrases.ANCHORS[type_]).format(where=stage.where)
        for type_, stage in zip(types, stages, strict=True)
    ]
    about = f"that {phrases.NOUNS[types[0]]}"
    told: list[str] = []
    for number, stage in enumerate(stages[:-1]):
        before, about = lead_in(stage.arrivals, rng=rng, about=about, leads=compose.leads())
        told += [
            *before,
            compose.frame(FrameKind.PHOTO).text.format(x=about, seen=seen[number + 1]),
        ]
        about = _that(phrases.NOUNS[types[number + 1]], [seen[0], *told[:-1], about], rng)
    noun = about.removeprefix("that ")
    told.append(question_end(compose, stages[-1].arrivals, noun=noun))
    return frame.text.format(anchor=seen[0], ask_that=" ".join(told))


def _that(noun: str, before: Sequence[str], rng: random.Random) -> str:
    """What is seen in a photo, taken up again so that nothing named before can be meant."""
    is_met = any(re.search(rf"\b{noun}\b", one) for one in before)
    return f"that {noun} in the photo" if is_met or rng.random() < 0.5 else f"that {noun}"


def _path(stage: _Stage) -> str:
    """The steps before a photo, and the photo: for example "built_by>[photo]>"."""
    return "".join(f"{name}>" for name in (*names_of(stage.arrivals), "[photo]"))
