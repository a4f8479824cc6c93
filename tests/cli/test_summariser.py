"""The config key `summariser` decides who reads pages, and a read is kept on the tape."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import a_picture
from vision_deepresearch.cli.main import run


def a_script(path: Path, *replies: str) -> str:
    path.write_text("".join(json.dumps({"text": reply}) + "\n" for reply in replies))
    return f"scripted:{path}"


@pytest.mark.parametrize("has_reader", [True, False])
def test_a_named_summariser_reads_the_pages(
    *,
    has_reader: bool,
    tiny_world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["world", "search", str(tiny_world), "town", "--limit", "1", "--json"]) == 0
    url = json.loads(capsys.readouterr().out)["hits"][0]["url"]
    visit = {"name": "visit", "arguments": {"url": [url], "goal": "what is it"}}
    picture = tmp_path / "photo.png"
    picture.write_bytes(a_picture())
    seat = a_script(
        tmp_path / "seat.jsonl",
        f"<tool_call>{json.dumps(visit)}</tool_call>",
        "<answer>It</answer>",
    )
    notes = {"rational": "asked", "evidence": "As it says.", "summary": "A zebra crossing."}
    reader = a_script(tmp_path / "reader.jsonl", json.dumps(notes))
    arguments = ["ask", str(picture), "-q", "What?", "--world", str(tiny_world), "--model", seat]
    if has_reader:
        arguments += ["--set", f"summariser={reader}"]
    out = tmp_path / "run"
    assert run([*arguments, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert ("zebra" in shown) is has_reader
    assert ("no summariser configured" in shown) is not has_reader
    with closing(sqlite3.connect(out / "run.db")) as database:
        (kept,) = database.execute("SELECT count(*) FROM call WHERE kind = 'summary'").fetchone()
    assert kept == int(has_reader)
