"""An embedder of an ONNX file: a vision tower exported from anywhere, run by onnxruntime.

The file has one input, pixels of shape (B, 3, H, W). Its vector is the output `image_embeds`,
`pooler_output` or the first of shape (B, D); of a file that gives tokens only, the first token.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.embedders.preparing import (
    CONFIG,
    Preparing,
    grey_card,
    unit_rows,
)
from vision_deepresearch.models.embedders.weights import HashCache, files_of, identity_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BATCH = 16
"""Pictures in memory as pixels at a time."""
_NAMES = ("vision_model.onnx", "model.onnx")
_OUTPUTS = ("image_embeds", "pooler_output", "image_features")
_NUM_PIXEL_AXES, _NUM_TOKEN_AXES, _NUM_ROW_AXES = 4, 3, 2


class OnnxTower:
    """A vision tower in an ONNX file. An `Embedder`; may be called from several threads."""

    def __init__(
        self,
        session: "InferenceSession",
        *,
        preparing: Preparing,
        name: str,
        identity: str,
    ) -> None:
        self._session = session
        self._preparing = preparing
        self._name = name
        self._identity = identity
        self._lock = threading.Lock()
        self._input, self._output, self._is_tokens = _ends(session, name=name)
        self._dimension = len(self.encode([grey_card()])[0])

    @property
    def identity(self) -> str:
        """Hash over the file and the preparing."""
        return self._identity

    @property
    def name(self) -> str:
        """Kind and file, for people."""
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
        found: list[list[float]] = []
        for start in range(0, len(pictures), BATCH):
            pixels_BCHW = self._preparing.squares(pictures[start : start + BATCH])
            with self._lock:
                (values,) = self._session.run([self._output], {self._input: pixels_BCHW})
            rows = np.asarray(values, np.float32)
            found += unit_rows(rows[:, 0] if self._is_tokens else rows)
        return found


def open_onnx(path: Path, *, cache: HashCache | None = None) -> OnnxTower:
    """Open a vision tower from an ONNX file, or from a folder that holds one.

    Args:
        path: the file, or a folder with vision_model.onnx or model.onnx (or onnx/ of these);
            preprocessor_config.json lies beside it or one folder above.
        cache: of file hashes.

    Raises:
        ConfigError: the extra is not installed, a file is missing, or it is no vision tower.
    """
    file = _file_at(path)
    preparing = Preparing.read(file.parent, file.parent.parent)
    if preparing.has_patches:
        msg = (
            f"expected a vision tower that reads squares in {str(file)!r}, its {CONFIG} cuts "
            "patches (SigLIP2 NaFlex): use 'transformers:PATH' for it"
        )
        raise ConfigError(msg)
    try:
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf
    except ModuleNotFoundError as reason:
        msg = (
            f"an embedder 'onnx:PATH' needs the extra `onnx` ({reason.name} is missing): "
            "pip install 'vision-deepresearch[onnx]'"
        )
        raise ConfigError(msg) from reason
    try:
        session = onnxruntime.InferenceSession(
            str(file), providers=onnxruntime.get_available_providers()
        )
    except (Fail, InvalidGraph, InvalidProtobuf, RuntimeError, ValueError, OSError) as reason:
        msg = f"expected an ONNX model in {str(file)!r}, onnxruntime says: {str(reason)[:300]}"
        raise ConfigError(msg) from reason
    counted = [one for one in files_of(file.parent) if one.suffix.lower() != ".onnx"]
    above = file.parent.parent / CONFIG
    if not (file.parent / CONFIG).is_file() and above.is_file():
        counted.append(above)
    return OnnxTower(
        session,
        preparing=preparing,
        name=f"onnx {file.name} of {file.parent.resolve().name}",
        identity=identity_of(
            backend="onnx", model="", files=[file, *counted], cache=cache or HashCache()
        ),
    )


def _file_at(path: Path) -> Path:
    if path.is_file():
        return path
    for folder in (path, path / "onnx"):
        for name in _NAMES:
            if (folder / name).is_file():
                return folder / name
    msg = (
        f"expected an ONNX file, or a folder with {' or '.join(_NAMES)}, found none at "
        f"{str(path)!r}: export the vision tower alone"
    )
    raise ConfigError(msg)


def _ends(session: "InferenceSession", *, name: str) -> tuple[str, str, bool]:
    """Names of the input and of the output, and whether that one gives tokens.

    Raises:
        ConfigError: it does not go from pixels to vectors.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != _NUM_PIXEL_AXES:
        told = ", ".join(f"{one.name} {one.shape}" for one in inputs)
        msg = (
            f"expected one input of pixels (B, 3, H, W) in {name!r}, it has {told}: export the "
            "vision tower alone (vision_model.onnx)"
        )
        raise ConfigError(msg)
    outputs = {one.name: len(one.shape) for one in session.get_outputs()}
    rows = [one for one in _OUTPUTS if outputs.get(one) == _NUM_ROW_AXES]
    rows += [one for one, axes in outputs.items() if axes == _NUM_ROW_AXES]
    if rows:
        return inputs[0].name, rows[0], False
    tokens = [one for one, axes in outputs.items() if axes == _NUM_TOKEN_AXES]
    if tokens:
        return inputs[0].name, tokens[0], True
    msg = f"expected an output of vectors (B, D) in {name!r}, it has {', '.join(outputs)}"
    raise ConfigError(msg)
