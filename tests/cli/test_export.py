"""`vdr export` and `vdr import-data`: what they print, and their exit codes."""

import json
from pathlib import Path

import pytest

from tests.train.export.run_sample import hostile_episode, media_of, store
from vision_deepresearch.cli.main import run


def test_a_run_goes_out_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    store(folder, hostile_episode(media_of(folder)))
    assert run(["export", str(folder), "--format", "ms-swift", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["num_lines"], told["num_refused"]) == (1, 0)
    out = folder / "export" / "ms-swift"
    assert told["out"] == str(out)
    assert run(["import-data", str(out), str(tmp_path / "back")]) == 0
    assert "1 task and 1 attempt of 1 row" in capsys.readouterr().out
    assert run(["export", str(folder), "--format", "trl", "--out", str(tmp_path / "trl")]) == 1
    assert "refused: 1 needs_flags" in capsys.readouterr().out
    assert run(["export", str(tmp_path / "back"), "--format", "jsonl"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "{run}", "--format", "x"], "unknown format 'x': use one of jsonl, parquet"),
        (["export", "{run}", "--format", "jsonl", "--only", "good"], "--only"),
        (["export", "{none}", "--format", "jsonl"], "expected a run folder"),
        (["import-data", "{none}", "{out}"], "expected a table"),
        (["import-data", "{run}", "{out}", "--split", "dev"], "--split"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_a_sentence(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    store(folder, hostile_episode(media_of(folder)))
    places = {"run": folder, "none": tmp_path / "none", "out": tmp_path / "out"}
    assert run([one.format(**places) for one in arguments]) == 2
    assert words in capsys.readouterr().err
