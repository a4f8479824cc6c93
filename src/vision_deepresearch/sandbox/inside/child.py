"""One call: the forked child gives up all it does not need, then runs the program.

Order: own session, streams, folder, environment, Landlock, descriptors, limits, seccomp, program.
Capabilities went before the fork, see `drop_privileges`. Nothing that the program does can widen it
again.
"""

import builtins
import ctypes
import gc
import os
import random
import resource
import signal
import sys
import threading
import traceback
import types
from dataclasses import dataclass

from vision_deepresearch.sandbox.inside import landlock, seccomp

OUT_OF_MEMORY = 86
"""Exit code of a program that ran out of memory; forging it changes nothing but its own result."""
FRAMES_SHOWN = 3
NAME = "<program>"
_MIB = 1 << 20
_READY = 3
"""Descriptor on which the zygote hears that every layer holds; closed before the program begins."""
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _LAST_CAPABILITY = 1, 24, 38, 40
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use."""

    wall_s: float
    memory_bytes: int
    file_bytes: int
    open_files: int
    stack_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What confines a program; all of them, but in a test that takes one away."""

    landlock: bool = True
    seccomp: bool = True
    limits: bool = True


def run_program(
    code: str,
    *,
    folder: str,
    output: tuple[int, int],
    ready: int,
    rules: int,
    limits: Limits,
    layers: Layers,
) -> int:
    """Confine this process and run a program in it; returns its exit code.

    Args:
        code: the program.
        folder: its own, and the only place it may write to.
        output: descriptors that become its standard output and error.
        ready: gets one byte when every layer holds.
        rules: what it may touch, see `landlock.new_ruleset`.
        limits: for the kernel to enforce.
        layers: see `Layers`.

    Raises:
        OSError: a layer could not be laid on; the program was not run.
    """
    os.setsid()
    die_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    own = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    for source, target in zip((nothing, *output), (0, 1, 2), strict=True):
        os.dup2(source, target)
    os.fchdir(own)
    _empty_environment(folder)
    program = seccomp.build_filter(os.getpid())
    if layers.landlock:
        landlock.enter(rules)
    os.dup2(ready, _READY)
    os.closerange(_READY + 1, 4096)
    if layers.limits:
        _limit(limits)
    if layers.seccomp:
        seccomp.load_filter(program)
    # Fails when the zygote is gone already: it alone holds the other end.
    os.write(_READY, b"1")
    os.close(_READY)
    return _execute(code)


def die_with_parent() -> None:
    """A zygote that is killed leaves no process behind.

    Raises:
        OSError: the kernel refused.
    """
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(0, "the kernel does not end a program with its parent")


def drop_privileges() -> None:
    """For this process and all its forks: files of others are no longer root's own to open.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_LAST_CAPABILITY + 1):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    empty = (ctypes.c_uint32 * 6)()
    if libc.capset(header, empty) != 0:
        raise OSError(ctypes.get_errno(), "capabilities could not be dropped")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")


def _limit(limits: Limits) -> None:
    cpu_s = int(limits.wall_s) + 1
    for which, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_STACK, limits.stack_bytes),
    ):
        resource.setrlimit(which, (value, value))


def _empty_environment(folder: str) -> None:
    os.environ.clear()
    os.environ.update({
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    })


def _execute(code: str) -> int:
    """Run a program as a script; its exit code as the interpreter would give it."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.argv = [NAME]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - for the life of the process
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - as above
    _seed()
    status = 0
    try:
        exec(compile(code, NAME, "exec"), main.__dict__)  # noqa: S102 - this is the place for it
    except SystemExit as leaving:
        status = _status_of(leaving)
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever the program raised is its result
        _tell(error)
        status = 1
    status = _wait_for_threads() or status
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            status = status or 1
    return status


def _wait_for_threads() -> int:
    """As at the end of every script: those that are no daemons are waited for, pools are told to end."""
    try:
        threading.__dict__["_shutdown"]()  # what the interpreter itself calls; no public name
    except BaseException as error:  # noqa: BLE001 - whatever a program left there is its result
        _tell(error)
        return 1
    return 0


def _seed() -> None:
    """All children are forked from one state: each draws its own."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.__dict__["seed"](int.from_bytes(os.urandom(4), "big"))


def _status_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    sys.stderr.write(f"{leaving.code}\n")
    return 1


def _tell(error: BaseException) -> None:
    """The last frames of the program's own, without ours."""
    try:
        steps = traceback.TracebackException.from_exception(error)
        steps.stack[:] = [step for step in steps.stack if step.filename != __file__][-FRAMES_SHOWN:]
        for line in steps.format(chain=False):
            sys.stderr.write(line)
    except BaseException as second:  # noqa: BLE001 - an error that cannot be told is named alone
        os.write(2, f"{type(error).__name__}, and {type(second).__name__}\n".encode())
