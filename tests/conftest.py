"""Fixtures that are dear enough to be made once per session: a built generated world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vision_deepresearch.wiring.worlds import world_folder


@pytest.fixture(scope="session", autouse=True)
def no_user_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's own file of keys is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VDR_CONFIG", str(tmp_path_factory.mktemp("user") / "config.toml"))
        yield


@pytest.fixture(scope="session")
def world_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this session: the user's own is neither used nor touched."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VDR_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_world(world_cache: Path) -> Path:
    """The folder of `generated:tiny`, built once."""
    assert world_cache.is_dir()
    return world_folder("generated:tiny")
