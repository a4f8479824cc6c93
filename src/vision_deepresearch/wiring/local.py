"""Models `local:PATH`: weights in this process, sampled token by token."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import MediaStore
from vision_deepresearch.models.local.settings import LocalSettings

if TYPE_CHECKING:
    from vision_deepresearch.models.local.client import LocalClient
    from vision_deepresearch.models.local.engine import LocalEngine

_NEEDED = ("torch", "transformers", "tokenizers", "safetensors")


def needs_local() -> None:
    """Make sure that the extra is there; nothing is imported.

    Raises:
        ConfigError: it is not; the message says how to install it.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = (
            f"local models need the extra `local`, but {', '.join(missing)} is not installed: "
            "pip install 'vision-deepresearch[local]'"
        )
        raise ConfigError(msg)


def open_local(
    folder: Path, settings: LocalSettings, *, media: MediaStore
) -> tuple["LocalClient", "LocalEngine"]:
    """Load a checkpoint and start its engine; the caller closes the engine.

    Raises:
        ConfigError: the extra is not installed, or the folder holds no checkpoint we run.
    """
    needs_local()
    try:
        from vision_deepresearch.models.local.client import LocalClient
        from vision_deepresearch.models.local.engine import LocalEngine
        from vision_deepresearch.models.local.loading import checksum, load_local
    except (ImportError, RuntimeError) as error:
        has_vision = importlib.util.find_spec("torchvision") is not None
        remedy = (
            "pip uninstall torchvision: it is not needed and does not fit this torch"
            if has_vision
            else "install the versions of constraints.txt"
        )
        msg = f"torch or transformers cannot be imported ({error}): {remedy}"
        raise ConfigError(msg) from error
    model = load_local(
        folder, dtype=settings.dtype, device=settings.device, budget=settings.pictures
    )
    label = checksum(model.module)[:12]
    engine = LocalEngine(
        model,
        max_rows=settings.max_rows,
        cache_bytes=int(settings.cache_gb * 2**30),
        label=label,
    )
    client = LocalClient(
        engine,
        codec=model.codec,
        vocabulary=model.vocabulary,
        load=media.load,
        # The weights are named, so that a tape never gives the replies of others.
        name=lambda: f"local:{folder.name}@{label}",
    )
    engine.start()
    return client, engine
