"""A seccomp filter after Docker's default profile: no namespaces, no kernel interfaces of the host.

Source: the text of `profiles/seccomp/default.json` in the public repository of Moby, read as what
it refuses to a container without extra capabilities. That profile is a list of what is allowed and
answers everything else with EPERM; this one refuses by name what a sandbox could ask for and what
an attack would, and `clone3` with ENOSYS, as Docker does. x86-64 only.
"""

import ctypes
import errno
import struct

_ARCH_X86_64 = 0xC000003E
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_AF_VSOCK = 40
_REFUSED = {
    "clone3": 435, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155,
    "chroot": 161, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431,
    "fsmount": 432, "fspick": 433, "mount_setattr": 442, "keyctl": 250, "add_key": 248,
    "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "kexec_load": 246,
    "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176,
    "reboot": 169, "swapon": 167, "swapoff": 168, "acct": 163, "quotactl": 179, "iopl": 172,
    "ioperm": 173, "settimeofday": 164, "clock_settime": 227, "sethostname": 170,
    "setdomainname": 171, "nfsservctl": 180, "lookup_dcookie": 212, "open_by_handle_at": 304,
    "syslog": 103, "vhangup": 153, "ustat": 136, "sysfs": 139, "uselib": 134,
    "move_pages": 279, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239,
}  # fmt: skip
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def enter() -> None:
    """Put this process and all it starts under the filter, for good.

    Raises:
        OSError: the kernel takes none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = _code()
    words = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(words))
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter was not taken")


def _code() -> bytes:
    code = [
        _word(_LOAD, 4),
        _word(_EQUAL, _ARCH_X86_64, then=1),
        _word(_RETURN, _ERRNO | errno.EPERM),
        _word(_LOAD, 0),
    ]
    for name, number in _REFUSED.items():
        refusal = errno.ENOSYS if name == "clone3" else errno.EPERM
        code += [_word(_EQUAL, number, otherwise=1), _word(_RETURN, _ERRNO | refusal)]
    for number, test in ((56, _word(_ANY_BIT, _NEW_NAMESPACES, otherwise=1)),
                         (41, _word(_EQUAL, _AF_VSOCK, otherwise=1))):  # fmt: skip
        code += [
            _word(_EQUAL, number, otherwise=4),
            _word(_LOAD, 16),
            test,
            _word(_RETURN, _ERRNO | errno.EPERM),
            _word(_LOAD, 0),
        ]
    return b"".join([*code, _word(_RETURN, _ALLOW)])


def _word(operation: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, then, otherwise, value)
