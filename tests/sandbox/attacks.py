"""Programs that try to get out: each goal by several routes, none of them a fixed literal.

A program prints a marker put together at run time when it reached its goal, so that an echo of its
source in a traceback cannot fake one.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

MARK = "ESCAPED"
_SAY = "print('ESC' + 'APED')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One program."""

    name: str
    code: str


_GOALS = {
    "read": "d = {os}.open({secret!r}, 0); print({os}.read(d, 99)); {say}",
    "environment": "v = {os}.environ.get('FAKE_API_KEY'); 1 / len(v); {say}",
    "write": "d = {os}.open({folder!r} + '/pwn/x', 65 | 1); {os}.write(d, b'x'); {say}",
    "fork": "p = {os}.fork()\nif p == 0: {os}._exit(0)\n{say}",
    "exec": "{os}.execv('/bin/sh', ['sh', '-c', 'echo ESC''APED'])",
    "kill": "{os}.kill({host}, 0); {say}",
    "link": "{os}.symlink({secret!r}, 'here'); print(open('here').read()); {say}",
    "list": "print({os}.listdir({folder!r})); {say}",
    "proc": "d = {os}.open('/proc/%d/environ' % {host}, 0); print({os}.read(d, 99)); {say}",
    "persist": "d = {os}.open('/dev/shm/vdr-x', 65 | 1); {os}.write(d, b'x'); {say}",
}
_ROUTES = {
    "plain": ("import os", "os"),
    "spaced": ("import   os  as  \\\n  o", "o"),
    "fullwidth": ("import \uff4f\uff53", "\uff4f\uff53"),
    "import call": ("o = __import__('o' + 's')", "o"),
    "modules": ("import sys; o = sys.modules['so'[::-1]]", "o"),
    "through json": ("import json; o = json.codecs.builtins.__import__('os')", "o"),
    "posix": ("import posix as o; o.environ = {}; import os as o", "o"),
    "subclasses": (
        ("o = [c for c in ().__class__.__base__.__subclasses__()\n"
        "     if c.__name__ == '_wrap_close'][0].__init__.__globals__['sys'].modules['os']"),
        "o",
    ),
    "numpy": (("import numpy as np; o = np.lib._datasource.os if hasattr(np.lib, '_datasource') "
              "else __import__('os')"), "o"),
    "pandas": ("import pandas as pd; o = pd.io.common.os", "o"),
    "frame": (("import sys\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\n"
              "o = f.f_globals.get('os') or __import__('os')"), "o"),
    "collected": (("import gc, types\no = [m for m in gc.get_objects() if isinstance(m, types.ModuleType) "
                  "and m.__name__ == 'os'][0]"), "o"),
}  # fmt: skip

_NATIVE = {
    "socket": "import socket; s = socket.socket(); {say}",
    "udp": "import socket; s = socket.socket(2, 2); s.sendto(b'x', ('127.0.0.1', {port})); {say}",
    "abstract socket": "import socket; s = socket.socket(1, 2); s.sendto(b'x', b'\\0vdr-canary'); {say}",
    "urllib": "import urllib.request as u; u.urlopen('http://127.0.0.1:{port}', timeout=1); {say}",
    "file url": "import urllib.request as u; print(u.urlopen('file://' + {secret!r}).read()); {say}",
    "subprocess": "import subprocess; print(subprocess.run(['id'], capture_output=True).stdout); {say}",
    "libc system": "import ctypes; ctypes.CDLL(None).system(b'true') == 0 and {say}",
    "libc open": "import ctypes; ctypes.CDLL(None).open({secret!r}.encode(), 0) >= 0 and {say}",
    "raw fork": "import ctypes; ctypes.CDLL(None).syscall(57) >= 0 and {say}",
    "vfork": "import ctypes; ctypes.CDLL(None).syscall(58) >= 0 and {say}",
    "clone without thread": "import ctypes; ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0) >= 0 and {say}",
    "clone3": "import ctypes; b = ctypes.create_string_buffer(88)\n"
              "ctypes.CDLL(None).syscall(435, b, 88) >= 0 and {say}",
    "unshare": "import ctypes; ctypes.CDLL(None).unshare(0x10000000) == 0 and {say}",
    "ptrace": "import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 and {say}",
    "process_vm_readv": "import ctypes; ctypes.CDLL(None).syscall(310, {host}, 0, 0, 0, 0, 0) >= 0 and {say}",
    "io_uring": "import ctypes; b = ctypes.create_string_buffer(200)\n"
                "ctypes.CDLL(None).syscall(425, 8, b) >= 0 and {say}",
    "memfd": "import ctypes; ctypes.CDLL(None).syscall(319, b'x', 0) >= 0 and {say}",
    "bpf": "import ctypes; b = ctypes.create_string_buffer(200)\n"
           "ctypes.CDLL(None).syscall(321, 0, b, 72) >= 0 and {say}",
    "seccomp again": "import ctypes; ctypes.CDLL(None).prctl(22, 2, 0) == 0 and {say}",
    "raise limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); {say}",
    "x32": "import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 57) >= 0 and {say}",
    "pidfd": "import ctypes; ctypes.CDLL(None).syscall(434, {host}, 0) >= 0 and {say}",
    "pickle": "import pandas as pd, pathlib\n"
              "pathlib.Path('p').write_bytes(b\"cos\\nsystem\\n(S'echo > '\\ntR.\")\n"
              "r = pd.read_pickle('p'); r == 0 and {say}",
    "sympify": "import sympy; print(sympy.sympify(\"open(\" + repr({secret!r}) + \").read()\")); {say}",
    "tofile": "import numpy as np; np.ones(3).tofile({folder!r} + '/cache.sqlite'); {say}",
    "project data": "import vision_deepresearch; {say}",
    "project by path": "import sys; sys.path.insert(0, {source!r}); import vision_deepresearch.worlds.generated.spec; {say}",
    "project source": "print(open({source!r} + '/vision_deepresearch/__init__.py').read()); {say}",
    "package data": "import os\nfor p, _, names in os.walk({source!r}):\n"
                    "    for n in names: open(os.path.join(p, n)).read(); {say}",
    "run folder": "print(open({folder!r} + '/cache.sqlite', 'rb').read()); {say}",
    "the zygote's own code": "print(open('/inside/vision_deepresearch/__init__.py').read()); {say}",
    "truncate by path": "import os; os.truncate({folder!r} + '/cache.sqlite', 0); {say}",
    "owner of signals": "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, {host}); {say}",
    "chosen signal": "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, 10, 23); {say}",
    "hard link": "import os; os.link({secret!r}, 'x'); {say}",
    "rename out": "import os; open('a', 'w').close(); os.rename('a', {folder!r} + '/pwn/a'); {say}",
    "device": "import os; os.mknod('d', 0o60666, os.makedev(8, 0)); {say}",
    "fifo": "import os; os.mkfifo('f'); {say}",
    "setuid": "import os; os.setuid(0); os.setgid(0); os.chroot('.'); {say}",
    "parent's memory": "import os; open('/proc/%d/mem' % os.getppid(), 'rb'); {say}",
}  # fmt: skip


def attacks(*, secret: str, folder: str, source: str, host: int, port: int) -> Iterator[Attack]:
    """Every goal by every route, and what needs no module.

    Args:
        secret: a file that must not be read.
        folder: holds an empty `pwn` and a `cache.sqlite` that must stay as they are.
        source: folder with the project's package.
        host: process id of the test.
        port: where something listens.
    """
    holes = {"secret": secret, "folder": folder, "host": host, "say": _SAY}
    for (goal, template), (route, (opening, name)) in itertools.product(
        _GOALS.items(), _ROUTES.items()
    ):
        body = template.format(os=name, **holes)
        yield Attack(name=f"{goal} by {route}", code=f"{opening}\n{body}")
    for name, template in _NATIVE.items():
        yield Attack(name=name, code=template.format(port=port, source=source, **holes))


def mutated(attack: Attack, *, rng: random.Random) -> Attack:
    """The same attack written differently: wrapped, delayed, encoded, in a thread, caught and retried."""
    code = attack.code
    match rng.randrange(5):
        case 0:
            body = "\n".join(f"  {line}" for line in code.splitlines())
            code = f"for _ in range(3):\n try:\n{body}\n except BaseException as e: print(type(e).__name__)"
        case 1:
            code = f"exec(bytes.fromhex({code.encode().hex()!r}).decode())"
        case 2:
            body = "\n".join(f"  {line}" for line in code.splitlines())
            code = (
                f"import threading\ndef w():\n try:\n{body}\n except BaseException as e: print(e)\n"
                "t = threading.Thread(target=w); t.start(); t.join()"
            )
        case 3:
            code = f"import builtins\nbuiltins.__dict__['ex' + 'ec'](compile({code!r}, '', 'exec'), {{}})"
        case _:
            code = f"import atexit\natexit.register(lambda: None)\n{code}"
    return Attack(name=f"{attack.name}, mutated", code=code)
