"""Worker processes: the same world as without them, and what a death costs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from tests.worlds.corpus.folders import write_manual, write_many
from tests.worlds.corpus.test_import import content
from vision_deepresearch.worlds.corpus.build import import_source
from vision_deepresearch.worlds.corpus.folder import FolderSource
from vision_deepresearch.worlds.corpus.reader import Answer, Reader, ReadPage, Task
from vision_deepresearch.worlds.corpus.source import Entry, PageEntry
from vision_deepresearch.worlds.corpus.workers import Crew, Lost

SCRIPT = (
    "import sys; from pathlib import Path;"
    "from vision_deepresearch.worlds.corpus.build import import_source;"
    "from vision_deepresearch.worlds.corpus.folder import FolderSource;"
    "import_source(FolderSource(Path(sys.argv[1])), Path(sys.argv[2]), jobs=2)"
)


def text_index(out: Path) -> bytes:
    return (out / "text" / "facts.json").read_bytes()


def test_a_world_is_the_same_whoever_read_its_pages(tmp_path: Path) -> None:
    root = write_manual(write_many(tmp_path / "site", pages=300, pictures=12))
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (root / "show.html").write_text("<h1>Show</h1><img src=broken.png>")
    alone = import_source(FolderSource(root), tmp_path / "alone")
    two = import_source(FolderSource(root), tmp_path / "two", jobs=2)
    assert two.model_copy(update={"seconds": {}, "cpu_seconds": {}}) == alone.model_copy(
        update={"seconds": {}, "cpu_seconds": {}}
    )
    assert content(tmp_path / "two") == content(tmp_path / "alone")
    assert text_index(tmp_path / "two") == text_index(tmp_path / "alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class DyingReader(Reader):
    """Dies over pages that say so, as PDFium does over some files, or never ends."""

    @override
    def read(self, task: Task) -> Answer:
        assert isinstance(task, PageEntry)
        if b"kill" in task.body:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"endless" in task.body:
            time.sleep(60)
        if b"once" in task.body and not (self.blobs / "died").exists():
            (self.blobs / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.read_page(task)


def pages(words: list[str]) -> Iterator[tuple[int, Task | None]]:
    for number, word in enumerate(words):
        body = f"<p>{word} {number}</p>".encode() + b" " * 100_000  # more than a pipe holds
        yield (
            number,
            None
            if word == "none"
            else PageEntry(index=number, path=f"{number}.html", title="", body=body),
        )


def told(found: Answer | Lost | None) -> str:
    if isinstance(found, ReadPage) and found.row is not None:
        return "read"
    return "nothing" if found is None else f"{type(found).__name__}: {found.reason}"


def test_a_page_that_kills_its_reader_costs_itself_and_the_order_stays(tmp_path: Path) -> None:
    reader = DyingReader(blobs=tmp_path, base_url="https://x.example/", language="")
    words = ["a", "b", "kill", "c", "none", "d", "once", "e", *"fghijklmnopqrstuvwxyz"]
    with Crew[int](reader, jobs=2) as crew:
        found = [(number, told(answer)) for number, answer in crew.answers(pages(words))]
        pids = crew.pids
    died = "Lost: the process that read it died (exit code -9)"
    expected = ["nothing" if w == "none" else died if w == "kill" else "read" for w in words]
    assert found == list(enumerate(expected))
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_page_without_end_is_given_up(tmp_path: Path) -> None:
    reader = DyingReader(blobs=tmp_path, base_url="https://x.example/", language="")
    with Crew[int](reader, jobs=2, max_task_s=1.5) as crew:
        found = [told(answer) for _, answer in crew.answers(pages(["a", "endless", "b", "c"]))]
    assert found == ["read", "Lost: took more than 1.5 s", "read", "read"]


def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    reader = Reader(blobs=tmp_path, base_url="https://x.example/", language="")
    kills = 0
    with Crew[int](reader, jobs=2) as crew:
        for number, answer in crew.answers(pages(["word"] * 60)):
            assert told(answer) == "read"
            if number == 5:
                os.kill(crew.pids[0], signal.SIGKILL)
                kills += 1
    assert kills == 1


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(one) for one in listed.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.timeout(120)
def test_killed_with_its_workers_at_work_an_import_goes_on_to_the_same_world(
    tmp_path: Path,
) -> None:
    root = write_many(tmp_path / "site", pages=1200, pictures=4)
    import_source(FolderSource(root), tmp_path / "alone")
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(root), str(tmp_path / "out")])
    workers: list[int] = []
    end = time.monotonic() + 30
    while len(workers) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
        workers = children_of(process.pid)
    time.sleep(0.5)
    process.kill()
    process.wait()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers):
        assert time.monotonic() < end, "workers outlived the import they worked for"
        time.sleep(0.05)
    import_source(FolderSource(root), tmp_path / "out", jobs=2)
    assert content(tmp_path / "out") == content(tmp_path / "alone")


class Counting(FolderSource):
    """How far ahead of its reader a source is asked."""

    asked = 0

    @override
    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        for entry in super().entries(start=start):
            self.asked += 1
            yield entry


def test_few_pages_wait_at_a_time(tmp_path: Path) -> None:
    source = Counting(write_many(tmp_path / "site", pages=120))
    reader = Reader(blobs=tmp_path / "blobs", base_url="https://x.example/", language="")
    tasks = ((e.index, e if isinstance(e, PageEntry) else None) for e in source.entries())
    with Crew[int](reader, jobs=2) as crew:
        for number, _ in crew.answers(tasks):
            assert source.asked - number <= 17
