"""Whoever starts processes may be killed: none of them is left, whatever they are at."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vision_deepresearch.core.processes import process_pool

ROOT = Path(__file__).resolve().parents[2]
_PARENT = """
import sys
import time
from functools import partial
from pathlib import Path
from tests.core.test_processes import be_busy
from vision_deepresearch.core.processes import process_pool
if __name__ == "__main__":
    with process_pool(2) as pool:
        list(pool.map(partial(be_busy, Path(sys.argv[1])), sys.argv[2:]))
        time.sleep(600)
"""


def be_busy(folder: Path, how: str) -> None:
    """Say which process this is; then sleep, compute, or nothing more."""
    (folder / f"{how}.part").write_text(str(os.getpid()))
    (folder / f"{how}.part").rename(folder / how)
    while how == "computes":
        sum(range(1000))
    time.sleep(600 if how == "sleeps" else 0.2)


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("ways", [("sleeps", "computes"), ("idles",)], ids="+".join)
def test_no_process_outlives_a_parent_that_is_killed(ways: tuple[str, ...], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path), *ways],
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": os.defpath},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 25
        while not all((tmp_path / way).exists() for way in ways):
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        pids = [int((tmp_path / way).read_text()) for way in ways]
        assert len(set(pids)) == len(ways)
        assert all(map(is_there, pids))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while any(map(is_there, pids)):
        assert time.monotonic() < deadline, "left behind"
        time.sleep(0.02)


_SEEN: list[str] = []


def test_what_a_process_keeps_is_opened_once_in_each() -> None:
    with process_pool(1, _note, "opened") as pool:
        assert pool.submit(_seen).result() == ["opened"]
    assert _SEEN == []


def _note(what: str) -> None:
    _SEEN.append(what)


def _seen() -> list[str]:
    return _SEEN
