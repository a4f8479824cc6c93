"""The sheet of sample scenes: every layout in turn, a page that shows them with their boxes."""

import re
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.scene_sheet import write_scene_sheet
from vision_deepresearch.worlds.generated.scenes import LAYOUTS


def test_a_sheet_shows_layouts_in_turn_with_a_box_for_every_thing(
    tiny_world: Path, tmp_path: Path
) -> None:
    assert write_scene_sheet(tiny_world, tmp_path, limit=3) == 3
    names = sorted(path.name for path in tmp_path.glob("*.jpg"))
    assert names == [f"{number:02d}-{LAYOUTS[number]}.jpg" for number in range(3)]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(f'src="{name}"' in page for name in names)
    assert len(re.findall(r"<i style=", page)) == 3 * 6


def test_a_folder_without_a_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        write_scene_sheet(tmp_path / "nothing", tmp_path / "out", limit=1)
