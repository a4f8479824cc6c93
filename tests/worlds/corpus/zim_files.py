"""Small ZIM files, byte by byte: what libzim's own writer refuses to write can be written here.

Loops of redirects, dead ones, names that are no text, files of 2015, damage at a known place.

    header 80 | media types | positions of entries | order of titles | entries | positions of
    clusters | clusters (one for each content) | MD5
"""

import hashlib
import lzma
import struct
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct("<IHH16sIIQQQQIIQ")
NOWHERE = 0xFFFFFFFF
_REDIRECT = 0xFFFF
_XZ = b"\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """An entry to be written: `content` of a media type, or a redirect to the path `to`."""

    path: str | bytes
    """With its prefix, in both schemes: `A/Cry.html`, `C/Cry`."""
    content: bytes = b""
    mimetype: str = "text/html"
    title: str = ""
    to: str | None = None

    @property
    def name(self) -> bytes:
        return self.path if isinstance(self.path, bytes) else self.path.encode()


def write_zim(
    file: Path, entries: list[Put], *, main: str | None = None, new: bool = False
) -> Path:
    """Write a file of the old scheme (5.0), or of the new (6.1).

    A redirect to a path that is not there gets a number no entry has.
    """
    ordered = sorted(entries, key=lambda put: (put.name[:1], put.name[2:]))
    number = {put.name: index for index, put in enumerate(ordered)}
    mimetypes = sorted({put.mimetype for put in ordered if put.to is None})
    contents = [put.content for put in ordered if put.to is None]
    records: list[bytes] = []
    for put in ordered:
        if put.to is not None:
            target = number.get(put.to.encode(), len(ordered) + 7)
            head = struct.pack("<HBcII", _REDIRECT, 0, put.name[:1], 0, target)
        else:
            kind = mimetypes.index(put.mimetype)
            cluster = sum(one.to is None for one in ordered[: len(records)])
            head = struct.pack("<HBcIII", kind, 0, put.name[:1], 0, cluster, 0)
        records.append(head + put.name[2:] + b"\0" + put.title.encode() + b"\0")
    clusters = [
        _XZ + lzma.compress(struct.pack("<II", 8, 8 + len(data)) + data) for data in contents
    ]
    types = b"".join(one.encode() + b"\0" for one in mimetypes) + b"\0"
    at_entries = HEADER.size + len(types)
    at_titles = at_entries + 8 * len(ordered)
    at_records = at_titles + 4 * len(ordered)
    at_clusters = at_records + sum(map(len, records))
    at_content = at_clusters + 8 * len(clusters)
    end = at_content + sum(map(len, clusters))
    by_title = sorted(
        range(len(ordered)), key=lambda i: (ordered[i].name[:1], ordered[i].title.encode())
    )
    header = HEADER.pack(
        0x044D495A, 6 if new else 5, 1 if new else 0,
        hashlib.md5(b"".join(contents), usedforsecurity=False).digest(),
        len(ordered), len(clusters), at_entries, at_titles, at_clusters, HEADER.size,
        number[main.encode()] if main else NOWHERE, NOWHERE, end,
    )  # fmt: skip
    body = b"".join([
        header,
        types,
        _positions(records, start=at_records),
        struct.pack(f"<{len(by_title)}I", *by_title),
        *records,
        _positions(clusters, start=at_content),
        *clusters,
    ])
    file.write_bytes(body + hashlib.md5(body, usedforsecurity=False).digest())
    return file


def damage_content(file: Path, *, of: bytes) -> None:
    """Flip bits in the compressed content `of`, checksum left as it was."""
    packed = lzma.compress(struct.pack("<II", 8, 8 + len(of)) + of)
    data = bytearray(file.read_bytes())
    at = data.index(packed)
    for offset in range(20, len(packed) - 4, 3):
        data[at + offset] ^= 0x55
    file.write_bytes(data)


def _positions(blocks: list[bytes], *, start: int) -> bytes:
    positions: list[int] = []
    for block in blocks:
        positions.append(start)
        start += len(block)
    return struct.pack(f"<{len(positions)}Q", *positions)
