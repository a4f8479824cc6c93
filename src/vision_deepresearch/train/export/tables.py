"""Rows of other people's tables: parquet, JSON lines, or one JSON list; a bad row is a reason.

Parquet is read a few rows at a time, so that a shard of embedded pictures is never in memory whole.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.train.export.schemas import need_pyarrow

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json")
MAX_LINE_BYTES = 1024 * 1024 * 1024
"""Of one line: fifty embedded pictures of the largest size."""
_MAX_LIST_BYTES = 2 * 1024 * 1024 * 1024
_BATCH_ROWS = 8

TableRow: TypeAlias = Mapping[str, object]


class BadRowError(ValueError):
    """A row that cannot be taken; `reason` is one word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def table_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    """All rows of a file in order; the error in place of one that cannot be read.

    Raises:
        ConfigError: no such file, of no known kind, no table at all, or pyarrow is missing.
    """
    if not file.is_file():
        msg = f"expected a table at {str(file)!r}, there is no such file: check the path"
        raise ConfigError(msg)
    match file.suffix.lower():
        case ".parquet":
            yield from _parquet_rows(file)
        case ".jsonl" | ".ndjson":
            yield from _line_rows(file)
        case ".json":
            yield from _list_rows(file)
        case other:
            msg = f"expected {', '.join(SUFFIXES)}, got {other!r} ({file.name}): convert it"
            raise ConfigError(msg)


def _line_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    with file.open("rb") as opened:
        while line := opened.readline(MAX_LINE_BYTES):
            if line.strip():
                yield _row_of(line)


def _row_of(line: bytes) -> TableRow | BadRowError:
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError) as reason:
        return BadRowError("damaged", str(reason)[:200])
    return row if isinstance(row, dict) else BadRowError("damaged", "a line that is no object")


def _list_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    if file.stat().st_size > _MAX_LIST_BYTES:
        msg = f"{file.name} is one JSON list of more than 2 GB: convert it to JSON lines"
        raise ConfigError(msg)
    try:
        rows: object = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as reason:
        msg = f"expected a JSON list of rows, {file.name} is no JSON ({reason}): JSON lines are .jsonl"
        raise ConfigError(msg) from reason
    if not isinstance(rows, list):
        msg = f"expected a JSON list of rows, {file.name} holds a {type(rows).__name__}"
        raise ConfigError(msg)
    for row in rows:
        yield row if isinstance(row, dict) else BadRowError("damaged", "an entry that is no object")


def _parquet_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    need_pyarrow(f"reading {file.name}")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as reason:
        told = " ".join(str(reason).split())[:200]
        msg = f"{file.name} is no whole parquet file ({told}): get it again"
        raise ConfigError(msg) from reason
    with opened:
        for group in range(opened.num_row_groups):
            yield from _group_rows(opened, group)


def _group_rows(opened: "ParquetFile", group: int) -> Iterator[TableRow | BadRowError]:
    """The rows of a group; behind a place that cannot be read, the reason for each."""
    import pyarrow as pa

    given, size = 0, opened.metadata.row_group(group).num_rows
    try:
        for batch in opened.iter_batches(
            batch_size=_BATCH_ROWS, row_groups=[group], use_threads=False
        ):
            for row in batch.to_pylist():
                given += 1
                yield row
    except (pa.ArrowException, OSError, ValueError) as reason:
        told = BadRowError("damaged", " ".join(str(reason).split())[:200])
        yield from repeat(told, size - given)
