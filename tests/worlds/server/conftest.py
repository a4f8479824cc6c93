"""A small generated world with markers planted into its truth, and a server of it in a process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec

SPEC = WorldSpec(preset="test", seed=5, num_entities=80, num_tasks=3)
MARKER = "TRUTHMARKERQZX"
ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = """
import json, sys
from vision_deepresearch.cli.serve_world import serve
if __name__ == "__main__":
    serve(sys.argv[1], **json.loads(sys.argv[2]))
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose questions, answers and proofs all hold a marker."""
    path = tmp_path_factory.mktemp("served") / "world"
    build_world(SPEC, path)
    for name in ("tasks.jsonl", "truth/proofs.jsonl"):
        text = (path / name).read_text(encoding="utf-8")
        keys = "question|answers|label|expected|text|value|predicate"
        marked = re.sub(rf'"({keys})":\[?"', lambda found: f"{found[0]}{MARKER} ", text)
        assert MARKER in marked
        (path / name).write_text(marked, encoding="utf-8")
    (path / "truth" / "secret.txt").write_text(MARKER)
    return path


@contextmanager
def served(world: Path | str, options: str = "{}") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process group of its own: its address and the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(world), options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"at (http://\S+) ", line)
        assert found, f"no address in {line!r}"
        yield found[1], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
        process.stdout.close()


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[str]:
    """The address of a server that all tests share."""
    with served(folder, '{"port": 0, "workers": 1}') as (url, _):
        yield url
