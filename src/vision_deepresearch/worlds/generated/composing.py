"""Puts scenes together for questions, and finishes drafts: the parts that all shapes share."""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Constraint, HopKind
from vision_deepresearch.worlds.generated.checks import (
    answer_on_page,
    has_idle_hop,
    is_unique,
    leaks,
)
from vision_deepresearch.worlds.generated.clauses import Clause, Part
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft, gold_of
from vision_deepresearch.worlds.generated.entities import EntityType, SceneSpec
from vision_deepresearch.worlds.generated.frames import (
    PLAIN,
    Frame,
    FrameKind,
    frames_of,
    is_wordable,
)
from vision_deepresearch.worlds.generated.funnel import Funnel, Reject
from vision_deepresearch.worlds.generated.positions import Position, positions_of
from vision_deepresearch.worlds.generated.routes import Arrival, Routes, Step
from vision_deepresearch.worlds.generated.scenes import LAYOUTS_FOR

Place = Callable[[SceneSpec], Mapping[str, Box]]
"""Where each thing of a scene will stand, by its id."""

_P_LOOKALIKE_BESIDE = 0.5
"""An anchor that has a look-alike has it beside it in the picture."""
_MIN_SIDE = 0.05
"""Fractions; smaller things are no fair anchors."""
_NUM_SAMPLED = 24
"""Things looked at in search of rivals."""
_NUM_ARRANGED = 5
"""Scenes put together, at the most, until words tell where the things asked about stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A scene under consideration and what is asked of it."""

    scene: SceneSpec
    boxes: Mapping[str, Box]
    rivals: tuple[str, ...]
    """Things of the anchor's type in the scene, the anchors included."""

    def positions(self, entity_id: str) -> list[Position]:
        """Words for where a thing stands that fit no other thing of the picture."""
        return positions_of(entity_id, boxes=self.boxes)

    def is_big_enough(self, entity_id: str) -> bool:
        """Whether a thing stands there, large enough to be asked about."""
        box = self.boxes.get(entity_id)
        return box is not None and min(box.width, box.height) >= _MIN_SIDE

    def tells(self, entity_id: str) -> bool:
        """Whether words say where a thing stands, and it is large enough to be asked about."""
        return self.is_big_enough(entity_id) and bool(self.positions(entity_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a shape made of its scene and route, before the last checks."""

    question: str
    frame: Frame
    builder: ProofBuilder
    constraints: tuple[Constraint, ...]
    anchors: tuple[str, ...]
    arrivals: tuple[Arrival, ...]
    """From the (first or winning) anchor to the answer; empty where the answer is the anchor."""
    other_arrivals: tuple[Arrival, ...] = ()
    """Further steps that the proof takes."""
    shape: str
    path: str = ""
    """What stands before the chain in the relation path: a comparison."""
    candidates: tuple[int, ...] = ()
    """Things or answers left open at each choice."""
    obfuscation: int = 0
    """Names replaced one inside the other."""
    named: str | None = None
    """Id of what the answer names where `arrivals` is empty; None: the first anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Puts scenes together and finishes drafts; one for each attempt."""

    routes: Routes
    rng: random.Random
    ref: str
    scene_id: str
    place: Place
    num_hops: int
    funnel: Funnel = field(default_factory=Funnel)
    given: Situation | None = None
    """The scene to ask about; None: one is put together for the question."""
    trails: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """By thing: the steps with which a route from there begins."""
    may_add: Callable[[Arrival], bool] | None = None
    """Whether a route may be made longer by a step; None: by any."""
    leads_on: bool = False
    """Whether routes end in things only, so that they can be made longer later."""

    # ------------------------------------------------------------------------------------- words

    def frame(self, kind: FrameKind) -> Frame:
        """One of the split's frames; the plain one where questions are plain."""
        if self.routes.graph.spec.depth == "plain" and kind is FrameKind.CHAIN:
            return PLAIN
        return self.rng.choice(frames_of(self.routes.graph.spec.split, kind))

    def leads(self) -> tuple[Frame, ...]:
        """The split's sentences for the first steps of a long chain."""
        return frames_of(self.routes.graph.spec.split, FrameKind.LEAD)

    def name_it(self) -> str:
        """The question where the thing itself is the answer."""
        return self.frame(FrameKind.NAME).text

    # ------------------------------------------------------------------------------------ routes

    def wander(
        self,
        start: str,
        *,
        num_steps: int,
        seen: Collection[str] = (),
        ends_in_thing: bool = False,
        may_end: Callable[[str], bool] | None = None,
    ) -> tuple[Arrival, ...] | None:
        """A random route that can be put into words; see `Routes.wander`. Trails are kept to."""
        trail = self.trails.get(start, ())[:num_steps]
        begun = self.routes.walk(trail, start=start) if trail else ()
        here = (begun[-1].entity if begun else start) if begun is not None else None
        if begun is None or (here is None and len(begun) < num_steps):
            return None
        asks_last = len(begun) == num_steps and not ends_in_thing
        last = len(begun) - 1
        if not all(is_wordable(a, is_last=asks_last and n == last) for n, a in enumerate(begun)):
            return None
        if len(begun) == num_steps:
            is_fit = here is not None and (may_end is None or may_end(here))
            return begun if is_fit or not ends_in_thing else None
        assert here is not None, "a route goes on from a thing"
        been = {start, *seen, *(one.entity for one in begun if one.entity is not None)}
        rest = self.routes.wander(
            self.rng,
            start=here,
            num_steps=num_steps - len(begun),
            seen=been,
            may_take=self._may_take,
            ends_in_thing=ends_in_thing or self.leads_on,
            may_end=may_end,
        )
        return None if rest is None else (*begun, *rest)

    def _may_take(self, arrival: Arrival, is_last: bool) -> bool:  # noqa: FBT001 - a `MayTake`
        if self.may_add is not None and not self.may_add(arrival):
            return False
        # What may be asked for now and led on from later needs words for both.
        is_mute = self.leads_on and not is_wordable(arrival, is_last=True)
        return not is_mute and is_wordable(arrival, is_last=is_last)

    def may_show(self, thing: str) -> bool:
        """Whether a scene may hold a thing: any may, but where the scene is given."""
        return self.given is None or thing in self.given.boxes

    # ------------------------------------------------------------------------------------ scenes

    def things_like(self, anchor: str) -> list[str]:
        """Some other things of the anchor's type that can stand beside it, at random."""
        graph = self.routes.graph
        if self.given is not None:
            return [thing for thing in self.given.rivals if thing != anchor]
        things = graph.sighted_of_type(graph.entity(anchor).type)
        return [
            other.id
            for other in self.rng.sample(things, k=min(len(things), _NUM_SAMPLED))
            if other.id != anchor and self.routes.is_clear(other.id)
            if not graph.lookalikes(other.id)
        ]

    def rivals_with(
        self, anchor: str, *, steps: Sequence[Step], answer: str, wanted: int
    ) -> list[str]:
        """Other things of the anchor's type for which the same steps lead elsewhere."""
        found: list[str] = []
        for other in self.things_like(anchor):
            arrivals = self.routes.walk(steps, start=other)
            if arrivals is not None and (not arrivals or arrivals[-1].text != answer):
                found.append(other)
                if len(found) == wanted:
                    break
        return found

    def situate(
        self,
        rivals: Sequence[str],
        *,
        besides: Sequence[str] = (),
        fits: Callable[[Situation], bool],
    ) -> Situation | None:
        """A scene of the rivals, other things, and perhaps a look-alike; None: none fits.

        Args:
            rivals: the anchor first, then things of its type.
            besides: things of another type that the question is about too.
            fits: what is wanted of a scene; some are put together until one fits.
        """
        if self.given is not None:
            return self.given if fits(self.given) else self.reject(Reject.NO_PLACE)
        for _ in range(_NUM_ARRANGED):
            now = self.arrange(rivals, besides=besides)
            if now is None:
                return self.reject(Reject.NO_RIVALS)
            if fits(now):
                return now
        return self.reject(Reject.NO_PLACE)

    def arrange(self, rivals: Sequence[str], *, besides: Sequence[str]) -> Situation | None:
        """One scene by chance; None: no layout is home to all of these types."""
        graph, rng = self.routes.graph, self.rng
        members = [*rivals, *besides]
        for double in graph.lookalikes(rivals[0]):
            if double not in members and rng.random() < _P_LOOKALIKE_BESIDE:
                members.append(double)
        types = {graph.entity(member).type for member in (rivals[0], *besides)}
        size = max(len(members), rng.randint(4, 7))
        type_ = graph.entity(rivals[0]).type
        others = graph.pictured_besides(type_)
        for _ in range(_NUM_SAMPLED):
            if len(members) >= size or not others:
                break
            other = rng.choice(others)
            is_alike = set(graph.lookalikes(other.id)) & set(members)
            if other.id not in members and not is_alike and other.type not in types:
                members.append(other.id)
        rng.shuffle(members)
        layouts = layouts_for([type_, *sorted(types - {type_})])
        return self._put_up(members, layouts=layouts, like=type_) if layouts else None

    def arrange_alone(self, thing: str) -> Situation:
        """A scene of one thing."""
        type_ = self.routes.graph.entity(thing).type
        return self._put_up([thing], layouts=layouts_for([type_]), like=type_)

    def _put_up(
        self, members: Sequence[str], *, layouts: Sequence[str], like: EntityType
    ) -> Situation:
        layout = self.rng.choice(layouts)
        scene = SceneSpec(id=self.scene_id, layout=layout, entity_ids=tuple(members))
        same = tuple(one for one in members if self.routes.graph.entity(one).type is like)
        return Situation(scene=scene, boxes=self.place(scene), rivals=same)

    # ------------------------------------------------------------------------------------ answers

    def end(self, start: str, *, steps: Sequence[Step]) -> str | None:
        """What the steps lead to from a thing; the thing itself where there are none."""
        if not steps:
            return self.routes.graph.entity(start).name
        arrivals = self.routes.walk(steps, start=start)
        return arrivals[-1].text if arrivals else None

    def answers(self, things: Iterable[str], *, steps: Sequence[Step]) -> set[str]:
        """Answers that the steps give for any of these things."""
        ends = (self.end(thing, steps=steps) for thing in things)
        return {end for end in ends if end is not None}

    # ------------------------------------------------------------------------------------- checks

    def reject(self, reason: Reject) -> None:
        """Count this attempt as one that came to nothing; it is given up."""
        self.funnel.reject(reason)

    def finish(self, now: Situation, outcome: Outcome) -> TaskDraft | None:
        """The draft, if it passes every check that needs no index and no picture."""
        graph, pages = self.routes.graph, self.routes.pages
        builder, arrivals = outcome.builder, outcome.arrivals
        last = arrivals[-1] if arrivals else None
        named = outcome.named or outcome.anchors[0]
        gold = gold_of(self.routes, last=last, entity_id=last.entity if last else named)
        if any(constraint.candidates_without < 2 for constraint in outcome.constraints):
            return self.reject(Reject.SHORTCUT)
        if not builder.has_pages():
            return self.reject(Reject.NOT_REACHABLE)
        if leaks(outcome.question, builder=builder, gold=gold):
            return self.reject(Reject.LEAK)
        if not is_unique(self.routes, (*arrivals, *outcome.other_arrivals)):
            return self.reject(Reject.NOT_UNIQUE)
        if last is not None and has_idle_hop(self.routes, arrivals, answer=last.text):
            return self.reject(Reject.SHORTCUT)
        if self.num_hops > 1 and any(
            answer_on_page(gold, pages.document(pages.article(anchor)))
            for anchor in outcome.anchors
        ):
            return self.reject(Reject.SHORTCUT)
        has_double = any(graph.lookalikes(anchor) for anchor in outcome.anchors)
        is_demo = len(outcome.anchors) > 1 and self.num_hops > 1 and not has_double
        question = outcome.question
        return TaskDraft(
            ref=self.ref,
            question=question[0].upper() + question[1:],
            gold=gold.model_copy(update={"entities": builder.entities()}),
            scene=now.scene,
            hops=tuple(builder.hops),
            constraints=outcome.constraints,
            entities=builder.entities(),
            route=arrivals,
            strata={
                "hops": str(self.num_hops),
                "shape": outcome.shape,
                "anchor": graph.entity(outcome.anchors[0]).type.value,
                "answer": gold.type.value,
                "lookalike": "yes" if has_double else "no",
                "demo": "yes" if is_demo else "no",
                "path": path_of(graph.entity(outcome.anchors[0]).type, outcome),
                "frame": outcome.frame.id,
                "candidates": "-".join(map(str, outcome.candidates)),
                "obfuscation": str(outcome.obfuscation),
                "dated": "yes" if any(_is_dated(one) for one in arrivals) else "no",
                **difficulty_of(builder),
            },
        )


def layouts_for(types: Collection[EntityType]) -> list[str]:
    """Layouts in which things of all these types are at home."""
    first, *rest = types
    return [
        layout for layout in LAYOUTS_FOR[first] if all(layout in LAYOUTS_FOR[one] for one in rest)
    ]


def path_of(anchor: EntityType, outcome: Outcome) -> str:
    """The relations of a question, for example "organisation:founded_by>born_in"."""
    return f"{anchor.value}:{outcome.path}{'>'.join(names_of(outcome.arrivals))}"


def names_of(arrivals: Iterable[Arrival]) -> list[str]:
    """The relations of a chain, for example ["founded_by", "^designed_by"]."""
    return [
        f"{'^' if arrival.step.inverse else ''}{arrival.step.relation.name}" for arrival in arrivals
    ]


def difficulty_of(builder: ProofBuilder) -> dict[str, str]:
    """What the proof alone decides of a task's difficulty vector; see `tasks`."""
    pages: dict[str, None] = {}
    searches: dict[tuple[str | None, str | None, bool], None] = {}
    looks = 0
    for hop in builder.hops:
        if hop.photo is not None:
            looks += 1
            searches.setdefault((hop.subject, None, False))
            pages.setdefault(hop.photo.page)
        elif hop.kind is HopKind.LOOK:
            looks = 1  # all things of a picture are cropped in one call
        elif hop.kind is HopKind.FOLLOW:
            if hop.pages[0] not in pages:
                searches.setdefault((hop.subject, hop.predicate, hop.inverse))
            pages.setdefault(hop.pages[0])
    sites = {url.split("/")[2] for url in pages}
    return {
        "pages": str(len(pages)),
        "sites": str(len(sites)),
        "calls": str(looks + len(searches) + len(pages)),
    }


def constraints_of(parts: Iterable[Part]) -> tuple[Constraint, ...]:
    """The conditions of descriptions, for a proof."""
    return tuple(
        Constraint(
            text=part.text,
            predicate=part.predicate,
            value=part.value,
            candidates_without=part.candidates_without,
            about=part.about,
        )
        for part in dict.fromkeys(parts)
    )


def names_in(clause: Clause) -> frozenset[str]:
    """Ids of things that a clause is about, whether it names or describes them."""
    ids = {clause.value_id, clause.start_id, *(arrival.entity for arrival in clause.chain)}
    return frozenset(one for one in ids if one is not None)


def _is_dated(arrival: Arrival) -> bool:
    return arrival.step.relation.name.startswith("former_")
