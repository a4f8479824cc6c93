"""`vdr world import` and what one does with the world: search, look, read, ask."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.builders import a_picture
from vision_deepresearch.cli.main import run

PAGE = """<html><head><title>{title}</title></head><body><nav><a href="x.html">chrome</a></nav>
<h1>{title}</h1><figure><img src="{picture}"><figcaption>{caption}</figcaption></figure>
<p>{text} See <a href="bridge.html">the bridge</a>.</p></body></html>"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "town-guide"
    folder.mkdir()
    (folder / "tower.png").write_bytes(a_picture(seed=3, width=320, height=240))
    (folder / "bridge.png").write_bytes(a_picture(seed=4, width=320, height=240))
    tower = PAGE.format(
        title="The Tower", picture="tower.png", caption="The tower at noon", text="Built in 1801."
    )
    bridge = PAGE.format(
        title="The Bridge", picture="bridge.png", caption="The bridge", text="Opened in 1874."
    )
    (folder / "tower.html").write_text(tower)
    (folder / "bridge.html").write_text(bridge)
    (folder / "notes.md").write_text("# Notes\n\nThe keeper was *Ilse Brandt*.\n")
    (folder / "broken.html").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 64)
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> SimpleNamespace:
    """What a command printed with --json, keys as attributes."""
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed, object_hook=lambda keys: SimpleNamespace(**keys))
    assert isinstance(found, SimpleNamespace)
    return found


def test_a_folder_becomes_a_world_that_answers(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = str(tmp_path / "world")
    report = said(capsys, "world", "import", str(documents), world)
    assert report.already_complete is False
    assert [item.path for item in report.skipped] == ["broken.html"]
    [hit, *_] = said(capsys, "world", "search", world, "who was the keeper").hits
    assert hit.url == "https://town-guide.example/notes.md"
    picture = str(documents / "tower.png")
    [seen, *_] = said(capsys, "world", "look", world, picture, "--box", "100,100,900,900").hits
    assert seen.url == "https://town-guide.example/tower.html"
    assert seen.snippet == "The tower at noon"
    page = said(capsys, "world", "read", world, "https://town-guide.example/tower.html")
    assert "Built in 1801." in page.markdown
    assert "chrome" not in page.markdown


def test_the_second_import_does_nothing_and_says_so(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = str(tmp_path / "world")
    said(capsys, "world", "import", str(documents), world)
    assert said(capsys, "world", "import", str(documents), world).already_complete is True
    assert run(["world", "import", str(documents), world]) == 0
    assert "nothing was done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "wanted"),
    [("nowhere", "found nothing at"), ("plain.zim", "ZIM"), ("empty", "nothing")],
)
def test_what_is_no_source_is_refused_by_name(
    source: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.zim").write_bytes(b"this is no archive")
    (tmp_path / "empty").mkdir()
    world = tmp_path / "world"
    assert run(["world", "import", str(tmp_path / source), str(world)]) == 2
    complaint = capsys.readouterr().err
    assert wanted in complaint
    assert "Traceback" not in complaint
    assert not (world / "manifest.json").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    assert run(["world", "import", str(documents), str(mine)]) == 2
    assert "mine" in capsys.readouterr().err
    assert [file.name for file in mine.iterdir()] == ["thesis.txt"]


def test_an_imported_world_has_no_questions_and_says_what_to_do(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = str(tmp_path / "world")
    said(capsys, "world", "import", str(documents), world)
    for command in (
        ["world", "tasks", world, str(tmp_path / "q")],
        ["eval", "run", "--world", world, "--model", "seat:x", "--out", str(tmp_path / "run")],
    ):
        assert run(command) == 2
        assert "vdr ask" in capsys.readouterr().err


def test_ask_researches_an_imported_world(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = str(tmp_path / "world")
    said(capsys, "world", "import", str(documents), world)
    crop = {"image_id": "img_1", "bbox": [[100, 100, 900, 900]], "goal": "when was it built"}
    script = tmp_path / "script.jsonl"
    replies = [
        f"<tool_call>{json.dumps({'name': 'crop_and_search', 'arguments': crop})}</tool_call>",
        "<answer>Built in 1801.</answer>",
    ]
    script.write_text("".join(json.dumps({"text": reply}) + "\n" for reply in replies))
    found = said(
        capsys,
        *("ask", str(documents / "tower.png"), "-q", "When was it built?", "--world", world),
        *("--model", f"scripted:{script}", "--out", str(tmp_path / "run")),
    )
    assert found.answer == "Built in 1801."
    [support] = found.support
    assert support.url == "https://town-guide.example/tower.html"
    assert support.quote.text == "Built in 1801."
    assert "https://town-guide.example/tower.html" in Path(found.report).read_text()


def test_pictures_that_no_page_shows_are_not_passed_over_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "tower.png").write_bytes(a_picture(seed=3, width=320, height=240))
    (photos / "README.md").write_text("# Photos\n\nMine.\n")
    assert run(["world", "import", str(photos), str(tmp_path / "world")]) == 0
    said_here = capsys.readouterr().out
    assert "no picture of the 1 in the source can be searched" in said_here
    assert "![what it shows](photo.jpg)" in said_here


def test_what_was_looked_for_wrongly_is_said_with_the_remedy(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, picture = str(tmp_path / "world"), str(documents / "tower.png")
    said(capsys, "world", "import", str(documents), world)
    assert run(["world", "look", world, picture, "--box", "0.1,0.1,0.5,0.5"]) == 2
    assert "thousandths" in capsys.readouterr().err
    assert run(["world", "read", world, "https://town-guide.example/nope.html"]) == 2
    assert "`vdr world search`" in capsys.readouterr().err
    assert run(["world", "info", str(tmp_path / "nowhere")]) == 2
    assert "`vdr world import`" in capsys.readouterr().err


def test_strangers_are_called_strangers(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, blank = str(tmp_path / "world"), tmp_path / "other.png"
    blank.write_bytes(a_picture(seed=77, width=120, height=120))
    said(capsys, "world", "import", str(documents), world)
    assert run(["world", "look", world, str(documents / "tower.png")]) == 0
    found = capsys.readouterr().out
    assert "match (score" in found
    assert "https://town-guide.example/tower.png" in found
    assert "none of these pictures matches" not in found
    assert run(["world", "look", world, str(blank)]) == 0
    found = capsys.readouterr().out
    assert "match (score" not in found
    assert "none of these pictures matches" in found or "no hits" in found
