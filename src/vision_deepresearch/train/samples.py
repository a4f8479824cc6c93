"""A trajectory as the arrays a training forward needs; SFT and RL take no other form.

Axes: T = tokens of the sequence, N = pictures in placeholder order, P = patches of all pictures.

A sample that would train on something else than it says cannot be made: the runs of placeholder
ids are the pictures' grids one by one, nothing is supervised that no turn wrote, and every number
is finite. Knows no torch; arrays are read-only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision_deepresearch.models.codec.positions import MERGE

MAX_LOGPROB = 1e-4
"""Above 0 by more than rounding in bfloat16 can explain, a number is no log-probability."""


class SampleError(ValueError):
    """Arrays that are no trajectory: training on them would answer wrongly in silence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingSample:
    """One sequence with its pictures and what of it is supervised.

    Raises:
        SampleError: shapes, types or contents do not fit together; says which and how.
    """

    key: str
    """Whose it is: the id of the episode or trajectory. Unique in a batch."""
    ids: npt.NDArray[np.int64]
    """(T,) tokens."""
    loss_mask: npt.NDArray[np.bool_]
    """(T,) True on the tokens that are trained: those the policy wrote, end of turn included."""
    turn_index: npt.NDArray[np.int32]
    """(T,) assistant turn that wrote the token, from 0; -1 outside turns. Never goes down."""
    image_id: int
    """Id of the placeholder token of a picture."""
    logprobs: npt.NDArray[np.float32] | None = None
    """(T,) natural log, at the sampling temperature and after forbidden ids; 0 where the mask is
    False. None: nobody sampled these tokens (a teacher's text)."""
    versions: tuple[str | None, ...] | None = None
    """T policy versions, None outside the mask. None for a teacher's text."""
    pixel_values: npt.NDArray[np.float32]
    """(P, D) normalised patches of all pictures, in placeholder order; D is 1,536 for 16 px."""
    grids: npt.NDArray[np.int64]
    """(N, 3) patches (t, h, w) of each picture."""

    def __post_init__(self) -> None:
        self._check_tokens()
        self._check_pictures()
        self._check_sampling()
        for array in (self.ids, self.loss_mask, self.turn_index, self.pixel_values, self.grids):
            array.setflags(write=False)
        if self.logprobs is not None:
            self.logprobs.setflags(write=False)

    @property
    def num_tokens(self) -> int:
        """T."""
        return len(self.ids)

    @property
    def num_supervised(self) -> int:
        """Tokens under the mask."""
        return int(self.loss_mask.sum())

    @property
    def num_pictures(self) -> int:
        """N."""
        return len(self.grids)

    def _check_tokens(self) -> None:
        shape = (len(self.ids),)
        _check_array("ids", self.ids, dtype=np.int64, shape=shape)
        _check_array("loss_mask", self.loss_mask, dtype=np.bool_, shape=shape)
        _check_array("turn_index", self.turn_index, dtype=np.int32, shape=shape)
        if not len(self.ids):
            raise SampleError(self._told("at least one token was expected, got none"))
        if self.ids.min() < 0:
            raise SampleError(self._told(f"ids are not negative, got {self.ids.min()}"))
        if self.loss_mask[0]:
            text = "the first token is supervised, and nothing stands before it to predict it from"
            raise SampleError(self._told(text))
        if bool((self.loss_mask & (self.turn_index < 0)).any()):
            raise SampleError(self._told("a token is supervised that belongs to no turn"))
        within = self.turn_index[self.turn_index != -1]
        if len(within) and (within.min() < 0 or bool((np.diff(within) < 0).any())):
            raise SampleError(self._told("turns go up from 0 along the tokens, these do not"))

    def _check_pictures(self) -> None:
        if self.pixel_values.ndim != 2 or self.pixel_values.dtype != np.float32:
            got = f"{self.pixel_values.dtype} {self.pixel_values.shape}"
            raise SampleError(
                self._told(f"pixel_values were expected as float32 (P, D), got {got}")
            )
        _check_array("grids", self.grids, dtype=np.int64, shape=(len(self.grids), 3))
        is_image = self.ids == self.image_id
        if bool((self.loss_mask & is_image).any()):
            raise SampleError(self._told("a placeholder of a picture is supervised"))
        if bool(((self.grids < 1) | (self.grids % (1, MERGE, MERGE) != 0)).any()):
            text = f"grids are (t, h, w) patches with h and w in steps of {MERGE}, got {self.grids.tolist()}"
            raise SampleError(self._told(text))
        patches = self.grids.prod(axis=1)
        if int(patches.sum()) != len(self.pixel_values):
            text = f"{len(self.pixel_values)} patches for grids of {int(patches.sum())}"
            raise SampleError(self._told(text))
        expected = [int(count) // MERGE**2 for count in patches]
        if (found := _runs(is_image)) != expected:
            text = (
                f"pictures of {expected[:8]} placeholders were expected, found runs of {found[:8]}: "
                "every picture must reach the model, in order"
            )
            raise SampleError(self._told(text))
        if not bool(np.isfinite(self.pixel_values).all()):
            raise SampleError(self._told("a pixel is not finite"))

    def _check_sampling(self) -> None:
        if self.versions is not None and len(self.versions) != len(self.ids):
            text = f"one version per token: {len(self.versions)} for {len(self.ids)}"
            raise SampleError(self._told(text))
        if self.logprobs is None:
            return
        _check_array("logprobs", self.logprobs, dtype=np.float32, shape=(len(self.ids),))
        sampled = self.logprobs[self.loss_mask]
        if not bool(np.isfinite(sampled).all()) or bool((sampled > MAX_LOGPROB).any()):
            text = (
                "a captured log-probability is no finite number up to 0: its turn cannot be trained"
            )
            raise SampleError(self._told(text))
        if bool((self.logprobs[~self.loss_mask] != 0).any()):
            raise SampleError(self._told("a log-probability stands where nothing is supervised"))

    def _told(self, text: str) -> str:
        return f"sample {self.key!r}: {text}"


def no_pictures(*, width: int = 1536) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """`pixel_values` and `grids` of a sequence without pictures; `width` is D."""
    return np.zeros((0, width), np.float32), np.zeros((0, 3), np.int64)


def join_pictures(
    samples: Sequence[TrainingSample],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Pictures of several sequences one after the other, as one forward takes them."""
    pixels = [sample.pixel_values for sample in samples if sample.num_pictures]
    if not pixels:
        return no_pictures()
    return np.concatenate(pixels), np.concatenate([sample.grids for sample in samples])


def _check_array(
    name: str, array: npt.NDArray[np.generic], *, dtype: type, shape: tuple[int, ...]
) -> None:
    if array.dtype != dtype or array.shape != shape:
        msg = f"{name} was expected as {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}"
        raise SampleError(msg)


def _runs(is_image: npt.NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.diff(np.concatenate(([0], is_image.astype(np.int8), [0])))
    return [int(n) for n in np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)]
