"""Random sequences in the shape of a trajectory, without a tokenizer.

    <prompt> [picture] <reply 0> <results> [picture] <reply 1> ... <reply n-1>

Picture k has the grid (1, 2, 2), (1, 2, 4), (1, 4, 4)... so that no two neighbours are alike.
"""

import numpy as np

from vision_deepresearch.models.codec.positions import MERGE
from vision_deepresearch.train.samples import TrainingSample, no_pictures

VISION_START, VISION_END, IMAGE_ID, FIRST_TEXT = 1, 2, 3, 8
"""Ids below 8 are control ids of these sequences."""
_GRIDS = ((1, 2, 2), (1, 2, 4), (1, 4, 4), (1, 4, 6))


def a_sample(
    *,
    key: str = "a",
    turns: int = 3,
    pictures: int = 1,
    seed: int = 0,
    reply: int = 5,
    results: int = 7,
    vocab: int = 64,
) -> TrainingSample:
    """A sequence of `turns` replies of about `reply` tokens; pictures spread over the results."""
    rng = np.random.default_rng([seed, turns, pictures])
    ids: list[int] = []
    turn_index: list[int] = []
    grids: list[tuple[int, int, int]] = []

    def add(tokens: list[int], turn: int = -1) -> None:
        ids.extend(tokens)
        turn_index.extend([turn] * len(tokens))

    def text(count: int) -> list[int]:
        return [int(one) for one in rng.integers(FIRST_TEXT, vocab, count)]

    for turn in range(turns):
        add(text(1 + int(rng.integers(results))))
        while len(grids) < pictures and (len(grids) <= turn or turn == turns - 1):
            t, h, w = _GRIDS[len(grids) % len(_GRIDS)]
            grids.append((t, h, w))
            add([VISION_START, *[IMAGE_ID] * (t * h * w // MERGE**2), VISION_END])
        add(text(2 + int(rng.integers(reply))), turn)
    pixels, shapes = no_pictures()
    if grids:
        shapes = np.array(grids, np.int64)
        pixels = rng.normal(size=(int(shapes.prod(axis=1).sum()), 1536)).astype(np.float32)
    turn_of = np.array(turn_index, np.int32)
    return TrainingSample(
        key=key,
        ids=np.array(ids, np.int64),
        loss_mask=turn_of >= 0,
        turn_index=turn_of,
        image_id=IMAGE_ID,
        pixel_values=pixels,
        grids=shapes,
    )
