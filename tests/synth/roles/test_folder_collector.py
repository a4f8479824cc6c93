"""A folder of the user's pictures, poisoned files among them."""

import os
from pathlib import Path

import pytest

from tests.builders import a_picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.synth.roles.folder_collector import FolderCollector
from vision_deepresearch.synth.vqa_records import Source

CONTEXT = CallContext(task_id="t", trajectory_id="t")


def a_folder(root: Path) -> Path:
    (root / "b").mkdir()
    (root / "b" / "two.JPG").write_bytes(a_picture(seed=2, fmt="JPEG"))
    (root / "a one.png").write_bytes(a_picture(seed=1))
    (root / "copy.png").write_bytes(a_picture(seed=1))
    (root / "LICENCE.txt").write_text("CC0")
    (root / ".hidden.png").write_bytes(a_picture(seed=5))
    (root / "torn.png").write_bytes(a_picture(seed=3)[:40])
    (root / "empty.png").touch()
    (root / "page.jpg").write_text("<html>")
    os.mkfifo(root / "pipe.png")
    (root / "link.png").symlink_to("/etc/hostname")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9\n.png")).write_bytes(a_picture(seed=4))
    return root


async def test_each_picture_once_in_the_order_of_paths(tmp_path: Path) -> None:
    collector = FolderCollector(a_folder(tmp_path), licence="CC0-1.0")
    sources = collector.sources(100)
    assert [one.ref for one in sources] == [
        "a one.png",
        "b/two.JPG",
        "caf%E9%0A.png",
        "empty.png",
        "link.png",
        "page.jpg",
        "pipe.png",
        "torn.png",
    ]
    assert {one.licence for one in sources} == {"CC0-1.0"}
    assert FolderCollector(tmp_path).sources(2) == tuple(
        one.model_copy(update={"licence": ""}) for one in sources[:2]
    )


async def test_a_poisoned_file_costs_itself(tmp_path: Path) -> None:
    collector, media = FolderCollector(a_folder(tmp_path)), MemoryMediaStore()
    good: list[str] = []
    for source in collector.sources(100):
        try:
            media.put(await collector.load(source, context=CONTEXT))
        except BadImageError:
            continue
        good.append(source.ref)
    assert good == ["a one.png", "b/two.JPG", "caf%E9%0A.png"]


@pytest.mark.parametrize("ref", ["../x.png", "/etc/hostname", "b", "gone.png", "a%00.png"])
async def test_nothing_outside_the_folder_is_read(tmp_path: Path, ref: str) -> None:
    (tmp_path / "x.png").write_bytes(a_picture())
    (tmp_path / "in").mkdir()
    folder = a_folder(tmp_path / "in")
    with pytest.raises(BadImageError):
        await FolderCollector(folder).load(Source(id="x", ref=ref), context=CONTEXT)


async def test_a_file_that_changed_is_another_picture(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(a_picture(seed=1))
    collector = FolderCollector(tmp_path)
    (before,) = collector.sources(1)
    path.write_bytes(a_picture(seed=2))
    with pytest.raises(BadImageError, match="changed"):
        await collector.load(before, context=CONTEXT)
    (after,) = collector.sources(1)
    assert after.id != before.id


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="folder"):
        FolderCollector(tmp_path / "none")
    with pytest.raises(ConfigError, match="no file below"):
        FolderCollector(tmp_path).sources(3)
