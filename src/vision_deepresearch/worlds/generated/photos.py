"""Pictures that nobody has asked about yet: scenes of a world beyond those of its own questions.

Picture number n is a pure function of the world and n. Most hold several things of one kind among
others; some hold two that something links. As in any collection, a few are small, plain, or there
twice.
"""

import random
from dataclasses import dataclass

import cv2
import numpy as np

from vision_deepresearch.worlds.generated.composing import Composer, Situation
from vision_deepresearch.worlds.generated.joins import may_meet, meeting
from vision_deepresearch.worlds.generated.routes import Routes
from vision_deepresearch.worlds.generated.scenes import LAYOUTS_FOR, place_scene, render_scene
from vision_deepresearch.worlds.generated.spec import rng_for

_NUM_TRIES = 40
_P_LINKED = 0.25
"""Of pictures, the share with two things that something links, where the world has such."""
_PLAIN_EVERY, _SMALL_EVERY, _TWIN_EVERY = 29, 31, 23
"""Of numbers: which are plain, small, or the picture before once more."""
_SMALL_WIDTH = 208
"""Pixels."""
_TWIN_QUALITY = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledScene:
    """A scene, and what became of its picture before somebody had it."""

    now: Situation
    is_small: bool = False
    """The picture was made small."""
    is_twin: bool = False
    """It is the picture before, saved anew."""


def photo_id(number: int) -> str:
    """For example "p00012"; no scene of a world's own questions is called so."""
    return f"p{number:05d}"


def photo_number(ref: str) -> int | None:
    """The number in an id; None: it is no such id."""
    digits = ref.removeprefix("p")
    return int(digits) if digits.isdecimal() and photo_id(int(digits)) == ref else None


def sample_scene(routes: Routes, number: int) -> SampledScene:
    """The scene of a picture.

    Raises:
        ValueError: the world holds too few things for scenes.

    Cost: a few milliseconds, no pixels.
    """
    if number % _TWIN_EVERY == _TWIN_EVERY - 1:
        return SampledScene(now=sample_scene(routes, number - 1).now, is_twin=True)
    rng = rng_for(routes.graph.spec.root, "photo", number)
    is_plain = number % _PLAIN_EVERY == _PLAIN_EVERY - 1
    for _ in range(_NUM_TRIES):
        now = _arranged(routes, rng, number=number, is_plain=is_plain)
        if now is not None:
            return SampledScene(now=now, is_small=number % _SMALL_EVERY == _SMALL_EVERY - 1)
    msg = f"no scene for picture {number} in a world of {len(routes.graph.entities)} things"
    raise ValueError(msg)


def draw_photo(routes: Routes, number: int) -> bytes:
    """The picture as somebody has it, JPEG. Cost: about 100 ms of CPU.

    Raises:
        ValueError: see `sample_scene`.
    """
    graph, sampled = routes.graph, sample_scene(routes, number)
    data = render_scene(graph.spec, sampled.now.scene, graph.entities).data
    if not sampled.is_small and not sampled.is_twin:
        return data
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, "a scene is a picture"
    if sampled.is_small:
        height = round(pixels.shape[0] * _SMALL_WIDTH / pixels.shape[1])
        pixels = cv2.resize(pixels, (_SMALL_WIDTH, height), interpolation=cv2.INTER_AREA)
    quality = [int(cv2.IMWRITE_JPEG_QUALITY), _TWIN_QUALITY]
    return bytes(cv2.imencode(".jpg", pixels, quality)[1])


def _arranged(
    routes: Routes, rng: random.Random, *, number: int, is_plain: bool
) -> Situation | None:
    graph = routes.graph
    compose = Composer(
        routes=routes,
        rng=rng,
        ref="",
        scene_id=photo_id(number),
        place=lambda scene: place_scene(graph.spec, scene, graph.entities),
        num_hops=1,
    )
    types = [type_ for type_ in LAYOUTS_FOR if graph.sighted_of_type(type_)]
    things = graph.sighted_of_type(
        types[number % len(types)] if rng.random() < 0.8 else rng.choice(types)
    )
    anchor = rng.choice(things).id
    if not routes.is_clear(anchor):
        return None
    if is_plain:
        return compose.arrange_alone(anchor)
    if rng.random() < _P_LINKED and may_meet(compose, anchor):
        rivals, besides = meeting(compose, anchor)
        return compose.arrange([anchor, *rivals], besides=besides)
    rivals = compose.things_like(anchor)[: rng.randint(2, 4)]
    return compose.arrange([anchor, *rivals], besides=()) if len(rivals) > 1 else None
