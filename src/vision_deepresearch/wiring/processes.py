"""Several processes of one command on this machine, and how each finds out which one it is.

A command starts itself N times and tells each copy its number by the variables that torchrun and
`accelerate launch` set; so a command that one of those started finds its place the same way.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from vision_deepresearch.core.errors import ConfigError, TrainingStoppedError

_GRACE_S = 20.0
"""What the others get to end by themselves once one has failed."""
_LOOK_S = 0.1
_SHOWN_BYTES = 4_000
_BY_THE_USER = 2
"""Exit code of what the user can mend: every process says the same, and the first one is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of the processes of a run this is."""

    rank: int
    size: int
    local_rank: int


def launched(environ: Mapping[str, str] = os.environ) -> Place | None:
    """This process's place, if somebody started several; None: it is alone.

    Raises:
        ConfigError: the variables do not fit together, or there is more than one machine.
    """
    if "RANK" not in environ and "WORLD_SIZE" not in environ:
        return None
    try:
        rank, size = int(environ["RANK"]), int(environ["WORLD_SIZE"])
        local_rank = int(environ.get("LOCAL_RANK", rank))
        local_size = int(environ.get("LOCAL_WORLD_SIZE", size))
        if not 0 <= rank < size or not {"MASTER_ADDR", "MASTER_PORT"} <= environ.keys():
            raise ValueError
    except (KeyError, ValueError) as error:
        msg = (
            "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set by torchrun or accelerate and "
            "name one process among several; here they do not: unset them"
        )
        raise ConfigError(msg) from error
    if local_size != size:
        msg = (
            f"all processes on one machine were expected, got {local_size} of {size} here: for "
            'several machines set backend = "ms-swift"'
        )
        raise ConfigError(msg)
    return Place(rank=rank, size=size, local_rank=local_rank)


def start_processes(words: Sequence[str], *, num: int) -> int:
    """Run a command of this package several times at once, as one run, and wait for all.

    The first one has this terminal. What the others say is shown if one of them fails alone.

    Args:
        words: of the command, behind `vdr`.
        num: of processes.

    Returns:
        The first one's exit code.

    Raises:
        TrainingStoppedError: another one failed first, or the first did not say why; it says who.
    """
    shared = {
        "WORLD_SIZE": str(num),
        "LOCAL_WORLD_SIZE": str(num),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "vision_deepresearch", *words]
    with contextlib.ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(1, num)]
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_end_all, started)
        for rank in range(num):
            told = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            output = said[rank - 1] if rank else None
            started.append(
                subprocess.Popen(  # noqa: S603 - our own command, no shell
                    command, env=os.environ | told, stdout=output, stderr=output
                )
            )
        codes, failed = wait_for_all(started)
        first = codes[0]
        if first == 0 and not any(codes):
            return 0
        if first is not None and first > 0 and (not failed or codes[failed] == _BY_THE_USER):
            return first  # it has said why
        culprit = failed or 0
        code = codes[culprit]
        shown = _tail(said[culprit - 1]) if culprit else ""
    how = f", by {signal.Signals(-code).name}" if code is not None and code < 0 else ""
    msg = (
        f"of {num} processes, process {culprit} ended first{how}; the same command goes on from the "
        f"last checkpoint. {shown}"
    )
    raise TrainingStoppedError(msg.strip())


def leave_interrupts_to_the_first(place: Place) -> None:
    """Ctrl-C reaches every process: only the first acts on it, after the step all take together."""
    if place.rank:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def wait_for_all(
    started: Sequence["subprocess.Popen[bytes]"],
) -> tuple[list[int | None], int | None]:
    """Exit codes, None of those that had to be ended, and who failed first, None if nobody did.

    Waits on after Ctrl-C, as the first one saves.
    """
    failed: int | None = None
    ended_at: float | None = None
    while True:
        try:
            codes = [one.poll() for one in started]
            if failed is None:
                failed = next((rank for rank, code in enumerate(codes) if code), None)
            if None not in codes:
                return codes, failed
            if ended_at is None and (failed is not None or codes[0] is not None):
                ended_at = time.monotonic()
            if ended_at is not None and time.monotonic() - ended_at > _GRACE_S:
                return codes, failed
            time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            failed = failed or 0  # the first one saves and ends; the others miss it


def _end_all(started: Sequence["subprocess.Popen[bytes]"]) -> None:
    for one in started:
        if one.poll() is None:
            one.kill()
        one.wait()


def free_port() -> int:
    """A port of this machine nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(output: BinaryIO) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - _SHOWN_BYTES))
    return output.read().decode("utf-8", "replace").strip()
