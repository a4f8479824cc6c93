"""What a worker of a cluster proves before it works; no Ray is needed for that."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.scale.ray_executor import ray_cluster, reach_of
from vision_deepresearch.scale.ray_worker import RayWorker, Reach, answer_file, question_file
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.wiring.worlds import require_world


def nothing() -> Sequence[EachStage]:
    return []


def fault(reach: Reach) -> str:
    return RayWorker().open(nothing, reach, number=3).fault


def test_a_worker_that_sees_the_run_folder_answers_in_it(tmp_path: Path) -> None:
    reach = reach_of(tmp_path)
    question_file(reach).write_text(reach.token)
    assert fault(reach) == ""
    assert answer_file(reach, 3).read_text() == reach.token


def test_what_is_out_of_reach_is_said_with_its_remedy(tmp_path: Path, tiny_world: Path) -> None:
    reach = reach_of(tmp_path)  # the driver's file is not there: another folder under its path
    assert "put --out on a folder that all machines share" in fault(reach)
    assert "same vision_deepresearch" in fault(reach.model_copy(update={"code": "other"}))
    with pytest.raises(ConfigError, match="name that with --world"):
        require_world(tmp_path / "away", world_id="x")
    with pytest.raises(ConfigError, match="expected world x at"):
        require_world(tiny_world, world_id="x")
    manifest = WorldManifest.model_validate_json((tiny_world / "manifest.json").read_bytes())
    require_world(tiny_world, world_id=manifest.world_id)


def test_an_address_that_cannot_be_is_refused() -> None:
    with (
        pytest.raises(ConfigError, match="local, auto or HOST:PORT"),
        ray_cluster("ray://x", workers=1),
    ):
        pass
