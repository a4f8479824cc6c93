"""Programs run outside our process, within their limits, and cannot reach anything."""

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.attacks import Attack, mutated
from tests.sandbox.harness import GIVEN_AWAY, Canaries, canaries_in, escapes
from vision_deepresearch.core.errors import ConfigError, SandboxError
from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.inside import landlock, seccomp
from vision_deepresearch.sandbox.kinds import ZygoteKind, kind_of
from vision_deepresearch.sandbox.limits import SandboxLimits
from vision_deepresearch.sandbox.output import clean_text
from vision_deepresearch.sandbox.probe import find_tier, probe_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.taped import TapedSandbox
from vision_deepresearch.sandbox.tiers import Tier, can_try
from vision_deepresearch.store.tape import Tape, TapeMode

TABLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bad_inputs"
needs_landlock = pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")
pytestmark = [needs_landlock, pytest.mark.timeout(120)]


def tiers() -> list[Tier]:
    return [tier for tier in Tier if can_try(tier)]


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    with canaries_in(tmp_path_factory.mktemp("canaries")) as canaries:
        yield canaries


@pytest.fixture(params=tiers(), ids=str)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[ZygoteSandbox]:
    async with ZygoteSandbox(request.param) as box:
        yield box


@pytest.mark.pitfall("P46")
async def test_no_attack_reaches_its_goal(
    sandbox: ZygoteSandbox, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_API_KEY", "CANARY-ENV-77")
    tried = canaries.attacks()
    rng = random.Random(11)
    tried += [mutated(attack, rng=rng) for attack in rng.sample(tried, 40)]
    assert len(tried) > 150
    assert await escapes(sandbox, tried) == []
    canaries.assert_untouched()
    assert (await sandbox.run("print(6 * 7)", timeout=5)).stdout == "42\n"


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_no_mutated_attack_reaches_its_goal(
    sandbox: ZygoteSandbox, canaries: Canaries
) -> None:
    rng = random.Random(12)
    tried = [mutated(mutated(a, rng=rng), rng=rng) for a in canaries.attacks() for _ in range(4)]
    assert await escapes(sandbox, tried) == []
    canaries.assert_untouched()


@pytest.mark.pitfall("P46")
@pytest.mark.parametrize(
    ("missing", "route"),
    [("landlock", "read by plain"), ("seccomp", "fork by plain"), ("limits", "memory")],
)
async def test_each_layer_is_needed(missing: str, route: str, canaries: Canaries) -> None:
    """With one layer taken away the attack that it stops comes through: the tests above can fail."""
    if missing == "limits":
        tried = [
            Attack(name="memory", code="import mmap; mmap.mmap(-1, 2 << 30); print('ESC' + 'APED')")
        ]
    else:
        tried = [attack for attack in canaries.attacks() if attack.name == route]
    async with ZygoteSandbox(Tier.B, layers={missing: False}) as box:
        assert await escapes(box, tried) != []
    async with ZygoteSandbox(Tier.B) as box:
        assert await escapes(box, tried) == []


HOW_IT_ENDS = {
    "1 / 0": SandboxStatus.ERROR,
    "raise SystemExit('bye')": SandboxStatus.ERROR,
    "x = bytearray(2 << 30)": SandboxStatus.OOM,
    "while True: pass": SandboxStatus.TIMEOUT,
    "import time; time.sleep(60)": SandboxStatus.TIMEOUT,
    "while True: print('x' * 1000)": SandboxStatus.OUTPUT,
    "import ctypes; ctypes.string_at(0)": SandboxStatus.KILLED,
    "import os; os.abort()": SandboxStatus.KILLED,
    "def f(": SandboxStatus.ERROR,
    "\0": SandboxStatus.ERROR,
    "": SandboxStatus.OK,
}


async def test_every_end_has_its_status_in_time(sandbox: ZygoteSandbox) -> None:
    for code, expected in HOW_IT_ENDS.items():
        began = time.monotonic()
        result = await sandbox.run(code, timeout=1)
        assert result.status is expected, f"{code}: {result}"
        assert time.monotonic() - began < 6, code
        assert len(result.stdout) + len(result.stderr) <= SandboxLimits().output_bytes
        assert result.max_rss < 1 << 30
    assert (await sandbox.run("print(1)", timeout=5)).status is SandboxStatus.OK


async def test_an_error_shows_the_programs_own_last_frames(sandbox: ZygoteSandbox) -> None:
    result = await sandbox.run("def f(n):\n    return f(n - 1) if n else 1 / 0\nf(9)", timeout=5)
    assert "ZeroDivisionError" in result.stderr
    assert result.stderr.count("<program>") <= 3
    assert "child.py" not in result.stderr


async def test_calls_do_not_see_each_other(sandbox: ZygoteSandbox) -> None:
    first = await sandbox.run("import builtins; builtins.kept = 1; open('kept', 'w')", timeout=5)
    assert first.status is SandboxStatus.OK
    second = await sandbox.run("import os; print(os.listdir('.')); print(kept)", timeout=5)
    assert second.stdout == "[]\n"
    assert "NameError" in second.stderr
    draws = {
        (await sandbox.run("import random; print(random.random())", timeout=5)).stdout
        for _ in range(3)
    }
    assert len(draws) == 3


async def test_a_program_cannot_read_the_folder_of_another(sandbox: ZygoteSandbox) -> None:
    """Both run at once, and the second one knows where the first one writes."""
    where = (await sandbox.run("import os; print(os.getcwd())", timeout=5)).stdout.strip()
    keep = f"import os, time\nassert os.getcwd() == {where!r}\nopen('key', 'w').write('x')\ntime.sleep(2)"
    keeping = asyncio.create_task(sandbox.run(keep, timeout=10))
    await asyncio.sleep(0.5)
    for attempt in (f"open({where!r} + '/key')", f"os.listdir({where!r})", "os.listdir('..')"):
        result = await sandbox.run(f"import os\n{attempt}", timeout=5)
        assert "PermissionError" in result.stderr, attempt
    assert (await keeping).status is SandboxStatus.OK


@pytest.mark.pitfall("P47")
async def test_a_hundred_overlapping_calls_keep_their_output_apart(sandbox: ZygoteSandbox) -> None:
    streams = sys.stdout, sys.stderr

    async def one(number: int) -> None:
        code = (
            f"import sys\nprint({number})\nprint(-{number}, file=sys.stderr)\n"
            f"for _ in range(10**5): pass\nprint({number})"
        )
        result = await sandbox.run(code, timeout=20)
        assert (result.stdout, result.stderr) == (f"{number}\n{number}\n", f"-{number}\n")

    async with asyncio.TaskGroup() as group:
        for number in range(1, 101):
            group.create_task(one(number))
    assert (sys.stdout, sys.stderr) == streams


async def test_files_go_in_and_come_back(sandbox: ZygoteSandbox) -> None:
    code = (
        "import os\ndata = open('in.txt').read()\nopen('out.txt', 'w').write(data.upper())\n"
        "open('big.txt', 'w').write('x' * (5 << 20))\nos.mkdir('dir.txt')\n"
        "from PIL import Image\nImage.new('RGB', (3, 2)).save('plot.png')"
    )
    result = await sandbox.run(
        code,
        timeout=20,
        inputs={"in.txt": b"hello"},
        collect=["out.txt", "big.txt", "dir.txt", "*.png"],
    )
    assert result.status is SandboxStatus.OK, result.stderr
    assert set(result.artifacts) == {"out.txt", "plot.png"}
    assert result.artifacts["out.txt"] == b"HELLO"
    with pytest.raises(ValueError, match="plain names"):
        await sandbox.run("", timeout=1, inputs={"../x": b""})


async def test_a_program_that_fills_the_disk_is_stopped() -> None:
    limits = SandboxLimits(scratch_bytes=8 << 20)
    code = "for i in range(4000):\n    open(f'f{i}', 'wb').write(b'x' * (1 << 20))"
    async with ZygoteSandbox(Tier.B, limits=limits) as box:
        result = await box.run(code, timeout=20)
    assert result.status in {SandboxStatus.KILLED, SandboxStatus.ERROR}


async def test_nothing_is_left_behind() -> None:
    async with ZygoteSandbox(Tier.B) as box:
        await box.run("import time; time.sleep(60)", timeout=0.3)
        (zygote,) = box._zygotes.values()
        assert zygote.scratch.is_dir()
        with contextlib.suppress(asyncio.CancelledError):
            task = asyncio.create_task(box.run("while True: pass", timeout=60))
            await asyncio.sleep(0.3)
            task.cancel()
            await task
    assert not zygote.scratch.exists()
    assert _children_of(zygote.process.pid) == []


def _children_of(pid: int) -> list[int]:
    """Processes that a zygote left; none when it is gone too."""
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"PPid:\t{pid}\n" in status.read_text() or status.parent.name == str(pid):
                found.append(int(status.parent.name))
    return found


async def test_a_zygote_that_is_killed_leaves_no_program_behind() -> None:
    """Not even one that sleeps, which no limit of processor time would ever end."""
    async with ZygoteSandbox(Tier.B) as box:
        await box.run("print(1)", timeout=5)
        (zygote,) = box._zygotes.values()
        running = asyncio.create_task(box.run("import time; time.sleep(60)", timeout=60))
        left: set[int] = set()
        for _ in range(500):
            left = set(_children_of(zygote.process.pid)) - {zygote.process.pid}
            if left:
                break
            await asyncio.sleep(0.02)
        assert left
        zygote.process.kill()
        await zygote.process.wait()
        running.cancel()  # while the next zygote starts, which has to go with it
        with pytest.raises(asyncio.CancelledError):
            await running
        for _ in range(100):
            left = {pid for pid in left if _is_alive(pid)}
            if not left:
                break
            await asyncio.sleep(0.05)
    assert not left


def _is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_a_zygote_that_dies_is_replaced_and_the_call_made_again() -> None:
    async with ZygoteSandbox(Tier.B) as box:
        assert (await box.run("print(1)", timeout=5)).stdout == "1\n"
        (zygote,) = box._zygotes.values()
        zygote.process.kill()
        assert (await box.run("print(2)", timeout=5)).stdout == "2\n"
        slow = asyncio.create_task(box.run("import time; time.sleep(1); print(3)", timeout=5))
        await asyncio.sleep(0.3)
        (zygote,) = box._zygotes.values()
        zygote.process.kill()
        assert (await slow).stdout == "3\n"


async def test_a_zygote_is_renewed_after_its_calls() -> None:
    async with ZygoteSandbox(Tier.B, limits=SandboxLimits(calls_per_zygote=3)) as box:
        seen = []
        for _ in range(7):
            assert (await box.run("print(1)", timeout=5)).status is SandboxStatus.OK
            seen.append(next(iter(box._zygotes.values())).process.pid)
        assert len(set(seen)) == 3


async def test_a_cancelled_call_disturbs_nobody(sandbox: ZygoteSandbox) -> None:
    await sandbox.run("print(0)", timeout=5)
    task = asyncio.create_task(sandbox.run("while True: pass", timeout=60))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await sandbox.run("print(1)", timeout=5)).stdout == "1\n"
    (zygote,) = sandbox._zygotes.values()
    await asyncio.sleep(0.2)
    assert _children_of(zygote.process.pid) == [zygote.process.pid] or sandbox.tier is Tier.A


async def test_the_probe_names_the_tier_and_refuses_what_does_not_hold() -> None:
    tier, results = await find_tier()
    assert tier is not None
    assert results[-1].holds
    with pytest.raises(ConfigError, match="unknown sandbox tier 'Z'"):
        await find_tier("Z")
    if not can_try(Tier.A):
        assert "bubblewrap" in (await probe_tier(Tier.A)).reason
        with pytest.raises(ConfigError, match="expected a sandbox of tier A"):
            await find_tier("A")


async def test_a_sandbox_that_cannot_confine_runs_nothing() -> None:
    """Fail closed: without a word that every layer holds there is no result."""
    async with ZygoteSandbox(Tier.B) as box:
        await box.run("print(1)", timeout=5)
        shutil.rmtree(next(iter(box._zygotes.values())).scratch)
        with pytest.raises(SandboxError):
            await box.run("print(1)", timeout=5)


async def test_a_replay_gives_the_recorded_result_without_a_sandbox(tmp_path: Path) -> None:
    code = "import random; print(random.random()); open('a.png', 'wb').write(b'x')"
    async with (
        ZygoteSandbox(Tier.B) as box,
        Tape.open(tmp_path / "tape.db", mode=TapeMode.AUTO) as tape,
    ):
        first = await TapedSandbox(box, tape).run(code, timeout=5, collect=["*.png"])
        again = await TapedSandbox(box, tape).run(code, timeout=5, collect=["*.png"])
    assert again == first
    assert first.artifacts == {"a.png": b"x"}
    async with Tape.open(tmp_path / "tape.db", mode=TapeMode.REPLAY) as tape:
        gone = TapedSandbox(ZygoteSandbox(Tier.B), tape)
        assert await gone.run(code, timeout=5, collect=["*.png"]) == first
        with pytest.raises(SandboxError):
            await gone.run("print(2)", timeout=5)


def test_programs_are_sorted_by_what_they_import() -> None:
    assert kind_of("print(1)") is ZygoteKind.LIGHT
    assert kind_of("import math, json") is ZygoteKind.LIGHT
    assert kind_of("def f():\n    from numpy import array") is ZygoteKind.SCI
    assert kind_of("__import__('numpy')") is ZygoteKind.SCI
    assert kind_of("import numpy\nx = (") is ZygoteKind.SCI
    assert kind_of("exec('import ' + 'numpy')") is ZygoteKind.SCI
    assert kind_of("(" * 100_000) is ZygoteKind.LIGHT


@given(st.binary(max_size=300))
def test_output_is_always_clean_text(data: bytes) -> None:
    text = clean_text(data)
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in text)
    assert not any(sign in text for sign in "\x1b\x7f\u202e\u2066\u200b")
    text.encode()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\rc\td", "a\nb\nc\td"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07end\x1b", "red end\ufffd"),
        (b"\x00\x08\x0b\x7f\xff", "\ufffd" * 5),
        ("ü中\x85\u202e\u2066\u200b\ufeff😀".encode(), "ü中" + "\ufffd" * 5 + "😀"),
        (b"\xe4\xb8\x00\xad", "\ufffd" * 3),
    ],
)
def test_what_is_made_of_output(data: bytes, text: str) -> None:
    assert clean_text(data) == text


def cpu_s(what: Callable[[], object]) -> float:
    """Of the best of three."""
    spent: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        what()
        spent.append(time.thread_time() - began)
    return min(spent)


@pytest.mark.pitfall("P48")
@pytest.mark.parametrize(
    "unit",
    [
        "\0",
        "a\0",
        "\x1b",
        "\x1bA",
        "\x1b[m",
        "\x1b[0",
        "\x1b]",
        "\r",
        "\x80",
        "\u200b",
        "\u2060\u2066中",
    ],
    ids=ascii,
)
def test_no_output_takes_long_to_clean(unit: str) -> None:
    """Of a mebibyte; one match per control character held the loop up for ten times as long."""
    data = unit.encode() * ((1 << 20) // len(unit.encode()))
    each = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\ufeff]")
    by_the_character = cpu_s(lambda: each.sub("\ufffd", "\0" * (1 << 20)))
    assert cpu_s(lambda: clean_text(data)) < by_the_character / 2


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_allows_what_its_table_says_and_nothing_else(machine: str) -> None:
    program = seccomp.build_filter(4242, machine=machine)
    arch = 0xC000003E if machine == "x86_64" else 0xC00000B7
    column = 0 if machine == "x86_64" else 1
    plain = {numbers[column] for numbers in seccomp._PLAIN.values()} - {None}
    guarded = {
        pair[column]
        for pair in (
            seccomp._CLONE,
            seccomp._TGKILL,
            seccomp._PRLIMIT,
            seccomp._IOCTL,
            seccomp._FCNTL,
        )
    }
    for number in range(600):
        verdict = _filtered(program, number=number, arch=arch)
        if number in plain:
            assert verdict == 0x7FFF0000, number
        elif number not in guarded:
            assert verdict & 0xFFFF0000 == 0x00050000, number
    assert _filtered(program, number=0, arch=1) == 0x80000000
    assert _filtered(program, number=0x40000000, arch=arch) == 0x80000000
    clone = seccomp._CLONE[column]
    assert _filtered(program, number=clone, arch=arch, arguments=(0x10000,)) == 0x7FFF0000
    assert _filtered(program, number=clone, arch=arch, arguments=(0x11,)) == 0x00050001
    tgkill = seccomp._TGKILL[column]
    assert _filtered(program, number=tgkill, arch=arch, arguments=(4242,)) == 0x7FFF0000
    assert _filtered(program, number=tgkill, arch=arch, arguments=(1,)) == 0x00050001
    limit = seccomp._PRLIMIT[column]
    assert _filtered(program, number=limit, arch=arch, arguments=(0, 7, 0)) == 0x7FFF0000
    assert _filtered(program, number=limit, arch=arch, arguments=(0, 7, 1 << 40)) == 0x00050001
    ioctl = seccomp._IOCTL[column]
    assert _filtered(program, number=ioctl, arch=arch, arguments=(0, 0x5401)) == 0x7FFF0000
    assert _filtered(program, number=ioctl, arch=arch, arguments=(0, 0x5412)) == 0x00050001
    fcntl = seccomp._FCNTL[column]
    assert _filtered(program, number=fcntl, arch=arch, arguments=(0, 6)) == 0x7FFF0000
    for owner_or_signal in (8, 10, 15, 1024, 1026):
        arguments = (0, owner_or_signal)
        assert _filtered(program, number=fcntl, arch=arch, arguments=arguments) == 0x00050001
    truncate = 76 if column == 0 else 45
    assert _filtered(program, number=truncate, arch=arch) == 0x00050001


def _filtered(program: bytes, *, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """What a kernel would say: the instructions that the filter uses, interpreted."""
    padded = (*arguments, *([0] * (6 - len(arguments))))
    data = number.to_bytes(4, "little") + arch.to_bytes(4, "little") + bytes(8)
    data += b"".join(argument.to_bytes(8, "little") for argument in padded)
    at, loaded = 0, 0
    while True:
        code = int.from_bytes(program[8 * at : 8 * at + 2], "little")
        then, otherwise = program[8 * at + 2], program[8 * at + 3]
        value = int.from_bytes(program[8 * at + 4 : 8 * at + 8], "little")
        at += 1
        match code:
            case 0x20:
                loaded = int.from_bytes(data[value : value + 4], "little")
            case 0x15:
                at += then if loaded == value else otherwise
            case 0x35:
                at += then if loaded >= value else otherwise
            case 0x45:
                at += then if loaded & value else otherwise
            case 0x06:
                return value
            case _:
                raise AssertionError(code)


# ------------------------------------------------------------------ the tables of attacks and controls


def rows(name: str) -> list[dict[str, object]]:
    path = TABLES / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


needs_tables = pytest.mark.skipif(
    not TABLES.is_dir(), reason="the tables of bad inputs are not here"
)


@needs_tables
async def test_every_row_of_ordinary_programs_works(sandbox: ZygoteSandbox) -> None:
    for row in rows("python_ordinary.jsonl"):
        expect = row["expect"]
        assert isinstance(expect, dict)
        result = await sandbox.run(str(row["input"]), timeout=20)
        assert result.status.value in expect["status"], f"{row['id']}: {result.stderr}"
        for part in expect["out_includes"]:
            assert part in result.stdout, row["id"]


@needs_tables
async def test_every_row_of_attacks_is_contained(
    sandbox: ZygoteSandbox, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_API_KEY", "CANARY-ENV-77")
    stdout = sys.stdout
    async with asyncio.TaskGroup() as group:
        for row in rows("python_attacks.jsonl"):
            group.create_task(_contained(sandbox, row, canaries))
    canaries.assert_untouched()
    assert sys.stdout is stdout


async def _contained(sandbox: ZygoteSandbox, row: dict[str, object], canaries: Canaries) -> None:
    """Play one row: its snippets in order or at once, then an ordinary call."""
    given, expect = row["input"], row["expect"]
    assert isinstance(expect, dict)
    # A busy machine may need more than the table's three seconds to reach the limit that is meant.
    may_time_out = "timeout" in expect.get("status", ["timeout"])
    limit = float(str(row.get("timeout_s") or (3 if may_time_out else 20)))
    wanted: object = row.get("collect") or list[str]()
    assert isinstance(wanted, list)
    snippets = given["snippets"] if isinstance(given, dict) else [{"code": given}]
    told: list[str] = []
    statuses: list[str] = []

    async def one(snippet: dict[str, object]) -> None:
        code = _filled(str(snippet["code"]), canaries)
        result = await sandbox.run(code, timeout=limit, collect=wanted)
        assert result.wall_s <= limit + 0.5, row["id"]
        told.append(result.stdout + result.stderr + repr(result.artifacts))
        statuses.append(result.status.value)

    if isinstance(given, dict) and given["mode"] == "concurrent":
        async with asyncio.TaskGroup() as group:
            for snippet in snippets:
                group.create_task(one(snippet))
    else:
        for snippet in snippets:
            await one(snippet)
    for text in told:
        bad = [*GIVEN_AWAY, *expect.get("out_excludes", [])]
        assert not [word for word in bad if word in text], f"{row['id']}: {text[:300]}"
    if "status" in expect:
        assert statuses[-1] in expect["status"], f"{row['id']}: {statuses} {told[-1][:300]}"
    assert (await sandbox.run("print(1)", timeout=5)).stdout == "1\n", row["id"]


def _filled(code: str, canaries: Canaries) -> str:
    return (
        code
        .replace("@DIR@", str(canaries.folder))
        .replace("@PORT@", str(canaries.port))
        .replace("@UPORT@", str(canaries.port))
        .replace("@HPID@", str(os.getpid()))
        .replace("@TMP@", "/tmp")  # noqa: S108 - the system's own
    )
