"""One optimizer step over packed rows: gradients summed, clipped, checked and applied.

The loss of a row is divided by what the whole batch counts, so how a batch is cut into rows changes
nothing. A step whose loss or gradient is no number is not taken: weights, moments and the next
steps are as if its batch had not been there.
"""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import PackedRow
from vision_deepresearch.train.peers import Peers
from vision_deepresearch.train.sft_settings import OptimizerSettings

_ALONE = Peers()
_SHARE = "share"
"""Key of a group of parameters: its part of the learning rate."""

RowLoss = Callable[[PackedRow], torch.Tensor]
"""The share of one row in the loss of its batch; a scalar with a gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """What a step found."""

    loss: float
    """Of the batch."""
    grad_norm: float
    """Before clipping."""
    is_taken: bool
    """False: loss or gradient was no number, and nothing was changed."""


def make_optimizer(model: PreTrainedModel, settings: OptimizerSettings) -> torch.optim.AdamW:
    """AdamW over what is trained; only matrices decay, and some may learn more slowly.

    Raises:
        ConfigError: `slow` is found in no name of what is trained.
        ValueError: nothing is trained.
    """
    named = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    if not named:
        msg = "nothing of the model is trained: unfreeze a part of it"
        raise ValueError(msg)
    is_slow = [bool(settings.slow and re.search(settings.slow, name)) for name, _ in named]
    if settings.slow is not None and not any(is_slow):
        msg = (
            f"optimizer.slow {settings.slow!r} is found in no name of the {len(named)} parameters that "
            f"are trained, such as {named[0][0]!r}: correct it, or leave it out"
        )
        raise ConfigError(msg)
    parts: dict[tuple[float, float], list[tuple[str, torch.nn.Parameter]]] = {}
    for (name, one), slow in zip(named, is_slow, strict=True):
        decay = settings.weight_decay if one.ndim > 1 else 0.0
        parts.setdefault((decay, settings.slow_factor if slow else 1.0), []).append((name, one))
    groups = [
        {"params": part, "weight_decay": decay, _SHARE: share}
        for (decay, share), part in sorted(parts.items(), reverse=True)
    ]
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=(settings.beta1, settings.beta2), eps=settings.eps
    )


def take_step(
    rows: Sequence[PackedRow],
    *,
    loss_of: RowLoss,
    optimizer: torch.optim.Optimizer,
    lr: float,
    clip_norm: float,
    peers: Peers = _ALONE,
) -> StepFigures:
    """Take one step over a batch.

    Args:
        rows: of the batch, this process's share of them; padding rows are not looked at.
        loss_of: the share of a row.
        optimizer: over the trained parameters.
        lr: learning rate of this step.
        clip_norm: the gradient is scaled down to this norm.
        peers: who has the other rows; all take the same step.

    Returns:
        Figures of the whole batch; `is_taken` is False where nothing was changed.

    Raises:
        ValueError: no row at all, in one process alone.
        TrainingStoppedError: another process is gone.
    """
    real = [row for row in rows if not row.is_padding]
    if not real and peers.size == 1:
        msg = "a step needs at least one row, got none"
        raise ValueError(msg)
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for row in real:
        loss = loss_of(row)
        value = float(loss.detach())
        total += value
        if not math.isfinite(value):
            break
        loss.backward()
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    total = peers.total(total, device=parameters[0].device)
    norm = math.nan
    if math.isfinite(total):
        peers.add_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip_norm))
    is_taken = math.isfinite(norm)
    if is_taken:
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get(_SHARE, 1.0)
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return StepFigures(loss=total, grad_norm=norm, is_taken=is_taken)


def cross_entropy(
    model: PreTrainedModel,
    *,
    num_supervised: int,
    forbidden_ids: Sequence[int] = (),
    is_bfloat16: bool = False,
) -> RowLoss:
    """The loss of SFT: sum over supervised tokens by the count of the whole optimizer batch (P70).

    Args:
        model: in training mode.
        num_supervised: of all rows of the batch.
        forbidden_ids: ids the policy never samples.
        is_bfloat16: compute in bfloat16 over float32 weights.
    """

    def loss(row: PackedRow) -> torch.Tensor:
        with computing(model.device, is_bfloat16=is_bfloat16):
            scores = score_tokens(model, row, forbidden_ids=forbidden_ids)
        return -scores.logprobs.sum() / num_supervised

    return loss


def computes_in_bfloat16(precision: str, device: torch.device) -> bool:
    """What a recipe's `precision` means on a device."""
    return precision == "bfloat16" or (precision == "auto" and device.type != "cpu")


def computing(device: torch.device, *, is_bfloat16: bool) -> AbstractContextManager[object]:
    """A block whose matrix products are bfloat16 while weights stay as they are; or plain."""
    return torch.autocast(device.type, torch.bfloat16) if is_bfloat16 else nullcontext()
