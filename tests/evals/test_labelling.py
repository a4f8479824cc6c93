"""Labels by hand in a terminal: one key each, saved at once, gone on with by the same command."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders import a_task
from tests.evals.stored_runs import answers, write_run
from vision_deepresearch.cli.main import run as vdr
from vision_deepresearch.evals.labels import read_sheet

COMMAND = [sys.executable, "-m", "vision_deepresearch", "eval", "label"]


async def a_run(folder: Path) -> Path:
    tasks = [a_task(ref=f"test/{n}", question=f"Which town is number {n}?") for n in range(8)]
    return await write_run(
        folder, answers(tasks, ["Ostrel"] * 4 + ["Brno\x1b[2J"] * 4), judged=True
    )


def typed(command: list[str], keys: list[tuple[str, str]]) -> str:
    """What a terminal shows; each key is typed once the words before it have been shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as process:
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + 60
        waiting = list(keys)
        seen = 0
        while time.monotonic() < deadline:
            if waiting and waiting[0][0].encode() in shown[seen:]:
                seen = len(shown)
                os.write(ours, waiting.pop(0)[1].encode())
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break  # the other end is closed
            if not piece:
                break
            shown += piece
        process.wait(timeout=30)
        assert process.returncode == 0, shown.decode(errors="replace")
    os.close(ours)
    return shown.decode(errors="replace")


@pytest.mark.timeout(120)
async def test_a_person_labels_in_a_terminal_and_goes_on_later(tmp_path: Path) -> None:
    folder = await a_run(tmp_path / "run")
    command = [*COMMAND, str(folder), "--size", "6"]
    keys = [("1 of 6", "y"), ("2 of 6", "n"), ("3 of 6", "?"), ("s later", "b"), ("2 of 6", "y")]
    shown = await asyncio.to_thread(typed, command, [*keys, ("3 of 6", "q")])
    assert "2 of 6 labelled" in shown
    assert "the same command goes on" in shown
    assert "\x1b[2J" not in shown, "an answer does not speak to the terminal"
    sheet = read_sheet(folder / "labels.jsonl")
    assert [one.label for one in sheet] == [True, True, None, None, None, None]
    rest = [(f"{n} of 6", "y" if sheet[n - 1].answer == "Ostrel" else "n") for n in range(3, 7)]
    shown = await asyncio.to_thread(typed, [*command, "--json"], rest)
    result = json.loads(shown[shown.index("{") :])
    assert (result["labelled"], result["of"]) == (6, 6)
    right = sum(one.answer == "Ostrel" for one in sheet)
    wrongly = sum(one.answer != "Ostrel" for one in sheet[:2])
    assert result["calibration"]["labels"] == 6
    assert result["calibration"]["agreed"] == pytest.approx((6 - wrongly) / 6)
    assert right == 3


async def test_lines_stand_for_keys_where_there_is_no_terminal(tmp_path: Path) -> None:
    folder = await a_run(tmp_path / "run")
    command = [*COMMAND, str(folder), "--sheet", str(tmp_path / "s.jsonl"), "--json"]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input="y\n\nwhat\ns\ny\n",
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert (result["labelled"], result["of"]) == (2, 8)
    labels = [one.label for one in read_sheet(tmp_path / "s.jsonl")]
    assert labels == [True, None, True, *[None] * 5]


async def test_a_sheet_of_another_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = await a_run(tmp_path / "run")
    sheet = tmp_path / "other.jsonl"
    line = {"task_id": "x", "attempt": 0, "question": "?", "gold": ["a"], "answer": "a"}
    sheet.write_text(json.dumps(line))
    command = ["eval", "label", str(folder), "--sheet", str(sheet)]
    assert await asyncio.to_thread(vdr, command) == 2
    assert "another run" in capsys.readouterr().err
    sheet.write_text("{}")
    assert await asyncio.to_thread(vdr, command) == 2
    assert "expected a sheet" in capsys.readouterr().err
