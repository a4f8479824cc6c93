"""Bad input gets one clear paragraph on stderr, exit code 2, and nothing is lost."""

import errno
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image as PilImage

from tests.builders import a_picture
from vision_deepresearch.cli.main import explained, run


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


def a_script(folder: Path, *replies: str) -> str:
    """A scripted model that says these."""
    path = folder / "script.jsonl"
    path.write_text("".join(json.dumps({"text": reply}) + "\n" for reply in replies))
    return f"scripted:{path}"


def a_call(name: str, **arguments: object) -> str:
    """A reply with one tool call."""
    call = json.dumps({"name": name, "arguments": arguments})
    return f"<think>hm</think><tool_call>{call}</tool_call>"


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
    assert "is a folder" in complaint(ask(tmp_path), capsys)


@pytest.mark.usefixtures("tiny_world")
def test_a_picture_is_refused_for_its_size_before_its_pixels_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b""))
    said = complaint(ask(path), capsys)
    assert "huge.png" in said
    assert "30,000 x 30,000" in said


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


@pytest.mark.usefixtures("tiny_world")
def test_of_an_animated_picture_the_first_frame_is_used_and_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "moving.gif"
    frames = [PilImage.new("RGB", (80, 60), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    script = a_script(tmp_path, "<answer>red</answer>")
    assert run(ask(path, "--model", script, "--out", str(tmp_path / "run"))) == 0
    assert "first frame" in capsys.readouterr().out


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
        (["--set", "summariser=nobody"], "unknown model 'nobody'"),
        (["--set", "summariser=oracle"], "oracle only researches"),
        (["--budget-usd", "-1"], "max_usd"),
        (["--set", "limits.max_turn=3"], "max_turns"),
        (["--set", "limits.max_turns=zero"], "limits.max_turns"),
        (["--set", "modle=oracle"], "model"),
        (["--set", "nonsense"], "key=value"),
        (["--set", "sampling.seed=3"], "set seed"),
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
        (["bench", "loop", "--world", "generated:tiny"], "modes"),
        (["bench", "modes", "--tasks", "0"], "at least 1"),
        (["world", "search", "generated:tiny", " "], "words"),
        (["world", "search", "generated:tiny", "x", "--limit", "-3"], "--limit"),
        (["world", "tasks", "generated:tiny", "q", "--limit", "-1"], "--limit"),
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


ANSWER = "<think>done</think><answer>42</answer>"
REVERSED = [[800, 800, 100, 100]]
BOXES = [[x, y, x + 90, y + 90] for x in range(0, 900, 9) for y in range(0, 900, 9)]


@pytest.mark.parametrize(
    ("replies", "stop", "said"),
    [
        ([a_call("search", query=["town"])], "model_error", "replies"),
        ([a_call("search", query=["town"])] * 9, "repetition", "identical call"),
        (["<tool_call>{"] * 9, "format_faults", "unclosed_tag"),
        (['<tool_call>{"name": </tool_call>', ANSWER], "answer", "bad_json"),
        ([a_call("teleport", to="Rome"), ANSWER], "answer", "unknown tool 'teleport'"),
        ([a_call("visit", url=["/etc/passwd"], goal="x"), ANSWER], "answer", "/etc/passwd"),
        (
            [a_call("zoom", image_id="img_1", bbox=[1200, 1200, 1500, 1500]), ANSWER],
            "answer",
            "no part of the picture",
        ),
        (
            [a_call("crop_and_search", image_id="img_1", bbox=REVERSED, goal="x"), ANSWER],
            "answer",
            "[100,100,800,800]",
        ),
        (
            [a_call("crop_and_search", image_id="img_1", bbox=BOXES, goal="x"), ANSWER],
            "context_limit",
            "9992 skipped",
        ),
    ],
    ids=[
        "runs out",
        "loops",
        "never well-formed",
        "broken JSON",
        "unknown tool",
        "a file for a url",
        "box outside",
        "box reversed",
        "10,000 boxes",
    ],
)
@pytest.mark.usefixtures("tiny_world")
def test_a_bad_model_ends_in_a_stop_with_its_reason(
    replies: list[str],
    stop: str,
    said: str,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = a_script(tmp_path, *replies)
    code = run(ask(picture, "--model", script, "--out", str(tmp_path / "run"), "--json"))
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert report["stop"] == stop
    assert code == (0 if stop == "answer" else 1)
    assert said in told.err
    assert "Traceback" not in told.err
    assert Path(report["trace"]).is_file()


def test_a_refused_command_binds_no_later_one_to_its_settings(
    picture: Path, tiny_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ask(picture, "--out", str(tmp_path / "run"))
    arguments[arguments.index("generated:tiny")] = str(tiny_world)
    assert "teacher" in complaint([*arguments, "--model", "oracle"], capsys)
    script = a_script(tmp_path, ANSWER)
    assert run([*arguments, "--model", script, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "42"
    assert "model is" in complaint([*arguments, "--model", "seat:inbox"], capsys)


def test_an_output_path_that_cannot_be_is_the_users_error(
    picture: Path, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = str(picture / "below")
    assert below in complaint(["world", "tasks", str(tiny_world), below], capsys)
    assert below in complaint(["eval", "run", "--world", str(tiny_world), "--out", below], capsys)


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EROFS, 2), (errno.EACCES, 2), (errno.ENOSPC, 75)]
)
def test_what_the_disk_refuses_is_told_with_the_path(
    number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explained(OSError(number, "no", "out/run.lock")) == code
    assert "out/run.lock" in capsys.readouterr().err


def test_a_bug_is_not_taken_for_the_users_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(OSError("no errno, no path")) is None
    assert explained(KeyError("bug")) is None
    assert capsys.readouterr().err == ""
