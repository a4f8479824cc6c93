"""Hostile sources and full disks: a reason or a typed error, and never half a world."""

import errno
import io
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.worlds.corpus.folders import page, write_manual, write_many
from tests.worlds.corpus.zim_files import HEADER, Put, write_zim
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.grow import add_source
from vision_deepresearch.worlds.corpus.source import BadEntry, PageEntry
from vision_deepresearch.worlds.corpus.world import CorpusWorld, read_manifest
from vision_deepresearch.worlds.corpus.zim import ZimSource

LIMITED = (
    "import resource, sys; from pathlib import Path;"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2);"
    "from vision_deepresearch.worlds.corpus.folder import FolderSource;"
    "from vision_deepresearch.worlds.corpus.build import import_source;"
    "from vision_deepresearch.worlds.corpus.grow import add_source;"
    "source, out = FolderSource(Path(sys.argv[1])), Path(sys.argv[2]);\n"
    "try: (add_source if (out / 'manifest.json').exists() else import_source)(source, out)\n"
    "except OSError as error: sys.exit(error.errno)"
)


def limited(root: Path, out: Path, *, max_bytes: int) -> int:
    """Import, or add, with no file allowed beyond a size; 0 or the number of the system's error."""
    command = [sys.executable, "-c", LIMITED, str(root), str(out), str(max_bytes)]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize("max_bytes", [30_000, 200_000])
def test_where_no_more_can_be_written_nothing_is_served_and_the_import_goes_on(
    tmp_path: Path, max_bytes: int
) -> None:
    root = write_many(tmp_path / "site", pages=300)
    assert limited(root, tmp_path / "out", max_bytes=max_bytes) in {
        errno.EFBIG,
        errno.EIO,
        errno.ENOSPC,
    }
    with pytest.raises(ConfigError, match="not finished"):
        CorpusWorld.open(tmp_path / "out")
    assert import_source(FolderSource(root), tmp_path / "out").counts["entries"] == 300


def test_where_no_more_can_be_written_a_world_that_grows_stays_as_it_was(tmp_path: Path) -> None:
    root = write_many(tmp_path / "site", pages=40)
    import_source(FolderSource(root), tmp_path / "out")
    before = read_manifest(tmp_path / "out")
    (root / "huge.html").write_text(
        page("Huge", "".join(f"<p>word{n * n} {n:x}</p>" for n in range(90_000)))
    )
    size = (tmp_path / "out" / "world.db").stat().st_size
    code = limited(root, tmp_path / "out", max_bytes=size + 100_000)
    assert code in {errno.EFBIG, errno.EIO, errno.ENOSPC}
    assert read_manifest(tmp_path / "out") == before
    world = CorpusWorld.open(tmp_path / "out")
    assert world._search("word3", 3)
    world.close()
    assert add_source(FolderSource(root), tmp_path / "out").history[0].new == 1


def pages_of(zim: Path) -> tuple[list[str], list[str]]:
    with closing(ZimSource(zim)) as source:
        found = list(source.entries())
    assert [entry.index for entry in found] == list(range(len(found)))
    good = sorted(entry.path for entry in found if isinstance(entry, PageEntry))
    return good, [entry.reason for entry in found if isinstance(entry, BadEntry)]


def three_pages() -> list[Put]:
    return [
        Put(path=f"A/p{n}.html", content=page(f"P{n}", f"<p>word{n}</p>").encode())
        for n in range(3)
    ]


@pytest.mark.parametrize("place", [0, 2**63, 10**9, 81])
def test_a_cluster_that_lies_elsewhere_costs_its_page(tmp_path: Path, place: int) -> None:
    file = write_zim(tmp_path / "x.zim", three_pages())
    data = bytearray(file.read_bytes())
    at = HEADER.unpack_from(data)[8] + 8
    struct.pack_into("<Q", data, at, place)
    file.write_bytes(data)
    try:
        good, reasons = pages_of(file)
    except ConfigError as reason:
        told = str(reason)
        assert "damaged" in told or "cut off" in told
        return
    assert "A/p0.html" in good
    assert len(good) + len(reasons) == 3
    assert reasons


def test_an_entry_that_names_no_cluster_costs_itself(tmp_path: Path) -> None:
    file = write_zim(tmp_path / "x.zim", three_pages())
    data = bytearray(file.read_bytes())
    first = struct.unpack_from("<Q", data, HEADER.unpack_from(data)[6] + 8)[0]
    struct.pack_into("<I", data, first + 8, 0x7FFFFFFF)
    file.write_bytes(data)
    good, reasons = pages_of(file)
    assert good == ["A/p0.html", "A/p2.html"]
    assert len(reasons) == 1


def test_a_cluster_that_unpacks_to_much_is_refused_by_its_size(tmp_path: Path) -> None:
    bomb = Put(path="A/bomb.html", content=b" " * 60_000_000)
    started = time.process_time()
    good, reasons = pages_of(write_zim(tmp_path / "x.zim", [*three_pages(), bomb]))
    assert len(good) == 3
    assert "above the limit" in reasons[0]
    assert time.process_time() - started < 10


def test_a_world_of_another_version_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "world"
    import_source(FolderSource(write_manual(tmp_path / "manual")), out)
    manifest = out / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(ConfigError, match="format 9"):
        CorpusWorld.open(out)
    with pytest.raises(ConfigError, match="format 9"):
        add_source(FolderSource(tmp_path / "manual"), out)


def test_a_picture_of_one_colour_matches_nothing(tmp_path: Path) -> None:
    out = tmp_path / "world"
    import_source(FolderSource(write_manual(tmp_path / "manual")), out)
    world = CorpusWorld.open(out)
    data = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 120, 30)).save(data, "PNG")
    media = MemoryMediaStore()
    hits = world._look(media.picture(media.put(data.getvalue())), 5)
    assert all(hit.score == 0 and hit.label for hit in hits)
    world.close()
