import re
from collections import Counter
from functools import cache

from tests.worlds.generated.worlds_for_tests import SPEC, a_graph
from vision_deepresearch.worlds.generated import name_words
from vision_deepresearch.worlds.generated.claims import older_value
from vision_deepresearch.worlds.generated.cultures import CULTURES, CULTURES_OF, STOP_NAMES
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.spec import PRESETS


def facts_of(graph: Graph) -> list[str]:
    return [repr(fact) for entity_id in graph.entities for fact in graph.facts(entity_id)]


def test_the_same_spec_gives_the_same_graph_and_another_seed_another() -> None:
    first, again = Graph.of(SPEC), Graph.of(SPEC)
    assert list(first.entities.values()) == list(again.entities.values())
    assert facts_of(first) == facts_of(again)
    other = Graph.of(SPEC.model_copy(update={"seed": 8}))
    assert facts_of(other) != facts_of(first)


def test_types_have_their_shares_and_persons_the_largest() -> None:
    counts = Counter(entity.type for entity in a_graph().entities.values())
    assert sum(counts.values()) == SPEC.num_entities
    assert abs(counts[EntityType.PERSON] / SPEC.num_entities - 0.33) < 0.02
    assert counts.most_common(1)[0][0] is EntityType.PERSON
    assert 0.55 <= len(a_graph().pictured()) / SPEC.num_entities <= 0.60
    assert set(counts) == set(EntityType)


def test_every_value_fits_the_table_of_relations() -> None:
    graph = a_graph()
    for entity_id, entity in graph.entities.items():
        for fact in graph.facts(entity_id):
            relation = RELATIONS[entity.type, fact.predicate]
            if fact.object is not None:
                assert graph.entity(fact.object).type is relation.target
                assert entity_id in graph.subjects(fact.object, fact.predicate)
            if relation.functional:
                assert graph.facts_of(entity_id, fact.predicate) == (fact,)


@cache
def a_larger_graph() -> Graph:
    return Graph.of(PRESETS["medium"])


def year_of(graph: Graph, thing: str, predicate: str) -> int | None:
    value = graph.value(thing, predicate)
    return None if value is None else int(value)


def test_nobody_makes_anything_before_growing_up_or_after_death() -> None:
    graph = a_larger_graph()
    for made, when, by in (
        (EntityType.ORGANISATION, "founded_in", "founded_by"),
        (EntityType.BUILDING, "completed_in", "designed_by"),
        (EntityType.ARTWORK, "created_in", "created_by"),
        (EntityType.ARTWORK, "created_in", "portrays"),
        (EntityType.EVENT, "first_held_in", "initiated_by"),
        (EntityType.PRODUCT, "introduced_in", "invented_by"),
        (EntityType.SPECIES, "described_in", "described_by"),
        (EntityType.BOOK, "published_in", "written_by"),
        (EntityType.BOOK, "published_in", "illustrated_by"),
        (EntityType.VEHICLE, "entered_service_in", "engineered_by"),
        (EntityType.AWARD, "first_given_in", "endowed_by"),
    ):
        checked = 0
        for thing in graph.of_type(made):
            year, fact = year_of(graph, thing.id, when), graph.fact(thing.id, by)
            if year is None or fact is None or fact.object is None:
                continue
            born = year_of(graph, fact.object, "birth_year")
            died = year_of(graph, fact.object, "death_year")
            assert born is not None
            assert year - born >= 18, (thing, by)
            assert died is None or year <= died, (thing, by)
            checked += 1
        assert checked > 20, by


def test_things_are_made_by_what_was_there_already() -> None:
    graph = a_larger_graph()
    for made, when, by, since in (
        (EntityType.BUILDING, "completed_in", "commissioned_by", "founded_in"),
        (EntityType.PRODUCT, "introduced_in", "made_by", "founded_in"),
        (EntityType.BOOK, "published_in", "published_by", "founded_in"),
        (EntityType.VEHICLE, "entered_service_in", "assembled_by", "founded_in"),
        (EntityType.AWARD, "first_given_in", "given_by", "founded_in"),
        (EntityType.PERSON, "birth_year", "teacher", "birth_year"),
    ):
        for thing in graph.of_type(made):
            year, fact = year_of(graph, thing.id, when), graph.fact(thing.id, by)
            if year is not None and fact is not None and fact.object is not None:
                began = year_of(graph, fact.object, since)
                assert began is not None
                assert began <= year, (thing, by)
    for building in graph.of_type(EntityType.BUILDING):
        restored = year_of(graph, building.id, "restored_in")
        completed = year_of(graph, building.id, "completed_in")
        assert restored is None or (completed is not None and restored > completed)


def first_possible(graph: Graph, thing: str) -> int:
    """The year from which a thing can hold an office or serve as a place."""
    born = year_of(graph, thing, "birth_year")
    if born is not None:
        return born + 18
    made = (year_of(graph, thing, name) for name in ("founded_in", "completed_in"))
    return next((year for year in made if year is not None), 0)


def test_what_held_before_ends_when_the_present_begins() -> None:
    graph = a_larger_graph()
    num_former: Counter[str] = Counter()
    for entity_id in graph.entities:
        for fact in graph.facts(entity_id):
            relation = graph.relation(entity_id, fact.predicate)
            if relation.changes and relation.target is not None:
                assert fact.object is not None
                assert fact.since is not None
                assert fact.until is None
                assert first_possible(graph, fact.object) <= fact.since <= 2015
            if relation.former_of is None:
                continue
            now = graph.fact(entity_id, relation.former_of)
            assert now is not None
            assert fact.object is not None
            assert fact.since is not None
            assert fact.until is not None
            assert fact.object not in {now.object, entity_id}
            assert fact.until == now.since
            assert fact.until - fact.since >= 2
            assert first_possible(graph, fact.object) <= fact.since
            died = year_of(graph, fact.object, "death_year")
            assert died is None or died >= fact.until
            num_former[fact.predicate] += 1
    assert set(num_former) == {r.name for r in RELATIONS.values() if r.former_of is not None}
    assert min(num_former.values()) >= 10


def test_an_older_value_is_the_former_one_where_there_is_one() -> None:
    graph = a_larger_graph()
    seen: Counter[bool] = Counter()
    for town in graph.of_type(EntityType.SETTLEMENT):
        fact, former = graph.fact(town.id, "mayor"), graph.fact(town.id, "former_mayor")
        if fact is None:
            continue
        older = older_value(graph, fact, key="k")
        assert older != fact
        assert older.predicate == "mayor"
        assert older.until is None
        if former is not None:
            assert older.object == former.object
        seen[former is not None] += 1
    assert min(seen[True], seen[False]) > 10


def test_no_people_names_the_things_of_two_splits() -> None:
    assert len(CULTURES) >= 9
    assert {split: len(cultures) for split, cultures in CULTURES_OF.items()} == {
        "train": 5,
        "validation": 2,
        "test": 2,
    }
    names = [culture.name for cultures in CULTURES_OF.values() for culture in cultures]
    assert len(set(names)) == len(names) == len(CULTURES)
    towns = {}
    for split in CULTURES_OF:
        graph = Graph.of(SPEC.model_copy(update={"split": split, "num_entities": 3000}))
        towns[split] = {town.name for town in graph.of_type(EntityType.SETTLEMENT)}
    assert not towns["train"] & towns["validation"]
    assert not towns["train"] & towns["test"]
    assert not towns["validation"] & towns["test"]


def test_every_list_of_patterns_has_one_that_does_not_run_out() -> None:
    for patterns in (
        name_words.ORGANISATION_PATTERNS,
        name_words.BUILDING_PATTERNS,
        name_words.EVENT_PATTERNS,
        name_words.ARTWORK_PATTERNS,
        name_words.VESSEL_PATTERNS,
        name_words.PRODUCT_PATTERNS,
        name_words.SPECIES_PATTERNS,
        name_words.AWARD_PATTERNS,
        *name_words.BOOK_PATTERNS.values(),
        *name_words.VEHICLE_PATTERNS.values(),
    ):
        assert any("{root}" in pattern for pattern in patterns)
        holes = {hole for pattern in patterns for hole in re.findall(r"{(\w+)}", pattern)}
        assert holes <= {*name_words.WORDS, "root", "family", "town", "river", "noun"}


def test_names_of_a_type_follow_many_patterns() -> None:
    graph = a_larger_graph()
    for type_ in (EntityType.ARTWORK, EntityType.VESSEL, EntityType.BOOK, EntityType.PRODUCT):
        names = [thing.name for thing in graph.of_type(type_)]
        shapes = Counter(tuple(word in _PLAIN for word in name.split()) for name in names)
        assert shapes.most_common(1)[0][1] / len(names) < 0.6, type_
        assert len(shapes) >= 5, type_


_PLAIN = {"The", "of", "and", "with", "in", "the", "by", "for", "A", "Old", "Saint", "Lady"}


def test_names_can_be_read_from_text() -> None:
    name = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'-]*(?: [\w'-]+){0,7}")
    for entity in a_larger_graph().entities.values():
        assert name.fullmatch(entity.name), entity.name


def test_a_name_stands_for_one_thing_unless_it_is_a_homonym_on_purpose() -> None:
    graph = a_larger_graph()
    counts = Counter(entity.name.casefold() for entity in graph.entities.values())
    copies = sum(count - 1 for count in counts.values())
    assert 0.02 < copies / len(graph.entities) < 0.07
    shared = [e for e in graph.entities.values() if counts[e.name.casefold()] > 1]
    assert {entity.type for entity in shared} <= {EntityType.PERSON, EntityType.SETTLEMENT}
    aliases = [a.casefold() for e in graph.entities.values() for a in e.aliases]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(counts)


def test_titles_and_slugs_tell_homonyms_apart() -> None:
    graph = a_larger_graph()
    assert len({graph.title(entity_id) for entity_id in graph.entities}) == len(graph.entities)
    assert len({graph.slug(entity_id) for entity_id in graph.entities}) == len(graph.entities)
    homonym = next(e for e in graph.entities if graph.is_homonym(e))
    assert "(" in graph.title(homonym)
    assert len(graph.named(graph.entity(homonym).name)) > 1


def test_no_famous_name_is_invented() -> None:
    words = {word.casefold() for e in a_graph().entities.values() for word in e.name.split()}
    assert not words & STOP_NAMES


def test_lookalikes_are_of_one_type_and_pictured() -> None:
    graph = a_graph()
    doubles = [e for e in graph.entities.values() if e.lookalike_of is not None]
    assert round(SPEC.p_lookalike * len(graph.pictured())) == len(doubles) > 0
    for double in doubles:
        model = graph.entity(double.lookalike_of or "")
        assert model.type is double.type
        assert model.kind == double.kind
        assert double.type.carries_picture
        assert double.id in graph.lookalikes(model.id)
        assert model.id in graph.lookalikes(double.id)
