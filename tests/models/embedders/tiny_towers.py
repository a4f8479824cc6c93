"""Tiny random models of the true architectures, saved as their publishers save them."""

import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BitImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
)

FAMILIES = ("clip", "siglip", "siglip2", "dinov2", "dinov3_vit")
WITH_WORDS = ("clip", "siglip", "siglip2")
SIDE = 32
_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_WORDS = ("<pad>", "<eos>", "<bos>", "<unk>", "red", "blue", "lighthouse", "boat", "tower")


def save_tower(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Weights, configuration, image processor and tokenizer of one family in a folder."""
    torch.manual_seed(seed)
    vision = {**_SMALL, "image_size": SIDE, "patch_size": 8}
    text = {**_SMALL, "vocab_size": 40, "max_position_embeddings": 12}
    text |= {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    size = {"height": SIDE, "width": SIDE}
    match family:
        case "clip":
            model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
            processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size)
        case "siglip":
            model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
            processor = SiglipImageProcessorPil(size=size)
        case "siglip2":
            vision = {**_SMALL, "num_patches": 16, "patch_size": 8}
            model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
            processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=20)
        case "dinov2":
            model = Dinov2Model(Dinov2Config.from_dict({**vision, "mlp_ratio": 2}))
            processor = BitImageProcessorPil(size={"shortest_edge": 40}, crop_size=size)
        case _:
            model = DINOv3ViTModel(DINOv3ViTConfig.from_dict(vision))
            processor = None
    with torch.no_grad():  # fresh weights are near zero, and all pictures would look alike
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.2)
    model.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    else:  # transformers' own needs torchvision: the file as it is published
        settings = {
            "image_processor_type": "DINOv3ViTImageProcessorFast",
            "do_resize": True,
            "size": size,
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    if family in WITH_WORDS:
        _a_tokenizer(family).save_pretrained(folder)
    return folder


def _a_tokenizer(family: str) -> PreTrainedTokenizerBase:
    """Letters for SigLIP2, which has a tokenizer of its own; else whole words of a short list."""
    if family == "siglip2":
        letters = (*_WORDS[:3], "<unk>", "<mask>", "\u2581", *"abcdefghijklmnopqrstuvwxyz")
        return Siglip2Tokenizer(vocab={letter: at for at, letter in enumerate(letters)})
    words = Tokenizer(WordLevel({word: at for at, word in enumerate(_WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
    )


def a_picture(
    seed: int, *, size: tuple[int, int] = (90, 60), kind: str = "PNG", mode: str = "RGB"
) -> bytes:
    """Coloured blotches, encoded."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(buffer, kind)
    return buffer.getvalue()
