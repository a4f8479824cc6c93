"""Programs that will not end, want everything, or die badly; drawn with a seed, each draw different."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.protocols import SandboxStatus as S


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One program, and how it may end."""

    name: str
    code: str
    ends: frozenset[S]


_LIMITED = frozenset({S.TIMEOUT})
_STARVED = frozenset({S.OOM, S.ERROR, S.TIMEOUT, S.KILLED})
"""Whether memory or time goes first is the machine's business."""
_ANY = frozenset(S)

_FAMILIES: dict[str, tuple[str, frozenset[S]]] = {
    "loop": ("while True:\n    pass", _LIMITED),
    "busy loop": ("x = {n}\nwhile True:\n    x = (x * 31 + 7) % 1000003", _LIMITED),
    "sleep": ("import time\ntime.sleep({n})", _LIMITED),
    "sleep and catch": (
        "import time\nwhile True:\n    try:\n        time.sleep({n})\n    except BaseException:\n        pass",
        _LIMITED,
    ),
    "ignores every signal": (
        ("import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: time.sleep(.01)"),
        _LIMITED,
    ),
    "blocks every signal": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
        _LIMITED,
    ),
    "swallows everything": (
        "def f():\n    while True:\n        try:\n            while True: 1\n        except BaseException: continue\nf()",
        _LIMITED,
    ),
    "never leaves": ("import atexit\ndef f():\n    while True: pass\natexit.register(f)\nf()", _LIMITED),
    "leaves in a loop": ("while True:\n    try:\n        raise SystemExit({n})\n    except SystemExit:\n        pass", _LIMITED),
    "closed streams": ("import os, time\nfor f in (0, 1, 2): os.close(f)\ntime.sleep({n})", _LIMITED),
    "closes all": ("import os, time\nos.closerange(0, 4096)\nwhile True: time.sleep(.1)", _LIMITED),
    "deadlock": ("import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()", _LIMITED),
    "threads that spin": (
        ("import threading\ndef w():\n    while True: pass\n"
        "for _ in range({few}): threading.Thread(target=w).start()"),
        _LIMITED,
    ),
    "thread bomb": (
        ("import threading, time\nthreading.stack_size(32768)\nwhile True:\n    try:\n"
        "        threading.Thread(target=time.sleep, args=({n},), daemon=True).start()\n    except BaseException: pass"),
        _ANY - {S.OK},
    ),
    "slow pattern": ("import re\nre.match(r'(a+)+$', 'a' * {many} + 'b')", _LIMITED),
    "long C call": ("pow(7, 10 ** 8 + {n})", frozenset({S.TIMEOUT, S.OOM})),
    "large sum": ("sum(range(10 ** 12))", _LIMITED),
    "numpy at length": ("import numpy as np\na = np.ones((1500, 1500))\nwhile True: a = a @ a / 1500", _LIMITED),
    "sympy at length": ("import sympy\nsympy.factorint(2 ** 521 - 1 - {n} + 10 ** 150)\nwhile True: pass", _LIMITED),
    "memory": ("x = bytearray({n} << 30)", frozenset({S.OOM})),
    "memory by and by": ("x = []\nwhile True:\n    x.append('y' * ({n} << 16))", _STARVED),
    "memory in numpy": ("import numpy as np\nx = [np.ones(1 << 24) for _ in range(1000)]", _STARVED),
    "memory in a string": ("s = 'a'\nwhile True: s += s", _STARVED),
    "memory, caught": ("x = []\nwhile True:\n    try: x.append(bytearray(1 << 26))\n    except MemoryError: pass", _STARVED),
    "list of everything": ("import itertools\nlist(itertools.count({n}))", _STARVED),
    "output": ("while True:\n    print('x' * {n})", frozenset({S.OUTPUT, S.TIMEOUT})),
    "errors": ("import sys\nwhile True:\n    sys.stderr.write('y' * 10 ** 5)", frozenset({S.OUTPUT, S.TIMEOUT})),
    "raw output": ("import os\nwhile True:\n    os.write(1 + {n} % 2, bytes(70000))", frozenset({S.OUTPUT, S.TIMEOUT})),
    "one large line": ("print('z' * (30 << 20))", frozenset({S.OUTPUT, S.TIMEOUT})),
    "traceback of a large value": ("raise ValueError('v' * (5 << 20))", frozenset({S.OUTPUT, S.ERROR, S.TIMEOUT})),
    "fork": ("import os\nwhile True:\n    os.fork()", frozenset({S.ERROR})),
    "fork, caught": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", _LIMITED),
    "processes": ("import multiprocessing as m\nm.Pool({few}).map(abs, range(10))", _ANY - {S.OK}),
    "shell": ("import subprocess\nwhile True:\n    try: subprocess.Popen('sleep {n}', shell=True)\n    except OSError: pass", _LIMITED),
    "new session": ("import os, time\ntry: os.setsid()\nexcept OSError: pass\ntime.sleep({n})", _LIMITED),
    "deep calls": ("def f(n): return f(n + 1)\nf(0)", frozenset({S.ERROR})),
    "deepest calls": ("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(n): return f(n + 1)\nf(0)", _ANY - {S.OK}),
    "deep repr": ("x = []\nfor _ in range(10 ** 5): x = [x]\nimport sys\nsys.setrecursionlimit(10 ** 8)\nrepr(x)", _ANY - {S.OK}),
    "deep source": ("eval('(' * {n}0000 + ')' * {n}0000)", _ANY - {S.OK}),
    "source that grows": ("s = 'x = 1\\n'\nwhile True:\n    s += s\n    exec(s)", _STARVED),
    "bomb in a stream": ("import zlib\nd = zlib.compress(bytes(1 << 24), 9)\nx = [zlib.decompress(d) for _ in range({many}0)]", _STARVED),
    "abort": ("import os\nos.abort()", frozenset({S.KILLED})),
    "bad address": ("import ctypes\nctypes.memset({n}, 0, 64)", frozenset({S.KILLED})),
    "wild jump": ("import ctypes\nctypes.CFUNCTYPE(None)({n})()", frozenset({S.KILLED})),
    "foreign code": ("import os\nos._exit(86)", frozenset({S.OOM})),
    "nothing but a code": ("import os\nos._exit({n} % 80 + 1)", frozenset({S.ERROR})),
    "streams that lie": (
        "import sys\nclass F:\n    def write(self, *a): raise OSError\n    flush = write\nsys.stdout = sys.stderr = F()\n1 / 0",
        frozenset({S.ERROR}),
    ),
    "error that cannot be told": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
        _LIMITED,
    ),
    "waits for input": ("import sys, time\nsys.stdin.read()\nwhile True: time.sleep(1)", _LIMITED),
    "many files": ("i = 0\nwhile True:\n    open(str(i), 'w').close()\n    i += 1", frozenset({S.KILLED, S.TIMEOUT, S.ERROR})),
    "deep folders": ("import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')", frozenset({S.KILLED, S.TIMEOUT, S.ERROR})),
    "large files": (
        "i = 0\nwhile True:\n    i += 1\n    try: open(str(i), 'wb').write(bytes(8 << 20))\n    except OSError: pass",
        frozenset({S.KILLED, S.TIMEOUT}),
    ),
    "locks": ("import fcntl, time\nf = open(__import__('os').__file__)\nfcntl.flock(f, fcntl.LOCK_SH)\ntime.sleep({n})", _LIMITED),
}  # fmt: skip

NUM_FAMILIES = len(_FAMILIES)


def hostile_programs(num: int, *, seed: int) -> Sequence[Hostile]:
    """All families in turn, with drawn numbers, some of them in a thread or behind `exec`."""
    rng = random.Random(seed)
    made: list[Hostile] = []
    while len(made) < num:
        families = list(_FAMILIES.items())
        rng.shuffle(families)
        made += [_drawn(name, code, ends, rng=rng) for name, (code, ends) in families]
    return made[:num]


def _drawn(name: str, code: str, ends: frozenset[S], *, rng: random.Random) -> Hostile:
    code = code.format(n=rng.randint(5, 500), few=rng.randint(2, 12), many=rng.randint(30, 60))
    if rng.random() < 0.3:
        code = f"exec({code!r}, {{'__name__': 'x'}})"
    elif rng.random() < 0.3:
        code = f"print({rng.random()})\n{code}"
    return Hostile(name=name, code=code, ends=ends)
