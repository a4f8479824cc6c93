"""What an import would cost, from a sample of its source: nothing is written.

Stretches of entries, spread evenly over the source, are read, parsed and indexed as an import
would do it; what was measured is multiplied. Good to about a third either way for sources whose
pages are alike.
"""

import resource
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.corpus.build import addresses_for
from vision_deepresearch.worlds.corpus.database import PageRow, unpacked
from vision_deepresearch.worlds.corpus.reader import (
    LookedAt,
    PictureTask,
    Reader,
    ReadPage,
    Task,
    reason_by_name,
)
from vision_deepresearch.worlds.corpus.source import (
    Entry,
    PageEntry,
    PictureEntry,
    Source,
    SourceAbout,
)
from vision_deepresearch.worlds.corpus.workers import Crew
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex, TextLayout
from vision_deepresearch.worlds.index.visual import VisualIndex

_STRETCHES = 24
_STRETCH = 16
"""Entries of one stretch."""
_PICTURES = 32
"""Pictures that are looked at."""
_ROW_BYTES = 400
"""Of a page in the database, beside its body and text; a link takes about 60."""
_LINK_BYTES = 60
_BASE_MB = 250
"""Memory of an import whatever its size: libraries, one batch of pages, the text index's buffer."""
_PICTURE_BYTES = 15_000
"""Memory of a picture while the picture index is made."""
_ENTRY_BYTES = 400
"""Memory of an address in a source that keeps a list of them (WARC); others need less."""


class ImportPlan(Record):
    """What an import would give and take."""

    source: SourceAbout
    entries: int
    sampled: int
    classes: dict[str, int]
    """Entries by class, estimated."""
    pages_per_s: float
    """Of one processor, reading and indexing their text."""
    seconds: float
    """Of one processor, all phases."""
    disk_mb: float
    memory_mb: float
    """At most; with workers 1 GB more for each at worst."""


def plan_import(source: Source, *, base_url: str | None = None) -> ImportPlan:
    """Estimate an import.

    Raises:
        ConfigError: as an import would.
    """
    about = source.about()
    total = source.num_entries
    addresses = addresses_for(about, base_url=base_url)
    with tempfile.TemporaryDirectory(prefix="vdr-plan-") as work:
        folder = Path(work)
        reader = Reader(
            blobs=folder / "blobs", base_url=addresses.base_url, language=about.language
        )
        started = _cpu_s()
        classes: Counter[str] = Counter()
        rows: list[PageRow] = []
        pictures: list[str] = []
        with Crew[Entry](reader, jobs=1) as crew:
            for entry, answer in crew.answers(_tasks(source, total)):
                classes[type(entry).__name__.removesuffix("Entry").lower()] += 1
                if isinstance(answer, ReadPage) and answer.row is not None:
                    rows.append(answer.row)
                if isinstance(entry, PictureEntry):
                    pictures.append(entry.path)
        read_s = _cpu_s() - started
        text_s, text_bytes = _index_texts(folder / "text", rows)
        picture_s, picture_bytes, num_seen = _index_pictures(folder, source, pictures, reader)
    sampled = max(1, classes.total())
    scale = total / sampled
    num_pictures = round(len(pictures) * scale)
    row_bytes = sum(
        len(row.body) + len(row.text) + _ROW_BYTES + _LINK_BYTES * len(row.links) for row in rows
    )
    shown = num_pictures / max(1, num_seen)
    memory = _BASE_MB + (total * _ENTRY_BYTES + num_pictures * _PICTURE_BYTES) / 1e6
    return ImportPlan(
        source=about,
        entries=total,
        sampled=classes.total(),
        classes={name: round(count * scale) for name, count in sorted(classes.items())},
        pages_per_s=round(len(rows) / max(1e-6, read_s + text_s), 1),
        seconds=round((read_s + text_s) * scale + picture_s * shown, 1),
        disk_mb=round(((row_bytes + text_bytes) * scale + picture_bytes * shown) / 1e6, 1),
        memory_mb=round(memory, 1),
    )


def _cpu_s() -> float:
    """Time of the processor, of this process and of the workers that are gone."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _tasks(source: Source, total: int) -> Iterator[tuple[Entry, Task | None]]:
    """Stretches of entries, spread evenly; all of a small source."""
    stretches = min(_STRETCHES, -(-total // _STRETCH))
    step = total / max(1, stretches)
    for number in range(stretches):
        start = round(number * step)
        room = min(_STRETCH, round((number + 1) * step) - start)
        for entry in islice(source.entries(start=start), room):
            yield entry, entry if isinstance(entry, PageEntry) else None


def _index_texts(folder: Path, rows: list[PageRow]) -> tuple[float, int]:
    started = _cpu_s()
    docs = (
        TextDoc(id=n, title=row.title, text=unpacked(row.text).decode(), headings=row.headings)
        for n, row in enumerate(rows)
    )
    TextIndex.build(folder, docs, layout=TextLayout.DOCUMENTS)
    return _cpu_s() - started, _size_of(folder)


def _index_pictures(
    folder: Path, source: Source, paths: list[str], reader: Reader
) -> tuple[float, int, int]:
    """Seconds and bytes for some pictures, and how many they were."""
    step = max(1, len(paths) // _PICTURES)
    chosen = paths[::step][:_PICTURES]
    started = _cpu_s()
    kept: list[ImageRef] = []
    for path in chosen:
        looked = _look(source, path, reader)
        if looked is not None and looked.ref is not None:
            kept.append(looked.ref)
    blobs = FolderMediaStore(folder / "blobs")
    VisualIndex.build(folder / "visual", ((one.sha256, blobs.load(one)) for one in kept))
    took_s = _cpu_s() - started
    return took_s, _size_of(folder / "visual") + _size_of(folder / "blobs"), len(chosen)


def _look(source: Source, path: str, reader: Reader) -> LookedAt | None:
    if reason_by_name(path) is not None:
        return None
    try:
        task = PictureTask(path=path, data=source.read_picture(path))
    except KeyError:
        return None
    return reader.look_at(task.path, task.data)


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
