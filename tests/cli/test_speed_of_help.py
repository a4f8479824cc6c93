"""Help is instant because commands import late, and the core install carries no torch."""

import subprocess
import sys
from importlib.metadata import requires

import pytest

COMMANDS: list[list[str]] = [
    [],
    ["demo"],
    ["ask"],
    ["play"],
    ["view"],
    ["world"],
    ["world", "build"],
    ["world", "info"],
    ["world", "search"],
    ["world", "look"],
    ["world", "read"],
    ["world", "tasks"],
    ["eval"],
    ["eval", "run"],
    ["bench"],
    ["doctor"],
    ["tape"],
    ["tape", "merge"],
    ["cost"],
]
GROUPS: list[list[str]] = [[], ["world"], ["eval"], ["tape"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; from vision_deepresearch.cli.main import run; "
        f"code = run({[*command, '--help']!r}); "
        "heavy = {'numpy', 'cv2', 'PIL', 'faiss', 'torch', 'lxml'} & set(sys.modules); "
        "sys.exit(code or ','.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in GROUPS], ids=" ".join)
def test_every_command_shows_an_example(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vision_deepresearch", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert "Example:" in done.stdout


def test_the_core_install_asks_for_no_torch() -> None:
    core = [line for line in requires("vision-deepresearch") or [] if "extra ==" not in line]
    assert core
    assert not [line for line in core if line.startswith(("torch", "transformers", "ray"))]
