"""Every command the documents show exists, with the flags they show."""

import re
import shlex
from pathlib import Path

import pytest

from vision_deepresearch.cli.main import run

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> list[list[str]]:
    """Arguments of all `vdr` commands in the code blocks of the documents."""
    found = []
    for document in DOCUMENTS:
        for block in re.findall(r"```[a-z]*\n(.*?)```", document.read_text(), re.DOTALL):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                for piece in line.split("#")[0].split("&&"):
                    words = shlex.split(piece)
                    if words[:1] == ["vdr"] and words[1:] != ["--help"]:
                        found.append(words[1:])
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_shown_commands_exist_with_their_flags(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = []
    for word in command:
        if word.startswith("-") or run([*path, word, "--help"]) != 0:
            break
        path.append(word)
        if path[0] not in {"world", "eval", "tape", "synth"} or len(path) == 2:
            break
    assert path, command
    capsys.readouterr()
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    flags = [word for word in command if word.startswith("-") and word != "--help"]
    assert not [flag for flag in flags if flag not in shown]


def test_the_readme_shows_commands() -> None:
    assert len(commands()) >= 8, "README lost its commands"
    assert "make demo" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
