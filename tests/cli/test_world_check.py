"""`vdr world check` and `vdr world sheet` on `generated:tiny`."""

import json
from pathlib import Path

import pytest

from vision_deepresearch.cli.main import run
from vision_deepresearch.worlds.generated.world import GeneratedWorld

pytestmark = pytest.mark.usefixtures("world_cache")


@pytest.mark.timeout(120)
def test_a_stopped_check_goes_on_and_tells_the_same(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "reports.jsonl"
    arguments = ["world", "check", str(tiny_world), "--tasks", "2", "--jobs", "1", "--json"]
    arguments += ["--out", str(out)]
    code = run(arguments)
    first = json.loads(capsys.readouterr().out)
    assert len(first["reports"]) == 2
    assert len(first["reports"][0]["verdicts"]) == 7
    whole = out.read_bytes()
    head, one, other = whole.splitlines(keepends=True)
    out.write_bytes(head + other + one[:50])  # killed while it wrote
    assert run(arguments) == code
    assert json.loads(capsys.readouterr().out) == first
    assert sorted(out.read_bytes().splitlines()) == sorted(whole.splitlines())
    arguments[4] = "3"
    assert run(arguments) == 2
    assert "other work (questions 2, now 3)" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_two_processes_check_as_one_does(
    tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for jobs in ("1", "2"):
        run(["world", "check", str(tiny_world), "--jobs", jobs, "--tasks", "4", "--json"])
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_a_sheet_holds_scenes_and_questions_and_the_gold_apart(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare, full = tmp_path / "bare", tmp_path / "full"
    arguments = ["world", "sheet", str(tiny_world), "--tasks", "3", "--seed", "5"]
    assert run([*arguments, str(bare)]) == 0
    assert run([*arguments, str(full), "--gold"]) == 0
    capsys.readouterr()
    assert sorted(path.name for path in bare.iterdir()) == [
        "01-0.jpg",
        "02-0.jpg",
        "03-0.jpg",
        "sheet.html",
        "sheet.md",
    ]
    tasks = GeneratedWorld.open(tiny_world).tasks()
    text, gold = (full / "sheet.md").read_text(), (full / "gold.md").read_text()
    asked = [task for task in tasks if task.question in text]
    assert len(asked) == 3
    for task in asked:
        assert task.gold is not None
        assert task.ref in gold
        assert task.gold.answers[0] in gold
        assert task.ref not in text
        assert task.ref not in (full / "sheet.html").read_text()
    assert text == (bare / "sheet.md").read_text()
    assert run([*arguments, str(bare)]) == 2
    assert "new or empty" in capsys.readouterr().err
    assert run([*arguments[:3], str(tmp_path / "x"), "--tasks", "99"]) == 2
    assert "has 12 questions" in " ".join(capsys.readouterr().err.split())
