"""kill -9 at any moment of `vdr synth vqa`, the same command again: the same questions."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset

RECIPE = Path(__file__).resolve().parent.parent.parent / "recipes" / "toy" / "vqa.toml"


def command(world: Path, out: Path, *, pictures: int, jobs: int) -> list[str]:
    flags = ["--world", str(world), "--limit", str(pictures), "--jobs", str(jobs), "--json"]
    program = [sys.executable, "-m", "vision_deepresearch", "synth", "vqa", str(RECIPE)]
    return [*program, *flags, "--out", str(out)]


def num_items(out: Path) -> int:
    """Records that a stage is done with, committed."""
    if not (out / "run.db").is_file():
        return 0
    with sqlite3.connect(f"file:{out / 'run.db'}?mode=ro", uri=True) as database:
        try:
            return int(database.execute("SELECT count(*) FROM item").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0


def run_until(line: list[str], out: Path, *, items: int) -> bool:
    """Run until so many records are done, then kill -9; whether it was killed."""
    with (out.parent / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None and num_items(out) < items:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert process.returncode in {0, -9}, (out.parent / "errors.txt").read_text()[-2000:]
    return process.returncode == -9


def killed_often(world: Path, folder: Path, *, pictures: int, kills: int, jobs: int) -> None:
    whole, torn = folder / "whole", folder / "torn"
    assert not run_until(command(world, whole, pictures=pictures, jobs=jobs), whole, items=10**9)
    total = num_items(whole)
    rng = random.Random(kills)
    line = command(world, torn, pictures=pictures, jobs=jobs)
    for at in sorted(rng.randrange(1, total - 1) for _ in range(kills)):
        run_until(line, torn, items=at)
    assert not run_until(line, torn, items=10**9)
    assert num_items(torn) == total
    finished = open_vqa_dataset(torn).finished
    assert finished == open_vqa_dataset(whole).finished
    assert finished


@pytest.mark.timeout(300)
@pytest.mark.pitfall("P83")
def test_two_kills_change_nothing(tiny_world: Path, tmp_path: Path) -> None:
    killed_often(tiny_world, tmp_path, pictures=2, kills=2, jobs=1)


@pytest.mark.timeout(1800)
@pytest.mark.slow
def test_twenty_kills_of_several_processes_change_nothing(tiny_world: Path, tmp_path: Path) -> None:
    killed_often(tiny_world, tmp_path, pictures=8, kills=20, jobs=2)
