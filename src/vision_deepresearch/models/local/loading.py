"""A Qwen3-VL checkpoint from a folder, with its tokenizer and its pictures: real ones and tiny ones.

Nothing is downloaded, no code of the folder is run, torchvision is not used. What would load with a
warning (weights that are missing, of another shape or of another model) is refused here.
"""

import hashlib
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import (
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeForConditionalGeneration,
)
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLTextConfig
from transformers.models.qwen3_vl_moe.configuration_qwen3_vl_moe import Qwen3VLMoeTextConfig
from transformers.utils import logging

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.codec.budget import PictureBudget
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.models.codec.spans import SpanEncoder
from vision_deepresearch.models.codec.trace import Codec
from vision_deepresearch.models.codec.vocabulary import Vocabulary

Module: TypeAlias = Qwen3VLForConditionalGeneration | Qwen3VLMoeForConditionalGeneration
ARCHITECTURES: dict[str, type[Module]] = {
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "qwen3_vl_moe": Qwen3VLMoeForConditionalGeneration,
}
"""By `model_type` of config.json."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""FP16 is not offered: it overflows over long rollouts."""
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """Weights and all that turns conversations into their inputs."""

    folder: Path
    module: Module
    """In evaluation mode."""
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    pictures: PictureProcessor
    codec: Codec

    @property
    def cache_argument(self) -> str:
        """How this version of transformers calls the cache of a forward call."""
        taken = inspect.signature(self.module.model.language_model.forward).parameters
        return "cache" if "cache" in taken else "past_key_values"

    @property
    def max_positions(self) -> int:
        """Tokens the model was made for."""
        return text_config(self.module).max_position_embeddings


def load_local(
    folder: Path,
    *,
    dtype: str = "auto",
    device: str = "auto",
    budget: PictureBudget | None = None,
) -> LoadedModel:
    """Load a checkpoint.

    Args:
        folder: with config.json, safetensors, tokenizer.json and the settings of its pictures.
        dtype: `float32`, `bfloat16`, or `auto`: bfloat16 on a GPU, float32 on a CPU.
        device: as torch names it, or `auto`: the first GPU, else the CPU.
        budget: of pictures; None: as the checkpoint says.

    Raises:
        ConfigError: something is missing, damaged, or of another architecture.
    """
    kind = _check_files(folder)
    where = _device(device)
    if dtype == "auto":
        dtype = "float32" if where.type == "cpu" else "bfloat16"
    if dtype not in DTYPES:
        msg = f"dtype needs one of {', '.join(DTYPES)} or auto, got {dtype!r}"
        raise ConfigError(msg)
    tokenizer = _tokenizer(folder)
    pictures = PictureProcessor.of_folder(folder, budget=budget)
    module = _weights(folder, ARCHITECTURES[kind], dtype=DTYPES[dtype])
    torch.nn.Module.to(module, where)
    encoder = SpanEncoder(tokenizer)
    if encoder.control.get(encoder.marks.picture) != module.config.image_token_id:
        msg = (
            f"{folder}: the tokenizer's {encoder.marks.picture} has id "
            f"{encoder.control.get(encoder.marks.picture)}, config.json says "
            f"{module.config.image_token_id}: the files are not of one checkpoint"
        )
        raise ConfigError(msg)
    return LoadedModel(
        folder=folder,
        module=module.eval(),
        tokenizer=tokenizer,
        vocabulary=Vocabulary(tokenizer, encoder=encoder, num_ids=text_config(module).vocab_size),
        pictures=pictures,
        codec=Codec(
            encoder=encoder,
            grid_of=lambda ref: pictures.grid(width=ref.width, height=ref.height),
        ),
    )


def text_config(module: Module) -> Qwen3VLTextConfig | Qwen3VLMoeTextConfig:
    """The half of a configuration that is about text."""
    config = module.config.text_config
    assert isinstance(config, Qwen3VLTextConfig | Qwen3VLMoeTextConfig)
    return config


def checksum(module: torch.nn.Module) -> str:
    """A digest of all weights: the same for equal weights, wherever they are. 64 hex.

    Cost: about 1 s per GB.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
        raw = weight.detach().to("cpu").contiguous().view(-1).view(torch.uint8)
        digest.update(memoryview(raw.numpy()))
    return digest.hexdigest()


def _check_files(folder: Path) -> str:
    """The architecture of a folder that has what a checkpoint needs."""
    if not folder.is_dir():
        msg = f"a folder with a Qwen3-VL checkpoint was expected, found none at {folder}"
        raise ConfigError(msg)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{folder} needs a config.json with a model_type ({type(error).__name__})"
        raise ConfigError(msg) from error
    if kind not in ARCHITECTURES:
        msg = (
            f"{folder} holds a model of type {kind!r}; {', '.join(ARCHITECTURES)} were expected: "
            "serve other models and name them as http://HOST:PORT/v1#NAME"
        )
        raise ConfigError(msg)
    _check_weights(folder)
    return str(kind)


def _check_weights(folder: Path) -> None:
    single, index = (folder / name for name in _WEIGHTS)
    if single.is_file():
        return
    if not index.is_file():
        msg = f"{folder} needs {' or '.join(_WEIGHTS)}, found neither: is the download complete?"
        raise ConfigError(msg)
    shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    missing = sorted(one for one in shards if not (folder / one).is_file())
    if missing:
        msg = f"{folder} lacks {len(missing)} of {len(shards)} files of weights, first {missing[0]}"
        raise ConfigError(msg)


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        msg = (
            f"{folder} needs a tokenizer.json, found none: save the tokenizer with transformers' "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
        raise ConfigError(msg)
    try:
        spec = json.loads(path.read_text("utf-8"))
        spec["model"]["vocab"], spec["added_tokens"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is no tokenizer ({type(error).__name__}): is the download complete?"
        raise ConfigError(msg) from error
    return Tokenizer.from_str(json.dumps(spec))


def _weights(folder: Path, architecture: type[Module], *, dtype: torch.dtype) -> Module:
    logging.disable_progress_bar()
    try:
        loaded: object = architecture.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        msg = f"the weights in {folder} cannot be loaded: {error}"
        raise ConfigError(msg) from error
    assert isinstance(loaded, tuple), "the weights and what was wrong with them"
    module, told = loaded
    assert isinstance(module, architecture)
    wrong = {
        key: sorted(map(str, told.get(key) or ()))
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys")
    }
    if any(wrong.values()):
        key, names = next((key, names) for key, names in wrong.items() if names)
        msg = (
            f"the weights in {folder} are not those of its config.json: {len(names)} "
            f"{key.replace('_', ' ')}, first {names[0]}: use one complete checkpoint"
        )
        raise ConfigError(msg)
    return module


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = f"device {name!r} is not there ({error}): use auto, cpu or cuda"
        raise ConfigError(msg) from error
    return device
