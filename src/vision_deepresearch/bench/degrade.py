"""What damage to a picture costs the image search, and what repairs bring back.

The same tight crops of a generated world's own scenes are searched in its real image index: of the
picture as it is, of the damaged one, and of the damaged one after the repair that the researcher's
`zoom` offers. A hit: the thing itself is among the first three.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from pydantic import JsonValue

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import cut, cut_all
from vision_deepresearch.media.degrade import Damage, degrade
from vision_deepresearch.media.repair import Repair, quarters_of
from vision_deepresearch.synth.trajectories.degrade import REPAIRS_FOR
from vision_deepresearch.tools.zoom import ENLARGE_TO_PX
from vision_deepresearch.wiring.worlds import ProgressBar, world_folder
from vision_deepresearch.worlds.generated.simulator import known_scenes
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.visual import VisualIndex, features_of_pixels

WORLD = "generated:small"
NUM_PICTURES = 20
THINGS_PER_PICTURE = 4
TIGHT = 1.06
"""Factor by which a thing's box is scaled: 3 % more on each side."""
NUM_HITS = 3
TRIED: Mapping[Damage, tuple[Repair, ...]] = {
    **REPAIRS_FOR,
    Damage.NOISE: (Repair.DENOISE,),
    Damage.LOW_RESOLUTION: (Repair.SHARPEN,),
    Damage.JPEG: (Repair.DENOISE,),
}
"""What the offline teacher tries, and the likeliest repair where it tries none."""


def bench_degrade(
    *,
    world: str | None = None,
    num_pictures: int | None = None,
    quick: bool = False,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Search tight crops of untouched, damaged and repaired pictures.

    Args:
        world: a generated one; None: `generated:small`, or `generated:tiny` where it is quick.
        num_pictures: scenes, the first so many; None: 20, or 4.
        quick: fewer pictures of a smaller world.
        progress: called after each picture.

    Returns:
        The object of `vdr bench`. Under `figures` a row for each damage: shares of crops that hit.

    Cost: about 4 s of CPU a picture.
    """
    name = world or ("generated:tiny" if quick else WORLD)
    opened = GeneratedWorld.open(world_folder(name, progress=progress))
    scenes, index = known_scenes(opened), VisualIndex.open(opened.folder / "visual")
    tasks = opened.tasks()[: num_pictures or (4 if quick else NUM_PICTURES)]
    hits: Counter[tuple[str, str]] = Counter()
    num_crops = 0
    for number, task in enumerate(tasks):
        boxes = dict(list(scenes[task.images[0].sha256].boxes.items())[:THINGS_PER_PICTURE])
        data = opened.task_pictures(task)[0]
        num_crops += len(boxes)
        hits["untouched", "hit"] += _count(index, data, boxes, quarters=0)
        for damage in Damage:
            bad = degrade(data, damage, seed=number)
            hits[damage, "degraded"] += _count(index, bad, boxes, quarters=damage.quarters)
            repairs = TRIED[damage]
            mended = cut(bad, Box.full(), enlarge_to_px=ENLARGE_TO_PX, repairs=repairs)
            quarters = damage.quarters + quarters_of(repairs)
            hits[damage, "repaired"] += _count(index, mended, boxes, quarters=quarters)
        if progress is not None:
            progress("pictures", number + 1, len(tasks))
    figures: dict[str, JsonValue] = {"untouched": round(hits["untouched", "hit"] / num_crops, 3)}
    for damage in Damage:
        figures[damage.value] = {
            "degraded": round(hits[damage, "degraded"] / num_crops, 3),
            "repaired": round(hits[damage, "repaired"] / num_crops, 3),
            "with": [repair.value for repair in TRIED[damage]],
        }
    return {
        "settings": {"world": name, "pictures": len(tasks), "crops": num_crops, "hits": NUM_HITS},
        "figures": figures,
        "baseline": {"untouched": figures["untouched"]},
        "ratios": {},
    }


def _count(index: VisualIndex, data: bytes, boxes: Mapping[str, Box], *, quarters: int) -> int:
    """How many things are found by their crops."""
    things: Sequence[str] = list(boxes)
    crops = cut_all(data, [box.turned(quarters).scaled(TIGHT) for box in boxes.values()])
    found = 0
    for thing, crop in zip(things, crops, strict=True):
        grey = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None, "a PNG made here"
        hits = index.search_features(features_of_pixels(np.asarray(grey, np.uint8)), NUM_HITS)
        found += any(hit.image_id == thing for hit in hits)
    return found
