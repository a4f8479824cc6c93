"""Imports a source into the folder of a corpus world: page by page, and goes on where it died.

Phases: entries, pictures, links, text index, visual index, manifest. The first two commit to
world.db as they go, the others are made anew if they did not end; the manifest is written last and
marks a complete world. The same command after kill -9 goes on and ends in the same world.
"""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.worlds.corpus.counts import count_world
from vision_deepresearch.worlds.corpus.database import CorpusDatabase
from vision_deepresearch.worlds.corpus.pdf import require_pdfium
from vision_deepresearch.worlds.corpus.place import (
    LOCK,
    disk_errors,
    existing,
    fresh,
    locked,
    refuse_unless_ours,
    replace,
    write_whole,
)
from vision_deepresearch.worlds.corpus.reader import (
    Answer,
    LookedAt,
    PictureTask,
    Reader,
    ReadPage,
    Task,
    reason_by_name,
)
from vision_deepresearch.worlds.corpus.report import Addition, ImportReport, SkippedEntry
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    Markup,
    OtherEntry,
    PageEntry,
    PictureEntry,
    Source,
    SourceAbout,
)
from vision_deepresearch.worlds.corpus.urls import WEB_ROOT, Addresses, default_base_url
from vision_deepresearch.worlds.corpus.workers import Crew, Lost
from vision_deepresearch.worlds.corpus.world import (
    DATABASE,
    FORMAT_VERSION,
    KIND,
    MANIFEST,
    REPORT,
)
from vision_deepresearch.worlds.index.text import TextDoc, TextIndex, TextLayout
from vision_deepresearch.worlds.index.visual import VisualIndex
from vision_deepresearch.worlds.picture_words import CAPTIONS

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
IMPORT_VERSION = "3"
"""Raise it when the same source gives another world: an import begun by another one is refused."""
MAX_PICTURES = 100_000
"""Kept in the visual index; about 15 kB of memory each."""
_PHASES = ("entries", "pictures", "links", "text", "visual")
_BATCH = 200
_BATCH_S = 1.0
_PICTURE_BATCH = 50
_REPORTED_SKIPS = 100
_DECORATION_PAGES = 20
_DECORATION_SHARE = 0.2
"""A picture on this share of all pages (and so many) is a logo, no picture of anything."""
_TOLD_PER_ENTRY = frozenset({"damaged", "cannot be parsed"})
"""Reasons that go on with what is wrong with that one entry."""
_LICENCE_URL = re.compile(r"<(https?://creativecommons\.org/[^>\s]+)>")


def import_source(
    source: Source,
    out: Path,
    *,
    base_url: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
    limit: int | None = None,
    jobs: int = 1,
) -> ImportReport:
    """Make a corpus world of a source, or go on with one.

    Args:
        source: open; it stays open.
        out: folder of the world: new, empty, or with an unfinished import of the same source.
        base_url: what the addresses of the world begin with; None: `https://<name>.example/`.
        name: of the world; None: the title of the source.
        progress: told about each phase.
        limit: entries to read at most; None: all.
        jobs: processes that read pages and pictures; 1: this one. The world is the same.

    Raises:
        ConfigError: the folder holds something else or another process works in it.
        OSError: the disk is full or cannot be written, with its errno; what was committed stays
            and the same command goes on.
    """
    about = source.about()
    addresses = addresses_for(about, base_url=base_url)
    if (out / MANIFEST).is_file():
        return existing(out, about=about, base_url=base_url and addresses.base_url, limit=limit)
    refuse_unless_ours(out)
    out.mkdir(parents=True, exist_ok=True)
    with (
        disk_errors(out),
        locked(out / LOCK, out),
        closing(CorpusDatabase.create(out / DATABASE)) as database,
    ):
        return Import(
            source=source,
            about=about,
            described=about,
            out=out,
            database=database,
            addresses=addresses,
            name=name or about.title,
            progress=progress or silent,
            limit=limit,
            jobs=jobs,
        ).run()


def addresses_for(about: SourceAbout, *, base_url: str | None) -> Addresses:
    """The addresses of the pages of a source.

    Raises:
        ConfigError: no base url, or one for pages that have addresses of their own.
    """
    if about.has_web_urls and base_url not in {None, WEB_ROOT}:
        msg = (
            f"expected no base url, got {base_url!r}: the pages of {about.title!r} keep the "
            "addresses they have"
        )
        raise ConfigError(msg)
    return Addresses(WEB_ROOT if about.has_web_urls else base_url or default_base_url(about.title))


def silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(slots=True, kw_only=True)
class Import:
    """One run of an import. `grow` adds to a world with one of its own."""

    source: Source
    about: SourceAbout
    described: SourceAbout
    """What the manifest says the world was made of."""
    out: Path
    database: CorpusDatabase
    addresses: Addresses
    name: str
    progress: Progress
    limit: int | None
    jobs: int
    num_kept: int = 0
    """Pictures kept so far."""

    offset: int = 0
    """Added to the numbers of the source's entries: behind those of former sources."""

    def run(self) -> ImportReport:
        """All phases that are not done yet."""
        self.start()
        for phase in _PHASES:
            self.do_phase(phase)
        return self.complete()

    def start(self) -> None:
        """Look at what is there."""
        self.check_same()
        self.num_kept = self.database.number(
            "SELECT count(*) FROM picture WHERE sha256 IS NOT NULL"
        )

    def do_phase(self, phase: str) -> None:
        """A phase, if it is not done yet."""
        works = {
            "entries": self._read_entries,
            "pictures": self._keep_pictures,
            "links": self._resolve_links,
            "text": self._index_text,
            "visual": self._index_pictures,
        }
        if self.database.state(f"done:{phase}") is None:
            wall, cpu = time.perf_counter(), time.process_time()
            works[phase]()
            with self.database.transaction():
                self.database.set_state(f"wall:{phase}", str(time.perf_counter() - wall))
                self.database.set_state(f"cpu:{phase}", str(time.process_time() - cpu))
                self.database.set_state(f"done:{phase}", "yes")

    def check_same(self) -> None:
        """Refuse to go on with another source or other settings."""
        wanted = {
            "source": self.about.identity,
            "base_url": self.addresses.base_url,
            "limit": str(self.limit or 0),
            "version": IMPORT_VERSION,
        }
        known = {key: self.database.state(key) for key in wanted}
        changed = [key for key, value in known.items() if value not in {None, wanted[key]}]
        if changed:
            msg = (
                f"{str(self.out)!r} holds an unfinished import with another {changed[0]} "
                f"({known[changed[0]]!r}, now {wanted[changed[0]]!r}): choose another folder, or "
                "delete this one to begin anew"
            )
            raise ConfigError(msg)
        with self.database.transaction():
            for key, value in wanted.items():
                self.database.set_state(key, value)

    # ----------------------------------------------------------------------------------- entries

    def _read_entries(self) -> None:
        total = self._total()
        start = int(self.database.state("next_entry") or 0)
        batch: list[tuple[Entry, Answer | Lost | None]] = []
        since = time.monotonic()
        self.progress("pages", start, total)
        with self._crew() as crew:
            for entry, answer in crew.answers(self.tasks(start, total)):
                batch.append((entry, answer))
                if len(batch) >= _BATCH or time.monotonic() - since > _BATCH_S:
                    self._write(batch)
                    self.progress("pages", entry.index + 1 - self.offset, total)
                    batch.clear()
                    since = time.monotonic()
        self._write(batch)
        self.progress("pages", total, total)

    def _total(self) -> int:
        return min(self.source.num_entries, self.limit or self.source.num_entries)

    def _crew(self) -> Crew[Entry]:
        return Crew(self._reader(), jobs=self.jobs)

    def _reader(self) -> Reader:
        return Reader(
            blobs=self.out / "blobs",
            base_url=self.addresses.base_url,
            language=self.about.language,
        )

    def tasks(self, start: int, total: int) -> Iterator[tuple[Entry, Task | None]]:
        """Entries of the source, with what is to be done about each."""
        if start >= total:
            return
        for entry in self.source.entries(start=start):
            if isinstance(entry, PageEntry) and entry.markup is Markup.PDF:
                require_pdfium(entry.path)
            yield entry, entry if isinstance(entry, PageEntry) else None
            if entry.index + 1 >= total:
                return

    def _write(self, batch: list[tuple[Entry, Answer | Lost | None]]) -> None:
        """Commit some entries and where to go on."""
        if not batch:
            return
        with self.database.transaction():
            for entry, answer in batch:
                self.write_entry(entry, answer)
            self.database.set_state("next_entry", str(batch[-1][0].index + 1 - self.offset))

    def write_entry(self, entry: Entry, answer: Answer | Lost | None) -> None:
        """Write an entry and what was read of it."""
        database = self.database
        if not database.add_entry(entry.index, path=entry.path, what=_class_of(entry)):
            reason = "another entry has the same path"
            database.add_skipped(entry.index, path=entry.path, reason=reason)
            return
        match entry:
            case PageEntry():
                self._write_page(entry, answer)
            case AliasEntry():
                database.add_alias(
                    entry.index, path=entry.path, title=entry.title, target=entry.target
                )
            case BadEntry():
                database.add_skipped(entry.index, path=entry.path, reason=entry.reason)
            case PictureEntry() | OtherEntry():
                pass
            case _:
                assert_never(entry)

    def _write_page(self, entry: PageEntry, answer: Answer | Lost | None) -> None:
        if isinstance(answer, ReadPage) and answer.row is not None:
            self.database.add_page(answer.row)
            for looked in answer.pictures:
                self._write_picture(looked)
            return
        assert isinstance(answer, ReadPage | Lost), "a page is answered by a page"
        self.database.add_skipped(entry.index, path=entry.path, reason=answer.reason)

    # ---------------------------------------------------------------------------------- pictures

    def _keep_pictures(self) -> None:
        """Keep what pages show; a picture is asked for once, when a page shows it."""
        paths = self.database.unseen_pictures()
        batch: list[LookedAt] = []
        with Crew[str](self._reader(), jobs=self.jobs) as crew:
            for done, (path, answer) in enumerate(crew.answers(map(self._picture_task, paths))):
                batch.append(self._looked_at(path, answer))
                if len(batch) >= _PICTURE_BATCH:
                    self._write_pictures(batch)
                    self.progress("pictures", done + 1, len(paths))
                    batch.clear()
        self._write_pictures(batch)
        with self.database.transaction():
            self.database.leave_out_decoration(
                min_pages=_DECORATION_PAGES, min_share=_DECORATION_SHARE
            )
        self.progress("pictures", len(paths), len(paths))

    def _picture_task(self, path: str) -> tuple[str, Task | None]:
        """The bytes of a picture, or nothing where there is nothing to look at."""
        if reason_by_name(path) is not None:
            return path, None
        try:
            return path, PictureTask(path=path, data=self.source.read_picture(path))
        except KeyError:
            return path, None

    def _looked_at(self, path: str, answer: Answer | Lost | None) -> LookedAt:
        match answer:
            case LookedAt():
                return answer
            case Lost():
                return LookedAt(path=path, reason=f"damaged: {answer.reason}")
            case _:
                return LookedAt(path=path, reason=reason_by_name(path) or "not in the source")

    def _write_pictures(self, batch: list[LookedAt]) -> None:
        with self.database.transaction():
            for looked in batch:
                self._write_picture(looked)

    def _write_picture(self, looked: LookedAt) -> None:
        database, ref, reason = self.database, looked.ref, looked.reason
        if ref is not None and self.num_kept >= MAX_PICTURES:
            ref, reason = None, f"beyond {MAX_PICTURES} pictures"
        self.num_kept += ref is not None
        database.add_picture(looked.path, ref=ref, reason=reason)
        if reason is not None and reason.startswith("damaged"):
            database.add_skipped(-1, path=looked.path, reason=reason)

    # ----------------------------------------------------------------------------------- indexes

    def _resolve_links(self) -> None:
        self.progress("links", 0, 1)
        with self.database.transaction():
            self.database.resolve()
            if self.about.has_web_urls:
                self.database.mark_foreign_links()
        self.progress("links", 1, 1)

    def _index_text(self) -> None:
        total = self.database.number("SELECT count(DISTINCT text_hash) FROM page")
        TextIndex.build(
            fresh(self.out / "text.new"), self._docs(total), layout=TextLayout.DOCUMENTS
        )
        replace(self.out / "text")
        self.progress("text index", total, total)

    def _docs(self, total: int) -> Iterator[TextDoc]:
        for done, doc in enumerate(self.database.texts()):
            if done % 100 == 0:
                self.progress("text index", done, total)
            yield doc

    def _index_pictures(self) -> None:
        refs = list(self.database.kept_pictures())
        VisualIndex.build(fresh(self.out / "visual.new"), self._pictures(refs))
        replace(self.out / "visual")
        captions = fresh(self.out / f"{CAPTIONS}.new")
        TextIndex.build(captions, self.database.captions(), layout=TextLayout.DOCUMENTS)
        replace(self.out / CAPTIONS)
        self.progress("picture index", len(refs), len(refs))

    def _pictures(self, refs: list[ImageRef]) -> Iterator[tuple[str, bytes]]:
        blobs = FolderMediaStore(self.out / "blobs")
        for done, ref in enumerate(refs):
            if done % 10 == 0:
                self.progress("picture index", done, len(refs))
            yield ref.sha256, blobs.load(ref)

    # ---------------------------------------------------------------------------------- manifest

    def complete(self) -> ImportReport:
        """Write report and manifest: the world is complete."""
        for torn in (self.out / "blobs").rglob(".new-*"):
            torn.unlink()  # half written when an import was killed; nobody else writes here
        database = self.database
        texts = TextIndex.open(self.out / "text").facts
        visuals = VisualIndex.open(self.out / "visual").facts
        counts = count_world(database, main_path=self.described.main_path)
        world_id = self.world_id()
        manifest = WorldManifest(
            world_id=world_id,
            kind=KIND,
            name=self.name,
            format_version=FORMAT_VERSION,
            counts=counts,
            licences=self._licences(),
            text_index=texts,
            visual_index=visuals,
            caption_index=TextIndex.open(self.out / CAPTIONS).facts,
            spec=self.spec(),
        )
        report = ImportReport(
            world_id=world_id,
            name=self.name,
            base_url=self.addresses.base_url,
            source=self.described,
            history=self.history(),
            counts={
                **counts,
                **database.counts_by(
                    "SELECT 'entries: ' || what, count(*) FROM entry GROUP BY what ORDER BY what"
                ),
            },
            seconds=self._times("wall"),
            cpu_seconds=self._times("cpu"),
            skipped_by_reason=_by_kind(
                database.counts_by("SELECT reason, count(*) FROM skipped GROUP BY reason")
            ),
            pictures_left_out=_by_kind(
                database.counts_by(
                    "SELECT reason, count(*) FROM picture WHERE reason IS NOT NULL GROUP BY reason"
                )
            ),
            skipped=tuple(
                SkippedEntry(path=path, reason=reason)
                for path, reason in database.skipped(_REPORTED_SKIPS)
            ),
        )
        database.finish()
        write_whole(self.out / REPORT, report.model_dump_json(indent=1))
        write_whole(self.out / MANIFEST, manifest.model_dump_json(indent=1))
        return report

    def spec(self) -> dict[str, str | int | float]:
        """What the manifest keeps of how the world was made."""
        return {
            "base_url": self.addresses.base_url,
            "import_version": IMPORT_VERSION,
            "limit": self.limit or 0,
            "main_path": self.about.main_path or "",
            "source_kind": self.about.kind,
            "source_title": self.about.title,
            "source_identity": self.about.identity,
            "source_language": self.about.language,
            "source_date": self.about.date,
            **{f"source_{key}": value for key, value in self.about.facts.items()},
        }

    def history(self) -> tuple[Addition, ...]:
        """What was added to the world after its import."""
        return ()

    def _times(self, clock: str) -> dict[str, float]:
        """Seconds by phase."""
        known = {phase: self.database.state(f"{clock}:{phase}") for phase in _PHASES}
        return {phase: round(float(value), 3) for phase, value in known.items() if value}

    def world_id(self) -> str:
        """Hash of the content and of how it is addressed: the same for every import of the same."""
        digest = hashlib.sha256(f"{KIND} {IMPORT_VERSION} {self.addresses.base_url}\n".encode())
        for line in self.database.fingerprints():
            digest.update(f"{line}\n".encode("utf-8", "replace"))
        return digest.hexdigest()[:16]

    def _licences(self) -> tuple[str, ...]:
        """What the source says, and the licences its pages name."""
        named = {url for text in self.database.licences() for url in _LICENCE_URL.findall(text)}
        told = dict.fromkeys((*self.described.licences, *self.about.licences))
        return (*told, *sorted(named - told.keys()))


def _by_kind(reasons: Mapping[str, int]) -> dict[str, int]:
    """Reasons without what is said of one entry alone, such as its bytes; most frequent first."""
    kinds: Counter[str] = Counter()
    for reason, count in reasons.items():
        kind, _, _ = reason.partition(":")
        kinds[kind if kind in _TOLD_PER_ENTRY else reason] += count
    return dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))


def _class_of(entry: Entry) -> str:
    match entry:
        case PageEntry():
            return "page"
        case PictureEntry():
            return "picture"
        case AliasEntry():
            return "alias"
        case OtherEntry():
            return entry.what
        case BadEntry():
            return "bad"
        case _:
            assert_never(entry)
