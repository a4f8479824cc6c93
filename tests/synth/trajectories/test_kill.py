"""kill -9 at any moment of `vdr synth trajectories`, the same command again: the same trajectories."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.vqa.dataset import latest_stages

ROOT = Path(__file__).resolve().parent.parent.parent.parent
_CLOCK = {"seconds", "model_seconds", "started_s", "replayed"}
"""What two runs of the same differ in."""


def command(world: Path, out: Path, *, tasks: int, jobs: int) -> list[str]:
    recipe = out.parent / "recipe.toml"
    recipe.write_text(
        f'kind = "trajectories"\nmodel = "oracle"\nworld = {str(world)!r}\ntoday = "2026-01-01"\n'
        f"[trajectories]\ntasks = {tasks}\n"
    )
    program = [sys.executable, "-m", "vision_deepresearch", "synth", "trajectories", str(recipe)]
    return [*program, "--jobs", str(jobs), "--json", "--out", str(out)]


def num_rows(out: Path) -> int:
    """Records that a stage is done with, and episodes, committed."""
    if not (out / "run.db").is_file():
        return 0
    with sqlite3.connect(f"file:{out / 'run.db'}?mode=ro", uri=True) as database:
        try:
            counts = [
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - two names of ours
                for table in ("item", "attempt")
            ]
        except sqlite3.OperationalError:  # not made yet
            return 0
        return sum(int(count) for count in counts)


def run_until(line: list[str], out: Path, *, rows: int) -> bool:
    """Run until so much is done, then kill -9; whether it was killed."""
    with (out.parent / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None and num_rows(out) < rows:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert process.returncode in {0, -9}, (out.parent / "errors.txt").read_text()[-2000:]
    return process.returncode == -9


def outcome(out: Path) -> dict[str, list[object]]:
    """All that was made, by stage and record, and the episodes; without the clock."""
    with RunFolder.read(out) as run:
        found: dict[str, list[object]] = {
            f"{name}/{item.record}": [item.reason, timeless(list(item.made))]
            for name, stage in latest_stages(run).items()
            for item in run.items(stage)
        }
        for episode in run.episodes():
            key = f"episode/{episode.task.id}/{episode.trajectory.attempt}"
            assert key not in found, "an episode is there twice"
            found[key] = [timeless(episode.model_dump(mode="json"))]
    return found


def timeless(value: object) -> object:
    match value:
        case dict():
            return {key: timeless(one) for key, one in value.items() if key not in _CLOCK}
        case list():
            return [timeless(one) for one in value]
        case _:
            return value


def killed_often(world: Path, folder: Path, *, tasks: int, kills: int, jobs: int) -> int:
    whole, torn = folder / "whole", folder / "torn"
    assert not run_until(command(world, whole, tasks=tasks, jobs=jobs), whole, rows=10**9)
    total = num_rows(whole)
    rng = random.Random(kills)
    line = command(world, torn, tasks=tasks, jobs=jobs)
    died = sum(
        run_until(line, torn, rows=at)
        for at in sorted(rng.randrange(1, total) for _ in range(kills))
    )
    assert not run_until(line, torn, rows=10**9)
    assert num_rows(torn) == total
    assert outcome(torn) == outcome(whole)
    return died


@pytest.mark.timeout(300)
@pytest.mark.pitfall("P83")
def test_two_kills_change_nothing(tiny_world: Path, tmp_path: Path) -> None:
    assert killed_often(tiny_world, tmp_path, tasks=3, kills=2, jobs=1) == 2


@pytest.mark.timeout(3600)
@pytest.mark.slow
def test_twenty_kills_of_several_processes_change_nothing(tiny_world: Path, tmp_path: Path) -> None:
    assert killed_often(tiny_world, tmp_path, tasks=12, kills=20, jobs=2) >= 15
