"""Results of long work, a line each in a file as they come; the same command later goes on.

The first line says what the results are of: a file of other work is refused, never mixed up. A
last line that a kill left torn is cut off and its work done again.
"""

import errno
import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from pydantic import JsonValue, ValidationError

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record

R = TypeVar("R", bound=Record)


class ResultsFile(Generic[R]):
    """An open file of results. One writer at a time."""

    def __init__(self, file: BinaryIO, results: list[R]) -> None:
        self._file = file
        self._results = results

    @property
    def results(self) -> tuple[R, ...]:
        """What is there, in the order in which it was added."""
        return tuple(self._results)

    def add(self, result: R) -> None:
        """Write one result; after a kill of the process it is there."""
        self._file.write(result.model_dump_json().encode() + b"\n")
        self._file.flush()
        self._results.append(result)


@contextmanager
def open_results(
    path: Path, *, kind: type[R], about: Mapping[str, JsonValue]
) -> Iterator[ResultsFile[R]]:
    """Open a file of results, a new one or one that is gone on with.

    Args:
        path: its folder is made.
        kind: the record of a line.
        about: what the results are of; the file must have been begun with the same.

    Raises:
        ConfigError: results of other work, no file of results, or another process writes there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as reason:
            if reason.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            msg = f"another process writes results to {str(path)!r}: wait for it, or choose another"
            raise ConfigError(msg) from reason
        yield ResultsFile(file, _read(file, path=path, kind=kind, about=about))


def read_results(path: Path, *, kind: type[R]) -> tuple[dict[str, JsonValue], list[R]]:
    """What the results of a file are of, and the results; also while they are being written.

    Raises:
        ConfigError: no file of results, or a damaged one.
    """
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    try:
        about = json.loads(lines[0])["results_of"] if lines else {}
        return dict(about), [kind.model_validate_json(line) for line in lines[1:]]
    except (ValueError, KeyError, TypeError) as reason:
        msg = f"{str(path)!r} is damaged, or by another version: delete it and score again"
        raise ConfigError(msg) from reason


def _read(file: BinaryIO, *, path: Path, kind: type[R], about: Mapping[str, JsonValue]) -> list[R]:
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        file.truncate(len(whole))
    lines = whole.splitlines()
    if not lines:
        head = {"results_of": dict(about)}
        file.write(json.dumps(head, ensure_ascii=False).encode() + b"\n")
        file.flush()
        return []
    _check_head(lines[0], path=path, about=about)
    try:
        return [kind.model_validate_json(line) for line in lines[1:]]
    except ValidationError as reason:
        msg = f"{str(path)!r} is damaged, or by another version: delete it and begin again"
        raise ConfigError(msg) from reason


def _check_head(line: bytes, *, path: Path, about: Mapping[str, JsonValue]) -> None:
    try:
        head = json.loads(line)
    except ValueError:
        head = None
    if not isinstance(head, dict) or "results_of" not in head:
        msg = f"expected a file of results or none, {str(path)!r} is neither: choose another"
        raise ConfigError(msg)
    there = head["results_of"]
    if there != dict(about):
        known = there if isinstance(there, dict) else {}
        other = sorted(key for key in {*known, *about} if known.get(key) != about.get(key))
        shown = ", ".join(f"{key} {known.get(key)!r}, now {about.get(key)!r}" for key in other)
        msg = f"{str(path)!r} holds results of other work ({shown}): choose another file"
        raise ConfigError(msg)
