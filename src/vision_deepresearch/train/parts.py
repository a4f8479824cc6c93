"""Which weights are trained: all, without the vision tower and its aligner, or adapters only."""

import importlib
import importlib.util
from typing import Protocol

import torch
from pydantic import JsonValue
from transformers import PreTrainedModel

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.sft_settings import LoraSettings, SftSettings

_VISION = "model.visual."
_ALIGNER = ("model.visual.merger.", "model.visual.deepstack_merger_list.")
"""What carries the vision tower's output into the language model."""


class LoraModel(Protocol):
    """A model with adapters in it, and the way to work them in."""

    def merge(self) -> PreTrainedModel:
        """Add the adapters to the weights; the model has none afterwards."""


class _PeftModel:
    """peft's wrapper; the model inside it is the one that is trained."""

    def __init__(self, model: PreTrainedModel, settings: LoraSettings) -> None:
        peft = importlib.import_module("peft")
        config = peft.LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=settings.targets,
        )
        self._wrapped = peft.get_peft_model(model, config)

    def merge(self) -> PreTrainedModel:
        """Add the adapters to the weights."""
        merged = self._wrapped.merge_and_unload()
        assert isinstance(merged, PreTrainedModel)
        return merged


def choose_parts(model: PreTrainedModel, settings: SftSettings) -> LoraModel | None:
    """Set what takes a gradient.

    Returns:
        The adapters; None: weights are trained themselves.

    Raises:
        ConfigError: adapters are wanted and peft is not installed, or no layer has their name.
    """
    if settings.lora is not None:
        check_lora(settings)
        try:
            return _PeftModel(model, settings.lora)
        except ValueError as reason:
            msg = f"lora.targets {settings.lora.targets!r} fits no layer of this model: {reason}"
            raise ConfigError(msg) from reason
    for name, one in model.named_parameters():
        one.requires_grad_(_is_trained(name, settings))
    return None


def check_lora(settings: SftSettings) -> None:
    """Refuse adapters without the package that makes them.

    Raises:
        ConfigError: says how to get it.
    """
    if settings.lora is not None and importlib.util.find_spec("peft") is None:
        msg = "[lora] needs the package peft: pip install peft, or leave the table out"
        raise ConfigError(msg)


def count_parts(model: PreTrainedModel, settings: SftSettings) -> dict[str, JsonValue]:
    """Parameters, those that are trained, and bytes of weights, gradients and moments.

    Weights are float32; a trained one has a gradient and two moments of the same size.
    """
    total = sum(one.numel() for one in model.parameters())
    if settings.lora is not None:
        trained = sum(
            settings.lora.rank * (one.in_features + one.out_features)
            for name, one in model.named_modules()
            if isinstance(one, torch.nn.Linear) and "language_model" in name and "_proj" in name
        )
    else:
        trained = sum(
            one.numel() for name, one in model.named_parameters() if _is_trained(name, settings)
        )
    return {
        "parameters": total,
        "trained_parameters": trained,
        "state_bytes": 4 * total + 12 * trained,
    }


def _is_trained(name: str, settings: SftSettings) -> bool:
    if name.startswith(_ALIGNER):
        return settings.train_aligner
    return settings.train_vision if name.startswith(_VISION) else True
