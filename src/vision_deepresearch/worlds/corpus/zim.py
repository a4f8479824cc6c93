"""A Kiwix ZIM file as a source: pages, pictures and redirects, cluster by cluster.

What an entry is, its media type says, never its prefix. Paths are those of the file, so that
relative links of its pages lead somewhere: with their prefix (`A/Cry.html`, `I/m/cry.jpg`) in the
old scheme of names, without one (`Cry`) in the new.

libzim is GPL-3.0, an extra, and imported here only, when a file is opened. It reads; nothing is
written. A damaged part of a file costs the entries in it and nothing else. Cost: a walk over 30,000
small entries takes 0.2 s (one core); the file is mapped, not loaded.
"""

import posixpath
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.source import (
    AliasEntry,
    BadEntry,
    Entry,
    OtherEntry,
    PageEntry,
    PictureEntry,
    SourceAbout,
)
from vision_deepresearch.worlds.corpus.zim_order import HEADER, cluster_order

if TYPE_CHECKING:
    from libzim.reader import Archive
    from libzim.reader import Entry as ZimEntry
    from libzim.reader import Item as ZimItem

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Larger pages are listed as bad. Source: the project's limits of page reading."""
MAX_PICTURE_BYTES = 20 * 1024 * 1024
"""Larger pictures are refused, as from anywhere outside."""
CHECK_BELOW_BYTES = 64 * 1024 * 1024
"""Smaller files have their checksum compared when they are opened (about 0.3 s at this size)."""

_MAGIC = 0x044D495A
_CHECKSUM_BYTES = 16
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_REFRESH_BELOW_BYTES = 2048
_REFRESH = re.compile(
    rb"<meta[^>]{1,40}http-equiv\s*=\s*[\"']?refresh[^>]{1,40}?url\s*=\s*['\"]?([^'\">]{1,500})",
    re.IGNORECASE,
)
"""How makers write redirects that lead to a place within a page."""
_FILE_NAME = re.compile(r"[/_]|\.x?html?$", re.IGNORECASE)
_PART = re.compile(r"\.zim[a-z][a-z]$", re.IGNORECASE)
_DAMAGE = (RuntimeError, LookupError, ValueError, ArithmeticError, MemoryError, OSError)
"""What libzim raises over damaged bytes: mostly RuntimeError, ValueError for names not in UTF-8."""


class ReadOrder(StrEnum):
    """In which order the entries come."""

    CLUSTER = "cluster"
    """As their contents lie in the file: each cluster is unpacked once."""
    PATH = "path"
    """As the file lists them; also what a file in parts or with torn tables gets."""


class ZimSource:
    """One opened file, or a file in parts named by its first part (`.zimaa`).

    Args:
        path: of the file.
        order: CLUSTER for imports; PATH to compare with.

    Raises:
        ConfigError: no such file, no ZIM, incomplete, a later part, damaged in its tables, or
            libzim is not installed. Damaged contents do not hinder the opening.
    """

    def __init__(self, path: Path, *, order: ReadOrder = ReadOrder.CLUSTER) -> None:
        self._archive: Archive | None = _open(path)
        self._name = path.name
        is_ordered = order is ReadOrder.CLUSTER and path.is_file() and not _PART.search(path.name)
        self._order = cluster_order(path) if is_ordered else None

    def about(self) -> SourceAbout:
        """What the file says of itself, and whether its checksum is right."""
        zim = self._opened
        told = {key: text for key in _metadata_keys(zim) if (text := _metadata(zim, key))}
        licence = told.get("License", "")
        facts = {
            key.lower(): told[key]
            for key in ("Name", "Creator", "Publisher", "Flavour", "Description")
            if key in told
        }
        facts["scheme"] = "new" if zim.has_new_namespace_scheme else "old"
        facts["checksum"] = _checksum_state(zim)
        return SourceAbout(
            kind="zim",
            title=told.get("Title") or self._name,
            identity=str(zim.uuid),
            language=told.get("Language", ""),
            date=told.get("Date", ""),
            licences=(licence,) if licence else (),
            main_path=_main_path(zim),
            facts=facts,
        )

    @property
    def num_entries(self) -> int:
        """Entries of every class, those of the file's own bookkeeping included."""
        return self._opened.all_entry_count

    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        """All entries; what cannot be read is a `BadEntry`."""
        zim = self._opened
        metadata = frozenset(_metadata_keys(zim))
        order = self._order
        for index in range(start, zim.all_entry_count):
            number = index if order is None else int(order[index])
            yield _read_entry(zim, number, index=index, metadata=metadata)

    def read_picture(self, path: str) -> bytes:
        """The bytes of a picture, redirects followed.

        Raises:
            KeyError: nothing there, no picture, empty, above 20 MiB, or damaged.
        """
        try:
            entry = _follow(self._opened, self._opened.get_entry_by_path(path))
            item = entry.get_item()
            if _is_picture(item.mimetype) and 0 < item.size <= MAX_PICTURE_BYTES:
                return bytes(item.content)
        except _DAMAGE as reason:
            raise KeyError(path) from reason
        raise KeyError(path)

    def close(self) -> None:
        """Let go of the file."""
        self._archive = None

    @property
    def _opened(self) -> "Archive":
        assert self._archive is not None, "the source was closed"
        return self._archive


# -------------------------------------------------------------------------------------- opening


def _open(path: Path) -> "Archive":
    """Open the file, after cheap checks whose messages are clearer than libzim's."""
    parts = _parts_of(path)
    _check_header(path, parts)
    try:
        from libzim.reader import Archive
    except ImportError as reason:
        msg = (
            f"reading {path.name} needs libzim (GPL-3.0), which is not installed: "
            "pip install 'vision-deepresearch[zim]'"
        )
        raise ConfigError(msg) from reason
    try:
        return Archive(path)
    except _DAMAGE as reason:
        msg = (
            f"expected a ZIM file that libzim can open, {path} is damaged ({reason}): "
            "get the file again"
        )
        raise ConfigError(msg) from reason


def _parts_of(path: Path) -> list[Path]:
    """The files to read: the one named, or all parts of a file in parts.

    Raises:
        ConfigError: nothing there, a folder, or a part that is not the first.
    """
    if path.is_dir():
        msg = f"expected a ZIM file, {path} is a folder: name the .zim file in it"
        raise ConfigError(msg)
    first = path if path.suffix.lower() == ".zimaa" else path.with_name(f"{path.name}aa")
    if _PART.search(path.name) and path != first:
        msg = (
            f"expected a whole ZIM file or its first part, {path.name} is a later part: "
            f"name {path.with_suffix('.zimaa').name} with all parts beside it, or join them: "
            f"cat {path.stem}.zim?? > {path.stem}.zim"
        )
        raise ConfigError(msg)
    if path != first and path.is_file():
        return [path]
    if not first.is_file():
        msg = f"expected a ZIM file, there is none at {path}: check the path"
        raise ConfigError(msg)
    return sorted(one for one in first.parent.glob("*") if one.name[:-2] == first.name[:-2])


def _check_header(path: Path, parts: list[Path]) -> None:
    """Whether it is a ZIM, and all there.

    Raises:
        ConfigError: it is not.
    """
    try:
        with parts[0].open("rb") as file:
            head = file.read(HEADER.size)
        size = sum(part.stat().st_size for part in parts)
    except OSError as reason:
        msg = f"expected a ZIM file, {path} cannot be read ({reason.strerror}): mend its rights"
        raise ConfigError(msg) from reason
    if not head:
        msg = f"expected a ZIM file, {path} is empty: get the file again"
        raise ConfigError(msg)
    if int.from_bytes(head[:4], "little") != _MAGIC:
        what = "a web page" if head.lstrip()[:1] == b"<" else "something else"
        msg = (
            f"expected a ZIM file, {path} is {what} (it begins with {head[:12]!r}): "
            "get the file itself, it ends in .zim"
        )
        raise ConfigError(msg)
    whole = size if len(head) < HEADER.size else HEADER.unpack(head)[-1] + _CHECKSUM_BYTES
    if len(head) < HEADER.size or size < whole:
        mend = "get the rest"
        if parts != [path] or path.suffix.lower() == ".zimaa":
            mend = f"put all parts in one folder (there: {', '.join(one.name for one in parts)})"
        msg = (
            f"expected a whole ZIM file, {path} is cut off ({size:,} bytes here, its header "
            f"speaks of {max(whole, HEADER.size):,}): {mend}"
        )
        raise ConfigError(msg)


def _checksum_state(zim: "Archive") -> str:
    if zim.filesize >= CHECK_BELOW_BYTES:
        return "not compared (large file)"
    if not zim.has_checksum:
        return "none"
    return "right" if zim.check() else "wrong: the file is damaged"


# ------------------------------------------------------------------------------------- metadata


def _metadata_keys(zim: "Archive") -> list[str]:
    try:
        return zim.metadata_keys
    except _DAMAGE:
        return []


def _metadata(zim: "Archive", key: str) -> str:
    """A line of text about the file; "" for pictures and what cannot be read."""
    try:
        item = zim.get_metadata_item(key)
        is_text = item.mimetype.startswith("text/") and item.size <= MAX_PAGE_BYTES
        return " ".join(bytes(item.content).decode().split())[:1000] if is_text else ""
    except _DAMAGE:
        return ""


def _main_path(zim: "Archive") -> str | None:
    try:
        if not zim.has_main_entry:
            return None
        main = _follow(zim, zim.main_entry)
        return main.path if _is_page(main.get_item().mimetype) else None
    except _DAMAGE:
        return None


# -------------------------------------------------------------------------------------- entries


def _read_entry(zim: "Archive", number: int, *, index: int, metadata: frozenset[str]) -> Entry:
    """The entry that the file lists under a number; `index`: which one it is of the source."""
    path = f"#{number}"
    try:
        entry = zim._get_entry_by_id(number)  # noqa: SLF001 - libzim has no public iterator
        path = entry.path
        if own := _bookkeeping(zim, path, number=number, metadata=metadata):
            return OtherEntry(index=index, path=path, what=own)
        if entry.is_redirect:
            return _read_redirect(zim, entry, index=index)
        item = entry.get_item()
        if _is_picture(item.mimetype):
            return PictureEntry(index=index, path=path, media_type=_base_type(item.mimetype))
        if _is_page(item.mimetype):
            return _read_page(zim, entry, item, index=index)
        return OtherEntry(index=index, path=path, what="other")
    except _DAMAGE as reason:
        return BadEntry(index=index, path=path, reason=f"damaged: {reason}"[:200])


def _bookkeeping(zim: "Archive", path: str, *, number: int, metadata: frozenset[str]) -> str | None:
    """The class of an entry that is about the file itself; None: content.

    The new scheme shows no prefix: what cannot be reached by its path is not content.
    """
    if not zim.has_new_namespace_scheme:
        return "metadata" if path[:2] == "M/" and path[2:] in metadata else None
    if zim.has_entry_by_path(path):
        found = zim.get_entry_by_path(path)
        if found._index == number:  # noqa: SLF001 - the only way to tell two entries apart
            return None
    return "metadata" if path in metadata else "bookkeeping"


def _read_page(zim: "Archive", entry: "ZimEntry", item: "ZimItem", *, index: int) -> Entry:
    if item.size > MAX_PAGE_BYTES:
        reason = f"page of {item.size:,} bytes, above the limit of {MAX_PAGE_BYTES:,}"
        return BadEntry(index=index, path=entry.path, reason=reason)
    body = bytes(item.content)
    if not body.strip():
        return BadEntry(index=index, path=entry.path, reason="empty page")
    if _refreshed(zim, path=entry.path, body=body) is not None:
        return _read_redirect(zim, entry, index=index)
    # libzim gives the path where there is no title.
    title = "" if _is_file_name(entry.title, path=entry.path) else entry.title
    return PageEntry(index=index, path=entry.path, title=title, body=body)


def _read_redirect(zim: "Archive", entry: "ZimEntry", *, index: int) -> Entry:
    try:
        target = _follow(zim, entry)
        mimetype = target.get_item().mimetype
    except _DAMAGE as reason:
        what = f"redirect that leads nowhere: {reason}"[:200]
        return BadEntry(index=index, path=entry.path, reason=what)
    if not (_is_page(mimetype) or _is_picture(mimetype)):
        return OtherEntry(index=index, path=entry.path, what="other")
    title = entry.title
    if _is_file_name(title, path=entry.path):
        name = posixpath.basename(entry.path.rstrip("/"))
        title = re.sub(r"\.x?html?$", "", name, flags=re.IGNORECASE).replace("_", " ")
    return AliasEntry(index=index, path=entry.path, title=title, target=target.path)


def _follow(zim: "Archive", entry: "ZimEntry") -> "ZimEntry":
    """What a chain of redirects ends at.

    Raises:
        ValueError: it ends nowhere. And what libzim raises.
    """
    seen: set[str] = set()
    while True:
        if entry.path in seen:
            msg = f"a loop through {entry.path!r}"
            raise ValueError(msg)
        seen.add(entry.path)
        if entry.is_redirect:
            entry = entry.get_redirect_entry()
            continue
        item = entry.get_item()
        if not _is_page(item.mimetype) or item.size > _REFRESH_BELOW_BYTES:
            return entry
        further = _refreshed(zim, path=entry.path, body=bytes(item.content))
        if further is None:
            return entry
        entry = zim.get_entry_by_path(further)


def _refreshed(zim: "Archive", *, path: str, body: bytes) -> str | None:
    """Path that a page of nothing but a redirect leads to, without its fragment."""
    found = _REFRESH.search(body) if len(body) <= _REFRESH_BELOW_BYTES else None
    if found is None:
        return None
    try:
        parts = urlsplit(found.group(1).decode().strip())
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    joined = posixpath.join("/", posixpath.dirname(path), unquote(parts.path))
    target = posixpath.normpath(joined).lstrip("/")
    return target if zim.has_entry_by_path(target) else None


def _is_file_name(title: str, *, path: str) -> bool:
    """Whether a title is only the path again (in the old scheme without its prefix)."""
    bare = path[2:] if path[1:2] == "/" else path
    return not title or (title in {path, bare} and _FILE_NAME.search(title) is not None)


def _base_type(mimetype: str) -> str:
    return mimetype.partition(";")[0].strip().lower()


def _is_page(mimetype: str) -> bool:
    return _base_type(mimetype) in _PAGES


def _is_picture(mimetype: str) -> bool:
    return _base_type(mimetype).startswith("image/")
