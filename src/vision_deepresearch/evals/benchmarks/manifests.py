"""Subsets pinned by ids and hashes, without text: which questions a figure is about.

A manifest names questions of one source and the hash of each; reading by it takes those alone and
fails when one is missing or says something else. Those of the papers' subsets whose text is public
on GitHub come with the package; others are written from a copy (`vdr eval sets NAME PATH --manifest FILE`).

Example: {"name": "paper", "source": "bc-vl", "origin": "...", "rows": {"level1": {"level1_1": "3f.."}}}
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.benchmarks.draft import BenchmarkError, SubsetMismatchError
from vision_deepresearch.evals.benchmarks.reading import SetRead

_SUFFIX = ".json"
_MAX_SHOWN = 5


class Manifest(Record):
    """The questions of a subset."""

    schema_version: Literal[1] = 1
    name: str
    source: str
    origin: str
    """Where it was taken from."""
    rows: dict[str, dict[str, str]]
    """Config, id of the question, hash of question and answers (`reading.row_hash`)."""

    @property
    def size(self) -> int:
        """Questions."""
        return sum(map(len, self.rows.values()))

    @property
    def digest(self) -> str:
        """Of the whole manifest, for the key of a result. 16 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def has(self, config: str, source_id: str) -> bool:
        """Whether a question belongs to it."""
        return source_id in self.rows.get(config, {})


def bundled(source: str) -> dict[str, Manifest]:
    """The manifests of a source that come with the package, by name."""
    folder = files("vision_deepresearch.evals.benchmarks") / "manifests"
    found = {}
    for one in sorted(folder.iterdir(), key=lambda path: path.name):
        if one.name.startswith(f"{source}.") and one.name.endswith(_SUFFIX):
            manifest = Manifest.model_validate_json(one.read_bytes())
            found[manifest.name] = manifest
    return found


def load_manifest(path: Path, *, source: str) -> Manifest:
    """A manifest of the user's.

    Raises:
        BenchmarkError: no file, no manifest, or one of another source.
    """
    try:
        found = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as reason:
        msg = (
            f"expected a manifest at {str(path)!r} ({reason.__class__.__name__}): "
            f"`vdr eval sets {source} PATH --manifest FILE` writes one"
        )
        raise BenchmarkError(msg) from reason
    if found.source != source:
        msg = f"{path.name} is a manifest of {found.source}, the set is {source}: give its own"
        raise BenchmarkError(msg)
    return found


def manifest_of(read: SetRead, *, name: str, origin: str) -> Manifest:
    """Pin what was read."""
    rows: dict[str, dict[str, str]] = {}
    for mark in read.marks:
        rows.setdefault(mark.config, {})[mark.source_id] = mark.sha256
    return Manifest(name=name, source=read.source.name, origin=origin, rows=rows)


def check_manifest(manifest: Manifest, read: SetRead, *, is_whole: bool = True) -> None:
    """See that what was read by a manifest is all of it, word for word.

    Args:
        manifest: what was asked for.
        read: what came.
        is_whole: False: only the first questions were read, so none is missing.

    Raises:
        SubsetMismatchError: with both numbers and the first ids.
    """
    found = {(mark.config, mark.source_id): mark.sha256 for mark in read.marks}
    wanted = {
        (config, source_id): sha256
        for config, rows in manifest.rows.items()
        for source_id, sha256 in rows.items()
    }
    missing = [key for key in wanted if key not in found] if is_whole else []
    changed = [key for key in wanted if key in found and found[key] != wanted[key]]
    if missing or changed:
        left_out = ", ".join(f"{reason} ({count})" for reason, count in read.by_reason.items())
        msg = (
            f"subset {manifest.name} of {manifest.source} has {len(wanted)} questions, "
            f"{len(found)} are here: {len(missing)} are missing{_shown(missing)}, {len(changed)} say "
            f"something else{_shown(changed)}. It is another revision of the set, or not whole"
            f"{f' (rows left out: {left_out})' if left_out else ''}: the manifest is of "
            f"{manifest.origin}"
        )
        raise SubsetMismatchError(msg)


def _shown(keys: Sequence[tuple[str, str]]) -> str:
    if not keys:
        return ""
    told = ", ".join(f"{config}/{source_id}" for config, source_id in keys[:_MAX_SHOWN])
    return f" ({told}{', ...' if len(keys) > _MAX_SHOWN else ''})"
