"""Draws and stores the reference pictures of a world, in this process or in several beside it.

A picture is a pure function of world and thing and they come in the order asked for: one process
or eight, the folder is the same byte for byte.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.processes import process_pool
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.generated.draw import reference_picture
from vision_deepresearch.worlds.generated.entities import Entity
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.index.visual import Features, features

_BATCH = 25
"""Pictures that go to a process at a time."""
_ALONE_BELOW = 200
"""Fewer pictures are drawn here: a new process needs a second to begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPicture:
    """A stored picture, and what an index needs of it."""

    owner: str
    """Entity id."""
    ref: ImageRef
    features: Features


def draw_pictures(
    spec: WorldSpec, entities: Sequence[Entity], *, blobs: Path, jobs: int
) -> Iterator[DrawnPicture]:
    """Draw the pictures of things into a store, in order.

    Args:
        spec: the world's.
        entities: things that carry a picture.
        blobs: folder of the store.
        jobs: processes; 1 draws here. More are spawned, so the program's main module must be
            importable without side effects.

    Raises:
        ConfigError: one of the processes was killed.

    Cost: about 12 ms of CPU a picture; 120 MB a process.
    """
    draw = partial(_draw, spec, blobs)
    batches = [entities[start : start + _BATCH] for start in range(0, len(entities), _BATCH)]
    if jobs < 2 or len(entities) < _ALONE_BELOW:
        for batch in batches:
            yield from draw(batch)
        return
    with process_pool(jobs) as pool:
        try:
            for drawn in pool.map(draw, batches):
                yield from drawn
        except BrokenProcessPool as reason:
            msg = (
                "expected the processes that draw pictures to end by themselves, one was killed "
                "(out of memory?): build again with fewer jobs"
            )
            raise ConfigError(msg) from reason
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _draw(spec: WorldSpec, blobs: Path, entities: Sequence[Entity]) -> list[DrawnPicture]:
    cv2.setNumThreads(1)
    store = FolderMediaStore(blobs)
    drawn: list[DrawnPicture] = []
    for entity in entities:
        ref = store.put(reference_picture(spec, entity))
        drawn.append(DrawnPicture(owner=entity.id, ref=ref, features=features(store.load(ref))))
    return drawn
