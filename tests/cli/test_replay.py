"""A finished run is a tape: another folder replays it, and a strict replay never goes outside."""

import json
from pathlib import Path

import pytest

from tests.cli.replayed import what_happened
from vision_deepresearch.cli.main import run
from vision_deepresearch.store.run import RunFolder


@pytest.mark.pitfall("P37")
def test_a_run_replays_word_for_word_and_a_miss_stops_it(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    command = ["eval", "run", "--world", str(tiny_world), "--json", "--today", "2026-01-01"]
    assert run([*command, "--tasks", "2", "--out", str(first)]) == 0
    tape = f"replay-strict:{first / 'run.db'}"
    assert run([*command, "--tasks", "2", "--out", str(again), "--tape", tape]) == 0
    assert what_happened(again) == what_happened(first)
    capsys.readouterr()
    more = tmp_path / "more"
    assert run([*command, "--tasks", "3", "--out", str(more), "--tape", tape]) == 2
    assert "recording" in capsys.readouterr().err
    with RunFolder.read(more) as view:
        assert view.counts().rejects == 0


def test_a_run_of_the_same_folder_does_only_what_is_missing(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "run", "--world", str(tiny_world), "--json", "--out", str(tmp_path / "run")]
    assert run([*command, "--tasks", "1"]) == 0
    capsys.readouterr()
    assert run([*command, "--tasks", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["skipped"], told["done_now"], told["episodes"]) == (1, 1, 2)
