"""A stage of the data factory: records in, records out, rejects with their reason.

A stage takes one record at a time (`EachStage`) or, where records have to be compared with each
other, all of them (`WholeStage`). It is a value: a name, a version, a config and a function.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from pydantic import Field

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.record import Record


class Item(Record):
    """A record that travels through stages."""

    id: str = Field(min_length=1)
    """Unique among the records of a stage; what is made of a record derives its id from it."""


InT = TypeVar("InT", bound=Item)
OutT = TypeVar("OutT", bound=Item)


@dataclass(frozen=True, slots=True)
class Kept(Generic[OutT]):
    """The record goes on as these, one or several."""

    records: tuple[OutT, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The record ends here."""

    reason: str
    """One word, for counting, for example "too_small"."""
    detail: str = ""
    """What was found, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a stage is likely to do with a record, for the estimate before a run."""

    kept: float = 1.0
    """Records out per record in."""
    calls: Mapping[SpendKind, float] = field(default_factory=dict)
    """Calls to the outside per record in."""
    prompt_tokens: float = 0.0
    """Per model call."""
    completion_tokens: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A stage before anything is opened: what an estimate needs of it."""

    name: str
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class EachStage:
    """Takes one record at a time. Made by `each_stage`."""

    name: str
    """Unique in a pipeline, a verb and its object, for example "find_entities"."""
    version: int
    """Raised when the function would make something else of the same record."""
    takes: type[Item]
    gives: type[Item]
    apply: Callable[[Item, CallContext], Awaitable[Kept[Item] | Rejected]]
    config: Record | None
    """What else decides what comes out."""
    concurrency: int
    """Records at a time."""
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeStage:
    """Takes all records at once. Made by `whole_stage`."""

    name: str
    version: int
    takes: type[Item]
    gives: type[Item]
    apply: Callable[[Sequence[Item]], Sequence[Kept[Item] | Rejected]]
    """What becomes of each, in their order."""
    config: Record | None
    expected: Expected


Stage: TypeAlias = EachStage | WholeStage


def each_stage(
    apply: Callable[[InT, CallContext], Awaitable[Kept[OutT] | Rejected]],
    *,
    name: str,
    takes: type[InT],
    gives: type[OutT],
    version: int = 1,
    config: Record | None = None,
    concurrency: int = 4,
    expected: Expected | None = None,
) -> EachStage:
    """A stage that takes one record at a time.

    Args:
        apply: what becomes of a record. May raise what the outside raises: the record is then
            tried again by the same command. Of anything else it raises, the record is rejected.
        name: unique in a pipeline.
        takes: type of the records in.
        gives: type of the records out.
        version: raised when `apply` would make something else of the same record.
        config: what else decides what comes out.
        concurrency: records at a time.
        expected: for the estimate before a run.
    """

    async def checked(record: Item, context: CallContext) -> Kept[Item] | Rejected:
        assert isinstance(record, takes), f"{name} takes {takes.__name__}, got {type(record)}"
        outcome = await apply(record, context)
        return outcome if isinstance(outcome, Rejected) else Kept(outcome.records)

    return EachStage(
        name=name,
        version=version,
        takes=takes,
        gives=gives,
        apply=checked,
        config=config,
        concurrency=concurrency,
        expected=expected or Expected(),
    )


def whole_stage(
    apply: Callable[[Sequence[InT]], Sequence[Kept[OutT] | Rejected]],
    *,
    name: str,
    takes: type[InT],
    gives: type[OutT],
    version: int = 1,
    config: Record | None = None,
    expected: Expected | None = None,
) -> WholeStage:
    """A stage that takes all records at once.

    Args:
        apply: what becomes of each record, in their order; pure, and quick enough to do again.
        name: unique in a pipeline.
        takes: type of the records in.
        gives: type of the records out.
        version: raised when `apply` would decide otherwise on the same records.
        config: what else decides what comes out.
        expected: for the estimate before a run.
    """

    def checked(records: Sequence[Item]) -> list[Kept[Item] | Rejected]:
        typed = [record for record in records if isinstance(record, takes)]
        assert len(typed) == len(records), f"{name} takes {takes.__name__}"
        return [one if isinstance(one, Rejected) else Kept(one.records) for one in apply(typed)]

    return WholeStage(
        name=name,
        version=version,
        takes=takes,
        gives=gives,
        apply=checked,
        config=config,
        expected=expected or Expected(),
    )
