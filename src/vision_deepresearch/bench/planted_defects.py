"""Plants one defect into a sound question, or into the pages it rests on.

Each function returns the question as planted, or None where this question does not lend itself;
what it changes on pages goes into the tampered world. The graph of the world may be used here: the
one who plants may know everything, the one who checks may not.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from vision_deepresearch.bench.tampered_world import TamperedWorld
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Constraint, Hop, HopKind, Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.routes import Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A question without faults, and what the planter knows of its world."""

    task: Task
    proof: Proof
    pages: PageSet
    markdown: Mapping[str, str]
    """By address."""

    @property
    def steps(self) -> list[Hop]:
        """Hops that follow a relation, in order."""
        return [hop for hop in self.proof.hops if hop.kind is HopKind.FOLLOW]

    @property
    def looks(self) -> list[Hop]:
        """Hops at the picture, in order."""
        return [hop for hop in self.proof.hops if hop.kind is HopKind.LOOK]

    def subject(self, hop: Hop) -> Hop:
        """What a step starts from."""
        return next(one for one in self.proof.hops if one.id == hop.subject)

    def thing(self, hop: Hop) -> str:
        """Entity id of what a hop with a name yields."""
        return self.pages.graph.named(hop.expected)[0].id

    def with_question(self, question: str) -> tuple[Task, Proof]:
        """The same proof under another question."""
        return self.task.model_copy(update={"question": question}), self.proof

    def with_proof(self, **changes: object) -> tuple[Task, Proof]:
        """The same question with a changed proof."""
        return self.task, self.proof.model_copy(update=changes)


Planted = tuple[Task, Proof] | None
Planter = Callable[[Sound, TamperedWorld], Planted]


def second_answer(sound: Sound, world: TamperedWorld) -> Planted:
    """The row that gives the answer gives another one as well."""
    hop = sound.steps[-1]
    if hop is not sound.proof.hops[-1]:
        return None
    url, other = hop.pages[0], _other_value(sound, hop)
    row = _row(sound, hop)
    if row is None or other is None or url in world.edits:
        return None
    label, cell = row
    world.edits[url] = [(f"| {label} | {cell} |", f"| {label} | {cell} |\n| {label} | {other} |")]
    return sound.task, sound.proof


def dead_page(sound: Sound, world: TamperedWorld) -> Planted:
    """All pages of one step are gone."""
    hop = sound.steps[len(sound.task.question) % len(sound.steps)]
    world.dead |= set(hop.pages)
    return sound.task, sound.proof


def unreachable_page(sound: Sound, world: TamperedWorld) -> Planted:
    """No search and no link leads to any page of the last step."""
    world.hidden |= set(sound.steps[-1].pages)
    return sound.task, sound.proof


def answer_in_question(sound: Sound, world: TamperedWorld) -> Planted:
    """The question says what it asks for, in one of its forms."""
    del world
    assert sound.task.gold is not None
    answers = sound.task.gold.answers
    said = answers[len(sound.task.id) % len(answers)]
    if said.isdecimal() and int(said) > 2100:
        said = f"{int(said):,}"
    return sound.with_question(f"{sound.task.question} (It is not far from {said.upper()}.)")


def anchor_named(sound: Sound, world: TamperedWorld) -> Planted:
    """The question names what was to be recognised, or calls it by its other name."""
    del world
    look = sound.looks[-1]
    name = (*look.aliases, look.expected)[0]
    return sound.with_question(f"{sound.task.question} I mean {name}, of course.")


def answer_on_first_page(sound: Sound, world: TamperedWorld) -> Planted:
    """The first page about the anchor tells the answer of a longer question in passing."""
    if int(sound.task.strata["hops"]) < 2:
        return None
    assert sound.task.gold is not None
    url = sound.looks[0].pages[0]
    world.added.setdefault(url, []).append(f"Old guides mention {sound.task.gold.answers[0]} here.")
    return sound.task, sound.proof


def wrong_box(sound: Sound, world: TamperedWorld) -> Planted:
    """The box is somewhere else in the picture."""
    del world
    look = sound.looks[0]
    assert look.box is not None
    near = look.box.scaled(1.6)
    for box in _places(look.box):
        if box.scaled(1.6).iou(near) == 0:
            moved = look.model_copy(update={"box": box})
            hops = [moved if hop.id == look.id else hop for hop in sound.proof.hops]
            return sound.with_proof(hops=tuple(hops))
    return None


def redundant_condition(sound: Sound, world: TamperedWorld) -> Planted:
    """A true condition more, which nothing depends on."""
    del world
    if len(sound.looks) > 1:
        return None
    first = sound.proof.constraints[0]
    if first.predicate == "position":
        more = next(_true_clauses(sound), None)
    else:
        more = first.model_copy(update={"text": "as far as known"})
    if more is None:
        return None
    task, _ = sound.with_question(f"{sound.task.question} Note that it {more.text}.")
    return task, sound.proof.model_copy(update={"constraints": (*sound.proof.constraints, more)})


def contradictory_claim(sound: Sound, world: TamperedWorld) -> Planted:
    """A thread elsewhere says something else about one step, in the words of a page."""
    for hop in sound.steps[::-1]:
        other = _other_value(sound, hop)
        said = _sentence(sound, hop)
        if other is None or said is None:
            continue
        sentence, value = said
        page = _an_unrelated_page(sound, world)
        world.added.setdefault(page, []).append(
            f"- Somebody at the market swears: {sentence.replace(value, other)}"
        )
        return sound.task, sound.proof
    return None


def picture_not_needed(sound: Sound, world: TamperedWorld) -> Planted:
    """The condition fits a single thing of the whole world: nobody has to look."""
    del world
    if len(sound.looks) > 1:
        return None
    for clause in _true_clauses(sound):
        if clause.candidates_without == 1:
            task, _ = sound.with_question(
                f"Find the one that {clause.text}. {sound.task.question.split('. ')[-1]}"
            )
            return task, sound.proof.model_copy(update={"constraints": (clause,)})
    return None


PLANTERS: dict[str, tuple[Planter, Check]] = {
    "second answer": (second_answer, Check.UNIQUE),
    "contradictory claim": (contradictory_claim, Check.UNIQUE),
    "dead page": (dead_page, Check.REACHABLE),
    "unreachable page": (unreachable_page, Check.REACHABLE),
    "answer on first page": (answer_on_first_page, Check.NO_SHORTCUT),
    "redundant condition": (redundant_condition, Check.NO_SHORTCUT),
    "picture not needed": (picture_not_needed, Check.NO_SHORTCUT),
    "answer in question": (answer_in_question, Check.NO_LEAK),
    "anchor named": (anchor_named, Check.NO_LEAK),
    "wrong box": (wrong_box, Check.SOLVABLE),
}
"""Class of defects -> who plants it, and the check that must object."""


# ---------------------------------------------------------------------------------------- pieces


def _routes(sound: Sound) -> Routes:
    return Routes(graph=sound.pages.graph, pages=sound.pages)


def _row(sound: Sound, hop: Hop) -> tuple[str, str] | None:
    """Label and cell of the row that states a hop's value on its first page."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", sound.markdown[hop.pages[0]], re.MULTILINE)
    digits = re.sub(r"\D", "", hop.expected)
    for label, cell in rows:
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
        if plain == hop.expected or (hop.expected.isdecimal() and plain == digits):
            return label, cell
    return None


def _other_value(sound: Sound, hop: Hop) -> str | None:
    """A wrong value of the same form, as Markdown."""
    graph = sound.pages.graph
    if re.fullmatch(r"\d{4}", hop.expected):
        return str(int(hop.expected) - 3)
    if hop.expected[:1].isdigit():
        return None
    for entity in graph.of_type(graph.entity(sound.thing(hop)).type):
        is_other = entity.name != hop.expected and not graph.is_homonym(entity.id)
        if is_other and entity.name not in {one.expected for one in sound.proof.hops}:
            return f"[{entity.name}]({sound.pages.article(entity.id)})"
    return None


def _sentence(sound: Sound, hop: Hop) -> tuple[str, str] | None:
    """A sentence that names the subject and links to or states the value, and the value in it."""
    subject = sound.subject(hop).expected
    for url in hop.pages:
        for sentence in re.split(r"(?<=\.)\s+|\n", sound.markdown[url]):
            if sentence.startswith(("|", "#")) or f"[{subject}" in sentence:
                continue
            linked = re.search(rf"\[{re.escape(hop.expected)}\]\([^)]*\)", sentence)
            value = linked.group() if linked else hop.expected
            if subject in sentence and sentence.count(value) == 1 and sentence.endswith("."):
                return sentence.removeprefix("- "), value
    return None


def _an_unrelated_page(sound: Sound, world: TamperedWorld) -> str:
    """A thread nobody has written into, that no hop needs."""
    threads = [url for url in sound.markdown if "/t/" in url or "courier" in url]
    free = [url for url in threads if url not in world.added and url not in sound.proof.pages]
    return free[len(world.added) % len(free)]


def _places(box: Box) -> Iterator[Box]:
    """The box moved over the picture."""
    for column in range(5):
        for row in range(5):
            x, y = column * (1 - box.width) / 4, row * (1 - box.height) / 4
            yield Box.clipped(x, y, x + box.width, y + box.height)


def _true_clauses(sound: Sound) -> Iterator[Constraint]:
    """Conditions that the anchor fulfils, beside the route; how many things do, counted."""
    graph, routes = sound.pages.graph, _routes(sound)
    anchor = sound.thing(sound.looks[0])
    used = {hop.predicate for hop in sound.steps}
    names = {hop.expected for hop in sound.proof.hops}
    for relation in graph.relations(anchor):
        fact = graph.fact(anchor, relation.name)
        if fact is None or fact.key in routes.pages.disputed:
            continue
        if relation.name in used or not relation.functional:
            continue
        value = graph.write(fact)
        if value in names or (fact.object is not None and not routes.is_clear(fact.object)):
            continue
        alike = [one.id for one in graph.of_type(relation.domain)]
        yield Constraint(
            text=f"is the one with {value} as {relation.label}",
            predicate=relation.name,
            value=value,
            candidates_without=sum(graph.value(one, relation.name) == value for one in alike),
        )
