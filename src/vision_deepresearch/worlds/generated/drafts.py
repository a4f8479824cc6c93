"""A task before its picture is drawn: question, gold, scene, and the proof that it has one answer."""

from dataclasses import dataclass, field

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import MATCHING, Constraint, Hop, HopKind, PagePhoto, Proof
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.worlds.generated.article_photos import ArticlePhoto
from vision_deepresearch.worlds.generated.entities import SceneSpec
from vision_deepresearch.worlds.generated.facts import write_literal
from vision_deepresearch.worlds.generated.relations import Range
from vision_deepresearch.worlds.generated.routes import Arrival, Routes

RULES = {
    Range.YEAR: ("earliest", "latest"),
    Range.DATE: ("earliest", "latest"),
    Range.NUMBER: ("smallest", "largest"),
}
"""How `Hop.rule` names the least and the greatest value of a range."""
PHOTO_LABEL = "article"
"""`Hop.label` of looks at photos: in queries it leads to the page that shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDraft:
    """All of a task but its picture."""

    ref: str
    question: str
    gold: Gold
    scene: SceneSpec
    hops: tuple[Hop, ...]
    constraints: tuple[Constraint, ...]
    entities: tuple[str, ...]
    """Names along the route, in order."""
    strata: dict[str, str]
    route: tuple[Arrival, ...] = ()
    """From the (first or winning) thing of the picture to the answer; deep tasks: not told."""
    caption: str | None = None
    """The picture in words, for modes that show those in its place; plain tasks have one."""

    def task(self, *, images: tuple[ImageRef, ...], world_id: str) -> Task:
        """The task, once the scene is drawn. Its cluster is the picture."""
        return Task(
            id=fingerprint(ref=self.ref, question=self.question, images=images, gold=self.gold),
            ref=self.ref,
            kind="fuzzy",
            question=self.question,
            images=images,
            gold=self.gold,
            strata=self.strata,
            cluster=images[0].sha256 if images else None,
            extra={} if self.caption is None else {"caption": self.caption},
            provenance={"world": world_id, "scene": self.scene.id},
        )

    def proof(self, task_id: str) -> Proof:
        """The route, under the id that the task got."""
        return Proof(
            task_id=task_id,
            hops=self.hops,
            constraints=self.constraints,
            entities=self.entities,
        )


@dataclass(slots=True, kw_only=True)
class ProofBuilder:
    """Collects the hops of a proof; each method returns the new hop's id."""

    routes: Routes
    hops: list[Hop] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """Entity id of what each hop with a name yields."""

    def look(self, entity_id: str, *, box: Box) -> str:
        """Recognise a thing in a region of the picture."""
        names = self.routes.names(self.routes.graph.entity(entity_id))
        hop = Hop(
            id=self._next_id(),
            kind=HopKind.LOOK,
            box=box,
            pages=self.routes.pages_showing(entity_id),
            expected=names[0],
            aliases=names[1:],
        )
        return self._add(hop, entity_id=entity_id)

    def look_at_photo(self, entity_id: str, *, box: Box, photo: ArticlePhoto, subject: str) -> str:
        """Recognise a thing in the photo on an article; `subject` is the hop that leads there."""
        names = self.routes.names(self.routes.graph.entity(entity_id))
        hop = Hop(
            id=self._next_id(),
            kind=HopKind.LOOK,
            subject=subject,
            label=PHOTO_LABEL,
            photo=PagePhoto(page=self.routes.pages.article(photo.owner), url=photo.url),
            box=box,
            pages=self.routes.pages_showing(entity_id),
            expected=names[0],
            aliases=names[1:],
        )
        return self._add(hop, entity_id=entity_id)

    def given(self, text: str, *, shown: str = "") -> str:
        """Words of the question; `shown`: how it writes them, where not so."""
        hop = Hop(
            id=self._next_id(), kind=HopKind.GIVEN, text=text, shown=shown or text, expected=text
        )
        return self._add(hop, entity_id=None)

    def given_thing(self, entity_id: str) -> str:
        """A thing that the question names."""
        return self.given(self.routes.graph.entity(entity_id).name)

    def follow(self, arrival: Arrival, *, subject: str, is_secret: bool = True) -> str:
        """Read a value from a page; `subject` is a hop id. A secret may not stand in the question."""
        names: tuple[str, ...] = (arrival.text,)
        if arrival.entity is not None:
            names = self.routes.names(self.routes.graph.entity(arrival.entity))
        hop = Hop(
            id=self._next_id(),
            kind=HopKind.FOLLOW,
            subject=subject,
            predicate=arrival.step.relation.name,
            label=arrival.step.label,
            inverse=arrival.step.inverse,
            one_of_several=arrival.one_of_several,
            pages=self.routes.pages_stating(arrival),
            expected=names[0],
            aliases=names[1:],
        )
        return self._add(hop, entity_id=arrival.entity if is_secret else None)

    def follow_all(
        self, arrivals: tuple[Arrival, ...], *, subject: str, is_secret: bool = True
    ) -> str:
        """Follow a chain; returns the id of its last hop, or the subject where it is empty."""
        for arrival in arrivals:
            subject = self.follow(arrival, subject=subject, is_secret=is_secret)
        return subject

    def pick_matching(
        self, over: tuple[str, ...], *, among: tuple[str, ...], like: str, entity_id: str
    ) -> str:
        """Choose, of what the hops `among` yield, that whose value agrees with that of `like`."""
        names = self.routes.names(self.routes.graph.entity(entity_id))
        hop = Hop(
            id=self._next_id(),
            kind=HopKind.PICK,
            over=over,
            among=among,
            like=like,
            rule=MATCHING,
            expected=names[0],
            aliases=names[1:],
        )
        return self._add(hop, entity_id=entity_id)

    def pick(self, over: tuple[str, ...], *, rule: str, entity_id: str) -> str:
        """Choose the subject with the extreme value among follow hops."""
        names = self.routes.names(self.routes.graph.entity(entity_id))
        hop = Hop(
            id=self._next_id(),
            kind=HopKind.PICK,
            over=over,
            rule=rule,
            expected=names[0],
            aliases=names[1:],
        )
        return self._add(hop, entity_id=entity_id)

    def entities(self) -> tuple[str, ...]:
        """Names along the route, in order, once each."""
        graph = self.routes.graph
        ids = (self.ids[hop.id] for hop in self.hops if hop.id in self.ids)
        return tuple(graph.entity(entity_id).name for entity_id in dict.fromkeys(ids))

    def has_pages(self) -> bool:
        """Whether every look and follow has a page that proves it."""
        needing = {HopKind.LOOK, HopKind.FOLLOW}
        return all(hop.pages for hop in self.hops if hop.kind in needing)

    def _next_id(self) -> str:
        return f"h{len(self.hops) + 1}"

    def _add(self, hop: Hop, *, entity_id: str | None) -> str:
        self.hops.append(hop)
        if entity_id is not None:
            self.ids[hop.id] = entity_id
        return hop.id


def gold_of(routes: Routes, *, last: Arrival | None, entity_id: str | None) -> Gold:
    """The gold for the end of a route.

    Args:
        routes: of the world.
        last: the last step, if any was taken after the comparison.
        entity_id: what the answer names, if it is a thing.
    """
    if entity_id is not None:
        names = routes.names(routes.graph.entity(entity_id))
        return Gold(answers=names, type=AnswerType.NAME)
    assert last is not None, "an answer that is no thing comes from a step"
    assert last.fact.literal is not None, "a value is a thing or a literal"
    relation, literal = last.step.relation, last.fact.literal
    if relation.range is Range.NUMBER:
        return Gold(answers=(str(literal),), type=AnswerType.NUMBER, unit=relation.unit or None)
    written = write_literal(literal, relation=relation)
    answers = tuple(dict.fromkeys((written, str(literal))))
    return Gold(answers=answers, type=AnswerType.DATE)
