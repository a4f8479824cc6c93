"""Embedders of transformers' own families: CLIP, SigLIP, SigLIP2 (NaFlex too), DINOv2, DINOv3.

A picture's vector is what the family compares pictures by: the projected pooling of CLIP, the
attention pooling of SigLIP, the class token of DINO; always of length 1. Words have one where the
family was trained with words. Shapes: B = pictures or texts, D = numbers of a vector.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import override

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.embedders.preparing import Preparing, grey_card, unit_rows
from vision_deepresearch.models.embedders.weights import HashCache, files_of, identity_of

if TYPE_CHECKING:
    import torch
    from transformers import BatchEncoding

BATCH = 16
"""Pictures in memory as pixels at a time: 10 MB at 224 px, and what the tower needs for them."""
MAX_WORDS_CHARS = 2000
"""Longer texts are cut before the tokenizer, which cuts at 64 or 77 tokens anyway."""
WITH_WORDS = ("clip", "siglip", "siglip2")
WITHOUT_WORDS = ("dinov2", "dinov2_with_registers", "dinov3_vit", "clip_vision_model")
WITHOUT_WORDS += ("siglip_vision_model", "siglip2_vision_model")
_CONFIG = "config.json"
_NEEDS = (
    "a folder as the model was published: config.json, model.safetensors, preprocessor_config.json "
    "and, for words, the tokenizer's files"
)


class _About(BaseModel):
    """What of config.json we look at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model_type: str = ""


class _Pooled(Protocol):
    """What a tower gives."""

    @property
    def pooler_output(self) -> "torch.Tensor":
        """Shape (B, D)."""
        ...


class _VisionModel(Protocol):
    """A model of transformers, as far as we call it."""

    def __call__(self, **inputs: "torch.Tensor") -> _Pooled: ...


class _TwoTowerModel(_VisionModel, Protocol):
    """One with both towers."""

    def get_image_features(self, **inputs: "torch.Tensor") -> _Pooled: ...

    def get_text_features(self, **inputs: "torch.Tensor") -> _Pooled: ...


class _Tokenizer(Protocol):
    """A tokenizer of transformers, as far as we call it."""

    def __call__(
        self,
        text: list[str],
        *,
        padding: str,
        truncation: bool,
        max_length: int,
        return_tensors: str,
    ) -> "BatchEncoding": ...


class PictureTower:
    """A vision tower. An `Embedder`; may be called from several threads, one works at a time."""

    def __init__(
        self,
        *,
        model: _VisionModel,
        preparing: Preparing,
        name: str,
        identity: str,
        device: str,
    ) -> None:
        self._model = model
        self._preparing = preparing
        self._name = name
        self._identity = identity
        self._device = device
        self._lock = threading.Lock()
        self._dimension = len(self.encode([grey_card()])[0])

    @property
    def identity(self) -> str:
        """Hash over weights, configuration and preparing."""
        return self._identity

    @property
    def name(self) -> str:
        """Family and folder, for people."""
        return self._name

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""
        return self._dimension

    def encode(self, pictures: Sequence[bytes]) -> list[list[float]]:
        """One vector of length 1 per encoded picture. Memory: one batch of pixels at a time.

        Raises:
            BadImageError: bytes that are no picture.
        """
        import torch

        found: list[list[float]] = []
        for start in range(0, len(pictures), BATCH):
            part = pictures[start : start + BATCH]
            inputs = self._inputs(part)
            with self._lock, torch.inference_mode():
                found += unit_rows(self._pooled_pictures(inputs).float().cpu().numpy())
        return found

    def _inputs(self, pictures: Sequence[bytes]) -> "dict[str, torch.Tensor]":
        import torch

        if not self._preparing.has_patches:
            pixels_BCHW = torch.from_numpy(self._preparing.squares(pictures))
            return {"pixel_values": pixels_BCHW.to(self._device)}
        prepared = self._preparing.patches(pictures)
        return {
            "pixel_values": torch.from_numpy(prepared.values).to(self._device),
            "pixel_attention_mask": torch.from_numpy(prepared.mask).to(self._device),
            "spatial_shapes": torch.from_numpy(prepared.shapes).to(self._device),
        }

    def _pooled_pictures(self, inputs: "dict[str, torch.Tensor]") -> "torch.Tensor":
        return self._model(**inputs).pooler_output


class PictureAndWordTowers(PictureTower):
    """A vision tower beside a text tower trained with it. A `WordEmbedder`."""

    def __init__(
        self,
        *,
        model: _TwoTowerModel,
        tokenizer: _Tokenizer,
        max_tokens: int,
        preparing: Preparing,
        name: str,
        identity: str,
        device: str,
    ) -> None:
        self._towers = model
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        super().__init__(
            model=model, preparing=preparing, name=name, identity=identity, device=device
        )

    def encode_words(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 per text, comparable with those of pictures.

        Texts are read in lower case, as these towers were trained, and padded to their full
        length, as SigLIP was.
        """
        import torch

        found: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            part = [text[:MAX_WORDS_CHARS].lower() for text in texts[start : start + BATCH]]
            inputs = self._tokenizer(
                part,
                padding="max_length",
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="pt",
            ).to(self._device)
            with self._lock, torch.inference_mode():
                pooled = self._towers.get_text_features(**inputs).pooler_output
                found += unit_rows(pooled.float().cpu().numpy())
        return found

    @override
    def _pooled_pictures(self, inputs: "dict[str, torch.Tensor]") -> "torch.Tensor":
        return self._towers.get_image_features(**inputs).pooler_output


def open_towers(
    folder: Path, *, cache: HashCache | None = None, device: str = "auto"
) -> PictureTower:
    """Open weights from a folder; a `PictureAndWordTowers` where it holds both towers.

    Args:
        folder: as the model was published; nothing is downloaded and no code of it is run.
        cache: of file hashes.
        device: of torch; "auto": a GPU where there is one.

    Raises:
        ConfigError: the extra is not installed, a file is missing, the family is unknown, or
            weights and configuration do not belong together.
    """
    family = _family(folder)
    preparing = Preparing.read(folder)
    if preparing.has_patches != family.startswith("siglip2"):
        msg = (
            f"expected an image processor for {family!r} in {str(folder)!r}, got one for another "
            "family: copy the preprocessor_config.json of the model"
        )
        raise ConfigError(msg)
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
    except ModuleNotFoundError as reason:
        msg = (
            f"an embedder 'transformers:PATH' needs the extra `local` ({reason.name} is missing): "
            "pip install 'vision-deepresearch[local]'"
        )
        raise ConfigError(msg) from reason
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    with _loading(folder):
        model, about = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    lacking = sorted(about["missing_keys"]) + sorted(map(str, about["mismatched_keys"]))
    if lacking:
        msg = (
            f"the weights in {str(folder)!r} lack {len(lacking)} tensors of its config.json, such "
            f"as {lacking[0]!r}: they would be random numbers; use the files of one model"
        )
        raise ConfigError(msg)
    model = model.eval().to(device)
    name = f"{family} {folder.resolve().name}"
    identity = identity_of(
        backend="transformers",
        model=family,
        files=files_of(folder),
        cache=cache or HashCache(),
    )
    if family not in WITH_WORDS:
        return PictureTower(
            model=model, preparing=preparing, name=name, identity=identity, device=device
        )
    with _loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    if tokenizer is None:
        msg = f"expected {_NEEDS}; {str(folder)!r} holds no tokenizer"
        raise ConfigError(msg)
    return PictureAndWordTowers(
        model=model,
        tokenizer=tokenizer,
        max_tokens=model.config.text_config.max_position_embeddings,
        preparing=preparing,
        name=name,
        identity=identity,
        device=device,
    )


def _family(folder: Path) -> str:
    """The kind of model that config.json names.

    Raises:
        ConfigError: no such folder or file, or a family we do not know.
    """
    try:
        family = _About.model_validate_json((folder / _CONFIG).read_bytes()).model_type
    except (OSError, ValidationError) as reason:
        msg = f"expected {_NEEDS}; {str(folder / _CONFIG)!r} cannot be read"
        raise ConfigError(msg) from reason
    if family not in {*WITH_WORDS, *WITHOUT_WORDS}:
        known = ", ".join((*WITH_WORDS, *WITHOUT_WORDS))
        msg = f"expected a model of one of {known}, {str(folder)!r} holds {family!r}"
        raise ConfigError(msg)
    return family


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Say what the folder needs where transformers cannot read it.

    Raises:
        ConfigError: names the folder and what transformers said.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    had_bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as reason:
        said = " ".join(str(reason).split())[:300]
        msg = f"expected {_NEEDS}; {str(folder)!r} cannot be loaded: {said}"
        raise ConfigError(msg) from reason
    finally:
        if had_bars:
            logging.enable_progress_bar()
