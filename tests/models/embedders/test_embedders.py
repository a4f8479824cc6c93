"""Embedders of pictures and words: the numbers of the tower itself, from local files alone."""

import io
import json
import math
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import (  # noqa: E402 - after the extra is known to be here
    AutoModel,
    AutoTokenizer,
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    Siglip2ImageProcessorPil,
    SiglipImageProcessorPil,
)

from tests.models.embedders.tiny_towers import (  # noqa: E402
    FAMILIES,
    SIDE,
    WITH_WORDS,
    a_picture,
    save_tower,
)
from vision_deepresearch.core.errors import BadImageError, ConfigError  # noqa: E402
from vision_deepresearch.media.decode import decode  # noqa: E402
from vision_deepresearch.models.embedders.preparing import Preparing  # noqa: E402
from vision_deepresearch.models.embedders.towers import (  # noqa: E402
    BATCH,
    PictureAndWordTowers,
    open_towers,
)
from vision_deepresearch.models.embedders.weights import HashCache  # noqa: E402

SQUARE = {"height": 28, "width": 28}
PROCESSORS = {
    "clip": CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 24}
    ),
    "siglip": SiglipImageProcessorPil(size=SQUARE),
    "siglip2": Siglip2ImageProcessorPil(patch_size=4, max_num_patches=30),
    "dinov2": BitImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 41, "width": 28}
    ),
}


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, saved once."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = save_tower(family, tmp_path_factory.mktemp(family))
        return made[family]

    return folder


def some_pictures() -> list[bytes]:
    sizes = [(90, 60), (60, 90), (32, 32), (33, 47), (300, 20), (9, 200)]
    return [a_picture(seed, size=size) for seed, size in enumerate(sizes)]


def as_rows(rows: list[list[float]]) -> npt.NDArray[np.float64]:
    return np.array(rows, np.float64)


def direct(folder: Path, family: str, pictures: list[bytes]) -> npt.NDArray[np.float64]:
    """The vectors as one would write it down with transformers alone."""
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    images = [decode(data).image for data in pictures]
    if family in PROCESSORS:
        inputs = type(PROCESSORS[family]).from_pretrained(folder)(
            images=images, return_tensors="pt"
        )
    else:
        inputs = {"pixel_values": torch.stack([torchvision_like(one) for one in images])}
    with torch.inference_mode():
        forward = model.get_image_features if family in WITH_WORDS else model
        rows = forward(**inputs).pooler_output.double()
    return (rows / rows.norm(dim=1, keepdim=True)).numpy()


def torchvision_like(image: Image.Image) -> "torch.Tensor":
    """DINOv3's processor needs torchvision, whose resize of floats is this function of torch."""
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    small = torch.nn.functional.interpolate(
        pixels, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    return ((small - mean) / std)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_are_those_of_the_tower_itself(family: str, towers: Callable[[str], Path]) -> None:
    pictures = some_pictures()
    found = as_rows(open_towers(towers(family)).encode(pictures))
    assert np.abs(found - direct(towers(family), family, pictures)).max() < 1e-5
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)
    near = found @ found.T
    assert near[np.triu_indices(len(pictures), 1)].max() < 0.999, "the pictures can be told apart"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_gives_what_single_pictures_give_from_any_thread(
    family: str, towers: Callable[[str], Path]
) -> None:
    embedder = open_towers(towers(family))
    pictures = [a_picture(seed) for seed in range(BATCH + 3)]
    together = as_rows(embedder.encode(pictures))
    assert together.shape == (len(pictures), embedder.dimension)
    assert embedder.encode(pictures) == embedder.encode(pictures)
    with ThreadPoolExecutor(4) as pool:
        alone = [rows[0] for rows in pool.map(embedder.encode, [[one] for one in pictures])]
    assert np.abs(together - as_rows(alone)).max() < 1e-5
    assert embedder.encode([]) == []


@pytest.mark.parametrize("family", WITH_WORDS)
def test_words_are_embedded_by_the_text_tower(family: str, towers: Callable[[str], Path]) -> None:
    embedder = open_towers(towers(family))
    assert isinstance(embedder, PictureAndWordTowers)
    texts = ["red lighthouse", "blue boat", "", "tower " * 500]
    found = as_rows(embedder.encode_words(texts))
    model = AutoModel.from_pretrained(towers(family)).eval()
    tokenizer = AutoTokenizer.from_pretrained(towers(family))
    assert tokenizer is not None
    inputs = tokenizer(
        texts, padding="max_length", truncation=True, max_length=12, return_tensors="pt"
    )
    with torch.inference_mode():
        rows = model.get_text_features(**inputs).pooler_output.double().numpy()
    assert np.abs(found - rows / np.linalg.norm(rows, axis=1, keepdims=True)).max() < 1e-5
    assert found[0] @ found[1] < 0.99
    assert embedder.encode_words(["RED Lighthouse"]) == embedder.encode_words(["red lighthouse"])


@pytest.mark.parametrize("family", ["dinov2", "dinov3_vit"])
def test_a_family_without_words_claims_none(family: str, towers: Callable[[str], Path]) -> None:
    assert not isinstance(open_towers(towers(family)), PictureAndWordTowers)


@settings(max_examples=40, deadline=None)
@given(
    family=st.sampled_from(sorted(PROCESSORS)),
    width=st.integers(1, 120),
    height=st.integers(1, 120),
    seed=st.integers(0, 99),
)
def test_pictures_are_prepared_as_transformers_prepares_them(
    family: str, width: int, height: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = PROCESSORS[family]
    folder = tmp_path_factory.mktemp("prepared")
    theirs.save_pretrained(folder)
    ours = Preparing.read(folder)
    data = a_picture(seed, size=(width, height))
    expected = theirs(images=[decode(data).image], return_tensors="np")
    if family == "siglip2":
        patches = ours.patches([data])
        assert np.array_equal(patches.shapes, expected["spatial_shapes"])
        assert np.array_equal(patches.mask, expected["pixel_attention_mask"])
        assert np.abs(patches.values - expected["pixel_values"]).max() < 1e-5
    else:
        assert np.abs(ours.squares([data]) - expected["pixel_values"]).max() < 1e-5


def test_odd_pictures_are_seen_as_the_media_rules_say(towers: Callable[[str], Path]) -> None:
    embedder = open_towers(towers("clip"))
    upright = Image.open(io.BytesIO(a_picture(3)))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    straight, bent = as_rows(embedder.encode([a_picture(3), turned.getvalue()]))
    assert np.abs(straight - bent).max() < 1e-6
    for mode in ("L", "LA", "P", "RGBA", "1", "I;16"):
        # Pillow converts to I;16 from greys only.
        image = upright.convert("L").convert(mode) if mode == "I;16" else upright.convert(mode)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        assert math.isfinite(sum(embedder.encode([buffer.getvalue()])[0]))
    with pytest.raises(BadImageError):
        embedder.encode([a_picture(1), b"no picture"])


def test_a_folder_that_lacks_something_is_told_what(
    tmp_path: Path, towers: Callable[[str], Path]
) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        open_towers(tmp_path / "nothing")
    for missing, told in (
        ("preprocessor_config.json", "preprocessor_config"),
        ("model.safetensors", "cannot be loaded"),
        ("tokenizer.json", "tokenizer"),
    ):
        folder = tmp_path / missing
        shutil.copytree(towers("clip"), folder)
        (folder / missing).unlink()
        with pytest.raises(ConfigError, match=told):
            open_towers(folder)
    strange = tmp_path / "strange"
    shutil.copytree(towers("clip"), strange)
    about = json.loads((strange / "config.json").read_text())
    (strange / "config.json").write_text(json.dumps({**about, "model_type": "bert"}))
    with pytest.raises(ConfigError, match="bert"):
        open_towers(strange)
    (strange / "config.json").write_text("[1]")
    with pytest.raises(ConfigError, match="cannot be read"):
        open_towers(strange)


def test_torn_or_foreign_weights_are_refused(tmp_path: Path, towers: Callable[[str], Path]) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(towers("dinov2"), torn)
    weights = torn / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        open_towers(torn)
    mixed = tmp_path / "mixed"
    shutil.copytree(towers("dinov2"), mixed)
    about = json.loads((mixed / "config.json").read_text())
    (mixed / "config.json").write_text(json.dumps({**about, "num_hidden_layers": 3}))
    with pytest.raises(ConfigError, match="random numbers"):
        open_towers(mixed)
    other = tmp_path / "other"
    shutil.copytree(towers("clip"), other)
    shutil.copy(towers("siglip2") / "preprocessor_config.json", other)
    with pytest.raises(ConfigError, match="another family"):
        open_towers(other)


def test_what_changes_vectors_changes_the_identity(
    tmp_path: Path, towers: Callable[[str], Path]
) -> None:
    first = open_towers(towers("siglip")).identity
    copy = tmp_path / "copy"
    shutil.copytree(towers("siglip"), copy)
    assert open_towers(copy).identity == first, "the place does not matter"
    settings_file = copy / "preprocessor_config.json"
    about = json.loads(settings_file.read_text())
    settings_file.write_text(json.dumps({**about, "resample": 2}))
    assert open_towers(copy).identity != first
    assert open_towers(save_tower("siglip", tmp_path / "seed", seed=1)).identity != first


def test_hashes_are_remembered_until_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"first")
    os.utime(file, ns=(1, 1))
    cache = HashCache(tmp_path / "cache" / "hashes.json")
    first = cache.sha256([file])[file]
    file.write_bytes(b"other")  # same size
    os.utime(file, ns=(1, 1))
    assert cache.sha256([file])[file] == first, "told by size and time alone"
    os.utime(file, ns=(2, 2))
    assert cache.sha256([file])[file] != first
    (tmp_path / "cache" / "hashes.json").write_text("torn")
    assert cache.sha256([file])[file] != first
