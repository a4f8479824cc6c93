"""The system calls that model-written code may make: an allow-list, everything else is EPERM.

Libraries then degrade instead of dying. Absent on purpose: socket, fork, execve, ptrace, kill,
symlink, link, mount, unshare, io_uring, bpf, keyctl, userfaultfd, memfd_create, perf_event_open;
truncate by path, which Landlock watches from ABI 3 on only; fcntl's owner of signals, from ABI 6.
The filter is plain BPF, built here and loaded through `prctl`: no libseccomp.
"""

import ctypes
import errno
import functools
import platform
import struct

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARGS = 0, 4, 16
"""Offsets in `struct seccomp_data`."""
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x00010000
_IOCTLS = (0x5401, 0x541B, 0x5451, 0x5413)
"""TCGETS, FIONREAD, FIOCLEX, TIOCGWINSZ."""
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)
"""Duplicates, flags, locks of both sorts; not F_SETOWN and F_SETSIG, which send signals abroad."""

_PLAIN: dict[str, tuple[int | None, int | None]] = {
    # Reading and writing what is open already.
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "pwrite64": (18, 68), "close": (3, 57), "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24), "pipe2": (293, 59), "lseek": (8, 62),
    "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    # Files: Landlock says which.
    "open": (2, None), "openat": (257, 56), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
    "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None),
    "renameat": (264, 38), "umask": (95, 166),
    # Memory.
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214),
    # Threads of its own, time, randomness.
    "futex": (202, 98), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "set_robust_list": (273, 99), "rseq": (334, 293), "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "poll": (7, None), "ppoll": (271, 73), "select": (23, None),
    "pselect6": (270, 72), "epoll_create1": (291, 20), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "times": (100, 153), "getrandom": (318, 278),
    # Who and where am I.
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "uname": (63, 160),
    "sysinfo": (99, 179), "getrlimit": (97, 163), "getrusage": (98, 165),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""Name: number on x86-64 and on aarch64; None: that machine does not have it."""
_CLONE, _CLONE3, _TGKILL, _PRLIMIT = (56, 220), (435, 435), (234, 131), (302, 261)
_IOCTL, _FCNTL = (16, 29), (72, 25)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def build_filter(pid: int, *, machine: str | None = None) -> bytes:
    """The filter for a process.

    Args:
        pid: of the process it is for: it may send signals to its own threads only.
        machine: as `platform.machine` says; None: this one.

    Raises:
        OSError: no table for this kind of machine.
    """
    name = machine or platform.machine()
    if name not in {"x86_64", "aarch64"}:
        raise OSError(errno.ENOSYS, f"no table of system calls for {name}")
    column = 0 if name == "x86_64" else 1
    own = _guarded(_TGKILL[column], [_argument(0), _word(_JUMP_EQUAL, pid, otherwise=1)])
    return b"".join([_common(column), *own, _word(_RETURN, _ERRNO | errno.EPERM)])


@functools.cache
def _common(column: int) -> bytes:
    """What is the same for every process: built once in the zygote, used in each child."""
    code = [
        _word(_LOAD, _ARCH),
        _word(_JUMP_EQUAL, _X86_64 if column == 0 else _AARCH64, then=1),
        _word(_RETURN, _KILL),
        _word(_LOAD, _NR),
        _word(_JUMP_GREATER_EQUAL, _X32_BIT, otherwise=1),
        _word(_RETURN, _KILL),
    ]
    for numbers in _PLAIN.values():
        number = numbers[column]
        if number is not None:
            code += [_word(_JUMP_EQUAL, number, otherwise=1), _word(_RETURN, _ALLOW)]
    code += _guarded(_CLONE[column], [_argument(0), _word(_JUMP_SET, _CLONE_THREAD, otherwise=1)])
    # glibc falls back to clone, whose flags a filter can see.
    code += [
        _word(_JUMP_EQUAL, _CLONE3[column], otherwise=1),
        _word(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    code += _guarded(
        _PRLIMIT[column],
        [
            _argument(2),
            _word(_JUMP_EQUAL, 0, otherwise=3),
            _argument(2, high=True),
            _word(_JUMP_EQUAL, 0, otherwise=1),
        ],
    )
    for call, values in ((_IOCTL, _IOCTLS), (_FCNTL, _FCNTLS)):
        for value in values:
            code += _guarded(call[column], [_argument(1), _word(_JUMP_EQUAL, value, otherwise=1)])
    return b"".join(code)


def load_filter(program: bytes) -> None:
    """Put this process under a filter, for good; needs `no_new_privs`.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    words = ctypes.create_string_buffer(program, len(program))
    about = _Program(len(program) // 8, ctypes.addressof(words))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(about), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the kernel takes no seccomp filter")


def _word(operation: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; the jumps count from the next one."""
    return struct.pack("=HBBI", operation, then, otherwise, value)


def _argument(position: int, *, high: bool = False) -> bytes:
    """Load one half of an argument."""
    return _word(_LOAD, _ARGS + 8 * position + (4 if high else 0))


def _guarded(number: int, conditions: list[bytes]) -> list[bytes]:
    """Allow one call where its conditions hold; the number is loaded again where they do not.

    Each condition that fails jumps over the allowing return, to the load that follows it.
    """
    body = [*conditions, _word(_RETURN, _ALLOW), _word(_LOAD, _NR)]
    return [_word(_JUMP_EQUAL, number, otherwise=len(body)), *body]
