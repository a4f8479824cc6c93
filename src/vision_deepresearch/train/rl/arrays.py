"""A rolled-out trajectory as the arrays that are trained: its own token stream and its pictures."""

from collections.abc import Callable

import numpy as np

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.train.rl.masking import without_fatal_turns
from vision_deepresearch.train.samples import SampleError, TrainingSample, no_pictures


def sample_of(
    trajectory: Trajectory,
    *,
    pictures: PictureProcessor,
    load: Callable[[ImageRef], bytes],
    image_id: int,
    fatal_turn: int | None = None,
) -> TrainingSample:
    """The arrays of a trajectory.

    Args:
        trajectory: of a token-exact model.
        pictures: cuts them as the rollout did.
        load: gives the bytes of stored pictures.
        image_id: of the placeholder token.
        fatal_turn: see `masking.Mask`.

    Raises:
        SampleError: there is no stream, or something of it does not fit together: a picture that is
            gone, a log-probability that is no number.
    """
    trace = trajectory.tokens
    if trace is None or not trace.turn_index:
        msg = f"trajectory {trajectory.id!r} has no token stream with turns: it cannot be trained"
        raise SampleError(msg)
    mask = without_fatal_turns(trace.loss_mask, trace.turn_index, fatal_turn=fatal_turn)
    try:
        cuts = [pictures.cut(ref, load) for ref in trace.images]
    except (BadImageError, KeyError) as error:
        msg = f"a picture of trajectory {trajectory.id!r} cannot be shown: {error}"
        raise SampleError(msg) from error
    pixel_values, grids = no_pictures()
    if cuts:
        pixel_values = np.concatenate([one.pixel_values for one in cuts])
        grids = np.array([tuple(one.grid) for one in cuts], np.int64)
    logprobs = np.where(mask, np.asarray(trace.logprobs, np.float64), 0.0)
    return TrainingSample(
        key=trajectory.id,
        ids=np.asarray(trace.ids, np.int64),
        loss_mask=mask,
        turn_index=np.asarray(trace.turn_index, np.int32),
        image_id=image_id,
        logprobs=logprobs.astype(np.float32),
        versions=tuple(
            version if bit else None for version, bit in zip(trace.versions, mask, strict=True)
        ),
        pixel_values=pixel_values,
        grids=grids,
    )
