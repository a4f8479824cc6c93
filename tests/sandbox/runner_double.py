"""Stands for `docker run -i`: a container's filter around a zygote, reached through pipes.

    python -m tests.sandbox.runner_double KIND

As the container clients do, it copies bytes between its own standard streams and those of the
program, passes the end of input on, and writes a word of its own to standard error.
"""

import os
import subprocess
import sys
import threading

from tests.sandbox import docker_filter


def _copy(source: int, target: int) -> None:
    while data := os.read(source, 1000):  # small pieces: frames arrive torn
        left = memoryview(data)
        while left:
            left = left[os.write(target, left) :]
    os.close(target)


def main() -> None:
    """Start the zygote, carry bytes both ways until it ends."""
    sys.stderr.write("Unable to find image locally; pulled\n")
    docker_filter.enter()
    with subprocess.Popen(
        [sys.executable, "-B", "-m", "vision_deepresearch.sandbox.inside", sys.argv[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as zygote:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        there = os.dup(zygote.stdin.fileno())
        zygote.stdin.close()
        threading.Thread(target=_copy, args=(0, there), daemon=True).start()
        _copy(zygote.stdout.fileno(), os.dup(1))
    os._exit(zygote.returncode)  # the thread may wait for input for ever


if __name__ == "__main__":
    main()
