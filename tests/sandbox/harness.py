"""What attacks are aimed at, and how to see whether one hit: the same for every user and filter."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import vision_deepresearch
from tests.sandbox.attacks import MARK, Attack, attacks
from vision_deepresearch.sandbox.run import ZygoteSandbox

GIVEN_AWAY = (MARK, "CANARY", "root:x")
"""None of it may stand in what a program told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """A key, a cache, an empty place to write to, and a port where nobody may knock."""

    folder: Path
    port: int

    @property
    def secret(self) -> Path:
        """Holds CANARY-FILE-42."""
        return self.folder / "home" / ".ssh" / "id_ed25519"

    def attacks(self) -> list[Attack]:
        """All of them, aimed at these canaries and this process."""
        return list(
            attacks(
                secret=str(self.secret),
                folder=str(self.folder),
                source=str(Path(vision_deepresearch.__file__).parent.parent),
                host=os.getpid(),
                port=self.port,
            )
        )

    def assert_untouched(self) -> None:
        """Nothing was written."""
        assert not list((self.folder / "pwn").iterdir())
        assert (self.folder / "cache.sqlite").read_text() == "good cache"
        assert not Path("/dev/shm/vdr-x").exists()  # noqa: S108 - what must not be there


@contextlib.contextmanager
def canaries_in(folder: Path) -> Iterator[Canaries]:
    """Set them up; at the end nobody may have knocked."""
    (folder / "home" / ".ssh").mkdir(parents=True)
    (folder / "home" / ".ssh" / "id_ed25519").write_text("CANARY-FILE-42")
    (folder / "cache.sqlite").write_text("good cache")
    (folder / "pwn").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Canaries(folder=folder, port=listener.getsockname()[1])
        with contextlib.suppress(BlockingIOError):
            listener.accept()
            raise AssertionError("somebody connected")


async def escapes(box: ZygoteSandbox, tried: Sequence[Attack]) -> list[str]:
    """Names of the attacks that reached their goal, with what they told."""
    out: list[str] = []

    async def attempt(attack: Attack) -> None:
        result = await box.run(attack.code, timeout=5)
        told = result.stdout + result.stderr
        if any(word in told for word in GIVEN_AWAY):
            out.append(f"{attack.name}: {told[:200]}")

    async with asyncio.TaskGroup() as group:
        for attack in tried:
            group.create_task(attempt(attack))
    return out
