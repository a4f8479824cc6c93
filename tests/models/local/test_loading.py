"""Checkpoints that are not whole, or not ours, are refused with what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from tests.builders import a_picture
from tests.models.local.tiny_policy import MEDIA, PICTURES, a_checkpoint
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.models.codec.budget import PictureBudget
from vision_deepresearch.models.codec.pictures import PictureProcessor
from vision_deepresearch.models.local.loading import checksum, load_local
from vision_deepresearch.models.local.tiny import write_tiny


def lacking(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def changed(name: str, key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(told | {key: value}))

    return change


def torn(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.language_model.norm.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (shutil.rmtree, "found none"),
        (lacking("config.json"), "config.json"),
        (lacking("tokenizer.json"), "tokenizer.json"),
        (lacking("model.safetensors"), "safetensors"),
        (lacking("preprocessor_config.json"), "preprocessor_config"),
        (changed("config.json", "model_type", "qwen2_vl"), "qwen3_vl"),
        (changed("config.json", "image_token_id", 5), "not of one checkpoint"),
        (changed("tokenizer.json", "model", None), "tokenizer|decoder"),
        (torn, "cannot be loaded"),
        (without_a_weight, "missing keys"),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_wrong_with_a_checkpoint_is_said(
    damage: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(a_checkpoint(), folder)
    damage(folder)
    with pytest.raises(ConfigError, match=told):
        load_local(folder)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="dtype"):
        load_local(a_checkpoint(), dtype="float16")
    with pytest.raises(ConfigError, match="device"):
        load_local(a_checkpoint(), device="cuda:77")


def test_a_tiny_checkpoint_is_one_for_transformers_too(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    folder = write_tiny(tmp_path / "a")
    assert torch.equal(state, torch.get_rng_state()), "nobody else's randomness was used"
    ours = load_local(folder)
    theirs = AutoModelForImageTextToText.from_pretrained(folder)
    assert checksum(theirs) == checksum(ours.module)
    assert checksum(ours.module) == checksum(load_local(write_tiny(tmp_path / "b")).module)
    text = '<think>\n"Vel" 漢字 é</think><|im_end|>'
    ids = PreTrainedTokenizerFast.from_pretrained(folder).encode(text)
    assert ids == ours.tokenizer.encode(text).ids
    assert ours.vocabulary.text(ids) == text


@pytest.mark.pitfall("P16")
def test_a_picture_takes_what_its_size_says_and_the_same_when_cut_again() -> None:
    processor = PictureProcessor.of_folder(
        a_checkpoint(), budget=PictureBudget(min_tokens=2, max_tokens=12)
    )
    for ref in PICTURES:
        cut = processor.cut(ref, MEDIA.load)
        assert cut.pixel_values.shape == (cut.grid.num_patches(), 1536)
        assert 2 <= processor.num_tokens(ref) == cut.grid.num_tokens() <= 12
        assert processor.cut(ref, MEDIA.load) is cut, "siblings do not cut again"
        again = processor.grid(width=cut.grid.columns * 16, height=cut.grid.rows * 16)
        assert again == cut.grid, "a picture that was scaled is left as it is"
    with pytest.raises(BadImageError, match="200 times"):
        processor.grid(width=2_000, height=9)
    wrong = PICTURES[0].model_copy(update={"sha256": "f" * 64, "width": 41})
    with pytest.raises(BadImageError, match="41x"):
        processor.cut(wrong, lambda _: MEDIA.load(PICTURES[0]))


def test_patches_are_kept_within_their_budget() -> None:
    full = PictureProcessor.of_folder(a_checkpoint())
    size = full.cut(PICTURES[0], MEDIA.load).pixel_values.nbytes
    small = PictureProcessor(full._processor, cache_bytes=2 * size)
    loads: list[ImageRef] = []

    def load(ref: ImageRef) -> bytes:
        loads.append(ref)
        return MEDIA.load(ref)

    same_size = [MEDIA.put(a_picture(width=40, height=150, seed=90 + k)) for k in range(3)]
    for ref in (*same_size, same_size[0]):
        small.cut(ref, load)
    assert len(loads) == 4, "the first had to go"
