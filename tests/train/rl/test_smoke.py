"""`vdr rl` end to end on a tiny model: weights, engine, world, judge, checkpoints, the run folder.

The long one is the recipe recipes/toy/rl-smoke.toml: reward below 0.1 becomes more than 0.6.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.train.rl.warm_start import NUM_NAMES, SYSTEM, write_start
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.loading import checksum, load_local
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.train.rl.loop import unpacked_state
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.rl import figures_of, train_rl
from vision_deepresearch.wiring.rl_config import RlConfig, make_rl_config
from vision_deepresearch.wiring.rl_episodes import STAGE
from vision_deepresearch.wiring.worlds import open_world, world_folder

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "toy" / "rl-smoke.toml"


async def a_start(folder: Path, *, steps: int) -> None:
    """A checkpoint that answers with one of a dozen names of the recipe's world."""
    source = open_world(world_folder("generated:tiny"))
    tasks = source.own_tasks(90)
    media = MemoryMediaStore()
    for data in source.pictures_of(tasks[0]):
        media.put(data)
    golds = list(dict.fromkeys(task.gold.answers[0] for task in tasks if task.gold is not None))
    # Of other names of several words a model this small makes new ones.
    names = [golds[0], *(name for name in golds[1:] if " " not in name)][:NUM_NAMES]
    await write_start(folder, tasks=tasks[:1], names=names, media=media, steps=steps)


def a_config(folder: Path, **rl: object) -> RlConfig:
    """The recipe with a start in this folder."""
    (folder / "system.txt").write_text(SYSTEM)
    values = load_recipe(RECIPE)
    overrides = [f"rl.sft_checkpoint={folder / 'start'}", f"system_prompt={folder / 'system.txt'}"]
    overrides += [f"rl.{key.replace('__', '.')}={value}" for key, value in rl.items()]
    return make_rl_config(values, overrides=overrides)


class _StoppedError(RuntimeError):
    """Somebody pressed Ctrl-C."""


async def _trained(config: RlConfig, out: Path, *, stop_at: int | None = None) -> list[str]:
    said: list[str] = []

    def show(step: int, told: Mapping[str, float]) -> None:
        assert told["episodes"] > 0
        if step == stop_at:
            raise _StoppedError

    await train_rl(config, out=out, show=show, say=said.append)
    return said


@pytest.mark.timeout(240)
async def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    await a_start(tmp_path / "start", steps=30)
    small = {"steps": 3, "batch_tasks": 1, "rollout__group_size": 6, "checkpoint_every": 1}
    config = a_config(tmp_path, **small, update__lr=1e-4, max_empty_steps=9)
    with pytest.raises(ExceptionGroup) as stopped:
        await _trained(config, tmp_path / "run", stop_at=2)
    assert stopped.group_contains(_StoppedError)
    assert await _trained(config, tmp_path / "run") == ["going on after step 1"]
    figures = figures_of(tmp_path / "run")
    assert sorted(figures["reward_mean"]) == [1, 2, 3]
    assert all(value is not None for value in figures["valid_frac"].values())
    with RunFolder.read(tmp_path / "run") as run:
        traces = {(one.task.id, one.trajectory.attempt): one for one in run.traces()}
        notes = {item.key: item.made[0] for item in run.items(STAGE)}
    assert len(traces) == 3 * 6, (
        "one of each attempt, that of the step that was taken again included"
    )
    assert {f"{task}/{attempt}" for task, attempt in traces} == set(notes)
    steps = set()
    for (task, attempt), stored in traces.items():
        assert stored.verdict is not None
        assert stored.trajectory.tokens is not None
        note = notes[f"{task}/{attempt}"]
        assert isinstance(note, dict)
        steps.add(note["step"])
        assert note["policy_versions"] == sorted({
            name for name in stored.trajectory.tokens.versions if name is not None
        })
    assert steps == {1, 2, 3}
    newest = tmp_path / "run" / "checkpoints" / "step-00000003"
    assert (tmp_path / "run" / "model").resolve() == newest.resolve()
    kept = load_local(newest, dtype="float32", device="cpu")
    state = json.loads((newest / "state.json").read_text())["state"]
    assert unpacked_state(state["cursor"]).step == 3
    assert state["policy_version"] == f"3-{checksum(kept.module)[:12]}"


@pytest.mark.timeout(240)
async def test_copied_weights_reach_the_sampler_whole(tmp_path: Path) -> None:
    await a_start(tmp_path / "start", steps=5)
    values = load_recipe(RECIPE)
    (tmp_path / "system.txt").write_text(SYSTEM)
    config = make_rl_config(
        values,
        overrides=[
            f"rl.sft_checkpoint={tmp_path / 'start'}",
            f"system_prompt={tmp_path / 'system.txt'}",
            "sampler.weights=copied",
            "rl.steps=2",
            "rl.max_staleness=1",
            "rl.batch_tasks=1",
            "rl.rollout.group_size=4",
        ],
    )
    await _trained(config, tmp_path / "run")
    assert sorted(figures_of(tmp_path / "run")["seconds_sync"]) == [1, 2]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_smoke_recipe_learns(tmp_path: Path) -> None:
    await a_start(tmp_path / "start", steps=180)
    config = a_config(tmp_path)
    await _trained(config, tmp_path / "run")
    rewards = [value or 0.0 for value in figures_of(tmp_path / "run")["reward_mean"].values()]
    assert rewards[0] < 0.1
    assert sum(rewards[-5:]) / 5 > 0.6


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("sampling.top_p=0.9", "top_p = 1"),
        ("limits.context_policy=drop_oldest", "only grows"),
        ("rl.update.row_tokens=512", "row_tokens"),
        ("held_out.world=generated:tiny", "held_out.world"),
        ("model=oracle", "rl.sft_checkpoint"),
        ("rl.lr=1", "unknown config key"),
        ("rl.update.aggregation=seq-mean-token-sum-norm", "horizon"),
        ("budget_usd=1.0", "budget_usd"),
        ("local.dtype=bfloat16", "rounds to none"),
    ],
)
def test_settings_that_would_train_something_else_are_refused(override: str, why: str) -> None:
    assert make_rl_config(load_recipe(RECIPE)).run.local.dtype == "float32"
    with pytest.raises(ConfigError, match=why):
        make_rl_config(load_recipe(RECIPE), overrides=[override])
