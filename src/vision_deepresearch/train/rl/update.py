"""One batch into a change of the weights, or into none where a number is no number.

The forward of SFT, the losses of `loss`, weights per token made once for the whole batch. Nothing
bad is ever applied: a row whose log-probabilities are not finite, or that the importance correction
rejects, counts as masked: it is in no denominator. A step whose gradient is not finite is not
taken. Axes: T = trained token of one row.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.optimise import computes_in_bfloat16, computing
from vision_deepresearch.train.packing import PackedRow, pack_row, plan_rows
from vision_deepresearch.train.rl.aggregation import token_weights
from vision_deepresearch.train.rl.batch import Batch, Row
from vision_deepresearch.train.rl.importance import Weights, importance_weights
from vision_deepresearch.train.rl.kl import k3
from vision_deepresearch.train.rl.loss import policy_losses
from vision_deepresearch.train.rl.settings import UpdateSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Rows that go through one forward together."""

    rows: tuple[Row, ...]
    weights: tuple[float, ...]
    """Of each row's tokens in the loss."""
    packed: PackedRow


@dataclass(slots=True, kw_only=True)
class _Sums:
    """What is added up over a batch, for the metrics."""

    tokens: int = 0
    loss: float = 0.0
    low: float = 0.0
    high: float = 0.0
    dual: float = 0.0
    weight: float = 0.0
    weight_max: float = 0.0
    cut: int = 0
    kl: float = 0.0
    entropy: float = 0.0
    reference: float = 0.0
    ratio_error: float = 0.0
    norms: list[float] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    """Keys of rows whose log-probabilities are no numbers."""
    rejected: set[str] = field(default_factory=set)
    """Keys of rows of which the importance correction leaves nothing."""
    steps: int = 0
    skipped: int = 0


def update_policy(
    model: PreTrainedModel,
    batch: Batch,
    *,
    optimizer: torch.optim.Optimizer,
    settings: UpdateSettings,
    temperature: float,
    forbidden_ids: Collection[int],
    reference: PreTrainedModel | None = None,
) -> dict[str, float]:
    """Train on a batch.

    Args:
        model: in evaluation mode, as it sampled: dropout would make another policy of it.
        batch: rows and the denominator.
        optimizer: over the trained parameters; its learning rate is set.
        settings: see there.
        temperature: of sampling.
        forbidden_ids: were never sampled, so they have no share in the softmax.
        reference: for the KL term; None: there is none.

    Returns:
        Figures; `steps_taken` 0 where nothing was applied.

    Cost: one forward and backward per packed row; with several updates per batch or a KL term one
        more forward.
    """
    sums = _Sums()
    pieces = _pieces(batch, settings)
    old: dict[str, Tensor] = {}
    num_updates = min(settings.updates_per_batch, max(len(pieces), 1))
    if num_updates > 1:
        for piece in pieces:
            with _computing(model, settings):
                old |= _scored(model, piece, temperature=temperature, forbidden_ids=forbidden_ids)
        # Before the first update: what is left out of any of them is in no denominator of the others.
        for row in batch.rows:
            _weights(row, old[row.key], settings=settings, sums=sums)
    for part in range(num_updates):
        optimizer.zero_grad(set_to_none=True)
        mine = pieces[part::num_updates]
        for piece in mine:
            known = None
            if reference is not None:
                with _computing(model, settings):
                    known = _scored(
                        reference, piece, temperature=temperature, forbidden_ids=forbidden_ids
                    )
            with _recomputing(model):
                with _computing(model, settings):
                    scores = score_tokens(
                        model,
                        piece.packed,
                        temperature=temperature,
                        forbidden_ids=forbidden_ids,
                        with_entropy=True,
                    )
                assert scores.entropy is not None
                sums.entropy += float(scores.entropy.sum())
                # A mini-batch stands for the whole: its rows weigh as many times more.
                loss = _loss(
                    piece, scores.logprobs, old=old, known=known, settings=settings, sums=sums
                )
                if loss is not None:
                    (loss * num_updates).backward()
        factor = _without_left_out(batch, settings=settings, left_out=sums.bad | sums.rejected)
        _take_step(model, optimizer, settings=settings, sums=sums, is_empty=not mine, factor=factor)
    sums.loss *= _without_left_out(batch, settings=settings, left_out=sums.bad | sums.rejected)
    optimizer.zero_grad(set_to_none=True)
    return _figures(sums)


def _computing(model: PreTrainedModel, settings: UpdateSettings) -> AbstractContextManager[object]:
    device = model.device
    return computing(device, is_bfloat16=computes_in_bfloat16(settings.precision, device))


@contextmanager
def _recomputing(model: PreTrainedModel) -> Iterator[None]:
    """Let layers that are to be recomputed be so: transformers looks whether they are in training.

    Of the layers alone: what is inside them stays in evaluation mode, without dropout.
    """
    layers = [
        module
        for module in model.modules()
        if isinstance(module, GradientCheckpointingLayer) and module.gradient_checkpointing
    ]
    was = [layer.training for layer in layers]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer, training in zip(layers, was, strict=True):
            layer.training = training


def _pieces(batch: Batch, settings: UpdateSettings) -> list[_Piece]:
    """The rows with what a token of each weighs, packed into forwards."""
    weights_B = token_weights(batch.num_active, mode=settings.aggregation, horizon=settings.horizon)
    plan = plan_rows([row.sample.num_tokens for row in batch.rows], row_tokens=settings.row_tokens)
    if plan.too_long:
        longest = max(batch.rows[index].sample.num_tokens for index in plan.too_long)
        msg = (
            f"a trajectory of {longest} tokens fits no row of {settings.row_tokens}: raise "
            "rl.update.row_tokens to the context limit of the rollouts"
        )
        raise ValueError(msg)
    return [
        _Piece(
            rows=tuple(batch.rows[index] for index in row),
            weights=tuple(float(weights_B[index]) for index in row),
            packed=pack_row([batch.rows[index].sample for index in row]),
        )
        for row in plan.rows
    ]


@torch.no_grad()
def _scored(
    model: PreTrainedModel, piece: _Piece, *, temperature: float, forbidden_ids: Collection[int]
) -> dict[str, Tensor]:
    """Log-probabilities by row, without gradient."""
    scores = score_tokens(model, piece.packed, temperature=temperature, forbidden_ids=forbidden_ids)
    parts = scores.logprobs.split(piece.packed.counts)
    return {row.key: part for row, part in zip(piece.rows, parts, strict=True)}


def _loss(
    piece: _Piece,
    logprobs: Tensor,
    *,
    old: dict[str, Tensor],
    known: dict[str, Tensor] | None,
    settings: UpdateSettings,
    sums: _Sums,
) -> Tensor | None:
    """The weighted loss of a piece; None: no row of it can be trained."""
    total: Tensor | None = None
    for row, logprobs_T, per_token in _rows(piece, logprobs):
        old_T = old.get(row.key, logprobs_T.detach())
        if not bool(torch.isfinite(logprobs_T).all()):
            sums.bad.add(row.key)
            continue
        weights = _weights(row, old_T, settings=settings, sums=sums)
        if weights is None:
            continue
        behaviour_T = _behaviour(row)
        if settings.importance.regime == "bypass":
            old_T = torch.from_numpy(behaviour_T).to(logprobs_T)
        made = policy_losses(
            logprobs_T,
            old_T,
            advantages_T=torch.full_like(old_T, row.advantage),
            settings=settings.clip,
        )
        losses_T = made.losses * torch.from_numpy(weights.weights).to(logprobs_T)
        num = len(behaviour_T)
        if known is not None:
            distance_T = k3(logprobs_T, known[row.key])
            losses_T = losses_T + settings.kl_weight * distance_T
            sums.reference += float(distance_T.detach().sum())
        loss = losses_T.sum() * per_token
        total = loss if total is None else total + loss
        sums.tokens += num
        sums.loss += float(loss.detach())
        sums.low += made.low_frac * num
        sums.high += made.high_frac * num
        sums.dual += made.dual_frac * num
        sums.weight += float(weights.weights.sum())
        sums.weight_max = max(sums.weight_max, float(weights.weights.max()))
        sums.cut += weights.num_cut
        sums.kl += weights.kl * num
        difference_T = old_T.double().cpu().numpy() - behaviour_T
        sums.ratio_error = max(sums.ratio_error, float(np.abs(difference_T).max()))
    return total


def _behaviour(row: Row) -> NDArray[np.float64]:
    """(T,) log-probabilities under the weights that sampled."""
    behaviour = row.sample.logprobs
    assert behaviour is not None, "rollouts carry their log-probabilities"
    return behaviour[row.sample.loss_mask].astype(np.float64)


def _weights(row: Row, old_T: Tensor, *, settings: UpdateSettings, sums: _Sums) -> Weights | None:
    """Importance weights of a row; None: it is left out, which is noted."""
    if not bool(torch.isfinite(old_T).all()):
        sums.bad.add(row.key)
        return None
    weights = importance_weights(
        old_T.double().cpu().numpy(), _behaviour(row), settings=settings.importance
    )
    if weights.is_rejected:
        sums.rejected.add(row.key)
        return None
    return weights


def _without_left_out(
    batch: Batch, *, settings: UpdateSettings, left_out: Collection[str]
) -> float:
    """By how much every token weighs more once the rows left out are in no denominator.

    One factor for all tokens, whatever the mode: the forwards need not wait until it is known.
    """
    is_left_out = [row.key in left_out for row in batch.rows]
    if not any(is_left_out) or all(is_left_out):
        return 1.0
    is_left_out += [False] * (len(batch.num_active) - len(batch.rows))
    rest = [0 if out else num for num, out in zip(batch.num_active, is_left_out, strict=True)]
    one = is_left_out.index(False)
    before, after = (
        token_weights(active, mode=settings.aggregation, horizon=settings.horizon)[one]
        for active in (batch.num_active, rest)
    )
    return float(after / before)


def _rows(piece: _Piece, logprobs: Tensor) -> Iterator[tuple[Row, Tensor, float]]:
    parts: Sequence[Tensor] = logprobs.split(piece.packed.counts)
    yield from zip(piece.rows, parts, piece.weights, strict=True)


def _take_step(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    *,
    settings: UpdateSettings,
    sums: _Sums,
    is_empty: bool,
    factor: float,
) -> None:
    """Scale, clip and step; not where nothing was learnt, nor where the gradient is no number."""
    trained = [one for one in model.parameters() if one.grad is not None]
    if is_empty or not trained:
        return
    if factor != 1.0:
        for one in trained:
            assert one.grad is not None
            one.grad.mul_(factor)
    norm = float(torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm))
    if not math.isfinite(norm):
        sums.skipped += 1
        return
    sums.norms.append(norm)
    optimizer.step()
    sums.steps += 1


def _figures(sums: _Sums) -> dict[str, float]:
    tokens = max(sums.tokens, 1)
    return {
        "loss": sums.loss,
        "grad_norm": max(sums.norms, default=0.0),
        "clip_low_frac": sums.low / tokens,
        "clip_high_frac": sums.high / tokens,
        "clip_dual_frac": sums.dual / tokens,
        "importance_mean": sums.weight / tokens if sums.tokens else 1.0,
        "importance_max": sums.weight_max,
        "importance_cut_frac": sums.cut / tokens,
        "sampler_kl": sums.kl / tokens,
        "sampler_logprob_error_max": sums.ratio_error,
        "entropy": sums.entropy / tokens,
        "reference_kl": sums.reference / tokens,
        "trained_tokens": float(sums.tokens),
        "bad_logprob_rows": float(len(sums.bad)),
        "rejected_rows": float(len(sums.rejected)),
        "steps_taken": float(sums.steps),
        "bad_gradient_steps": float(sums.skipped),
    }
