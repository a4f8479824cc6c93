"""Bytes that would run a program when they are unpickled are refused wherever a file is taken."""

from pathlib import Path

import pytest

from vision_deepresearch.cli.main import run


def a_trap(folder: Path) -> tuple[Path, Path]:
    """A pickle that makes a file when it is read as one, and that file."""
    canary = folder / "canary"
    # protocol 0: os.mkdir(canary)
    trap = folder / "image_search_results_cache.pkl"
    trap.write_bytes(b"cposix\nmkdir\n(V" + str(canary).encode() + b"\ntR.")
    return trap, canary


@pytest.mark.pitfall("P38")
@pytest.mark.parametrize(
    "command",
    [
        ["ask", "@", "-q", "x", "--world", "generated:tiny"],
        ["eval", "run", "--world", "@"],
        ["eval", "run", "--world", "generated:tiny", "--tape", "auto:@"],
        ["eval", "run", "--world", "generated:tiny", "--tape", "replay:@"],
        ["eval", "run", "--world", "generated:tiny", "--model", "scripted:@"],
        ["eval", "run", "--world", "generated:tiny", "--config", "@"],
        ["world", "import", "@", "world"],
        ["tape", "ls", "@"],
        ["tape", "merge", "merged.db", "@"],
        ["view", "@"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("tiny_world")
def test_a_pickle_is_refused_and_never_opened_as_one(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trap, canary = a_trap(tmp_path)
    assert run([part.replace("@", str(trap)) for part in command]) in {2, 75}
    assert not canary.exists()
