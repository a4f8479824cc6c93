"""What strangers made is parsed in a process that has nothing, and that ends when it must."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import SandboxError
from vision_deepresearch.sandbox import parsing
from vision_deepresearch.sandbox.inside import parse_host
from vision_deepresearch.sandbox.parsing import (
    Breach,
    ParseBreachError,
    ParseLimits,
    ParseWorkers,
)

MIB = 1 << 20
RUN = {"run": "builtins:exec"}
"""A job that does what a parser does that a hostile file took over: whatever the file says."""
TOLD = "\nimport os\nos.write(3, str(told).encode())\nos._exit(0)"
"""Ends a hostile program with a result, as a parser would."""
ESCAPES = """
import os, socket
told = []
def tried(name, what):
    try:
        what()
        told.append(name)
    except (OSError, ImportError, RuntimeError):
        pass
tried("read", lambda: open({secret!r}).read())
tried("list", lambda: os.listdir("/"))
tried("write", lambda: open({secret!r} + ".new", "w").write("x"))
tried("package", lambda: open("/proc/self/status").read())
tried("socket", lambda: socket.socket())
tried("pair", lambda: socket.socketpair())
tried("fork", lambda: os._exit(0) if os.fork() == 0 else None)
{exec}
tried("kill", lambda: os.kill(os.getppid(), 0))
tried("link", lambda: os.symlink("/", "/tmp/vdr-link"))
tried("descriptor", lambda: os.fstat(4))
if os.environ:
    told.append("environment")
"""
EXEC = 'tried("exec", lambda: os.execv("/bin/true", ["true"]))'


@pytest.fixture(scope="module")
def workers() -> Iterator[ParseWorkers]:
    limits = ParseLimits(wall_s=5, memory_bytes=256 * MIB, output_bytes=MIB, hosts=1)
    with ParseWorkers(RUN, limits=limits) as made:
        yield made


def ran(workers: ParseWorkers, program: str) -> str:
    return workers.run("run", (program + TOLD).encode(), {}).data.decode()


def breach_of(workers: ParseWorkers, program: str) -> Breach:
    with pytest.raises(ParseBreachError) as caught:
        workers.run("run", program.encode(), {})
    return caught.value.breach


def test_a_parser_that_was_taken_over_reaches_nothing(
    workers: ParseWorkers, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    assert ran(workers, ESCAPES.format(secret=str(secret), exec=EXEC)) == "[]"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_without_its_layers_the_same_program_gets_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    limits = ParseLimits(hosts=1, is_sealed=False)
    with ParseWorkers(RUN, limits=limits) as open_ones:
        got = ran(open_ones, ESCAPES.format(secret=str(secret), exec=""))
    assert {"read", "list", "socket", "kill"} <= set(json.loads(got.replace("'", '"')))


@pytest.mark.parametrize(
    ("program", "breach"),
    [
        ("held = bytearray(1 << 30)", Breach.MEMORY),
        ("import os\nwhile True: os.write(3, bytes(65536))", Breach.OUTPUT),
        ("import os\nos.kill(os.getpid(), 11)", Breach.DIED),
        ("raise KeyError(1)", Breach.DIED),
        ("import os\nos._exit(9)", Breach.DIED),
        ("try:\n    import wave\nexcept Exception:\n    pass\ntold = 1" + TOLD, Breach.DIED),
        ("def again(): again()\nagain()", Breach.DIED),
    ],
)
def test_a_limit_that_is_broken_ends_the_call_by_name_and_the_next_one_works(
    workers: ParseWorkers, program: str, breach: Breach
) -> None:
    assert breach_of(workers, program) is breach
    assert ran(workers, "told = 7") == "7"


@pytest.mark.pitfall("P42")
@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time\ntime.sleep(100)",
        "import os, time\nos.close(3)\ntime.sleep(100)",
        "import signal\nfor n in (1, 2, 15, 24): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
    ],
)
def test_a_parser_that_does_not_end_is_ended(program: str) -> None:
    with ParseWorkers(RUN, limits=ParseLimits(wall_s=0.3, hosts=1)) as short:
        assert breach_of(short, program) is Breach.TIMEOUT
        assert ran(short, "told = 7") == "7"


def test_what_one_call_changed_the_next_does_not_see(workers: ParseWorkers) -> None:
    ran(workers, "import builtins\nbuiltins.len = lambda _: 42\ntold = len('x')")
    assert ran(workers, "told = len('x')") == "1"


def test_what_a_child_writes_is_bytes_and_never_a_message(workers: ParseWorkers) -> None:
    forged = 'told = "k" + chr(0) * 8 + \'{"status": "ok", "exit": 0}\''
    assert ran(workers, forged) == "k" + chr(0) * 8 + '{"status": "ok", "exit": 0}'


def test_no_key_of_ours_is_in_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPER_API_KEY", "CANARY-KEY")
    limits = ParseLimits(hosts=1, is_sealed=False)
    with ParseWorkers(RUN, limits=limits) as fresh:
        told = ran(fresh, "told = open(f'/proc/{__import__(\"os\").getppid()}/environ').read()")
    assert "CANARY" not in told
    assert "LC_ALL" in told


def test_a_host_that_was_killed_is_replaced(workers: ParseWorkers) -> None:
    before = int(ran(workers, "import os\ntold = os.getppid()"))
    os.kill(before, signal.SIGKILL)
    assert int(ran(workers, "import os\ntold = os.getppid()")) != before


def test_threads_share_the_hosts(workers: ParseWorkers) -> None:
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(ran(workers, f"told = {n}")))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [str(n) for n in range(8)]


def test_closed_workers_leave_no_process() -> None:
    made = ParseWorkers(RUN, limits=ParseLimits(hosts=1))
    host = int(ran(made, "import os\ntold = os.getppid()"))
    made.close()
    with pytest.raises(ProcessLookupError):
        os.kill(host, 0)


def test_a_child_goes_when_the_caller_goes() -> None:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        caps = parse_host.Caps(wall_s=60, memory_bytes=MIB, output_bytes=MIB, is_sealed=False)
        ours.close()
        ended = parse_host._run(
            lambda *_: time.sleep(60) or b"",
            b"",
            {},
            caps=caps,
            loaded=1 << 40,
            channel=theirs,
        )
        os._exit(0 if ended is None else 1)
    theirs.close()
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_child_that_could_not_be_sealed_parses_nothing() -> None:
    ended = parse_host._Ended(why="", exit=1, written=b"", cpu_s=0, max_rss=0)
    assert parse_host._reply(ended)[0]["status"] == "unsealed"
    with pytest.raises(SandboxError, match=r"live\.parsing=limited"):
        parsing._judged(
            ended=parsing._Ended(status="unsealed", exit=1, cpu_s=0, max_rss=0), data=b""
        )


def test_a_job_that_is_not_there_says_so() -> None:
    workers = ParseWorkers({"x": "no.such.module:f"}, limits=ParseLimits(hosts=1))
    with pytest.raises(SandboxError, match="does not start"):
        workers.run("x", b"", {})
