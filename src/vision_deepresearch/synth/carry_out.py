"""Puts one record through a stage and says in words what became of it: the one place that does.

Whatever a record provokes costs that record only. What the outside does is kept apart: such a
record is tried again by the same command. A full disk stops everything.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import JsonValue

from vision_deepresearch.core.context import Budget, CallContext, current_context
from vision_deepresearch.core.errors import (
    BadImageError,
    BoundaryError,
    BudgetExceededError,
    FailureKind,
    RunStoppingError,
    in_words,
    stops_the_run,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.synth.stage import EachStage, Item, Rejected

_OF_THE_RECORD = frozenset({
    FailureKind.REFUSED,
    FailureKind.BAD_REPLY,
    FailureKind.BAD_REQUEST,
    FailureKind.TOO_LARGE,
    FailureKind.BAD_IMAGE,
    FailureKind.BAD_ARGS,
})
"""Failures that the same record would meet again."""


class Done(Record):
    """What became of one record."""

    reason: str = ""
    """Why it was rejected; empty: kept."""
    detail: str = ""
    made: tuple[JsonValue, ...] = ()
    """Records that came out."""
    outage: str = ""
    """What the outside did, in words: nothing was decided, the record is to be tried again."""
    is_settled: bool = False
    """Of an outage: no record will fare better before somebody mends a setting."""
    seconds: float = 0.0
    cost_usd: float | None = 0.0


async def carry_out(stage: EachStage, record: Item, *, budget: Budget) -> Done:
    """Put a record through a stage.

    Args:
        stage: what to do.
        record: of the type the stage takes.
        budget: what this record may spend; says afterwards what it did.

    Raises:
        RunStoppingError: the run cannot go on.
        OSError: the disk is full or broken.
        ExceptionGroup: one of these, met by a tool.
    """
    started = time.monotonic()
    key = f"{stage.name}/{fingerprint(record)[:32]}"
    context = CallContext(task_id=key, trajectory_id=key, budget=budget)
    token = current_context.set(context)  # where metered worlds and recorders look
    try:
        made = await _made(stage, record, context)
    finally:
        current_context.reset(token)
    return made.model_copy(
        update={
            "seconds": round(time.monotonic() - started, 4),
            "cost_usd": None if budget.has_unknown_cost else budget.spent_usd,
        }
    )


async def _made(stage: EachStage, record: Item, context: CallContext) -> Done:
    try:
        outcome = await stage.apply(record, context)
    except (asyncio.CancelledError, RunStoppingError):
        raise
    except BadImageError as reason:
        return Done(reason="bad_image", detail=str(reason))
    except BudgetExceededError as reason:
        return Done(outage=f"{reason}: raise --budget-usd", is_settled=True)
    except BoundaryError as reason:
        if reason.kind in _OF_THE_RECORD:
            return Done(reason=reason.kind.value, detail=str(reason))
        return Done(outage=str(reason), is_settled=reason.kind.is_settled)
    except Exception as bug:
        if stops_the_run(bug):
            raise
        return Done(reason="bug", detail=in_words(bug))
    if isinstance(outcome, Rejected):
        return Done(reason=outcome.reason, detail=outcome.detail)
    return Done(made=tuple(one.model_dump(mode="json") for one in outcome.records))


class LocalExecutor:
    """Carries out stages in this process, some records at a time. An `Executor`."""

    def __init__(self, stages: Sequence[EachStage]) -> None:
        self._stages: Mapping[str, EachStage] = {stage.name: stage for stage in stages}

    async def run(
        self, stage: str, records: Sequence[JsonValue], *, cap_usd: float | None
    ) -> AsyncIterator[tuple[int, JsonValue]]:
        """See `Executor`. Records begun at the same time may together overrun the cap."""
        known = self._stages[stage]
        todo = iter(enumerate(records))
        ready: asyncio.Queue[tuple[int, Done] | BaseException | None] = asyncio.Queue()
        spent = 0.0

        async def worker() -> None:
            nonlocal spent
            for position, raw in todo:
                if cap_usd is not None and spent >= cap_usd:
                    return
                budget = Budget(max_usd=None if cap_usd is None else cap_usd - spent)
                done = await carry_out(known, known.takes.model_validate(raw), budget=budget)
                spent += done.cost_usd or 0.0
                ready.put_nowait((position, done))
                if done.is_settled:
                    return

        async def all_workers() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(known.concurrency, len(records))):
                        group.create_task(worker())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                ready.put_nowait(error)
            ready.put_nowait(None)

        crew = asyncio.create_task(all_workers())
        try:
            while (one := await ready.get()) is not None:
                if isinstance(one, BaseException):
                    raise one
                position, done = one
                yield position, done.model_dump(mode="json")
        finally:
            crew.cancel()
            await asyncio.wait([crew])
