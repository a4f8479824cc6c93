"""How a zygote is started in each tier.

    A   bubblewrap namespaces around Landlock, seccomp and limits
    B   Landlock, seccomp and limits: works in containers that forbid new namespaces
    C   the layers of B inside what a command of the user starts: a container, another machine

Below that nothing is a boundary, so there is no tier: the tool says it is not available.
"""

import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import vision_deepresearch
from vision_deepresearch.sandbox.kinds import ZygoteKind
from vision_deepresearch.sandbox.limits import SandboxLimits

_START = (
    "import sys; sys.path.insert(0, sys.argv.pop()); "
    "from vision_deepresearch.sandbox.inside.zygote import main; main()"
)
_INSIDE = "/inside"
_SCRATCH = "/scratch"


class Tier(StrEnum):
    """What stands between a program and the machine."""

    A = "A"
    B = "B"
    C = "C"
    """Only with a `Runner`, and only if asked for by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What carries a zygote of tier C."""

    command: tuple[str, ...]
    """Its standard input and output become those of `python -m vision_deepresearch.sandbox.inside`;
    the kind of zygote is added as the last argument."""
    environment: Mapping[str, str]
    """Of the command itself; programs see none of it."""


def can_try(tier: Tier) -> bool:
    """Whether what a tier needs is here at all; only a probe tells whether it holds.

    Tier C needs a `Runner`, so never by itself.
    """
    if tier is Tier.C:
        return False
    return sys.platform == "linux" and (tier is Tier.B or shutil.which("bwrap") is not None)


def command_for(
    tier: Tier, *, kind: ZygoteKind, scratch: Path, channel: int, limits: SandboxLimits
) -> list[str]:
    """The command line of a zygote on this machine.

    Args:
        tier: in which to start it, A or B.
        kind: what it loads.
        scratch: folder for the programs' folders (tier B); tier A has its own, in memory.
        channel: descriptor of its end of the socket.
        limits: decide how large tier A's folder is.
    """
    site = sysconfig.get_paths()["purelib"]
    own = Path(vision_deepresearch.__file__).parent
    # The interpreter itself, not the link in a virtual environment: that one is not needed inside.
    python = [
        str(Path(sys.executable).resolve()),
        "-I",
        "-S",
        "-B",
        "-c",
        _START,
        str(channel),
        kind.value,
    ]
    if tier is Tier.B:
        return [*python, str(scratch), site, str(own.parent)]
    return [*_bubblewrap(own=own, site=site, limits=limits), *python, _SCRATCH, site, _INSIDE]


def _bubblewrap(*, own: Path, site: str, limits: SandboxLimits) -> list[str]:
    """Own namespaces, no capabilities, no /proc, no /etc; of the project this package alone."""
    bwrap = shutil.which("bwrap")
    assert bwrap is not None, "asked for only where it is"
    size = str(limits.scratch_bytes * limits.concurrency)
    arguments = [
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
        "--ro-bind", "/usr", "/usr",
        "--dev", "/dev",
        "--size", size, "--tmpfs", _SCRATCH,
    ]  # fmt: skip
    for name in ("lib", "lib64", "lib32"):
        place = Path("/", name)
        if place.is_symlink():
            arguments += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            arguments += ["--ro-bind", str(place), str(place)]
    for place in (sys.base_prefix, site):
        if not place.startswith("/usr/"):
            arguments += ["--ro-bind", place, place]
    for part in ("__init__.py", "sandbox/__init__.py", "sandbox/inside"):
        arguments += ["--ro-bind", str(own / part), f"{_INSIDE}/vision_deepresearch/{part}"]
    return [*arguments, "--remount-ro", "/", "--"]
