"""What one row of a benchmark says, before its pictures are stored; and what a source is.

    row of a table -> drafts (a loader, pure) -> tasks (reading: pictures stored, ids made)

A loader takes a row and gives one draft, or several where a row holds several questions. It raises
`BadRowError` for a row that cannot be taken and touches neither disk nor network: pictures come
from the row itself or through `Place.picture`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Gold, Task
from vision_deepresearch.store.tables import TableRow


class BenchmarkError(ConfigError):
    """A set cannot be read as what it was called; the message says what to do."""


class MissingColumnsError(BenchmarkError):
    """A table without the columns of its benchmark."""


class WrongPasswordError(BenchmarkError):
    """Encrypted text that the password does not open."""


class SubsetMismatchError(BenchmarkError):
    """Another number of rows, or another content, than the manifest of a subset says."""


class MissingPictureError(ValueError):
    """A picture that a row names and that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One question."""

    config: str
    """Part of the source, for example "level1": a set of its own in results."""
    source_id: str
    """The source's own name of it, unique within `config`."""
    question: str
    """Pristine: no image prefix, path, choices, date or instruction."""
    gold: Gold
    pictures: tuple[bytes, ...] = ()
    """Encoded, in order."""
    strata: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    """What it depends on; None: its first picture."""
    as_of: str | None = None
    is_protected: bool = False
    canary: str | None = None
    licence: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    whole: Task | None = None
    """A task that is kept as it is, its id and ref included; None: one is made of the above."""


class Place(Protocol):
    """Where a row comes from, and the way to pictures it only names."""

    @property
    def file(self) -> Path:
        """The table."""
        ...

    @property
    def number(self) -> int:
        """Of the row in its table, from 0."""
        ...

    @property
    def variant(self) -> str:
        """The subset that was asked for; empty: none."""
        ...

    @property
    def password(self) -> str | None:
        """Given by the user; None: the published one."""
        ...

    def wants(self, config: str) -> bool:
        """Whether questions of a config are asked for: others need not be made."""
        ...

    def pictures(self, cell: object) -> tuple[bytes, ...]:
        """All pictures of a cell in any known form; names are looked up beside the table.

        Raises:
            MissingPictureError: a name or an address without a file here.
            BadImageError: no picture in any known form.
        """
        ...

    def named(self, *names: str) -> bytes:
        """The first file here of one of these names, with or without an ending.

        Raises:
            MissingPictureError: there is none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A benchmark: what its table looks like, where to get it, how a row is read."""

    name: str
    """As in `--benchmark NAME=PATH`."""
    title: str
    columns: tuple[tuple[str, ...], ...]
    """Needed; of each group one."""
    drafts: Callable[[TableRow, Place], Sequence[Draft]]
    sizes: Mapping[str, int]
    """Questions of a complete copy, by config."""
    home: str
    """Where it is published."""
    licence: str
    subsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that may stand behind the path, and which configs each gives; a variant gives itself."""
    defaults: tuple[str, ...] = ()
    """Configs that a copy gives where no subset is named; none: all of `sizes`."""
    files: tuple[str, ...] = ()
    """Patterns of its tables' names in a folder, the first that fits; none: every table."""
    subset_files: Mapping[str, str] = field(default_factory=dict)
    """Patterns of the tables of a subset alone."""
    addresses: Callable[[TableRow], Sequence[str]] | None = None
    """Of a row: addresses of its pictures, where the set names them by those; None: it does not."""
    protects: frozenset[str] = frozenset()
    """Configs whose text must not lie on a disk in plain."""
    notes: str = ""
    """What a user should know before the figures are compared with others."""

    def configs(self, subset: str) -> tuple[str, ...]:
        """The configs of a subset; empty: those of a copy that is read without one."""
        return self.subsets.get(subset) or self.defaults or tuple(self.sizes)

    def protects_any(self, subset: str) -> bool:
        """Whether a subset may hold protected questions; empty: the whole set."""
        if not self.protects:
            return False
        configs = self.subsets.get(subset, ())
        return not configs or bool(self.protects & set(configs))
