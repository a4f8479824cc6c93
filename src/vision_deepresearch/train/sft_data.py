"""Stored trajectories as sequences to train on, and the order in which steps look at them.

Tokens of every sequence are made once, at the start, by the codec that rollouts use; pictures are
cut when their row comes up. What cannot be trained on is counted with its reason, never mended.
The order of an epoch is a function of the seed: a run that was stopped knows where it was from the
number of its step alone.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vision_deepresearch.core.content import ImageRef, Role
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.integrity import PromptIntegrityError
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.models.codec.trace import Codec
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import Trace
from vision_deepresearch.train.export.conversation import (
    IMPORTED,
    RefusedRowError,
    Row,
    rows_of,
)
from vision_deepresearch.train.packing import plan_rows
from vision_deepresearch.train.samples import TrainingSample
from vision_deepresearch.train.sft_settings import BatchSettings
from vision_deepresearch.train.traced import cut_pictures

Show = Callable[[str, int, int], None]
_HASH_SPAN = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One row of a trajectory as tokens; its pictures are still in their files."""

    key: str
    """TASK/ATTEMPT, and /STRETCH where results were shortened on the way."""
    task_id: str
    ids: npt.NDArray[np.int64]
    """(T,)"""
    loss_mask: npt.NDArray[np.bool_]
    turn_index: npt.NDArray[np.int32]
    images: tuple[ImageRef, ...]
    media: Path
    """Of its run folder."""

    @property
    def num_tokens(self) -> int:
        """T."""
        return len(self.ids)

    @property
    def num_supervised(self) -> int:
        """Tokens under the mask."""
        return int(self.loss_mask.sum())


@dataclass(slots=True)
class SftData:
    """What a run trains on and measures by. Mutable while it is read."""

    train: list[Example] = field(default_factory=list)
    held_out: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """By reason."""

    @property
    def digest(self) -> str:
        """Of keys and tokens, in order: a run goes on with the same data only."""
        hasher = hashlib.sha256()
        for one in self.train:
            hasher.update(one.key.encode() + b"\0" + one.ids.tobytes())
        return hasher.hexdigest()[:16]

    @property
    def num_supervised(self) -> int:
        """Supervised tokens of the training part."""
        return sum(one.num_supervised for one in self.train)


class Encoder:
    """Turns stored attempts into sequences and sequences into samples, for one checkpoint."""

    def __init__(
        self, codec: Codec, *, pictures: PictureProcessor, image_id: int, max_tokens: int
    ) -> None:
        """Wrap the codec.

        Args:
            codec: of the checkpoint that is trained.
            pictures: of the same, with the budget of the rollouts.
            image_id: placeholder id of a picture.
            max_tokens: longer sequences are left out.
        """
        self._codec = codec
        self._pictures = pictures
        self._image_id = image_id
        self._max_tokens = max_tokens

    def read(
        self,
        folder: Path,
        *,
        into: SftData,
        held_out_frac: float,
        only_correct: bool,
        is_held_out: bool = False,
        show: Show | None = None,
    ) -> None:
        """Read the attempts of a run folder.

        Args:
            folder: with trajectories.
            into: gets them.
            held_out_frac: share of its tasks that are held out.
            only_correct: leave out what no judge found correct; imported attempts nobody judged.
            is_held_out: hold out all of them.
            show: told of progress.

        Raises:
            ConfigError: no run folder.
        """
        with RunFolder.read(folder) as run:
            total = run.counts().attempts
            for number, trace in enumerate(run.traces(), start=1):
                for one in self._sequences(trace, run.media_root, into=into, strict=only_correct):
                    held = is_held_out or _share(one.task_id) < held_out_frac
                    (into.held_out if held else into.train).append(one)
                if show is not None and (number % 50 == 0 or number == total):
                    show(f"read {folder.name}", number, total)

    def sample(self, one: Example) -> TrainingSample:
        """A sequence with its pictures cut.

        Raises:
            BadImageError: a picture is gone or damaged.
        """
        store = FolderMediaStore(one.media)
        pixel_values, grids = cut_pictures(one.images, pictures=self._pictures, load=store.load)
        return TrainingSample(
            key=one.key,
            ids=one.ids,
            loss_mask=one.loss_mask,
            turn_index=one.turn_index,
            image_id=self._image_id,
            pixel_values=pixel_values,
            grids=grids,
        )

    def _sequences(
        self, trace: Trace, media: Path, *, into: SftData, strict: bool
    ) -> Iterator[Example]:
        if strict and (reason := _why_not(trace)):
            into.left_out[reason] += 1
            return
        try:
            for row in rows_of(trace.task, trace.trajectory):
                one = self._sequence(row, media)
                if one.num_tokens > self._max_tokens:
                    into.left_out["too_long"] += 1
                    continue
                yield one
        except RefusedRowError as refused:
            into.left_out[refused.reason] += 1
        except PromptIntegrityError:
            into.left_out["prompt_integrity"] += 1
        except BadImageError:
            into.left_out["picture"] += 1

    def _sequence(self, row: Row, media: Path) -> Example:
        # The stored messages, not the joined ones: token for token what a rollout is sent.
        messages = [message for one in row.messages for message in one.sources]
        trains = [one.has_loss for one in row.messages for _ in one.sources]
        trace = self._codec.trace(messages, trains=trains)
        for ref in trace.images:  # now, not in the middle of the run
            if not (media / ref.sha256[:2] / ref.sha256[2:]).is_file():
                msg = f"picture {ref.sha256[:12]} is named and not there: put the original in again"
                raise BadImageError(msg)
        stretch = f"/{row.segment}" if row.segment else ""
        assert len([one for one in messages if one.role is Role.ASSISTANT]) == len(row.replies)
        return Example(
            key=f"{row.task.id}/{row.trajectory.attempt}{stretch}",
            task_id=row.task.id,
            ids=np.array(trace.ids, np.int64),
            loss_mask=np.array(trace.loss_mask, np.bool_),
            turn_index=np.array(trace.turn_index, np.int32),
            images=trace.images,
            media=media,
        )


def texts_of(folder: Path, *, limit: int) -> list[str]:
    """Texts of all messages of the first attempts of a run folder.

    Raises:
        ConfigError: no run folder.
    """
    with RunFolder.read(folder) as run:
        return [
            message.text
            for trace in islice(run.traces(), limit)
            for row in rows_of(trace.task, trace.trajectory)
            for joined in row.messages
            for message in joined.sources
        ]


def plan_epoch(
    lengths: Sequence[int], *, batch: BatchSettings, seed: int, epoch: int
) -> list[list[tuple[int, ...]]]:
    """The steps of an epoch: per step its rows, per row its sequences by index.

    Every sequence is in one row of one step. One that is longer than a row has a row of its own.

    Args:
        lengths: tokens per sequence.
        batch: how much a step looks at.
        seed: of the run.
        epoch: from 0; each has another order.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(lengths))
    if batch.unit == "trajectories":
        groups = [order[at : at + batch.size] for at in range(0, len(order), batch.size)]
        return [_rows(group.tolist(), lengths, batch=batch) for group in groups]
    rows = _rows(order.tolist(), lengths, batch=batch)
    # Best fit puts the longest first: shuffled, so that no step has only long ones.
    shuffled = np.random.default_rng([seed, epoch, 1]).permutation(len(rows)).tolist()
    rows = [rows[index] for index in shuffled]
    return [rows[at : at + batch.size] for at in range(0, len(rows), batch.size)]


def check_trainable(data: SftData) -> None:
    """Refuse data that nothing can be learnt from.

    Raises:
        ConfigError: no sequence is left; the message counts why.
    """
    if not data.train:
        told = ", ".join(f"{count} {reason}" for reason, count in data.left_out.most_common())
        msg = (
            f"no trajectory can be trained on ({told or 'the folders hold none'}): give run folders "
            "of `vdr synth trajectories`, or set only_correct = false for unjudged ones"
        )
        raise ConfigError(msg)


def _rows(
    group: Sequence[int], lengths: Sequence[int], *, batch: BatchSettings
) -> list[tuple[int, ...]]:
    if not batch.is_packed:
        return [(index,) for index in group]
    packing = plan_rows([lengths[index] for index in group], row_tokens=batch.row_tokens)
    rows = [*packing.rows, *((index,) for index in packing.too_long)]
    return [tuple(group[index] for index in row) for row in rows]


def _why_not(trace: Trace) -> str:
    """Why an attempt is no example; empty: it is one."""
    if trace.verdict is None:
        return "" if trace.trajectory.profile == IMPORTED else "unjudged"
    return "" if trace.verdict.decision is Decision.CORRECT else "not_correct"


def _share(task_id: str) -> float:
    """A number in [0, 1) that a task always has."""
    digest = hashlib.sha256(task_id.encode()).digest()
    return int.from_bytes(digest[:4], "big") / _HASH_SPAN
