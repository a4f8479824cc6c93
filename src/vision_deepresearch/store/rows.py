"""Rows that can prove they are what was written: checksums, and records as compressed JSON.

SQLite alone serves a flipped bit as data. Every table therefore ends in `row_check`, an xxh3 over
all other columns in order, which is compared at every read.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import pydantic_core
import xxhash
from pydantic import BaseModel

from vision_deepresearch.store.seal import unseal

Column: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[Column, ...]

_LEVEL = 3
"""zlib: within a few per cent of level 6 on JSON, at half the time."""

RecordT = TypeVar("RecordT", bound=BaseModel)


def row_check(columns: Sequence[Column]) -> bytes:
    """Checksum of a row's columns: 8 bytes, dependent on order, types and lengths.

    Raises:
        UnicodeEncodeError: a text holds a lone surrogate, which SQLite cannot keep.
    """
    parts: list[bytes] = []
    for column in columns:
        tag, data = _encode(column)
        parts += (tag, len(data).to_bytes(8, "big"), data)
    return xxhash.xxh3_64_digest(b"".join(parts))


def checked(columns: Sequence[Column]) -> Row:
    """The columns with their checksum behind them, as the tables want them."""
    return (*columns, row_check(columns))


def is_intact(row: Sequence[Column]) -> bool:
    """Whether a row read back, checksum last, is what was written."""
    try:
        return bool(row) and row_check(row[:-1]) == row[-1]
    except UnicodeEncodeError:
        return False


def exact_json(record: BaseModel) -> str:
    """A record as JSON that gives the same record back, infinite log-probabilities included."""
    return pydantic_core.to_json(record.model_dump(mode="json")).decode()


def pack(record: BaseModel) -> bytes:
    """A record as compressed exact JSON."""
    return zlib.compress(exact_json(record).encode(), _LEVEL)


def unpack(model: type[RecordT], payload: Column) -> RecordT:
    """The record of a verified row, sealed or not.

    Raises:
        pydantic.ValidationError: written by a version with other fields.
    """
    assert isinstance(payload, bytes), payload
    return model.model_validate_json(zlib.decompress(unseal(payload)))


def lenient_text(data: bytes) -> str:
    """Text factory for readers: damaged UTF-8 becomes a failed checksum, not an exception."""
    return data.decode("utf-8", "surrogateescape")


def _encode(column: Column) -> tuple[bytes, bytes]:
    # Ordered by frequency: opening a run of 100,000 attempts comes through here a million times.
    if isinstance(column, str):
        return b"s", column.encode("utf-8")
    if isinstance(column, bytes):
        return b"b", column
    if isinstance(column, int):
        return b"i", b"%d" % column
    if isinstance(column, float):
        return b"f", struct.pack(">d", column)
    return b"n", b""
