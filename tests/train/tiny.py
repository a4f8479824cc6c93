"""Random Qwen3-VL models for the sequences of `sequences.py`, dense and MoE; no tokenizer."""

import torch
from transformers import (
    PreTrainedModel,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)

from tests.train.sequences import IMAGE_ID, VISION_END, VISION_START

_VISION = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 64,
    "num_position_embeddings": 64,
    "deepstack_visual_indexes": [0, 1],
}


def a_model(
    *,
    is_moe: bool = False,
    vocab: int = 64,
    seed: int = 0,
    max_tokens: int = 8192,
    heads: int = 4,
) -> PreTrainedModel:
    """About 0.2 M parameters, in evaluation mode; `heads` of attention make long rows slow."""
    text = {
        "vocab_size": vocab,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": heads,
        "num_key_value_heads": max(heads // 2, 1),
        "head_dim": 16,
        "max_position_embeddings": max_tokens,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "mrope_section": [4, 2, 2],
            "mrope_interleaved": True,
        },
    }
    ids = {
        "image_token_id": IMAGE_ID,
        "video_token_id": 4,
        "vision_start_token_id": VISION_START,
        "vision_end_token_id": VISION_END,
        "tie_word_embeddings": True,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if is_moe:
            experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
            config = Qwen3VLMoeConfig(text_config=text | experts, vision_config=_VISION, **ids)
            return Qwen3VLMoeForConditionalGeneration(config).eval()
        config = Qwen3VLConfig(text_config=text, vision_config=_VISION, **ids)
        return Qwen3VLForConditionalGeneration(config).eval()
