"""A rolled-out trajectory as the arrays that are trained: its own token stream and its pictures."""

from collections.abc import Callable

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.train.rl.masking import without_fatal_turns
from vision_deepresearch.train.samples import SampleError, TrainingSample
from vision_deepresearch.train.traced import sample_of_trace


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
        SampleError: there is no stream, a picture is gone, or see `sample_of_trace`.
    """
    trace = trajectory.tokens
    if trace is None or not trace.turn_index:
        msg = f"trajectory {trajectory.id!r} has no token stream with turns: it cannot be trained"
        raise SampleError(msg)
    mask = without_fatal_turns(trace.loss_mask, trace.turn_index, fatal_turn=fatal_turn)
    try:
        return sample_of_trace(
            trace, key=trajectory.id, mask=mask, pictures=pictures, load=load, image_id=image_id
        )
    except (BadImageError, KeyError) as error:
        msg = f"a picture of trajectory {trajectory.id!r} cannot be shown: {error}"
        raise SampleError(msg) from error
