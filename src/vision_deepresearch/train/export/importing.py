"""Tables become a run folder: tasks, attempts where the rows are conversations, rejects with reasons.

Equal questions over equal pictures with equal answers are one task; further conversations about it
are its attempts, and a row that is there already is a reject. The same command again reads the
same rows, finds what is stored and stores the rest.

Imported attempts are unjudged and of profile `imported`, unless they come from our own exports: then
task, messages, trust, handles, loss flags and verdict are what they were.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from pydantic import Field, JsonValue, ValidationError

from vision_deepresearch import __version__
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tables import SUFFIXES, BadRowError, TableRow, table_rows
from vision_deepresearch.train.export.folder import DATA, MANIFEST
from vision_deepresearch.train.export.made import Item, Maker, Plan, Source
from vision_deepresearch.train.export.sidecar import SIDECAR, RowFacts

Show: TypeAlias = Callable[[str, int, int], None]
_GROUP = 64
"""Rows committed together."""
_MAX_EXAMPLES = 20


class ImportSettings(Record):
    """How tables are read; stored with the run, which goes on with the same only."""

    dataset: str | None = Field(default=None, min_length=1, max_length=120)
    """None: the name of each file."""
    split: Literal["train", "test", "auto"] = "auto"
    """`auto`: test for files whose name begins so, train for the others."""
    test_frac: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the clusters (pictures) that goes to test with all its tasks."""
    kind: Literal["verified", "fuzzy", "text", "benchmark"] | None = None
    """None: verified with pictures, text without."""
    licence: str | None = None
    limit: int | None = Field(default=None, ge=1)
    """Rows read; None: all."""


class Imported(Record):
    """What came of it."""

    rows: int
    tasks: int
    """Different ones, of this and of earlier calls."""
    attempts: int
    rejected: dict[str, int]
    """Rows by reason."""
    examples: tuple[str, ...]
    """The first rejects in words."""


async def import_tables(
    sources: Sequence[Path], out: Path, *, settings: ImportSettings, show: Show | None = None
) -> Imported:
    """Read tables into a run folder.

    Args:
        sources: files, or folders that `vdr export` wrote.
        out: run folder, made when it is not there.
        settings: how to read them.
        show: told of (what, done, total) after each file.

    Raises:
        ConfigError: no table at all, pyarrow is missing, or the folder is another run's.
    """
    files = [file for source in sources for file in _files_of(source)]
    digests = [await asyncio.to_thread(_digest, one.path) for one in files]
    config = _config(settings, names=[one.path.name for one in files], digests=digests)
    about: dict[str, JsonValue] = {"versions": {"vision-deepresearch": __version__}, "world": None}
    told = _Told()
    async with RunFolder.open(out, config=config, provenance=about) as run:
        maker = Maker(FolderMediaStore(run.media_root), plan=_plan(settings))
        for done, file in enumerate(files, start=1):
            left = None if settings.limit is None else settings.limit - told.rows
            with file.opened() as rows:
                async for group in _groups(rows, maker=maker, limit=left):
                    told.add(group)
                    await _store(run, group)
            if show is not None:
                show("files", done, len(files))
        counts = run.counts()
    return Imported(
        rows=told.rows,
        tasks=counts.tasks,
        attempts=counts.attempts,
        rejected={name: told.rejected[name] for name in sorted(told.rejected)},
        examples=tuple(told.examples),
    )


def _plan(settings: ImportSettings) -> Plan:
    return Plan(
        dataset=settings.dataset,
        split=settings.split,
        test_frac=settings.test_frac,
        kind=settings.kind,
        licence=settings.licence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row that gave nothing."""

    key: str
    reason: str
    detail: str

    @property
    def told(self) -> str:
        """In one line."""
        return f"{self.key}: {self.reason}: {self.detail}"[:300]


@dataclass(slots=True)
class _Told:
    """What is counted on the way."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, group: Sequence[Item | Refused]) -> None:
        self.rows += len(group)
        for one in group:
            if isinstance(one, Refused):
                self.rejected[one.reason] += 1
                if len(self.examples) < _MAX_EXAMPLES:
                    self.examples.append(one.told)


# ------------------------------------------------------------------------------------------ rows

_Row: TypeAlias = tuple[Source, TableRow | BadRowError]


async def _groups(
    rows: Iterator[_Row], *, maker: Maker, limit: int | None
) -> AsyncIterator[list[Item | Refused]]:
    """Rows made into records, so many at a time, in a thread."""
    left = limit
    while left is None or left > 0:
        size = _GROUP if left is None else min(_GROUP, left)
        group = await asyncio.to_thread(_made, rows, maker, size)
        if not group:
            return
        left = None if left is None else left - len(group)
        yield group


def _made(rows: Iterator[_Row], maker: Maker, size: int) -> list[Item | Refused]:
    """The next records, at most `size`."""
    made: list[Item | Refused] = []
    for source, row in rows:
        try:
            if isinstance(row, BadRowError):
                raise row
            made.append(maker.make(row, source))
        except BadRowError as reason:
            made.append(_refused(source, reason.reason, reason.detail))
        except BadImageError as reason:
            made.append(_refused(source, "picture", str(reason)))
        except ValidationError as reason:
            first = reason.errors()[0]
            made.append(_refused(source, "schema", f"{first['loc']}: {first['msg']}"))
        if len(made) == size:
            break
    return made


def _refused(source: Source, reason: str, detail: str) -> Refused:
    safe = detail.encode("utf-8", "backslashreplace").decode()
    return Refused(key=source.key, reason=reason, detail=safe)


async def _store(run: RunFolder, group: list[Item | Refused]) -> None:
    """Commit a group; what is there already stays."""
    async with asyncio.TaskGroup() as tasks:
        for one in group:
            tasks.create_task(_put(run, one))


def _put(run: RunFolder, one: Item | Refused) -> Coroutine[None, None, None]:
    if isinstance(one, Refused):
        return run.put_reject(one.key, 0, reason=one.reason, detail=one.detail)
    return _put_item(run, one)


async def _put_item(run: RunFolder, item: Item) -> None:
    await run.put_task(item.task)
    if item.trajectory is None:
        return
    await run.put_trajectory(item.trajectory)
    if item.verdict is not None:
        await run.put_verdict(item.task.id, item.trajectory.attempt, item.verdict)


# ----------------------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A table, and the file beside it that our exports have."""

    path: Path
    root: Path
    """Where the files are that it names."""
    sidecar: Path | None = None

    @contextmanager
    def opened(self) -> Iterator[Iterator[_Row]]:
        """Its rows, each with where it stands."""
        if self.sidecar is None:
            yield self._rows(None, {})
            return
        with self.sidecar.open("rb") as beside:
            yield self._rows(beside, _places(beside, f"{DATA}/{self.path.name}"))

    def _rows(self, beside: BinaryIO | None, places: dict[int, int]) -> Iterator[_Row]:
        for number, row in enumerate(table_rows(self.path)):
            facts = None
            if beside is not None and number in places:
                beside.seek(places[number])
                facts = _facts(beside.readline())
            yield Source(file=self.path, number=number, root=self.root, facts=facts), row


def _facts(line: bytes) -> RowFacts:
    try:
        return RowFacts.model_validate_json(line)
    except ValidationError as reason:
        raise ConfigError(_BAD_SIDECAR) from reason


_BAD_SIDECAR = (
    f"{SIDECAR} beside the data is damaged or of another version: export again, or import the data "
    "files from a folder of their own, as anybody's"
)


def _places(beside: BinaryIO, file: str) -> dict[int, int]:
    """Where in the sidecar the line of each row of a file begins."""
    places: dict[int, int] = {}
    place = 0
    for line in beside:
        try:
            told: dict[str, JsonValue] = json.loads(line)
            number, of_file = told["line"], told["file"]
        except (ValueError, KeyError, TypeError) as reason:
            raise ConfigError(_BAD_SIDECAR) from reason
        if of_file == file and isinstance(number, int):
            places[number] = place
        place += len(line)
    return places


def _files_of(source: Path) -> list[_File]:
    """The tables of a source.

    Raises:
        ConfigError: none are there.
    """
    if source.is_file():
        ours = source.parent.parent
        if source.parent.name == DATA and (ours / MANIFEST).is_file():
            return [one for one in _files_of(ours) if one.path.name == source.name]
        return [_File(path=source, root=source.parent)]
    is_ours = (source / MANIFEST).is_file() and (source / DATA).is_dir()
    folder = source / DATA if is_ours else source
    found = sorted(one for one in folder.glob("*") if one.suffix.lower() in SUFFIXES)
    if not found:
        msg = f"expected a table or a folder of tables, there are none at {str(source)!r}: check the path"
        raise ConfigError(msg)
    beside = source / SIDECAR
    sidecar = beside if is_ours and beside.is_file() else None
    return [_File(path=one, root=source, sidecar=sidecar) for one in found]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(settings: ImportSettings, *, names: Sequence[str], digests: Sequence[str]) -> str:
    """The resolved settings and what is read, as TOML."""
    told = settings.model_dump(mode="json", exclude_none=True)
    lines = ["[import]", *(f"{name} = {json.dumps(value)}" for name, value in told.items())]
    lines += [f"files = {json.dumps(list(names))}", f"sha256 = {json.dumps(list(digests))}"]
    return "\n".join(lines) + "\n"
