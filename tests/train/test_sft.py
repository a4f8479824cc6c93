"""`vdr sft` on a small run folder with a tiny model: what is trained, what stops it, what resumes."""

import importlib.util
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file

from tests.train.export.run_sample import (
    CORRECT,
    WRONG,
    a_task,
    a_trajectory,
    a_turn,
    an_answer,
    hostile_episode,
    media_of,
    pictures,
    store,
)
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.episode import episode_of
from vision_deepresearch.models.codec.spans import ChatMarks
from vision_deepresearch.models.local.loading import load_local
from vision_deepresearch.models.local.tiny import write_tiny
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.train.sampling import STAGE
from vision_deepresearch.train.sft import read_inputs
from vision_deepresearch.train.sft_settings import SftSettings

RECIPE = """
kind = "sft"
model = "{model}"
data = ["{data}"]
held_out_frac = 0.4
epochs = 2
train_vision = true
train_aligner = true
checkpoint_every = 2
keep = 9
evaluate_every = 3
[batch]
size = 2
row_tokens = 4096
[optimizer]
lr = 3e-3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a run of seven attempts (one wrong, one hostile), and a recipe."""
    root = tmp_path_factory.mktemp("sft")
    write_tiny(root / "model")
    media = media_of(root / "run")
    refs = pictures(media, 6, first=10)
    episodes = [hostile_episode(media)]
    for number in range(6):
        task = a_task(ref=f"test/{number}", images=refs[:1], question=f"Who made number {number}?")
        turns = [a_turn(0, shown=(refs[number],)), a_turn(1), an_answer(2)]
        verdict = WRONG if number == 5 else CORRECT
        episodes.append(episode_of(task, a_trajectory(task, turns), verdict))
    store(root / "run", *episodes)
    recipe = RECIPE.format(model=root / "model", data=root / "run")
    (root / "sft.toml").write_text(recipe)
    return root


def sft(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, JsonValue]:
    capsys.readouterr()
    assert run(["sft", str(folder / "sft.toml"), "--out", str(out), "--json", *more]) == 0
    told: dict[str, JsonValue] = json.loads(capsys.readouterr().out)
    return told


def weights(out: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(out / "checkpoints" / f"step-{step:08d}" / "model.safetensors")


@pytest.mark.pitfall("P80")
@pytest.mark.timeout(120)
def test_a_run_learns_and_a_resumed_one_is_the_same_bit_for_bit(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "whole"
    more = ("--set", "sample_every=6", "--set", "sample_tokens=8", "--set", "samples=1")
    told = sft(folder, out, capsys, *more)
    assert told["left_out"] == {"not_correct": 1}
    steps = told["steps"]
    assert isinstance(steps, int)
    with RunFolder.read(out) as view:
        losses = view.metrics("train/loss")
        held_out = view.metrics("held_out/loss")
        replies = list(view.items(STAGE))
        names = view.metric_names()
    assert sorted(losses) == list(range(1, steps + 1))
    first, last = held_out[0], held_out[steps]
    assert first is not None
    assert last is not None
    assert last < first - 0.5
    assert {"held_out/loss/protocol", "held_out/loss/answer", "train/grad_norm"} <= set(names)
    assert replies
    assert str(told["checkpoint"]).endswith(f"step-{steps:08d}")
    assert (Path(str(told["checkpoint"])).parents[1] / "model").resolve() == Path(
        str(told["checkpoint"])
    ).resolve()
    load_local(Path(str(told["checkpoint"])), dtype="float32", device="cpu")
    # What a kill behind step 2 leaves: figures beyond it, and no later checkpoint.
    again = tmp_path / "again" / "whole"
    shutil.copytree(out, again)
    for path in (again / "checkpoints").iterdir():
        if path.name > "step-00000002":
            shutil.rmtree(path)
    assert sft(folder, again, capsys, *more)["steps"] == steps
    one, other = weights(out, steps), weights(again, steps)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    with RunFolder.read(again) as view:
        assert view.metrics("train/loss") == losses
    assert not all(torch.equal(one[name], value) for name, value in weights(out, 2).items())


@pytest.mark.pitfall("P63")
def test_masks_are_the_replies_that_carry_loss_and_long_ones_are_counted(folder: Path) -> None:
    settings = SftSettings(model="", data=("",), only_correct=False)
    inputs = read_inputs(
        settings, folder / "model", folders=[folder / "run"], held_out=[], show=lambda *_: None
    )
    vocabulary = inputs.model.vocabulary
    hostile = next(one for one in inputs.data.train if len(one.images) == 4)
    with RunFolder.read(folder / "run") as view:
        stored = next(
            one for one in view.trajectories() if one.num_turns == 3 and one.turns[1].fault
        )
    text = vocabulary.text(hostile.ids[hostile.loss_mask].tolist())
    end = ChatMarks().end
    # The broken reply in the middle carries no loss; the newline behind the end of a turn neither.
    assert text == f"{stored.turns[0].reply.text}{end}{stored.turns[2].reply.text}{end}"
    assert set(hostile.turn_index.tolist()) == {-1, 0, 1, 2}
    sample = inputs.encoder.sample(hostile)
    assert sample.num_pictures == 4
    longest = max(one.num_tokens for one in inputs.data.train)
    short = settings.model_copy(update={"max_tokens": longest - 1})
    less = read_inputs(
        short, folder / "model", folders=[folder / "run"], held_out=[], show=lambda *_: None
    )
    assert less.data.left_out["too_long"] >= 1
    assert all(one.num_tokens < longest for one in less.data.train)
    assert set(less.data.left_out) == {"too_long"}
    kept = {one.key: one for one in inputs.data.train}
    assert all((kept[one.key].ids == one.ids).all() for one in less.data.train)


def test_a_trajectory_whose_picture_is_gone_is_left_out(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    with RunFolder.read(tmp_path / "run") as view:
        ref = next(one for one in view.tasks() if len(one.images) == 2).images[1]
    (tmp_path / "run" / "media" / ref.sha256[:2] / ref.sha256[2:]).unlink()
    inputs = read_inputs(
        SftSettings(model="", data=("",)),
        folder / "model",
        folders=[tmp_path / "run"],
        held_out=[],
        show=lambda *_: None,
    )
    assert inputs.data.left_out == {"picture": 1, "not_correct": 1}


def test_a_run_whose_numbers_are_none_stops_and_keeps_its_weights(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sft", str(folder / "sft.toml"), "--out", str(tmp_path / "bad")]
    arguments += ["--set", "optimizer.lr=1e30", "--set", "optimizer.warmup_frac=0"]
    arguments += ["--set", "checkpoint_every=1", "--set", "held_out_frac=0"]
    assert run(arguments) == 2
    assert "no number 3 steps in a row" in capsys.readouterr().err
    with RunFolder.read(tmp_path / "bad") as view:
        skipped = view.metrics("train/skipped_steps")
    assert max(value or 0 for value in skipped.values()) >= 2


@pytest.mark.parametrize(
    ("told", "settings"),
    [
        ("unknown config key 'optimizer.learning_rate'", ["optimizer.learning_rate=1"]),
        ("min_lr is a floor", ["optimizer.min_lr=1"]),
        ("divides work over a cluster", ["parallel.tensor=4"]),
        ("nothing is there", ['data=["nowhere"]']),
        ("no folder|found none", ['model="nowhere"']),
        ("wandb", ['loggers=["wandb"]']),
        ("no trajectory can be trained", ["max_tokens=64", "batch.row_tokens=64"]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    told: str,
    settings: Sequence[str],
) -> None:
    if "wandb" in told and importlib.util.find_spec("wandb") is not None:
        pytest.skip("wandb is installed")
    words = [word for one in settings for word in ("--set", one)]
    out = tmp_path / "out"
    assert run(["sft", str(folder / "sft.toml"), "--out", str(out), *words]) == 2
    error = capsys.readouterr().err
    assert any(one in error for one in told.split("|")), error
    assert not out.exists()


def test_a_dry_run_tells_steps_and_memory_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    told = sft(folder, out, capsys, "--dry-run")
    plan, memory = told["plan"], told["memory"]
    assert isinstance(plan, dict)
    assert isinstance(memory, dict)
    assert plan["steps"] == 4
    assert plan["left_out"] == {"not_correct": 1}
    assert memory["state_bytes"] == plan["state_bytes"]
    assert not out.exists()


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="needs peft")
@pytest.mark.filterwarnings("ignore")
def test_adapters_train_alone_resume_and_are_worked_in_at_the_end(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lora"
    told = sft(folder, out, capsys, "--set", "lora.rank=4", "--set", "lora.dropout=0.1")
    assert (out / "model").resolve() == (out / "merged").resolve()
    assert str(told["checkpoint"]) == str(out / "merged")
    steps = told["steps"]
    merged = load_local(out / "merged", dtype="float32", device="cpu").module.state_dict()
    before = load_local(folder / "model", dtype="float32", device="cpu").module.state_dict()
    moved = {name for name, one in before.items() if not torch.equal(one, merged[name])}
    assert moved
    assert all("language_model" in name and "_proj" in name for name in moved)
    for path in (out / "checkpoints").iterdir():
        if path.name > "step-00000002":
            shutil.rmtree(path)
    shutil.rmtree(out / "merged")
    # Dropout draws from the random state of the checkpoint.
    assert (
        sft(folder, out, capsys, "--set", "lora.rank=4", "--set", "lora.dropout=0.1")["steps"]
        == steps
    )
    again = load_local(out / "merged", dtype="float32", device="cpu").module.state_dict()
    assert all(torch.equal(merged[name], again[name]) for name in merged)
