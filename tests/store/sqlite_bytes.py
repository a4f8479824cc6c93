"""Which bytes of a SQLite file hold what: its b-trees walked by the format's own rules.

Source: https://www.sqlite.org/fileformat2.html. For sound files; a test flips bits in them afterwards.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13


class Use(StrEnum):
    """What a byte is for."""

    ROW = "row"
    """Of a record in a table: its columns and what tells them apart."""
    KEY = "key"
    """The same in an index."""
    TREE = "tree"
    """Headers, pointers, lengths and the list of tables, by which records are found."""
    FREE = "free"
    """Nothing is stored there: slack, or left over from what was."""


@dataclass(slots=True)
class _File:
    data: bytes
    uses: dict[int, tuple[Use, str]] = field(default_factory=dict)
    """By offset."""

    @property
    def page_bytes(self) -> int:
        size = int.from_bytes(self.data[16:18], "big")
        return 65536 if size == 1 else size

    @property
    def usable(self) -> int:
        return self.page_bytes - self.data[20]

    def mark(self, start: int, size: int, use: Use, table: str) -> None:
        for place in range(start, start + size):
            self.uses[place] = use, table

    def number(self, place: int, size: int) -> int:
        return int.from_bytes(self.data[place : place + size], "big")

    def varint(self, place: int) -> tuple[int, int]:
        """A number of 1 to 9 bytes and how many they were."""
        value = 0
        for count in range(8):
            byte = self.data[place + count]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, count + 1
        return value << 8 | self.data[place + 8], 9


def uses_of(path: Path) -> dict[Use, dict[str, list[int]]]:
    """Offsets of all bytes by use and by the table they belong to ("" for none)."""
    file = _File(path.read_bytes())
    file.mark(0, 100, Use.TREE, "")
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        roots = connection.execute("SELECT tbl_name, rootpage FROM sqlite_master").fetchall()
    for table, root in [("", 1), *roots]:
        _walk(file, root, table)
    found: dict[Use, dict[str, list[int]]] = {use: {} for use in Use}
    for place in range(len(file.data)):
        use, table = file.uses.get(place, (Use.FREE, ""))
        found[use].setdefault(table, []).append(place)
    return found


def _walk(file: _File, root: int, table: str) -> None:
    pages = [root]
    while pages:
        number = pages.pop()
        start = (number - 1) * file.page_bytes
        head = start + (100 if number == 1 else 0)
        kind = file.data[head]
        is_inner = kind in {_INNER_INDEX, _INNER_TABLE}
        size = 12 if is_inner else 8
        num_cells = file.number(head + 3, 2)
        file.mark(head, size + 2 * num_cells, Use.TREE, table)
        if is_inner:
            pages.append(file.number(head + 8, 4))
        for index in range(num_cells):
            cell = start + file.number(head + size + 2 * index, 2)
            if is_inner:
                pages.append(file.number(cell, 4))
                file.mark(cell, 4, Use.TREE, table)
                cell += 4
            _mark_cell(file, cell, kind, table)


def _mark_cell(file: _File, cell: int, kind: int, table: str) -> None:
    if kind == _INNER_TABLE:
        file.mark(cell, file.varint(cell)[1], Use.TREE, table)
        return
    num_bytes, count = file.varint(cell)
    if kind == _LEAF_TABLE:
        count += file.varint(cell + count)[1]
    file.mark(cell, count, Use.TREE, table)
    use = Use.ROW if kind == _LEAF_TABLE else Use.KEY
    if not table:
        use = Use.TREE
    most = file.usable - 35 if kind == _LEAF_TABLE else (file.usable - 12) * 64 // 255 - 23
    here = num_bytes
    if num_bytes > most:
        least = (file.usable - 12) * 32 // 255 - 23
        here = least + (num_bytes - least) % (file.usable - 4)
        here = here if here <= most else least
    file.mark(cell + count, here, use, table)
    if num_bytes > here:
        for start, size in _overflow(file, cell + count + here, num_bytes - here):
            file.mark(start, 4, Use.TREE, table)
            file.mark(start + 4, size, use, table)
        file.mark(cell + count + here, 4, Use.TREE, table)


def _overflow(file: _File, pointer: int, left: int) -> Iterator[tuple[int, int]]:
    """Start of each page that a record goes on in, and how many of its bytes are there."""
    while left > 0:
        start = (file.number(pointer, 4) - 1) * file.page_bytes
        size = min(left, file.usable - 4)
        yield start, size
        pointer, left = start, left - size
