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
WHOLE_S = 12.0
"""Less than the seconds of work of an undisturbed run on two idle cores, so that it is still at work
at the last kill; a slower machine is killed earlier in it."""
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


def run_for(world: Path, out: Path, log: Path, *, seconds: float) -> int:
    """Let the run work for so long, then kill -9 it; 0: it finished before.

    The clock starts with its first call, however long a busy machine takes to get there.
    """
    idle = _size(log)
    command = [sys.executable, str(SCRIPT), str(world), str(out), str(log)]
    errors = out.parent / "errors.txt"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen([*command, str(NUM_TASKS), str(CONCURRENCY)], stderr=stderr) as process,
    ):
        while process.poll() is None and _size(log) == idle:
            time.sleep(0.01)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode in {0, -9}, errors.read_text()[-2000:]
    return process.returncode


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def kill_loop(world: Path, folder: Path, *, kills: int, seed: int, whole_s: float) -> Calls:
    """Kill the run `kills` times at random moments, then let it finish; returns its calls.

    `whole_s` is about how long an undisturbed run takes: the kills are spread over it, because
    each start goes on where the last one was killed.
    """
    rng = random.Random(seed)
    out, log = folder / "run", folder / "calls.log"
    codes = [
        run_for(world, out, log, seconds=rng.random() * 2 * whole_s / (kills + 1))
        for _ in range(kills)
    ]
    assert codes.count(-9) == kills, f"the run finished before the last kill: {codes}"
    assert run_for(world, out, log, seconds=600) == 0
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


@pytest.mark.timeout(900)
@pytest.mark.pitfall("P83")
def test_five_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    calls = kill_loop(a_world_of_200_tasks(tmp_path), tmp_path, kills=5, seed=1, whole_s=WHOLE_S)
    assert calls.repeated_after_ack == 0
    assert calls.upstream > NUM_TASKS


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    calls = kill_loop(a_world_of_200_tasks(tmp_path), tmp_path, kills=50, seed=2, whole_s=WHOLE_S)
    assert calls.repeated_after_ack == 0
    assert calls.repeated > 0, "no kill ever hit a call in flight: the proof proves nothing"
