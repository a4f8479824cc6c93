"""How much memory a run takes, estimated from sizes alone, before anything is loaded. No torch.

    state        4 bytes per weight, and 12 more where it is trained (gradient and two moments)
    activations  what is kept of a row for its gradient, in the bytes of the precision
    logits       of the supervised tokens whose logits exist at a time, twice, in float32

An estimate: allocators and kernels take more. On a cluster the state is divided by its devices.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.train.sft_settings import SftSettings

_KEPT_PER_LAYER = 18
"""Hidden-sized tensors a decoder layer keeps for its gradient, about, apart from its MLP."""
_LOGIT_ROWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Of an architecture; weights are counted in `language` and `vision`."""

    hidden: int
    layers: int
    mlp: int
    """Per token: of an MoE model, of the experts that see it."""
    vocabulary: int
    language: int
    vision: int
    aligner: int


KNOWN = {
    "Qwen3-VL-8B-Instruct": Sizes(
        hidden=4096,
        layers=36,
        mlp=12_288,
        vocabulary=151_936,
        language=8_190_735_360,
        vision=415_891_440,
        aligner=160_496_896,
    ),
    "Qwen3-VL-30B-A3B-Instruct": Sizes(
        hidden=2048,
        layers=48,
        mlp=8 * 768,
        vocabulary=151_936,
        language=30_532_122_624,
        vision=415_891_440,
        aligner=122_739_968,
    ),
}
"""By name of the model: parameters counted on empty models of their configurations' shapes, which
add up to the published totals. Models whose folder is there are counted themselves."""


def sizes_of(model: str) -> Sizes | None:
    """Sizes of a known model, by the last part of its name; None: not known."""
    return KNOWN.get(Path(model).name)


def layers_of(folder: Path) -> tuple[int, int, int, int]:
    """Hidden size, layers, MLP width per token and vocabulary of a checkpoint folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]
    mlp = config["intermediate_size"]
    if "num_experts" in config:
        mlp = config["num_experts_per_tok"] * config["moe_intermediate_size"]
    return config["hidden_size"], config["num_hidden_layers"], mlp, config["vocab_size"]


def estimate_memory(
    settings: SftSettings,
    *,
    state_bytes: int,
    hidden: int,
    layers: int,
    mlp: int,
    vocabulary: int,
    row_tokens: int,
) -> dict[str, JsonValue]:
    """Bytes of each part, per device where a cluster divides them.

    Args:
        settings: of the run.
        state_bytes: weights, gradients and moments of the whole model.
        hidden: width of the language model.
        layers: of it.
        mlp: width of its MLP.
        vocabulary: rows of its head.
        row_tokens: the longest row.
    """
    parallel = settings.parallel
    devices = parallel.nodes * parallel.gpus_per_node
    width = 4 if settings.precision == "float32" else 2
    tokens = row_tokens // (parallel.tensor * parallel.context)
    layer = tokens * (_KEPT_PER_LAYER * hidden + 4 * mlp) * width
    kept = layers * tokens * hidden * width + layer if settings.recompute_layers else layers * layer
    logits = 2 * 4 * min(_LOGIT_ROWS, row_tokens) * vocabulary
    state = state_bytes // devices
    return {
        "devices": devices,
        "state_bytes": state,
        "activation_bytes": kept,
        "logit_bytes": logits,
        "total_gb": round((state + kept + logits) / 1e9, 2),
    }


def known_estimate(settings: SftSettings) -> dict[str, JsonValue]:
    """The estimate of a model that is known by name, for rows of the recipe's length.

    Returns:
        Empty: the model is not known.
    """
    sizes = sizes_of(settings.model)
    if sizes is None:
        return {}
    trained = sizes.language
    trained += sizes.vision if settings.train_vision else 0
    trained += sizes.aligner if settings.train_aligner else 0
    total = sizes.language + sizes.vision + sizes.aligner
    return {
        "parameters": total,
        "trained_parameters": trained,
        **estimate_memory(
            settings,
            state_bytes=4 * total + 12 * trained,
            hidden=sizes.hidden,
            layers=sizes.layers,
            mlp=sizes.mlp,
            vocabulary=sizes.vocabulary,
            row_tokens=settings.batch.row_tokens,
        ),
    }
