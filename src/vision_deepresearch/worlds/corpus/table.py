"""Tables of pages as a source: parquet shards (as Hugging Face keeps data sets) and JSON lines.

    url        address of the page, required
    title      optional
    html | text | markdown | pdf    one of them at least; the first that is filled is the page
    images     optional: pictures {bytes, path}, a list of them, or their urls

Rows are read in batches within a row group, never a whole shard, so that memory is bounded by a
batch. A picture with bytes comes with its page: where the page shows its `path` it stands there,
else at the end. pyarrow is an extra and imported here only, when a shard is opened.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.worlds.corpus.pdf import MAX_PDF_BYTES
from vision_deepresearch.worlds.corpus.source import (
    BadEntry,
    Enclosed,
    Entry,
    Markup,
    PageEntry,
    SourceAbout,
)
from vision_deepresearch.worlds.corpus.urls import WEB_ROOT, Addresses, web_path

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_PICTURE_BYTES = 20 * 1024 * 1024
MAX_PICTURES = 200
"""Of one row; the others are not kept."""
SUFFIXES = (".parquet", ".jsonl", ".ndjson")
_BODIES = ("html", "markdown", "text", "pdf")
_PICTURES = ("images", "image")
_WANTED = ("url", "title", *_BODIES, *_PICTURES)
_BATCH_ROWS = 16
_MAX_LINE_BYTES = 64 * 1024 * 1024
_BREAKS = re.compile(r"\n\s*\n+")

_Row: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shard:
    """One file: what it is called and how many rows it has."""

    file: Path
    num_rows: int
    columns: tuple[str, ...]
    reason: str = ""
    """Why it cannot be read at all; it counts as one row then."""


class TableSource:
    """A shard or a folder of shards. A `Source`; its pages keep their addresses.

    Raises:
        ConfigError: nothing there, pyarrow is not installed, a column is missing (the message says
            which there are), or no shard can be read.
    """

    def __init__(self, path: Path) -> None:
        files = _files_of(path)
        digest = hashlib.sha256()
        shards: list[_Shard] = []
        for file in files:
            try:
                about = file.stat()
            except OSError as reason:
                msg = f"expected a table, {file} cannot be read ({reason.strerror}): mend that"
                raise ConfigError(msg) from reason
            digest.update(f"{file.name}\x00{about.st_size}\x00{about.st_mtime_ns}\n".encode())
            shards.append(_open_parquet(file) if _is_parquet(file) else _open_lines(file))
        if all(one.reason for one in shards):
            first = shards[0]
            msg = f"expected a table of pages, {first.file} {first.reason}: get the file again"
            raise ConfigError(msg)
        self._shards = tuple(shards)
        self._about = SourceAbout(
            kind="table",
            title=path.resolve().name.removesuffix(path.suffix) or "table",
            identity=digest.hexdigest(),
            has_web_urls=True,
            facts={"shards": str(len(shards)), "columns": ", ".join(_all_columns(shards))},
        )

    def about(self) -> SourceAbout:
        """Name, identity, shards and columns."""
        return self._about

    @property
    def num_entries(self) -> int:
        """Rows; a shard that cannot be read is one."""
        return sum(one.num_rows for one in self._shards)

    def entries(self, *, start: int = 0) -> Iterator[Entry]:
        """Row by row, in the order of the shards' names."""
        first = 0
        for shard in self._shards:
            if start < first + shard.num_rows:
                skip = max(0, start - first)
                yield from self._shard_entries(shard, first=first, skip=skip)
            first += shard.num_rows

    def read_picture(self, path: str) -> bytes:
        """Nothing: every picture comes with its page.

        Raises:
            KeyError: always.
        """
        raise KeyError(path)

    def close(self) -> None:
        """Nothing is held open."""

    def _shard_entries(self, shard: _Shard, *, first: int, skip: int) -> Iterator[Entry]:
        name = shard.file.name
        if shard.reason:
            yield BadEntry(index=first, path=name, reason=f"damaged: {shard.reason}")
            return
        rows = _parquet_rows if _is_parquet(shard.file) else _line_rows
        for number, row in rows(shard, skip):
            index = first + number
            if isinstance(row, str):
                yield BadEntry(index=index, path=f"{name}#{number}", reason=row)
            else:
                yield _entry_of(index, row, name=f"{name}#{number}")


# ------------------------------------------------------------------------------------------ rows


def _entry_of(index: int, row: _Row, *, name: str) -> Entry:
    url = row.get("url")
    path = web_path(url) if isinstance(url, str) else None
    if path is None or not isinstance(url, str):
        return BadEntry(index=index, path=name, reason=f"no address of the web: {str(url)[:200]!r}")
    kind, body = _body_of(row)
    limit = MAX_PDF_BYTES if kind == "pdf" else MAX_PAGE_BYTES
    if not body.strip() or len(body) > limit:
        reason = f"larger than {limit >> 20} MB" if body.strip() else "empty"
        return BadEntry(index=index, path=path, reason=reason)
    title = row.get("title")
    title = " ".join(title.split())[:300] if isinstance(title, str) else ""
    if kind == "pdf":
        return PageEntry(index=index, path=path, title=title, body=body, markup=Markup.PDF)
    markup = Markup.MARKDOWN if kind == "markdown" else Markup.HTML
    text = body.decode("utf-8", "replace")
    text, pictures = _with_pictures(
        _paragraphs(text) if kind == "text" else text, _pictures_in(row), path=path, url=url
    )
    return PageEntry(
        index=index,
        path=path,
        title=title,
        body=text.encode("utf-8", "replace"),
        markup=markup,
        # The table says so: no label in the page can be right about bytes that were text.
        charset=None if markup is Markup.MARKDOWN else "utf-8",
        pictures=pictures,
    )


def _body_of(row: _Row) -> tuple[str, bytes]:
    """The first column that is filled."""
    for name in _BODIES:
        value = row.get(name)
        if isinstance(value, Mapping):
            value = value.get("bytes")
        body = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if isinstance(body, bytes) and body.strip():
            return name, body
    return "text", b""


def _paragraphs(text: str) -> str:
    blocks = (html.escape(block.strip()).replace("\n", "<br>") for block in _BREAKS.split(text))
    return "".join(f"<p>{block}</p>" for block in blocks if block)


def _pictures_in(row: _Row) -> list[tuple[str, bytes | None]]:
    """Name and bytes of the pictures of a row; bytes are None where only an address is given."""
    found: list[tuple[str, bytes | None]] = []
    for name in _PICTURES:
        value = row.get(name)
        several = (
            value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        )
        for one in several[:MAX_PICTURES]:
            if isinstance(one, Mapping):
                told, data = one.get("path") or one.get("url"), one.get("bytes")
            else:
                told, data = (one, None) if isinstance(one, str) else (None, one)
            if isinstance(data, str):
                data = _from_base64(data)
            named = told if isinstance(told, str) else ""
            if isinstance(data, bytes) and 0 < len(data) <= MAX_PICTURE_BYTES:
                found.append((named, data))
            elif named:
                found.append((named, None))
    return found


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _with_pictures(
    text: str, pictures: list[tuple[str, bytes | None]], *, path: str, url: str
) -> tuple[str, tuple[Enclosed, ...]]:
    """The page, with the pictures it does not show itself at its end, and those with bytes.

    A picture gets the address its page gives it, or one below the page.
    """
    enclosed: dict[str, bytes] = {}
    behind: list[str] = []
    for number, (named, data) in enumerate(pictures):
        told = web_path(urljoin(url, named)) if named else None
        is_shown = bool(named) and any(
            mark in text for mark in (f'"{named}"', f"'{named}'", f"={named}", f"({named})")
        )
        place = told if is_shown or (data is None and told) else None
        if place is None and data is not None:
            place = f"{path.partition('?')[0].rstrip('/')}/picture-{number + 1}.img"
        if place is None:
            continue
        if not is_shown:
            address = html.escape(Addresses(WEB_ROOT).url_of(place), quote=True)
            behind.append(f'<p><img src="{address}"></p>')
        if data is not None:
            enclosed.setdefault(place, data)
    shown = text + ("\n\n" + "\n".join(behind) if behind else "")
    return shown, tuple(Enclosed(path=place, data=data) for place, data in enclosed.items())


# --------------------------------------------------------------------------------------- parquet


def _open_parquet(file: Path) -> _Shard:
    """Look at the footer.

    Raises:
        ConfigError: pyarrow is not installed, or a column is missing.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as reason:
        msg = (
            f"reading {file.name} needs pyarrow, which is not installed: "
            "pip install 'vision-deepresearch[parquet]'"
        )
        raise ConfigError(msg) from reason
    try:
        with pq.ParquetFile(file) as opened:
            columns = tuple(opened.schema_arrow.names)
            num_rows = opened.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as reason:
        told = " ".join(str(reason).split())[:200]
        return _Shard(
            file=file, num_rows=1, columns=(), reason=f"is no whole parquet file ({told})"
        )
    _check_columns(file, columns)
    return _Shard(file=file, num_rows=num_rows, columns=columns)


def _check_columns(file: Path, columns: Sequence[str]) -> None:
    if "url" not in columns or not set(columns) & set(_BODIES):
        msg = (
            f"expected a table with the columns url and one of {', '.join(_BODIES)}, {file.name} has "
            f"{', '.join(columns[:40]) or 'none'}: rename its columns"
        )
        raise ConfigError(msg)


def _parquet_rows(shard: _Shard, skip: int) -> Iterator[tuple[int, _Row | str]]:
    """Rows from `skip` on with their numbers; the reason in place of one that cannot be read."""
    import pyarrow.parquet as pq

    columns = [name for name in _WANTED if name in shard.columns]
    with pq.ParquetFile(shard.file, pre_buffer=False) as opened:
        first = 0
        for group in range(opened.num_row_groups):
            size = opened.metadata.row_group(group).num_rows
            if skip < first + size:
                rows = _group_rows(opened, columns, group=group, size=size)
                for number, row in enumerate(rows, start=first):
                    if number >= skip:
                        yield number, row
            first += size


def _group_rows(
    opened: "ParquetFile", columns: list[str], *, group: int, size: int
) -> Iterator[_Row | str]:
    """The rows of a row group; behind a place that cannot be read, the reason for each."""
    import pyarrow as pa

    given = 0
    try:
        for batch in opened.iter_batches(
            batch_size=_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False
        ):
            for row in batch.to_pylist():
                given += 1
                yield row
    except (pa.ArrowException, OSError, ValueError) as reason:
        told = f"damaged: {' '.join(str(reason).split())[:200]}"
        yield from repeat(told, size - given)


# ---------------------------------------------------------------------------------------- lines


def _open_lines(file: Path) -> _Shard:
    """Count the lines and look at the first.

    Raises:
        ConfigError: it names no page.
    """
    num_rows, columns = 0, ()
    with file.open("rb") as opened:
        while line := opened.readline(_MAX_LINE_BYTES):
            if num_rows == 0:
                row = _row_of(line)
                columns = () if isinstance(row, str) else tuple(row)
            num_rows += 1
    if not num_rows:
        return _Shard(file=file, num_rows=1, columns=(), reason="is empty")
    if columns:
        _check_columns(file, columns)
    return _Shard(file=file, num_rows=num_rows, columns=columns)


def _line_rows(shard: _Shard, skip: int) -> Iterator[tuple[int, _Row | str]]:
    with shard.file.open("rb") as opened:
        for number in range(shard.num_rows):
            line = opened.readline(_MAX_LINE_BYTES)
            if number >= skip:
                yield number, _row_of(line)


def _row_of(line: bytes) -> _Row | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as reason:
        return f"damaged: {reason}"[:200]
    return row if isinstance(row, dict) else "damaged: a line that is no object"


# ---------------------------------------------------------------------------------------- files


def is_table_name(path: Path) -> bool:
    """Whether a file says it is a table."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def holds_tables(folder: Path) -> bool:
    """Whether a folder is a data set: shards in it, or one level below as `data/`."""
    return any(map(is_table_name, (*folder.glob("*"), *folder.glob("*/*"))))


def _files_of(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        found = tuple(sorted(file for file in path.rglob("*") if is_table_name(file)))
    else:
        found = (path,) if path.is_file() else ()
    if not found:
        msg = f"expected parquet or JSON lines, there are none at {path}: check the path"
        raise ConfigError(msg)
    return found


def _is_parquet(file: Path) -> bool:
    return file.name.lower().endswith(".parquet")


def _all_columns(shards: Sequence[_Shard]) -> list[str]:
    return list(dict.fromkeys(name for shard in shards for name in shard.columns))
