"""Files come back only if they are plain, have one name and fit, even if the kernel let others be made."""

import os
from pathlib import Path

from vision_deepresearch.sandbox.inside.artifacts import artifacts


def test_only_plain_files_with_one_name_are_taken(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.png").write_bytes(b"good")
    (folder / "other.txt").write_bytes(b"not asked for")
    (folder / "dir.png").mkdir()
    (folder / "link.png").symlink_to(secret)
    (folder / "twin.png").hardlink_to(secret)
    os.mkfifo(folder / "pipe.png")
    (folder / "a b.png").write_bytes(b"no safe name")
    (folder / "large.png").write_bytes(b"x" * 101)
    taken = artifacts(str(folder), ["*.png", "gone.txt"], limit=100)
    assert taken.found == {"good.png": b"good"}
    assert taken.left_behind == ["dir.png", "large.png", "link.png", "pipe.png", "twin.png"]
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    assert artifacts(str(linked), ["*.png"], limit=100).found == {}


def test_four_times_the_limit_in_all(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.png").write_bytes(b"x" * 100)
    taken = artifacts(str(tmp_path), ["*.png"], limit=100)
    assert list(taken.found) == ["00.png", "01.png", "02.png", "03.png"]
    assert len(taken.left_behind) == 16
