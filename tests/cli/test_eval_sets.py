"""Public sets on the command line: listed, checked, run, gone on with; protected ones stay dark."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any  # noqa: TID251 - JSON as a program would read it

import pytest

from tests.evals.benchmarks.small_sets import (
    SECRET_ANSWER,
    SECRET_QUESTION,
    as_base64,
    picture,
    write_lines,
    written,
)
from tests.models.openai_double import OpenAiDouble
from vision_deepresearch.cli.main import run
from vision_deepresearch.evals.benchmarks.catalog import SOURCES
from vision_deepresearch.store.run import RunFolder

SEARCH = {"name": "search", "arguments": {"query": [SECRET_QUESTION]}}
STEPS = [
    f"<think>{SECRET_QUESTION}</think><tool_call>{json.dumps(SEARCH)}</tool_call>",
    f"<think>so</think><answer>{SECRET_ANSWER}</answer>",
]


def told(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*command, "--json"]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def all_bytes(folder: Path) -> bytes:
    """All that lies in a folder, and what every packed piece of it unpacks to."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        found.append(data)
        for start in range(len(data) - 1):
            if data[start] == 0x78 and data[start + 1] in {0x01, 0x5E, 0x9C}:
                try:
                    found.append(zlib.decompressobj().decompress(data[start:]))
                except zlib.error:
                    continue
    return b"\0".join(found)


def leaks(folder: Path) -> list[str]:
    """Which of the secrets can be read in a folder."""
    data = all_bytes(folder).lower()
    return [word for word in (SECRET_QUESTION, SECRET_ANSWER) if word.lower().encode() in data]


def test_sets_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    listed = told(capsys, "eval", "sets")["sets"]
    assert [one["name"] for one in listed] == list(SOURCES)
    one = told(capsys, "eval", "sets", "bc-vl")
    assert one["subsets"] == ["level1", "level2", "paper"]
    assert run(["eval", "sets", "mmsearch-plus"]) == 0
    assert "never written in plain text" in capsys.readouterr().out
    assert run(["eval", "sets", "nothing"]) == 2
    assert "known are official" in capsys.readouterr().err


def test_a_copy_is_checked_row_by_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written("bc-vl", tmp_path / "set")
    (folder / "images" / "level1" / "level1_1.jpg").unlink()
    checked = told(capsys, "eval", "sets", "bc-vl", str(folder), code=1)
    assert checked["by_config"] == {"level1": 1, "level2": 2}
    assert checked["rejected"] == {"missing_image": 1}
    assert checked["rejects"][0]["place"] == "bc_vl_level1.jsonl row 0"
    assert any("199 questions as published, 1 are here" in one for one in checked["problems"])
    assert run(["eval", "sets", "bc-vl", str(folder)]) == 1
    assert "rejected: missing_image (1)" in capsys.readouterr().out
    assert run(["eval", "sets", "bc-vl", f"{folder}:level3"]) == 2
    assert "known are level1, level2, paper" in capsys.readouterr().err
    assert run(["eval", "sets", "bc-vl", f"{folder}:paper"]) == 2
    complaint = capsys.readouterr().err
    assert "399 questions, 3 are here" in complaint
    assert "rows left out: missing_image (1)" in complaint


def test_a_set_is_run_pinned_and_gone_on_with(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "set", tmp_path / "run"
    folder.mkdir()
    rows = [
        {"data_id": n, "image": as_base64(picture(n)), "question": f"Award {n}?", "answer": "Tin"}
        for n in range(3)
    ]
    write_lines(folder / "test.jsonl", rows)
    pinned = tmp_path / "two.json"
    write_lines(tmp_path / "first" / "test.jsonl", rows[:2])
    assert (
        run(["eval", "sets", "simplevqa", str(tmp_path / "first"), "--manifest", str(pinned)]) == 0
    )

    base = ["eval", "run", "--world", str(tiny_world), "--mode", "direct", "--today", "2026-01-01"]
    base += ["--out", str(out), "--benchmark", f"simplevqa={folder}:{pinned}"]
    with OpenAiDouble(["<answer>Tin</answer>"], repeat_last=True) as model:
        command = [*base, "--model", model.name]
        dry = told(capsys, *command, "--attempts", "4", "--dry-run")
        assert [(one["name"], one["attempts"]) for one in dry["sets"]] == [("simplevqa/test", 8)]
        assert not out.exists()
        first = told(capsys, *command)
        assert (first["episodes"], first["correct"]) == (2, 2)
        again = told(capsys, *command, "--attempts", "2")
        assert (again["done_now"], again["skipped"]) == (2, 2)
        assert model.num_requests == 4
        left = told(capsys, *command, "--attempts", "4", "--dry-run")["sets"][0]
        assert (left["attempts"], left["calls"]) == (4, 4)
        assert left["hours"] > 0
        # The same questions elsewhere go on; changed ones are another run.
        folder.rename(tmp_path / "moved")
        moved = [one.replace(str(folder), str(tmp_path / "moved")) for one in command]
        assert told(capsys, *moved)["done_now"] == 0
        other = [row | {"image": as_base64(picture(7))} for row in rows]
        write_lines(tmp_path / "moved" / "test.jsonl", other)
        assert run(moved) == 2
        assert "benchmarks" in capsys.readouterr().err


def test_pictures_beside_the_table_that_were_changed_are_noticed(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written("hr-mmsearch", tmp_path / "set")
    command = ["eval", "run", "--world", str(tiny_world), "--mode", "direct", "--partial"]
    command += ["--benchmark", f"hr-mmsearch={folder}", "--out", str(tmp_path / "run")]
    with OpenAiDouble(["<answer>Zephyr</answer>"]) as model:
        assert run([*command, "--model", model.name]) == 0
        (folder / "images" / "h1.jpg").write_bytes(picture(50))
        assert run([*command, "--model", model.name]) == 2
    assert "other pictures of 1 questions" in capsys.readouterr().err


@pytest.mark.pitfall("P84")
def test_bad_rows_end_a_run_unless_it_is_said_that_they_may_be_missing(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"data_id": 1, "image": as_base64(picture(1)), "question": "Award?", "answer": "Tin"}
    write_lines(tmp_path / "set" / "test.jsonl", [good, {**good, "data_id": 2, "answer": ""}])
    command = ["eval", "run", "--world", str(tiny_world), "--mode", "direct"]
    command += ["--benchmark", f"simplevqa={tmp_path / 'set'}", "--out", str(tmp_path / "run")]
    with OpenAiDouble(["<answer>Tin</answer>"]) as model:
        command += ["--model", model.name]
        assert run(command) == 2
        complaint = capsys.readouterr().err.replace("\n", " ")
        assert "no_gold" in complaint
        assert "--partial" in complaint
        assert model.num_requests == 0
        assert told(capsys, *command, "--partial")["episodes"] == 1
    assert run(["eval", "run", "--partial", "--out", str(tmp_path / "x")]) == 2
    assert "--benchmark" in capsys.readouterr().err


@pytest.mark.pitfall("P89")
def test_a_run_over_a_protected_set_leaves_no_text_of_it_anywhere(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run, resume, score, predictions, report, pages, exports, sheets, tapes: none tells it."""
    folder = written("mmsearch-plus", tmp_path / "set")
    kept = tmp_path / "kept"
    out = kept / "run"
    command = ["eval", "run", "--world", str(tiny_world), "--mode", "cis+ts", "--partial"]
    command += ["--benchmark", f"mmsearch-plus={folder}", "--out", str(out)]
    command += ["--set", "concurrency=1"]
    with OpenAiDouble([*STEPS, *STEPS]) as model:
        made = told(capsys, *command, "--model", model.name, "--summariser", "passages")
        assert (made["episodes"], made["correct"]) == (2, 2)
    assert leaks(out) == []
    with RunFolder.read(out) as view:
        episodes = list(view.episodes())
    assert {one.trajectory.answer for one in episodes} == {SECRET_ANSWER}, "it is there, sealed"
    assert all(SECRET_QUESTION in one.task.question for one in episodes)

    theirs = tmp_path / "theirs.jsonl"
    write_lines(theirs, [{"ref": one.task.ref, "prediction": SECRET_ANSWER} for one in episodes])
    run(["eval", "score", str(out), "--judge", "rules", "--sheet", str(kept / "sheet.jsonl")])
    assert run([
        "eval", "score", str(out), "--predictions", str(theirs), "--out", str(kept / "theirs"),
    ]) == 0  # fmt: skip
    for kind, name in (("html", "r.html"), ("markdown", "r.md"), ("json", "r.json")):
        assert run(["eval", "report", str(out), "--format", kind, "--out", str(kept / name)]) == 0
    assert run(["view", str(out)]) == 0
    for kind in ("jsonl", "ms-swift", "verl", "parquet"):
        run(["export", str(out), "--format", kind, "--out", str(kept / kind)])
    assert run(["tape", "merge", str(kept / "handed.db"), str(out)]) == 0
    assert len(list(kept.iterdir())) >= 6
    assert leaks(kept) == []

    capsys.readouterr()
    run(["tape", "ls", str(out)])
    run(["tape", "ls", str(out), "--json"])
    run(["eval", "sets", "mmsearch-plus", str(folder), "--json"])
    shown = "".join(capsys.readouterr())
    assert "protected task" in shown
    assert not [word for word in (SECRET_QUESTION, SECRET_ANSWER) if word in shown]

    with OpenAiDouble([]) as silent:
        again = told(capsys, *command, "--model", model.name, "--summariser", "passages")
        assert (again["done_now"], again["skipped"]) == (0, 2)
        replayed = [*command, "--model", model.name, "--summariser", "passages"]
        replayed[replayed.index(str(out))] = str(kept / "replayed")
        assert told(capsys, *replayed, "--tape", f"replay:{out}/run.db")["correct"] == 2
        assert silent.num_requests == 0
    assert leaks(kept) == []


@pytest.mark.pitfall("P89")
@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("mm-browsecomp", ""),
        ("browsecomp", ""),
        ("browsecomp-v3", ""),
        ("browsecomp-plus", ""),
        ("official", ":mmsearch-plus"),
    ],
)
def test_every_protected_set_is_run_without_leaving_its_text(
    name: str, subset: str, tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = written(name, tmp_path / "set"), tmp_path / "run"
    command = ["eval", "run", "--world", str(tiny_world), "--mode", "direct", "--partial"]
    command += ["--benchmark", f"{name}={folder}{subset}", "--out", str(out)]
    said = f"<think>{SECRET_QUESTION}</think><answer>{SECRET_ANSWER}</answer>"
    with OpenAiDouble([said], repeat_last=True) as model:
        made = told(capsys, *command, "--model", model.name)
    assert made["episodes"] == made["correct"] > 0
    assert leaks(out) == []


def test_the_search_for_leaks_finds_them_in_a_run_that_is_not_protected(
    tmp_path: Path, tiny_world: Path
) -> None:
    row = {"data_id": 1, "image": as_base64(picture(1)), "question": SECRET_QUESTION}
    write_lines(tmp_path / "set" / "test.jsonl", [row | {"answer": SECRET_ANSWER}])
    command = ["eval", "run", "--world", str(tiny_world), "--mode", "direct"]
    command += ["--benchmark", f"simplevqa={tmp_path / 'set'}", "--out", str(tmp_path / "run")]
    with OpenAiDouble(["<answer>no idea</answer>"]) as model:
        assert run([*command, "--model", model.name]) == 0
    assert leaks(tmp_path / "run") == [SECRET_QUESTION, SECRET_ANSWER]


def test_the_questions_of_a_world_are_a_set_that_its_teacher_knows(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "run", "--world", str(tiny_world), "--tasks", "1", "--today", "2026-01-01"]
    own = told(capsys, *command, "--out", str(tmp_path / "own"))
    assert own["correct"] == 1
    command += ["--benchmark", f"generated={tiny_world}", "--out", str(tmp_path / "set")]
    (dry,) = told(capsys, *command, "--dry-run")["sets"]
    assert dry["attempts"] == 1
    assert told(capsys, *command)["correct"] == 1
    with RunFolder.read(tmp_path / "own") as first, RunFolder.read(tmp_path / "set") as second:
        assert list(first.tasks()) == list(second.tasks())


def test_a_set_of_the_hub_is_read_from_its_cache_and_missing_it_says_so(tmp_path: Path) -> None:
    """No network: the hub's own library finds what it downloaded before."""
    home = tmp_path / "hub" / "datasets--m-a-p--SimpleVQA"
    folder = written("simplevqa", tmp_path / "set")
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("a" * 40)
    snapshot = home / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (home / "blobs").mkdir()
    for path in folder.iterdir():
        path.rename(home / "blobs" / "b1")
        (snapshot / path.name).symlink_to(home / "blobs" / "b1")

    environment = dict(os.environ)  # noqa: TID251 - handed on to a command
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}

    def checked(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vision_deepresearch", "eval", "sets", "simplevqa", name],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    found = checked("hf:m-a-p/SimpleVQA")
    assert found.returncode == 0, found.stderr
    assert "simplevqa: 2 questions" in found.stdout
    missing = checked("hf:nobody/nothing@v1")
    assert missing.returncode == 2
    assert "download it yourself" in " ".join(missing.stderr.split())


@pytest.mark.pitfall("P85")
def test_choices_are_shown_and_their_order_is_the_sources(
    tmp_path: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written("livevqa", tmp_path / "set")
    seen = {}
    for variant, answer in (("choices", "B"), ("open", "the boat fair")):
        command = ["eval", "run", "--world", str(tiny_world), "--mode", "direct", "--tasks", "1"]
        command += ["--benchmark", f"livevqa={folder}:{variant}", "--out", str(tmp_path / variant)]
        with OpenAiDouble([f"<answer>{answer}</answer>"]) as model:
            assert told(capsys, *command, "--model", model.name)["correct"] == 1
        with RunFolder.read(tmp_path / variant) as view:
            seen[variant] = next(view.trajectories()).prompt[-1].text
    assert "among these choices:\nA. Kite Fair\nB. Boat Fair\nC. Tin Fair" in seen["choices"]
    assert "Kite Fair" not in seen["open"]
