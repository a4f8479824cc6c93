"""The bytes of pictures out of the cells of public data sets, however they were put there.

The same PNG stands in such tables as bytes, as `{"bytes", "path"}`, as a list or array of numbers,
as a mapping `{"0": 137, "1": 80, ...}` that JSON made of an array, as base64 with or without the
head of a data address, as JSON text of any of these, or as the name of a file beside the table.
Nothing is guessed: what is none of them is refused with its reason, never skipped.

Source: the released toy sets of arXiv 2601.22060 and the packed evaluation sets of its code.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.media.decode import MAX_BYTES, sniff

_MAX_TEXT = MAX_BYTES * 4 // 3 + 1024
"""Characters of base64 that a picture of the largest size takes."""
_MAX_NAME = 1024
_BYTES_KEYS = ("bytes", "data", "base64")
_NAME_KEYS = ("path", "filename", "file_name", "image")
_MAX_DEPTH = 3
"""JSON text within a mapping within a list: deeper is no picture."""


def cell_pictures(cell: object, *, root: Path | None = None) -> tuple[bytes, ...]:
    """All pictures of a cell, in order; none for an empty one.

    Args:
        cell: one picture or a list of them; None is no picture.
        root: folder that names of files are looked up in; None: names are refused.

    Raises:
        BadImageError: one of them is in no form known here; the message says which.
    """
    several = _several(_without_json(cell))
    pictures = []
    for number, one in enumerate(several, start=1):
        try:
            pictures.append(picture_bytes(one, root=root))
        except BadImageError as reason:
            msg = f"picture {number} of {len(several)}: {reason}"
            raise BadImageError(msg) from reason
    return tuple(pictures)


def picture_bytes(cell: object, *, root: Path | None = None) -> bytes:
    """The encoded bytes of one picture; they are not decoded here.

    Args:
        cell: in any of the forms named above.
        root: folder that names of files are looked up in; None: names are refused.

    Raises:
        BadImageError: no such form, or a file outside `root`.
    """
    return _read(cell, root=root, depth=0)


def _read(cell: object, *, root: Path | None, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        msg = "its bytes are nested too deep: give them as bytes or base64"
        raise BadImageError(msg)
    match cell:
        case bytes() | bytearray() | memoryview():
            return _checked(bytes(cell))
        case np.ndarray():
            return _checked(_of_numbers(cell.tolist()))
        case str():
            return _of_text(cell, root=root, depth=depth)
        case Mapping():
            return _of_mapping(cell, root=root, depth=depth)
        case Sequence():
            return _checked(_of_numbers(cell))
        case _:
            msg = f"bytes, numbers or base64 were expected, got {type(cell).__name__}"
            raise BadImageError(msg)


def _several(cell: object) -> Sequence[object]:
    """The pictures of a cell; a list of numbers is one picture."""
    if cell is None or (isinstance(cell, str | bytes) and not cell):
        return ()
    if isinstance(cell, np.ndarray):
        return (cell,) if cell.dtype != np.object_ else tuple(cell.tolist())
    if not isinstance(cell, Sequence) or isinstance(cell, str | bytes | bytearray | memoryview):
        return (cell,)
    return (cell,) if cell and _is_number(cell[0]) else cell


def _without_json(cell: object) -> object:
    """What a text of JSON holds; any other cell as it is."""
    if not isinstance(cell, str) or not cell.lstrip().startswith(("[", "{")):
        return cell
    try:
        loaded: object = json.loads(cell)
    except (ValueError, RecursionError) as reason:
        msg = f"a text that begins like JSON is none ({str(reason)[:80]})"
        raise BadImageError(msg) from reason
    return loaded


def _of_text(text: str, *, root: Path | None, depth: int) -> bytes:
    if text.lstrip().startswith(("[", "{")):
        return _read(_without_json(text), root=root, depth=depth + 1)
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            msg = f"a data address in base64 was expected, got {head[:60]!r}"
            raise BadImageError(msg)
        return _checked(_of_base64(text))
    if len(text) <= _MAX_NAME and root is not None:
        found = _file_in(root, text)
        if found is not None:
            return _checked(found.read_bytes())
    return _checked(_of_base64(text))


def _file_in(root: Path, name: str) -> Path | None:
    """The file of that name, or None where none is.

    Raises:
        BadImageError: it lies outside `root`: a table must not name any file of this machine.
    """
    name = name.removeprefix("file://")
    try:
        path = (root / name).resolve()
        is_there = path.is_file()
        num_bytes = path.stat().st_size if is_there else 0
    except (OSError, ValueError):
        return None
    if not is_there:
        return None
    if not path.is_relative_to(root.resolve()):
        msg = f"{name[:120]!r} lies outside the folder of its table: copy it there"
        raise BadImageError(msg)
    if num_bytes > MAX_BYTES:
        msg = f"{name[:120]!r} has {num_bytes:,} bytes, at most {MAX_BYTES:,} are allowed"
        raise BadImageError(msg)
    return path


def _of_base64(text: str) -> bytes:
    plain = "".join(text[: _MAX_TEXT + 1].split())
    if len(plain) > _MAX_TEXT:
        msg = f"more than {MAX_BYTES:,} bytes in base64"
        raise BadImageError(msg)
    plain += "=" * (-len(plain) % 4)
    try:
        return base64.b64decode(
            plain, altchars=b"-_" if set(plain) & set("-_") else None, validate=True
        )
    except (binascii.Error, ValueError) as reason:
        msg = f"neither base64 nor a file beside the table: {text[:60]!r}"
        raise BadImageError(msg) from reason


def _of_mapping(cell: Mapping[object, object], *, root: Path | None, depth: int) -> bytes:
    filled = {key: value for key, value in cell.items() if value is not None}
    for keys in (_BYTES_KEYS, _NAME_KEYS):
        for key in keys:
            if key in filled:
                return _read(filled[key], root=root, depth=depth + 1)
    places = {_place(key): value for key, value in filled.items()}
    if not places or set(places) != set(range(len(places))) or len(places) != len(filled):
        shown = ", ".join(str(key)[:20] for key in list(cell)[:6])
        msg = f"bytes by their places 0, 1, 2... were expected, got the keys {shown or 'none'}"
        raise BadImageError(msg)
    return _checked(_of_numbers([places[place] for place in range(len(places))]))


def _place(key: object) -> int:
    """A key as a place; -1 for one that is none."""
    text = str(key)
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else -1


def _of_numbers(numbers: Sequence[object]) -> bytes:
    """Numbers of 0 to 255, or of -128 to 127 where one is negative (signed bytes)."""
    values = np.asarray(numbers, dtype=np.object_)
    if values.ndim != 1 or not all(map(_is_number, numbers)):
        msg = "numbers of 0 to 255, one after the other, were expected: pixels are no file"
        raise BadImageError(msg)
    whole = np.array([int(one) for one in numbers if isinstance(one, int | float)], dtype=np.int64)
    lowest, highest = (-128, 127) if whole.size and whole.min() < 0 else (0, 255)
    if whole.size and (whole.min() < lowest or whole.max() > highest):
        msg = f"numbers of {lowest} to {highest} were expected, got up to {whole.max()}"
        raise BadImageError(msg)
    return (whole & 0xFF).astype(np.uint8).tobytes()


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _checked(data: bytes) -> bytes:
    if sniff(data) is None:
        msg = f"{len(data):,} bytes that begin {data[:12].hex(' ')!r} are no picture we know"
        raise BadImageError(msg)
    return data
