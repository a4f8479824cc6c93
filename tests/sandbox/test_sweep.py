"""What programs leave behind goes, however it is folded, and nothing else goes with it."""

import os
from pathlib import Path

import pytest

from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.inside import landlock, sweep
from vision_deepresearch.sandbox.limits import SandboxLimits
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.tiers import Tier, can_try

needs_landlock = pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")


def nest(folder: Path, depth: int) -> None:
    """Folders in folders, deeper than any path can name."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=here))
    os.close(here)


def test_folders_too_deep_for_any_path_are_removed(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    nest(deep, 1200)
    (deep / "beside").write_text("x")
    assert sweep.is_over(str(deep), num_bytes=1 << 30, num_entries=1 << 30)
    sweep.remove(str(deep))
    assert not deep.exists()


def test_a_few_files_go_at_once_and_more_are_left_to_another(tmp_path: Path) -> None:
    for number in range(32):
        (tmp_path / str(number)).touch()
    assert sweep.empty_if_quick(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    for number in range(33):
        (tmp_path / str(number)).touch()
    assert not sweep.empty_if_quick(str(tmp_path))
    sweep.empty(str(tmp_path))
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert not sweep.empty_if_quick(str(tmp_path))


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    kept, swept = tmp_path / "kept", tmp_path / "swept"
    kept.mkdir()
    (kept / "file").write_text("x")
    (swept / "inner").mkdir(parents=True)
    (swept / "link").symlink_to(kept)
    (swept / "inner" / "link").symlink_to(kept / "file")
    (swept / "inner" / "up").symlink_to("..")
    sweep.empty(str(swept))
    assert list(swept.iterdir()) == []
    assert (kept / "file").read_text() == "x"
    (tmp_path / "a link").symlink_to(kept)
    with pytest.raises(OSError, match="a link"):
        sweep.empty(str(tmp_path / "a link"))
    assert (kept / "file").read_text() == "x"


def test_room_is_counted_in_bytes_and_in_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(20):
        (tmp_path / "a" / str(number)).touch()
    (tmp_path / "a" / "large").write_bytes(b"x" * 100_000)
    place = str(tmp_path)
    assert not sweep.is_over(place, num_bytes=1 << 20, num_entries=22)
    assert sweep.is_over(place, num_bytes=1 << 20, num_entries=21)
    assert sweep.is_over(place, num_bytes=50_000, num_entries=22)
    assert not sweep.is_over(str(tmp_path / "gone"), num_bytes=0, num_entries=0)


def test_files_without_a_name_count_too(tmp_path: Path) -> None:
    before = sweep.unlinked_bytes(os.getpid())
    with (tmp_path / "f").open("wb", buffering=0) as file:
        file.write(b"x" * 200_000)
        assert sweep.unlinked_bytes(os.getpid()) == before
        (tmp_path / "f").unlink()
        assert sweep.unlinked_bytes(os.getpid()) - before >= 200_000


FLOODS = {
    "deep": "import os\nwhile True:\n    os.mkdir('d'); os.chdir('d')",
    "many": "i = 0\nwhile True:\n    open(str(i), 'w').close(); i += 1",
    "wide": "import os\nfor i in range(10**6):\n    os.mkdir(str(i)); open(f'{i}/f', 'w').close()",
    "in one file, written again without its name": (
        "import os\nheld = []\nwhile True:\n    f = open('f', 'wb', 0); held.append(f)\n"
        "    f.write(b'x' * (1 << 20)); os.unlink('f')"
    ),
}


@needs_landlock
@pytest.mark.timeout(120)
@pytest.mark.parametrize("tier", [tier for tier in Tier if can_try(tier)], ids=str)
async def test_a_flood_of_files_is_stopped_and_swept(tier: Tier) -> None:
    """The zygote survives each, serves the next call, and no file is seen by it."""
    limits = SandboxLimits(scratch_bytes=8 << 20, scratch_entries=500)
    async with ZygoteSandbox(tier, limits=limits) as box:
        for name, code in FLOODS.items():
            flood = await box.run(code, timeout=20)
            assert flood.status in {SandboxStatus.KILLED, SandboxStatus.ERROR}, name
            look = "import os; print(os.listdir('.'))"
            assert (await box.run(look, timeout=10)).stdout == "[]\n", name
        (zygote,) = box._zygotes.values()
        assert zygote.num_calls == 2 * len(FLOODS)
    assert not zygote.scratch.exists()
