"""Rows of other people's tables: parquet, Arrow, JSON lines, a JSON list, CSV; a bad row is a reason.

Parquet and Arrow are read a few rows at a time, so that a shard of embedded pictures is never in
memory whole. Pickles, which may run any program, are never opened.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vision_deepresearch.core.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

SUFFIXES = (".parquet", ".arrow", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
MAX_LINE_BYTES = 1024 * 1024 * 1024
"""Of one line: fifty embedded pictures of the largest size."""
_MAX_LIST_BYTES = 2 * 1024 * 1024 * 1024
_MAX_CELL = 256 * 1024 * 1024
"""Characters of one cell of a CSV table: an embedded picture is longer than the reader's default."""
_BATCH_ROWS = 8
_PICKLES = frozenset({".pkl", ".pickle", ".p", ".joblib", ".pt", ".pth", ".npy"})

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
        ConfigError: no such file, of no known kind, a pickle, no table at all, or pyarrow is missing.
    """
    refuse_pickle(file)
    if not file.is_file():
        msg = f"expected a table at {str(file)!r}, there is no such file: check the path"
        raise ConfigError(msg)
    match file.suffix.lower():
        case ".parquet":
            yield from _parquet_rows(file)
        case ".arrow":
            yield from _arrow_rows(file)
        case ".jsonl" | ".ndjson":
            yield from _line_rows(file)
        case ".json":
            yield from _list_rows(file)
        case ".csv" | ".tsv":
            yield from _cell_rows(file)
        case other:
            msg = f"expected {', '.join(SUFFIXES)}, got {other!r} ({file.name}): convert it"
            raise ConfigError(msg)


def refuse_pickle(file: Path) -> None:
    """Refuse a file whose name says that it may hold a pickle.

    Raises:
        ConfigError: it does.
    """
    if file.suffix.lower() in _PICKLES:
        msg = (
            f"{file.name} may hold a pickle, which runs whatever program it likes when it is opened: "
            "it is never opened here. Give the parquet or JSON lines that it came with"
        )
        raise ConfigError(msg)


def need_pyarrow(what: str) -> None:
    """Say what to install where parquet is asked for without it.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ImportError as reason:
        msg = (
            f"{what} needs pyarrow, which is not installed: "
            "pip install 'vision-deepresearch[parquet]'"
        )
        raise ConfigError(msg) from reason


# -------------------------------------------------------------------------------------------- text


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


def _cell_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    csv.field_size_limit(_MAX_CELL)
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            tabs = file.suffix.lower() == ".tsv"
            table = csv.DictReader(opened, delimiter="\t" if tabs else ",", strict=True)
            for row in table:
                # More or fewer cells than the head has columns: one of them is in the wrong place.
                if None in row or None in row.values():
                    yield BadRowError(
                        "damaged", f"another number of cells than {file.name} has columns"
                    )
                else:
                    yield row
    except (csv.Error, UnicodeDecodeError) as reason:
        msg = f"{file.name} cannot be read as a table in UTF-8 ({reason}): save it again as such"
        raise ConfigError(msg) from reason


# ------------------------------------------------------------------------------------------ columns


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


def _arrow_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    """A stream, as the library `datasets` writes them, or a file with its index at the end."""
    need_pyarrow(f"reading {file.name}")
    import pyarrow as pa

    try:
        with pa.memory_map(str(file)) as source:
            for batch in _arrow_batches(source):
                for start in range(0, batch.num_rows, _BATCH_ROWS):
                    yield from batch.slice(start, _BATCH_ROWS).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as reason:
        # Lengths stand in front of what they measure: behind a break nothing can be counted.
        told = " ".join(str(reason).split())[:200]
        msg = f"{file.name} is no whole Arrow file ({told}): get it again"
        raise ConfigError(msg) from reason


def _arrow_batches(source: "pa.NativeFile") -> Iterable["pa.RecordBatch"]:
    import pyarrow as pa

    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        opened = pa.ipc.open_file(source)
        return (opened.get_batch(number) for number in range(opened.num_record_batches))
