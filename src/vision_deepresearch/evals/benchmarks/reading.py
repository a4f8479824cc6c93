"""Reads a set: tables to tasks, with a reason for every row that is left out.

A missing column or a wrong password ends the reading at once, for every row would be the same; a
bad row is a reject. Ids are fingerprints of content, refs `SOURCE/CONFIG/ID`. Nothing is decoded but
pictures, and those only as the media store does it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue, ValidationError

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.evals.benchmarks.cells import as_json, kind_of_answer, name_of_address
from vision_deepresearch.evals.benchmarks.decrypt import WRONG
from vision_deepresearch.evals.benchmarks.draft import (
    BenchmarkError,
    Draft,
    MissingColumnsError,
    MissingPictureError,
    Source,
    WrongPasswordError,
)
from vision_deepresearch.media.given import load_given
from vision_deepresearch.media.odd_bytes import cell_pictures
from vision_deepresearch.store.tables import (
    SUFFIXES,
    BadRowError,
    TableRow,
    refuse_pickle,
    table_rows,
)

Put = Callable[[bytes], ImageRef]
"""Takes the bytes of a picture; a media store's `put`."""

_ENDINGS = ("", ".jpg", ".jpeg", ".png", ".webp", ".JPEG", ".JPG", ".PNG", ".gif", ".bmp")
_PICTURES = frozenset(one.lower() for one in _ENDINGS if one)
_NO_TABLES = frozenset({"dataset_info.json", "dataset_dict.json", "state.json", "README.json"})
"""Lie beside the Arrow files of the library `datasets`."""
_MAX_EXTRA = 20_000
"""Characters of a column that nobody reads, kept with the task."""
_HIDDEN = "protected, so why is not shown: get the row again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that gave no task."""

    place: str
    """File and number of the row, from 0."""
    reason: str
    """One word, for counting."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMark:
    """What a manifest keeps of a question: no text."""

    config: str
    source_id: str
    sha256: str
    """Over question and answers, see `row_hash`."""


@dataclass(slots=True, kw_only=True)
class SetRead:
    """What came of a set."""

    source: Source
    tasks: list[Task] = field(default_factory=list)
    marks: list[RowMark] = field(default_factory=list)
    """Of the tasks, in their order."""
    rejects: list[Rejected] = field(default_factory=list)
    num_pictures: int = 0

    @property
    def by_config(self) -> Counter[str]:
        """Tasks by config."""
        return Counter(mark.config for mark in self.marks)

    @property
    def by_reason(self) -> Counter[str]:
        """Rejects by reason."""
        return Counter(one.reason for one in self.rejects)


def row_hash(draft: Draft) -> str:
    """The mark of a question and its answers: 16 hex digits of a sha256."""
    told = json.dumps(
        [draft.question, *draft.gold.answers], ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def tables_of(source: Source, path: Path, *, subset: str = "") -> tuple[Path, ...]:
    """The tables of a set, or of a part of one, that was downloaded to a path.

    Raises:
        ConfigError: nothing is there, or no table of this benchmark.
    """
    if not path.exists():
        msg = (
            f"expected {source.title} at {str(path)!r}, nothing is there: get it from {source.home}"
        )
        raise BenchmarkError(msg)
    if path.is_file():
        refuse_pickle(path)
        return (path,)
    found = sorted(
        one
        for one in path.rglob("*")
        if one.suffix.lower() in SUFFIXES
        and one.name not in _NO_TABLES
        and one.is_file()
        and not any(part.startswith(".") for part in one.relative_to(path).parts)
    )
    patterns = (source.subset_files[subset],) if subset in source.subset_files else source.files
    for pattern in patterns:
        fitting = tuple(
            one for one in found if re.search(pattern, one.relative_to(path).as_posix())
        )
        if fitting:
            return fitting
    if found and not patterns:
        return tuple(found)
    shown = ", ".join(one.name for one in found[:5]) or "no table at all"
    wanted = ", ".join(patterns) or ", ".join(SUFFIXES)
    msg = (
        f"no table of {source.title} in {str(path)!r} (names like {wanted}), found {shown}: name "
        f"the file itself, or get the set from {source.home}"
    )
    raise BenchmarkError(msg)


def read_set(
    source: Source,
    tables: Sequence[Path],
    *,
    put: Put | None,
    root: Path,
    subset: str = "",
    images: Path | None = None,
    password: str | None = None,
    wanted: Callable[[str, str], bool] | None = None,
    limit: int | None = None,
    on_row: Callable[[int], None] | None = None,
) -> SetRead:
    """Read tables of a benchmark.

    Args:
        source: which one.
        tables: in order, see `tables_of`.
        put: takes each picture; None: tasks are only counted, they have no pictures.
        root: folder of the set; pictures that rows name are looked for in it.
        subset: of the source; empty: all.
        images: one more folder of pictures.
        password: of encrypted text; None: the published one.
        wanted: whether (config, source id) belongs to a manifest; the others are skipped unread.
        limit: tasks of each config at most, the first ones; None: all.
        on_row: called with the number of rows so far.

    Raises:
        BenchmarkError: no such subset, missing columns, a wrong password.
    """
    if subset and subset not in source.subsets:
        known = ", ".join(source.subsets) or "none"
        msg = f"{source.name} has no subset {subset!r}: known are {known}"
        raise BenchmarkError(msg)
    reading = _Reading(
        found=SetRead(source=source),
        put=put,
        roots=_roots(root, images),
        subset=subset,
        password=password,
        wanted=wanted,
        limit=limit,
    )
    num_rows = 0
    for table in tables:
        for number, row in enumerate(table_rows(table)):
            num_rows += 1
            if on_row is not None:
                on_row(num_rows)
            reading.take(row, table=table, number=number)
            if reading.has_enough:
                return reading.found
    if not num_rows:
        msg = f"{source.title} in {str(root)!r} holds no rows: get it again from {source.home}"
        raise BenchmarkError(msg)
    return reading.found


def _roots(root: Path, images: Path | None) -> tuple[Path, ...]:
    """Folders of pictures, the user's first."""
    home = root if root.is_dir() else root.parent
    return tuple(dict.fromkeys([*([images] if images else []), home]))


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A set while it is read."""

    found: SetRead
    put: Put | None
    roots: tuple[Path, ...]
    subset: str
    password: str | None
    wanted: Callable[[str, str], bool] | None
    limit: int | None
    counts: Counter[str] = field(default_factory=Counter)
    """Tasks by config."""
    refs: dict[str, str] = field(default_factory=dict)
    """Refs that were given, and the place of each."""
    has_columns: bool = False
    has_opened: bool = False
    """A question was read: the password is right."""
    files_by_name: dict[str, list[Path]] | None = None

    @property
    def has_enough(self) -> bool:
        """Whether no further row can give a task."""
        configs = self.found.source.configs(self.subset)
        return bool(configs) and all(self.is_full(config) for config in configs)

    def is_full(self, config: str) -> bool:
        """Whether the limit of a config is reached."""
        return self.limit is not None and self.counts[config] >= self.limit

    def wants(self, config: str) -> bool:
        """Whether tasks of a config are still to be made."""
        configs = self.found.source.subsets.get(self.subset, ())
        return (not configs or config in configs) and not self.is_full(config)

    def take(self, row: TableRow | BadRowError, *, table: Path, number: int) -> None:
        """Make the tasks of a row, or note why there is none."""
        place = f"{table.name} row {number}"
        if isinstance(row, BadRowError):
            self._reject(place, row.reason, row.detail)
            return
        self._need_columns(row, table=table)
        here = _RowPlace(reading=self, file=table, number=number)
        try:
            drafts = self.found.source.drafts(row, here)
        except BadRowError as bad:
            if bad.reason == WRONG and not self.has_opened:
                raise self._wrong_password(bad, place=place) from bad
            self._reject(place, bad.reason, bad.detail)
            return
        except MissingPictureError as bad:
            self._reject(place, "missing_image", str(bad))
            return
        except BadImageError as bad:
            self._reject(place, "bad_image", str(bad))
            return
        self.has_opened = True
        for draft in drafts:
            is_named = self.wanted is None or self.wanted(draft.config, draft.source_id)
            if is_named and self.wants(draft.config):
                self._add(draft, row, place=place, table=table, number=number)

    def _add(self, draft: Draft, row: TableRow, *, place: str, table: Path, number: int) -> None:
        source = self.found.source
        ref = draft.whole.ref if draft.whole else f"{source.name}/{draft.config}/{draft.source_id}"
        if ref in self.refs:
            detail = f"{ref} stands in {self.refs[ref]} already: give each row an id of its own"
            self._reject(place, "duplicate_id", detail, is_shown=True)
            return
        self.refs[ref] = place
        try:
            images = tuple(self.put(data) for data in draft.pictures) if self.put else ()
        except BadImageError as bad:
            self._reject(place, "bad_image", str(bad))
            return
        try:
            task = draft.whole or self._task(
                draft, row, images=images, ref=ref, table=table, number=number
            )
        except ValidationError as bad:
            self._reject(place, "bad_row", str(bad.errors()[0]["msg"]))
            return
        if self.put and task.images != images:
            self._reject(place, "bad_image", "the pictures are not those the task names")
            return
        self.found.tasks.append(task)
        self.counts[draft.config] += 1
        self.found.num_pictures += len(images)
        mark = RowMark(config=draft.config, source_id=draft.source_id, sha256=row_hash(draft))
        self.found.marks.append(mark)

    def _task(
        self,
        draft: Draft,
        row: TableRow,
        *,
        images: tuple[ImageRef, ...],
        ref: str,
        table: Path,
        number: int,
    ) -> Task:
        source, gold = self.found.source, draft.gold
        # What is written out of a protected task is its ref and its strata: they must not tell it.
        kind = {} if draft.is_protected else {"answer": kind_of_answer(gold)}
        return Task(
            id=fingerprint(ref=ref, question=draft.question, images=images, gold=gold),
            ref=ref,
            kind="benchmark",
            question=draft.question,
            images=images,
            gold=gold,
            strata={**draft.strata, **kind, "has_image": "yes" if images else "no"},
            cluster=draft.cluster or (images[0].sha256 if images else None),
            as_of=draft.as_of,
            protected=draft.is_protected,
            canary=draft.canary,
            licence=draft.licence or source.licence,
            provenance={
                "set": source.name,
                "config": draft.config,
                "file": table.name,
                "row": str(number),
            },
            extra={**_left_over(row, source=source), **draft.extra},
        )

    def _reject(self, place: str, reason: str, detail: str, *, is_shown: bool = False) -> None:
        if self.found.source.protects and not is_shown and reason not in {WRONG, "missing_image"}:
            detail = _HIDDEN
        self.found.rejects.append(Rejected(place=place, reason=reason, detail=detail))

    def _need_columns(self, row: TableRow, *, table: Path) -> None:
        """See that a table is one of this benchmark, by its first row."""
        if self.has_columns:
            return
        source = self.found.source
        missing = [group for group in source.columns if not set(group) & set(row)]
        if missing:
            wanted = ", ".join(" or ".join(group) for group in missing)
            shown = ", ".join(list(map(str, row))[:20])
            msg = (
                f"{table.name} is no table of {source.title}: {wanted} is missing, it has {shown}. "
                f"Get it from {source.home}, or rename the columns (`vdr eval sets {source.name}`)"
            )
            raise MissingColumnsError(msg)
        self.has_columns = True

    def _wrong_password(self, bad: BadRowError, *, place: str) -> WrongPasswordError:
        name = self.found.source.name
        return WrongPasswordError(
            f"the first question of {name} ({place}) does not open: {bad.detail}. Leave --password "
            f"out for the published one, or see `vdr eval sets {name}`"
        )

    # ------------------------------------------------------------------------------------ pictures

    def file_named(self, names: Sequence[str], *, beside: Path) -> Path | None:
        """A picture file of one of these names: where the user says, beside the table, or below.

        Raises:
            MissingPictureError: several files below are called so, in different folders.
        """
        for root in (*self.roots[:-1], beside, self.roots[-1]):
            for name in names:
                for ending in _ENDINGS:
                    inside = _inside(root, f"{name}{ending}")
                    if inside is not None:
                        return inside
        for name in names:
            for ending in _ENDINGS:
                found = self._below.get(f"{Path(name).name}{ending}", ())
                if len(found) > 1:
                    told = ", ".join(str(one) for one in found[:3])
                    msg = f"several pictures are called so ({told}): name one folder with --images"
                    raise MissingPictureError(msg)
                if found:
                    return found[0]
        return None

    @property
    def _below(self) -> Mapping[str, Sequence[Path]]:
        """All pictures of the folders by their names."""
        if self.files_by_name is None:
            self.files_by_name = {}
            for path in sorted({path for root in self.roots for path in root.rglob("*")}):
                if path.suffix.lower() in _PICTURES and path.is_file():
                    self.files_by_name.setdefault(path.name, []).append(path)
        return self.files_by_name


def _inside(root: Path, name: str) -> Path | None:
    """A file of the folder; None for another one: a table must not name any file of this machine.

    Links count as where they stand: downloads of Hugging Face are folders of links.
    """
    told = Path(name)
    if told.is_absolute() or ".." in told.parts:
        return None
    try:
        path = root / told
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None


def _left_over(row: TableRow, *, source: Source) -> dict[str, JsonValue]:
    """Columns that the loader does not name, where they are short texts or numbers."""
    known = {name for group in source.columns for name in group}
    return {
        str(name): value
        for name, value in row.items()
        if name not in known
        and isinstance(value, str | int | float | bool)
        and (not isinstance(value, str) or len(value) <= _MAX_EXTRA)
        and _is_storable(value)
    }


def _is_storable(value: str | float) -> bool:
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    if not isinstance(value, str):
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowPlace:
    """The `Place` of a row of a table on disk."""

    reading: _Reading
    file: Path
    number: int

    @property
    def variant(self) -> str:
        return self.reading.subset

    @property
    def password(self) -> str | None:
        return self.reading.password

    def wants(self, config: str) -> bool:
        return self.reading.wants(config)

    def pictures(self, cell: object) -> tuple[bytes, ...]:
        found: list[bytes] = []
        for one in _several(as_json(cell)):
            name = _name_told(one)
            if name:
                found.append(self.named(*_spellings(name)))
            elif one is not None and one != "":
                found += cell_pictures(one)
        return tuple(found)

    def named(self, *names: str) -> bytes:
        path = self.reading.file_named([name for name in names if name], beside=self.file.parent)
        if path is None:
            shown = names[0] if names else ""
            where = " or ".join(str(root) for root in self.reading.roots)
            msg = (
                f"there is no picture {shown[:120]!r} in {where}: download the set's pictures, or "
                "name their folder with --images"
            )
            raise MissingPictureError(msg)
        try:
            return load_given(path)
        except ConfigError as bad:  # of one file: the other rows are read
            raise BadImageError(str(bad)) from bad


def _several(told: object) -> Sequence[object]:
    """The pictures of a cell; numbers are the bytes of one."""
    if isinstance(told, list) and not (told and isinstance(told[0], int | float)):
        return told
    return (told,)


def _name_told(one: object) -> str:
    """The name or address of a picture that is not in the cell itself; "" where it is."""
    if isinstance(one, Mapping):
        if any(one.get(key) for key in ("bytes", "data", "base64")):
            return ""
        told = next((one[key] for key in ("path", "filename", "file_name") if one.get(key)), "")
        return told if isinstance(told, str) else ""
    if not isinstance(one, str) or one.startswith("data:") or len(one) > 1024:
        return ""
    is_address = one.startswith(("http://", "https://"))
    has_ending = Path(one).suffix.lower() in _PICTURES
    return one if is_address or has_ending else ""


def _spellings(name: str) -> tuple[str, ...]:
    """A name as it may stand on disk: an address as it was fetched, or by the end of its path."""
    if not name.startswith(("http://", "https://")):
        plain = name.removeprefix("file://")
        return (plain, Path(plain).name)
    path = unquote(urlsplit(name).path)
    return (name_of_address(name), path.lstrip("/"), Path(path).name)
