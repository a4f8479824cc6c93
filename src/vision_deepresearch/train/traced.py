"""A token stream as the arrays that are trained, its pictures cut as the rollout cut them."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.trajectory import TokenTrace
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.train.samples import SampleError, TrainingSample, no_pictures


def cut_pictures(
    refs: Sequence[ImageRef], *, pictures: PictureProcessor, load: Callable[[ImageRef], bytes]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """`pixel_values` (P, D) and `grids` (N, 3) of pictures in placeholder order.

    Raises:
        BadImageError, KeyError: a picture is damaged or gone.

    Cost: about 20 ms per megapixel of pictures that are not in the processor's cache.
    """
    cuts = [pictures.cut(ref, load) for ref in refs]
    if not cuts:
        return no_pictures()
    pixel_values = np.concatenate([one.pixel_values for one in cuts])
    return pixel_values, np.array([tuple(one.grid) for one in cuts], np.int64)


def sample_of_trace(
    trace: TokenTrace,
    *,
    key: str,
    mask: npt.NDArray[np.bool_],
    pictures: PictureProcessor,
    load: Callable[[ImageRef], bytes],
    image_id: int,
) -> TrainingSample:
    """The arrays of a stream that was sampled.

    Args:
        trace: with the turn of every token.
        key: whose it is.
        mask: (T,) which of its sampled tokens are trained.
        pictures: cuts them as the rollout did.
        load: gives the bytes of stored pictures.
        image_id: of the placeholder token.

    Raises:
        SampleError: something of it does not fit together: placeholders that are not the pictures',
            another picture budget than while sampling, a log-probability that is no number.
        BadImageError, KeyError: see `cut_pictures`.
    """
    pixel_values, grids = cut_pictures(trace.images, pictures=pictures, load=load)
    if trace.grids and [tuple(one) for one in trace.grids] != [
        tuple(one) for one in grids.tolist()
    ]:
        msg = f"pictures of {key!r} are cut otherwise than while sampling: keep one picture budget"
        raise SampleError(msg)
    logprobs = np.where(mask, np.asarray(trace.logprobs, np.float64), 0.0)
    return TrainingSample(
        key=key,
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
