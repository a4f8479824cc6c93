"""Where a run comes from: versions, revision, seeds, machine, world, judge; no paths, no secrets."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.page import WorldManifest

_PACKAGES = (
    "vision-deepresearch",
    "pydantic",
    "pillow",
    "numpy",
    "opencv-python-headless",
    "faiss-cpu",
    "tantivy",
    "lxml",
    "html-to-markdown",
    "torch",
    "transformers",
)
"""Whose version can change a result."""


def provenance(
    *,
    seeds: Mapping[str, int],
    world: WorldManifest | None = None,
    model: str = "",
    judge: str = "",
    today: str = "",
    extra: Mapping[str, JsonValue] | None = None,
) -> dict[str, JsonValue]:
    """Describe a run, for provenance.json.

    Args:
        seeds: by name, for example {"run": 0, "world": 7}.
        world: manifest of the world, if there is one.
        model: name of the model client.
        judge: profile id of the judge.
        today: the ISO date prompts state.
        extra: what else determines the run, for example prompt hashes.
    """
    return {
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "revision": git_revision(Path(__file__).resolve().parents[3]),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "seeds": dict(seeds),
        "model": model,
        "judge": judge,
        "today": today,
        "world": world.model_dump(mode="json") if world is not None else None,
        **(extra or {}),
    }


def git_revision(root: Path) -> str | None:
    """The commit checked out at `root`, 40 hex, or None outside a repository."""
    git = root / ".git"
    if git.is_file():  # a linked work tree
        git = root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head or None
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
        if (shared / name).is_file():
            return (shared / name).read_text(encoding="utf-8").strip()
        for line in (shared / "packed-refs").read_text(encoding="utf-8").splitlines():
            revision, _, ref = line.partition(" ")
            if ref == name:
                return revision
    except OSError:
        return None
    return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
