"""Runs a command on a disk that is full, gives it a little more room, and runs it again.

Usage: python -m tests.evals.full_disk DISK KIB STEP KEEP COMMAND...

The disk is a real file system of so many KiB (tmpfs), mounted at DISK in a mount namespace of its
own; in COMMAND, `@` stands for DISK. After each end that is not 0 the disk grows by STEP KiB. At last
what lies on it is copied to KEEP. Prints [[KiB, exit code, what it said, files left half written]...].
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

MAX_TRIES = 60


def main(disk: Path, *, kib: int, step: int, keep: Path, command: list[str]) -> None:
    """Try until it ends well."""
    mount(disk, f"size={kib}k")
    told = []
    for _ in range(MAX_TRIES):
        done = subprocess.run(
            [part.replace("@", str(disk)) for part in command],
            capture_output=True,
            text=True,
            check=False,
        )
        half_written = sum(1 for _ in disk.rglob(".new-*"))
        told.append((kib, done.returncode, done.stderr[-2000:], half_written))
        if done.returncode == 0:
            break
        kib += step
        mount(disk, f"remount,size={kib}k")
    shutil.copytree(disk, keep)
    print(json.dumps(told))  # noqa: T201 - a program of its own


def mount(disk: Path, options: str) -> None:
    """Mount, or mount again."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)],  # noqa: S607
        check=True,
    )


if __name__ == "__main__":
    place, size, more, kept, *rest = sys.argv[1:]
    main(Path(place), kib=int(size), step=int(more), keep=Path(kept), command=rest)
