"""ONNX towers: a true architecture exported by torch gives the vectors of its source."""

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402 - after the extra is known to be here
from transformers import AutoModel  # noqa: E402

from tests.models.embedders.tiny_towers import SIDE, a_picture, save_tower  # noqa: E402
from vision_deepresearch.core.errors import ConfigError  # noqa: E402
from vision_deepresearch.models.embedders.onnx_tower import open_onnx  # noqa: E402
from vision_deepresearch.models.embedders.towers import open_towers  # noqa: E402


class Pictures(torch.nn.Module):
    """The vision side of CLIP: pixels to projected vectors."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: "torch.Tensor") -> "torch.Tensor":
        return self.model.get_image_features(pixel_values=pixel_values).pooler_output


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP with its vision tower as ONNX beside it."""
    folder = save_tower("clip", tmp_path_factory.mktemp("clip"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is an old one
        torch.onnx.export(
            Pictures(AutoModel.from_pretrained(folder).eval()),
            (torch.zeros(2, 3, SIDE, SIDE),),
            str(folder / "vision_model.onnx"),
            input_names=["pixel_values"],
            output_names=["image_embeds"],
            dynamic_axes={"pixel_values": {0: "B"}, "image_embeds": {0: "B"}},
            dynamo=False,
        )
    return folder


def save_graph(path: Path, *, inputs: dict[str, list[int | str]], output: list[int | str]) -> None:
    """A graph that passes its first input on to the output."""
    first = next(iter(inputs))
    graph = helper.make_graph(
        [helper.make_node("Identity", [first], ["out"])],
        "g",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, output)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def test_an_exported_tower_gives_the_vectors_of_its_source(exported: Path) -> None:
    pictures = [a_picture(seed, size=(40 + seed, 70)) for seed in range(20)]
    tower = open_onnx(exported)
    found = np.array(tower.encode(pictures))
    assert np.abs(found - np.array(open_towers(exported).encode(pictures))).max() < 1e-5
    assert np.abs(found[7] - np.array(tower.encode(pictures[7:8])[0])).max() < 1e-5
    assert tower.encode(pictures) == tower.encode(pictures)
    assert tower.dimension == found.shape[1]
    assert tower.identity != open_towers(exported).identity, "another arithmetic"


def test_the_settings_may_lie_one_folder_above(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    weights = (exported / "vision_model.onnx").read_bytes()
    (tmp_path / "onnx" / "vision_model.onnx").write_bytes(weights)
    with pytest.raises(ConfigError, match="preprocessor_config"):
        open_onnx(tmp_path)
    settings = (exported / "preprocessor_config.json").read_text()
    (tmp_path / "preprocessor_config.json").write_text(settings)
    first = open_onnx(tmp_path)
    assert first.encode([a_picture(1)]) == open_onnx(exported).encode([a_picture(1)])
    (tmp_path / "preprocessor_config.json").write_text(settings.replace("0.26862954", "0.25"))
    assert open_onnx(tmp_path).identity != first.identity


def test_what_is_no_vision_tower_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        open_onnx(tmp_path)
    settings = (exported / "preprocessor_config.json").read_text()
    (tmp_path / "preprocessor_config.json").write_text(settings)
    model = tmp_path / "model.onnx"
    model.write_bytes(b"not an onnx file")
    with pytest.raises(ConfigError, match="onnxruntime says"):
        open_onnx(model)
    pixels: list[int | str] = ["B", 3, SIDE, SIDE]
    save_graph(model, inputs={"pixel_values": pixels, "input_ids": ["B", 77]}, output=pixels)
    with pytest.raises(ConfigError, match="one input of pixels"):
        open_onnx(model)
    save_graph(model, inputs={"pixel_values": pixels}, output=pixels)
    with pytest.raises(ConfigError, match="output of vectors"):
        open_onnx(model)
