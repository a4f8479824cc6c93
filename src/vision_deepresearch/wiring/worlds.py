"""Worlds by name: generated ones are built on first use, folders are opened as what they are."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.core.protocols import TruthSource, World
from vision_deepresearch.core.task import Task
from vision_deepresearch.wiring.cache import cache_folder
from vision_deepresearch.wiring.config import explain
from vision_deepresearch.wiring.embedders import OFF, embedder_for, open_embedder
from vision_deepresearch.worlds.corpus.world import CorpusWorld
from vision_deepresearch.worlds.embed import embed_world
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.older import OlderPages
from vision_deepresearch.worlds.generated.saving import kinds_named, save_pages
from vision_deepresearch.worlds.generated.spec import PLAIN_SHARES, WorldSpec, spec_named
from vision_deepresearch.worlds.generated.world import FORMAT_VERSION, GeneratedWorld, open_truth
from vision_deepresearch.worlds.index.text import TEXT_INDEX_VERSION
from vision_deepresearch.worlds.index.visual import VISUAL_INDEX_VERSION
from vision_deepresearch.worlds.live.catalog import is_live
from vision_deepresearch.worlds.picture_words import NO_CAPTIONS, SearchesPicturesByWords
from vision_deepresearch.worlds.server.misbehaviour import without_calls
from vision_deepresearch.worlds.wrappers.noise import NoisyWorld
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings

ProgressBar = Callable[[str, int, int], None]
"""Called with (what, done, total) on long work."""

MIN_PAGES = 150
"""Smaller webs hold too few things that can be told apart."""
PAGES_PER_ENTITY = 1.9
"""Pages of a generated world per thing in it, about."""
PAGES_FOR_JOBS = 5_000
"""Smaller worlds are drawn in less time than processes need to start."""
WORLDS = (
    "generated:PRESET",
    "generated:PRESET/SPLIT@SEED",
    "live:auto",
    "live:ENGINE+ENGINE",
    "a world folder",
)


def world_folder(name: str, *, progress: ProgressBar | None = None) -> Path:
    """The folder of a named world; a generated one is built on first use.

    Raises:
        ConfigError: no such world.
    """
    if name.startswith("generated:"):
        which, _, seed = name.removeprefix("generated:").partition("@")
        preset, _, split = which.partition("/")
        if seed and not seed.isdecimal():
            msg = f"the seed of a generated world is a whole number, got {seed!r} in {name!r}"
            raise ConfigError(msg)
        spec = spec_named(preset, seed=int(seed or 0), split=split or "train")
        folder = cached_world(spec)
        if not (folder / "manifest.json").is_file():
            build_world(spec, folder, progress=progress)
        return folder
    folder = Path(name)
    if folder.is_dir():
        return folder
    if is_live(name):
        msg = f"{name!r} is the real web: it has no folder and cannot be used here"
        raise ConfigError(msg)
    msg = (
        f"unknown world {name!r}, and no such folder is here: use one of {', '.join(WORLDS)} "
        "(`vdr world import` and `vdr world build generated` make a folder)"
    )
    raise ConfigError(msg)


def cached_world(spec: WorldSpec) -> Path:
    """Where the user's cache keeps a generated world.

    Each layout of folder and indexes has a folder of its own: no program finds another's.
    """
    made_by = f"{FORMAT_VERSION}.{TEXT_INDEX_VERSION}.{VISUAL_INDEX_VERSION}"
    name = f"{spec.preset}-{spec.seed}-{spec.world_id()}-{made_by}"
    return cache_folder() / "worlds" / name


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedWorld:
    """A world and what else its folder holds."""

    world: World
    generated: GeneratedWorld | None = None
    """The same world where it was generated: it has questions of its own."""
    truth: TruthSource | None = None
    """What a generated world knows about them; for the oracle alone."""
    notes: tuple[str, ...] = ()
    """What whoever starts a run should know."""

    def own_tasks(self, limit: int | None = None) -> list[Task]:
        """The world's own questions.

        Raises:
            ConfigError: it has none.
        """
        if self.generated is None:
            about = self.world.manifest()
            msg = (
                f"{about.name!r} is a {about.kind} world: it has no questions of its own. Ask yours "
                "with `vdr ask PICTURE -q QUESTION --world FOLDER`"
            )
            raise ConfigError(msg)
        return self.generated.tasks(limit)

    def as_corpus(self) -> CorpusWorld:
        """The world as one made of pages that somebody had.

        Raises:
            ConfigError: another kind of world.
        """
        if isinstance(self.world, CorpusWorld):
            return self.world
        about = self.world.manifest()
        msg = (
            f"{about.name!r} is a {about.kind} world: only corpus worlds keep the facts of pages. "
            "Make one with `vdr world import SOURCE FOLDER`"
        )
        raise ConfigError(msg)

    def by_words(self) -> SearchesPicturesByWords:
        """The world as one whose pictures are searched by words.

        Raises:
            ConfigError: it has no index of the words around its pictures.
        """
        if isinstance(self.world, SearchesPicturesByWords) and self.world.has_captions:
            return self.world
        raise ConfigError(NO_CAPTIONS)

    def pictures_of(self, task: Task) -> list[bytes]:
        """The pictures of one of its own questions, in order."""
        assert self.generated is not None, "only such a world has tasks"
        return self.generated.task_pictures(task)

    def save_pages(self, out: Path, *, kinds: str, limit: int) -> tuple[Path, ...]:
        """Write pages of a generated world as HTML with their pictures.

        Args:
            out: folder to write to.
            kinds: names of kinds of pages with commas between them, or "all".
            limit: pages of each kind.

        Raises:
            ConfigError: another kind of world, or no such kind of page.
        """
        if self.generated is None:
            about = self.world.manifest()
            msg = (
                f"{about.name!r} is a {about.kind} world: only generated ones make HTML. Read its "
                "pages with `vdr world read FOLDER URL`"
            )
            raise ConfigError(msg)
        return save_pages(self.generated.pages, out, kinds=kinds_named(kinds), limit=limit)


def open_world(folder: Path, *, embedder: str | None = None) -> OpenedWorld:
    """Open a world folder as what its manifest says it is.

    Args:
        folder: where it lies.
        embedder: name of the embedder its vectors were made by, or "off"; None: VDR_EMBEDDER.

    Raises:
        ConfigError: no world there, or one of another version or embedder.
    """
    manifest = _manifest_in(folder)
    chosen = embedder_for(manifest, embedder)
    if manifest.kind == "corpus":
        return OpenedWorld(world=CorpusWorld.open(folder, embedder=chosen))
    if manifest.kind == "generated":
        generated = GeneratedWorld.open(folder, embedder=chosen)
        return OpenedWorld(world=generated, generated=generated, truth=open_truth(folder))
    msg = (
        f"the world in {str(folder)!r} is of kind {manifest.kind!r}, which this program does not "
        "know"
    )
    raise ConfigError(msg)


def open_without_truth(
    folder: Path,
    *,
    embedder: str | None = None,
    noise: NoiseSettings | None = None,
    noise_seed: int = 0,
) -> World:
    """Open a world folder as a server does: what it knows about its tasks stays on disk.

    Args:
        folder: of the world.
        embedder: of a world with vectors, see `open_world`.
        noise: what its engine does to lists and pages; time and failures are the server's part.
        noise_seed: of the noise.

    Raises:
        ConfigError: as `open_world`.
    """
    manifest = _manifest_in(folder)
    generated = (
        GeneratedWorld.open(folder, embedder=embedder_for(manifest, embedder))
        if manifest.kind == "generated"
        else None
    )
    world: World = open_world(folder, embedder=embedder).world if generated is None else generated
    settings = without_calls(noise or NoiseSettings())
    if settings.is_clean:
        return world
    return NoisyWorld(
        world,
        settings,
        world_seed=world.manifest().seed or 0,
        noise_seed=noise_seed,
        older=None if generated is None else OlderPages(generated),
    )


def embed_folder(folder: Path, *, embedder: str, progress: ProgressBar) -> WorldManifest:
    """Add vectors of an embedder to a world, in place of older ones; the manifest as it then is.

    Raises:
        ConfigError: no world or embedder of that name, or the folder cannot be written.
    """
    manifest = _manifest_in(folder)
    world = (
        CorpusWorld.open(folder, embedder=OFF)
        if manifest.kind == "corpus"
        else GeneratedWorld.open(folder, embedder=OFF)
    )
    return embed_world(world, open_embedder(embedder), progress=progress)


def require_world(folder: Path, *, world_id: str) -> None:
    """Prove that a world lies at its place on this machine too.

    Raises:
        ConfigError: none lies there, or another.
    """
    if not folder.is_dir():
        msg = (
            f"expected the run's world at {str(folder)!r}, got no such folder: put it on a folder "
            "that all machines share under one path and name that with --world"
        )
        raise ConfigError(msg)
    found = _manifest_in(folder).world_id
    if found != world_id:
        msg = (
            f"expected world {world_id} at {str(folder)!r}, got {found}: put the driver's on a folder "
            "that all machines share under one path and name that with --world"
        )
        raise ConfigError(msg)


def _manifest_in(folder: Path) -> WorldManifest:
    """What kind of world lies there.

    Raises:
        ConfigError: none.
    """
    path = folder / "manifest.json"
    try:
        return WorldManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as reason:
        msg = (
            f"expected a world folder with manifest.json, got {str(folder)!r}: make one with "
            "`vdr world build` or `vdr world import` (an import that was stopped goes on with the "
            "same command)"
        )
        raise ConfigError(msg) from reason
    except ValidationError as reason:
        msg = (
            f"{str(path)!r} is no manifest of a world: delete the folder and build or import again"
        )
        raise ConfigError(msg) from reason


def build_generated(
    out: Path,
    *,
    pages: int,
    tasks: int,
    depth: str,
    pictures: int | None,
    seed: int,
    split: str = "train",
    whole_image_filter: bool = True,
    progress: ProgressBar,
) -> None:
    """Build a generated world of about `pages` pages in a folder of the user's.

    Large worlds are drawn by one process per core; the bytes are the same. `pictures`: how many
    things image search knows; None: all. `whole_image_filter`: see `WorldSpec`.

    Raises:
        ConfigError: the folder is not empty, or a number does not fit.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"a world is built into a new or empty folder, {str(out)!r} is not: choose another"
        raise ConfigError(msg)
    if pages < MIN_PAGES:
        msg = f"a generated world needs at least {MIN_PAGES} pages, got {pages}"
        raise ConfigError(msg)
    try:
        spec = WorldSpec.model_validate({
            **(PLAIN_SHARES if depth == "plain" else {}),
            "preset": "custom",
            "seed": seed,
            "split": split,
            "whole_image_filter": whole_image_filter,
            "num_entities": round(pages / PAGES_PER_ENTITY),
            "num_tasks": tasks,
            "depth": depth,
            "num_pictures": pictures,
        })
    except ValidationError as error:
        raise ConfigError(explain(error)) from error
    jobs = len(os.sched_getaffinity(0)) if pages >= PAGES_FOR_JOBS else 1
    build_world(spec, out, progress=progress, jobs=jobs)
