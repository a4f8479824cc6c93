from collections import Counter

from tests.worlds.generated.worlds_for_tests import SPEC, a_graph
from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.names import STOP_NAMES
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


def test_types_have_the_shares_of_the_prototype() -> None:
    counts = Counter(entity.type for entity in a_graph().entities.values())
    assert sum(counts.values()) == SPEC.num_entities
    assert abs(counts[EntityType.PERSON] / SPEC.num_entities - 0.34) < 0.02
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


def test_nobody_founds_designs_or_christens_before_growing_up() -> None:
    graph = a_graph()
    for made, when, by in (
        (EntityType.ORGANISATION, "founded_in", "founded_by"),
        (EntityType.BUILDING, "completed_in", "designed_by"),
        (EntityType.ARTWORK, "created_in", "created_by"),
    ):
        for thing in graph.of_type(made):
            year, person = graph.value(thing.id, when), graph.fact(thing.id, by)
            assert year is not None
            assert person is not None
            assert person.object is not None
            born = graph.value(person.object, "birth_year")
            assert born is not None
            assert int(year) - int(born) >= 18


def test_a_name_stands_for_one_thing_unless_it_is_a_homonym_on_purpose() -> None:
    graph = Graph.of(PRESETS["medium"])
    counts = Counter(entity.name.casefold() for entity in graph.entities.values())
    copies = sum(count - 1 for count in counts.values())
    assert 0.02 < copies / len(graph.entities) < 0.07
    shared = [e for e in graph.entities.values() if counts[e.name.casefold()] > 1]
    assert {entity.type for entity in shared} <= {EntityType.PERSON, EntityType.SETTLEMENT}
    aliases = [a.casefold() for e in graph.entities.values() for a in e.aliases]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(counts)


def test_titles_and_slugs_tell_homonyms_apart() -> None:
    graph = Graph.of(PRESETS["medium"])
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
        assert double.type.carries_picture
        assert double.id in graph.lookalikes(model.id)
        assert model.id in graph.lookalikes(double.id)
