"""Trackers that people watch training with: tensorboard, Weights & Biases, trackio. All optional.

The run folder is the truth; these get copies. A step that is taken again after a kill may be shown
twice by them.
"""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vision_deepresearch.core.errors import ConfigError

_PACKAGE = {"tensorboard": "tensorboard", "wandb": "wandb", "trackio": "trackio"}


class Logger(Protocol):
    """Takes figures."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Show the figures of a step."""

    def close(self) -> None:
        """Write what is left."""


class _Tensorboard:
    def __init__(self, folder: Path) -> None:
        writers = importlib.import_module("torch.utils.tensorboard")
        self._writer = writers.SummaryWriter(str(folder / "tensorboard"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Run:
    """Weights & Biases, and trackio, which speaks as it does."""

    def __init__(self, package: str, *, folder: Path, config: Mapping[str, object]) -> None:
        self._package = importlib.import_module(package)
        self._package.init(project="vision-deepresearch", name=folder.name, config=dict(config))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._package.log(dict(values), step=step)

    def close(self) -> None:
        self._package.finish()


def check_loggers(names: Sequence[str]) -> None:
    """Refuse trackers that are not installed, before anything is computed.

    Raises:
        ConfigError: says which and how to get it.
    """
    missing = [name for name in names if importlib.util.find_spec(_PACKAGE[name]) is None]
    if missing:
        msg = (
            f"loggers name {', '.join(missing)}, which is not installed: pip install "
            f"{' '.join(_PACKAGE[name] for name in missing)}, or leave it out"
        )
        raise ConfigError(msg)


def open_loggers(
    names: Sequence[str], *, folder: Path, config: Mapping[str, object]
) -> list[Logger]:
    """The named trackers for a run; errors of `check_loggers`."""
    check_loggers(names)
    return [
        _Tensorboard(folder)
        if name == "tensorboard"
        else _Run(_PACKAGE[name], folder=folder, config=config)
        for name in names
    ]
