"""The sandbox holds for an unprivileged user, and inside a container that forbids new namespaces."""

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import vision_deepresearch
from tests.sandbox.contained import Played, Wanted
from vision_deepresearch.sandbox.inside import landlock
from vision_deepresearch.sandbox.tiers import Tier, can_try

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
pytestmark = [
    pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock"),
    pytest.mark.timeout(300),
]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter has these numbers")


@pytest.fixture(scope="module")
def everybodys_python() -> Iterator[str]:
    """An interpreter with our libraries that any user may run, if there is one.

    Ours may stand in a closed home folder. So: the system's, of the same version, in an environment
    whose library folder is a link to ours.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = Path("/usr/bin", version)
    with tempfile.TemporaryDirectory(prefix="vdr-venv-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "bin").mkdir()
        (place / "lib" / version).mkdir(parents=True)
        (place / "bin" / "python").symlink_to(system)
        (place / "pyvenv.cfg").write_text("home = /usr/bin\n")
        site = sysconfig.get_paths()["purelib"]
        (place / "lib" / version / "site-packages").symlink_to(site)
        yield str(place / "bin" / "python")


def play(wanted: Wanted, *, user: int | None = None, python: str = sys.executable) -> Played:
    """In a process of its own.

    Args:
        wanted: what.
        user: who; None: whoever runs the tests.
        python: which interpreter; the test is skipped where this user cannot run it.
    """
    source = Path(vision_deepresearch.__file__).parent.parent

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-B", *arguments],
            env={"PYTHONPATH": f"{ROOT}:{source}", "FAKE_API_KEY": "CANARY-ENV-77"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=1700,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    if user is not None:
        try:
            can = run("-c", "import pydantic_core, numpy, concurrent.futures.thread")
        except (PermissionError, FileNotFoundError) as error:
            pytest.skip(f"another user cannot run this: {error}")
        if can.returncode != 0:
            pytest.skip(f"another user cannot run this: {can.stderr.splitlines()[-1]}")
    done = run("-m", "tests.sandbox.contained", wanted.model_dump_json())
    assert done.returncode == 0, done.stderr
    return Played.model_validate_json(done.stdout)


@as_root
@x86_64
@pytest.mark.pitfall("P46")
def test_nobody_in_a_container_is_held_by_tier_b(everybodys_python: str) -> None:
    """Every attack; no new namespaces, so the probe has to choose B without being told."""
    wanted = Wanted(docker=True, tier=None, every=True, mutated=40)
    played = play(wanted, user=NOBODY, python=everybodys_python)
    assert played.uid == NOBODY
    assert not played.new_namespace
    assert played.found is Tier.B
    assert "self-test passed" not in played.reasons["A"]
    assert played.reasons["B"] == "self-test passed"
    assert played.tried > 190
    assert played.escapes == []
    assert played.ordinary == "42\n"


@x86_64
def test_this_user_in_a_container_is_held_by_tier_b() -> None:
    played = play(Wanted(docker=True, tier=None, every=False, mutated=20))
    assert not played.new_namespace
    assert played.found is Tier.B
    assert played.escapes == []
    assert played.ordinary == "42\n"


@as_root
@pytest.mark.parametrize("tier", [tier for tier in Tier if can_try(tier)], ids=str)
def test_nobody_is_held_by_every_tier(tier: Tier, everybodys_python: str) -> None:
    wanted = Wanted(docker=False, tier=tier, every=False, mutated=20)
    played = play(wanted, user=NOBODY, python=everybodys_python)
    assert played.uid == NOBODY
    assert played.found is tier, played.reasons
    assert played.escapes == []
    assert played.ordinary == "42\n"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@as_root
@x86_64
@pytest.mark.parametrize("user", [None, NOBODY])
@pytest.mark.parametrize("where", ["A", "B", "B in a container"])
def test_six_hundred_mutated_attacks_for_every_user_and_filter(
    user: int | None, where: str, everybodys_python: str
) -> None:
    tier = Tier(where[0])
    if not can_try(tier):
        pytest.skip("no bubblewrap here")
    wanted = Wanted(docker=where != tier.value, tier=tier, every=True, mutated=600)
    python = sys.executable if user is None else everybodys_python
    played = play(wanted, user=user, python=python)
    assert played.found is tier, played.reasons
    assert played.tried > 750
    assert played.escapes == []
