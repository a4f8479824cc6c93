"""Embedders by name, and which one a world is opened with: a flag, a config key, the environment.

A world without vectors never loads one, so that VDR_EMBEDDER may stand in a profile.
"""

import os
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.protocols import Embedder
from vision_deepresearch.wiring.cache import cache_folder
from vision_deepresearch.worlds.index.hybrid import EmbedderChoice

OFF = "off"
VARIABLE = "VDR_EMBEDDER"
EMBEDDERS = ("transformers:PATH", "onnx:PATH")


def open_embedder(name: str) -> Embedder:
    """Load the weights that a name stands for. Hashes of files are kept in the cache folder.

    Raises:
        ConfigError: no such kind, an extra that is not installed, or a folder that lacks something.
    """
    from vision_deepresearch.models.embedders.onnx_tower import open_onnx
    from vision_deepresearch.models.embedders.towers import open_towers
    from vision_deepresearch.models.embedders.weights import HashCache

    kind, _, place = name.partition(":")
    cache = HashCache(cache_folder() / "weights.json")
    if kind == "transformers" and place:
        return open_towers(Path(place).expanduser(), cache=cache)
    if kind == "onnx" and place:
        return open_onnx(Path(place).expanduser(), cache=cache)
    msg = f"unknown embedder {name!r}: use one of {', '.join(EMBEDDERS)}; PATH holds the weights"
    raise ConfigError(msg)


def embedder_for(manifest: WorldManifest, name: str | None) -> EmbedderChoice:
    """What to open a world with.

    Args:
        manifest: of the world.
        name: what was said by flag or config; None: nothing, the environment decides.

    Raises:
        ConfigError: the name is none, or its weights cannot be loaded.
    """
    if name is not None and name != OFF:
        return open_embedder(name)
    if name == OFF or not manifest.vector_index:
        return OFF
    said = os.environ.get(VARIABLE) or None
    if said is None:
        return None
    return OFF if said == OFF else open_embedder(said)
