"""An import: what is kept, what is counted, what stops it, and that it goes on where it died."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typing_extensions import override

from tests.worlds.corpus.folders import page, picture, write_manual, write_many
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.build import ImportReport, import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.plan import plan_import
from vision_deepresearch.worlds.corpus.source import Entry, PageEntry
from vision_deepresearch.worlds.corpus.world import CorpusWorld

SCRIPT = (
    "import sys; from pathlib import Path;"
    "from vision_deepresearch.worlds.corpus.build import import_source;"
    "from vision_deepresearch.worlds.corpus.folder import FolderSource;"
    "import_source(FolderSource(Path(sys.argv[1])), Path(sys.argv[2]))"
)


def imported(source: Path, out: Path, *, limit: int | None = None) -> ImportReport:
    return import_source(FolderSource(source), out, limit=limit)


def content(out: Path) -> dict[str, object]:
    """All that a world is, without times."""
    found: dict[str, object] = {"manifest": json.loads((out / "manifest.json").read_text())}
    with closing(sqlite3.connect(out / "world.db")) as database:
        for table in ("entry", "page", "alias", "link", "shown", "fact", "picture", "skipped"):
            found[table] = sorted(database.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
    found["blobs"] = sorted(
        (file.name, file.read_bytes()) for file in (out / "blobs").rglob("*") if file.is_file()
    )
    visual = out / "visual"
    found["visual"] = sorted((file.name, file.read_bytes()) for file in visual.iterdir())
    return found


def test_a_folder_becomes_a_world_with_counts(tmp_path: Path) -> None:
    out = tmp_path / "world"
    told: list[tuple[str, int, int]] = []
    report = import_source(
        FolderSource(write_manual(tmp_path / "manual")),
        out,
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert report.base_url == "https://manual.example/"
    assert report.counts == {
        "entries": 9,
        "pages": 6,
        "articles": 5,
        "repeated_pages": 0,
        "aliases": 1,
        "pages_with_aliases": 1,
        "aliases_of_pictures": 0,
        "dead_aliases": 0,
        "pictures": 2,
        "picture_uses": 3,
        "pages_with_pictures": 2,
        "pictures_on_several_pages": 1,
        "links": 5,
        "links_via_alias": 1,
        "links_to_files": 0,
        "dead_links": 1,
        "external_links": 1,
        "written_links": 5,
        "written_links_via_alias": 1,
        "written_links_to_files": 0,
        "written_dead_links": 1,
        "written_external_links": 1,
        "facts": 2,
        "pages_with_facts": 1,
        "skipped": 0,
        "entries: alias": 1,
        "entries: page": 6,
        "entries: picture": 2,
    }
    assert report == ImportReport.model_validate_json((out / "import.json").read_bytes())
    assert {what for what, _, _ in told} == {
        "pages",
        "pictures",
        "links",
        "text index",
        "picture index",
    }
    assert all(done <= total for _, done, total in told)
    assert sorted(path.name for path in out.iterdir()) == [
        "blobs",
        "captions",
        "import.json",
        "manifest.json",
        "text",
        "visual",
        "world.db",
    ]


def test_importing_again_does_nothing_and_another_source_is_refused(tmp_path: Path) -> None:
    root, out = write_manual(tmp_path / "manual"), tmp_path / "world"
    first = imported(root, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert imported(root, out) == first.model_copy(update={"already_complete": True})
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    with pytest.raises(ConfigError, match="choose another folder"):
        import_source(FolderSource(root), out, base_url="https://other.example/")
    (root / "new.html").write_text(page("New", ""))
    with pytest.raises(ConfigError, match="choose another folder"):
        imported(root, out)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        imported(write_manual(tmp_path / "manual"), out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    with pytest.raises(ConfigError, match="is a file"):
        imported(tmp_path / "manual", out / "thesis.txt")


def test_bad_entries_are_skipped_and_listed(tmp_path: Path) -> None:
    root = write_manual(tmp_path / "manual")
    (root / "broken.html").write_bytes(picture(4))
    (root / "none.html").write_bytes(b"")
    (root / "torn.png").write_bytes(picture(5)[:200])
    (root / "tiny.png").write_bytes(picture(6, size=(40, 140)))
    (root / "drawing.svg").write_text("<svg/>")
    names = ("torn.png", "tiny.png", "drawing.svg", "absent.png", "fileicon-ogg.png")
    shown = "".join(f"<img src='{name}'>" for name in names)
    (root / "show.html").write_text(page("Show", shown))
    report = imported(root, tmp_path / "world")
    assert report.skipped_by_reason["empty"] == 1
    assert {(one.path, one.reason.partition(":")[0]) for one in report.skipped} == {
        ("broken.html", "its bytes are no HTML"),
        ("none.html", "empty"),
        ("torn.png", "damaged"),
    }
    reasons = {reason.partition(":")[0]: n for reason, n in report.pictures_left_out.items()}
    assert reasons == {
        "damaged": 1,
        "smaller than 100 px": 1,
        "a drawing (SVG)": 1,
        "not in the source": 1,
        "an icon by its name": 1,
    }
    assert report.counts["pictures"] == 2


def test_what_is_said_of_one_entry_does_not_part_its_kind(tmp_path: Path) -> None:
    root = write_manual(tmp_path / "manual")
    for number in range(4):
        (root / f"torn{number}.png").write_bytes(picture(5)[: 200 + number])
    shown = "".join(f"<img src='torn{number}.png'>" for number in range(4))
    (root / "show.html").write_text(page("Show", shown))
    report = imported(root, tmp_path / "world")
    assert report.skipped_by_reason == {"damaged": 4}
    assert report.pictures_left_out == {"damaged": 4}
    assert len({one.reason for one in report.skipped}) == 4


@pytest.mark.parametrize("part", ["world.db", "text", "visual", "import.json", "manifest.json"])
def test_a_damaged_world_is_not_called_complete(part: str, tmp_path: Path) -> None:
    root, out = write_manual(tmp_path / "manual"), tmp_path / "world"
    imported(root, out)
    if part == "manifest.json":
        (out / part).write_text("{")
    elif (out / part).is_dir():
        shutil.rmtree(out / part)
    else:
        (out / part).unlink()
    with pytest.raises(ConfigError, match="delete the folder and import again"):
        imported(root, out)


def test_a_logo_on_every_page_is_no_picture_of_anything(tmp_path: Path) -> None:
    root = write_many(tmp_path / "site", pages=40, pictures=2)
    (root / "logo.png").write_bytes(picture(9))
    for file in root.glob("*.html"):
        file.write_text(file.read_text().replace("<p>", "<img src='logo.png'><p>"))
    report = imported(root, tmp_path / "world")
    assert report.counts["pictures"] == 2
    assert report.pictures_left_out == {"decoration: on very many pages": 1}


def test_a_limit_cuts_the_source_and_is_part_of_the_world(tmp_path: Path) -> None:
    root, out = write_many(tmp_path / "site", pages=40), tmp_path / "world"
    assert imported(root, out, limit=15).counts["entries"] == 15
    with pytest.raises(ConfigError, match="limit"):
        imported(root, out)


class DyingSource(FolderSource):
    """A folder whose reading ends at an entry, as if the process had been stopped there."""

    dies_at = 25

    @override
    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        for entry in super().entries(start=start):
            if entry.index == self.dies_at:
                raise KeyboardInterrupt
            yield entry


def test_a_stopped_import_refuses_another_source_and_goes_on_with_its_own(tmp_path: Path) -> None:
    root, out = write_many(tmp_path / "site", pages=40), tmp_path / "world"
    with pytest.raises(KeyboardInterrupt):
        import_source(DyingSource(root), out)
    with pytest.raises(ConfigError, match="not finished"):
        CorpusWorld.open(out)
    with pytest.raises(ConfigError, match="choose another folder"):
        imported(write_many(tmp_path / "other", pages=12), out)
    assert imported(root, out).counts["entries"] == 40
    whole = imported(root, tmp_path / "whole")
    assert whole.counts == imported(root, out).counts
    assert content(out) == content(tmp_path / "whole")


def test_one_import_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    root, out = write_many(tmp_path / "site", pages=40), tmp_path / "world"

    class Meddling(FolderSource):
        @override
        def entries(self, *, start: int = 0) -> Iterator[Entry]:
            with pytest.raises(ConfigError, match="another import"):
                import_source(FolderSource(root), out)
            yield from super().entries(start=start)

    assert import_source(Meddling(root), out).counts["entries"] == 40


def test_two_entries_of_one_path_are_one_page_and_a_listed_one(tmp_path: Path) -> None:
    class Doubled(FolderSource):
        @override
        def entries(self, *, start: int = 0) -> Iterator[Entry]:
            for entry in super().entries(start=start):
                if isinstance(entry, PageEntry) and entry.path == "n0001.html":
                    yield PageEntry(index=1, path="n0000.html", title="", body=entry.body)
                else:
                    yield entry

    root = write_many(tmp_path / "site", pages=8)
    report = import_source(Doubled(root), tmp_path / "world")
    assert report.counts["pages"] == 7
    assert report.skipped[0].reason == "another entry has the same path"


def killed_at(root: Path, out: Path, seconds: float) -> bool:
    """Kill an import so long after it took its folder; whether it was still at work.

    The folder's lock tells the moment: how long Python takes to start does not count.
    """
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(root), str(out)])
    lock, since = out / "import.lock", time.time()
    while process.poll() is None and not (lock.exists() and lock.stat().st_mtime >= since):
        time.sleep(0.002)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    assert process.returncode == 0
    return False


def kill_until_done(root: Path, out: Path, *, step_s: float) -> int:
    """Kill later and later; how often it took."""
    kills = 0
    while killed_at(root, out, (kills + 1) * step_s):
        kills += 1
        assert kills < 200
    return kills


@pytest.mark.timeout(120)
def test_a_killed_import_goes_on_and_makes_the_same_world(tmp_path: Path) -> None:
    root = write_many(tmp_path / "site", pages=600, pictures=8)
    whole = imported(root, tmp_path / "whole")
    took_s = sum(whole.seconds.values())
    kills = kill_until_done(root, tmp_path / "killed", step_s=took_s / 8)
    assert kills >= 1
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_very_often_it_is_still_the_same_world(tmp_path: Path) -> None:
    root = write_many(tmp_path / "site", pages=3000, pictures=40)
    whole = imported(root, tmp_path / "whole")
    took_s = sum(whole.seconds.values())
    kills = kill_until_done(root, tmp_path / "killed", step_s=took_s / 25)
    assert kills >= 5
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_picture_half_written_by_a_killed_import_is_cleared_away(tmp_path: Path) -> None:
    root, out = write_many(tmp_path / "site", pages=3, pictures=2), tmp_path / "world"
    torn = out / "blobs" / "ab" / ".new-torn"
    assert killed_at(root, out, 0.0) or out.exists()
    (out / "manifest.json").unlink(missing_ok=True)
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(b"half")
    imported(root, out)
    assert not torn.exists()


def test_a_plan_says_what_an_import_takes_and_writes_nothing(tmp_path: Path) -> None:
    root = write_many(tmp_path / "site", pages=500, pictures=20)
    plan = plan_import(FolderSource(root))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
    report = imported(root, tmp_path / "world")
    assert (plan.entries, plan.sampled) == (520, 384)
    assert plan.classes["page"] == pytest.approx(report.counts["pages"], rel=0.1)
    size = sum(file.stat().st_size for file in (tmp_path / "world").rglob("*") if file.is_file())
    assert size / 3e6 < plan.disk_mb < size / 3e5
    assert plan.seconds < 60
