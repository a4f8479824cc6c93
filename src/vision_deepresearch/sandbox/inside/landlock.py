"""Which files model-written code may touch: the runtime to read, its own folder to write.

Landlock is asked through `syscall`: it needs no privilege and works in containers.
"""

import ctypes
import functools
import os
import struct
from collections.abc import Iterable, Sequence

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_QUERY, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REGULAR = 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_HANDLED_BY_ABI = {1: (1 << 13) - 1, 2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEVICE}
_NETWORK = 0b11
"""TCP bind and connect, from ABI 4."""
_SCOPED = 0b11
"""Abstract sockets and signals, from ABI 6."""

_READING = _EXECUTE | _READ_FILE | _READ_DIR
_OF_A_FILE = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_OWN = (
    _READ_FILE | _READ_DIR | _WRITE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR
    | _REFER | _TRUNCATE
)  # fmt: skip
"""No device, fifo, socket or symbolic link, and nothing to execute."""


def abi() -> int:
    """The version that the kernel speaks; 0: none."""
    version: int = _libc().syscall(_CREATE, None, 0, _VERSION_QUERY)
    return max(version, 0)


def seal(*, readable: Sequence[int] = (), own: int | None = None) -> None:
    """Confine this process, for good, to what is named; without arguments to no file at all.

    Args:
        readable: descriptors of places to read, see `open_places`.
        own: descriptor of the folder it may write to.

    Raises:
        OSError: the kernel knows no Landlock, or refused.
    """
    version = abi()
    if version < 1:
        raise OSError(0, "the kernel has no Landlock")
    handled = sum(rights for since, rights in _HANDLED_BY_ABI.items() if version >= since)
    told = (handled, _NETWORK if version >= 4 else 0, _SCOPED if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _call(_CREATE, struct.pack("=QQQ", *told), size, 0)
    for place in readable:
        _allow(rules, place, _READING & handled)
    if own is not None:
        _allow(rules, own, _OWN & handled)
    _call(_RESTRICT, rules, 0)
    os.close(rules)


def open_places(paths: Iterable[str]) -> list[int]:
    """Hold on to what may be read; each becomes a rule. Missing ones are left out."""
    held: list[int] = []
    for path in paths:
        try:
            held.append(os.open(path, os.O_PATH | os.O_CLOEXEC))
        except OSError:
            continue
    return held


def new_ruleset(*, readable: Sequence[int], own: int) -> int:
    """What a program may touch, ready to be entered by a fork of this process.

    Args:
        readable: descriptors of the runtime, see `open_places`.
        own: descriptor of the folder it may write to.

    Returns:
        A descriptor.

    Raises:
        OSError: the kernel knows no Landlock, or refused.
    """
    version = abi()
    if version < 1:
        raise OSError(0, "the kernel has no Landlock")
    handled = 0
    for since, rights in _HANDLED_BY_ABI.items():
        handled |= rights if version >= since else 0
    network = _NETWORK if version >= 4 else 0
    scoped = _SCOPED if version >= 6 else 0
    attributes = struct.pack("=QQQ", handled, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _call(_CREATE, attributes, size, 0)
    for place in readable:
        _allow(rules, place, _READING & handled)
    _allow(rules, own, _OWN & handled)
    return rules


def enter(rules: int) -> None:
    """Confine this process to a ruleset, for good; needs `no_new_privs`.

    Raises:
        OSError: the kernel refused.
    """
    _call(_RESTRICT, rules, 0)


def _allow(rules: int, place: int, rights: int) -> None:
    is_directory = os.fstat(place).st_mode & 0o170000 == 0o040000
    if not is_directory:
        rights &= _OF_A_FILE
    _call(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)


def _call(number: int, *arguments: int | bytes) -> int:
    result: int = _libc().syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock call {number} was refused")
    return result


@functools.cache
def _libc() -> ctypes.CDLL:
    """One handle, as a fresh one costs more than the call that it is for."""
    return ctypes.CDLL(None, use_errno=True)
