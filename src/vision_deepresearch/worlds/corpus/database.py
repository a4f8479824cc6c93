"""The one SQLite file of a corpus world: what an import writes and what the world reads.

`entry` has a row per entry of the source, so that counts need no second look at it. Page ids are
the source's own indexes: the same source gives the same ids, however often an import was killed.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.index.text import TextDoc
from vision_deepresearch.worlds.page_facts import FactKind, PageFact
from vision_deepresearch.worlds.picture_words import PLACES, caption_doc, spot_of

APPLICATION_ID = 0x76647263
"""Marks our SQLite files of corpora ("vdrc")."""
DATABASE_VERSION = 6
"""Raise it when a table changes: another version is refused."""
INDEX_SUFFIXES = ("index.html", "/index.html", "index.htm", "/index.htm", "README.md", "/README.md")
"""What the address of a folder may mean."""
MAX_ALIAS_HOPS = 8
_LEVEL = 1
"""zlib: a third larger than level 6 on HTML, at 40 % of its time."""
_BUSY_S = 10.0

_TABLES = """
CREATE TABLE entry (idx INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, what TEXT NOT NULL);
CREATE TABLE page (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, title TEXT NOT NULL, lang TEXT NOT NULL,
    published TEXT, licence TEXT NOT NULL, hash TEXT NOT NULL, source_hash BLOB NOT NULL,
    body BLOB NOT NULL,
    text BLOB NOT NULL, headings TEXT NOT NULL, text_hash BLOB NOT NULL,
    num_external INTEGER NOT NULL, num_external_written INTEGER NOT NULL);
CREATE INDEX page_text_hash ON page (text_hash);
CREATE TABLE alias (idx INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    target TEXT NOT NULL, page INTEGER);
CREATE INDEX alias_page ON alias (page);
CREATE TABLE link (page INTEGER NOT NULL, path TEXT NOT NULL, times INTEGER NOT NULL,
    in_text INTEGER NOT NULL, target INTEGER, via_alias INTEGER,
    PRIMARY KEY (page, path)) WITHOUT ROWID;
CREATE TABLE shown (page INTEGER NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL,
    caption TEXT NOT NULL, alt TEXT NOT NULL, in_infobox INTEGER NOT NULL,
    PRIMARY KEY (page, place)) WITHOUT ROWID;
CREATE INDEX shown_path ON shown (path);
CREATE TABLE picture (path TEXT PRIMARY KEY, sha256 TEXT, width INTEGER, height INTEGER,
    media_type TEXT, reason TEXT) WITHOUT ROWID;
CREATE INDEX picture_sha256 ON picture (sha256);
CREATE TABLE fact (page INTEGER NOT NULL, place INTEGER NOT NULL, label TEXT NOT NULL,
    label_key TEXT NOT NULL, value TEXT NOT NULL, url TEXT, kind TEXT NOT NULL,
    PRIMARY KEY (page, place)) WITHOUT ROWID;
CREATE INDEX fact_label ON fact (label_key, page, place);
CREATE TABLE skipped (idx INTEGER NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_Cell: TypeAlias = str | int | float | bytes | None
_Row: TypeAlias = tuple[_Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """A page as it is written."""

    id: int
    path: str
    title: str
    lang: str
    published: str | None
    licence: str
    hash: str
    """sha256 of the body."""
    source_hash: bytes
    """Of what the source gave: what is the same need not be read again."""
    body: bytes
    """HTML, packed by `packed`."""
    text: bytes
    """Plain text, packed."""
    text_hash: bytes
    """Of title and text: pages of the same are found once."""
    headings: str
    num_external: int
    """Links that lead out of the world, once each, those of the navigation left out."""
    num_external_written: int
    """All of them, as often as they are written."""
    links: tuple["LinkRow", ...]
    shown: tuple["ShownRow", ...]
    facts: tuple[PageFact, ...] = ()
    """In the order of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A place within the world that a page links to, whether or not something is there."""

    path: str
    times: int
    """As often as it stands on the page."""
    in_text: bool
    """Not only in its navigation, which links almost everything to everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A picture on a page, in page order."""

    path: str
    caption: str
    alt: str
    in_infobox: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInfo:
    """A page without its body."""

    id: int
    path: str
    title: str
    lang: str
    published: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowingPage:
    """A page on which a picture stands."""

    page: PageInfo
    picture_path: str
    caption: str
    alt: str


def packed(data: bytes) -> bytes:
    """Bytes as the tables keep them."""
    return zlib.compress(data, _LEVEL)


def unpacked(data: bytes) -> bytes:
    """What `packed` packed.

    Raises:
        zlib.error: damaged.
    """
    return zlib.decompress(data)


class CorpusDatabase:
    """The open file; one connection, safe to use from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()
        connection.create_function("vdr_casefold", 1, str.casefold, deterministic=True)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open a file for an import, or make it.

        Raises:
            ConfigError: it is none of ours, damaged, or of another version.
            sqlite3.OperationalError: the disk cannot be written.
        """
        is_new = not path.exists() or path.stat().st_size == 0
        connection = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            # Killed processes lose nothing in this mode; only a lost machine may lose the last
            # commits, and an import does those again.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if is_new or not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.executescript(
                    f"BEGIN; PRAGMA application_id = {APPLICATION_ID};"
                    f" PRAGMA user_version = {DATABASE_VERSION}; {_TABLES} COMMIT;"
                )
            _check(connection, path)
        except sqlite3.OperationalError:
            connection.close()
            raise
        except (sqlite3.DatabaseError, ConfigError) as reason:
            connection.close()
            raise _damaged(path) if isinstance(reason, sqlite3.Error) else reason from reason
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file of a complete world; it cannot be written.

        Raises:
            ConfigError: none there, none of ours, damaged, or of another version.
        """
        if not path.is_file():
            raise _damaged(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _check(connection, path)
        except sqlite3.Error as reason:
            connection.close()
            raise _damaged(path) from reason
        except ConfigError:
            connection.close()
            raise
        return cls(path, connection)

    def close(self) -> None:
        """Let go of the file; what is not committed is given up."""
        with self._lock:
            self._connection.close()

    def finish(self) -> None:
        """Make the file readable on its own, without a write-ahead log beside it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.execute("PRAGMA journal_mode = DELETE")

    # ------------------------------------------------------------------------------------- write

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written in the block, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def set_state(self, key: str, value: str) -> None:
        """Remember how far the import is."""
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    def state(self, key: str) -> str | None:
        """What was remembered."""
        row = self._one("SELECT value FROM state WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def add_entry(self, index: int, *, path: str, what: str) -> bool:
        """Count an entry; False where another one already has the path."""
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO entry VALUES (?, ?, ?)", (index, path, what)
        )
        return cursor.rowcount == 1

    def add_page(self, page: PageRow) -> None:
        """Write a page, its links, what it shows and what it states."""
        run = self._connection.execute
        run(
            "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                page.id,
                page.path,
                page.title,
                page.lang,
                page.published,
                page.licence,
                page.hash,
                page.source_hash,
                page.body,
                page.text,
                page.headings,
                page.text_hash,
                page.num_external,
                page.num_external_written,
            ),
        )
        self._connection.executemany(
            "INSERT INTO link VALUES (?, ?, ?, ?, NULL, NULL)",
            ((page.id, one.path, one.times, one.in_text) for one in page.links),
        )
        self._connection.executemany(
            "INSERT INTO shown VALUES (?, ?, ?, ?, ?, ?)",
            (
                (page.id, place, one.path, one.caption, one.alt, one.in_infobox)
                for place, one in enumerate(page.shown)
            ),
        )
        self._connection.executemany(
            "INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (page.id, place, one.label, one.label.casefold(), one.value, one.url, one.kind)
                for place, one in enumerate(page.facts)
            ),
        )

    def add_alias(self, index: int, *, path: str, title: str, target: str) -> None:
        """Write another name of a page."""
        self._connection.execute(
            "INSERT INTO alias VALUES (?, ?, ?, ?, NULL)", (index, path, title, target)
        )

    def add_skipped(self, index: int, *, path: str, reason: str) -> None:
        """List what could not be read."""
        self._connection.execute("INSERT INTO skipped VALUES (?, ?, ?)", (index, path, reason))

    def add_picture(self, path: str, *, ref: ImageRef | None, reason: str | None) -> None:
        """Write a picture that is kept, or why it is not."""
        values = (
            (path, ref.sha256, ref.width, ref.height, ref.media_type, None)
            if ref is not None
            else (path, None, None, None, None, reason)
        )
        self._connection.execute("INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?, ?)", values)

    def forget_state(self) -> None:
        """How far an import was: nothing is done yet."""
        self._connection.execute("DELETE FROM state")

    def forget_entry(self, path: str, *, before: int) -> bool:
        """Make room for an entry of a later source; False where one of its own has the path.

        Args:
            path: of the entry.
            before: entries below this index are of former sources.
        """
        row = self._one("SELECT idx FROM entry WHERE path = ?", (path,))
        if row is not None and _int(row[0]) >= before:
            return False
        self._connection.execute("DELETE FROM entry WHERE path = ?", (path,))
        self._connection.execute("DELETE FROM skipped WHERE path = ?", (path,))
        return True

    def forget_page(self, path: str) -> int | None:
        """Take out a page, or an alias, with all that is said of it; the id of the page."""
        run = self._connection.execute
        run("DELETE FROM alias WHERE path = ?", (path,))
        row = self._one("SELECT id FROM page WHERE path = ?", (path,))
        if row is None:
            return None
        number = _int(row[0])
        run("DELETE FROM link WHERE page = ?", (number,))
        run("DELETE FROM shown WHERE page = ?", (number,))
        run("DELETE FROM fact WHERE page = ?", (number,))
        run("DELETE FROM page WHERE id = ?", (number,))
        return number

    def forget_picture(self, path: str) -> None:
        """Let a picture be looked at again."""
        self._connection.execute("DELETE FROM picture WHERE path = ?", (path,))

    def source_hash(self, path: str) -> bytes | None:
        """Of the page at a path, as its source gave it."""
        row = self._one("SELECT source_hash FROM page WHERE path = ?", (path,))
        return None if row is None else _bytes(row[0])

    def resolve(self) -> None:
        """Find the page of every alias and of every link. Again is the same."""
        run = self._connection.execute
        run("UPDATE alias SET page = (SELECT id FROM page WHERE page.path = alias.target)")
        for _ in range(MAX_ALIAS_HOPS):  # aliases of aliases
            run(
                "UPDATE alias SET page = (SELECT next.page FROM alias AS next"
                " WHERE next.path = alias.target) WHERE page IS NULL"
            )
        run(
            "UPDATE link SET target = (SELECT id FROM page WHERE page.path = link.path),"
            " via_alias = 0"
        )
        run(
            "UPDATE link SET target = (SELECT page FROM alias WHERE alias.path = link.path),"
            " via_alias = 1 WHERE target IS NULL"
        )
        for suffix in INDEX_SUFFIXES:
            run(
                "UPDATE link SET target = (SELECT id FROM page WHERE page.path = link.path || ?),"
                " via_alias = 0 WHERE target IS NULL",
                (suffix,),
            )

    def mark_foreign_links(self) -> None:
        """Tell links to hosts of which nothing is here from dead ones; for addresses of the web."""
        host = "substr({0}, 1, instr({0} || '/', '/') - 1)"
        self._connection.execute(
            f"UPDATE link SET via_alias = -1 WHERE target IS NULL AND "  # noqa: S608
            f"{host.format('path')} NOT IN (SELECT DISTINCT {host.format('path')} FROM entry)"
        )

    # -------------------------------------------------------------------------------------- read

    def number(self, sql: str, values: Sequence[str | int] = ()) -> int:
        """The single number a query gives."""
        row = self._one(sql, values)
        assert row is not None
        return _int(row[0] or 0)

    def counts_by(self, sql: str) -> dict[str, int]:
        """Rows of (name, number), in order of name."""
        return {str(name): _int(count) for name, count in self._all(sql)}

    def skipped(self, limit: int) -> list[tuple[str, str]]:
        """The first paths that could not be read, with the reason."""
        rows = self._all("SELECT path, reason FROM skipped ORDER BY idx, path LIMIT ?", (limit,))
        return [(str(path), str(reason)) for path, reason in rows]

    def texts(self) -> Iterator[TextDoc]:
        """What the text index counts, by id: pages of the same title and text only once."""
        rows = self._stream(
            "SELECT id, title, text, headings FROM page"
            " WHERE id IN (SELECT min(id) FROM page GROUP BY text_hash) ORDER BY id"
        )
        for number, title, text, headings in rows:
            yield TextDoc(
                id=_int(number),
                title=str(title),
                text=zlib.decompress(_bytes(text)).decode(),
                headings=str(headings),
                names=tuple(self._names(_int(number))),
            )

    def _names(self, page: int) -> list[str]:
        """Other names of a page."""
        rows = self._all(
            "SELECT title FROM alias WHERE page = ? AND title != '' ORDER BY idx", (page,)
        )
        return [str(row[0]) for row in rows]

    def captions(self) -> Iterator[TextDoc]:
        """What the index of captions counts: each place where a kept picture stands, by page."""
        rows = self._stream(
            "SELECT page.id, place, caption, alt, title, text FROM shown"
            " JOIN page ON page.id = shown.page JOIN picture ON picture.path = shown.path"
            " WHERE sha256 IS NOT NULL AND place < ? ORDER BY page.id, place",
            (PLACES,),
        )
        for number, place, caption, alt, title, text in rows:
            yield caption_doc(
                spot_of(_int(number), _int(place)),
                caption=str(caption),
                alt=str(alt),
                page_title=str(title),
                context=zlib.decompress(_bytes(text)).decode(),
            )

    def shown_at(self, page: int, place: int) -> tuple[str, ShowingPage] | None:
        """Hash of the kept picture at a place of a page, and the page; None: nothing is kept."""
        row = self._one(
            "SELECT page.id, page.path, page.title, lang, published, shown.path, caption, alt,"
            " sha256 FROM shown JOIN page ON page.id = shown.page"
            " JOIN picture ON picture.path = shown.path"
            " WHERE shown.page = ? AND place = ? AND sha256 IS NOT NULL",
            (page, place),
        )
        if row is None:
            return None
        showing = ShowingPage(
            page=_info(row[:5]), picture_path=str(row[5]), caption=str(row[6]), alt=str(row[7])
        )
        return str(row[8]), showing

    def unseen_pictures(self) -> list[str]:
        """Paths of pictures that a page shows and nobody looked at yet, in order."""
        rows = self._all(
            "SELECT DISTINCT path FROM shown WHERE path NOT IN (SELECT path FROM picture)"
            " ORDER BY path"
        )
        return [str(row[0]) for row in rows]

    def leave_out_decoration(self, *, min_pages: int, min_share: float) -> None:
        """Give up kept pictures that stand on so many pages that they say nothing about any."""
        total = self.number("SELECT count(*) FROM page")
        floor = max(min_pages, round(total * min_share))
        self._connection.execute(
            "UPDATE picture SET sha256 = NULL, width = NULL, height = NULL, media_type = NULL,"
            " reason = 'decoration: on very many pages' WHERE sha256 IS NOT NULL AND path IN"
            " (SELECT path FROM shown GROUP BY path HAVING count(DISTINCT page) >= ?)",
            (floor,),
        )

    def kept_pictures(self) -> Iterator[ImageRef]:
        """Every kept picture once, in order of the first path it has."""
        yield from map(
            _ref,
            self._stream(
                "SELECT sha256, width, height, media_type FROM picture WHERE sha256 IS NOT NULL"
                " GROUP BY sha256 ORDER BY min(path)"
            ),
        )

    def page_paths(self) -> Iterator[str]:
        """Of every page, in order."""
        for row in self._stream("SELECT path FROM page ORDER BY id"):
            yield str(row[0])

    def fingerprints(self) -> Iterator[str]:
        """A line per page, alias and picture, in order: what the content of the world is."""
        for row in self._stream("SELECT id, path, title, hash FROM page ORDER BY id"):
            yield "\x00".join(map(str, row))
        for row in self._stream("SELECT path, title, target FROM alias ORDER BY idx"):
            yield "\x00".join(map(str, row))
        for row in self._stream("SELECT path, ifnull(sha256, reason) FROM picture ORDER BY path"):
            yield "\x00".join(map(str, row))

    def licences(self) -> list[str]:
        """What the pages say about their licence, each statement once."""
        rows = self._all("SELECT DISTINCT licence FROM page WHERE licence != '' LIMIT 10000")
        return sorted(str(row[0]) for row in rows)

    def find_page(self, path: str) -> PageInfo | None:
        """The page at a path, or the one an alias there leads to."""
        columns = "id, page.path, page.title, lang, published"
        row = self._one(f"SELECT {columns} FROM page WHERE path = ?", (path,))  # noqa: S608
        if row is None:
            row = self._one(
                f"SELECT {columns} FROM alias JOIN page ON page.id = alias.page"  # noqa: S608
                " WHERE alias.path = ?",
                (path,),
            )
        return None if row is None else _info(row)

    def page(self, number: int) -> PageInfo:
        """The page with an id.

        Raises:
            KeyError: none.
        """
        row = self._one("SELECT id, path, title, lang, published FROM page WHERE id = ?", (number,))
        if row is None:
            raise KeyError(number)
        return _info(row)

    def body(self, number: int) -> bytes:
        """The HTML of a page.

        Raises:
            KeyError: none.
            zlib.error: the row is damaged.
        """
        return zlib.decompress(self._blob("SELECT body FROM page WHERE id = ?", number))

    def text(self, number: int) -> str:
        """The plain text of a page; raises like `body`."""
        return zlib.decompress(self._blob("SELECT text FROM page WHERE id = ?", number)).decode()

    def picture(self, path: str) -> ImageRef | None:
        """The kept picture at a path."""
        row = self._one(
            "SELECT sha256, width, height, media_type FROM picture"
            " WHERE path = ? AND sha256 IS NOT NULL",
            (path,),
        )
        return None if row is None else _ref(row)

    def pages_showing(self, sha256: str, limit: int) -> list[ShowingPage]:
        """Pages on which a picture stands: in an infobox first, then with a caption, then others."""
        rows = self._all(
            "SELECT page.id, page.path, page.title, lang, published, shown.path, caption, alt"
            " FROM picture JOIN shown ON shown.path = picture.path"
            " JOIN page ON page.id = shown.page WHERE picture.sha256 = ?"
            " ORDER BY in_infobox DESC, caption = '', page.id, place",
            (sha256,),
        )
        found: dict[int, ShowingPage] = {}
        for row in rows:
            info = _info(row[:5])
            one = ShowingPage(
                page=info, picture_path=str(row[5]), caption=str(row[6]), alt=str(row[7])
            )
            found.setdefault(info.id, one)
        return list(found.values())[:limit]

    def facts(self, page: int) -> list[PageFact]:
        """What a page states, in its order."""
        rows = self._all(
            "SELECT label, value, url, kind FROM fact WHERE page = ? ORDER BY place", (page,)
        )
        return [_fact(row) for row in rows]

    def find_facts(self, label: str, value: str, limit: int) -> list[tuple[PageInfo, PageFact]]:
        """Facts by label, with their pages, by id of the page and place on it.

        Args:
            label: the whole of it, casefolded here.
            value: what the value holds somewhere, casefolded here; "": anything.
            limit: facts to give at most.

        Cost: where a value is asked for, all facts of the label are read until enough are found.
        """
        rows = self._all(
            "SELECT page.id, page.path, page.title, lang, published, label, value, url, kind"
            " FROM fact JOIN page ON page.id = fact.page WHERE label_key = ?"
            " AND (? = '' OR instr(vdr_casefold(value), ?) > 0)"
            " ORDER BY fact.page, place LIMIT ?",
            (label.casefold(), value.casefold(), value.casefold(), max(0, limit)),
        )
        return [(_info(row[:5]), _fact(row[5:])) for row in rows]

    def _one(self, sql: str, values: Sequence[str | int] = ()) -> _Row | None:
        with self._lock:
            return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, values: Sequence[str | int] = ()) -> list[_Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _blob(self, sql: str, number: int) -> bytes:
        row = self._one(sql, (number,))
        if row is None:
            raise KeyError(number)
        return _bytes(row[0])

    def _stream(self, sql: str, values: Sequence[str | int] = ()) -> Iterator[_Row]:
        """Rows one by one; for whoever has a connection of their own."""
        return self._connection.execute(sql, values)


def _info(row: _Row) -> PageInfo:
    number, path, title, lang, published = row
    return PageInfo(
        id=_int(number),
        path=str(path),
        title=str(title),
        lang=str(lang),
        published=None if published is None else str(published),
    )


def _fact(row: _Row) -> PageFact:
    label, value, url, kind = row
    return PageFact(
        label=str(label),
        value=str(value),
        url=None if url is None else str(url),
        kind=FactKind(str(kind)),
    )


def _ref(row: _Row) -> ImageRef:
    sha256, width, height, media_type = row
    return ImageRef(
        sha256=str(sha256), width=_int(width), height=_int(height), media_type=str(media_type)
    )


def _int(cell: _Cell) -> int:
    assert isinstance(cell, int), f"the tables hold a number here, not {cell!r}"
    return cell


def _bytes(cell: _Cell) -> bytes:
    assert isinstance(cell, bytes), "the tables hold bytes here"
    return cell


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID:
        msg = f"expected the database of a corpus world, {path} is another file: choose another folder"
        raise ConfigError(msg)
    if version != DATABASE_VERSION:
        msg = (
            f"{path} has version {version}, this program reads version {DATABASE_VERSION}: "
            "import into a new folder"
        )
        raise ConfigError(msg)


def _damaged(path: Path) -> ConfigError:
    return ConfigError(
        f"expected the database of a corpus world at {path}, found none that can be read: delete "
        "the folder and import again with `vdr world import SOURCE FOLDER`"
    )
