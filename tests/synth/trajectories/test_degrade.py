"""The option `[degrade]`: damaged pictures reach the researcher, who repairs them."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from vision_deepresearch.core.content import Image
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.core.trajectory import CallRecord, Trajectory
from vision_deepresearch.media.degrade import Damage
from vision_deepresearch.media.repair import Repair
from vision_deepresearch.synth.pipeline import Made
from vision_deepresearch.synth.trajectories import degrade
from vision_deepresearch.synth.trajectories.checks import find_faults
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.wiring.models import make_profile
from vision_deepresearch.wiring.trajectories import make_trajectories, open_trajectories
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig, make_trajectory_config

NUM_TASKS = 4
pytestmark = pytest.mark.timeout(180)


def a_config(**more: JsonValue) -> TrajectoryConfig:
    return make_trajectory_config({
        "world": "generated:tiny",
        "today": "2026-01-01",
        "mode": "agent+zoom",
        "trajectories": {"tasks": NUM_TASKS, "is_lively": False},
        **more,
    })


def accepted(made: Made) -> list[Accepted]:
    return [one for one in made.records if isinstance(one, Accepted)]


def calls_of(trajectory: Trajectory, name: str) -> list[CallRecord]:
    return [one for turn in trajectory.turns for one in turn.calls if one.call.name == name]


def has_recognised_all(record: Accepted, *crops: CallRecord) -> bool:
    """Whether hits of these calls name each thing that the question looks at."""
    assert record.proof is not None
    titles = {one.title for crop in crops for one in crop.observation.evidence}
    looks = [hop for hop in record.proof.hops if hop.kind is HopKind.LOOK]
    return all({hop.expected, *hop.aliases} & titles for hop in looks)


async def test_dark_pictures_are_repaired_and_then_recognised(
    tiny_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tiny_world
    # Turned on the way, so that boxes have to follow the repair as well.
    mend = {**degrade.REPAIRS_FOR, Damage.LOW_LIGHT: (Repair.ROTATE_90, Repair.BRIGHTEN)}
    monkeypatch.setattr(degrade, "REPAIRS_FOR", mend)
    config = a_config(degrade={"damages": ["low_light"]})
    kept = accepted(await make_trajectories(config, out=tmp_path / "run"))
    plain = accepted(await make_trajectories(a_config(), out=tmp_path / "plain"))
    assert len(kept) == len(plain) == NUM_TASKS
    num_repaired = 0
    for record in kept:
        assert record.task.strata["damage"] == "low_light"
        crops = calls_of(record.trajectory, "crop_and_search")
        repairs = calls_of(record.trajectory, "zoom")
        assert crops[0].call.arguments["image_id"] == "img_1"
        assert bool(repairs) == (not has_recognised_all(record, crops[0]))
        for repair in repairs:
            num_repaired += 1
            assert repair.call.arguments["repair"] == ["rotate_90", "brighten"]
            shown = repair.observation.parts[-1]
            assert isinstance(shown, Image)
            assert crops[1].call.arguments["image_id"] == shown.handle
        assert has_recognised_all(record, *crops)
        profile = make_profile(config.run)
        assert not find_faults(record.task, record.trajectory, profile=profile, proof=record.proof)
    assert num_repaired >= NUM_TASKS - 1
    for record in plain:
        assert not calls_of(record.trajectory, "zoom")
        assert "damage" not in record.task.strata
    assert not {one.task.id for one in kept} & {one.task.id for one in plain}


async def test_boxes_of_a_proof_lie_on_the_same_things_in_a_turned_picture(
    tiny_world: Path, tmp_path: Path
) -> None:
    assert tiny_world
    config = a_config(degrade={"damages": ["rotate_90"]})
    kept = accepted(await make_trajectories(config, out=tmp_path / "run"))
    assert len(kept) == NUM_TASKS
    for record in kept:
        assert record.proof is not None
        assert record.proof.task_id == record.task.id
        # The image index knows a turned thing, so tight crops in the right places need no repair.
        assert not calls_of(record.trajectory, "zoom")
        assert has_recognised_all(record, calls_of(record.trajectory, "crop_and_search")[0])


async def test_the_same_seed_damages_the_same_way(tiny_world: Path, tmp_path: Path) -> None:
    assert tiny_world
    ids = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = a_config(degrade={"frac": 0.6}, seed=seed, trajectories={"tasks": 12})
        async with open_trajectories(config, out=tmp_path / name) as opened:
            tasks = [one.task for one in opened.assignments]
        ids.append([(task.id, task.strata.get("damage")) for task in tasks])
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    assert None in dict(ids[0]).values()


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match='mode = "agent\\+zoom"'):
        a_config(degrade={}, mode="cis+ts")
    with pytest.raises(ConfigError, match="damage"):
        a_config(degrade={"damage": ["blur"]})
    with pytest.raises(ConfigError, match="damages"):
        a_config(degrade={"damages": ["fog"]})
