"""A folder of HTML or Markdown files with pictures, as a source.

The listing is made once, sorted, and is the identity of the source: paths, sizes and times. Nothing
outside the folder is ever read: links of the file system that lead out are only counted.
"""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vision_deepresearch.core.errors import ConfigError
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
from vision_deepresearch.worlds.html import refresh_target

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Of a page, unpacked. Source: the project's limit for page bodies."""
MAX_PICTURE_BYTES = 20 * 1024 * 1024
"""Larger pictures are refused, as from anywhere outside."""
_MAX_STUB_BYTES = 4096
"""Only pages this small may be nothing but a redirect."""
_MAX_STUB_HOPS = 8
_LEFT_OUT_FOLDERS = frozenset({"_sources", "node_modules", "__pycache__"})
_HTML = (".html", ".htm", ".xhtml")
_MARKDOWN = (".md", ".markdown")
_PDF = (".pdf",)
_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".svg": "image/svg+xml",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
}
_BASE = "https://stub.example/"
"""Stands for the root while the target of a stub is resolved."""


class _Found(Enum):
    """What stands at a path, as the file system says."""

    FILE = auto()
    ALIAS = auto()
    """A link to another file of the folder."""
    LEADS_OUT = auto()
    LEFT_OUT = auto()
    """Hidden, or a folder that is not entered."""
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class _Item:
    """One line of the listing."""

    path: str
    """Within the world: `.gz` is taken off pages."""
    file: str
    """Within the folder."""
    found: _Found
    detail: str = ""


class FolderSource:
    """Pages and pictures below a folder. A `Source`.

    Args:
        root: the folder.

    Raises:
        ConfigError: no folder, or one that cannot be listed.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            msg = f"expected a folder of HTML or Markdown files, got {str(root)!r}: give a folder"
            raise ConfigError(msg)
        self._root = root.resolve()
        digest = hashlib.sha256()
        try:
            listed = sorted(_walk(self._root, digest_of=digest.update), key=lambda item: item.path)
        except OSError as reason:
            msg = f"the folder {str(root)!r} cannot be listed ({reason.strerror}): check its rights"
            raise ConfigError(msg) from reason
        taken: dict[str, _Item] = {}
        for item in listed:  # a page may lie there packed and unpacked
            taken.setdefault(item.path, item)
        self._items = tuple(taken.values())
        for item in self._items:
            digest.update(f"{item.path}\x00{item.found.name}\x00".encode("utf-8", "surrogatepass"))
        self._about = SourceAbout(
            kind="folder",
            title=root.absolute().name or "folder",
            identity=digest.hexdigest(),
            main_path=next((p for p in ("index.html", "index.htm") if p in taken), None),
        )

    def about(self) -> SourceAbout:
        """Name and identity."""
        return self._about

    @property
    def num_entries(self) -> int:
        """Files and what was left out."""
        return len(self._items)

    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        """Entries in order of their paths."""
        for index in range(start, len(self._items)):
            yield self._entry(index, self._items[index])

    def read_picture(self, path: str) -> bytes:
        """The bytes of a picture.

        Raises:
            KeyError: nothing there, no file, above 20 MiB, or it cannot be read.
        """
        try:
            file = (self._root / path).resolve()
            if not file.is_relative_to(self._root):
                msg = f"{path!r} leads out of the folder"
                raise KeyError(msg)
            # A pipe would never end, and no picture we take is so large.
            if not file.is_file() or file.stat().st_size > MAX_PICTURE_BYTES:
                msg = f"{path!r} is no file, or one above {MAX_PICTURE_BYTES // 1024 // 1024} MB"
                raise KeyError(msg)
            return file.read_bytes()
        except (OSError, ValueError, RuntimeError) as reason:
            msg = f"{path!r} cannot be read: {reason}"
            raise KeyError(msg) from reason

    def close(self) -> None:
        """Nothing is held open."""

    def _entry(self, index: int, item: _Item) -> Entry:
        path = item.path
        kind = _suffix(path)
        is_page = kind in {*_HTML, *_MARKDOWN, *_PDF}
        reason = _reason_against(item, is_wanted=is_page or kind in _PICTURES)
        if reason is not None:
            shown = path.encode("utf-8", "backslashreplace").decode()
            return BadEntry(index=index, path=shown, reason=reason)
        if item.found in {_Found.LEFT_OUT, _Found.LEADS_OUT}:
            what = "left out" if item.found is _Found.LEFT_OUT else "link out of the folder"
            return OtherEntry(index=index, path=path, what=what)
        if item.found is _Found.ALIAS and is_page:
            return AliasEntry(index=index, path=path, title="", target=item.detail)
        if is_page:
            return self._page(index, item)
        if kind in _PICTURES:
            return PictureEntry(index=index, path=path, media_type=_PICTURES[kind])
        return OtherEntry(index=index, path=path, what="other")

    def _page(self, index: int, item: _Item) -> Entry:
        path = item.path
        is_whole_file = _suffix(path) in _PDF
        limit = MAX_PDF_BYTES if is_whole_file else MAX_PAGE_BYTES
        try:
            body = self._read_page(item.file, limit=limit)
        except (OSError, EOFError, zlib.error) as error:
            return BadEntry(index=index, path=path, reason=f"cannot be read: {_words(error)}")
        if is_pdf(body) and len(body) <= limit:
            return PageEntry(index=index, path=path, title="", body=body, markup=Markup.PDF)
        is_markdown = _suffix(path) in _MARKDOWN
        reason = _fault_of(body, limit=limit, is_markdown=is_markdown, is_pdf_name=is_whole_file)
        if reason is not None:
            return BadEntry(index=index, path=path, reason=reason)
        target = None if is_markdown else _stub_target(body, path=path)
        if target is None:
            markup = Markup.MARKDOWN if is_markdown else Markup.HTML
            return PageEntry(index=index, path=path, title="", body=body, markup=markup)
        if target == "":
            return OtherEntry(index=index, path=path, what="redirect out of the folder")
        return AliasEntry(index=index, path=path, title="", target=self._followed(target))

    def _followed(self, target: str) -> str:
        """The end of a chain of stubs."""
        for _ in range(_MAX_STUB_HOPS):
            try:
                file = (self._root / target).resolve()
                is_ours = file.is_relative_to(self._root) and file.is_file()
                if not is_ours or file.stat().st_size > _MAX_STUB_BYTES:
                    break
                onward = _stub_target(file.read_bytes(), path=target)
            except (OSError, ValueError, RuntimeError):
                break
            if not onward:
                break
            target = onward
        return target

    def _read_page(self, file: str, *, limit: int) -> bytes:
        """At most one byte more than the limit, unpacked."""
        with (self._root / file).open("rb") as raw:
            if file.endswith(".gz"):
                with gzip.GzipFile(fileobj=io.BufferedReader(raw)) as packed:
                    return packed.read(limit + 1)
            return raw.read(limit + 1)


def _reason_against(item: _Item, *, is_wanted: bool) -> str | None:
    """Why an entry cannot be read, as the listing says."""
    if item.found is _Found.UNREADABLE:
        return item.detail
    if item.found is _Found.LEADS_OUT and is_wanted:
        return "a link that leads out of the folder"
    try:
        item.path.encode()
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    return None


def _fault_of(body: bytes, *, limit: int, is_markdown: bool, is_pdf_name: bool) -> str | None:
    """Why bytes are no page."""
    if len(body) > limit:
        return f"larger than {limit // 1024 // 1024} MB"
    if not body.strip():
        return "empty"
    if is_pdf_name:
        return "its bytes are no PDF"
    if is_markdown:
        return "its bytes are no text" if b"\x00" in body else None
    return None if _is_html(body) else "its bytes are no HTML"


def _walk(root: Path, *, digest_of: Callable[[bytes], None]) -> Iterator[_Item]:
    """Everything below the root; links are classified, never walked through."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as reason:
            if not folder:
                raise
            detail = f"cannot be listed: {reason.strerror}"
            yield _Item(folder.rstrip("/"), folder, _Found.UNREADABLE, detail)
            continue
        for entry in entries:
            file = folder + entry.name
            path = _world_path(file)
            if entry.name.startswith("."):
                yield _Item(path, file, _Found.LEFT_OUT)
            elif entry.is_symlink():
                yield _link_item(root, path=path, file=file)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in _LEFT_OUT_FOLDERS:
                    yield _Item(path, file, _Found.LEFT_OUT)
                else:
                    waiting.append(f"{file}/")
            elif entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                line = f"{file}\x00{about.st_size}\x00{about.st_mtime_ns}\x00"
                digest_of(line.encode("utf-8", "surrogatepass"))
                yield _Item(path, file, _Found.FILE)
            else:
                yield _Item(path, file, _Found.UNREADABLE, "neither a file nor a folder")


def _link_item(root: Path, *, path: str, file: str) -> _Item:
    try:
        target = (root / file).resolve(strict=True)
    except (OSError, RuntimeError):
        return _Item(path, file, _Found.UNREADABLE, "a link that leads nowhere")
    if not target.is_relative_to(root):
        return _Item(path, file, _Found.LEADS_OUT)
    if target.is_dir():  # its content is listed at its own place
        return _Item(path, file, _Found.LEFT_OUT)
    return _Item(path, file, _Found.ALIAS, _world_path(target.relative_to(root).as_posix()))


def _world_path(file: str) -> str:
    """What a packed page is called by the links to it."""
    packed = tuple(f"{suffix}.gz" for suffix in _HTML)
    return file[: -len(".gz")] if file.lower().endswith(packed) else file


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - text, not a file


def _is_html(body: bytes) -> bool:
    """Whether the bytes can be a page at all: text with something like a tag, in any charset."""
    start = body[:4096]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return b"\x00" not in start and b"<" in body


def _stub_target(body: bytes, *, path: str) -> str | None:
    """Where a page that is only a redirect leads: a path, "" for elsewhere; None for a real page."""
    if len(body) > _MAX_STUB_BYTES or b"http-equiv" not in body.lower():
        return None
    target = refresh_target(body, url=_BASE + path)
    if target is None:
        return None
    parts = urlsplit(target)
    if f"{parts.scheme}://{parts.netloc}/" != _BASE:
        return ""
    found = unquote(parts.path.lstrip("/"))
    return None if found == path else found


def _words(reason: Exception) -> str:
    words = reason.strerror if isinstance(reason, OSError) else None
    return words or str(reason) or type(reason).__name__
