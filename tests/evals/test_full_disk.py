"""A full disk stops a run cleanly, says what to do, and the same command goes on where it was."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import BoundaryError, WorldError, boundary
from vision_deepresearch.store.run import RunFolder

ROOT = Path(__file__).resolve().parents[2]
UNSHARE = shutil.which("unshare")


def can_mount(folder: Path) -> bool:
    """Whether this user may mount a file system of its own: not inside every container."""
    if UNSHARE is None:
        return False
    command = [UNSHARE, "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def filled(
    folder: Path, *, kib: int, step: int, command: list[str]
) -> tuple[list[tuple[int, int, str, int]], Path]:
    """How the command ended on each size of the disk, and a copy of what it left there."""
    disk, kept = folder / "disk", folder / "kept"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("no file system of one's own can be mounted here")
    assert UNSHARE is not None
    driver = [sys.executable, "-m", "tests.evals.full_disk", str(disk), str(kib), str(step)]
    done = subprocess.run(
        [UNSHARE, "-rm", *driver, str(kept), *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [tuple(one) for one in json.loads(done.stdout)], kept


def what_is_held(folder: Path) -> dict[str, object]:
    """Answers, messages and verdicts of every attempt, by task."""
    with RunFolder.read(folder) as view:
        assert view.counts().rejects == 0
        return {
            episode.task.id: (
                episode.trajectory.answer,
                episode.verdict,
                [message.text for turn in episode.trajectory.turns for message in turn.results],
            )
            for episode in view.episodes()
        }


def a_command(world: Path, out: str, *, tasks: int) -> list[str]:
    vdr = [sys.executable, "-m", "vision_deepresearch", "eval", "run", "--world", str(world)]
    return [*vdr, "--tasks", str(tasks), "--today", "2026-01-01", "--out", out, "--json"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kib", "step", "tasks"),
    [
        (200, 4000, 1),
        pytest.param(64, 160, 2, marks=pytest.mark.slow),
    ],
)
def test_on_a_full_disk_a_run_ends_with_75_and_the_same_command_goes_on(
    tiny_world: Path, tmp_path: Path, kib: int, step: int, tasks: int
) -> None:
    told, kept = filled(
        tmp_path, kib=kib, step=step, command=a_command(tiny_world, "@/run", tasks=tasks)
    )
    assert len(told) >= 2, "the disk was never full"
    for size, code, said, half_written in told[:-1]:
        assert code == 75, (size, code, said)
        assert "run the same command again" in said
        assert "Traceback" not in said
        assert half_written == 0, "a full disk was filled with what it could not take"
    assert told[-1][1] == 0
    whole = tmp_path / "whole"
    subprocess.run(
        a_command(tiny_world, str(whole), tasks=tasks), check=True, capture_output=True, cwd=ROOT
    )
    held = what_is_held(kept / "run")
    assert len(held) == tasks
    assert held == what_is_held(whole)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_a_disk_that_refuses_is_never_the_outsides_fault(number: int) -> None:
    with pytest.raises(OSError, match="disk"), boundary(WorldError, "image search"):
        raise OSError(number, "disk")
    with pytest.raises(BoundaryError), boundary(WorldError, "image search"):
        raise OSError(errno.ECONNRESET, "peer")
