"""What a generated world's truth does in the roles: pictures, errors on purpose, steps that are kept."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.look import difference, look_of
from vision_deepresearch.synth.roles.vqa_truth_scenes import TruthScenes
from vision_deepresearch.synth.roles.vqa_truth_walks import TruthObfuscator
from vision_deepresearch.worlds.generated.composing import Composer, Situation
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.photos import photo_id, photo_number, sample_scene
from vision_deepresearch.worlds.generated.routes import Routes, Step
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.shapes import by_position
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for


@pytest.fixture(scope="module")
def routes() -> Routes:
    graph = Graph.of(WorldSpec(preset="truth", seed=5, num_entities=300, num_tasks=1))
    return Routes(graph=graph, pages=PageSet.of(graph))


def test_a_picture_is_a_pure_function_of_its_number(routes: Routes) -> None:
    again = Routes(graph=routes.graph, pages=routes.pages)
    for number in (40, 3, 17):
        assert sample_scene(routes, number) == sample_scene(again, number)
        assert photo_number(photo_id(number)) == number


@pytest.mark.parametrize("ref", ["p1", "p0000x", "s0001-000", "../p00001", ""])
def test_only_ids_of_pictures_have_a_number(routes: Routes, ref: str) -> None:
    assert photo_number(ref) is None
    with pytest.raises(BadImageError):
        TruthScenes(routes).draw(ref)


def test_most_pictures_hold_several_things_and_some_are_plain(routes: Routes) -> None:
    sizes = [len(sample_scene(routes, number).now.boxes) for number in range(120)]
    assert sum(size >= 4 for size in sizes) > 100
    assert sizes[28] == 1


def test_a_twin_looks_like_the_picture_before_and_has_other_bytes(routes: Routes) -> None:
    scenes = TruthScenes(routes)
    first, twin = scenes.draw(photo_id(21)), scenes.draw(photo_id(22))
    assert first != twin
    assert difference(look_of(first), look_of(twin)) <= 6
    assert difference(look_of(first), look_of(scenes.draw(photo_id(20)))) > 6


def test_a_longer_question_about_a_given_scene_begins_with_the_same_steps(routes: Routes) -> None:
    num_longer = 0
    for number in range(60):
        now = sample_scene(routes, number).now
        for thing in now.rivals:
            compose = a_composer(routes, number, num_hops=1, given=now)
            short = by_position(compose, thing)
            if short is None or short.route[-1].entity is None:
                continue
            steps = {thing: tuple(one.step for one in short.route)}
            longer = by_position(
                a_composer(routes, number, num_hops=2, given=now, trails=steps), thing
            )
            if longer is not None:
                num_longer += 1
                assert longer.route[0] == short.route[0]
                assert longer.scene == short.scene == now.scene
    assert num_longer > 10


def test_nothing_is_said_by_a_condition_beside_a_thing_with_a_look_alike(routes: Routes) -> None:
    # A reader may take it for the other, of which the condition may hold too.
    graph = routes.graph
    double = next(one.id for one in graph.known_by_sight() if graph.lookalikes(one.id))
    now = sample_scene(routes, 0).now
    plain = replace(now, rivals=tuple(one for one in now.rivals if not graph.lookalikes(one)))
    obfuscator = TruthObfuscator(TruthScenes(routes), name="test")
    anchor = plain.rivals[0]
    assert not obfuscator.misleads(plain, anchor)
    assert obfuscator.misleads(replace(plain, rivals=(*plain.rivals, double)), anchor)
    assert not obfuscator.misleads(replace(plain, rivals=(double,)), double)


def a_composer(
    routes: Routes,
    number: int,
    *,
    num_hops: int,
    given: Situation,
    trails: Mapping[str, tuple[Step, ...]] | None = None,
) -> Composer:
    graph = routes.graph
    return Composer(
        routes=routes,
        rng=rng_for("test", "compose", number),
        ref="test",
        scene_id=photo_id(number),
        place=lambda scene: place_scene(graph.spec, scene, graph.entities),
        num_hops=num_hops,
        given=given,
        trails=trails or {},
        leads_on=num_hops == 1,
    )
