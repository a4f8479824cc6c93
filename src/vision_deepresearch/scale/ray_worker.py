"""A worker of a Ray cluster: opens the stages on its machine and puts records through them.

Knows nothing of Ray. It is handed records and gives back outcomes; the run store is the driver's.
"""

import hashlib
import socket
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import JsonValue

import vision_deepresearch
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.workplace import MakeStages, Workplace

REACH = ".reach-"
"""How the names of files begin that prove that two machines see the same folder."""
_NOT_CODE = frozenset({".pyc", ".pyo"})


class Reach(Record):
    """What a worker must be able to reach, to be proved before it is given a record."""

    code: str
    """See `code_fingerprint`, as the driver has it."""
    folder: str
    """The run folder, absolute: pictures are read and written there."""
    token: str
    """Stands in the folder's file of that name; the worker answers beside it."""


class Answer(Record):
    """What a worker said when it was opened."""

    host: str
    fault: str = ""
    """Why it cannot work, and how to mend it; empty: it can."""


class RayWorker:
    """One working process."""

    def __init__(self) -> None:
        self._workplace: Workplace | None = None

    def open(self, make_stages: MakeStages, reach: Reach, *, number: int) -> Answer:
        """Prove that everything is within reach, then open the stages. Never raises `ConfigError`."""
        host = socket.gethostname()
        try:
            _check(reach, number=number)
            self._workplace = Workplace(make_stages)
        except ConfigError as reason:
            return Answer(host=host, fault=str(reason))
        return Answer(host=host)

    def work(
        self, stage: str, chunk: Sequence[tuple[int, JsonValue]], cap_usd: float | None
    ) -> list[tuple[int, JsonValue]]:
        """See `Workplace.work`."""
        assert self._workplace is not None, "a worker is opened before it works"
        return self._workplace.work(stage, chunk, cap_usd)


def question_file(reach: Reach) -> Path:
    """Where the driver puts the token."""
    return Path(reach.folder) / f"{REACH}{reach.token}"


def answer_file(reach: Reach, number: int) -> Path:
    """Where worker `number` puts it again."""
    return Path(reach.folder) / f"{REACH}{reach.token}-{number}"


def _check(reach: Reach, *, number: int) -> None:
    """Raises `ConfigError`: other code, or another folder under the run folder's path."""
    if reach.code != code_fingerprint():
        msg = (
            "expected the same vision_deepresearch on every machine, got another one (version "
            f"{vision_deepresearch.__version__}): install the driver's on all of them"
        )
        raise ConfigError(msg)
    try:
        found = question_file(reach).read_text()
        answer_file(reach, number).write_text(found)
    except OSError as reason:
        msg = (
            f"expected to read and write {reach.folder!r}, got {type(reason).__name__} "
            f"({reason.strerror}): put --out on a folder that all machines share under one path"
        )
        raise ConfigError(msg) from reason


@cache
def code_fingerprint() -> str:
    """Of all files of this package: equal code, whatever its version says. Cost: about 0.1 s."""
    root = Path(vision_deepresearch.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix not in _NOT_CODE:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
