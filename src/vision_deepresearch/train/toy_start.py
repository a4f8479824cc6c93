"""Weights from which a tiny Qwen3-VL copies never-seen names before any training step.

A from-scratch model of random weights needs long training before it copies from its context, which
is all that a hop of research asks of it. Here what copying needs is written into the standard
weights: in layer 0 the four heads look at the token itself and one to three tokens back; in layer 1
a head looks for the place that was preceded by the same tokens, and says what stood there. Where
nothing matches it rests on the marks that begin a message, which nobody may sample. The further
layers are free: their heads say what they find as it is, so that they learn only what to ask for.
Nothing is added to the architecture; every weight stays trainable.

The residual stream of width D is used as five parts of P = (D - 1) // 5: what is to be said, which
begins as the token itself; a copy of the token; the three before it. One further dimension is the
same for all tokens.
What it cannot do: begin to copy. Which name, number or label comes next is what training has to
teach (docs/toy-policy.md).
Source: the idea is the "induction head" of arXiv 2209.11895; the construction is our own.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextAttention,
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextMLP,
)

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.local.tiny import TinySizes, write_tiny

TOY = TinySizes(
    hidden=192,
    layers=4,
    head_width=128,
    rope_theta=1e10,
    vocabulary=900,
    vision_hidden=64,
    vision_depth=2,
)
"""The size of the toy policy; layers 0 and 1 copy, the others are free."""

_HEADS = 4
"""Query heads of a layer, on two key-value heads."""
_FREE = 0.1
"""Share of the random weights left to the attention of free layers. Queries are normalised, so that
small ones turn quickly towards what they should ask for."""
_OUT = 0.5
"""The same of what they write: more would drown what is copied."""
_FOUND = 1.0
"""How loud what a free layer's head finds is said."""
_REST = 1.5
"""A match must score about this much to count: more than one that shares the current token alone."""
_LOUDNESS = (3.0, 2.0, 1.5)
"""What a match of the current token counts, and of those before it: the nearest decides."""
_SAME = 0.5
"""The dimension that is equal for all tokens, where a token's own code has norm 1."""
_BACK_SHARPNESS = 120.0
"""Product of the gains of q and k in layer 0: all weight on one token."""
_MATCH_SHARPNESS = 40.0
"""The same in layer 1; a whole match then wins over one that lacks the farthest by tens of nats."""
_FASTEST_TURN = 3e-4
"""Radians per token: pairs that turn more slowly still match over a thousand tokens."""
_SAID = 4.0
"""How much louder the token that was found is than the current one."""
_QUIET = 0.2
"""Share of the random weights left to the feed-forward parts of layers 0 and 1."""


def write_structured(
    folder: Path,
    *,
    text: Iterable[str] = (),
    tokenizer: Tokenizer | None = None,
    sizes: TinySizes = TOY,
    seed: int = 0,
) -> Path:
    """Write a checkpoint that copies from its context.

    Args:
        folder: made where it is missing; its files are overwritten.
        text: what the tokenizer is trained on; the weights do not depend on its names.
        tokenizer: one that is made already, instead.
        sizes: dense, with 4 heads on 2 key-value heads as `write_tiny` makes them.
        seed: of the token codes and of the free weights.

    Returns:
        The folder; `vdr sft` takes it as its model.

    Raises:
        ConfigError: experts were asked for, or the heads are too narrow for a code.
    """
    if sizes.num_experts:
        raise ConfigError(
            f"a structured start is dense, got {sizes.num_experts} experts: set num_experts to 0"
        )
    part = (sizes.hidden - 1) // 5
    head = sizes.head_width or sizes.hidden // 4
    if head < part:
        raise ConfigError(
            f"a head must hold the code of a token ({part} wide), got {head}: raise head_width"
        )
    write_tiny(folder, sizes=sizes, seed=seed, text=text, tokenizer=tokenizer)
    module = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _write_copying(
            module,
            part=part,
            head=head,
            theta=sizes.rope_theta,
            sink=_sink_of(folder),
        )
    module.save_pretrained(folder)
    return folder


def _write_copying(
    module: Qwen3VLForConditionalGeneration, *, part: int, head: int, theta: float, sink: int
) -> None:
    text = module.model.language_model
    codes = text.embed_tokens.weight
    codes.zero_()
    codes[:, :part] = torch.nn.functional.normalize(torch.randn(len(codes), part), dim=-1)
    codes[:, -1] = _SAME
    turns = theta ** (-torch.arange(0, head, 2) / head)  # (head / 2,) radians per token
    slow = [at for at, turn in enumerate(turns.tolist()) if turn < _FASTEST_TURN]
    places = [*slow, *(at + head // 2 for at in slow)]
    first, second, *free = text.layers
    _look_back(first.self_attn, part=part, head=head, turns=turns)
    _match(second.self_attn, part=part, places=places, sink=codes[sink, :part])
    for layer in free:
        _look_up(layer, part=part, head=head, places=places)
    for layer in (first, second):
        if isinstance(layer.mlp, Qwen3VLTextMLP):
            layer.mlp.down_proj.weight.mul_(_QUIET)


def _sink_of(folder: Path) -> int:
    mark = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("<|im_start|>")
    assert mark is not None, "written a moment ago"
    return mark


def _look_back(attention: Qwen3VLTextAttention, *, part: int, head: int, turns: Tensor) -> None:
    """Head n writes what stood n tokens back into part n + 1; head 0 the token itself."""
    query, key, value, out = _emptied(attention)
    scale = math.sqrt(1 + _SAME**2) / math.sqrt(query.shape[1])  # undoes the norm before
    for shared in range(2):
        rows = slice(shared * head, shared * head + head // 2)
        key[rows, -1] = 1.0
        for one in range(part):
            value[shared * head + one, one] = scale
    for which in range(_HEADS):
        # The query is the key turned back by `which` tokens: q.k peaks at that distance.
        angles = -which * turns
        rows = slice(which * head, which * head + head)
        query[rows, -1] = torch.cat([torch.cos(angles), torch.sin(angles)])
        for one in range(part):
            out[(which + 1) * part + one, which * head + one] = 1.0
    _sharpen(attention, _BACK_SHARPNESS)


def _look_up(
    layer: Qwen3VLTextDecoderLayer, *, part: int, head: int, places: Sequence[int]
) -> None:
    """A free layer that has to learn only what to ask for: what is found is said as it is.

    Of the first two heads a key is the two tokens before a place, side by side; of the others the
    place's own and the one three before.
    """
    attention = layer.self_attn
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
        projection.weight.mul_(_FREE)
    layer.mlp.down_proj.weight.mul_(_OUT)
    scale = math.sqrt(_HEADS + 1) / math.sqrt(attention.q_proj.weight.shape[1])
    for shared, read in enumerate(((2, 3), (1, 4))):
        for half, which in enumerate(read):
            for dim, at in enumerate(places[half * part : (half + 1) * part]):
                attention.k_proj.weight[shared * head + at, which * part + dim] += 1.0
        for one in range(part):
            attention.v_proj.weight[shared * head + one, part + one] += scale
    for which in range(_HEADS):
        for one in range(part):
            attention.o_proj.weight[one, which * head + one] += _FOUND


def _match(
    attention: Qwen3VLTextAttention,
    *,
    part: int,
    places: Sequence[int],
    sink: Tensor,
) -> None:
    """Head 0 finds where the same tokens were just before, and says what came there.

    Where nothing matches, it rests on the marks that begin a message, which nobody may sample.
    """
    query, key, value, out = _emptied(attention)
    rest, *matched = places
    query[rest, -1] = _REST / _SAME
    key[rest, part : 2 * part] = sink
    for rank, at in enumerate(matched):
        # Of a code of P dimensions as many as fit.
        back, dim = rank % len(_LOUDNESS), rank // len(_LOUDNESS)
        loud = math.sqrt(_LOUDNESS[back])
        query[at, (back + 1) * part + dim] = loud
        key[at, (back + 2) * part + dim] = loud
    scale = math.sqrt(_HEADS + 1) / math.sqrt(query.shape[1])
    # What rests says nothing: else it would be as loud as a find in all that reads the stream.
    value[:part, part : 2 * part] = scale * (torch.eye(part) - torch.outer(sink, sink))
    for one in range(part):
        out[one, one] = _SAID
    _sharpen(attention, _MATCH_SHARPNESS)


def _emptied(attention: Qwen3VLTextAttention) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four matrices, all zero: what is not written here must not add noise."""
    found = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    for one in found:
        one.weight.zero_()
    return (found[0].weight, found[1].weight, found[2].weight, found[3].weight)


def _sharpen(attention: Qwen3VLTextAttention, product: float) -> None:
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight.fill_(math.sqrt(product))
