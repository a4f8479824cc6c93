"""Reverse image search of a generated world without looking: boxes are known, hits are drawn.

P(hit) = p_max * sigmoid(slope * (ln IoU(crop, box) + shift) - clutter * others - small * [side < 48])
for each thing whose box the crop meets. Scores are drawn around what the visual index gives, the
list is filled with strangers, and ranks follow from the scores, as they do there. For rollouts at
speed and exact tests: it is a model of the index, calibrated in docs/engine-behaviour.md, and it
knows nothing of what a crop looks like (blur, hidden parts). Everything is a pure function of
(seed, scene, box).
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.record import Record
from vision_deepresearch.worlds.generated.entities import SceneSpec
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.spec import rng_for
from vision_deepresearch.worlds.generated.tasks import make_tasks
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.visual import VisualHit

SMALL_SIDE_PX = 48
"""Crops with a shorter side are small. Source: our default."""
FOUND_RANK = 10
"""A hit is among so many first pictures; what P(hit) is calibrated on."""

# How the index scores, in inliers. Source: 2,577 crops of generated:small, docs/engine-behaviour.md.
_LN_SCORE_TIGHT = 4.68
"""Median of ln(inliers) of a found thing at IoU 1."""
_LN_SCORE_PER_LN_IOU = 0.91
_LN_SCORE_SPREAD = 0.67
"""Standard deviation of ln(inliers)."""
_STRANGERS = 20
"""Strangers the index verifies; their scores are 4 plus an exponential."""
_STRANGER_FLOOR = 4.0
_STRANGER_MEAN_WHOLE = 0.62
"""Mean of the exponential for a whole picture; grows as area ** -0.42 for crops."""
_STRANGER_AREA_POWER = -0.42
_LOOKALIKE_SHARE = (0.15, 0.75)
"""Inliers of a look-alike, as a share of those of the thing found."""


class SimulatorSettings(Record):
    """How likely a thing is found. Source of the defaults: fitted, docs/engine-behaviour.md."""

    p_max: float = Field(default=0.999, ge=0, le=1)
    """Chance of a hit for a perfect crop."""
    slope: float = Field(default=2.9, ge=0)
    """How fast the chance falls with ln IoU ("a")."""
    shift: float = 2.45
    """Minus the ln IoU at which half of `p_max` is left ("b")."""
    clutter: float = Field(default=0.0, ge=0)
    """What each other thing in the crop takes off ("c")."""
    small: float = Field(default=0.0, ge=0)
    """What a crop with a side below 48 pixels loses ("d")."""

    def p_hit(self, iou: float, *, num_others: int = 0, is_small: bool = False) -> float:
        """Chance that a thing is found."""
        if iou <= 0:
            return 0.0
        power = self.slope * (math.log(iou) + self.shift)
        power -= self.clutter * num_others + self.small * is_small
        return self.p_max / (1 + math.exp(-power)) if power > -700 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownScene:
    """A picture of which it is known what stands where."""

    width: int
    """Pixels."""
    height: int
    boxes: Mapping[str, Box]
    """By thing id."""


class PictureSimulator:
    """Draws what reverse image search would find. Pure; safe to use from several threads."""

    def __init__(
        self,
        graph: Graph,
        scenes: Mapping[str, KnownScene],
        *,
        settings: SimulatorSettings | None = None,
        seed: int | None = None,
    ) -> None:
        """Make a simulator.

        Args:
            graph: of the world: which things have pictures, and which look alike.
            scenes: by sha256 of the picture.
            settings: None: calibrated ones.
            seed: of the draws; None: the world's.
        """
        self._graph = graph
        self._scenes = scenes
        self._settings = settings or SimulatorSettings()
        self._seed = graph.spec.root if seed is None else seed
        self._pictured = tuple(thing.id for thing in graph.pictured())

    def knows(self, origin: CropOrigin | None) -> bool:
        """Whether a crop of this origin can be simulated."""
        return origin is not None and origin.sha256 in self._scenes

    def search(self, origin: CropOrigin, limit: int) -> list[VisualHit]:
        """What the crop finds, best first; the list is filled to `limit` as the index does.

        Raises:
            KeyError: a picture that is no known scene.
        """
        scene = self._scenes[origin.sha256]
        if limit < 1:
            return []
        box = origin.box
        corners = tuple(round(corner, 6) for corner in (box.x0, box.y0, box.x1, box.y1))
        rng = rng_for(self._seed, "simulated-search", (origin.sha256, corners))
        found = self._found(scene, box, rng)
        doubles = self._lookalikes(found, scene, rng)
        known = {*scene.boxes, *doubles}
        strangers = self._strangers(known, max(limit, FOUND_RANK), box=box, rng=rng)
        last = FOUND_RANK - min(len(found), FOUND_RANK)
        floor = strangers[last][1] if last < len(strangers) else 0.0
        ranked = [(thing, max(score, floor)) for thing, score in found.items()]
        ranked += [*doubles.items(), *strangers]
        ranked.sort(key=_score, reverse=True)
        return [
            VisualHit(image_id=thing, inliers=math.floor(score)) for thing, score in ranked[:limit]
        ]

    def p_hits(self, origin: CropOrigin) -> dict[str, float]:
        """Chance of each thing that the crop meets, by its id.

        Raises:
            KeyError: a picture that is no known scene.
        """
        return self._chances(self._scenes[origin.sha256], origin.box)

    def _chances(self, scene: KnownScene, crop: Box) -> dict[str, float]:
        met = {thing: iou for thing, box in scene.boxes.items() if (iou := crop.iou(box)) > 0}
        side = min(crop.width * scene.width, crop.height * scene.height)
        return {
            thing: self._settings.p_hit(iou, num_others=len(met) - 1, is_small=side < SMALL_SIDE_PX)
            for thing, iou in met.items()
        }

    def _found(self, scene: KnownScene, crop: Box, rng: random.Random) -> dict[str, float]:
        """Things that are found, with their scores."""
        found: dict[str, float] = {}
        for thing, p_hit in self._chances(scene, crop).items():
            is_found, deviation = rng.random() < p_hit, rng.gauss(0, _LN_SCORE_SPREAD)
            if is_found:
                middle = _LN_SCORE_TIGHT + _LN_SCORE_PER_LN_IOU * math.log(
                    crop.iou(scene.boxes[thing])
                )
                found[thing] = math.exp(middle + deviation)
        return found

    def _lookalikes(
        self, found: Mapping[str, float], scene: KnownScene, rng: random.Random
    ) -> dict[str, float]:
        """Doubles of what was found come with it, with fewer inliers."""
        doubles: dict[str, float] = {}
        for thing, score in found.items():
            for double in self._graph.lookalikes(thing):
                share = rng.uniform(*_LOOKALIKE_SHARE)
                if double not in scene.boxes:
                    doubles[double] = max(score * share, _STRANGER_FLOOR)
        return doubles

    def _strangers(
        self, known: set[str], count: int, *, box: Box, rng: random.Random
    ) -> list[tuple[str, float]]:
        """Other things with their scores, best first; fewer than `count` in a small world.

        Scores are the largest of so many exponentials, drawn from the top, so that a longer list
        begins like a shorter one; what the index would not have verified has none.
        """
        mean = _STRANGER_MEAN_WHOLE * box.area**_STRANGER_AREA_POWER
        drawn: dict[str, float] = {}
        below = 1.0
        room = min(count, len(self._pictured) - len(known))
        while len(drawn) < room:
            thing = self._pictured[int(rng.random() * len(self._pictured))]
            if thing in known or thing in drawn:
                continue
            score, left = 0.0, _STRANGERS - len(drawn)
            if left > 0:
                below *= (1.0 - rng.random()) ** (1 / left)
                score = _STRANGER_FLOOR - mean * math.log(max(1.0 - below, 1e-12))
            drawn[thing] = score
        return list(drawn.items())


class SimulatedWorld:
    """A generated world whose picture search is simulated where the origin of a crop is known.

    Text search, pages and pictures are the world's own; a picture that is no crop of a known scene
    (one from a page, one searched by hand) is looked at by the visual index as ever.
    """

    def __init__(self, world: GeneratedWorld, simulator: PictureSimulator) -> None:
        self._world = world
        self._simulator = simulator

    @classmethod
    def of(
        cls, world: GeneratedWorld, *, settings: SimulatorSettings | None = None
    ) -> "SimulatedWorld":
        """Simulate a world's search on the scenes of its own questions.

        Raises:
            ConfigError: see `known_scenes`.
        """
        simulator = PictureSimulator(world.pages.graph, known_scenes(world), settings=settings)
        return cls(world, simulator)

    def manifest(self) -> WorldManifest:
        """What the world is, under a name of its own: its answers are not the index's."""
        about = self._world.manifest()
        return about.model_copy(
            update={
                "world_id": f"{about.world_id}~simulated",
                "visual_index": {"extractor": "simulated", "fallback": "orb"},
            }
        )

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        """Pages that show what the picture shows, as drawn; never reads the picture's bytes then.

        Raises:
            WorldError: as the world, for a picture that is not simulated.
        """
        if origin is None or not self._simulator.knows(origin):
            return await self._world.search_image(picture, limit=limit, origin=origin)
        hits = self._simulator.search(origin, limit)
        return self._world.evidence_of(hits, limit=limit)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        """As the world.

        Raises:
            WorldError: the engine failed.
        """
        return await self._world.search_text(query, limit=limit)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        """As the world.

        Raises:
            WorldError: no such page or window.
        """
        return await self._world.read(url, cursor=cursor)

    async def asset(self, url: str) -> Asset:
        """As the world.

        Raises:
            WorldError: no such picture.
        """
        return await self._world.asset(url)


def known_scenes(world: GeneratedWorld) -> dict[str, KnownScene]:
    """What stands where in the pictures of a world's own questions, by sha256 of the picture.

    A task is a pure function of (world, its number, the attempt that was accepted), and its scene's
    name holds both: drafting again gives the boxes without any pixels. Cost: 1.5 ms per task.

    Raises:
        ConfigError: the questions are not what this program would draft.
    """
    graph, tasks = world.pages.graph, world.tasks()
    pictures = {task.provenance.get("scene", ""): task.images[0] for task in tasks if task.images}
    placed: dict[str, Mapping[str, Box]] = {}

    def place(scene: SceneSpec) -> Mapping[str, Box]:
        placed[scene.id] = place_scene(graph.spec, scene, graph.entities)
        return placed[scene.id]

    try:
        drafts = list(
            make_tasks(
                graph.spec,
                graph,
                world.pages,
                limit=len(tasks),
                place=place,
                accept=lambda draft: draft.scene.id in pictures,
            )
        )
    except ValueError as reason:
        raise ConfigError(_unlike(world)) from reason
    if [draft.question for draft in drafts] != [task.question for task in tasks]:
        raise ConfigError(_unlike(world))
    return {
        ref.sha256: KnownScene(width=ref.width, height=ref.height, boxes=placed[scene_id])
        for scene_id, ref in pictures.items()
    }


def _unlike(world: GeneratedWorld) -> str:
    return (
        "expected questions that this program drafts again alike, got others in "
        f"{str(world.folder)!r}: build it again with `vdr world build generated FOLDER`"
    )


def _score(item: tuple[str, float]) -> float:
    return item[1]
