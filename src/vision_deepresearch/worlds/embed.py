"""Adds vectors of an embedder to a world that is complete: the folder gets vectors/, the manifest tells.

The vectors are built beside and put in place, then the manifest is written: a run that died leaves
the world as it was, or one that refuses to open with the old embedder and says why.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.protocols import Embedder
from vision_deepresearch.worlds.index.hybrid import VECTORS, build_vectors
from vision_deepresearch.worlds.index.vectors_faiss import VectorMethod
from vision_deepresearch.worlds.index.visual import VisualIndex

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
MANIFEST = "manifest.json"
_REPORT_EVERY = 64


class HasPictures(Protocol):
    """A world that can be embedded: one in a folder of its own."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        ...

    def manifest(self) -> WorldManifest:
        """What it is."""
        ...

    def reference_pictures(self) -> Iterator[tuple[str, bytes]]:
        """The pictures that image search knows, in the order of its index."""
        ...


def embed_world(
    world: HasPictures,
    embedder: Embedder,
    *,
    method: VectorMethod | None = None,
    progress: Progress | None = None,
) -> WorldManifest:
    """Embed the pictures of a world, in place of older vectors.

    Args:
        world: open; it has to be opened again to use the vectors.
        embedder: makes them.
        method: how they are found; None: by their number.
        progress: told about each batch.

    Returns:
        The manifest as it now stands.

    Raises:
        ConfigError: the folder cannot be written, or the indexes do not belong together.
    """
    folder = world.folder
    ids = VisualIndex.open(folder / "visual").ids
    fresh = folder / f"{VECTORS}.new"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        facts = build_vectors(
            fresh,
            _told(world.reference_pictures(), len(ids), progress or _silent),
            ids=ids,
            embedder=embedder,
            method=method,
        )
        shutil.rmtree(folder / VECTORS, ignore_errors=True)
        fresh.rename(folder / VECTORS)
        manifest = WorldManifest.model_validate_json((folder / MANIFEST).read_bytes())
        manifest = manifest.model_copy(update={"vector_index": facts})
        beside = folder / f"{MANIFEST}.new"
        beside.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        beside.replace(folder / MANIFEST)
    except OSError as reason:
        msg = f"the world in {str(folder)!r} cannot be given vectors: {reason.strerror}"
        raise ConfigError(msg) from reason
    return manifest


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def _told(
    pictures: Iterator[tuple[str, bytes]], total: int, progress: Progress
) -> Iterator[tuple[str, bytes]]:
    for done, picture in enumerate(pictures):
        if done % _REPORT_EVERY == 0:
            progress("picture vectors", done, total)
        yield picture
    progress("picture vectors", total, total)
