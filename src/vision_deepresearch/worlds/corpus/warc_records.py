"""The records of a WARC file: framed, bounded, and found again behind a damaged one.

    record = header | blank line | block of Content-Length bytes | two blank lines
    .warc.gz: every record is a gzip member of its own, so that one can be read alone
    block of a response: HTTP status and headers | blank line | body, as it was sent

Nothing a file says of itself is believed: headers end within 64 kB or the record is damaged, a
length is compared with what is there, unpacking stops at a limit. Read here and not with warcio,
which reads lines of any length and prints to the terminal. Source: ISO 28500 (WARC 1.0, 1.1).
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from vision_deepresearch.core.errors import ConfigError

MAX_HEADER_BYTES = 65_536
"""Of a record and of HTTP."""
MAX_MEMBER_BYTES = 4 * 1024**3
"""Unpacked; a member beyond it is damaged. A record of 4 GB is a film."""
_CHUNK = 65_536
_LOOKED_AT = 1_048_576
_GZIP = b"\x1f\x8b\x08"
_MARK = b"WARC/"
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")
_MAX_RESYNCS = 10_000


class DamagedRecordError(ValueError):
    """A record that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record without its body."""

    offset: int
    """Where it begins in the file, in bytes."""
    headers: dict[str, str]
    """By name in lower case."""
    status: int | None
    """Of HTTP; None where the block holds no HTTP."""
    http: dict[str, str]
    """Headers of HTTP, by name in lower case."""

    @property
    def kind(self) -> str:
        """response, resource, revisit, request, warcinfo, metadata, conversion ..."""
        return self.headers.get("warc-type", "").lower()

    @property
    def url(self) -> str:
        """What was fetched; "" where the record is of nothing fetched."""
        return self.headers.get("warc-target-uri", "").strip().strip("<>")

    @property
    def content_type(self) -> str:
        """Of the body, without parameters, in lower case."""
        return self._content_type.partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """As HTTP says."""
        found = re.search(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", self._content_type, re.I)
        return found.group(1) if found else None

    @property
    def _content_type(self) -> str:
        held = self.headers if self.status is None else self.http
        return held.get("content-type", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A stretch of a file that is no whole record."""

    offset: int
    reason: str
    url: str = ""


def scan(file: BinaryIO, *, size: int, name: str) -> Iterator[Record | BadRecord]:
    """Every record of a file in order; behind a damaged one it goes on with the next whole one.

    Args:
        file: open for reading, seekable.
        size: of the file in bytes.
        name: for messages.

    Raises:
        ConfigError: the records are not packed one by one, or as zstd: none can be read alone.

    Cost: a plain file is stepped through; a packed one is unpacked, about 100 MB/s.
    """
    offset, resyncs = 0, 0
    while (offset := _past_blank_lines(file, offset)) < size:
        try:
            record, after, rest = _step(file, offset, size=size, name=name)
        except DamagedRecordError as reason:
            resyncs += 1
            found = _next_record(file, offset + 1, size=size)
            more = "" if found is not None else "; nothing behind it can be read"
            if resyncs > _MAX_RESYNCS:
                found, more = None, "; too many damaged records: the rest is not read"
            yield BadRecord(offset=offset, reason=f"{reason}{more}")
            if found is None:
                return
            offset = found
            continue
        if rest is None:
            yield record
            offset = after
            continue
        yield BadRecord(offset=record.offset, reason=rest, url=record.url)
        # What it swallowed may be whole records.
        found = _next_record(file, record.offset + 1, size=size)
        resyncs += 1
        if found is None or resyncs > _MAX_RESYNCS:
            return
        offset = found


def read_body(file: BinaryIO, offset: int, *, max_bytes: int) -> tuple[Record, bytes]:
    """A record with its body, chunks joined and unpacked.

    Args:
        file: open for reading, seekable.
        offset: of the record.
        max_bytes: of the body as it is given; larger ones are refused.

    Raises:
        DamagedRecordError: torn, too large, or packed in a way that is not read (brotli, zstd).
    """
    stream = _Stream(file, offset)
    record, length = _head(stream, offset)
    http_bytes = 0
    if record.status is not None:
        http_bytes = _skip_http(stream, length)
    # The body as sent may be larger than what it unpacks to, by the sizes of its chunks.
    room = max_bytes + max_bytes // 8 + 1024
    if length - http_bytes > room:
        msg = f"body of {length - http_bytes:,} bytes, above the limit of {max_bytes:,}"
        raise DamagedRecordError(msg)
    body = stream.take(length - http_bytes)
    if len(body) < length - http_bytes:
        msg = f"cut off: {len(body):,} of {length - http_bytes:,} bytes"
        raise DamagedRecordError(msg)
    if record.status is not None:
        if "chunked" in record.http.get("transfer-encoding", "").lower():
            body = _joined(body)
        body = _unpacked(body, record.http.get("content-encoding", ""), max_bytes=max_bytes)
    if len(body) > max_bytes:
        msg = f"body above the limit of {max_bytes:,} bytes"
        raise DamagedRecordError(msg)
    return record, body


# --------------------------------------------------------------------------------------- framing


class _Stream:
    """The bytes of a plain file, or of one gzip member, from a place on."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        file.seek(offset)
        self._file = file
        self._held = bytearray()
        self._given = 0
        head = file.read(4)
        file.seek(offset)
        self.is_packed = head.startswith(_GZIP)
        self._unpacker = zlib.decompressobj(31) if self.is_packed else None
        self._position = offset
        self._total = 0

    @property
    def after(self) -> int:
        """Where in the file the next byte to be given lies, or what follows a finished member."""
        if self._unpacker is not None:
            return self._position - len(self._unpacker.unused_data)
        return self._position - len(self._held)

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        while len(self._held) < count and self._fill():
            pass
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def skip(self, count: int) -> int:
        """Pass over bytes; how many there were."""
        skipped = 0
        while skipped < count:
            step = len(self.take(min(_LOOKED_AT, count - skipped)))
            if not step:
                break
            skipped += step
        return skipped

    def until_blank_line(self, limit: int) -> bytes:
        """Bytes up to a blank line, which is passed over.

        Raises:
            DamagedRecordError: none within the limit.
        """
        while True:
            found = _BLANK.search(self._held, 0, limit)
            if found is not None:
                head = bytes(self._held[: found.start()])
                del self._held[: found.end()]
                return head
            if len(self._held) >= limit or not self._fill():
                what = "is cut off" if len(self._held) < limit else f"has no end in {limit:,} bytes"
                msg = f"its header {what}"
                raise DamagedRecordError(msg)

    def _fill(self) -> bool:
        """Hold more; False at the end.

        Raises:
            DamagedRecordError: packed bytes are damaged, or unpack without end.
        """
        unpacker = self._unpacker
        if unpacker is None:
            data = self._file.read(_CHUNK)
            self._position += len(data)
            self._held += data
            return bool(data)
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail
            if not packed:
                packed = self._file.read(_CHUNK)
                self._position += len(packed)
                if not packed:
                    return False
            try:
                data = unpacker.decompress(packed, _LOOKED_AT)
            except zlib.error as reason:
                msg = f"its packed bytes are damaged ({reason})"
                raise DamagedRecordError(msg) from reason
            self._total += len(data)
            if self._total > MAX_MEMBER_BYTES:
                msg = f"it unpacks to more than {MAX_MEMBER_BYTES:,} bytes"
                raise DamagedRecordError(msg)
            if data:
                self._held += data
                return True
        return False

    @property
    def is_whole(self) -> bool:
        """Whether a packed member has come to its end."""
        return self._unpacker is None or self._unpacker.eof


def _step(file: BinaryIO, offset: int, *, size: int, name: str) -> tuple[Record, int, str | None]:
    """A record, where the next one begins, and what is wrong with its length.

    Raises:
        DamagedRecordError: no record begins there.
        ConfigError: records cannot be read one by one.
    """
    stream = _Stream(file, offset)
    record, length = _head(stream, offset)
    if not stream.is_packed:
        start = stream.after
        return record, start + length, _plain_fault(file, start + length, size=size)
    if record.status is not None:
        length -= _skip_http(stream, length)
    there = stream.skip(length)
    if there < length:
        return record, size, f"cut off: {there:,} of {length:,} bytes"
    rest = stream.take(_LOOKED_AT).lstrip(b"\r\n")
    if rest.startswith(_MARK):
        msg = (
            f"expected every record packed on its own, {name} is packed as a whole: pack it again "
            "with `warcio recompress OLD NEW`"
        )
        raise ConfigError(msg)
    if rest or stream.take(1):
        return record, stream.after, "more bytes than its length says"
    return record, stream.after, None if stream.is_whole else "cut off in its packed bytes"


def _plain_fault(file: BinaryIO, end: int, *, size: int) -> str | None:
    """What is wrong with the end of a record of a plain file."""
    if end > size:
        return f"cut off: it says to end at byte {end:,}, the file does at {size:,}"
    file.seek(end)
    following = file.read(4)
    if not following or following.startswith((b"\r\n\r\n", b"\n\n")):
        return None
    file.seek(_past_blank_lines(file, end))
    return None if file.read(len(_MARK)) in {_MARK, b""} else "another length than it says"


def _past_blank_lines(file: BinaryIO, offset: int) -> int:
    file.seek(offset)
    while blank := file.read(16):
        rest = blank.lstrip(b"\r\n")
        offset += len(blank) - len(rest)
        if rest:
            break
    return offset


def _next_record(file: BinaryIO, offset: int, *, size: int) -> int | None:
    """Where the next thing begins that looks like a record."""
    held_at, held = offset, b""
    while offset < size:
        file.seek(offset)
        data = file.read(_LOOKED_AT)
        if not data:
            return None
        held_at, held = offset, data
        at = -1
        while (at := _first_mark(held, at + 1)) >= 0:
            if _is_record(file, held_at + at):
                return held_at + at
        offset += max(1, len(data) - 8)  # a mark may be cut in two
        if len(data) < _LOOKED_AT:
            return None
    return None


def _first_mark(data: bytes, start: int) -> int:
    found = [at for mark in (b"WARC/1.", _GZIP) if (at := data.find(mark, start)) >= 0]
    return min(found, default=-1)


def _is_record(file: BinaryIO, offset: int) -> bool:
    try:
        return _Stream(file, offset).take(len(_MARK)) == _MARK
    except DamagedRecordError:
        return False


# --------------------------------------------------------------------------------------- headers


def _head(stream: _Stream, offset: int) -> tuple[Record, int]:
    """Headers of a record, of HTTP too, and the bytes of its block; nothing of the block is taken.

    Raises:
        DamagedRecordError: no record.
    """
    begin = stream.take(len(_MARK))
    if begin != _MARK:
        msg = f"no record: it begins with {begin!r}"
        raise DamagedRecordError(msg)
    lines = stream.until_blank_line(MAX_HEADER_BYTES)
    headers = _headers_of(lines)
    said = headers.get("content-length", "")
    if not re.fullmatch(r"\d{1,18}", said, re.ASCII):
        msg = f"its length is {said[:40]!r}"
        raise DamagedRecordError(msg)
    length = int(said)
    status: int | None = None
    http: dict[str, str] = {}
    kind = headers.get("content-type", "").replace(" ", "").lower()
    is_http = kind.startswith("application/http") and "msgtype=request" not in kind
    if is_http and length:
        head = _peek(stream, min(length, MAX_HEADER_BYTES))
        found = _STATUS.match(head)
        if found is not None:
            status = int(found.group(1))
            end = _BLANK.search(head)
            http = _headers_of(head[: end.start() if end else len(head)])
    return Record(offset=offset, headers=headers, status=status, http=http), length


def _peek(stream: _Stream, count: int) -> bytes:
    while len(stream._held) < count and stream._fill():  # noqa: SLF001 - of this module
        if _BLANK.search(stream._held):  # noqa: SLF001
            break
    return bytes(stream._held[:count])  # noqa: SLF001


def _skip_http(stream: _Stream, length: int) -> int:
    """Pass over the headers of HTTP; how many bytes they are.

    Raises:
        DamagedRecordError: they have no end.
    """
    before = _peek(stream, min(length, MAX_HEADER_BYTES))
    found = _BLANK.search(before)
    if found is None:
        if len(before) >= length:  # headers and nothing else
            return len(stream.take(length))
        msg = f"its HTTP headers have no end in {MAX_HEADER_BYTES:,} bytes"
        raise DamagedRecordError(msg)
    return len(stream.take(found.end()))


def _headers_of(lines: bytes) -> dict[str, str]:
    """Headers by name; the first of a name counts, folded lines are joined."""
    found: dict[str, str] = {}
    name = ""
    for line in re.split(r"\r?\n", lines.decode("utf-8", "replace"))[1:]:
        if line[:1] in {" ", "\t"} and name:
            found[name] += f" {line.strip()}"
            continue
        key, mark, value = line.partition(":")
        name = key.strip().lower() if mark else ""
        if name and name not in found:
            found[name] = value.strip()
        else:
            name = ""
    return found


# ------------------------------------------------------------------------------------------ body


def _joined(body: bytes) -> bytes:
    """A body without the sizes of its chunks; crawlers that took them out still name them."""
    parts: list[bytes] = []
    at = 0
    while (found := _CHUNK_SIZE.match(body, at)) is not None:
        size = int(found.group(1), 16)
        if size == 0:
            return b"".join(parts)
        if found.end() + size > len(body):
            break
        parts.append(body[found.end() : found.end() + size])
        at = found.end() + size
        at += 2 if body[at : at + 2] == b"\r\n" else int(body[at : at + 1] == b"\n")
    if not parts:
        return body
    msg = "its chunks are torn"
    raise DamagedRecordError(msg)


def _unpacked(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """A body as it was before it was packed for the way.

    Raises:
        DamagedRecordError: packed otherwise than gzip or deflate, torn, or too large.
    """
    for one in reversed([part.strip().lower() for part in encoding.split(",")]):
        if one in {"", "identity", "none", "utf-8"}:
            continue
        if one not in {"gzip", "x-gzip", "deflate"}:
            msg = f"packed as {one[:20]!r}, which is not read: gzip and deflate are"
            raise DamagedRecordError(msg)
        if one != "deflate" and not body.startswith(b"\x1f\x8b"):
            continue  # the crawler unpacked it
        # deflate means zlib's frame to the standard and bare deflate to some servers
        bits = 31 if one != "deflate" else 15 if body[:1] == b"\x78" else -15
        unpacker = zlib.decompressobj(bits)
        try:
            body = unpacker.decompress(body, max_bytes + 1)
        except zlib.error as reason:
            msg = f"its packed body is damaged ({reason})"
            raise DamagedRecordError(msg) from reason
        if len(body) <= max_bytes and not unpacker.eof:
            msg = "its packed body is cut off"
            raise DamagedRecordError(msg)
    return body
