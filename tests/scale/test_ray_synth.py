"""`vdr synth --ray local`: the same data as here, whoever is killed on the way. Skipped without ray."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.synth.test_vqa_kill import num_items
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.vqa.dataset import latest_stages, open_vqa_dataset

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TOY = Path(__file__).resolve().parent.parent.parent / "recipes" / "toy"
RAY = ["--ray", "local", "--jobs", "2"]


def line(kind: str, world: Path, out: Path, *flags: str) -> list[str]:
    program = [
        sys.executable,
        "-m",
        "vision_deepresearch",
        "synth",
        kind,
        str(TOY / f"{kind}.toml"),
    ]
    return [*program, "--world", str(world), "--json", "--out", str(out), *flags]


def finish(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["halted"] == ""


def workers_of(driver: int) -> Iterator[int]:
    """Processes of Ray's below a process that carry out our stages."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]
            )
        except OSError:  # it ended
            continue
    for pid in parents:
        above = pid
        while above in parents and above != driver:
            above = parents[above]
        if above == driver and _title(pid).startswith(b"ray::RayWorker"):
            yield pid


def _title(pid: int) -> bytes:
    """Empty: it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def accepted(folder: Path) -> list[Accepted]:
    with RunFolder.read(folder) as run:
        items = list(run.items(latest_stages(run)["accept"]))
    return sorted(
        (Accepted.model_validate(one) for item in items for one in item.made),
        key=lambda one: one.id,
    )


def test_killed_workers_and_a_killed_driver_change_nothing(
    tiny_world: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    finish(line("vqa", tiny_world, here, "--limit", "4", "--jobs", "1"))
    command, total = line("vqa", tiny_world, there, "--limit", "4", *RAY), num_items(here)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed: list[int] = []
    while process.poll() is None and num_items(there) < total // 2:
        if num_items(there) > total // 4 and not killed:
            killed = list(workers_of(process.pid))[:1]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    assert killed
    beside = list(workers_of(process.pid))
    assert beside
    process.kill()
    process.wait()
    assert total // 2 <= num_items(there) < total
    finish(command)
    assert open_vqa_dataset(there).finished == open_vqa_dataset(here).finished
    assert num_items(there) == total
    assert not [pid for pid in beside if _title(pid)]

    questions = ["--questions", str(here)]
    finish(line("trajectories", tiny_world, tmp_path / "a", *questions, "--jobs", "1"))
    finish(line("trajectories", tiny_world, tmp_path / "b", *questions, *RAY))
    assert contents(accepted(tmp_path / "a")) == contents(accepted(tmp_path / "b"))


def contents(found: list[Accepted]) -> list[dict[str, object]]:
    """All but clock times."""
    return [without_times(one.model_dump(mode="json")) for one in found]


def without_times(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    timed = ("_s", "seconds")
    return {key: _plain(one) for key, one in value.items() if not str(key).endswith(timed)}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return without_times(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value


def test_a_model_is_not_spread(tiny_world: Path, tmp_path: Path) -> None:
    model = line("vqa", tiny_world, tmp_path / "m", "--model", "openai:x", "--ray", "local")
    done = subprocess.run(model, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "leave --ray out" in done.stderr.replace("\n", " ")
