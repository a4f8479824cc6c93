"""Adding to a world: what is new, what stays, who reads meanwhile, and what a kill leaves."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from tests.worlds.corpus.folders import page, picture, write_manual, write_many
from tests.worlds.corpus.test_import import content
from tests.worlds.corpus.warc_files import Fetch, write_warc
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.grow import add_source, exchange
from vision_deepresearch.worlds.corpus.source import Entry
from vision_deepresearch.worlds.corpus.warc import WarcSource
from vision_deepresearch.worlds.corpus.world import CorpusWorld, read_manifest

BASE = "https://manual.example/"
SCRIPT = (
    "import sys; from pathlib import Path;"
    "from vision_deepresearch.worlds.corpus.grow import add_source;"
    "from vision_deepresearch.worlds.corpus.folder import FolderSource;"
    "add_source(FolderSource(Path(sys.argv[1])), Path(sys.argv[2]))"
)


def a_world(tmp_path: Path) -> tuple[Path, Path]:
    """The manual, and the world of it."""
    root = write_manual(tmp_path / "manual")
    import_source(FolderSource(root), tmp_path / "world")
    return root, tmp_path / "world"


def test_new_and_changed_pages_are_added_and_the_others_left(tmp_path: Path) -> None:
    root, out = a_world(tmp_path)
    before = read_manifest(out)
    opened = CorpusWorld.open(out)
    old = opened._find(f"{BASE}guide/oil.html")
    (root / "guide/oil.html").write_text(page("Oil", "<p>Petroleum came after.</p>"))
    (root / "guide/wicks.html").write_text(
        page("Wicks", "<p>Of cotton. <a href=gone.html>More</a></p><img src=wick.png>")
    )
    (root / "guide/gone.html").write_text(page("Found", "<p>Here again.</p>"))
    (root / "guide/wick.png").write_bytes(picture(5))
    (root / "img/lamp.png").write_bytes(picture(6))
    report = add_source(FolderSource(root), out)
    last = report.history[-1]
    assert (last.new, last.changed, last.unchanged, last.parent) == (2, 1, 5, before.world_id)
    assert read_manifest(out).world_id == report.world_id != before.world_id
    assert report.counts["dead_links"] == 0  # the old page's link leads to the new one now
    assert report.counts["pictures"] == 2  # lamp and wick; the page of the can is another now
    # who has the old world open reads on
    assert "whale" in opened._read(f"{BASE}guide/oil.html", None).markdown
    assert opened._search("whale", 3)[0].title == "Oil"
    opened.close()
    world = CorpusWorld.open(out)
    assert world._find(f"{BASE}guide/oil.html") == old
    assert "Petroleum" in world._read(f"{BASE}guide/oil.html", None).markdown
    assert world._search("cotton", 3)[0].title == "Wicks"
    assert [hit.title for hit in world._search("whale", 3)] == []
    assert world._find(f"{BASE}guide/old.html") == world._find(f"{BASE}guide/lamps.html")
    world.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manual", "world"]


def test_nothing_new_leaves_the_world_as_it_is(tmp_path: Path) -> None:
    root, out = a_world(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert add_source(FolderSource(root), out).already_complete
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_two_sources_one_after_the_other_are_a_world_of_both(tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    for number in range(20):
        target = left if number < 12 else right
        target.mkdir(exist_ok=True)
        (target / f"n{number:02}.html").write_text(page(f"N{number}", f"<p>word{number}</p>"))
    base = "https://both.example/"
    import_source(FolderSource(left), tmp_path / "world", base_url=base)
    report = add_source(FolderSource(right), tmp_path / "world", jobs=2)
    assert (report.counts["pages"], report.history[0].new) == (20, 8)
    (left / "n19.html").write_bytes((right / "n19.html").read_bytes())
    assert add_source(FolderSource(right), tmp_path / "world").already_complete
    world = CorpusWorld.open(tmp_path / "world")
    for number in range(20):
        assert world._search(f"word{number}", 1)[0].url == f"{base}n{number:02}.html"
    world.close()


def test_a_page_may_become_a_redirect_and_back(tmp_path: Path) -> None:
    root, out = a_world(tmp_path)
    whole = (root / "notes/other.md").read_text()
    (root / "notes/other.md").unlink()
    (root / "notes/other.html").write_text(page("Other", "<p>moved</p>"))
    (root / "guide/oil.html").write_text("<meta http-equiv=refresh content='0; url=lamps.html'>")
    add_source(FolderSource(root), out)
    world = CorpusWorld.open(out)
    assert world._read(f"{BASE}guide/oil.html", None).title == "Lamps"
    assert world._read(f"{BASE}notes/other.md", None).title == "Other notes"  # nothing is taken out
    world.close()
    assert whole


def test_pages_with_addresses_of_their_own_do_not_mix_with_others(tmp_path: Path) -> None:
    _, out = a_world(tmp_path)
    file = write_warc(tmp_path / "c.warc.gz", [Fetch(url="http://a.test/", body=b"<h1>A</h1>")])
    with pytest.raises(ConfigError, match="a world of their own"):
        add_source(WarcSource(file), out)


def test_a_later_crawl_is_added_to_an_earlier_one(tmp_path: Path) -> None:
    def crawl(name: str, *pages: tuple[str, str]) -> WarcSource:
        fetches = [Fetch(url=f"http://a.test/{p}", body=page(w, w).encode()) for p, w in pages]
        return WarcSource(write_warc(tmp_path / name, fetches))

    with_two = crawl("one.warc.gz", ("a", "alpha"), ("b", "beta"))
    import_source(with_two, tmp_path / "world")
    later = crawl("two.warc.gz", ("b", "bravo"), ("c", "charlie"), ("a", "alpha"))
    last = add_source(later, tmp_path / "world").history[-1]
    assert (last.new, last.changed, last.unchanged) == (1, 1, 1)
    with_two.close()
    later.close()


def test_two_writers_are_refused(tmp_path: Path) -> None:
    root, out = a_world(tmp_path)
    (root / "more.html").write_text(page("More", "<p>more</p>"))

    class Meddling(FolderSource):
        @override
        def entries(self, *, start: int = 0) -> Iterator[Entry]:
            with pytest.raises(ConfigError, match="another import"):
                add_source(FolderSource(root), out)
            yield from super().entries(start=start)

    assert add_source(Meddling(root), out).history[0].new == 1


def test_without_a_world_there_is_nothing_to_add_to(tmp_path: Path) -> None:
    root = write_manual(tmp_path / "manual")
    with pytest.raises(ConfigError, match="no world"):
        add_source(FolderSource(root), tmp_path / "nowhere")
    out = tmp_path / "half"
    import_source(FolderSource(root), out)
    (out / "manifest.json").unlink()
    with pytest.raises(ConfigError, match="not finished"):
        add_source(FolderSource(root), out)


def test_folders_change_names_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "who").write_text(name)
    exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "who").read_text() == "other"
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "none")


@pytest.mark.timeout(180)
def test_killed_at_any_moment_the_world_is_whole_and_the_same_command_goes_on(
    tmp_path: Path,
) -> None:
    root = write_many(tmp_path / "site", pages=150, pictures=2)
    out = tmp_path / "world"
    import_source(FolderSource(root), out, limit=None)
    before = read_manifest(out).world_id
    write_many(tmp_path / "more", pages=400, pictures=6)
    for file in (tmp_path / "more").iterdir():
        shutil.copy2(file, root / file.name)
    shutil.copytree(out, tmp_path / "copy")
    whole = add_source(FolderSource(root), tmp_path / "copy")
    step = sum(whole.seconds.values()) / 5
    kills = 0
    while True:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(root), str(out)])
        work, since = tmp_path / ".world.adding", time.time()
        lock = tmp_path / ".world.lock"
        while process.poll() is None and not (lock.exists() and lock.stat().st_mtime >= since):
            time.sleep(0.002)
        try:
            process.wait(step * (kills + 1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            CorpusWorld.open(out).close()
            assert read_manifest(out).world_id in {before, whole.world_id}
            continue
        assert process.returncode == 0
        break
    assert kills
    assert not work.exists()
    assert read_manifest(out).world_id == whole.world_id
    assert content(out) == content(tmp_path / "copy")
