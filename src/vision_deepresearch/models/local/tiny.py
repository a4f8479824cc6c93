"""A random Qwen3-VL of about a million parameters, written as a checkpoint, without a download.

Same architecture, same files, same loader as a real one (`local:PATH`); what it says is noise. For
tests, benchmarks, and as the start of models that are trained from scratch.
Source of the sizes: a study of the smallest configurations transformers accepts.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from pydantic import Field
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)
from transformers.utils import logging

from vision_deepresearch.core.record import Record

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""In the order of Qwen's vocabulary."""
TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")
"""Added tokens that are not special, as in Qwen3."""
_PIECES = r" |\n|\p{N}|\p{L}+|[^\s\p{L}\p{N}]|\s"
"""Spaces, digits and punctuation stand alone: the same name has the same ids behind a space and
behind a quote, without which a small model cannot copy it."""
_TEXT = (
    "system user assistant tools image_id img_1 Question Reason",
    '{"name": "crop_and_search", "arguments": {"image_id": "img_1", "bbox": [[0, 0, 9, 9]]}}',
    '{"name": "search", "arguments": {"query": ["who", "where", "when"], "goal": "find it"}}',
    '{"name": "visit", "arguments": {"url": ["https://a.example/b"], "goal": "read it"}}',
    "<answer>unknown</answer> the picture shows an emblem; the page says that it was founded in",
)


class TinySizes(Record):
    """How large. The defaults make 1.0 M parameters (dense)."""

    hidden: int = Field(default=128, multiple_of=32, ge=64)
    layers: int = Field(default=3, ge=2)
    vision_hidden: int = Field(default=64, multiple_of=16)
    vision_depth: int = Field(default=3, ge=2)
    num_experts: int = Field(default=0, ge=0)
    """0: dense. Otherwise two of them see each token."""
    vocabulary: int = Field(default=450, ge=300)
    """At most; fewer where the text has fewer pairs to merge."""
    head_width: int = Field(default=0, multiple_of=8, ge=0)
    """Of one attention head; 0: a quarter of `hidden`."""
    rope_theta: float = Field(default=10_000.0, gt=1)
    """Base of the rotary positions; larger: the slow pairs still match over longer distances."""
    max_positions: int = Field(default=65_536, ge=1)
    max_picture_tokens: int = Field(default=64, ge=1)


MOE = TinySizes(hidden=64, layers=2, vision_depth=2, num_experts=4)
"""Half a million parameters, four experts."""


def write_tiny(
    folder: Path,
    *,
    sizes: TinySizes | None = None,
    seed: int = 0,
    text: Iterable[str] = _TEXT,
    tokenizer: Tokenizer | None = None,
) -> Path:
    """Write a checkpoint of random weights.

    Args:
        folder: made where it is missing; its files are overwritten.
        sizes: None: the dense one of 1.0 M parameters.
        seed: of the weights; torch's own generator is left as it was.
        text: what the tokenizer is trained on.
        tokenizer: one that is made already, instead.

    Returns:
        The folder.

    Cost: under a second.
    """
    sizes = sizes or TinySizes()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer or tiny_tokenizer(text, vocabulary=sizes.vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", _tokenizer_settings())
    _write_json(folder / "preprocessor_config.json", _picture_settings(sizes))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _random_module(sizes, tokenizer)
    logging.disable_progress_bar()
    module.save_pretrained(folder)
    return folder


def tiny_tokenizer(text: Iterable[str], *, vocabulary: int) -> Tokenizer:
    """Byte-level BPE: any text goes through it and comes back."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIAL) - len(TAGS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(list(text) * 4, trainer=trainer)
    made.add_special_tokens([AddedToken(one, normalized=False) for one in SPECIAL])
    made.add_tokens([AddedToken(one, normalized=False, special=False) for one in TAGS])
    return made


def _random_module(
    sizes: TinySizes, tokenizer: Tokenizer
) -> Qwen3VLForConditionalGeneration | Qwen3VLMoeForConditionalGeneration:
    head = sizes.head_width or sizes.hidden // 4
    part = head // 2 // 3
    end, blank = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    written = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": sizes.hidden,
        "intermediate_size": 2 * sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": head,
        "max_position_embeddings": sizes.max_positions,
        "pad_token_id": blank,
        "bos_token_id": blank,
        "eos_token_id": end,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": sizes.rope_theta,
            "mrope_section": [head // 2 - 2 * part, part, part],
            "mrope_interleaved": True,
        },
    }
    seen = {
        "depth": sizes.vision_depth,
        "hidden_size": sizes.vision_hidden,
        "intermediate_size": 2 * sizes.vision_hidden,
        "num_heads": 4,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": sizes.hidden,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    marks = {
        "image_token_id": tokenizer.token_to_id("<|image_pad|>"),
        "video_token_id": tokenizer.token_to_id("<|video_pad|>"),
        "vision_start_token_id": tokenizer.token_to_id("<|vision_start|>"),
        "vision_end_token_id": tokenizer.token_to_id("<|vision_end|>"),
        "tie_word_embeddings": True,
        "pad_token_id": blank,
        "eos_token_id": end,
    }
    if not sizes.num_experts:
        dense = Qwen3VLConfig.from_dict({"text_config": written, "vision_config": seen, **marks})
        return Qwen3VLForConditionalGeneration(dense).eval()
    written |= {
        "num_experts": sizes.num_experts,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": sizes.hidden // 2,
    }
    sparse = Qwen3VLMoeConfig.from_dict({"text_config": written, "vision_config": seen, **marks})
    return Qwen3VLMoeForConditionalGeneration(sparse).eval()


def _tokenizer_settings() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 65_536,
    }


def _picture_settings(sizes: TinySizes) -> dict[str, object]:
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "patch_size": 16,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "size": {"shortest_edge": 32 * 32, "longest_edge": sizes.max_picture_tokens * 32 * 32},
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
