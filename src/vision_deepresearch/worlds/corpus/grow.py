"""Adds a source to a corpus world that is complete: what is new or changed, in a copy beside it.

    WORLD -- database copied, pictures linked --> .WORLD.adding -- entries, pictures, links,
    indexes, manifest --> exchanged with WORLD in one step of the file system, the old one deleted

The world is read as before until the exchange, and whoever has it open goes on reading the old one.
Killed before it, the same command goes on; killed behind it, the next one clears up. Pages are
told apart by their path and by the hash of what the source gave. Nothing is ever taken out.

Cost: a copy of the database, the new pages, and both indexes anew.
"""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from typing_extensions import override

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.worlds.corpus.build import Import, Progress, addresses_for, silent
from vision_deepresearch.worlds.corpus.database import CorpusDatabase
from vision_deepresearch.worlds.corpus.extract import source_hash
from vision_deepresearch.worlds.corpus.place import disk_errors, locked, read_report
from vision_deepresearch.worlds.corpus.reader import Answer, ReadPage, Task
from vision_deepresearch.worlds.corpus.report import Addition, ImportReport
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    Entry,
    PageEntry,
    PictureEntry,
    Source,
)
from vision_deepresearch.worlds.corpus.workers import Lost
from vision_deepresearch.worlds.corpus.world import DATABASE, MANIFEST, read_manifest

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def add_source(
    source: Source, world: Path, *, jobs: int = 1, progress: Progress | None = None
) -> ImportReport:
    """Add what is new or changed in a source to a world.

    Args:
        source: open; it stays open.
        world: folder of a complete corpus world.
        jobs: processes that read pages and pictures.
        progress: told about each phase.

    Returns:
        The report of the world as it is now; `already_complete` where nothing was new.

    Raises:
        ConfigError: no such world, one with other addresses, or another process adds to it.
        OSError: the disk is full; the world stands as it was, and the same command goes on.
    """
    world = world.absolute()
    manifest, report = read_manifest(world), read_report(world)
    about = source.about()
    own = None if about.has_web_urls else report.base_url
    addresses = addresses_for(about, base_url=own)
    if addresses.base_url != report.base_url:
        msg = (
            f"expected pages under {report.base_url}, the pages of {about.title!r} keep the "
            "addresses they have: import them into a world of their own"
        )
        raise ConfigError(msg)
    work = world.with_name(f".{world.name}.adding")
    with disk_errors(world), locked(world.with_name(f".{world.name}.lock"), world):
        if (work / MANIFEST).is_file() and _is_child(work, manifest):
            return _take_over(world, work)  # killed between its last file and the exchange
        _prepare(world, work, marks={"adding_to": manifest.world_id, "adding": about.identity})
        with closing(CorpusDatabase.create(work / DATABASE)) as database:
            adding = _Adding(
                source=source,
                about=about,
                described=report.source,
                out=work,
                database=database,
                addresses=addresses,
                name=manifest.name,
                progress=progress or silent,
                limit=None,
                jobs=jobs,
                parent=manifest,
                before=report,
            )
            has_news = adding.grow()
        if not has_news:
            shutil.rmtree(work)
            return report.model_copy(update={"already_complete": True})
        return _take_over(world, work)


def _is_child(work: Path, manifest: WorldManifest) -> bool:
    try:
        return read_manifest(work).spec.get("parent") == manifest.world_id
    except ConfigError:
        return False


def _take_over(world: Path, work: Path) -> ImportReport:
    """Put the new world in the place of the old one, in one step, and delete the old one."""
    exchange(work, world)
    shutil.rmtree(work)
    return read_report(world)


def exchange(one: Path, other: Path) -> None:
    """Let two folders change names; nobody ever sees one of the names missing.

    Raises:
        OSError: the system or the file system cannot (some network file systems).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        rename = libc.renameat2
    except AttributeError as reason:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(other)) from reason
    done = rename(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _prepare(world: Path, work: Path, *, marks: dict[str, str]) -> None:
    """A copy to work in, or the one that a killed addition of the same source left."""
    if (work / MANIFEST).is_file() or not _is_same(work, marks):
        shutil.rmtree(work, ignore_errors=True)
    if (work / DATABASE).is_file():
        return
    work.mkdir(exist_ok=True)
    if (world / "blobs").is_dir():
        shutil.copytree(world / "blobs", work / "blobs", copy_function=_link, dirs_exist_ok=True)
    fresh = work / f"{DATABASE}.new"
    shutil.copyfile(world / DATABASE, fresh)
    with closing(CorpusDatabase.create(fresh)) as database:
        with database.transaction():
            database.forget_state()
            for key, value in marks.items():
                database.set_state(key, value)
            database.set_state("offset", str(database.number("SELECT max(idx) FROM entry") + 1))
        database.finish()
    fresh.rename(work / DATABASE)


def _is_same(work: Path, marks: dict[str, str]) -> bool:
    if not (work / DATABASE).is_file():
        return False
    try:
        with closing(CorpusDatabase.create(work / DATABASE)) as database:
            return all(database.state(key) == value for key, value in marks.items())
    except ConfigError:
        return False


def _link(one: str, other: str) -> None:
    """The same file under a second name; a copy where the file system has no such thing."""
    if Path(other).exists():
        return
    try:
        os.link(one, other)
    except OSError:
        shutil.copyfile(one, other)


@dataclass(slots=True, kw_only=True)
class _Adding(Import):
    """An import into a copy of a world."""

    parent: WorldManifest
    before: ImportReport

    def grow(self) -> bool:
        """All phases; False where the source has nothing new, and the copy is not finished."""
        self.start()
        self.offset = int(self.database.state("offset") or 0)
        self.do_phase("entries")
        self.do_phase("pictures")
        if self.world_id() == self.parent.world_id:
            return False
        for phase in ("links", "text", "visual"):
            self.do_phase(phase)
        self.complete()
        return True

    @override
    def check_same(self) -> None:
        """The copy was made for this source."""

    @override
    def tasks(self, start: int, total: int) -> Iterator[tuple[Entry, Task | None]]:
        for entry, _ in Import.tasks(self, start, total):
            moved = replace(entry, index=entry.index + self.offset)
            is_known = not isinstance(moved, PageEntry) or (
                self.database.source_hash(moved.path) == source_hash(moved)
            )
            yield moved, moved if isinstance(moved, PageEntry) and not is_known else None

    @override
    def write_entry(self, entry: Entry, answer: Answer | Lost | None) -> None:
        database = self.database
        if not database.forget_entry(entry.path, before=self.offset):
            Import.write_entry(self, entry, answer)  # a second one of this source: listed
            return
        if isinstance(entry, PageEntry) and answer is None:
            database.add_entry(entry.index, path=entry.path, what="page")
            self._count("unchanged")
            return
        if isinstance(entry, PictureEntry | AliasEntry):
            database.forget_picture(entry.path)  # looked at again: its bytes may be others
        if isinstance(entry, AliasEntry):
            database.forget_page(entry.path)
        if isinstance(entry, PageEntry) and isinstance(answer, ReadPage) and answer.row is not None:
            known = database.forget_page(entry.path)
            self._count("new" if known is None else "changed")
            if known is not None:
                answer = replace(answer, row=replace(answer.row, id=known))
        Import.write_entry(self, entry, answer)

    def _count(self, what: str) -> None:
        self.database.set_state(f"pages:{what}", str(self._counted(what) + 1))

    def _counted(self, what: str) -> int:
        return int(self.database.state(f"pages:{what}") or 0)

    @override
    def history(self) -> tuple[Addition, ...]:
        addition = Addition(
            source=self.about,
            parent=self.parent.world_id,
            new=self._counted("new"),
            changed=self._counted("changed"),
            unchanged=self._counted("unchanged"),
        )
        return (*self.before.history, addition)

    @override
    def spec(self) -> dict[str, str | int | float]:
        return {
            **self.parent.spec,
            "parent": self.parent.world_id,
            "additions": len(self.before.history) + 1,
        }
