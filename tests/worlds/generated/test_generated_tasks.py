import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest

from tests.builders import an_image_ref
from tests.worlds.generated.worlds_for_tests import (
    SPEC,
    a_graph,
    place_on_grid,
    some_drafts,
    some_pages,
)
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import MATCHING, Constraint, Hop, HopKind, agrees
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.checks import leaks
from vision_deepresearch.worlds.generated.claims import Stance
from vision_deepresearch.worlds.generated.drafts import ProofBuilder, TaskDraft
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.facts import Fact
from vision_deepresearch.worlds.generated.frames import FRAMES, FrameKind, frames_of, put, replaced
from vision_deepresearch.worlds.generated.funnel import Funnel
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.routes import Routes, Step
from vision_deepresearch.worlds.generated.spec import PRESETS, SPLITS
from vision_deepresearch.worlds.generated.tasks import make_tasks


def values_of(draft: TaskDraft, *, graph: Graph, seen: dict[str, str]) -> dict[str, str]:
    """Walk a proof on the graph: hop id -> entity id or literal; `seen`: what each look shows.

    Raises:
        ValueError: it leads nowhere, or to several things.
    """
    found: dict[str, str] = dict(seen)
    facts: dict[str, Fact] = {}
    hops = {hop.id: hop for hop in draft.hops}
    for hop in draft.hops:
        if hop.kind is HopKind.GIVEN:
            found[hop.id] = hop.text or ""
            things = graph.named(found[hop.id])
            found[hop.id] = things[0].id if len(things) == 1 else found[hop.id]
        elif hop.kind is HopKind.FOLLOW:
            facts[hop.id] = fact_of(hop, subject=found[hop.subject or ""], graph=graph)
            fact = facts[hop.id]
            found[hop.id] = fact.subject if hop.inverse else fact.object or graph.write(fact)
        elif hop.rule == MATCHING:
            wanted = word(found[hop.like or ""], graph=graph)
            fitting = [
                found[thing]
                for over, thing in zip(hop.over, hop.among, strict=True)
                if agrees(word(found[over], graph=graph), wanted)
            ]
            (found[hop.id],) = fitting
        elif hop.kind is HopKind.PICK:
            largest = hop.rule in {"latest", "largest"}
            ordered = sorted(hop.over, key=lambda over: graph.order_of(facts[over]))
            best = ordered[-1] if largest else ordered[0]
            found[hop.id] = found[hops[best].subject or ""]
    return found


def fact_of(hop: Hop, *, subject: str, graph: Graph) -> Fact:
    name = hop.predicate or ""
    if not hop.inverse:
        (fact,) = graph.facts_of(subject, name)
        return fact
    starts = graph.subjects(subject, name)
    if hop.one_of_several:
        starts = tuple(start for start in starts if graph.entity(start).name == hop.expected)
    (start,) = starts
    (fact,) = graph.facts_of(start, name)
    return fact


def shown_in(draft: TaskDraft) -> dict[str, str]:
    """Hop id of each look -> the thing whose box it has."""
    boxes = place_on_grid(draft.scene)
    return {
        hop.id: next(thing for thing, box in boxes.items() if box == hop.box)
        for hop in draft.hops
        if hop.kind is HopKind.LOOK
    }


def word(value: str, *, graph: Graph) -> str:
    return graph.entity(value).name if value in graph.entities else value


def fulfilling(constraint: Constraint, things: list[str], *, graph: Graph) -> list[str]:
    """Things that fulfil a clause, found by walking its path for each of them."""
    first, _, second = constraint.predicate.partition("/")
    fitting: list[str] = []
    for thing in things:
        if first.startswith("^"):
            fitting += [
                thing
                for start in graph.subjects(thing, first[1:])
                if graph.entity(start).name == constraint.value
            ]
            continue
        fact = graph.fact(thing, first)
        if fact is not None and second:
            fact = graph.fact(fact.object or "", second)
        if fact is not None and agrees(graph.write(fact), constraint.value):
            fitting.append(thing)
    return fitting


def test_every_proof_leads_to_the_gold_on_the_graph() -> None:
    graph = a_graph()
    for draft in some_drafts():
        found = values_of(draft, graph=graph, seen=shown_in(draft))
        for hop in draft.hops:
            assert word(found[hop.id], graph=graph) == hop.expected
        last = draft.hops[-1].expected
        if draft.gold.type is AnswerType.NUMBER:
            assert re.sub(r"\D", "", last) == draft.gold.answers[0]
        else:
            assert last == draft.gold.answers[0]


def test_tasks_are_the_same_alone_in_order_and_in_a_second_build() -> None:
    graph = Graph.of(SPEC)
    again = tuple(make_tasks(SPEC, graph, PageSet.of(graph), limit=30, place=place_on_grid))
    assert again == some_drafts()[:30]


def test_a_third_of_the_tasks_has_each_number_of_hops_and_every_shape_occurs() -> None:
    drafts = some_drafts()
    hops = Counter(min(int(draft.strata["hops"]), 3) for draft in drafts)
    assert hops == {1: 30, 2: 30, 3: 30}
    assert {"3", "4"} <= {draft.strata["hops"] for draft in drafts}
    shapes = Counter(draft.strata["shape"] for draft in drafts)
    assert set(shapes) == {"position", "clause", "replace", "compare", "join", "two"}
    assert min(shapes.values()) >= 1
    assert shapes["replace"] + shapes["join"] + shapes["two"] >= 30
    demos = [draft for draft in drafts if draft.strata["demo"] == "yes"]
    assert demos
    for draft in demos:
        kinds = Counter(hop.kind for hop in draft.hops)
        assert kinds[HopKind.LOOK] >= 2
        assert kinds[HopKind.FOLLOW] >= 4


def test_a_depth_counts_relations_behind_the_picture() -> None:
    for draft in some_drafts():
        hops = {hop.id: hop for hop in draft.hops}
        here: Hop | None = draft.hops[-1]
        depth = 0
        while here is not None and here.kind is not HopKind.LOOK:
            if here.kind is HopKind.PICK:
                chosen = [hops[one] for one in here.among]
                chosen = chosen or [hops[hops[one].subject or ""] for one in here.over]
                here = next(hop for hop in chosen if hop.expected == here.expected)
            else:
                depth += 1
                here = hops.get(here.subject or "")
        names_the_winner = draft.strata["shape"] == "compare" and depth == 0
        assert depth == int(draft.strata["hops"]) or names_the_winner


def standing_at(place: str, *, boxes: Mapping[str, Box]) -> str:
    """The thing whose middle is nearest to a place such as "left" or "corner top right"."""
    words = place.split()
    across = 0.0 if "left" in words else 1.0 if "right" in words else None
    down = 0.0 if "top" in words else 1.0 if "bottom" in words else None
    if place == "centre":
        across = down = 0.5

    def distance(box: Box) -> float:
        x = 0.0 if across is None else (box.x0 + box.x1) / 2 - across
        y = 0.0 if down is None else (box.y0 + box.y1) / 2 - down
        return math.hypot(x, y)

    return min(boxes, key=lambda thing: distance(boxes[thing]))


@pytest.mark.pitfall("P87")
def test_only_the_picture_with_every_clause_gives_one_answer() -> None:
    """Brute force: drop the picture, or any clause, and several answers fit."""
    graph = a_graph()
    for draft in some_drafts()[:42]:
        looks = shown_in(draft)
        anchor = next(iter(looks.values()))
        rivals = [
            thing
            for thing in draft.scene.entity_ids
            if graph.entity(thing).type is graph.entity(anchor).type
        ]
        boxes = place_on_grid(draft.scene)
        for constraint in draft.constraints:
            if constraint.predicate == "position":
                placed = standing_at(constraint.value, boxes=boxes)
                assert placed in looks.values(), "the words for the place fit another thing"
        for constraint in draft.constraints:
            if constraint.about is not None and draft.strata["shape"] == "replace":
                described = [c for c in draft.constraints if c.about == constraint.about]
                assert things_described(described, graph=graph) == [constraint.about]
                rest = [c for c in described if c is not constraint]
                assert len(things_described(rest, graph=graph, like=constraint.about)) > 1
        if draft.strata["shape"] in {"clause", "replace"}:
            constraint = draft.constraints[0]
            assert fulfilling(constraint, rivals, graph=graph) == [anchor]
            everywhere = [thing.id for thing in graph.of_type(graph.entity(anchor).type)]
            everywhere = fulfilling(constraint, everywhere, graph=graph)
            assert len(answers_for(draft, everywhere, graph=graph)) > 1, draft.question
        if draft.strata["shape"] in {"position", "clause", "replace"}:
            constraint = draft.constraints[0]
            answers = answers_for(draft, rivals, graph=graph)
            # The draft leaves out answers that share their name with another thing.
            assert len(answers) >= constraint.candidates_without > 1
        assert all(constraint.candidates_without > 1 for constraint in draft.constraints)


def things_described(
    constraints: list[Constraint], *, graph: Graph, like: str | None = None
) -> list[str]:
    """Names of the things that all of these conditions fit."""
    about = constraints[0].about if constraints else like
    type_ = graph.named(about or "")[0].type
    fitting = [thing.id for thing in graph.of_type(type_)]
    for constraint in constraints:
        fitting = fulfilling(constraint, fitting, graph=graph)
    return [graph.entity(thing).name for thing in fitting]


def answers_for(draft: TaskDraft, things: list[str], *, graph: Graph) -> set[str]:
    """Answers to a question about one thing if it were any of these."""
    (look,) = (hop for hop in draft.hops if hop.kind is HopKind.LOOK)
    answers: set[str] = set()
    for thing in things:
        try:
            found = values_of(draft, graph=graph, seen={look.id: thing})
        except ValueError:  # the chain ends early for this thing
            continue
        answers.add(word(found[draft.hops[-1].id], graph=graph))
    return answers


def test_reversing_a_comparison_changes_the_answer() -> None:
    graph = a_graph()
    reverse = {"earliest": "latest", "latest": "earliest"}
    reverse |= {"smallest": "largest", "largest": "smallest"}
    for draft in some_drafts():
        if draft.strata["shape"] != "compare":
            continue
        looks = shown_in(draft)
        hops = tuple(
            hop.model_copy(update={"rule": reverse[hop.rule]}) if hop.rule else hop
            for hop in draft.hops
        )
        turned = TaskDraft(
            ref=draft.ref,
            question=draft.question,
            gold=draft.gold,
            scene=draft.scene,
            hops=hops,
            constraints=draft.constraints,
            entities=draft.entities,
            strata=draft.strata,
        )
        found = values_of(turned, graph=graph, seen=looks)
        assert word(found[hops[-1].id], graph=graph) != draft.hops[-1].expected


def test_no_question_names_a_thing_of_its_route() -> None:
    graph = a_graph()
    for draft in some_drafts():
        told = secondary_hops(draft)
        secret = [hop for hop in draft.hops if hop.id not in told]
        names = {name for hop in secret for name in (hop.expected, *hop.aliases)}
        names |= set(draft.gold.answers)
        for name in names:
            assert not re.search(rf"\b{re.escape(name)}\b", draft.question, re.I), draft.question
        assert not [n for n in draft.entities if graph.is_homonym(graph.named(n)[0].id)]


def secondary_hops(draft: TaskDraft) -> set[str]:
    """Ids of hops whose values may stand in the question: what a condition speaks of."""
    told = {hop.id for hop in draft.hops if hop.kind is HopKind.GIVEN}
    hops = {hop.id: hop for hop in draft.hops}
    for hop in draft.hops:
        for over in hop.over if hop.rule == MATCHING else ():
            here: str | None = over
            while here is not None and here not in hop.among:
                told.add(here)
                here = hops[here].subject
    return told


def test_the_answer_of_a_longer_question_is_not_on_the_page_of_its_anchor() -> None:
    for draft in some_drafts():
        if draft.strata["hops"] == "1":
            continue
        for look in (hop for hop in draft.hops if hop.kind is HopKind.LOOK):
            html = some_pages().render_html(look.pages[0]).decode()
            for answer in draft.gold.answers:
                assert not re.search(rf">[^<]*\b{re.escape(answer)}\b", html), draft.question


def test_each_hop_has_pages_that_state_it_and_no_page_contradicts_it() -> None:
    graph, pages = a_graph(), some_pages()
    for draft in some_drafts():
        found = values_of(draft, graph=graph, seen=shown_in(draft))
        for hop in draft.hops:
            if hop.kind not in {HopKind.LOOK, HopKind.FOLLOW}:
                continue
            thing = found[hop.id if hop.kind is HopKind.LOOK else hop.subject or ""]
            if hop.one_of_several:
                thing = found[hop.id]  # the page is about the thing that is led to
            assert hop.pages[0] == pages.article(thing)
            if hop.kind is HopKind.LOOK:
                continue
            fact = fact_of(hop, subject=found[hop.subject or ""], graph=graph)
            assert fact.key not in pages.disputed
            for url in hop.pages:
                stated = {
                    claim.value
                    for claim in pages.claims(url)
                    if (claim.subject, claim.predicate, claim.inverse)
                    == (thing, hop.predicate, hop.inverse and not hop.one_of_several)
                }
                styles = {graph.write(fact, style=style) for style in range(3)}
                assert stated
                assert stated <= ({hop.expected} | styles)


def test_questions_are_worded_in_many_ways() -> None:
    for shape in ("position", "clause", "compare", "join"):
        heads = {
            " ".join(draft.question.split()[:2])
            for draft in some_drafts()
            if draft.strata["shape"] == shape
        }
        assert len(heads) >= 6, shape
    assert len({draft.question for draft in some_drafts()}) == len(some_drafts())


@pytest.mark.pitfall("P90")
def test_ids_of_tasks_of_different_worlds_and_seeds_never_meet() -> None:
    refs: list[str] = []
    ids: list[str] = []
    for spec in (SPEC, SPEC.model_copy(update={"seed": 8}), PRESETS["tiny"]):
        graph = Graph.of(spec)
        for draft in make_tasks(spec, graph, PageSet.of(graph), limit=6, place=place_on_grid):
            task = draft.task(images=(an_image_ref(),), world_id=spec.world_id())
            assert task.cluster == an_image_ref().sha256
            assert draft.proof(task.id).task_id == task.id
            refs.append(task.ref)
            ids.append(task.id)
    assert len(set(refs)) == len(refs) == len(set(ids)) == 18


def test_a_refused_draft_is_made_anew_under_its_number() -> None:
    refused: list[TaskDraft] = []

    def accept(draft: TaskDraft) -> bool:
        if not refused or refused[-1].ref != draft.ref:
            refused.append(draft)
            return False
        return True

    drafts = list(
        make_tasks(SPEC, a_graph(), some_pages(), limit=6, place=place_on_grid, accept=accept)
    )
    assert [draft.ref for draft in drafts] == [draft.ref for draft in some_drafts()[:6]]
    assert refused == list(some_drafts()[:6])
    assert all(draft.scene.id != old.scene.id for draft, old in zip(drafts, refused, strict=True))


def test_what_a_relation_is_asked_of_stands_last_so_that_chains_can_be_read() -> None:
    """Else: "the person who governs the town where that building stands as mayor"."""
    for nouns, questions in phrases.STEPS.values():
        assert all(noun.endswith(" {x}") for noun in nouns), nouns
        assert all(question.endswith(" {x}?") for question in questions), questions


def test_every_word_for_a_place_is_a_superlative() -> None:
    """Else two things stand "in the corner"; clutter is told apart by its size."""
    words = {c.text for draft in some_drafts() for c in draft.constraints if is_position(c)}
    assert len(words) >= 8
    assert all(re.search(r"(?:est|most)\b", text) for text in words), words
    for draft in some_drafts():
        if draft.strata["anchor"] in {"artwork", "vessel", "organisation"} and any(
            map(is_position, draft.constraints)
        ):
            assert re.search(r"\b(?:large|big)\b", draft.question), draft.question


def is_position(constraint: Constraint) -> bool:
    return constraint.predicate == "position"


def test_an_unreachable_page_is_on_no_route() -> None:
    blocked = some_drafts()[0].hops[1].pages[0]
    drafts = make_tasks(
        SPEC,
        a_graph(),
        some_pages(),
        limit=12,
        place=place_on_grid,
        reachable=lambda query, url: bool(query) and url != blocked,
    )
    follows = [h for draft in drafts for h in draft.hops if h.kind is HopKind.FOLLOW]
    assert follows
    assert all(hop.pages[0] != blocked for hop in follows)


def test_a_deep_task_needs_28_looks_and_38_pages() -> None:
    spec = PRESETS["deep"]
    graph = Graph.of(spec)
    pages = PageSet.of(graph)
    (draft,) = make_tasks(spec, graph, pages, limit=1, place=place_on_grid)
    kinds = Counter(hop.kind for hop in draft.hops)
    assert kinds[HopKind.LOOK] == 28
    assert kinds[HopKind.FOLLOW] == 38
    assert kinds[HopKind.PICK] == 5
    found = values_of(draft, graph=graph, seen=shown_in(draft))
    assert all(word(found[hop.id], graph=graph) == hop.expected for hop in draft.hops)
    assert all(constraint.candidates_without > 1 for constraint in draft.constraints)
    needed = {draft.hops[-1].id}
    for hop in reversed(draft.hops):
        if hop.id in needed:
            needed |= {*hop.over, hop.subject or hop.id}
    assert needed == {hop.id for hop in draft.hops}, "a hop that nothing depends on is idle"


def test_a_world_too_small_for_its_tasks_says_so() -> None:
    spec = SPEC.model_copy(update={"num_entities": 12})
    graph = Graph.of(spec)
    with pytest.raises(ValueError, match="raise num_entities"):
        list(make_tasks(spec, graph, PageSet.of(graph), limit=3, place=place_on_grid))


def test_a_leak_is_found_by_name_and_alias_but_not_inside_other_words() -> None:
    graph = a_graph()
    person = next(e for e in graph.of_type(EntityType.PERSON) if e.aliases)
    builder = ProofBuilder(routes=Routes(graph=graph, pages=some_pages()))
    builder.ids["h1"] = person.id
    gold = Gold(answers=("1871",), type=AnswerType.DATE)
    for name in (person.name, person.aliases[0], person.name.upper(), "1871"):
        assert leaks(f"Who knew {name} well?", builder=builder, gold=gold)
    assert not leaks(f"Who knew {person.name}son in 18710?", builder=builder, gold=gold)


def test_each_place_of_a_comparison_decides_something() -> None:
    """Any other thing of the kind in its stead, and the answer may be another."""
    graph = a_graph()
    compared = [draft for draft in some_drafts() if draft.strata["shape"] == "compare"]
    assert compared
    for draft in compared:
        looks = shown_in(draft)
        for free, own in looks.items():
            fixed = set(looks.values()) - {own}
            answers: set[str] = set()
            for thing in draft.scene.entity_ids:
                if thing in fixed or graph.entity(thing).type is not graph.entity(own).type:
                    continue
                try:
                    found = values_of(draft, graph=graph, seen={**looks, free: thing})
                except ValueError:  # the chain ends early for this thing
                    continue
                answers.add(word(found[draft.hops[-1].id], graph=graph))
            assert len(answers) > 1, draft.question


def test_a_rumour_about_a_marriage_counts_from_both_sides() -> None:
    graph = a_graph()
    couple = next(
        fact
        for person in graph.of_type(EntityType.PERSON)
        for fact in graph.facts_of(person.id, "spouse")
        if not graph.is_homonym(person.id) and not graph.is_homonym(fact.object or "")
    )
    step = Step(relation=RELATIONS[EntityType.PERSON, "spouse"])
    third = next(
        person.id
        for person in graph.of_type(EntityType.PERSON)
        if person.id not in {couple.subject, couple.object}
    )
    rumour = Fact(subject=third, predicate="spouse", object=couple.subject)
    pages = some_pages()
    article = pages.record(pages.article(third))
    rumoured = replace(article, wrong=((rumour, Stance.RUMOUR),))
    silent = [replace(record, wrong=()) for record in pages.all_urls() if record is not article]
    quiet = Routes(graph=graph, pages=PageSet(graph, records=silent))
    loud = Routes(graph=graph, pages=PageSet(graph, records=[*silent, rumoured]))
    assert quiet.take(step, start=couple.subject) is not None
    assert loud.take(step, start=couple.subject) is None


def test_frames_of_the_splits_have_nothing_in_common_and_are_many() -> None:
    for kind in FrameKind:
        texts = [{frame.text for frame in frames_of(split, kind)} for split in SPLITS]
        assert not texts[0] & texts[1]
        assert not texts[0] & texts[2]
        assert not texts[1] & texts[2]
        fewest = (6, 5, 5) if kind is FrameKind.NAME else (12, 5, 5)
        assert all(len(own) >= few for own, few in zip(texts, fewest, strict=True)), kind
    ids = [frame.id for frames in FRAMES.values() for frame in frames]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_splits_ask_in_frames_of_their_own(split: Literal["validation", "test"]) -> None:
    spec = SPEC.model_copy(update={"split": split})
    graph = Graph.of(spec)
    drafts = list(make_tasks(spec, graph, PageSet.of(graph), limit=13, place=place_on_grid))
    assert {draft.strata["frame"].split("/")[0] for draft in drafts} == {split}
    assert all(f"/{split}/" in draft.ref for draft in drafts)


def test_the_funnel_counts_every_attempt_once() -> None:
    funnel = Funnel()
    drafts = list(
        make_tasks(SPEC, a_graph(), some_pages(), limit=20, place=place_on_grid, funnel=funnel)
    )
    assert funnel.num_accepted == len(drafts) == 20
    attempts = sum(int(draft.scene.id.rpartition("-")[2]) + 1 for draft in drafts)
    assert funnel.num_attempts == attempts
    assert sum(funnel.counts().values()) == 2 * attempts - len(drafts)


def test_every_task_knows_its_difficulty() -> None:
    for draft in some_drafts():
        strata = draft.strata
        assert int(strata["calls"]) > int(strata["pages"]) >= int(strata["sites"]) >= 1
        assert all(int(number) > 1 for number in strata["candidates"].split("-"))
        has_chain = any(constraint.about for constraint in draft.constraints)
        assert (strata["obfuscation"] != "0") or not (strata["shape"] == "replace" and has_chain)
        assert strata["path"].startswith(f"{strata['anchor']}:")


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [
        ("12 May 1874", "1870s", True),
        ("1880", "1870s", False),
        ("1,204 m", "1000..1500", True),
        ("94", "100..200", False),
        ("the River Karn", "River Karn", True),
        ("Kvarn Line", "Kvarn", False),
    ],
)
def test_a_value_agrees_with_what_is_wanted(value: str, wanted: str, *, fits: bool) -> None:
    assert agrees(value, wanted) is fits


def test_no_route_and_frame_is_asked_over_and_over() -> None:
    asked = Counter((draft.strata["path"], draft.strata["frame"]) for draft in some_drafts())
    assert max(asked.values()) <= 2
    assert len({draft.strata["path"] for draft in some_drafts()}) >= 60


def test_an_article_stands_once() -> None:
    assert put("has the {v} as its mascot", "the species") == "has the species as its mascot"
    assert put("has the {v} as its mascot", "Finch") == "has the Finch as its mascot"
    assert replaced("lies on the River Karn", "the River Karn", "the river") == "lies on the river"
    assert replaced("has the Finch", "Finch", "the species") == "has the species"
    assert not [draft for draft in some_drafts() if "the the" in draft.question]
