"""kill -9 at any moment: nothing acknowledged is lost or doubled, and nothing is paid for twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO

import pytest

from tests.store.crash_writer import CALLS_EACH, CONCURRENCY
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import TapeMode

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, num_tasks: int) -> subprocess.Popen[bytes]:
    """Start or resume the run in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.crash_writer", str(folder), str(num_tasks)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def lines_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Its stdout."""
    assert process.stdout is not None
    return process.stdout


def crash_and_resume(folder: Path, *, num_kills: int, num_tasks: int, seed: int) -> None:
    """Kill the run `num_kills` times at random moments, let it finish, and check the books."""
    rng = random.Random(seed)
    lines: list[str] = []
    num_killed = 0
    while True:
        process = start(folder, num_tasks)
        out = lines_of(process)
        assert out.readline() == b"open\n"
        if num_killed < num_kills:
            time.sleep(rng.uniform(0, 0.06))
            process.kill()
            num_killed += 1
        lines += out.read().decode().splitlines()
        out.close()
        process.wait()
        assert process.returncode in {0, -9}
        with RunFolder.read(folder) as view:
            stored = Counter(episode.task.ref for episode in view.episodes())
        assert set(stored.values()) <= {1}
        acknowledged = {f"crash/{line.split()[1]}" for line in lines if line.startswith("ack")}
        assert acknowledged <= set(stored), "an acknowledged episode is gone"
        if process.returncode == 0:
            break
    assert num_killed == num_kills, "the run ended too early to be killed: give it more tasks"
    assert set(stored) == {f"crash/{number}" for number in range(num_tasks)}
    calls = Counter(line.split()[1] for line in lines if line.startswith("call"))
    assert len(calls) == num_tasks * CALLS_EACH
    assert calls.total() - len(calls) <= num_killed * CONCURRENCY, "calls were paid for again"


@pytest.mark.pitfall("P83")
def test_a_run_killed_five_times_has_every_episode_once(tmp_path: Path) -> None:
    crash_and_resume(tmp_path / "run", num_kills=5, num_tasks=250, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_killed_fifty_times_has_every_episode_once(tmp_path: Path) -> None:
    crash_and_resume(tmp_path / "run", num_kills=50, num_tasks=4000, seed=2)


async def test_a_resumed_run_pays_for_nothing_it_has(tmp_path: Path) -> None:
    process = start(tmp_path / "run", 5)
    lines_of(process).read()
    process.wait()
    lines_of(process).close()
    async with RunFolder.open(tmp_path / "run", config="size = 1\n", provenance={}) as run:
        assert len(run.done()) == 5
        tape = run.tape(TapeMode.REPLAY_STRICT)
        assert tape.spent_usd() == pytest.approx(5 * CALLS_EACH * 0.25)
