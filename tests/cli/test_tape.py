"""`vdr tape` and `vdr cost` on a run of the demo world."""

import json
from pathlib import Path
from typing import Any  # noqa: TID251 - JSON as a program would read it

import pytest

from tests.builders import a_picture
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


@pytest.mark.pitfall("P38")
def test_a_pickle_is_refused_unread_wherever_a_recording_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As public data sets of this paradigm ship them: `*_image_search_results_cache.pkl`."""
    touched = tmp_path / "touched"
    cache = tmp_path / "0_image_search_results_cache.pkl"
    cache.write_bytes(b"\x80\x04cpathlib\nPath.touch\n(V" + str(touched).encode() + b"\ntR.")
    tape, photo = str(cache), tmp_path / "photo.png"
    photo.write_bytes(a_picture())
    asked = ["ask", str(photo), "-q", "What?", "--world", "generated:tiny", "--model", "seat"]
    for command in (
        ["tape", "ls", tape],
        ["tape", "stats", tape],
        ["tape", "show", tape, "ab"],
        ["tape", "merge", str(tmp_path / "all.tape"), tape],
        ["tape", "merge", tape, tape],
        ["world", "import", tape, str(tmp_path / "world")],
        [*asked, "--out", str(tmp_path / "a"), "--tape", f"replay:{tape}"],
        [*asked, "--out", str(tmp_path / "b"), "--tape", f"auto:{tape}"],
    ):
        assert run(command) == 2, command
        assert "expected" in capsys.readouterr().err
    assert not touched.exists()
    assert cache.read_bytes().startswith(b"\x80\x04cpathlib"), "nor is it written to"


def test_what_is_no_tape_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["tape", "ls"], ["tape", "stats"], ["cost"]):
        assert run([*command, str(tmp_path / "none")]) == 2
        assert "expected" in capsys.readouterr().err
