"""`vdr tape` and `vdr cost` on a run of the demo world."""

import json
from pathlib import Path
from typing import Any  # noqa: TID251 - JSON as a program would read it

import pytest

from vision_deepresearch.cli.main import run


def told(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_recordings_of_a_run_are_listed_shown_counted_and_merged(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tmp_path / "first"
    command = ["eval", "run", "--world", str(tiny_world), "--tasks", "1", "--today", "2026-01-01"]
    assert run([*command, "--out", str(first)]) == 0
    listed = told(capsys, "tape", "ls", str(first), "--limit", "3")["recordings"]
    assert len(listed) == 3
    shown = told(capsys, "tape", "show", str(first), listed[0]["key"][:16])
    assert shown["key"] == listed[0]["key"]
    assert shown["request"]["kind"] == listed[0]["kind"]
    groups = told(capsys, "tape", "stats", str(first))["groups"]
    kinds = {group["kind"] for group in groups}
    assert {"image_search", "page_read"} <= kinds
    merged = told(capsys, "tape", "merge", str(tmp_path / "all.tape"), str(first))
    assert merged["taken"] == sum(group["recordings"] for group in groups)
    again = tmp_path / "again"
    tape = f"replay-strict:{tmp_path / 'all.tape'}"
    assert run([*command, "--out", str(again), "--tape", tape]) == 0
    bill = told(capsys, "cost", str(again))
    assert bill["trajectories"] == 1
    assert bill["cost_usd"] == 0
    assert bill["paid_calls"] == 0
    for words in (["tape", "ls"], ["tape", "stats"], ["cost"]):
        assert run([*words, str(first)]) == 0
    assert "replayed" in capsys.readouterr().out


def test_what_is_no_tape_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["tape", "ls"], ["tape", "stats"], ["cost"]):
        assert run([*command, str(tmp_path / "none")]) == 2
        assert "expected" in capsys.readouterr().err
