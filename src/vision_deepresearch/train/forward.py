"""Log-probabilities of the supervised tokens of a row: the one training forward of SFT and RL.

All pictures of the row are in it, positions are given, no mask is passed and no cache kept. Logits
exist for supervised tokens alone, a slice at a time: of 64,000 tokens with a vocabulary of 152,000
they would be 39 GB. Axes: L = tokens of the row, S = supervised tokens.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from vision_deepresearch.models.codec.positions import MERGE
from vision_deepresearch.train.attention import use_segments
from vision_deepresearch.train.packing import PackedRow

LOGIT_ROWS = 1024
"""Supervised tokens whose logits exist at a time: 0.6 GB in float32 for Qwen3's vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenScores:
    """What the model says about the supervised tokens of a row, in float32."""

    logprobs: torch.Tensor
    """(S,) natural log, with a gradient where one is taken."""
    entropy: torch.Tensor | None
    """(S,) nats of the whole distribution, without a gradient; None: not asked for."""


def score_tokens(
    model: PreTrainedModel,
    row: PackedRow,
    *,
    temperature: float = 1.0,
    forbidden_ids: Collection[int] = (),
    with_entropy: bool = False,
) -> TokenScores:
    """Score the supervised tokens of a row under the model's weights.

    Args:
        model: a Qwen3-VL with its language head, dense or MoE, on one device.
        row: sequences with their pictures.
        temperature: divides the logits; RL gives that of its sampling.
        forbidden_ids: never sampled, so their probability is 0 here too.
        with_entropy: also the entropy per token.

    Raises:
        ValueError: nothing is supervised, a forbidden id is, a temperature not above 0, or the
            row's pictures and placeholders differ.

    Cost: one forward over L tokens and all patches; logits for S tokens, `LOGIT_ROWS` at a time.
    """
    _check(row, temperature=temperature, forbidden_ids=forbidden_ids)
    use_segments(model)
    device = model.device
    hidden = _hidden_states(model, row, device=device)
    places = torch.from_numpy(row.supervised).to(device)
    targets = torch.from_numpy(row.ids).to(device)[places]
    before = hidden[0, places - 1]
    head = model.get_output_embeddings()
    assert head is not None, "a model with a language head"
    forbidden = torch.tensor(sorted(forbidden_ids), dtype=torch.long, device=device)

    def scored(states: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = head(states).float().index_fill(1, forbidden, -torch.inf) / temperature
        logprobs = torch.log_softmax(logits, dim=-1)
        entropy = logprobs.new_zeros(0)
        if with_entropy:
            known = logprobs.detach()
            entropy = -(known.exp() * known.clamp_min(torch.finfo(known.dtype).min)).sum(dim=-1)
        return logprobs.gather(1, wanted[:, None])[:, 0], entropy

    found = [
        checkpoint(scored, states, wanted, use_reentrant=False)
        for states, wanted in _slices(before, targets)
    ]
    return TokenScores(
        logprobs=torch.cat([logprobs for logprobs, _ in found]),
        entropy=torch.cat([entropy for _, entropy in found]) if with_entropy else None,
    )


def _hidden_states(model: PreTrainedModel, row: PackedRow, *, device: torch.device) -> torch.Tensor:
    """(1, L, width) last hidden states."""
    pictures: dict[str, torch.Tensor] = {}
    ids = _tensor(row.ids, device=device)[None]
    if len(row.grids):
        is_picture = np.concatenate([one.ids == one.image_id for one in row.samples])
        pictures = {
            "pixel_values": _tensor(row.pixel_values, device=device),
            "image_grid_thw": _tensor(row.grids, device=device),
            "mm_token_type_ids": _tensor(is_picture.astype(np.int64), device=device)[None],
        }
    output = model.base_model(
        input_ids=ids,
        position_ids=_tensor(row.positions[1:], device=device),
        attention_mask=None,
        use_cache=False,
        segment_lengths=row.lengths,
        **pictures,
    )
    hidden: torch.Tensor = output.last_hidden_state
    return hidden


def _slices(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Slices of equal places."""
    return zip(*(one.split(LOGIT_ROWS) for one in tensors), strict=True)


def _tensor(array: npt.NDArray[np.generic], *, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(array.copy()).to(device)


def _check(row: PackedRow, *, temperature: float, forbidden_ids: Collection[int]) -> None:
    if not len(row.supervised):
        msg = f"row of {row.samples[0].key!r}: nothing is supervised: leave it out of the batch"
        raise ValueError(msg)
    if not temperature > 0:
        msg = f"a temperature above 0 was expected, got {temperature}"
        raise ValueError(msg)
    if forged := set(row.ids[row.supervised].tolist()) & set(forbidden_ids):
        msg = (
            f"row of {row.samples[0].key!r}: the forbidden ids {sorted(forged)} are supervised, "
            "which no sampling can have written: leave the episode out"
        )
        raise ValueError(msg)
    is_picture = sum(int((one.ids == one.image_id).sum()) for one in row.samples)
    features = int(row.grids.prod(axis=1).sum()) // MERGE**2
    if is_picture != features or int(row.grids.prod(axis=1).sum()) != len(row.pixel_values):
        msg = f"{is_picture} placeholders for {features} picture tokens: no picture may be lost"
        raise ValueError(msg)
