"""Web archives (WARC) as a source: what crawlers kept of the web, under its own addresses.

One file or a folder of them. They are read through once, when the source is opened, to find which
record of each address is the latest good one; then record by record. An address is listed once:
a page or picture fetched with status 200 beats everything else, the latest fetch beats the others.
Redirects and revisits of the same content are other names. The scheme and a fragment are no part
of an address: http and https are one web site.

Cost: opening reads all (plain files are stepped through, packed ones unpacked, about 100 MB/s);
memory about 400 bytes for each address.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.media.decode import sniff
from vision_deepresearch.worlds.corpus.pdf import MAX_PDF_BYTES, is_pdf
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    Markup,
    OtherEntry,
    PageEntry,
    PictureEntry,
    SourceAbout,
)
from vision_deepresearch.worlds.corpus.urls import web_path
from vision_deepresearch.worlds.corpus.warc_records import (
    BadRecord,
    DamagedRecordError,
    Record,
    read_body,
    scan,
)
from vision_deepresearch.worlds.html import refresh_target

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Of a page, unpacked. Source: the project's limit for page bodies."""
MAX_PICTURE_BYTES = 20 * 1024 * 1024
SUFFIXES = (".warc", ".warc.gz")
_FETCHED = frozenset({"response", "resource", "conversion", "revisit"})
_PAGES = frozenset({"text/html", "application/xhtml+xml", "text/plain", "text/markdown"})
_UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_STUB_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Item:
    """The record that counts for an address."""

    path: str
    url: str
    file: int
    offset: int
    date: str
    rank: int
    """The higher one counts; equal ones by date."""
    what: str
    """body, alias, or the class of something that is no reading."""
    target: str = ""
    """Of an alias: a path; of a bad one: the reason."""


class WarcSource:
    """A WARC file or a folder of them. A `Source`; its pages keep their addresses.

    Raises:
        ConfigError: nothing there, no WARC, or packed so that single records cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._files = _files_of(path)
        digest = hashlib.sha256()
        self._seen: Counter[str] = Counter()
        self._digests: dict[str, str] = {}
        self._latest = ""
        found: dict[str, _Item] = {}
        for number, file in enumerate(self._files):
            try:
                about = file.stat()
                digest.update(f"{file.name}\x00{about.st_size}\x00{about.st_mtime_ns}\n".encode())
                with file.open("rb") as opened:
                    _check(opened, file, size=about.st_size)
                    for record in scan(opened, size=about.st_size, name=file.name):
                        self._note(record, number, found)
            except OSError as reason:
                msg = f"expected a WARC file, {file} cannot be read ({reason.strerror}): mend that"
                raise ConfigError(msg) from reason
        self._items = tuple(sorted(found.values(), key=lambda one: (one.file, one.offset)))
        self._by_path = found
        self._opened: tuple[int, BinaryIO] | None = None
        self._about = SourceAbout(
            kind="warc",
            title=_title_of(path),
            identity=digest.hexdigest(),
            date=self._latest[:10],
            has_web_urls=True,
            facts={
                "files": str(len(self._files)),
                **{f"records_{kind}": str(count) for kind, count in sorted(self._seen.items())},
            },
        )

    def about(self) -> SourceAbout:
        """Name, identity, date of the latest fetch, records by kind."""
        return self._about

    @property
    def num_entries(self) -> int:
        """Addresses, and stretches that cannot be read."""
        return len(self._items)

    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        """One for each address, in the order of the files."""
        for index in range(start, len(self._items)):
            yield self._entry(index, self._items[index])

    def read_picture(self, path: str) -> bytes:
        """The bytes of a picture, redirects followed.

        Raises:
            KeyError: nothing there, above 20 MiB, or it cannot be read.
        """
        for _ in range(8):
            item = self._by_path.get(path)
            if item is None:
                raise KeyError(path)
            if item.what == "alias":
                path = item.target
                continue
            if item.what != "body":
                raise KeyError(path)
            try:
                return self._read(item, max_bytes=MAX_PICTURE_BYTES)[1]
            except (DamagedRecordError, OSError) as reason:
                raise KeyError(path) from reason
        raise KeyError(path)

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    # ----------------------------------------------------------------------------------- opening

    def _note(self, record: Record | BadRecord, file: int, found: dict[str, _Item]) -> None:
        """Keep a record if it is the one that counts for its address so far."""
        if isinstance(record, BadRecord):
            path = f"{self._files[file].name}@{record.offset}"
            of = f" (of {record.url[:200]})" if record.url else ""
            reason = f"damaged: {record.reason}{of}"
            found[path] = _Item(path, record.url, file, record.offset, "", 0, "bad", reason)
            return
        self._seen[record.kind or "unnamed"] += 1
        if record.kind not in _FETCHED:
            return
        path = web_path(record.url)
        if path is None:
            what = f"{self._files[file].name}@{record.offset}"
            reason = f"no address of the web: {record.url[:200]!r}"
            found[what] = _Item(what, record.url, file, record.offset, "", 0, "bad", reason)
            return
        item = self._item_of(record, path, file)
        if item is None:
            return
        before = found.get(path)
        if before is None or (item.rank, item.date) > (before.rank, before.date):
            found[path] = item
        if before is not None:
            self._seen["older_or_repeated"] += 1

    def _item_of(self, record: Record, path: str, file: int) -> _Item | None:
        """What a record is for its address; None: nothing."""
        date = record.headers.get("warc-date", "")[:30]
        self._latest = max(self._latest, date)
        digest = record.headers.get("warc-payload-digest", "")

        def item(rank: int, what: str, target: str = "") -> _Item:
            return _Item(path, record.url, file, record.offset, date, rank, what, target)

        if record.kind == "revisit":
            target = web_path(record.headers.get("warc-refers-to-target-uri", ""))
            target = target or self._digests.get(digest)
            return None if target in {None, path} else item(2, "alias", target or "")
        status = record.status
        if status in _REDIRECTS:
            target = web_path(urljoin(record.url, record.http.get("location", "")))
            if target == path:  # from http to https
                return None
            return item(2, "alias", target) if target else item(1, "redirect that leads nowhere")
        if status is not None and status != 200:
            return item(1, f"status {status}")
        if digest:
            self._digests.setdefault(digest, path)
        kind = record.content_type
        is_read = kind in _PAGES or kind in _UNSAID or kind.startswith("image/")
        if is_read or kind == "application/pdf":
            return item(2, "body") if record.kind != "conversion" else item(1, "body")
        return item(1, "other")

    # ----------------------------------------------------------------------------------- reading

    def _read(self, item: _Item, *, max_bytes: int) -> tuple[Record, bytes]:
        if self._opened is None or self._opened[0] != item.file:
            self.close()
            self._opened = (item.file, self._files[item.file].open("rb"))
        return read_body(self._opened[1], item.offset, max_bytes=max_bytes)

    def _entry(self, index: int, item: _Item) -> Entry:
        path = item.path
        match item.what:
            case "bad":
                return BadEntry(index=index, path=path, reason=item.target)
            case "alias":
                return AliasEntry(index=index, path=path, title="", target=item.target)
            case "body":
                try:
                    record, body = self._read(item, max_bytes=MAX_PDF_BYTES)
                except (DamagedRecordError, OSError) as reason:
                    told = f"damaged: {reason}"[:300]
                    return BadEntry(index=index, path=path, reason=told)
                return _entry_of(index, path, record=record, body=body)
            case _:
                return OtherEntry(index=index, path=path, what=item.what)


def _entry_of(index: int, path: str, *, record: Record, body: bytes) -> Entry:
    """What a body is, by its bytes first and then by what its server said."""
    kind = record.content_type
    if (picture := sniff(body)) is not None:
        return PictureEntry(index=index, path=path, media_type=f"image/{picture.lower()}")
    if is_pdf(body):
        return PageEntry(index=index, path=path, title="", body=body, markup=Markup.PDF)
    if kind.startswith("image/"):
        return PictureEntry(index=index, path=path, media_type=kind)
    if not body.strip() or len(body) > MAX_PAGE_BYTES:
        reason = "empty" if not body.strip() else f"larger than {MAX_PAGE_BYTES >> 20} MB"
        return BadEntry(index=index, path=path, reason=reason)
    if kind in _UNSAID and b"<" not in body:
        return OtherEntry(index=index, path=path, what="other")
    if kind == "text/markdown":
        return PageEntry(index=index, path=path, title="", body=body, markup=Markup.MARKDOWN)
    target = _stub_target(body, url=record.url)
    if target is not None and target != path:
        return AliasEntry(index=index, path=path, title="", target=target)
    return PageEntry(index=index, path=path, title="", body=body, charset=record.charset)


def _stub_target(body: bytes, *, url: str) -> str | None:
    """Where a page that is nothing but a redirect leads."""
    if len(body) > _MAX_STUB_BYTES or b"http-equiv" not in body.lower():
        return None
    try:
        target = refresh_target(body, url=url)
    except ValueError:  # no text
        return None
    return web_path(target) if target else None


def _files_of(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        found = tuple(sorted(file for file in path.rglob("*.warc*") if is_warc_name(file)))
    else:
        found = (path,) if path.is_file() else ()
    if not found:
        msg = f"expected a WARC file or a folder of them, there is none at {path}: check the path"
        raise ConfigError(msg)
    return found


def is_warc_name(path: Path) -> bool:
    """Whether a file says it is a web archive."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def _check(opened: BinaryIO, file: Path, *, size: int) -> None:
    """Refuse what can be no WARC with a clearer word than its first damaged record would be.

    Raises:
        ConfigError: it is empty, packed as zstd, or something else.
    """
    head = opened.read(64)
    if size == 0:
        msg = f"expected a WARC file, {file} is empty: get the file again"
        raise ConfigError(msg)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        msg = f"expected a WARC file, plain or packed with gzip, {file} is packed with zstd: zstd -d it"
        raise ConfigError(msg)
    if not head.lstrip(b"\r\n").startswith((b"WARC/", b"\x1f\x8b")):
        what = "a web page" if head.lstrip()[:1] == b"<" else "something else"
        msg = f"expected a WARC file, {file} is {what} (it begins with {head[:12]!r}): get the file itself"
        raise ConfigError(msg)


def _title_of(path: Path) -> str:
    name = path.resolve().name
    for suffix in reversed(SUFFIXES):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name or "warc"
