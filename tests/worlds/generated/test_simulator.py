"""Picture search drawn from known boxes: the chance it claims, the evidence of the real one."""

import hashlib
import math
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.worlds.generated.worlds_for_tests import a_graph, place_on_grid, some_drafts
from vision_deepresearch.bench.noise import calibrate, roll_out
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.older import NOTICE, OlderPages
from vision_deepresearch.worlds.generated.plan import PageKind
from vision_deepresearch.worlds.generated.simulator import (
    FOUND_RANK,
    KnownScene,
    PictureSimulator,
    SimulatedWorld,
    SimulatorSettings,
    known_scenes,
)
from vision_deepresearch.worlds.generated.world import GeneratedWorld, open_truth
from vision_deepresearch.worlds.index.visual import VisualHit, label_for
from vision_deepresearch.worlds.wrappers.noise_settings import NOISE_PRESETS, NoiseSettings

ROOT = Path(__file__).parents[3]


@cache
def grid_scenes() -> dict[str, KnownScene]:
    """Scenes of the test world's drafts, placed on a grid, by an invented content hash."""
    return {
        hashlib.sha256(draft.scene.id.encode()).hexdigest(): KnownScene(
            width=1024, height=768, boxes=place_on_grid(draft.scene)
        )
        for draft in some_drafts()
    }


def a_simulator(settings: SimulatorSettings | None = None, *, seed: int = 0) -> PictureSimulator:
    return PictureSimulator(a_graph(), grid_scenes(), settings=settings, seed=seed)


def never_loaded() -> bytes:
    raise AssertionError("a simulated search reads no pixels")


def tell_all(scale: float = 1.2) -> list[VisualHit]:
    simulator = a_simulator()
    return [
        hit
        for sha256, scene in grid_scenes().items()
        for box in scene.boxes.values()
        for hit in simulator.search(CropOrigin(sha256=sha256, box=box.scaled(scale)), 5)
    ]


def test_the_formula_is_the_one_of_the_reference() -> None:
    settings = SimulatorSettings(p_max=0.95, slope=3.0, shift=2.5)
    for iou, expected in ((0.05, 0.175), (0.16, 0.836), (0.89, 0.949)):
        assert settings.p_hit(iou) == pytest.approx(expected, abs=0.002)
    assert settings.p_hit(0.0) == 0
    hard = settings.model_copy(update={"clutter": 1.0, "small": 2.0})
    plain = settings.p_hit(0.2)
    assert hard.p_hit(0.2) == plain
    assert hard.p_hit(0.2, num_others=2) == hard.p_hit(0.2, is_small=True) < plain


@pytest.mark.parametrize("scale", [1.06, 2.5, 100.0])
def test_things_are_found_as_often_as_the_formula_says(scale: float) -> None:
    """Over more than two thousand draws, among the first ten."""
    settings = SimulatorSettings(p_max=0.9, slope=2.0, shift=2.0)
    found, expected, variance, count = 0, 0.0, 0.0, 0
    for seed in range(6):
        simulator = a_simulator(settings, seed=seed)
        for sha256, scene in grid_scenes().items():
            for thing, box in scene.boxes.items():
                origin = CropOrigin(sha256=sha256, box=box.scaled(scale))
                hits = simulator.search(origin, FOUND_RANK)
                p_hit = simulator.p_hits(origin)[thing]
                found += any(hit.image_id == thing for hit in hits)
                expected, variance = expected + p_hit, variance + p_hit * (1 - p_hit)
                count += 1
    assert count > 2000
    # Look-alikes of what was found may push a weak hit out of the first ten: a hair below.
    assert abs(found - expected) <= 5 * math.sqrt(variance) + 0.003 * count


def test_small_and_cluttered_crops_are_told_from_others() -> None:
    settings = SimulatorSettings(clutter=1.0, small=4.0)
    sha256, scene = next(iter(grid_scenes().items()))
    thing, box = next(iter(scene.boxes.items()))
    simulator = a_simulator(settings)
    tight = simulator.p_hits(CropOrigin(sha256=sha256, box=box))
    assert tight == {thing: pytest.approx(settings.p_hit(1.0))}
    strip = Box(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y0 + 40 / 768)
    small = simulator.p_hits(CropOrigin(sha256=sha256, box=strip))[thing]
    assert small == pytest.approx(settings.p_hit(box.iou(strip), is_small=True))
    whole = simulator.p_hits(CropOrigin(sha256=sha256, box=Box.full()))
    others = len(scene.boxes) - 1
    assert whole[thing] == pytest.approx(settings.p_hit(box.area, num_others=others))


def test_scores_fall_along_the_list_and_a_longer_list_begins_like_a_shorter_one() -> None:
    simulator = a_simulator()
    for sha256, scene in list(grid_scenes().items())[:20]:
        for box in scene.boxes.values():
            origin = CropOrigin(sha256=sha256, box=box.scaled(2))
            long = simulator.search(origin, 30)
            inliers = [hit.inliers for hit in long]
            assert inliers == sorted(inliers, reverse=True)
            assert len({hit.image_id for hit in long}) == len(long) == 30
            for limit in (0, 1, 3, 10):
                assert simulator.search(origin, limit) == long[:limit]


def test_another_process_draws_the_same_and_another_seed_something_else() -> None:
    code = (
        "from tests.worlds.generated.test_simulator import tell_all, digest_of;"
        "print(digest_of(tell_all()))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == digest_of(tell_all())
    origin = CropOrigin(sha256=next(iter(grid_scenes())), box=Box.full())
    assert a_simulator().search(origin, 10) != a_simulator(seed=1).search(origin, 10)


def digest_of(hits: list[VisualHit]) -> str:
    return hashlib.sha256(repr(hits).encode()).hexdigest()


# ---------------------------------------------------------------------------------- a real world


@pytest.fixture(scope="module")
def world(tiny_world: Path) -> GeneratedWorld:
    return GeneratedWorld.open(tiny_world)


def test_scenes_are_known_from_the_questions_alone(world: GeneratedWorld) -> None:
    scenes, truth = known_scenes(world), open_truth(world.folder)
    assert len(scenes) == len(world.tasks())
    for task in world.tasks():
        proof = truth.proof(task.id)
        assert proof is not None
        boxes = scenes[task.images[0].sha256].boxes
        assert set(proof.boxes) <= set(boxes.values()), "a looked-at thing stands where it is said"


def test_questions_of_another_generator_are_refused(tiny_world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "world"
    shutil.copytree(tiny_world, folder)
    lines = (folder / "tasks.jsonl").read_text().splitlines()
    (folder / "tasks.jsonl").write_text("\n".join(line.replace("s00", "s99") for line in lines))
    with pytest.raises(ConfigError, match="build it again"):
        known_scenes(GeneratedWorld.open(folder))


async def test_evidence_has_the_shape_of_the_visual_index(world: GeneratedWorld) -> None:
    simulated = SimulatedWorld.of(world)
    truth = open_truth(world.folder)
    for task in world.tasks():
        proof = truth.proof(task.id)
        assert proof is not None
        ref = task.images[0]
        origin = CropOrigin(sha256=ref.sha256, box=proof.boxes[0])
        picture = Picture(ref=ref, load=never_loaded)
        hits = await simulated.search_image(picture, limit=6, origin=origin)
        real = await world.search_image(
            Picture(ref=ref, load=lambda task=task: world.task_pictures(task)[0]), limit=6
        )
        assert len(hits) == len(real) == 6
        for rank, (one, other) in enumerate(zip(hits, real, strict=True)):
            assert one.model_fields_set == other.model_fields_set
            assert one.rank == other.rank == rank
            assert one.label == label_for(int(one.score or 0))
            assert one.world_id == other.world_id
            assert (await simulated.read(one.url)).doc_id == one.doc_id
            assert (await simulated.asset(one.image_url or "")).data


async def test_an_unknown_picture_is_really_looked_at(world: GeneratedWorld) -> None:
    simulated, task = SimulatedWorld.of(world), world.tasks()[0]
    picture = Picture(ref=task.images[0], load=lambda: world.task_pictures(task)[0])
    elsewhere = CropOrigin(sha256="0" * 64, box=Box.full())
    for origin in (None, elsewhere):
        found = await simulated.search_image(picture, limit=5, origin=origin)
        assert found == await world.search_image(picture, limit=5)
    assert simulated.manifest().world_id != world.manifest().world_id


async def test_older_copies_differ_in_what_changes_and_say_so(world: GeneratedWorld) -> None:
    older, num_older = OlderPages(world), 0
    for record in world.pages.all_urls():
        page = await older.read_older(record.url)
        if page is None:
            continue
        num_older += 1
        today = await world.read(record.url)
        assert record.kind is not PageKind.LIST
        assert page.markdown.startswith(f"*{NOTICE}*")
        assert page.title == today.title
        assert page.doc_id == f"{today.doc_id}~older"
        assert page == await older.read_older(record.url)
        if record.kind is PageKind.ENCYCLOPEDIA:
            assert page.content_hash != today.content_hash
    assert num_older > 10
    assert await older.read_older("https://nowhere.example/") is None


async def test_the_oracle_pays_for_noise_and_for_nothing_else(world: GeneratedWorld) -> None:
    tasks = world.tasks(3)

    async def correct(settings: NoiseSettings, *, simulate: bool = False) -> int:
        engine = SimulatedWorld.of(world) if simulate else None
        done = await roll_out(world, tasks, settings, engine=engine)
        return sum(one.episode.verdict.decision is Decision.CORRECT for one in done)

    assert await correct(NOISE_PRESETS["clean"]) == len(tasks)
    assert await correct(NOISE_PRESETS["clean"], simulate=True) == len(tasks)
    assert await correct(NoiseSettings(p_dead_link=1.0)) < len(tasks)
    hostile = [await roll_out(world, tasks[:2], NOISE_PRESETS["hostile"]) for _ in range(2)]
    first, again = ([(one.episode.trajectory.answer, one.deeds) for one in row] for row in hostile)
    assert first == again
    assert sum(one.waited_s for one in hostile[0]) > 0


@pytest.mark.slow
def test_the_simulator_finds_about_what_the_index_finds(world: GeneratedWorld) -> None:
    """On the tiny world within five standard errors; figures of the small one are in docs."""
    looks = calibrate(world).looks
    for kind in ("tight", "loose"):
        ranks = [(one.rank_index, one.rank_simulated) for one in looks if one.kind == kind]
        index = sum(rank is not None for rank, _ in ranks)
        simulated = sum(rank is not None for _, rank in ranks)
        assert abs(index - simulated) <= 5 * math.sqrt(len(ranks) * 0.1)
