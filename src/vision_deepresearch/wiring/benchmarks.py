"""Benchmarks by what the user says, `NAME=PATH[:SUBSET]`: found, pinned by content, read, checked.

A run keeps the hash of the tables, not their path: the same questions elsewhere go on with it, others do not.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.benchmarks.catalog import source_named
from vision_deepresearch.evals.benchmarks.draft import BenchmarkError, Source
from vision_deepresearch.evals.benchmarks.manifests import (
    Manifest,
    bundled,
    check_manifest,
    load_manifest,
)
from vision_deepresearch.evals.benchmarks.reading import Put, SetRead, read_set, tables_of
from vision_deepresearch.wiring.worlds import world_folder

_HUB = "hf:"
_HASH_BLOCK = 1024 * 1024
_NOT_FETCHED = ("*.pkl", "*.pickle", "*.pt", "*.bin", "*.safetensors", "*.mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSet:
    """A set or a part of one, found on disk."""

    source: Source
    root: Path
    subset: str
    """Of the source; empty: all of it."""
    manifest: Manifest | None
    tables: tuple[Path, ...]
    images: Path | None = None
    password: str | None = None

    @property
    def label(self) -> str:
        """As it is named in a run's settings."""
        part = self.manifest.name if self.manifest else self.subset
        return f"{self.source.name}:{part}" if part else self.source.name

    @property
    def is_protected(self) -> bool:
        """Whether it may hold questions whose text must not lie on a disk in plain."""
        return self.source.protects_any(self.subset)

    @property
    def size(self) -> int:
        """Questions as published; 0: not known."""
        if self.manifest is not None:
            return self.manifest.size
        return sum(self.source.sizes.get(config, 0) for config in self.source.configs(self.subset))

    def digest(self) -> str:
        """Of the tables' content and the manifest, 16 hex digits. Cost: reads the tables."""
        digest = hashlib.sha256(self.manifest.digest.encode() if self.manifest else b"")
        for table in self.tables:
            with table.open("rb") as file:
                while block := file.read(_HASH_BLOCK):
                    digest.update(block)
        return digest.hexdigest()[:16]

    def read(
        self,
        *,
        put: Put | None,
        limit: int | None = None,
        on_row: Callable[[int], None] | None = None,
    ) -> SetRead:
        """Its tasks, and the rows that gave none.

        Args:
            put: takes each picture; None: tasks are only counted.
            limit: tasks of each config at most, the first ones; None: all.
            on_row: called with the number of rows so far.

        Raises:
            BenchmarkError: see `read_set`; a manifest that does not fit.
        """
        found = read_set(
            self.source,
            self.tables,
            put=put,
            root=self.root,
            subset=self.subset,
            images=self.images,
            password=self.password,
            wanted=self.manifest.has if self.manifest else None,
            limit=limit,
            on_row=on_row,
        )
        if self.manifest is not None:
            check_manifest(self.manifest, found, is_whole=limit is None)
        return found

    def problems(self, found: SetRead, *, is_whole: bool) -> list[str]:
        """What of the set is not as published, in words; `is_whole`: all of it was read."""
        if self.manifest is not None:
            return []  # a question of it that is missing ends the reading; other rows do not matter
        told = [
            f"{count} rows give no question: {reason} "
            f"({next(one for one in found.rejects if one.reason == reason).detail})"
            for reason, count in found.by_reason.items()
        ]
        if not is_whole:
            return told
        configs = self.source.configs(self.subset)
        if self.root.is_file() and not self.subset:
            configs = tuple(found.by_config)  # one table of several, named by itself
        for config in configs:
            wanted, here = self.source.sizes.get(config), found.by_config[config]
            if wanted is not None and wanted != here:
                part = "" if here or self.subset else ": name what is there as PATH:SUBSET"
                told.append(f"{config} has {wanted} questions as published, {here} are here{part}")
        return told


def find_set(said: str, *, images: Path | None = None, password: str | None = None) -> WantedSet:
    """The set that `NAME=PATH[:SUBSET]` means.

    Args:
        said: PATH is a file, a folder, `hf:OWNER/NAME[@REVISION]` (downloaded), or of generated questions
            the name of a world; SUBSET a part of the source, or a manifest by name or file.
        images: one more folder of pictures.
        password: of encrypted text; None: the published one.

    Raises:
        BenchmarkError: no such benchmark, path or subset.
    """
    name, separator, place = said.partition("=")
    if not separator or not place:
        msg = f"--benchmark takes NAME=PATH[:SUBSET], got {said!r}: `vdr eval sets` lists the names"
        raise BenchmarkError(msg)
    source = source_named(name.strip())
    where, subset, manifest = _split(source, place)
    if images is not None and not images.is_dir():
        msg = f"--images takes a folder of pictures, {str(images)!r} is none"
        raise BenchmarkError(msg)
    root = _on_disk(source, where)
    return WantedSet(
        source=source,
        root=root,
        subset=subset,
        manifest=manifest,
        tables=tables_of(source, root, subset=subset),
        images=images,
        password=password,
    )


def settings_of(wanted: Sequence[WantedSet], *, is_partial: bool) -> dict[str, JsonValue]:
    """What of the sets belongs to a run's settings.

    Raises:
        BenchmarkError: one is named twice.
    """
    labels = [one.label for one in wanted]
    if len(set(labels)) < len(labels):
        msg = f"each set is given once, got {', '.join(labels)}: leave one out"
        raise BenchmarkError(msg)
    told: dict[str, JsonValue] = {one.label: one.digest() for one in wanted}
    return {"benchmarks": {**told, **({"partial": True} if is_partial else {})}}


def _split(source: Source, place: str) -> tuple[str, str, Manifest | None]:
    """Path, subset and manifest."""
    known = bundled(source.name)
    where, separator, part = place.rpartition(":")
    if not separator or Path(place).exists():
        return place, "", None
    if part in source.subsets:
        return where, part, None
    if part in known:
        return where, "", known[part]
    if part.endswith(".json"):
        return where, "", load_manifest(Path(part), source=source.name)
    if where.startswith(_HUB) or Path(where).exists():
        names = ", ".join([*source.subsets, *known]) or "none"
        msg = f"{source.name} has no subset {part!r}: known are {names}, or a manifest's FILE.json"
        raise BenchmarkError(msg)
    return place, "", None


def _on_disk(source: Source, where: str) -> Path:
    if where.startswith(_HUB):
        return _download(where.removeprefix(_HUB))
    if source.name == "generated" and not Path(where).exists():
        return world_folder(where)
    return Path(where)


def _download(said: str) -> Path:
    """A data set of Hugging Face, in its own cache; the same revision is not fetched twice.

    Raises:
        BenchmarkError: the library is missing, or the hub gives nothing.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as reason:
        msg = (
            "downloading needs a library that is not installed: "
            "pip install 'vision-deepresearch[benchmarks]', or download the set yourself"
        )
        raise BenchmarkError(msg) from reason
    name, _, revision = said.partition("@")
    try:
        found = snapshot_download(
            name,
            repo_type="dataset",
            revision=revision or None,
            ignore_patterns=list(_NOT_FETCHED),
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as reason:
        told = " ".join(str(reason).split())[:200]
        msg = f"{said!r} cannot be downloaded ({told}): download it yourself and name its folder"
        raise BenchmarkError(msg) from reason
    return Path(found)


def refuse_problems(wanted: WantedSet, found: SetRead, *, is_whole: bool) -> None:
    """Refuse a set that is not as published.

    Raises:
        ConfigError: with everything that is wrong, and how to run what is there.
    """
    told = wanted.problems(found, is_whole=is_whole)
    if told:
        msg = (
            f"{wanted.label} is not as published: {'; '.join(told)}. Get it again from "
            f"{wanted.source.home}, or say --partial to run the {len(found.tasks)} that are there"
        )
        raise ConfigError(msg)
