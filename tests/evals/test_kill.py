"""kill -9 at random moments of a 200-task run: nothing lost, nothing doubled, nothing paid twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec

NUM_TASKS = 200
CONCURRENCY = 6
SCRIPT = Path(__file__).with_name("killable_run.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What the log tells: calls that reached the outside, and how often one was made again."""

    upstream: int
    repeated: int
    repeated_after_ack: int


def read_log(path: Path) -> Calls:
    """A call repeated after its acknowledgement is a defect; before it, it was in flight."""
    acknowledged: set[str] = set()
    started: Counter[str] = Counter()
    after_ack = 0
    for line in path.read_text().splitlines():
        word, _, key = line.partition("\t")
        if word == "ack":
            acknowledged.add(key)
        else:
            started[key] += 1
            after_ack += key in acknowledged
    return Calls(
        upstream=started.total(),
        repeated=started.total() - len(started),
        repeated_after_ack=after_ack,
    )


def start(world: Path, out: Path, log: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            str(SCRIPT),
            str(world),
            str(out),
            str(log),
            str(NUM_TASKS),
            str(CONCURRENCY),
        ],
        stderr=subprocess.PIPE,
    )


def kill_loop(world: Path, folder: Path, *, kills: int, seed: int, whole_s: float) -> Calls:
    """Kill the run `kills` times at random moments, then let it finish; returns its calls.

    Moments are drawn so that the kills spread over the run; a run that ends earlier is started
    again on a fresh folder only by the caller's choice of `whole_s`.
    """
    rng = random.Random(seed)
    out, log = folder / "run", folder / "calls.log"
    for _ in range(kills):
        process = start(world, out, log)
        try:
            process.wait(timeout=1.0 + rng.random() * 2 * whole_s / kills)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
    process = start(world, out, log)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()[-2000:]
    with RunFolder.read(out) as run:
        attempts = Counter((item.task_id, item.attempt) for item in run.trajectories())
        assert len(attempts) == NUM_TASKS
        assert set(attempts.values()) == {1}
        assert run.counts().rejects == 0
    return read_log(log)


def a_world_of_200_tasks(folder: Path) -> Path:
    spec = WorldSpec(preset="kill", seed=3, num_entities=200, num_tasks=NUM_TASKS)
    build_world(spec, folder / "world")
    return folder / "world"


def uninterrupted_s(world: Path, folder: Path) -> float:
    began = time.monotonic()
    process = start(world, folder / "whole", folder / "whole.log")
    process.communicate(timeout=600)
    return time.monotonic() - began


@pytest.mark.timeout(600)
@pytest.mark.pitfall("P83")
def test_five_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    calls = kill_loop(a_world_of_200_tasks(tmp_path), tmp_path, kills=5, seed=1, whole_s=30)
    assert calls.repeated_after_ack == 0
    assert calls.upstream > NUM_TASKS


@pytest.mark.slow
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    world = a_world_of_200_tasks(tmp_path)
    whole_s = uninterrupted_s(world, tmp_path)
    calls = kill_loop(world, tmp_path, kills=50, seed=2, whole_s=whole_s)
    assert calls.repeated_after_ack == 0
    assert calls.repeated > 0, "no kill ever hit a call in flight: the proof proves nothing"
