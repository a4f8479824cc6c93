"""Attention that keeps the sequences of a packed row apart, without a mask of row by row.

transformers can derive such a mask from positions, and its size and work grow with the square of
the row; an attention mask of ones, or the cache left on, would switch it off in silence. Here each
sequence is attended to by itself: work grows with the sequences, and a leak is not possible.
Calls that name no sequences (generation) are sdpa as it is.
Source: `AttentionInterface` of transformers 5.24.
"""

from collections.abc import Sequence

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

SEGMENTS = "vdr_segments"
"""Name of this attention in a model's configuration."""


def segment_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segment_lengths: Sequence[int] | None = None,
    is_causal: bool | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """One layer's attention over (1, heads, L, width), called by transformers.

    `segment_lengths` are tokens per sequence and add up to L; without them it is plain sdpa, and so
    it is for the vision tower, which says `is_causal=False`: its pictures are apart already. What
    else transformers hands down (positions, softcap...) no Qwen3-VL uses.

    Raises:
        ValueError: lengths that do not cover the row, or a mask beside them.
    """
    if segment_lengths is None or is_causal is False or len(segment_lengths) == 1:
        return sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            dropout=dropout,
            scaling=scaling,
            is_causal=is_causal,
        )
    has_all = sum(segment_lengths) == key.shape[2] == query.shape[2]
    if attention_mask is not None or not has_all:
        msg = (
            f"sequences of {sum(segment_lengths)} tokens and no mask were expected, got "
            f"{query.shape[2]} queries on {key.shape[2]} keys, mask: {attention_mask is not None}"
        )
        raise ValueError(msg)
    lengths = list(segment_lengths)
    pieces = zip(*(one.split(lengths, dim=2) for one in (query, key, value)), strict=True)
    outputs = [
        sdpa_attention_forward(module, q, k, v, None, dropout=dropout, scaling=scaling)[0]
        for q, k, v in pieces
    ]
    return torch.cat(outputs, dim=1), None


def use_segments(model: PreTrainedModel) -> None:
    """Let the language part of a model attend by sequences. Generation stays what it was."""
    text = model.config.get_text_config()
    if text._attn_implementation == SEGMENTS:  # noqa: SLF001 - transformers has no other name for it
        return
    AttentionInterface.register(SEGMENTS, segment_attention)
    AttentionMaskInterface.register(SEGMENTS, sdpa_mask)
    model.set_attn_implementation({"text_config": SEGMENTS})
