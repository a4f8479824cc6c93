"""A checkpoint is whole or not there, whenever the writer is killed."""

import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import PreTrainedModel

from tests.train.tiny import a_model
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.checkpoint import (
    OPTIMIZER,
    STATE,
    Checkpoints,
    TrainState,
    restore,
    verify,
)


def a_state(step: int) -> TrainState:
    return TrainState(
        step=step, cursor={"step": step}, schedule={}, config_hash="c", policy_version=str(step)
    )


def filled(model: PreTrainedModel, value: float) -> PreTrainedModel:
    with torch.no_grad():
        for one in model.parameters():
            one.fill_(value)
    return model


def test_what_was_saved_comes_back_and_old_ones_go(tmp_path: Path) -> None:
    model = a_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    torch.stack([one.sum() for one in model.parameters()]).sum().backward()
    optimizer.step()
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2, 3):
        checkpoints.save(a_state(step), model=model, optimizer=optimizer)
    assert checkpoints.steps() == [2, 3]
    drawn = torch.rand(3), random.random()  # noqa: TID251 - the global state is what is tested
    other = a_model(seed=1)
    moved = torch.optim.AdamW(other.parameters(), lr=5.0)
    found, damaged = checkpoints.newest()
    assert found is not None
    assert not damaged
    assert restore(found, model=other, optimizer=moved) == a_state(3)
    assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))
    first, second = optimizer.state_dict(), moved.state_dict()
    assert first["param_groups"] == second["param_groups"]
    for index, state in first["state"].items():
        assert all(torch.equal(value, second["state"][index][key]) for key, value in state.items())
    assert torch.equal(drawn[0], torch.rand(3))
    assert drawn[1] == random.random()  # noqa: TID251 - the global state is what is tested
    assert other.lm_head.weight is other.get_input_embeddings().weight


@pytest.mark.parametrize("file", [OPTIMIZER, STATE, "model.safetensors", "manifest.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, file: str, how: str
) -> None:
    checkpoints = Checkpoints(tmp_path)
    model = a_model()
    for step in (1, 2):
        checkpoints.save(a_state(step), model=filled(model, step))
    path = checkpoints.path_of(2) / file
    data = path.read_bytes()
    match how:
        case "flipped":
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :])
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case _:
            path.unlink()
    found, damaged = checkpoints.newest()
    assert found is not None
    assert found.state.step == 1
    assert len(damaged) == 1
    assert damaged[0].path.is_dir()
    assert damaged[0].reason
    assert checkpoints.steps() == [1]
    restore(found, model=model)
    assert all((one == 1).all() for one in model.parameters())
    checkpoints.save(a_state(2), model=model)
    assert checkpoints.newest()[0] is not None


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    model = a_model()
    optimizer = torch.optim.AdamW(model.parameters())
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(a_state(1), model=model, optimizer=optimizer)
    found, _ = checkpoints.newest()
    assert found is not None
    fewer = torch.optim.AdamW(list(model.parameters())[:3])
    with pytest.raises(ConfigError, match="with the recipe"):
        restore(found, model=model, optimizer=fewer)


@pytest.mark.pitfall("P80")
def test_a_save_that_is_killed_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    _kill_savers(tmp_path, times=8)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_two_hundred_kills_in_the_middle_of_a_save(tmp_path: Path) -> None:
    sys.stdout.write(f"\n{_kill_savers(tmp_path, times=200)}\n")


def _kill_savers(root: Path, *, times: int) -> str:
    """Weights that all equal their step, saved over and over by a process that is killed."""
    model = a_model()
    checkpoints = Checkpoints(root)
    checkpoints.save(a_state(1), model=filled(model, 1))
    rng = random.Random(0)
    unfinished = 0
    for _ in range(times):
        found, damaged = checkpoints.newest()
        assert found is not None
        assert not damaged, damaged
        restore(found, model=model)
        step = found.state.step
        assert all((one == step).all() for one in model.parameters())
        saver = multiprocessing.get_context("fork").Process(
            target=_save_on, args=(root, model, step)
        )
        saver.start()
        time.sleep(rng.uniform(0.0, 0.2))
        assert saver.pid is not None
        os.kill(saver.pid, signal.SIGKILL)
        saver.join()
        unfinished += any(root.glob(".saving-*"))
        assert all(not verify(checkpoints.path_of(one)) for one in checkpoints.steps())
    assert unfinished > times / 4, "the kills hardly met a save"
    return f"{times} kills, {unfinished} in the middle of a save, step {checkpoints.steps()[-1]}"


def _save_on(root: Path, model: PreTrainedModel, step: int) -> None:
    while True:
        step += 1
        Checkpoints(root).save(a_state(step), model=filled(model, step))
