"""WARC files for tests: whole ones by warcio's writer, damaged ones by cutting and patching them."""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A record to be written."""

    url: str
    body: bytes = b""
    kind: str = "response"
    status: str = "200 OK"
    content_type: str = "text/html"
    http: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    date: str = "2024-03-01T10:00:00Z"


def write_warc(file: Path, fetches: list[Fetch], *, packed: bool = True) -> Path:
    """A file as crawlers write them: warcinfo first, records packed one by one."""
    with file.open("wb") as out:
        writer = WARCWriter(out, gzip=packed)
        writer.write_record(writer.create_warcinfo_record(file.name, {"software": "a crawler"}))
        for one in fetches:
            headers = {"WARC-Date": one.date, **one.headers}
            if one.kind == "resource":
                record = writer.create_warc_record(
                    one.url,
                    "resource",
                    payload=io.BytesIO(one.body),
                    length=len(one.body),
                    warc_content_type=one.content_type,
                    warc_headers_dict=headers,
                )
            else:
                told = [("Content-Type", one.content_type), *one.http.items()]
                record = writer.create_warc_record(
                    one.url,
                    one.kind,
                    payload=io.BytesIO(one.body),
                    length=len(one.body),
                    http_headers=StatusAndHeaders(one.status, told, protocol="HTTP/1.1"),
                    warc_headers_dict=headers,
                )
            writer.write_record(record)
    return file


def chunked(body: bytes, *, size: int = 7) -> bytes:
    """A body in chunks, as servers send them."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def deflated(body: bytes, *, bare: bool = False) -> bytes:
    """zlib's frame, or bare deflate as some servers send it."""
    packer = zlib.compressobj(wbits=-15 if bare else 15)
    return packer.compress(body) + packer.flush()


def members(file: Path) -> list[bytes]:
    """The gzip members of a packed file."""
    found: list[bytes] = []
    data = file.read_bytes()
    while data:
        unpacker = zlib.decompressobj(31)
        unpacker.decompress(data)
        found.append(data[: len(data) - len(unpacker.unused_data)])
        data = unpacker.unused_data
    return found


def raw_record(url: str, body: bytes, *, length: int | str | None = None, packed: bool) -> bytes:
    """A record whose length is what one says."""
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    said = len(block) if length is None else length
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {said}\r\n\r\n"
    )
    record = head.encode() + block + b"\r\n\r\n"
    return gzip.compress(record, mtime=0) if packed else record
