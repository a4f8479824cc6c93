"""Facts of the pages of a corpus world: kept, found, and the same however the world was made."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.worlds.corpus.folders import page
from vision_deepresearch.cli.main import run
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.grow import add_source
from vision_deepresearch.worlds.corpus.world import CorpusWorld

BASE = "https://manual.example/"


def a_person(name: str, born: str, *, more: str = "") -> str:
    """A page with an infobox and microdata."""
    box = (
        f"<table class=infobox><tr><th colspan=2>{name}</th></tr><tr><th>Born[1]</th><td>{born}</td>"
        f"</tr><tr><th>Home</th><td><a href=town.html>Stra&szlig;e 4</a></td></tr>{more}</table>"
    )
    return page(name, f"{box}<p itemprop=jobTitle>keeper</p>")


def write_people(root: Path, *, people: int = 8) -> Path:
    root.mkdir()
    for number in range(people):
        text = a_person(f"Keeper {number}", f"May {number + 1}, 18{70 + number}")
        (root / f"k{number}.html").write_text(text)
    (root / "town.html").write_text(page("Town", "<p>Small.</p>"))
    (root / "old.html").write_text("<meta http-equiv=refresh content='0; url=k0.html'>")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_people(tmp_path_factory.mktemp("source") / "manual")
    out = tmp_path_factory.mktemp("out") / "world"
    report = import_source(FolderSource(root), out)
    assert (report.counts["facts"], report.counts["pages_with_facts"]) == (24, 8)
    return out


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[CorpusWorld]:
    opened = CorpusWorld.open(folder)
    yield opened
    opened.close()


async def test_the_facts_of_a_page_are_listed_in_its_order(world: CorpusWorld) -> None:
    found = await world.facts(f"{BASE}k3.html")
    assert [(one.label, one.value, one.url, one.kind.value) for one in found] == [
        ("Born", "May 4, 1873", None, "infobox"),
        ("Home", "Straße 4", f"{BASE}town.html", "infobox"),
        ("jobTitle", "keeper", None, "microdata"),
    ]
    assert {(one.page_url, one.page_title) for one in found} == {(f"{BASE}k3.html", "Keeper 3")}
    assert [one.page_title for one in await world.facts(f"{BASE}old.html")] == ["Keeper 0"] * 3
    assert await world.facts(f"{BASE}town.html") == []


async def test_pages_are_found_by_label_and_part_of_the_value(world: CorpusWorld) -> None:
    [found] = await world.find_facts("BORN:", "1875")
    assert (found.page_title, found.value) == ("Keeper 5", "May 6, 1875")
    everyone = await world.find_facts("Born", limit=100)
    assert [one.page_title for one in everyone] == [f"Keeper {number}" for number in range(8)]
    assert await world.find_facts("born", limit=3) == everyone[:3]
    assert await world.find_facts("born", limit=0) == []
    assert await world.find_facts("born", limit=-1) == []
    assert len(await world.find_facts("home", "STRASSE")) == 8
    assert await world.find_facts("Bor") == []  # the whole label
    assert await world.find_facts("born", "1%") == []  # no pattern
    assert await world.find_facts("born' OR 1=1 --") == []


async def test_bad_questions_are_told_apart(world: CorpusWorld) -> None:
    with pytest.raises(WorldError) as unknown:
        await world.facts(f"{BASE}nothing.html")
    assert unknown.value.kind is FailureKind.NOT_FOUND
    for label in ("", "  ", "[1]"):
        with pytest.raises(WorldError) as empty:
            await world.find_facts(label)
        assert empty.value.kind is FailureKind.BAD_ARGS


def test_a_world_that_was_added_to_by_workers_has_the_facts_of_one_made_anew(
    tmp_path: Path,
) -> None:
    root = write_people(tmp_path / "manual", people=10)
    import_source(FolderSource(root), tmp_path / "grown")

    def stated(out: Path) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(out / "world.db")) as database:
            return database.execute(
                "SELECT path, place, label, label_key, value, url, kind FROM fact"
                " JOIN page ON page.id = fact.page ORDER BY path, place"
            ).fetchall()

    (root / "k0.html").write_text(a_person("Keeper 0", "1 BC", more="<tr><th>Died<td>1 AD</tr>"))
    (root / "k1.html").write_text(page("Keeper 1", "<p>Nothing is known.</p>"))
    (root / "k99.html").write_text(a_person("Keeper 99", "1899"))
    report = add_source(FolderSource(root), tmp_path / "grown", jobs=2)
    import_source(FolderSource(root), tmp_path / "anew")
    assert stated(tmp_path / "grown") == stated(tmp_path / "anew")
    assert report.counts["facts"] == len(stated(tmp_path / "anew")) == 10 * 3 + 1


def test_a_world_without_facts_is_one_of_another_version(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "world.db").write_bytes((folder / "world.db").read_bytes())
    with closing(sqlite3.connect(tmp_path / "world.db")) as database:
        database.execute("PRAGMA user_version = 5")
    for name in ("manifest.json", "text", "visual"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(ConfigError, match="version 5"):
        CorpusWorld.open(tmp_path)


def test_the_command_lists_and_finds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = str(folder)
    assert run(["world", "facts", world, f"{BASE}k3.html"]) == 0
    printed = capsys.readouterr().out
    assert "Keeper 3" in printed
    assert "Born: May 4, 1873" in printed
    assert run(["world", "facts", world, "--label", "born", "--value", "1874", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["facts"]
    assert found == {
        "page_url": f"{BASE}k4.html",
        "page_title": "Keeper 4",
        "label": "Born",
        "value": "May 5, 1874",
        "url": None,
        "kind": "infobox",
    }
    assert run(["world", "facts", world, "--label", "nothing"]) == 0
    assert "no facts" in capsys.readouterr().out
    assert run(["world", "info", world]) == 0
    assert "facts 24, pages_with_facts 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([], "neither"),
        ([f"{BASE}k3.html", "--label", "born"], "both"),
        ([f"{BASE}k3.html", "--value", "1"], "--value"),
        ([f"{BASE}nothing.html"], "no page"),
        (["--label", " "], "label"),
    ],
)
def test_the_command_says_what_is_wrong(
    asked: list[str], wanted: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["world", "facts", str(folder), *asked]) != 0
    assert wanted in capsys.readouterr().err
