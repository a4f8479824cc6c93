"""Bad input gets one clear paragraph on stderr, exit code 2, and nothing is lost."""

import json
from pathlib import Path

import pytest

from tests.builders import a_picture
from vision_deepresearch.cli.main import run


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The paragraph a user error gets; asserts the exit code and that there is no traceback."""
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(a_picture())
    return path


def ask(picture: Path, *more: str, question: str = "Who?") -> list[str]:
    return ["ask", str(picture), "-q", question, "--world", "generated:tiny", *more]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.png", None, "missing.png"),
        ("empty.png", b"", "empty"),
        ("note.jpg", b"dear diary, this is no picture", "note.jpg"),
        ("torn.png", a_picture()[:200], "torn.png"),
        ("vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "vector.svg"),
    ],
)
@pytest.mark.usefixtures("tiny_world")
def test_a_picture_that_is_none_is_refused_by_name(
    name: str,
    content: bytes | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    out = tmp_path / "run"
    assert said in complaint(ask(path, "--model", "seat:x", "--out", str(out)), capsys)
    assert not out.exists()


def test_a_folder_is_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "folder" in complaint(ask(tmp_path), capsys) or "directory"


def test_an_empty_question_is_refused(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "question" in complaint(ask(picture, question="  "), capsys)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--world", "narnia"], "generated:PRESET"),
        (["--world", "generated:huge"], "tiny"),
        (["--world", "generated:tiny@x"], "seed"),
        (["--model", "gpt-99"], "oracle"),
        (["--mode", "telepathy"], "cis+ts"),
        (["--mode", "rag"], "rag"),
        (["--profile", "xml"], "profile"),
        (["--tape", "maybe"], "tape"),
        (["--set", "limits.max_turn=3"], "max_turns"),
        (["--set", "limits.max_turns=zero"], "limits.max_turns"),
        (["--set", "modle=oracle"], "model"),
        (["--set", "nonsense"], "key=value"),
        (["--today", "yesterday"], "ISO date"),
        (["--config", "no-such-recipe.toml"], "no-such-recipe.toml"),
        (["--model", "scripted:no-such-script.jsonl"], "no-such-script.jsonl"),
    ],
)
@pytest.mark.usefixtures("tiny_world")
def test_unknown_names_and_keys_list_what_is_known(
    flags: list[str], said: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ask(picture, "--out", str(tmp_path / "run"))
    for name, value in zip(flags[::2], flags[1::2], strict=True):
        if name in arguments:
            arguments[arguments.index(name) + 1] = value
        else:
            arguments += [name, value]
    assert said in complaint(arguments, capsys)


def test_a_broken_recipe_is_refused(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("model = [")
    assert "TOML" in complaint(ask(picture, "--config", str(recipe)), capsys)


def test_the_oracle_refuses_a_picture_it_knows_nothing_of(
    picture: Path, tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ask(picture, "--model", "oracle", "--out", str(tmp_path / "run"))
    arguments[arguments.index("--world") + 1] = str(tiny_world)
    assert "oracle" in complaint(arguments, capsys)


def test_a_world_folder_of_another_version_is_refused(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "world"
    other.mkdir()
    manifest = json.loads((tiny_world / "manifest.json").read_text())
    manifest["format_version"] = 999
    (other / "manifest.json").write_text(json.dumps(manifest))
    said = complaint(["world", "info", str(other)], capsys)
    assert "999" in said
    assert "build" in said


def test_a_folder_that_is_no_world_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "world" in complaint(["world", "info", str(tmp_path)], capsys)


def test_a_folder_that_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "run" in complaint(["view", str(tmp_path)], capsys)


def test_another_config_in_the_same_folder_is_refused_and_loses_nothing(
    tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    first = ["eval", "run", "--world", str(tiny_world), "--tasks", "1", "--out", str(out)]
    assert run([*first, "--json"]) == 0
    capsys.readouterr()
    assert "mode" in complaint([*first, "--mode", "ts"], capsys)
    assert run([*first, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["world", "build", "martian", "w"], "generated"),
        (["world", "build", "generated", "w", "--pages", "1"], "at least"),
        (["world", "build", "generated", "w", "--depth", "abyssal"], "depth"),
        (["eval", "run", "--tasks", "0"], "at least 1"),
        (["bench", "speed"], "loop"),
        (["play", "99999", "--world", "generated:tiny"], "tasks 0 to"),
        (["world", "read", "generated:tiny", "/etc/passwd"], "/etc/passwd"),
    ],
)
@pytest.mark.usefixtures("tiny_world")
def test_commands_say_what_they_know(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in complaint(arguments, capsys)


def test_a_box_that_covers_nothing_is_refused(
    picture: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look = ["world", "look", str(tiny_world), str(picture), "--box"]
    assert "box" in complaint([*look, "2000,2000,3000,3000"], capsys)
    assert "--box" in complaint([*look, "a,b"], capsys)
    assert run([*look, "900,800,100,200", "--json"]) == 0


def test_an_unknown_flag_is_the_users_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--colour"]) == 2
    assert "--colour" in capsys.readouterr().err
