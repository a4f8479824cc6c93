"""Two processes take the steps that one takes; the first alone writes; what was stopped goes on."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file

from tests.train.export.run_sample import (
    CORRECT,
    a_task,
    a_trajectory,
    a_turn,
    an_answer,
    media_of,
    pictures,
    store,
)
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.episode import episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.models.local.tiny import MOE, TinySizes, write_tiny
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.train.checkpoint import Checkpoints
from vision_deepresearch.train.peers import Peers
from vision_deepresearch.wiring.processes import free_port, launched, start_processes, wait_for_all

RECIPE = """
kind = "sft"
model = "{model}"
data = ["{data}"]
held_out_frac = 0.3
epochs = 2
train_vision = true
train_aligner = true
checkpoint_every = 2
keep = 9
evaluate_every = 2
[batch]
size = 3
row_tokens = 1024
[optimizer]
lr = 1e-3
"""
SIZES = {"dense": TinySizes(hidden=64, layers=2, vision_depth=2, vision_hidden=32), "moe": MOE}


@pytest.fixture(scope="module", params=["dense", "moe"])
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, eight trajectories of one to four replies and zero to three pictures, a recipe."""
    root = tmp_path_factory.mktemp("peers")
    write_tiny(root / "model", sizes=SIZES[request.param])
    media = media_of(root / "run")
    refs = pictures(media, 8, first=10)
    episodes = []
    for number in range(8):
        task = a_task(ref=f"test/{number}", images=refs[: number % 2], question=f"Who is {number}?")
        turns = [a_turn(at, shown=refs[at : at + number % 3]) for at in range(number % 4)]
        turns.append(an_answer(len(turns)))
        episodes.append(episode_of(task, a_trajectory(task, turns), CORRECT))
    store(root / "run", *episodes)
    path = root / "sft.toml"
    path.write_text(RECIPE.format(model=root / "model", data=root / "run"))
    return path


def words(recipe: Path, out: Path, *more: str) -> list[str]:
    return ["sft", str(recipe), "--out", str(out), *more]


def started(*commands: Sequence[str]) -> list[ForkProcess]:
    """Commands that train together, each in a copy of this process."""
    port = str(free_port())

    def train(rank: int, command: Sequence[str]) -> None:
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(len(commands))}
        os.environ.update(told | {"RANK": str(rank)})  # noqa: TID251 - as torchrun does it
        sys.exit(run(list(command)))

    made = [ForkProcess(target=train, args=one, daemon=True) for one in enumerate(commands)]
    for one in made:
        one.start()
    return made


def together(*commands: Sequence[str]) -> list[int]:
    """Their exit codes."""
    made = started(*commands)
    for one in made:
        one.join()
    return [one.exitcode or 0 for one in made]


def weights(out: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(out / "checkpoints" / f"step-{step:08d}" / "model.safetensors")


def figures(out: Path) -> dict[str, dict[int, float | None]]:
    with RunFolder.read(out) as view:
        names = [one for one in view.metric_names() if not one.startswith("train/step_s")]
        return {one: view.metrics(one) for one in names if "per_s" not in one}


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())


@pytest.mark.timeout(240)
@pytest.mark.pitfall("P70")
@pytest.mark.pitfall("P80")
def test_two_processes_are_one(recipe: Path, tmp_path: Path) -> None:
    assert run(words(recipe, tmp_path / "one")) == 0
    # A writer in the second process would show: it was given a folder of its own.
    assert together(words(recipe, tmp_path / "two"), words(recipe, tmp_path / "mute")) == [0, 0]
    assert {one.name for one in tmp_path.iterdir()} == {"one", "two"}
    alone, both = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert alone.keys() == both.keys()
    assert {"train/loss", "train/grad_norm", "held_out/loss", "held_out/loss/answer"} <= both.keys()
    for name, told in alone.items():
        assert both[name] == pytest.approx(told, rel=2e-5), name
    last = max(alone["train/loss"])
    assert last == 4
    first, second = weights(tmp_path / "one", last), weights(tmp_path / "two", last)
    start = load_file(recipe.parent / "model" / "model.safetensors")
    for name, one in first.items():
        moved = (one - start[name]).norm()
        assert (one - second[name]).norm() <= 1e-3 * moved, name

    # Stopped behind step 2 and gone on with, in two processes bit for bit, and in one.
    for number, copy in (2, "again"), (1, "less"):
        shutil.copytree(tmp_path / "two", tmp_path / copy)
        for step in (3, 4):
            shutil.rmtree(tmp_path / copy / "checkpoints" / f"step-{step:08d}", ignore_errors=True)
        assert together(*[words(recipe, tmp_path / copy)] * number) == [0] * number
    assert are_equal(second, weights(tmp_path / "again", last))
    assert not are_equal(second, weights(tmp_path / "again", 2))
    assert figures(tmp_path / "again") == both
    assert figures(tmp_path / "less")["train/loss"] == pytest.approx(both["train/loss"], rel=2e-5)


@pytest.mark.parametrize("recipe", ["dense"], indirect=True)
def test_processes_that_train_on_other_data_stop(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    codes = together(words(recipe, out), words(recipe, out, "--set", "held_out_frac=0.7"))
    assert codes == [1, 1]
    assert "what is trained on should be the same in every process" in capfd.readouterr().err
    assert together(words(recipe, out, "--processes", "2")) == [2]
    assert "started already" in capfd.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("recipe", ["dense"], indirect=True)
def test_a_step_that_is_no_number_is_taken_by_nobody(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = ("--set", "optimizer.lr=1e30", "--set", "optimizer.warmup_frac=0")
    assert together(*[words(recipe, tmp_path / "out", *bad)] * 2) == [2, 2]
    assert "no number 3 steps in a row" in capfd.readouterr().err
    with RunFolder.read(tmp_path / "out") as view:
        assert max(value or 0 for value in view.metrics("train/skipped_steps").values()) >= 2


@pytest.mark.parametrize("recipe", ["dense"], indirect=True)
def test_a_process_that_is_killed_ends_the_run_with_its_checkpoints(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    long = words(recipe, out, "--set", "epochs=500", "--set", "held_out_frac=0")
    first, second = started(long, long)
    while not (out / "checkpoints" / "step-00000004").is_dir():
        assert first.is_alive()
        time.sleep(0.02)
    second.kill()
    first.join()
    second.join()
    assert first.exitcode == 1
    assert "another process of this run is gone" in capfd.readouterr().err
    found, damaged = Checkpoints(out / "checkpoints").newest()
    assert found is not None
    assert found.state.step >= 4
    assert not damaged


def test_a_command_starts_itself_several_times_and_gives_back_what_the_first_says(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert start_processes(["sft", "nowhere.toml"], num=3) == 2
    assert capfd.readouterr().err.count("nowhere.toml") == 1, "the others are silent"
    assert start_processes(["sft", "--help"], num=2) == 0


def test_who_failed_first_is_told_apart_from_who_missed_it() -> None:
    """The first process only knows that another one is gone."""
    gone = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    for command, code in ((gone, -9), ("raise SystemExit(1)", 1)):
        first = [sys.executable, "-c", "import time; time.sleep(1.5); raise SystemExit(1)"]
        other = [sys.executable, "-c", command]
        codes, failed = wait_for_all([subprocess.Popen(one) for one in (first, other)])
        assert (codes, failed) == ([1, code], 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("recipe", ["dense"], indirect=True)
def test_one_command_trains_in_two_processes(recipe: Path, tmp_path: Path) -> None:
    assert run(words(recipe, tmp_path / "two", "--processes", "2")) == 0
    assert together(*[words(recipe, tmp_path / "same")] * 2) == [0, 0]
    assert are_equal(weights(tmp_path / "two", 4), weights(tmp_path / "same", 4))


@given(
    costs=st.lists(st.integers(1, 1000), max_size=40),
    size=st.integers(1, 9),
)
def test_every_piece_of_work_is_somebodys(costs: list[int], size: int) -> None:
    shares = [Peers(rank=rank, size=size).share_of(costs) for rank in range(size)]
    assert sorted(index for share in shares for index in share) == list(range(len(costs)))
    loads = [sum(costs[index] for index in share) for share in shares]
    assert max(loads) - min(loads) <= max(costs, default=0)


def test_a_place_among_several_is_read_or_refused() -> None:
    told = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    place = launched(told)
    assert launched({}) is None
    assert place is not None
    assert (place.rank, place.size, place.local_rank) == (1, 2, 1)
    for broken in ({"RANK": "2"}, {"WORLD_SIZE": "x"}, {"LOCAL_WORLD_SIZE": "1"}):
        with pytest.raises(ConfigError):
            launched(told | broken)
    with pytest.raises(ConfigError, match="MASTER_PORT"):
        launched({"RANK": "0", "WORLD_SIZE": "1"})
