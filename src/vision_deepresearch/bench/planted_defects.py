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
from vision_deepresearch.core.proof import MATCHING, Constraint, Hop, HopKind, Proof
from vision_deepresearch.core.task import Task
from vision_deepresearch.evals.checker.report import Check
from vision_deepresearch.evals.checker.wording import descriptions
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.relations import FORMER, Range
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
    beaten = _beaten(sound.proof)
    for hop in sound.steps[::-1]:
        if hop.id in beaten:
            continue  # that it has another value makes it no better
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


def condition_fits_two(sound: Sound, world: TamperedWorld) -> Planted:
    """Another of the things chosen between has what is wanted too, by its own page."""
    for pick in sound.proof.hops:
        if pick.rule != MATCHING:
            continue
        hops = {hop.id: hop for hop in sound.proof.hops}
        told = [(hops[one], hops[over]) for one, over in zip(pick.among, pick.over, strict=True)]
        won = next(over for one, over in told if one.expected == pick.expected)
        row = _row(sound, won)
        for one, over in told:
            url, own = over.pages[0], _row(sound, over)
            is_same = one.expected == pick.expected or over.subject == won.subject
            if is_same or row is None or own is None or row == own or url in world.edits:
                continue
            if sound.markdown[url].count(f"| {own[0]} | {own[1]} |") != 1:
                continue
            line = f"| {own[0]} | {own[1]} |"
            world.edits[url] = [(line, f"{line}\n| {own[0]} | {row[1]} |")]
            return sound.task, sound.proof
    return None


_AFTER_ALL = 2077
"""A year in which nothing of these worlds has ended yet."""


def year_outside(sound: Sound, world: TamperedWorld) -> Planted:
    """The question asks who it was in a year in which it was another."""
    del world
    graph = sound.pages.graph
    for hop in sound.steps:
        if not (hop.predicate or "").startswith(FORMER) or hop.one_of_several:
            continue
        fact = graph.fact(sound.thing(sound.subject(hop)), hop.predicate or "")
        if fact is None or fact.since is None or fact.until is None:
            continue
        question = sound.task.question
        for year in re.findall(r"\bin ([12]\d{3})\b", question):
            if fact.since <= int(year) <= fact.until:
                later = str(fact.until + 7)
                return sound.with_question(question.replace(f"in {year}", f"in {later}"))
        return sound.with_question(f"{question} By former I mean: in {_AFTER_ALL}.")
    return None


def idle_replacement(sound: Sound, world: TamperedWorld) -> Planted:
    """A description that fits one thing says one thing more."""
    del world
    for one in descriptions(sound.proof):
        for more in _true_clauses(sound, of=sound.pages.graph.named(one.about)[0].id):
            part = one.parts[0]
            if more.predicate in {other.predicate for other in one.parts}:
                continue
            if sound.task.question.count(part.text) != 1:
                continue
            said = f"{part.text} and {more.text}"
            task, _ = sound.with_question(sound.task.question.replace(part.text, said))
            idle = more.model_copy(update={"about": one.about})
            return task, sound.proof.model_copy(
                update={"constraints": (*sound.proof.constraints, idle)}
            )
    return None


def alias_leaked(sound: Sound, world: TamperedWorld) -> Planted:
    """The question tells the other name of a thing on the way."""
    del world
    for hop in sound.steps:
        if hop.aliases and hop.expected in sound.proof.entities:
            return sound.with_question(
                f"{sound.task.question} (It has to do with {hop.aliases[0]}.)"
            )
    return None


def band_fits_rival(sound: Sound, world: TamperedWorld) -> Planted:
    """The range that singles a thing out is so wide that others beside it fit."""
    del world
    first = sound.proof.constraints[0]
    if len(sound.looks) > 1 or first.predicate == "position":
        return None
    graph = sound.pages.graph
    anchor = sound.thing(sound.looks[0])
    for relation in graph.relations(anchor):
        fact = graph.fact(anchor, relation.name)
        if relation.range is not Range.NUMBER or fact is None or fact.key in sound.pages.disputed:
            continue
        numbers = [
            other.literal
            for thing in graph.of_type(relation.domain)
            if (other := graph.fact(thing.id, relation.name)) is not None
            if isinstance(other.literal, int)
        ]
        low, high = min(numbers), max(numbers)
        wide = Constraint(
            text=f"has between {low:,} and {high:,} as {relation.label}",
            predicate=relation.name,
            value=f"{low}..{high}",
            candidates_without=first.candidates_without,
        )
        task, _ = sound.with_question(sound.task.question.replace(first.text, wide.text))
        return task, sound.proof.model_copy(update={"constraints": (wide,)})
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
    "condition fits two": (condition_fits_two, Check.UNIQUE),
    "year outside": (year_outside, Check.UNIQUE),
    "band fits a rival": (band_fits_rival, Check.UNIQUE),
    "idle replacement": (idle_replacement, Check.NO_SHORTCUT),
    "alias leaked": (alias_leaked, Check.NO_LEAK),
}
"""Class of defects -> who plants it, and the check that must object."""


# ---------------------------------------------------------------------------------------- pieces


def _beaten(proof: Proof) -> set[str]:
    """Ids of hops that speak of things chosen between that are not chosen."""
    hops = {hop.id: hop for hop in proof.hops}
    ids: set[str] = set()
    for pick in proof.hops:
        for one, over in zip(pick.among, pick.over, strict=False):
            here: str | None = over if hops[one].expected != pick.expected else None
            while here is not None:
                ids.add(here)
                here = hops[here].subject if here != one else None
    return ids


def _routes(sound: Sound) -> Routes:
    return Routes(graph=sound.pages.graph, pages=sound.pages)


def _row(sound: Sound, hop: Hop) -> tuple[str, str] | None:
    """Label and cell of the row that states a hop's value on its first page."""
    if hop.pages[0] not in sound.markdown:
        return None
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", sound.markdown[hop.pages[0]], re.MULTILINE)
    digits = re.sub(r"\D", "", hop.expected)
    for label, cell in rows:
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).partition(" (")[0]
        if plain == hop.expected or (hop.expected.isdecimal() and plain == digits):
            return label, cell
    return None


def _other_value(sound: Sound, hop: Hop) -> str | None:
    """A wrong value of the same form, as Markdown."""
    graph = sound.pages.graph
    if re.fullmatch(r"\d{4}", hop.expected):
        return str(int(hop.expected) - 30)  # another decade: choices are made by decades
    if hop.expected[:1].isdigit():
        return None
    named = graph.named(hop.expected)  # nothing where it is a word
    for entity in graph.of_type(named[0].type) if named else ():
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


def _true_clauses(sound: Sound, *, of: str | None = None) -> Iterator[Constraint]:
    """Conditions that the anchor, or a thing, fulfils, beside the route; how many do, counted."""
    graph, routes = sound.pages.graph, _routes(sound)
    anchor = of or sound.thing(sound.looks[0])
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
