"""Tier C: the same zygote behind a command of the user, here a double of a container client."""

import asyncio
import json
import platform
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

import vision_deepresearch
from tests.sandbox.attacks import mutated
from tests.sandbox.harness import canaries_in, escapes
from tests.sandbox.ordinary import ORDINARY
from tests.sandbox.test_hostile import descendants
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.errors import ConfigError, SandboxError
from vision_deepresearch.core.protocols import SandboxStatus
from vision_deepresearch.sandbox.inside import landlock
from vision_deepresearch.sandbox.probe import find_tier, probe_tier
from vision_deepresearch.sandbox.run import ZygoteSandbox
from vision_deepresearch.sandbox.tiers import Runner, Tier
from vision_deepresearch.store.run import RunFolder

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(vision_deepresearch.__file__).parent.parent
PATHS = f"{ROOT}:{SOURCE}"
DOUBLE = Runner(
    command=(sys.executable, "-B", "-m", "tests.sandbox.runner_double"),
    environment={"PYTHONPATH": PATHS},
)
pytestmark = [
    pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the double's filter"),
    pytest.mark.timeout(180),
]


@pytest.fixture
async def remote() -> AsyncIterator[ZygoteSandbox]:
    async with ZygoteSandbox(Tier.C, runner=DOUBLE) as box:
        yield box


async def test_the_probe_finds_it_only_by_name() -> None:
    tier, (probe,) = await find_tier("C", runner=DOUBLE)
    assert (tier, probe.reason) == (Tier.C, "self-test passed")
    tier, probes = await find_tier(runner=DOUBLE)
    assert tier is not Tier.C
    assert Tier.C not in {probe.tier for probe in probes}
    with pytest.raises(ConfigError, match="set python_runner"):
        await find_tier("C")


async def test_attacks_are_held_and_ordinary_programs_work(
    remote: ZygoteSandbox, tmp_path: Path
) -> None:
    rng = random.Random(17)
    with canaries_in(tmp_path) as canaries:
        tried = [mutated(attack, rng=rng) for attack in rng.sample(canaries.attacks(), 40)]
        assert await escapes(remote, tried) == []
        canaries.assert_untouched()
    for program in rng.sample(ORDINARY, 12):
        result = await remote.run(program.code, timeout=30)
        assert program.out in result.stdout, f"{program.name}: {result.stderr}"
        assert result.tier == "C"


async def test_limits_files_and_ends_are_as_everywhere(remote: ZygoteSandbox) -> None:
    endless = await remote.run("while True: pass", timeout=0.5)
    assert endless.status is SandboxStatus.TIMEOUT
    data = random.Random(3).randbytes(3 << 20)
    code = "open('out.bin', 'wb').write(open('in.bin', 'rb').read()[::-1])"
    result = await remote.run(code, timeout=20, inputs={"in.bin": data}, collect=["out.bin"])
    assert result.artifacts == {"out.bin": data[::-1]}
    told = await remote.run("import os\nos.write(0, b'x'); os.write(1, b'{}')", timeout=5)
    assert told.status in {SandboxStatus.ERROR, SandboxStatus.OK}
    assert (await remote.run("print(1)", timeout=5)).stdout == "1\n"
    zygotes = list(remote._zygotes.values())
    await remote.__aexit__(None, None, None)
    await asyncio.sleep(0.2)
    assert not [zygote for zygote in zygotes if descendants(zygote.process.pid)]


async def test_a_runner_that_dies_is_started_again(remote: ZygoteSandbox) -> None:
    assert (await remote.run("print(1)", timeout=5)).stdout == "1\n"
    (zygote,) = remote._zygotes.values()
    zygote.process.kill()
    assert (await remote.run("print(2)", timeout=5)).stdout == "2\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("/nowhere/docker", "run"), "does not start"),
        (("sh", "-c", "echo 'no such image: python' >&2; exit 125"), "no such image"),
        (("sh", "-c", "head -c 4 /dev/zero | tr '\\0' '\\377'; sleep 1"), "does not start"),
    ],
)
async def test_a_runner_that_does_not_start_is_refused_with_its_last_words(
    command: tuple[str, ...], told: str
) -> None:
    probe = await probe_tier(Tier.C, runner=Runner(command=command, environment={"PATH": "/bin"}))
    assert not probe.holds
    assert told in probe.reason


@pytest.mark.parametrize("reply", ["hello", '{"id": 1, "exit": 0}', "[]"])
async def test_a_runner_that_talks_nonsense_is_no_sandbox(reply: str) -> None:
    """It answers the start, then something that no zygote of ours says, or a result of nothing."""
    frames = b"".join(len(m).to_bytes(4, "big") + m for m in (b"{}", reply.encode()))
    script = f"import os; os.write(1, {frames!r}); os.read(0, 1)"
    runner = Runner(command=(sys.executable, "-c", script), environment={})
    probe = await probe_tier(Tier.C, runner=runner)
    assert not probe.holds


async def test_a_runner_without_the_layers_runs_nothing() -> None:
    """A kernel without seccomp, as far as the zygote can tell: the program is not run."""
    script = (
        "import errno, sys\n"
        "from vision_deepresearch.sandbox.inside import seccomp\n"
        "def refused(program): raise OSError(errno.EINVAL, 'no filters here')\n"
        "seccomp.load_filter = refused\n"
        "sys.argv[0] = 'x'\n"
        "import runpy; runpy.run_module('vision_deepresearch.sandbox.inside', run_name='__main__')"
    )
    runner = Runner(command=(sys.executable, "-c", script), environment={"PYTHONPATH": PATHS})
    async with ZygoteSandbox(Tier.C, runner=runner) as box:
        with pytest.raises(SandboxError, match="no filters here"):
            await box.run("print(1)", timeout=5)


@pytest.mark.usefixtures("tiny_world")
def test_a_run_names_it_and_refuses_half_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script, out = tmp_path / "script.jsonl", tmp_path / "run"
    call = {"name": "python", "arguments": {"code": "print(6 * 7)"}}
    replies = (
        f"<think>.</think><tool_call>{json.dumps(call)}</tool_call>",
        "<think>.</think><answer>42</answer>",
    )
    script.write_text("".join(json.dumps({"text": reply}) + "\n" for reply in replies))
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 48)).save(photo)
    command = ["ask", str(photo), "-q", "How many?", "--world", "generated:tiny", "--json"]
    command += ["--model", f"scripted:{script}", "--out", str(out)]
    runner = f"env PYTHONPATH={PATHS} {sys.executable} -B -m tests.sandbox.runner_double"
    assert run([*command, "--set", f"python_runner={runner}"]) == 2
    assert "set python=C" in capsys.readouterr().err
    assert run([*command, "--set", "python=C"]) == 2
    assert "set python_runner" in capsys.readouterr().err
    told = [*command, "--set", "python=C", "--set", f"python_runner={runner}"]
    assert run(told) == 0, capsys.readouterr().err
    ((_, trajectory, _),) = RunFolder.read(out).traces()
    (asked,) = trajectory.turns[0].calls
    assert "42" in "".join(part.text for part in asked.observation.parts if part.kind == "text")
    about = json.loads((out / "provenance.json").read_text())
    assert '"C"' in json.dumps(about)
